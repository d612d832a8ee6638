from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from livewave.render.wavenet import WaveNetSpec, draw
from training.config import Config, Run
from training.crops import synthetic_batch
from training.data.pieces import FULL_SCALE
from training.losses import ClassLoss, Objective, logistic_loss
from training.wavenet import WaveNet

SPEC = WaveNetSpec(residual_channels=8, skip_channels=8, out_channels=8, cond_channels=4, dilations=(1, 2, 4, 8),
                   input_kernel=4, hint="f0")


def test_the_loss_is_taken_from_warm_on_only():
    net, batch = WaveNet(SPEC), synthetic_batch(Config(SPEC, Run(samples=512, warm=40)), 2)
    logits = net(batch.heard, batch.roll, batch.hint)[:, 40:]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.target[:, 40:].flatten())
    found = Objective(net, 40, torch.float32)(batch.heard, batch.target, batch.roll, batch.hint)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_the_loss_of_classes_and_its_gradient_are_those_of_cross_entropy(dtype, tolerance):
    generator = torch.manual_seed(0)
    logits = (5.0 * torch.randn(60, 256, generator=generator)).to(dtype).requires_grad_()
    target = torch.randint(0, 256, (60,), generator=generator)
    ours = ClassLoss.apply(logits, target)
    (gradient,) = torch.autograd.grad(3.0 * ours, logits)
    plain = torch.nn.functional.cross_entropy(logits.float(), target)
    (expected,) = torch.autograd.grad(3.0 * plain, logits)
    torch.testing.assert_close(ours, plain)
    assert gradient.dtype == dtype
    torch.testing.assert_close(gradient.float(), expected.float(), rtol=tolerance, atol=1e-7)


def test_a_class_that_was_thought_impossible_costs_much_and_not_everything():
    logits = torch.zeros(1, 256, requires_grad=True)
    wrong = logits + 1e4 * torch.nn.functional.one_hot(torch.tensor([3]), 256)
    loss = ClassLoss.apply(wrong, torch.tensor([4]))
    loss.backward()
    assert 80.0 < loss < 90.0
    assert logits.grad[0, 3] == 1.0 and logits.grad[0, 4] == -1.0


LEVELS = torch.arange(-FULL_SCALE, FULL_SCALE + 1) / FULL_SCALE  # every sample that a piece can hold


def log_p(logits: list[float], target: torch.Tensor) -> torch.Tensor:
    """float32 [levels]: log-likelihood of each target by itself."""
    row = torch.tensor(logits)
    return -torch.vmap(lambda level: logistic_loss(row, level, len(logits) // 3))(target)


@pytest.mark.parametrize("logits", [
    [0.0, 0.0, -3.0], [0.0, 0.1, 0.0], [0.0, 0.1, -9.0], [0.0, 0.3, -12.0], [0.0, 0.3, -40.0], [0.0, 0.0, 2.0],
    [0.0, 0.0, 9.0],
    [0.0, 1.0, -8.0], [0.0, -1.0, -8.0], [0.0, 1.5, -2.0], [0.0, -1.5, -2.0], [0.0, 0.9995, -9.0], [0.0, -0.9995, -9.0],
    [1.0, -2.0, 0.5, -0.7, 0.2, 0.99, -5.0, -2.0, -9.0],
])
def test_the_logistic_mixture_is_a_likelihood(logits):
    total = log_p(logits, LEVELS).double().exp().sum()
    assert total == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("logits", [[0.0, 50.0, -40.0], [0.0, -50.0, 60.0], [0.0, 0.0, 200.0],
                                    [90.0, -90.0, 1.0, -1.0, -30.0, 5.0]])
def test_the_logistic_loss_and_its_gradient_are_finite_whatever_the_net_says(logits):
    targets = torch.tensor([-1.0, -1.0 + 1.0 / FULL_SCALE, 0.0, 1.0 - 1.0 / FULL_SCALE, 1.0])
    row = torch.tensor(logits).repeat(5, 1).requires_grad_()
    loss = logistic_loss(row, targets, len(logits) // 3)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(row.grad).all()


def test_a_sample_far_from_its_logistic_still_pulls_at_it():
    row = torch.tensor([[0.0, 0.5, -8.0]], requires_grad=True)
    logistic_loss(row, torch.tensor([-0.5]), 1).backward()
    assert row.grad[0, 1] > 1.0  # the mean should come down


def test_the_extremes_take_all_that_lies_beyond_them():
    """With a mean outside the range nearly everything that `draw` makes is clipped to the extreme."""
    expected = -np.log1p(np.exp(-2.0 / np.exp(-1.0)))  # of a logistic of scale exp(-1), from 2 below its mean upwards
    for mean, level in ((3.0, 1.0), (-3.0, -1.0)):
        assert log_p([0.0, mean, -1.0], torch.tensor([level])) == pytest.approx(expected, abs=1e-4)


def test_the_likelihood_is_that_of_what_is_drawn():
    spec = replace(SPEC, output="logistic", class_kernel=0, mixtures=2)
    logits = [0.3, -0.4, -0.2, 0.6, -2.5, -1.5]
    drawn = np.array([draw(spec, np.float32(logits), u, 1.0) for u in (np.arange(20_000) + 0.5) / 20_000])
    odds = log_p(logits, LEVELS).double().exp().numpy()
    for low, high in [(-1.1, -0.9), (-0.5, 0.0), (0.2, 0.7), (0.9, 1.1)]:
        inside = (LEVELS.numpy() >= low) & (LEVELS.numpy() < high)
        assert odds[inside].sum() == pytest.approx(np.mean((drawn >= low) & (drawn < high)), abs=2e-3)
