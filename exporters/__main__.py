"""python -m exporters CHECKPOINT OUT.onnx [--name NAME]: write a trained checkpoint as a model file and its card."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from exporters.export import export
from livewave import LivewaveError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 written, 1 failed with one clear line (2, from argparse, for a wrong command line)."""
    parser = argparse.ArgumentParser(
        prog="python -m exporters", description="checkpoint -> model file, verified against PyTorch")
    parser.add_argument("checkpoint", type=Path, help="file written by training")
    parser.add_argument("out", type=Path, help="model file to write, ending in .onnx; its card lands beside it as .md")
    parser.add_argument("--name", help="name the model carries (default: OUT without its ending)")
    chosen = parser.parse_args(arguments)
    try:
        export(chosen.checkpoint, chosen.out, chosen.name)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
