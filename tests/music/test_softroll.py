from __future__ import annotations

import numpy as np
import pytest

from livewave import ConfigError
from livewave.link import Command, Order
from livewave.music.biaxial import LOW, NOTES
from livewave.music.clock import ManualClock
from livewave.music.compass import Compass
from livewave.music.roll import RESTRIKE_GAP_S, Roll
from livewave.music.softroll import CERTAIN, SoftRoll, check_soft, soft_columns
from livewave.performer import Performer
from tests.toys import ToyEngine

RATE_HZ = 1_000
GAP = round(RESTRIKE_GAP_S * RATE_HZ)
WIDE = Compass(0, 127)


def chances(*steps: dict[int, tuple[float, float]]) -> np.ndarray:
    out = np.zeros((len(steps), NOTES, 2), np.float32)
    for step, told in enumerate(steps):
        for pitch, pair in told.items():
            out[step, pitch - LOW] = pair
    return out


def shown(roll: Roll, columns: int, block: int = 0) -> np.ndarray:
    out = np.full((columns, 128), 99, np.uint8)
    for first in range(0, columns, block or columns):
        roll.columns(out[first : first + (block or columns)])
    return out


# columns


def test_a_value_is_what_a_roll_of_drawn_notes_would_hold_on_average():
    """Drawn by hand, many times, and played on the roll of the stage."""
    plays, again, edges, rng = (0.7, 0.5), 0.4, (0, 50, 100), np.random.default_rng(0)
    total = np.zeros(100)
    for _ in range(4_000):
        roll, sounded = Roll(RATE_HZ), False
        for step, first in enumerate(edges[:2]):
            if rng.random() < plays[step]:
                if not sounded or rng.random() < again:
                    roll.strike(first, 60, CERTAIN)
                sounded = True
            elif sounded:
                roll.release(first, 60)
                sounded = False
        total += shown(roll, 100)[:, 60]
    soft = soft_columns(chances({60: (0.7, 1.0)}, {60: (0.5, 0.4)}), edges, WIDE, RATE_HZ)
    np.testing.assert_allclose(soft[:, 60], total / 4_000, atol=0.025 * CERTAIN)
    assert not np.delete(soft, 60, axis=1).any()


def test_what_is_sure_is_what_the_roll_would_hold():
    steps = ({60: (1.0, 1.0)}, {60: (1.0, 0.0), 64: (1.0, 1.0)}, {60: (1.0, 1.0)}, {})
    roll, edges = Roll(RATE_HZ), (0, 100, 200, 300, 400)
    changes = (0, 60, CERTAIN), (100, 64, CERTAIN), (200, 64, 0), (200, 60, CERTAIN), (300, 60, 0)
    for column, pitch, velocity in changes:
        roll.strike(column, pitch, velocity) if velocity else roll.release(column, pitch)
    np.testing.assert_array_equal(soft_columns(chances(*steps), edges, WIDE, RATE_HZ), shown(roll, 400))


def test_pitches_outside_the_compass_are_as_likely_inside():
    soft = soft_columns(chances({48: (0.5, 1.0), 60: (0.5, 1.0), 40: (0.25, 1.0)}), (7, 17), Compass(55, 84), RATE_HZ)
    assert soft.shape == (10, 128)
    assert (soft[:, 60] == round(0.75 * CERTAIN)).all()  # either of two C
    assert (soft[:, 64] == round(0.25 * CERTAIN)).all()
    assert not soft[:, :55].any() and not soft[:, 85:].any()


def test_steps_shorter_than_the_gap_and_none_at_all():
    again = soft_columns(chances({60: (1.0, 1.0)}, {60: (1.0, 1.0)}), (0, 2, 4), WIDE, RATE_HZ)
    assert again[:, 60].tolist() == [CERTAIN, CERTAIN, 0, 0]
    assert soft_columns(np.zeros((0, NOTES, 2)), (5,), WIDE, RATE_HZ).shape == (0, 128)


# the roll


def test_held_notes_are_certain_and_the_expected_stands_beside_them():
    roll, soft = SoftRoll(RATE_HZ), np.zeros((20, 128), np.uint8)
    soft[:, 64], soft[:, 60] = 30, 50
    roll.expect(10, soft)
    roll.strike(0, 60, 20)
    roll.release(25, 60)
    out = shown(roll, 40)
    assert (out[:25, 60] == CERTAIN).all() and (out[25:30, 60] == 50).all() and not out[30:].any()
    assert not out[:10, 64].any() and (out[10:30, 64] == 30).all()


@pytest.mark.parametrize("block", [1, 7, 13, 40])
def test_how_calls_divide_the_columns_is_of_no_account(block):
    soft = np.random.default_rng(0).integers(0, 100, (20, 128)).astype(np.uint8)
    rolls = SoftRoll(RATE_HZ), SoftRoll(RATE_HZ)
    for roll in rolls:
        roll.expect(9, soft)
    np.testing.assert_array_equal(shown(rolls[0], 40), shown(rolls[1], 40, block))


def test_a_cleared_roll_expects_nothing():
    roll = SoftRoll(RATE_HZ)
    roll.expect(0, np.full((50, 128), 9, np.uint8))
    shown(roll, 10)
    roll.clear()
    assert not shown(roll, 20).any()


def test_the_performer_plays_what_is_expected_and_resets_it():
    engine, roll = ToyEngine(), SoftRoll(RATE_HZ)
    performer = Performer(engine, ManualClock(), 16_000, 160, seed=1, temperature=0.8, gain_db=0.0, lead_s=0.0,
                          roll=roll)
    soft = np.zeros((100, 128), np.uint8)
    soft[:, 60] = 40
    roll.expect(20, soft)
    levels = [float(np.abs(performer.step()).max()) for _ in range(6)]
    assert levels[0] == levels[1] == 0.0 and levels[5] > 0.3
    performer.obey(Command(Order.RESET, 0.0))
    performer.step()
    assert not shown(roll, 20).any()


# the net


def test_a_net_that_was_trained_with_soft_rolls_may_be_coupled():
    check_soft("soft", {"training.soft_share": "0.6"})


@pytest.mark.parametrize("provenance", [{}, {"training.soft_share": "0"}, {"training.soft_share": "much"},
                                        {"training.soft_share": "nan"}])
def test_any_other_is_refused_with_the_remedy(provenance):
    told = r"paper was not trained with soft rolls.*coupled\.toml --from paper.*leave out --coupled"
    with pytest.raises(ConfigError, match=told):
        check_soft("paper", provenance)
