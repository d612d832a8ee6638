"""python -m exporters CHECKPOINT OUT.onnx [--name NAME] [--about FILE.json]: write a trained checkpoint as a model file and its card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exporters.export import export, read_about
from livewave import LivewaveError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 written, 1 failed with one clear line (2, from argparse, for a wrong command line)."""
    parser = argparse.ArgumentParser(
        prog="python -m exporters", description="checkpoint -> model file, verified against PyTorch")
    parser.add_argument("checkpoint", type=Path, help="file written by training")
    parser.add_argument("out", type=Path, help="model file to write, ending in .onnx; its card lands beside it as .md")
    parser.add_argument("--name", help="name the model carries (default: OUT without its ending)")
    parser.add_argument("--about", type=Path, action="append", default=[], metavar="FILE.json",
                        help="texts and numbers for the file and its card, such as licence and scores; repeatable")
    chosen = parser.parse_args(arguments)
    try:
        about = {key: text for path in chosen.about for key, text in read_about(path).items()}
        export(chosen.checkpoint, chosen.out, chosen.name, about=about)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
