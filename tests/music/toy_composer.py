"""A composer whose every note can be worked out by hand: it plays what sounded a bar ago, and is sure of it."""

from __future__ import annotations

import numpy as np

from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY, STEPS_A_BEAT, BiaxialSpec
from livewave.music.chooser import Choose

SURE = 1000.0  # of a logit: its p is 1, and that of its negative exactly 0, whatever the exponent


class ToyComposer:
    """In place of Composer. Where nothing sounded a bar ago it plays `otherwise`, struck on each beat; None: it is silent.

    heard  (row, position of the next step) of every `advance` since the last `reset`
    shown  what the last `compose` was told of each note
    """

    spec = BiaxialSpec()

    def __init__(self, otherwise: int | None = None, bar: int = 16) -> None:
        self.heard: list[tuple[np.ndarray, int]] = []
        self.shown: list[tuple[float, float, float]] = []
        self.composed = self.resets = 0
        self._otherwise, self._bar = otherwise, bar
        self._ready = False

    def reset(self) -> None:
        self.heard, self._ready = [], False
        self.resets += 1

    def advance(self, row: np.ndarray, position: int) -> None:
        assert row.shape == (NOTES, 3) and row.dtype == np.uint8 and 0 <= position < self._bar
        self.heard.append((row.copy(), position))
        self._ready = True

    def compose(self, choose: Choose) -> None:
        assert self._ready, "a step is composed after it was advanced to, and not when it has become the step before"
        self.composed += 1
        row = self._next_row()
        self.shown = [choose(note, self._logits(row[note])) for note in range(NOTES)]

    def _next_row(self) -> np.ndarray:
        row = self.heard[-self._bar][0] if len(self.heard) >= self._bar else np.zeros((NOTES, 3), np.uint8)
        if self._otherwise is not None and not row.any():
            row = row.copy()
            row[self._otherwise - LOW] = 1, self.heard[-1][1] % STEPS_A_BEAT == 0, 0
        return row

    def _logits(self, cell: np.ndarray) -> np.ndarray:
        return np.array([SURE if cell[PLAY] else -SURE, SURE if cell[ARTICULATE] else -SURE], np.float32)
