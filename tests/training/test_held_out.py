"""The engine's loss on prepared recordings: what the reference says, and more of it with the wrong roll."""

from __future__ import annotations

import json

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.render.wavenet import Model, ReferenceEngine, log_softmax, mulaw_encode
from tests.toys import tiny_model
from training.data.pieces import Piece, write_piece
from training.held_out import held_out_nats, held_out_pieces

COLUMNS = 60


@pytest.fixture
def piece(tmp_path) -> Piece:
    """Random audio and a random roll, as they come back from where training.prepare puts them."""
    rng = np.random.default_rng(1)
    audio = rng.uniform(-0.5, 0.5, 16 * COLUMNS).astype(np.float32)
    roll = np.where(rng.random((COLUMNS, 128)) < 0.02, 90, 0).astype(np.uint8)
    write_piece(tmp_path, "a", audio, 16_000, roll, 1_000, "validation")
    return Piece(tmp_path / "pieces", "a", 16_000, 1_000, 16 * COLUMNS, COLUMNS, "validation")


def surprise(model: Model, piece: Piece, roll: np.ndarray, steps: np.ndarray) -> float:
    audio = piece.audio(0, piece.samples)
    logits = np.empty((len(audio), 256), np.float32)
    ReferenceEngine(model).feed(roll, audio, logits, steps if model.spec.hint == "f0" else None)
    nats = -log_softmax(logits)[np.arange(len(audio)), mulaw_encode(audio)]
    return float(nats[model.spec.receptive_field :].mean())


def test_held_out_loss_is_what_the_reference_says_and_rounding_costs_little(piece):
    model = tiny_model()
    exact = held_out_nats(model, [piece], "f32")
    assert exact == pytest.approx(surprise(model, piece, piece.roll(0, COLUMNS), piece.locked_steps(COLUMNS)), abs=1e-4)
    assert 0.0 < abs(held_out_nats(model, [piece], "int8") - exact) < 0.05


def test_a_shuffled_roll_has_the_same_notes_at_other_times(piece):
    model = tiny_model()
    late = (np.roll(array, COLUMNS // 2, axis=0) for array in (piece.roll(0, COLUMNS), piece.locked_steps(COLUMNS)))
    assert held_out_nats(model, [piece], "f32", shuffled=True) == pytest.approx(surprise(model, piece, *late), abs=1e-4)


def test_a_net_that_ignores_its_roll_loses_nothing_by_a_shuffled_one(piece):
    deaf = tiny_model(hint="none")
    deaf.weights["condition"][:] = 0.0
    assert held_out_nats(deaf, [piece], "f32", shuffled=True) == held_out_nats(deaf, [piece], "f32")
    heeds = tiny_model(hint="none")
    assert held_out_nats(heeds, [piece], "f32", shuffled=True) != held_out_nats(heeds, [piece], "f32")


def test_only_the_beginning_of_a_long_piece_is_heard(piece, monkeypatch):
    whole = held_out_nats(tiny_model(), [piece], "f32")
    monkeypatch.setattr("training.held_out.HELD_OUT_S", 0.03)
    assert held_out_nats(tiny_model(), [piece], "f32") != whole


def test_pieces_that_the_model_cannot_hear_are_named_with_a_remedy(tmp_path, piece):
    entry = {"name": "a", "split": "validation", "samples": piece.samples, "columns": COLUMNS, "seconds": 0.06, "notes": 1,
             "bytes": sum(path.stat().st_size for path in piece.folder.glob("*.npy"))}
    about = {"format": 1, "kind": "folder", "rate_hz": 16_000, "roll_rate_hz": 1_000, "provenance": {}, "pieces": [entry]}
    (tmp_path / "prepared.json").write_text(json.dumps(about))
    assert held_out_pieces(tiny_model(), tmp_path) == [piece]
    with pytest.raises(LivewaveError, match="longer than 2060 samples.* longer recordings"):
        held_out_pieces(tiny_model(dilations=(512, 512)), tmp_path)
    with pytest.raises(LivewaveError, match="prepared at 16000 Hz and 1000 .* 8000 and 1000"):
        held_out_pieces(tiny_model(model_rate_hz=8_000), tmp_path)
    (tmp_path / "prepared.json").write_text(json.dumps({**about, "pieces": [{**entry, "split": "training"}]}))
    with pytest.raises(LivewaveError, match="no held-out piece"):
        held_out_pieces(tiny_model(), tmp_path)


def test_bends_are_heard(tmp_path, piece):
    model, straight = tiny_model(), held_out_nats(tiny_model(), [piece], "f32")
    audio, roll = piece.audio(0, piece.samples), piece.roll(0, COLUMNS)
    write_piece(tmp_path, "a", audio, 16_000, roll, 1_000, "validation", bends=np.where(roll > 0, 1.0, 0.0).astype(np.float32))
    bent = Piece(tmp_path / "pieces", "a", 16_000, 1_000, 16 * COLUMNS, COLUMNS, "validation")
    assert bent.bends(0, COLUMNS).any()
    assert held_out_nats(model, [bent], "f32") != straight
