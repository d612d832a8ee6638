"""Recordings as training hears them: mono float32 at the model's rate, with what is wrong with them said by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing.recordings import read_mono

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".aif", ".aiff")
SHORTEST_S = 0.5
SILENT = 1e-4  # a recording whose loudest sample is below this (-80 dB) holds nothing to learn
CLIPPED_SHARE = 1e-3  # of all samples; more than that and a net learns to distort
LOW_PASS_TAPS = 127


def read_sound(path: Path, rate_hz: int, gain: float = 1.0) -> tuple[np.ndarray, tuple[str, ...]]:
    """float32 [samples] at `rate_hz`, channels averaged and scaled by `gain`, and remarks about it.

    Raises LivewaveError, naming file, reason and remedy, for a file that is missing, unreadable, silent, clipped
    throughout, shorter than SHORTEST_S or not finite.
    """
    audio, clipped = read_mono(path, rate_hz)
    return audio * np.float32(gain), _checked(path, audio, rate_hz, clipped)


def low_passed(audio: np.ndarray, rate_hz: int, hz: float) -> np.ndarray:
    """Without what lies above `hz`, delayed by nothing: hiss that no net can foresee costs it a nat a sample."""
    from scipy.signal import fftconvolve, firwin

    return fftconvolve(audio, firwin(LOW_PASS_TAPS, hz, fs=rate_hz), "same").astype(np.float32)


def over_full_scale(name: str, audio: np.ndarray) -> tuple[str, ...]:
    """A remark, or LivewaveError, where samples lie beyond -1..1 and would be cut off."""
    over, peak = int(np.count_nonzero(np.abs(audio) > 1.0)), float(np.abs(audio).max(initial=0.0))
    most_db = 20.0 * np.log10(max(peak, 1.0))
    text = f"{name}: {over} of its {len(audio)} samples lie beyond full scale, by up to {most_db:.1f} dB"
    if over > CLIPPED_SHARE * len(audio):
        raise LivewaveError(f"{text}; prepare with a --gain {peak / 0.95:.3g} times smaller")
    return (f"{text}; they are cut off",) if over else ()


def _checked(path: Path, audio: np.ndarray, rate_hz: int, clipped: float) -> tuple[str, ...]:
    if len(audio) < SHORTEST_S * rate_hz:
        raise LivewaveError(f"{path} lasts {len(audio) / rate_hz:.2f} s, less than {SHORTEST_S} s: leave it out")
    if np.abs(audio).max() < SILENT:
        raise LivewaveError(f"{path} is silent (below {20 * np.log10(SILENT):.0f} dB throughout): leave it out")
    text = f"{path} is clipped: {100.0 * clipped:.2f} % of its samples stand at the extreme"
    if clipped > CLIPPED_SHARE:
        raise LivewaveError(f"{text}; record it again at a lower level, or leave it out")
    return (text,) if clipped else ()
