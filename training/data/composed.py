"""Pieces that teach an instrument to follow: composed at random, full of what is hard."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from livewave.music.roll import RESTRIKE_GAP_S
from livewave.music.score import Note

VELOCITIES = (85, 100)
OCTAVE = 12


def compose(rng: random.Random, low: int, high: int, seconds: float, chords: float = 0.25,
            velocities: tuple[int, int] = VELOCITIES, restrikes: float = 0.0) -> list[Note]:
    """A piece that teaches to follow: leaps, steps, scales, repeated notes, chords, rests, long and short.

    chords      share of the lines whose notes are chords
    velocities  lowest and highest; a binary roll cannot explain a level that wanders, so it wants them close together
    restrikes   share of the notes that are struck twice
    """
    notes: list[Note] = []
    t, pitch = rng.uniform(0.05, 0.5), rng.randint(low, high)
    while t < seconds - 2.0:
        if rng.random() < 0.10:
            t += rng.choice([rng.uniform(0.2, 1.0), rng.uniform(1.0, 5.0)])
            continue
        line = _line(rng, low, high, pitch)
        beat = rng.choice([0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.8, 1.4, 2.5])
        gate = rng.choice([0.5, 0.8, 0.95, 1.0, 1.0, 1.0])
        chordal = rng.random() < chords
        line = line[: 3 if beat > 0.45 else None]
        if restrikes:
            line = [pitch for pitch in line for _ in range(1 + (rng.random() < restrikes))]
        for pitch in line:
            length = beat * rng.uniform(0.9, 1.1)
            for voice in _chord(rng, pitch, high) if chordal else [pitch]:
                notes.append(Note(t, t + length * gate, voice, rng.randint(*velocities)))
            t += length
            if t > seconds - 2.0:
                break
    return without_overlaps(notes)


def two_hands(rng: random.Random, low: int, high: int, seconds: float, chords: float = 0.25,
              velocities: tuple[int, int] = VELOCITIES, restrikes: float = 0.0) -> list[Note]:
    """Two such pieces at once, independent, below and above a pitch that differs from piece to piece; the left has
    fewer chords. The range must be two octaves and a tone at least."""
    split = rng.randint(low + OCTAVE, high - OCTAVE - 1)
    left = compose(rng, low, split, seconds, chords / 2.0, velocities, restrikes)
    return without_overlaps(left + compose(rng, split + 1, high, seconds, chords, velocities, restrikes))


def bend_curve(rng: random.Random) -> Callable[[np.ndarray], np.ndarray]:
    """Seconds since the strike -> semitones: vibrato, a slide into the note, a bend away, or a note out of tune."""
    kind = rng.random()
    if kind < 0.5:
        depth, hz, after_s, turn = rng.uniform(0.1, 0.6), rng.uniform(4.0, 7.5), rng.uniform(0.0, 0.4), rng.random()
        return lambda s: depth * np.clip((s - after_s) / 0.2, 0.0, 1.0) * np.sin(2.0 * np.pi * (hz * s + turn))
    if kind < 0.7:
        far, time_s = rng.uniform(-2.0, 2.0), rng.uniform(0.04, 0.3)
        return lambda s: far * np.exp(-s / time_s)
    if kind < 0.9:
        far, after_s, time_s = rng.uniform(-2.0, 2.0), rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.4)
        return lambda s: far * np.clip((s - after_s) / time_s, 0.0, 1.0)
    off = rng.uniform(-1.0, 1.0)
    return lambda s: np.full(len(s), off)


def without_overlaps(notes: list[Note]) -> list[Note]:
    """A pitch that is struck again ends first, as long before as the stage's roll would make it: the synthesiser would
    otherwise sound it twice at once."""
    starts: dict[int, list[float]] = {}
    for note in notes:
        starts.setdefault(note.pitch, []).append(note.start_s)
    kept = []
    for note in sorted(notes, key=lambda n: (n.start_s, n.pitch)):
        later = [s for s in starts[note.pitch] if s > note.start_s]
        end_s = min([note.end_s, *(s - RESTRIKE_GAP_S for s in later)])
        if end_s - note.start_s > 0.02:
            kept.append(Note(note.start_s, end_s, note.pitch, note.velocity))
    return kept


def _line(rng: random.Random, low: int, high: int, pitch: int) -> list[int]:
    count, kind = rng.randint(3, 12), rng.random()
    if kind < 0.45:
        return [rng.randint(low, high) for _ in range(count)]
    if kind < 0.75:
        line = []
        for _ in range(count):
            pitch = min(max(pitch + rng.choice([-7, -5, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 5, 7]), low), high)
            line.append(pitch)
        return line
    scale = rng.choice([[0, 2, 4, 5, 7, 9, 11, 12], [0, 2, 3, 5, 7, 8, 11, 12], [0, 4, 7, 12], [0, 3, 7, 12],
                        list(range(13))])
    root = rng.randint(low, high - 12)
    line = [root + step for step in scale]
    return line[::-1] if rng.random() < 0.5 else line


def _chord(rng: random.Random, pitch: int, high: int) -> list[int]:
    upper = rng.sample([3, 4, 5, 7, 8, 9, 12], rng.randint(1, 2))
    return [pitch] + [pitch + interval for interval in upper if pitch + interval <= high]
