from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from livewave.config import Config
from livewave.takes import take as module
from livewave.takes.log import read_log
from livewave.takes.take import AUDIO, SYNC_EVERY_S, Take
from livewave.takes.tape import Heard
from tests.takes.playing import lines

RATE_HZ = 48_000
BLOCK = np.full(96, 0.25, np.float32)


def a_take(folder: Path) -> Take:
    return Take(folder, RATE_HZ, Config().to_json())


def pcm(folder: Path) -> np.ndarray:
    with wave.open(str(folder / AUDIO)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def spans(folder: Path) -> list[tuple[int, int, int]]:
    """Frame, process (0: silence) and its first frame, of every stretch."""
    return [(row["frame"], row.get("process", 0), row.get("from", 0))
            for row in lines(folder) if row["kind"] in ("audio", "silence")]


def test_frames_and_lines_are_there_as_soon_as_they_were_told(tmp_path):
    take = a_take(tmp_path)
    take.mark("here")
    for block in range(300):
        take.heard(1, Heard(96 * block, 1.0, BLOCK))
    take.flush()
    assert len(pcm(take.folder)) > 300 * 96 - 0.26 * RATE_HZ
    assert (take.folder / AUDIO).stat().st_size == 44 + 2 * 96 * 300
    assert spans(take.folder) == [(0, 1, 0)]
    take.close("asked")
    assert len(pcm(take.folder)) == 96 * 300


def test_twice_a_second_both_files_reach_the_disk_the_log_with_how_far_it_tells(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.readlink(f"/proc/self/fd/{descriptor}")), real(descriptor)))
    take = a_take(tmp_path)
    begun_s = take._synced_s
    synced.clear()
    take.heard(1, Heard(0, 1.0, BLOCK))
    take.sync(begun_s + 0.9 * SYNC_EVERY_S)
    assert synced == []
    take.sync(begun_s + SYNC_EVERY_S)
    assert [Path(name).name for name in synced] == ["audio.wav", "log.jsonl"]
    assert len(pcm(take.folder)) == 96
    assert (take.folder / "log.jsonl").read_text().endswith('{"kind": "until", "frame": 96}\n')
    take.close("asked")


def test_frames_that_are_missing_are_silence_and_the_rest_keeps_its_place(tmp_path):
    take = a_take(tmp_path)
    take.heard(1, Heard(960, 1.0, BLOCK))
    take.heard(1, Heard(960 + 96 + 500, 1.1, BLOCK))
    take.close("asked")
    audio = pcm(take.folder)
    assert len(audio) == 96 + 500 + 96
    assert audio[:96].all() and not audio[96:596].any() and audio[596:].all()
    assert spans(take.folder) == [(0, 1, 960), (96, 0, 0), (596, 1, 1556)]


def test_while_no_audio_process_played_there_is_silence_as_long_as_it_was(tmp_path):
    take = a_take(tmp_path)
    take.heard(1, Heard(0, 10.0, BLOCK))
    take.heard(2, Heard(192, 10.5, BLOCK))
    take.close("asked")
    assert spans(take.folder) == [(0, 1, 0), (96, 0, 0), (96 + RATE_HZ // 2, 2, 192)]
    assert len(pcm(take.folder)) == 2 * 96 + RATE_HZ // 2


def test_takes_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(module.time, "strftime", lambda form: "2026-11-28_20-15-03")
    takes = [a_take(tmp_path) for _ in range(3)]
    assert [take.folder.name for take in takes] == ["2026-11-28_20-15-03", "2026-11-28_20-15-03-2", "2026-11-28_20-15-03-3"]
    for take in takes:
        take.close("asked")


def test_a_full_disk_ends_the_take_and_leaves_both_files_whole(small_disk):
    """Whichever of the two finds no room first: the log here gets a line with every block."""
    take = a_take(small_disk)
    block = 0
    while take.problem is None and block < 10_000:
        take.mark("x" * 100)
        take.heard(1, Heard(96 * block, 1.0, BLOCK))
        block += 1
    assert "No space left on device" in take.problem and "recording stopped after" in take.problem
    kept = take.seconds
    for _ in range(100):
        take.heard(1, Heard(96 * block, 1.0, BLOCK))
        take.flush()
        take.sync(1e9)
    take.close("asked")
    assert len(pcm(take.folder)) >= (kept - 0.3) * RATE_HZ > 0
    assert (take.folder / "log.jsonl").read_bytes().endswith(b"}\n")


def test_a_folder_that_is_gone_is_an_error_at_the_beginning(tmp_path):
    with pytest.raises(FileNotFoundError):
        a_take(tmp_path / "gone")


def test_a_log_of_a_take_can_be_read_before_anything_was_played(tmp_path):
    take = a_take(tmp_path)
    take.close("asked")
    log = read_log(take.folder)
    assert log.ended and not log.stretches and log.rate_hz == RATE_HZ
