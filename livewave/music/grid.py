"""Notes on the grid of sixteenths: what was played, as rows that the biaxial LSTM reads. Training and stage both
quantise here.

A note begins on the nearest step, and sounds at least one. Where one is struck again while it sounds, its row
says so. Pitches outside 24..101 sound in the nearest octave inside.
"""

from __future__ import annotations

import math

import numpy as np

from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY, STEPS_A_BEAT, VELOCITY, fold


def nearest_step(beat: float) -> int:
    """The step that begins nearest to `beat`; between two, the later one."""
    return math.floor(beat * STEPS_A_BEAT + 0.5)


class Grid:
    """Presses and releases in order of time, rows out. Thread: one. Never raises.

    folded  pitches that were outside, since the start
    """

    def __init__(self) -> None:
        self.folded = 0
        self._down: dict[int, tuple[int, int]] = {}  # note -> the step it was struck in, its velocity
        self._keys: dict[int, set[int]] = {}  # note -> the pitches that are down and fold to it
        self._rows: dict[int, np.ndarray] = {}  # step -> onsets and what earlier notes left there; see `row`
        self._last = -1  # the last step that was given out

    def press(self, beat: float, pitch: int, velocity: int) -> None:
        self.folded += fold(pitch) != pitch
        note, step = fold(pitch) - LOW, max(nearest_step(beat), self._last + 1)
        self._end(note, step)
        self._down[note] = (step, velocity)
        self._keys.setdefault(note, set()).add(pitch)
        self._row(step)[note] = (1, 1, velocity)

    def release(self, beat: float, pitch: int) -> None:
        note = fold(pitch) - LOW
        keys = self._keys.get(note, set())
        keys.discard(pitch)
        if note in self._down and not keys:
            self._end(note, max(nearest_step(beat), self._down[note][0] + 1))

    @property
    def sounding(self) -> bool:
        """Whether any key is down."""
        return bool(self._down)

    @property
    def last_step(self) -> int:
        """The last step in which anything is known to sound; -1 where there is none."""
        return max(self._rows, default=-1)

    def row(self, step: int) -> np.ndarray:
        """uint8 [78, 3]: what sounds in `step`. Rows are given out in order, and forgotten; a row may be left out."""
        row = self._rows.get(step)
        row = np.zeros((NOTES, 3), np.uint8) if row is None else row
        for note, (began, velocity) in self._down.items():
            if began < step:
                row[note] = (1, 0, velocity)
        for old in [known for known in self._rows if known <= step]:
            del self._rows[old]
        self._last = max(self._last, step)
        return row

    def move(self, steps: int) -> None:
        """The beat jumped: from now on everything that is known lies `steps` later."""
        self._down = {note: (began + steps, velocity) for note, (began, velocity) in self._down.items()}
        self._rows = {step + steps: row for step, row in self._rows.items()}
        self._last += steps

    def _end(self, note: int, step: int) -> None:
        """The note that is down sounds until before `step`."""
        began, velocity = self._down.pop(note, (step, 0))
        for held in range(max(began + 1, self._last + 1), step):
            self._row(held)[note] = (1, 0, velocity)

    def _row(self, step: int) -> np.ndarray:
        return self._rows.setdefault(step, np.zeros((NOTES, 3), np.uint8))


def rows_of(notes: list[tuple[float, float, int, int]], steps: int) -> np.ndarray:
    """uint8 [steps, 78, 3] of whole notes (begin and end in beats, pitch, velocity), in any order."""
    rows = np.zeros((steps, NOTES, 3), np.uint8)
    for begin, end, pitch, velocity in sorted(notes):
        first, note = nearest_step(begin), fold(pitch) - LOW
        last = max(nearest_step(end), first + 1)
        if 0 <= first < steps:
            rows[first:last, note, PLAY] = 1
            rows[first:last, note, ARTICULATE] = 0
            rows[first, note, ARTICULATE] = 1
            rows[first:last, note, VELOCITY] = velocity
    return rows
