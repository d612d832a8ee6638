"""Short takes of every shipped instrument, to be heard without installing anything.

    python -m training.examples training/examples

Each model of `livewave models` that comes with livewave plays each of `training.phrases.SONGS`, and a cadence in three
voices, on the native engine: OUT/MODEL-PHRASE.mp3. Same model, same files: the seed is fixed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from livewave import LivewaveError
from livewave.music.compass import Compass
from livewave.music.score import Note
from livewave.render.modelfile import SHIPPED, list_models, load_model
from livewave.render.wavenet import Model
from training.phrases import SONGS, song
from training.scores import play

SEED, TEMPERATURE = 1, 0.8
PEAK = 0.9
CADENCE = ((0, 4, 7), (0, 5, 9), (-1, 5, 7), (0, 4, 7))  # I, IV, V7 without its fifth, I
CHORD_S = 1.2


def phrases(compass: Compass) -> dict[str, list[Note]]:
    """What every instrument plays, within its compass."""
    return {name: song(name, compass) for name in SONGS} | {"cadence": cadence(compass)}


def cadence(compass: Compass) -> list[Note]:
    root = compass.fold(60)
    return [Note(0.3 + CHORD_S * bar, 0.3 + CHORD_S * (bar + 0.95), compass.fold(root + step), 92)
            for bar, chord in enumerate(CADENCE) for step in chord]


def write(model: Model, name: str, out: Path) -> list[Path]:
    """Render every phrase of `model` into `out`; the files written. Raises LivewaveError when one cannot be."""
    import soundfile

    paths = []
    for phrase, notes in phrases(Compass.of(model.provenance)).items():
        audio = play(model, notes, SEED, TEMPERATURE)
        path = out / f"{name}-{phrase.replace('_', '-')}.mp3"
        try:
            soundfile.write(path, audio * (PEAK / max(PEAK, float(np.abs(audio).max()))), model.spec.model_rate_hz)
        except (OSError, soundfile.LibsndfileError) as error:
            raise LivewaveError(f"{path} cannot be written: {error}") from None
        paths.append(path)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    args = parser.parse_args(argv)
    shipped = [(name, path) for name, path in list_models() if path.parent == SHIPPED]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name, path in track(shipped, "playing", disable=not sys.stdout.isatty()):
            for written in write(load_model(path), name, args.out):
                print(written)
    except (LivewaveError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
