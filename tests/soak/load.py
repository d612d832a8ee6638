"""What else may run beside an instrument, each in a process of its own, each for a bounded time.

    python -m tests.soak.load spin SECONDS                  a processor that is busy
    python -m tests.soak.load flood PORT RATE SECONDS       so many OSC messages a second to a daemon
    python -m tests.soak.load hog SECONDS                   an interpreter that is busy (what `launch` does to the daemon)
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable

from pythonosc.osc_message_builder import build_msg

HOST = "127.0.0.1"
TICK_S = 0.002
LONGEST_S = 4 * 3600.0
TREE = {f"k{number}": [number, number * 1.5, f"text {number}", None, {"a": number}] for number in range(400)}  # about 0.5 ms
BACKTRACKING, HOLDS_THE_GIL = re.compile("(a|aa)+$"), "a" * 22 + "b"  # about 10 ms in one call
# Nothing that a listener should hear: settings as they are, a pedal that is up, what no address and no message is.
MESSAGES = [build_msg("/livewave/gain", [0.0]).dgram, build_msg("/livewave/sustain", [0.0]).dgram,
            build_msg("/livewave/note/off", [1]).dgram, build_msg("/nobody/knows", [1, 2.0, "three"]).dgram, b"/livewave/note"]


def spin(seconds: float) -> None:
    deadline_s = _deadline_s(seconds)
    while time.monotonic() < deadline_s:
        sum(range(10_000))


def hog(seconds: float) -> None:
    """Three things that keep the interpreter, in turn: JSON, a backtracking pattern, a loop."""
    deadline_s = _deadline_s(seconds)
    while time.monotonic() < deadline_s:
        for _ in range(5):
            json.loads(json.dumps(TREE))
        BACKTRACKING.search(HOLDS_THE_GIL)
        for _ in range(5_000):
            pass


def hogs(threads: int, seconds: float) -> None:
    """Start so many threads of `hog` in this process."""
    for _ in range(threads):
        threading.Thread(target=hog, args=(seconds,), name="hog", daemon=True).start()


def flood(port: int, rate_hz: float, seconds: float, clock_s: Callable[[], float] = time.monotonic) -> int:
    """Send MESSAGES in turn at an even pace, and say how many there were. Answers are left unread."""
    sent, began_s = 0, clock_s()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        while (passed_s := clock_s() - began_s) < min(seconds, LONGEST_S):
            for _ in range(int(passed_s * rate_hz) - sent):
                client.sendto(MESSAGES[sent % len(MESSAGES)], (HOST, port))
                sent += 1
            time.sleep(TICK_S)
    return sent


def _deadline_s(seconds: float) -> float:
    return time.monotonic() + min(seconds, LONGEST_S)


WHAT: dict[str, Callable[[list[str]], object]] = {
    "spin": lambda values: spin(float(values[0])),
    "flood": lambda values: flood(int(values[0]), float(values[1]), float(values[2])),
    "hog": lambda values: hog(float(values[0])),
}

if __name__ == "__main__":
    WHAT[sys.argv[1]](sys.argv[2:])
