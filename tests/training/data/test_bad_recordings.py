"""Recordings that are of no use are named, with the reason and what to do; they never cost the others."""

from __future__ import annotations

import csv
import errno
import json
import random
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from livewave.music.compass import Compass
from livewave.music.score import Note, events_of, notes_of
from tests.training.data import layouts
from training.data.alignment import RELATED, Alignment, alignment, other_speed
from training.data.composed import compose
from training.data.paired import shifted
from training.data.pieces import open_prepared, write_piece
from training.data.recording import Recording, named, split
from livewave.hearing.soundfont import SoundFont
from training.phrases import song
from training.prepare import main

TAKE = Path("day 0") / "take one.wav"
PIANO, CELLO, STRINGS = 0, 42, 48


@pytest.fixture
def mine(tmp_path) -> Path:
    layouts.own_folder(tmp_path / "mine")
    return tmp_path / "mine"


def refused(folder: Path, capsys, *flags: str, kind: str = "folder") -> str:
    """What the command says when it ends with 1, without a traceback, and without a usable folder."""
    out = folder.parent / "out"
    assert main([kind, str(folder), str(out), "--jobs", "1", *flags]) == 1
    assert not (out / "prepared.json").exists()
    text = capsys.readouterr().err
    assert text.strip().splitlines()[-1].startswith("error: ")
    return text


