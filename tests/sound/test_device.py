from __future__ import annotations

import subprocess
import sys
import threading
import time
import wave

import numpy as np
import pytest

from livewave import ConfigError, DeviceError
from livewave.sound import device, portaudio
from livewave.sound.device import open_output
from livewave.sound.output import STUCK_AFTER_S
from livewave.sound.paced import STALL_S, Pace
from livewave.sound.portaudio import OutputRow, find_output
from livewave.sound.ring import Ring

ROWS = [
    OutputRow(0, "HDA Intel: ALC257 (hw:0,0)", "ALSA", 2, 48000, False),
    OutputRow(3, "pulse", "ALSA", 32, 44100, False),
    OutputRow(5, "system", "JACK Audio Connection Kit", 2, 48000, True),
]


def wait_until(condition, timeout_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)


def ticks(pace: Pace, now_s: float, work_s=lambda tick: 0.0, count: int = 1000) -> list[float]:
    """The times of `count` ticks when the n-th tick's work takes work_s(n)."""
    times = []
    for tick in range(count):
        now_s += work_s(tick)
        now_s += pace.wait_s(now_s)
        times.append(now_s)
    return times


def test_a_pace_does_not_drift_with_the_work_between_ticks():
    times = ticks(Pace(0.01, 5.0), 5.0, lambda tick: 0.003 * (tick % 3))
    assert np.allclose(times, 5.0 + 0.01 * np.arange(1, 1001))


def test_a_short_pause_is_made_up_for_without_a_burst():
    pace = Pace(0.01, 0.0)
    times = np.array(ticks(pace, 0.0, lambda tick: 0.08 if tick == 100 else 0.0))
    assert pace.stalls == 0
    assert times[-1] == pytest.approx(10.0)
    assert np.diff(times).min() >= 0.005 - 1e-9


def test_a_long_pause_is_left_out_and_counted():
    pace = Pace(0.01, 0.0)
    times = np.array(ticks(pace, 0.0, lambda tick: 3.0 if tick == 100 else 0.0))
    assert pace.stalls == 1
    assert times[-1] == pytest.approx(13.0, abs=2 * 0.01 + STALL_S)
    assert np.diff(times)[100:].max() < 0.0101
    assert np.diff(times).min() >= 0.005 - 1e-9


def test_null_takes_frames_at_the_pace_of_its_rate():
    ring = Ring(4096)
    output = open_output("null", ring, 48000, 128)
    start_s = time.monotonic()
    output.start()
    wait_until(lambda: ring.frames_read >= 48000)
    output.stop()
    frames, at_s, _, _ = ring.last_visit
    if output.stalls == 0:  # a machine that slept is not asked
        # A pace is never early; late by what the scheduler adds, which is no part of the clock.
        assert frames / (at_s - start_s) < 48000 * 1.02
    assert not any(thread.name == "paced-output" for thread in threading.enumerate())


def test_null_plays_what_is_in_the_ring():
    ring = Ring(48000)
    output = open_output("null", ring, 48000, 256)
    ring.write(np.ones(4096, np.float32))
    output.start()
    wait_until(lambda: ring.frames_played == 4096)
    wait_until(lambda: ring.underrun_blocks > 0)
    output.close()
    assert output.is_alive(time.monotonic())
    assert (output.rate_hz, output.period_frames, output.latency_s) == (48000, 256, 256 / 48000)


def test_a_file_holds_what_was_played(tmp_path):
    ring = Ring(48000)
    output = open_output(f"file:{tmp_path / 'take.wav'}", ring, 44100, 128)
    ring.write(np.linspace(-0.5, 0.5, 1280, dtype=np.float32))
    output.start()
    wait_until(lambda: ring.frames_read > 2560)
    output.close()
    with wave.open(str(tmp_path / "take.wav")) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getframerate() == 44100
    assert len(heard) == ring.frames_read
    assert np.array_equal(heard[:1280], np.rint(np.linspace(-0.5, 0.5, 1280, dtype=np.float32) * 32767))
    assert not heard[1280 + 96:].any()
    assert output.problem is None


def test_an_output_is_alive_while_its_frame_counter_moves():
    ring = Ring(100)
    output = open_output("null", ring)
    assert output.is_alive(10.0)
    assert output.is_alive(10.0 + STUCK_AFTER_S / 2)
    assert not output.is_alive(10.0 + STUCK_AFTER_S)
    ring.read_into(np.zeros(10, np.float32))
    assert output.is_alive(10.0 + STUCK_AFTER_S)


