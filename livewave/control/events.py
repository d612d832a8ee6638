"""The values that travel: what a player did, what should sound, and the queue between the threads of the two.

Every event carries `at_s`, the moment it belongs to (seconds of time.monotonic, possibly a little in the future), and
`source`, who said it: "midi:PORT" or "osc:HOST".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

QUEUE_EVENTS = 8192
MIDI = "midi"  # how the sources begin that are keys under hands
CONFIGURATION = "config"  # the source of what a file sets while it plays


@dataclass(frozen=True, slots=True)
class Event:
    at_s: float
    source: str


@dataclass(frozen=True, slots=True)
class NoteOn(Event):
    channel: int
    pitch: int
    velocity: int  # 1..127


@dataclass(frozen=True, slots=True)
class NoteOff(Event):
    channel: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Control(Event):
    channel: int
    controller: int
    value: int


@dataclass(frozen=True, slots=True)
class PitchBend(Event):
    channel: int
    value: int  # -8192..8191


@dataclass(frozen=True, slots=True)
class BendSet(Event):
    """All notes of the source are bent by so much, whatever their channel."""

    semitones: float


@dataclass(frozen=True, slots=True)
class ProgramChange(Event):
    channel: int
    program: int


@dataclass(frozen=True, slots=True)
class ClockMessage(Event):
    """A MIDI clock message: 24 clocks a quarter note; a position counts sixteenths from the start of the song."""

    kind: Literal["clock", "start", "continue", "stop", "position"]
    sixteenths: int = 0


@dataclass(frozen=True, slots=True)
class TempoSet(Event):
    bpm: float  # quarter notes a minute


@dataclass(frozen=True, slots=True)
class Tap(Event):
    """One of a row of taps, a quarter note apart, that show the tempo."""


@dataclass(frozen=True, slots=True)
class MetreSet(Event):
    """Bars of so many beats, each beat one `unit`-th of a whole note."""

    beats: int
    unit: int  # 2, 4, 8 or 16


@dataclass(frozen=True, slots=True)
class LinkState(Event):
    """What an Ableton Link session agreed on: `beat` quarter notes had passed at `at_s`, of which every bar begins at a
    multiple of its length. `peers` other programs are in it; with none, nobody is followed."""

    beat: float
    bpm: float
    playing: bool
    peers: int


@dataclass(frozen=True, slots=True)
class RollSet(Event):
    """All 128 pitches at once: 16 bytes, the lowest bit of byte 0 is pitch 0."""

    vector: bytes


@dataclass(frozen=True, slots=True)
class Panic(Event):
    """Every note off, every pedal up, now."""


@dataclass(frozen=True, slots=True)
class Reset(Event):
    """As at start: notes, pedals, settings, and the net's memory."""


@dataclass(frozen=True, slots=True)
class SourceLost(Event):
    """The source went away: what it holds is released."""


@dataclass(frozen=True, slots=True)
class MessagesLost(Event):
    """Some messages of the source may not have come: keys that are down may have been let go."""


@dataclass(frozen=True, slots=True)
class LetGo(Event):
    """A key was held for so long that nobody holds it: it is let go, by hand, by pedal and by roll. `pitches` are its own
    and the one that it sounds at."""

    channel: int
    pitches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting(Event):
    """A knob was set: gain_db, temperature, model, longest_note_s, one of a voice's (pan, mute, transpose), or one of the
    continuation's (continue_...). `sender` is the OSC peer that waits for done or fail, if any; what CONFIGURATION sets stays
    after a Reset."""

    name: str
    value: float | str | tuple[int, int] | None
    sender: tuple | None = None


@dataclass(frozen=True, slots=True)
class ToVoice(Event):
    """For one voice of the ensemble alone, whatever it hears otherwise: a note, a pedal, a setting. Voices count from 0."""

    voice: int
    event: Event


@dataclass(frozen=True, slots=True)
class Strike:
    """A pitch begins, or begins again."""

    at_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Release:
    """A pitch ends: nobody holds it any more."""

    at_s: float
    pitch: int


@dataclass(frozen=True, slots=True)
class Bend:
    """A pitch is bent, by so much from where equal temperament has it; what sounds and what will."""

    at_s: float
    pitch: int
    semitones: float


class EventQueue:
    """Events from many threads to one. `put` never blocks: when full, it drops and counts.

    What was dropped may have been a note-off, so the `drain` that follows an overflow ends in a Panic: a gap is heard,
    a note that hangs is not.
    """

    def __init__(self, capacity: int = QUEUE_EVENTS) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._keys: list[Event] = []  # of MIDI
        self._others: list[Event] = []
        self._overflow: Event | None = None
        self._filled = threading.Condition()

    def put(self, event: Event) -> bool:
        """Append; False when it was dropped. Thread: any."""
        with self._filled:
            if len(self._keys) + len(self._others) >= self._capacity:
                self.dropped += 1
                self._overflow = event
                return False
            (self._keys if event.source.startswith(MIDI) else self._others).append(event)
            self._filled.notify()
            return True

    def drain(self, most: int | None = None) -> list[Event]:
        """Everything so far, of each source the oldest first. Thread: the one that plays.

        most  so many at most of what is not MIDI: a flood of messages does not hold a key up
        """
        with self._filled:
            overflow, self._overflow = self._overflow, None
            most = len(self._others) if most is None or overflow else most
            events, self._keys = self._keys + self._others[:most], []
            self._others = self._others[most:]
        if overflow is not None:
            events.append(Panic(overflow.at_s, "queue"))
        return events

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something is there or the time is over; True if it is there. Thread: the one that plays."""
        with self._filled:
            return self._filled.wait_for(lambda: self._keys or self._others, timeout_s) != []
