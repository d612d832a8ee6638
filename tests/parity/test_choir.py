"""Many voices in one launch, on an NVIDIA GPU: each is the net alone with its own notes, uniforms and temperature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livewave.render.wavenet import ReferenceEngine, draw, mulaw_encode
from tests.parity.engines import ENGINES, SAMPLES, SPECS, a_model, a_roll, error, opened
from tests.parity.near_ties import near_tie

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:overflow encountered in exp")]

VOICES = 5
TEMPERATURES = np.array([1.0, 0.8, 0.0, 1.0, 0.5], np.float32)
FORM = "f0 hint"
ROW = ENGINES["cuda"]


@pytest.fixture
def choir():
    """Skips where there is no GPU."""
    opened("cuda", a_model(FORM)).close()
    from livewave.render.cuda import CudaChoir

    choir = CudaChoir(a_model(FORM), VOICES)
    yield choir
    choir.close()


def rolls() -> np.ndarray:
    """uint8 [VOICES, SAMPLES, 128]: each voice in another key."""
    return np.stack([np.roll(a_roll(), 5 * voice, axis=1) for voice in range(VOICES)])


def audio() -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.9, 0.9, (VOICES, SAMPLES)).astype(np.float32)


def chance() -> np.ndarray:
    return np.random.default_rng(4).random((VOICES, SAMPLES), dtype=np.float32)


def reference(voice: int, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits of every sample, and what entered the layers at the last."""
    model = a_model(FORM)
    engine = ReferenceEngine(replace(model, weights=ROW.weights(model.weights)))
    logits = np.empty((SAMPLES, model.spec.outputs), np.float32)
    engine.feed(rolls()[voice], samples, logits)
    return logits, engine.layer_inputs()


def test_every_voice_hears_and_expects_what_the_reference_does(choir):
    logits = np.empty((VOICES, SAMPLES, SPECS[FORM].outputs), np.float32)
    choir.feed(rolls(), audio(), logits)
    entered = choir.layer_inputs()
    for voice in range(VOICES):
        expected, entered_there = reference(voice, audio()[voice])
        assert error(logits[voice], expected) < ROW.tolerance
        assert error(entered[voice], entered_there) < ROW.tolerance


def test_every_voice_draws_with_its_own_uniforms_and_temperature(choir):
    out = np.empty((VOICES, SAMPLES), np.float32)
    choir.render(rolls(), chance(), out, TEMPERATURES)
    for voice, temperature in enumerate(TEMPERATURES.tolist()):
        logits, _ = reference(voice, out[voice])
        for t in range(SAMPLES):
            uniform = float(chance()[voice, t])
            if draw(SPECS[FORM], logits[t], uniform, temperature) != out[voice, t]:
                drawn = int(mulaw_encode(out[voice, t]))
                assert near_tie(logits[t], drawn, uniform, temperature, ROW.tolerance), f"voice {voice}, sample {t}"


@pytest.mark.parametrize("block", [1, 7, 16, 64])
def test_blocks_and_resets_leave_every_voice_as_it_is(choir, block):
    whole, parts = (np.empty((VOICES, SAMPLES), np.float32) for _ in range(2))
    choir.render(rolls(), chance(), whole, TEMPERATURES)
    choir.reset()
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        out = np.empty_like(whole[:, part])
        choir.render(rolls()[:, part].copy(), chance()[:, part].copy(), out, TEMPERATURES)
        parts[:, part] = out
    np.testing.assert_array_equal(parts, whole)
