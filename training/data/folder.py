"""Your own recordings: a folder of audio and MIDI files of the same names, in any sub-folders.

    python -m training.prepare folder my-cello/ prepared/my-cello --licence "my own recordings" --jobs 2
"""

from __future__ import annotations

import argparse

from training.data import paired
from training.data.recording import Recording


def add_flags(parser: argparse.ArgumentParser) -> None:
    paired.add_flags(parser, align="check")


def find(args: argparse.Namespace) -> list[Recording]:
    return paired.recordings(args.source, args.gain, args.align)


def origin(args: argparse.Namespace) -> str:
    return f"recordings in {args.source.name}, with the MIDI files of their notes"
