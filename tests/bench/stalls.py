"""Moments in which the machine itself stood still: not even a thread of the highest priority ran. Virtual machines have them.

    python -m tests.bench.stalls SECONDS

Prints JSON: [[when it should have run (time.monotonic), by how much it was late, seconds], ...], of what is above LEAST_S.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from livewave.sound.realtime import ask_for_priority

PRIORITY = 90  # above the audio process, above the device
TICK_S, LEAST_S = 0.001, 0.004
NEAR_S = 0.3  # so long after a stall it may still be heard of
Stall = tuple[float, float]


@contextmanager
def watched(seconds: float) -> Iterator[list[Stall]]:
    """Look out for at most so long; the list is filled when the block ends."""
    found: list[Stall] = []
    watch = subprocess.Popen([sys.executable, "-m", "tests.bench.stalls", str(seconds)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    try:
        yield found
    finally:
        watch.terminate()
        out, _ = watch.communicate()
        found += [tuple(stall) for stall in json.loads(out or "[]")]


def beside(times_s: Sequence[float], stalls: Sequence[Stall]) -> int:
    """How many of the moments lie beside no stall."""
    return sum(not any(at_s - 0.05 <= time_s <= at_s + late_s + NEAR_S for at_s, late_s in stalls) for time_s in times_s)


def watch(seconds: float) -> list[Stall]:
    stalls: list[Stall] = []
    due_s = time.monotonic()
    end_s = due_s + seconds
    try:
        while due_s < end_s:
            due_s += TICK_S
            time.sleep(max(0.0, due_s - time.monotonic()))
            late_s = time.monotonic() - due_s
            if late_s > LEAST_S:
                stalls.append((due_s, late_s))
                due_s += late_s
    except KeyboardInterrupt:
        pass
    return stalls


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.disable()
    ask_for_priority(PRIORITY)  # of this process, and for good: nobody else is to call this
    print(json.dumps(watch(float(sys.argv[1]))))
