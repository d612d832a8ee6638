"""From key to sound at several periods of the JACK server, and where the time goes.

    python -m tests.soak.latency [--notes 150] [--period 64 128 256] [--daemon "FLAGS"]

Prints JSON: for each period what tests.bench.latency finds, in a process of its own, and what the daemon says of its stages.
Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from tests.bench.latency import NOTE_S, REST_S
from tests.soak.children import NotMeasured, found_by, load_average

PERIODS_FRAMES = (64, 128, 256)
MEDIAN_MS = 12.0
JITTER_MS = {128: 2.0}  # at this period
LEAST_SHARE = 0.5  # of the notes must count: those beside a cycle that the server lost do not


def collected(notes: int, periods: Sequence[int] = PERIODS_FRAMES, flags: Sequence[str] = ()) -> list[dict[str, object]]:
    rows = []
    for period in periods:
        try:
            found = found_by("tests.bench.latency", "--notes", notes, "--period", period, f"--daemon={' '.join(flags)}",
                             seconds=notes * (NOTE_S + REST_S))
            rows.append(row(found) | {"load_average": load_average()})
        except NotMeasured as reason:
            rows.append({"period_frames": period, "error": str(reason)})
    return rows


def row(found: Mapping) -> dict[str, object]:
    """jitter_ms is p99 - p1; largest: the stage that takes most."""
    onset, stages = found["onset_ms"], found["stages_ms"]
    return {"period_frames": found["period_frames"], "notes": found["notes"], "measured": found["measured"],
            "median_ms": onset["median"], "p1_ms": onset["p1"], "p99_ms": onset["p99"], "most_ms": onset["most"],
            "jitter_ms": round(onset["p99"] - onset["p1"], 2), "told_ms": found["told_ms"], "stages_ms": stages,
            "largest": max(stages, key=stages.get) if stages else "", "to_level_ms": found["to_level_ms"]["median"],
            **{name: found[name] for name in ("underruns", "late", "lost_cycles")}}


def broken(rows: Sequence[Mapping]) -> list[str]:
    """The limits that were broken, in words."""
    return [f"at {row['period_frames']}: {what}" for row in rows for what in _wrong(row)]


def _wrong(row: Mapping) -> list[str]:
    if "error" in row:
        return [str(row["error"])]
    if row["measured"] < LEAST_SHARE * row["notes"]:
        return [f"only {row['measured']} of {row['notes']} notes could be measured"]
    wrong = [f"median is {row['median_ms']:g} ms, not {MEDIAN_MS:g}"] if row["median_ms"] > MEDIAN_MS else []
    most = JITTER_MS.get(row["period_frames"])
    return wrong + ([f"jitter is {row['jitter_ms']:g} ms, not {most:g}"] if most and row["jitter_ms"] > most else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--notes", type=int, default=150, help="at each period")
    parser.add_argument("--period", type=int, nargs="+", default=PERIODS_FRAMES, metavar="FRAMES")
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    args = parser.parse_args()
    rows = collected(args.notes, args.period, args.daemon.split())
    print(json.dumps({"rows": rows, "broken": broken(rows)}, indent=1))
    sys.exit(bool(broken(rows)))


if __name__ == "__main__":
    main()
