from __future__ import annotations

import numpy as np
import pytest

from livewave.music.clock import JUMP_S, SLIP_S, ManualClock, SampleClock, SystemClock

RATE_HZ = 16_000
BLOCK = 64
JITTER_S = 0.003


def _run(blocks: int, drift: float = 0.0, jitter_s: float = JITTER_S, block: int = BLOCK) -> np.ndarray:
    """Errors of placement, in seconds, after each observation. A constant one is a delay; what varies is jitter."""
    noise = np.random.default_rng(1).uniform(-jitter_s, jitter_s, blocks)
    clock, errors = SampleClock(RATE_HZ), []
    for n in range(blocks):
        true_s = n * block / RATE_HZ * (1.0 + drift)
        clock.observe(true_s + noise[n], n * block)
        errors.append((clock.sample_at(true_s) - n * block) / RATE_HZ)
    return np.array(errors)


@pytest.mark.parametrize("block", [16, 64, 256])
def test_jitter_of_blocks_does_not_move_notes(block: int) -> None:
    settled = _run(6_000, block=block)[1_500:]
    assert settled.std() < 0.0002
    assert abs(settled.mean()) < 0.0002


def test_a_sound_card_that_drifts_is_followed() -> None:
    errors = _run(10_000, drift=100e-6)
    assert np.abs(errors[2_500:]).max() < 0.0005
    assert abs(errors[2_500:5_000].mean() - errors[7_500:].mean()) < 0.00005


def test_the_first_second_is_already_better_than_its_observations() -> None:
    assert np.abs(_run(500)[50:]).max() < JITTER_S / 3


def test_a_jump_is_followed_at_once() -> None:
    clock = SampleClock(RATE_HZ)
    for n in range(100):
        clock.observe(n * BLOCK / RATE_HZ, n * BLOCK)
    later_s = 99 * BLOCK / RATE_HZ + 2 * JUMP_S
    clock.observe(later_s, 100 * BLOCK)
    assert clock.sample_at(later_s) == 100 * BLOCK


def _errors_around(shift_s: np.ndarray, jitter_s: float = 0.0012) -> np.ndarray:
    """Errors of placement, in seconds, block by block, where each block is later by `shift_s` than the clock says."""
    noise = np.random.default_rng(2).uniform(-jitter_s, jitter_s, len(shift_s))
    clock, errors = SampleClock(RATE_HZ), []
    for n, (late_s, noise_s) in enumerate(zip(shift_s, noise)):
        clock.observe(n * BLOCK / RATE_HZ + late_s + noise_s, n * BLOCK)
        errors.append(n * BLOCK / RATE_HZ - clock.sample_at(n * BLOCK / RATE_HZ) / RATE_HZ)
    return np.array(errors) - shift_s


@pytest.mark.parametrize("slip_s", [2 * 128 / 48_000, 128 / 48_000, -128 / 48_000])
def test_a_period_that_the_device_skips_is_followed_before_the_next_note(slip_s: float) -> None:
    blocks, at = 1_000, 500
    errors = _errors_around(np.where(np.arange(blocks) < at, 0.0, slip_s))
    within = at + round((2 * SLIP_S + 0.01) * RATE_HZ / BLOCK)  # one that began before does not count
    assert np.abs(errors[at - 100 : at]).max() < 0.0004 and np.abs(errors[within:]).max() < 0.0006
    assert abs(errors[at + 2]) > 0.9 * abs(slip_s)  # it was there


def test_blocks_that_are_late_more_and_more_for_a_moment_and_catch_up_move_no_note() -> None:
    spell = np.concatenate((np.zeros(500), np.linspace(0.0, 0.01, 30), np.zeros(200)))
    clock_moved_by = _errors_around(spell) + spell
    assert np.abs(clock_moved_by[500:]).max() < 0.0015


def test_moments_inside_a_block_keep_their_fraction() -> None:
    clock = SampleClock(RATE_HZ)
    clock.observe(5.0, 1_000)
    assert clock.sample_at(5.0 + 10.5 / RATE_HZ) == pytest.approx(1_010.5)
    assert clock.sample_at(5.0 - 10.5 / RATE_HZ) == pytest.approx(989.5)


def test_before_the_first_block_everything_belongs_to_sample_zero() -> None:
    assert SampleClock(RATE_HZ).sample_at(123.0) == 0.0


def test_a_manual_clock_moves_only_forward_and_only_when_told() -> None:
    clock = ManualClock(2.0)
    assert clock.now_s() == clock.now_s() == 2.0
    clock.advance(0.5)
    assert clock.now_s() == 2.5
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-0.1)


def test_the_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now_s() <= clock.now_s()
