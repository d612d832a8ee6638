"""What is learnt is what is played: the training graph, parallel over time, computes what cached generation does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from livewave.render.native import NativeEngine
from livewave.render.wavenet import Model, ReferenceEngine, WaveNetSpec, Weights, random_weights
from tests.parity import engines
from tests.parity.engines import PLAIN, error
from training.stack import gated_stack
from training.wavenet import WaveNet

# the reference's sigmoid overflows on its way to the right answer, 0
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")

SPECS = {name: engines.SPECS[name] for name in (
    "unconditioned", "velocity roll", "one roll tap", "waveform only", "logistic", "one layer", "long dilations",
)} | {
    "shipped": replace(PLAIN, hint="f0"),
    "the paper's": replace(PLAIN, class_kernel=2, input_kernel=0, roll_kernel=2),
    "one layer of dilation 1": replace(PLAIN, dilations=(1,), hint="f0"),
}
SAMPLES = 230
BLOCKS = (1, 2, 3, 5, 16, 64, SAMPLES)
TOLERANCE = 2e-5  # of a logit, in units of the logits' root mean square: float32 sums in another order
ROUNDED = 0.2  # the same, with matrices and activations rounded, in nets this narrow
a_roll, a_waveform = partial(engines.a_roll, SAMPLES), partial(engines.a_waveform, SAMPLES)


@pytest.fixture(autouse=True)
def one_thread():
    """More would only wait for each other over so little work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights_of(spec: WaveNetSpec) -> Weights:
    weights = random_weights(spec, seed=7)
    if "residual_bias" in weights:
        weights["residual_bias"][:] = 0.0  # the training graph has none
    return weights


def graph_of(spec: WaveNetSpec) -> WaveNet:
    net = WaveNet(spec)
    net.load_weights(weights_of(spec))
    return net


def fed(engine: ReferenceEngine | NativeEngine, block: int) -> np.ndarray:
    """float32 [SAMPLES, outputs]: teacher-forced logits, `block` samples at a time."""
    roll, audio, logits = a_roll(), a_waveform(), np.empty((SAMPLES, engine.spec.outputs), np.float32)
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        engine.feed(roll[part], audio[part], logits[part])
    return logits


@pytest.mark.parametrize("spec", SPECS)
def test_training_graph_equals_the_reference_whatever_its_blocks(spec):
    graph = graph_of(SPECS[spec]).teacher_force(a_waveform(), a_roll())
    model = Model(SPECS[spec], weights_of(SPECS[spec]))
    whole = fed(ReferenceEngine(model), SAMPLES)
    assert error(graph, whole) < TOLERANCE
    for block in (1, 5, 64):
        np.testing.assert_array_equal(fed(ReferenceEngine(model), block), whole)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("spec", SPECS)
def test_training_graph_equals_the_native_engine_in_f32_for_every_block_size(spec, block):
    graph = graph_of(SPECS[spec]).teacher_force(a_waveform(), a_roll())
    assert error(fed(NativeEngine(Model(SPECS[spec], weights_of(SPECS[spec])), "f32"), block), graph) < TOLERANCE


@pytest.mark.parametrize("precision", ["int8", "bf16"])
@pytest.mark.parametrize("spec", SPECS)
def test_training_graph_is_what_plays_but_for_its_rounding(spec, precision):
    graph = graph_of(SPECS[spec]).teacher_force(a_waveform(), a_roll())
    playing = NativeEngine(Model(SPECS[spec], weights_of(SPECS[spec])), precision)
    assert TOLERANCE < error(fed(playing, 64), graph) < ROUNDED


@pytest.mark.parametrize("held", [2, 5, 10])
@pytest.mark.parametrize("spec", ["shipped", "velocity roll", "the paper's"])
def test_a_column_held_equals_the_same_column_repeated(spec, held):
    roll, net = a_roll()[::held], graph_of(SPECS[spec])
    repeated = net.teacher_force(a_waveform(), np.repeat(roll, held, axis=0))
    np.testing.assert_allclose(net.teacher_force(a_waveform(), roll), repeated, rtol=0,
                               atol=TOLERANCE * np.abs(repeated).max())


@pytest.mark.parametrize("change", ["a roll one sample late", "a wave one sample late", "another pitch"])
def test_a_misalignment_of_one_sample_would_be_noticed(change):
    spec = SPECS["shipped"]
    roll, audio = a_roll(), a_waveform()
    expected = graph_of(spec).teacher_force(audio, roll)
    match change:
        case "a roll one sample late":
            roll = np.concatenate((np.zeros((1, 128), np.uint8), roll[:-1]))
        case "a wave one sample late":
            audio = np.concatenate(([np.float32(0)], audio[:-1]))
        case "another pitch":
            roll = np.roll(roll, 1, axis=1)
    assert error(graph_of(spec).teacher_force(audio, roll), expected) > 100 * TOLERANCE


