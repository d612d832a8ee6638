"""`livewave compare`: good takes score high, wrong ones low, late ones are laid over their notes; what fails says why."""

from __future__ import annotations

import importlib.util
import json
import re
import sys

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
from matplotlib.image import imread
from typer.testing import CliRunner

import livewave.compare
from livewave.__main__ import app, main
from livewave.music.score import Note
from tests.hearing.sung import CHORDS, LINE, OTHER_LINE, RATE_HZ, sung
from tests.toys import tiny_model_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """line.mid, chords.mid; instant.mid, a note that nobody lets go, and nothing after it; takes: right, late, wrong, low, short."""
    folder = tmp_path_factory.mktemp("compare")
    for name, notes in (("line", LINE), ("chords", CHORDS), ("low", [Note(0.3, 0.6, 30, 95), Note(0.7, 1.0, 33, 95)])):
        write_midi(folder / f"{name}.mid", notes)
    for name, audio in {"right": sung(LINE), "late": np.concatenate([np.zeros(round(0.3 * RATE_HZ)), sung(LINE)]),
                        "wrong": sung(OTHER_LINE), "low": sung(LINE, cents=-1_200.0), "short": sung(LINE)[:RATE_HZ],
                        "chords": sung(CHORDS), "silent": np.zeros(4 * RATE_HZ)}.items():
        soundfile.write(str(folder / f"{name}.wav"), audio, RATE_HZ)
    tiny_model_file(folder)
    (folder / "text.wav").write_text("no audio")
    instant = mido.MidiTrack([mido.Message("note_on", note=60, velocity=95, time=480)])
    mido.MidiFile(tracks=[instant]).save(str(folder / "instant.mid"))
    return folder


def write_midi(path, notes: list[Note]) -> None:
    song = pretty_midi.PrettyMIDI(resolution=960)
    song.instruments.append(pretty_midi.Instrument(73))
    song.instruments[0].notes = [pretty_midi.Note(note.velocity, note.pitch, note.start_s, note.end_s) for note in notes]
    song.write(str(path))


def compared(folder, *arguments: str) -> tuple[dict, str]:
    """The JSON that a command writes which succeeds, and what it prints."""
    scores = folder / "scores.json"
    outputs = ["--figure", str(folder / "figure.png"), "--json", str(scores)]
    result = CliRunner().invoke(app, ["compare", *arguments, *outputs])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(scores.read_text()), result.output


