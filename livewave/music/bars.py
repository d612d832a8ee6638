"""Bars: which metres there are, and where each bar begins in the count of sixteenths."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livewave import ConfigError

UNITS = (2, 4, 8, 16)
STEPS_A_BEAT = 4
LONGEST_BAR_STEPS = 16
LEGAL_METRES = ", ".join(f"1/{unit} to {LONGEST_BAR_STEPS * unit // 16}/{unit}" for unit in UNITS)
# Beats are floats: a bar line is met when it is missed by less.
_HAIR_STEPS = 1e-6


def check_metre(beats: int, unit: int) -> int:
    """Sixteenths in such a bar. Raises ConfigError where the metre is none that the continuation can count in."""
    if unit not in UNITS or not 1 <= beats * 16 // unit <= LONGEST_BAR_STEPS:
        raise ConfigError(f"the metre {beats}/{unit} cannot be counted: a bar must be 1 to {LONGEST_BAR_STEPS} whole "
                          f"sixteenths; legal are {LEGAL_METRES}")
    return beats * 16 // unit


@dataclass(frozen=True, slots=True)
class Count:
    """From the step `since` on, bars of the metre, one of which begins at `origin`."""

    since: float
    origin: int
    metre: tuple[int, int]
    steps: int

    def line(self, step: float) -> int:
        """The first bar line at or after `step`."""
        return self.origin + math.ceil((step - self.origin - _HAIR_STEPS) / self.steps) * self.steps


class Bars:
    """The bars, in a metre that may change at a bar line. Thread: one. Raises ConfigError as check_metre does."""

    def __init__(self, metre: tuple[int, int]) -> None:
        self._now = Count(-math.inf, 0, metre, check_metre(*metre))
        self._next: Count | None = None

    @property
    def metre(self) -> tuple[int, int]:
        return self._now.metre

    @property
    def steps(self) -> int:
        return self._now.steps

    def change(self, metre: tuple[int, int], beat: float, from_zero: bool) -> None:
        """Another metre from the next bar line on, counted from there or, `from_zero`, from the first beat of all."""
        steps, line = check_metre(*metre), self._now.line(beat * STEPS_A_BEAT)
        self._next = Count(line, 0 if from_zero else line, metre, steps) if metre != self.metre else None
        self.reach(beat)

    def reach(self, beat: float) -> None:
        """It is `beat` now: a metre that was to come may be there."""
        if self._next is not None and beat * STEPS_A_BEAT >= self._next.since - _HAIR_STEPS:
            self._now, self._next = self._next, None

    def begin(self, step: int) -> bool:
        """A bar begins at `step`, in the metre that was to come, if any; whether that changes the place of any step."""
        count = self._next or self._now
        changes = self._next is not None or (step - self._now.origin) % self._now.steps != 0
        self._now, self._next = Count(-math.inf, step, count.metre, count.steps), None
        return changes

    def position(self, step: int) -> int:
        count = self._at(step)
        return (step - count.origin) % count.steps

    def next_line(self, beat: float) -> float:
        """The first bar line at or after `beat`, in beats."""
        step = beat * STEPS_A_BEAT
        line = self._at(step).line(step)
        if self._next is not None and line >= self._next.since:
            line = self._next.line(max(step, self._next.since))
        return line / STEPS_A_BEAT

    def _at(self, step: float) -> Count:
        return self._next if self._next is not None and step >= self._next.since else self._now
