"""Measure this machine: engines, latency, a minute of playing, and how well the notes are followed.

    python -m tests.bench.collect bench.json [--seconds 2] [--notes 50] [--soak 60]

Takes about five minutes. What cannot be measured here is a text that says why.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import date
from pathlib import Path

from tests.bench import follow, latency
from tests.realtime.jackd import NoJack
from tests.scenario.daemon import livewave

PAPER_SHAPE = "64,128,256,20"
CPU_INFO = Path("/proc/cpuinfo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="wall time per engine and model")
    parser.add_argument("--notes", type=int, default=50, help="notes whose latency is measured")
    parser.add_argument("--soak", type=float, default=60.0, help="seconds of playing in which underruns are counted")
    args = parser.parse_args()
    print("engines", flush=True)
    engines = _engines(args.seconds) + _engines(args.seconds, "--shape", PAPER_SHAPE)
    print("latency and underruns", flush=True)
    try:
        timing: object = latency.measure(args.notes, args.soak)
    except NoJack as reason:
        timing = f"not measured: {reason}"
    print("following the notes", flush=True)
    found = {"machine": _machine(), "date": date.today().isoformat(), "engines": engines, "latency": timing,
             "follow": follow.measure()}
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _engines(seconds: float, *flags: str) -> list[dict[str, object]]:
    done = livewave("bench", "--json", "--seconds", str(seconds), *flags)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _machine() -> dict[str, object]:
    return {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version()}


def _cpu() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
