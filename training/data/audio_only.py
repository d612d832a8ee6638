"""Audio without notes: for a net that is not conditioned, or with the notes of a melody tracker.

    python -m training.prepare audio nocturnes/ prepared/nocturnes --notes none
    python -m training.prepare audio cello-solo/ prepared/cello --notes track --tracker salience

Tracked notes are kept as MIDI files in OUT/tracked/, to be looked at and corrected: with the audio they make a folder
for `training.prepare folder`.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from livewave import LivewaveError
from livewave.music.score import Note, events_of
from training.atomic import replace_file
from training.data.recording import Rates, Recording, Take, files_below, named
from training.data.sound import SUFFIXES, read_sound
from training.data.tracker import TRACKERS, extract

TRACKED = "tracked"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--notes", choices=("none", "track"),
                        help="none: an unconditioned net; track: a melody tracker listens (default: none, and track "
                             "where --tracker is given)")
    parser.add_argument("--tracker", choices=tuple(TRACKERS),
                        help="salience (default) for most; pyin for a lone instrument; melodia needs the extra livewave[melodia] "
                             "(AGPL)")
    parser.add_argument("--gain", type=float, default=1.0,
                        help="factor for every recording; 1 leaves levels as they are")


def find(args: argparse.Namespace) -> list[Recording]:
    if not args.source.is_dir():
        raise LivewaveError(f"no folder at {args.source}")
    paths = files_below(args.source, SUFFIXES)
    if not paths:
        raise LivewaveError(f"no audio file ({' '.join(SUFFIXES)}) below {args.source}")
    tracker = _tracker(args)
    return [Recording(name, partial(_load, path, args.gain, tracker, args.out / TRACKED / f"{name}.mid"))
            for name, path in named(paths, args.source).items()]


def origin(args: argparse.Namespace) -> str:
    tracker = _tracker(args)
    return f"audio of {args.source.name}" + (f", melody by {tracker}" if tracker else ", without notes")


def _tracker(args: argparse.Namespace) -> str | None:
    """Which tracker listens; None for an unconditioned net."""
    if args.notes == "none" and args.tracker:
        raise LivewaveError(f"--notes none asks for no notes and --tracker {args.tracker} for a melody; leave one out")
    return args.tracker or ("salience" if args.notes == "track" else None)


def _load(path: Path, gain: float, tracker: str | None, midi: Path, rates: Rates) -> Take:
    audio, remarks = read_sound(path, rates.rate_hz, gain)
    if tracker is None:
        return Take(audio, [], remarks=remarks)
    notes = extract(audio, rates.rate_hz, tracker)
    if not notes:
        raise LivewaveError(f"{path}: --tracker {tracker} finds no note in it: choose another, or --notes none")
    write_midi(midi, notes)
    return Take(audio, events_of(notes), remarks=remarks)


def write_midi(path: Path, notes: list[Note]) -> None:
    import pretty_midi

    song, line = pretty_midi.PrettyMIDI(resolution=960), pretty_midi.Instrument(0)
    line.notes = [pretty_midi.Note(note.velocity, note.pitch, note.start_s, note.end_s) for note in notes]
    song.instruments.append(line)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, song.write)
