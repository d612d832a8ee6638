"""The fuzzer of tests.soak.fuzz, cut short; and that it reaches what it is meant to reach."""

from __future__ import annotations

import pytest
from pythonosc.osc_message import OscMessage

from livewave.control import osc_guard
from livewave.control.osc_addresses import ADDRESSES
from tests.realtime.jackd import NoJack
from tests.soak.fuzz import fuzz_jack, fuzz_midi, fuzz_osc
from tests.soak.mutants import ALL, SENT, midi_packets, osc_packets

PACKETS, PER_S, CALM_S = 3_000, 1_500, 0.6
DATE_S = 1.7e9
# Whoever finds something with another seed adds it here.
MIDI_SEEDS, OSC_SEEDS = (0, 1, 2), (0,)


def passes(packet: bytes) -> bool:
    try:
        return osc_guard.check(packet) > 0
    except ValueError:
        return False


def test_packets_are_the_same_for_the_same_seed_and_others_for_another():
    for make in (midi_packets, lambda seed, count: osc_packets(seed, count, DATE_S)):
        assert list(make(1, 300)) == list(make(1, 300)) != list(make(2, 300))


def test_the_packets_stand_on_both_sides_of_the_guard_and_name_every_address():
    packets = list(osc_packets(0, 5_000, DATE_S))
    through = [packet for packet in packets if passes(packet)]
    assert 0.25 < len(through) / len(packets) < 0.75
    assert {OscMessage(packet).address for packet in through if packet[:1] == b"/"} >= set(SENT)
    assert set(SENT) < set(ALL) and set(ADDRESSES) < set(ALL)


@pytest.mark.parametrize("seed", MIDI_SEEDS)
def test_midi_bytes_of_any_kind_leave_no_note_stuck_and_let_nothing_escape(seed):
    report = fuzz_midi(seed, PACKETS)
    assert report["notes"] == 0 and report["events"] > PACKETS / 4 and report["refused"] > PACKETS / 4


@pytest.mark.parametrize("seed", OSC_SEEDS)
def test_a_daemon_that_is_sent_malformed_packets_plays_on_answers_and_leaves_no_note_stuck(seed):
    report = fuzz_osc(seed, PACKETS, PER_S, CALM_S)
    assert {name: report[name] for name in ("notes", "restarts", "faults", "continuation_failed", "limited", "stuck")} == {
        "notes": 0, "restarts": 0, "faults": 0, "continuation_failed": [], "limited": 0, "stuck": 0}
    assert report["refused_osc"] > PACKETS / 4
    assert report["during"]["answered"] > 0


@pytest.mark.jack
def test_midi_bytes_of_any_kind_by_jack_leave_no_note_stuck():
    try:
        report = fuzz_jack(0, PACKETS)
    except NoJack as reason:
        pytest.skip(str(reason))
    assert (report["notes"], report["restarts"], report["faults"]) == (0, 0, 0)
    assert report["refused_midi"] > 0
