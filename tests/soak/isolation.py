"""Is anything that happens in the control process heard? The daemon on a JACK server, one held note, and trouble beside it.

    python -m tests.soak.isolation [--seconds 60] [--period 64 128 256] [--load nothing hog hog+spin flood stop]

Prints JSON. The audio process works as always, and what its net made is replaced by a pure tone, of which every lost, repeated
or altered frame shows to a JACK client in another process. Breaks beside a cycle that the JACK server itself lost are told
apart: everybody on that server suffers them. So are those that the client in the other process makes itself, when it is late.
Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from livewave.music.score import Note
from tests.bench.jack_meter import Meter, Take, as_midi
from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import Playing, command, daemon
from tests.soak.asking import status_of
from tests.soak.children import NO_JACK, NotMeasured, beside, found_by, load_average
from tests.soak.continuity import breaks, read_late, unexplained
from tests.soak.launch import hogged
from tests.soak.trouble import troubled

RATE_HZ, PERIODS_FRAMES = 48_000, (64, 128, 256)
LOADS = {  # what the row says
    "nothing": "nothing", "hog": "a thread that keeps the control process's interpreter",
    "hog+spin": "the same, and another core busy", "flood": "5,000 OSC messages a second",
    "stop": "the control process stopped for 2 s, as by a debugger",
}
FLOOD_HZ, STOPPED_S = 5_000, 2.0
PITCH, TONE_HZ = 81, 880.0  # A5: what the daemon plays and what is heard agree
SETTLING_S = 10.0  # in which the ring finds its fill
EDGE_S = 0.5  # before the note, and after
LIMITS = {"gaps": 0, "underruns": 0, "restarts": 0}


def measure(seconds: float, period_frames: int, load: str, flags: Sequence[str] = (), settling_s: float = SETTLING_S) -> dict[str, object]:
    """One row. Raises NoJack."""
    loaded_s = 2 * (seconds + settling_s) + 60.0
    begun = hogged(1, loaded_s) if "hog" in load else command
    with ExitStack() as stack:
        stack.enter_context(jack_server(period_frames, RATE_HZ))
        playing = stack.enter_context(daemon("--audio", "default", *flags, midi="virtual", start=begun, **troubled(TONE_HZ)))
        if "spin" in load:
            stack.enter_context(beside(("spin", loaded_s)))
        meter = Meter()
        settling = _take(playing, meter, settling_s, "nothing")
        row = _take(playing, meter, seconds, load)
        meter.close()
    return {"period_frames": period_frames, "load": load, "seconds": seconds, **row, "gaps_while_settling": settling["gaps"],
            "load_average": load_average()}


def _take(playing: Playing, meter: Meter, seconds: float, load: str) -> dict[str, object]:
    note = Note(EDGE_S, seconds - EDGE_S, PITCH, 100)
    before = status_of(playing.port)
    with _during(playing, seconds, load):
        take = meter.take(as_midi([note], RATE_HZ), seconds)
    after = status_of(playing.port)
    counts = {name: after[name] - before[name] for name in ("underruns", "restarts", "late", "dropped")}
    return {**heard(take, note), **counts, "latency_ms": round(after["latency_ms"], 2)}


def heard(take: Take, note: Note) -> dict[str, int]:
    """gaps: breaks of the tone while the note is held; gaps_of_server: those beside a cycle that the server lost; gaps_of_meter:
    cycles that the meter read too late."""
    first, last = (round(at_s * RATE_HZ) for at_s in (note.start_s + EDGE_S, note.end_s))
    found = [(first + frame, frames) for frame, frames in breaks(take.audio[first:last], TONE_HZ, RATE_HZ)]
    torn = unexplained(found, take.missing, RATE_HZ)
    late = read_late(torn, take.audio, take.period_frames)
    return {"gaps": len(torn) - len(late), "gaps_of_server": len(found) - len(torn), "gaps_of_meter": len(late), "lost_cycles": len(take.lost), "xruns": take.xruns}


@contextmanager
def _during(playing: Playing, seconds: float, load: str) -> Iterator[None]:
    if load == "flood":
        with beside(("flood", playing.port, FLOOD_HZ, 2 * seconds)):
            yield
    elif load == "stop":
        with _stopped(playing.pid, seconds / 3, STOPPED_S):
            yield
    else:
        yield


@contextmanager
def _stopped(pid: int, after_s: float, for_s: float) -> Iterator[None]:
    """Stop a process for a while, `after_s` from now."""
    timers = [threading.Timer(at_s, os.kill, (pid, number))
              for at_s, number in ((after_s, signal.SIGSTOP), (after_s + for_s, signal.SIGCONT))]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        os.kill(pid, signal.SIGCONT)


def broken(rows: Sequence[Mapping]) -> list[str]:
    """The limits that were broken, in words."""
    return [f"{row['load']} at {row['period_frames']}: {what}" for row in rows for what in _wrong(row)]


def _wrong(row: Mapping) -> list[str]:
    if "error" in row:
        return [str(row["error"])]
    return [f"{name} is {row[name]}, not {limit}" for name, limit in LIMITS.items() if row[name] > limit]


def collected(seconds: float, periods: Sequence[int], loads: Sequence[str], flags: Sequence[str] = ()) -> list[dict[str, object]]:
    """A row of each, every one measured in a process of its own."""
    rows = []
    for period in periods:
        for load in loads:
            try:
                rows.append(found_by("tests.soak.isolation", "--one", "--seconds", seconds, "--period", period, "--load", load,
                                     f"--daemon={' '.join(flags)}", seconds=seconds + SETTLING_S))
            except NotMeasured as reason:
                rows.append({"period_frames": period, "load": load, "seconds": seconds, "error": str(reason)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row")
    parser.add_argument("--period", type=int, nargs="+", default=PERIODS_FRAMES, metavar="FRAMES")
    parser.add_argument("--load", nargs="+", default=tuple(LOADS), choices=LOADS)
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    parser.add_argument("--one", action="store_true", help="measure in this process, the first period and load only")
    args = parser.parse_args()
    if args.one:
        try:
            print(json.dumps(measure(args.seconds, args.period[0], args.load[0], args.daemon.split())))
        except NoJack as reason:
            raise SystemExit(f"{NO_JACK}{reason}") from None
        return
    rows = collected(args.seconds, args.period, args.load, args.daemon.split())
    print(json.dumps({"rows": rows, "broken": broken(rows)}, indent=1))
    sys.exit(bool(broken(rows)))


if __name__ == "__main__":
    main()
