from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave.render.native import NativeEngine
from livewave.render.voice import ATTACK_S, REST_FADE_S, REST_HOLD_S, Voice
from tests.toys import TINY, ToyEngine, tiny_model

RATE_HZ, HELD = TINY.model_rate_hz, TINY.samples_per_column
HOLD, FADE, ATTACK = (round(seconds * RATE_HZ) for seconds in (REST_HOLD_S, REST_FADE_S, ATTACK_S))
LEVEL = 0.5
END, NEXT, COLUMNS = 100, 1_000, 1_200  # of `a_roll`, in columns


def a_roll() -> np.ndarray:
    """uint8 [COLUMNS, 128]: a note from column 3 to END, a rest longer than hold and fade, a chord from NEXT on."""
    roll = np.zeros((COLUMNS, 128), np.uint8)
    roll[3:END, 60] = 90
    roll[NEXT:, [64, 67]] = 100
    return roll


def rendered(voice: Voice, roll: np.ndarray, blocks: list[int] | int = COLUMNS, held: int = HELD) -> np.ndarray:
    """float32 [samples]: `roll` in blocks of so many columns, the last size repeated."""
    sizes, first = [blocks] if isinstance(blocks, int) else list(blocks), 0
    out = np.full(len(roll) * held, 9.0, np.float32)
    while first < len(roll):
        last = min(first + (sizes.pop(0) if len(sizes) > 1 else sizes[0]), len(roll))
        voice.render(roll[first:last], out[first * held : last * held])
        first = last
    return out


def a_voice(seed: int = 1, temperature: float = 1.0, **changes: object) -> Voice:
    return Voice(NativeEngine(tiny_model(**changes)), seed, temperature)


# blocks


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 601])
def test_sound_is_the_same_bit_for_bit_in_every_split_into_blocks(block):
    expected = rendered(a_voice(), a_roll())
    assert len(np.unique(expected)) > 50
    np.testing.assert_array_equal(rendered(a_voice(), a_roll(), block), expected)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_sound_is_the_same_in_splits_that_change(blocks):
    np.testing.assert_array_equal(rendered(a_voice(), a_roll(), blocks), rendered(a_voice(), a_roll()))


def test_columns_of_a_single_sample_may_be_split_anywhere_too():
    roll = np.zeros((HOLD + FADE + 1_300, 128), np.uint8)
    roll[3:1_001, 60] = 90
    expected = rendered(a_voice(), roll, len(roll), held=1)
    assert expected[:1_000].any() and not expected[-100:].any()
    np.testing.assert_array_equal(rendered(a_voice(), roll, [5, 997, 3, 31], held=1), expected)


# rests


def test_a_rest_is_held_faded_and_then_exact_silence():
    out = rendered(Voice(ToyEngine(babble=True), 1, 1.0), a_roll(), 8)
    rest = END * HELD
    assert (out[rest : rest + HOLD] == LEVEL).all()
    fade = out[rest + HOLD : rest + HOLD + FADE]
    assert (np.diff(fade) < 0.0).all()
    assert np.abs(np.diff(fade)).max() < 2.02 * LEVEL / FADE
    assert not out[rest + HOLD + FADE : NEXT * HELD].any()


def test_a_note_during_the_fade_returns_without_a_jump():
    roll = a_roll()
    back = END + round(1_000 * (REST_HOLD_S + REST_FADE_S / 2))
    roll[back:, 70] = 90
    out = rendered(Voice(ToyEngine(babble=True), 1, 1.0), roll, 8)
    assert 0.2 * LEVEL < out[back * HELD] < 0.4 * LEVEL  # a quarter: the fade is a square
    assert np.abs(np.diff(out[1_000:])).max() < 2.02 * LEVEL / ATTACK
    assert out[back * HELD + ATTACK] == LEVEL


def test_a_short_rest_is_left_alone():
    roll = np.zeros((COLUMNS, 128), np.uint8)
    roll[:: round(900 * REST_HOLD_S), 60] = 90
    out = rendered(Voice(ToyEngine(babble=True), 1, 1.0), roll, 8)
    assert (out[ATTACK:] == LEVEL).all()


def test_the_note_after_a_rest_speaks():
    out = rendered(Voice(ToyEngine(), 1, 1.0), a_roll(), 8)
    assert out[NEXT * HELD] > 0.0
    assert (out[NEXT * HELD + ATTACK :] == LEVEL).all()


def test_a_rest_leaves_the_memory_where_the_start_left_it():
    """At temperature 0 and without the hint's clock, a note after a rest is the note at the start."""
    note = np.zeros((80, 128), np.uint8)
    note[:, 60] = 90
    voice = a_voice(temperature=0.0, hint="none")
    first = rendered(voice, note)
    rendered(voice, np.zeros((1_000, 128), np.uint8), 16)
    assert len(np.unique(first)) > 3
    np.testing.assert_array_equal(rendered(voice, note), first)


def test_an_unconditioned_net_never_rests():
    engine = ToyEngine(replace(TINY, cond_channels=0, hint="none"))
    out = rendered(Voice(engine, 1, 1.0), np.zeros((COLUMNS, 128), np.uint8), 8)
    assert (out[ATTACK:] == LEVEL).all()


# start and reset


def test_before_the_first_note_there_is_silence():
    out = rendered(Voice(ToyEngine(babble=True), 1, 1.0), np.zeros((COLUMNS, 128), np.uint8), 8)
    assert not out.any()


def test_the_first_note_rises_without_a_burst():
    roll = np.full((10, 128), 1, np.uint8)
    out = rendered(Voice(ToyEngine(level=1.0), 1, 1.0), roll, 1)
    np.testing.assert_allclose(out[:ATTACK], (np.arange(1, ATTACK + 1) / ATTACK) ** 2, atol=1e-6)


def test_the_net_has_heard_silence_as_far_back_as_it_can_hear():
    engine = ToyEngine()
    Voice(engine, 1, 1.0)
    assert engine.fed >= TINY.receptive_field and engine.blocks == 0


def test_reset_is_as_at_start():
    voice = a_voice()
    first = rendered(voice, a_roll()[:200])
    assert not np.array_equal(rendered(voice, a_roll()[:200]), first)
    voice.reset()
    np.testing.assert_array_equal(rendered(voice, a_roll()[:200]), first)


# random numbers


def test_a_seed_is_a_take():
    first = rendered(a_voice(seed=7), a_roll()[:200])
    np.testing.assert_array_equal(rendered(a_voice(seed=7), a_roll()[:200]), first)
    assert not np.array_equal(rendered(a_voice(seed=8), a_roll()[:200]), first)


@pytest.mark.parametrize("block", [1, 3, 50, COLUMNS])
def test_every_sample_uses_up_one_random_number_asleep_or_not(block):
    engine = ToyEngine()
    rendered(Voice(engine, 5, 1.0), a_roll(), block)
    stream = np.random.Generator(np.random.PCG64(5)).random(COLUMNS * HELD, dtype=np.float32)
    asleep = END * HELD + HOLD + FADE
    np.testing.assert_array_equal(np.concatenate(engine.uniforms),
                                  np.concatenate((stream[3 * HELD : asleep], stream[NEXT * HELD :])))


def test_temperature_may_change_from_block_to_block():
    engine = ToyEngine()
    voice = Voice(engine, 1, 0.8)
    rendered(voice, np.ones((2, 128), np.uint8))
    voice.temperature = 0.3
    rendered(voice, np.ones((2, 128), np.uint8))
    assert engine.temperatures == [0.8, 0.3]
