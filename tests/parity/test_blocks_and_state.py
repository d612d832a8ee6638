"""What every engine owes besides the right numbers: they depend on the roll at each sample, the uniforms and the
samples so far, and on nothing else. Not on how calls divide them, not on columns, not on other engines."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from livewave.render.engine import Engine
from livewave.render.wavenet import Model, bent_steps, random_weights
from tests.parity.engines import NAMES, PLAIN, SPECS, opened

LARGEST_BLOCK = 257
# past taps before, at and beyond the ends of blocks
SPEC = replace(PLAIN, residual_channels=8, skip_channels=8, out_channels=8, dilations=(1, 3, 16, 64, 130, 2), hint="f0")
MODEL = Model(SPEC, random_weights(SPEC, seed=6), "random")
SAMPLES = 420
FORMS = ("unconditioned", "velocity roll", "logistic", "the paper's input", "waveform only", "one layer")


@cache
def a_roll(samples: int = SAMPLES) -> np.ndarray:
    """uint8 [samples, 128]: about every seventh sample one of twelve pitches begins or ends."""
    rng = np.random.default_rng(8)
    changes = (rng.random((samples, 12)) < 1 / 84) * rng.integers(1, 128, (samples, 12))
    roll = np.zeros((samples, 128), np.uint8)
    roll[:, 55:67] = np.where(np.cumsum(changes > 0, axis=0) % 2, np.maximum.accumulate(changes, axis=0), 0)
    return roll


@cache
def uniforms(samples: int = SAMPLES, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).random(samples, dtype=np.float32)


def rendered(engine: Engine, blocks: list[int], roll: np.ndarray | None = None) -> np.ndarray:
    """Samples made in blocks of these sizes, a column a sample."""
    total = sum(blocks)
    roll, chance, out = a_roll(total) if roll is None else roll, uniforms(total), np.empty(total, np.float32)
    first = 0
    for block in blocks:
        part = slice(first, first + block)
        engine.render(roll[part], chance[part], out[part], 0.9)
        first += block
    assert len(np.unique(out)) > 20
    return out


def in_blocks_of(block: int, total: int) -> list[int]:
    return [block] * (total // block) + [total % block] * (total % block > 0)


@pytest.mark.parametrize("engine", NAMES)
def test_blocks_of_every_size_from_1_to_257_make_the_same_samples_as_one_piece(engine):
    """One run, in which each size comes once, in a random order."""
    sizes = np.random.default_rng(10).permutation(np.arange(1, LARGEST_BLOCK + 1)).tolist()
    one = opened(engine, MODEL)
    in_blocks = rendered(one, sizes)
    one.reset()
    np.testing.assert_array_equal(in_blocks, rendered(one, [sum(sizes)]))


@pytest.mark.parametrize("engine", [name for name in NAMES if name != "onnx"])
def test_a_run_in_blocks_of_one_size_makes_the_same_samples_as_one_piece(engine):
    """For each size from 1 to 257. ONNX Runtime, whose steps know no blocks, would take minutes."""
    one = opened(engine, MODEL)
    whole = rendered(one, [SAMPLES])
    for block in range(1, LARGEST_BLOCK + 1):
        one.reset()
        np.testing.assert_array_equal(rendered(one, in_blocks_of(block, SAMPLES)), whole, err_msg=f"blocks of {block}")


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_blocks_of_odd_sizes_make_the_same_samples_for_every_kind_of_net(form, engine):
    one = opened(engine, Model(SPECS[form], random_weights(SPECS[form], seed=7), "random"))
    whole = rendered(one, [150])
    one.reset()
    np.testing.assert_array_equal(rendered(one, [1, 2, 3, 31, 16, 7, 64, 26]), whole)


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("form", ["velocity roll", "f0 hint"])
def test_a_roll_that_changes_inside_a_block_is_the_same_however_its_columns_are_cut(form, engine):
    """Columns of 6 samples, each said once, or as 2, 3 or 6 equal ones; in one block, and in blocks of one column."""
    roll, samples = a_roll(70), 420
    one = opened(engine, Model(SPECS[form], random_weights(SPECS[form], seed=7), "random"))
    outs = []
    for held, columns in ((6, 70), (3, 140), (2, 210), (1, 420), (6, 1)):
        one.reset()
        outs.append(np.empty(samples, np.float32))
        cut = np.repeat(roll, 6 // held, axis=0)
        for first in range(0, samples, held * columns):
            part = slice(first, first + held * columns)
            one.render(cut[first // held : first // held + columns], uniforms(samples)[part], outs[-1][part], 0.9)
    assert len(np.unique(outs[0])) > 20
    for out in outs[1:]:
        np.testing.assert_array_equal(out, outs[0])


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("form", ["logistic", "f0 hint"])
def test_feeding_what_would_have_been_drawn_leaves_an_engine_where_drawing_would_have(form, engine):
    one = opened(engine, Model(SPECS[form], random_weights(SPECS[form], seed=7), "random"))
    whole = rendered(one, [SAMPLES])
    one.reset()
    out, rng, first = whole.copy(), np.random.default_rng(11), 0
    while first < SAMPLES:
        part = slice(first, first + int(rng.integers(1, 40)))
        if rng.random() < 0.5:
            one.feed(a_roll()[part], whole[part])
        else:
            one.render(a_roll()[part], uniforms()[part], out[part], 0.9)
        first = part.stop
    np.testing.assert_array_equal(out, whole)


@pytest.mark.parametrize("engine", NAMES)
def test_logits_do_not_depend_on_blocks_and_asking_for_them_changes_nothing(engine):
    one, audio = opened(engine, MODEL), np.random.default_rng(12).uniform(-0.9, 0.9, SAMPLES).astype(np.float32)
    whole, parts = (np.empty((SAMPLES, SPEC.outputs), np.float32) for _ in range(2))
    one.feed(a_roll(), audio, whole)
    entered = one.layer_inputs()
    one.reset()
    for number, first in enumerate(range(0, SAMPLES, 29)):
        part = slice(first, first + 29)
        one.feed(a_roll()[part], audio[part], parts[part] if number % 3 else None)
        if number % 3 == 0:
            parts[part] = whole[part]
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(one.layer_inputs(), entered)


@pytest.mark.parametrize("engine", NAMES)
def test_reset_restores_the_beginning_exactly(engine):
    one = opened(engine, MODEL)
    first = rendered(one, [SAMPLES])
    assert not np.array_equal(rendered(one, [SAMPLES]), first)
    one.reset()
    np.testing.assert_array_equal(rendered(one, [SAMPLES]), first)


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("form", [*FORMS, "f0 hint"])
def test_recall_returns_to_what_was_remembered_as_often_as_it_is_asked(form, engine):
    """Remembered in the middle of a bent chord, with columns that have not yet passed the roll's convolution."""
    spec = SPECS[form]
    one = opened(engine, Model(spec, random_weights(spec, seed=7), "random"))
    bends = bent_steps(spec, np.random.default_rng(13).normal(size=(SAMPLES, 128)).astype(np.float32))

    def played(first: int, last: int) -> np.ndarray:
        out = np.empty(last - first, np.float32)
        one.render(a_roll()[first:last], uniforms()[first:last], out, 0.9, bends[first:last])
        return out

    played(0, 151)
    one.remember()
    expected = played(151, 331)
    entered = one.layer_inputs()
    for away in (0, 40, 199):
        played(0, away or 1)
        one.recall()
        np.testing.assert_array_equal(played(151, 331), expected)
        np.testing.assert_array_equal(one.layer_inputs(), entered)
    one.remember()
    once = played(331, SAMPLES)
    one.recall()
    np.testing.assert_array_equal(played(331, SAMPLES), once)


