from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.events import Control, NoteOff, NoteOn, Panic, RollSet
from livewave.music.compass import Compass

FLUTE = Compass(55, 88)
COMPASSES = st.integers(0, 116).flatmap(lambda low: st.builds(Compass, st.just(low), st.integers(low + 11, 127)))


def vector(*pitches: int) -> bytes:
    return sum(1 << pitch for pitch in pitches).to_bytes(16, "little")


@given(COMPASSES, st.integers(0, 127))
def test_a_pitch_sounds_in_the_nearest_octave_inside(compass, pitch):
    folded = compass.fold(pitch)
    inside = [p for p in range(compass.low, compass.high + 1) if p % 12 == pitch % 12]
    assert folded in inside
    assert abs(folded - pitch) == min(abs(p - pitch) for p in inside)


@given(COMPASSES)
def test_pitches_inside_are_left_alone(compass):
    assert all(compass.fold(pitch) == pitch for pitch in range(compass.low, compass.high + 1))


def test_the_whole_keyboard_is_the_default():
    assert [Compass().fold(pitch) for pitch in range(128)] == list(range(128))


@pytest.mark.parametrize("pitch", [0, 54, 55, 60, 88, 89, 127])
def test_a_note_off_folds_like_its_note_on(pitch):
    on = FLUTE.fit(NoteOn(1.0, "midi:a", 3, pitch, 77))
    off = FLUTE.fit(NoteOff(2.0, "midi:a", 3, pitch))
    assert (on.pitch, off.pitch) == (FLUTE.fold(pitch),) * 2
    assert (on.at_s, on.source, on.channel, on.velocity) == (1.0, "midi:a", 3, 77)
    assert (off.at_s, off.source, off.channel) == (2.0, "midi:a", 3)


def test_a_rolls_pitches_fold_and_meet():
    event = RollSet(1.0, "osc:a", vector(0, 12, 60, 72, 127))
    assert FLUTE.fit(event) == RollSet(1.0, "osc:a", vector(60, 72, 79))  # 0 and 12 sound as 60, 127 as 79


@given(COMPASSES, st.sets(st.integers(0, 127)))
def test_a_folded_roll_holds_exactly_the_folded_pitches(compass, pitches):
    folded = compass.fit(RollSet(0.0, "osc:a", vector(*pitches)))
    assert folded.vector == vector(*{compass.fold(pitch) for pitch in pitches})


@pytest.mark.parametrize("event", [NoteOn(0.0, "a", 0, 60, 1), NoteOff(0.0, "a", 0, 60), Control(0.0, "a", 0, 64, 3),
                                   Panic(0.0, "a")])
def test_events_without_a_pitch_outside_pass_untouched(event):
    assert FLUTE.fit(event) is event


def test_the_models_card_says_what_it_was_trained_on():
    assert Compass.of({"data.low": "55", "data.high": "88"}) == FLUTE
    assert Compass.of({"data.low": "0", "data.high": "11"}) == Compass(0, 11)


@pytest.mark.parametrize("low, high", [("55", None), (None, "88"), ("55", "65"), ("-1", "60"), ("60", "128"),
                                       ("88", "55"), ("", ""), ("a", "b"), ("55.0", "88.0")])
def test_a_card_that_says_nothing_usable_means_the_whole_keyboard(low, high):
    card = {"data.low": low, "data.high": high}
    assert Compass.of({key: value for key, value in card.items() if value is not None}) == Compass()
