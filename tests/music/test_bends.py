from __future__ import annotations

import numpy as np
import pytest

from livewave.control.events import Bend, Release, Strike
from livewave.music.bends import GLIDE_S, Bends, bends_of
from livewave.music.roll import columns_of

RATE_HZ = 1_000
GLIDE = round(GLIDE_S * RATE_HZ)


def sounding(*spans: tuple[int, int, int], columns: int = 100) -> np.ndarray:
    """uint8 [columns, 128]: pitch, first column, end."""
    roll = np.zeros((columns, 128), np.uint8)
    for pitch, first, end in spans:
        roll[first:end, pitch] = 90
    return roll


def bent(roll: np.ndarray, *changes: tuple[int, int, float], block: int = 0) -> np.ndarray:
    """float32 [columns, 128]; changes are column, pitch, semitones."""
    bends, out = Bends(RATE_HZ), np.full(roll.shape, np.nan, np.float32)
    for change in changes:
        bends.bend(*change)
    for first in range(0, len(roll), block or len(roll)):
        part = slice(first, first + (block or len(roll)))
        assert bends.columns(first, roll[part], out[part]) == out[part].any()
    return out


def test_a_sounding_pitch_glides_to_its_bend_and_arrives_on_the_column():
    out = bent(sounding((60, 0, 100)), (30, 60, 1.0))
    np.testing.assert_array_equal(out[:30, 60], 0.0)
    np.testing.assert_allclose(np.diff(out[29 : 30 + GLIDE, 60]), 1.0 / GLIDE, rtol=1e-5)
    np.testing.assert_array_equal(out[29 + GLIDE :, 60], 1.0)
    assert not np.delete(out, 60, axis=1).any()


def test_a_pitch_that_begins_has_its_bend_at_once():
    out = bent(sounding((60, 20, 50), (60, 60, 100)), (10, 60, -0.5), (55, 60, 2.0), (58, 60, 3.0))
    np.testing.assert_array_equal(out[20:50, 60], -0.5)
    np.testing.assert_array_equal(out[60:, 60], 3.0)


def test_a_bend_given_for_the_column_of_the_strike_is_there_from_the_first_one():
    assert bent(sounding((60, 20, 50)), (20, 60, 1.5))[20, 60] == 1.5


def test_what_is_silent_is_not_bent():
    out = bent(sounding((60, 20, 50)), (10, 60, 1.0), (10, 61, 1.0))
    assert not out[:20].any() and not out[50:].any() and not out[:, 61].any()


def test_a_bend_taken_back_ends_in_nothing_at_all():
    out = bent(sounding((60, 0, 100)), (10, 60, 0.7), (40, 60, 0.0))
    assert out[39 + GLIDE :, 60].tolist() == [0.0] * (61 - GLIDE)


def test_a_wheel_that_moves_on_every_column_is_followed_within_the_glide():
    wanted = np.sin(np.arange(100) / 100 * 2 * np.pi)
    out = bent(sounding((60, 0, 100)), *((column, 60, float(value)) for column, value in enumerate(wanted)))
    late = np.interp(np.arange(100) - GLIDE + 1, np.arange(100), wanted)
    assert np.abs(out[:, 60] - late)[3 * GLIDE :].max() < 0.05
    assert np.abs(np.diff(out[:, 60])).max() < 1.05 * np.abs(np.diff(wanted)).max()


def test_a_change_that_is_past_takes_effect_in_the_next_column():
    bends, out = Bends(RATE_HZ), np.empty((10, 128), np.float32)
    roll = sounding((60, 0, 100))
    bends.columns(0, roll[:10], out)
    bends.bend(3, 60, 1.0)
    assert bends.columns(10, roll[10:20], out) and out[0, 60] == pytest.approx(1.0 / GLIDE)


def test_clear_forgets_bends_and_those_to_come():
    bends, out = Bends(RATE_HZ), np.empty((100, 128), np.float32)
    bends.bend(0, 60, 1.0)
    bends.bend(150, 60, 2.0)
    assert bends.columns(0, sounding((60, 0, 100)), out)
    bends.clear()
    assert not bends.columns(100, sounding((60, 0, 100)), out) and not out.any()


@pytest.mark.parametrize("block", [1, 2, 3, 7, 16, 50])
def test_bends_are_the_same_for_every_block_size(block):
    rng = np.random.default_rng(block)
    spans = [(60 + k, *sorted(rng.integers(0, 100, 2))) for k in range(5) for _ in range(3)]
    changes = [(int(rng.integers(0, 100)), 60 + int(rng.integers(0, 5)), float(rng.integers(-2, 3))) for _ in range(30)]
    roll = sounding(*spans)
    whole = bent(roll, *changes)
    assert whole.any()
    np.testing.assert_array_equal(bent(roll, *changes, block=block), whole)


def test_a_whole_piece_is_bent_beside_its_roll():
    changes = [Bend(0.0, 60, 0.5), Strike(0.010, 60, 90), Bend(0.050, 60, -1.0), Release(0.080, 60)]
    roll = columns_of(changes, 100, RATE_HZ)
    assert (np.flatnonzero(roll[:, 60]) == np.arange(10, 80)).all()
    out = bends_of(changes, roll, RATE_HZ)
    assert (out[10, 60], out[49, 60], out[79, 60]) == (0.5, 0.5, -1.0) and not out[80:].any()