@pytest.mark.parametrize("engine", NAMES)
def test_recall_of_nothing_is_a_reset(engine):
    one = opened(engine, MODEL)
    first = rendered(one, [150])
    one.recall()
    np.testing.assert_array_equal(rendered(one, [150]), first)


@pytest.mark.parametrize("engine", NAMES)
def test_several_voices_of_one_model_share_nothing(engine):
    """Three engines in turns, each with notes and random numbers of its own, against each alone."""
    rolls = [np.roll(a_roll(), steps, axis=1) for steps in (0, 5, -9)]
    chances = [uniforms(seed=seed) for seed in (20, 21, 22)]
    alone, together = ([np.empty(SAMPLES, np.float32) for _ in rolls] for _ in range(2))
    for roll, chance, out in zip(rolls, chances, alone):
        opened(engine, MODEL).render(roll, chance, out)
    voices = [opened(engine, MODEL) for _ in rolls]
    for first in range(0, SAMPLES, 16):
        part = slice(first, first + 16)
        for voice, roll, chance, out in zip(voices, rolls, chances, together):
            voice.render(roll[part], chance[part], out[part])
    np.testing.assert_array_equal(together, alone)
    assert not np.array_equal(alone[0], alone[1]) and not np.array_equal(alone[1], alone[2])
