from __future__ import annotations

import pytest

from livewave.sound.target import CALM_S, GROWTH, LONGEST_CALM_S, MOST_AT_ONCE, Target

RATE_HZ, PERIOD = 48_000, 128
LEAST = PERIOD + 216  # 4.5 ms


def test_it_begins_with_the_least_that_is_safe_or_what_was_asked_for():
    assert Target(PERIOD, RATE_HZ, None, 10**6).frames == LEAST
    assert Target(PERIOD, RATE_HZ, 1_000, 10**6).frames == 1_000
    assert Target(PERIOD, RATE_HZ, 1, 10**6).frames == PERIOD
    assert Target(PERIOD, RATE_HZ, 10**6, 4_000).frames == 4_000 // GROWTH


@pytest.mark.parametrize("period, frames", [(16, 48), (64, 192), (108, 324), (128, 344), (216, 432), (256, 512), (1_024, 2_048)])
def test_it_is_late_by_milliseconds_that_it_allows_for_but_by_one_period_at_least_and_two_at_most(period, frames):
    assert Target(period, RATE_HZ, None, 10**6).frames == frames


def test_there_is_enough_for_a_block_to_be_rendered_and_what_was_asked_for_all_the_same():
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    target.expect(PERIOD)
    assert target.frames == LEAST
    target.expect(700)
    assert target.frames == PERIOD + 700
    target.hear(1, 10.0)
    assert target.frames == 2 * PERIOD + 700
    target.expect(PERIOD)  # blocks are smaller again: calm lowers it
    assert target.frames == 2 * PERIOD + 700
    target.hear(1, 10.1 + CALM_S)
    target.hear(1, 10.2 + 2 * CALM_S)
    assert target.frames == 700
    asked = Target(PERIOD, RATE_HZ, 200, 10**6)
    asked.expect(700)
    assert asked.frames == 200


def test_an_underrun_raises_it_by_a_period_and_calm_lowers_it_again():
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    target.hear(1, 10.0)
    assert target.frames == LEAST + PERIOD
    target.hear(1, 10.0 + CALM_S)
    assert target.frames == LEAST + PERIOD
    target.hear(1, 10.1 + CALM_S)
    assert target.frames == LEAST
    target.hear(1, 10.0 + 9 * CALM_S)
    assert target.frames == LEAST


@pytest.mark.parametrize("lost, periods", [(1, 1), (3, 3), (MOST_AT_ONCE, MOST_AT_ONCE), (MOST_AT_ONCE + 1, 1), (45, 1)])
def test_it_rises_by_what_was_lacking_and_a_pause_that_no_ring_outlasts_does_not_drive_it_up(lost, periods):
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    target.hear(lost, 10.0)
    assert target.frames == LEAST + periods * PERIOD


def test_it_never_exceeds_a_multiple_of_the_first():
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    for underruns in range(1, 50):
        target.hear(underruns, float(underruns))
    assert target.frames == GROWTH * LEAST


def steps_down(target: Target, underruns: int, from_s: float, until_s: float) -> float:
    """When it falls next."""
    before, now_s = target.frames, from_s
    while target.frames == before and now_s < until_s:
        now_s += 0.05
        target.hear(underruns, now_s)
    return now_s


@pytest.mark.parametrize("later_s", [1.0, 0.9 * CALM_S])
def test_one_that_fell_to_where_it_was_too_low_waits_twice_as_long_the_next_time(later_s):
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    now_s, waited = 0.0, []
    for underruns in range(1, 9):
        target.hear(underruns, now_s)
        fell_s = steps_down(target, underruns, now_s, 10**5)
        waited.append(fell_s - now_s)
        now_s = fell_s + later_s
    assert waited == pytest.approx([min(CALM_S * 2.0**n, LONGEST_CALM_S) for n in range(8)], abs=0.2)


def test_a_machine_that_is_late_every_three_minutes_is_heard_less_and_less_often():
    """It needs two periods more than the least, for a moment each time."""
    target, underruns, heard = Target(PERIOD, RATE_HZ, None, 10**6), 0, []
    for now_s in range(2 * 3_600):
        if now_s % 180 == 90:
            lacking = max(0, 2 - (target.frames - LEAST) // PERIOD)
            underruns += lacking
            heard += [now_s] * (lacking > 0)
        target.hear(underruns, float(now_s))
    assert len(heard) <= 8 and len([at_s for at_s in heard if at_s > 3_600]) <= 2


def test_one_underrun_at_the_start_costs_its_latency_for_a_minute_only():
    target = Target(PERIOD, RATE_HZ, None, 10**6)
    target.hear(1, 0.5)
    assert steps_down(target, 1, 0.5, 10**4) == pytest.approx(CALM_S + 0.5, abs=0.2) and target.frames == LEAST
