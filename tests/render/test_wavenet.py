"""The definition itself: what a spec may say, the mu-law curve, the hint, drawing, the reference's guarantees."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave.render.wavenet import (
    A4_HZ, MULAW, SILENCE_CLASS, Model, ReferenceEngine, WaveNetSpec, advanced, bent_steps, check_block, check_weights,
    draw, encode_roll, hint_columns, mulaw_encode, phase_steps, random_weights, shapes,
)

SMALL = WaveNetSpec(residual_channels=6, skip_channels=8, out_channels=7, cond_channels=3, dilations=(1, 2, 5),
                    input_kernel=4, hint="f0")
SAMPLES = 60


# spec


def test_default_spec_is_two_stacks_of_the_papers_dilations():
    spec = WaveNetSpec()
    assert spec.dilations == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) * 2
    assert (spec.layers, spec.samples_per_column, spec.outputs) == (20, 16, 256)


@pytest.mark.parametrize("field, low, high", [
    ("roll_kernel", 1, 16), ("cond_channels", 0, 512), ("residual_channels", 1, 512), ("skip_channels", 1, 2_048),
    ("out_channels", 1, 2_048), ("class_kernel", 0, 16), ("input_kernel", 0, 1_024), ("mixtures", 1, 64),
])
def test_whole_numbers_have_a_range_and_the_error_names_it(field, low, high):
    for legal in (low, high):
        assert getattr(replace(WaveNetSpec(), **{field: legal}), field) == legal
    for illegal in (low - 1, high + 1, float(low), True, None, "1"):
        with pytest.raises(ValueError, match=rf"{field} .*{low}\.\.{high}"):
            replace(WaveNetSpec(), **{field: illegal})


@pytest.mark.parametrize("field, value", [
    ("roll_encoding", "ternary"), ("hint", "f1"), ("hint", True), ("output", "softmax"), ("dilations", ()),
    ("dilations", (0,)), ("dilations", (1, -2)), ("dilations", (1.0,)), ("dilations", (65_537,)), ("dilations", "12"),
    ("dilations", (1,) * 129), ("dilations", (True,)), ("model_rate_hz", 3_999), ("model_rate_hz", 96_001),
    ("roll_rate_hz", 0), ("roll_rate_hz", 16_001), ("roll_rate_hz", 3_000),
])
def test_an_illegal_choice_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(WaveNetSpec(), **{field: value})


@pytest.mark.parametrize("changes, words", [
    ({"class_kernel": 0, "input_kernel": 0}, "hear"),
    ({"output": "logistic", "class_kernel": 1}, "logistic"),
    ({"hint": "f0", "cond_channels": 0}, "hint"),
])
def test_choices_that_contradict_each_other_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(WaveNetSpec(), **changes)


def test_a_spec_comes_back_from_json_equal():
    for spec in (WaveNetSpec(), SMALL, replace(SMALL, output="logistic", class_kernel=0, mixtures=3)):
        assert WaveNetSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", "1", '{"hint": "f0"}', "[" * 100_000,
    json.dumps(json.loads(WaveNetSpec().to_json()) | {"extra": 1}),
    json.dumps(json.loads(WaveNetSpec().to_json()) | {"dilations": [[1]]}),
    json.dumps(json.loads(WaveNetSpec().to_json()) | {"residual_channels": 10**9}),
])
def test_anything_else_than_a_spec_is_a_value_error(text):
    with pytest.raises(ValueError):
        WaveNetSpec.from_json(text)


def test_weights_must_be_exactly_those_of_the_spec():
    weights = random_weights(SMALL)
    check_weights(SMALL, weights)
    assert {name: array.shape for name, array in weights.items()} == shapes(SMALL)
    for name, wrong in [("hint", np.zeros((4, 5), np.float32)), ("hint", weights["hint"].astype(np.float64)),
                        ("hint", weights["hint"] * np.float32(np.nan))]:
        with pytest.raises(ValueError, match=name):
            check_weights(SMALL, weights | {name: wrong})
    with pytest.raises(ValueError, match="extra"):
        check_weights(SMALL, weights | {"extra": weights["hint"]})
    with pytest.raises(ValueError, match="skip"):
        check_weights(SMALL, {name: array for name, array in weights.items() if name != "skip"})


@pytest.mark.parametrize("spec", [
    SMALL, replace(SMALL, class_kernel=3, input_kernel=1),
    replace(SMALL, class_kernel=2, input_kernel=0, dilations=(4,)),
    replace(SMALL, output="logistic", class_kernel=0, mixtures=2),
])
def test_receptive_field_is_exactly_how_far_back_a_sample_is_heard(spec):
    spec = replace(spec, cond_channels=0, hint="none")
    field, audio = spec.receptive_field, np.random.default_rng(0).uniform(-0.5, 0.5, 40).astype(np.float32)
    last, seen, unseen = audio.copy(), audio.copy(), audio.copy()
    seen[len(audio) - 1 - field] += 0.4
    unseen[len(audio) - 2 - field] += 0.4
    expected = teacher_forced(spec, last)[-1]
    np.testing.assert_array_equal(teacher_forced(spec, unseen)[-1], expected)
    assert not np.array_equal(teacher_forced(spec, seen)[-1], expected)


# mu-law


def test_every_class_is_its_own_samples_class():
    np.testing.assert_array_equal(mulaw_encode(MULAW), np.arange(256))


def test_mulaw_is_monotone_silent_at_its_middle_and_clips():
    samples = np.linspace(-1.0, 1.0, 10_001, dtype=np.float32)
    assert (np.diff(mulaw_encode(samples).astype(int)) >= 0).all()
    assert (np.diff(MULAW) > 0).all()
    assert mulaw_encode(np.float32(0.0)) == SILENCE_CLASS
    assert abs(MULAW[SILENCE_CLASS]) < 1e-4
    assert list(mulaw_encode(np.float32([-9.0, -1.0, 1.0, 9.0]))) == [0, 0, 255, 255]


def test_mulaw_error_is_small_against_the_signal():
    samples = np.concatenate((-np.geomspace(1e-3, 1.0, 1_000), np.geomspace(1e-3, 1.0, 1_000))).astype(np.float32)
    error = np.abs(MULAW[mulaw_encode(samples)] - samples)
    assert (error <= 0.025 * np.abs(samples) + 1e-4).all()


# roll and hint


def test_rolls_are_encoded_as_the_spec_says():
    roll = np.uint8([[0, 1, 64, 127]])
    np.testing.assert_array_equal(encode_roll(SMALL, roll), [[0, 1, 1, 1]])
    np.testing.assert_allclose(encode_roll(replace(SMALL, roll_encoding="velocity"), roll), [[0, 1 / 127, 64 / 127, 1]])


def test_a_pitchs_oscillator_runs_at_its_frequency():
    hz = phase_steps(SMALL).astype(float) * SMALL.model_rate_hz / 2.0**32
    np.testing.assert_allclose(hz, A4_HZ * 2.0 ** ((np.arange(128) - 69) / 12), rtol=1e-6)


def hint_at(spec: WaveNetSpec, sounding: np.ndarray, sample: int) -> np.ndarray:
    """float32 [4]: of notes that were never bent."""
    steps = phase_steps(spec)
    return hint_columns(sounding, advanced(np.zeros(128, np.uint32), steps, sample), steps)[0]


def test_hint_is_cosine_and_sine_of_the_fundamental_and_its_octave():
    sounding = np.zeros(128, bool)
    sounding[69] = True
    for sample in (0, 1, 12_345, 16_000 * 3_600 * 24):
        angle = 2.0 * np.pi * (sample * int(phase_steps(SMALL)[69]) % 2**32) / 2**32
        expected = [np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)]
        np.testing.assert_allclose(hint_at(SMALL, sounding, sample), expected, atol=1e-6)


def test_hint_of_a_chord_is_the_sum_of_its_notes():
    chord, parts = np.zeros(128, bool), []
    for pitch in (60, 64, 67):
        chord[pitch] = True
        parts.append(hint_at(SMALL, np.arange(128) == pitch, 777))
    np.testing.assert_allclose(hint_at(SMALL, chord, 777), sum(parts), atol=1e-6)


def test_hint_leaves_out_what_the_rate_cannot_carry():
    spec = replace(SMALL, model_rate_hz=8_000)
    assert hint_at(spec, np.arange(128) == 127, 5).tolist() == [0, 0, 0, 0]  # 12.5 kHz
    high = hint_at(spec, np.arange(128) == 100, 5)  # 2.6 kHz: its octave is over 4 kHz
    assert high[:2].any() and not high[2:].any()
    assert not hint_at(spec, np.zeros(128, bool), 5).any()


def test_a_bent_pitch_has_the_step_of_where_it_is_bent_to():
    bends = np.zeros((2, 128), np.float32)
    bends[0, 60], bends[0, 71], bends[1, 60] = 7.0, -2.0, 0.5
    steps, plain = bent_steps(SMALL, bends), phase_steps(SMALL)
    assert steps.dtype == np.uint32 and (steps[0, 60], steps[0, 71]) == (plain[67], plain[69])
    assert plain[60] < steps[1, 60] < plain[61]
    np.testing.assert_array_equal(steps[bends == 0.0], np.tile(plain, (2, 1))[bends == 0.0])
    np.testing.assert_array_equal(bent_steps(SMALL, np.full((1, 128), 96.0, np.float32))[0, 127:], 2**32 - 1)


def test_a_bend_that_takes_a_partial_out_of_what_the_rate_carries_silences_it():
    steps = bent_steps(SMALL, np.full((1, 128), 24.0, np.float32))[0]
    assert hint_columns(np.arange(128) == 90, np.zeros(128, np.uint32), steps)[0].tolist() == [1, 0, 0, 0]
    assert not hint_columns(np.arange(128) == 110, np.zeros(128, np.uint32), steps).any()


def test_a_phase_is_the_sum_of_the_steps_of_the_samples_before():
    rng = np.random.default_rng(1)
    steps = rng.integers(0, 2**32, (50, 128), dtype=np.uint32)
    one_by_one, phases = np.zeros(128, np.uint32), np.zeros(128, np.uint32)
    for row in steps:
        for _ in range(3):
            one_by_one = advanced(one_by_one, row, 1)
        phases = advanced(phases, row, 3)
    np.testing.assert_array_equal(phases, one_by_one)
    assert phases.tolist() == [3 * sum(column) % 2**32 for column in steps.T.tolist()]


def test_the_hint_of_many_samples_is_that_of_each():
    sounding = np.isin(np.arange(128), (3, 60, 67, 126))
    steps = bent_steps(SMALL, np.full((1, 128), 0.3, np.float32))[0]
    many = hint_columns(sounding, np.arange(128, dtype=np.uint32) << 25, steps, 20)
    for t in range(20):
        phases = advanced(np.arange(128, dtype=np.uint32) << 25, steps, t)
        np.testing.assert_allclose(many[t], hint_columns(sounding, phases, steps)[0], atol=1e-6)


# drawing


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0, exclude_max=True), st.sampled_from([0.3, 0.8, 1.0, 2.0]))
@settings(max_examples=100, deadline=None)
def test_drawing_inverts_the_cumulative_distribution(seed, uniform, temperature):
    logits = np.random.default_rng(seed).normal(0, 3, 256).astype(np.float32)
    odds = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    bounds = np.concatenate(([0.0], np.cumsum(odds) / odds.sum()))
    chosen = int(mulaw_encode(np.float32(draw(SMALL, logits, uniform, temperature))))
    assert bounds[chosen] - 1e-5 <= uniform <= bounds[chosen + 1] + 1e-5


def test_temperature_zero_takes_the_most_likely_class():
    logits = np.zeros(256, np.float32)
    logits[200] = 0.01
    assert {draw(SMALL, logits, uniform, 0.0) for uniform in (0.0, 0.5, 0.999)} == {float(MULAW[200])}


def test_logistic_draws_have_the_median_and_spread_of_their_component():
    spec = replace(SMALL, output="logistic", class_kernel=0, mixtures=2)
    logits = np.float32([30.0, -30.0, 0.25, -0.9, np.log(0.02), 0.0])  # all but the first component is out of the game
    drawn = np.array([draw(spec, logits, u, 1.0) for u in (np.arange(2_000) + 0.5) / 2_000])
    assert np.median(drawn) == pytest.approx(0.25, abs=1e-4)
    assert np.quantile(drawn, 0.75) - np.quantile(drawn, 0.25) == pytest.approx(0.02 * 2 * np.log(3), rel=0.01)
    assert draw(spec, logits, 0.9, 0.0) == pytest.approx(0.25)


def test_logistic_components_are_drawn_as_often_as_they_weigh():
    spec = replace(SMALL, output="logistic", class_kernel=0, mixtures=2)
    logits = np.float32([np.log(0.3), np.log(0.7), -0.5, 0.5, -6.0, -6.0])
    drawn = np.array([draw(spec, logits, u, 1.0) for u in (np.arange(1_000) + 0.5) / 1_000])
    assert np.mean(drawn < 0.0) == pytest.approx(0.3, abs=0.002)


@pytest.mark.parametrize("uniform", [0.0, 0.5, float(np.nextafter(np.float32(1), np.float32(0)))])
def test_logistic_draws_stay_in_range(uniform):
    spec = replace(SMALL, output="logistic", class_kernel=0, mixtures=1)
    for logits in ([0.0, 5.0, 3.0], [0.0, -5.0, 3.0], [0.0, 0.0, -50.0]):
        assert -1.0 <= draw(spec, np.float32(logits), uniform, 1.0) <= 1.0


# blocks and the reference engine


def test_a_block_says_how_long_its_columns_are_held():
    assert check_block(SMALL, np.zeros((4, 128), np.uint8), np.zeros(12, np.float32)) == 3


@pytest.mark.parametrize("roll, samples", [
    (np.zeros((4, 127), np.uint8), np.zeros(12, np.float32)), (np.zeros((4, 128), np.int8), np.zeros(12, np.float32)),
    (np.zeros(128, np.uint8), np.zeros(12, np.float32)), (np.zeros((4, 128), np.uint8), np.zeros(13, np.float32)),
    (np.zeros((0, 128), np.uint8), np.zeros(12, np.float32)), (np.zeros((4, 128), np.uint8), np.zeros(12)),
    (np.zeros((4, 128), np.uint8), np.zeros((4, 3), np.float32)),
])
def test_a_block_of_the_wrong_shape_or_type_is_refused(roll, samples):
    with pytest.raises(ValueError):
        check_block(SMALL, roll, samples)


def a_roll() -> np.ndarray:
    """uint8 [SAMPLES, 128]: changes at odd samples."""
    roll = np.zeros((SAMPLES, 128), np.uint8)
    roll[7:33, 60], roll[13:, 64], roll[41, 70] = 100, 1, 127
    return roll


def teacher_forced(spec: WaveNetSpec, audio: np.ndarray) -> np.ndarray:
    logits = np.empty((len(audio), spec.outputs), np.float32)
    ReferenceEngine(Model(spec, random_weights(spec))).feed(np.zeros((1, 128), np.uint8), audio, logits)
    return logits


def rendered(engine: ReferenceEngine, block: int = SAMPLES) -> np.ndarray:
    roll, out = a_roll(), np.empty(SAMPLES, np.float32)
    uniforms = np.random.default_rng(1).random(SAMPLES, dtype=np.float32)
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        engine.render(roll[part], uniforms[part], out[part], 1.0)
    return out


MODEL = Model(SMALL, random_weights(SMALL))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 16, 59])
def test_reference_output_is_the_same_for_every_split_into_blocks(block):
    expected = rendered(ReferenceEngine(MODEL))
    assert len(np.unique(expected)) > 10
    np.testing.assert_array_equal(rendered(ReferenceEngine(MODEL), block), expected)


def test_reference_reset_restores_the_initial_state():
    engine = ReferenceEngine(MODEL)
    first = rendered(engine)
    assert not np.array_equal(rendered(engine), first)
    engine.reset()
    np.testing.assert_array_equal(rendered(engine), first)


def test_feeding_what_was_drawn_leads_to_the_same_future():
    drawn, fed = ReferenceEngine(MODEL), ReferenceEngine(MODEL)
    fed.feed(a_roll(), rendered(drawn))
    np.testing.assert_array_equal(rendered(fed), rendered(drawn))


def test_the_sound_depends_on_the_roll_at_the_very_sample_of_a_change():
    one, other = np.empty((SAMPLES, 256), np.float32), np.empty((SAMPLES, 256), np.float32)
    changed, audio = a_roll(), np.zeros(SAMPLES, np.float32)
    changed[29, 80] = 1
    ReferenceEngine(MODEL).feed(a_roll(), audio, one)
    ReferenceEngine(MODEL).feed(changed, audio, other)
    np.testing.assert_array_equal(one[:29], other[:29])
    assert not np.array_equal(one[29], other[29])


def test_before_the_first_sample_the_waveform_was_silence():
    """Hearing the silence class changes nothing but the queues, so a net without layers' memory cannot tell."""
    spec = replace(SMALL, cond_channels=0, hint="none", dilations=(1,))
    weights = random_weights(spec)
    weights["past"][:] = 0.0
    logits = np.empty((5, 256), np.float32)
    ReferenceEngine(Model(spec, weights)).feed(np.zeros((1, 128), np.uint8), np.full(5, MULAW[SILENCE_CLASS]), logits)
    np.testing.assert_array_equal(logits, np.repeat(logits[:1], 5, axis=0))