def sound(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def spoil(path: Path, what: str) -> None:
    audio, rate_hz = soundfile.read(path, dtype="float32")
    if what == "nan":
        audio[1_000] = np.nan
        soundfile.write(path, audio, rate_hz, subtype="FLOAT")
    elif what == "clipped":
        soundfile.write(path, np.clip(30.0 * audio, -1.0, 1.0), rate_hz)
    elif what == "silent":
        soundfile.write(path, 0.0 * audio, rate_hz)
    elif what == "short":
        soundfile.write(path, audio[:999], rate_hz)
    elif what == "no audio":
        path.write_bytes(b"RIFF but not really")
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "cut":
        soundfile.write(path, audio[: len(audio) // 3], rate_hz)
    elif what == "too loud":
        soundfile.write(path, 9.0 * audio, rate_hz, subtype="FLOAT")


@pytest.mark.parametrize("what, reason, remedy", [
    ("nan", r"not numbers, the first at 0\.0", "write it anew"),
    ("clipped", r"is clipped: .* %", "lower level"),
    ("silent", "is silent", "leave it out"),
    ("short", r"lasts 0\.0\d s", "leave it out"),
    ("no audio", "no audio that can be read", "convert it"),
    ("empty", "no audio that can be read", "convert it"),
    ("cut", "notes go on to 4", "find the right file, or --align off"),
    ("too loud", "beyond full scale", r"--gain \d"),
])
def test_bad_audio_is_named_with_reason_and_remedy(mine, capsys, what, reason, remedy):
    spoil(mine / TAKE, what)
    text = refused(mine, capsys)
    line = next(line for line in text.splitlines() if line.startswith("left out: "))
    assert "take" in line and "one" in line and re.search(reason, line) and re.search(remedy, line), line
    assert "1 of 4 recordings" in text and "--skip-bad" in text


def test_one_bad_recording_does_not_cost_the_others(mine, capsys):
    spoil(mine / TAKE, "silent")
    refused(mine, capsys)
    out = mine.parent / "out"
    assert len(list((out / "pieces").glob("*.notes.npz"))) == 3
    before = {path: path.stat().st_mtime_ns for path in (out / "pieces").iterdir()}
    assert main(["folder", str(mine), str(out), "--jobs", "1", "--skip-bad"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "pieces").iterdir()} == before  # what was finished is kept
    prepared = open_prepared(out)
    assert len(prepared.training + prepared.validation) == 3
    assert list(prepared.about["left_out"]) == ["take_one"]
    assert "1 recording left out" in capsys.readouterr().out


@pytest.mark.parametrize("bad", ["day 0/take one.wav", "day 1/Übung 2.flac", "day 0/third.mid", "day 1/fourth.aiff"])
def test_whichever_recording_is_left_out_another_one_is_held_out(mine, bad):
    (mine / bad).write_bytes(b"no")
    assert main(["folder", str(mine), str(mine.parent / "out"), "--jobs", "1", "--skip-bad"]) == 0
    prepared = open_prepared(mine.parent / "out")
    assert len(prepared.training) == 2 and len(prepared.validation) == 1


def test_a_bad_recording_that_was_mended_is_made_by_the_same_command(mine, capsys):
    good = (mine / TAKE).read_bytes()
    spoil(mine / TAKE, "nan")
    refused(mine, capsys)
    (mine / TAKE).write_bytes(good)
    assert main(["folder", str(mine), str(mine.parent / "out"), "--jobs", "1"]) == 0
    prepared = open_prepared(mine.parent / "out")
    assert len(prepared.training + prepared.validation) == 4


def test_notes_that_are_missing_or_empty_are_named(mine, capsys):
    layouts.write_midi(mine / "day 0" / "take one.mid", [])
    (mine / "day 1" / "fourth.mid").write_bytes(b"MThd nonsense")
    (mine / "day 0" / "third.mid").unlink()
    text = refused(mine, capsys)
    assert "take one.mid holds no notes" in text and "fourth.mid is not a readable Standard MIDI File" in text
    assert "third.ogg has no MIDI file of the same name: add it" in text
    assert "3 of 4 recordings" in text


@pytest.mark.parametrize("prepare_source, reason", [
    (lambda root: None, "no folder at"),
    (lambda root: root.mkdir(), "no audio file"),
    (lambda root: layouts.audio_folder(root), "no audio file .* and MIDI file .* of the same name"),
])
def test_a_folder_without_pairs_is_refused(tmp_path, capsys, prepare_source, reason):
    prepare_source(tmp_path / "mine")
    assert re.search(reason, refused(tmp_path / "mine", capsys))


def test_a_rate_that_is_said_wrongly_is_told_from_a_wrong_file(tmp_path, capsys):
    """44.1 kHz audio whose header says 48 kHz plays too fast: the notes agree once they are stretched."""
    for seed in range(3):
        notes = layouts.a_tune(seed, seconds=12.0)
        layouts.write_sound(tmp_path / "mine" / f"{seed}.wav", layouts.sung(notes, 44_100, 12.0), 48_000 if seed == 1
                            else 44_100)
        layouts.write_midi(tmp_path / "mine" / f"{seed}.mid", notes)
    text = refused(tmp_path / "mine", capsys)
    assert "1.wav" in text and "44.1 kHz audio that says it is 48 kHz" in text
    assert "1 of 3 recordings" in text


@pytest.mark.parametrize("offset_s", [-0.3, 0.12, 1.5])
def test_notes_beside_the_sound_are_refused_with_the_figure_or_moved(tmp_path, capsys, offset_s):
    for seed in range(2):
        notes = layouts.a_tune(seed, seconds=8.0)
        late = [Note(n.start_s + 2.0 - offset_s, n.end_s + 2.0 - offset_s, n.pitch, n.velocity) for n in notes]
        audio = np.concatenate((np.zeros(32_000, np.float32), layouts.sung(notes, 16_000, 8.0),
                                np.zeros(16_000, np.float32)))
        layouts.write_sound(tmp_path / "mine" / f"{seed}.wav", audio, 16_000)
        layouts.write_midi(tmp_path / "mine" / f"{seed}.mid", late)
    text = refused(tmp_path / "mine", capsys)
    assert f"ms {'late' if offset_s > 0 else 'early'}" in text and "--align shift" in text
    told_ms = int(text.split(" ms ")[0].split()[-1])
    assert abs(told_ms - 1e3 * abs(offset_s)) <= 20
    assert main(["folder", str(tmp_path / "mine"), str(tmp_path / "moved"), "--jobs", "1", "--align", "shift"]) == 0
    piece = open_prepared(tmp_path / "moved").training[0]
    sounding = piece.roll(0, piece.columns).any(1)
    expected = 2.0 + layouts.a_tune(int(piece.name), seconds=8.0)[0].start_s
    assert abs(np.flatnonzero(sounding)[0] / 1_000 - expected) < 0.02
    assert "notes moved by" in capsys.readouterr().err
    assert main(["folder", str(tmp_path / "mine"), str(tmp_path / "off"), "--jobs", "1", "--align", "off"]) == 0


def test_notes_of_another_recording_are_refused(tmp_path, capsys):
    for seed in range(3):
        layouts.write_sound(tmp_path / "mine" / f"{seed}.wav",
                            layouts.sung(layouts.a_tune(seed, seconds=12.0), 16_000, 12.0), 16_000)
        layouts.write_midi(tmp_path / "mine" / f"{seed}.mid",
                           layouts.a_tune(seed + (9 if seed == 2 else 0), seconds=12.0))
    text = refused(tmp_path / "mine", capsys)
    assert "2.wav and 2.mid: audio and notes do not belong together" in text and "1 of 3" in text


@pytest.mark.parametrize("program", [PIANO, CELLO, STRINGS])
def test_a_right_pair_is_never_refused_and_a_wrong_one_always(program):
    """A slow song, which has few onsets, on instruments with soft attacks too; the wrong notes are in the same key and
    time."""
    font = SoundFont(layouts.FONT, program)
    notes, wrong = (song(name, Compass(48, 76), 0.6, 1.0) for name in ("happy_birthday", "ode_to_joy"))
    audio = font.play(events_of(notes), notes[-1].end_s + 1.0, 16_000)
    font.close()
    assert alignment(audio, 16_000, notes).complaint() == ""
    assert alignment(audio, 16_000, notes).correlation > 2.0 * RELATED
    assert "do not belong together" in alignment(audio, 16_000, wrong).complaint()
    early = [Note(n.start_s - 1.0, n.end_s - 1.0, n.pitch, n.velocity) for n in notes]
    found = alignment(audio, 16_000, early)
    assert "ms late" in found.complaint() and abs(found.offset_s - 1.0) < (0.04 if found.clear else 0.3)


@pytest.mark.parametrize("program", [PIANO, CELLO])
def test_an_offset_of_a_fifth_of_a_second_and_a_wrong_speed_are_told(program):
    font = SoundFont(layouts.FONT, program)
    notes = compose(random.Random(program), 48, 80, 15.0, 0.3)
    audio = font.play(events_of(notes), 15.0, 16_000)
    font.close()
    assert alignment(audio, 16_000, notes).complaint() == ""
    early = alignment(audio, 16_000, [Note(n.start_s - 0.2, n.end_s - 0.2, n.pitch, n.velocity) for n in notes])
    assert abs(early.offset_s - 0.2) < 0.03 and "ms late" in early.complaint()
    slow = [Note(n.start_s * 48_000 / 44_100, n.end_s * 48_000 / 44_100, n.pitch, n.velocity) for n in notes]
    assert alignment(audio, 16_000, slow).complaint() and other_speed(audio, 16_000, slow).startswith("44.1 kHz audio")
    assert other_speed(audio, 16_000, notes) == ""


def test_audio_and_notes_that_run_apart_are_told_apart_from_an_offset():
    notes = layouts.a_tune(1, seconds=40.0)
    slower = [Note(n.start_s * 1.015, n.end_s * 1.015, n.pitch, n.velocity) for n in notes]
    found = alignment(layouts.sung(notes, 16_000, 40.0), 16_000, slower)
    assert "run apart: by 0." in found.complaint() and not found.movable and abs(found.drift_s + 0.6) < 0.2
    assert Alignment(0.3, 0.9, True).movable and "300 ms late" in Alignment(0.3, 0.9, True).complaint()


def test_too_few_notes_to_tell_are_taken_as_they_are():
    assert alignment(np.ones(16_000, np.float32), 16_000, layouts.a_tune(1)[:5]) is None


# each set's own


def test_musicnet_archives_that_would_run_code_are_refused(tmp_path, capsys):
    (tmp_path / "musicnet.npz").write_bytes(b"PK")
    for source in (tmp_path, tmp_path / "musicnet.npz"):
        assert main(["musicnet", str(source), str(tmp_path / "out")]) == 1
        text = capsys.readouterr().err
        assert "musicnet.npz" in text and "pickles" in text and "musicnet.tar.gz" in text


@pytest.mark.parametrize("row, reason", [(["x", 9, 43, 60, 0, 1, "Eighth"], "line 3: invalid literal"),
                                         ([9, 9, 43, 60, 0, 1, "Eighth"], "line 3"),
                                         ([9, 99, 43, 128, 0, 1, "Eighth"], "note 0..127")])
def test_a_bad_musicnet_label_is_named_with_its_line(tmp_path, capsys, row, reason):
    layouts.musicnet(tmp_path / "musicnet")
    path = tmp_path / "musicnet" / "train_labels" / "2194.csv"
    rows = list(csv.reader(path.open()))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*rows[:2], row, *rows[2:]])
    text = refused(tmp_path / "musicnet", capsys, kind="musicnet")
    assert "2194.csv" in text and reason in text


def test_musicnet_labels_longer_than_the_audio_are_refused(tmp_path, capsys):
    layouts.musicnet(tmp_path / "musicnet")
    path = tmp_path / "musicnet" / "train_data" / "2194.wav"
    soundfile.write(path, sound(path)[:99_000], 44_100)
    text = refused(tmp_path / "musicnet", capsys, kind="musicnet")
    assert "2194.csv has labels at 4" in text and "2194.wav ends at 2.2 s" in text


def test_an_instrument_that_musicnet_does_not_have_is_refused_with_those_it_has(tmp_path, capsys):
    layouts.musicnet(tmp_path / "musicnet")
    text = refused(tmp_path / "musicnet", capsys, "--instrument", "theremin", kind="musicnet")
    assert "theremin" in text and "Cello" in text and "Solo Cello" in text


@pytest.mark.parametrize("damage, reason", [("no table", "holds 0 .csv files"), ("columns", "lacks columns"),
                                            ("split", "split 'trian'"),
                                            ("no file", "no recording at")])
def test_a_damaged_maestro_is_named(tmp_path, capsys, damage, reason):
    layouts.maestro(tmp_path / "maestro")
    table = tmp_path / "maestro" / "maestro-v3.0.0.csv"
    if damage == "no table":
        table.unlink()
    elif damage == "columns":
        table.write_text(table.read_text().replace("audio_filename", "audio"))
    elif damage == "split":
        table.write_text(table.read_text().replace(",train,", ",trian,"))
    else:
        next((tmp_path / "maestro" / "2018").glob("*.wav")).unlink()
    assert reason in refused(tmp_path / "maestro", capsys, kind="maestro")


@pytest.mark.parametrize("flags, reason", [
    (("--rate", "100"), "--rate is 100"), (("--roll-rate", "999"), "it must be 50 or more and divide --rate 16000: "
                                                                   "1000 does"),
    (("--rate", "44100"), "divide --rate 44100"), (("--low-pass", "9000"), "--low-pass is 9000"),
    (("--validation-share", "1"), "--validation-share is 1"), (("--jobs", "0"), "--jobs is 0"),
])
def test_a_flag_out_of_its_range_is_refused_before_anything_is_written(mine, capsys, flags, reason):
    assert reason in refused(mine, capsys, *flags)
    assert not (mine.parent / "out").exists()


@pytest.mark.parametrize("flags, reason", [
    (("--low", "60", "--high", "65"), "an octave apart"),
    (("--hands", "0.5", "--low", "60", "--high", "80"), "two octaves"),
    (("--bends", "1.5"), "--bends is 1.5"), (("--velocities", "90", "80"), "the lower first"),
    (("--gain", "loud"), "--gain is 'loud'"),
    (("--compose", "0"), "--compose is 0"),
])
def test_a_composition_that_cannot_be_is_refused(tmp_path, capsys, flags, reason):
    every = ("--program", "0", *(() if "--compose" in flags else ("--compose", "2")))
    assert main(["render", layouts.FONT, str(tmp_path / "out"), *every, *flags]) == 1
    assert reason in capsys.readouterr().err and not (tmp_path / "out").exists()


# the disk


def test_a_full_disk_is_said_and_leaves_no_half_piece(mine, capsys, monkeypatch):
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 7:  # options, three files of the first piece, three of the second
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    text = refused(mine, capsys)
    assert "the disk is full" in text and "run the same command again" in text and "finished are kept" in text
    out = mine.parent / "out"
    assert not list(out.rglob("*.part")) and len(list((out / "pieces").glob("*.notes.npz"))) == 1
    monkeypatch.undo()
    assert main(["folder", str(mine), str(out), "--jobs", "1"]) == 0
    assert len(open_prepared(out).about["pieces"]) == 4


def test_a_real_full_disk_is_said_too(mine, capsys, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        assert main(["folder", str(mine), str(small / "out"), "--jobs", "1"]) == 1
        assert "the disk is full" in capsys.readouterr().err
        assert not list(small.rglob("*.part")) and list(small.rglob("*.notes.npz"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_of_something_else_is_not_written_into(mine, capsys, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    assert "choose a folder that is new or empty" in refused(mine, capsys)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


# splits and names


def recordings(count: int) -> list[Recording]:
    return [Recording(f"r{i}", print) for i in range(count)]


def test_a_split_is_by_recording_reproducible_and_stays_when_recordings_are_added():
    held_out = [{r.name for r in split(recordings(n), 0.1) if r.split == "validation"} for n in range(50, 200)]
    assert all(before <= after for before, after in zip(held_out, held_out[1:])) and 10 < len(held_out[-1]) < 40
    assert held_out[0] == {r.name for r in split(recordings(50)[::-1], 0.1) if r.split == "validation"}
    for n in (2, 3, 5):
        counts = [sum(r.split == s for r in split(recordings(n), 0.01)) for s in ("training", "validation")]
        assert counts == [n - 1, 1]
    assert {r.split for r in split(recordings(2), 0.99)} == {"training", "validation"}


def test_a_group_is_never_on_both_sides_of_a_split():
    grouped = [Recording(f"r{i}", print, group=f"g{i // 5}") for i in range(50)]
    sides: dict[str, set[str]] = {}
    for recording in split(grouped, 0.4):
        sides.setdefault(recording.group, set()).add(recording.split)
    assert all(len(side) == 1 for side in sides.values())


def test_a_single_recording_cannot_be_split(tmp_path, capsys):
    layouts.audio_folder(tmp_path / "mine", seeds=(20,))
    text = refused(tmp_path / "mine", capsys, kind="audio")
    assert "gives one recording" in text and "cut it into two files" in text


def test_files_of_one_name_in_several_folders_get_names_of_their_own():
    below = [Path("x/a.wav"), Path("y/a.wav"), Path("b c.wav")]
    table = named(below, Path())
    assert len(table) == 3 and table["b_c"] == Path("b c.wav") and all(name.startswith(("a-", "b_c")) for name in table)
    assert list(named([Path("/root") / path for path in below], Path("/root"))) == list(table)  # however the root is spelt


def test_a_score_whose_notes_never_end_costs_only_itself(tmp_path, capsys):
    for name in ("one", "two", "three"):
        layouts.write_midi(tmp_path / "midi" / f"{name}.mid", layouts.a_tune(3))
    (tmp_path / "midi" / "._one.mid").write_bytes(b"what an archive leaves")
    endless = mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("note_on", note=60, velocity=90, time=0)])])
    endless.save(str(tmp_path / "midi" / "endless.mid"))
    command = ["render", layouts.FONT, str(tmp_path / "out"), "--program", "73", "--midi", str(tmp_path / "midi"), "--jobs", "1"]
    assert main(command) == 1
    assert "endless.mid holds no note that lasts" in (told := capsys.readouterr().err) and "._one" not in told
    assert main([*command, "--skip-bad"]) == 0 and "3 pieces" in capsys.readouterr().out


@pytest.mark.parametrize("gain", ["0", "-1", "nan", "inf"])
def test_a_gain_that_leaves_nothing_is_refused(mine, capsys, gain):
    assert "--gain is" in refused(mine, capsys, "--gain", gain)


def test_notes_before_the_beginning_of_the_audio_are_cut_off():
    notes = [Note(0.2, 0.5, 60, 90), Note(0.6, 0.9, 60, 90), Note(1.0, 3.0, 60, 90), Note(1.5, 1.9, 64, 90), Note(2.5, 3.0, 67, 90)]
    assert notes_of(shifted(events_of(notes), -2.0)) == [Note(0.0, 1.0, 60, 90), Note(0.5, 1.0, 67, 90)]
    assert notes_of(shifted(events_of(notes), 1.0)) == [replace(n, start_s=n.start_s + 1.0, end_s=n.end_s + 1.0) for n in notes]


def test_takes_of_one_name_in_several_folders_are_paired_within_them(tmp_path):
    for day in (1, 2):
        notes = layouts.a_tune(day)
        layouts.write_sound(tmp_path / "mine" / f"day{day}" / "take.wav", layouts.sung(notes, 16_000), 16_000)
        layouts.write_midi(tmp_path / "mine" / f"day{day}" / "take.mid", notes)
    # crossed pairs would be refused
    assert main(["folder", str(tmp_path / "mine"), str(tmp_path / "out"), "--jobs", "1"]) == 0
    assert len(json.loads((tmp_path / "out" / "prepared.json").read_text())["pieces"]) == 2


def test_write_piece_leaves_nothing_of_a_write_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError(errno.EIO, "gone")))
    with pytest.raises(OSError):
        write_piece(tmp_path, "a", np.zeros(16_000, np.float32), 16_000, np.zeros((1_000, 128), np.uint8), 1_000,
                    "training")
    assert not list((tmp_path / "pieces").iterdir())
