"""MusicNet: recordings of classical music with the notes of every instrument.

    python -m training.prepare musicnet musicnet/ --list
    python -m training.prepare musicnet musicnet/ prepared/cello --instrument "solo cello" --jobs 2

Reads {train,test}_data/ID.wav, {train,test}_labels/ID.csv and, for ensembles, musicnet_metadata.csv (in the folder or
beside it). Labels have no velocities: all are struck alike. Recordings are licensed one by one: look at what you take.
Source: Thickstun, Harchaoui and Kakade 2017.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from livewave import LivewaveError
from livewave.control.events import Event, NoteOff, NoteOn
from training.data import paired
from training.data.recording import Rates, Recording, Take
from training.data.sound import read_sound

LABEL_RATE_HZ = 44_100  # start_time and end_time are samples of the published audio, whatever rate a copy of it has
VELOCITY = 92
SPLITS = {"train": "training", "test": "validation"}
COLUMNS = {"start_time", "end_time", "instrument", "note"}
INSTRUMENTS = {1: "Piano", 7: "Harpsichord", 41: "Violin", 42: "Viola", 43: "Cello", 44: "Contrabass", 61: "Horn",
               69: "Oboe",
               71: "Bassoon", 72: "Clarinet", 74: "Flute"}  # General MIDI programs counted from 1, as the labels do
EMPTY = "no .wav with labels of the same number"


@dataclass(frozen=True)
class Entry:
    """One recording; `ensemble` is what the metadata calls it, "" without metadata."""

    number: str
    split: str
    sound: Path
    labels: Path
    ensemble: str


@dataclass(frozen=True, slots=True)
class Label:
    start: int  # samples at LABEL_RATE_HZ
    end: int
    instrument: int
    pitch: int


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--instrument",
                        help='"cello" or its program number 43: recordings in which it plays, and its notes alone; '
                             '"solo cello", or another ensemble of the metadata: such recordings, and all of their '
                             'notes')
    parser.add_argument("--list", action="store_true",
                        help="print minutes and label counts of instruments and ensembles, and stop")
    paired.add_flags(parser, align="warn")


def find(args: argparse.Namespace) -> list[Recording]:
    entries = read_entries(args.source)
    chosen, program = _chosen(entries, args.instrument)
    return [Recording(e.number, partial(_load, e, program, args.gain, args.align), SPLITS[e.split]) for e in chosen]


def read_entries(root: Path) -> list[Entry]:
    """Raises LivewaveError for a folder of another layout; for the pickled archives it says where the plain one is."""
    archives = [root] if root.suffix in (".npz", ".h5") else [*root.glob("*.npz"), *root.glob("*.h5")]
    if archives and not list(root.glob("*_data")):
        raise LivewaveError(f"{archives[0]} is an archive that runs code when it is opened (pickles), so it is not "
                            "opened: take musicnet.tar.gz, which holds the same recordings as .wav and .csv files, "
                            "and unpack it")
    metadata = _metadata(root)
    entries = [Entry(sound.stem, split, sound, labels, metadata.get(sound.stem, ""))
               for split in SPLITS for sound in sorted((root / f"{split}_data").glob("*.wav"))
               if (labels := root / f"{split}_labels" / f"{sound.stem}.csv").is_file()]
    if not entries:
        raise LivewaveError(f"{root} has {EMPTY} in train_data/ and train_labels/ (or test_...): point at the folder "
                            "that musicnet.tar.gz unpacks to")
    return entries


def read_labels(path: Path) -> list[Label]:
    """Raises LivewaveError, naming file and line."""
    labels, number = [], 1
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not COLUMNS <= set(reader.fieldnames or ()):
                raise ValueError(f"columns {reader.fieldnames}")
            for number, row in enumerate(reader, 2):
                label = Label(*(int(row[name]) for name in ("start_time", "end_time", "instrument", "note")))
                if not (0 <= label.start < label.end and 0 <= label.pitch <= 127):
                    raise ValueError(f"{label}")
                labels.append(label)
    except (OSError, ValueError, TypeError) as error:
        raise LivewaveError(f"{path}, line {number}: {error}; expected start_time < end_time, instrument, "
                            "note 0..127") from None
    return labels


def statistics(root: Path) -> list[tuple[str, float, int]]:
    """Name, minutes and labels, as Table 1 of Manzelli et al. 2018 counts: for an instrument the recordings in which it
    plays and its own labels, for an ensemble its recordings and all of their labels; longest first."""
    import soundfile

    minutes, counts = Counter(), Counter()
    for entry in read_entries(root):
        labels = Counter(label.instrument for label in read_labels(entry.labels))
        long = soundfile.info(entry.sound).duration / 60.0
        named = {_instrument(program): count for program, count in labels.items()}
        for name, count in (named | ({entry.ensemble: sum(labels.values())} if entry.ensemble else {})).items():
            minutes[name] += long
            counts[name] += count
    return [(name, minutes[name], counts[name]) for name, _ in minutes.most_common()]


def _load(entry: Entry, program: int | None, gain: float, align: str, rates: Rates) -> Take:
    audio, remarks = read_sound(entry.sound, rates.rate_hz, gain)
    labels = read_labels(entry.labels)
    last_s = max((label.start for label in labels), default=0) / LABEL_RATE_HZ
    if last_s > len(audio) / rates.rate_hz:
        raise LivewaveError(f"{entry.labels} has labels at {last_s:.1f} s, {entry.sound} ends at "
                            f"{len(audio) / rates.rate_hz:.1f} s: unpack both anew from musicnet.tar.gz")
    take = Take(audio, _events(labels), remarks=remarks)
    take = paired.belonging(take, rates.rate_hz, f"{entry.sound} and {entry.labels}", align)
    return replace(take, events=[event for event in take.events if program in (None, event.channel)])


def _events(labels: list[Label]) -> list[Event]:
    """The channel is the instrument: a pitch that two instruments hold sounds until both let go."""
    events: list[Event] = []
    for label in labels:
        events.append(NoteOn(label.start / LABEL_RATE_HZ, "labels", label.instrument, label.pitch, VELOCITY))
        events.append(NoteOff(label.end / LABEL_RATE_HZ, "labels", label.instrument, label.pitch))
    return sorted(events, key=lambda event: (event.at_s, isinstance(event, NoteOn)))


def _chosen(entries: list[Entry], wanted: str | None) -> tuple[list[Entry], int | None]:
    """The recordings that --instrument asks for, and the instrument whose notes are kept (None = all)."""
    if not wanted:
        return entries, None
    ensemble = [entry for entry in entries if entry.ensemble.lower() == wanted.lower()]
    if ensemble:
        return ensemble, None
    programs = {name.lower(): number for number, name in INSTRUMENTS.items()}
    program = int(wanted) if wanted.isdigit() else programs.get(wanted.lower())
    chosen = [e for e in entries if program in {label.instrument for label in read_labels(e.labels)}]
    if not chosen:
        known = sorted({entry.ensemble for entry in entries} - {""})
        raise LivewaveError(f"no recording here has --instrument {wanted!r}; instruments: "
                            f"{', '.join(INSTRUMENTS.values())} or a program number; ensembles: "
                            f"{', '.join(known) or 'none, musicnet_metadata.csv is missing'}")
    return chosen, program


def _metadata(root: Path) -> dict[str, str]:
    for path in (root / "musicnet_metadata.csv", root.parent / "musicnet_metadata.csv"):
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                return {row["id"]: row["ensemble"] for row in csv.DictReader(file)}
    return {}


def _instrument(program: int) -> str:
    return INSTRUMENTS.get(program, f"program {program}")


def origin(args: argparse.Namespace) -> str:
    return "MusicNet (Thickstun et al. 2017)" + (f", {args.instrument}" if args.instrument else "")
