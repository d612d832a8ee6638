from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY
from livewave.music.grid import Grid, nearest_step, rows_of

STEPS = 24


def cells(rows: np.ndarray, pitch: int = 60) -> list[tuple[int, ...]]:
    return [tuple(cell) for cell in rows[:, pitch - LOW].tolist()]


def live(*changes: tuple, steps: int = 8) -> np.ndarray:
    """The rows that (beat, "on", pitch, velocity) and (beat, "off", pitch) make, each asked for once half a step has passed."""
    grid, rows = Grid(), []

    def ask(beat: float) -> None:
        while (len(rows) + 0.5) / 4 <= beat and len(rows) < steps:
            rows.append(grid.row(len(rows)))

    for beat, kind, *what in changes:
        ask(beat)
        grid.press(beat, *what) if kind == "on" else grid.release(beat, *what)
    ask(1e9)
    return np.array(rows)


@pytest.mark.parametrize("beat, step", [(0.0, 0), (0.12, 0), (0.125, 1), (0.25, 1), (0.374, 1), (0.375, 2), (-0.1, 0), (-0.13, -1)])
def test_a_moment_belongs_to_the_nearest_step_and_between_two_to_the_later(beat, step):
    assert nearest_step(beat) == step


def test_a_note_begins_on_the_nearest_step_and_sounds_to_the_nearest_to_its_end():
    rows = live((0.3, "on", 60, 90), (0.8, "off", 60), steps=5)
    assert cells(rows) == [(0, 0, 0), (1, 1, 90), (1, 0, 90), (0, 0, 0), (0, 0, 0)]
    assert not np.delete(rows, 60 - LOW, axis=1).any()


def test_a_note_struck_and_released_in_one_step_sounds_for_that_step():
    assert cells(live((0.26, "on", 60, 90), (0.27, "off", 60), steps=4)) == [(0, 0, 0), (1, 1, 90), (0, 0, 0), (0, 0, 0)]


def test_a_note_struck_again_while_it_sounds_says_so():
    rows = live((0.0, "on", 60, 90), (0.5, "on", 60, 50), (1.0, "off", 60), steps=5)
    assert cells(rows) == [(1, 1, 90), (1, 0, 90), (1, 1, 50), (1, 0, 50), (0, 0, 0)]


def test_two_strikes_in_one_step_are_one_as_hard_as_the_last():
    assert cells(live((0.0, "on", 60, 90), (0.02, "off", 60), (0.05, "on", 60, 40), (0.5, "off", 60), steps=3)) == [
        (1, 1, 40), (1, 0, 40), (0, 0, 0)]


def test_a_pitch_outside_sounds_in_the_nearest_octave_and_is_counted():
    grid = Grid()
    for pitch in (23, 2, 102, 127, 25, 101):
        grid.press(0.0, pitch, 64)
    assert grid.folded == 4
    assert (np.flatnonzero(grid.row(0)[:, PLAY]) + LOW).tolist() == [25, 26, 35, 90, 91, 101]


def test_a_note_that_comes_late_sounds_in_the_next_step():
    grid = Grid()
    grid.row(4)
    grid.press(1.0, 60, 70)
    grid.release(1.1, 60)
    assert cells(np.array([grid.row(5), grid.row(6)])) == [(1, 1, 70), (0, 0, 0)]


def test_a_release_of_what_is_not_down_is_nothing():
    assert not live((0.0, "off", 60)).any()


def test_a_key_that_is_never_released_sounds_on():
    assert cells(live((0.0, "on", 60, 70), steps=3)) == [(1, 1, 70), (1, 0, 70), (1, 0, 70)]


def test_whether_a_key_is_down_and_what_is_the_last_step_known():
    grid = Grid()
    assert (grid.sounding, grid.last_step) == (False, -1)
    grid.press(0.5, 60, 1)
    assert (grid.sounding, grid.last_step) == (True, 2)
    grid.release(1.25, 60)
    assert (grid.sounding, grid.last_step) == (False, 4)


def test_rows_may_be_left_out():
    grid = Grid()
    grid.press(0.0, 60, 70)
    grid.release(1.0, 60)
    assert cells(np.array([grid.row(2), grid.row(4)])) == [(1, 0, 70), (0, 0, 0)]


@given(st.integers(-40, 40))
def test_where_the_beat_jumps_everything_goes_with_it(by):
    grid = Grid()
    grid.press(0.0, 60, 70)
    grid.row(0)
    grid.press(0.25, 64, 50)
    grid.release(0.5, 64)
    grid.move(by)
    rows = np.array([grid.row(1 + by), grid.row(2 + by)])
    assert cells(rows) == [(1, 0, 70), (1, 0, 70)] and cells(rows, 64) == [(1, 1, 50), (0, 0, 0)]


def notes() -> st.SearchStrategy[list[tuple[float, float, int, int]]]:
    """Notes that begin inside; those of one pitch, folded, do not overlap."""
    of_a_pitch = st.lists(st.floats(0.0, STEPS / 4 - 0.13), max_size=8, unique=True).map(sorted)
    velocities = st.lists(st.integers(1, 127), min_size=4, max_size=4)

    def pairs(drawn):
        return [(begin, end, pitch, velocity) for pitch, (times, velocities) in drawn.items()
                for begin, end, velocity in zip(times[::2], times[1::2], velocities)]

    return st.dictionaries(st.sampled_from([12, 60, 61, 101, 102]), st.tuples(of_a_pitch, velocities)).map(pairs)


@given(notes())
def test_live_and_from_a_file_the_same_notes_make_the_same_rows(notes):
    changes = [(begin, 1, "on", pitch, velocity) for begin, _, pitch, velocity in notes]
    changes += [(end, 0, "off", pitch) for _, end, pitch, _ in notes]
    rows = live(*((beat, *what) for beat, _, *what in sorted(changes, key=lambda change: change[:2])), steps=STEPS)
    np.testing.assert_array_equal(rows, rows_of(notes, STEPS))


@given(st.lists(st.tuples(st.floats(0, 6), st.sampled_from(["on", "off"]), st.integers(0, 127)), max_size=60))
def test_whatever_is_played_a_note_that_begins_says_so_and_what_is_silent_is_zero(changes):
    changes = sorted(changes, key=lambda change: change[0])
    rows = live(*((*change, 99) if change[1] == "on" else change for change in changes), steps=STEPS)
    play, articulate = rows[..., PLAY].astype(bool), rows[..., ARTICULATE].astype(bool)
    begins = play & ~np.concatenate((np.zeros((1, NOTES), bool), play[:-1]))
    assert not (begins & ~articulate).any() and not rows[~play].any() and (rows[play][:, 2] == 99).all()


def test_rows_from_a_file_hold_only_the_notes_that_begin_inside():
    rows = rows_of([(-1.0, 1.0, 60, 5), (0.0, 9.0, 62, 6), (2.0, 3.0, 64, 7)], 8)
    assert not rows[:, 60 - LOW].any() and not rows[:, 64 - LOW].any()
    assert cells(rows, 62) == [(1, 1, 6)] + [(1, 0, 6)] * 7


def test_two_keys_that_fold_to_one_note_hold_it_until_both_are_let_go():
    grid = Grid()
    grid.press(0.0, 24, 90)
    grid.press(0.0, 12, 90)
    grid.release(1.0, 12)
    assert [int(grid.row(step)[0, 0]) for step in range(8)] == [1] * 8
    grid.release(2.0, 24)
    assert not grid.row(8).any()
