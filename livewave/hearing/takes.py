"""Recordings: read, checked, brought to one rate, laid over the notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing.agreement import onset_times
from livewave.hearing.extra import needed
from livewave.hearing.measures import cross_correlation
from livewave.hearing.spectra import SILENT, onsets
from livewave.music.score import Note

ALIKE = 0.3  # of `cross_correlation`: below it the peak is chance (another melody reaches 0.2), and so is its lag
NEAR_S = 0.1  # an onset this close to a note's start is that note's


def read_take(path: str | Path, rate_hz: int) -> np.ndarray:
    """float32 [samples] at `rate_hz`, mono (the mean of all channels).

    Raises LivewaveError, naming the file, when it is missing, no audio, silent, or holds values that are no numbers.
    """
    with needed("soundfile"):
        import soundfile

    if not Path(path).is_file():
        raise LivewaveError(f"no recording at {path}")
    try:
        audio, file_rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise LivewaveError(f"{path} is no audio that can be read ({error}); give a WAV, FLAC, OGG or MP3 file") from None
    mono = audio.mean(axis=1)
    if not np.isfinite(mono).all():
        raise LivewaveError(f"{path} holds NaN or infinite samples; export it again")
    if np.abs(mono).max(initial=0.0) < SILENT:
        raise LivewaveError(f"{path} is silent: no sample of its {len(mono) / file_rate_hz:.1f} s exceeds -80 dB;"
                            " was the right output recorded?")
    return at_rate(mono, file_rate_hz, rate_hz)


def at_rate(audio: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """float32 [samples]"""
    import soxr

    return audio if from_hz == to_hz else soxr.resample(audio, from_hz, to_hz).astype(np.float32)


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
