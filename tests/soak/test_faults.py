from __future__ import annotations

import json

import pytest

from tests.realtime.jackd import NoJack
from tests.scenario.hearing import HEADER_BYTES
from tests.soak.children import NotMeasured
from tests.soak.faults import FAULTS, broken, measure
from tests.soak.recordings import kept, longest_pause_s

GOOD = {"fault": "audio-killed", "back_s": 0.4, "notes_held": 2, "settings_kept": True, "notes_stuck": 0}
LINES = [{"kind": "take", "rate_hz": 48_000}, {"kind": "audio", "frame": 0, "at_s": 100.0},
         {"kind": "order", "order": "strike"}, {"kind": "order", "order": "release"}, {"kind": "order", "order": "strike"}]
OF_JACK = ("control-stopped", "engine-error", "clock-step", "jack-killed", "midi-unplugged")
OF_TAKES = ("record-all-killed", "disk-full")  # all of both: make soak; tests/scenario has the others


def test_the_faults_that_are_tried_here_exist():
    assert {*OF_JACK, *OF_TAKES} < FAULTS.keys()


def test_what_is_back_within_a_second_with_all_that_was_held_is_well():
    assert broken([GOOD, GOOD | {"back_s": 0.0}]) == []
    assert broken([{"fault": "record-killed", "lost_s": 0.9, "lost_notes": 0, "replays": True}]) == []


@pytest.mark.parametrize("change, told", [
    ({"back_s": None}, "the sound never came back"), ({"back_s": 1.2}, "sound back after 1.2 s, not 1"),
    ({"notes_held": 1}, "1 notes held afterwards, not 2"), ({"notes_stuck": 1}, "notes_stuck is 1"),
    ({"settings_kept": False}, "not with its settings"), ({"lost_s": 1.5}, "1.5 s of audio lost, not 1"),
    ({"lost_notes": 3}, "lost_notes is 3"), ({"left_behind": 1}, "left_behind is 1"), ({"replays": False}, "not made again from its log"), ({"error": "no JACK"}, "no JACK"),
])
def test_each_limit_is_told_by_fault(change, told):
    assert broken([GOOD | change]) == [f"audio-killed: {told}"]


def test_what_came_late_is_told_only_where_time_counts():
    late = GOOD | {"fault": "midi-unplugged", "back_s": 1.4, "released_s": 1.1, "notes_held": 0}
    assert broken([late]) == ["midi-unplugged: sound back after 1.4 s, not 1", "midi-unplugged: notes released after 1.1 s, not 1"]
    assert broken([late], in_time=False) == []


def test_a_take_holds_what_its_files_hold_though_the_last_line_is_torn(tmp_path):
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, LINES)) + '\n{"kind": "ord')
    (tmp_path / "audio.wav").write_bytes(bytes(HEADER_BYTES + 2 * 96_000))
    assert kept(tmp_path) == {"until_s": 102.0, "strikes": 2}


def test_a_pause_is_a_time_without_word_of_a_sound():
    heard = [(0.05 * number, 0.3) for number in range(40)]
    assert longest_pause_s(heard, 0.5) == 0.0
    assert longest_pause_s([(at_s, level) for at_s, level in heard if not 1.0 < at_s < 1.5], 0.5) == pytest.approx(0.5)
    assert longest_pause_s([], 0.5) == float("inf")


@pytest.mark.jack
@pytest.mark.parametrize("name", OF_JACK)
def test_sound_notes_and_settings_outlive_a_fault(name):
    try:
        row = measure(name)
    except NoJack as reason:
        pytest.skip(str(reason))
    assert broken([row], in_time=False) == []


@pytest.mark.jack
def test_what_slept_and_woke_is_taken_for_well():
    try:
        row = measure("asleep")
    except NoJack as reason:
        pytest.skip(str(reason))
    assert broken([row], in_time=False) == [] and row["restarts"] == 0


@pytest.mark.parametrize("name", OF_TAKES)
def test_nothing_recorded_is_lost_by_a_fault(name):
    try:
        row = measure(name)
    except NotMeasured as reason:
        pytest.skip(str(reason))
    assert broken([row], in_time=False) == []
