"""The piano roll: strikes and releases in, columns of 128 velocities out. Training and stage both make their columns here.

A pitch that is struck while it sounds is silent for RESTRIKE_GAP_S first: a binary roll has no other way to say "again".
A note shorter than LATCH_S is held that long: a column too short for the net to speak would be a lost note.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from livewave.control.events import Bend, Release, Strike

PITCHES = 128
RESTRIKE_GAP_S = 0.004
LATCH_S = 0.02


class Roll:
    """Held notes as columns. Thread: performer only.

    Changes may be given for any column, in any order; one that is already past takes effect in the next column.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._gap = max(1, round(RESTRIKE_GAP_S * rate_hz))
        self._latch = max(1, round(LATCH_S * rate_hz))
        self.next_column = 0
        self._strikes = [0] * PITCHES  # how often each pitch was struck: a postponed change of an older strike is void
        self.clear()

    def clear(self) -> None:
        """Forget every note and every change still to come. Time, the column count, goes on."""
        self._changes: list[tuple[int, int, int, int, int | None]] = []  # column, order, pitch, velocity, strike or None
        self._order = 0
        self.silence()

    def forget(self, column: int) -> None:
        """Forget the changes that were given for that column and later ones; what is given from now on counts."""
        self._changes = [change for change in self._changes if change[0] < column]
        heapq.heapify(self._changes)

    def silence(self) -> None:
        """End every note before the next column; what is given for it or later stays to come."""
        self._velocity = np.zeros(PITCHES, np.uint8)
        self._since = [-1] * PITCHES  # column at which the sounding note began; -1 = silent
        self._fell_silent = [-1] * PITCHES  # column at which the last note ended
        self._strikes = [strikes + 1 for strikes in self._strikes]

    def strike(self, column: int, pitch: int, velocity: int) -> None:
        """The pitch starts, or starts again, with `velocity` 1..127."""
        self._push(column, pitch, velocity, None)

    def release(self, column: int, pitch: int) -> None:
        self._push(column, pitch, 0, None)

    def release_all(self, column: int) -> None:
        for pitch in range(PITCHES):
            self.release(column, pitch)

    def columns(self, out: np.ndarray) -> None:
        """Fill `out` with the next columns.

        out  uint8 [columns, 128]  written; 0 = off, 1..127 = velocity
        """
        done, end = 0, self.next_column + len(out)
        while self._changes and self._changes[0][0] < end:
            column, _, pitch, velocity, strike = heapq.heappop(self._changes)
            upto = max(column - self.next_column, done)
            out[done:upto] = self._velocity
            done = upto
            self._apply(self.next_column + done, pitch, velocity, strike)
        out[done:] = self._velocity
        self.next_column = end

    def _push(self, column: int, pitch: int, velocity: int, strike: int | None) -> None:
        order = self._order if strike is None else -1  # what was postponed comes before what is given for its column
        heapq.heappush(self._changes, (max(column, self.next_column), order, pitch, velocity, strike))
        self._order += 1

    def _apply(self, column: int, pitch: int, velocity: int, strike: int | None) -> None:
        if strike is not None and strike != self._strikes[pitch]:
            return
        if velocity and strike is None:
            self._begin(column, pitch, velocity)
        elif velocity:
            self._velocity[pitch] = velocity
        elif strike is None and column < self._since[pitch] + self._latch and self._since[pitch] >= 0:
            self._push(self._since[pitch] + self._latch, pitch, 0, self._strikes[pitch])
        else:
            self._silence(column, pitch)
            self._since[pitch] = -1

    def _silence(self, column: int, pitch: int) -> None:
        if self._velocity[pitch]:
            self._velocity[pitch], self._fell_silent[pitch] = 0, column

    def _begin(self, column: int, pitch: int, velocity: int) -> None:
        self._strikes[pitch] += 1
        self._silence(column, pitch)
        if self._fell_silent[pitch] == column:
            column += self._gap
            self._push(column, pitch, velocity, self._strikes[pitch])
        else:
            self._velocity[pitch] = velocity
        self._since[pitch] = column


def columns_of(changes: Iterable[Strike | Release | Bend], columns: int, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: the roll of a whole piece whose time 0 is column 0; `at_s` of each change counts from there.

    Bends are left to `livewave.music.bends.bends_of`.
    """
    roll = Roll(rate_hz)
    for change in changes:
        column = round(change.at_s * rate_hz)
        if isinstance(change, Strike):
            roll.strike(column, change.pitch, change.velocity)
        elif isinstance(change, Release):
            roll.release(column, change.pitch)
    out = np.empty((columns, PITCHES), np.uint8)
    roll.columns(out)
    return out
