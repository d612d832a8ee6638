"""The kernels of arm64, run: cross-compiled, under QEMU, against what this machine's baseline computes."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from livewave.render.native import isas
from tests.render.test_sanitized import ADD_KERNEL, KERNELS

DRIVER = Path(__file__).parent / "arm" / "main.cpp"
CROSS, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
FLAGS = ["-std=c++17", "-O2", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi"]
PRECISIONS = ("f32", "bf16", "int8")  # as net.h numbers them
# rms, in units of the outputs' rms: floats differ by their order of adding; levels by a tie that falls otherwise, and z has
# 15 bits on one side and 8 on the other
TOLERANCE = {("neon", "f32"): 1e-5, ("neon", "bf16"): 1e-5, ("neon", "int8"): 1e-3,
             ("neondot", "f32"): 1e-5, ("neondot", "bf16"): 1e-5, ("neondot", "int8"): 0.03}

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64" or platform.system() != "Linux", reason="runs on x86-64 Linux"),
    pytest.mark.skipif(not shutil.which(CROSS), reason=f"{CROSS} is missing (Debian: g++-aarch64-linux-gnu)"),
    pytest.mark.skipif(not shutil.which(EMULATOR), reason=f"{EMULATOR} is missing (Debian: qemu-user)"),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(isa, precision) -> float32: what the driver wrote."""
    folder, programs, found = tmp_path_factory.mktemp("arm"), {}, {}
    kernels = {isa: (lanes, flags.split()) for isa, lanes, flags in ADD_KERNEL.findall((KERNELS / "CMakeLists.txt").read_text())}

    def of(isa: str, precision: str) -> np.ndarray:
        if isa not in programs:
            lanes, flags = kernels[isa]
            programs[isa] = folder / isa
            compiler = [CROSS, "-static"] if isa.startswith("neon") else ["g++"]
            subprocess.run([*compiler, *FLAGS, *flags, f"-DLIVEWAVE_ISA={isa}", f"-DLIVEWAVE_LANES={lanes}", f"-I{KERNELS}",
                            str(KERNELS / "net.cpp"), str(DRIVER), "-o", str(programs[isa])], check=True)
        if (isa, precision) not in found:
            start = [EMULATOR, "-cpu", "max"] if isa.startswith("neon") else []
            done = subprocess.run([*start, str(programs[isa]), str(PRECISIONS.index(precision))], capture_output=True, check=True)
            found[isa, precision] = np.frombuffer(done.stdout, np.float32)
        return found[isa, precision]

    return of


@pytest.mark.parametrize("isa, precision", TOLERANCE)
def test_arm_computes_what_the_baseline_of_this_machine_does(written, isa, precision):
    given, expected = written(isa, precision), written("baseline", precision)
    assert np.sqrt(np.mean((given - expected) ** 2) / np.mean(expected**2)) < TOLERANCE[isa, precision]
    assert len(expected) > 60_000 and np.std(expected) > 0.1


@pytest.mark.skipif("v4vnni" not in isas(), reason="this CPU has no AVX-512 VNNI")
def test_dot_products_of_bytes_are_the_same_whole_numbers_on_arm_and_on_x86(written):
    given, expected = written("neondot", "int8"), written("v4vnni", "int8")
    assert np.sqrt(np.mean((given - expected) ** 2) / np.mean(expected**2)) < 1e-3


def test_precisions_differ(written):
    """Or the comparisons above would compare one thing with itself."""
    exact = written("neon", "f32")
    errors = [np.sqrt(np.mean((written("neon", precision) - exact) ** 2) / np.mean(exact**2)) for precision in ("bf16", "int8")]
    assert 1e-4 < errors[0] < errors[1] < 0.1
