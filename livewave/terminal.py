"""`livewave run` on a terminal: how it is, in a few lines that stay in their place, below the log.

A thread of its own writes; whoever has news leaves it here and goes on. A terminal that is held (Ctrl-S) holds nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

REFRESH_S = 0.2
BAR_CELLS = 24
SOFTEST_DB = -60.0  # where the level's bar begins
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MOST_NOTES = 12  # that are named


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be seen. level: peak, 0..1; stages_ms: of the latency, by name; load: share of real time; held: pitches."""

    model: str
    engine: str
    output: str
    level: float
    stages_ms: Mapping[str, float]
    load: float
    held: Sequence[int]
    underruns: int
    late: int
    restarts: int
    mode: str
    state: str
    bpm: float
    bar_beat: float
    record: str


def picture(shown: Shown) -> Table:
    """The view as rich draws it."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    decibels = 20.0 * math.log10(shown.level) if shown.level > 0.0 else -math.inf
    level = f"{decibels:5.1f} dB" if decibels > SOFTEST_DB else "silent"
    stages = ", ".join(f"{name} {ms:.1f}" for name, ms in shown.stages_ms.items())
    counts = {"underruns": shown.underruns, "late notes": shown.late, "restarts": shown.restarts}
    troubles = [f"{count} {name}" for name, count in counts.items() if count]
    rows = {
        "playing": f"{shown.model} by {shown.engine} on {shown.output}",
        "level": Text.assemble((bar(1.0 - decibels / SOFTEST_DB), "green" if decibels < -1.0 else "red"), "  ", level),
        "load": Text.assemble((bar(shown.load), "green" if shown.load < 0.7 else "red"), f"  {100.0 * shown.load:.0f} % of real time"),
        "latency": f"{sum(shown.stages_ms.values()):.1f} ms ({stages})",
        "notes": " ".join(map(pitch_name, sorted(shown.held)[:MOST_NOTES])) + (" ..." if len(shown.held) > MOST_NOTES else "") or "-",
        "lost": Text(", ".join(troubles) or "nothing", "yellow" if troubles else ""),
    }
    if shown.mode != "off":
        rows["continue"] = f"{shown.mode}: {shown.state}, {shown.bpm:g} bpm, beat {shown.bar_beat:.1f}"
    if shown.record != "off":
        rows["record"] = shown.record
    for name, value in rows.items():
        grid.add_row(name, value if isinstance(value, Text) else Text(value))
    return grid


def bar(share: float) -> str:
    """A bar of BAR_CELLS letters, filled to that share."""
    filled = round(BAR_CELLS * min(1.0, max(0.0, share if math.isfinite(share) else 0.0)))
    return "█" * filled + "·" * (BAR_CELLS - filled)


def pitch_name(pitch: int) -> str:
    """60 is C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


class View:
    """Shows the newest news while entered. Threads: `show` any; the terminal is written to by one of its own.

    log  the handler whose lines are to go above the view, not into it
    """

    def __init__(self, log: logging.StreamHandler | None = None, console: Console | None = None) -> None:
        self._log, self._console = log, console
        self._newest: Shown | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)

    def show(self, shown: Shown) -> None:
        self._newest = shown

    def __enter__(self) -> View:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(1.0)  # a terminal that is held does not keep the daemon from ending

    def _run(self) -> None:
        """Until it is left, or the terminal has gone."""
        from rich.console import Console
        from rich.live import Live

        console = self._console or Console(file=sys.stdout)
        with contextlib.suppress(OSError), Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False) as live:
            before = self._log.setStream(_Above(console)) if self._log else None
            try:
                while not self._stop.wait(REFRESH_S):
                    if self._newest is not None:
                        live.update(picture(self._newest), refresh=True)
            finally:
                if before is not None:
                    self._log.setStream(before)


class _Above:
    """A stream whose lines appear above the view."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> int:
        self._console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        """Every line is written at once."""


def is_for_eyes() -> bool:
    """Whether somebody looks at the standard output, on a terminal that can move its cursor."""
    from rich.console import Console

    return sys.stdout.isatty() and not Console(file=sys.stdout).is_dumb_terminal
