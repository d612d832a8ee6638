"""Every engine computes what `ReferenceEngine` defines: teacher-forced logits, and samples but for proven near ties.

An engine joins by a row in ENGINES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from exporters.stepgraph import build_model
from livewave.render.engine import Engine, open_engine
from livewave.render.modelfile import load_model
from livewave.render.native import isas
from livewave.render.wavenet import Model, ReferenceEngine, WaveNetSpec, Weights, draw, mulaw_encode, random_weights

# the reference's sigmoid overflows on its way to the right answer, 0
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")

PLAIN = WaveNetSpec(
    cond_channels=4, residual_channels=16, skip_channels=24, out_channels=20, input_kernel=8,
    dilations=(1, 2, 4, 8, 1, 2),
)
SPECS = {
    "f0 hint": replace(PLAIN, hint="f0"),
    "unconditioned": replace(PLAIN, cond_channels=0),
    "velocity roll": replace(PLAIN, roll_encoding="velocity", roll_kernel=3),
    "one roll tap": replace(PLAIN, roll_kernel=1, hint="f0"),
    "logistic": replace(PLAIN, output="logistic", class_kernel=0, mixtures=3, hint="f0"),
    "the paper's input": replace(PLAIN, class_kernel=2, input_kernel=0),
    "waveform only": replace(PLAIN, class_kernel=0, input_kernel=37),
    "odd widths": replace(PLAIN, cond_channels=3, residual_channels=5, skip_channels=7, out_channels=9, hint="f0"),
    "one layer": replace(PLAIN, dilations=(3,)),
    "one channel": replace(PLAIN, cond_channels=1, residual_channels=1, skip_channels=1, out_channels=1),
    "wide": replace(PLAIN, residual_channels=64, skip_channels=128, out_channels=256, dilations=(1, 2), hint="f0"),
    "awkwardly wide": replace(PLAIN, residual_channels=72, skip_channels=136, out_channels=200, dilations=(1, 5)),
    "48 kHz": replace(PLAIN, model_rate_hz=48_000, hint="f0"),
}
SAMPLES = 120


@dataclass(frozen=True)
class Row:
    """How to open an engine on a model (and a folder for files), and what it makes of the model's weights."""

    open: Callable[[Model, Path], Engine]
    weights: Callable[[Weights], Weights] = dict


TOLERANCE = 2e-5  # of a logit, in units of the logits' root mean square, with the engine's own weights
BF16_TOLERANCE = 0.1  # the same with the model's: eight bits of weight, in nets of which some are one channel wide
IN_BF16 = ("input_waveform", "past", "current", "condition", "residual", "skip", "hidden", "logits")


def _native(isa: str, precision: str) -> Callable[[Model, Path], Engine]:
    return lambda model, folder: open_engine("native", model, isa=isa, precision=precision)


def _onnx(model: Model, folder: Path) -> Engine:
    path = folder / "net.onnx"
    path.write_bytes(build_model(model).SerializeToString())
    return open_engine("onnx", load_model(path))


def in_bf16(weights: Weights) -> Weights:
    """What the native engine keeps: matrices to the nearest bfloat16, ties to even; vectors and tables as they are."""
    rounded = {}
    for name in weights.keys() & set(IN_BF16):
        bits = weights[name].view(np.uint32)
        rounded[name] = ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return weights | rounded


ENGINES = {"onnx": Row(_onnx)}
ENGINES |= {f"native {isa} f32": Row(_native(isa, "f32")) for isa in isas()}
ENGINES |= {f"native {isa} bf16": Row(_native(isa, "bf16"), in_bf16) for isa in isas()}


def a_model(spec: WaveNetSpec) -> Model:
    weights = random_weights(spec, seed=5)
    weights["logits"] *= 3.0  # so that a few classes stand out, as in a trained net
    return Model(spec, weights, "random")


def a_roll() -> np.ndarray:
    """uint8 [SAMPLES, 128]: notes and chords that begin and end at odd samples, one of a single sample."""
    roll = np.zeros((SAMPLES, 128), np.uint8)
    roll[7:53, 60], roll[13:53, 64], roll[14:41, 67] = 100, 1, 127
    roll[61, 69] = 64
    roll[75:, 127], roll[77:, 0], roll[90:95, 30:50] = 33, 127, 90
    return roll


