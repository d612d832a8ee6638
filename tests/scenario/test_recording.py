"""A take of the real daemon, made again by `livewave replay`: whatever happened while it was recorded."""

from __future__ import annotations

import os
import signal
import time
import wave
from pathlib import Path

import pretty_midi
import pytest

from tests.scenario.daemon import Playing, daemon, is_running, livewave, until

CHORD = (67, 72, 76)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "takes"


def seconds(take: Path) -> float:
    with wave.open(str(take / "audio.wav")) as file:
        return file.getnframes() / file.getframerate()


def play(playing: Playing) -> None:
    """A chord under the pedal, a bend, another level, another temperature."""
    for address, *values in (("sustain", 1.0), *(("note", pitch, 100) for pitch in CHORD), ("gain", -6.0), ("bend", 1.0),
                             ("temperature", 0.5), *(("note", pitch, 0) for pitch in CHORD), ("note", 79, 80)):
        playing.osc.send(f"/livewave/{address}", *values)
        time.sleep(0.03)


def replayed(take: Path) -> str:
    done = livewave("replay", str(take))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same, sample for sample" in done.stdout and ", 0 differ" in done.stdout
    return done.stdout


def of_length(take: Path, length_s: float) -> Path:
    until(lambda: (take / "audio.wav").exists() and seconds(take) >= length_s, "the take to grow")
    return take


def test_a_recorded_session_replays_sample_for_sample(folder):
    """Through a change of the model, a reset, a panic, and the death of the audio process."""
    with daemon("--audio", "null", "--record", str(folder)) as playing:
        take = Path(playing.osc.status()["record"])
        assert take.parent == folder, "recording begins with the sound"
        assert f"record   to {folder}" in playing.said
        play(playing)
        assert playing.osc.ask("/livewave/model", "cello", answer="/livewave/done") == ["/livewave/model", "cello"]
        play(playing)
        playing.osc.send("/livewave/panic")
        play(playing)
        playing.osc.send("/livewave/reset")
        of_length(take, 2.0)
        lost = playing.audio_pid
        os.kill(lost, signal.SIGKILL)
        until(lambda: playing.osc.status()["restarts"] == 1 and not is_running(lost), "another audio process")
        play(playing)
        of_length(take, seconds(take) + 0.5)
    assert {path.name for path in take.iterdir()} == {"audio.wav", "log.jsonl", "notes.mid"}
    assert '"process": 2' in (take / "log.jsonl").read_text()
    replayed(take)
    track, = pretty_midi.PrettyMIDI(str(take / "notes.mid")).instruments
    assert {note.pitch for note in track.notes} == {*CHORD, 79}


def test_recording_is_begun_and_ended_by_osc_in_the_middle_of_a_note(folder, tmp_path):
    settings = tmp_path / "stage.toml"
    settings.write_text(f'[record]\nfolder = "{folder}"\n')
    with daemon("--audio", "null", "--config", str(settings)) as playing:
        assert playing.osc.status()["record"] == "off"
        play(playing)
        assert playing.osc.ask("/livewave/record", 1, answer="/livewave/done") == ["/livewave/record", 1]
        take = of_length(Path(playing.osc.status()["record"]), 0.3)
        assert playing.osc.ask("/livewave/record", 0, answer="/livewave/done") == ["/livewave/record", 0]
        assert playing.osc.status()["record"] == "off"
        until((take / "notes.mid").exists, "the notes")
        ended_s = seconds(take)
        playing.osc.send("/livewave/note", 84, 100)
    assert seconds(take) == ended_s
    replayed(take)


def test_without_a_folder_the_player_is_told_what_to_do():
    with daemon("--audio", "null") as playing:
        address, reason = playing.osc.ask("/livewave/record", 1, answer="/livewave/fail")
        assert address == "/livewave/record" and "--record DIR" in reason
        assert playing.osc.status()["record"] == "off"


def test_a_folder_that_cannot_be_written_to_is_said_before_the_first_note():
    done = livewave("run", "--audio", "null", "--midi", "none", "--record", "/dev/null/takes")
    assert done.returncode == 1
    assert done.stderr.startswith("livewave: cannot record in '/dev/null/takes'") and done.stderr.count("\n") == 1


def test_a_killed_daemon_leaves_a_take_that_replays_and_lacks_less_than_a_second(folder):
    with daemon("--audio", "null", "--record", str(folder)) as playing:
        take = Path(playing.osc.status()["record"])
        play(playing)
        of_length(take, 1.5)
        audio_pid = playing.audio_pid
        before_s, at_s = seconds(take), time.monotonic()
        os.kill(playing.pid, signal.SIGKILL)
        played_s = before_s + time.monotonic() - at_s
        playing.end()
        until(lambda: not is_running(audio_pid), "the orphaned audio process to end")
    assert seconds(take) > played_s - 1.0
    assert not (take / "notes.mid").exists()
    replayed(take)
    assert pretty_midi.PrettyMIDI(str(take / "notes.mid")).instruments
