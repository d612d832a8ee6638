"""The notes as a plain tone: what a take is compared with when there is no other instrument."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.hearing.spectra import hz_of
from livewave.music.score import Note

PARTIALS = (1.0, 0.5, 0.25, 0.125)  # amplitudes of the plain tone
RISE_S, FADE_S = 0.005, 0.03


def plain_tone(notes: Sequence[Note], seconds: float, rate_hz: int) -> np.ndarray:
    """float32 [samples]: four partials a note, speaking at once, as loud as its velocity says; the peak is 0.5."""
    audio = np.zeros(round(seconds * rate_hz))
    for note in notes:
        first = round(note.start_s * rate_hz)
        held = max(1, round((note.end_s - note.start_s) * rate_hz))
        time = np.arange(min(held + round(FADE_S * rate_hz), max(0, len(audio) - first))) / rate_hz
        level = np.clip(np.minimum(time / RISE_S, 1.0 + (held / rate_hz - time) / FADE_S), 0.0, 1.0)
        tone = sum(part * np.sin(2.0 * np.pi * n * hz_of(note.pitch) * time)
                   for n, part in enumerate(PARTIALS, 1) if n * hz_of(note.pitch) < 0.45 * rate_hz)
        audio[first : first + len(time)] += (note.velocity / 127.0) ** 2 * level * tone
    return (0.5 / max(1e-9, np.abs(audio).max(initial=0.0)) * audio).astype(np.float32)
