"""Half an hour of endless play at real pace: does it stay music, and does the sound go on without a fault?

    python -m tests.bench.endless [--minutes 30] [--stalls] [--daemon "FLAGS"]

Prints JSON. The daemon composes on and on into `null`, at the pace of a device's clock; what it plays is heard by OSC, as a DAW
would record it. Now and then a player joins in for a bar. Exit status 1 when a limit is broken. With --stalls, an underrun beside a
moment in which the machine itself stood still (tests.bench.stalls) is counted, and is not ours; that watch takes processor time
before all others, and is best left out where there are few.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np

from livewave.music.grid import rows_of
from tests.bench.stalls import beside, watched
from tests.scenario.daemon import Osc, daemon
from training.notes.measures import figures

BPM, POLYPHONY = 120.0, 4
BEAT_S, BAR_STEPS = 60.0 / BPM, 16
PHRASE = (67, 69, 71, 72, 74, 71, 67)  # a beat each, to begin with
JOIN_EVERY_S = 120.0
LIMITS = {"longest_silence": 4 * BAR_STEPS, "most_notes": POLYPHONY, "longest_note": 8 * BAR_STEPS}  # steps, notes, steps
Played = list[tuple[float, int, int]]  # seconds, pitch, velocity


def measure(minutes: float, flags: Sequence[str] = (), watch_stalls: bool = False) -> dict[str, object]:
    with (watched(60.0 * minutes + 120.0) if watch_stalls else nullcontext([])) as stalls, \
            daemon("--audio", "null", "--continue", "off", "--tempo", str(BPM), *flags) as playing:
        osc, ear = playing.osc, _Ear(Osc(playing.port))
        osc.send("/livewave/continue/polyphony", POLYPHONY)
        _play(osc, PHRASE)
        osc.send("/livewave/continue", "endless")
        before, began_s = osc.status(), time.monotonic()
        _join_in(osc, began_s + minutes * 60.0)
        after = osc.status()
        osc.send("/livewave/continue", "off")
        time.sleep(1.0)
        left = osc.status()
        ear.close()
    faults = {name: after[name] - before[name] for name in ("underruns", "late", "restarts", "faults", "continue_faults")}
    heard = ear.heard
    faults["underruns_of_ours"] = min(faults["underruns"], beside(ear.underran, stalls))
    machine = {"machine_stalls": len(stalls), "longest_stall_ms": round(1e3 * max((late_s for _, late_s in stalls), default=0.0), 1)} \
        if watch_stalls else {}
    return {"minutes": minutes, "bpm": BPM, "flags": list(flags), "notes_played": sum(1 for _, _, velocity in heard if velocity),
            **faults, **machine, "held_at_the_end": left["notes"], "step_p50_ms": round(after["step_p50_ms"], 2), "step_p99_ms": round(after["step_p99_ms"], 2),
            **music(heard, began_s, minutes * 60.0)}


def music(heard: Played, began_s: float, seconds: float) -> dict[str, object]:
    """Figures of all that was heard, and of each fifth of it in turn: does it wander off?"""
    ends: dict[int, tuple[float, int]] = {}
    notes, most = [], 0
    for at_s, pitch, velocity in heard:
        if pitch in ends:
            begin_s, struck = ends.pop(pitch)
            notes.append((_beats(begin_s - began_s), _beats(at_s - began_s), pitch, struck))
        if velocity:
            ends[pitch] = (at_s, velocity)
        most = max(most, len(ends))
    rows = rows_of(notes, round(4 * _beats(seconds)))
    sounding = np.flatnonzero(rows[:, :, 0].any(1))
    rows = rows[sounding[0] :] if len(sounding) else rows
    fifths = [figures(part) for part in np.array_split(rows, 5)]
    drift = {name: [round(part[name], 3) for part in fifths] for name in ("notes", "onsets", "silent", "in_own_key")}
    return {name: round(value, 3) for name, value in figures(rows).items()} | {
        "most_notes": most, "never_let_go": len(ends), "fifths": drift}


def broken(found: dict[str, object]) -> list[str]:
    """The limits that were broken, in words."""
    over = [f"{name} is {found[name]}, more than {limit}" for name, limit in LIMITS.items() if found[name] > limit]
    return over + [f"{name} is {found[name]}, not 0"
                   for name in ("underruns_of_ours", "restarts", "faults", "continue_faults", "held_at_the_end", "never_let_go") if found[name]]


class _Ear(threading.Thread):
    """Notes down what the daemon says that it plays, as it comes."""

    def __init__(self, osc: Osc) -> None:
        super().__init__(daemon=True)
        self.heard: Played = []
        self.underran: list[float] = []  # when the count rose
        self._underruns = -1
        self._osc, self._enough = osc, threading.Event()
        osc.ask("/livewave/notify", 1, answer="/livewave/done")
        self.start()

    def run(self) -> None:
        while not self._enough.is_set():  # levels come 20 times a second: this does not wait for long
            address, values = self._osc.receive()
            if address == "/livewave/note/played":
                self.heard.append((time.monotonic(), *values))
            elif address == "/livewave/underruns":
                if 0 <= self._underruns < values[0]:
                    self.underran.append(time.monotonic())
                self._underruns = values[0]

    def close(self) -> None:
        self._enough.set()
        self.join()
        self._osc.close()


def _join_in(osc: Osc, until_s: float) -> None:
    """A player who plays a bar every JOIN_EVERY_S."""
    while (left_s := until_s - time.monotonic()) > JOIN_EVERY_S:
        time.sleep(JOIN_EVERY_S)
        _play(osc, PHRASE[:4])
    time.sleep(max(0.0, left_s))


def _play(osc: Osc, pitches: Sequence[int]) -> None:
    for pitch in pitches:
        osc.send("/livewave/note", pitch, 90)
        time.sleep(0.9 * BEAT_S)
        osc.send("/livewave/note", pitch, 0)
        time.sleep(0.1 * BEAT_S)


def _beats(seconds: float) -> float:
    return seconds / BEAT_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--stalls", action="store_true", help="watch for moments in which the machine stands still")
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    args = parser.parse_args()
    found = measure(args.minutes, args.daemon.split(), args.stalls)
    print(json.dumps(found | {"broken": broken(found)}, indent=1))
    sys.exit(bool(broken(found)))


if __name__ == "__main__":
    main()
