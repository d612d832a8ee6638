"""Saarland Music Data, Western music: piano recordings and what a Disklavier noted of them, pedal included.

    python -m training.prepare smd SMD/ prepared/smd --jobs 2

Audio (mp3, or wav) and .mid files of the same stem, anywhere below the root. Its licence, CC BY-NC-SA 3.0, binds what
is trained on it: such a model is not for commercial use. Source: Mueller, Konz, Bogler and Arifi-Mueller 2011.
"""

from __future__ import annotations

import argparse

from training.data import paired
from training.data.recording import Recording

LICENCE = "CC BY-NC-SA 3.0 (not for commercial use)"


def add_flags(parser: argparse.ArgumentParser) -> None:
    paired.add_flags(parser, align="warn")


def find(args: argparse.Namespace) -> list[Recording]:
    return paired.recordings(args.source, args.gain, args.align)


def origin(args: argparse.Namespace) -> str:
    return "Saarland Music Data, Western music (piano; Mueller et al. 2011)"
