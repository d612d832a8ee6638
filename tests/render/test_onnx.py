"""The ONNX Runtime engine: equal to the reference, indifferent to block sizes, and clear about why it cannot run."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import onnx
import pytest

from exporters.stepgraph import build_model
from livewave import EngineUnavailable, ModelFileError
from livewave.render.engine import available_engines
from livewave.render.modelfile import load_model
from livewave.render.onnx import OnnxEngine
from livewave.render.wavenet import (
    MULAW, PITCHES, Model, ReferenceEngine, WaveNetSpec, advanced, bent_steps, hint_columns, random_weights,
)

CUDA, AZURE = "CUDAExecutionProvider", "AzureExecutionProvider"
TOLERANCE = 2e-5  # of a logit near unit size
GPU_TOLERANCE = 2e-2
SAMPLES = 240
SMALL = WaveNetSpec(residual_channels=6, skip_channels=10, out_channels=8, cond_channels=3, dilations=(1, 2, 4, 3, 16),
                    hint="f0", roll_encoding="velocity")
SPECS = {
    "mulaw": SMALL,
    "paper": dataclasses.replace(SMALL, class_kernel=2, input_kernel=0, hint="none", roll_encoding="binary"),
    "logistic": dataclasses.replace(SMALL, output="logistic", class_kernel=0, mixtures=3),
}


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def model(request, tmp_path) -> Model:
    path = tmp_path / "small.onnx"
    made = Model(request.param, random_weights(request.param, seed=1), "small")
    path.write_bytes(build_model(made).SerializeToString())
    return load_model(path)


def phrase() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    roll = np.zeros((SAMPLES, PITCHES), np.uint8)
    roll[7:61, 60], roll[31:101, 67], roll[133:, 21] = 90, 1, 127
    return roll, rng.uniform(-1.0, 1.0, SAMPLES).astype(np.float32)


def fed(engine, size: int = SAMPLES) -> np.ndarray:
    roll, samples = phrase()
    logits = np.zeros((SAMPLES, engine.spec.outputs), np.float32)
    for first in range(0, SAMPLES, size):
        block = slice(first, first + size)
        engine.feed(roll[block], samples[block], logits[block])
    return logits


def rendered(engine, size: int = SAMPLES, temperature: float = 0.8) -> np.ndarray:
    roll, out = phrase()[0], np.zeros(SAMPLES, np.float32)
    uniforms = np.random.default_rng(3).random(SAMPLES).astype(np.float32)
    for first in range(0, SAMPLES, size):
        block = slice(first, first + size)
        engine.render(roll[block], uniforms[block], out[block], temperature)
    return out


def test_logits_equal_the_reference_on_given_audio(model):
    np.testing.assert_allclose(fed(OnnxEngine(model)), fed(ReferenceEngine(model)), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100, 239])
def test_logits_are_identical_for_every_split_into_blocks(model, size):
    np.testing.assert_array_equal(fed(OnnxEngine(model), size), fed(OnnxEngine(model)))


@pytest.mark.parametrize("size", [1, 17, 64])
def test_audio_is_identical_for_every_split_into_blocks(model, size):
    np.testing.assert_array_equal(rendered(OnnxEngine(model), size), rendered(OnnxEngine(model)))


def test_held_columns_equal_the_same_roll_at_the_sample_rate(model):
    roll = phrase()[0][::8]
    samples, logits = phrase()[1], np.zeros((2, SAMPLES, model.spec.outputs), np.float32)
    OnnxEngine(model).feed(roll, samples, logits[0])
    OnnxEngine(model).feed(np.repeat(roll, 8, axis=0), samples, logits[1])
    np.testing.assert_array_equal(logits[0], logits[1])


@pytest.mark.parametrize("temperature", [0.0, 0.8, 1.0])
def test_drawn_audio_equals_the_reference_until_a_near_tie(model, temperature):
    found, expected = (rendered(kind(model), temperature=temperature) for kind in (OnnxEngine, ReferenceEngine))
    differing = np.flatnonzero(np.abs(found - expected) > 1e-4)
    if len(differing):
        assert _is_near_tie(model, expected, int(differing[0]), temperature)
    assert len(set(expected.tolist())) > 3


def _is_near_tie(model: Model, audio: np.ndarray, sample: int, temperature: float) -> bool:
    """True where the reference's own draw at `sample` changes if its uniform moves by 1e-4; never at temperature 0."""
    reference, roll = ReferenceEngine(model), phrase()[0]
    uniform = np.random.default_rng(3).random(SAMPLES).astype(np.float32)[sample]
    drawn = []
    for moved in (-1e-4, 1e-4):
        reference.reset()
        reference.feed(roll[:sample], audio[:sample])
        out = np.zeros(1, np.float32)
        reference.render(roll[sample:sample + 1], np.float32([uniform + moved]), out, temperature)
        drawn.append(out[0])
    return drawn[0] != drawn[1]


