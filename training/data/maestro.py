"""MAESTRO v3: piano performances with the MIDI of the instrument that they were played on, pedal included.

    python -m training.prepare maestro maestro-v3.0.0/ prepared/maestro --jobs 2

Reads maestro-v3.0.0.csv (or any single .csv of its columns) and what it names. The official train and validation splits
are kept; the test split stays out of training altogether unless --with-test adds it to validation. Its licence, CC
BY-NC-SA 4.0, binds what is trained on it: such a model is not for commercial use. Source: Hawthorne et al. 2019.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from livewave import LivewaveError
from training.data import paired
from training.data.recording import Recording, named

LICENCE = "CC BY-NC-SA 4.0 (not for commercial use)"
COLUMNS = {"canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename", "duration"}
SPLITS = {"train": "training", "validation": "validation", "test": ""}


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--with-test", action="store_true",
                        help="the test split joins validation; without it, it is left out")
    parser.add_argument("--composer",
                        help="only performances whose composer contains this text")
    paired.add_flags(parser, align="warn")


def find(args: argparse.Namespace) -> list[Recording]:
    rows = [row for row in read_table(args.source)
            if (args.composer or "").lower() in row["canonical_composer"].lower()]
    splits = SPLITS | ({"test": "validation"} if args.with_test else {})
    wanted = {args.source / row["audio_filename"]: row for row in rows if splits[row["split"]]}
    if not wanted:
        raise LivewaveError(f"no performance in {args.source} is left by --composer {args.composer!r}")
    return [paired.paired(name, sound, args.source / wanted[sound]["midi_filename"], args.gain, args.align,
                          splits[wanted[sound]["split"]])
            for name, sound in named(wanted, args.source).items()]


def read_table(root: Path) -> list[dict[str, str]]:
    tables = sorted(root.glob("*.csv")) if root.is_dir() else []
    if len(tables) != 1:
        raise LivewaveError(f"{root} holds {len(tables)} .csv files; the folder of MAESTRO v3 holds one, "
                            "maestro-v3.0.0.csv")
    with open(tables[0], newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not COLUMNS <= set(reader.fieldnames or ()):
            missing = ", ".join(sorted(COLUMNS - set(reader.fieldnames or ())))
            raise LivewaveError(f"{tables[0]} lacks columns {missing}")
        rows = list(reader)
    for number, row in enumerate(rows, 2):
        if row["split"] not in SPLITS or not row["audio_filename"] or not row["midi_filename"]:
            raise LivewaveError(f"{tables[0]}, line {number}: split {row['split']!r}; expected one of "
                                f"{', '.join(SPLITS)} and two files")
    return rows


def origin(args: argparse.Namespace) -> str:
    return "MAESTRO v3.0.0 (piano; Hawthorne et al. 2019)" + (f", {args.composer}" if args.composer else "")
