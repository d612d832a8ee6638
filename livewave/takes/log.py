"""log.jsonl: one JSON object a line, only ever added to; what a take is made again from.

    {"kind": "take", "format": 1, "livewave": "0.1.0", "rate_hz": 48000, "channels": 1, "at_s": ..., "wall_s": ..., "config": {...}}
    {"kind": "life", "life": 1, "process": 1, "voice": 0, "frame": 0, "whole": true, "model": "flute", "model_hash": ..., "engine": ...}
    {"kind": "order", "life": 1, "column": 5120, "order": "strike", "pitch": 72, "velocity": 100, "value": 0.0}
    {"kind": "audio", "frame": 0, "process": 1, "from": 245760, "at_s": ...}     from here on audio.wav holds its frames
    {"kind": "silence", "frame": 960000, "frames": 4800, "why": ...}             what audio.wav holds instead of sound
    {"kind": "event", "at_s": ..., "event": "NoteOn", "source": "midi:A", ...}   what the player and the continuation did
    {"kind": "mark", "at_s": ..., "text": ...}
    {"kind": "until", "frame": 24000}                                            all before this frame is in both files
    {"kind": "end", "frame": 1440000, "why": ...}

Frames of "life" and "from" are those of the audio process, others those of audio.wav; `at_s` is time.monotonic of that day.
Nothing in a log is taken on trust: `read_log` checks every field of every line.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livewave import LivewaveError
from livewave.config import ENGINES
from livewave.control.events import Event
from livewave.link import Command, Order
from livewave.takes.happened import event_of
from livewave.voicing import MOST_VOICES

NAME = "log.jsonl"
FORMAT = 1
LARGEST_LOG_BYTES = 512 << 20
LONGEST_LINE_BYTES = 1 << 20
LONGEST_S = 7 * 86_400.0  # a week, of a life and of a take
RATE_HZ = (8_000, 192_000)
MOST_FRAMES = round(LONGEST_S * RATE_HZ[1])
MOST_COLUMNS = round(LONGEST_S * 48_000)
MOST_LIVES = 100_000


class LogFile:
    """A log that is being written. A line reaches the operating system whole, or not at all. Thread: recorder only.

    Raises OSError; what was written before stays whole.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._bytes = 0
        self._lines: list[str] = []

    def add(self, kind: str, **values: Any) -> None:
        """To be written by the next `flush`."""
        self._lines.append(json.dumps({"kind": kind, **values}))

    def flush(self) -> None:
        if not self._lines:
            return
        rest = memoryview(("\n".join(self._lines) + "\n").encode())
        self._lines.clear()
        size = self._bytes + len(rest)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._bytes = size
        except OSError:
            os.ftruncate(self._descriptor, self._bytes)
            raise

    def sync(self) -> None:
        """Let what was written outlast a loss of power. Waits for the disk."""
        self.flush()
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def is_being_written(path: Path) -> bool:
    """Whether a recorder has the log open."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@dataclass(slots=True)
class LoggedLife:
    """See `livewave.takes.lives.Life`. `orders` as they were given: column, order."""

    process: int
    frame: int
    whole: bool
    model: str
    model_hash: str
    engine: str
    isa: str
    precision: str
    seed: int
    temperature: float
    gain_db: float
    rate_hz: int
    block_samples: int
    voice: int = 0
    pan: float | None = None
    orders: list[tuple[int, Command]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From frame `frame` of audio.wav on: frames of `process` from `first` on; silence where that is 0."""

    frame: int
    process: int = 0
    first: int = 0
    at_s: float = 0.0


@dataclass(slots=True)
class Log:
    """What a log says. `until`: frames of audio.wav that it covers; `ended` when it has its last line."""

    rate_hz: int
    at_s: float
    channels: int = 1
    lives: dict[int, LoggedLife] = field(default_factory=dict)
    stretches: list[Stretch] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    until: int = 0
    ended: bool = False

    @property
    def began_s(self) -> float:
        """When the first frame was rendered."""
        return next((stretch.at_s for stretch in self.stretches if stretch.process), self.at_s)


