"""Does it follow the notes? Scores of a model file: the gate for everything that ships, and its card.

    python -m training.evaluate livewave/models/flute.onnx --jobs 2 > scores.json      the scores of its card
    python -m training.evaluate MODEL --reference FluidR3_GM.sf2 --program 73          and those of what it learned from
    python -m training.evaluate MODEL --midi FOLDER --out REPORT                       a report over a folder of MIDI files

Without --midi every phrase of training/phrases.py is played by a `Voice`, as on stage, with each of five seeds; the
scores are printed as JSON for `python -m exporters ... --about scores.json`, and a table of targets goes to stderr.
With --held-out the engine's loss on the held-out pieces of prepared data is told too: in each of its precisions (what
rounding costs), and as adherence by how much a shuffled roll raises it (nothing: the net ignores its notes).
With --midi every file is played and measured, and OUT gets report.md, report.json, pictures and audio; run again, it
plays only what is new. Work is spread over --jobs processes; --backend dask or ray takes it to a cluster: their workers
have livewave installed, Dask's are named by --scheduler, and Ray finds its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from livewave import LivewaveError
from livewave.music.compass import Compass
from livewave.render.modelfile import load_model
from livewave.render.native import PRECISIONS
from livewave.render.wavenet import Model
from training.data.pieces import Piece
from training.held_out import held_out_nats, held_out_pieces
from training.parallel import BACKENDS, each
from training.players import FontPlayer, NetPlayer, Player, chosen_precision, write_wav
from training.report import make_report, writable
from training.scores import PARTS, TARGETS, Row, Takes, misses, parts_of, timbre

SEEDS, MIDI_SEEDS = 5, 1
HEARD_S = 30  # of each held-out recording, which an unconditioned net is compared with


@dataclass(frozen=True)
class Task:
    """A part of the scores, for one seed, of the model or of the reference."""

    who: str
    seed: int
    part: str


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    try:
        if args.seeds is not None and args.seeds < 1:
            raise LivewaveError(f"--seeds {args.seeds} plays nothing; give a number from 1 up")
        if not 0.0 <= args.temperature <= 2.0:
            raise LivewaveError(f"--temperature {args.temperature:g} must lie in 0..2")
        return _report(args) if args.midi else _card(args)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model's name or the path of its file")
    parser.add_argument("--midi", type=Path, metavar="FOLDER", help="play this folder's MIDI files, and report to --out")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the report; without --midi, of the audio of --wav")
    parser.add_argument("--wav", action="store_true", help="keep what was played for the card, in --out")
    parser.add_argument("--seeds", type=int, help=f"takes of each (default {SEEDS}; {MIDI_SEEDS} with --midi)")
    parser.add_argument("--temperature", type=float, default=0.8, help="0..2, how freely samples are drawn (default 0.8)")
    parser.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS), help="of the engine that plays")
    parser.add_argument("--low", type=int, help="lowest pitch to play, where the model's card does not say")
    parser.add_argument("--high", type=int, help="highest pitch")
    parser.add_argument("--held-out", type=Path, metavar="PREPARED", help="what training.prepare made")
    parser.add_argument("--reference", metavar="FONT.sf2", help="score this SoundFont too: what can be reached")
    parser.add_argument("--program", type=int, help="of the SoundFont, General MIDI counted from 0 (default 0)")
    parser.add_argument("--beside", metavar="MODEL", help="put the scores of this model's card into this one, such as paper")
    parser.add_argument("--jobs", type=int, default=1, help="processes; -1 = one a core (default 1)")
    parser.add_argument("--backend", default="loky", choices=BACKENDS, help="what starts them (default loky)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster; default: one on this machine")
    args = parser.parse_args(argv)
    if args.midi and not args.out:
        parser.error("--midi needs --out, the folder of the report")
    for_the_card = {"--low": args.low, "--high": args.high, "--reference": args.reference, "--program": args.program,
                    "--held-out": args.held_out, "--beside": args.beside, "--wav": args.wav or None}
    unread = [option for option, value in for_the_card.items() if value is not None]
    if args.midi and unread:
        parser.error(f"--midi makes a report and no card, and does not read {', '.join(unread)}; leave one of them out")
    if args.wav and not args.out:
        parser.error("--wav needs --out, the folder for the audio")
    return args


def _report(args: argparse.Namespace) -> int:
    with progress(args.model) as advance:
        spread = partial(each, jobs=args.jobs, backend=args.backend, scheduler=args.scheduler)
        seeds = range(1, (args.seeds or MIDI_SEEDS) + 1)
        failed = make_report(args.model, args.midi, args.out, seeds, args.temperature, args.precision, spread, advance)
    for name, reason in failed.items():
        print(f"error: {name}: {reason}", file=sys.stderr)
    print(f"{args.out / 'report.md'}")
    return 1 if failed else 0


def _card(args: argparse.Namespace) -> int:
    model = load_model(args.model)
    precision = chosen_precision(model, args.precision)
    compass = compass_of(model, args.low, args.high)
    beside = scores_beside(load_model(args.beside)) if args.beside else {}
    players = {"model": partial(NetPlayer, model, temperature=args.temperature, precision=precision)}
    if args.reference and not model.spec.cond_channels:
        raise LivewaveError(f"model {model.name} follows no notes, and a SoundFont plays nothing else; leave --reference out")
    if args.reference:
        program = args.program or 0
        FontPlayer(args.reference, program, compass, model.spec.model_rate_hz).close()  # is it there at all?
        players["reference"] = partial(_font_player, args.reference, program, compass, model.spec.model_rate_hz)
    if args.wav:
        writable(args.out)
    pieces = held_out_pieces(model, args.held_out) if args.held_out else []
    seeds = args.seeds or SEEDS
    tasks = [Task(who, seed, part) for who in players for seed in range(1, seeds + 1) for part in parts_of(model)]
    rows: dict[str, list[Row]] = {who: [{} for _ in range(seeds)] for who in players}
    with progress(f"{model.name}, precision {precision}") as advance:
        results = each(partial(_play_part, players, compass), tasks, args.jobs, args.backend, args.scheduler)
        for task, (row, takes) in zip(tasks, results):
            rows[task.who][task.seed - 1] |= row
            advance(f"{task.who}, seed {task.seed}: {task.part}", len(tasks))
            if args.wav:
                _keep(args.out, task, takes, model.spec.model_rate_hz)
    card = card_of(rows["model"], rows.get("reference")) | beside
    card |= {"score.temperature": args.temperature, "score.seeds": seeds, "score.precision": precision}
    if pieces:
        card |= _held_out(model, pieces, precision)
    print(json.dumps(card, indent=1))
    print(table(rows["model"], rows.get("reference")), file=sys.stderr)
    return 0


def compass_of(model: Model, low: int | None, high: int | None) -> Compass:
    """What the model's card says, or what was given. Raises LivewaveError where neither says anything usable."""
    known = Compass.of(model.provenance)
    chosen = Compass(known.low if low is None else low, known.high if high is None else high)
    if None in (low, high) and chosen == Compass() and model.spec.cond_channels:
        raise LivewaveError(f"model {model.name} does not say which pitches it plays; give --low and --high")
    if not 0 <= chosen.low <= chosen.high - 11 <= 116:
        raise LivewaveError(f"pitches {chosen.low}..{chosen.high}: both must lie in 0..127, at least an octave apart")
    return chosen


