"""The net as a listener: it is told of each step at once, and hears it when there is time or when it must compose."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from livewave.music.biaxial import BiaxialSpec
from livewave.music.chooser import Choose
from livewave.music.phrase import Entry, Rows

# What is told takes so long to be heard, with a margin. A figure and not a measurement: a take must be had again.
HEARING_S = 0.003
PIECE_ROWS = 4


class Hearer(Protocol):
    """What the continuation needs of Composer; see there."""

    spec: BiaxialSpec

    def reset(self) -> None: ...
    def advance(self, row: np.ndarray, position: int) -> None: ...
    def compose(self, choose: Choose) -> None: ...


class Listener:
    """Rows to the net in the order of their steps, in pieces. What it has heard when it composes depends on what it was
    told, not on when it had time. Thread: one.
    """

    def __init__(self, composer: Hearer) -> None:
        self._composer = composer
        self.forget()

    def forget(self) -> None:
        """Nothing was told."""
        self._forgotten, self._told = True, Rows()

    def prime(self, rows: Rows) -> float:
        """From now on it has been told of `rows` and nothing else. How many seconds that takes to be heard, at most."""
        self._forgotten, self._told = True, rows.copy()
        return HEARING_S * len(rows)

    def tell(self, row: np.ndarray, after: int, bar: int) -> None:
        """The next step: see Rows.add."""
        self._told.add(row, after, bar)

    def tell_before_the_rest(self, entries: list[Entry], bar: int) -> float:
        """Steps that belong before the silence it was told of last. How many seconds they take to be heard, at most."""
        rest = self._told.cut_rest()
        for row, after in [*entries, *rest]:
            self._told.add(row, after, bar)
        return HEARING_S * len(entries)

    @property
    def busy(self) -> bool:
        """Whether it has something to hear. Silence at the end waits for what ends it: it may become too long."""
        return len(self._told) > self._told.rest

    def hear_a_piece(self) -> None:
        for _ in range(min(PIECE_ROWS, len(self._told) - self._told.rest)):
            self._hear()

    def hear_before(self, steps: int, bar: int) -> None:
        """Hear the silence too, so that it is not waited for when the net comes in, `steps` steps from now; unless whole
        bars of it are to be left out then."""
        if self._told.rest + steps < bar:
            self.hear_all()

    def come_in(self, bar: int) -> None:
        """It is to compose after a rest. Whole bars of that are not told: who hears a bar of silence expects another one."""
        self._told.cut_bars_of_rest(bar, least=int(self._forgotten))

    def hear_all(self) -> None:
        while len(self._told):
            self._hear()

    def compose(self, choose: Choose) -> None:
        """The step after all that it was told of; at least one must have been."""
        self.hear_all()
        self._composer.compose(choose)

    def _hear(self) -> None:
        if self._forgotten:
            self._composer.reset()
            self._forgotten = False
        self._composer.advance(*self._told.take())
