from __future__ import annotations

import numpy as np

from livewave.control.events import NoteOff, NoteOn
from livewave.music.biaxial import LOW
from livewave.music.generated import AHEAD_S, SOURCE, Generated


def row(**notes: str) -> np.ndarray:
    """row(p60="o", p64="-"): o begins, - sounds on."""
    out = np.zeros((78, 3), np.uint8)
    for name, letter in notes.items():
        out[int(name[1:]) - LOW] = 1, letter == "o", 90
    return out


def on(at_s: float, pitch: int) -> NoteOn:
    return NoteOn(at_s, SOURCE, 0, pitch, 90)


def off(at_s: float, pitch: int) -> NoteOff:
    return NoteOff(at_s, SOURCE, 0, pitch)


def test_a_note_begins_where_it_says_so_or_did_not_sound_before_and_ends_where_it_is_no_more():
    generated = Generated()
    for step, what in enumerate([row(p60="o"), row(p60="-", p64="-"), row(p60="o"), row()]):
        generated.play(what, float(step))
    assert generated.due(10.0) == [on(0.0, 60), on(1.0, 64), off(2.0, 60), off(2.0, 64), on(2.0, 60), off(3.0, 60)]


def test_it_gives_out_what_is_due_a_little_ahead_and_once():
    generated = Generated()
    generated.play(row(p60="o"), 1.0)
    assert generated.due(1.0 - AHEAD_S - 0.001) == [] and generated.held == []
    assert generated.next_s == 1.0 - AHEAD_S
    assert generated.due(1.0 - AHEAD_S) == [on(1.0, 60)] and generated.held == [60]
    assert generated.due(2.0) == [] and generated.next_s == float("inf")
    assert generated.sounding == {60 - LOW: 90}


def test_ended_what_sounds_ends_then_and_what_was_to_begin_does_not():
    generated = Generated()
    generated.play(row(p60="o"), 1.0)
    generated.play(row(p60="-", p64="o"), 2.0)
    generated.end(1.5)
    assert generated.due(9.0) == [on(1.0, 60), off(1.5, 60)]
    assert generated.silent(1.5 + AHEAD_S) and not generated.silent(1.4)


def test_what_was_about_to_be_given_out_ends_as_it_begins_whether_it_was_given_out_or_not():
    given = []
    for early in (True, False):
        generated = Generated()
        generated.play(row(p60="o"), 1.0)
        events = generated.due(0.98) if early else []
        generated.end(0.98)
        given.append(events + generated.due(2.0))
    assert given == 2 * [[on(1.0, 60), off(1.0, 60)]]


def test_what_was_given_out_and_is_ended_late_has_no_end_before_its_beginning():
    generated = Generated()
    generated.play(row(p60="o"), 1.0)
    assert generated.due(1.0) == [on(1.0, 60)]
    generated.end(0.5)
    assert generated.due(1.0) == [off(1.0, 60)] and generated.held == []


def test_one_pitch_can_be_ended_and_the_others_go_on():
    generated = Generated()
    generated.play(row(p60="o", p64="o"), 1.0)
    generated.end(1.5, (60,))
    generated.play(row(p64="-"), 2.0)
    generated.play(row(), 3.0)
    assert generated.due(9.0) == [on(1.0, 60), on(1.0, 64), off(1.5, 60), off(3.0, 64)]


def test_a_step_that_lies_before_the_last_end_begins_at_that():
    generated = Generated()
    generated.play(row(p60="o"), 1.0)
    generated.end(2.0)
    generated.play(row(p60="o"), 1.9)
    assert generated.due(9.0) == [on(1.0, 60), off(2.0, 60), on(2.0, 60)]


def test_silenced_only_what_was_given_out_has_an_end():
    generated = Generated()
    generated.play(row(p60="o"), 1.0)
    generated.due(1.0)
    generated.play(row(p60="o", p64="o"), 2.0)
    assert generated.silence(1.5) == [off(1.5, 60)]
    assert generated.due(9.0) == [] and generated.held == [] and generated.sounding == {}


def test_a_step_never_comes_before_the_last_one_however_the_tempo_rose():
    generated, row = Generated(), np.zeros((78, 3), np.uint8)
    row[10] = (1, 1, 90)
    generated.play(row, 2.0)
    generated.play(np.zeros_like(row), 1.5)
    generated.play(row, 2.5)
    events = generated.due(10.0)
    assert [event.at_s for event in events] == [2.0, 2.0, 2.5]
