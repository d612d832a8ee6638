"""A struck instrument is shown how hard and how long ago; in every division into blocks, and as the training data show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave.render.strikes import FORGOTTEN_S, HALVING_S, Strikes
from livewave.render.voice import Voice
from tests.toys import TINY, ToyEngine, tiny_model

RATE_HZ, HELD = 16_000, 16
HALVING = round(HALVING_S * RATE_HZ / HELD)  # in columns


def encoded(roll: np.ndarray) -> np.ndarray:
    return Strikes(RATE_HZ).encode(roll, HELD)


def a_note(first: int, last: int, velocity: int = 100, columns: int = 1_000, pitch: int = 60) -> np.ndarray:
    roll = np.zeros((columns, 128), np.uint8)
    roll[first:last, pitch] = velocity
    return roll


def test_a_strike_is_shown_at_its_velocity_and_fades_as_one_over_its_age():
    shown = encoded(a_note(5, 900))[:, 60]
    assert shown[4] == 0 and shown[5] == 100
    assert shown[5 + HALVING] == 50 and shown[5 + 3 * HALVING] == 25
    assert shown[900] == 0


def test_whatever_sounds_is_shown_however_soft_and_old_it_is():
    assert encoded(a_note(0, 60_000, velocity=1, columns=60_000))[:, 60].min() == 1


def test_each_strike_begins_anew_and_pitches_do_not_touch_each_other():
    roll = a_note(0, 300) + a_note(301, 600) + a_note(100, 600, pitch=64)
    shown = encoded(roll)
    assert shown[301, 60] == 100 and shown[299, 60] < 20
    np.testing.assert_array_equal(shown[100:, 64], encoded(a_note(0, 500, columns=900, pitch=64))[:, 64])


def test_a_strike_that_is_forgotten_may_as_well_have_come_later():
    columns = round((FORGOTTEN_S + 1.0) * RATE_HZ / HELD)
    roll = a_note(0, columns, velocity=127, columns=columns)
    late = round(FORGOTTEN_S * RATE_HZ / HELD)
    assert np.abs(encoded(roll)[late:, 60].astype(int) - 1).max() <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_blocks_of_any_size_show_the_same(sizes, seed):
    rng = np.random.default_rng(seed)
    roll = np.repeat((rng.random((30, 128)) < 0.1) * rng.integers(1, 128, (30, 128)), 20, axis=0).astype(np.uint8)
    whole, strikes, first, parts = encoded(roll), Strikes(RATE_HZ), 0, []
    while first < len(roll):
        size = sizes[len(parts) % len(sizes)]
        parts.append(strikes.encode(roll[first : first + size], HELD))
        first += size
    np.testing.assert_array_equal(np.concatenate(parts), whole)


class Watched(ToyEngine):
    """It keeps the rolls that it is shown."""

    def __init__(self, encoding: str) -> None:
        super().__init__(replace(TINY, roll_encoding=encoding))
        self.rolls: list[np.ndarray] = []

    def render(self, roll: np.ndarray, *rest, **more) -> None:
        self.rolls.append(roll.copy())
        super().render(roll, *rest, **more)


@pytest.mark.parametrize("encoding", ["binary", "velocity", "struck"])
def test_a_voice_shows_strikes_to_the_nets_that_ask_for_them(encoding):
    engine, roll = Watched(encoding), a_note(0, 1_000)
    Voice(engine, 1, 1.0).render(roll, np.zeros(len(roll) * HELD, np.float32))
    expected = encoded(roll) if encoding == "struck" else roll
    np.testing.assert_array_equal(np.concatenate(engine.rolls), expected)


def test_a_voice_that_is_reset_has_forgotten_its_strikes():
    engine, roll = Watched("struck"), a_note(0, 1_000)
    voice = Voice(engine, 1, 1.0)
    for _ in range(2):
        engine.rolls.clear()
        voice.render(roll, np.zeros(len(roll) * HELD, np.float32))
        voice.reset()
        np.testing.assert_array_equal(np.concatenate(engine.rolls), encoded(roll))


def test_a_net_that_is_shown_strikes_loads_as_any_other():
    assert tiny_model(roll_encoding="struck").spec.roll_encoding == "struck"
