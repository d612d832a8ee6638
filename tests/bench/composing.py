"""What a sixteenth costs the biaxial LSTM: hearing it and composing it, on one thread of ONNX Runtime.

    python -m tests.bench.composing [--steps 300]

Prints JSON: the shipped model, the sizes of Johnson 2017 with random weights, and a net of the shipped sizes step by step in
PyTorch, in turn, so that what the machine does otherwise meets all of them. The goal: 10 ms in the median, 20 ms in 99 of 100.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from exporters.biaxialgraph import build_biaxial, from_pytorch
from livewave.music.biaxial import NOTES, BiaxialSpec, features
from livewave.music.biaxialfile import BiaxialModel, list_biaxial, load_biaxial
from livewave.music.composer import Composer
from training.biaxial import Biaxial

JOHNSON = BiaxialSpec()
GOAL_MS, GOAL_P99_MS = 10.0, 20.0
WARM_STEPS = 10
Step = Callable[[np.ndarray, int], np.ndarray]


def measure(steps: int = 300) -> dict[str, object]:
    """Milliseconds a step, of each: median, 99th percentile, most."""
    torch.set_num_threads(1)
    shipped = load_biaxial(list_biaxial()[0][0])
    with tempfile.TemporaryDirectory() as folder:
        rivals = {
            f"{shipped.name}, ONNX Runtime": (shipped.spec, _by_composer(Composer(shipped))),
            "Johnson's sizes, ONNX Runtime": (JOHNSON, _by_composer(Composer(_random(JOHNSON, Path(folder))))),
            f"sizes of {shipped.name}, PyTorch": (shipped.spec, _by_torch(shipped.spec)),
        }
        took: dict[str, list[float]] = {name: [] for name in rivals}
        rows = {name: np.zeros((NOTES, 3), np.uint8) for name in rivals}
        for step in range(WARM_STEPS + steps):
            for name, (_, play) in rivals.items():
                began = time.perf_counter()
                rows[name] = play(rows[name], step % 16)
                took[name].append(1e3 * (time.perf_counter() - began))
    return {"goal_ms": GOAL_MS, "goal_p99_ms": GOAL_P99_MS, "steps": steps, "rows": [
        {"name": name, "shape": f"{_joined(spec.time_units)} / {_joined(spec.note_units)}", **_spread(took[name][WARM_STEPS:])}
        for name, (spec, _) in rivals.items()]}


def _by_composer(composer: Composer) -> Step:
    chance = np.random.default_rng(0)

    def play(row: np.ndarray, position: int) -> np.ndarray:
        composer.advance(row, position)
        uniforms, made = chance.random((NOTES, 2)), np.zeros((NOTES, 3), np.uint8)

        def choose(note: int, logits: np.ndarray) -> tuple[float, float, float]:
            made[note] = _drawn(logits, uniforms[note])
            return tuple(made[note].tolist())

        composer.compose(choose)
        return made

    return play


def _by_torch(spec: BiaxialSpec) -> Step:
    """The net as it is trained, asked note by note."""
    net = Biaxial(spec).eval()
    chance, states = np.random.default_rng(0), None

    @torch.inference_mode()
    def play(row: np.ndarray, position: int) -> np.ndarray:
        nonlocal states
        x = torch.from_numpy(features(row[None], np.array([position])))
        after = []
        for place, lstm in enumerate(net.time):
            x, state = lstm(x, states[place] if states else None)
            after.append(state)
        states, made, below = after, np.zeros((NOTES, 3), np.uint8), torch.zeros(1, 1, spec.choices)
        uniforms, along = chance.random((NOTES, 2)), [None] * len(net.note)
        for note in range(NOTES):
            y = torch.cat((x[:, note : note + 1], below), -1)
            for place, lstm in enumerate(net.note):
                y, along[place] = lstm(y, along[place])
            made[note] = _drawn(net.out(y)[0, 0].numpy(), uniforms[note])
            below = torch.tensor(made[None, None, note, : spec.choices], dtype=torch.float32)
        return made

    return play


def _drawn(logits: np.ndarray, uniforms: np.ndarray) -> tuple[int, int, int]:
    plays, begins = 1.0 / (1.0 + np.exp(-logits[:2]))
    play = int(uniforms[0] < plays)
    return play, play and int(uniforms[1] < begins), 90 * play


def _random(spec: BiaxialSpec, folder: Path) -> BiaxialModel:
    torch.manual_seed(0)
    weights = {name: tensor.numpy() for name, tensor in Biaxial(spec).state_dict().items()}
    path = folder / "johnson.onnx"
    path.write_bytes(build_biaxial(from_pytorch(spec, weights, "johnson", {})).SerializeToString())
    return load_biaxial(path)


def _spread(took_ms: list[float]) -> dict[str, float]:
    median, p99 = np.percentile(took_ms, (50, 99))
    return {"median_ms": round(float(median), 2), "p99_ms": round(float(p99), 2), "max_ms": round(max(took_ms), 2)}


def _joined(units: tuple[int, ...]) -> str:
    return ", ".join(map(str, units))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    print(json.dumps(measure(parser.parse_args().steps), indent=1))


if __name__ == "__main__":
    main()
