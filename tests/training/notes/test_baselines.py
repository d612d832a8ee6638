from __future__ import annotations

import math

import numpy as np
import pytest

from livewave.music.biaxial import NOTES
from training.notes.baselines import marginal_nats, repeat_last_nats
from training.notes.pieces import Piece


def piece(rows: np.ndarray) -> Piece:
    return Piece("p", "g", rows, np.zeros(len(rows), np.uint8))


def silence(steps: int) -> np.ndarray:
    return np.zeros((steps, NOTES, 3), np.uint8)


def test_marginal_of_pieces_worked_by_hand():
    """Six training steps; one pitch plays in all of them, beginning in two. By Laplace's rule it plays at 7/8 and begins at
    3/8, the others play at 1/8 each. The held-out step has that pitch, going on."""
    rows = silence(6)
    rows[:, 10] = (1, 0, 90)
    rows[[0, 3], 10, 1] = 1
    held_out = silence(1)
    held_out[0, 10] = (1, 0, 90)
    expected = -math.log(7 / 8) - math.log(5 / 8) - 77 * math.log(7 / 8)
    assert marginal_nats([piece(rows)], [piece(held_out)]) == pytest.approx(expected)


def test_repeat_last_of_pieces_worked_by_hand():
    """Four training steps; one pitch plays from the first to the third, beginning at the first. What sounded: 3 steps, of which
    2 go on, none begins again: goes on at 3/5, begins at 1/4. What did not: 309 steps, of which 1 begins: plays at 2/311, and
    begins where it plays at 2/3. The held-out piece: it begins, it goes on."""
    rows = silence(4)
    rows[:3, 10] = (1, 0, 90)
    rows[0, 10, 1] = 1
    held_out = silence(2)
    held_out[:, 10] = (1, 0, 90)
    held_out[0, 10, 1] = 1
    others = -77 * math.log(309 / 311)
    begins = others - math.log(2 / 311) - math.log(2 / 3)
    goes_on = others - math.log(3 / 5) - math.log(3 / 4)
    assert repeat_last_nats([piece(rows)], [piece(held_out)]) == pytest.approx((begins + goes_on) / 2)


def test_who_repeats_knows_more_of_held_notes_than_who_counts_pitches():
    rows = silence(64)
    for step in range(0, 64, 16):
        rows[step : step + 16, 20 + step % 7] = (1, 0, 90)
        rows[step, 20 + step % 7, 1] = 1
    assert repeat_last_nats([piece(rows)], [piece(rows)]) < marginal_nats([piece(rows)], [piece(rows)])
