"""Rolls as a net that composes would tell them: not what sounds, but what may, and how surely.

A value of a soft roll is a velocity times the probability that the pitch sounds, see `livewave.music.softroll`. What is
drawn here is calibrated: of all that is shown at half of its velocity, half sounds in the recording. So a net can learn
what a probability is worth: to follow what is sure, and to settle on one where two are as likely.

Every chance is drawn as somebody would believe it who then sees the truth: from a Dirichlet or beta distribution whose
parameter of what is true is larger by one. Chances change in steps, as those of the continuation do, and where a note
begins.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from livewave.music.roll import PITCHES, RESTRIKE_GAP_S
from training.data.sparse_roll import changes_of_roll, runs_of

STEP_S = (0.08, 0.3)  # a sixteenth, from 190 to 50 beats a minute
DOUBT = (0.01, 0.6)  # parameter of what is false: the larger, the less is sure; one for each crop
MOST_RIVALS = 4
RIVAL_STEPS = (-12, -7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7, 12)  # semitones from what is played
HELD_STEPS = 2.0  # a note sounds on so much more often than it ends
HELD_ON = 3.0  # and is so much more often held than struck again
UNKNOWN_PITCHES, UNKNOWN_VELOCITY = (55, 84), 92  # what may begin where nothing sounds all through


def soften(roll: np.ndarray, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: a soft roll of which `roll` might be what comes to pass.

    roll  uint8 [columns, 128]  velocities of what sounds, 0 elsewhere; `rate_hz` columns a second
    """
    runs = runs_of(changes_of_roll(roll), len(roll)).tolist()
    step, gap = round(rate_hz * _log_uniform(rng, STEP_S)), max(1, round(RESTRIKE_GAP_S * rate_hz))
    soft = _Softening(rng, len(roll), _log_uniform(rng, DOUBT), gap, runs)
    for first, last in pairwise(_cuts(runs, len(roll), step, int(rng.integers(step)))):
        soft.step(first, last)
    return np.round(soft.out).astype(np.uint8)


class _Softening:
    """The steps of one crop, one after another; `out`, float64 [columns, 128], grows."""

    def __init__(self, rng: np.random.Generator, columns: int, doubt: float, gap: int, runs: list[list[int]]) -> None:
        self.rng, self.doubt, self.gap, self.runs = rng, doubt, gap, runs
        self.out = np.zeros((columns, PITCHES))
        self._ends = {(pitch, last) for pitch, _, last, _ in runs}
        self._begins = {(pitch, first) for pitch, first, _, _ in runs}
        self._near = [(pitch, velocity) for pitch, _, _, velocity in runs] or [
            (int(rng.integers(UNKNOWN_PITCHES[0], UNKNOWN_PITCHES[1] + 1)), UNKNOWN_VELOCITY)]

    def step(self, first: int, last: int) -> None:
        sounding = [run for run in self.runs if run[1] < last and run[2] > first]
        for pitch, begin, end, velocity in sounding:
            if begin == first:
                share = self._rivals(pitch, velocity, first, last)
                self._again(pitch, velocity * share, first)
            else:
                share = self.rng.beta(1.0 + HELD_STEPS * self.doubt, self.doubt)
                self._show(pitch, velocity * share * (1.0 - self._struck(False)), first, min(end, first + self.gap))
            self._show(pitch, velocity * share, first if begin == first else first + self.gap, min(end, last))
            if end < last and not self._struck_again(pitch, end):
                self._show(pitch, velocity * self.rng.beta(HELD_STEPS * self.doubt, 1.0 + self.doubt), end, last)
        if not any(run[1] == first for run in sounding):
            pitch, velocity = self._near[self.rng.integers(len(self._near))]
            self._rivals(pitch, velocity, first, last)

    def _rivals(self, pitch: int, velocity: int, first: int, last: int) -> float:
        """Show what else might have begun, near `pitch`, and return the chance of what did."""
        rivals = int(self.rng.integers(MOST_RIVALS + 1))
        chances = self.rng.dirichlet([1.0 + self.doubt] + [self.doubt] * rivals)
        for step, chance in zip(self.rng.choice(RIVAL_STEPS, rivals, replace=False), chances[1:]):
            self._show(min(max(pitch + int(step), 0), PITCHES - 1), velocity * chance, first, last)
        return float(chances[0])

    def _again(self, pitch: int, value: float, first: int) -> None:
        """A note that was struck while it sounded: its gap is as deep as that is sure."""
        for end in range(max(1, first - self.gap), first):
            if (pitch, end) in self._ends:
                self._show(pitch, value * (1.0 - self._struck(True)), end, first)

    def _struck(self, truly: bool) -> float:
        """The chance that a pitch is struck again in this step."""
        return float(self.rng.beta(self.doubt + truly, HELD_ON * self.doubt + (not truly)))

    def _struck_again(self, pitch: int, end: int) -> bool:
        return any((pitch, begin) in self._begins for begin in range(end, end + self.gap + 1))

    def _show(self, pitch: int, value: float, first: int, last: int) -> None:
        if last > first:
            self.out[first:last, pitch] = np.maximum(self.out[first:last, pitch], value)


def _cuts(runs: list[list[int]], columns: int, step: int, phase: int) -> list[int]:
    """Columns in which chances change, 0 and the end included: where notes begin, and every step from there on."""
    begins = sorted({0, *(first for _, first, _, _ in runs)})
    cuts = [cut for begin, until in pairwise([*begins, columns])
            for cut in (begin, *range(begin + (phase if begin == 0 and phase else step), until, step))]
    return [*cuts, columns]


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return math.exp(rng.uniform(math.log(low), math.log(high)))
