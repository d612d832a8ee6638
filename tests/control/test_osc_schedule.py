from __future__ import annotations

from livewave.control.osc_schedule import LEAD_S, Schedule


def test_items_leave_a_little_before_their_moment_in_order() -> None:
    schedule = Schedule()
    for at_s, item in ((3.0, "late"), (1.0, "first"), (1.0, "second")):
        assert schedule.put(at_s, item)
    assert schedule.due(1.0 - LEAD_S - 0.001) == []
    assert schedule.due(1.0 - LEAD_S) == [(1.0, "first"), (1.0, "second")]
    assert schedule.due(10.0) == [(3.0, "late")]
    assert len(schedule) == 0


def test_waiting_ends_when_the_next_item_is_due() -> None:
    schedule = Schedule()
    assert schedule.wait_s(0.0, 0.2) == 0.2
    schedule.put(1.0, "item")
    assert schedule.wait_s(0.0, 0.2) == 0.2
    assert abs(schedule.wait_s(0.9, 0.2) - (0.1 - LEAD_S)) < 1e-9
    assert schedule.wait_s(5.0, 0.2) == 0.0


def test_a_full_schedule_takes_no_more_until_it_is_cleared() -> None:
    schedule = Schedule(capacity=2)
    assert schedule.put(1.0, "a") and schedule.put(2.0, "b") and not schedule.put(0.5, "c")
    schedule.clear()
    assert len(schedule) == 0 and schedule.put(1.0, "d")


def test_what_is_not_wanted_is_forgotten_and_the_rest_keeps_its_order() -> None:
    schedule = Schedule()
    for at_s, item in ((3.0, "c"), (1.0, "a"), (2.0, "x"), (1.0, "b"), (0.5, "x")):
        schedule.put(at_s, item)
    schedule.forget(lambda item: item == "x")
    assert schedule.due(10.0) == [(1.0, "a"), (1.0, "b"), (3.0, "c")]


def test_clearing_tells_what_is_forgotten() -> None:
    schedule = Schedule()
    schedule.put(1.0, "a")
    assert schedule.clear() == ["a"] and schedule.clear() == []
