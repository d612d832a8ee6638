"""A run that was killed goes on, ends equal to one that was not, and any number of processes make the same pieces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livewave import LivewaveError
from tests.training.data import layouts
from training.data.pieces import open_prepared
from training.prepare import main

PATIENCE_S = 120.0


@pytest.fixture
def mine(tmp_path) -> Path:
    layouts.own_folder(tmp_path / "mine")
    return tmp_path / "mine"


def contents(out: Path) -> dict[str, bytes]:
    """Every file by its place; arrays of zip archives by themselves, whose headers hold the time of day."""
    import zipfile

    table = {}
    for path in sorted(out.rglob("*")):
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                table |= {f"{path.relative_to(out)}/{name}": archive.read(name) for name in archive.namelist()}
        elif path.is_file():
            table[str(path.relative_to(out))] = path.read_bytes()
    return table


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be counted does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


def wait_for(condition, what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.01)


def test_a_run_that_is_killed_goes_on_and_ends_as_one_that_was_not(tmp_path):
    """The killed one has two processes, the other one: neither the kill nor their number shows in what they make."""
    layouts.midi_folder(tmp_path / "midi", tunes=14)
    flags = ["--program", "12", "--midi", str(tmp_path / "midi"), "--low", "60", "--high", "72", "--bends", "0.2"]
    command = ["render", layouts.FONT, str(tmp_path / "out"), *flags, "--jobs"]
    run = subprocess.Popen([sys.executable, "-m", "training.prepare", *command, "2"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    wait_for(lambda: list((tmp_path / "out" / "pieces").glob("*.notes.npz")), "the first piece")
    workers = children(run.pid)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers), "its processes to end with it")
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out" / "pieces").glob("*.notes.npz")}
    assert len(workers) >= 2 and 1 <= len(finished) < 14 and not (tmp_path / "out" / "prepared.json").exists()
    assert main([*command, "1"]) == 0
    kept = {name: (tmp_path / "out" / "pieces" / name).stat().st_mtime_ns for name in finished}
    assert kept == finished  # not made again
    assert main([*command[:2], str(tmp_path / "whole"), *command[3:], "1"]) == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_bad_recording_is_told_from_another_process_too(mine, tmp_path, capsys):
    (mine / "day 0" / "take one.wav").write_bytes(b"no")
    assert main(["folder", str(mine), str(tmp_path / "out"), "--jobs", "2"]) == 1
    assert "take one.wav is no audio that can be read" in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "pieces").glob("*.notes.npz"))) == 3


def test_a_piece_that_cannot_be_written_ends_the_run_by_name(mine, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]) == 0
    (tmp_path / "out" / "pieces" / "third.audio.npy").unlink()
    (tmp_path / "out" / "pieces" / "third.audio.npy").mkdir()  # nothing can take its place
    assert main(["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]) == 1
    assert "third could not be written" in capsys.readouterr().err


def test_the_same_command_again_makes_nothing_again(mine, tmp_path, monkeypatch):
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    before = contents(tmp_path / "out")
    monkeypatch.setattr("training.data.preparing.write_piece", None)
    assert main(command) == 0 and contents(tmp_path / "out") == before


def test_other_options_are_refused_in_words_and_a_new_licence_is_taken(mine, tmp_path, capsys):
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    before = contents(tmp_path / "out")
    assert main([*command, "--rate", "8000", "--low-pass", "3000"]) == 1
    text = capsys.readouterr().err
    assert "rate was 16000, is 8000" in text and "low_pass was None, is 3000.0" in text
    assert "choose another folder" in text
    assert main(["audio", *command[1:]]) == 1
    assert "kind was 'folder', is 'audio'" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before
    assert main([*command, "--licence", "CC0"]) == 0
    assert open_prepared(tmp_path / "out").provenance["licence"] == "CC0"


def test_a_run_that_was_stopped_keeps_to_its_options_too(mine, tmp_path, capsys):
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    (mine / "day 0" / "take one.wav").write_bytes(b"no")
    assert main(command) == 1
    assert main([*command, "--encoding", "mulaw"]) == 1
    assert "encoding was 'pcm16', is 'mulaw'" in capsys.readouterr().err


def test_a_list_that_was_deleted_is_written_again_and_the_pieces_stay(mine, tmp_path, capsys):
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "prepared.json").write_bytes(b"{")
    with pytest.raises(LivewaveError, match="run the training.prepare command"):
        open_prepared(tmp_path / "out")
    assert main(command) == 0 and contents(tmp_path / "out") == before
    (tmp_path / "out" / "prepared.json").unlink()
    assert main([*command, "--rate", "8000"]) == 1 and "rate was 16000" in capsys.readouterr().err
    assert main(command) == 0 and contents(tmp_path / "out") == before


def test_a_recording_that_is_added_joins_and_the_others_stay(mine, tmp_path):
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    splits = {piece["name"]: piece["split"] for piece in open_prepared(tmp_path / "out").about["pieces"]}
    notes = layouts.a_tune(99)
    layouts.write_sound(mine / "fifth.wav", layouts.sung(notes, 16_000), 16_000)
    layouts.write_midi(mine / "fifth.mid", notes)
    assert main(command) == 0
    again = {piece["name"]: piece["split"] for piece in open_prepared(tmp_path / "out").about["pieces"]}
    assert again.keys() - splits.keys() == {"fifth"}


def test_progress_is_plain_lines_without_a_terminal(mine, tmp_path, capsys):
    assert main(["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]) == 0
    told = capsys.readouterr()
    assert "4/4 prepared" in told.err and "\x1b" not in told.err
    assert told.out.count("\n") == 1 and "4 pieces" in told.out


def test_what_was_left_by_a_killed_write_is_swept_up(mine, tmp_path):
    (tmp_path / "out" / "pieces").mkdir(parents=True)
    command = ["folder", str(mine), str(tmp_path / "out"), "--jobs", "1"]
    (tmp_path / "out" / "pieces").rmdir()
    assert main(command) == 0
    (tmp_path / "out" / "pieces" / ".third.audio.npy.123.part").write_bytes(b"half")
    assert main(command) == 0
    assert not list((tmp_path / "out" / "pieces").glob(".*"))
    assert json.loads((tmp_path / "out" / "prepared.json").read_text())["format"] == 1