def test_reset_starts_again_from_silence(model):
    engine = OnnxEngine(model)
    first = fed(engine, 79)
    engine.reset()
    np.testing.assert_array_equal(fed(engine), first)


def test_engine_has_no_state_left_from_its_rehearsal(model):
    engine = OnnxEngine(model)
    fresh = fed(engine)
    engine.reset()
    np.testing.assert_array_equal(fed(engine), fresh)


def test_what_entered_each_layer_is_that_of_the_reference(model):
    engine, reference = OnnxEngine(model), ReferenceEngine(model)
    assert not engine.layer_inputs().any()
    roll, samples = phrase()
    for size in (1, 2, 13, 40):
        for player in (engine, reference):
            player.feed(roll[:size], samples[:size])
        np.testing.assert_allclose(engine.layer_inputs(), reference.layer_inputs(), rtol=0, atol=TOLERANCE)
    assert engine.layer_inputs().shape == (model.spec.layers, model.spec.residual_channels)
    engine.layer_inputs()[:] = np.inf  # a copy
    assert np.isfinite(engine.layer_inputs()).all()
    engine.reset()
    assert not engine.layer_inputs().any()


@pytest.mark.parametrize("held", [1, 8, SAMPLES])
def test_hints_of_many_samples_are_those_of_the_definition(model, held):
    engine, column = OnnxEngine(model), np.zeros(PITCHES, np.uint8)
    column[[0, 60, 67, 127]] = 90, 1, 127, 3
    steps = bent_steps(model.spec, np.full((1, 128), 0.4, np.float32))[0]
    assert engine._hints(column, steps, held).any() == (model.spec.hint == "f0")
    for first in (0, 48_000 * 3_600 * 24, 2**40 + 1):
        phases = engine._phases = advanced(np.zeros(PITCHES, np.uint32), steps, first)
        expected = hint_columns((column > 0) & (model.spec.hint == "f0"), phases, steps, held)
        np.testing.assert_array_equal(engine._hints(column, steps, held), expected)
        moved = advanced(phases, steps, held if model.spec.hint == "f0" else 0)
        np.testing.assert_array_equal(engine._phases, moved)


def test_two_engines_on_one_model_do_not_share_state(model):
    one, two = OnnxEngine(model), OnnxEngine(model)
    alone = fed(OnnxEngine(model))
    roll, samples = phrase()
    interleaved = np.zeros_like(alone)
    for first in range(0, SAMPLES, 24):
        block = slice(first, first + 24)
        one.feed(roll[block], samples[block], interleaved[block])
        two.feed(roll[block][::-1].copy(), samples[block])
    np.testing.assert_array_equal(interleaved, alone)