def failed(monkeypatch, capsys, *arguments: str) -> str:
    """The one line of a command that fails."""
    monkeypatch.setattr(sys, "argv", ["livewave", "compare", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    out, line = capsys.readouterr()
    assert line.startswith("livewave: ") and line.count("\n") == 1
    return line


# takes


def test_the_shipped_flute_follows_a_phrase(folder):
    """Rendered by the command itself, as a player would."""
    phrase = [Note(0.3 + 0.5 * i, 0.7 + 0.5 * i, pitch, 95) for i, pitch in enumerate((67, 69, 71, 74))]
    write_midi(folder / "phrase.mid", phrase)
    found, text = compared(folder, str(folder / "phrase.mid"), "--model", "flute", "--seed", "1")
    flute, tone = found["takes"]
    assert (flute["name"], flute["kind"], tone["kind"]) == ("flute", "rendered", "conditioning")
    scores = flute["scores"]
    assert scores["pitch_accuracy"] > 0.95 and scores["chroma_similarity"] > 0.9
    assert scores["onset_f1"] > 0.5 and scores["notes_unheard"] == 0.0
    assert scores["correlation"] > 0.8 and abs(scores["correlation_lag_s"]) < 0.05
    assert 0.0 <= scores["onset_delay_s"] < 0.06
    assert "flute (rendered)" in text and "figure.png" in text
    assert imread(folder / "figure.png").shape[:2] == (1056, 1430)  # three panels


@pytest.fixture(scope="module")
def scored(folder):
    """Four recordings of one line, compared at once."""
    takes = [word for name in ("right", "late", "wrong", "low") for word in ("--take", str(folder / f"{name}.wav"))]
    found, text = compared(folder, str(folder / "line.mid"), *takes, "--played-by", str(folder / "late.wav"))
    return {row["name"].removesuffix(".wav"): row for row in found["takes"][:4]}, found["takes"][4], text


def test_a_take_that_is_right_scores_high(scored):
    right = scored[0]["right"]["scores"]
    assert right["pitch_accuracy"] > 0.98 and right["onset_f1"] == 1.0 and right["correlation"] > 0.9
    assert right["chroma_similarity"] > 0.9 and right["notes_unheard"] == 0.0 and right["noise_db"] < -40.0


def test_another_melody_scores_low(scored):
    wrong, text = scored[0]["wrong"], scored[2]
    assert wrong["scores"]["pitch_accuracy"] < 0.05 and wrong["scores"]["correlation"] < 0.3
    assert wrong["scores"]["chroma_similarity"] < 0.5
    assert wrong["scores"]["notes_unheard"] > 0.6 and wrong["scores"]["noise_db"] > -6.0
    assert "wrong.wav is too unlike the notes" in text and wrong["lag_s"] is None


def test_a_late_take_is_aligned_and_the_lag_told(scored):
    (late, right), text = (scored[0][name] for name in ("late", "right")), scored[2]
    assert late["lag_s"] - right["lag_s"] == pytest.approx(0.3, abs=0.01) and abs(right["lag_s"]) < 0.03
    assert late["scores"]["pitch_accuracy"] > 0.98 and late["scores"]["onset_f1"] == 1.0
    assert f"late.wav is {1e3 * late['lag_s']:.0f} ms later than the notes; it was moved by that" in text


def test_a_take_an_octave_low_is_told_from_another_melody(scored):
    low, text = scored[0]["low"], scored[2]
    assert low["scores"]["pitch_accuracy"] < 0.05 and low["scores"]["correlation"] > 0.6
    (accuracy,) = re.findall(r"low\.wav: an octave below the notes its pitch accuracy is ([\d.]+)", text)
    assert float(accuracy) > 0.95
    assert "right.wav: an octave" not in text and "wrong.wav: an octave" not in text


def test_a_recording_may_be_the_conditioning_and_is_aligned_too(scored):
    takes, conditioning, _ = scored
    assert (conditioning["name"], conditioning["kind"]) == ("late.wav", "conditioning")
    assert takes["right"]["scores"]["correlation"] > 0.95 and abs(takes["right"]["scores"]["correlation_lag_s"]) < 0.01


def test_chords_are_scored_as_chords(folder):
    found, text = compared(folder, str(folder / "chords.mid"), "--take", str(folder / "chords.wav"))
    assert not found["one_line"] and "chords" in text.splitlines()[0]
    assert found["takes"][0]["scores"]["pitch_accuracy"] > 0.95


def test_a_model_is_asked_for_the_notes_that_it_has(folder):
    found, text = compared(folder, str(folder / "low.mid"), "--model", str(folder / "tiny.onnx"))
    assert "tiny plays 2 of the notes an octave or more away: it has the pitches 48..83" in text
    assert found["notes"] == 2 and found["takes"][0]["name"] == "tiny"


def test_a_file_whose_notes_nobody_lets_go_is_compared_to_its_last_event(folder):
    held = mido.MidiTrack([mido.Message("note_on", note=60, velocity=95), mido.Message("control_change", control=7, time=960)])
    mido.MidiFile(ticks_per_beat=480, tracks=[held]).save(str(folder / "held.mid"))
    found, _ = compared(folder, str(folder / "held.mid"), "--take", str(folder / "right.wav"))
    assert (found["notes"], found["seconds"]) == (1, 2.0)


# the conditioning


def test_a_model_may_play_the_conditioning(folder):
    tiny = str(folder / "tiny.onnx")
    found, _ = compared(folder, str(folder / "low.mid"), "--model", tiny, "--played-by", tiny)
    assert [(row["name"], row["kind"]) for row in found["takes"]] == [("tiny", "rendered"), ("tiny", "conditioning")]
    assert found["takes"][0]["scores"] == found["takes"][1]["scores"]  # the same seed


# the picture's name, bad input


def test_the_figure_lies_beside_the_midi_file_by_default(folder):
    result = CliRunner().invoke(app, ["compare", str(folder / "low.mid"), "--model", str(folder / "tiny.onnx")])
    assert result.exit_code == 0
    assert (folder / "low-compare.png").is_file()


@pytest.mark.parametrize(("arguments", "reason"), [
    (("none.mid",), "no MIDI file at"),
    (("instant.mid", "--take", "right.wav"), "instant.mid holds no note that lasts"),
    (("line.mid", "--take", "none.wav"), "no recording at"),
    (("line.mid", "--take", "text.wav"), "no audio that can be read"),
    (("line.mid", "--take", "silent.wav"), "is silent"),
    (("line.mid", "--take", "short.wav"), "lasts 1.0 s, but from the first note to the last there are 2.0 s"),
    (("line.mid", "--played-by", "none.sf2"), "no SoundFont at"),
    (("line.mid", "--model", "none.onnx"), "none.onnx"),
    (("line.mid", "--take", "right.wav", "--program", "3"), "--played-by FILE.sf2"),
    (("line.mid", "--figure", "nowhere/a.png"), "there is no folder"),
])
def test_bad_input_is_one_line_before_any_work(folder, monkeypatch, capsys, arguments, reason):
    if reason == "no SoundFont at" and importlib.util.find_spec("fluidsynth") is None:
        pytest.skip("no FluidSynth")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(livewave.compare, "render_file", lambda *_: pytest.fail("rendered"))
    assert reason in failed(monkeypatch, capsys, *arguments)


@pytest.mark.parametrize("library", ["librosa", "mir_eval", "matplotlib", "soundfile"])
def test_a_missing_library_is_told_with_its_extra_before_any_work(folder, monkeypatch, capsys, library):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == library else found(name, *rest))
    line = failed(monkeypatch, capsys, str(folder / "line.mid"))
    assert library in line and "pip install -e '.[compare]'" in line
