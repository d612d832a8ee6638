from __future__ import annotations

import pytest

from livewave import ConfigError
from livewave.music.bars import Bars, check_metre


@pytest.mark.parametrize("metre, steps", [((4, 4), 16), ((3, 4), 12), ((2, 2), 16), ((6, 8), 12), ((7, 8), 14),
                                          ((5, 16), 5)])
def test_a_bar_is_a_whole_number_of_sixteenths(metre: tuple[int, int], steps: int) -> None:
    assert check_metre(*metre) == Bars(metre).steps == steps


@pytest.mark.parametrize("metre", [(5, 4), (9, 8), (12, 8), (3, 2), (17, 16), (0, 4), (-4, 4), (4, 3), (4, 0), (4, 32)])
def test_other_metres_are_refused_by_name(metre: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"the metre {metre[0]}/{metre[1]} cannot be counted.*1/4 to 4/4"):
        check_metre(*metre)


def test_bars_follow_each_other_without_end_in_both_directions() -> None:
    bars = Bars((3, 4))
    assert [bars.position(step) for step in range(-2, 14)] == [10, 11, *range(12), 0, 1]
    assert [bars.next_line(beat) for beat in (-0.1, 0.0, 0.1, 2.9, 3.0)] == [0.0, 0.0, 3.0, 3.0, 3.0]


def test_another_metre_begins_with_the_next_bar_and_steps_to_come_know_it() -> None:
    bars = Bars((4, 4))
    bars.change((3, 4), 5.0, from_zero=False)
    assert bars.metre == (4, 4)
    assert [bars.position(step) for step in (20, 31, 32, 43, 44)] == [4, 15, 0, 11, 0]
    assert [bars.next_line(beat) for beat in (5.0, 8.0, 8.1)] == [8.0, 8.0, 11.0]
    bars.reach(7.9)
    assert bars.steps == 16
    bars.reach(8.0)
    assert bars.metre == (3, 4) and bars.steps == 12 and bars.position(44) == 0


def test_at_a_bar_line_another_metre_begins_at_once() -> None:
    bars = Bars((4, 4))
    bars.change((7, 8), 8.0, from_zero=False)
    assert bars.metre == (7, 8) and bars.position(32 + 14) == 0


def test_the_last_metre_asked_for_before_the_bar_line_counts_and_the_present_one_takes_it_back() -> None:
    bars = Bars((4, 4))
    bars.change((3, 4), 1.0, from_zero=False)
    bars.change((2, 4), 2.0, from_zero=False)
    assert bars.position(16 + 8) == 0
    bars.change((4, 4), 3.0, from_zero=False)
    assert bars.position(16 + 8) == 8


def test_bars_of_a_shared_session_are_counted_from_its_first_beat_in_every_metre() -> None:
    bars = Bars((4, 4))
    bars.change((3, 4), 13.0, from_zero=True)
    assert [bars.position(step) for step in (60, 64, 72)] == [12, 4, 0]
    assert [bars.next_line(beat) for beat in (13.0, 16.1)] == [18.0, 18.0]


def test_a_bar_may_begin_anywhere_and_takes_the_metre_that_was_to_come() -> None:
    bars = Bars((4, 4))
    assert bars.begin(6) and bars.position(6) == 0
    assert not bars.begin(6 + 32)
    bars.change((3, 4), 8.0, from_zero=False)
    assert bars.begin(38) and bars.metre == (3, 4) and bars.position(38 + 12) == 0
