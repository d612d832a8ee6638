from __future__ import annotations

import io
import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from livewave.terminal import BAR_CELLS, MOST_NOTES, Shown, View, bar, picture, pitch_name

SHOWN = Shown("flute", "native v3 int8", "null, 48000 Hz: no sound", 0.5, {"queue": 1.3, "ring": 7.7}, 0.38, [72, 67], 0, 0, 0, "off", "off",
              120.0, 1.0, "off")
PATIENCE_S = 20.0


def lines(shown: Shown, width: int = 100) -> dict[str, str]:
    """Name -> what stands beside it."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(picture(shown))
    found = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in found)
    return {name: rest.strip() for name, _, rest in (line.partition(" ") for line in found)}


def test_it_says_what_plays_how_loud_how_late_and_what_is_held():
    seen = lines(SHOWN)
    assert seen["playing"] == "flute by native v3 int8 on null, 48000 Hz: no sound"
    assert seen["level"].endswith(" -6.0 dB") and seen["load"].endswith("38 % of real time")
    assert seen["latency"] == "9.0 ms (queue 1.3, ring 7.7)"
    assert seen["notes"] == "G4 C5" and seen["lost"] == "nothing"
    assert "continue" not in seen and "record" not in seen


def test_what_is_on_and_what_was_lost_is_said():
    seen = lines(replace(SHOWN, underruns=3, restarts=1, mode="answer", state="listening", bar_beat=3.25, record="takes/1", held=[], level=0.0))
    assert seen["lost"] == "3 underruns, 1 restarts" and seen["continue"] == "answer: listening, 120 bpm, beat 3.2"
    assert seen["record"] == "takes/1" and seen["notes"] == "-" and seen["level"].endswith("silent")


def test_it_fits_into_a_narrow_terminal_and_bears_many_notes():
    lines(replace(SHOWN, held=list(range(128))), width=40)
    assert lines(replace(SHOWN, held=list(range(128))))["notes"].split() == [*map(pitch_name, range(MOST_NOTES)), "..."]


@pytest.mark.parametrize("share, cells", [(0.0, 0), (0.5, BAR_CELLS // 2), (1.0, BAR_CELLS), (7.0, BAR_CELLS), (-1.0, 0), (math.nan, 0), (math.inf, 0)])
def test_a_bar_is_filled_to_its_share_and_never_beyond(share, cells):
    assert bar(share).count("█") == cells and len(bar(share)) == BAR_CELLS


def until(happened: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_log_lines_go_above_it_and_the_stream_of_the_log_is_given_back():
    screen, errors = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(errors)
    console = Console(file=screen, force_terminal=True, width=100)
    with View(handler, console) as view:
        view.show(SHOWN)
        until(lambda: "G4 C5" in screen.getvalue())
        handler.handle(logging.LogRecord("livewave", logging.WARNING, __file__, 1, "a [bold]line[/bold] of the log", (), None))
        until(lambda: "a [bold]line[/bold] of the log" in screen.getvalue())
    assert handler.stream is errors and errors.getvalue() == ""


def test_a_terminal_that_is_held_holds_nobody():
    class Held(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(30.0)
            return len(text)

    began_s = time.monotonic()
    with View(console=Console(file=Held(), force_terminal=True)) as view:
        for _ in range(100):
            view.show(SHOWN)
    assert time.monotonic() - began_s < 10.0
