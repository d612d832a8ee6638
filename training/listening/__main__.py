r"""Listening tests: build the page that people answer, and analyse what they sent back.

    python -m training.listening build test.html --system recording=takes/ \
        --system flute=livewave/models/flute.onnx --midi phrases/
    python -m training.listening analyse answers/ --key test.key.json --out report/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from livewave import LivewaveError
from training.listening.build import FOLLOWS, HOW_NATURAL, NATURAL, build
from training.listening.page import SCALES
from training.listening.report import analyse


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or "a file"
        print(f"error: {where}: {error.strerror}; name another place, or make room there", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.listening", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="build|analyse")
    _build_options(commands.add_parser("build", help="make the page that listeners open, and the key to it"))
    _analyse_options(commands.add_parser("analyse", help="weigh what listeners sent back"))
    return parser


def _build_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("page", type=Path, help="the page to write, for example test.html")
    add("--system", action="append", default=[], metavar="NAME=WHAT",
        help="a folder of recordings or a model file (.onnx); two at least")
    add("--midi", type=Path, metavar="FOLDER", help="what models play")
    add("--melody", type=Path, metavar="FOLDER",
        help="MIDI or recordings that listeners may hear in every trial, as the melody that was meant")
    add("--pair", action="append", metavar="QUESTION",
        help=f"asked of two clips; may be repeated (default: {NATURAL!r}, and with --melody {FOLLOWS!r},"
        " unless only --rate is given)")
    add("--rate", action="append", metavar="QUESTION",
        help=f"asked of all clips (default: {HOW_NATURAL!r}, unless only --pair is given)")
    add("--scale", type=int, choices=SCALES, default=100,
        help="of ratings: a slider 0..100 as in MUSHRA, or five grades (MOS)")
    add("--reference", metavar="NAME", help="the system that ratings show openly as well, as the reference")
    add("--anchor", action="store_true",
        help="rate the reference low-passed at 3.5 kHz too, as the low end of the scale")
    add("--checks", type=int, metavar="N",
        help="identical pairs among the pairs, to find who does not listen (default: 1)")
    add("--max-pairs", type=_positive, metavar="N", help="pairs a listener hears at most, drawn evenly (default: all)")
    add("--max-ratings", type=_positive, metavar="N", help="ratings a listener gives at most (default: all)")
    add("--seconds", type=float, default=12.0, help="clips are cut to this length (default: 12)")
    add("--title", default="Listening test", help="stands on the page; must not name a system")
    add("--intro", default="", metavar="TEXT", help="what listeners read first, or @FILE")
    add("--consent", default="", metavar="TEXT", help="what listeners agree to before they start, or @FILE")
    add("--post", default="", metavar="URL", help="also send the results there, as JSON")
    add("--folder", action="store_true", help="put the sound into a folder beside the page instead of into it")
    add("--key", type=Path, help="where the key goes (default: beside the page, .key.json)")
    add("--seed", type=int,
        help="of the blind names; the same seed and sound give the same page (default: a secret one)")
    add("--temperature", type=float, default=0.8, help="of the models, 0..2")
    add("--allow-clipped", action="store_true", help="take clipped recordings as they are")
    add("--replace", action="store_true",
        help="overwrite a page and its key: its results can then not be read any more")
    parser.set_defaults(run=build)


def _analyse_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("results", type=Path, nargs="+", help="the listeners' JSON files, or folders of them")
    add("--key", type=Path, required=True, help="what `build` wrote with the page")
    add("--out", type=Path, required=True, help="the folder for report.md, results.csv and plot.png")
    add("--pass-share", type=float, default=0.5,
        help="of a listener's answers about identical pairs that must be \"the same\", 0..1 (default: 0.5)")
    add("--screen-reference", action="store_true",
        help="drop who rates the hidden reference below 90 in more than 15 %% of trials (BS.1534-3)")
    add("--seed", type=int, default=1, help="of the bootstrap")
    parser.set_defaults(run=analyse)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} must be 1 at least")
    return number


if __name__ == "__main__":
    sys.exit(main())
