"""Prepared pieces: rows on the grid of sixteenths, with the place of each step in its bar.

    OUT/pieces.npz      rows uint8 [steps, 78, 3] and positions uint8 [steps] of all pieces in a row, ends int64 [pieces]
    OUT/prepared.json   format, provenance, the pieces' names in order, which are held out, what was refused and why
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.music.biaxial import MOST_STEPS_A_BAR, NOTES
from training.atomic import write_whole

FORMAT = 1
HELD_OUT_EVERY = 10  # of the pieces in order of name


@dataclass(frozen=True)
class Piece:
    """rows  uint8 [steps, 78, 3];  positions  uint8 [steps], of each step in its bar, 0..15;  group  what it is one of"""

    name: str
    group: str
    rows: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class Prepared:
    training: list[Piece]
    validation: list[Piece]
    provenance: dict[str, str]


def save_pieces(out: Path, pieces: Sequence[Piece], provenance: dict[str, str], refused: dict[str, str]) -> None:
    """Write `pieces` to the folder `out`; every HELD_OUT_EVERY-th of each group by name is held out. Raises LivewaveError."""
    ordered = sorted(pieces, key=lambda piece: (piece.group, piece.name))
    held_out = [piece.name for group in sorted({piece.group for piece in ordered})
                for piece in [one for one in ordered if one.group == group][::HELD_OUT_EVERY]]
    if len(held_out) == len(ordered):
        raise LivewaveError(f"{len(ordered)} pieces are too few: each kind needs two at least, of which one is held out")
    packed = io.BytesIO()
    np.savez_compressed(packed, rows=np.concatenate([piece.rows for piece in ordered]),
                        positions=np.concatenate([piece.positions for piece in ordered]),
                        ends=np.cumsum([len(piece.rows) for piece in ordered]))
    about = {"format": FORMAT, "provenance": provenance, "refused": refused, "held_out": held_out,
             "pieces": [[piece.name, piece.group] for piece in ordered]}
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "pieces.npz", packed.getbuffer())
    write_whole(out / "prepared.json", json.dumps(about, indent=1).encode())


def open_pieces(folder: Path) -> Prepared:
    """What `save_pieces` wrote. Raises LivewaveError, naming the file, for anything else."""
    try:
        about = json.loads((folder / "prepared.json").read_text(encoding="utf-8"))
        with np.load(folder / "pieces.npz", allow_pickle=False) as arrays:
            rows, positions, ends = arrays["rows"], arrays["positions"], arrays["ends"]
        if about["format"] != FORMAT or rows.shape[1:] != (NOTES, 3) or len(ends) != len(about["pieces"]):
            raise ValueError("it was written by another version, or only half of it is there")
        if len(positions) != len(rows) or ends[-1] != len(rows) or positions.max() >= MOST_STEPS_A_BAR:
            raise ValueError("its parts do not fit each other")
        parts = zip(about["pieces"], np.split(rows, ends[:-1]), np.split(positions, ends[:-1]))
        pieces = [Piece(name, group, part, places) for (name, group), part, places in parts]
        held_out, provenance = set(about["held_out"]), dict(about["provenance"])
    except OSError as error:
        raise LivewaveError(f"{folder} holds no prepared pieces ({error.strerror}); make them with "
                            "python -m training.notes.prepare") from None
    except (ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
        raise LivewaveError(f"{folder} is damaged ({error}); run the training.notes.prepare command again") from None
    return Prepared([piece for piece in pieces if piece.name not in held_out],
                    [piece for piece in pieces if piece.name in held_out], provenance)
