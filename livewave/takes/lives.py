"""The lives that sound now, with every order they were given: so that a recording may begin at any moment.

Held packed, for a concert may be one life. Thread: recorder only.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from livewave.link import Command, Order
from livewave.takes.tape import PLACED

CHUNK_BYTES = 4096 * PLACED.size
MOST_BYTES = 32 << 20  # packed, of all lives; hours of dense playing are 2 MiB


@dataclass(slots=True)
class Life:
    """One performer, and its orders as they were given.

    number   counts lives of all processes
    process  counts audio processes
    facts    see `livewave.takes.tape.life_of`
    whole    whether every order is here: only then can it be rendered again
    """

    number: int
    process: int
    facts: dict[str, Any]
    whole: bool = True
    _packed: list[bytes] = field(default_factory=list)
    _open: bytearray = field(default_factory=bytearray)

    @property
    def voice(self) -> int:
        return self.facts["voice"]

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self._packed)) + len(self._open)

    def add(self, column: int, command: Command) -> None:
        self._open += PLACED.pack(column, 0, command.order, command.pitch, command.velocity, command.value)
        if len(self._open) >= CHUNK_BYTES:
            self._packed.append(zlib.compress(self._open, 1))
            self._open = bytearray()

    def forget(self) -> None:
        self.whole = False
        self._packed.clear()
        self._open.clear()

    def orders(self) -> Iterator[tuple[int, Command]]:
        """Column and order, as they were given."""
        for chunk in [*map(zlib.decompress, self._packed), bytes(self._open)]:
            for column, _, order, pitch, velocity, value in PLACED.iter_unpack(chunk):
                yield column, Command(Order(order), 0.0, pitch, velocity, value)


class Lives:
    """Of each voice the life of now, and the one before it, which may still be heard beside it: nobody changes twice at once."""

    KEPT = 2

    def __init__(self) -> None:
        self.kept: list[Life] = []
        self._begun = 0
        self._room_in = MOST_BYTES

    def begin(self, process: int, facts: dict[str, Any]) -> Life:
        self._begun += 1
        same = [life for life in self.kept if life.process == process]
        others = [life for life in same if life.voice != facts["voice"]]
        before = [life for life in same if life.voice == facts["voice"]][1 - self.KEPT :]
        self.kept = [*sorted(others + before, key=lambda life: life.number), Life(self._begun, process, facts)]
        return self.kept[-1]

    def add(self, life: Life, column: int, command: Command) -> None:
        if not life.whole:
            return
        life.add(column, command)
        self._room_in -= PLACED.size
        if self._room_in < 0:  # it may be: what is packed is smaller
            self._room_in = MOST_BYTES - sum(each.size_bytes for each in self.kept)
            if self._room_in <= 0:
                life.forget()
