"""Scores: a MIDI file as a player's events, or as a piece in beats; notes as events, events as a roll."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import ConfigError, LivewaveError
from livewave.control.events import Bend, Control, Event, NoteOff, NoteOn, PitchBend, Release, Strike
from livewave.music import bends
from livewave.music.bars import check_metre
from livewave.music.grid import nearest_step
from livewave.music.ledger import Ledger
from livewave.music.midifile import BEAT_US, DRUMS, Timed, read_midi, timed
from livewave.music.roll import columns_of
from livewave.music.wheels import Wheels

SOURCE = "score"
LONGEST_BEATS = 100_000
COMMON_TIME = (4, 4)  # until the file says otherwise


@dataclass(frozen=True, slots=True)
class Note:
    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class PieceNote:
    """Begin and end in quarter notes from the beginning of the file."""

    begin: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A MIDI file in beats, which are quarter notes.

    notes   what sounds, in order of onset; at least one
    tempos  (beat, bpm): how fast it is from that beat on; the first at beat 0
    metres  (beat, beats, unit): at that beat a bar begins, and from there on bars last so many units; the first at beat 0
    """

    path: str
    notes: tuple[PieceNote, ...]
    tempos: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, int, int], ...]

    @property
    def end(self) -> float:
        """The beat at which its last note ends."""
        return max(note.end for note in self.notes)

    @property
    def steps(self) -> int:
        """How many sixteenths, on the grid, until its last note has ended."""
        return max(max(nearest_step(note.end), nearest_step(note.begin) + 1) for note in self.notes)

    def seconds_at(self, beat: float) -> float:
        """When that beat comes, counted from the beginning of the file."""
        ends = [*(begin for begin, _ in self.tempos[1:]), math.inf]
        return sum((min(beat, end) - begin) * 60.0 / bpm
                   for (begin, bpm), end in zip(self.tempos, ends) if begin < beat)


def read_score(path: str | Path) -> list[Event]:
    """Notes, controls and pitch bends in order of time, on their channels, `at_s` counted from the start of the file.

    Channel 10 is drums, and left out, unless it is a member of an MPE zone. A note-off ends every note of its pitch,
    channel and track that began before it: files that were cut and pasted strike a key twice and let it go once.
    Raises LivewaveError, naming the file, for anything that is not a Standard MIDI File with at least one note.
    """
    return _events(path, timed(path, read_midi(path)), lambda message: message.at_s)


def read_notes(path: str | Path) -> tuple[list[Event], list[Note]]:
    """What `read_score` reads, and its `notes_of`. Raises LivewaveError, naming the file, where no note lasts."""
    events = read_score(path)
    return events, _lasting(path, events)


def _lasting(path: str | Path, events: Iterable[Event]) -> list[Note]:
    notes = notes_of(events)
    if not notes:
        raise LivewaveError(f"{path} holds no note that lasts: each ends where it begins, or begins where the file ends")
    return notes


def read_piece(path: str | Path) -> Piece:
    """The file in beats. What sounds is what the stage would hold: pedals lengthen notes, doubled ones sound once.

    What is played live is heard through the same ledger, so a net learns the durations that it will be primed with.
    Raises LivewaveError, naming the file, for what `read_notes` refuses.
    """
    return piece_of(path, timed(path, read_midi(path)))


def piece_of(path: str | Path, messages: Sequence[Timed]) -> Piece:
    """The piece that the messages of the file at `path` make. Raises LivewaveError, naming it, where no note lasts."""
    notes = _lasting(path, _events(path, messages, lambda message: message.beat))
    if max(note.end_s for note in notes) > LONGEST_BEATS:
        raise LivewaveError(f"{path} is longer than {LONGEST_BEATS} beats")
    tempos, metres = {0.0: 6e7 / BEAT_US}, {0.0: COMMON_TIME}  # of several at one beat the last one counts
    for timed_message in messages:
        message = timed_message.message
        if message.type == "set_tempo":
            tempos[timed_message.beat] = 6e7 / max(message.tempo, 1)
        elif message.type == "time_signature":
            metres[timed_message.beat] = (message.numerator, message.denominator)
    return Piece(str(path), tuple(PieceNote(note.start_s, note.end_s, note.pitch, note.velocity) for note in notes),
                 tuple(tempos.items()), tuple((beat, *metre) for beat, metre in metres.items()))


