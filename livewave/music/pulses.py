"""The line behind a MIDI clock: when each pulse was meant, and how fast they come, through the jitter of their arrival.

A straight line is laid through the last pulses by least squares. How many of them is decided anew at each pulse: the
most for which the line still agrees with the lines through fewer (the intersection of confidence intervals;
Goldenshluger and Nemirovski 1997, Katkovnik 1999). While the tempo is steady that is four beats and the jitter is
averaged away; after a change it is a handful, and grows again. A pulse far off the line is doubted until the next ones
confirm it; so neither a late pulse nor a missing one bends the tempo.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

PULSES_A_BEAT = 24

_WINDOWS = np.array((6, 10, 16, 28, 48, 96))
_LOCKED_PULSES = int(_WINDOWS[0])
# Two lines agree while they are fewer than so many of their standard deviations apart.
_AGREE = 3.0
# A pulse further off the line than so many times the jitter is doubted; so many doubted in a row are right.
_GATE, _LEAST_GATE_S = 5.0, 0.001
_DOUBTED = 4
# Pulses are told to be missing where the next ones are this close to their place, in intervals.
_SHIFT_SHARE = 0.2
# The jitter until it is known, and the least that is believed.
_JITTER_S, _LEAST_JITTER_S = 0.001, 0.0001
# Of a second difference of independent errors: its deviation is sqrt(6) of theirs, and its median is 0.6745 of that.
_MEDIAN_OF_SECOND = 0.6745 * math.sqrt(6.0)
# Of fewer pulses than this, the interval known before is better than theirs, unless it is so many deviations off.
_OWN_PULSES = 12
_KEEP = 2.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The line: the pulse `index` was meant at `at_s`, and they come every `interval_s`."""

    index: int
    at_s: float
    interval_s: float

    def at_of(self, index: int) -> float:
        return self.at_s + (index - self.index) * self.interval_s

    def index_at(self, at_s: float) -> float:
        """The pulse, with fraction, that belongs to the moment."""
        return self.index + (at_s - self.at_s) / self.interval_s


class Pulses:
    """The pulses of one sender, oldest first. Thread: one. Never raises.

    count   pulses so far, the missing ones that could be told counted too; the first is 0
    fit     the line; before the first pulse, at no moment and with the interval that is expected
    locked  whether there were enough to trust it
    """

    def __init__(self, interval_s: float) -> None:
        self._bends_s: deque[float] = deque(maxlen=int(_WINDOWS[-1]))
        self._jitter_s = _JITTER_S
        self._begin(interval_s)

    def _begin(self, interval_s: float) -> None:
        self.count = -1
        self.fit = Fit(-1, -math.inf, interval_s)
        self.locked = False
        self.last_s = -math.inf
        self._known_interval_s = interval_s
        self._line: deque[tuple[int, float]] = deque(maxlen=int(_WINDOWS[-1]))
        self._doubted: list[float] = []

    def add(self, at_s: float) -> None:
        """One more pulse has come."""
        self.last_s = at_s
        self.count += 1
        if not self.locked:
            self._take(self.count, at_s)
            return
        self._doubted.append(at_s)
        if self._in_line(at_s, self.count, self._gate_s()):
            self._doubted.clear()
            self._take(self.count, at_s)
        elif shift := self._shift():
            self.count += shift
            self._take_doubted()
        elif len(self._doubted) == _DOUBTED:
            self._begin_anew()

    def restart(self, at_s: float) -> None:
        """The pulse at `at_s` is the first of a new line, whose interval is thought to be as before."""
        self._begin(self.fit.interval_s)
        self.add(at_s)

    def fits(self, at_s: float) -> bool:
        """Whether a pulse at this moment would be the next one of the line."""
        return self.locked and self._in_line(at_s, self.count + 1, self._gate_s())

    def _in_line(self, at_s: float, index: int, within_s: float) -> bool:
        return abs(at_s - self.fit.at_of(index)) <= within_s

    def _gate_s(self) -> float:
        return max(_GATE * self._jitter_s, _LEAST_GATE_S)

    def _shift(self) -> int:
        """By how many the doubted, if two or more, agree to be later in the row than counted (earlier: below 0)."""
        if len(self._doubted) < 2:
            return 0
        within_s = min(self._gate_s(), _SHIFT_SHARE * self.fit.interval_s)
        shift = round(self.fit.index_at(self._doubted[-1])) - self.count
        first = self.count - len(self._doubted) + 1 + shift
        agree = all(self._in_line(at_s, first + place, within_s) for place, at_s in enumerate(self._doubted))
        return shift if agree else 0

    def _begin_anew(self) -> None:
        """The doubted were right, and what came before them is over."""
        self._known_interval_s = self.fit.interval_s
        self._line.clear()
        self._take_doubted()

    def _take_doubted(self) -> None:
        first = self.count - len(self._doubted) + 1
        for place, at_s in enumerate(self._doubted):
            self._take(first + place, at_s)
        self._doubted.clear()

    def _take(self, index: int, at_s: float) -> None:
        self._line.append((index, at_s))
        if len(self._line) >= 3 and index - self._line[-3][0] == 2:
            self._bends_s.append(abs(at_s - 2.0 * self._line[-2][1] + self._line[-3][1]))
            self._jitter_s = self._measured_jitter_s()
        self._refit()

    def _measured_jitter_s(self) -> float:
        """Standard deviation of the arrival, of second differences: a tempo that changes does not enlarge it."""
        if len(self._bends_s) < _DOUBTED:
            return self._jitter_s
        return max(sorted(self._bends_s)[len(self._bends_s) // 2] / _MEDIAN_OF_SECOND, _LEAST_JITTER_S)

    def _refit(self) -> None:
        index, last_s = self._line[-1]
        offset_s, interval_s = self._longest_agreeing() if len(self._line) > 1 else (0.0, self._known_interval_s)
        if interval_s > 0.0:
            self.fit = Fit(index, last_s + offset_s, interval_s)
        self.locked = self.locked or len(self._line) >= _LOCKED_PULSES and self.fit.index == index

    def _longest_agreeing(self) -> tuple[float, float]:
        """Where the last pulse belongs, from its stamp, and the interval, by the longest window that agrees."""
        index, at_s = np.array(self._line)[::-1].T
        x, y = index - index[0], at_s - at_s[0]
        sizes = _WINDOWS[_WINDOWS <= len(x)] if len(x) >= _WINDOWS[0] else np.array([len(x)])
        n, i, ii, t, it = np.cumsum([np.ones_like(x), x, x * x, y, x * y], axis=1)[:, sizes - 1]
        spread = n * ii - i * i
        lines = np.array([(ii * t - i * it) / spread, (n * it - i * t) / spread])
        deviations = self._jitter_s * np.sqrt(np.array([ii, n]) / spread)
        low = np.maximum.accumulate(lines - _AGREE * deviations, axis=1)
        high = np.minimum.accumulate(lines + _AGREE * deviations, axis=1)
        agree = np.logical_and.accumulate((low <= high).all(axis=0))
        last = np.count_nonzero(agree) - 1
        known_s = self._known_interval_s
        if len(x) < _OWN_PULSES and abs(lines[1, last] - known_s) < _KEEP * deviations[1, last]:
            return float((t[last] - known_s * i[last]) / n[last]), known_s
        return float(lines[0, last]), float(lines[1, last])
