"""A gain that moves in a straight line, sample by sample, and so clicks never."""

from __future__ import annotations

import math

import numpy as np

FADE_S = 0.03  # from silence to full level; smaller ways take less


class Fader:
    """Moves at a constant pace towards what it was last aimed at; at first it is at `gain`. Thread: performer only.

    The gain of a sample depends on its number and on where `aim` was called, never on how `apply` divides the samples.
    """

    def __init__(self, rate_hz: int, gain: float = 0.0) -> None:
        self._pace = 1.0 / (FADE_S * rate_hz)
        self._from, self._to, self._since = gain, gain, 0

    def aim(self, sample: int, gain: float) -> None:
        """From number `sample` on, move to `gain`."""
        if gain != self._to:
            self._from, self._to, self._since = self._gain_before(sample), gain, sample

    @property
    def arrives(self) -> int:
        """Number of the first sample from which on the gain has arrived: that one is at the gain, or later than it."""
        return self._since + math.ceil(abs(self._to - self._from) / self._pace)

    def is_silent(self, sample: int) -> bool:
        """Whether nothing is heard from `sample` on."""
        return self._to == 0.0 and sample >= self.arrives

    def apply(self, sample: int, out: np.ndarray) -> None:
        """Scale in place what begins with number `sample`. out float32 [samples]"""
        if sample >= self.arrives:
            if self._to != 1.0:
                out *= np.float32(self._to)
            return
        numbers = np.arange(sample - self._since + 1, sample - self._since + 1 + len(out))
        out *= self._gains(numbers).astype(np.float32)

    def _gain_before(self, sample: int) -> float:
        return float(self._gains(np.array(sample - self._since)))

    def _gains(self, steps: np.ndarray) -> np.ndarray:
        """The gain after so many samples since it was aimed; exact at its end, whatever the rounding before."""
        way = self._to - self._from
        moved = self._from + math.copysign(self._pace, way) * steps
        return np.where(np.abs(way) <= self._pace * steps, self._to, moved)
