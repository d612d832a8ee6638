"""The kernels under GCC's address and undefined-behaviour sanitizers, every instruction set that runs here, and proof
that these would bark."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import livewave.render
from livewave.render.native import isas

KERNELS = Path(livewave.render.__file__).parent / "kernels"
DRIVER = Path(__file__).parent / "sanitized" / "main.cpp"
ADD_KERNEL = re.compile(r"^\s*add_kernel\((\w+) (\d+)([^)]*)\)", re.MULTILINE)
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FLAGS = ["-std=c++17", "-O1", "-g1", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi"]

pytestmark = pytest.mark.skipif(not shutil.which("g++") or platform.system() != "Linux",
                                reason="needs g++ and its sanitizers' libraries")


def kernels() -> Iterator[tuple[str, list[str]]]:
    """Instruction sets of this kind of machine, with the flags that CMakeLists.txt gives them."""
    arm64 = platform.machine() in ("aarch64", "arm64")
    for isa, lanes, flags in ADD_KERNEL.findall((KERNELS / "CMakeLists.txt").read_text()):
        if isa.startswith("neon") == arm64:
            yield isa, [f"-DLIVEWAVE_ISA={isa}", f"-DLIVEWAVE_LANES={lanes}", *flags.split()]


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sanitized")
    parts = {isa: (KERNELS / "net.cpp", flags) for isa, flags in kernels()}
    parts |= {"isa": (KERNELS / "isa.cpp", []), "main": (DRIVER, [])}

    def compile_part(name: str) -> None:
        source, flags = parts[name]
        run("g++", *FLAGS, *SANITIZERS, *flags, f"-I{KERNELS}", "-c", source, "-o", folder / f"{name}.o")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_part, parts))
    run("g++", *SANITIZERS, *(folder / f"{name}.o" for name in parts), "-o", folder / "kernels")
    return folder / "kernels"


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def played(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300,
                          env=os.environ | {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"})


def test_no_kernel_reads_or_writes_where_it_may_not_or_does_what_is_undefined(program):
    done = played(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == isas()


@pytest.mark.parametrize("fault, words", [("roll", ("heap-buffer-overflow", "READ of size", "net.cpp")),
                                          ("logits", ("heap-buffer-overflow", "WRITE of size", "net.cpp")),
                                          ("overflow", ("signed integer overflow", "main.cpp"))])
def test_a_fault_made_on_purpose_is_caught(program, fault, words):
    done = played(program, fault)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr
