"""The command that makes a model's card: means over seeds as JSON, targets in a table, the reference beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import training.evaluate
from exporters.export import read_about
from livewave.music.compass import Compass
from livewave.onnxfile.guard import MAX_PROVENANCE, MAX_PROVENANCE_CHARS
from livewave.render.modelfile import load_model
from tests.toys import tiny_model, tiny_model_file
from training.data.pieces import open_prepared, write_piece
from training.evaluate import card_of, main, table
from training.players import FontPlayer, Player
from training.scores import KEYS, PARTS, Row, Takes

KEY, MISSED = "lines.frames_in_tune", "start.bursts"


def toy_part(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    """A model's share grows with the seed; a SoundFont has it all. Nothing is played."""
    share = 1.0 if isinstance(player, FontPlayer) else 0.95 + 0.01 * seed
    return {KEY: share, MISSED: 0.5, "low": float(compass.low)}, {"take": np.full(160, 0.1, np.float32)}


@pytest.fixture
def toy_parts(monkeypatch):
    monkeypatch.setattr(training.evaluate, "PARTS", {"toy": toy_part})
    monkeypatch.setattr(training.evaluate, "parts_of", lambda model: ["toy"])


@pytest.fixture
def model(tmp_path) -> Path:
    return tiny_model_file(tmp_path)


@pytest.fixture
def font() -> str:
    import pretty_midi

    return str(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")


def test_the_card_is_the_mean_over_seeds_and_says_what_is_missed(model, toy_parts, capsys):
    assert main([str(model), "--seeds", "3"]) == 0
    printed = capsys.readouterr()
    card = json.loads(printed.out)
    assert card.items() >= {f"score.{KEY}": 0.97, "score.low": 48.0, "score.seeds": 3, "score.temperature": 0.8}.items()
    assert card["score.worst_seed"] == f"{KEY} 0.96, {MISSED} 0.5"
    assert f"{MISSED} is 0.5, 0.5 off <= 0" in card["score.misses"]
    assert [line.split() for line in printed.err.splitlines() if line.startswith((KEY, MISSED))] == [
        [KEY, "0.970", "0.960", ">=", "0.95", "reached"], [MISSED, "0.500", "0.500", "<=", "0", "missed"]]
    assert "3/3 model, seed 3: toy" in printed.err


def test_five_seeds_are_played_unless_told_otherwise(model, toy_parts, capsys):
    assert main([str(model)]) == 0
    assert json.loads(capsys.readouterr().out)["score.seeds"] == 5


def test_the_exporter_takes_the_card(model, toy_parts, tmp_path, capsys):
    main([str(model), "--seeds", "1"])
    (tmp_path / "scores.json").write_text(capsys.readouterr().out)
    assert read_about(tmp_path / "scores.json")[f"score.{KEY}"] == "0.96"


def test_a_card_has_room_in_a_model_file():
    """A file carries 64 texts, of 4,096 characters; training and licence need theirs."""
    row = {key: -1.23456 for key in KEYS if not key.startswith("free.")}
    card = card_of([row], [row])
    assert len(card) + 4 <= MAX_PROVENANCE - 24
    assert all(len(str(value)) < MAX_PROVENANCE_CHARS for value in card.values())


def test_the_reference_is_played_and_told_beside_the_model(model, font, toy_parts, capsys):
    assert main([str(model), "--seeds", "1", "--reference", font, "--program", "73"]) == 0
    printed = capsys.readouterr()
    card = json.loads(printed.out)
    assert card[f"score.{KEY}"] == 0.96 and card["score.of_reference"] == f"{KEY} 1, {MISSED} 0.5"
    assert "(the reference itself: 0.5)" in card["score.misses"]
    assert [line.split()[-1] for line in printed.err.splitlines() if line.startswith(KEY)] == ["1.000"]


def test_the_card_of_another_model_is_put_beside(model, toy_parts, tmp_path, monkeypatch, capsys):
    known = replace(tiny_model(), name="paper", provenance={f"score.{KEY}": "0.91", "score.leaps.frames_in_tune": "0.5"})
    monkeypatch.setattr(training.evaluate, "load_model", lambda name: known if name == "paper" else load_model(name))
    assert main([str(model), "--seeds", "1", "--beside", "paper"]) == 0
    assert json.loads(capsys.readouterr().out)["score.of_paper"] == f"{KEY} 0.91"
    assert main([str(model), "--beside", str(model)]) == 1
    assert "has no scores on its card" in capsys.readouterr().err


def test_a_soundfont_that_is_not_there_is_told_at_once(model, toy_parts, capsys):
    assert main([str(model), "--reference", "none.sf2"]) == 1
    assert capsys.readouterr().err.startswith("error: no SoundFont at none.sf2")


def test_a_soundfont_reaches_the_targets_of_chords_and_of_repeated_notes(font):
    player = FontPlayer(font, 0, Compass(48, 72), 16_000)
    assert PARTS["restruck"](player, Compass(48, 72), 1)[0]["restruck.heard_as_two"] > 0.8
    assert PARTS["chords"](player, Compass(48, 72), 1)[0]["chords.on_top"] > 0.7
    player.close()


def test_what_was_played_is_kept_when_asked_for(model, toy_parts, tmp_path):
    assert main([str(model), "--seeds", "2", "--wav", "--out", str(tmp_path / "wav")]) == 0
    assert sorted(path.name for path in (tmp_path / "wav").iterdir()) == ["model_take_1.wav", "model_take_2.wav"]
    audio, rate = soundfile.read(tmp_path / "wav" / "model_take_1.wav")
    assert rate == 16_000 and len(audio) == 160


def test_other_processes_give_the_same_card(model, capsys):
    """Real parts of a real net: chords alone, for they are quick."""
    cards = []
    for jobs in ("1", "2"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training.evaluate, "parts_of", lambda model: ["chords"])
            assert main([str(model), "--seeds", "2", "--jobs", jobs]) == 0
        cards.append(json.loads(capsys.readouterr().out))
    assert cards[0] == cards[1] and "score.chords.on_top" in cards[0]


def test_held_out_recordings_are_heard_in_every_precision_and_with_a_shuffled_roll(model, toy_parts, tmp_path, capsys):
    prepared(tmp_path / "data")
    assert main([str(model), "--seeds", "1", "--held-out", str(tmp_path / "data")]) == 0
    card = json.loads(capsys.readouterr().out)
    assert {"held_out.int8", "held_out.bf16", "held_out.f32", "held_out.adherence"} <= card.keys()
    assert card["held_out.adherence"] != 0.0


def test_an_unconditioned_net_is_compared_with_the_recordings(tmp_path, capsys):
    prepared(tmp_path / "data")
    model = tiny_model_file(tmp_path, cond_channels=0, hint="none")
    assert main([str(model), "--seeds", "1", "--held-out", str(tmp_path / "data")]) == 0
    card = json.loads(capsys.readouterr().out)
    assert {"score.free.level_db", "score.free.flatness", "held_out.level_db", "held_out.flatness"} <= card.keys()
    assert card["held_out.level_db"] == pytest.approx(-14.8, abs=0.5)
    assert not any("frames_in_tune" in key for key in card)


def prepared(folder: Path) -> None:
    """Noise in which pitches sound at random, as training.prepare leaves it."""
    rng = np.random.default_rng(1)
    entries = []
    for name, split in (("a", "training"), ("b", "validation")):
        audio = rng.uniform(-0.3, 0.3, 16_000).astype(np.float32) + np.float32(0.01)
        roll = np.where(rng.random((1_000, 128)) < 0.01, 90, 0).astype(np.uint8)
        entries.append(write_piece(folder, name, audio, 16_000, roll, 1_000, split))
    (folder / "prepared.json").write_text(json.dumps(
        {"format": 1, "kind": "audio", "rate_hz": 16_000, "roll_rate_hz": 1_000, "provenance": {}, "pieces": entries}))
    assert open_prepared(folder).validation


# bad input


def test_a_model_that_names_no_compass_must_be_given_one(tmp_path, toy_parts, capsys):
    from exporters.stepgraph import build_model

    path = tmp_path / "anything.onnx"
    path.write_bytes(build_model(tiny_model()).SerializeToString())
    assert main([str(path)]) == 1
    assert "give --low and --high" in capsys.readouterr().err
    assert main([str(path), "--low", "60", "--high", "80", "--seeds", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["score.low"] == 60.0
    assert main([str(path), "--low", "0", "--high", "127", "--seeds", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["score.low"] == 0.0
    assert main([str(path), "--low", "60", "--high", "62"]) == 1
    assert "at least an octave" in capsys.readouterr().err


@pytest.mark.parametrize("flags, told", [
    (["--out", "FILE/out", "--wav"], "choose another --out"), (["--held-out", "nowhere"], "nowhere"),
    (["--jobs", "0"], "from 1 up"), (["--seeds", "0"], "--seeds"), (["--temperature", "9"], "--temperature"),
])
def test_a_bad_argument_is_one_clear_line(model, toy_parts, tmp_path, capsys, flags, told):
    (tmp_path / "file").write_text("")
    assert main([str(model), *(flag.replace("FILE", str(tmp_path / "file")) for flag in flags)]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and told in errors[0]


def test_a_report_and_audio_need_a_folder(model, capsys):
    for flags in (["--midi", "somewhere"], ["--wav"]):
        with pytest.raises(SystemExit) as ended:
            main([str(model), *flags])
        assert ended.value.code == 2 and "--out" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--low", "0"], ["--high", "80"], ["--reference", "a.sf2"], ["--program", "0"],
                                   ["--held-out", "data"], ["--wav"]])
def test_what_a_report_does_not_read_is_refused(model, tmp_path, capsys, flags):
    with pytest.raises(SystemExit) as ended:
        main([str(model), "--midi", str(tmp_path), "--out", str(tmp_path), *flags])
    assert ended.value.code == 2 and f"does not read {flags[0]}" in capsys.readouterr().err


def test_an_unconditioned_net_has_no_reference_and_nothing_is_played(tmp_path, font, monkeypatch, capsys):
    monkeypatch.setattr(training.evaluate, "each", lambda *_: pytest.fail("played"))
    assert main([str(tiny_model_file(tmp_path, cond_channels=0, hint="none")), "--reference", font]) == 1
    assert "leave --reference out" in capsys.readouterr().err


def test_the_table_has_no_reference_where_none_was_played():
    rows = [{KEY: 0.9, "level.notes_db": -20.0}]
    assert "reference" not in table(rows) and "missed" in table(rows)
    assert table(rows, [{KEY: 0.99, "level.notes_db": -21.0}]).splitlines()[1].endswith("0.990")