def a_waveform() -> np.ndarray:
    return np.random.default_rng(2).uniform(-0.9, 0.9, SAMPLES).astype(np.float32)


def reference_logits(model: Model, roll: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """float32 [samples, outputs]: what the reference expects before it hears each of `samples`."""
    logits = np.empty((len(samples), model.spec.outputs), np.float32)
    ReferenceEngine(model).feed(roll, samples, logits)
    return logits


def logit_error(engine: Engine, expected: np.ndarray) -> float:
    """Largest error of teacher-forced logits, in units of their root mean square."""
    given = np.empty_like(expected)
    engine.feed(a_roll(), a_waveform(), given)
    return float(np.abs(given - expected).max() / np.sqrt(np.mean(expected.astype(np.float64) ** 2)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", SPECS)
def test_teacher_forced_logits_are_those_of_the_reference(spec, engine, tmp_path):
    model, row = a_model(SPECS[spec]), ENGINES[engine]
    expected = reference_logits(replace(model, weights=row.weights(model.weights)), a_roll(), a_waveform())
    assert logit_error(row.open(model, tmp_path), expected) < TOLERANCE


@pytest.mark.parametrize("spec", SPECS)
def test_bf16_weights_cost_little_accuracy(spec):
    model = a_model(SPECS[spec])
    expected = reference_logits(model, a_roll(), a_waveform())
    error = logit_error(open_engine("native", model, precision="bf16"), expected)
    assert TOLERANCE < error < BF16_TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("temperature", [1.0, 0.8, 0.0])
@pytest.mark.parametrize("spec", [name for name, spec in SPECS.items() if spec.output == "mulaw"])
def test_drawn_classes_are_those_of_the_reference_but_for_near_ties(spec, temperature, engine, tmp_path):
    model, row = a_model(SPECS[spec]), ENGINES[engine]
    uniforms, out = np.random.default_rng(3).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    row.open(model, tmp_path).render(a_roll(), uniforms, out, temperature)
    # what the reference expected after hearing the engine's own samples
    logits = reference_logits(replace(model, weights=row.weights(model.weights)), a_roll(), out)
    for t in range(SAMPLES):
        if draw(model.spec, logits[t], float(uniforms[t]), temperature) != out[t]:
            assert near_tie(logits[t], int(mulaw_encode(out[t])), uniforms[t], temperature), f"sample {t}"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("temperature", [1.0, 0.0])
def test_drawn_values_of_logistics_are_those_of_the_reference(temperature, engine, tmp_path):
    model, row = a_model(SPECS["logistic"]), ENGINES[engine]
    uniforms = np.random.default_rng(4).uniform(0.05, 0.95, SAMPLES).astype(np.float32)
    out = np.empty(SAMPLES, np.float32)
    row.open(model, tmp_path).render(a_roll(), uniforms, out, temperature)
    logits = reference_logits(replace(model, weights=row.weights(model.weights)), a_roll(), out)
    expected = [draw(model.spec, row, float(uniform), temperature) for row, uniform in zip(logits, uniforms)]
    np.testing.assert_allclose(out, expected, atol=2e-3)


def near_tie(logits: np.ndarray, chosen: int, uniform: float, temperature: float) -> bool:
    """True when logits within TOLERANCE of these could have made `chosen` the draw."""
    scale = TOLERANCE * np.sqrt(np.mean(logits.astype(np.float64) ** 2))
    if temperature == 0.0:
        return logits.max() - logits[chosen] <= 2 * scale
    odds = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    cumulative = np.concatenate(([0.0], np.cumsum(odds))) / odds.sum()
    slack = 2 * scale / temperature + 1e-6
    return cumulative[chosen] - slack <= uniform <= cumulative[chosen + 1] + slack


def test_a_draw_that_is_no_near_tie_would_be_noticed():
    logits = np.zeros(256, np.float32)
    assert near_tie(logits, 127, 0.5, 1.0) and near_tie(logits, 128, 0.5, 1.0)
    assert not near_tie(logits, 126, 0.5, 1.0) and not near_tie(logits, 129, 0.5, 1.0)
