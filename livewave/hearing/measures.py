"""Takes measured with numbers: pitch, chords, onsets, level, noise, likeness.

Every function takes mono float32 [samples], and the notes that were asked for as `livewave.music.score.Note`s. None gives
NaN, whatever is heard; `pitch_track` alone marks unvoiced frames with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.signal import correlate, correlation_lags

from livewave.hearing.agreement import onset_f1, onset_times
from livewave.hearing.speaking import onset_delay_s
from livewave.hearing.spectra import (
    chroma, chroma_hop, hz_of, onsets, pitch_track, power_of_two, sounding_pitch_classes,
)
from livewave.music.compass import Compass
from livewave.music.score import Note
from livewave.render.wavenet import A4_HZ

__all__ = ["chord_recall", "chroma", "cross_correlation", "in_tune", "level_db", "noise_db", "onset_delay_s", "onset_f1",
           "onset_times", "onsets", "pitch_classes_on_top", "pitch_track"]

SETTLED_S, RELEASING_S = 0.06, 0.01  # of a note, what is left out of its pitch score: the attack, the last instant
CHORD_SETTLED_S = 0.1  # the same of a chord
CHORD_WINDOW_S = 0.256
LOWEST_IN_CHORD_HZ = 110.0  # below it, half a semitone away is within the main lobe of that window
IN_TUNE_SEMITONES = 0.5
PARTIAL_SEMITONES = 0.25  # of a partial's frequency, what still is that partial
NOISE_WINDOW_S, NOISE_BINS = 0.128, 16
EXACT_PARTIALS = 12
FADING_S = 0.02  # of a note's end, left out of its noise


def in_tune(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], compass: Compass) -> dict[str, float]:
    """For one line: shares of frames and of notes within 50 cents."""
    times, pitches = pitch_track(audio, rate_hz, compass.low, compass.high)
    frames = right = notes_right = 0
    for note in notes:
        near = np.abs(pitches - note.pitch) < IN_TUNE_SEMITONES
        inside = (times > note.start_s + SETTLED_S) & (times < note.end_s - RELEASING_S)
        frames += int(inside.sum())
        right += int((near & inside).sum())
        notes_right += bool(inside.any()) and np.mean(near[inside]) > 0.5
    return {"frames_in_tune": right / max(1, frames), "notes_in_tune": notes_right / len(notes)}


def chord_recall(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Share of (frame, chord note) pairs whose fundamental stands out: a peak within 40 cents, 6 dB above what lies half a
    semitone beyond it, and within 30 dB of the strongest. Notes below 110 Hz do not count; 0 where none is left."""
    size, found = round(CHORD_WINDOW_S * rate_hz), []
    window = np.hanning(size)
    bins = 69.0 + 12.0 * np.log2(np.fft.rfftfreq(4 * size, 1.0 / rate_hz)[1:] / A4_HZ)
    for start_s, end_s in sorted({(note.start_s, note.end_s) for note in notes}):
        chord = [note.pitch for note in notes if note.start_s == start_s and hz_of(note.pitch) >= LOWEST_IN_CHORD_HZ]
        for first in range(round((start_s + CHORD_SETTLED_S) * rate_hz), round(end_s * rate_hz) - size, size // 4):
            spectrum = np.abs(np.fft.rfft(audio[first : first + size] * window, 4 * size))[1:]
            for pitch in chord:
                away = np.abs(bins - pitch)
                peak = spectrum[away < 0.4].max()
                found.append(peak > 2.0 * spectrum[(away > 0.6) & (away < 0.9)].max() and peak > 0.0316 * spectrum.max() > 0.0)
    return float(np.mean(found)) if found else 0.0


def sounding_together(notes: Sequence[Note]) -> Iterator[tuple[float, float, frozenset[int]]]:
    """(start_s, end_s, pitches) of every stretch between two changes in which the same notes, one or more, sound."""
    times = sorted({note.start_s for note in notes} | {note.end_s for note in notes})
    for start_s, end_s in zip(times, times[1:]):
        pitches = frozenset(note.pitch for note in notes if note.start_s <= start_s and note.end_s >= end_s)
        if pitches:
            yield start_s, end_s, pitches


def pitch_classes_on_top(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """0..1: share of chords (a single note is one of its own) whose k pitch classes are the k strongest of the chroma,
    averaged while they sound, the first 100 ms left out; shorter ones do not count. 0 where none is long enough."""
    seen, hop_s = chroma(audio, rate_hz), chroma_hop(rate_hz) / rate_hz
    right = []
    for start_s, end_s, pitches in sounding_together(notes):
        classes = {pitch % 12 for pitch in pitches}
        frames = seen[:, int(np.ceil((start_s + CHORD_SETTLED_S) / hop_s)) : int(end_s / hop_s) + 1]
        if end_s - start_s > CHORD_SETTLED_S + hop_s:
            strength = frames.sum(axis=1)
            right.append(strength.any() and set(np.argsort(strength)[-len(classes):].tolist()) == classes)
    return float(np.mean(right)) if right else 0.0


def noise_db(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Energy outside the partials of the sounding notes, relative to all of it, in dB: -120..0; 0 in silence.

    Only frames of 128 ms throughout which the same notes sound count, from 60 ms after each change on. A partial may be
    25 cents out of tune (those above the twelfth, as many Hz as that one). What lies under partials is taken to be as strong
    as what lies between them, band by band of 16 bins; where partials fill a band, as in the bands beside it.
    """
    size = power_of_two(NOISE_WINDOW_S * rate_hz)
    window, hz = np.blackman(size), np.fft.rfftfreq(size, 1.0 / rate_hz)[: size // 2]
    noise = whole = 0.0
    for start_s, end_s, pitches in sounding_together(notes):
        first, last = round((start_s + SETTLED_S) * rate_hz), min(len(audio), round((end_s - FADING_S) * rate_hz))
        between = ~np.any([_partials(hz, hz_of(pitch)) for pitch in pitches], axis=0).reshape(-1, NOISE_BINS)
        count, bands = between.sum(axis=1), np.arange(len(between))
        told = count > 0
        if not told.any():
            continue
        for at in range(first, last - size + 1, size // 2):
            power = np.square(np.abs(np.fft.rfft(audio[at : at + size] * window)[: size // 2])).reshape(-1, NOISE_BINS)
            density = (power * between).sum(axis=1)[told] / count[told]
            noise += np.minimum(power.sum(axis=1), NOISE_BINS * np.interp(bands, bands[told], density)).sum()
            whole += power.sum()
    return float(np.clip(10.0 * np.log10((noise + 1e-30) / whole), -120.0, 0.0)) if whole > 0.0 else 0.0


def _partials(hz: np.ndarray, f0_hz: float) -> np.ndarray:
    """bool [bins]: near a multiple of f0: half the main lobe of a Blackman window, and what may be out of tune."""
    number = np.maximum(1.0, np.round(hz / f0_hz))
    detuned_hz = np.minimum(number, EXACT_PARTIALS) * f0_hz * (2.0 ** (PARTIAL_SEMITONES / 12.0) - 1.0)
    return np.abs(hz - number * f0_hz) <= 3.0 * hz[1] + detuned_hz


def cross_correlation(a: np.ndarray, b: np.ndarray, rate_hz: int) -> tuple[float, float]:
    """How alike two takes are whatever instrument plays, and when: the peak 0..1, and by how many seconds `a` is later.

    What is correlated are the envelopes of the twelve pitch classes, each without its mean, summed over the classes and
    divided by the energies of both: 1 where every class swells and fades alike, near 0 for another melody, also one of
    the same rhythm. The lag is the parabola's through the peak. (0, 0) where one is silent.
    """
    one, other = (np.sqrt(sounding_pitch_classes(audio, rate_hz)) for audio in (a, b))
    one, other = (classes - classes.mean(axis=1, keepdims=True) for classes in (one, other))
    energy = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
    if energy < 1e-9:
        return 0.0, 0.0
    curve = sum(correlate(x, y, method="fft") for x, y in zip(one, other)) / energy
    at = int(np.argmax(curve))
    peak, beyond = float(curve[at]), 0.0
    if 0 < at < len(curve) - 1:
        before, after = curve[at - 1], curve[at + 1]
        beyond = 0.5 * float(before - after) / min(-1e-9, float(before - 2.0 * peak + after))
    lag = correlation_lags(one.shape[1], other.shape[1])[at] + beyond
    return float(np.clip(peak, 0.0, 1.0)), float(lag) * chroma_hop(rate_hz) / rate_hz


def level_db(audio: np.ndarray) -> float:
    return 10.0 * float(np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))