def positions_of(piece: Piece, steps: int | None = None) -> np.ndarray:
    """uint8 [steps]: the place in its bar of every sixteenth from the beginning of the file; by default `piece.steps`.

    Raises LivewaveError, naming the file, for a metre whose bar is not 1..16 whole sixteenths, where it is in force.
    """
    steps = piece.steps if steps is None else steps
    places = np.zeros(steps, np.uint8)
    begins = [nearest_step(beat) for beat, _, _ in piece.metres]
    for (_, beats, unit), begin, end in zip(piece.metres, begins, [*begins[1:], steps]):
        if begin < min(end, steps):
            places[begin:end] = np.arange(min(end, steps) - begin) % steps_a_bar(piece.path, beats, unit)
    return places


def steps_a_bar(path: str, beats: int, unit: int) -> int:
    """Sixteenths of a bar. Raises LivewaveError, naming `path`, for a metre whose bar is not 1..16 whole ones."""
    try:
        return check_metre(beats, unit)
    except ConfigError as error:
        raise LivewaveError(f"{path}: {error}") from None


def _events(path: str | Path, messages: Iterable[Timed], moment: Callable[[Timed], float]) -> list[Event]:
    """What the player did; `at_s` is each message's `moment`."""
    events: list[Event] = []
    began: dict[tuple[int, int, int], list[float]] = {}  # track, channel, pitch -> moments of the notes that are down
    wheels = Wheels()
    for entry in messages:
        at_s, track, message = moment(entry), entry.track, entry.message
        channel = getattr(message, "channel", None)
        if message.type == "control_change":
            control = Control(at_s, SOURCE, channel, message.control, message.value)
            wheels.feed(control)
        if channel is None or channel == DRUMS and not wheels.member(SOURCE, channel):
            continue
        if message.type == "note_on" and message.velocity:
            events.append(NoteOn(at_s, SOURCE, channel, message.note, message.velocity))
            began.setdefault((track, channel, message.note), []).append(at_s)
        elif message.type in ("note_on", "note_off"):
            down = began.pop((track, channel, message.note), [])
            kept = [start_s for start_s in down if start_s == at_s] if down and down[0] < at_s else []
            events += [NoteOff(at_s, SOURCE, channel, message.note)] * (len(down) - len(kept))
            began[track, channel, message.note] = kept
        elif message.type == "control_change":
            events.append(control)
        elif message.type == "pitchwheel":
            events.append(PitchBend(at_s, SOURCE, channel, message.pitch))
    if not any(isinstance(event, NoteOn) for event in events):
        raise LivewaveError(f"{path} holds no notes (drum tracks do not count)")
    return events


def events_of(notes: Iterable[Note], source: str = SOURCE) -> list[Event]:
    """Note-ons and note-offs in order of time; an off comes before an on of the same instant."""
    events: list[Event] = []
    for note in notes:
        events.append(NoteOn(note.start_s, source, 0, note.pitch, note.velocity))
        events.append(NoteOff(note.end_s, source, 0, note.pitch))
    return sorted(events, key=lambda e: (e.at_s, isinstance(e, NoteOn)))


def roll_of(events: Iterable[Event], seconds: float, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: what the stage would hold if it received `events`: pedal, doubled notes and re-strikes included."""
    return columns_of(changes_of(events), round(seconds * rate_hz), rate_hz)


def bends_of(events: Iterable[Event], roll: np.ndarray, rate_hz: int) -> np.ndarray:
    """float32 [columns, 128]: semitones by which the stage would bend what sounds; `roll` is the `roll_of` the same."""
    return bends.bends_of(changes_of(events), roll, rate_hz)


def changes_of(events: Iterable[Event]) -> list[Strike | Release | Bend]:
    ledger = Ledger()
    return [change for event in events for change in ledger.feed(event)]


def notes_of(events: Iterable[Event]) -> list[Note]:
    """What sounds when `events` are played, in order of onset: pedals held, doubled notes sounding once.

    What nobody lets go lasts until the last event; what begins there, or ends where it begins, is left out.
    """
    events, notes, since = list(events), [], {}
    for change in changes_of(events):
        if isinstance(change, Bend):
            continue
        struck = since.pop(change.pitch, None)
        if struck is not None and change.at_s > struck.at_s:
            notes.append(Note(struck.at_s, change.at_s, change.pitch, struck.velocity))
        if isinstance(change, Strike):
            since[change.pitch] = change
    notes += [Note(struck.at_s, events[-1].at_s, struck.pitch, struck.velocity)
              for struck in since.values() if events[-1].at_s > struck.at_s]
    return sorted(notes, key=lambda note: (note.start_s, note.pitch))
