from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.biaxial import NOTES
from training.notes.pieces import Piece, open_pieces, save_pieces


def pieces(count: int = 12, group: str = "g") -> list[Piece]:
    chance = np.random.default_rng(0)
    return [Piece(f"{group}{n:02}", group, chance.integers(0, 2, (20 + n, NOTES, 3), dtype=np.uint8),
                  np.arange(20 + n, dtype=np.uint8) % 12) for n in range(count)]


def test_what_is_saved_is_opened_and_one_in_ten_of_each_group_is_held_out(tmp_path: Path):
    saved = pieces() + pieces(25, "h")
    save_pieces(tmp_path, saved, {"licence": "ours"}, {"x.mid": "5/4"})
    found = open_pieces(tmp_path)
    assert found.provenance == {"licence": "ours"}
    assert [piece.name for piece in found.validation] == ["g00", "g10", "h00", "h10", "h20"]
    by_name = {piece.name: piece for piece in found.training + found.validation}
    for piece in saved:
        np.testing.assert_array_equal(by_name[piece.name].rows, piece.rows)
        np.testing.assert_array_equal(by_name[piece.name].positions, piece.positions)
    assert json.loads((tmp_path / "prepared.json").read_text())["refused"] == {"x.mid": "5/4"}


def test_one_piece_is_too_few(tmp_path: Path):
    with pytest.raises(LivewaveError, match="too few"):
        save_pieces(tmp_path, pieces(1), {}, {})


@pytest.mark.parametrize("damage", ["missing", "cut", "version", "json"])
def test_damaged_pieces_are_refused_by_name(tmp_path: Path, damage: str):
    save_pieces(tmp_path, pieces(), {}, {})
    packed, about = tmp_path / "pieces.npz", tmp_path / "prepared.json"
    if damage == "missing":
        packed.unlink()
    elif damage == "cut":
        packed.write_bytes(packed.read_bytes()[:-200])
    elif damage == "version":
        about.write_text(about.read_text().replace('"format": 1', '"format": 9'))
    else:
        about.write_text("{")
    with pytest.raises(LivewaveError, match=str(tmp_path)):
        open_pieces(tmp_path)
