"""How much of what sounds is the notes that are held: a meter for the stage, to see a net that has gone astray.

Held notes are looked for at their partials. The rest is noise, other notes, or an offset. A running mean of one number tells
a line that is followed (0.6 to 1) from noise (about 0) on every model that ships; it is no judge of beauty.
The same look gives the spectrum that a panel draws.
Source: harmonic-to-total energy ratio of a windowed spectrum, less what chance would give.
"""

from __future__ import annotations

import math

import numpy as np

from livewave.render.bands import BANDS, Bands

WINDOW_SAMPLES = 2048  # 128 ms at 16 kHz: two partials of the lowest note are told apart
PARTIALS = 12
WIDTH_SEMITONES = 0.5  # to each side of a partial
LEAST_BINS = 1.5  # the same in bins: the window's main lobe
QUIET = 1e-3  # -60 dB: what is softer says nothing
SILENT = 1e-5  # what is softer is not looked at
LOWEST_HZ = 30.0


class Adherence:
    """Hears blocks, and judges the newest WINDOW_SAMPLES of them. Thread: performer only; `hear` allocates nothing."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._sound = np.zeros(WINDOW_SAMPLES, np.float32)
        self._window = np.hanning(WINDOW_SAMPLES).astype(np.float32)
        self._bands, self._power = Bands(rate_hz, self._window), None
        self._hz = np.fft.rfftfreq(WINDOW_SAMPLES, 1.0 / rate_hz)
        self._masks: dict[int, np.ndarray] = {}
        self._held = np.zeros(128, bool)
        self._place, self._unchanged, self._unstruck = 0, 0, 0

    def hear(self, samples: np.ndarray, roll: np.ndarray) -> None:
        """samples float32 [n], roll uint8 [columns, 128]: a block, of n <= WINDOW_SAMPLES."""
        first = min(len(samples), WINDOW_SAMPLES - self._place)
        self._sound[self._place : self._place + first] = samples[:first]
        self._sound[: len(samples) - first] = samples[first:]
        self._place = (self._place + len(samples)) % WINDOW_SAMPLES
        self._power = None
        held = roll[-1] > 0
        changed = not np.array_equal(held, self._held)
        struck = changed and bool((held & ~self._held).any())
        self._unchanged = 0 if changed else self._unchanged + len(samples)
        self._unstruck = 0 if struck else self._unstruck + len(samples)
        self._held = held

    @property
    def sounding_s(self) -> float:
        """For how long exactly these notes have been held; 0 where none is."""
        return self._unchanged / self._rate_hz if self._held.any() else 0.0

    @property
    def struck_s(self) -> float:
        """Since the last strike."""
        return self._unstruck / self._rate_hz

    @property
    def offset(self) -> float:
        """Mean of the newest samples."""
        return float(self._sound.mean())

    def measure(self) -> float:
        """0 (what chance would give, or less) to 1 (nothing but partials of the held notes); nan where it cannot be said: nothing
        is held, it changed within the window, or it is too quiet."""
        if self.sounding_s < WINDOW_SAMPLES / self._rate_hz or np.abs(self._sound).max() < QUIET:
            return math.nan
        energy = self._power_spectrum()
        audible = self._hz >= LOWEST_HZ
        mask = np.zeros(len(energy), bool)
        for pitch in np.flatnonzero(self._held):
            mask |= self._mask(int(pitch))
        by_chance = mask[audible].mean()
        share = energy[mask & audible].sum() / energy.sum()  # an offset counts as what does not belong
        return float(np.clip((share - by_chance) / (1.0 - by_chance), 0.0, 1.0))

    def spectrum(self) -> bytes:
        """The newest samples as livewave.render.bands has them."""
        return bytes(BANDS) if np.abs(self._sound).max() < SILENT else self._bands.of(self._power_spectrum())

    def _power_spectrum(self) -> np.ndarray:
        """float [bins], made once for all that is asked between two blocks."""
        if self._power is None:
            sound = np.concatenate((self._sound[self._place :], self._sound[: self._place]))
            self._power = np.abs(np.fft.rfft(self._window * sound)) ** 2
        return self._power

    def _mask(self, pitch: int) -> np.ndarray:
        """bool [bins]: near a partial of `pitch`."""
        if pitch not in self._masks:
            partials = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * np.arange(1, PARTIALS + 1)
            widths = np.maximum(partials * (2.0 ** (WIDTH_SEMITONES / 12.0) - 1.0), LEAST_BINS * self._hz[1])
            self._masks[pitch] = (np.abs(self._hz[:, None] - partials) <= widths).any(1)
        return self._masks[pitch]