def read_log(folder: Path) -> Log:
    """The log of a take. A last line that was torn off is left out. Raises LivewaveError: file, line, what is wrong."""
    path = folder / NAME
    reader = _Reader(path)
    for number, line in _lines(path):
        try:
            reader.take(_row(line))
        except (ValueError, RecursionError, OverflowError) as error:
            raise LivewaveError(f"{path}, line {number}: {error}; it is not as livewave writes it") from None
    return reader.log


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and text of every whole line."""
    if not path.is_file():
        raise LivewaveError(f"there is no take in {str(path.parent)!r}: it has no {NAME}")
    try:
        if path.stat().st_size > LARGEST_LOG_BYTES:
            raise LivewaveError(f"{path} has more than {LARGEST_LOG_BYTES >> 20} MiB; no take that long is read")
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE_BYTES):
                number += 1
                if line.endswith(b"\n"):
                    yield number, line
                elif len(line) == LONGEST_LINE_BYTES:
                    raise LivewaveError(f"{path}, line {number}: it is longer than {LONGEST_LINE_BYTES >> 20} MiB")
    except OSError as error:
        raise LivewaveError(f"{path} cannot be read: {error.strerror}") from None


def _row(line: bytes) -> dict[str, Any]:
    row = json.loads(line, parse_constant=_no_constant)
    if not isinstance(row, dict):
        raise ValueError("it is not an object")
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


class _Reader:
    """Lines in, a Log out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log: Log | None = None
        self._frame = 0  # of audio.wav, up to which the lines tell
        self._take: dict[str, Callable[[_Row], None]] = {
            "life": self._life, "order": self._order, "audio": self._audio, "silence": self._silence,
            "event": self._event, "mark": self._mark, "until": self._until, "end": self._end,
        }

    @property
    def log(self) -> Log:
        if self._log is None:
            raise LivewaveError(f"{self._path} holds no line that is whole: nothing was recorded")
        return self._log

    def take(self, values: dict[str, Any]) -> None:
        row = _Row(values)
        kind = row.one_of("kind", ("take", *self._take))
        if self._log is None:
            if kind != "take":
                raise ValueError("it does not begin as a log does")
            row.whole("format", FORMAT, FORMAT)
            self._log = Log(row.whole("rate_hz", *RATE_HZ), row.real("at_s", 0.0, 1e12), row.whole("channels", 1, 2, absent=1))
        elif kind in self._take and not self._log.ended:
            self._take[kind](row)
        else:
            raise ValueError(f"a {kind} cannot be here")

    def _life(self, row: _Row) -> None:
        number, lives = row.whole("life", 1, MOST_LIVES), self.log.lives
        if lives and number <= max(lives):
            raise ValueError(f"life {number} begins a second time")
        life = LoggedLife(
            row.whole("process", 1, MOST_LIVES), row.whole("frame", 0, MOST_FRAMES), row.flag("whole"), row.text("model", 4096),
            row.text("model_hash", 64), row.one_of("engine", ENGINES[1:]), row.text("isa", 16), row.text("precision", 16),
            row.whole("seed", 0, 2**63 - 1), row.real("temperature", 0.0, 2.0), row.real("gain_db", -200.0, 200.0),
            row.whole("rate_hz", *RATE_HZ), row.whole("block_samples", 1, 1 << 16), row.whole("voice", 0, MOST_VOICES - 1, absent=0),
            None if row.values.get("pan") is None else row.real("pan", -1.0, 1.0))
        before = [each for each in lives.values() if (each.process, each.voice) == (life.process, life.voice)]
        if before and life.frame < before[-1].frame:
            raise ValueError(f"life {number} begins before the one that it follows")
        if life.rate_hz != self.log.rate_hz:
            raise ValueError(f"life {number} has {life.rate_hz} frames a second; the take has {self.log.rate_hz}")
        if (life.pan is None) != (self.log.channels == 1):
            raise ValueError(f"life {number} is {'mono' if life.pan is None else 'stereo'}; the take is not")
        lives[number] = life

    def _order(self, row: _Row) -> None:
        life = self._known_life(row)
        name = row.one_of("order", tuple(_ORDERS))
        order, low, high = _ORDERS[name]
        least = 1 if order is Order.STRIKE else 0
        life.orders.append((row.whole("column", 0, MOST_COLUMNS), Command(
            order, 0.0, row.whole("pitch", 0, 127), row.whole("velocity", least, 127), row.real("value", low, high))))

    def _known_life(self, row: _Row) -> LoggedLife:
        number = row.whole("life", 1, MOST_LIVES)
        if number not in self.log.lives:
            raise ValueError(f"there is no life {number}")
        return self.log.lives[number]

    def _audio(self, row: _Row) -> None:
        process = row.whole("process", 1, MOST_LIVES)
        if process not in {life.process for life in self.log.lives.values()}:
            raise ValueError(f"there is no process {process}")
        frame = self._next_frame(row)
        self.log.stretches.append(
            Stretch(frame, process, row.whole("from", 0, MOST_FRAMES), row.real("at_s", 0.0, 1e12)))

    def _silence(self, row: _Row) -> None:
        frame = self._next_frame(row)
        self.log.stretches.append(Stretch(frame))
        self._frame = frame + row.whole("frames", 1, MOST_FRAMES)

    def _next_frame(self, row: _Row) -> int:
        self._frame = row.whole("frame", self._frame, MOST_FRAMES)
        return self._frame

    def _event(self, row: _Row) -> None:
        self.log.events.append(event_of(row.values))

    def _mark(self, row: _Row) -> None:
        self.log.marks.append((row.real("at_s", 0.0, 1e12), row.text("text", 4096)))

    def _until(self, row: _Row) -> None:
        self.log.until = self._next_frame(row)

    def _end(self, row: _Row) -> None:
        self.log.until = self._next_frame(row)
        self.log.ended = True


class _Row:
    """A line's values, each of which must be what it is asked to be. Raises ValueError."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def whole(self, name: str, low: int, high: int, absent: int | None = None) -> int:
        """`absent`: what stands for it in takes that were made before it was written."""
        value = self.values.get(name, absent)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} must be a whole number in {low}..{high}")
        return value

    def real(self, name: str, low: float, high: float) -> float:
        value = self.values.get(name)
        if type(value) not in (int, float) or not low <= value <= high or not math.isfinite(value):
            raise ValueError(f"{name} must be a number in {low:g}..{high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if type(value) is not bool:
            raise ValueError(f"{name} must be true or false")
        return value

    def text(self, name: str, longest: int) -> str:
        value = self.values.get(name)
        if type(value) is not str or len(value) > longest:
            raise ValueError(f"{name} must be a text of {longest} characters at most")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.values.get(name)
        if type(value) is not str or value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")
        return value


# What a performer is ordered, by name, with the least and the largest value.
_RANGES = {Order.GAIN_DB: (-200.0, 200.0), Order.TEMPERATURE: (0.0, 2.0), Order.BEND: (-128.0, 128.0), Order.FAULT: (1.0, 65_536.0),
           Order.PAN: (-1.0, 1.0), Order.PARK: (0.0, 1.0)}
_ORDERS = {order.name.lower(): (order, *_RANGES.get(order, (-1e9, 1e9))) for order in Order}
