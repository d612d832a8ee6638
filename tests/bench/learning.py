"""How quickly one core trains, beside r9y9's wavenet_vocoder: seconds of audio that whole steps take in per second.

    python -m tests.bench.learning [--rounds 5]

Prints JSON. Nets of 32 residual channels and 20 layers, batches of 2 x 8,192 samples of noise, one thread, bfloat16 where a
net trains in it, taking turns in one run. A step is forward, backward and the optimiser's.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable

import numpy as np

from livewave.render.wavenet import CLASSES, WaveNetSpec
from tests.bench.others import LIVEWAVE, VOCODER

BATCH, SAMPLES = 2, 8_192
SPEC = WaveNetSpec(residual_channels=32, skip_channels=64, out_channels=64, hint="f0")
Step = Callable[[], None]


def measure(rounds: int = 5) -> dict[str, object]:
    """{"rows": one per implementation, the median of its steps; "left_out": why one has no row}"""
    import torch

    torch.set_num_threads(1)
    steps, left_out = {LIVEWAVE: _ours()}, []
    try:
        steps[VOCODER] = _vocoder()
    except ImportError as error:
        left_out = [f"{VOCODER}: {error}; pip install -e '.[bench]'"]
    took_s: dict[str, list[float]] = {name: [] for name in steps}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # wavenet_vocoder is of 2018
        for turn in range(rounds + 1):
            for name, step in steps.items():
                began = time.perf_counter()
                step()
                if turn:  # the first warms up
                    took_s[name].append(time.perf_counter() - began)
    heard_s = BATCH * SAMPLES / SPEC.model_rate_hz
    speeds = {name: heard_s / float(np.median(times)) for name, times in took_s.items()}
    rows = [{"name": name, "audio_s_per_s": speed, "times_slower": speeds[LIVEWAVE] / speed} for name, speed in speeds.items()]
    return {"shape": f"{SPEC.residual_channels}/{SPEC.skip_channels}/{SPEC.out_channels}, {SPEC.layers}", "rows": rows,
            "left_out": left_out}


def _ours() -> Step:
    from lightning_fabric import Fabric
    from training.config import Config, Run
    from training.crops import synthetic_batch
    from training.trainer import Trainer

    config = Config(SPEC, Run(batch=BATCH, samples=SAMPLES))
    trainer, batch = Trainer(config, Fabric(accelerator="cpu", devices=1)), synthetic_batch(config, BATCH)
    return lambda: trainer.train_step(batch)


def _vocoder() -> Step:
    """Raises ImportError. Adam, float32, as its own training does."""
    import torch
    from wavenet_vocoder import WaveNet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        net = WaveNet(out_channels=CLASSES, layers=SPEC.layers, stacks=2, residual_channels=SPEC.residual_channels,
                      gate_channels=2 * SPEC.residual_channels, skip_out_channels=SPEC.skip_channels, kernel_size=2,
                      cin_channels=SPEC.cond_channels, upsample_conditional_features=False)
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    classes = torch.randint(CLASSES, (BATCH, SAMPLES))
    heard, roll = torch.nn.functional.one_hot(classes, CLASSES).mT.float(), torch.zeros(BATCH, SPEC.cond_channels, SAMPLES)

    def step() -> None:
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(heard, roll, softmax=False)[:, :, :-1], classes[:, 1:])
        loss.backward()
        adam.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="steps of each whose median counts")
    print(json.dumps(measure(parser.parse_args().rounds), indent=1))


if __name__ == "__main__":
    main()
