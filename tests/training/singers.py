"""Players that sing every note as four harmonics, well or with one fault: what scores must tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livewave.music.score import Note

RATE_HZ = 16_000
RAMP_S = 0.02


@dataclass
class Singer:
    """All faults are off by default.

    cents, late_s    every note is so far off, or comes so late (and ends at its end)
    legato           notes that touch are sung as one: nothing is struck again
    decay_db_per_s   of a struck string
    tremolo_db       by which the level wavers, 4 times a second
    hiss             level of noise under everything, of which bare_hiss is heard only without a voice
    click            a note begins with 5 ms of noise as loud as itself
    forgets          only the first note of all is sung
    fades_db, sharpens_cents, hiss_at_end    what has changed after a minute
    """

    cents: float = 0.0
    late_s: float = 0.0
    legato: bool = False
    decay_db_per_s: float = 0.0
    tremolo_db: float = 0.0
    hiss: float = 0.0
    bare_hiss: float = 0.0
    click: bool = False
    forgets: bool = False
    fades_db: float = 0.0
    sharpens_cents: float = 0.0
    hiss_at_end: float = 0.0
    rate_hz: int = RATE_HZ
    sung_s: float = 0.0

    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        time = np.arange(round((max(note.end_s for note in notes) + tail_s) * RATE_HZ)) / RATE_HZ
        self.sung_s += len(time) / RATE_HZ
        audio, rng = np.zeros(len(time)), np.random.default_rng(0)
        for note in _joined(notes) if self.legato else notes[:1] if self.forgets else notes:
            start_s, hz = note.start_s + self.late_s, 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
            level = np.clip(np.minimum(time - start_s, note.end_s - time) / RAMP_S, 0.0, 1.0)
            level *= 10.0 ** (-self.decay_db_per_s / 20.0 * np.maximum(0.0, time - start_s))
            cents = self.cents + self.sharpens_cents * (time[-1] > 2.0) * np.round(time / time[-1])
            turns = 2.0 * np.pi * np.cumsum(hz * 2.0 ** (cents / 1_200.0)) / RATE_HZ
            audio += level * sum(0.2 / h * np.sin(h * turns) for h in (1, 2, 3, 4) if h * hz < RATE_HZ / 2)
            if self.click:
                at = round(start_s * RATE_HZ)
                audio[at : at + 80] += 0.3 * rng.standard_normal(80)
        audio *= 10.0 ** (-self.fades_db / 20.0 * time / time[-1]) * 10.0 ** (self.tremolo_db / 40.0 * np.sin(8.0 * np.pi * time))
        audio += (self.hiss + self.hiss_at_end * (time / time[-1]) ** 2) * rng.standard_normal(len(time))
        return np.clip(audio, -1.0, 1.0).astype(np.float32)

    def play_bare(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        audio = self.play(notes, tail_s)
        return audio + np.float32(self.bare_hiss) * np.random.default_rng(1).standard_normal(len(audio)).astype(np.float32)

    def play_free(self, seconds: float) -> np.ndarray:
        return self.play([Note(0.0, seconds, 60, 90)], 0.0)

    def close(self) -> None:
        """Nothing to release."""


class Silent(Singer):
    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        return 0.0 * super().play(notes, tail_s)


class Drone(Singer):
    """One note for all, and never an end."""

    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        end_s = max(note.end_s for note in notes)
        return super().play([Note(-1.0, end_s + tail_s + 1.0, 62, 90)], 0.0)[: round((end_s + tail_s) * RATE_HZ)]


class Noise(Singer):
    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        return (0.1 * np.random.default_rng(2).standard_normal(len(super().play(notes, tail_s)))).astype(np.float32)


def _joined(notes: Sequence[Note]) -> list[Note]:
    joined: list[Note] = []
    for note in notes:
        if joined and joined[-1].pitch == note.pitch and joined[-1].end_s == note.start_s:
            joined[-1] = Note(joined[-1].start_s, note.end_s, note.pitch, note.velocity)
        else:
            joined.append(note)
    return joined
