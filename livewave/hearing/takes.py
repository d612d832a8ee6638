"""Recordings of a performance: read, checked, laid over the notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing.agreement import onset_times
from livewave.hearing.measures import cross_correlation
from livewave.hearing.recordings import read_mono
from livewave.hearing.spectra import SILENT, onsets
from livewave.music.score import Note

ALIKE = 0.3  # of `cross_correlation`: below it the peak is chance (another melody reaches 0.2), and so is its lag
NEAR_S = 0.1  # an onset this close to a note's start is that note's


def read_take(path: str | Path, rate_hz: int) -> np.ndarray:
    """float32 [samples] at `rate_hz`, mono. Raises LivewaveError as `read_mono` does, and for a silent file."""
    audio, _ = read_mono(path, rate_hz)
    if np.abs(audio).max(initial=0.0) < SILENT:
        raise LivewaveError(f"{path} is silent: no sample of its {len(audio) / rate_hz:.1f} s exceeds -80 dB;"
                            " was the right output recorded?")
    return audio


def lag_s(audio: np.ndarray, plain: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float | None:
    """By how many seconds a take is later than its notes; None where it is too unlike them to tell.

    plain  float32 [samples]  the notes as a tone that speaks at once
    The peak of the cross-correlation with it, made exact by the median distance of onsets heard from the nearest note's
    start: an instrument that swells shifts the former. Good to about 20 ms, as `onsets` is.
    """
    peak, coarse_s = cross_correlation(audio, plain, rate_hz)
    if peak < ALIKE:
        return None
    heard, starts = onsets(audio, rate_hz) - coarse_s, onset_times(notes)
    away = heard - starts[np.abs(heard[:, None] - starts).argmin(axis=1)] if len(heard) else heard
    near = away[np.abs(away) < NEAR_S]
    return coarse_s + (float(np.median(near)) if len(near) else 0.0)


def shifted(audio: np.ndarray, seconds: float, rate_hz: int, samples: int) -> np.ndarray:
    """float32 [samples]: the audio `seconds` earlier (later where negative), cut or filled with silence to length."""
    first, out = round(seconds * rate_hz), np.zeros(samples, np.float32)
    kept = audio[max(0, first) : max(0, first + samples)]
    out[max(0, -first) : max(0, -first) + len(kept)] = kept
    return out
