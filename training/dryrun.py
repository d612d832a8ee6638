"""What a run will take, from a few real steps: memory, seconds of audio heard per second, hours to the end."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric

from training.config import Config
from training.crops import Batch, Crops, synthetic_batch
from training.devices import share
from training.trainer import Trainer

STEPS = 6  # measured, after WARM_UP that are not
WARM_UP = 2
MB = 1e6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was measured. Bytes are per process; `peak_bytes` is the process's largest size on a CPU, else the GPU's."""

    parameters: int
    weights_bytes: int  # of the net, its gradient and its average
    optimiser_bytes: int
    activations_bytes: int  # kept for the backward pass of one step
    peak_bytes: int
    steps_per_s: float
    audio_s_per_s: float
    heard_s: float  # to the end of the run

    def lines(self, config: Config) -> list[str]:
        spec, run = config.net, config.run
        hours = run.steps / self.steps_per_s / 3_600
        return [
            f"net       {self.parameters:,} parameters, {spec.layers} layers, hears {spec.receptive_field} samples "
            f"({1e3 * spec.receptive_field / spec.model_rate_hz:.0f} ms)",
            f"memory    {self.weights_bytes / MB:.1f} MB weights, gradients and average, {self.optimiser_bytes / MB:.1f} MB "
            f"optimisers, {self.activations_bytes / MB:.0f} MB activations; {self.peak_bytes / MB:,.0f} MB at the most",
            f"speed     {self.audio_s_per_s:.2f} s of audio a second, {self.steps_per_s:.2f} steps a second, as busy as this machine is now",
            f"run       {run.steps} steps, {self.heard_s / 3_600:.1f} h of audio heard, {hours:.1f} h of training "
            "(held-out losses and free-running scores come on top)",
        ]


def estimate(config: Config, fabric: Fabric, crops: Crops | None = None) -> Estimate:
    """Take a few real steps of `config`, on crops or else on noise, and write nothing."""
    trainer, rows = Trainer(config, fabric), share(config.run.batch, fabric)
    source = _source(config, fabric, crops, rows)
    for step in range(WARM_UP):
        trainer.train_step(source(step))
    _synchronise(fabric)
    began = time.perf_counter()
    for step in range(STEPS):
        trainer.train_step(source(step))
    _synchronise(fabric)
    per_step_s = (time.perf_counter() - began) / STEPS
    weights = 4 * sum(parameter.numel() for parameter in trainer.net.parameters())
    audio_s = config.run.batch * config.run.samples / config.net.model_rate_hz
    return Estimate(weights // 4, 3 * weights, _optimiser_bytes(trainer), _activations(trainer, source(0)), _peak(fabric),
                    1.0 / per_step_s, audio_s / per_step_s, config.run.steps * audio_s)


def _source(config: Config, fabric: Fabric, crops: Crops | None, rows: range) -> Callable[[int], Batch]:
    if crops is not None:
        return lambda step: crops.draw(step, rows, augment=True).to(fabric.device)
    noise = synthetic_batch(config, len(rows)).to(fabric.device)
    return lambda step: noise


def _activations(trainer: Trainer, batch: Batch) -> int:
    """Bytes that the forward pass keeps, each buffer counted once and the weights not at all."""
    own = {parameter.untyped_storage().data_ptr() for parameter in trainer.net.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        trainer.loss(batch)
    return sum(size for pointer, size in kept.items() if pointer not in own)


def _optimiser_bytes(trainer: Trainer) -> int:
    return sum(value.untyped_storage().nbytes() for optimiser in trainer.optimisers for state in optimiser.state.values()
               for value in state.values() if isinstance(value, torch.Tensor))


def _peak(fabric: Fabric) -> int:
    if fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated(fabric.device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


def _synchronise(fabric: Fabric) -> None:
    if fabric.device.type == "cuda":
        torch.cuda.synchronize(fabric.device)
