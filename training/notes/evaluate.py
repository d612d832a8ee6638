"""What a continuation model composes, beside what the composers wrote there.

    python -m training.notes.evaluate chorale --data training/cache/notes > scores.json
    python -m exporters OUT/last.pt livewave/models/continuation/chorale.onnx --about scores.json

Shows it the first bars of pieces that it has never heard, without a key or other help, and lets it carry them on, as on stage. Each
figure stands beside that of the piece itself, where it goes on ("written"), as medians over pieces and seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.progress import Progress

from livewave import LivewaveError
from livewave.music.biaxial import PLAY, VELOCITY
from livewave.music.biaxialfile import load_biaxial
from livewave.music.chooser import Chooser, Surroundings
from livewave.music.composer import Composer
from livewave.music.manner import Manner
from training.notes.measures import figures, in_key, key_of
from training.notes.pieces import Piece, open_pieces

TOLD_STEPS, COMPOSED_STEPS = 64, 64  # four bars of 4/4, and four more
MOST_PIECES = 12  # of each group
SHOWN = ("notes", "onsets", "silent", "longest_silence")


def carry_on(composer: Composer, piece: Piece, seed: int, temperature: float) -> np.ndarray:
    """uint8 [COMPOSED_STEPS, 78, 3]: after the piece's first TOLD_STEPS, on the places of the bar where the piece goes on."""
    composer.reset()
    told, chooser = piece.rows[:TOLD_STEPS], Chooser(seed)
    manner = Manner(mode="answer", temperature=temperature, key="off", polyphony=16)
    few = max(1.0, 0.5 * float(told[:, :, PLAY].sum(1).mean()))
    composed = [np.zeros_like(told[0]), *told]
    composer.advance(composed[0], int(piece.positions[0]))
    for step, row in enumerate(told):
        composer.advance(row, int(piece.positions[step + 1]))
    for step in range(TOLD_STEPS, TOLD_STEPS + COMPOSED_STEPS):
        sounding = {int(note): int(composed[-1][note, VELOCITY]) for note in np.flatnonzero(composed[-1][:, PLAY])}
        composed.append(chooser.step(composer.compose, manner, Surroundings(sounding, {}, None, few, 90)))
        composer.advance(composed[-1], int(piece.positions[(step + 1) % len(piece.positions)]))
    return np.array(composed[-COMPOSED_STEPS:])


def compare(composer: Composer, pieces: Sequence[Piece], seeds: int, temperature: float, tick: Callable[[], None]) -> dict[str, str]:
    """score.composed.GROUP.FIGURE: "composed (written W)"."""
    scores: dict[str, str] = {}
    for group in sorted({piece.group for piece in pieces}):
        made, written = [], []
        for piece in [one for one in pieces if one.group == group and len(one.rows) >= TOLD_STEPS + COMPOSED_STEPS][:MOST_PIECES]:
            key = key_of(piece.rows[:TOLD_STEPS])
            if key is None:
                continue
            goes_on = piece.rows[TOLD_STEPS : TOLD_STEPS + COMPOSED_STEPS]
            written.append(figures(goes_on) | {"in_key": in_key(goes_on, key)})
            for seed in range(seeds):
                rows = carry_on(composer, piece, seed, temperature)
                made.append(figures(rows) | {"in_key": in_key(rows, key)})
                tick()
        for name in ("in_key", *SHOWN) if made else ():
            ours, theirs = (float(np.median([one[name] for one in of])) for of in (made, written))
            scores[f"score.composed.{group}.{name}"] = f"{ours:.3g} (written {theirs:.3g})"
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 failed with one clear line (2, from argparse: wrong command line)."""
    parser = argparse.ArgumentParser(prog="python -m training.notes.evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a continuation model's name or path")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="made by python -m training.notes.prepare")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--temperature", type=float, default=1.0)
    args = parser.parse_args(argv)
    try:
        composer, held_out = Composer(load_biaxial(args.model)), open_pieces(args.data).validation
        with Progress(disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("composing", total=None)
            scores = compare(composer, held_out, args.seeds, args.temperature, lambda: bar.advance(task))
        if not scores:
            raise LivewaveError(f"{args.data} holds out no piece of {TOLD_STEPS + COMPOSED_STEPS} sixteenths or more")
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(scores, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
