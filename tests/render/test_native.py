"""The native engine's guarantees. That it computes the right thing is tests/parity's matter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave import EngineUnavailable
from livewave.render.native import NativeEngine, isas
from livewave.render.wavenet import MULAW, Model, WaveNetSpec, mulaw_encode, mulaw_thresholds, random_weights

SPEC = WaveNetSpec(
    cond_channels=4, residual_channels=16, skip_channels=24, out_channels=20, dilations=(1, 2, 4, 8), input_kernel=8,
    hint="f0",
)
MODEL = Model(SPEC, random_weights(SPEC))
LOGISTIC = replace(SPEC, output="logistic", class_kernel=0)
SAMPLES = 960


def a_roll(columns: int = SAMPLES // 3) -> np.ndarray:
    """uint8 [columns, 128]: changes at odd columns."""
    roll = np.zeros((columns, 128), np.uint8)
    roll[columns // 7 | 1 :, 60], roll[columns // 5 | 1 :, 64], roll[columns // 2 | 1 :: 3, 3] = 100, 1, 127
    return roll


def uniforms(samples: int = SAMPLES) -> np.ndarray:
    return np.random.default_rng(1).random(samples, dtype=np.float32)


def rendered(
    engine: NativeEngine, roll: np.ndarray = a_roll(), samples: int = SAMPLES, temperature: float = 1.0
) -> np.ndarray:
    out = np.empty(samples, np.float32)
    engine.render(roll, uniforms(samples), out, temperature)
    return out


# blocks and state


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("precision", ["bf16", "f32"])
@pytest.mark.parametrize("block", [1, 3, 16, 64, 500])
def test_output_is_the_same_bit_for_bit_in_every_split_into_blocks(block, precision, isa):
    roll, chance = a_roll(SAMPLES), uniforms()
    expected = rendered(NativeEngine(MODEL, precision, isa), roll)
    engine, out = NativeEngine(MODEL, precision, isa), np.empty(SAMPLES, np.float32)
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        engine.render(roll[part], chance[part], out[part])
    assert len(np.unique(expected)) > 20
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, roll_kernel=3), LOGISTIC])
@pytest.mark.parametrize("held", [3, 2, 1])
def test_output_is_the_same_for_every_choice_of_columns_that_describes_the_same_roll(held, spec):
    model, roll = Model(spec, random_weights(spec)), a_roll(SAMPLES // 6)
    expected = rendered(NativeEngine(model), roll)
    np.testing.assert_array_equal(rendered(NativeEngine(model), np.repeat(roll, 6 // held, axis=0)), expected)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_rendering_and_feeding_may_be_mixed_in_any_split(columns, seed):
    """Feeding an engine what it would have drawn leaves it where drawing would have."""
    rng = np.random.default_rng(seed)
    total = sum(columns)
    roll = (rng.random((total, 128)) < 0.02).astype(np.uint8)
    engine, out = NativeEngine(MODEL), np.empty(2 * total, np.float32)
    expected = rendered(NativeEngine(MODEL), roll, 2 * total)
    chance, first = uniforms(2 * total), 0
    for count in columns:
        part, block = slice(2 * first, 2 * (first + count)), roll[first : first + count]
        if rng.random() < 0.5:
            engine.render(block, chance[part], out[part])
        else:
            out[part] = expected[part]
            engine.feed(block, expected[part])
        first += count
    np.testing.assert_array_equal(out, expected)


def test_reset_restores_the_initial_state_exactly():
    engine = NativeEngine(MODEL)
    first = rendered(engine)
    assert not np.array_equal(rendered(engine), first)
    engine.reset()
    np.testing.assert_array_equal(rendered(engine), first)


def test_two_engines_of_one_model_share_no_state():
    one, other = NativeEngine(MODEL), NativeEngine(MODEL)
    first = rendered(one)
    np.testing.assert_array_equal(rendered(other), first)


def test_model_may_go_once_the_engine_is_open():
    model = Model(SPEC, random_weights(SPEC))
    engine = NativeEngine(model)
    for weights in model.weights.values():
        weights[...] = np.nan
    engine.reset()
    np.testing.assert_array_equal(rendered(engine), rendered(NativeEngine(MODEL)))


def test_block_of_no_samples_changes_nothing():
    engine = NativeEngine(MODEL)
    engine.render(np.full((5, 128), 9, np.uint8), uniforms(0), np.empty(0, np.float32))
    np.testing.assert_array_equal(rendered(engine), rendered(NativeEngine(MODEL)))


def test_closed_engine_says_so():
    engine = NativeEngine(MODEL)
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        rendered(engine)


# sampling


def test_temperature_0_takes_the_most_likely_class_whatever_the_uniforms():
    engine, logits = NativeEngine(MODEL), np.empty((SAMPLES, 256), np.float32)
    out = rendered(engine, temperature=0.0)
    engine.reset()
    engine.feed(a_roll(), out, logits)
    np.testing.assert_array_equal(out, MULAW[logits.argmax(axis=1)])


def test_classes_come_as_often_as_their_probabilities_say():
    engine, n = NativeEngine(Model(SPEC, bias_only(SPEC)), "f32"), 20_000
    chance = ((np.random.default_rng(0).permutation(n) + 0.5) / n).astype(np.float32)
    out = np.empty(n, np.float32)
    engine.render(np.zeros((1, 128), np.uint8), chance, out, 0.7)
    odds = np.exp(bias_only(SPEC)["logits_bias"].astype(np.float64) / 0.7)
    counts = np.bincount(mulaw_encode(out), minlength=256)
    np.testing.assert_allclose(counts, n * odds / odds.sum(), atol=2)


def bias_only(spec: WaveNetSpec) -> dict[str, np.ndarray]:
    """Weights of a net whose logits are always its last bias."""
    weights = random_weights(spec)
    weights["logits"][:] = 0.0
    weights["logits_bias"] *= 16.0
    return weights


@pytest.mark.parametrize("uniform", [0.0, np.nextafter(np.float32(1), np.float32(0)), 1.0, -1.0, np.inf, np.nan])
@pytest.mark.parametrize("temperature", [1.0, 1e-30, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("spec", [SPEC, LOGISTIC])
def test_no_uniform_or_temperature_leads_out_of_range(spec, temperature, uniform):
    out = np.empty(SAMPLES, np.float32)
    chance = np.full(SAMPLES, uniform, np.float32)
    NativeEngine(Model(spec, random_weights(spec))).render(a_roll(), chance, out, temperature)
    assert (np.abs(out) <= 1.0).all()


@pytest.mark.parametrize(("spec", "silence"), [(SPEC, MULAW[128]), (LOGISTIC, 0.0)])
def test_nan_is_heard_as_silence(spec, silence):
    engines = [NativeEngine(Model(spec, random_weights(spec))) for _ in range(2)]
    for engine, sample in zip(engines, (np.nan, silence)):
        engine.feed(a_roll(), np.full(SAMPLES, sample, np.float32))
    np.testing.assert_array_equal(*map(rendered, engines))


def test_thresholds_put_every_sample_into_the_class_that_the_definition_says():
    thresholds = mulaw_thresholds()
    edges = np.concatenate((thresholds[1:], np.nextafter(thresholds[1:], np.float32(-2)), MULAW))
    samples = np.concatenate((edges, np.random.default_rng(0).uniform(-1.1, 1.1, 20_000).astype(np.float32)))
    np.testing.assert_array_equal(np.searchsorted(thresholds[1:], samples, side="right"), mulaw_encode(samples))


def test_decoded_class_is_heard_as_that_class():
    np.testing.assert_array_equal(mulaw_encode(MULAW), np.arange(256))


# set-up


def test_best_isa_of_this_machine_is_taken(monkeypatch):
    monkeypatch.delenv("LIVEWAVE_ISA", raising=False)
    assert NativeEngine(MODEL).isa == isas()[-1]


def test_environment_chooses_the_isa(monkeypatch):
    monkeypatch.setenv("LIVEWAVE_ISA", isas()[0])
    assert NativeEngine(MODEL).isa == isas()[0]


def test_argument_outranks_the_environment(monkeypatch):
    monkeypatch.setenv("LIVEWAVE_ISA", "nonsense")
    assert NativeEngine(MODEL, isa=isas()[0]).isa == isas()[0]


def test_unknown_isa_is_refused_and_told_what_exists(monkeypatch):
    with pytest.raises(EngineUnavailable, match=f"'v9'.*{', '.join(isas())}"):
        NativeEngine(MODEL, isa="v9")
    monkeypatch.setenv("LIVEWAVE_ISA", "v9")
    with pytest.raises(EngineUnavailable, match=f"LIVEWAVE_ISA.*'v9'.*{', '.join(isas())}"):
        NativeEngine(MODEL)


def test_unknown_precision_is_refused_and_told_what_exists():
    with pytest.raises(EngineUnavailable, match="'fp8'.*bf16, f32"):
        NativeEngine(MODEL, precision="fp8")


def test_weights_that_do_not_fit_the_spec_are_refused():
    with pytest.raises(ValueError, match="hint"):
        NativeEngine(Model(replace(SPEC, hint="none"), MODEL.weights))


ROLL, OUT = a_roll(4), np.zeros(8, np.float32)
WRONG_BLOCKS = {
    "roll of another type": (ROLL.astype(np.int8), OUT, OUT),
    "roll of 127 pitches": (ROLL[:, 1:].copy(), OUT, OUT),
    "roll of no columns": (ROLL[:0], OUT, OUT),
    "columns that do not divide the samples": (ROLL[:3], OUT, OUT),
    "roll with gaps": (a_roll(8)[::2], OUT, OUT),
    "too few uniforms": (ROLL, OUT[:4], OUT),
    "uniforms of another type": (ROLL, OUT.astype(np.float64), OUT),
    "uniforms with gaps": (ROLL, np.zeros(16, np.float32)[::2], OUT),
    "audio of another type": (ROLL, OUT, OUT.astype(np.float64)),
    "audio of two dimensions": (ROLL, OUT, OUT[None]),
    "audio with gaps": (ROLL, OUT, np.zeros(16, np.float32)[::2]),
    "read-only audio": (ROLL, OUT, np.broadcast_to(np.float32(0), 8)),
}


@pytest.mark.parametrize("case", WRONG_BLOCKS)
def test_wrong_block_is_refused_before_anything_changes(case):
    engine = NativeEngine(MODEL)
    with pytest.raises(ValueError):
        engine.render(*WRONG_BLOCKS[case])
    np.testing.assert_array_equal(rendered(engine), rendered(NativeEngine(MODEL)))


@pytest.mark.parametrize("logits", [np.zeros((8, 255), np.float32), np.zeros((7, 256), np.float32), np.zeros((8, 256)),
                                    np.zeros((256, 8), np.float32).T], ids=["outputs", "samples", "type", "gaps"])
def test_wrong_logits_are_refused_before_anything_changes(logits):
    engine = NativeEngine(MODEL)
    with pytest.raises(ValueError):
        engine.feed(ROLL, OUT, logits)
    np.testing.assert_array_equal(rendered(engine), rendered(NativeEngine(MODEL)))


# real time


def test_other_threads_run_while_a_block_is_rendered():
    """With the interpreter's own switching put off, the counter moves only while `render` is without the GIL."""
    ticks, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0)

    roll, chance, out = a_roll(1), uniforms(100_000), np.empty(100_000, np.float32)
    engine, interval = NativeEngine(MODEL), sys.getswitchinterval()
    counter = threading.Thread(target=count)
    sys.setswitchinterval(1_000.0)
    try:
        counter.start()
        before = ticks[0]
        engine.render(roll, chance, out)
        assert ticks[0] > before
    finally:
        done.set()
        sys.setswitchinterval(interval)
        counter.join()


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("c++"), reason="needs LD_PRELOAD and a compiler")
def test_nothing_is_allocated_while_playing_and_the_tripwire_trips(tmp_path):
    """Counts the process's every malloc and operator new while `render` and `feed` run, in a process of its own."""
    folder = Path(__file__).parent
    wire = tmp_path / "tripwire.so"
    subprocess.run(["c++", "-O1", "-shared", "-fPIC", "-o", wire, folder / "tripwire.cpp"], check=True)
    played = subprocess.run([sys.executable, folder / "play_under_tripwire.py", wire], capture_output=True, text=True,
                            env=os.environ | {"LD_PRELOAD": str(wire)}, cwd=folder.parents[1])
    assert played.stdout.split() == ["trips", "render", "0", "feed", "0", "reset", "0", "recall", "0"], played.stdout + played.stderr


def test_decaying_state_leaves_the_callers_floats_alone():
    """Flushing of tiny numbers to zero is for the kernels only, and undone when they return."""
    tiny = np.float32(1e-40)
    rendered(NativeEngine(MODEL))
    assert tiny * np.float32(0.5) > 0.0
