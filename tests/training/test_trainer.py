from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from livewave.render.wavenet import Model, WaveNetSpec, random_weights
from training.checkpoints import CheckpointError, fitted
from training.config import Config, Run
from training.crops import synthetic_batch
from training.muon import Muon, orthogonal
from training.trainer import Trainer, rate
from training.wavenet import WaveNet

SPEC = WaveNetSpec(residual_channels=8, skip_channels=8, out_channels=8, cond_channels=4, dilations=(1, 2, 4, 8), input_kernel=4)
HINTED = replace(SPEC, hint="f0")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trainer_of(spec: WaveNetSpec = HINTED, **run: object) -> Trainer:
    short = {"steps": 20, "decay_steps": 4, "warmup_steps": 4, "samples": 512, "warm": 32, "precision": "float32"} | run
    return Trainer(Config(spec, Run(**short)), Fabric(accelerator="cpu", devices=1))


def trained(trainer: Trainer, steps: int) -> list[float]:
    batch = synthetic_batch(trainer.config, 2)
    return [trainer.train_step(batch)[0].item() for _ in range(steps)]


# steps


def test_the_average_follows_the_net_with_the_decay_asked_for():
    trainer = trainer_of(average=0.5)
    trained(trainer, 12)  # by now the decay of the start, which is shorter, has been left behind
    before = [p.clone() for p in trainer.average.parameters()]
    trained(trainer, 1)
    for old, new, net in zip(before, trainer.average.parameters(), trainer.net.parameters()):
        torch.testing.assert_close(new, 0.5 * old + 0.5 * net.data, rtol=0, atol=1e-6)
    assert not any(p.requires_grad for p in trainer.average.parameters())


def test_the_average_forgets_the_random_start_quickly():
    trainer, fresh, decay = trainer_of(), trainer_of(), 2 / 11
    trained(trainer, 1)
    for start, new, net in zip(fresh.net.parameters(), trainer.average.parameters(), trainer.net.parameters()):
        torch.testing.assert_close(new, decay * start + (1 - decay) * net.data, rtol=0, atol=1e-6)


def test_every_parameter_has_an_optimiser_and_only_one():
    trainer = trainer_of()
    owned = [id(p) for optimiser in trainer.optimisers for group in optimiser.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in trainer.net.parameters())


def test_the_rate_rises_stays_and_falls_to_nothing():
    run = Run(steps=12, decay_steps=4, warmup_steps=4)
    assert [rate(step, run) for step in range(12)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]


def test_the_rate_reaches_both_optimisers():
    trainer = trainer_of(muon_rate=0.004, adam_rate=0.001)
    trained(trainer, 2)
    assert [group["lr"] for optimiser in trainer.optimisers for group in optimiser.param_groups] == pytest.approx([0.002, 0.0005])


def test_a_long_gradient_is_clipped():
    taken = []
    for clip in (1e-3, 1e3):
        trainer = trainer_of(clip=clip)
        trained(trainer, 1)
        taken.append(trainer.optimisers[1].state_dict()["state"][0]["exp_avg"].abs().max())
    assert taken[0] < taken[1] / 10


def test_a_step_without_a_finite_loss_changes_no_weight():
    trainer = trainer_of()
    trained(trainer, 2)
    before = {name: value.clone() for name, value in trainer.net.state_dict().items()}
    batch = synthetic_batch(trainer.config, 2)
    batch.hint[:] = float("nan")
    loss, _ = trainer.train_step(batch)
    assert loss.isnan()
    assert all(torch.equal(value, before[name]) for name, value in trainer.net.state_dict().items())


def test_bfloat16_learns_like_float32():
    exact, rough = trained(trainer_of(), 10), trained(trainer_of(precision="bfloat16"), 10)
    assert rough == pytest.approx(exact, rel=0.02) and rough != exact


def test_losses_over_a_batch_do_not_depend_on_how_it_is_cut():
    trainer = trainer_of()
    batch = synthetic_batch(trainer.config, 5)
    assert trainer.nats(batch, 2) == pytest.approx(trainer.nats(batch, 5), abs=1e-5)


class Sines:
    """As much of a piece as priming asks for: rests, mostly."""

    samples = 10_000

    def audio(self, start: int, stop: int) -> np.ndarray:
        return (0.5 * np.sin(np.arange(start, stop)) * (np.arange(start, stop) % 1_000 < 200)).astype(np.float32)


def test_the_output_starts_at_the_frequencies_of_the_data():
    trainer = trainer_of()
    trainer.prime_output([Sines()])
    odds = torch.softmax(trainer.net.logits_bias, 0).detach().numpy()
    assert odds.argmax() == 128  # rests
    assert odds.sum() == pytest.approx(1.0, abs=1e-5) and odds.min() > 0.0
    torch.testing.assert_close(trainer.average.logits_bias, trainer.net.logits_bias.data)


