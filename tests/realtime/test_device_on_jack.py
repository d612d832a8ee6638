"""The device stage against a real JACK server with the dummy driver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.jack

RATE_HZ = 48000
TONE_HZ = 440.0
HERE = Path(__file__).parent
TAKES = 5  # a busy machine loses whole cycles of the graph; a take counts when it lost none


@contextmanager
def player(callback: str = "c"):
    paths = [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    child = subprocess.Popen([sys.executable, str(HERE / "tone_player.py"), str(TONE_HZ), callback], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    try:
        yield child, json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def capture(server: str, frames: int) -> tuple[np.ndarray, int]:
    """What livewave-audio:out_0 plays, and how many cycles were lost while it was listened to."""
    import jack

    client = jack.Client("listener", no_start_server=True, servername=server)
    port = client.inports.register("in")
    heard, taken, lost, expected = np.zeros(frames, np.float32), 0, 0, None

    @client.set_process_callback
    def process(count: int) -> None:
        nonlocal taken, lost, expected
        if taken < frames and port.number_of_connections:
            now = client.last_frame_time
            lost += expected is not None and now != expected
            expected = now + count
            part = min(count, frames - taken)
            heard[taken:taken + part] = port.get_array()[:part]
            taken += part

    @client.set_xrun_callback
    def xrun(delay_us: float) -> None:
        nonlocal lost
        lost += 1

    with client:
        client.connect("livewave-audio:out_0", port)
        deadline_s = time.monotonic() + 20.0
        while taken < frames and time.monotonic() < deadline_s:
            time.sleep(0.02)
    client.close()
    assert taken == frames
    return heard, lost


def clean_capture(server: str, frames: int) -> np.ndarray:
    for _ in range(TAKES):
        heard, lost = capture(server, frames)
        if lost == 0:
            return heard
    pytest.skip(f"the graph lost cycles in each of {TAKES} takes: the machine is too busy to judge")


def assert_is_the_tone_without_a_gap(heard: np.ndarray) -> None:
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(np.argmax(spectrum) * RATE_HZ / len(heard) - TONE_HZ) < 2.0
    # A sine obeys x[n] = 2 cos(w) x[n-1] - x[n-2]: one lost, repeated or altered frame breaks that.
    error = heard[2:] - 2 * np.cos(2 * np.pi * TONE_HZ / RATE_HZ) * heard[1:-1] + heard[:-2]
    assert np.max(np.abs(error)) < 1e-5
    assert abs(np.max(np.abs(heard)) - 0.5) < 1e-3


@pytest.mark.parametrize("callback", ["c", "python"])
def test_a_tone_reaches_jack_at_its_pitch_without_a_gap(jack_name, callback):
    with player(callback) as (child, facts):
        assert facts["host_api"].startswith("JACK")
        assert (facts["rate_hz"], facts["period_frames"]) == (RATE_HZ, 128)
        assert 0.0 < facts["latency_s"] <= 0.5
        assert_is_the_tone_without_a_gap(clean_capture(jack_name, RATE_HZ))


def test_both_channels_carry_the_signal(jack_name):
    import jack

    with player():
        client = jack.Client("looker", no_start_server=True, servername=jack_name)
        names = [port.name for port in client.get_ports(is_output=True, is_audio=True)]
        client.close()
    assert {"livewave-audio:out_0", "livewave-audio:out_1"} <= set(names)


def test_a_player_ends_when_it_is_told_to(jack_name):
    with player() as (child, _):
        child.stdin.close()
        end = json.loads(child.stdout.readline())
        child.wait(10.0)
        child.stdin = open(os.devnull)
    assert end["alive"] and end["problem"] is None and end["frames"] > 0
    assert child.returncode == 0


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_dies_is_noticed_and_does_not_hold_the_process_back(jack_server_process, signal_number):
    with player() as (child, _):
        jack_server_process.send_signal(signal_number)
        end = json.loads(child.stdout.readline())
        child.wait(20.0)
    assert end["alive"] is False
    assert child.returncode == 0
