"""Mono -> left and right, at constant power. Source: MIDI Manufacturers Association, RP-036 (default pan formula)."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from livewave.sound.fader import Fader

SIDES = 2


def sides(pan: float) -> tuple[float, float]:
    """Left and right gain of a place: -1 left, 0 in the middle (-3 dB on both sides), 1 right."""
    angle = math.pi / 4.0 * (1.0 + min(1.0, max(-1.0, pan)))
    return math.cos(angle), math.sin(angle)


class Panner:
    """Places a voice between two loudspeakers; it is moved in the fader's time, without a click.

    What comes out depends on frame numbers, never on how blocks divide them. Thread: performer only.
    """

    def __init__(self, rate_hz: int, pan: float, most_frames: int) -> None:
        self._faders = [Fader(rate_hz, gain) for gain in sides(pan)]
        self._turns: deque[tuple[int, float]] = deque()  # frame, pan
        self._frame = 0
        self._out = np.zeros((most_frames, SIDES + 1), np.float32)

    def turn(self, frame: int, pan: float) -> None:
        """From number `frame` on, move to `pan`; in order, and not before what has come out."""
        self._turns.append((frame, pan))

    def process(self, frames: np.ndarray) -> np.ndarray:
        """float32 [n] -> float32 [n, 3]: left, right, and what was given; a view that is valid until the next call."""
        out = self._out[: len(frames)]
        out[:] = frames[:, None]
        done = 0
        while done < len(out):
            while self._turns and self._turns[0][0] <= self._frame:
                for fader, gain in zip(self._faders, sides(self._turns.popleft()[1])):
                    fader.aim(self._frame, gain)
            count = len(out) - done
            if self._turns:
                count = min(count, self._turns[0][0] - self._frame)
            for side, fader in enumerate(self._faders):
                fader.apply(self._frame, out[done : done + count, side])
            self._frame, done = self._frame + count, done + count
        return out