# Muon


def test_muon_takes_the_steps_of_pytorchs_own():
    shapes, nets = [(12, 12)] * 3 + [(6, 6)] * 2 + [(24, 6), (6, 10)], []
    for make in (lambda p: Muon(p, 0.01), lambda p: torch.optim.Muon(p, lr=0.01, momentum=0.95, weight_decay=0.0, ns_steps=4,
                                                                     adjust_lr_fn="original")):
        generator = torch.manual_seed(0)
        matrices = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
        optimiser = make(matrices)
        for _ in range(4):
            for matrix in matrices:
                matrix.grad = torch.randn(matrix.shape, generator=generator)
            optimiser.step()
        nets.append(matrices)
    for ours, theirs in zip(*nets):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=4e-4)  # a step of 0.01, rounded to 8 bits


def test_an_orthogonal_update_has_singular_values_near_one():
    generator = torch.manual_seed(0)
    for shape in ((4, 10, 10), (2, 20, 6), (2, 6, 20)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=generator)).float())
        assert values.max() < 1.4 and values.mean() > 0.6


# starting from another model


def model_of(spec: WaveNetSpec) -> Model:
    weights = random_weights(spec, seed=5)
    weights["residual_bias"][:] = 0.0
    return Model(spec, weights, "other", {})


def logits_of(spec: WaveNetSpec, weights: dict[str, np.ndarray], audio: np.ndarray, roll: np.ndarray) -> np.ndarray:
    net = WaveNet(spec)
    net.load_weights(weights)
    return net.teacher_force(audio, roll)


@pytest.mark.parametrize("grown", [
    {}, {"hint": "f0"}, {"class_kernel": 3}, {"input_kernel": 9}, {"roll_kernel": 4}, {"roll_rate_hz": 500},
    {"hint": "f0", "input_kernel": 5, "roll_kernel": 3},
])
def test_a_net_that_hears_more_begins_as_the_other_one_was(grown):
    rng, other, spec = np.random.default_rng(0), model_of(SPEC), replace(SPEC, **grown)
    audio, roll = rng.uniform(-0.5, 0.5, 96).astype(np.float32), (rng.random((96, 128)) < 0.03).astype(np.uint8)
    weights = fitted(other, spec, WaveNet(spec).weights())
    np.testing.assert_allclose(logits_of(spec, weights, audio, roll), logits_of(SPEC, other.weights, audio, roll), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kernel, other", [("input_kernel", "class_kernel"), ("class_kernel", "input_kernel")])
def test_a_way_to_hear_that_is_new_starts_without_effect(kernel, other):
    one_way, rng = replace(SPEC, **{kernel: 0, other: 3}), np.random.default_rng(0)
    model, spec = model_of(one_way), replace(one_way, **{kernel: 4})
    audio, roll = rng.uniform(-0.5, 0.5, 64).astype(np.float32), (rng.random((64, 128)) < 0.03).astype(np.uint8)
    weights = fitted(model, spec, WaveNet(spec).weights())
    np.testing.assert_allclose(logits_of(spec, weights, audio, roll), logits_of(one_way, model.weights, audio, roll), rtol=0, atol=1e-4)


def test_an_unconditioned_net_can_be_given_notes():
    bare, rng = replace(SPEC, cond_channels=0), np.random.default_rng(0)
    other, fresh = model_of(bare), WaveNet(HINTED).weights()
    weights = fitted(other, HINTED, fresh)
    audio, roll = rng.uniform(-0.5, 0.5, 64).astype(np.float32), (rng.random((64, 128)) < 0.03).astype(np.uint8)
    np.testing.assert_allclose(logits_of(HINTED, weights, audio, roll), logits_of(bare, other.weights, audio, roll), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(weights["condition_kernel"], fresh["condition_kernel"])  # or it could never learn to hear them
    assert fresh["condition_kernel"].any()


@pytest.mark.parametrize("changes, named", [
    ({"residual_channels": 9}, "residual_channels 9 there, 8 here"), ({"dilations": (1, 2, 4)}, "dilations"), ({"hint": "f0"}, "hint f0 there"),
    ({"model_rate_hz": 48_000}, "model_rate_hz"), ({"class_kernel": 2}, "class_kernel 2 there, 1 here"), ({"cond_channels": 5}, "cond_channels"),
    ({"output": "logistic", "class_kernel": 0}, "output logistic there, mulaw here"),
])
def test_a_net_that_differs_otherwise_is_refused_by_field(changes, named):
    with pytest.raises(CheckpointError, match=f"other cannot be started from: .*{named}"):
        fitted(model_of(replace(SPEC, **changes)), SPEC, WaveNet(SPEC).weights())
