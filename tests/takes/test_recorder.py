from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from livewave import ConfigError
from livewave.control.events import ClockMessage, LetGo, NoteOff, NoteOn
from livewave.link import Order
from livewave.music.generated import SOURCE
from livewave.sound.wavfile import Pcm
from livewave.takes.recorder import OFF, Recorder
from livewave.takes.take import AUDIO, NOTES
from tests.takes.playing import AudioProcess, answer, begin, lines, recorder_in, until

ROOT = Path(__file__).parents[2]
KEYS = "midi:keys"


@pytest.fixture
def takes(tmp_path) -> Path:
    return tmp_path / "takes"


@pytest.fixture
def recorder(takes):
    recorder = recorder_in(takes)
    yield recorder
    recorder.close()


def pcm(take: Path) -> np.ndarray:
    with wave.open(str(take / AUDIO)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def rows(take: Path, kind: str) -> list[dict]:
    return [row for row in lines(take) if row["kind"] == kind]


def test_audio_holds_what_was_rendered_from_the_moment_of_asking_to_the_end(recorder):
    audio = AudioProcess(recorder)
    audio.obey(Order.STRIKE)
    audio.play(40)
    before = len(audio.frames)
    take = begin(recorder, audio)
    audio.play(200, 96)
    audio.end()
    recorder.close()
    np.testing.assert_array_equal(pcm(take), Pcm().of(audio.frames[before:]))
    assert np.abs(pcm(take)).max() > 100


def test_a_recording_begun_in_the_middle_of_a_life_knows_every_order_before_it(recorder):
    audio = AudioProcess(recorder)
    for pitch in range(60, 70):
        audio.obey(Order.STRIKE, pitch)
        audio.play(10)
    take = begin(recorder, audio)
    audio.obey(Order.GAIN_DB, value=-7.0)
    audio.play(10)
    audio.end()
    recorder.close()
    assert [(row["order"], row["column"], row["pitch"]) for row in rows(take, "order")] == [
        *(("strike", 40 * number, 60 + number) for number in range(10)), ("gain_db", 400, 60)]
    life, = rows(take, "life")
    assert (life["model"], life["seed"], life["engine"], life["frame"], life["gain_db"]) == ("tiny", 5, "native", 0, -3.0)
    assert rows(take, "audio")[0]["from"] == 10 * 10 * 4 * 48


def test_start_and_stop_make_one_take_each_time_and_say_so(takes):
    told = []
    recorder = recorder_in(takes, tell=told.append)
    audio = AudioProcess(recorder)
    first = begin(recorder, audio)
    assert answer(recorder.start) is None and Path(recorder.state) == first
    audio.play(10)
    assert answer(recorder.stop) is None and recorder.state == OFF
    audio.await_recording(False)
    second = begin(recorder, audio)
    audio.play(20)
    audio.end()
    recorder.close()
    assert told == [str(first), OFF, str(second), OFF]
    assert (len(pcm(first)), len(pcm(second))) == (10 * 4 * 48, 20 * 4 * 48)
    assert [rows(take, "end")[0]["why"] for take in (first, second)] == ["asked", "asked"]


def test_a_start_waits_for_the_first_life(recorder):
    heard = []
    recorder.start(heard.append)
    audio = AudioProcess(recorder)
    audio.await_recording()
    assert heard == [None] and Path(recorder.state).is_dir()


def test_what_happened_meanwhile_is_marked(recorder):
    audio = AudioProcess(recorder)
    recorder.mark("before")
    take = begin(recorder, audio)
    recorder.mark("the net made noise; it starts again")
    audio.end()
    recorder.close()
    assert [row["text"] for row in rows(take, "mark")] == ["the net made noise; it starts again"]


def test_without_a_folder_a_start_is_answered_with_the_remedy():
    recorder = Recorder("none", "{}")
    AudioProcess(recorder).tape.flush()
    assert "--record DIR" in answer(recorder.start)
    assert recorder.state == OFF
    recorder.close()


@pytest.mark.parametrize("folder", ["/proc/takes", "/dev/null/takes", "/dev/null"])
def test_a_folder_that_cannot_be_written_to_is_known_before_anything_sounds(folder):
    with pytest.raises(ConfigError, match="cannot record in .*--record"):
        Recorder(folder, "{}")


def test_the_dead_audio_process_is_read_to_its_end_and_the_next_one_goes_on_after_silence(recorder):
    first = AudioProcess(recorder)
    take = begin(recorder, first)
    first.obey(Order.STRIKE)
    first.play(100)
    first.end()
    second = AudioProcess(recorder)
    second.await_recording()
    second.obey(Order.STRIKE)
    second.play(100)
    second.end()
    recorder.close()
    made, audio = len(first.frames), pcm(take)
    np.testing.assert_array_equal(audio[:made], Pcm().of(first.frames))
    np.testing.assert_array_equal(audio[-len(second.frames) :], Pcm().of(second.frames))
    between = audio[made : -len(second.frames)]
    silence, = rows(take, "silence")
    assert len(between) == silence["frames"] > 0 and not between.any()
    assert [(row["life"], row["process"]) for row in rows(take, "life")] == [(1, 1), (2, 2)]


def test_another_rate_of_the_device_begins_another_take(recorder, takes):
    first = AudioProcess(recorder)
    take = begin(recorder, first)
    first.play(10)
    first.end()
    second = AudioProcess(recorder, rate_hz=44_100)
    second.await_recording()
    second.play(10)
    second.end()
    recorder.close()
    both = sorted(path for path in takes.iterdir())
    assert both[0] == take and len(both) == 2
    with wave.open(str(both[1] / AUDIO)) as file:
        assert file.getframerate() == 44_100 and file.getnframes() == len(second.frames)


def test_what_was_played_and_composed_is_in_notes_mid_when_the_take_ends(recorder):
    audio = AudioProcess(recorder)
    recorder.hear(NoteOn(1.0, KEYS, 0, 50, 90))  # held when the take begins
    take = begin(recorder, audio)
    audio.play(10)
    at_s = rows(take, "audio")[0]["at_s"] if rows(take, "audio") else until(lambda: rows(take, "audio"))[0]["at_s"]
    for event in (NoteOn(at_s + 1.0, KEYS, 0, 60, 90), ClockMessage(at_s + 1.0, KEYS, "clock"), NoteOff(at_s + 2.0, KEYS, 0, 60),
                  NoteOn(at_s + 2.0, SOURCE, 0, 64, 80), NoteOff(at_s + 2.5, SOURCE, 0, 64), LetGo(at_s + 3.0, KEYS, 0, (50, 62))):
        recorder.hear(event)
    audio.end()
    recorder.close()
    tracks = {track.name: [(note.pitch, round(note.start, 2), round(note.end, 2)) for note in track.notes]
              for track in pretty_midi.PrettyMIDI(str(take / NOTES)).instruments}
    assert tracks == {"played": [(60, 1.0, 2.0), (50, 0.0, 3.0)], "generated": [(64, 2.0, 2.5)]}


def test_takes_that_ended_with_a_crash_get_their_notes_at_the_next_start(takes):
    (takes / "crashed").mkdir(parents=True)
    from tests.takes.test_log import ALL, written

    written(takes / "crashed", *ALL[:-1])
    recorder = recorder_in(takes)
    until((takes / "crashed" / NOTES).exists)
    recorder.close()


@pytest.mark.parametrize("dense", [False, True], ids=["audio", "log"])
def test_a_full_disk_stops_the_recording_with_one_warning_and_not_the_sound(small_disk, caplog, dense):
    """Whichever file finds no room first."""
    told = []
    recorder = recorder_in(small_disk, tell=told.append)
    audio = AudioProcess(recorder)
    with caplog.at_level(logging.INFO):
        take = begin(recorder, audio)
        for _ in range(400):
            if dense:
                for _ in range(8):
                    audio.obey(Order.STRIKE)
            audio.play(5, 128)
        audio.await_recording(False)
        made = len(audio.frames)
        audio.play(10)
        assert len(audio.frames) > made
        state = recorder.state
        audio.end()
        recorder.close()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0] and "the sound goes on" in warnings[0] and "/livewave/record 1" in warnings[0]
    assert state == warnings[0] and told[:2] == [str(take), state]
    kept = pcm(take)
    assert len(kept) > 0
    np.testing.assert_array_equal(kept, Pcm().of(audio.frames)[: len(kept)])
    assert (take / "log.jsonl").read_bytes().endswith(b"}\n")


