"""How takes end: by signal, by force, by the death or paralysis of the audio process."""

from __future__ import annotations

import os
import signal
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.scenario.daemon import Playing, daemon, is_running, until
from tests.scenario.hearing import (HEADER_BYTES, RATE_HZ, await_silence, await_sound, level, newest_recall, read_wav,
                                    so_far)

CHORD = (67, 72, 76)
QUIET = 1e-3  # of full scale, in the last frames of a file
LAST_SECOND_FRAMES = RATE_HZ


@pytest.fixture
def take(tmp_path) -> Path:
    return tmp_path / "take.wav"


def hold(playing: Playing, take: Path) -> None:
    for pitch in CHORD:
        playing.osc.send("/livewave/note", pitch, 100)
    await_sound(take, 0.5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_fades_out_closes_the_file_and_is_exit_status_0(take, number):
    with daemon("--audio", f"file:{take}") as playing:
        hold(playing, take)
        audio_pid = playing.audio_pid
        assert playing.end(number) == 0, playing.said
        assert not is_running(audio_pid)
    audio = read_wav(take)
    before = audio[-RATE_HZ // 2 : -RATE_HZ // 5]
    assert level(before) > 0.02
    assert np.abs(audio[-8:]).max() < QUIET, "the file ends with a click"
    assert np.abs(np.diff(audio[-RATE_HZ // 5:])).max() <= 2.5 * np.abs(np.diff(before)).max()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_an_idle_daemon_ends_it_too(number):
    with daemon("--audio", "null") as playing:
        assert playing.end(number) == 0, playing.said


def test_a_signal_to_the_whole_group_ends_as_well_as_one_to_the_daemon(take):
    with daemon("--audio", f"file:{take}") as playing:
        hold(playing, take)
        os.kill(playing.audio_pid, signal.SIGINT)
        assert playing.end(signal.SIGINT) == 0, playing.said
    assert np.abs(read_wav(take)[-8:]).max() < QUIET


def test_a_killed_daemon_leaves_a_file_that_opens_and_no_process_behind(take):
    with daemon("--audio", f"file:{take}") as playing:
        hold(playing, take)
        audio_pid = playing.audio_pid
        playing.end(signal.SIGKILL)
        until(lambda: not is_running(audio_pid), "the orphaned audio process to end")
    audio = read_wav(take)
    assert level(audio[-RATE_HZ:]) > 0.02


def test_a_file_whose_writer_is_killed_opens_up_to_the_last_second(take):
    with daemon("--audio", f"file:{take}") as playing:
        hold(playing, take)
        audio_pid = playing.audio_pid
        os.kill(playing.pid, signal.SIGSTOP)
        os.kill(audio_pid, signal.SIGKILL)
        until(lambda: not is_running(audio_pid), "the audio process to end")
        playing.end(signal.SIGKILL)
    with wave.open(str(take)) as file:
        promised = file.getnframes()
    riff_bytes, = struct.unpack("<I", take.read_bytes()[4:8])
    assert riff_bytes == HEADER_BYTES - 8 + 2 * promised
    assert 0 <= len(so_far(take)) - promised <= LAST_SECOND_FRAMES


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stuck"])
def test_a_lost_audio_process_is_replaced_and_the_held_chord_sounds_again(take, number):
    with daemon("--audio", f"file:{take}") as playing:
        playing.osc.send("/livewave/gain", -6.0)
        playing.osc.send("/livewave/temperature", 0.6)
        hold(playing, take)
        lost = playing.audio_pid
        os.kill(lost, number)
        second = take.with_name("take-2.wav")
        await_sound(second, 1.0)
        status = playing.osc.status()
        assert (status["restarts"], status["notes"], status["gain_db"]) == (1, 3, -6.0)
        assert status["temperature"] == pytest.approx(0.6)
        assert newest_recall(so_far(second), CHORD) > 0.8
        assert not is_running(lost) and playing.audio_pid != lost
        for pitch in CHORD:
            playing.osc.send("/livewave/note", pitch, 0)
        await_silence(second)
        assert playing.end() == 0, playing.said
    with wave.open(str(take)) as first:
        assert first.getnframes() > 0
    read_wav(second)
    assert "another" in playing.said


def test_an_audio_process_that_dies_again_and_again_is_replaced_each_time(take):
    with daemon("--audio", f"file:{take}") as playing:
        playing.osc.send("/livewave/note", 72, 100)
        for number in (2, 3, 4):
            os.kill(playing.audio_pid, signal.SIGKILL)
            await_sound(take.with_name(f"take-{number}.wav"), 0.1)
        assert playing.osc.status()["restarts"] == 3
