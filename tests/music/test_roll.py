from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.events import Release, Strike
from livewave.music.roll import LATCH_S, RESTRIKE_GAP_S, Roll, columns_of

RATE_HZ = 1_000
GAP, LATCH = round(RESTRIKE_GAP_S * RATE_HZ), round(LATCH_S * RATE_HZ)
COLUMNS = 120


def played(roll: Roll, columns: int = COLUMNS) -> np.ndarray:
    out = np.full((columns, 128), 99, np.uint8)
    roll.columns(out)
    return out


def runs(row: np.ndarray) -> list[tuple[int, int, int]]:
    """(begin, end, velocity) of each stretch that sounds."""
    edges = np.flatnonzero(np.diff(row.astype(int), prepend=0, append=0))
    return [(int(a), int(b), int(row[a])) for a, b in zip(edges, edges[1:]) if row[a]]


def of(*changes: tuple, pitch: int = 60) -> list[tuple[int, int, int]]:
    """The runs that ("on", column, velocity) and ("off", column) make."""
    roll = Roll(RATE_HZ)
    for kind, column, *velocity in changes:
        roll.strike(column, pitch, *velocity) if kind == "on" else roll.release(column, pitch)
    out = played(roll)
    assert not np.delete(out, pitch, axis=1).any()
    return runs(out[:, pitch])


def test_an_empty_roll_is_silent():
    assert not played(Roll(RATE_HZ)).any()


def test_a_note_sounds_from_its_strike_to_its_release_with_its_velocity():
    assert of(("on", 3, 77), ("off", 50)) == [(3, 50, 77)]


def test_a_note_never_released_sounds_on():
    assert of(("on", 10, 1)) == [(10, COLUMNS, 1)]


@pytest.mark.parametrize("length", [0, 1, LATCH - 1])
def test_a_note_too_short_to_speak_is_held_for_the_latch(length):
    assert of(("on", 10, 90), ("off", 10 + length)) == [(10, 10 + LATCH, 90)]


def test_a_note_as_long_as_the_latch_is_left_as_it_is():
    assert of(("on", 10, 90), ("off", 10 + LATCH)) == [(10, 10 + LATCH, 90)]


def test_a_note_shorter_than_a_column_still_sounds():
    roll = Roll(10)  # columns of 100 ms
    roll.strike(4, 60, 100)
    roll.release(4, 60)
    assert runs(played(roll)[:, 60]) == [(4, 5, 100)]


def test_a_pitch_struck_while_it_sounds_is_silent_first():
    assert of(("on", 10, 90), ("on", 40, 50), ("off", 80)) == [(10, 40, 90), (40 + GAP, 80, 50)]


def test_a_pitch_let_go_and_struck_in_one_column_is_silent_first():
    assert of(("on", 10, 90), ("off", 40), ("on", 40, 50)) == [(10, 40, 90), (40 + GAP, COLUMNS, 50)]


def test_two_strikes_in_one_column_of_a_sounding_pitch_still_make_a_gap():
    assert of(("on", 10, 90), ("on", 40, 50), ("on", 40, 60)) == [(10, 40, 90), (40 + GAP, COLUMNS, 60)]


def test_a_pitch_silent_for_a_column_starts_at_once():
    assert of(("on", 10, 90), ("off", 40), ("on", 41, 50)) == [(10, 40, 90), (41, COLUMNS, 50)]


def test_a_strike_inside_the_gap_starts_at_once_and_replaces_the_one_that_waits():
    assert of(("on", 10, 90), ("on", 40, 50), ("on", 42, 60)) == [(10, 40, 90), (42, COLUMNS, 60)]


def test_a_release_inside_the_gap_does_not_lose_the_note():
    assert of(("on", 10, 90), ("on", 40, 50), ("off", 41)) == [(10, 40, 90), (40 + GAP, 40 + GAP + LATCH, 50)]


def test_a_note_struck_again_while_its_release_is_postponed_is_held_until_its_own_release():
    assert of(("on", 10, 90), ("off", 12), ("on", 15, 50), ("off", 90)) == [(10, 15, 90), (15 + GAP, 90, 50)]


def test_a_note_struck_again_when_a_postponed_release_falls_due_has_its_gap():
    due = 10 + LATCH
    assert of(("on", 10, 90), ("off", 12), ("on", due, 50)) == [(10, due, 90), (due + GAP, COLUMNS, 50)]


def test_a_release_of_a_silent_pitch_is_nothing():
    assert of(("off", 5), ("on", 10, 90), ("off", 50), ("off", 55), ("on", 60, 80)) == [(10, 50, 90), (60, COLUMNS, 80)]


def test_changes_may_be_given_in_any_order():
    assert of(("off", 80), ("on", 50, 33), ("off", 40), ("on", 10, 90)) == [(10, 40, 90), (50, 80, 33)]


