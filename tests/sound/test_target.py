from __future__ import annotations

import pytest

from livewave.sound.target import CALM_S, GROWTH, LEAST_PERIODS, LONGEST_CALM_S, Target

PERIOD = 128


def test_it_begins_with_the_least_that_is_safe_or_what_was_asked_for():
    assert Target(PERIOD, None, 10**6).frames == LEAST_PERIODS * PERIOD
    assert Target(PERIOD, 1_000, 10**6).frames == 1_000
    assert Target(PERIOD, 1, 10**6).frames == PERIOD
    assert Target(PERIOD, 10**6, 4_000).frames == 4_000 // GROWTH


def test_an_underrun_raises_it_by_a_period_and_calm_lowers_it_again():
    target = Target(PERIOD, None, 10**6)
    target.hear(1, 10.0)
    assert target.frames == (LEAST_PERIODS + 1) * PERIOD
    target.hear(1, 10.0 + CALM_S)
    assert target.frames == (LEAST_PERIODS + 1) * PERIOD
    target.hear(1, 10.1 + CALM_S)
    assert target.frames == LEAST_PERIODS * PERIOD
    target.hear(1, 10.0 + 9 * CALM_S)
    assert target.frames == LEAST_PERIODS * PERIOD


def test_it_never_exceeds_a_multiple_of_the_first():
    target = Target(PERIOD, None, 10**6)
    for underruns in range(1, 50):
        target.hear(underruns, float(underruns))
    assert target.frames == GROWTH * LEAST_PERIODS * PERIOD


def steps_down(target: Target, underruns: int, from_s: float, until_s: float) -> float:
    """When it falls next."""
    before, now_s = target.frames, from_s
    while target.frames == before and now_s < until_s:
        now_s += 0.05
        target.hear(underruns, now_s)
    return now_s


def test_one_that_fell_too_early_waits_twice_as_long_the_next_time():
    target = Target(PERIOD, None, 10**6)
    now_s, waited = 0.0, []
    for underruns in range(1, 8):
        target.hear(underruns, now_s)
        fell_s = steps_down(target, underruns, now_s, 10**4)
        waited.append(fell_s - now_s)
        now_s = fell_s + 1.0
    expected = [min(CALM_S * 2.0**n, LONGEST_CALM_S) for n in range(7)]
    assert waited == pytest.approx(expected, abs=0.2)


def test_one_that_fell_and_was_right_for_long_is_not_punished():
    target = Target(PERIOD, None, 10**6)
    target.hear(1, 0.0)
    fell_s = steps_down(target, 1, 0.0, 100.0)
    target.hear(2, fell_s + 2 * CALM_S)
    assert steps_down(target, 2, fell_s + 2 * CALM_S, 10**4) - fell_s - 2 * CALM_S == pytest.approx(CALM_S, abs=0.2)
