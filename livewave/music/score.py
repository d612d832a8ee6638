"""A MIDI file as the events a player would have sent."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from livewave import LivewaveError
from livewave.control.events import Control, Event, NoteOff, NoteOn

SOURCE = "score"


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
