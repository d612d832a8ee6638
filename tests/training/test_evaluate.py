"""The scores that gate what ships: near 1 for audio that follows the notes, near 0 for audio that does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import training.evaluate
from livewave.music.compass import Compass
from livewave.render.wavenet import Model, ReferenceEngine, log_softmax, mulaw_encode
from tests.toys import tiny_model, tiny_model_file
from training.data import Note, Piece
from training.evaluate import (
    SONGS, adherence, chord_recall, held_out_nats, in_tune, level_db, main, play, scores, song,
)

RATE_HZ = 16_000
COMPASS = Compass(55, 88)
LINE = [Note(0.2 + 0.3 * i, 0.2 + 0.3 * i + 0.28, pitch, 95) for i, pitch in enumerate((60, 67, 72, 55, 81, 74))]
CHORDS = [Note(0.2 + i, 1.1 + i, root + step, 92) for i, root in enumerate((60, 69)) for step in (0, 4, 7)]


def sung(notes: list[Note], cents: float = 0.0, late_s: float = 0.0) -> np.ndarray:
    """float32 [samples]: every note as four harmonics, from its start to its end."""
    time = np.arange(round((max(note.end_s for note in notes) + 0.3) * RATE_HZ)) / RATE_HZ
    audio = np.zeros(len(time))
    for note in notes:
        hz = 440.0 * 2.0 ** ((note.pitch + cents / 100.0 - 69) / 12)
        level = np.clip(np.minimum(time - note.start_s - late_s, note.end_s + late_s - time) / 0.005, 0.0, 1.0)
        audio += sum(0.2 / h * level * np.sin(2 * np.pi * h * hz * time) for h in (1, 2, 3, 4))
    return audio.astype(np.float32)


def noise(notes: list[Note]) -> np.ndarray:
    samples = len(sung(notes))
    return (0.2 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


# one line


def test_audio_that_follows_its_notes_scores_one():
    row = in_tune(sung(LINE), RATE_HZ, LINE, COMPASS)
    assert row["frames_in_tune"] > 0.95 and row["notes_in_tune"] == 1.0
    assert 0.0 <= row["speaks_ms"] < 40.0


@pytest.mark.parametrize("cents", [30.0, -30.0])
def test_a_little_out_of_tune_is_still_in_tune(cents):
    assert in_tune(sung(LINE, cents), RATE_HZ, LINE, COMPASS)["notes_in_tune"] == 1.0


@pytest.mark.parametrize("compass", [Compass(60, 71), Compass(0, 127), Compass(36, 96)])
def test_any_compass_can_be_scored(compass):
    assert in_tune(sung([Note(0.2, 0.8, 64, 95)]), RATE_HZ, [Note(0.2, 0.8, 64, 95)], compass)["notes_in_tune"] == 1.0


@pytest.mark.parametrize("seed", [1, 2])
def test_leaps_across_the_whole_compass_can_be_scored(seed):
    """The widest leaps that the score asks for: somebody who sings them perfectly must get the full score."""
    leaps = training.evaluate._leaps(COMPASS, seed)
    assert max(abs(one.pitch - other.pitch) for one, other in zip(leaps, leaps[1:])) > 20
    row = in_tune(sung(leaps), RATE_HZ, leaps, COMPASS)
    assert row["frames_in_tune"] > 0.98 and row["notes_in_tune"] == 1.0


@pytest.mark.parametrize("cents", [100.0, -100.0, 700.0, -1_200.0])
def test_audio_of_other_notes_scores_nothing(cents):
    row = in_tune(sung(LINE, cents), RATE_HZ, LINE, COMPASS)
    assert row["frames_in_tune"] < 0.1 and row["notes_in_tune"] == 0.0


@pytest.mark.parametrize("audio", [noise(LINE), np.zeros_like(noise(LINE)),
                                   sung([Note(0.0, 2.2, 62, 95)])[: len(sung(LINE))]],
                         ids=["noise", "silence", "one note for all"])
def test_audio_that_ignores_its_notes_scores_nothing(audio):
    row = in_tune(audio, RATE_HZ, LINE, COMPASS)
    assert row["frames_in_tune"] < 0.1 and row["notes_in_tune"] == 0.0
    assert row["speaks_ms"] == np.inf


def test_a_note_that_is_wrong_costs_its_share():
    wrong = [replace(note, pitch=note.pitch + 3) if i == 2 else note for i, note in enumerate(LINE)]
    row = in_tune(sung(wrong), RATE_HZ, LINE, COMPASS)
    assert row["notes_in_tune"] == pytest.approx(5 / 6)
    assert 0.75 < row["frames_in_tune"] < 0.9


def test_the_time_until_a_note_speaks_is_measured():
    row = in_tune(sung(LINE, late_s=0.1), RATE_HZ, LINE, COMPASS)
    assert 80.0 < row["speaks_ms"] < 150.0


# chords


def test_a_chord_that_sounds_is_recalled_and_another_one_is_not():
    assert chord_recall(sung(CHORDS), RATE_HZ, CHORDS) == 1.0
    assert chord_recall(sung([replace(note, pitch=note.pitch + 2) for note in CHORDS]), RATE_HZ, CHORDS) < 0.1
    assert chord_recall(np.zeros_like(sung(CHORDS)), RATE_HZ, CHORDS) == 0.0
    assert chord_recall(noise(CHORDS), RATE_HZ, CHORDS) < 0.8


def test_a_chord_note_that_is_missing_costs_its_share():
    without_fifths = [note for i, note in enumerate(CHORDS) if i % 3 != 2]
    padded = sung(CHORDS) * 0.0
    audio = sung(without_fifths)
    padded[: len(audio)] = audio
    assert chord_recall(padded, RATE_HZ, CHORDS) == pytest.approx(2 / 3, abs=0.05)


# songs and playing


@pytest.mark.parametrize("name", SONGS)
@pytest.mark.parametrize("compass", [COMPASS, Compass(36, 60), Compass()])
def test_songs_fit_the_instrument(name, compass):
    notes = song(name, compass)
    assert len(notes) == len(SONGS[name][0].split()) == len(SONGS[name][1])
    assert all(compass.low <= note.pitch <= compass.high for note in notes)
    assert all(one.end_s < other.start_s for one, other in zip(notes, notes[1:]))
    assert notes[0].start_s > 0.0


def test_playing_is_what_the_stage_would_play():
    notes = [Note(0.1, 0.2, 60, 95)]
    audio = play(tiny_model(), notes, seed=1, temperature=0.8, tail_s=0.9)
    assert audio.dtype == np.float32 and len(audio) == round(1.1 * RATE_HZ)
    assert not audio[: round(0.1 * RATE_HZ)].any() and audio[round(0.1 * RATE_HZ) :].any()
    assert not audio[round(0.81 * RATE_HZ) :].any()  # a rest, faded out
    np.testing.assert_array_equal(play(tiny_model(), notes, 1, 0.8, 0.9), audio)
    assert not np.array_equal(play(tiny_model(), notes, 2, 0.8, 0.9), audio)


def test_level_is_in_db_of_full_scale():
    assert level_db(np.ones(100, np.float32)) == pytest.approx(0.0, abs=1e-6)
    assert level_db(np.full(100, 0.1, np.float32)) == pytest.approx(-20.0, abs=1e-4)
    assert level_db(np.zeros(100, np.float32)) == pytest.approx(-120.0)


@pytest.fixture
def perfect(monkeypatch):
    """In place of the net somebody who sings every note."""
    def sing(model: Model, notes: list[Note], seed: int, temperature: float, tail_s: float = 1.0,
             precision: str = "auto") -> np.ndarray:
        audio = sung(notes)
        return np.concatenate((audio, np.zeros(round(tail_s * RATE_HZ), np.float32)))

    monkeypatch.setattr(training.evaluate, "play", sing)


def short(pitches: str, beats: int) -> tuple[str, list[float]]:
    return pitches, [1.0] * beats


def test_adherence_is_one_for_a_singer_and_nothing_for_a_net_of_random_weights(perfect, monkeypatch):
    monkeypatch.setattr(training.evaluate, "SONGS", {"short": short("G4 C5 E5 A4", 4)})
    assert adherence(tiny_model(), 55, 88) > 0.95
    monkeypatch.setattr(training.evaluate, "play", play)
    assert adherence(tiny_model(), 55, 88) < 0.1


def test_restarts_of_a_singer_are_all_spoken_and_its_rests_are_silent(perfect, monkeypatch):
    _, row = training.evaluate._restart(tiny_model(), COMPASS, 1, 0.8, "auto")
    assert row["restart.spoken"] == 1.0 and row["restart.rest_db"] < -80.0
    monkeypatch.setattr(training.evaluate, "play", lambda *_, **__: sung([Note(0.0, 6.6, 62, 95)]))  # a drone
    _, row = training.evaluate._restart(tiny_model(), COMPASS, 1, 0.8, "auto")
    assert row["restart.spoken"] == 0.0 and row["restart.rest_db"] > -3.0


def test_every_score_of_a_singer_is_as_good_as_it_gets(perfect, monkeypatch):
    monkeypatch.setattr(training.evaluate, "SONGS", {"short": short("G4 C5 E5 A4", 4)})
    monkeypatch.setattr(training.evaluate, "_leaps", lambda compass, seed: LINE)
    monkeypatch.setattr(training.evaluate, "_restart", lambda *_: (np.zeros(1), {"restart.spoken": 1.0}))
    row, takes = scores(tiny_model(), COMPASS, 0.8, 1)
    assert {"short.notes_in_tune", "leaps.notes_in_tune", "chords.recall", "restart.spoken"} <= row.keys()
    assert all(value > 0.95 for name, value in row.items() if not name.endswith("_ms"))
    assert set(takes) == {"short", "leaps", "chords", "restart"}


def test_the_command_prints_the_mean_over_its_seeds_and_writes_what_was_played(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training.evaluate, "scores", lambda model, compass, temperature, seed, precision: (
        {"a": float(seed), "low": float(compass.low)}, {"take": np.zeros(160, np.float32)}))
    main([str(tiny_model_file(tmp_path)), "--seeds", "3", "--wav", str(tmp_path / "wav")])
    assert json.loads(capsys.readouterr().out).items() >= {"score.a": 2.0, "score.low": 48.0, "score.seeds": 3}.items()
    assert sorted(path.name for path in (tmp_path / "wav").iterdir()) == ["take_1.wav", "take_2.wav", "take_3.wav"]


def test_held_out_loss_is_what_the_reference_says_and_rounding_costs_little():
    model = tiny_model()
    rng = np.random.default_rng(1)
    audio = rng.uniform(-0.5, 0.5, 800).astype(np.float32)
    roll = (rng.random((50, 128)) < 0.02).astype(np.uint8)
    piece = Piece(audio, roll, np.zeros((800, 4), np.float32))
    logits = np.empty((800, 256), np.float32)
    ReferenceEngine(model).feed(roll, audio, logits)
    surprise = -log_softmax(logits)[np.arange(800), mulaw_encode(audio)]
    exact = held_out_nats(model, [piece], "f32")
    assert exact == pytest.approx(surprise[model.spec.receptive_field :].mean(), abs=1e-4)
    assert 0.0 < abs(held_out_nats(model, [piece], "int8") - exact) < 0.05
