"""What training lowers: nats per sample, of classes or of a mixture of logistics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.pieces import FULL_SCALE
from training.wavenet import WaveNet

LEAST_ODDS = 1e-37  # a class less likely than this costs 85 nats, not more


class ClassLoss(torch.autograd.Function):
    """Mean of -log softmax(logits)[target] with its gradient made on the way: one exp per logit where autograd takes two.

    logits  [rows, 256], float32 or bfloat16;  target  int64 [rows]
    """

    @staticmethod
    def forward(ctx, logits: Tensor, target: Tensor) -> Tensor:
        odds, target = torch.softmax(logits.float(), -1), target[:, None]
        chosen = odds.gather(1, target)
        odds.scatter_(1, target, chosen - 1.0)
        ctx.save_for_backward(odds)
        ctx.dtype = logits.dtype
        return -chosen.clamp_min(LEAST_ODDS).log().mean()

    @staticmethod
    def backward(ctx, scale: Tensor) -> tuple[Tensor, None]:
        (odds,) = ctx.saved_tensors
        return odds.mul_(scale / len(odds)).to(ctx.dtype), None


def logistic_loss(logits: Tensor, target: Tensor, mixtures: int) -> Tensor:
    """Negative log-likelihood of 16-bit samples under a discretised mixture of logistics. Source: Salimans et al. 2017."""
    weight, mean, log_scale = logits.split(mixtures, -1)
    half, target = 0.5 / FULL_SCALE, target[..., None]
    inverse = torch.exp(-log_scale.clamp(-12.0, 12.0))
    below, above = F.logsigmoid((target + half - mean) * inverse), F.logsigmoid((mean + half - target) * inverse)
    inside = below + above + torch.log(-torch.expm1(-2.0 * half * inverse))  # exact, and it pulls from any distance
    log_p = torch.where(target > 1.0 - half, above, torch.where(target < half - 1.0, below, inside))
    return -torch.logsumexp(log_p + F.log_softmax(weight, -1), -1).mean()


class Objective(nn.Module):
    """Net and loss in one graph, which is what several processes share the gradient of.

    forward: nats per sample over each crop's samples from `warm` on; arguments as in `training.crops.Batch`.
    """

    def __init__(self, net: WaveNet, warm: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.net, self._warm, self._dtype = net, warm, dtype

    def forward(self, heard: Tensor, target: Tensor, roll: Tensor | None, hint: Tensor | None) -> Tensor:
        logits, target = self.net(heard, roll, hint, self._warm, self._dtype), target[:, self._warm :]
        if self.net.spec.output == "mulaw":
            return ClassLoss.apply(logits.flatten(0, 1), target.flatten())
        return logistic_loss(logits.float(), target, self.net.spec.mixtures)
