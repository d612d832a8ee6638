"""Which pitches sound at once: the spectrum as a sum of harmonic tones, none of them negative.

Source: non-negative least squares on log-frequency spectra, Mauch and Dixon 2010.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from livewave.hearing.agreement import multipitch_accuracy
from livewave.hearing.spectra import hz_of, power_of_two
from livewave.music.score import Note

WINDOW_S, HOP_S = 0.128, 0.064
BINS_PER_SEMITONE = 3
PARTIALS, PARTIAL_DECAY = 12, 0.7  # of a template: each partial is this much of the one below
FAINTEST = 0.1  # of the strongest pitch of a frame: less is not heard
SETTLED_S = 0.1  # after each change of what sounds, left out


def chord_accuracy(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """0..1: of the pitches wanted or heard in any frame, the share that is both.

    Heard in a frame in which k notes sound are the k strongest pitches, from an octave below the lowest note of all to one
    above the highest: with one of three wrong a frame has 2 of 4. The first 100 ms after each change do not count.
    """
    times, wanted = _frames(notes, len(audio) / rate_hz)
    low, high = max(12, min(n.pitch for n in notes) - 12), min(115, max(n.pitch for n in notes) + 12)
    hearing = _Ear(rate_hz, low, high)
    heard = [hearing.strongest(audio, time, len(row)) for time, row in zip(times, wanted)]
    return multipitch_accuracy(wanted, heard)


def _frames(notes: Sequence[Note], seconds: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Times [frames] in s, and the pitches that sound there, where something has sounded for SETTLED_S unchanged."""
    changes = np.unique([moment for note in notes for moment in (note.start_s, note.end_s)])
    starts, ends = np.asarray([n.start_s for n in notes]), np.asarray([n.end_s for n in notes])
    pitches, times, rows = np.asarray([n.pitch for n in notes]), [], []
    for time in np.arange(changes[0], min(seconds, changes[-1]), HOP_S):
        sounding = np.unique(pitches[(starts <= time) & (time < ends)])
        since_s = time - changes[np.searchsorted(changes, time, "right") - 1]
        if len(sounding) and since_s >= SETTLED_S:
            times.append(time)
            rows.append(sounding)
    return np.asarray(times), rows


class _Ear:
    """Harmonic templates of the pitches `low`..`high`, on a log-frequency axis."""

    def __init__(self, rate_hz: int, low: int, high: int) -> None:
        self.rate_hz, self.low = rate_hz, low
        self.size = power_of_two(WINDOW_S * rate_hz)
        self.window = np.hanning(self.size)
        axis = np.arange(low - 2.0, 12.0 * np.log2(0.45 * rate_hz / hz_of(0.0)), 1.0 / BINS_PER_SEMITONE)
        bins = 12.0 * np.log2(np.maximum(1.0, np.fft.rfftfreq(2 * self.size, 1.0 / rate_hz)) / hz_of(0.0))
        # a triangle about each point, as wide as a bin where bins are wider than the axis' steps
        reach = np.maximum(1.0 / BINS_PER_SEMITONE, 12.0 * np.log2(1.0 + rate_hz / self.size / hz_of(axis)))
        self.onto_axis = np.maximum(0.0, 1.0 - np.abs(bins[None, :] - axis[:, None]) / reach[:, None])
        self.templates = np.stack([self._template(pitch) for pitch in range(low, high + 1)], axis=1)

    def strongest(self, audio: np.ndarray, time_s: float, count: int) -> np.ndarray:
        """The up to `count` strongest pitches [n] about a moment."""
        begin = round(time_s * self.rate_hz) - self.size // 2
        piece = np.zeros(self.size)
        inside = audio[max(0, begin) : max(0, begin + self.size)]
        piece[max(0, -begin) : max(0, -begin) + len(inside)] = inside
        strength = nnls(self.templates, self._spectrum(piece))[0]
        order = np.argsort(strength)[::-1][:count]
        return self.low + order[strength[order] > FAINTEST * strength.max()]

    def _template(self, pitch: int) -> np.ndarray:
        time = np.arange(self.size) / self.rate_hz
        partials = [n for n in range(1, PARTIALS + 1) if n * hz_of(pitch) < 0.45 * self.rate_hz]
        tone = sum(PARTIAL_DECAY**n * np.sin(2.0 * np.pi * n * hz_of(pitch) * time) for n in partials)
        spectrum = self._spectrum(tone)
        return spectrum / np.linalg.norm(spectrum)

    def _spectrum(self, piece: np.ndarray) -> np.ndarray:
        return self.onto_axis @ np.abs(np.fft.rfft(piece * self.window, 2 * self.size))
