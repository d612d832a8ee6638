"""MIDI clocks with the jitter of real cables, made from seeds: what is behind them is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave.music.pulses import PULSES_A_BEAT, Pulses

JITTER_S = 0.0015
OWN_BPM = 120.0


def interval_s(bpm: float) -> float:
    return 60.0 / bpm / PULSES_A_BEAT


def meant(pulses: int, bpm_at: Callable[[float], float]) -> np.ndarray:
    """When each pulse was meant; `bpm_at` gives the tempo of a beat."""
    gaps_s = [interval_s(bpm_at(pulse / PULSES_A_BEAT)) for pulse in range(pulses - 1)]
    return 1_000.0 + np.concatenate([[0.0], np.cumsum(gaps_s)])


def late_by_chance(meant_s: np.ndarray, seed: int, jitter_s: float = JITTER_S) -> np.ndarray:
    return np.maximum.accumulate(meant_s + np.random.default_rng(seed).normal(0.0, jitter_s, len(meant_s)))


def heard(meant_s: np.ndarray, seed: int, jitter_s: float = JITTER_S) -> tuple[np.ndarray, np.ndarray, Pulses]:
    """After each pulse: how far off its place was found, in seconds, and the tempo."""
    pulses, errors_s, tempos = Pulses(interval_s(OWN_BPM)), [], []
    for number, at_s in enumerate(late_by_chance(meant_s, seed, jitter_s)):
        pulses.add(at_s)
        errors_s.append((pulses.fit.index_at(meant_s[number]) - number) * pulses.fit.interval_s)
        tempos.append(60.0 / PULSES_A_BEAT / pulses.fit.interval_s)
    return np.array(errors_s), np.array(tempos), pulses


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bpm", [30.0, 120.0, 300.0])
def test_a_second_into_a_steady_clock_its_jitter_is_averaged_away(bpm: float, seed: int) -> None:
    errors_s, tempos, _ = heard(meant(1_000, lambda beat: bpm), seed)
    settled = slice(max(48, int(1.0 / interval_s(bpm))), None)
    assert np.sqrt(np.mean(errors_s[settled] ** 2)) < JITTER_S / 3
    assert np.sqrt(np.mean((tempos[settled] - bpm) ** 2)) < 0.002 * bpm


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bpm", [60.0, 80.0, 123.0, 140.0, 240.0])
def test_another_tempo_is_followed_within_a_beat_and_no_pulse_is_lost_over_it(bpm: float, seed: int) -> None:
    errors_s, tempos, pulses = heard(meant(480, lambda beat: 120.0 if beat < 10 else bpm), seed)
    assert pulses.count == 479
    assert np.abs(errors_s[264:]).max() < 2.5 * JITTER_S
    assert np.abs(tempos[264:] - bpm).max() < 0.03 * bpm
    assert abs(tempos[-1] - bpm) < 0.003 * bpm


def test_a_tempo_that_changes_slowly_is_followed_without_falling_behind() -> None:
    def ramp(beat: float) -> float:
        return 120.0 + min(max(beat - 5.0, 0.0), 40.0)

    errors_s, tempos, _ = heard(meant(1_100, ramp), 2)
    wanted = np.array([ramp(pulse / PULSES_A_BEAT) for pulse in range(1_100)])
    assert np.abs(errors_s[48:]).max() < 2.5 * JITTER_S
    assert np.sqrt(np.mean((tempos - wanted)[48:] ** 2)) < 1.5


@pytest.mark.parametrize("missing", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_missing_pulses_bend_nothing_and_are_counted(missing: int, seed: int) -> None:
    stamps_s, whole = late_by_chance(meant(400, lambda beat: 120.0), seed), Pulses(interval_s(OWN_BPM))
    broken, tempos = Pulses(interval_s(OWN_BPM)), []
    for number, at_s in enumerate(stamps_s):
        whole.add(at_s)
        if not 200 <= number < 200 + missing:
            broken.add(at_s)
            tempos.append(60.0 / PULSES_A_BEAT / broken.fit.interval_s)
    assert broken.count == whole.count == 399
    assert np.abs(np.array(tempos)[190:] - 120.0).max() < 1.5


@pytest.mark.parametrize("seed", range(4))
def test_a_pulse_that_comes_late_or_twice_bends_nothing(seed: int) -> None:
    stamps_s = list(late_by_chance(meant(400, lambda beat: 120.0), seed))
    stamps_s[200] += 0.015
    stamps_s.insert(250, stamps_s[250])
    pulses, tempos = Pulses(interval_s(OWN_BPM)), []
    for at_s in stamps_s:
        pulses.add(at_s)
        tempos.append(60.0 / PULSES_A_BEAT / pulses.fit.interval_s)
    assert pulses.count == 399
    assert np.abs(np.array(tempos)[190:] - 120.0).max() < 1.5


def test_a_tempo_known_before_holds_until_the_pulses_know_better() -> None:
    stamps_s = late_by_chance(meant(8, lambda beat: 121.0), 1)
    pulses = Pulses(interval_s(OWN_BPM))
    for at_s in stamps_s:
        pulses.add(at_s)
    assert pulses.locked and pulses.fit.interval_s == interval_s(OWN_BPM)


def test_a_new_line_keeps_the_interval_and_counts_from_nought() -> None:
    pulses = Pulses(interval_s(OWN_BPM))
    for at_s in meant(100, lambda beat: 90.0):
        pulses.add(at_s)
    assert pulses.fits(pulses.fit.at_of(100)) and not pulses.fits(pulses.fit.at_of(100) + 0.01)
    pulses.restart(2_000.0)
    assert (pulses.count, pulses.fit.at_s, pulses.locked) == (0, 2_000.0, False)
    assert pulses.fit.interval_s == pytest.approx(interval_s(90.0))


@given(st.lists(st.floats(-1e6, 1e6), max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_stamps_leave_a_line_that_goes_forward(stamps_s: list[float]) -> None:
    pulses = Pulses(interval_s(OWN_BPM))
    for at_s in stamps_s:
        pulses.add(at_s)
        assert np.isfinite(pulses.fit.at_s) and 0.0 < pulses.fit.interval_s < np.inf