def test_devices_are_found_by_index_name_and_part_of_a_name(monkeypatch):
    monkeypatch.setattr(portaudio, "list_outputs", lambda: ROWS)
    assert find_output("0") is ROWS[0]
    assert find_output("Pulse") is ROWS[1]
    assert find_output("alc257") is ROWS[0]
    assert find_output("jack") is ROWS[2]
    assert find_output("s") is ROWS[2]  # several fit: the default one is preferred


def test_an_unknown_device_is_refused_with_what_exists(monkeypatch):
    monkeypatch.setattr(portaudio, "list_outputs", lambda: ROWS)
    with pytest.raises(DeviceError, match=r"'scarlett'.*0 HDA Intel.*3 pulse.*5 system.*null.*file:"):
        open_output("scarlett", Ring(100))
    with pytest.raises(DeviceError, match="no audio output ''"):
        open_output("", Ring(100))


def test_no_sound_card_is_said_so(monkeypatch):
    monkeypatch.setattr(device, "default_output", lambda: None)
    with pytest.raises(DeviceError, match="no audio output.*null"):
        open_output("default", Ring(100))


@pytest.mark.parametrize(("rate_hz", "period_frames", "what"), [(1000, 128, "rate 1000"), (48000, 8, "period 8"),
                                                               (48000, 100000, "period 100000")])
def test_numbers_out_of_range_are_named_with_the_legal_range(rate_hz, period_frames, what):
    with pytest.raises(ConfigError, match=what + r".*\d+\.\.\d+"):
        open_output("null", Ring(100), rate_hz, period_frames)


def test_a_file_needs_a_path():
    with pytest.raises(DeviceError, match="needs a path"):
        open_output("file:", Ring(100))


class FakePortAudioError(Exception):
    pass


class FakeStream:
    latency = 89478.0

    def __init__(self, samplerate):
        self.samplerate = samplerate


class FakePortAudio:
    """What PortAudioOutput uses of sounddevice; its device accepts one rate only."""

    PortAudioError = FakePortAudioError

    def __init__(self, accepted_hz):
        self.accepted_hz, self.asked = accepted_hz, []

    def RawOutputStream(self, callback, **options):  # noqa: N802
        self.asked.append(options)
        if options["samplerate"] != self.accepted_hz:
            raise FakePortAudioError("Invalid sample rate")
        self.callback = callback
        return FakeStream(options["samplerate"])


def open_fake(monkeypatch, fake, row=ROWS[1], rate_hz=48000):
    monkeypatch.setattr(portaudio, "_sounddevice", lambda: fake)
    return portaudio.PortAudioOutput(row, Ring(1000), rate_hz, 128)


def test_a_refused_rate_falls_back_to_the_rate_of_the_device(monkeypatch):
    output = open_fake(monkeypatch, FakePortAudio(44100))
    assert output.rate_hz == 44100
    assert output.ring.channels_out == 2


def test_a_device_that_refuses_every_rate_is_an_error_with_the_reasons(monkeypatch):
    with pytest.raises(DeviceError, match="3 pulse.*48000 Hz: Invalid sample rate; at 44100 Hz"):
        open_fake(monkeypatch, FakePortAudio(1))


def test_jack_is_asked_for_its_own_rate_and_period(monkeypatch):
    fake = FakePortAudio(48000)
    open_fake(monkeypatch, fake, ROWS[2], rate_hz=44100)
    assert [(asked["samplerate"], asked["blocksize"]) for asked in fake.asked] == [(48000, 0)]


def test_an_absurd_latency_is_not_believed(monkeypatch):
    assert open_fake(monkeypatch, FakePortAudio(44100)).latency_s == 2 * 128 / 44100


def test_a_stream_that_never_ends_is_left_behind(monkeypatch):
    output = open_fake(monkeypatch, FakePortAudio(44100))
    monkeypatch.setattr(portaudio, "END_TIMEOUT_S", 0.01)
    never = threading.Event()
    output._stream.close = never.wait
    output.close()
    assert "hangs" in output.problem
    never.set()


def test_importing_the_stage_opens_no_audio_system():
    script = "import sys; import livewave.sound.device; assert 'sounddevice' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_machine_without_portaudio_is_told_what_to_type():
    script = """
import ctypes, ctypes.util
from livewave import DeviceError
from livewave.sound.device import open_output
from livewave.sound.ring import Ring
def missing(name, *rest, **options): raise OSError(name)
ctypes.CDLL, ctypes.util.find_library = missing, lambda name: None
try:
    open_output("default", Ring(100))
except DeviceError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "apt-get install libportaudio2" in said
