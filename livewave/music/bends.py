"""How far each pitch is bent, column by column, beside the roll. Training and stage both make their bends here.

A pitch that sounds glides to a new bend within GLIDE_S, for a wheel moves in steps; one that begins has its bend at
once; one that is silent is not bent.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from livewave.control.events import Bend, Release, Strike
from livewave.music.roll import PITCHES

# What a flute hissed over steps of 3 to 75 cents every 20 ms was the same for 1 to 20 ms: so it is short.
GLIDE_S = 0.005


class Bends:
    """The bends of 128 pitches. Thread: performer only.

    Changes may be given for any column, in any order; one that is already past takes effect in the next column.
    """

    def __init__(self, rate_hz: int) -> None:
        self._glide = max(1, round(GLIDE_S * rate_hz))
        self.clear()

    def clear(self) -> None:
        """Forget every bend and every change still to come."""
        self._changes: list[tuple[int, int, int, float]] = []  # column, order, pitch, semitones
        self._order = 0
        self.straighten()

    def forget(self, column: int) -> None:
        """Forget the changes that were given for that column and later ones; what is given from now on counts."""
        self._changes = [change for change in self._changes if change[0] < column]
        heapq.heapify(self._changes)

    def straighten(self) -> None:
        """Let nothing be bent from the next column on; what is given for it or later stays to come."""
        self._wanted, self._now = np.zeros(PITCHES, np.float32), np.zeros(PITCHES, np.float32)
        self._left = np.zeros(PITCHES, np.int32)  # columns until `_now` is `_wanted`
        self._sounded = np.zeros(PITCHES, bool)  # in the last column given out

    def bend(self, column: int, pitch: int, semitones: float) -> None:
        heapq.heappush(self._changes, (column, self._order, pitch, semitones))
        self._order += 1

    def columns(self, first: int, roll: np.ndarray, out: np.ndarray) -> bool:
        """Fill `out` with the columns from number `first` on, which follow those of the last call; whether any is bent.

        roll  uint8   [columns, 128]  which pitches sound
        out   float32 [columns, 128]  written; semitones
        """
        out[:] = 0.0
        due, heard = self._changes and self._changes[0][0] < first + len(roll), roll.any(0)
        if not (due or self._wanted[heard].any() or self._now[heard].any()):
            self._sounded = roll[-1] > 0
            return False
        for row, sounding in enumerate(roll > 0):
            self._take_changes(first + row)
            self._move(sounding)
            out[row, sounding] = self._now[sounding]
        return bool(out.any())

    def _take_changes(self, column: int) -> None:
        while self._changes and self._changes[0][0] <= column:
            _, _, pitch, semitones = heapq.heappop(self._changes)
            self._wanted[pitch], self._left[pitch] = semitones, self._glide

    def _move(self, sounding: np.ndarray) -> None:
        """One column on: a straight way to what is wanted for what has sounded before, at once for all others."""
        self._left[~(sounding & self._sounded)] = 0
        moved = self._now + (self._wanted - self._now) / np.maximum(self._left, 1).astype(np.float32)
        self._now = np.where(self._left > 1, moved, self._wanted)
        np.maximum(self._left - 1, 0, out=self._left)
        self._sounded = sounding


def bends_of(changes: Iterable[Strike | Release | Bend], roll: np.ndarray, rate_hz: int) -> np.ndarray:
    """float32 [columns, 128]: the bends of a whole piece, in semitones, beside its roll as `columns_of` makes it."""
    bends, out = Bends(rate_hz), np.empty(roll.shape, np.float32)
    for change in changes:
        if isinstance(change, Bend):
            bends.bend(round(change.at_s * rate_hz), change.pitch, change.semitones)
    bends.columns(0, roll, out)
    return out
