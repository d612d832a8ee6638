"""Who plays, and who is on the way out: a model is changed while the sound goes on.

A *life* is one performer, from its fresh start to its fade-out. The next one begins beside it: it is told what is held, fades in
while the other one fades out, and their frames are added.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from livewave.link import Command, Order
from livewave.performer import Performer, Placed
from livewave.standing import Standing


class Leaving:
    """The last frames of a performer that was told to stop. Thread: performer only."""

    def __init__(self, performer: Performer) -> None:
        self.performer = performer
        self._rest = np.zeros(0, np.float32)

    @property
    def gone(self) -> bool:
        """Whether all that is to come is silence."""
        return self.performer.faded_out and not len(self._rest)

    def add_to(self, frames: np.ndarray) -> np.ndarray:
        """`frames` with as many of its own added, and of the same shape: a new array."""
        mixed, done = frames.copy(), 0
        while done < len(mixed) and not self.gone:
            if not len(self._rest):
                self._rest = self.performer.step().copy()
            count = min(len(self._rest), len(mixed) - done)
            mixed[done : done + count] += self._rest[:count]
            self._rest, done = self._rest[count:], done + count
        return mixed


Begin = Callable[[Performer, int], "Placed | None"]


class Stage:
    """The performer of now, and the change to another one. Thread: performer only.

    frames   made so far
    changed  performers that are gone and may be closed; whoever closes them empties the list
    """

    def __init__(self, performer: Performer) -> None:
        self.performer, self.frames = performer, 0
        self.changed: list[Performer] = []
        self._begin: Begin = lambda performer, frame: None
        self._standing = Standing()
        self._gone_late = self._gone_faults = 0
        self._next: Performer | None = None
        self._leaving: Leaving | None = None

    def tell(self, begin: Begin) -> None:
        """Before the first order: let `begin` be told each performer that begins, this one too, and the number of its first
        frame; what it returns listens to the orders of that performer."""
        self._begin = begin
        self.performer.placed = begin(self.performer, 0)

    @property
    def faded_out(self) -> bool:
        return self.performer.faded_out and not self._next

    @property
    def changing(self) -> bool:
        return self._next is not None or self._leaving is not None

    @property
    def late(self) -> int:
        """Commands that came after their moment, in all lives."""
        return self._gone_late + self.performer.late

    @property
    def faults(self) -> int:
        """Blocks that were not finite, in all lives."""
        return self._gone_faults + self.performer.faults

    @property
    def bent(self) -> bool:
        """Whether any pitch is bent."""
        return self._standing.bent

    def obey(self, command: Command) -> None:
        self._standing.hear(command, self.performer.is_past)
        if command.order is Order.STOP:
            self._next = None
        if not self._next:  # one that makes room is told no more
            self.performer.obey(command)

    def change(self, performer: Performer, together: bool) -> None:
        """Let `performer`, fresh, take over: while the old one fades out if `together`, else when it has."""
        self._next = performer
        self.performer.obey(Command(Order.STOP))
        if together:
            self._leaving = Leaving(self._take_over())

    def step(self) -> np.ndarray:
        """The next block as device frames: as `Performer.step`."""
        if self._next and self.performer.faded_out:
            self.changed.append(self._take_over())
        frames = self.performer.step()
        if self._leaving:
            frames = self._leaving.add_to(frames)
            if self._leaving.gone:
                self.changed.append(self._leaving.performer)
                self._leaving = None
        self.frames += len(frames)
        return frames

    def _take_over(self) -> Performer:
        """Let the next performer go on in the time of the old one, which is returned."""
        old, orders = self.performer, self._standing.orders(self.performer.is_past)
        self._gone_late, self._gone_faults = self.late, self.faults
        self.performer, self._next = self._next, None
        self.performer.sample_clock.follow(old.sample_clock, old.sample)
        self.performer.placed = self._begin(self.performer, self.frames)
        for command in orders:
            self.performer.obey(command)
        return old
