"""What tests of several files here need: a small disk, and model files by name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.stepgraph import build_model
from tests.takes.playing import other_model
from tests.toys import tiny_model


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 256 KiB: two seconds and a half of sound."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """The folder of the model path: tiny.onnx and other.onnx."""
    folder = tmp_path / "models"
    folder.mkdir()
    for model in (tiny_model(), other_model()):
        (folder / f"{model.name}.onnx").write_bytes(build_model(model).SerializeToString())
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(folder))
    return folder
