"""What the scenarios and the measurements play: lines and chords in the compass of the shipped model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pretty_midi

from livewave.music.compass import Compass
from livewave.render.modelfile import load_model
from livewave.music.score import Note
from training.phrases import CHORDS, song

MODEL = "flute"
START_S = 0.3


def compass() -> Compass:
    return Compass.of(load_model(MODEL).provenance)


def melody(seconds: float = 60.0, name: str = "ode_to_joy") -> list[Note]:
    """A song up to `seconds`."""
    return [note for note in song(name, compass(), start_s=START_S) if note.end_s < seconds]


def chords() -> list[Note]:
    """Three-note chords of 0.9 s, one a second, with different roots."""
    lowest, span = compass().low, compass().high - compass().low - 12
    roots = [lowest + 5 * number % (span + 1) for number in range(len(CHORDS))]
    return [Note(START_S + i, START_S + i + 0.9, root + step, 92) for i, (root, shape) in enumerate(zip(roots, CHORDS))
            for step in shape]


def shifted(notes: Sequence[Note], by_s: float) -> list[Note]:
    return [Note(note.start_s + by_s, note.end_s + by_s, note.pitch, note.velocity) for note in notes]


def write_midi(path: Path, notes: Sequence[Note]) -> Path:
    score = pretty_midi.PrettyMIDI()
    score.instruments.append(pretty_midi.Instrument(73))
    score.instruments[0].notes.extend(pretty_midi.Note(n.velocity, n.pitch, n.start_s, n.end_s) for n in notes)
    score.write(str(path))
    return path
