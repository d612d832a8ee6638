"""Every engine computes what `ReferenceEngine` defines: teacher-forced logits, what enters every layer at every sample,
and drawn samples but for proven near ties."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from livewave.render.wavenet import ReferenceEngine, draw, mulaw_encode
from tests.parity.engines import (
    BYTE_TOLERANCE, ENGINES, F32_TOLERANCE, INT8_TOLERANCE, MULAW_SPECS, NAMES, SAMPLES, SPECS, USUAL_BYTE_TOLERANCE,
    ByteReference, Heard, a_model, a_roll, a_waveform, as_trained, error, expected, heard, in_bf16, in_int8, opened,
    usual_error,
)
from tests.parity.near_ties import drawn_between, near_tie

# the reference's sigmoid overflows on its way to the right answer, 0
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")

# of a logit, by what the rounding of the matrices alone does; some of the nets are one channel wide
COSTS = {in_bf16: 0.1, in_int8: 0.2}
RARE_TIES = 2  # of a run's SAMPLES, between logits that are off by more than is usual


@cache
def given(spec: str, engine: str) -> Heard:
    """What the engine makes of a_waveform()."""
    return heard(opened(engine, a_model(spec)), a_waveform())


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("spec", SPECS)
def test_teacher_forced_logits_are_those_of_the_reference(spec, engine):
    row = ENGINES[engine]
    right = expected(spec, row.weights, a_waveform(), row.reference).logits
    assert error(given(spec, engine).logits, right) < row.tolerance
    assert usual_error(given(spec, engine).logits, right) < row.usual


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("spec", SPECS)
def test_what_enters_every_layer_is_what_enters_the_references_at_every_sample(spec, engine):
    row = ENGINES[engine]
    right = expected(spec, row.weights, a_waveform(), row.reference).layer_inputs
    assert error(given(spec, engine).layer_inputs, right) < row.tolerance
    assert usual_error(given(spec, engine).layer_inputs, right) < row.usual


@pytest.mark.parametrize("engine", NAMES)
def test_nothing_has_entered_a_layer_before_the_first_sample_and_after_a_reset(engine):
    spec = SPECS["f0 hint"]
    one = opened(engine, a_model("f0 hint"))
    silence = np.zeros((spec.layers, spec.residual_channels), np.float32)
    np.testing.assert_array_equal(one.layer_inputs(), silence)
    one.feed(a_roll()[:5], a_waveform()[:5])
    assert one.layer_inputs().all(axis=1).all()
    one.reset()
    np.testing.assert_array_equal(one.layer_inputs(), silence)


@pytest.mark.parametrize("weights", COSTS)
@pytest.mark.parametrize("spec", SPECS)
def test_rounding_the_matrices_costs_little_and_would_be_noticed(spec, weights):
    """The tolerances tell rounded matrices from those as trained: an engine that forgot to round would fail."""
    exact, rounded = (expected(spec, form, a_waveform()).logits for form in (as_trained, weights))
    assert INT8_TOLERANCE < error(rounded, exact) < COSTS[weights]


@pytest.mark.parametrize("reference, weights", [(ReferenceEngine, in_int8), (ByteReference, as_trained)])
@pytest.mark.parametrize("spec", SPECS)
def test_with_products_of_bytes_rounding_z_and_rounding_the_matrices_would_both_be_missed(spec, reference, weights):
    right = expected(spec, in_int8, a_waveform(), ByteReference).logits
    forgetful = expected(spec, weights, a_waveform(), reference).logits
    assert usual_error(forgetful, right) > 2 * USUAL_BYTE_TOLERANCE


@pytest.mark.parametrize("spec", SPECS)
def test_a_sample_that_comes_one_too_late_would_be_noticed(spec):
    right = expected(spec, as_trained, a_waveform())
    late = expected(spec, as_trained, np.concatenate((a_waveform()[:1], a_waveform()[:-1])))
    assert error(late.logits, right.logits) > 5 * BYTE_TOLERANCE
    assert error(late.layer_inputs, right.layer_inputs) > 5 * BYTE_TOLERANCE


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("temperature", [1.0, 0.8, 0.0])
@pytest.mark.parametrize("spec", MULAW_SPECS)
def test_drawn_classes_are_those_of_the_reference_but_for_near_ties(spec, temperature, engine):
    row = ENGINES[engine]
    uniforms, out = np.random.default_rng(3).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    opened(engine, a_model(spec)).render(a_roll(), uniforms, out, temperature)
    assert temperature == 0.0 or len(np.unique(out)) > 10
    logits = expected(spec, row.weights, out, row.reference).logits  # after hearing the engine's own samples
    not_usual = 0
    for t in range(SAMPLES):
        if draw(SPECS[spec], logits[t], float(uniforms[t]), temperature) != out[t]:
            drawn = int(mulaw_encode(out[t]))
            assert near_tie(logits[t], drawn, uniforms[t], temperature, row.tolerance), f"sample {t}"
            not_usual += not near_tie(logits[t], drawn, uniforms[t], temperature, row.usual)
    assert not_usual <= RARE_TIES


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("temperature", [1.0, 0.0])
def test_drawn_values_of_logistics_are_those_of_the_reference(temperature, engine):
    row, spec = ENGINES[engine], SPECS["logistic"]
    uniforms = np.random.default_rng(4).uniform(0.05, 0.95, SAMPLES).astype(np.float32)
    out = np.empty(SAMPLES, np.float32)
    opened(engine, a_model("logistic")).render(a_roll(), uniforms, out, temperature)
    assert temperature == 0.0 or len(np.unique(out)) > 10
    logits = expected("logistic", row.weights, out, row.reference).logits
    for t in range(SAMPLES):
        low, high = drawn_between(spec, logits[t], float(uniforms[t]), temperature, row.tolerance)
        assert low <= out[t] <= high, f"sample {t}"


def test_a_draw_that_is_no_near_tie_would_be_noticed():
    logits = np.eye(1, 256, 7, dtype=np.float32)[0]
    assert near_tie(logits, 7, 0.5, 0.0, F32_TOLERANCE) and not near_tie(logits, 8, 0.5, 0.0, F32_TOLERANCE)
    logits[:] = 0.0
    assert near_tie(logits, 127, 0.5, 1.0, F32_TOLERANCE) and near_tie(logits, 128, 0.5, 1.0, F32_TOLERANCE)
    assert not near_tie(logits, 126, 0.5, 1.0, F32_TOLERANCE) and not near_tie(logits, 129, 0.5, 1.0, F32_TOLERANCE)


def test_a_value_that_no_near_logits_draw_would_be_noticed():
    spec = SPECS["logistic"]
    logits = np.array([0.0, 0.0, 0.0, -0.5, 0.0, 0.5, -3.0, -3.0, -3.0], np.float32)
    low, high = drawn_between(spec, logits, 0.5, 1.0, F32_TOLERANCE)
    assert low < draw(spec, logits, 0.5, 1.0) < high < low + 1e-3
    low, high = drawn_between(spec, logits, 1 / 3, 1.0, F32_TOLERANCE)  # where the first logistic meets the second
    assert low < -0.2 and high > -0.2
