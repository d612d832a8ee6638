"""Playing of all kinds, from a seed: chords, pedals, bends, faders, knobs, panic, reset; as orders for a performer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livewave.control.events import BendSet, Control, Event, NoteOff, NoteOn, Panic, Reset, Setting
from livewave.link import Command, Order
from livewave.music.compass import Compass
from livewave.orders import Orders

KEYS = "midi:keys"
LOWEST, HIGHEST = 48, 83
KINDS = ("chord", "note", "note", "off", "off", "pedal", "gain", "temperature", "bend", "fader", "prime", "panic", "reset")
CHANCES = np.array([8, 12, 12, 10, 10, 6, 4, 4, 8, 3, 0.5, 0.5, 0.5])


class Playing:
    """Somebody who never stops. Each turn is a handful of commands, as the daemon would send them."""

    def __init__(self, seed: int, gain_db: float, temperature: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._orders = Orders(Compass.of({"data.low": str(LOWEST), "data.high": str(HIGHEST)}), gain_db, temperature)

    def turn(self, at_s: float) -> list[Command]:
        """What happens at that moment."""
        kind = self._rng.choice(KINDS, p=CHANCES / CHANCES.sum())
        if kind == "prime":
            return [Command(Order.PRIME)]
        return [command for event in self._events(kind, at_s) for command in self._orders.translate(event)]

    def _events(self, kind: str, at_s: float) -> Iterator[Event]:
        rng = self._rng
        match kind:
            case "chord":
                for pitch in rng.integers(LOWEST, HIGHEST, 3).tolist():
                    yield NoteOn(at_s, KEYS, 0, pitch, 90)
            case "note":
                yield NoteOn(at_s, KEYS, 0, int(rng.integers(LOWEST, HIGHEST)), int(rng.integers(1, 128)))
            case "off":
                for pitch in rng.integers(LOWEST, HIGHEST, 12).tolist():
                    yield NoteOff(at_s, KEYS, 0, pitch)
            case "pedal":
                yield Control(at_s, KEYS, 0, 64, int(rng.integers(0, 2)) * 127)
            case "gain":
                yield Setting(at_s, KEYS, "gain_db", float(rng.uniform(-24.0, 3.0)))
            case "temperature":
                yield Setting(at_s, KEYS, "temperature", float(rng.uniform(0.0, 1.2)))
            case "bend":
                yield BendSet(at_s, KEYS, float(rng.uniform(-2.0, 2.0)))
            case "fader":
                yield Control(at_s, KEYS, 0, 7, int(rng.integers(30, 128)))
            case "panic":
                yield Panic(at_s, KEYS)
            case "reset":
                yield Reset(at_s, KEYS)
