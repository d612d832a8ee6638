from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from livewave import DeviceError
from livewave.sound import wavfile
from livewave.sound.wavfile import WavFile

ROOT = Path(__file__).parents[2]


def read(path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def run_child(script: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_frames_are_kept_as_16_bit_pcm_and_clipped(tmp_path):
    wav = WavFile(str(tmp_path / "take.wav"), 48000)
    wav.write(np.array([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0], np.float32))
    wav.write(np.array([0.25], np.float32))
    wav.close()
    assert read(tmp_path / "take.wav").tolist() == [0, 16384, -16384, 32767, -32767, 32767, -32767, 8192]


def test_the_header_is_never_more_than_a_quarter_of_a_second_behind(tmp_path):
    wav = WavFile(str(tmp_path / "take.wav"), 48000)
    for block in range(1, 1000):
        wav.write(np.zeros(128, np.float32))
        if block % 50 == 0:
            assert block * 128 - len(read(tmp_path / "take.wav")) < 12000 + 128


def test_a_killed_process_leaves_a_file_that_opens_up_to_the_last_second(tmp_path):
    script = """
import sys, time, numpy as np
from livewave.sound.device import open_output
from livewave.sound.ring import Ring
ring = Ring(48000, target_frames=24000)
output = open_output("file:" + sys.argv[1], ring)
ring.write(np.full(24000, 0.5, np.float32))
output.start()
while True:
    ring.write(np.full(ring.wanted_frames(), 0.5, np.float32))
    print(ring.frames_read, flush=True)
    time.sleep(0.01)
"""
    child = run_child(script, str(tmp_path / "take.wav"))
    played = 0
    while played < 48000:
        played = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.communicate()
    heard = read(tmp_path / "take.wav")
    assert played - len(heard) < 48000
    assert len(heard) > 24000 and np.all(heard == 16384)


def test_a_full_disk_ends_the_file_but_raises_nothing(tmp_path):
    script = """
import resource, signal, sys, numpy as np
from livewave.sound.wavfile import WavFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
wav = WavFile(sys.argv[1], 48000)
for _ in range(1000):
    wav.write(np.full(128, 0.5, np.float32))
wav.close()
print(wav.lost_frames, wav.problem)
"""
    child = run_child(script, str(tmp_path / "take.wav"))
    lost, _, problem = child.communicate()[0].partition(" ")
    assert child.returncode == 0
    assert "take.wav" in problem
    heard = read(tmp_path / "take.wav")
    assert np.all(heard == 16384) and len(heard) >= 36000
    assert int(lost) >= 128000 - 50000


def test_a_wav_that_reaches_its_largest_size_ends_validly(tmp_path, monkeypatch):
    monkeypatch.setattr(wavfile, "LARGEST_BYTES", 1000)
    wav = WavFile(str(tmp_path / "take.wav"), 48000)
    for _ in range(10):
        wav.write(np.zeros(128, np.float32))
    wav.close()
    assert len(read(tmp_path / "take.wav")) == 3 * 128
    assert wav.lost_frames == 7 * 128 and "4 GiB" in wav.problem


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    path = str(tmp_path / "nowhere" / "take.wav")
    with pytest.raises(DeviceError, match="nowhere/take.wav.*No such file.*writable folder"):
        WavFile(path, 48000)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_disk_that_is_full_from_the_start_is_an_error_at_set_up():
    with pytest.raises(DeviceError, match="No space left"):
        WavFile("/dev/full", 48000)
