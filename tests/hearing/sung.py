"""Audio whose every property is known: notes sung by harmonic tones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.music.score import Note

RATE_HZ = 16_000
LINE = [Note(0.4 + 0.4 * i, 0.4 + 0.4 * i + 0.36, pitch, 95) for i, pitch in enumerate((60, 67, 72, 65, 81, 74))]
OTHER_LINE = [Note(note.start_s, note.end_s, pitch, 95) for note, pitch in zip(LINE, (70, 63, 78, 75, 68, 61))]
CHORDS = [Note(0.3 + i, 1.2 + i, root + step, 95) for i, root in enumerate((60, 69, 64)) for step in (0, 4, 7)]


def sung(notes: Sequence[Note], cents: float = 0.0, late_s: float = 0.0, rate_hz: int = RATE_HZ, rise_s: float = 0.005,
         partials: int = 4, tail_s: float = 0.5) -> np.ndarray:
    """float32 [samples]: every note rises to full level `late_s` + `rise_s` after its start and falls at its end."""
    time = np.arange(round((max(note.end_s for note in notes) + tail_s) * rate_hz)) / rate_hz
    audio = np.zeros(len(time))
    for note in notes:
        hz = 440.0 * 2.0 ** ((note.pitch + cents / 100.0 - 69) / 12)
        rising, falling = (time - note.start_s - late_s) / rise_s, (note.end_s + late_s - time) / 0.02
        level = np.clip(np.minimum(rising, falling), 0.0, 1.0)
        audio += sum(0.1 / h * level * np.sin(2 * np.pi * h * hz * time) for h in range(1, partials + 1))
    return audio.astype(np.float32)


def noise(samples: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """float32 [samples]: white, of that standard deviation."""
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)