def test_after_room_was_made_recording_begins_again_by_asking(small_disk):
    recorder = recorder_in(small_disk)
    (small_disk / "ballast").write_bytes(bytes(200 << 10))
    audio = AudioProcess(recorder)
    begin(recorder, audio)
    for _ in range(200):
        audio.play(5, 128)
    audio.await_recording(False)
    (small_disk / "ballast").unlink()
    take = begin(recorder, audio)
    audio.play(5)
    audio.end()
    recorder.close()
    assert take.parent == small_disk and len(pcm(take)) == 5 * 128 * 3


def test_a_disk_without_any_room_is_answered_and_changes_nothing_else(small_disk):
    recorder = recorder_in(small_disk)
    with open(small_disk / "ballast", "wb", buffering=0) as ballast:
        with pytest.raises(OSError):
            while True:
                ballast.write(bytes(4096))
    audio = AudioProcess(recorder)
    assert "No space left on device" in answer(recorder.start)
    audio.play(5)
    assert not audio.tape.recording
    recorder.close()


def test_nonsense_on_the_tape_is_said_once_and_the_take_goes_on_with_the_next_audio_process(recorder, caplog):
    audio = AudioProcess(recorder)
    take = begin(recorder, audio)
    audio.play(10)
    audio.tape._put(2, b"\0" * 24)  # no order has the number 0
    audio.play(100)
    until(lambda: "cannot be read" in caplog.text)
    second = AudioProcess(recorder)
    second.await_recording()
    second.play(10)
    second.end()
    recorder.close()
    assert len(caplog.records) == 1
    assert (len(audio.made[0]) + len(second.made[0])) * 10 <= len(pcm(take))


