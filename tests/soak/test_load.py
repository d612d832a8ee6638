from __future__ import annotations

import socket
import sys
import threading

from livewave.music.clock import ManualClock
from tests.soak import load
from tests.soak.launch import hogged
from tests.soak.load import HOST, MESSAGES, flood, hogs


def test_a_flood_is_as_dense_as_it_is_said_to_be(monkeypatch):
    clock = ManualClock()
    monkeypatch.setattr(load.time, "sleep", lambda seconds: clock.advance(seconds))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        sent = flood(server.getsockname()[1], 1_000.0, 0.1, clock.now_s)
        heard = [server.recv(1_000) for _ in range(sent)]
    assert 95 <= sent <= 100
    assert heard[: len(MESSAGES)] == MESSAGES


def test_hogs_are_threads_of_this_process_that_end_by_themselves():
    before = threading.active_count()
    hogs(2, 0.0)
    for thread in threading.enumerate():
        if thread.name == "hog":
            thread.join()
    assert threading.active_count() == before


def test_a_hogged_daemon_is_given_its_arguments():
    assert hogged(1, 30.0)("run", "--audio", "null") == [
        sys.executable, "-m", "tests.soak.launch", "1", "30.0", "run", "--audio", "null"]
