"""A folder of MIDI, played, measured and told: what is bad is named, and what is there is not played again."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.axes import Axes

import training.report
from livewave.music.score import Note
from tests.toys import tiny_model_file
from tests.training.singers import RATE_HZ, Drone, Noise, Silent, Singer
from training.evaluate import main
from training.parallel import each
from training.pictures import SHARES, draw_overview
from training.players import NetPlayer
from training.report import COLUMNS, make_report, scores_of

LINE = [Note(0.1, 0.4, 60, 90), Note(0.4, 0.7, 67, 90)]
CHORD = [Note(0.1, 0.7, pitch, 90) for pitch in (60, 64, 67)]


def write_midi(path: Path, notes: list[Note], bend: int = 0) -> None:
    import pretty_midi

    midi, instrument = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(0)
    instrument.notes = [pretty_midi.Note(note.velocity, note.pitch, note.start_s, note.end_s) for note in notes]
    instrument.pitch_bends = [pretty_midi.PitchBend(bend, 0.0)] if bend else []
    midi.instruments.append(instrument)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))


@pytest.fixture
def folder(tmp_path) -> Path:
    write_midi(tmp_path / "midi" / "line.mid", LINE)
    write_midi(tmp_path / "midi" / "sub" / "a | chord $x$.MID", CHORD)
    return tmp_path / "midi"


@pytest.fixture
def model(tmp_path) -> Path:
    return tiny_model_file(tmp_path)


@pytest.fixture
def played(monkeypatch) -> list[float]:
    """Grows by one for everything that is played."""
    lengths, really = [], NetPlayer.play_events
    monkeypatch.setattr(NetPlayer, "play_events", lambda self, events, s: lengths.append(s) or really(self, events, s))
    return lengths


def evaluate(model: Path, folder: Path, out: Path, *flags: str) -> int:
    return main([str(model), "--midi", str(folder), "--out", str(out), *flags])


# the report


def test_every_file_is_played_measured_and_told(model, folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert evaluate(model, folder, out) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out / 'report.md'}\n"
    assert printed.err.splitlines() == ["1/2 line.mid, seed 1", "2/2 sub/a | chord $x$.MID, seed 1"]
    report = json.loads((out / "report.json").read_text())
    assert [(row["name"], row["kind"], row["notes"]) for row in report["takes"]] == [
        ("line.mid", "line", 2), ("sub/a | chord $x$.MID", "chords", 3)]
    assert all(np.isfinite(row[key]) for row in report["takes"] for key in COLUMNS)
    assert report["means"]["level_db"] == pytest.approx(np.mean([row["level_db"] for row in report["takes"]]), abs=1e-3)
    audio, rate = soundfile.read(out / "takes" / "line.mid.1.wav")
    assert rate == RATE_HZ and len(audio) == round(1.7 * RATE_HZ) and audio.any()
    pictures = [out / "scores.png", out / "takes" / "line.mid.1.png", out / "takes" / "sub" / "a | chord $x$.MID.1.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_the_page_links_what_was_played_whatever_it_is_called(model, folder, tmp_path):
    evaluate(model, folder, tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text()
    assert "[`sub/a \\| chord $x$.MID`](<takes/sub/a%20%7C%20chord%20%24x%24.MID.1.wav>)" in page
    assert "![chords](<takes/sub/a%20%7C%20chord%20%24x%24.MID.1.png>)" in page
    assert "Not played" not in page


def test_a_broken_file_is_listed_and_the_others_go_on(model, folder, tmp_path, capsys):
    (folder / "broken.mid").write_bytes(b"MThd and nothing more")
    write_midi(folder / "empty.mid", [])
    assert evaluate(model, folder, tmp_path / "out") == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2 and "broken.mid" in errors[0] and "holds no notes" in errors[1]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert set(report["failed"]) == {"broken.mid", "empty.mid"} and len(report["takes"]) == 2
    assert "`broken.mid`: " in (tmp_path / "out" / "report.md").read_text()


def test_a_file_without_a_note_that_lasts_is_named_and_the_others_are_played(model, folder, tmp_path):
    from mido import Message, MidiFile, MidiTrack

    for name, more in (("instant", []), ("held", [Message("control_change", control=7, time=480)])):
        track = MidiTrack([Message("note_on", note=60, velocity=90, time=480), *more])
        MidiFile(ticks_per_beat=480, tracks=[track]).save(str(folder / f"{name}.mid"))
    assert evaluate(model, folder, tmp_path / "out") == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(report["failed"]) == ["instant.mid"] and "no note that lasts" in report["failed"]["instant.mid"]
    assert [row["name"] for row in report["takes"]][:2] == ["held.mid", "line.mid"]


def test_chords_in_the_bass_have_scores():
    bass = [replace(note, pitch=note.pitch - 46) for note in CHORD]
    assert scores_of(Singer().play(bass), RATE_HZ, bass)["kind"] == "chords"


def test_lines_are_told_from_chords_as_compare_tells_them():
    tied = [Note(0.1, 1.05, 60, 90), Note(1.0, 2.0, 67, 90)]
    assert scores_of(Singer().play(tied), RATE_HZ, tied)["kind"] == "line"


def test_a_folder_of_broken_files_still_has_a_report(model, tmp_path):
    (tmp_path / "midi").mkdir()
    (tmp_path / "midi" / "broken.mid").write_bytes(b"no")
    assert evaluate(model, tmp_path / "midi", tmp_path / "out") == 1
    assert "broken.mid" in (tmp_path / "out" / "report.md").read_text()


# again


def test_what_is_there_is_not_played_again(model, folder, tmp_path, played):
    out = tmp_path / "out"
    evaluate(model, folder, out)
    first = (out / "report.md").read_text()
    assert len(played) == 2
    evaluate(model, folder, out)
    assert len(played) == 2 and (out / "report.md").read_text() == first


@pytest.mark.parametrize("spoil, again", [
    (lambda folder, out: (out / "takes" / "line.mid.1.wav").unlink(), 1),
    (lambda folder, out: (out / "takes" / "line.mid.1.json").write_text("{"), 1),
    (lambda folder, out: (out / "takes" / "line.mid.1.json").write_text("[]"), 1),
    (lambda folder, out: write_midi(folder / "line.mid", LINE[:1]), 1),
    (lambda folder, out: write_midi(folder / "new.mid", LINE), 1),
], ids=["no audio", "half scores", "other scores", "other notes", "another file"])
def test_what_is_not_there_whole_or_has_changed_is_played_again(model, folder, tmp_path, played, spoil, again):
    evaluate(model, folder, tmp_path / "out")
    played.clear()
    spoil(folder, tmp_path / "out")
    assert evaluate(model, folder, tmp_path / "out") == 0
    assert len(played) == again


@pytest.mark.parametrize("flags", [("--temperature", "0.5"), ("--precision", "f32")])
def test_another_way_of_playing_is_another_take(model, folder, tmp_path, played, flags):
    evaluate(model, folder, tmp_path / "out")
    evaluate(model, folder, tmp_path / "out", *flags)
    assert len(played) == 4


def test_another_model_or_seed_is_another_take(folder, tmp_path, played):
    evaluate(tiny_model_file(tmp_path), folder, tmp_path / "out")
    evaluate(tiny_model_file(tmp_path), folder, tmp_path / "out", "--seeds", "2")
    assert len(played) == 4
    evaluate(tiny_model_file(tmp_path, skip_channels=13), folder, tmp_path / "out")
    assert len(played) == 6


def test_a_run_that_is_cut_off_goes_on_where_it_was(model, folder, tmp_path, played, monkeypatch):
    def cut_off(name: str, steps: int) -> None:
        raise KeyboardInterrupt

    spread = partial(each, jobs=1)
    with pytest.raises(KeyboardInterrupt):
        make_report(str(model), folder, tmp_path / "out", [1], 0.8, "auto", spread, cut_off)
    assert len(played) == 1
    make_report(str(model), folder, tmp_path / "out", [1], 0.8, "auto", spread, lambda step, total: None)
    assert len(played) == 2


def test_a_file_that_is_too_long_is_listed(model, folder, tmp_path, monkeypatch, capsys):
    write_midi(folder / "long.mid", [Note(0.1, 3.0, 60, 90)])
    monkeypatch.setattr(training.report, "LONGEST_S", 2.0)
    assert evaluate(model, folder, tmp_path / "out") == 1
    assert "long.mid lasts" in capsys.readouterr().err


# clusters


@pytest.mark.parametrize("flags", [("--jobs", "2"), ("--jobs", "1", "--backend", "dask")], ids=["loky", "dask"])
def test_other_processes_play_the_same(model, folder, tmp_path, flags):
    evaluate(model, folder, tmp_path / "here")
    (folder / "broken.mid").write_bytes(b"no")
    assert evaluate(model, folder, tmp_path / "there", *flags) == 1
    for name in ("takes/line.mid.1.wav", "takes/line.mid.1.json", "takes/sub/a | chord $x$.MID.1.wav"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


# bad input


def test_a_folder_without_midi_is_one_clear_line(model, tmp_path, capsys):
    for folder in (tmp_path / "nowhere", tmp_path):
        assert evaluate(model, folder, tmp_path / "out") == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and f"no MIDI file (.mid or .midi) below {folder}" in error


def test_a_place_that_cannot_be_written_is_told_before_anything_is_played(model, folder, tmp_path, played, capsys):
    (tmp_path / "file").write_text("")
    assert evaluate(model, folder, tmp_path / "file" / "out") == 1
    assert "choose another --out" in capsys.readouterr().err and not played


def test_a_full_disk_is_one_clear_line_and_no_half_take(model, folder, tmp_path, monkeypatch, capsys):
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("training.players.write_whole", full)
    assert evaluate(model, folder, tmp_path / "out") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device; make room" in error
    assert not list((tmp_path / "out").rglob("*.json"))


def test_a_model_that_is_not_there_is_one_clear_line(folder, tmp_path, capsys):
    assert evaluate(tmp_path / "none.onnx", folder, tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith("error: ")


# scores of one take


@pytest.mark.parametrize("notes, kind", [(LINE, "line"), (CHORD, "chords")])
def test_a_good_take_scores_well_and_bad_ones_do_not(notes, kind):
    longer = [Note(2.0 * note.start_s, 2.0 * note.end_s, note.pitch, note.velocity) for note in notes]
    good = scores_of(Singer().play(longer), RATE_HZ, longer)
    assert good["kind"] == kind and good["notes"] == len(notes)
    assert good["frames_in_tune"] > 0.95 and good["chroma_on_top"] == 1.0
    assert good["onset_f1"] == 1.0 and good["noise_db"] < -20.0 and good["level_db"] > -30.0
    for singer in (Silent(), Drone(), Noise(), Singer(cents=600.0)):
        bad = scores_of(singer.play(longer), RATE_HZ, longer)
        assert bad["frames_in_tune"] < 0.4 and bad["chroma_on_top"] < 1.0
    assert scores_of(Singer(late_s=0.2).play(longer), RATE_HZ, longer)["onset_f1"] < 0.5


def test_a_files_bends_are_played(model, tmp_path):
    for name, bend in (("straight", 0), ("bent", 4_000)):
        write_midi(tmp_path / name / "a.mid", LINE, bend)
        evaluate(model, tmp_path / name, tmp_path / f"{name}_out")
    takes = [(tmp_path / f"{name}_out" / "takes" / "a.mid.1.wav").read_bytes() for name in ("straight", "bent")]
    assert len(takes[0]) == len(takes[1]) and takes[0] != takes[1]


def test_a_picture_that_leaves_takes_out_says_so(monkeypatch):
    said, really = [], Axes.set_xlabel
    monkeypatch.setattr(Axes, "set_xlabel", lambda axes, text, *rest, **more: said.append(text) or really(axes, text))
    for count in (60, 61):
        draw_overview([(f"take {at}", dict.fromkeys(SHARES, 0.5)) for at in range(count)])
    assert [text for text in said if text] == ["share", "share; the first 60 of 61 takes"]


def test_pictures_are_made_of_the_shortest_take(tmp_path):
    assert training.report.draw_take(np.zeros(10, np.float32), RATE_HZ, [], "short").startswith(b"\x89PNG")
