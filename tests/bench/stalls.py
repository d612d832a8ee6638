"""Moments in which a processor of the machine stood still, or crept: not even a thread of the highest priority ran, or it ran at a
fraction of its speed. Virtual machines have them, one processor at a time, so each is watched.

    python -m tests.bench.stalls SECONDS

Prints JSON: [[when it should have run (time.monotonic), by how much it was late, or how long it crept, seconds], ...], of what is
above LEAST_S.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from livewave.sound.realtime import ask_for_priority

PRIORITY = 90  # above the audio process, above the device
TICK_S, LEAST_S = 0.001, 0.004
LOOP, LOOK_TICKS = 1_000, 5  # a fixed piece of work, done every so many ticks: 2 % of a processor
CREEPS = 2.0  # times as long as usual; sharing a core's caches costs far less
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


def watch(seconds: float, stop: threading.Event | None = None) -> list[Stall]:
    """From where this thread runs."""
    stalls: list[Stall] = []
    pace = Pace()
    due_s = time.monotonic()
    end_s = due_s + seconds
    for tick in itertools.count():
        if due_s >= end_s or stop and stop.is_set():
            return stalls
        due_s += TICK_S
        time.sleep(max(0.0, due_s - time.monotonic()))
        late_s = time.monotonic() - due_s
        if late_s > LEAST_S:
            stalls.append((due_s, late_s))
            due_s += late_s
        elif tick % LOOK_TICKS == 0 and pace.creeps(_work_s()):
            stalls.append((due_s, LOOK_TICKS * TICK_S))


class Pace:
    """How long a fixed piece of work takes as a rule: the median of the last few hundred times."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=400)

    def creeps(self, took_s: float) -> bool:
        """Whether this time took far longer."""
        usual_s = statistics.median(self._took_s) if len(self._took_s) > 20 else took_s
        self._took_s.append(took_s)
        return took_s > CREEPS * usual_s


def _work_s() -> float:
    began_s, total = time.perf_counter(), 0
    for number in range(LOOP):
        total += number
    return time.perf_counter() - began_s


def main(seconds: float) -> None:
    """Takes the highest priority for this process, and for good: nobody else is to call this."""
    stop, found = threading.Event(), []

    def on(processor: int) -> None:
        os.sched_setaffinity(threading.get_native_id(), {processor})
        ask_for_priority(PRIORITY)
        found.extend(watch(seconds, stop))

    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    gc.disable()
    watches = [threading.Thread(target=on, args=(processor,)) for processor in os.sched_getaffinity(0)]
    for one in watches:
        one.start()
    for one in watches:
        one.join()
    print(json.dumps(sorted(found)))


if __name__ == "__main__":
    main(float(sys.argv[1]))
