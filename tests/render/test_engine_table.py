"""The table of engines: what can be opened, what "auto" takes, and what is said when nothing can."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from livewave import EngineUnavailable, config
from livewave.render import engine
from livewave.render.engine import ENGINES, available_engines, open_engine
from livewave.render.modelfile import load_model
from livewave.render.wavenet import Model, WaveNetSpec, random_weights
from tests.toys import tiny_model_file

SPEC = WaveNetSpec(residual_channels=2, skip_channels=2, out_channels=2, cond_channels=2, dilations=(1,))
MODEL = Model(SPEC, random_weights(SPEC))


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make it look as if what these engines stand on were not installed."""
    for name in names:
        monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], needs="nothing_of_this_name"))


def with_dev(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let `folder` be /dev."""
    monkeypatch.setattr(engine, "Path", lambda name: folder if name == "/dev" else Path(name))


def test_every_engine_but_that_of_the_gpu_is_available_where_the_tests_run():
    reasons = available_engines()
    cuda = reasons.pop("cuda")
    assert cuda is None or "pip install" in cuda or "driver" in cuda
    assert reasons == {"native": None, "onnx": None, "reference": None}


def test_cuda_without_its_package_is_missing_with_the_remedy(monkeypatch):
    monkeypatch.setitem(ENGINES, "cuda", replace(ENGINES["cuda"], needs="nothing_of_this_name.core"))
    assert "nothing_of_this_name.core is missing: install it with `.venv/bin/pip install" in available_engines()["cuda"]
    with pytest.raises(EngineUnavailable, match="engine cuda: .*pip install.*available here: native"):
        open_engine("cuda", MODEL)


@pytest.mark.parametrize("node", ["nvidia0", "nvidia3", "dxg"])
def test_cuda_needs_a_gpu_beside_its_package(monkeypatch, tmp_path, node):
    monkeypatch.setitem(ENGINES, "cuda", replace(ENGINES["cuda"], needs="numpy"))
    with_dev(monkeypatch, tmp_path)
    (tmp_path / "nvidiactl").touch()
    assert "no NVIDIA GPU" in available_engines()["cuda"]
    (tmp_path / node).touch()
    assert available_engines()["cuda"] is None


def test_legal_names_on_the_command_line_are_those_of_the_table():
    assert config.ENGINES == ("auto", *ENGINES)


def test_auto_is_onnx_where_native_was_not_built(monkeypatch, tmp_path):
    without(monkeypatch, "native", "cuda")
    assert open_engine("auto", load_model(tiny_model_file(tmp_path))).name == "onnx"


def test_auto_takes_no_options_for_it_chooses_them():
    with pytest.raises(EngineUnavailable, match="auto takes no precision.*name an engine"):
        open_engine("auto", MODEL, precision="f32")


def test_auto_never_plays_the_reference(monkeypatch):
    without(monkeypatch, *engine.AUTO)
    with pytest.raises(EngineUnavailable, match="make setup.*pip install onnxruntime"):
        open_engine("auto", MODEL)


def test_unknown_engine_is_refused_and_told_what_exists():
    with pytest.raises(EngineUnavailable, match="'cudda'.*auto.*native, cuda, onnx, reference"):
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
    assert not {"livewave.render._kernels", "livewave.render.native", "onnxruntime", "cuda.core"} & set(modules)


def test_every_row_of_auto_is_in_the_table():
    assert set(engine.AUTO) <= set(ENGINES)
