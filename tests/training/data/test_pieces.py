"""A prepared folder opens lazily, comes back as it was written, and never half."""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.score import events_of, roll_of
from tests.training.data import layouts
from training.data.pieces import FULL_SCALE, SPLITS, Piece, open_prepared, piece_written, quantised, write_piece
from training.prepare import main

SECONDS, RATE_HZ = 4.0, 16_000


@pytest.fixture
def made(tmp_path):
    """Audio, roll and bends, and the piece they became."""
    notes = layouts.a_tune(3, seconds=SECONDS)
    audio, roll = layouts.sung(notes, RATE_HZ, SECONDS), roll_of(events_of(notes), SECONDS, 1_000)
    bends = np.round(np.random.default_rng(1).uniform(-2, 2, roll.shape) * 512).astype(np.float32) / 512
    about = write_piece(tmp_path, "one", audio, RATE_HZ, roll, 1_000, "training", bends=bends)
    return audio, roll, bends, Piece(tmp_path / "pieces", "one", RATE_HZ, 1_000, about["samples"], about["columns"])


def prepared(tmp_path):
    layouts.own_folder(tmp_path / "mine")
    command = ["folder", str(tmp_path / "mine"), str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    return tmp_path / "out", command


def test_a_piece_comes_back_from_its_files_whole_or_in_parts(made):
    audio, roll, bends, piece = made
    np.testing.assert_allclose(piece.audio(0, piece.samples), audio, atol=0.51 / FULL_SCALE)
    np.testing.assert_array_equal(piece.roll(0, piece.columns), roll)
    np.testing.assert_array_equal(piece.bends(0, piece.columns), np.where(roll > 0, bends, 0.0))
    rng = random.Random(1)
    for _ in range(20):
        first = rng.randint(0, piece.columns - 100)
        part = slice(first, first + rng.randint(1, 100))
        np.testing.assert_array_equal(piece.roll(part.start, part.stop), roll[part])
        np.testing.assert_array_equal(piece.bends(part.start, part.stop), np.where(roll > 0, bends, 0.0)[part])
        np.testing.assert_allclose(piece.audio(part.start, part.stop), audio[part], atol=0.51 / FULL_SCALE)
    assert piece.audio(0, 10).dtype == piece.hint(0, 10).dtype == piece.bends(0, 10).dtype == np.float32


def test_mu_law_keeps_the_classes_that_a_mu_law_net_hears(tmp_path, made):
    audio, roll, *_ = made
    about = write_piece(tmp_path, "two", audio, RATE_HZ, roll, 1_000, "validation", "mulaw")
    piece = Piece(tmp_path / "pieces", "two", RATE_HZ, 1_000, about["samples"], about["columns"])
    np.testing.assert_array_equal(quantised(piece.audio(0, piece.samples), "mulaw"), quantised(audio, "mulaw"))
    plain, coded = ((tmp_path / "pieces" / f"{name}.audio.npy").stat().st_size for name in ("one", "two"))
    assert coded < 0.6 * plain


def test_what_is_kept_of_a_hint_is_a_small_part_of_the_audio(made):
    *_, piece = made
    assert (piece.folder / "one.drift.npy").stat().st_size < 0.1 * (piece.folder / "one.audio.npy").stat().st_size


def test_a_piece_that_was_opened_travels_to_another_process_without_its_audio(made):
    *_, piece = made
    piece.audio(0, 10), piece.hint(0, 10)
    sent = pickle.dumps(piece)
    assert len(sent) < 1_000
    np.testing.assert_array_equal(pickle.loads(sent).hint(0, 999), piece.hint(0, 999))


@pytest.mark.parametrize("samples, rate_hz, split",
                         [(16_001, 16_000, "training"), (16_000, 16_500, "training"), (16_000, 16_000, "test")])
def test_what_does_not_fit_is_not_written(tmp_path, samples, rate_hz, split):
    assert split not in SPLITS or samples != 16_000 or rate_hz != 16_000
    with pytest.raises(ValueError, match="one"):
        write_piece(tmp_path, "one", np.zeros(samples, np.float32), rate_hz, np.zeros((1_000, 128), np.uint8), 1_000,
                    split)
    assert not (tmp_path / "pieces").exists()


def test_a_folder_that_is_missing_or_unfinished_says_what_to_do(tmp_path):
    with pytest.raises(LivewaveError, match="no prepared data: make some with python -m training.prepare"):
        open_prepared(tmp_path / "nowhere")
    out, _ = prepared(tmp_path)
    (out / "prepared.json").unlink()
    with pytest.raises(LivewaveError, match="was not finished: run the same command again"):
        open_prepared(out)


@pytest.mark.parametrize("change", [{"format": 99}, {"pieces": [{"name": "x"}]}, {"pieces": 3},
                                    {"provenance": {"a": 1}}, {"provenance": None}])
def test_a_folder_of_another_format_or_a_damaged_list_is_named(tmp_path, change):
    out, _ = prepared(tmp_path)
    about = json.loads((out / "prepared.json").read_text())
    (out / "prepared.json").write_text(json.dumps(about | change))
    with pytest.raises(LivewaveError, match="prepared.json"):
        open_prepared(out)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_list_that_is_no_list_is_named(tmp_path, content):
    out, _ = prepared(tmp_path)
    (out / "prepared.json").write_bytes(content)
    with pytest.raises(LivewaveError, match="prepared.json"):
        open_prepared(out)


@pytest.mark.parametrize("what", ["audio.npy", "drift.npy", "notes.npz"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_damaged_piece_is_named_and_the_same_command_mends_it(tmp_path, what, damage):
    out, command = prepared(tmp_path)
    whole = open_prepared(out).training[0]
    audio, hint, path = whole.audio(0, 999), whole.hint(0, 9_999), out / "pieces" / f"{whole.name}.{what}"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LivewaveError, match=whole.name):
        piece = next(p for p in open_prepared(out).training if p.name == whole.name)
        piece.hint(0, 10)
    assert main(command) == 0
    mended = next(p for p in open_prepared(out).training if p.name == whole.name)
    np.testing.assert_array_equal(mended.audio(0, 999), audio)
    np.testing.assert_array_equal(mended.hint(0, 9_999), hint)


def test_a_piece_with_any_byte_changed_is_read_or_made_anew(made):
    *_, piece = made
    notes = piece.folder / "one.notes.npz"
    whole, whole_about = notes.read_bytes(), piece_written(piece.folder.parent, "one")
    for place in range(0, len(whole), 3):
        notes.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert piece_written(piece.folder.parent, "one") in (None, whole_about)
    for broken in (b"", whole[:40]):
        notes.write_bytes(broken)
        assert piece_written(piece.folder.parent, "one") is None


def test_nothing_is_unpickled_from_a_piece(tmp_path, made):
    *_, piece = made
    np.save(piece.folder / "one.audio.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(LivewaveError, match="one.audio.npy is damaged"):
        piece.audio(0, 1)
