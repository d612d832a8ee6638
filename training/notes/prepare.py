"""Notes for the biaxial LSTM: MIDI files or a corpus, laid on the grid of sixteenths.

    python -m training.notes.prepare OUT --corpus chorales --corpus tunes
    python -m training.notes.prepare OUT --midi my-midi/ --licence "my own pieces"

Drums are left out. A file whose metre is not a whole number of sixteenths a bar, 16 at most (5/4, 9/8 and 12/8 are not),
is refused by name; the others are kept. One piece in ten is held out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.progress import Progress

from livewave import LivewaveError
from livewave.music.grid import rows_of
from livewave.music.score import positions_of, read_piece
from training.notes import corpus
from training.notes.pieces import Piece, save_pieces

LEAST_STEPS = 32  # two bars: less is no piece
Read = Callable[[], Piece]


def readers(args: argparse.Namespace) -> Iterator[tuple[str, Read]]:
    """The name of every source, and what reads it."""
    for group in dict.fromkeys(args.corpus):
        for path in corpus.paths(group):
            yield path.name, lambda path=path, group=group: corpus.read(path, group)
    for folder in args.midi:
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
        if not found:
            raise LivewaveError(f"{folder} holds no MIDI files (.mid, .midi)")
        for path in found:
            yield str(path), lambda path=path, folder=folder: read_midi(path, folder)


def read_midi(path: Path, folder: Path) -> Piece:
    """Raises LivewaveError, naming the file."""
    piece = read_piece(path)
    positions = positions_of(piece)
    notes = [(note.begin, note.end, note.pitch, note.velocity) for note in piece.notes]
    return Piece(str(path.relative_to(folder)), folder.name, rows_of(notes, len(positions)), positions)


def prepare(args: argparse.Namespace, say: Callable[[str], None]) -> None:
    sources, pieces, refused = list(readers(args)), [], {}
    with Progress(disable=not sys.stderr.isatty()) as bar:
        for name, read in bar.track(sources, description="pieces"):
            try:
                piece = read()
                if len(piece.rows) < LEAST_STEPS:
                    raise LivewaveError(f"{name} has {len(piece.rows)} sixteenths; it must have {LEAST_STEPS} or more")
                pieces.append(piece)
            except LivewaveError as error:
                refused[name] = str(error)
                say(f"refused: {error}")
    if not pieces:
        raise LivewaveError("nothing could be read; the reasons are above")
    origins = [corpus.ORIGINS[group] for group in dict.fromkeys(args.corpus)] + ["MIDI files of one's own"] * bool(args.midi)
    steps = sum(len(piece.rows) for piece in pieces)
    provenance = {"data.kind": "notes", "data.pieces": str(len(pieces)), "data.steps": str(steps),
                  "data.origin": "; ".join(origins)} | ({"licence": args.licence} if args.licence else {})
    save_pieces(args.out, pieces, provenance, refused)
    say(f"{args.out}: {len(pieces)} pieces, {steps} sixteenths; {len(refused)} refused")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.notes.prepare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--midi", type=Path, action="append", default=[], metavar="FOLDER", help="and its subfolders; repeatable")
    parser.add_argument("--corpus", action="append", default=[], choices=tuple(corpus.ORIGINS), help="of music21; repeatable")
    parser.add_argument("--licence", help="of the notes; the model file carries it")
    args = parser.parse_args(argv)
    if not args.midi and not args.corpus:
        parser.error("give --midi FOLDER or --corpus NAME")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 written, 1 failed with one clear line (2, from argparse: wrong command line)."""
    args = parse(argv)
    try:
        prepare(args, print)
    except (LivewaveError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
