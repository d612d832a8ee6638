from __future__ import annotations

import numpy as np
import pytest

from livewave.render.bands import BANDS, HIGHEST_HZ, LOWEST_HZ, QUIETEST_DB, Bands

WINDOW = np.hanning(2048).astype(np.float32)


def hz_of(pitch: int) -> float:
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def band_of(hz: float) -> int:
    return int(BANDS * np.log(hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))


def seen(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    power = np.abs(np.fft.rfft(WINDOW * sound)) ** 2
    return np.frombuffer(Bands(rate_hz, WINDOW).of(power), np.uint8).astype(int)


def sine(hz: float, rate_hz: int, amplitude: float = 1.0) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(len(WINDOW)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("hz", [220.0, 440.0, 1_000.0, 3_520.0, 7_400.0])
def test_a_sine_is_loudest_in_its_own_band(hz, rate_hz):
    levels = seen(sine(hz, rate_hz), rate_hz)
    assert len(levels) == BANDS
    assert abs(int(np.argmax(levels)) - band_of(hz)) <= (rate_hz > 16_000 and hz < 500.0)  # whose bins are wider than bands there


@pytest.mark.parametrize("decibels", [0.0, -20.0, -60.0])
def test_a_byte_is_the_level_in_decibels(decibels):
    levels = seen(sine(1_000.0, 16_000, 10.0 ** (decibels / 20.0)), 16_000)
    assert (levels.max() / 255.0 - 1.0) * -QUIETEST_DB == pytest.approx(decibels, abs=1.6)


def test_silence_is_nothing_and_too_much_is_all_there_is():
    assert not seen(np.zeros(len(WINDOW), np.float32), 16_000).any()
    assert seen(sine(1_000.0, 16_000, 100.0), 16_000).max() == 255


def test_bands_above_what_the_rate_can_hold_stay_empty():
    noise = np.random.default_rng(1).normal(0.0, 0.3, len(WINDOW)).astype(np.float32)
    levels = seen(noise, 8_000)
    assert levels[: band_of(3_900.0)].all() and not levels[band_of(4_200.0) :].any()