def scores_beside(other: Model) -> dict[str, str]:
    """What the card of another model says of the targets. Raises LivewaveError where it says nothing."""
    known = {target.key: other.provenance.get(f"score.{target.key}") for target in TARGETS}
    said = ", ".join(f"{key} {value}" for key, value in known.items() if value is not None)
    if not said:
        raise LivewaveError(f"model {other.name} has no scores on its card; evaluate it first, and export it with --about")
    return {f"score.of_{other.name}": said}


def card_of(rows: Sequence[Row], reference: Sequence[Row] | None = None) -> dict[str, float | str]:
    """`score.KEY`: the mean over seeds; in words the worst seeds, the misses, and what the reference reaches."""
    means, known = mean(rows), mean(reference) if reference else None
    targets = [target for target in TARGETS if target.key in means]
    card: dict[str, float | str] = {f"score.{key}": round(value, 3) for key, value in means.items()}
    card["score.worst_seed"] = ", ".join(f"{t.key} {t.worst(row[t.key] for row in rows):.3g}" for t in targets)
    card["score.misses"] = "; ".join(misses(means, known)) or "none"
    if known:
        card["score.of_reference"] = ", ".join(f"{target.key} {known[target.key]:.3g}" for target in targets)
    return card


def table(rows: Sequence[Row], reference: Sequence[Row] | None = None) -> str:
    """Every score in a line: mean, worst seed, target, whether it is reached, and what the reference reaches."""
    means, known, targets = mean(rows), mean(reference) if reference else {}, {target.key: target for target in TARGETS}
    lines = [f"{'':32}{'mean':>9}{'worst':>9}  {'target':10}{'':8}{'reference' if known else ''}"]
    for key, value in means.items():
        target = targets.get(key)
        judged = " " * 29
        if target:
            verdict, limit = "missed" if target.missed_by(value) else "reached", f"{target.comparison} {target.limit:g}"
            judged = f"{target.worst(row[key] for row in rows):9.3f}  {limit:10}{verdict:8}"
        lines.append((f"{key:32}{value:9.3f}{judged}" + (f"{known[key]:9.3f}" if known else "")).rstrip())
    return "\n".join(lines)


