from __future__ import annotations

from dataclasses import replace

import pytest

import livewave.bench
from livewave import ConfigError, ModelFileError
from livewave.bench import (
    BLOCKS, LEAST_BLOCKS, SHAPES, WARM_SAMPLES, Player, Row, bench, load_models, model_of_shape, table, take_turns,
    usual_models,
)
from livewave.render.modelfile import SHIPPED
from livewave.render.native import PRECISIONS, isas
from livewave.render.wavenet import check_weights
from tests.toys import tiny_model, tiny_model_file


def test_a_shape_is_a_net_of_random_weights():
    model = model_of_shape("6,10,12,13")
    spec = model.spec
    assert (spec.residual_channels, spec.skip_channels, spec.out_channels, spec.layers) == (6, 10, 12, 13)
    assert spec.dilations == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1, 2, 4)
    assert "6,10,12,13" in model.name
    check_weights(spec, model.weights)


@pytest.mark.parametrize("text", ["", "64", "64,128,256", "64,128,256,20,1", "a,b,c,d", "64,128,256,", "0,1,1,1",
                                  "64,128,256,0", "64,128,256,-3", "1.5,1,1,1", "9999,1,1,1"])
def test_any_other_shape_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r"64,128,256,20") as caught:
        model_of_shape(text)
    assert repr(text) in str(caught.value) and "int()" not in str(caught.value) and "unpack" not in str(caught.value)


def test_every_instruction_set_and_precision_of_the_native_engine_has_a_row_and_the_best_comes_last(monkeypatch):
    monkeypatch.delenv("LIVEWAVE_ISA", raising=False)
    rows = list(bench([tiny_model()], ["native"], blocks=32, seconds=0.01))
    assert [(row.engine, row.isa, row.precision) for row in rows] == [
        ("native", isa, precision) for isa in isas() for precision in reversed(PRECISIONS)]
    assert {row.model for row in rows} == {"tiny"}


def test_an_instruction_set_that_is_asked_for_is_the_only_one_measured(monkeypatch):
    monkeypatch.setenv("LIVEWAVE_ISA", isas()[0])
    assert {row.isa for row in bench([tiny_model()], ["native"], blocks=32, seconds=0.01)} == {isas()[0]}


def test_an_instruction_set_that_is_not_here_is_an_error(monkeypatch):
    monkeypatch.setenv("LIVEWAVE_ISA", "warp")
    with pytest.raises(ConfigError, match=f"LIVEWAVE_ISA is 'warp'.*{isas()[-1]}"):
        list(bench([tiny_model()], ["native"], blocks=32, seconds=0.01))


def test_every_model_has_its_rows_in_order(tmp_path):
    model = load_models([str(tiny_model_file(tmp_path))])[0]
    rows = list(bench([model, model_of_shape("4,4,4,2")], ["onnx", "reference"], blocks=8, seconds=0.01))
    assert [(row.engine, row.model) for row in rows] == [("onnx", "tiny"), ("reference", "tiny"),
                                                         ("reference", "random 4,4,4,2")]


def test_an_engine_that_cannot_open_a_model_is_left_out_and_says_why():
    reasons = []  # the model is made here: there is no graph to run
    assert list(bench([tiny_model()], ["onnx"], blocks=8, seconds=0.01, left_out=reasons.append)) == []
    assert len(reasons) == 1 and reasons[0].startswith("onnx: ") and "model file" in reasons[0]


def test_every_size_of_block_has_a_row():
    rows = list(bench([tiny_model()], ["reference"], blocks=[4, 16], seconds=0.02))
    assert [row.block for row in rows] == [4, 16]


def test_the_figures_of_a_row_fit_together():
    models = [model_of_shape("8,8,8,4"), tiny_model(model_rate_hz=48_000)]
    for row in bench(models, ["reference"], [16, 32], seconds=1.0):
        rate_hz = 48_000 if row.model == "tiny" else 16_000
        assert 0.0 < row.p50_ms <= row.p99_ms <= row.max_ms
        assert row.us_per_sample == pytest.approx(1e3 * row.p50_ms / row.block, rel=0.01)
        assert row.real_time_factor == pytest.approx(1e6 / rate_hz / row.us_per_sample, rel=0.01)
        assert row.shape == ("8/12/10, 4" if row.model == "tiny" else "8/8/8, 4")


