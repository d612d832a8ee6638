"""Phrases that test an instrument: songs, leaps, chords."""

from __future__ import annotations

import random

from livewave.music.compass import Compass
from livewave.music.score import Note

CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 9), (0, 7, 12), (0, 3, 8))
SONGS = {
    "happy_birthday": ("G4 G4 A4 G4 C5 B4 G4 G4 A4 G4 D5 C5 G4 G4 G5 E5 C5 B4 A4 F5 F5 E5 C5 D5 C5",
                       [.75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 1, 1, .75, .25, 1, 1, 1, 2]),
    "ode_to_joy": ("E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 E5 D5 D5 E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 D5 C5 C5",
                   [1] * 12 + [1.5, .5, 2] + [1] * 12 + [1.5, .5, 2]),
}
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def song(name: str, compass: Compass, beat_s: float = 0.4, gate: float = 0.95, start_s: float = 0.3) -> list[Note]:
    """One of SONGS, in the octave that fits the instrument."""
    names, beats = SONGS[name]
    notes, t = [], start_s
    for step, length in zip(names.split(), beats):
        pitch = compass.fold(12 * (int(step[1]) + 1) + _STEPS[step[0]])
        notes.append(Note(t, t + length * beat_s * gate, pitch, 95))
        t += length * beat_s
    return notes


def leaps(compass: Compass, seed: int) -> list[Note]:
    rng = random.Random(11 + seed)
    return [Note(0.3 + 0.4 * i, 0.3 + 0.4 * i + 0.37, rng.randint(compass.low, compass.high), 92) for i in range(24)]


def chords(compass: Compass) -> list[Note]:
    rng = random.Random(3)
    roots = [rng.randint(compass.low, compass.high - 12) for _ in CHORDS]
    return [Note(0.3 + i, 1.2 + i, root + step, 92) for i, (root, shape) in enumerate(zip(roots, CHORDS)) for step in shape]
