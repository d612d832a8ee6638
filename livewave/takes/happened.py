"""What the player and the continuation did, as lines of a log: events to plain values and back; and what is held.

Events that no note depends on (clocks, tempo, taps) are left out.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from livewave.control.events import (
    BendSet, Control, Event, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, Reset, RollSet, SourceLost,
)

KEPT = {kind.__name__: kind for kind in (
    NoteOn, NoteOff, Control, PitchBend, BendSet, RollSet, ProgramChange, Panic, Reset, SourceLost)}
ROLL_CHANNEL = 16  # beside those that keys are on
ROLL_VELOCITY = 100
PEDALS = (64, 66)
MOST_HELD = 4096  # keys, and controls: many players, and never without end

_WHOLE = {"channel": (0, ROLL_CHANNEL), "pitch": (0, 127), "velocity": (1, 127), "controller": (0, 127), "value": (0, 127),
          "program": (0, 127)}
_BEND = (-8192, 8191)
_SEMITONES = 128.0
_VECTOR_BYTES = 16
_LONGEST_SOURCE = 1024
_LATEST_S = 1e12

Key = tuple[str, int, int]  # source, channel, pitch


def values_of(event: Event) -> dict[str, Any]:
    """What `event_of` makes the event from again."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    if isinstance(event, RollSet):
        values["vector"] = event.vector.hex()
    return {"event": type(event).__name__, **values}


def event_of(values: dict[str, Any]) -> Event:
    """Raises ValueError for what is no event, or out of its range."""
    name = values.get("event")
    if type(name) is not str or name not in KEPT:
        raise ValueError(f"event must be one of {', '.join(KEPT)}")
    kind = KEPT[name]
    return kind(**{field.name: _checked(kind, field.name, values.get(field.name)) for field in dataclasses.fields(kind)})


def _checked(kind: type, name: str, value: Any) -> Any:
    match name:
        case "at_s" | "semitones":
            most = _SEMITONES if name == "semitones" else _LATEST_S
            legal = type(value) in (int, float) and -most <= value <= most
        case "source":
            legal = type(value) is str and len(value) <= _LONGEST_SOURCE
        case "vector":
            legal = type(value) is str and len(value) == 2 * _VECTOR_BYTES
            value = bytes.fromhex(value) if legal else value
            legal = legal and len(value) == _VECTOR_BYTES
        case _:
            low, high = _BEND if kind is PitchBend and name == "value" else _WHOLE[name]
            legal = type(value) is int and low <= value <= high
    if not legal:
        raise ValueError(f"{name} of {kind.__name__} is not one")
    return value


class Hands:
    """Who holds which key and how the controls stand, by the events so far. Thread: one.

    down      key -> the event that began it
    controls  what stands otherwise than at the start, in the order in which it was set
    """

    def __init__(self) -> None:
        self.down: dict[Key, NoteOn] = {}
        self.controls: dict[tuple[str, int, int | str], Control | PitchBend | BendSet] = {}

    def standing(self, at_s: float) -> list[Event]:
        """What brings somebody who begins to listen at `at_s` up to date."""
        return [dataclasses.replace(event, at_s=at_s) for event in (*self.controls.values(), *self.down.values())]

    def feed(self, event: Event) -> list[tuple[Key, NoteOn]]:
        """The keys that the event lets go, or strikes again, with the event that had begun each."""
        match event:
            case NoteOn():
                return self._strike([event])
            case NoteOff():
                return self._end([(event.source, event.channel, event.pitch)])
            case RollSet():
                return self._roll(event)
            case Control() | PitchBend() | BendSet():
                self._set(event)
            case SourceLost():
                self.controls = {key: value for key, value in self.controls.items() if key[0] != event.source}
                return self._end([key for key in self.down if key[0] == event.source])
            case Panic() | Reset():
                self.controls = {key: value for key, value in self.controls.items()
                                 if isinstance(event, Panic) and key[2] not in PEDALS and isinstance(value, Control)}
                return self._end(list(self.down))
        return []

    def _strike(self, begun: list[NoteOn]) -> list[tuple[Key, NoteOn]]:
        ended = self._end([(event.source, event.channel, event.pitch) for event in begun])
        for event in begun:
            if len(self.down) < MOST_HELD:
                self.down[event.source, event.channel, event.pitch] = event
        return ended

    def _end(self, keys: list[Key]) -> list[tuple[Key, NoteOn]]:
        return [(key, self.down.pop(key)) for key in keys if key in self.down]

    def _roll(self, event: RollSet) -> list[tuple[Key, NoteOn]]:
        bits = int.from_bytes(event.vector, "little")
        wanted = {pitch for pitch in range(128) if bits >> pitch & 1}
        held = {pitch for source, channel, pitch in self.down if (source, channel) == (event.source, ROLL_CHANNEL)}
        ended = self._end([(event.source, ROLL_CHANNEL, pitch) for pitch in held - wanted])
        return ended + self._strike([NoteOn(event.at_s, event.source, ROLL_CHANNEL, pitch, ROLL_VELOCITY)
                                     for pitch in sorted(wanted - held)])

    def _set(self, event: Control | PitchBend | BendSet) -> None:
        key = {Control: lambda: (event.source, event.channel, event.controller),
               PitchBend: lambda: (event.source, event.channel, "bend"),
               BendSet: lambda: (event.source, 0, "bends")}[type(event)]()
        self.controls.pop(key, None)
        if len(self.controls) < MOST_HELD:
            self.controls[key] = event
