"""The OSC addresses that livewave understands: one table, from which dispatch, checks and documentation follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livewave.control.events import BendSet, Control, Event, NoteOff, NoteOn, Panic, Reset, RollSet, Setting

Value = int | float | str | bytes

SUSTAIN_CONTROLLER = 64
GAIN_DB = (-90.0, 12.0)
TEMPERATURE = (0.0, 2.0)
BEND_SEMITONES = (-48.0, 48.0)


@dataclass(frozen=True, slots=True)
class Argument:
    """What one argument must be. low and high bound a number, or the length of a text or blob."""

    name: str
    tag: str  # i, f, s or b; i, f, d, h, T and F are taken for one another where the value fits
    low: float
    high: float
    unit: str = ""
    optional: bool = False

    def fit(self, value: object) -> Value:
        """The value as this argument holds it. Raises ValueError with a reason for the sender."""
        fitted = _FITS[self.tag](value)
        if fitted is None:
            raise ValueError(f"{self.name}: {_shown(value)} is not {_KINDS[self.tag]}")
        size = len(fitted) if isinstance(fitted, (str, bytes)) else fitted
        if not self.low <= size <= self.high:
            what = f"length {size}" if size is not fitted else _shown(value)
            raise ValueError(f"{self.name}: {what} is outside {self.low:g}..{self.high:g}")
        return fitted


def _whole(value: object) -> int | None:
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) else None
    return int(value) if isinstance(value, int) else None


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


_FITS: dict[str, Callable[[object], Value | None]] = {
    "i": _whole,
    "f": _real,
    "s": lambda value: value if isinstance(value, str) else None,
    "b": lambda value: value if isinstance(value, bytes) else None,
}
_KINDS = {"i": "a whole number", "f": "a finite number", "s": "a text", "b": "a blob"}


def _shown(value: object) -> str:
    return repr(value)[:40]


@dataclass(frozen=True, slots=True)
class Address:
    """One row: what it takes, what it means, and the event it becomes (None: the server answers it itself)."""

    path: str
    arguments: tuple[Argument, ...]
    meaning: str
    event: Callable[..., Event] | None = None

    def fit(self, values: Sequence[object]) -> list[Value]:
        """The values, each as its argument holds it. Raises ValueError with a reason for the sender."""
        least = sum(not argument.optional for argument in self.arguments)
        if not least <= len(values) <= len(self.arguments):
            names = ", ".join(argument.name for argument in self.arguments) or "none"
            raise ValueError(f"{len(values)} arguments; it takes {len(self.arguments)} ({names})")
        return [argument.fit(value) for argument, value in zip(self.arguments, values)]


PITCH = Argument("pitch", "i", 0, 127)
VELOCITY = Argument("velocity", "i", 0, 127)


def _note(at_s: float, source: str, _sender: tuple, pitch: int, velocity: int) -> Event:
    return NoteOn(at_s, source, 0, pitch, velocity) if velocity else NoteOff(at_s, source, 0, pitch)


def _note_off(at_s: float, source: str, _sender: tuple, pitch: int) -> Event:
    return NoteOff(at_s, source, 0, pitch)


def _roll(at_s: float, source: str, _sender: tuple, vector: bytes) -> Event:
    return RollSet(at_s, source, vector)


def _sustain(at_s: float, source: str, _sender: tuple, depth: float) -> Event:
    return Control(at_s, source, 0, SUSTAIN_CONTROLLER, round(depth * 127))


def _bend(at_s: float, source: str, _sender: tuple, semitones: float) -> Event:
    return BendSet(at_s, source, semitones)


def _panic(at_s: float, source: str, _sender: tuple) -> Event:
    return Panic(at_s, source)


def _reset(at_s: float, source: str, _sender: tuple) -> Event:
    return Reset(at_s, source)


def _setting(name: str) -> Callable[..., Event]:
    return lambda at_s, source, sender, value: Setting(at_s, source, name, value, sender)


_ROWS = (
    Address("/livewave/note", (PITCH, VELOCITY), "a note begins; velocity 0 ends it; every on needs its off", _note),
    Address("/livewave/note/on", (PITCH, VELOCITY), "a note begins; velocity 0 ends it", _note),
    Address("/livewave/note/off", (PITCH,), "a note ends", _note_off),
    Address(
        "/livewave/roll",
        (Argument("vector", "b", 16, 16, "bytes"),),
        "all 128 pitches at once, one bit each: the lowest bit of byte 0 is pitch 0",
        _roll,
    ),
    Address("/livewave/sustain", (Argument("depth", "f", 0, 1),), "the sustain pedal; down from 0.5 on", _sustain),
    Address(
        "/livewave/bend",
        (Argument("bend", "f", *BEND_SEMITONES, "semitones"),),
        "bends every note of the sender's host, those to come too, where the model has an f0 hint; 0 ends it",
        _bend,
    ),
    Address("/livewave/panic", (), "every note off, every pedal up, silence", _panic),
    Address("/livewave/gain", (Argument("gain", "f", *GAIN_DB, "dB"),), "output level", _setting("gain_db")),
    Address(
        "/livewave/temperature",
        (Argument("temperature", "f", *TEMPERATURE),),
        "how freely the net draws its samples; 0 takes the likeliest",
        _setting("temperature"),
    ),
    Address(
        "/livewave/model",
        (Argument("name", "s", 1, 1024),),
        "play with another model; /livewave/done or /livewave/fail follows",
        _setting("model"),
    ),
    Address("/livewave/reset", (), "notes, pedals, settings and the net's memory as at start", _reset),
    Address(
        "/livewave/notify",
        (Argument("on", "i", 0, 1), Argument("port", "i", 1, 65_535, optional=True)),
        "send the sender (at this port, else the one it sends from) what goes out to all, or stop",
    ),
    Address("/livewave/status", (), "answered by /livewave/status.reply"),
    Address("/livewave/version", (), "answered by /livewave/version.reply"),
    Address(
        "/livewave/sync",
        (Argument("id", "i", -(2**31), 2**31 - 1),),
        "answered by /livewave/synced with the same number, after everything sent before",
    ),
    Address("/livewave/clearSched", (), "forget what bundles dated in the future would have done"),
    Address("/livewave/dumpOSC", (Argument("on", "i", 0, 1),), "log every message that arrives, or stop"),
)
ADDRESSES = {row.path: row for row in _ROWS}


def address_table() -> str:
    """The table as Markdown, for the manual."""
    lines = ["| address | arguments | meaning |", "|---|---|---|"]
    for row in _ROWS:
        arguments = " ".join(_described(argument) for argument in row.arguments)
        lines.append(f"| `{row.path}` | {arguments} | {row.meaning} |")
    return "\n".join(lines) + "\n"


def _described(argument: Argument) -> str:
    if argument.tag in "sb":
        bounds = f" {argument.high:g} {argument.unit}" if argument.low == argument.high else ""
    else:
        bounds = f" {argument.low:.10g}..{argument.high:.10g} {argument.unit}".rstrip()
    text = f"`{argument.tag}:{argument.name}`{bounds}"
    return f"[{text}]" if argument.optional else text
