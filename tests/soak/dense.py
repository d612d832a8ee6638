"""Hours on a stage, in short: dense playing at real pace with another core busy, and a flood of OSC within it.

    python -m tests.soak.dense [--minutes 60] [--flood 60] [--daemon "FLAGS"]

Prints JSON. The daemon is on a JACK server (dummy driver, 48000 Hz, 128 frames) and is played by MIDI: chords twelve notes a
second, pedal, bends, controls. Each take ends in silence, in which it is asked what it still holds. The first one is for the ring
to find its fill, and is told apart. Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from livewave.music.compass import Compass
from livewave.music.score import Note
from tests.bench.jack_meter import Meter, Take, as_midi
from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import Playing, daemon
from tests.scenario.score import compass
from tests.soak.asking import status_of
from tests.soak.children import NO_JACK, beside, load_average, memory_kb, player_of
from tests.soak.continuity import holes, within, zero_runs

RATE_HZ, PERIOD_FRAMES = 48_000, 128
TAKE_S, START_S, TAIL_S = 30.0, 0.3, 2.0  # the tail is longer than a rest needs to be silent
CHORD, CHORDS_PER_S = 3, 4
LONGEST_NOTE_S = 0.6
PEDAL_EVERY_S, PEDAL_DOWN_S = 4.0, 1.5
CONTROLS_PER_S = 20
SPEAKS_WITHIN_S = 0.15
FLOOD_HZ = 5_000
COUNTED = ("underruns", "late", "restarts", "faults", "dropped", "refused_midi")
LIMITS = {"underruns": 0, "gaps": 0, "restarts": 0, "faults": 0, "dropped": 0, "stuck_notes": 0, "tails_that_sound": 0}
MOST_GROWTH_MB = 5.0

Score = list[tuple[int, bytes]]


def measure(minutes: float, flood_s: float, flags: Sequence[str] = (), take_s: float = TAKE_S) -> dict[str, object]:
    """Raises NoJack."""
    takes = max(1, round(60.0 * minutes / take_s))
    flooded = range(takes // 2, min(takes, takes // 2 + math.ceil(flood_s / take_s)))
    with ExitStack() as stack:
        stack.enter_context(jack_server(PERIOD_FRAMES, RATE_HZ))
        playing = stack.enter_context(daemon("--audio", "default", *flags, midi="virtual"))
        stack.enter_context(beside(("spin", 2 * 60.0 * minutes + 120.0)))
        meter = Meter()
        settling = _take(playing, meter, take_s, 0)
        rows = [_flooded(playing, meter, take_s, number, min(flood_s, take_s)) if number - 1 in flooded else _take(playing, meter, take_s, number)
                for number in range(1, takes + 1)]
        meter.close()
    return {"minutes": minutes, "period_frames": PERIOD_FRAMES, "flood_s": min(flood_s, len(flooded) * take_s),
            "flooded_takes": [number + 1 for number in flooded], **summed(settling, rows)}


def _flooded(playing: Playing, meter: Meter, seconds: float, number: int, flood_s: float) -> dict[str, object]:
    with beside(("flood", playing.port, FLOOD_HZ, flood_s)):
        return _take(playing, meter, seconds, number)


def _take(playing: Playing, meter: Meter, seconds: float, number: int) -> dict[str, object]:
    notes, score = dense_score(seconds, number, compass())
    before = status_of(playing.port)
    take = meter.take(score, seconds)
    after = status_of(playing.port)
    counts = {name: after[name] - before[name] for name in COUNTED}
    return {"notes": len(notes), **counts, **heard(take, notes), "stuck_notes": after["notes"], "latency_ms": after["latency_ms"],
            "control_kb": memory_kb(playing.pid), "audio_kb": memory_kb(player_of(playing.pid)), "load_average": load_average()}


def dense_score(seconds: float, seed: int, span: Compass) -> tuple[list[Note], Score]:
    """Notes, and the packets of notes, pedal, bends and controls; the same for the same seed. All is let go at the end."""
    rng, end_s = random.Random(seed), seconds - TAIL_S
    notes = []
    for number in range(int((end_s - START_S) * CHORDS_PER_S)):
        start_s = START_S + (number + 0.1 * rng.random()) / CHORDS_PER_S
        notes += [Note(start_s, min(end_s, start_s + rng.uniform(1.2 / CHORDS_PER_S, LONGEST_NOTE_S)), pitch, rng.randint(40, 120))
                  for pitch in rng.sample(range(span.low, span.high + 1), CHORD)]
    return notes, sorted(as_midi(_apart(notes), RATE_HZ) + _controls(rng, end_s), key=lambda packet: packet[0])


def _apart(notes: Sequence[Note]) -> list[Note]:
    """A key must be let go before it can be struck again: what still holds it ends there."""
    struck: dict[int, int] = {}
    apart: list[Note] = []
    for note in sorted(notes, key=lambda note: note.start_s):
        if note.pitch in struck and apart[struck[note.pitch]].end_s >= note.start_s:
            before = apart[struck[note.pitch]]
            apart[struck[note.pitch]] = Note(before.start_s, note.start_s - 0.005, before.pitch, before.velocity)
        struck[note.pitch] = len(apart)
        apart.append(note)
    return apart


def _controls(rng: random.Random, end_s: float) -> Score:
    packets = []
    for number in range(int((end_s - START_S) * CONTROLS_PER_S)):
        at_s = START_S + number / CONTROLS_PER_S
        bend = 8192 + round(2048 * math.sin(at_s))  # half a semitone up and down
        packets += [(at_s, bytes((0xE0, bend & 127, bend >> 7))), (at_s, bytes((0xB0, rng.choice((1, 7, 11)), rng.randint(90, 127))))]
    for number in range(int((end_s - START_S) / PEDAL_EVERY_S)):
        down_s = START_S + number * PEDAL_EVERY_S
        packets += [(down_s, bytes((0xB0, 64, 127))), (min(end_s, down_s + PEDAL_DOWN_S), bytes((0xB0, 64, 0)))]
    return [(round(at_s * RATE_HZ), packet) for at_s, packet in [*packets, (end_s, bytes((0xE0, 0, 64)))]]


def heard(take: Take, notes: Sequence[Note]) -> dict[str, int]:
    """gaps: holes while a note is held; gaps_of_server: those where the JACK server lost a cycle."""
    held = [(round((note.start_s + SPEAKS_WITHIN_S) * RATE_HZ), round(note.end_s * RATE_HZ)) for note in notes]
    own, every = (len(within(runs, held)) for runs in (holes(take.audio, take.missing, RATE_HZ), zero_runs(take.audio)))
    sounds_on = bool(np.any(take.audio[-RATE_HZ // 4 :]))
    return {"gaps": own, "gaps_of_server": every - own, "lost_cycles": len(take.missing), "xruns": take.xruns,
            "tails_that_sound": int(sounds_on)}


def summed(settling: Mapping, rows: Sequence[Mapping]) -> dict[str, object]:
    """What the takes after the first came to, and which of them, from 1, lost what; memory is compared between the ends of the first and
    of the last of them."""
    counts = (*COUNTED, "notes", "gaps", "gaps_of_server", "lost_cycles", "xruns", "stuck_notes", "tails_that_sound")
    growth = {f"{who}_growth_mb": _growth_mb([row[f"{who}_kb"] for row in rows]) for who in ("control", "audio")}
    last = {f"{who}_mb": round(rows[-1][f"{who}_kb"].get("pss", 0) / 1024, 1) for who in ("control", "audio")}
    return {"takes": len(rows), **{name: sum(row[name] for row in rows) for name in counts},
            "takes_that_lost": [{"take": number, **lost, "lost_cycles": row["lost_cycles"]} for number, row in enumerate(rows, 1)
                                if (lost := {name: row[name] for name in LIMITS if row[name]})],
            "underruns_while_settling": settling["underruns"], "gaps_while_settling": settling["gaps"],
            "latency_ms": {"first": round(settling["latency_ms"], 2), "last": round(rows[-1]["latency_ms"], 2),
                           "most": round(max(row["latency_ms"] for row in rows), 2)},
            **growth, **last, "load_average": max(row["load_average"] for row in rows)}


def _growth_mb(samples_kb: Sequence[Mapping[str, int]]) -> float:
    """Of the resident memory, which what other processes share does not change; the lowest of a few, against spikes."""
    resident = [sample["rss"] for sample in samples_kb if sample]
    if not resident:
        return 0.0
    few = max(1, len(resident) // 10)
    return round((min(resident[-few:]) - min(resident[:few])) / 1024, 2)


def broken(found: Mapping) -> list[str]:
    """The limits that were broken, in words."""
    over = [f"{name} is {found[name]}, not {limit}" for name, limit in LIMITS.items() if found[name] > limit]
    return over + [f"{name} is {found[name]}, {MOST_GROWTH_MB:g} is the limit" for name in ("control_growth_mb", "audio_growth_mb")
                   if found[name] >= MOST_GROWTH_MB]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--flood", type=float, default=60.0, metavar="SECONDS", help="of 5,000 OSC messages each")
    parser.add_argument("--take", type=float, default=TAKE_S, metavar="SECONDS", help="of playing without a pause")
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    args = parser.parse_args()
    try:
        found = measure(args.minutes, args.flood, args.daemon.split(), args.take)
    except NoJack as reason:
        raise SystemExit(f"{NO_JACK}{reason}") from None
    print(json.dumps(found | {"broken": broken(found)}, indent=1))
    sys.exit(bool(broken(found)))


if __name__ == "__main__":
    main()
