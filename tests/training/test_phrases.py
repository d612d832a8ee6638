"""Phrases ask for what they say, within the compass of any instrument."""

from __future__ import annotations

import pytest

from livewave.music.compass import Compass
from livewave.music.roll import RESTRIKE_GAP_S
from livewave.music.score import events_of, roll_of
from livewave.render.voice import REST_HOLD_S
from training.phrases import (
    CHORDS, SONGS, START_S, VERSE_S, VERSES, chords, held, leaps, minute, repeats, rests, song,
)

COMPASSES = (Compass(55, 84), Compass(36, 60), Compass(60, 71), Compass())
PHRASES = {"leaps": leaps, "chords": chords, "rests": rests, "repeats": repeats, "minute": minute,
           **{name: lambda compass, seed, name=name: song(name, compass) for name in SONGS}}
FLUTE = COMPASSES[0]


@pytest.mark.parametrize("name", PHRASES)
@pytest.mark.parametrize("compass", COMPASSES)
def test_a_phrase_stays_in_the_compass_begins_after_silence_and_has_no_note_much_longer_than_a_second(name, compass):
    for seed in (1, 2):
        notes = PHRASES[name](compass, seed)
        assert all(compass.low <= note.pitch <= compass.high for note in notes)
        assert min(note.start_s for note in notes) >= START_S
        assert all(0.05 < note.end_s - note.start_s <= 1.15 for note in notes)


@pytest.mark.parametrize("name", sorted(set(PHRASES) - {"chords"}))
def test_a_line_has_no_two_notes_at_once(name):
    notes = PHRASES[name](FLUTE, 1)
    assert all(one.end_s <= other.start_s + 1e-9 for one, other in zip(notes, notes[1:]))


@pytest.mark.parametrize("name", sorted(set(PHRASES) - set(SONGS)))
def test_another_seed_is_another_phrase_and_the_same_seed_the_same(name):
    assert PHRASES[name](FLUTE, 1) == PHRASES[name](FLUTE, 1) != PHRASES[name](FLUTE, 2)


@pytest.mark.parametrize("name", SONGS)
def test_a_song_has_all_of_its_notes(name):
    assert len(song(name, FLUTE)) == len(SONGS[name][0].split()) == len(SONGS[name][1])


def test_leaps_span_the_compass():
    notes = leaps(FLUTE, 1)
    assert max(abs(one.pitch - other.pitch) for one, other in zip(notes, notes[1:])) > 20


def test_every_chord_has_three_pitch_classes():
    notes = chords(FLUTE, 1)
    shapes = [{note.pitch % 12 for note in notes if note.start_s == start} for start in {note.start_s for note in notes}]
    assert len(shapes) == len(CHORDS) and all(len(shape) == 3 for shape in shapes)


def test_a_repeated_note_is_parted_by_the_rolls_gap_alone():
    notes = repeats(FLUTE, 1)
    sounding = roll_of(events_of(notes), notes[1].end_s, 1_000)[:, notes[0].pitch] > 0
    inside = sounding[round(notes[0].start_s * 1_000) : round(notes[1].end_s * 1_000)]
    assert (~inside).sum() == round(RESTRIKE_GAP_S * 1_000)
    once = held(notes)
    assert len(once) == len(notes) / 2 and once[0].end_s == notes[1].end_s


def test_the_minute_is_one_verse_again_and_again_and_never_rests():
    notes = minute(FLUTE, 1)
    size = len(notes) // VERSES
    for number in range(1, VERSES):
        for one, other in zip(notes[:size], notes[number * size :]):
            assert (one.pitch, one.start_s) == (other.pitch, pytest.approx(other.start_s - number * VERSE_S))
    assert notes[-1].end_s == pytest.approx(START_S + VERSES * VERSE_S, abs=0.1)
    assert max(other.start_s - one.end_s for one, other in zip(notes, notes[1:])) < REST_HOLD_S
