from __future__ import annotations

import pytest

import livewave.bench
from livewave import ConfigError, ModelFileError
from livewave.bench import bench, load_models, model_of_shape
from livewave.render.native import isas
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
    assert repr(text) in str(caught.value)


def test_every_instruction_set_of_the_native_engine_has_a_row():
    rows = list(bench([tiny_model()], ["native"], block=32, seconds=0.01))
    assert [(row.engine, row.isa, row.model) for row in rows] == [("native", isa, "tiny") for isa in isas()]


def test_every_model_has_its_rows_in_order(tmp_path):
    model = load_models([str(tiny_model_file(tmp_path))])[0]
    rows = list(bench([model, model_of_shape("4,4,4,2")], ["onnx", "reference"], block=8, seconds=0.01))
    assert [(row.engine, row.model) for row in rows] == [("onnx", "tiny"), ("reference", "tiny"),
                                                         ("reference", "random 4,4,4,2")]


def test_an_engine_that_cannot_open_a_model_is_left_out():
    assert list(bench([tiny_model()], ["onnx"], block=8, seconds=0.01)) == []  # made here: there is no graph to run


def test_the_figures_of_a_row_fit_together():
    (row, *_) = bench([model_of_shape("8,8,8,4")], ["reference"], block=16, seconds=0.02)
    assert 0.0 < row.p50_ms <= row.p99_ms <= row.max_ms
    assert row.us_per_sample == pytest.approx(1e3 * row.p50_ms / row.block, rel=0.01)
    assert row.real_time_factor == pytest.approx(1e6 / 16_000 / row.us_per_sample, rel=0.01)
    assert (row.shape, row.block) == ("8/8/8, 4", 16)


def test_a_measurement_takes_blocks_until_its_time_is_over(monkeypatch):
    """With a clock that counts: half a second a look, so that a block takes exactly that long."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(livewave.bench.time, "perf_counter", lambda: 0.5 * next(ticks))
    (row, *_) = bench([tiny_model()], ["reference"], block=8, seconds=20.0)
    assert row.p50_ms == row.p99_ms == row.max_ms == 500.0
    assert row.us_per_sample == 62_500.0
    assert row.real_time_factor == 0.001


def test_a_model_that_is_missing_is_named():
    with pytest.raises(ModelFileError, match="nowhere"):
        load_models(["nowhere"])
