from __future__ import annotations

import numpy as np
import pytest

from livewave.sound.resample import Resampler
from tests.soak.continuity import apart, back_after_s, breaks, holes, unexplained, within, zero_runs

RATE_HZ, PITCH, TONE_HZ = 48_000, 81, 880.0


def tone(seconds: float, level: float = 0.4) -> np.ndarray:
    return (level * np.sin(2 * np.pi * TONE_HZ / RATE_HZ * np.arange(round(seconds * RATE_HZ)) + 0.3)).astype(np.float32)


def resampled_tone(seconds: float) -> np.ndarray:
    """As it leaves the daemon: made at 16 kHz."""
    slow = (0.4 * np.sin(2 * np.pi * TONE_HZ / 16_000 * np.arange(round(seconds * 16_000)))).astype(np.float32)
    resampler = Resampler(16_000, RATE_HZ, len(slow))
    return resampler.process(slow)[RATE_HZ // 10 :].copy()


def test_runs_of_zeros_are_found_with_their_lengths_and_short_ones_are_not():
    audio = np.ones(100, np.float32)
    audio[10:18] = audio[40:47] = audio[92:] = 0.0
    assert zero_runs(audio) == [(10, 8), (92, 8)]
    assert within([(10, 8), (92, 8)], [(0, 5), (8, 11)]) == [(10, 8)]


def test_a_whole_tone_has_no_break_neither_pure_nor_resampled():
    assert breaks(tone(1.0), TONE_HZ, RATE_HZ) == []
    assert breaks(resampled_tone(1.0), TONE_HZ, RATE_HZ) == []


@pytest.mark.parametrize("at", range(20_000, 20_060, 7))
def test_one_lost_frame_is_a_break_wherever_it_was(at):
    heard = np.delete(resampled_tone(1.0), at)
    assert [abs(found - at) <= 2 for found, _ in breaks(heard, TONE_HZ, RATE_HZ)] == [True]


def test_a_hole_a_repeated_period_and_a_fade_are_one_break_each():
    heard = tone(2.0)
    heard[10_000:10_500] = 0.0
    heard[30_000:30_128] = heard[29_872:30_000]
    heard[60_000:60_200] *= np.linspace(1.0, 0.0, 200, dtype=np.float32)
    heard[60_200:60_300] = 0.0
    assert [round(found, -3) for found, _ in breaks(heard, TONE_HZ, RATE_HZ)] == [10_000, 30_000, 60_000]


def test_what_lies_near_together_counts_once():
    assert apart(np.array([5, 6, 9, 40, 41, 100]), 20) == [(5, 5), (40, 2), (100, 1)]
    assert apart(np.array([], int), 20) == []


def test_what_the_server_lost_explains_what_is_near_to_it_and_nothing_else():
    assert unexplained([(100, 5), (5_000, 200), (9_000, 5)], [(4_000, 5_200)], RATE_HZ) == [(100, 5), (9_000, 5)]


def test_silence_that_outlasts_the_cycle_which_the_server_lost_is_ours():
    heard = tone(4.0)
    heard[2 * RATE_HZ :][: RATE_HZ // 5] = 0.0
    missing = [(2 * RATE_HZ, 2 * RATE_HZ + 384)]
    assert holes(heard, missing, RATE_HZ) == [(2 * RATE_HZ, RATE_HZ // 5)]
    assert len(unexplained(breaks(heard, TONE_HZ, RATE_HZ), missing, RATE_HZ)) == 1
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ, missing) == pytest.approx(0.2, abs=0.05)


def test_a_hole_where_the_server_lost_a_cycle_is_no_hole_of_ours():
    audio = tone(1.0)
    audio[10_000:10_128] = audio[30_000:30_128] = 0.0
    assert holes(audio, [(10_000, 10_128)], RATE_HZ) == [(30_000, 128)]


@pytest.mark.parametrize("instead", ["silence", "noise", "dc", "another note"])
def test_a_note_is_back_when_it_is_itself_again(instead):
    heard, first, last = tone(4.0), round(2.1 * RATE_HZ), round(2.6 * RATE_HZ)
    random = np.random.default_rng(1).uniform(-0.5, 0.5, last - first).astype(np.float32)
    other = 0.4 * np.sin(2 * np.pi * 660.0 / RATE_HZ * np.arange(last - first)).astype(np.float32)
    heard[first:last] = {"silence": 0.0, "noise": random, "dc": 0.8, "another note": other}[instead]
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ) == pytest.approx(0.6, abs=0.16)  # it was away soon after


def test_a_note_that_never_broke_was_back_at_once_and_one_that_stays_away_never():
    heard = tone(4.0)
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ) == 0.0
    heard[round(2.5 * RATE_HZ) :] = 0.0
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ) is None


def test_a_second_outage_is_one_of_its_own_and_the_longer_one_counts():
    heard = tone(6.0)
    heard[round(2.0 * RATE_HZ) :][: RATE_HZ // 5] = heard[round(4.5 * RATE_HZ) :][: RATE_HZ // 2] = 0.0
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ) == pytest.approx(0.5, abs=0.05)


def test_a_short_hole_is_told_though_the_note_goes_on():
    heard = tone(4.0)
    heard[round(2.5 * RATE_HZ) :][:480] = 0.0
    assert back_after_s(heard, 2 * RATE_HZ, PITCH, RATE_HZ) == pytest.approx(0.02, abs=0.021)


def test_without_a_note_before_the_fault_nothing_can_be_said():
    with pytest.raises(ValueError, match="not there"):
        back_after_s(np.zeros(4 * RATE_HZ, np.float32), 2 * RATE_HZ, PITCH, RATE_HZ)
