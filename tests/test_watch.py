from __future__ import annotations

import math
from dataclasses import replace

import pytest

from livewave.link import VoiceStats
from livewave.watch import (
    DECAYS_AFTER_S, FIRST_PAUSE_S, LEAST_ADHERENCE, LONGEST_PAUSE_S, MOST_OFFSET, SICK_S, SPEAKS_WITHIN_S, WELL_AGAIN, Watch,
)

WELL = VoiceStats(level=0.3, adherence=0.9, sounding_s=2.0, struck_s=2.0)
NOISE = replace(WELL, adherence=LEAST_ADHERENCE / 2)
REPORT_S = 0.05


def judged(watch: Watch, stats: VoiceStats, from_s: float, seconds: float, gain_db: float = 0.0,
           temperature: float = 0.8) -> list[tuple[float, str]]:
    """When it was to be primed, and why, with a report every REPORT_S."""
    times = [from_s + REPORT_S * n for n in range(round(seconds / REPORT_S))]
    return [(now_s, why) for now_s in times if (why := watch.judge(stats, gain_db, temperature, now_s))]


@pytest.mark.parametrize(("change", "why"), [
    ({"adherence": LEAST_ADHERENCE / 2}, "noise"), ({"offset": -2 * MOST_OFFSET}, "offset"),
    ({"level": 1e-4, "adherence": math.nan}, "silence"),
])
def test_trouble_that_lasts_is_told_by_its_name_and_one_that_passes_is_not(change, why):
    watch, sick = Watch(), replace(WELL, **change)
    assert judged(watch, sick, 0.0, 0.9 * SICK_S) == []
    assert judged(watch, WELL, 0.9 * SICK_S, REPORT_S) == []
    found = judged(watch, sick, SICK_S, SICK_S + 2 * REPORT_S)
    assert len(found) == watch.primed == 1 and why in found[0][1]


def test_noise_that_looks_like_a_note_once_is_noise_still():
    lucky = replace(NOISE, adherence=(LEAST_ADHERENCE + WELL_AGAIN) / 2)
    reports = [NOISE] * 5 + [lucky] + [NOISE] * 20
    assert len(primed_by(reports[: round(SICK_S / REPORT_S) + 2])) == 1
    assert primed_by([lucky] * 100) == []  # nor is what was never worse


@pytest.mark.parametrize("stats", [
    WELL, replace(WELL, adherence=math.nan), VoiceStats(), replace(NOISE, sounding_s=0.0),
    replace(NOISE, sounding_s=0.9 * SPEAKS_WITHIN_S),
    replace(WELL, level=0.0, adherence=math.nan, struck_s=DECAYS_AFTER_S + 1.0),
])
def test_what_sounds_well_rests_or_has_died_away_is_left_alone(stats):
    assert judged(Watch(), stats, 0.0, 60.0) == []


def fading(from_level: float, db_per_s: float, seconds: float) -> list[VoiceStats]:
    """A chord that was struck five seconds ago, and now grows softer, with a report every REPORT_S."""
    reports = []
    for n in range(round(seconds / REPORT_S)):
        level = from_level * 10.0 ** (-db_per_s * REPORT_S * n / 20.0)
        reports.append(replace(WELL, level=level, sounding_s=5.0 + REPORT_S * n, struck_s=5.0 + REPORT_S * n,
                               adherence=0.9 if level > 1e-3 else math.nan))
    return reports


def primed_by(reports: list[VoiceStats]) -> list[str]:
    watch = Watch()
    return [why for n, stats in enumerate(reports) if (why := watch.judge(stats, 0.0, 0.8, REPORT_S * n))]


def test_a_note_that_stops_at_once_is_noticed_however_long_ago_it_was_struck():
    sudden = [WELL] * 20 + fading(0.0, 0.0, 2.0)
    assert len(primed_by(sudden)) == 1 and "silence" in primed_by(sudden)[0]
    assert primed_by([replace(stats, sounding_s=0.0) for stats in sudden]) == []


@pytest.mark.parametrize("db_per_s", [3.0, 10.0, 40.0])
def test_a_note_that_dies_away_is_left_alone(db_per_s):
    assert primed_by(fading(0.3, db_per_s, 90.0 / db_per_s + 5.0)) == []


def test_a_level_that_was_turned_down_is_no_silence():
    soft = replace(WELL, level=2e-4, adherence=math.nan)
    assert judged(Watch(), soft, 0.0, 5.0, gain_db=-60.0) == []
    assert judged(Watch(), soft, 0.0, 5.0, gain_db=0.0)


def test_noise_that_was_asked_for_is_left_alone():
    assert judged(Watch(), NOISE, 0.0, 60.0, temperature=1.5) == []


def test_where_it_does_not_help_it_is_tried_less_and_less_often():
    times = [at_s for at_s, _ in judged(Watch(), NOISE, 0.0, 1_500.0)]
    pauses = [later - sooner for sooner, later in zip(times, times[1:])]
    assert pauses[0] == pytest.approx(FIRST_PAUSE_S, abs=0.2)
    assert all(later > 1.5 * sooner for sooner, later in zip(pauses[:5], pauses[1:]))
    assert max(pauses) <= LONGEST_PAUSE_S + SICK_S + 1.0


def test_after_a_long_time_of_health_it_is_quick_again():
    watch = Watch()
    judged(watch, NOISE, 0.0, 60.0)
    judged(watch, WELL, 60.0, 1_000.0)
    times = [at_s for at_s, _ in judged(watch, NOISE, 1_060.0, 10.0)]
    assert times[1] - times[0] == pytest.approx(FIRST_PAUSE_S, abs=0.2)