class Clock:
    """Stands still but for `pass_s`."""

    def __init__(self, monkeypatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr(livewave.bench.time, "perf_counter", lambda: self.now_s)

    def player(self, sample_s: float, log: list, **about) -> Player:
        """Takes `sample_s` for each sample but for those that only warm it up."""

        def play(samples: int) -> None:
            self.now_s += 0.0 if samples == WARM_SAMPLES else samples * sample_s
            log.append((sample_s, samples))

        return Player("toy", play, lambda: None, **about)


def test_each_block_is_timed_alone_and_after_a_warm_up(monkeypatch):
    log = []
    (timing,) = take_turns([Clock(monkeypatch).player(0.001, log)], [1, 3], 0.5)
    assert set(timing.block_ms) == {1, 3}
    for block, took_ms in timing.block_ms.items():
        assert took_ms == pytest.approx([block * 1.0] * len(took_ms))
    assert log[0] == (0.001, WARM_SAMPLES)


def test_players_take_turns_until_each_had_its_time(monkeypatch):
    log, clock = [], Clock(monkeypatch)
    quick, slow = clock.player(0.001, log), clock.player(0.004, log)
    timings = take_turns([quick, slow], [1], 1.0)
    assert [sum(timing.block_ms[1]) for timing in timings] == pytest.approx([1000.0, 1000.0], rel=0.05)
    turns = [speed for speed, samples in log if samples == WARM_SAMPLES]
    assert len(turns) > 20 and turns[:10] == [0.001, 0.004] * 5


def test_a_block_that_takes_longer_than_all_the_time_there_is_is_played_once(monkeypatch):
    (timing,) = take_turns([Clock(monkeypatch).player(1.0, [])], [64], 0.1)
    assert timing.block_ms == {64: [64_000.0]}


def test_a_slow_engine_has_more_time_so_that_each_size_has_blocks_enough_for_a_p99(monkeypatch):
    """Blocks of 30 and 50 ms in turn: about 13 of each fill a second, and 20 need 1.6."""
    (timing,) = take_turns([Clock(monkeypatch).player(0.001, [])], [30, 50], 1.0)
    assert min(len(took_ms) for took_ms in timing.block_ms.values()) == LEAST_BLOCKS


def test_but_not_more_than_three_times_as_much_and_then_no_p99_is_told(monkeypatch):
    player = Clock(monkeypatch).player(0.100, [])
    monkeypatch.setattr(livewave.bench, "_open_all", lambda *_: iter([player]))
    (row,) = bench([tiny_model()], ["toy"], [3], 1.0)
    assert row.p99_ms is None and row.max_ms == pytest.approx(300.0)
    assert " - " in table([row])[2]


def test_the_share_of_the_memorys_limit_is_the_time_of_reading_over_the_time_of_playing(monkeypatch):
    """At 1000 bytes a second 30 bytes take 30 ms; a sample takes 40 ms."""
    clock = Clock(monkeypatch)
    player = clock.player(0.040, [], weight_bytes=30, bandwidth=lambda seconds: 1000.0)
    monkeypatch.setattr(livewave.bench, "_open_all", lambda *_: iter([player]))
    for row in bench([tiny_model()], ["toy"], [1, 4], 1.0):
        assert (row.weight_bytes, row.bandwidth_fraction) == (30, 0.75)


def test_an_engine_that_does_not_tell_its_bytes_has_no_share():
    (row,) = bench([tiny_model()], ["reference"], 4, 0.01)
    assert row.weight_bytes is None and row.bandwidth_fraction is None


def test_the_native_engines_bytes_and_their_share_are_told():
    (row, *_) = bench([tiny_model()], ["native"], 16, 0.01)
    assert row.weight_bytes > 0 and row.bandwidth_fraction > 0.0


def test_progress_rises_to_the_end():
    told = []
    list(bench([tiny_model()], ["reference"], 4, 0.05, progress=told.append))
    assert told == sorted(told) and 0.0 < told[0] and told[-1] == 1.0


def test_the_usual_models_hold_what_ships_the_shapes_and_one_of_48_khz():
    names = [model.name for model in usual_models()]
    assert "flute" in names and [f"random {shape}" for shape in SHAPES] == names[-len(SHAPES) - 1 : -1]
    spec = usual_models()[-1].spec
    assert (spec.model_rate_hz, spec.output, spec.mixtures, spec.layers, spec.residual_channels) == (
        48_000, "logistic", 10, 30, 32)


def test_what_is_as_quick_as_another_is_not_measured_again(tmp_path, monkeypatch):
    for name in ("aflute", "zflute"):
        (tmp_path / f"{name}.onnx").write_bytes((SHIPPED / "flute.onnx").read_bytes())
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(tmp_path))
    names = [model.name for model in usual_models()]
    assert names[0] == "flute" and not {"aflute", "zflute"} & set(names)


def test_the_table_has_a_head_for_each_model_and_a_line_for_each_way_to_play_it():
    row = Row("native", "v3", "tiny", "8/12/10, 4", 16, 9.5, 6.5, 0.152, 0.2, 0.3, "bf16", 1, 2048, 0.25)
    rows = [row, replace(row, block=64, us_per_sample=8.75, p99_ms=0.777), replace(row, engine="cuda", voices=64)]
    title, head, native, cuda, _ = table(rows)
    assert "tiny (8/12/10, 4)" in title and "us/sample of blocks of 64" in title
    assert head.split() == "engine us/sample x real time p50 p99 max ms of 16 p50 p99 max ms of 64 KiB limit".split()
    for words in ("native v3 bf16", "8.75", "0.200", "0.777", " 2", "25 %"):
        assert words in native
    assert "9.50" not in native and "64 voices" in cuda


def test_the_table_of_the_usual_blocks_fits_a_terminal_of_120_columns():
    long = Row("native", "baseline", "random 48 kHz, logistic", "32/64/128, 30", 16, 9999.99, 99999.99, 9999.9, 9999.9,
               9999.9, "bf16", 1, 10**7, 1.5)
    lines = table([replace(long, block=block) for block in BLOCKS])
    assert max(map(len, lines)) <= 120
    assert len(lines[2].split()) == 3 + 2 + 3 * len(BLOCKS) + 3  # nothing runs into its neighbour


def test_a_net_that_is_named_by_its_shape_says_it_once():
    row = Row("native", "v3", "random 64,128,256,20", "64/128/256, 20", 16, 9.5, 6.5, 0.152, 0.2, 0.3)
    assert table([row])[0].startswith("random 64,128,256,20: ")


def test_a_model_that_is_missing_is_named():
    with pytest.raises(ModelFileError, match="nowhere"):
        load_models(["nowhere"])