def test_block_of_the_wrong_shape_is_refused_before_any_state_changes(model):
    engine = OnnxEngine(model)
    out, uniforms = np.zeros(8, np.float32), np.zeros(8, np.float32)
    for roll, short in ((np.zeros((3, 128), np.uint8), uniforms), (np.zeros((1, 128), np.float32), uniforms),
                        (np.zeros((1, 128), np.uint8), uniforms[:4])):
        with pytest.raises(ValueError):
            engine.render(roll, short, out)
    np.testing.assert_array_equal(fed(engine), fed(OnnxEngine(model)))


def test_mulaw_audio_holds_only_the_256_levels(model):
    if model.spec.output == "mulaw":
        assert np.isin(rendered(OnnxEngine(model)), MULAW).all()


def test_model_that_came_from_no_file_is_refused_with_the_remedy():
    with pytest.raises(EngineUnavailable, match="python -m exporters"):
        OnnxEngine(Model(SMALL, random_weights(SMALL), "in memory"))


def test_missing_onnxruntime_is_engine_unavailable(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match="pip install onnxruntime"):
        OnnxEngine(model)


def test_unknown_provider_is_refused_naming_those_that_exist(model):
    with pytest.raises(EngineUnavailable, match="CPUExecutionProvider"):
        OnnxEngine(model, providers=("NoSuchProvider",))


def test_provider_that_the_runtime_drops_is_not_replaced_in_silence(model, monkeypatch):
    import onnxruntime

    class Dropped(onnxruntime.InferenceSession):
        def get_providers(self):
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Dropped)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [AZURE, "CPUExecutionProvider"])
    with pytest.raises(EngineUnavailable, match=f"{AZURE} does not load"):
        OnnxEngine(model, providers=(AZURE, "CPUExecutionProvider"))


@pytest.mark.gpu
def test_on_a_gpu_it_computes_what_the_reference_does_and_its_rings_stay_there(model):
    """Tolerance: a GPU may sum in another order, and in TF32 (10 bits) where it multiplies matrices."""
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        pytest.skip(f"ONNX Runtime has no {CUDA} here: pip install onnxruntime-gpu")
    if available_engines()["cuda"] and "GPU" in available_engines()["cuda"]:
        pytest.skip(available_engines()["cuda"])
    engine = OnnxEngine(model, providers=(CUDA,))
    assert [ring.device_name() for ring in engine._rings] == ["cuda", "cuda"]
    np.testing.assert_allclose(fed(engine), fed(ReferenceEngine(model)), rtol=0, atol=GPU_TOLERANCE)
    roll, samples = phrase()
    reference = ReferenceEngine(model)
    reference.feed(roll, samples)
    np.testing.assert_allclose(engine.layer_inputs(), reference.layer_inputs(), rtol=0, atol=GPU_TOLERANCE)
    for size in (1, 7, 64):
        engine.reset()
        np.testing.assert_array_equal(fed(engine, size), fed(OnnxEngine(model, providers=(CUDA,))))


def test_graph_that_the_runtime_refuses_is_a_model_file_error(model):
    with pytest.raises(ModelFileError, match="refuses"):
        OnnxEngine(dataclasses.replace(model, graph=b"not a graph"))


def test_graph_that_fails_or_overflows_at_an_end_of_the_classes_is_refused_when_opened(tmp_path):
    spec = SPECS["paper"]
    weights = random_weights(spec)
    weights["logits_bias"] = np.full_like(weights["logits_bias"], 3e38)
    weights["logits"] = np.full_like(weights["logits"], 3e38)
    proto = build_model(Model(spec, weights, "loud"))
    with pytest.raises(ModelFileError, match="not finite"):
        OnnxEngine(Model(spec, weights, "loud", graph=proto.SerializeToString()))
    offsets = next(tensor for tensor in proto.graph.initializer if tensor.name == "const_list_0_256")
    offsets.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 512]), offsets.name))
    with pytest.raises(ModelFileError, match="fails"):
        OnnxEngine(Model(spec, weights, "beyond", graph=proto.SerializeToString()))


def test_importing_the_engine_loads_no_runtime():
    code = "import sys, livewave.render.onnx; sys.exit('onnx' in sys.modules or 'onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