def test_a_fault_of_the_recorder_ends_the_take_and_leaves_what_is_on_disk(recorder, caplog, monkeypatch):
    audio = AudioProcess(recorder)
    take = begin(recorder, audio)
    audio.play(10)
    until(lambda: (take / AUDIO).stat().st_size > 44)
    monkeypatch.setattr("livewave.takes.take.values_of", None)
    recorder.hear(NoteOn(1.0, KEYS, 0, 60, 90))
    until(lambda: recorder.state.startswith("stopped"))
    assert "the recorder failed" in caplog.text
    assert len(pcm(take)) > 0
    monkeypatch.undo()
    assert answer(recorder.stop) is None and recorder.state == OFF
    assert begin(recorder, audio) != take


CHILD = """
import sys, time
from pathlib import Path
from livewave.control.events import NoteOn
from livewave.link import Order
from tests.takes.playing import AudioProcess, begin, recorder_in
recorder = recorder_in(Path(sys.argv[1]))
audio = AudioProcess(recorder)
print(begin(recorder, audio), flush=True)
audio.obey(Order.STRIKE)
began_s, told = time.monotonic(), 0.0
recorder.hear(NoteOn(began_s, "midi:keys", 0, 60, 90))
while True:
    audio.play(1, 96)
    audio.made.clear()
    ahead_s = audio.stage.frames / 48_000 - (time.monotonic() - began_s)
    if ahead_s > 0.0:
        time.sleep(ahead_s)
    if (now_s := time.monotonic()) - told > 0.05:
        told = now_s
        print(audio.stage.frames, flush=True)
"""


@pytest.mark.parametrize("after_lines", [3, 17, 61])
def test_a_killed_process_leaves_a_take_that_opens_and_lacks_less_than_a_second(takes, models, after_lines):
    """At real pace, in another process, killed at different moments."""
    from livewave.takes.replay import replay

    child = subprocess.Popen([sys.executable, "-c", CHILD, str(takes)], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
    guard = threading.Timer(60.0, child.kill)
    guard.start()
    try:
        take = Path(child.stdout.readline().strip())
        for _ in range(after_lines):
            made = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = [int(number) for number in re.findall(r"^\d+$", child.stdout.read(), re.MULTILINE)]
    finally:
        guard.cancel()
        child.kill()
        child.wait()
        child.stdout.close()
    kept = pcm(take)
    assert max([made, *rest]) - len(kept) < 48_000
    verdict = replay(take, None, [], False, print, lambda done, total: None)
    assert verdict.differing == 0
    assert verdict.frames - verdict.compared < 48_000
    if after_lines == 61:
        assert verdict.compared > 0 and np.abs(kept).max() > 100
    assert pretty_midi.PrettyMIDI(str(take / NOTES)).instruments[0].notes
