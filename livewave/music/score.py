"""Scores: a MIDI file as the events a player would have sent, notes as events, events as a roll."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Control, Event, NoteOff, NoteOn, Release, Strike
from livewave.music.ledger import Ledger
from livewave.music.roll import columns_of

SOURCE = "score"


@dataclass(frozen=True, slots=True)
class Note:
    start_s: float
    end_s: float
    pitch: int
    velocity: int


def read_score(path: str | Path) -> list[Event]:
    """Events in order of time, `at_s` counted from the start of the file; drums are left out.

    Raises LivewaveError, naming the file, for anything that is not a Standard MIDI File with at least one note.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # where pyfluidsynth is installed, it announces itself
        import pretty_midi

    if not Path(path).is_file():
        raise LivewaveError(f"no MIDI file at {path}")
    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # mido and pretty_midi raise whatever a broken byte leads them to
        raise LivewaveError(f"{path} is not a readable Standard MIDI File: {type(error).__name__}: {error}") from None
    events: list[Event] = []
    for channel, instrument in enumerate(i for i in midi.instruments if not i.is_drum):
        for note in instrument.notes:
            events.append(NoteOn(float(note.start), SOURCE, channel, note.pitch, max(1, note.velocity)))
            events.append(NoteOff(float(note.end), SOURCE, channel, note.pitch))
        for control in instrument.control_changes:
            events.append(Control(float(control.time), SOURCE, channel, control.number, control.value))
    if not any(isinstance(event, NoteOn) for event in events):
        raise LivewaveError(f"{path} holds no notes (drum tracks do not count)")
    return sorted(events, key=lambda event: (event.at_s, isinstance(event, NoteOn)))


def events_of(notes: Iterable[Note]) -> list[Event]:
    """Note-ons and note-offs in order of time; an off comes before an on of the same instant."""
    events: list[Event] = []
    for note in notes:
        events.append(NoteOn(note.start_s, SOURCE, 0, note.pitch, note.velocity))
        events.append(NoteOff(note.end_s, SOURCE, 0, note.pitch))
    return sorted(events, key=lambda e: (e.at_s, isinstance(e, NoteOn)))


def roll_of(events: Iterable[Event], seconds: float, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: what the stage would hold if it received `events`: pedal, doubled notes and re-strikes included."""
    return columns_of(changes_of(events), round(seconds * rate_hz), rate_hz)


def changes_of(events: Iterable[Event]) -> list[Strike | Release]:
    ledger = Ledger()
    return [change for event in events for change in ledger.feed(event)]


def notes_of(events: Iterable[Event]) -> list[Note]:
    """What sounds when `events` are played, in order of onset: pedals held, doubled notes sounding once."""
    notes, since = [], {}
    for change in changes_of(events):
        struck = since.pop(change.pitch, None)
        if struck is not None and change.at_s > struck.at_s:
            notes.append(Note(struck.at_s, change.at_s, change.pitch, struck.velocity))
        if isinstance(change, Strike):
            since[change.pitch] = change
    return sorted(notes, key=lambda note: (note.start_s, note.pitch))
