from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.events import BendSet, Control, PitchBend
from livewave.music.wheels import LARGEST_RANGE, Wheels

A, B = "midi:a", "osc:b"
UP = 4096  # half of what a wheel has


def wheel(value: int, channel: int = 0, source: str = A) -> PitchBend:
    return PitchBend(0.0, source, channel, value)


def parameter(number: int, value: int, channel: int = 0, fine: int | None = None) -> list[Control]:
    """RPN `number` is chosen and set."""
    controls = [(101, 0), (100, number), (6, value)] + ([(38, fine)] if fine is not None else [])
    return [Control(0.0, A, channel, controller, data) for controller, data in controls]


def bend_range(semitones: int, channel: int = 0, cents: int | None = None) -> list[Control]:
    return parameter(0, semitones, channel, cents)


def zone(members: int, manager: int = 0) -> list[Control]:
    return parameter(6, members, manager)


def after(*events: PitchBend | BendSet | Control) -> Wheels:
    wheels = Wheels()
    for event in events:
        wheels.feed(event)
    return wheels


def test_a_wheel_bends_its_channel_by_two_semitones_at_most():
    wheels = after(wheel(UP), wheel(-8192, channel=3))
    assert wheels.bend(A, 0) == 1.0
    assert wheels.bend(A, 3) == -2.0
    assert wheels.bend(A, 1) == wheels.bend(B, 0) == 0.0


def test_rpn_0_sets_the_range_in_semitones_and_cents():
    assert after(*bend_range(12), wheel(UP)).bend(A, 0) == 6.0
    assert after(wheel(UP), *bend_range(1, cents=50)).bend(A, 0) == 0.75
    assert after(*bend_range(1, cents=50), *bend_range(2), wheel(UP)).bend(A, 0) == 1.0
    assert after(*bend_range(127), wheel(-8192)).bend(A, 0) == -LARGEST_RANGE


def test_data_are_meant_for_the_parameter_that_was_chosen_last():
    null = [Control(0.0, A, 0, 101, 127), Control(0.0, A, 0, 100, 127)]
    other = [Control(0.0, A, 0, 99, 0), Control(0.0, A, 0, 98, 0)]  # an NRPN
    for chosen in (null, other, parameter(1, 64)[:2]):
        assert after(*bend_range(12), *chosen, Control(0.0, A, 0, 6, 24), wheel(UP)).bend(A, 0) == 6.0
    assert after(Control(0.0, A, 0, 6, 24), wheel(UP)).bend(A, 0) == 1.0  # none was ever chosen


def test_members_of_a_zone_have_48_semitones_and_the_managers_bend_on_top():
    wheels = after(*zone(5), wheel(UP, 0), wheel(UP, 1), wheel(-UP, 5), wheel(UP, 6))
    assert wheels.bend(A, 0) == 1.0
    assert wheels.bend(A, 1) == 25.0
    assert wheels.bend(A, 5) == -23.0
    assert wheels.bend(A, 6) == 1.0  # outside
    assert [wheels.member(A, channel) for channel in range(16)] == [False] + 5 * [True] + 10 * [False]
    assert wheels.reached(A, 0) == [0, 1, 2, 3, 4, 5] and wheels.reached(A, 2) == [2]


def test_the_upper_zone_counts_down_from_channel_16():
    wheels = after(*zone(3, manager=15), wheel(UP, 15), wheel(UP, 14), wheel(UP, 12), wheel(UP, 11))
    assert [wheels.bend(A, channel) for channel in (15, 14, 12, 11)] == [1.0, 25.0, 25.0, 1.0]
    assert wheels.reached(A, 15) == [15, 12, 13, 14]


def test_a_members_range_is_that_of_all_members():
    wheels = after(*zone(4), *bend_range(12, channel=3), *bend_range(4, channel=0), wheel(UP, 0), wheel(UP, 1))
    assert wheels.bend(A, 1) == 6.0 + 2.0


def test_the_newer_zone_takes_what_it_needs():
    wheels = after(*zone(10), *zone(9, manager=15))
    assert wheels.reached(A, 0) == [0, 1, 2, 3, 4, 5]
    assert wheels.reached(A, 15) == [15, *range(6, 15)]
    wheels = after(*zone(4, manager=15), *zone(15))
    assert wheels.reached(A, 0) == list(range(16)) and wheels.reached(A, 15) == [15]


def test_a_zone_of_no_members_is_none_and_its_channels_begin_afresh():
    wheels = after(*zone(5), wheel(UP, 0), wheel(UP, 1), *zone(0))
    assert wheels.bend(A, 1) == 0.0 and not wheels.member(A, 1)
    wheels.feed(wheel(UP, 1))
    assert wheels.bend(A, 1) == 1.0


def test_only_managers_make_zones():
    assert after(*parameter(6, 5, channel=2)).reached(A, 2) == [2]


def test_resetting_a_channel_centres_its_wheel_and_keeps_its_range():
    wheels = after(*bend_range(12), wheel(UP), wheel(UP, channel=1))
    wheels.centre(A, 0)
    assert (wheels.bend(A, 0), wheels.bend(A, 1)) == (0.0, 1.0)
    wheels.feed(wheel(UP))
    assert wheels.bend(A, 0) == 6.0
    wheels.centre_all()
    assert wheels.bend(A, 0) == wheels.bend(A, 1) == 0.0


def test_a_source_that_is_bent_as_a_whole_is_bent_on_every_channel():
    wheels = after(BendSet(0.0, B, 0.3))
    assert wheels.bend(B, 0) == wheels.bend(B, 7) == 0.3 and wheels.bend(A, 0) == 0.0
    wheels.forget(B)
    assert wheels.bend(B, 0) == 0.0


CONTROLLERS, DATA = st.sampled_from([6, 38, 98, 99, 100, 101]), st.sampled_from([0, 6, 15, 127])
CONTROLS = st.builds(Control, st.just(0.0), st.just(A), st.integers(0, 15), CONTROLLERS, DATA)
TURNS = st.builds(PitchBend, st.just(0.0), st.just(A), st.integers(0, 15), st.integers(-8192, 8191))


@given(st.lists(st.one_of(CONTROLS, TURNS), max_size=60))
def test_whatever_is_sent_zones_keep_apart_and_bends_stay_in_bounds(events):
    wheels = after(*events)
    members = [wheels.reached(A, manager)[1:] for manager in (0, 15)]
    assert not set(members[0]) & set(members[1]) and 0 not in members[0] + members[1]
    for channel in range(16):
        assert abs(wheels.bend(A, channel)) <= 2 * LARGEST_RANGE
        assert wheels.member(A, channel) == (channel in members[0] + members[1])
    wheels.centre_all()
    assert [wheels.bend(A, channel) for channel in range(16)] == [0.0] * 16


@pytest.mark.parametrize("members", range(16))
@pytest.mark.parametrize("manager", [0, 15])
def test_a_zone_has_the_members_it_asked_for(manager, members):
    assert len(after(*zone(members, manager)).reached(A, manager)) == 1 + members
