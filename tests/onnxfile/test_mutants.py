"""Both loaders against files that are well-formed and wrong: refused in a line, at once, and without the memory they ask for."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from livewave import ModelFileError
from livewave.music.biaxialfile import load_biaxial
from livewave.render.modelfile import load_model
from tests.onnxfile.mutants import mutated
from tests.scenario.daemon import environment
from tests.toys import tiny_biaxial_file, tiny_model_file

LOADERS = {"model": (load_model, tiny_model_file), "continuation": (load_biaxial, tiny_biaxial_file)}
FILES = 600
ROOM_BYTES = 1 << 30  # for Python, onnx and every file of the test: some of them ask for terabytes
PATIENCE_S = 300.0
CODE = "import sys; from tests.onnxfile.test_mutants import load_in_a_small_room; load_in_a_small_room(*sys.argv[1:])"


def load_all(kind: str, path: Path, seeds: range) -> tuple[int, int]:
    """How many of the files were refused, and how many were not."""
    load, make = LOADERS[kind]
    good, refused, taken = make(path.parent).read_bytes(), 0, 0
    for seed in seeds:
        path.write_bytes(mutated(seed, good))
        try:
            load(path)
            taken += 1
        except ModelFileError as error:
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 1_500 + len(str(path))
            refused += 1
    return refused, taken


def load_in_a_small_room(kind: str, folder: str) -> None:
    """In a process of its own: what is refused must be refused before anything is made for it."""
    resource.setrlimit(resource.RLIMIT_AS, (ROOM_BYTES, ROOM_BYTES))
    print(*load_all(kind, Path(folder) / "mutant.onnx", range(FILES)))


@pytest.mark.parametrize("kind", LOADERS)
def test_well_formed_files_that_are_wrong_are_refused_or_leave_a_model_whatever_size_they_claim(tmp_path, kind):
    done = subprocess.run([sys.executable, "-c", CODE, kind, str(tmp_path)], env=environment(), capture_output=True, text=True,
                          timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    refused, taken = map(int, done.stdout.split())
    assert refused > FILES / 2 and taken > 0
