"""The OSC addresses that livewave understands: one table, from which dispatch, checks and documentation follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livewave.control.events import (
    BendSet, Control, Event, MetreSet, NoteOff, NoteOn, Panic, Reset, RollSet, Setting, Tap, TempoSet,
)

Value = int | float | str | bytes

SUSTAIN_CONTROLLER = 64
GAIN_DB = (-90.0, 12.0)
TEMPERATURE = (0.0, 2.0)
BEND_SEMITONES = (-48.0, 48.0)
# The continuation's and the transport's: as livewave.music has them, which this stage does not know. A test holds them equal.
TEMPO_BPM = (20.0, 400.0)
METRE_UNITS = (2, 4, 8, 16)
MODES = ("off", "answer", "endless", "duet")
CONTINUE = {
    "temperature": (0.1, 2.0),
    "density": (0.25, 4.0),
    "low": (24, 101),
    "high": (24, 101),
    "polyphony": (1, 16),
    "rest_beats": (0.5, 32.0),
}
OCTAVE = 12
ALL_AND_BLOBS = 2  # how /livewave/notify asks for blobs too
MODEL_SUFFIX = ".onnx"
PATH_MARKS = frozenset("/\\:")  # what makes a name a path on one system or another


@dataclass(frozen=True, slots=True)
class Argument:
    """What one argument must be. low and high bound a number, or the length of a text or blob; choices, if any, are all
    that a text may be."""

    name: str
    tag: str  # i, f, s or b; i, f, d, h, T and F are taken for one another where the value fits
    low: float
    high: float
    unit: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()

    def fit(self, value: object) -> Value:
        """The value as this argument holds it. Raises ValueError with a reason for the sender."""
        fitted = _FITS[self.tag](value)
        if fitted is None:
            raise ValueError(f"{self.name}: {_shown(value)} is not {_KINDS[self.tag]}")
        size = len(fitted) if isinstance(fitted, (str, bytes)) else fitted
        if not self.low <= size <= self.high:
            what = f"length {size}" if size is not fitted else _shown(value)
            raise ValueError(f"{self.name}: {what} is outside {self.low:g}..{self.high:g}")
        if self.choices and fitted not in self.choices:
            raise ValueError(f"{self.name}: {_shown(value)} is not one of {', '.join(self.choices)}")
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


def _is_button(value: object) -> bool:
    """What panels send when a button is pressed or let go: a number, true or false, or nil."""
    return value is None or isinstance(value, (int, float))


def _shown(value: object) -> str:
    return repr(value)[:40]


@dataclass(frozen=True, slots=True)
class Address:
    """One row: what it takes, what it means, and the event it becomes (None: the server answers it itself).

    check  raises ValueError for values that are right each by itself, and not together
    """

    path: str
    arguments: tuple[Argument, ...]
    meaning: str
    event: Callable[..., Event] | None = None
    check: Callable[..., None] | None = None

    def is_let_go(self, values: Sequence[object]) -> bool:
        """Whether this is a button of a panel that is let go: of what takes no argument, it means nothing."""
        return not self.arguments and len(values) == 1 and isinstance(values[0], (int, float)) and not values[0]

    def fit(self, values: Sequence[object]) -> list[Value]:
        """The values, each as its argument holds it. Raises ValueError with a reason for the sender."""
        if not self.arguments and len(values) == 1 and _is_button(values[0]):
            values = ()
        least = sum(not argument.optional for argument in self.arguments)
        if not least <= len(values) <= len(self.arguments):
            names = ", ".join(argument.name for argument in self.arguments) or "none"
            raise ValueError(f"{len(values)} arguments; it takes {len(self.arguments)} ({names})")
        fitted = [argument.fit(value) for argument, value in zip(self.arguments, values)]
        if self.check is not None:
            self.check(*fitted)
        return fitted


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


def _tempo(at_s: float, source: str, _sender: tuple, bpm: float) -> Event:
    return TempoSet(at_s, source, bpm)


def _tap(at_s: float, source: str, _sender: tuple) -> Event:
    return Tap(at_s, source)


def _metre(at_s: float, source: str, _sender: tuple, beats: int, unit: int) -> Event:
    return MetreSet(at_s, source, beats, unit)


def _check_metre(beats: int, unit: int) -> None:
    if unit not in METRE_UNITS or beats > unit:
        raise ValueError(f"metre: {beats}/{unit} cannot be counted; a bar has at most 16 sixteenths, and a beat is one of "
                         + ", ".join(f"1/{unit}" for unit in METRE_UNITS))


def _check_model(name: str) -> None:
    """What a peer says opens no file but those of the model path."""
    if name in (".", "..") or name.endswith(MODEL_SUFFIX) or not PATH_MARKS.isdisjoint(name) or not name.isprintable():
        raise ValueError(f"name: {_shown(name)} looks like a path, or is no text; models are chosen by name, see livewave models")


def _check_range(low: int, high: int) -> None:
    if high - low < OCTAVE - 1:
        raise ValueError(f"range: {low}..{high} is less than an octave, {OCTAVE} pitches")


@dataclass(frozen=True, slots=True)
class SettingOf:
    """Makes the event of a setting: of one value, or of several at once."""

    name: str

    def __call__(self, at_s: float, source: str, sender: tuple, *values: Value) -> Event:
        return Setting(at_s, source, self.name, values if len(values) > 1 else values[0], sender)


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
    Address("/livewave/gain", (Argument("gain", "f", *GAIN_DB, "dB"),), "output level", SettingOf("gain_db")),
    Address(
        "/livewave/temperature",
        (Argument("temperature", "f", *TEMPERATURE),),
        "how freely the net draws its samples, of every voice; 0 takes the likeliest",
        SettingOf("temperature"),
    ),
    Address(
        "/livewave/model",
        (Argument("name", "s", 1, 1024),),
        "play with another model of the model path, by its name (in an ensemble: voice/N/model); /livewave/done or /livewave/fail follows",
        SettingOf("model"),
        _check_model,
    ),
    Address(
        "/livewave/record",
        (Argument("on", "i", 0, 1),),
        "begin a take in the folder of --record, or end it; /livewave/done or /livewave/fail follows",
        SettingOf("record"),
    ),
    Address("/livewave/reset", (), "notes, pedals and settings as at start, and the net begins afresh; the model stays", _reset),
    Address(
        "/livewave/continue",
        (Argument("mode", "s", 1, 16, choices=MODES),),
        "play on when the player stops, or beside the player; /livewave/done or /livewave/fail follows",
        SettingOf("continue_mode"),
    ),
    Address(
        "/livewave/continue/temperature",
        (Argument("temperature", "f", *CONTINUE["temperature"]),),
        "how freely its notes are drawn",
        SettingOf("continue_temperature"),
    ),
    Address(
        "/livewave/continue/density",
        (Argument("density", "f", *CONTINUE["density"]),),
        "how many notes it plays: above 1 more than the net would, below 1 fewer",
        SettingOf("continue_density"),
    ),
    Address(
        "/livewave/continue/range",
        (Argument("low", "i", *CONTINUE["low"]), Argument("high", "i", *CONTINUE["high"])),
        "the pitches it may play, at least an octave",
        SettingOf("continue_range"),
        _check_range,
    ),
    Address(
        "/livewave/continue/key",
        (Argument("key", "s", 1, 16),),
        "off: any note; auto: those of the key that was played in; or those of a key: C, F#m, Bbm",
        SettingOf("continue_key"),
    ),
    Address(
        "/livewave/continue/polyphony",
        (Argument("notes", "i", *CONTINUE["polyphony"]),),
        "how many notes of its own may sound together",
        SettingOf("continue_polyphony"),
    ),
    Address(
        "/livewave/continue/rest",
        (Argument("rest", "f", *CONTINUE["rest_beats"], "beats"),),
        "so long without a held key ends a phrase",
        SettingOf("continue_rest_beats"),
    ),
    Address("/livewave/tempo", (Argument("tempo", "f", *TEMPO_BPM, "bpm"),), "quarter notes a minute", _tempo),
    Address("/livewave/tap", (), "tap the tempo, a quarter note apart", _tap),
    Address(
        "/livewave/metre",
        (Argument("beats", "i", 1, 16), Argument("unit", "i", 2, 16)),
        "bars of so many halves, quarters, eighths or sixteenths (unit 2, 4, 8, 16), from the next bar line on",
        _metre,
        _check_metre,
    ),
    Address(
        "/livewave/notify",
        (Argument("on", "i", 0, ALL_AND_BLOBS), Argument("port", "i", 1, 65_535, optional=True)),
        "1: tell the sender what goes out to all; 2: blobs too, which not every program can read; 0: stop. At the port it sends from, or "
        "at this one, which then gets the answers, too",
    ),
    Address("/livewave/status", (), "answered by /livewave/status.reply"),
    Address("/livewave/voices", (), "answered by /livewave/voice.reply, one for each voice"),
    Address("/livewave/models", (), "answered by /livewave/models.reply"),
    Address("/livewave/version", (), "answered by /livewave/version.reply"),
    Address(
        "/livewave/sync",
        (Argument("id", "i", -(2**31), 2**31 - 1),),
        "answered by /livewave/synced with the same number, after everything sent before",
    ),
    Address("/livewave/clearSched", (), "forget what bundles dated in the future would have done, and let go what their senders hold"),
    Address("/livewave/dumpOSC", (Argument("on", "i", 0, 1),), "log every message that arrives, or stop"),
)
ADDRESSES = {row.path: row for row in _ROWS}
_SET_BY = {row.event.name: row.path for row in _ROWS if isinstance(row.event, SettingOf)}


def address_of(setting: str) -> str:
    """The address by which the setting of that name is made."""
    return _SET_BY[setting]


def address_table() -> str:
    """The table as Markdown, for the manual."""
    return table_of(_ROWS)


def table_of(rows: Sequence[Address]) -> str:
    """Rows as Markdown."""
    lines = ["| address | arguments | meaning |", "|---|---|---|"]
    for row in rows:
        arguments = " ".join(map(described, row.arguments))
        lines.append(f"| `{row.path}` | {arguments} | {row.meaning} |")
    return "\n".join(lines) + "\n"


def described(argument: Argument) -> str:
    """Kind, name and range as Markdown."""
    if argument.choices:
        bounds = " " + ", ".join(argument.choices)
    elif argument.tag in "sb":
        bounds = f" {argument.high:g} {argument.unit}" if argument.low == argument.high else ""
    elif math.isinf(argument.high):
        bounds = f" {argument.unit}".rstrip()
    else:
        bounds = f" {argument.low:.10g}..{argument.high:.10g} {argument.unit}".rstrip()
    text = f"`{argument.tag}:{argument.name}`{bounds}"
    return f"[{text}]" if argument.optional else text
