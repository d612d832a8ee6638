from __future__ import annotations

import numpy as np
import pytest

from livewave import ConfigError
from livewave.sound.resample import Resampler

RATIOS = [(16000, 48000), (16000, 44100), (16000, 96000), (48000, 44100), (44100, 48000), (48000, 16000)]
FROM_16K = [(16000, 44100), (16000, 48000), (16000, 96000)]


def resample(model_rate_hz: int, device_rate_hz: int, samples: np.ndarray, blocks=(64,)) -> np.ndarray:
    resampler = Resampler(model_rate_hz, device_rate_hz, max(blocks))
    out, start, turn = [], 0, 0
    while start < len(samples):
        block = samples[start:start + blocks[turn % len(blocks)]]
        out.append(resampler.process(block).copy())
        start, turn = start + len(block), turn + 1
    return np.concatenate(out)


def tone(frequency_hz: float, rate_hz: int, duration_s: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * duration_s)) / rate_hz).astype(np.float32)


def spectrum(frames: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Power per bin under a Blackman-Harris-like window (side lobes below -90 dB), and each bin's frequency."""
    window = np.kaiser(len(frames), 20.0)
    return np.abs(np.fft.rfft(frames.astype(np.float64) * window)) ** 2, np.fft.rfftfreq(len(frames), 1 / rate_hz)


def settled(frames: np.ndarray, rate_hz: int) -> np.ndarray:
    return frames[rate_hz // 10:rate_hz // 10 + rate_hz // 2]


def level_db(frames: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(2 * np.mean(frames.astype(np.float64) ** 2)))


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), RATIOS)
def test_a_tone_keeps_its_pitch_and_its_level(model_rate_hz, device_rate_hz):
    heard = settled(resample(model_rate_hz, device_rate_hz, tone(1000.0, model_rate_hz)), device_rate_hz)
    power, frequency_hz = spectrum(heard, device_rate_hz)
    assert abs(frequency_hz[np.argmax(power)] - 1000.0) <= 2.0
    assert abs(level_db(heard)) < 0.02


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), FROM_16K)
@pytest.mark.parametrize("frequency_hz", [110, 440, 2000, 4000, 5000, 6000])
def test_images_stay_below_80_db(model_rate_hz, device_rate_hz, frequency_hz):
    heard = settled(resample(model_rate_hz, device_rate_hz, tone(frequency_hz, model_rate_hz)), device_rate_hz)
    power, frequencies_hz = spectrum(heard, device_rate_hz)
    near = np.abs(frequencies_hz - frequency_hz) < 60
    assert 10 * np.log10(power[~near].max() / power[near].max()) < -80


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), FROM_16K)
def test_the_gain_is_flat_up_to_6_khz(model_rate_hz, device_rate_hz):
    levels_db = [level_db(settled(resample(model_rate_hz, device_rate_hz, tone(f, model_rate_hz)), device_rate_hz))
                 for f in (100, 500, 1000, 2000, 3000, 4000, 5000, 6000)]
    assert max(np.abs(levels_db)) < 0.05


def test_what_the_lower_rate_cannot_hold_is_filtered_out():
    heard = settled(resample(48000, 16000, tone(10000.0, 48000)), 16000)
    assert level_db(heard) < -80


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), RATIOS)
def test_the_reported_latency_is_the_measured_one_and_at_most_1_5_ms(model_rate_hz, device_rate_hz):
    frequency_hz = 1000.0
    heard = resample(model_rate_hz, device_rate_hz, tone(frequency_hz, model_rate_hz))
    time_s = np.arange(len(heard)) / device_rate_hz
    steady = slice(device_rate_hz // 10, device_rate_hz // 10 + device_rate_hz // 2)
    phase = np.angle(np.sum(heard[steady] * np.exp(-2j * np.pi * frequency_hz * time_s[steady])))
    period_s = 1 / frequency_hz
    measured_s = ((-np.pi / 2 - phase) / (2 * np.pi) * period_s) % period_s
    latency_s = Resampler(model_rate_hz, device_rate_hz, 64).latency_s
    assert abs(measured_s - latency_s % period_s) < 1e-6
    onset = np.zeros(model_rate_hz // 10, np.float32)
    onset[800] = 1.0
    peak_s = np.argmax(resample(model_rate_hz, device_rate_hz, onset)) / device_rate_hz - 800 / model_rate_hz
    assert abs(peak_s - latency_s) <= 1 / min(model_rate_hz, device_rate_hz)
    assert latency_s <= 0.0015


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), RATIOS)
def test_output_is_identical_for_every_split_into_blocks(model_rate_hz, device_rate_hz):
    samples = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    whole = resample(model_rate_hz, device_rate_hz, samples, (5000,))
    for blocks in ((1,), (64,), (7, 1, 130, 33), (160, 441)):
        assert np.array_equal(resample(model_rate_hz, device_rate_hz, samples, blocks), whole)


@pytest.mark.parametrize(("model_rate_hz", "device_rate_hz"), RATIOS)
def test_no_frame_is_lost_over_a_minute(model_rate_hz, device_rate_hz):
    resampler = Resampler(model_rate_hz, device_rate_hz, 64)
    silence = np.zeros(64, np.float32)
    counts = []
    for _ in range(60 * model_rate_hz // 64):
        expected = resampler.frames_for(64)
        counts.append(len(resampler.process(silence)))
        assert counts[-1] == expected
    samples = len(counts) * 64
    assert sum(counts) == -(-samples * device_rate_hz // model_rate_hz)
    assert max(counts) - min(counts) <= 1


def test_a_constant_stays_constant():
    heard = resample(16000, 44100, np.full(4000, 0.25, np.float32))
    assert np.max(np.abs(heard[200:] - 0.25)) < 1e-6


def test_equal_rates_pass_through_without_delay():
    resampler = Resampler(48000, 48000, 64)
    block = np.arange(64, dtype=np.float32)
    assert np.array_equal(resampler.process(block), block)
    assert resampler.latency_s == 0.0 and resampler.frames_for(64) == 64


def test_after_a_reset_the_past_is_silence():
    samples = np.random.default_rng(2).standard_normal(64).astype(np.float32)
    resampler = Resampler(16000, 44100, 64)
    first = resampler.process(samples).copy()
    resampler.process(samples)
    resampler.reset()
    assert np.array_equal(resampler.process(samples), first)


def test_frames_live_in_one_buffer():
    resampler = Resampler(16000, 48000, 64)
    block = np.ones(64, np.float32)
    assert np.shares_memory(resampler.process(block), resampler.process(block))


def test_a_block_that_is_too_long_is_refused_before_anything_changes():
    samples = np.random.default_rng(3).standard_normal(65).astype(np.float32)
    resampler = Resampler(16000, 48000, 64)
    with pytest.raises(ValueError, match="longer"):
        resampler.process(samples)
    assert np.array_equal(resampler.process(samples[:64]), resample(16000, 48000, samples[:64]))


@pytest.mark.parametrize("arguments", [(0, 48000, 64), (16000, -1, 64), (16000, 48000, 0)])
def test_impossible_rates_are_refused(arguments):
    with pytest.raises(ConfigError, match="at least 1"):
        Resampler(*arguments)
