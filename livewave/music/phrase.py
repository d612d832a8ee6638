"""What was played, in rows: the memory that the net is shown, and what a phrase says about the answer to it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from livewave.music.biaxial import ARTICULATE, HIGH, LOW, MOST_STEPS_A_BAR, NOTES, PLAY, VELOCITY
from livewave.music.key import Key, estimate

VELOCITY_UNHEARD = 80
MEMORY_BARS = LONGEST_ANSWER_BARS = 16
SHOWN_BARS = 4  # a phrase shorter than this is shown again, so that the net hears what key and style it is in
FADING = 0.1  # of what the phrases before say about the key

Entry = tuple[np.ndarray, int]  # a step's row, and the place in its bar of the step after it

SILENCE = np.zeros((NOTES, 3), np.uint8)
_CLASSES = (np.arange(NOTES) + LOW) % 12


class Rows:
    """Steps, oldest first, each a row with the place in the bar of the step after it. Of a rest longer than a bar whole
    bars are left out, so that the bars go on and nobody is told of silence at length. Thread: one.

    rest  how many of the last rows are silent
    """

    def __init__(self, entries: list[Entry] | None = None, rest: int = 0) -> None:
        self._entries, self.rest = list(entries or ()), rest

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def add(self, row: np.ndarray, after: int, bar: int) -> None:
        """`bar`: how many steps make one, now."""
        self._entries.append((row, after))
        self.rest = 0 if row[:, PLAY].any() else self.rest + 1
        if self.rest > bar:
            del self._entries[-bar:]
            self.rest -= bar

    def keep(self, most: int) -> None:
        """Forget all but the last `most`."""
        del self._entries[:-most]
        self.rest = min(self.rest, len(self._entries))

    def take(self) -> Entry:
        """The oldest one, which is then no longer there."""
        entry = self._entries.pop(0)
        self.rest = min(self.rest, len(self._entries))
        return entry

    def cut_bars_of_rest(self, bar: int, least: int) -> None:
        """Forget the whole bars of the silence at the end, but keep `least` steps in all."""
        bars = min(self.rest, max(len(self._entries) - least, 0)) // bar
        if bars:
            del self._entries[-bars * bar :]
            self.rest -= bars * bar

    def cut_rest(self) -> list[Entry]:
        """The silence at the end, which is then no longer there."""
        begin = len(self._entries) - self.rest
        silent, self._entries, self.rest = self._entries[begin:], self._entries[:begin], 0
        return silent

    def copy(self) -> Rows:
        return Rows(self._entries, self.rest)


class Phrase:
    """The steps that the player's notes make, from the first onset to the last release, and what follows from them. Of
    the phrase before it, a little of the key is kept, and its velocity until there is one. Thread: one.

    steps  from the first onset to the last release
    """

    def __init__(self, before: Phrase | None = None) -> None:
        self.steps = 0
        self._weights = before._weights * FADING if before else np.zeros(12)  # steps in which each class sounds
        self._velocity = before.velocity if before else VELOCITY_UNHEARD
        self._struck = np.zeros(128, int)  # onsets of each velocity
        self._notes = np.zeros(NOTES, bool)  # those that sounded
        self._sounding = 0  # notes, summed over the steps
        self._entries: list[Entry] = []
        self._heard = 0

    def add(self, row: np.ndarray, after: int) -> None:
        """The next step. Silence before the first onset is no part of it."""
        sounding = row[:, PLAY] > 0
        if not self._heard and not sounding.any():
            return
        self._heard += 1
        if sounding.any():
            self.steps = self._heard
        if self._heard <= SHOWN_BARS * MOST_STEPS_A_BAR:
            self._entries.append((row, after))
        self._sounding += int(sounding.sum())
        self._notes |= sounding
        self._weights += np.bincount(_CLASSES, sounding, 12)
        np.add.at(self._struck, row[row[:, ARTICULATE] > 0, VELOCITY], 1)

    @property
    def velocity(self) -> int:
        """The median of its onsets; of two in the middle the lower."""
        struck = np.cumsum(self._struck)
        return int(np.searchsorted(struck, 0.5 * struck[-1])) if struck[-1] else self._velocity

    @property
    def key(self) -> Key | None:
        return estimate(self._weights)

    @property
    def reach(self) -> tuple[int, int]:
        """The pitches from an octave below its lowest to one above its highest; all of them while there is none."""
        sounded = np.flatnonzero(self._notes) + LOW
        return (int(sounded[0]) - 12, int(sounded[-1]) + 12) if len(sounded) else (LOW, HIGH)

    @property
    def few(self) -> float:
        """With fewer notes than this, too little sounds: half of what sounded on average, but not less than one."""
        return max(1.0, 0.5 * self._sounding / max(self.steps, 1))

    def bars(self, bar: int) -> int:
        """How many bars of `bar` steps answer it."""
        return min(max(math.ceil(self.steps / bar), 1), LONGEST_ANSWER_BARS)

    def echoes(self, bar: int) -> list[Entry]:
        """What follows its last step when it is shown again, on the same places of the bar, for SHOWN_BARS in all."""
        shown = self._entries[: self.steps]
        if not shown:
            return []
        first, after = (shown[0][1] - 1) % bar, shown[-1][1]
        gap = [(SILENCE, (after + step) % bar) for step in range(1, (first - after) % bar + 1)]
        return [*gap, *shown] * (math.ceil(SHOWN_BARS * bar / (self.steps + len(gap))) - 1)
