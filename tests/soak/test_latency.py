from __future__ import annotations

import pytest

from tests.bench.latency import measure
from tests.realtime.jackd import NoJack
from tests.soak.latency import broken, row

SPREAD = {"median": 11.0, "p1": 10.5, "p99": 11.7, "sd": 0.2, "least": 10.4, "most": 11.9}
FOUND = {"period_frames": 128, "notes": 50, "measured": 48, "onset_ms": SPREAD, "to_level_ms": SPREAD, "told_ms": 11.2,
         "stages_ms": {"queue": 2.0, "block": 2.0, "ring": 5.3}, "underruns": 0, "late": 0, "lost_cycles": 1}


def test_jitter_is_what_lies_between_p1_and_p99_and_the_largest_stage_has_a_name():
    found = row(FOUND)
    assert (found["jitter_ms"], found["largest"]) == (1.2, "ring")
    assert broken([found]) == []


def test_each_limit_is_told_by_period():
    slow, wide = row(FOUND) | {"median_ms": 12.4}, row(FOUND) | {"jitter_ms": 2.1}
    assert broken([slow, wide]) == ["at 128: median is 12.4 ms, not 12", "at 128: jitter is 2.1 ms, not 2"]
    assert broken([wide | {"period_frames": 256}]) == []
    assert broken([row(FOUND | {"measured": 3})]) == ["at 128: only 3 of 50 notes could be measured"]
    assert broken([{"period_frames": 64, "error": "no JACK"}]) == ["at 64: no JACK"]


@pytest.mark.jack
def test_a_few_notes_are_measured_and_the_daemon_names_its_stages():
    try:
        found = row(measure(6, 0.0, period_frames=256))
    except NoJack as reason:
        pytest.skip(str(reason))
    assert set(found["stages_ms"]) == {"queue", "column", "block", "resampler", "ring", "device"}
    if not found["measured"]:
        pytest.skip("the server lost cycles beside every note: the machine is too busy to judge")
    assert found["p1_ms"] <= found["median_ms"] <= found["p99_ms"]
