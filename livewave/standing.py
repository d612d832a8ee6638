"""What was ordered so far, as it stands: what a performer that begins beside another one must be told."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from livewave.link import Command, Order

_SETTINGS = (Order.GAIN_DB, Order.TEMPERATURE, Order.PAN, Order.PARK)


class Standing:
    """Held notes, bends and settings, and the orders whose moment is still to come. Thread: performer only."""

    def __init__(self) -> None:
        self._coming: list[tuple[float, int, Command]] = []  # a heap by moment
        self._order = itertools.count()
        self._held: dict[int, int] = {}  # pitch -> velocity
        self._bends: dict[int, float] = {}
        self._settings: dict[Order, float] = {}

    @property
    def bent(self) -> bool:
        return any(self._bends.values())

    def hear(self, command: Command, passed: Callable[[float], bool]) -> None:
        """Thread: performer. `passed` tells whether the moment of an order is over."""
        if command.at_s and not passed(command.at_s):
            heapq.heappush(self._coming, (command.at_s, next(self._order), command))
        else:
            self._catch_up(passed)
            self._fold(command)

    def orders(self, passed: Callable[[float], bool]) -> list[Command]:
        """Settings, bends, held notes for now; then, as they were given, the orders whose moment is to come."""
        self._catch_up(passed)
        settings = [Command(order, value=value) for order, value in self._settings.items()]
        bends = [Command(Order.BEND, 0.0, pitch, value=bend) for pitch, bend in self._bends.items()]
        held = [Command(Order.STRIKE, 0.0, pitch, velocity) for pitch, velocity in self._held.items()]
        return [*settings, *bends, *held, *(command for _, _, command in sorted(self._coming, key=lambda each: each[:2]))]

    def _catch_up(self, passed: Callable[[float], bool]) -> None:
        while self._coming and passed(self._coming[0][0]):
            self._fold(heapq.heappop(self._coming)[2])

    def _fold(self, command: Command) -> None:
        match command.order:
            case Order.STRIKE:
                self._held[command.pitch] = command.velocity
            case Order.RELEASE:
                self._held.pop(command.pitch, None)
            case Order.BEND:
                self._bends[command.pitch] = command.value
            case Order.RELEASE_ALL:
                self._held.clear()
            case Order.RESET:
                self._held.clear()
                self._bends.clear()
                self._coming.clear()
            case order if order in _SETTINGS:
                self._settings[order] = command.value
