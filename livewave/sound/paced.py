"""Outputs without a sound card: `null` and `file:` take frames as a device's clock would."""

from __future__ import annotations

import threading
import time

import numpy as np

from livewave.sound.output import Output
from livewave.sound.realtime import DEVICE_PRIORITY, ask_for_priority
from livewave.sound.ring import Ring
from livewave.sound.wavfile import WavFile

STALL_S = 0.1        # a pause longer than this is left out instead of made up for
JOIN_TIMEOUT_S = 2.0


class Pace:
    """Absolute deadlines of a clock that ticks every `period_s`, from `start_s` on.

    The clock does not drift: a late tick does not delay the next ones. After a pause it makes up for the missed ticks
    at twice the pace, never in a burst, which would empty a healthy ring; after a pause of more than STALL_S it goes
    on from there and counts a stall.
    """

    def __init__(self, period_s: float, start_s: float) -> None:
        self.period_s, self.stalls = period_s, 0
        self._start_s, self._ticks, self._last_tick_s = start_s, 0, start_s

    def wait_s(self, now_s: float) -> float:
        """Seconds from `now_s` to the next tick."""
        self._ticks += 1
        due_s = self._start_s + self._ticks * self.period_s
        if now_s - due_s > STALL_S:
            self.stalls += 1
            self._start_s += now_s - due_s
            due_s = now_s
        self._last_tick_s = max(due_s, self._last_tick_s + self.period_s / 2, now_s)
        return self._last_tick_s - now_s


class PacedOutput(Output):
    """Reads the ring one period at a time on a Python thread, and keeps the frames in a WAV file if one is given.

    Thread: `paced-output` reads the ring and writes the file. Allocates nothing there after the first period.
    """

    def __init__(self, ring: Ring, rate_hz: int, period_frames: int, wav: WavFile | None = None) -> None:
        super().__init__(ring, rate_hz, f"file {wav.path}, {rate_hz} Hz" if wav else f"null, {rate_hz} Hz: no sound")
        ring.channels_out = ring.channels_in
        self.stalls = 0
        self._period_frames, self._wav = period_frames, wav
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def period_frames(self) -> int:
        return self._period_frames

    @property
    def latency_s(self) -> float:
        return self._period_frames / self.rate_hz

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="paced-output", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(JOIN_TIMEOUT_S)
            self._thread = None

    def close(self) -> None:
        self.stop()
        if self._wav is not None:
            self._wav.close()
            self.problem = self._wav.problem

    def _run(self) -> None:
        ask_for_priority(DEVICE_PRIORITY)
        frames = np.zeros(self._period_frames * self.ring.channels_in, np.float32)
        pace = Pace(self._period_frames / self.rate_hz, time.monotonic())
        while not self._stopping.is_set():
            self.ring.read_into(frames)
            if self._wav is not None:
                self._wav.write(frames)
                self.problem = self._wav.problem
            time.sleep(pace.wait_s(time.monotonic()))
            self.stalls = pace.stalls
