from __future__ import annotations

import logging

import numpy as np
import pytest

from livewave.control.complaints import Complaints
from livewave.control.midi_bytes import MidiBytes
from livewave.music.compass import Compass
from livewave.music.ledger import Ledger
from livewave.music.score import Note
from tests.bench.jack_meter import Take
from tests.realtime.jackd import NoJack
from tests.soak.dense import CHORD, CHORDS_PER_S, RATE_HZ, broken, dense_score, heard, measure, summed

SPAN = Compass(55, 88)
ROW = {"notes": 10, "underruns": 0, "late": 0, "restarts": 0, "faults": 0, "dropped": 0, "refused_midi": 0, "gaps": 0, "gaps_of_server": 0,
       "lost_cycles": 0, "xruns": 0, "tails_that_sound": 0, "stuck_notes": 0, "latency_ms": 18.0, "load_average": 1.0,
       "control_kb": {"rss": 70_000, "pss": 60_000}, "audio_kb": {"rss": 50_000, "pss": 40_000}}


def test_a_score_is_dense_and_the_same_for_the_same_seed():
    notes, score = dense_score(20.0, 3, SPAN)
    assert (notes, score) == dense_score(20.0, 3, SPAN) != dense_score(20.0, 4, SPAN)
    assert len(notes) / (notes[-1].start_s - notes[0].start_s) == pytest.approx(CHORD * CHORDS_PER_S, rel=0.05)
    assert all(SPAN.low <= note.pitch <= SPAN.high for note in notes)
    assert {packet[0] & 0xF0 for _, packet in score} == {0x80, 0x90, 0xB0, 0xE0}


def test_something_is_held_all_the_time_and_nothing_at_the_end():
    _, score = dense_score(20.0, 5, SPAN)
    parser, ledger = MidiBytes("midi:test", Complaints(logging.getLogger("test"))), Ledger()
    empty = []
    for frame, packet in score:
        for event in parser.parse(packet, frame / RATE_HZ):
            for _ in ledger.feed(event):
                pass
        if not ledger.held():
            empty.append(frame / RATE_HZ)
    assert not ledger.held()
    assert [packet for _, packet in score if packet[0] == 0xE0][-1] == bytes((0xE0, 0, 64))  # in the middle
    assert [at_s for at_s in empty if 0.5 < at_s < 17.9] == []


def test_holes_in_held_notes_and_tails_that_sound_on_are_counted():
    audio = np.full(4 * RATE_HZ, 0.1, np.float32)
    audio[RATE_HZ : RATE_HZ + 64] = audio[2 * RATE_HZ : 2 * RATE_HZ + 128] = 0.0
    audio[3 * RATE_HZ :] = 0.0
    notes = [Note(0.1, 2.5, 60, 100)]
    found = heard(Take(audio, [(RATE_HZ, RATE_HZ + 64)], 1, 64), notes)
    assert (found["gaps"], found["gaps_of_server"], found["tails_that_sound"]) == (1, 1, 0)
    audio[-1] = 0.1
    assert heard(Take(audio, [], 0, 64), notes)["tails_that_sound"] == 1


def test_the_first_take_is_told_apart_and_growth_is_from_then_on():
    grown = ROW | {"audio_kb": {"rss": 50_000 + 6 * 1024, "pss": 46_144}, "underruns": 2}
    found = summed(ROW | {"underruns": 7}, [ROW, ROW, grown])
    assert (found["underruns"], found["underruns_while_settling"], found["audio_growth_mb"], found["control_growth_mb"]) == (2, 7, 6.0, 0.0)
    assert found["takes_that_lost"] == [{"take": 3, "underruns": 2, "lost_cycles": 0}]
    assert [line.split()[0] for line in broken(found)] == ["underruns", "audio_growth_mb"]
    assert broken(summed(ROW, [ROW])) == []


@pytest.mark.jack
def test_dense_playing_beside_a_busy_core_and_a_flood_leaves_nothing_stuck():
    try:
        found = measure(0.3, 3.0, take_s=9.0)
    except NoJack as reason:
        pytest.skip(str(reason))
    assert (found["takes"], found["stuck_notes"], found["tails_that_sound"], found["restarts"], found["faults"]) == (2, 0, 0, 0, 0)
    assert max(found["audio_growth_mb"], found["control_growth_mb"]) < 5.0
