"""Notes -> audio and roll, sample-exact: a SoundFont plays the events, `livewave.music` makes the columns.

    python -m training.prepare --soundfont FluidR3_GM.sf2 --program 73 --low 55 --high 88 --minutes 60 training/cache/flute
    python -m training.prepare --soundfont FluidR3_GM.sf2 --program 42 --midi chorales/ training/cache/cello

Every piece becomes OUT/NNNN.npz: audio int16 [samples] at 16 kHz, roll uint8 [columns, 128] at 1 kHz, hint float16 [samples, 4].
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from livewave import LivewaveError
from livewave.control.events import Event
from livewave.music.score import events_of, read_score
from livewave.render.wavenet import WaveNetSpec
from training.data.composed import compose
from training.data.pieces import make_piece
from training.data.soundfont import SoundFont, level_gain

TAIL_S = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", required=True)
    parser.add_argument("--program", type=int, required=True, help="General MIDI program, counted from 0")
    parser.add_argument("--low", type=int, default=55, help="lowest pitch of the instrument")
    parser.add_argument("--high", type=int, default=88, help="highest pitch")
    parser.add_argument("--midi", type=Path, help="play this folder's MIDI files instead of composed pieces")
    parser.add_argument("--minutes", type=int, default=60, help="composed pieces of one minute each")
    parser.add_argument("--chords", type=float, default=0.25, help="share of composed lines that are chords, 0..1")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    try:
        _prepare(args)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(args: argparse.Namespace) -> None:
    if not 0 <= args.low <= args.high - 12 <= 115:
        raise LivewaveError(f"pitches {args.low}..{args.high}: both must lie in 0..127, at least an octave apart")
    spec, scores = WaveNetSpec(), _scores(args)
    font = SoundFont(args.soundfont, args.program)
    gain = level_gain(font, args.low, args.high, spec.model_rate_hz)
    args.out.mkdir(parents=True, exist_ok=True)
    for index, (events, seconds) in enumerate(track(scores, "rendering")):
        make_piece(spec, font, events, seconds, gain).save(args.out / f"{index:04d}.npz")
    font.close()
    about = {"soundfont": Path(args.soundfont).name, "program": args.program, "low": args.low, "high": args.high,
             "gain": round(float(gain), 4), "seed": args.seed, "pieces": len(scores)}
    (args.out / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def _scores(args: argparse.Namespace) -> list[tuple[list[Event], float]]:
    if args.midi:
        scores = [read_score(path) for path in sorted(args.midi.rglob("*.mid*"))]
        if not scores:
            raise LivewaveError(f"no .mid or .midi file below {args.midi}")
        return [(events, events[-1].at_s + TAIL_S) for events in scores]
    rng = random.Random(args.seed)
    return [(events_of(compose(rng, args.low, args.high, 60.0, args.chords)), 60.0) for _ in range(args.minutes)]


if __name__ == "__main__":
    sys.exit(main())
