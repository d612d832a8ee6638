"""Pieces that teach an instrument to follow: composed at random, full of what is hard."""

from __future__ import annotations

import random

from livewave.music.score import Note


def compose(rng: random.Random, low: int, high: int, seconds: float, chords: float = 0.25) -> list[Note]:
    """A piece that teaches an instrument to follow: leaps, steps, scales, repeated notes, chords, rests, long and short.

    Velocities stay within 85..100: a binary roll cannot explain a level that wanders.
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
        for pitch in line[: 3 if beat > 0.45 else None]:
            length = beat * rng.uniform(0.9, 1.1)
            for voice in _chord(rng, pitch, high) if chordal else [pitch]:
                notes.append(Note(t, t + length * gate, voice, rng.randint(85, 100)))
            t += length
            if t > seconds - 2.0:
                break
    return _without_overlaps(notes)


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
    scale = rng.choice([[0, 2, 4, 5, 7, 9, 11, 12], [0, 2, 3, 5, 7, 8, 11, 12], [0, 4, 7, 12], [0, 3, 7, 12], list(range(13))])
    root = rng.randint(low, high - 12)
    line = [root + step for step in scale]
    return line[::-1] if rng.random() < 0.5 else line


def _chord(rng: random.Random, pitch: int, high: int) -> list[int]:
    upper = rng.sample([3, 4, 5, 7, 8, 9, 12], rng.randint(1, 2))
    return [pitch] + [pitch + interval for interval in upper if pitch + interval <= high]


def _without_overlaps(notes: list[Note]) -> list[Note]:
    """A pitch that is struck again first ends: the synthesiser would otherwise sound it twice at once."""
    starts: dict[int, list[float]] = {}
    for note in notes:
        starts.setdefault(note.pitch, []).append(note.start_s)
    kept = []
    for note in sorted(notes, key=lambda n: (n.start_s, n.pitch)):
        later = [s for s in starts[note.pitch] if s > note.start_s]
        end_s = min([note.end_s, *(s - 0.001 for s in later)])
        if end_s - note.start_s > 0.02:
            kept.append(Note(note.start_s, end_s, note.pitch, note.velocity))
    return kept
