"""A spectrum as an eye reads it: bands of equal musical width, in decibels, one byte each."""

from __future__ import annotations

import numpy as np

BANDS = 96
LOWEST_HZ, HIGHEST_HZ = 55.0, 7_600.0  # A1; what a model of 16 kHz can hold
QUIETEST_DB = -90.0  # 0 in a byte; 255 is 0 dB, a sine as loud as can be


class Bands:
    """The loudest bin of each band, of a window's power spectrum. Thread: one; allocates a few small arrays.

    A low band is narrower than a bin: it shows the nearest one. A band that the rate cannot hold stays 0.
    """

    def __init__(self, rate_hz: int, window: np.ndarray) -> None:
        """window  float32 [samples]: by which the samples are multiplied before their spectrum is made."""
        bins = len(window) // 2 + 1
        edges_hz = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (np.arange(BANDS + 1) / BANDS)
        edges = np.rint(edges_hz * len(window) / rate_hz).astype(int)
        first, after = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
        self._within = first < bins
        self._spans = np.minimum(np.stack((first, after), 1).ravel(), bins - 1)
        self._full = float(0.5 * window.sum()) ** 2  # the power of a sine of amplitude 1 in its own bin

    def of(self, power: np.ndarray) -> bytes:
        """BANDS bytes, the lowest band first, of `power`, float [bins]."""
        loudest = np.maximum.reduceat(power, self._spans)[::2]
        decibels = 10.0 * np.log10(loudest / self._full + 1e-12)
        levels = np.clip(255.0 * (1.0 - decibels / QUIETEST_DB), 0.0, 255.0) * self._within
        return np.rint(levels).astype(np.uint8).tobytes()
