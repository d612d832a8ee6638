"""Generated parts of README.md, between `<!-- name -->` and `<!-- /name -->`.

    python -m tests.generated           write them
    python -m tests.generated --check   fail when one is stale
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from livewave.control.osc_addresses import address_table
from livewave.control.osc_voices import voice_table
from livewave.control.osc_reports import report_table, status_table
from livewave.music.compass import Compass
from livewave.render.modelfile import SHIPPED, SUFFIX, load_model
from livewave.render.wavenet import Model

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SCORES = {  # key on the card: how the goal and a figure are written
    "lines.frames_in_tune": ("a line in tune, 95 %", "{:.1%}"), "chords.on_top": ("chords of three, 80 %", "{:.0%}"),
    "onset.p95_ms": ("onsets, 40 ms", "{:.0f} ms"), "start.bursts": ("with a click, 0", "{:.0%}"),
    "rests.heard_db": ("rests, -30 dB", "{:.0f} dB"), "restruck.heard_as_two": ("struck again, 75 %", "{:.0%}"),
    "minute.frames_in_tune": ("a minute in tune, 95 %", "{:.1%}"),
}
EXAMPLES = {"happy-birthday": "Happy Birthday", "ode-to-joy": "Ode to Joy", "cadence": "cadence"}


def insert(text: str, name: str, body: str) -> str:
    """`text` with `body` between the markers of `name`. Raises ValueError when it has no such markers."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"README.md has no {begin.strip()} ... {end}")
    return f"{head}{begin}{body}{end}{tail}"


def instrument_table(models: list[Model]) -> str:
    """Markdown: what ships, its scores beside their goals (those it misses in bold), and where to hear it."""
    lines = ["| | pitches | " + " | ".join(goal for goal, _ in SCORES.values()) + " | hear it |", "|---" * (len(SCORES) + 3) + "|"]
    for model in models:
        compass, missed = Compass.of(model.provenance), [text.split()[0] for text in model.provenance["score.misses"].split("; ")]
        cells = [f"[`{model.name}`](livewave/models/{model.name}.md)", f"{compass.low}..{compass.high}"]
        for key, (_, form) in SCORES.items():
            figure = form.format(float(model.provenance[f"score.{key}"]))
            cells.append(f"**{figure}**" if key in missed else figure)
        cells.append(", ".join(f"[{title}](training/examples/{model.name}-{phrase}.mp3)" for phrase, title in EXAMPLES.items()))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def table_of(path: Path, table: Callable[[Mapping], str], target: str) -> str:
    """`table` of the JSON at `path`. Raises SystemExit for a file that is not as `make TARGET` writes it."""
    try:
        return table(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise SystemExit(f"{path} is not as it is written now ({what}); run `make {target}`") from None


def place_table(about: str, name: str, table: Callable[[Mapping], str], placed: Callable[[str, str], str]) -> None:
    """The command line of a module tests.NAME.table: a table of measured figures is put into the README, or compared with it."""
    parser = argparse.ArgumentParser(description=about.split("\n\n")[0])
    parser.add_argument("found", type=Path)
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    old = args.readme.read_text(encoding="utf-8")
    new = placed(old, table_of(args.found, table, name))
    if args.check and new != old:
        raise SystemExit(f"{args.readme}: its table `{name}` is not that of {args.found}; python -m tests.{name}.table {args.found}")
    if not args.check:
        args.readme.write_text(new, encoding="utf-8")


def shipped() -> list[Model]:
    return [load_model(path) for path in sorted(SHIPPED.glob("*" + SUFFIX))]


def main(arguments: list[str]) -> int:
    text = README.read_text(encoding="utf-8")
    parts = {"osc": address_table(), "osc-voices": voice_table(), "osc-out": report_table(), "osc-status": status_table(), "instruments": instrument_table(shipped())}
    fresh = functools.reduce(lambda page, part: insert(page, *part), parts.items(), text)
    if "--check" in arguments:
        if fresh != text:
            print("README.md is stale: run python -m tests.generated", file=sys.stderr)
        return int(fresh != text)
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
