"""Small stand-ins that tests of several folders share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from livewave.music.biaxial import BiaxialSpec
from livewave.render.wavenet import Model, WaveNetSpec, random_weights

TINY = WaveNetSpec(residual_channels=8, skip_channels=12, out_channels=10, cond_channels=4, dilations=(1, 2, 4, 8),
                   input_kernel=6, hint="f0")


class ToyEngine:
    """An `Engine` without a net: `level` while a pitch sounds (always, when unconditioned), 0 otherwise.

    It keeps count of what it is given.

    sick   block numbers, counted from 0, that come out as `poison`
    """

    name = "toy"

    def __init__(self, spec: WaveNetSpec = TINY, level: float = 0.5, babble: bool = False) -> None:
        self.spec, self.level, self.babble = spec, level, babble
        self.sick: set[int] = set()
        self.poison = np.nan
        self.resets = self.blocks = self.fed = 0
        self.uniforms: list[np.ndarray] = []
        self.temperatures: list[float] = []
        self.steps: list[np.ndarray | None] = []

    def reset(self) -> None:
        self.resets += 1
        self.fed = 0

    def remember(self) -> None:
        self.remembered = self.fed

    def recall(self) -> None:
        self.resets += 1
        self.fed = self.remembered

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        sounding = roll.any(1) | self.babble | (not self.spec.cond_channels)
        out[:] = np.repeat(np.where(sounding, np.float32(self.level), np.float32(0.0)), len(out) // len(roll))
        if self.blocks in self.sick:
            out[len(out) // 2] = self.poison
        self.blocks += 1
        self.uniforms.append(uniforms.copy())
        self.temperatures.append(temperature)
        self.steps.append(None if steps is None else steps.copy())

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        assert not samples.any()
        self.fed += len(samples)

    def close(self) -> None:
        """Nothing to release."""


def tiny_model(**changes: object) -> Model:
    """A net of random weights that is quick to play."""
    spec = dataclasses.replace(TINY, **changes)
    return Model(spec, random_weights(spec, seed=3), "tiny")


def tiny_model_file(folder: Path, **changes: object) -> Path:
    """The same as a model file, trained on pitches 48..83 if one believes its card."""
    from exporters.stepgraph import build_model

    model = dataclasses.replace(tiny_model(**changes), provenance={"data.low": "48", "data.high": "83",
                                                                   "about": "a toy"})
    path = folder / "tiny.onnx"
    path.write_bytes(build_model(model).SerializeToString())
    return path


def tiny_biaxial_file(folder: Path, **changes: object) -> Path:
    """A continuation model of seeded random weights, quick to run: `folder`/tiny.onnx."""
    import torch

    from exporters.biaxialgraph import build_biaxial, from_pytorch
    from training.biaxial import Biaxial

    spec = BiaxialSpec(**{"time_units": (7, 6), "note_units": (5, 4)} | changes)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        weights = {name: value.numpy() for name, value in Biaxial(spec).state_dict().items()}
    path = folder / "tiny.onnx"
    model = from_pytorch(spec, weights, "tiny", {"data": "seeded noise", "licence": "MIT"})
    path.write_bytes(build_biaxial(model).SerializeToString())
    return path
