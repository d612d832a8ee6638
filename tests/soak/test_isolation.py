from __future__ import annotations

import numpy as np
import pytest

from livewave.music.score import Note
from tests.bench.jack_meter import Take
from tests.realtime.jackd import NoJack
from tests.soak.isolation import RATE_HZ, TONE_HZ, broken, heard, measure

TAKES, PERIOD = 3, 64
NOTE = Note(0.5, 3.5, 81, 100)
GOOD = {"period_frames": 128, "load": "hog", "gaps": 0, "underruns": 0, "restarts": 0}


def take(*torn: int, missing: list[tuple[int, int]] = []) -> Take:
    """A tone that is cut at the frames of `torn`."""
    audio = np.sin(2 * np.pi * TONE_HZ / RATE_HZ * np.arange(4 * RATE_HZ)).astype(np.float32)
    for frame in torn:
        audio[frame : frame + PERIOD] = 0.0
    return Take(audio, missing, 0, PERIOD)


def test_a_gap_in_the_held_note_counts_and_one_outside_it_does_not():
    assert heard(take(), NOTE)["gaps"] == 0
    assert heard(take(2 * RATE_HZ, 3 * RATE_HZ), NOTE)["gaps"] == 2
    assert heard(take(RATE_HZ // 10, round(3.9 * RATE_HZ)), NOTE)["gaps"] == 0


def test_a_gap_where_the_server_lost_a_cycle_is_the_servers():
    found = heard(take(2 * RATE_HZ, 3 * RATE_HZ, missing=[(2 * RATE_HZ, 2 * RATE_HZ + 64)]), NOTE)
    assert (found["gaps"], found["gaps_of_server"], found["lost_cycles"]) == (1, 1, 1)


def test_a_cycle_that_the_meter_read_too_late_is_its_own_and_one_that_was_played_twice_is_ours():
    late, twice = take(), take()
    late.audio[2 * RATE_HZ :][:PERIOD] = late.audio[2 * RATE_HZ + PERIOD :][:PERIOD]
    twice.audio[2 * RATE_HZ + PERIOD :] = twice.audio[2 * RATE_HZ : -PERIOD].copy()
    assert [heard(late, NOTE)[name] for name in ("gaps", "gaps_of_server", "gaps_of_meter")] == [0, 0, 1]
    assert [heard(twice, NOTE)[name] for name in ("gaps", "gaps_of_server", "gaps_of_meter")] == [1, 0, 0]


def test_each_limit_is_told_by_row():
    assert broken([GOOD]) == []
    assert broken([GOOD | {"gaps": 2}, GOOD | {"underruns": 1}]) == ["hog at 128: gaps is 2, not 0", "hog at 128: underruns is 1, not 0"]
    assert broken([{"period_frames": 64, "load": "flood", "error": "no JACK"}]) == ["flood at 64: no JACK"]


@pytest.mark.jack
@pytest.mark.parametrize("load", ["hog+spin", "stop"])  # all of them: make soak
def test_what_the_control_process_suffers_is_not_heard(load):
    """One take of three without a gap shows it: what tears the others is the machine."""
    for _ in range(TAKES):
        try:
            row = measure(6.0, 256, load, settling_s=3.0)
        except NoJack as reason:
            pytest.skip(str(reason))
        assert row["restarts"] == 0
        if not broken([row]):
            return
    if row["lost_cycles"] or row["xruns"]:
        pytest.skip("the server lost cycles, too: the machine is too busy to judge")
    assert broken([row]) == []
