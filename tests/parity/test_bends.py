"""Bent notes: every engine bends the hint as the definition says, whatever the blocks, and training hears the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from livewave.render.native import NativeEngine
from livewave.render.wavenet import (
    HINT_CHANNELS, Model, ReferenceEngine, WaveNetSpec, advanced, bent_steps, draw, hint_columns, mulaw_encode,
    random_weights,
)
from tests.parity.engines import ENGINES, NAMES, PLAIN, SAMPLES, SPECS, a_model, a_roll, a_waveform, error, opened
from tests.parity.near_ties import near_tie
from training.wavenet import WaveNet

# the reference's sigmoid overflows on its way to the right answer, 0
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")

HINTED = [name for name, spec in SPECS.items() if spec.hint == "f0"]
FORM = "f0 hint"
BLOCKS = (1, 2, 7, 16, 64, 113)
RARE_TIES = 2  # as in test_engines_agree.py


def steps_of(spec: WaveNetSpec, samples: int = SAMPLES, still: slice = slice(80, 90)) -> np.ndarray:
    """uint32 [samples, 128]: bends of up to an octave or so, new ones about every eighth sample, of silent pitches too;
    none at all for a while, in `still`."""
    rng = np.random.default_rng(13)
    bends = np.repeat(rng.uniform(-13.0, 13.0, (samples // 8 + 1, 128)), 8, axis=0)[:samples]
    bends *= rng.random(128) < 0.7
    bends[still] = 0.0
    return bent_steps(spec, bends.astype(np.float32))


def fed(engine, steps: np.ndarray | None, block: int = SAMPLES) -> np.ndarray:
    """float32 [SAMPLES, outputs]: teacher-forced logits, `block` samples at a time."""
    roll, audio, logits = a_roll(), a_waveform(), np.empty((SAMPLES, engine.spec.outputs), np.float32)
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        engine.feed(roll[part], audio[part], logits[part], None if steps is None else steps[part])
    return logits


def reference(form: str, engine: str) -> ReferenceEngine:
    row, model = ENGINES[engine], a_model(form)
    return row.reference(replace(model, weights=row.weights(model.weights)))


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("form", HINTED)
def test_logits_of_bent_notes_are_those_of_the_reference(form, engine):
    one, right = opened(engine, a_model(form)), reference(form, engine)
    steps = steps_of(SPECS[form])
    assert error(fed(one, steps), fed(right, steps)) < ENGINES[engine].tolerance
    assert error(one.layer_inputs(), right.layer_inputs()) < ENGINES[engine].tolerance


@pytest.mark.parametrize("engine", NAMES)
def test_samples_drawn_while_notes_are_bent_are_those_of_the_reference_but_for_near_ties(engine):
    row, steps = ENGINES[engine], steps_of(SPECS[FORM])
    uniforms, out = np.random.default_rng(3).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    opened(engine, a_model(FORM)).render(a_roll(), uniforms, out, 0.9, steps)
    assert len(np.unique(out)) > 10
    logits, not_usual = np.empty((SAMPLES, SPECS[FORM].outputs), np.float32), 0
    reference(FORM, engine).feed(a_roll(), out, logits, steps)  # after hearing the engine's own samples
    for t in range(SAMPLES):
        if draw(SPECS[FORM], logits[t], float(uniforms[t]), 0.9) != out[t]:
            drawn = int(mulaw_encode(out[t]))
            assert near_tie(logits[t], drawn, uniforms[t], 0.9, row.tolerance), f"sample {t}"
            not_usual += not near_tie(logits[t], drawn, uniforms[t], 0.9, row.usual)
    assert not_usual <= RARE_TIES


@pytest.mark.parametrize("engine", NAMES)
def test_bends_that_change_inside_blocks_make_the_same_logits_for_every_block_size(engine):
    one, steps = opened(engine, a_model(FORM)), steps_of(SPECS[FORM])
    whole = fed(one, steps)
    for block in BLOCKS:
        one.reset()
        np.testing.assert_array_equal(fed(one, steps, block), whole, err_msg=f"blocks of {block}")


@pytest.mark.parametrize("engine", NAMES)
def test_rendering_and_feeding_bent_notes_in_turns_is_the_same_as_rendering_them(engine):
    """And no steps for a block in which nothing is bent are the same as steps that say so."""
    one, steps, still = opened(engine, a_model(FORM)), steps_of(SPECS[FORM]), slice(80, 90)
    uniforms, whole = np.random.default_rng(3).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    one.render(a_roll(), uniforms, whole, 0.9, steps)
    one.reset()
    out = whole.copy()
    for number, (first, last) in enumerate(((0, 11), (11, 40), (40, 80), (80, 90), (90, 91), (91, SAMPLES))):
        part = slice(first, last)
        turned = None if part == still else steps[part]
        if number % 2:
            one.render(a_roll()[part], uniforms[part], out[part], 0.9, turned)
        else:
            one.feed(a_roll()[part], whole[part], steps=turned)
    np.testing.assert_array_equal(out, whole)


@pytest.mark.parametrize("engine", NAMES)
def test_a_column_of_bends_held_is_the_same_column_repeated(engine):
    one, held = opened(engine, a_model(FORM)), 6
    roll, steps, audio = a_roll()[::held].copy(), steps_of(SPECS[FORM])[::held].copy(), a_waveform()
    logits = [np.empty((SAMPLES, SPECS[FORM].outputs), np.float32) for _ in range(2)]
    one.feed(roll, audio, logits[0], steps)
    one.reset()
    one.feed(np.repeat(roll, held, axis=0), audio, logits[1], np.repeat(steps, held, axis=0))
    np.testing.assert_array_equal(*logits)


@pytest.mark.parametrize("engine", NAMES)
def test_steps_that_bend_nothing_are_the_same_as_none_and_reset_forgets_what_bends_left(engine):
    one = opened(engine, a_model(FORM))
    plain = fed(one, None)
    one.reset()
    np.testing.assert_array_equal(fed(one, bent_steps(SPECS[FORM], np.zeros((SAMPLES, 128), np.float32))), plain)
    one.reset()
    bent = fed(one, steps_of(SPECS[FORM]))
    assert error(bent, plain) > 10 * ENGINES[engine].tolerance
    one.reset()
    np.testing.assert_array_equal(fed(one, None), plain)


@pytest.mark.parametrize("engine", NAMES)
def test_a_phase_goes_on_from_where_a_bend_has_taken_it(engine):
    """What was bent has another phase than what never was, when the net has long forgotten the bend."""
    one, steps = opened(engine, a_model(FORM)), steps_of(SPECS[FORM], still=slice(40, SAMPLES))
    plain, forgotten = fed(one, None), 40 + SPECS[FORM].receptive_field
    one.reset()
    assert error(fed(one, steps)[forgotten:], plain[forgotten:]) > 10 * ENGINES[engine].tolerance


@pytest.mark.parametrize("engine", NAMES)
def test_a_net_without_the_hint_takes_no_notice_of_bends(engine):
    one = opened(engine, a_model("velocity roll"))
    plain = fed(one, None)
    one.reset()
    np.testing.assert_array_equal(fed(one, steps_of(SPECS["velocity roll"])), plain)


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("steps", [np.zeros((3, 128), np.uint32), np.zeros((4, 128), np.int64),
                                   np.zeros((4, 127), np.uint32)])
def test_steps_of_another_shape_or_type_are_refused_before_any_state_changes(steps, engine):
    one = opened(engine, a_model(FORM))
    before, out = fed(one, None), np.zeros(4, np.float32)
    one.reset()
    with pytest.raises(ValueError, match="steps"):
        one.render(a_roll()[:4], out.copy(), out, 1.0, steps)
    with pytest.raises(ValueError, match="steps"):
        one.feed(a_roll()[:4], out, steps=steps)
    np.testing.assert_array_equal(fed(one, None), before)


# training


def bent_hint(spec: WaveNetSpec, roll: np.ndarray, steps: np.ndarray, samples: int) -> np.ndarray:
    """float32 [samples, 4]: the hint of a whole piece, from sample 0 on, as an engine makes it."""
    held, phases, out = samples // len(roll), np.zeros(128, np.uint32), np.empty((samples, HINT_CHANNELS), np.float32)
    for column, turned in enumerate(steps):
        out[column * held : (column + 1) * held] = hint_columns(roll[column] > 0, phases, turned, held)
        phases = advanced(phases, turned, held)
    return out


@pytest.mark.parametrize("block", [1, 5, 64, SAMPLES])
@pytest.mark.parametrize("form", ["f0 hint", "one roll tap", "logistic"])
def test_the_training_graph_hears_bent_notes_as_the_native_engine_does(form, block):
    spec = replace(SPECS[form], dilations=PLAIN.dilations)
    weights = random_weights(spec, seed=7)
    weights["residual_bias"][:] = 0.0  # the training graph has none
    net, steps = WaveNet(spec), steps_of(spec)
    net.load_weights(weights)
    silence = np.zeros(1, np.float32)
    heard = net.heard(np.concatenate((silence, a_waveform()[:-1]))[None])
    hint = torch.from_numpy(bent_hint(spec, a_roll(), steps, SAMPLES))[None]
    with torch.no_grad():
        graph = net(heard, torch.from_numpy(a_roll())[None], hint)[0].numpy()
    assert error(fed(NativeEngine(Model(spec, weights), "f32"), steps, block), graph) < 2e-5
