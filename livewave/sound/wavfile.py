"""A 16-bit WAV file that can be opened at any moment of its making, even after SIGKILL.

The standard library's `wave` patches its header through a buffer and cannot be abandoned after a failed write, so the
44 bytes of the header are written here. Source: Microsoft and IBM, RIFF/WAVE, 1991 (PCM).
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable

import numpy as np

from livewave import DeviceError

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
LARGEST_BYTES = 2**32 - 1 - HEADER.size  # of data: RIFF counts in 32 bits
SYNC_EVERY_S = 0.25

log = logging.getLogger(__name__)


class Pcm:
    """Samples as 16 bits hold them. Allocates nothing for as many as it has had before. Thread: one."""

    def __init__(self) -> None:
        self._level = np.zeros(0, np.float32)
        self._pcm = np.zeros(0, np.dtype("<i2"))

    def of(self, frames: np.ndarray) -> np.ndarray:
        """float32 [n], clipped to -1..1 -> int16 [n], valid until the next call. Of two channels: interleaved."""
        frames = frames.reshape(-1)
        if len(frames) > len(self._pcm):
            self._level, self._pcm = np.zeros(len(frames), np.float32), np.zeros(len(frames), np.dtype("<i2"))
        level, pcm = self._level[:len(frames)], self._pcm[:len(frames)]
        np.clip(frames, -1.0, 1.0, out=level)
        np.multiply(level, 32767.0, out=level)
        np.rint(level, out=level)
        np.copyto(pcm, level, casting="unsafe")
        return pcm


class WavFile:
    """PCM of one channel or two at `path`; an existing file is replaced.

    Every write reaches the operating system at once and the header follows four times a second. A full disk, or the
    4 GiB a WAV can hold, ends the writing but not the playing: `problem` says why, `lost_frames` counts, `tell` is
    called once with it, and the file stays valid up to there.

    Thread: one. Raises DeviceError when the file cannot be made.
    """

    def __init__(self, path: str, rate_hz: int, tell: Callable[[str], None] = log.warning, channels: int = 1) -> None:
        self.path, self.rate_hz, self.channels = path, rate_hz, channels
        self.problem: str | None = None
        self.lost_frames = 0
        self._tell, self._pcm = tell, Pcm()
        self._bytes = self._bytes_in_header = 0
        if os.path.splitext(path)[1].lower() not in ("", ".wav"):
            raise DeviceError(f"cannot write {path!r}: only WAV files are written; give it a name that ends in .wav")
        try:
            self._file = open(path, "wb", buffering=0)
            self._write_all(self._header())
        except OSError as error:
            raise DeviceError(f"cannot write {path!r}: {error.strerror};"
                              " name a WAV file in a writable folder that exists, with room on its disk") from error

    def write(self, frames: np.ndarray) -> None:
        """Append frames, clipped to -1..1. frames float32 [n * channels], interleaved, or [n, channels]. Never raises."""
        if self.problem is None:
            try:
                self._append(frames)
            except OSError as error:
                self._give_up(error.strerror)
        if self.problem is not None:
            self.lost_frames += frames.size // self.channels

    def sync(self) -> None:
        """Let header and samples outlast a loss of power. Waits for the disk. Never raises."""
        try:
            if self.problem is None:
                self._sync_header()
                os.fsync(self._file.fileno())
        except OSError as error:
            self._give_up(error.strerror)

    def close(self) -> None:
        """Complete the header and close the file. Never raises."""
        try:
            if self.problem is None:
                self._sync_header()
            self._file.close()
        except OSError as error:
            self._give_up(error.strerror)

    def _append(self, frames: np.ndarray) -> None:
        data = self._pcm.of(frames)
        if self._bytes + data.nbytes > LARGEST_BYTES:
            self._sync_header()
            self._give_up("a WAV file holds 4 GiB at most")
            return
        self._write_all(data)
        self._bytes += data.nbytes
        if self._bytes - self._bytes_in_header >= SYNC_EVERY_S * self._bytes_a_second:
            self._sync_header()

    def _write_all(self, data) -> None:
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self._file.write(rest):]

    def _sync_header(self) -> None:
        self._file.seek(0)
        self._write_all(self._header())
        self._file.seek(0, 2)
        self._bytes_in_header = self._bytes

    def _header(self) -> bytes:
        return HEADER.pack(b"RIFF", HEADER.size - 8 + self._bytes, b"WAVE", b"fmt ", 16, 1, self.channels, self.rate_hz,
                           self._bytes_a_second, 2 * self.channels, 16, b"data", self._bytes)

    @property
    def _bytes_a_second(self) -> int:
        return 2 * self.channels * self.rate_hz

    def _give_up(self, reason: str) -> None:
        self.problem = f"{self.path}: {reason}; recording stopped after {self._bytes // self._bytes_a_second} s"
        self._tell(self.problem)