def test_logits_from_a_later_sample_on_are_those_of_the_whole():
    net, first = graph_of(SPECS["one roll tap"]), 101
    heard = net.heard(np.concatenate(([0.0], a_waveform()[:-1]))[None])
    hint = torch.zeros(1, SAMPLES, 4)
    roll = torch.from_numpy(a_roll())[None]
    with torch.no_grad():
        np.testing.assert_array_equal(net(heard, roll, hint, first=first), net(heard, roll, hint)[:, first:])


def test_rows_of_a_batch_do_not_mix():
    net, rng = graph_of(SPECS["velocity roll"]), np.random.default_rng(0)
    heard = torch.from_numpy(rng.integers(0, 256, (3, 60)))
    roll = torch.from_numpy(rng.integers(0, 128, (3, 20, 128)).astype(np.uint8))
    with torch.no_grad():
        together = net(heard, roll)
        for row in range(3):
            alone = net(heard[row : row + 1], roll[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-5)


DILATIONS = (1, 3, 2, 40)  # one reaches beyond the samples there are
Parts = tuple[torch.Tensor, torch.Tensor | None, list, list, list, list]


def a_stack(conditioned: bool) -> Parts:
    """x, y, gates, biases, conditions, residuals: three channels, two of conditioning, 20 samples, in float64."""
    torch.manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, requires_grad=True)

    layers = range(len(DILATIONS))
    return (drawn(2, 20, 3), drawn(2, 20, 2) if conditioned else None, [drawn(6, 6) for _ in layers], [drawn(6) for _ in layers],
            [drawn(2, 6) for _ in layers] if conditioned else [], [drawn(3, 3) for _ in layers[1:]])


def plain_stack(parts: Parts, first: int) -> torch.Tensor:
    """The same by the equations, for autograd to find the gradient of."""
    (x, y, gates, biases, conditions, residuals), found = parts, []
    for k, dilation in enumerate(DILATIONS):
        past = torch.nn.functional.pad(x, (0, 0, dilation, 0))[:, : x.shape[1]]
        a = past @ gates[k][:3] + x @ gates[k][3:] + biases[k]
        if y is not None:
            a = a + y @ conditions[k]
        z = torch.tanh(a[..., :3]) * torch.sigmoid(a[..., 3:])
        found.append(2.0 * z[:, first:])
        if k < len(residuals):
            x = x + z @ residuals[k]
    return torch.cat(found, -1)


def stacked(parts: Parts, first: int) -> torch.Tensor:
    x, y, *weights = parts
    return gated_stack(x, y, first, DILATIONS, *weights)


def leaves(parts: Parts) -> list[torch.Tensor]:
    return [leaf for part in parts if part is not None for leaf in (part if isinstance(part, list) else [part])]


@pytest.mark.parametrize("first", [0, 7])
@pytest.mark.parametrize("conditioned", [True, False])
def test_the_stack_and_its_gradient_are_those_of_the_equations(conditioned, first):
    parts = a_stack(conditioned)
    ours, plain = stacked(parts, first), plain_stack(parts, first)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
    weighing = torch.randn_like(plain)
    found, expected = (torch.autograd.grad((out * weighing).sum(), leaves(parts)) for out in (ours, plain))
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_a_gradient_can_be_asked_for_twice():
    parts = a_stack(True)
    out = stacked(parts, 3).square().sum()
    once, again = (torch.autograd.grad(out, leaves(parts), retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, once, again))


@pytest.mark.parametrize("spec", ["shipped", "logistic", "the paper's"])
def test_every_parameter_learns(spec):
    net = graph_of(SPECS[spec])
    roll, hint = torch.from_numpy(a_roll())[None], torch.randn(1, SAMPLES, 4) if SPECS[spec].hint != "none" else None
    net(net.heard(a_waveform()[None]), roll, hint).square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.abs().max() > 0.0, name


@pytest.mark.parametrize("spec", SPECS)
def test_weights_come_back_as_they_were_loaded(spec):
    expected = weights_of(SPECS[spec])
    given = graph_of(SPECS[spec]).weights()
    assert list(given) and set(given) == set(expected)
    for name, array in expected.items():
        assert given[name].dtype == np.float32 and given[name].flags.c_contiguous
        np.testing.assert_array_equal(given[name], array, err_msg=name)


@pytest.mark.parametrize("spec", SPECS)
def test_a_fresh_nets_weights_load_into_another(spec):
    torch.manual_seed(0)
    one, other = WaveNet(SPECS[spec]), WaveNet(SPECS[spec])
    other.load_weights(one.weights())
    for name, value in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=0, atol=0, msg=name)


def test_a_residual_bias_is_refused_because_the_graph_has_none():
    with pytest.raises(ValueError, match="residual_bias"):
        WaveNet(PLAIN).load_weights(random_weights(PLAIN))


def test_bfloat16_stays_near_float32():
    net = graph_of(SPECS["shipped"])
    heard, roll, hint = net.heard(a_waveform()[None]), torch.from_numpy(a_roll())[None], torch.zeros(1, SAMPLES, 4)
    with torch.no_grad():
        exact, rough = net(heard, roll, hint), net(heard, roll, hint, dtype=torch.bfloat16)
    assert rough.dtype == torch.bfloat16
    assert error(rough.float().numpy(), exact.numpy()) < 0.2
