"""The examples are what the instruments play: every phrase, of the right length, within the compass."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import training.examples
from livewave import LivewaveError
from livewave.hearing.measures import in_tune
from livewave.music.compass import Compass
from livewave.render.modelfile import load_model
from tests.toys import tiny_model
from livewave.music.score import positions_of, read_piece
from training.examples import BPM, phrases, write, write_phrase


@pytest.mark.parametrize("compass", [Compass(55, 84), Compass(36, 60), Compass(96, 127)])
def test_every_phrase_lies_in_the_compass_and_has_no_pitch_twice_at_once(compass):
    for name, notes in phrases(compass).items():
        assert all(compass.low <= note.pitch <= compass.high for note in notes), name
        keys = [(note.start_s, note.pitch) for note in notes]
        assert len(set(keys)) == len(keys), name


def test_each_phrase_becomes_a_file_as_long_as_it_is_played(tmp_path):
    model = tiny_model()
    notes = phrases(Compass.of(model.provenance))
    paths = write(model, "tiny", tmp_path)
    assert [path.name for path in paths] == [f"tiny-{name.replace('_', '-')}.mp3" for name in notes]
    for path, phrase in zip(paths, notes.values()):
        audio, rate = soundfile.read(path)
        assert rate == model.spec.model_rate_hz
        assert len(audio) / rate == pytest.approx(max(note.end_s for note in phrase) + 1.0, abs=0.1)
        assert np.abs(audio).max() > 0.01


def test_what_is_heard_in_the_file_is_the_phrase(tmp_path, monkeypatch):
    model = load_model("flute")
    compass = Compass.of(model.provenance)
    few = [note for note in phrases(compass)["ode_to_joy"] if note.end_s < 3.0]
    monkeypatch.setattr(training.examples, "phrases", lambda compass: {"start": few})
    (path,) = write(model, "flute", tmp_path)
    audio, rate = soundfile.read(path, dtype="float32")
    assert in_tune(audio, rate, few, compass)["frames_in_tune"] > 0.9


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(LivewaveError, match="cannot be written"):
        write(tiny_model(), "tiny", tmp_path / "missing")


def test_the_phrase_that_is_carried_on_is_eight_bars_of_four_four(tmp_path):
    write_phrase(tmp_path / "phrase.mid")
    piece = read_piece(tmp_path / "phrase.mid")
    assert piece.tempos == ((0.0, pytest.approx(BPM)),)
    assert piece.metres == ((0.0, 4, 4),)
    assert len(piece.notes) == 30
    assert piece.steps == len(positions_of(piece)) == 8 * 16
