"""Phrases that test an instrument: songs, leaps, chords, rests, repeated notes, a minute without a pause.

All are made here and are in no training data. No note starts before START_S: a burst at the start can be heard.
"""

from __future__ import annotations

import random
from dataclasses import replace

from livewave.music.compass import Compass
from livewave.music.score import Note

START_S = 0.3  # of silence before each phrase
# three different pitch classes each, within an octave: major and minor in three positions, suspended, diminished
CHORDS = ((0, 4, 7), (0, 3, 8), (0, 5, 9), (0, 3, 7), (0, 4, 9), (0, 5, 8), (0, 5, 7), (0, 3, 6))
SONGS = {
    "happy_birthday": ("G4 G4 A4 G4 C5 B4 G4 G4 A4 G4 D5 C5 G4 G4 G5 E5 C5 B4 A4 F5 F5 E5 C5 D5 C5",
                       [.75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 1, 1, .75, .25, 1, 1, 1, 2]),
    "ode_to_joy": ("E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 E5 D5 D5 E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 D5 C5 C5",
                   [1] * 12 + [1.5, .5, 2] + [1] * 12 + [1.5, .5, 2]),
}
VERSE_S, VERSES = 10.0, 6  # of the minute
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def song(name: str, compass: Compass, beat_s: float = 0.4, gate: float = 0.95, start_s: float = START_S) -> list[Note]:
    """One of SONGS, in the octave that fits the instrument."""
    names, beats = SONGS[name]
    notes, t = [], start_s
    for step, length in zip(names.split(), beats):
        pitch = compass.fold(12 * (int(step[1]) + 1) + _STEPS[step[0]])
        notes.append(Note(t, t + length * beat_s * gate, pitch, 95))
        t += length * beat_s
    return notes


def leaps(compass: Compass, seed: int, count: int = 24) -> list[Note]:
    """Any note after any other, 0.37 s each: what a net that lingers on its last note plays wrong."""
    rng = random.Random(11 + seed)
    starts = (START_S + 0.4 * i for i in range(count))
    return [Note(start, start + 0.37, rng.randint(compass.low, compass.high), 92) for start in starts]


def chords(compass: Compass, seed: int) -> list[Note]:
    """Every shape of CHORDS once, on any root, 0.9 s each with 0.1 s between."""
    rng = random.Random(3 + seed)
    notes = []
    for i, shape in enumerate(rng.sample(CHORDS, len(CHORDS))):
        root = rng.randint(compass.low, max(compass.low, compass.high - 12))
        notes += [Note(START_S + i, START_S + i + 0.9, root + step, 92) for step in shape]
    return notes


def rests(compass: Compass, seed: int, count: int = 10, rest_s: float = 1.2) -> list[Note]:
    """Notes of 0.6 s with a rest after each."""
    rng = random.Random(7 + seed)
    starts = (START_S + (0.6 + rest_s) * i for i in range(count))
    return [Note(start, start + 0.6, rng.randint(compass.low, compass.high), 92) for start in starts]


def repeats(compass: Compass, seed: int, count: int = 8) -> list[Note]:
    """Pairs of one pitch, the second struck in the instant in which the first ends: only the roll's gap parts them."""
    rng = random.Random(17 + seed)
    notes = []
    for i in range(count):
        start, pitch = START_S + 1.3 * i, rng.randint(compass.low, compass.high)
        notes += [Note(start, start + 0.5, pitch, 92), Note(start + 0.5, start + 1.0, pitch, 92)]
    return notes


def held(pairs: list[Note]) -> list[Note]:
    """The same pairs, each as one note that is not struck again."""
    return [replace(one, end_s=other.end_s) for one, other in zip(pairs[::2], pairs[1::2])]


def minute(compass: Compass, seed: int) -> list[Note]:
    """VERSES times the same VERSE_S, so that one is comparable with another.

    Steps and leaps of 0.2 to 1 s; no gap is long enough to be a rest, so the net runs free for the whole minute.
    """
    rng, verse, t = random.Random(23 + seed), [], 0.0
    pitch = rng.randint(compass.low, compass.high)
    while t < VERSE_S - 0.01:
        length = min(rng.choice((0.2, 0.3, 0.4, 0.6, 1.0)), VERSE_S - t)
        length = VERSE_S - t if VERSE_S - t - length < 0.2 else length
        verse.append((t, t + 0.95 * length, pitch))
        pitch, t = _moved(rng, compass, pitch), t + length
    return [Note(START_S + at + start, START_S + at + end, pitch, 92)
            for at in (VERSE_S * i for i in range(VERSES)) for start, end, pitch in verse]


def _moved(rng: random.Random, compass: Compass, pitch: int) -> int:
    """Another pitch, mostly near: a repeated one would test something else."""
    near = [pitch + step for step in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5) if compass.low <= pitch + step <= compass.high]
    if near and rng.random() < 0.7:
        return rng.choice(near)
    return rng.choice([other for other in range(compass.low, compass.high + 1) if other != pitch])
