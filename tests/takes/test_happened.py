from __future__ import annotations

import json

import pytest

from livewave.control.events import (
    BendSet, ClockMessage, Control, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, Reset, RollSet, SourceLost,
)
from livewave.takes.happened import KEPT, ROLL_CHANNEL, Hands, event_of, values_of

KEYS = "midi:keys"
ALL = [
    NoteOn(1.5, KEYS, 3, 60, 100), NoteOff(2.0, KEYS, 3, 60), Control(2.0, KEYS, 0, 64, 127), PitchBend(2.0, KEYS, 0, -8192),
    BendSet(2.0, "osc:127.0.0.1", -1.25), RollSet(3.0, "osc:127.0.0.1", bytes(range(16))), ProgramChange(3.0, KEYS, 0, 2),
    Panic(4.0, KEYS), Reset(5.0, KEYS), SourceLost(6.0, KEYS),
]


def vector(*pitches: int) -> bytes:
    return sum(1 << pitch for pitch in pitches).to_bytes(16, "little")


def test_every_kind_of_event_comes_back_from_a_line_as_it_was():
    assert {type(event) for event in ALL} == set(KEPT.values())
    for event in ALL:
        assert event_of(json.loads(json.dumps(values_of(event)))) == event


@pytest.mark.parametrize("changed", [
    {"event": "ClockMessage"}, {"event": None}, {"at_s": "now"}, {"at_s": float("nan")}, {"at_s": -1e300}, {"source": 3},
    {"source": "x" * 5000}, {"channel": 17}, {"pitch": 128}, {"pitch": True}, {"velocity": 0}, {"velocity": 1.5}, {"pitch": None},
    {"event": "RollSet", "vector": "zz" * 16}, {"event": "RollSet", "vector": "00"}, {"event": "PitchBend", "value": 8192},
    {"event": "BendSet", "semitones": 1e9},
])
def test_what_is_no_event_is_refused(changed):
    with pytest.raises(ValueError):
        event_of({**values_of(ALL[0]), **changed})


def test_hands_know_what_is_down_and_what_an_event_lets_go():
    hands = Hands()
    first, again = NoteOn(0.0, KEYS, 0, 60, 90), NoteOn(1.0, KEYS, 0, 60, 91)
    assert hands.feed(first) == []
    assert hands.feed(again) == [((KEYS, 0, 60), first)]
    assert hands.feed(NoteOff(2.0, KEYS, 1, 60)) == []
    assert hands.feed(NoteOff(2.0, KEYS, 0, 60)) == [((KEYS, 0, 60), again)]
    assert not hands.down


@pytest.mark.parametrize(("event", "left"), [
    (Panic(9.0, "x"), 0), (Reset(9.0, "x"), 0), (SourceLost(9.0, KEYS), 1), (ClockMessage(9.0, KEYS, "stop"), 3)])
def test_what_ends_notes_ends_them_here_too(event, left):
    hands = Hands()
    for source, pitch in ((KEYS, 60), (KEYS, 64), ("osc:127.0.0.1", 67)):
        hands.feed(NoteOn(0.0, source, 0, pitch, 90))
    assert len(hands.feed(event)) == 3 - left
    assert len(hands.down) == left


def test_a_roll_begins_and_ends_the_notes_that_it_changes():
    hands = Hands()
    hands.feed(RollSet(0.0, KEYS, vector(60, 64)))
    ended = hands.feed(RollSet(1.0, KEYS, vector(64, 67)))
    assert [key for key, _ in ended] == [(KEYS, ROLL_CHANNEL, 60)]
    assert sorted(pitch for _, _, pitch in hands.down) == [64, 67]


def test_one_who_begins_to_listen_is_told_what_is_down_and_how_the_controls_stand():
    hands = Hands()
    for event in (Control(0.0, KEYS, 0, 64, 127), Control(0.1, KEYS, 0, 64, 90), PitchBend(0.2, KEYS, 0, 100),
                  NoteOn(0.3, KEYS, 0, 60, 90)):
        hands.feed(event)
    assert hands.standing(5.0) == [Control(5.0, KEYS, 0, 64, 90), PitchBend(5.0, KEYS, 0, 100), NoteOn(5.0, KEYS, 0, 60, 90)]


def test_panic_lifts_pedals_and_centres_wheels_and_leaves_faders():
    hands = Hands()
    for event in (Control(0.0, KEYS, 0, 64, 127), Control(0.0, KEYS, 0, 7, 90), PitchBend(0.2, KEYS, 0, 100), Panic(1.0, KEYS)):
        hands.feed(event)
    assert hands.standing(5.0) == [Control(5.0, KEYS, 0, 7, 90)]
