"""Does it follow the notes? Free-running scores of a model file, the gate for everything that ships.

    python -m training.evaluate livewave/models/flute.onnx [--temperature 0.8] [--seeds 3] [--wav FOLDER]
                                [--precision auto|int8|bf16|f32] [--held-out DATA]

Held-out loss does not show whether a net follows its roll: only playing does. Every phrase is played by a `Voice`, as on stage.
With --held-out the native engine's loss on the held-out pieces of DATA is told too, in each of its precisions: what
rounding the weights costs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave.music.compass import Compass
from livewave.render.modelfile import load_model
from livewave.render.native import PRECISIONS
from training.scores import held_out_nats, scores


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seeds", type=int, default=3, help="scores are means over this many seeds")
    parser.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS), help="of the engine that plays")
    parser.add_argument("--held-out", type=Path, metavar="DATA", help="what training.data made: also tell each precision's loss")
    parser.add_argument("--wav", type=Path, help="write what was played into this folder")
    args = parser.parse_args(argv)
    model = load_model(args.model)
    compass, rows = Compass.of(model.provenance), []
    for seed in range(1, args.seeds + 1):
        row, takes = scores(model, compass, args.temperature, seed, args.precision)
        rows.append(row)
        if args.wav:
            import soundfile

            args.wav.mkdir(parents=True, exist_ok=True)
            for name, audio in takes.items():
                soundfile.write(args.wav / f"{name}_{seed}.wav", audio, model.spec.model_rate_hz)
    means = {f"score.{key}": round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}
    means |= {"score.temperature": args.temperature, "score.seeds": args.seeds}
    if args.held_out:
        from training.train import load_pieces

        _, pieces, _ = load_pieces(args.held_out)
        means |= {f"held_out.{precision}": round(held_out_nats(model, pieces, precision), 4) for precision in PRECISIONS}
    print(json.dumps(means, indent=1))


if __name__ == "__main__":
    main()
