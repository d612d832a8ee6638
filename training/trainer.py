"""One run's state: net, its running average, optimisers, step count. Saved whole, resumed exactly.

Matrices inside the net are trained with Muon, everything else with Adam; the rate is constant, then falls to 0 over the last
`decay_steps`, so a run can be made longer by raising `steps` before the fall.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from livewave.render.wavenet import CLASSES, Model, WaveNetSpec
from training.checkpoints import CheckpointError, differences, fitted, write_checkpoint
from training.config import Config, Run
from training.crops import Batch
from training.data.pieces import Piece
from training.losses import Objective
from training.muon import Muon
from training.wavenet import WaveNet

PRIMING_SAMPLES = 400_000  # of each of the first pieces, to count classes in


class Trainer:
    """Net, average, optimisers. One in every process; all are equal after every step.

    figures  what was last measured of the average, by name: it travels in the checkpoint
    """

    def __init__(self, config: Config, fabric: Fabric) -> None:
        torch.manual_seed(config.run.seed)
        self.config, self.fabric = config, fabric
        self.step, self.heard_s, self.figures, self.watch = 0, 0.0, {}, {}
        dtype = getattr(torch, config.run.precision)
        self.net, average = WaveNet(config.net), WaveNet(config.net).requires_grad_(False)
        average.load_state_dict(self.net.state_dict())
        self.average = fabric.to_device(average)
        self._checks = Objective(self.average, config.run.warm, dtype)
        inner = [*self.net.gate, *self.net.residual, self.net.skip, self.net.hidden]
        chosen = {id(parameter) for parameter in inner}
        outer = [parameter for parameter in self.net.parameters() if id(parameter) not in chosen]
        muon = Muon(inner, config.run.muon_rate)
        adam = torch.optim.Adam(outer, lr=config.run.adam_rate, betas=(0.9, 0.99), foreach=True)
        self._objective, *self.optimisers = fabric.setup(Objective(self.net, config.run.warm, dtype), muon, adam)
        self._peaks = (config.run.muon_rate, config.run.adam_rate)

    def prime_output(self, pieces: Sequence[Piece]) -> None:
        """The output stage starts at the data's class frequencies: the first hundred steps need not learn them."""
        if self.config.net.output != "mulaw":
            return
        classes = [self.net.heard(piece.audio(0, min(piece.samples, PRIMING_SAMPLES))[::7]) for piece in pieces[:4]]
        odds = torch.bincount(torch.cat(classes), minlength=CLASSES) + 20.0
        for net in (self.net, self.average):
            net.logits_bias.data.copy_(torch.log(odds / odds.sum()))

    def start_from(self, model: Model) -> None:
        """Begin at another model's weights instead of random ones. Raises CheckpointError where they do not fit."""
        weights = fitted(model, self.config.net, self.net.weights())
        for net in (self.net, self.average):
            net.load_weights(weights)

    def train_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One step on this process's share of the crops: loss before it, mean over all processes, and length of its gradient.

        A loss or gradient that is not finite changes no weight: it is for the caller to notice.
        """
        run = self.config.run
        for optimiser, peak in zip(self.optimisers, self._peaks):
            for group in optimiser.param_groups:
                group["lr"] = peak * rate(self.step, run)
        loss = self.loss(batch)
        self.fabric.backward(loss)
        length = torch.nn.utils.clip_grad_norm_(self.net.parameters(), run.clip)
        loss = self.fabric.all_reduce(loss.detach(), reduce_op="mean")
        if torch.isfinite(loss + length):
            for optimiser in self.optimisers:
                optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.step += 1
        self.heard_s += run.batch * run.samples / self.config.net.model_rate_hz
        decay = min(run.average, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(self.average.parameters()), [p.data for p in self.net.parameters()], 1.0 - decay)
        return loss, length

    def loss(self, batch: Batch) -> Tensor:
        """Of the net on this process's crops, with its graph."""
        return self._objective(batch.heard, batch.target, batch.roll, batch.hint)

    @torch.no_grad()
    def nats(self, batch: Batch, at_once: int) -> float:
        """Nats per sample of the averaged net on crops, `at_once` of them at a time."""
        count = len(batch.heard)
        parts = [batch.rows(first, min(first + at_once, count)) for first in range(0, count, at_once)]
        losses = [self._checks(part.heard, part.target, part.roll, part.hint).item() * len(part.heard) for part in parts]
        return sum(losses) / count

    def model(self, name: str = "checkpoint") -> Model:
        return Model(self.config.net, self.average.weights(), name)

    def save(self, path: Path, provenance: dict[str, str]) -> None:
        """Raises CheckpointError, leaving the last checkpoint as it was."""
        write_checkpoint(path, {
            "spec": self.config.net.to_json(),
            "weights": {name: torch.from_numpy(array) for name, array in self.average.weights().items()},
            "provenance": provenance, "config": self.config.to_json(),
            "net": self.net.state_dict(), "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step, "heard_s": self.heard_s, "figures": self.figures, "watch": self.watch,
        })

    def resume(self, state: dict) -> None:
        """Go on from what `save` wrote. Raises CheckpointError when it is of another net."""
        if WaveNetSpec.from_json(state["spec"]) != self.config.net:
            changed = differences(json.loads(state["spec"]), json.loads(self.config.net.to_json()))
            raise CheckpointError(f"the run there has another net ({'; '.join(changed)}); give another --out, with --from to "
                                  "start from its weights")
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        self.step, self.heard_s = state["step"], state["heard_s"]
        self.figures, self.watch = state["figures"], state["watch"]


def rate(step: int, run: Run) -> float:
    """Share of its peak that the learning rate has at `step`: it rises, stays, and falls to 0 at the end."""
    return min(1.0, (step + 1) / run.warmup_steps, max(0.0, run.steps - step) / run.decay_steps)