def mean(rows: Sequence[Row]) -> Row:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, int], None]]:
    """A bar on a terminal and plain lines elsewhere, on stderr; what it gives is called after each of `total` steps."""
    console, done = Console(stderr=True), 0

    def advance(step: str, total: int) -> None:
        nonlocal done
        done += 1
        bar.update(job, completed=done, total=total, description=step)
        if not console.is_terminal:
            print(f"{done}/{total} {step}", file=sys.stderr, flush=True)

    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        job = bar.add_task(title, total=None)
        yield advance


def _play_part(players: dict[str, Callable[..., Player]], compass: Compass, task: Task) -> tuple[Row, Takes]:
    player = players[task.who](seed=task.seed)
    try:
        return PARTS[task.part](player, compass, task.seed)
    finally:
        player.close()


def _keep(out: Path, task: Task, takes: Takes, rate_hz: int) -> None:
    try:
        for name, audio in takes.items():
            write_wav(out / f"{task.who}_{name}_{task.seed}.wav", audio, rate_hz)
    except OSError as error:
        raise LivewaveError(f"cannot write to {out}: {error.strerror}; choose another --out, or make room") from None


def _font_player(path: str, program: int, compass: Compass, rate_hz: int, seed: int) -> FontPlayer:
    """It plays alike every time: of a seed, only the phrases differ."""
    return FontPlayer(path, program, compass, rate_hz)


def _held_out(model: Model, pieces: Sequence[Piece], precision: str) -> dict[str, float]:
    nats = {name: held_out_nats(model, pieces, name) for name in PRECISIONS}
    card = {f"held_out.{name}": round(value, 4) for name, value in nats.items()}
    if model.spec.cond_channels:
        shuffled = held_out_nats(model, pieces, precision, shuffled=True)
        return card | {"held_out.adherence": round(shuffled - nats[precision], 4)}
    beginnings = [piece.audio(0, min(piece.samples, HEARD_S * piece.rate_hz)) for piece in pieces]
    heard = timbre(np.concatenate(beginnings), model.spec.model_rate_hz)
    return card | {f"held_out.{key}": round(value, 4) for key, value in heard.items()}


if __name__ == "__main__":
    sys.exit(main())
