"""All that a take is told by: one line of the table of `livewave compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livewave.hearing.measures import (
    chroma, chroma_hop, cross_correlation, in_tune, noise_db, onset_delay_s, onset_f1,
)
from livewave.hearing.multipitch import chord_accuracy
from livewave.music.compass import Compass
from livewave.music.score import Note

OVERLAP_S = 0.06  # notes of one line may run into each other this long


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one take. Shares and likenesses are 0..1.

    pitch_accuracy     one line: share of frames within 50 cents, from 60 ms after each note's start; chords: of all
                       pitches wanted or heard in any frame, the share that is both (`chord_accuracy`)
    chroma_similarity  with the conditioning: mean cosine of the chroma of frames in which a note sounds
    onset_f1           of onsets heard and asked for, within 50 ms
    correlation        with the conditioning: peak of the cross-correlation of pitch class envelopes,
    correlation_lag_s  and by how much the take is later there
    onset_delay_s      median over the notes that are heard, from start to sound; None where none is
    notes_unheard      share of notes that are never heard
    noise_db           energy outside the partials of the notes, relative to all
    """

    pitch_accuracy: float
    chroma_similarity: float
    onset_f1: float
    correlation: float
    correlation_lag_s: float
    onset_delay_s: float | None
    notes_unheard: float
    noise_db: float


def score(audio: np.ndarray, conditioning: np.ndarray, rate_hz: int, notes: Sequence[Note], one_line: bool) -> Scores:
    """audio, conditioning  float32 [samples], both with time 0 where the notes' is"""
    delays = onset_delay_s(audio, rate_hz, notes)
    heard = delays[np.isfinite(delays)]
    peak, lag_s = cross_correlation(audio, conditioning, rate_hz)
    return Scores(
        pitch_accuracy=round(pitch_accuracy(audio, rate_hz, notes, one_line), 4),
        chroma_similarity=round(chroma_similarity(audio, conditioning, rate_hz, notes), 4),
        onset_f1=round(onset_f1(audio, rate_hz, notes), 4),
        correlation=round(peak, 4),
        correlation_lag_s=round(lag_s, 4),
        onset_delay_s=round(float(np.median(heard)), 4) if len(heard) else None,
        notes_unheard=round(1.0 - len(heard) / len(delays), 4),
        noise_db=round(noise_db(audio, rate_hz, notes), 1))


def is_one_line(notes: Sequence[Note]) -> bool:
    """notes  in order of onset"""
    return all(after.start_s > before.end_s - OVERLAP_S for before, after in zip(notes, notes[1:]))


def pitch_accuracy(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], one_line: bool) -> float:
    """0..1. A line's pitch is looked for within an octave beyond its notes."""
    if not one_line:
        return chord_accuracy(audio, rate_hz, notes)
    pitches = [note.pitch for note in notes]
    around = Compass(max(0, min(pitches) - 12), min(127, max(pitches) + 12))
    return in_tune(audio, rate_hz, notes, around)["frames_in_tune"]


def chroma_similarity(audio: np.ndarray, conditioning: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """0..1: mean cosine of the chroma of both, over the frames in which a note sounds; a silent frame has 0."""
    one, other = (chroma(take, rate_hz) for take in (audio, conditioning))
    frames = min(one.shape[1], other.shape[1])
    one, other, times = one[:, :frames], other[:, :frames], np.arange(frames) * chroma_hop(rate_hz) / rate_hz
    sounding = np.any([(note.start_s <= times) & (times < note.end_s) for note in notes], axis=0)
    lengths = np.linalg.norm(one, axis=0) * np.linalg.norm(other, axis=0)
    cosine = np.divide((one * other).sum(axis=0), lengths, out=np.zeros(frames, np.float32), where=lengths > 0.0)
    return float(np.clip(cosine[sounding].mean(), 0.0, 1.0)) if sounding.any() else 0.0
