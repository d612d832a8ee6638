"""Takes measured with numbers: pitch, chords, level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.music.compass import Compass
from livewave.music.score import Note
from livewave.render.wavenet import A4_HZ

SETTLED_S, RELEASING_S = 0.06, 0.01  # of a note, what is left out of its pitch score: the attack, the last instant
IN_TUNE_SEMITONES = 0.5
HOP = 256


def pitch_track(audio: np.ndarray, rate_hz: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Times [frames] in s and fractional MIDI pitches [frames], NaN where unvoiced. Source: pYIN, Mauch and Dixon 2014."""
    import librosa

    size = 1024 if low >= 50 else 2048
    fmin, fmax = max(_hz(low - 2), 2.1 * rate_hz / size), min(_hz(high + 2), rate_hz / 4)
    leap = int(12 * np.log2(fmax / fmin)) / 12 * rate_hz / HOP  # octaves a second: any note may follow any other
    hz, _, _ = librosa.pyin(audio, fmin=fmin, fmax=fmax, sr=rate_hz, frame_length=size, hop_length=HOP,
                            max_transition_rate=leap)
    return np.arange(len(hz)) * HOP / rate_hz, 69.0 + 12.0 * np.log2(hz / A4_HZ)


def in_tune(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], compass: Compass) -> dict[str, float]:
    """For one line: shares of frames and of notes within 50 cents, and the median time until a note is in tune."""
    times, pitches = pitch_track(audio, rate_hz, compass.low, compass.high)
    frames, right, notes_right, speaks = 0, 0, 0, []
    for note in notes:
        near = np.abs(pitches - note.pitch) < IN_TUNE_SEMITONES
        inside = (times > note.start_s + SETTLED_S) & (times < note.end_s - RELEASING_S)
        frames += int(inside.sum())
        right += int((near & inside).sum())
        notes_right += bool(inside.any()) and np.mean(near[inside]) > 0.5
        first = np.flatnonzero(near & (times >= note.start_s) & (times < note.end_s))
        speaks.append(times[first[0]] - note.start_s if len(first) else np.inf)
    return {"frames_in_tune": right / max(1, frames), "notes_in_tune": notes_right / len(notes),
            "speaks_ms": 1e3 * float(np.median(speaks))}


def chord_recall(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Share of (frame, chord note) pairs whose fundamental stands out: a peak within 40 cents, 6 dB above what lies half a
    semitone beyond it, and within 30 dB of the strongest."""
    size, found = 4096, []
    window = np.hanning(size)
    bins = 69.0 + 12.0 * np.log2(np.fft.rfftfreq(4 * size, 1.0 / rate_hz)[1:] / A4_HZ)
    for start_s, end_s in sorted({(note.start_s, note.end_s) for note in notes}):
        chord = [note.pitch for note in notes if note.start_s == start_s]
        for first in range(round((start_s + 0.1) * rate_hz), round(end_s * rate_hz) - size, size // 4):
            spectrum = np.abs(np.fft.rfft(audio[first : first + size] * window, 4 * size))[1:]
            for pitch in chord:
                away = np.abs(bins - pitch)
                peak = spectrum[away < 0.4].max()
                found.append(peak > 2.0 * spectrum[(away > 0.6) & (away < 0.9)].max() and peak > 0.0316 * spectrum.max() > 0.0)
    return float(np.mean(found))


def level_db(audio: np.ndarray) -> float:
    return 10.0 * float(np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def _hz(pitch: float) -> float:
    return A4_HZ * 2.0 ** ((pitch - 69) / 12.0)
