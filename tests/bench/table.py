"""The README's measured table, from what `tests.bench.collect` found.

    python -m tests.bench.table tests/bench/bench.json [--readme README.md] [--check]

Writes it between the two markers; with --check its exit status says whether what stands there is up to date.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from tests.generated import insert


def table(found: Mapping) -> str:
    """Markdown."""
    machine = found["machine"]
    head = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {found['date']}, by `make bench`."
    return "\n\n".join([head, _engines(found["engines"]), _latency(found["latency"]), _follow(found["follow"])])


def placed(readme: str, text: str) -> str:
    """The README with `text` between its markers. Raises ValueError without them."""
    return insert(readme, "bench", f"\n{text}\n\n")


def _engines(rows: list[Mapping]) -> str:
    lines = ["| engine | model (R/S/A, layers) | µs a sample | × real time | p99 of a block |", "|---|---|---|---|---|"]
    for row in rows:
        name = " ".join(filter(None, (row["engine"], row["isa"])))
        model = "random weights" if row["model"].startswith("random") else row["model"]
        lines.append(f"| {name} | {model} ({row['shape']}) | {row['us_per_sample']:.1f} "
                     f"| {row['real_time_factor']:.2f} | {row['p99_ms']:.2f} ms of {row['block']} samples |")
    return "\n".join(lines)


def _latency(found: Mapping | str) -> str:
    if isinstance(found, str):
        return f"Latency: {found}."
    rows = [("first sound", found["onset_ms"]), ("within 20 dB of the note's level", found["to_level_ms"])]
    how = f"{found['rate_hz']} Hz, period {found['period_frames']}, {found['measured']} notes"
    lines = [f"| note-on by JACK MIDI to ({how}) | median | p99 | sd |", "|---|---|---|---|"]
    lines += [f"| {what} | {row['median']:.1f} ms | {row['p99']:.1f} ms | {row['sd']:.2f} ms |" for what, row in rows]
    soak = found["soak"]
    if soak:
        lines.append(f"\nA melody of {soak['seconds']:.0f} s there: {soak['underruns']} underruns, "
                     f"{100 * soak['frames_in_tune']:.1f} % of frames within 50 cents (take {soak['takes']}: one in which the "
                     f"server itself loses cycles is repeated, twice at most; it lost {soak['lost_cycles']} in this one). "
                     f"`python -m tests.bench.latency --notes {found['notes']} --soak {soak['seconds']:.0f}`.")
    return "\n".join(lines)


def _follow(found: Mapping) -> str:
    ways = {"osc": "live, by OSC into `--audio file:`", "render": "`livewave render`"}
    lines = ["| the notes are followed | line: frames within 50 cents | chords: notes that stand out |",
             "|---|---|---|"]
    lines += [f"| {text} | {100 * found[way]['frames_in_tune']:.1f} % | {100 * found[way]['chord_recall']:.1f} % |"
              for way, text in ways.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("found", type=Path)
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    old = args.readme.read_text(encoding="utf-8")
    new = placed(old, table(json.loads(args.found.read_text(encoding="utf-8"))))
    if args.check and new != old:
        raise SystemExit(f"{args.readme}: its measured table is not that of {args.found}; "
                         f"python -m tests.bench.table {args.found}")
    if not args.check:
        args.readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
