"""livewave beside other ways to run the same shape of net: microseconds a sample, one thread, taking turns in one run.

    python -m tests.bench.others [--seconds 5]

Prints JSON. The others are `incremental_forward` of r9y9's wavenet_vocoder (PyTorch; `pip install -e '.[bench]'`), as
that package is: weight normalisation folded in, kernel 2, 16 channels of local conditioning, samples drawn from its
softmax; the step graph in ONNX Runtime, a plain loop; and the definition in NumPy. The shapes are R,S,A,L;
wavenet_vocoder has no A, its hidden width is S.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from exporters.stepgraph import build_model
from livewave.bench import Player, model_of_shape, of_engine, take_turns
from livewave.render.engine import open_engine
from livewave.render.wavenet import CLASSES, Model

SHAPES = ("32,64,128,20", "64,128,256,20")
BLOCK = 128
STACK_LAYERS = 10
LIVEWAVE, VOCODER = "livewave", "r9y9/wavenet_vocoder"


def measure(seconds: float, shapes: Sequence[str] = SHAPES) -> dict[str, list]:
    """{"rows": one per implementation and shape, "left_out": why one has no rows}. `seconds` are each row's."""
    rows, left_out = [], []
    for shape in shapes:
        players = _ours(model_of_shape(shape))
        try:
            players[VOCODER] = wavenet_vocoder(*map(int, shape.split(",")))
        except ImportError as error:
            left_out = [f"{VOCODER}: {error}; pip install -e '.[bench]'"]
        timings = take_turns(list(players.values()), [BLOCK], seconds)
        rows += _rows(shape, players, [float(np.median(timing.block_ms[BLOCK])) for timing in timings])
        for player in players.values():
            player.close()
    return {"rows": rows, "left_out": left_out}


def wavenet_vocoder(residual: int, skip: int, _out: int, layers: int) -> Player:
    """Raises ImportError."""
    import torch
    from wavenet_vocoder import WaveNet

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it is of 2018
        net = WaveNet(out_channels=CLASSES, layers=layers, stacks=max(1, layers // STACK_LAYERS),
                      residual_channels=residual, gate_channels=2 * residual, skip_out_channels=skip, kernel_size=2,
                      cin_channels=16, legacy=False)
    net.eval()
    net.make_generation_fast_()

    def play(samples: int) -> None:
        with torch.no_grad():
            net.incremental_forward(c=torch.zeros(1, 16, samples), T=samples)

    return Player(VOCODER, play, lambda: None, f"torch {torch.__version__}")


def _ours(model: Model) -> dict[str, Player]:
    with_graph = replace(model, graph=build_model(model).SerializeToString())
    return {LIVEWAVE: of_engine(open_engine("native", model)),
            "ONNX Runtime": of_engine(open_engine("onnx", with_graph)),
            "NumPy": of_engine(open_engine("reference", model))}


def _rows(shape: str, players: dict[str, Player], block_ms: Sequence[float]) -> Iterator[dict[str, object]]:
    """As the JSON has them. times_slower: than livewave in this run."""
    ours_ms = block_ms[list(players).index(LIVEWAVE)]
    for (name, player), took_ms in zip(players.items(), block_ms, strict=True):
        yield {"name": name, "about": " ".join(filter(None, (player.isa, player.precision))), "shape": shape,
               "us_per_sample": round(1e3 * took_ms / BLOCK, 2), "times_slower": round(took_ms / ours_ms, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="wall time of each on each shape")
    print(json.dumps(measure(parser.parse_args().seconds), indent=1))


if __name__ == "__main__":
    main()
