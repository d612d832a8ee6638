from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from livewave.music.compass import Compass
from livewave.music.score import Note
from tests.toys import tiny_model
from training.board import Board, forget_after, picture, takes


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"audio": 0, "images": 0, "scalars": 0}).Reload()


def test_a_board_keeps_scalars_audio_and_pictures(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr("training.board.takes", lambda model, compass, temperature: [
        ("ode", [Note(0.1, 0.5, 60, 90)], (0.1 * rng.standard_normal(16_000)).astype(np.float32))])
    board = Board(tmp_path, 0)
    board.tell({"step": 3, "held_out": 2.5, "train": 2.75})
    board.hear(3, tiny_model(), Compass(48, 83), 0.8)
    board.close()
    found = events(tmp_path)
    assert {name: [(e.step, e.value) for e in found.Scalars(name)] for name in found.Tags()["scalars"]} == {
        "held_out": [(3, 2.5)], "train": [(3, 2.75)]}
    assert found.Tags()["audio"] == ["ode"] and found.Audio("ode")[0].sample_rate == 16_000
    image = found.Images("ode")[0]
    assert image.step == 3 and image.width > 600 and image.encoded_image_string.startswith(b"\x89PNG")
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"step": 3, "held_out": 2.5, "train": 2.75}


def test_what_was_told_after_the_checkpoint_is_forgotten(tmp_path):
    board = Board(tmp_path, 0)
    for step in (2, 4, 6):
        board.tell({"step": step, "held_out": float(step)})
    board.close()
    time.sleep(1.1)  # TensorBoard reads the files of a run in the order of their names, which are of the second
    resumed = Board(tmp_path, 4)
    resumed.tell({"step": 6, "held_out": 7.0})
    resumed.close()
    assert [json.loads(line)["held_out"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [2.0, 4.0, 7.0]
    assert [e.value for e in events(tmp_path).Scalars("held_out")] == [2.0, 4.0, 7.0]


def test_a_line_that_was_cut_off_is_dropped(tmp_path):
    log = tmp_path / "log.jsonl"
    forget_after(log, 3)
    assert not log.exists()
    log.write_text('{"step": 2}\n{"step": 3}\n{"step": 3, "tra')
    forget_after(log, 3)
    assert log.read_text() == '{"step": 2}\n{"step": 3}\n'


def test_a_picture_shows_what_was_asked_for_and_what_was_heard():
    time = np.arange(32_000) / 16_000
    audio = (0.3 * np.sin(2 * np.pi * 440.0 * time) * (time < 1.0)).astype(np.float32)
    above, below = picture(audio, 16_000, [Note(0.0, 1.0, 69, 90)]).axes
    heard, asked = above.images[0].get_array(), below.images[0].get_array()
    hz = np.linspace(0, 8_000, len(heard))
    loudest = hz[np.asarray(heard).argmax(0)]
    assert (np.abs(loudest[: len(loudest) // 3] - 440.0) < 20.0).all()
    assert above.get_xlim() == below.get_xlim() == (0.0, 2.0)
    assert asked[69, :200].all() and not asked[69, 200:].any() and not np.delete(asked, 69, 0).any()
    assert below.get_ylim()[0] < 69 < below.get_ylim()[1]


@pytest.mark.parametrize("changes, names", [({}, ["ode_to_joy", "chords"]), ({"cond_channels": 0, "hint": "none"}, ["free"])])
def test_takes_are_played_by_the_model(changes, names):
    played = takes(tiny_model(**changes), Compass(48, 83), 0.8)
    assert [name for name, _, _ in played] == names
    for _, notes, audio in played:
        assert audio.dtype == np.float32 and np.abs(audio).max() > 0.0 and len(audio) <= 7 * 16_000
        assert bool(notes) == ("free" not in names)
