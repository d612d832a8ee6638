"""The f0 hint as training needs it: with the phase that each note really has in the audio."""

from __future__ import annotations

import numpy as np

from livewave.render.wavenet import HINT_CHANNELS, WaveNetSpec, phase_steps

HINT_PERIODS = 6  # length of the window that measures a note's phase, in periods of its fundamental


def locked_hint(spec: WaveNetSpec, audio: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """float32 [samples, 4]: the f0 hint with the phase each note really has in `audio`.

    Each sounding stretch of a pitch is demodulated at its fundamental under a Hann window of HINT_PERIODS periods. A net that
    learns from this follows a plain oscillator when played; one that learns from a free-running oscillator ignores it.
    """
    from scipy.signal import fftconvolve

    held, steps = len(audio) // len(roll), phase_steps(spec)
    hint = np.zeros((len(audio), HINT_CHANNELS), np.float32)
    for pitch in np.flatnonzero(roll.any(0)):
        turns_per_sample = float(steps[pitch]) / 2.0**32
        window = np.hanning(int(HINT_PERIODS / turns_per_sample) | 1)
        edges = np.flatnonzero(np.diff(roll[:, pitch] > 0, prepend=False, append=False)) * held
        for start, stop in edges.reshape(-1, 2):
            angle = 2.0 * np.pi * turns_per_sample * np.arange(start, stop)
            drift = fftconvolve(audio[start:stop] * np.exp(-1j * angle), window, "same")
            angle += np.where(np.abs(drift) > 1e-6, np.angle(drift), 0.0)
            for harmonic in (1, 2):
                if harmonic * turns_per_sample < 0.5:
                    hint[start:stop, 2 * harmonic - 2] += np.cos(harmonic * angle)
                    hint[start:stop, 2 * harmonic - 1] += np.sin(harmonic * angle)
    return hint
