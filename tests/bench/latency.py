"""From key to sound, and a minute without a fault: the daemon on a JACK server (dummy driver, 48000 Hz).

    python -m tests.bench.latency [--notes 50] [--period 128] [--soak SECONDS] [--daemon "FLAGS"]

Prints JSON. Rests are exact digital silence, so the first sample that is not zero after a note-on tells the latency of
the whole pipeline, to the frame: onset_ms. to_level_ms is until the sound is within 20 dB of the note's own level,
which includes the attack of the instrument. The device's converters are not in it: the dummy driver has none.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence

import numpy as np

from tests.bench.jack_meter import Meter, Take, as_midi
from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import Playing, daemon
from tests.scenario.hearing import following
from tests.scenario.score import compass, melody, shifted
from livewave.music.score import Note

RATE_HZ, PERIOD_FRAMES = 48_000, 128
NOTE_S, REST_S = 0.4, 1.25  # the rest is longer than the voice's hold and fade
SPREAD_S = 0.02  # of the starts, to meet every phase of periods, blocks and columns
SETTLED_S = (0.15, 0.35)  # the part of a note whose level counts as its own
NEAR_LEVEL = 0.1  # -20 dB
SPEAKS_WITHIN_S = 0.4
LOST_WITHIN_S = 0.1  # a cycle lost so near to a note-on moves its sound: the note does not count
SOAK_TAKES = 3  # until the server loses no cycle in one


def measure(notes: int, soak_s: float, flags: Sequence[str] = (), period_frames: int = PERIOD_FRAMES) -> dict[str, object]:
    """Raises NoJack."""
    with jack_server(period_frames, RATE_HZ), daemon("--audio", "default", *flags, midi="virtual") as playing:
        meter = Meter()
        latency = _latency(playing, meter, notes)
        soak = _soak(playing, meter, soak_s) if soak_s else None
        meter.close()
        stages_ms = playing.stages_ms
    return {"rate_hz": RATE_HZ, "period_frames": period_frames, "flags": list(flags), "stages_ms": stages_ms, **latency,
            "soak": soak}


def _latency(playing: Playing, meter: Meter, count: int) -> dict[str, object]:
    notes = _lonely_notes(count)
    take, faults = _take(playing, meter, notes, notes[-1].end_s + REST_S)
    rows = [row for note in notes if not _is_disturbed(take, note) and (row := _onset(take.audio, note)) is not None]
    onsets_ms, levels_ms = np.array(rows).T if rows else np.full((2, 1), np.nan)
    return {"notes": count, "measured": len(rows), "told_ms": round(playing.osc.status()["latency_ms"], 2),
            "onset_ms": _spread(onsets_ms), "to_level_ms": _spread(levels_ms), **faults}


def _soak(playing: Playing, meter: Meter, seconds: float) -> dict[str, object]:
    notes: list[Note] = []
    while not notes or notes[-1].end_s < seconds:
        notes += shifted(melody(), notes[-1].end_s if notes else 0.0)
    notes = [note for note in notes if note.end_s < seconds - REST_S]
    for takes in range(1, SOAK_TAKES + 1):
        take, faults = _take(playing, meter, notes, seconds)
        if not faults["lost_cycles"]:
            break
    in_tune = round(following(take.audio, notes)["frames_in_tune"], 4)
    return {"seconds": seconds, "takes": takes, **faults, "frames_in_tune": in_tune}


def _take(playing: Playing, meter: Meter, notes: Sequence[Note], seconds: float) -> tuple[Take, dict[str, int]]:
    """Faults: underruns and late commands are the daemon's, lost cycles and xruns the JACK server's."""
    before = playing.osc.status()
    take = meter.take(as_midi(notes, RATE_HZ), seconds)
    after = playing.osc.status()
    faults = {name: after[name] - before[name] for name in ("underruns", "late", "restarts")}
    return take, {**faults, "lost_cycles": len(take.lost), "xruns": take.xruns}


def _lonely_notes(count: int) -> list[Note]:
    """Single notes out of silence."""
    rng, low, high = random.Random(1), compass().low, compass().high
    starts_s = [0.5 + number * (NOTE_S + REST_S) + rng.random() * SPREAD_S for number in range(count)]
    return [Note(start_s, start_s + NOTE_S, rng.randint(low, high), 100) for start_s in starts_s]


def _is_disturbed(take: Take, note: Note) -> bool:
    at, near = round(note.start_s * RATE_HZ), round(LOST_WITHIN_S * RATE_HZ)
    return any(abs(lost - at) < near for lost in take.lost)


def _onset(audio: np.ndarray, note: Note) -> tuple[float, float] | None:
    """(onset_ms, to_level_ms); None when it was not silent before, or nothing came."""
    at = round(note.start_s * RATE_HZ)
    first, last = (at + round(edge_s * RATE_HZ) for edge_s in SETTLED_S)
    level = float(np.sqrt(np.mean(np.square(audio[first:last]))))
    heard = np.abs(audio[at : at + round(SPEAKS_WITHIN_S * RATE_HZ)])
    if audio[at - RATE_HZ // 20 : at].any() or level == 0.0:
        return None
    return 1e3 * int(np.argmax(heard > 0.0)) / RATE_HZ, 1e3 * int(np.argmax(heard > NEAR_LEVEL * level)) / RATE_HZ


def _spread(values_ms: np.ndarray) -> dict[str, float]:
    p1, median, p99 = np.percentile(values_ms, (1, 50, 99))
    return {"median": round(median, 2), "p1": round(p1, 2), "p99": round(p99, 2), "sd": round(values_ms.std(), 2),
            "least": round(values_ms.min(), 2), "most": round(values_ms.max(), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--notes", type=int, default=50)
    parser.add_argument("--period", type=int, default=PERIOD_FRAMES, metavar="FRAMES", help="of the server")
    parser.add_argument("--soak", type=float, default=0.0, metavar="SECONDS", help="then a melody for so long; 0: none")
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    args = parser.parse_args()
    try:
        print(json.dumps(measure(args.notes, args.soak, args.daemon.split(), args.period), indent=1))
    except NoJack as reason:
        raise SystemExit(f"not measured: {reason}") from None


if __name__ == "__main__":
    main()
