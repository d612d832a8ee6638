"""The step graph of every kind of spec: valid ONNX, read back unchanged, and equal to the reference net."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from exporters.stepgraph import build_model
from livewave.render.modelfile import load_model
from livewave.render.onnx import OnnxEngine
from livewave.render.wavenet import PITCHES, Model, ReferenceEngine, WaveNetSpec, random_weights, shapes

TOLERANCE = 2e-5  # of a logit near unit size: float32 sums in another order
SMALL = {"residual_channels": 6, "skip_channels": 10, "out_channels": 8, "cond_channels": 3,
         "dilations": (1, 2, 4, 3, 1, 16)}
VARIANTS = {
    "waveform and one class": {},
    "the paper's input layer": {"class_kernel": 2, "input_kernel": 0},
    "waveform only": {"class_kernel": 0, "input_kernel": 5},
    "many taps": {"class_kernel": 3, "input_kernel": 7, "roll_kernel": 4},
    "unconditioned": {"cond_channels": 0},
    "one roll tap": {"roll_kernel": 1},
    "velocity": {"roll_encoding": "velocity"},
    "hint": {"hint": "f0", "roll_encoding": "velocity"},
    "logistic": {"output": "logistic", "class_kernel": 0, "mixtures": 3},
    "logistic with hint": {"output": "logistic", "class_kernel": 0, "hint": "f0", "mixtures": 1},
    "one layer": {"dilations": (3,)},
    "one layer, unconditioned, one channel": {"dilations": (1,), "cond_channels": 0, "residual_channels": 1},
    "one layer of dilation one": {"dilations": (1,), "class_kernel": 0, "input_kernel": 1},
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def model(request) -> Model:
    spec = WaveNetSpec(**SMALL | request.param)
    return Model(spec, random_weights(spec, seed=3), "variant", {"data": "random weights", "licence": "MIT"})


def phrase(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Seeded noise, and a roll that changes at odd samples and rests in between."""
    rng = np.random.default_rng(5)
    roll = np.zeros((samples, PITCHES), np.uint8)
    roll[7:61, 60], roll[31:61, 67], roll[61:93, 21], roll[131:, 127], roll[133:, 64] = 90, 1, 127, 64, 33
    return roll, rng.uniform(-1.0, 1.0, samples).astype(np.float32)


def written(model: Model, folder) -> Model:
    path = folder / "model.onnx"
    path.write_bytes(build_model(model).SerializeToString())
    return load_model(path)


def test_graph_is_valid_standard_onnx(model):
    onnx.checker.check_model(build_model(model), full_check=True)


def test_initializers_are_the_weights_of_the_spec_and_small_constants(model):
    names = {tensor.name for tensor in build_model(model).graph.initializer}
    assert {name for name in names if not name.startswith("const_")} == set(shapes(model.spec))


def test_spec_weights_name_and_provenance_survive_the_file(model, tmp_path):
    loaded = written(model, tmp_path)
    assert (loaded.spec, loaded.name, loaded.provenance) == (model.spec, model.name, model.provenance)
    for name, array in model.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], array)


def test_graph_computes_what_the_reference_does_with_the_roll_changing_at_odd_samples(model, tmp_path):
    roll, samples = phrase(180)
    expected, found = np.zeros((2, 180, model.spec.outputs), np.float32)
    ReferenceEngine(model).feed(roll, samples, expected)
    OnnxEngine(written(model, tmp_path)).feed(roll, samples, found)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    assert np.abs(expected).max() > 0.1
