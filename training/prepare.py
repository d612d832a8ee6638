"""Recordings and their notes -> prepared data: audio at the model's rate, sample-exact rolls, hints locked to the
sound.

    python -m training.prepare folder my-cello/ prepared/my-cello --licence "my own recordings"
    python -m training.prepare KIND --help

One SOURCE becomes the folder OUT, which training reads. A run that was stopped, or killed, goes on when the same
command is given again. Recordings that are of no use are listed at the end, with the reason; the others are kept, and
--skip-bad goes on without the bad ones. A source that changed later is not noticed: delete OUT/pieces/NAME.* and its
piece is made anew. Whole recordings are held out for validation, never parts of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livewave import LivewaveError
from training.data import audio_only, folder, maestro, musicnet, rendered, smd
from training.data.pieces import ENCODINGS
from training.data.preparing import DONE, Making, Outcome, begin, finish, produce, unwritable
from training.data.recording import Rates, split

KINDS = {"musicnet": musicnet, "smd": smd, "maestro": maestro, "render": rendered, "folder": folder,
         "audio": audio_only}
NOT_IN_PIECES = {"kind", "out", "jobs", "skip_bad", "list", "licence", "origin"}  # options that a second run may change
MOST_REMARKS = 20
REPORT_EVERY = 0.1  # where there is no terminal, a line for each tenth


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    try:
        if getattr(args, "list", False):
            return _list(args.source)
        return _prepare(args)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
    return 1


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.prepare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, loader in KINDS.items():
        kind = kinds.add_parser(name, help=loader.__doc__.split("\n")[0], description=loader.__doc__,
                                formatter_class=_Formatter)
        optional_out = "?" if name == "musicnet" else None  # --list makes nothing
        kind.add_argument("source", type=Path, help="a SoundFont" if name == "render" else "folder of the recordings")
        kind.add_argument("out", type=Path, nargs=optional_out, help="folder to make")
        loader.add_flags(kind)
        _add_common(kind)
    args = parser.parse_args(argv)
    if args.out is None and not args.list:
        parser.error("OUT is missing: the folder to make (or --list)")
    return args


def _add_common(parser: argparse.ArgumentParser) -> None:
    common = parser.add_argument_group("for every kind")
    common.add_argument("--rate", type=int, default=16_000,
                        help="samples per second of the model")
    common.add_argument("--roll-rate", type=int, default=1_000,
                        help="columns per second; must divide --rate")
    common.add_argument("--encoding", choices=ENCODINGS, default="pcm16",
                        help="how audio is kept; mulaw halves the disk and loses nothing for a mu-law net")
    common.add_argument("--low-pass", type=float, metavar="HZ",
                        help="leave out what lies above: hiss no net can foresee")
    common.add_argument("--validation-share", type=float, default=0.05,
                        help="of the recordings, where the set has no official splits")
    common.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="processes")
    common.add_argument("--skip-bad", action="store_true",
                        help="finish without the recordings that are of no use")
    common.add_argument("--licence",
                        help="of the recordings; it travels into every model trained on them")
    common.add_argument("--origin",
                        help="where they come from, for the model card")


def _prepare(args: argparse.Namespace) -> int:
    if not 0.0 < args.validation_share < 1.0:
        raise LivewaveError(f"--validation-share is {args.validation_share:g}; it must lie between 0 and 1, both "
                            "excluded")
    if args.jobs < 1:
        raise LivewaveError(f"--jobs is {args.jobs}; it must be 1 or more")
    gain = getattr(args, "gain", 1.0)
    if isinstance(gain, float) and not 0.0 < gain < float("inf"):
        raise LivewaveError(f"--gain is {gain:g}; it must be a factor above 0")
    loader = KINDS[args.kind]
    making = Making(args.out, Rates(args.rate, args.roll_rate), args.encoding, args.low_pass)
    recordings = split(loader.find(args), args.validation_share)
    if len(recordings) == 1:
        raise LivewaveError(f"{args.source} gives one recording; one to train on and one to hold out are needed: add another, or "
                            "cut it into two files")
    options = _options(args)
    begin(args.out, args.kind, options)
    outcomes = _watched(produce(making, recordings, args.jobs), len(recordings))
    bad = [outcome for outcome in outcomes if not outcome.entry]
    remarks = [remark for outcome in outcomes if outcome.entry for remark in outcome.entry["remarks"]]
    for remark in remarks[:MOST_REMARKS]:
        print(f"note: {remark}", file=sys.stderr)
    if len(remarks) > MOST_REMARKS:
        print(f"note: {len(remarks) - MOST_REMARKS} more remarks are in {args.out / DONE}", file=sys.stderr)
    for outcome in bad:
        print(f"left out: {outcome.reason}", file=sys.stderr)
    if bad and not args.skip_bad:
        raise LivewaveError(f"{len(bad)} of {len(recordings)} recordings are of no use, see above; the others are "
                            "prepared and kept. Mend or remove the bad ones and run the same command again, or add "
                            "--skip-bad to finish without them")
    left_out = {outcome.name for outcome in bad}
    recordings = split([r for r in recordings if r.name not in left_out], args.validation_share)  # one is held out
    provenance = {"data.origin": args.origin or loader.origin(args)}
    licence = args.licence or getattr(loader, "LICENCE", None)
    try:
        about = finish(args.out, args.kind, options, making, recordings, outcomes,
                       provenance | ({"licence": licence} if licence else {}))
    except OSError as error:
        raise unwritable(args.out, error) from None
    _tell(args.out, about)
    return 0


def _options(args: argparse.Namespace) -> dict:
    """What shapes the pieces, as JSON keeps it."""
    options = {name: value for name, value in vars(args).items() if name not in NOT_IN_PIECES}
    return json.loads(json.dumps(options, default=lambda path: str(path.resolve())))


def _watched(outcomes: Iterator[Outcome], total: int) -> list[Outcome]:
    """All of them, with a bar on a terminal and a line now and then elsewhere."""
    console, done = Console(stderr=True), []  # beside the reasons why something is left out
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[name]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task, told = bar.add_task("preparing", total=total, name=""), 0.0
        for outcome in outcomes:
            done.append(outcome)
            bar.update(task, completed=len(done), name=outcome.name)
            if not console.is_terminal and len(done) / total >= told + REPORT_EVERY:
                told = len(done) / total
                print(f"{len(done)}/{total} {'prepared' if outcome.entry else 'left out'}: {outcome.name}", file=sys.stderr)
    return done


def _tell(out: Path, about: dict) -> None:
    pieces, minutes = about["pieces"], float(about["provenance"]["data.minutes"])
    held_out = sum(piece["split"] == "validation" for piece in pieces)
    low, high = (about["provenance"].get(f"compass.{end}") for end in ("low", "high"))
    notes = f"{sum(piece['notes'] for piece in pieces)} notes, pitches {low}..{high}" if low else "no notes"
    count = len(about["left_out"])
    left_out = f", {count} recording{'s' if count > 1 else ''} left out" if count else ""
    print(f"{out}: {len(pieces)} pieces, {minutes:.1f} min at {about['rate_hz']} Hz, {notes}; {held_out} held "
          f"out{left_out}")


def _list(source: Path) -> int:
    rows = musicnet.statistics(source)
    print(f"{'':28} minutes  labels")
    for name, minutes, labels in rows:
        print(f"{name:28} {minutes:7.0f} {labels:7d}")
    return 0


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """The module's own words above, defaults behind the flags that have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


if __name__ == "__main__":
    sys.exit(main())
