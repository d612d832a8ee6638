from __future__ import annotations

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.biaxial import NOTES, features
from training.notes.config import make_config
from training.notes.crops import Crops, transposed
from training.notes.pieces import Piece


def tune(name: str = "tune", group: str = "g", steps: int = 40, low: int = 30) -> Piece:
    """Each step has a pitch of its own, so that a crop tells where it was cut."""
    rows = np.zeros((steps, NOTES, 3), np.uint8)
    for step in range(steps):
        rows[step, low + step % 12] = (1, 1, 60 + step % 50)
    return Piece(name, group, rows, np.arange(steps, dtype=np.uint8) % 16)


def config(**data: object):
    return make_config({"run": {"batch": 3, "length": 8}, "data": {"transpose": 0, "whole_share": 1.0} | data})


def test_features_are_of_the_row_before_each_step_of_the_crop():
    piece = tune()
    batch = Crops(config(), [piece]).batch(0)
    assert batch.features.shape == (8, 3, NOTES, 80)
    for crop in range(3):
        sung = batch.rows[:, crop].numpy()
        first = next(n for n in range(40) if (piece.rows[n] == sung[0]).all())
        before = np.concatenate((piece.rows[first - 1 : first] if first else np.zeros((1, NOTES, 3), np.uint8), sung[:-1]))
        np.testing.assert_array_equal(batch.features[:, crop], features(before, piece.positions[first : first + 8]))


def test_a_crop_follows_from_seed_and_step_alone():
    crops = Crops(config(), [tune()])
    late = crops.batch(5)
    for step in range(5):
        crops.batch(step)
    assert (Crops(config(), [tune()]).batch(5).rows == late.rows).all()
    assert (crops.batch(6).rows != late.rows).any()


def test_a_window_holds_all_that_sounds():
    crops = Crops(config(whole_share=0.0, transpose=5), [tune(low=2), tune("other", low=20)])
    for step in range(20):
        batch = crops.batch(step)
        assert batch.features.shape[2] == batch.rows.shape[2] < NOTES
        assert (batch.rows[..., 0].sum((0, 2)) == 8).all()  # none of a crop's eight notes is cut off


def test_groups_are_heard_equally_often_however_many_pieces_they_have():
    many = [tune(f"many{n}", "many", low=10) for n in range(30)]
    crops = Crops(config(), [*many, tune("one", "one", low=50)])
    high = sum(int(batch.rows[:, :, 50:].any()) for batch in map(crops.batch, range(200)))
    assert 70 < high < 130


def test_a_short_piece_goes_round():
    batch = Crops(config(), [tune(steps=5)]).batch(0)
    assert (batch.rows[:, 0, :, 0].sum(1) == 1).all()


def test_transposing_stops_at_the_edge_of_the_keyboard():
    rows = tune(low=0).rows
    assert transposed(rows, -3) is rows or (transposed(rows, -3) == rows).all()
    assert transposed(rows, 2)[0, 2, 0] == 1


def test_no_pieces_are_refused():
    with pytest.raises(LivewaveError, match="no pieces"):
        Crops(config(), [])
