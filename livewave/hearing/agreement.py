"""Onsets and pitches that were heard against those of the notes, in mir_eval's terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.hearing.extra import needed
from livewave.hearing.spectra import onsets
from livewave.music.score import Note

TOGETHER_S = 0.03  # notes that start this close are one onset


def onset_f1(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], window_s: float = 0.05) -> float:
    """0..1: F measure of the onsets heard and the notes' starts, right within `window_s`. Source: mir_eval.onset."""
    with needed("mir_eval"):
        import mir_eval

    heard = onsets(audio, rate_hz)
    return float(mir_eval.onset.f_measure(onset_times(notes), heard, window_s)[0]) if len(heard) else 0.0


def onset_times(notes: Sequence[Note]) -> np.ndarray:
    """float64 [n] s, rising: the starts of notes, those of a chord once."""
    times: list[float] = []
    for start_s in sorted(note.start_s for note in notes):
        if not times or start_s - times[-1] > TOGETHER_S:
            times.append(start_s)
    return np.asarray(times)


def multipitch_accuracy(wanted: Sequence[np.ndarray], heard: Sequence[np.ndarray]) -> float:
    """0..1: of all pitches wanted or heard in any frame, the share that is both; 0 where there are none.

    wanted, heard  int [n], a row of MIDI pitches for each frame
    Source: Poliner and Ellis 2007 (accuracy).
    """
    both = sum(len(np.intersect1d(*rows)) for rows in zip(wanted, heard))
    return both / max(1, sum(len(np.union1d(*rows)) for rows in zip(wanted, heard)))
