"""What "auto" takes: the fastest accurate one, measured once for a machine and a model, remembered, never trusted."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from livewave import EngineUnavailable
from livewave.render import choice, native
from livewave.render.choice import Choice, cache_file, identity, recall, remember
from livewave.render.engine import AUTO, ENGINES, open_engine
from livewave.render.modelfile import load_model
from livewave.render.native import isas
from tests.toys import ToyEngine, tiny_model, tiny_model_file

MODEL = tiny_model()
BLOCK = (np.zeros((1, 128), np.uint8), np.zeros(4, np.float32), np.zeros(4, np.float32))
FOUND = Choice("native", "bf16", isas()[-1], 8.5, 0.002)
KEY = "0" * 64


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The file of choices of a user who has none yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LIVEWAVE_ISA", raising=False)
    return tmp_path / "cache" / "livewave" / "engines.json"


class Quick(ToyEngine):
    """An engine that can be told apart, and knows whether it was closed."""

    def __init__(self, name: str, opened: list[Quick]) -> None:
        super().__init__()
        self.name, self.closed = name, False
        opened.append(self)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def stage(monkeypatch) -> SimpleNamespace:
    """A machine of our making: `speeds_us` by engine or precision, `costs` in nats by precision, `opened` engines."""
    speeds_us = {"int8": 5.0, "bf16": 7.0, "f32": 12.0, "cuda": 20.0, "onnx": 160.0}
    made = SimpleNamespace(speeds_us=speeds_us, costs={}, opened=[], measured=0)

    def speed(engine, blocks):
        made.measured += 1
        return made.speeds_us[engine.precision if engine.name == "native" else engine.name]

    def cost(model, precision, isa):
        return made.costs.get(precision, 0.0)

    monkeypatch.setattr(choice, "time_per_sample", speed)
    monkeypatch.setattr(native, "quantisation_cost", cost)
    for name in ("cuda", "onnx"):
        monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], needs="numpy", obstacle=lambda: None,
                                                   load=lambda name=name: lambda model: Quick(name, made.opened)))
    return made


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], needs="nothing_of_this_name"))


def test_the_fastest_is_taken(stage):
    engine = open_engine("auto", MODEL)
    assert (engine.name, engine.precision, engine.isa) == ("native", "int8", isas()[-1])
    assert [(quick.name, quick.closed) for quick in stage.opened] == [("cuda", True)]


def test_another_engine_is_taken_where_it_is_faster(stage):
    stage.speeds_us["cuda"] = 1.0
    engine = open_engine("auto", MODEL)
    assert engine.name == "cuda" and not engine.closed
    assert engine.resets == 1  # after it was measured


def test_onnx_runtime_is_not_even_loaded_where_another_engine_opens(stage, monkeypatch):
    stage.speeds_us["onnx"] = 1.0
    assert open_engine("auto", MODEL).name == "native"
    monkeypatch.setattr(choice, "_native", lambda: None)
    without(monkeypatch, "native")
    without(monkeypatch, "cuda")
    assert open_engine("auto", tiny_model(skip_channels=14)).name == "onnx"


def test_noise_does_not_decide_between_engines_that_are_alike(stage):
    stage.speeds_us["bf16"] = stage.speeds_us["int8"] / 1.05
    assert open_engine("auto", MODEL).precision == "int8"
    stage.speeds_us["bf16"] = stage.speeds_us["int8"] / 1.2
    assert open_engine("auto", tiny_model(skip_channels=14)).precision == "bf16"


def test_a_remembered_engine_that_does_not_keep_up_is_not_believed(stage, cache):
    remember(cache, identity(MODEL), Choice("onnx", "", "", 1.0, None))
    assert open_engine("auto", MODEL).name == "native"
    assert recall(cache)[identity(MODEL)].engine == "native"


def test_a_precision_that_costs_the_model_too_much_is_passed_over(stage):
    stage.costs["int8"] = native.QUANTISATION_LIMIT_NATS
    assert open_engine("auto", MODEL).precision == "bf16"


@pytest.mark.parametrize("cost", [0.5, float("nan")])
def test_f32_is_taken_where_all_rounding_costs_too_much(stage, cost):
    stage.costs.update(int8=cost, bf16=cost, f32=cost)  # the last one is not asked for
    assert open_engine("auto", MODEL).precision == "f32"


def test_what_was_found_is_remembered_and_not_measured_again(stage, cache):
    open_engine("auto", MODEL)
    (found,) = recall(cache).values()
    assert found == Choice("native", "int8", isas()[-1], 5.0, 0.0)
    measured, opened = stage.measured, len(stage.opened)
    engine = open_engine("auto", MODEL)
    assert (engine.precision, engine.isa) == ("int8", isas()[-1])
    assert len(stage.opened) == opened
    assert stage.measured == measured + 3 < 2 * measured  # only whether it still keeps up


def test_every_model_has_a_choice_of_its_own(stage, cache):
    open_engine("auto", MODEL)
    stage.speeds_us["bf16"] = 1.0
    assert open_engine("auto", tiny_model(skip_channels=14)).precision == "bf16"
    assert open_engine("auto", MODEL).precision == "int8"
    assert len(recall(cache)) == 2


def test_a_model_is_known_by_its_file_or_by_its_weights(tmp_path):
    from_file = load_model(tiny_model_file(tmp_path))
    other = {**MODEL.weights, "logits": MODEL.weights["logits"] + np.float32(1e-3)}
    keys = {identity(MODEL), identity(replace(MODEL, weights=other)), identity(from_file),
            identity(replace(from_file, graph=from_file.graph[:-1]))}
    assert len(keys) == 4 and all(len(key) == 64 for key in keys)
    assert identity(replace(MODEL, name="renamed")) == identity(MODEL)


@pytest.mark.parametrize("change", ["_cpu", "_gpus", "_sources", "__version__", "LIVEWAVE_ISA"])
def test_whatever_a_choice_depends_on_changes_its_key(monkeypatch, change):
    before = identity(MODEL)
    if change == "LIVEWAVE_ISA":
        monkeypatch.setenv(change, isas()[0])
    else:
        monkeypatch.setattr(choice, change, "another" if change == "__version__" else lambda: "another")
    assert identity(MODEL) != before


def test_a_rebuilt_kernel_is_another_source():
    names = [name for name, _, _ in choice._sources()]
    assert "native.py" in names and "onnx.py" in names and any(name.startswith("_kernels") for name in names)


def test_an_isa_asked_for_is_measured_for_itself(monkeypatch):
    assert open_engine("auto", MODEL).isa == isas()[-1]
    monkeypatch.setenv("LIVEWAVE_ISA", isas()[0])
    for _ in range(2):
        assert open_engine("auto", MODEL).isa == isas()[0]
    monkeypatch.delenv("LIVEWAVE_ISA")
    assert open_engine("auto", MODEL).isa == isas()[-1]


def test_an_isa_that_is_none_is_refused_and_not_replaced_by_another_engine(stage, monkeypatch):
    monkeypatch.setenv("LIVEWAVE_ISA", "v9")
    with pytest.raises(EngineUnavailable, match=f"LIVEWAVE_ISA is 'v9'.*{isas()[-1]}"):
        open_engine("auto", MODEL)


def test_the_engine_comes_in_its_initial_state(monkeypatch):
    without(monkeypatch, "onnx")
    for _ in ("measured", "remembered"):
        engine = open_engine("auto", MODEL)
        fresh = open_engine("native", MODEL, precision=engine.precision, isa=engine.isa)
        takes = []
        for player in (engine, fresh):
            takes.append(np.zeros(96, np.float32))
            uniforms = np.random.default_rng(1).random(96, dtype=np.float32)
            player.render(np.full((1, 128), 9, np.uint8), uniforms, takes[-1])
        np.testing.assert_array_equal(*takes)
        assert np.unique(takes[0]).size > 3


class Broken(Quick):
    """It opens, and the first block brings its driver down."""

    def render(self, roll, uniforms, out, temperature=1.0):
        raise OSError("CUDA_ERROR_NO_BINARY_FOR_GPU")


def broken_at_once(*_):
    raise OSError("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH")


@pytest.mark.parametrize("make", [broken_at_once, Broken])
def test_a_driver_that_fails_leaves_the_other_engines(stage, monkeypatch, make):
    monkeypatch.setattr(choice, "time_per_sample", lambda engine, blocks: engine.render(*BLOCK) or 5.0)
    load = lambda: lambda model: make("cuda", stage.opened)  # noqa: E731
    adapter = replace(ENGINES["cuda"], load=lambda: lambda model: make("cuda", stage.opened))
    monkeypatch.setitem(ENGINES, "cuda", adapter)
    assert open_engine("auto", MODEL).name == "native"


def test_a_driver_that_fails_later_is_not_insisted_on(stage, cache, monkeypatch):
    stage.speeds_us["cuda"] = 1.0
    assert open_engine("auto", MODEL).name == "cuda"
    monkeypatch.setitem(ENGINES, "cuda", replace(ENGINES["cuda"], load=lambda: broken_at_once))
    assert open_engine("auto", MODEL).name == "native"
    assert recall(cache)[identity(MODEL)].engine == "native"


def test_a_fault_of_the_native_engine_is_not_hidden():
    without_bias = {name: weights for name, weights in MODEL.weights.items() if name != "input_bias"}
    with pytest.raises(ValueError, match="missing .*input_bias"):
        open_engine("auto", replace(MODEL, weights=without_bias))


def test_a_graph_that_a_runtime_refuses_is_still_played_by_another_engine(tmp_path, cache):
    model = load_model(tiny_model_file(tmp_path))
    assert open_engine("auto", replace(model, graph=b"no graph")).name == "native"


def test_an_engine_that_cannot_play_is_named_with_its_reason(monkeypatch, cache):
    def load():
        raise ImportError("wrong glibc")

    monkeypatch.setitem(ENGINES, "native", replace(ENGINES["native"], load=load))
    monkeypatch.setattr(choice, "_native", lambda: None)
    without(monkeypatch, "cuda")
    reasons = "no engine can play here.*cuda.*missing.*native.*wrong glibc.*onnx.*model file"
    with pytest.raises(EngineUnavailable, match=reasons):
        open_engine("auto", MODEL)
    assert not cache.exists()


# the file

def entry(**changes: object) -> dict[str, object]:
    return asdict(FOUND) | changes


@pytest.mark.parametrize("content", [
    b"", b"\xff\xfe\x00", b"null", b"[]", b"{", b"[" * 100_000, b'{"format": 2, "choices": {}}', b'{"format": 1}',
    b'{"format": 1, "choices": []}', b'{"choices": {}, "format": true}', b" " * ((1 << 20) + 1),
])
def test_a_file_that_is_not_ours_is_ignored_and_replaced(stage, cache, content):
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    assert recall(cache) == {}
    assert open_engine("auto", MODEL).precision == "int8"
    assert recall(cache) == {identity(MODEL): Choice("native", "int8", isas()[-1], 5.0, 0.0)}


@pytest.mark.parametrize("wrong", [
    {"engine": "reference"}, {"engine": "os"}, {"engine": None}, {"engine": ["native"]}, {"engine": "auto"},
    {"precision": "int4"}, {"precision": None}, {"precision": {}}, {"isa": "../v4"}, {"isa": None}, {"isa": "v" * 17},
    {"us_per_sample": "8"}, {"us_per_sample": True}, {"us_per_sample": float("nan")}, {"us_per_sample": float("inf")},
    {"us_per_sample": 10**400}, {"us_per_sample": None}, {"us_per_sample": -5}, {"cost_nats": -0.1}, {"cost_nats": "0"}, {"cost_nats": False},
    {"cost_nats": float("nan")}, {"extra": 1},
])
def test_an_entry_with_a_wrong_field_is_none(cache, wrong):
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps({"format": 1, "choices": {KEY: entry(), "1" * 64: entry(**wrong), "short": entry()}}))
    assert recall(cache) == {KEY: FOUND}


def test_an_entry_lacking_a_field_is_none(cache):
    cache.parent.mkdir(parents=True)
    lacking = [{name: value for name, value in entry().items() if name != missing} for missing in entry()]
    choices = {f"{number:064}": part for number, part in enumerate([*lacking, 7, None, []])}
    cache.write_text(json.dumps({"format": 1, "choices": choices}))
    assert recall(cache) == {}


@pytest.mark.parametrize("stale", [
    {"engine": "cuda", "precision": "f16", "isa": ""}, {"precision": "f16"}, {"precision": ""}, {"isa": "v9"},
    {"isa": ""},
])
def test_an_entry_that_names_what_cannot_open_is_measured_anew(stage, cache, monkeypatch, stale):
    without(monkeypatch, "cuda")
    remember(cache, identity(MODEL), replace(FOUND, **stale))
    assert open_engine("auto", MODEL).precision == "int8"
    assert recall(cache)[identity(MODEL)].precision == "int8"


def test_a_home_that_cannot_be_written_breaks_nothing(stage, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for time in (1, 2):
        assert open_engine("auto", MODEL).precision == "int8"
        assert len(stage.opened) == time  # cuda: measured again


def test_a_user_without_a_home_has_no_file(stage, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_file() is None
    assert open_engine("auto", MODEL).precision == "int8"


def test_the_file_is_in_the_users_cache(monkeypatch, tmp_path):
    assert cache_file() == tmp_path / "cache" / "livewave" / "engines.json"
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for unset in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert cache_file() == tmp_path / ".cache" / "livewave" / "engines.json"


def test_a_folder_in_the_files_place_is_let_be_and_nothing_is_left_beside_it(stage, cache):
    cache.mkdir(parents=True)
    assert open_engine("auto", MODEL).precision == "int8"
    assert list(cache.parent.iterdir()) == [cache] and cache.is_dir()


def test_a_pipe_in_the_files_place_is_not_waited_for(stage, cache):
    cache.parent.mkdir(parents=True)
    os.mkfifo(cache)
    assert open_engine("auto", MODEL).precision == "int8"
    assert cache.is_file() and len(recall(cache)) == 1


def test_the_newest_choices_are_kept_in_bounds(cache):
    for number in range(choice.MAX_CHOICES + 3):
        remember(cache, f"{number:064}", FOUND)
    assert list(recall(cache)) == [f"{number:064}" for number in range(3, choice.MAX_CHOICES + 3)]
    remember(cache, f"{3:064}", FOUND)  # found again: now the newest
    assert list(recall(cache))[-1] == f"{3:064}" and len(recall(cache)) == choice.MAX_CHOICES


def test_of_many_who_write_at_once_none_leaves_half_a_file(cache):
    remember(cache, KEY, FOUND)

    def write(writer: int) -> None:
        for number in range(20):
            remember(cache, f"{writer}{number:063}", FOUND)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in (1, 2, 3)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        json.loads(cache.read_text())
        assert recall(cache)
        seen += 1
    assert seen and list(cache.parent.iterdir()) == [cache]


# the measuring, on a clock that stands still but while an engine renders

class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


class Paced(ToyEngine):
    """An engine that takes `us` a sample on `clock`."""

    def __init__(self, clock: Clock, us: float) -> None:
        super().__init__()
        self.clock, self.us = clock, us

    def render(self, roll, uniforms, out, temperature=1.0):
        super().render(roll, uniforms, out, temperature)
        self.clock.now_s += 1e-6 * self.us * len(out)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(choice, "time", made)
    return made


def test_the_time_of_a_sample_is_that_of_a_block_shared_out(clock):
    engine = Paced(clock, 8.0)
    assert choice.time_per_sample(engine, 7) == pytest.approx(8.0)
    assert engine.blocks == 7


def test_engines_take_turns_and_the_clearly_slower_have_one(clock):
    slow, quick = Paced(clock, 8.0 * choice.CLEARLY_SLOWER + 1.0), Paced(clock, 8.0)
    assert [engine for _, engine in choice._ranked([slow, quick], 1e9)] == [quick, slow]
    assert (slow.blocks, quick.blocks) == (choice.BLOCKS_A_TURN, choice.ROUNDS * choice.BLOCKS_A_TURN)


def test_a_very_slow_engine_ends_the_rounds(clock):
    engine = Paced(clock, 1e6)
    choice._ranked([engine], clock.now_s + choice.SEARCH_S)
    assert engine.blocks == choice.BLOCKS_A_TURN


def test_what_the_search_has_no_time_for_is_left_out(clock, monkeypatch):
    opened = []

    def load(name):
        return lambda: lambda model: opened.append(name) or Paced(clock, 1e6 * choice.SEARCH_S)

    for name in AUTO:
        toy = replace(ENGINES[name], needs="numpy", obstacle=lambda: None, load=load(name))
        monkeypatch.setitem(ENGINES, name, toy)
    monkeypatch.setattr(choice, "_native", lambda: None)
    choice.find_fastest(MODEL)
    assert opened == [AUTO[0]]
