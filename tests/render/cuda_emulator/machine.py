"""A GPU played by the CPU: the kernel's own source built by a C++ compiler, with a fiber for each thread.

It does what `livewave.render.cuda.Gpu` does, so that planning, packing and driving are tested as they are shipped.
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import livewave.render.cuda
from livewave.render.cuda import Launch

HERE = Path(__file__).parent
KERNELS = Path(livewave.render.cuda.__file__).parent / "kernels" / "cuda"
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fno-strict-aliasing", "-U_FORTIFY_SOURCE", "-DLIVEWAVE_EMULATED")
FORWARD, REVERSE, SHUFFLED = range(3)
HOPPER_BYTES = 232_448  # of shared memory that a thread block can have


def build(target: Path, source: str | None = None, flags: tuple[str, ...] = ()) -> Path:
    """The emulator of the shipped kernel, or of another `source`, as a shared library."""
    folder = KERNELS
    if source is not None:
        folder = target.parent / f"{target.stem}-source"
        folder.mkdir()
        (folder / "wavenet.cu").write_text(source, encoding="utf-8")
    subprocess.run(["g++", *FLAGS, *flags, f"-I{HERE}", f"-I{folder}", str(HERE / "fibers.cpp"), "-o", str(target)],
                   check=True, capture_output=True, text=True)
    return target


@functools.cache
def _library(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


@dataclass
class Memory:
    inputs: np.ndarray
    outputs: np.ndarray


@dataclass
class Emulator:
    """See `livewave.render.cuda.Machine`. Fibers run in `order`; what they compute must not depend on it."""

    path: Path
    shared_bytes: int = HOPPER_BYTES
    blocks: int = 132
    cluster_blocks: int = 8
    order: int = FORWARD
    seed: int = 0
    launches: list[tuple[int, int, bool]] = field(default_factory=list)  # of each: choirs, parts, whether clusters

    def holds_cluster(self, blocks: int) -> bool:
        return True

    def upload(self, data: np.ndarray) -> np.ndarray:
        memory = aligned(data.nbytes)
        memory[:] = data
        return memory

    def zeros(self, size_bytes: int) -> np.ndarray:
        return aligned(size_bytes)

    def clear(self, memory: np.ndarray) -> None:
        memory[:] = 0

    def copy(self, memory: np.ndarray, to: np.ndarray) -> None:
        to[:] = memory

    def read(self, memory: np.ndarray, offset: int, size_bytes: int) -> np.ndarray:
        return memory[offset : offset + size_bytes].copy()

    def stage(self, in_bytes: int, out_bytes: int) -> Memory:
        return Memory(aligned(in_bytes), aligned(out_bytes))

    def run(self, launch: Launch, in_bytes: int, out_bytes: int) -> None:
        self.launches.append((launch.choirs, launch.parts, launch.clustered))
        launch.stage.outputs[:] = 0xFF  # not numbers: what the kernel leaves out shows
        addresses = (launch.net, launch.state, launch.stage.inputs, launch.stage.outputs)
        ended = _library(self.path).emulate(*(ctypes.c_void_p(memory.ctypes.data) for memory in addresses),
                                            launch.choirs, launch.parts, launch.shared_bytes, self.order, self.seed)
        assert ended == 0, "threads wait for each other for ever"

    def size_of(self, structure: str) -> int:
        return getattr(_library(self.path), f"size_of_{structure.lower()}")()

    def close(self) -> None:
        """Nothing to release."""


def aligned(size_bytes: int) -> np.ndarray:
    """uint8 zeros on a multiple of 16 bytes, as a GPU gives them."""
    memory = np.zeros(size_bytes + 16, np.uint8)
    first = -memory.ctypes.data % 16
    return memory[first : first + size_bytes]
