"""Scores: a MIDI file as the events a player would have sent, notes as events, events as a roll."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Bend, Control, Event, NoteOff, NoteOn, PitchBend, Release, Strike
from livewave.music import bends
from livewave.music.ledger import Ledger
from livewave.music.roll import columns_of
from livewave.music.wheels import Wheels

SOURCE = "score"
DRUMS = 9
BEAT_US = 500_000  # until the file says otherwise
LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Note:
    start_s: float
    end_s: float
    pitch: int
    velocity: int


def read_score(path: str | Path) -> list[Event]:
    """Notes, controls and pitch bends in order of time, on their channels, `at_s` counted from the start of the file.

    Channel 10 is drums, and left out, unless it is a member of an MPE zone. A note-off ends every note of its pitch,
    channel and track that began before it: files that were cut and pasted strike a key twice and let it go once.
    Raises LivewaveError, naming the file, for anything that is not a Standard MIDI File with at least one note.
    """
    import mido

    if not Path(path).is_file():
        raise LivewaveError(f"no MIDI file at {path}")
    try:
        messages = list(_timed(mido.MidiFile(str(path))))
    except Exception as error:  # mido raises whatever a broken byte leads it to
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LivewaveError(f"{path} is not a readable Standard MIDI File: {reason}") from None
    events = _events(messages)
    if not any(isinstance(event, NoteOn) for event in events):
        raise LivewaveError(f"{path} holds no notes (drum tracks do not count)")
    return events


def read_notes(path: str | Path) -> tuple[list[Event], list[Note]]:
    """What `read_score` reads, and its `notes_of`. Raises LivewaveError, naming the file, where no note lasts."""
    events = read_score(path)
    notes = notes_of(events)
    if not notes:
        raise LivewaveError(f"{path} holds no note that lasts: each ends where it begins, or begins where the file ends")
    return events, notes


def _timed(midi: Any) -> Iterator[tuple[float, int, Any]]:
    """Seconds, track and message of a mido.MidiFile, in order of time. Raises ValueError for what is no music."""
    if midi.ticks_per_beat <= 0:
        raise ValueError("its time is in frames of film, not in beats; save it again with ticks per quarter note")
    ticking = []
    for track, messages in enumerate(midi.tracks):
        ticks = accumulate(message.time for message in messages)
        ticking += [(tick, track, message) for tick, message in zip(ticks, messages)]
    at_s, last, beat_us = 0.0, 0, BEAT_US
    for tick, track, message in sorted(ticking, key=lambda timed: timed[0]):
        at_s += (tick - last) / midi.ticks_per_beat * beat_us * 1e-6
        last = tick
        if at_s > LONGEST_S:
            raise ValueError(f"it is longer than {LONGEST_S / 3600.0:g} hours")
        if message.type == "set_tempo":
            beat_us = message.tempo
        yield at_s, track, message


def _events(messages: Iterable[tuple[float, int, Any]]) -> list[Event]:
    events: list[Event] = []
    began: dict[tuple[int, int, int], list[float]] = {}  # track, channel, pitch -> moments of the notes that are down
    wheels = Wheels()
    for at_s, track, message in messages:
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
    return events


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