def test_pitches_do_not_disturb_each_other():
    roll = Roll(RATE_HZ)
    for pitch in range(128):
        roll.strike(pitch // 2, pitch, pitch % 127 + 1)
        roll.release(pitch // 2 + 30, pitch)
    out = played(roll)
    for pitch in range(128):
        assert runs(out[:, pitch]) == [(pitch // 2, pitch // 2 + 30, pitch % 127 + 1)]


def test_a_late_change_takes_effect_in_the_next_column():
    roll = Roll(RATE_HZ)
    played(roll, 50)
    roll.strike(10, 60, 90)
    assert runs(played(roll)[:, 60]) == [(0, COLUMNS, 90)]
    roll.release(-5, 60)
    assert not played(roll)[0].any()
    assert roll.next_column == 50 + 2 * COLUMNS


def test_release_all_ends_every_note_and_spares_the_later_ones():
    roll = Roll(RATE_HZ)
    for pitch in (0, 60, 127):
        roll.strike(0, pitch, 90)
    roll.strike(70, 60, 80)
    roll.release_all(50)
    out = played(roll)
    assert [runs(out[:, pitch]) for pitch in (0, 127)] == [[(0, 50, 90)]] * 2
    assert runs(out[:, 60]) == [(0, 50, 90), (70, COLUMNS, 80)]


def test_clear_forgets_notes_and_what_is_to_come_but_not_the_time():
    roll = Roll(RATE_HZ)
    roll.strike(0, 60, 90)
    roll.strike(90, 61, 90)
    played(roll, 50)
    roll.clear()
    assert not played(roll).any()
    assert roll.next_column == 50 + COLUMNS
    roll.strike(roll.next_column, 60, 44)
    assert runs(played(roll)[:, 60]) == [(0, COLUMNS, 44)]


def test_columns_of_a_piece_are_those_nearest_to_its_moments():
    changes = [Strike(0.0104, 60, 90), Strike(0.0106, 62, 91), Release(0.0504, 60), Release(0.0506, 62)]
    out = columns_of(changes, 100, RATE_HZ)
    assert out.shape == (100, 128) and out.dtype == np.uint8
    assert runs(out[:, 60]) == [(10, 50, 90)]
    assert runs(out[:, 62]) == [(11, 51, 91)]


# properties

CHANGE = st.tuples(st.integers(0, 100), st.integers(60, 61), st.integers(0, 127))  # velocity 0 is a release


def slowly(changes: list[tuple[int, int, int]], columns: int = COLUMNS) -> np.ndarray:
    """The specification once more: each pitch by itself, column after column."""
    out = np.zeros((columns, 128), np.uint8)
    for pitch in {change[1] for change in changes}:
        velocity = waiting = 0
        begun = starts = ends = fell_silent = None
        for column in range(columns):
            if column == ends:
                velocity, begun, ends, fell_silent = 0, None, None, column
            if column == starts:
                velocity, starts = waiting, None
            for wanted in (v for c, p, v in changes if (c, p) == (column, pitch)):
                if wanted:
                    if velocity:
                        fell_silent = column
                    velocity, starts, ends = 0, None, None
                    if fell_silent == column:
                        waiting, starts = wanted, column + GAP
                    else:
                        velocity = wanted
                    begun = column if starts is None else starts
                elif begun is not None and column < begun + LATCH:
                    ends = begun + LATCH
                elif begun is not None:
                    velocity, begun, fell_silent = 0, None, column
            out[column, pitch] = velocity
    return out


def quickly(changes: list[tuple[int, int, int]], splits: list[int], just_in_time: bool) -> np.ndarray:
    """What `Roll` makes of them in pieces of `splits` columns; given beforehand, or each just before its column."""
    roll, out, first, later = Roll(RATE_HZ), np.zeros((COLUMNS, 128), np.uint8), 0, list(changes)
    for size in [*splits, COLUMNS]:
        last = min(first + size, COLUMNS)
        for change in [c for c in later if not just_in_time or c[0] < last]:
            column, pitch, velocity = change
            roll.strike(column, pitch, velocity) if velocity else roll.release(column, pitch)
            later.remove(change)
        roll.columns(out[first:last])
        first = last
    return out


@given(st.lists(CHANGE, max_size=25), st.lists(st.integers(0, 40), max_size=20), st.booleans())
def test_the_roll_is_what_a_slow_model_says_however_it_is_split(changes, splits, just_in_time):
    np.testing.assert_array_equal(quickly(changes, splits, just_in_time), slowly(changes))


@given(st.lists(CHANGE, max_size=25))
def test_every_strike_is_an_onset_unless_another_one_follows_within_the_gap(changes):
    out = quickly(changes, [], False)
    for pitch in (60, 61):
        onsets = {begin for begin, _, _ in runs(np.minimum(out[:, pitch], 1))}
        strikes = [column for column, p, velocity in changes if p == pitch and velocity]
        for column in strikes:
            if not any(column < other <= column + GAP for other in strikes):
                assert onsets & {column, column + GAP}


@given(st.lists(CHANGE, max_size=25))
def test_no_note_is_shorter_than_the_latch_unless_it_is_struck_again(changes):
    out = quickly(changes, [], False)
    for pitch in (60, 61):
        strikes = {column for column, p, velocity in changes if p == pitch and velocity}
        for begin, end, _ in runs(out[:, pitch]):
            assert end - begin >= LATCH or end in strikes or end == COLUMNS


@given(st.lists(CHANGE, max_size=25))
def test_after_release_all_everything_ends(changes):
    roll = Roll(RATE_HZ)
    for column, pitch, velocity in changes:
        roll.strike(column, pitch, velocity) if velocity else roll.release(column, pitch)
    roll.release_all(101)
    assert not played(roll, 200)[101 + GAP + LATCH :].any()
