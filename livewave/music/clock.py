"""Clocks: what time it is, and which sample of the model belongs to a moment."""

from __future__ import annotations

import time
from statistics import fmean
from typing import Protocol

# Observations are averaged over this long: far longer than their jitter, far shorter than a drift of quartz matters.
SETTLING_S = 1.0
# An observation further off than this is not jitter: the stream stood still or jumped.
JUMP_S = 0.05
# Nor are so many in a row, for so long, that lie on one side, and by as much in both halves: the device skipped a period.
SLIP_BLOCKS, SLIP_S = 24, 0.1
LEAST_SLIP_S = 0.0005
STEADY = 0.3  # by this share of the slip the halves may differ; blocks that are late and catch up do more


class Clock(Protocol):
    def now_s(self) -> float:
        """Seconds of a clock that never goes back; that of every event's `at_s`."""


class SystemClock:
    def now_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """Stands still until it is told to advance: for tests and offline rendering."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        if seconds < 0.0:
            raise ValueError(f"a clock never goes back; advance by {seconds} s")
        self._now_s += seconds


class SampleClock:
    """Maps moments to model samples by a smoothed anchor, so that the jitter of blocks does not move notes.

    A first-order loop: a plain mean at first, then one with a time constant of SETTLING_S, whatever the block size. A
    sound card that is 100 ppm off is followed 0.1 ms behind, a period that it skips within twice SLIP_S. Thread: performer only.
    Never raises.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget; the next observation is the anchor."""
        self._anchor_s: float | None = None
        self._anchor_sample = 0
        self._observations = 0
        self._one_sided_s: list[float] = []  # errors in a row
        self._one_sided_from_s = 0.0

    def follow(self, other: SampleClock, sample: int) -> None:
        """Go on in the time of `other`, whose number `sample` is our number 0."""
        self.reset()
        if other._anchor_s is not None:
            ahead_s = (sample - other._anchor_sample) / other._rate_hz
            self._anchor_s, self._observations = other._anchor_s + ahead_s, other._observations

    def observe(self, now_s: float, next_sample: int) -> None:
        """Once a block: at `now_s` the block that begins with `next_sample` is about to be rendered."""
        expected_s = now_s
        if self._anchor_s is not None:
            expected_s = self._anchor_s + (next_sample - self._anchor_sample) / self._rate_hz
        error_s = now_s - expected_s
        if self._anchor_s is None or abs(error_s) > JUMP_S:
            self._anchor_s, self._anchor_sample, self._observations = now_s, next_sample, 1
            return
        self._observations += 1
        if slip_s := self._slip_s(now_s, error_s):
            self._anchor_s, self._anchor_sample = expected_s + slip_s, next_sample
            return
        block_s = (next_sample - self._anchor_sample) / self._rate_hz
        gain = max(1.0 / self._observations, min(1.0, block_s / SETTLING_S))
        self._anchor_s, self._anchor_sample = expected_s + gain * error_s, next_sample

    def _slip_s(self, now_s: float, error_s: float) -> float:
        """By how much the stream has moved at once, when that has been seen for long enough; else 0."""
        if not self._one_sided_s or error_s * self._one_sided_s[0] <= 0.0:
            self._one_sided_s, self._one_sided_from_s = [], now_s
        self._one_sided_s.append(error_s)
        if len(self._one_sided_s) < SLIP_BLOCKS or now_s - self._one_sided_from_s < SLIP_S:
            return 0.0
        half = len(self._one_sided_s) // 2
        first_s, then_s = fmean(self._one_sided_s[:half]), fmean(self._one_sided_s[half:])
        self._one_sided_s = []
        return then_s if abs(then_s) >= LEAST_SLIP_S and abs(then_s - first_s) <= STEADY * abs(then_s) else 0.0

    def sample_at(self, at_s: float) -> float:
        """The sample, with fraction, that belongs to the moment; sample 0 before the first observation."""
        if self._anchor_s is None:
            return 0.0
        return self._anchor_sample + (at_s - self._anchor_s) * self._rate_hz
