"""All measurements of reliability, into one file: latency, isolation, faults, malformed input, block splits, an hour of dense playing.

    python -m tests.soak.collect tests/soak/soak.json [--short] [--only latency dense ...] [--daemon "FLAGS"]

Takes about two and a half hours, cut --short about ten minutes; nothing else should run meanwhile. Each part is written as
soon as it is there, and with --only the file's other parts stay. What cannot be measured is a text that says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.bench.collect import machine
from tests.soak.children import NotMeasured, found_by


@dataclass(frozen=True)
class Part:
    """`python -m tests.soak.NAME` with arguments for a long and a short run, and about how long each takes, in seconds."""

    long: str
    short: str
    long_s: float
    short_s: float
    plays: bool = True  # whether it takes flags for the daemon


PARTS = {
    "latency": Part("--notes 150", "--notes 10 --period 128", 800.0, 30.0),
    "isolation": Part("--seconds 60", "--seconds 5 --period 128", 1_500.0, 120.0),
    "faults": Part("--rounds 2", "--rounds 1", 800.0, 400.0),
    "fuzz": Part("--packets 100000 --seed 0", "--packets 3000 --seed 0", 600.0, 60.0, plays=False),
    "splits": Part("--minutes 60 --seed 0", "--minutes 0.2 --seed 0", 4_000.0, 30.0, plays=False),
    "dense": Part("--minutes 60 --flood 60", "--minutes 0.5 --take 15 --flood 5", 3_700.0, 60.0),
}


def collect(out: Path, names: Sequence[str], short: bool, flags: str = "") -> dict[str, object]:
    """Measure `names` and put them into the file, which is made where there is none."""
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"parts": {}}
    found |= {"machine": machine(), "date": date.today().isoformat()}
    for name in names:
        print(name, flush=True)
        found["parts"][name] = measured(name, short, flags)
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def measured(name: str, short: bool, flags: str) -> dict[str, object]:
    """command, when, how busy the machine was besides, and what was found; or why it was not."""
    part = PARTS[name]
    arguments = (part.short if short else part.long).split() + ([f"--daemon={flags}"] if flags and part.plays else [])
    about = {"command": shlex.join(["python", "-m", f"tests.soak.{name}", *arguments]), "short": short,
             "load_average_before": round(os.getloadavg()[0], 2)}
    began_s = time.monotonic()
    try:
        result: Mapping = {"found": found_by(f"tests.soak.{name}", *arguments, seconds=part.short_s if short else part.long_s)}
    except NotMeasured as reason:
        result = {"error": str(reason)}
    return {**about, "took_s": round(time.monotonic() - began_s), **result}


def told(found: Mapping) -> list[str]:
    """A line for each limit that was broken, and for each part that was not measured."""
    return [f"{name}: {line}" for name, part in found["parts"].items()
            for line in ([part["error"]] if "error" in part else _broken(part["found"]))]


def _broken(found: object) -> Sequence[str]:
    return found.get("broken", ()) if isinstance(found, dict) else ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--short", action="store_true", help="seconds of each instead of an hour")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=tuple(PARTS), metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    args = parser.parse_args()
    for line in told(collect(args.out, args.only, args.short, args.daemon)):
        print(line)


if __name__ == "__main__":
    main()
