"""Measure this machine: engines, others beside them, a quartet, latency, a minute of playing, how well the notes are followed, what
a composed sixteenth takes, endless play, and how quickly it trains.

    python -m tests.bench.collect bench.json [--seconds 2] [--notes 50] [--soak 60] [--endless 30]

Takes about ten minutes, and those of endless play. What cannot be measured here is a text that says why.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from exporters.stepgraph import build_model
from livewave.bench import model_of_shape
from tests.bench import composing, endless, follow, latency, learning, others, quartet
from tests.realtime.jackd import NoJack
from tests.scenario.daemon import ROOT, command, environment

PAPER_SHAPE = "64,128,256,20"
CPU_INFO = Path("/proc/cpuinfo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="wall time per engine and model")
    parser.add_argument("--notes", type=int, default=50, help="notes whose latency is measured")
    parser.add_argument("--soak", type=float, default=60.0, help="seconds of playing in which underruns are counted")
    parser.add_argument("--endless", type=float, default=30.0, help="minutes of endless play")
    args = parser.parse_args()
    print("engines", flush=True)
    engines, left_out = _bench(args.seconds)
    engines += _onnx_of_shape(args.seconds, PAPER_SHAPE)
    print("others", flush=True)
    beside = others.measure(args.seconds)
    print("latency and underruns", flush=True)
    try:
        timing: object = latency.measure(args.notes, args.soak)
    except NoJack as reason:
        timing = f"not measured: {reason}"
    print("a quartet, and composing", flush=True)
    four = quartet.measure(20.0)
    composed, played_on = composing.measure(), endless.measure(args.endless)
    print("following the notes, and training", flush=True)
    found = {"machine": machine(), "date": date.today().isoformat(), "engines": engines,
             "left_out": left_out, "others": beside, "latency": timing, "follow": follow.measure(), "quartet": four,
             "composing": composed, "endless": played_on, "learning": learning.measure()}
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _bench(seconds: float, *flags: str) -> tuple[list[dict[str, object]], list[str]]:
    """Rows of `livewave bench`, and its lines about the engines that it left out."""
    done = subprocess.run(command("bench", "--json", "--seconds", str(seconds), *flags), cwd=ROOT, env=environment(),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), [line for line in done.stderr.splitlines() if line.startswith("left out: ")]


def _onnx_of_shape(seconds: float, shape: str) -> list[dict[str, object]]:
    """A net made from a shape has no file, which ONNX Runtime needs: write one."""
    model = model_of_shape(shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shape.onnx"
        path.write_bytes(build_model(model).SerializeToString())
        rows, _ = _bench(seconds, "--engine", "onnx", "--model", str(path))
    return rows


def machine() -> dict[str, object]:
    return {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version()}


def _cpu() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
