"""The table of engines: what can be opened, what "auto" takes, and what is said when nothing can."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from livewave import EngineUnavailable
from livewave.render import engine
from livewave.render.engine import ENGINES, available_engines, open_engine
from livewave.render.wavenet import Model, WaveNetSpec, random_weights

SPEC = WaveNetSpec(residual_channels=2, skip_channels=2, out_channels=2, cond_channels=2, dilations=(1,))
MODEL = Model(SPEC, random_weights(SPEC))


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make it look as if what these engines stand on were not installed."""
    for name in names:
        monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], needs="nothing_of_this_name"))


def test_every_engine_is_available_where_the_tests_run():
    assert available_engines() == {"native": None, "onnx": None, "reference": None}


def test_auto_is_native():
    assert open_engine("auto", MODEL).name == "native"


def test_auto_is_onnx_where_native_was_not_built(monkeypatch):
    without(monkeypatch, "native")
    monkeypatch.setitem(ENGINES, "onnx", replace(ENGINES["onnx"], load=lambda: lambda model: "an onnx engine"))
    assert open_engine("auto", MODEL) == "an onnx engine"


def test_auto_never_plays_the_reference(monkeypatch):
    without(monkeypatch, "native", "onnx")
    with pytest.raises(EngineUnavailable, match="make setup.*pip install onnxruntime"):
        open_engine("auto", MODEL)


def test_unknown_engine_is_refused_and_told_what_exists():
    with pytest.raises(EngineUnavailable, match="'cudda'.*auto.*native, onnx, reference"):
        open_engine("cudda", MODEL)


def test_missing_engine_is_refused_with_its_remedy_and_what_is_left(monkeypatch):
    without(monkeypatch, "native")
    assert "make setup" in available_engines()["native"]
    with pytest.raises(EngineUnavailable, match="make setup.*available here: onnx, reference"):
        open_engine("native", MODEL)


def test_engine_that_does_not_load_is_refused_with_its_remedy(monkeypatch):
    def load():
        raise ImportError("wrong glibc")

    monkeypatch.setitem(ENGINES, "native", replace(ENGINES["native"], load=load))
    with pytest.raises(EngineUnavailable, match="wrong glibc.*make setup"):
        open_engine("native", MODEL)


def test_options_reach_the_adapter():
    assert open_engine("native", MODEL, precision="f32").precision == "f32"


def test_names_in_the_table_are_those_of_the_engines():
    assert [open_engine(name, MODEL).name for name in ("native", "reference")] == ["native", "reference"]


def test_table_loads_no_engine():
    loaded = "import sys, livewave.render.engine as e; e.available_engines(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert "livewave.render.engine" in modules
    assert not {"livewave.render._kernels", "livewave.render.native", "onnxruntime"} & set(modules)


def test_every_row_of_auto_is_in_the_table():
    assert set(engine.AUTO) <= set(ENGINES)
