"""The scripted stage: at 120 bpm a step is 0.125 s, a beat 0.5 s, a bar of 4/4 is 2 s. The toy composer plays what it heard
a bar ago, so every note here was worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from livewave.control.events import (
    ClockMessage, Control, Event, MetreSet, NoteOff, NoteOn, Panic, Reset, RollSet, Setting, SourceLost,
    TempoSet,
)
from livewave.music.biaxial import LOW, PLAY
from livewave.music.clock import ManualClock
from livewave.music.continuation import Continuation
from livewave.music.generated import AHEAD_S, SOURCE
from livewave.music.ledger import Ledger
from livewave.music.manner import Manner
from livewave.music.transport import Transport
from tests.music.toy_composer import ToyComposer

KEYS = "midi:keys"
SUSTAIN = 64
TICK_S = 0.01


def on(at_s: float, pitch: int, velocity: int = 80, source: str = KEYS) -> NoteOn:
    return NoteOn(at_s, source, 0, pitch, velocity)


def off(at_s: float, pitch: int, source: str = KEYS) -> NoteOff:
    return NoteOff(at_s, source, 0, pitch)


def note(begin_s: float, end_s: float, pitch: int, velocity: int = 80) -> list[Event]:
    return [on(begin_s, pitch, velocity), off(end_s, pitch)]


def setting(at_s: float, name: str, value: object) -> Setting:
    return Setting(at_s, KEYS, f"continue_{name}", value)


# C, E and G on the first three beats of a bar that begins at 1 s; it ends 11 steps later.
PHRASE = [*note(1.0, 1.4, 60, 80), *note(1.5, 1.9, 64, 100), *note(2.0, 2.4, 67, 90)]
# Two beats of rest are over at 3.4 s; the next bar begins at 5 s.
ANSWER = [
    (5.0, "on", 60, 99), (5.375, "off", 60), (5.5, "on", 64, 90), (5.875, "off", 64), (6.0, "on", 67, 90), (6.375, "off", 67),
]


class Stage:
    """A continuation at 120 bpm with the toy composer, and all that it gave out."""

    def __init__(self, mode: str = "answer", otherwise: int | None = None, seed: int = 0, **manner: object) -> None:
        self.composer, self.transport, self.clock = ToyComposer(otherwise), Transport(120.0), ManualClock()
        self.continuation = Continuation(self.composer, self.transport, Manner(mode=mode, **manner), seed)
        self.given: list[NoteOn | NoteOff] = []
        self.player = Ledger()

    def advance(self, until_s: float, tick_s: float = TICK_S) -> Stage:
        """Call it every `tick_s`, and at the end."""
        while self.clock.now_s() < until_s:
            self.clock.advance(min(tick_s, until_s - self.clock.now_s()))
            self.given += self.continuation.advance(self.clock.now_s())
        return self

    def play(self, events: Iterable[Event], until_s: float, tick_s: float = TICK_S) -> Stage:
        """What happens, each at its moment, and what is composed meanwhile."""
        for event in sorted(events, key=lambda event: event.at_s):
            self.advance(event.at_s, tick_s)
            self.player.feed(event)
            self.continuation.feed(event)
        return self.advance(until_s, tick_s)

    @property
    def notes(self) -> list[tuple]:
        return [(event.at_s, "on", event.pitch, event.velocity) if isinstance(event, NoteOn) else (event.at_s, "off", event.pitch)
                for event in self.given]

    def sounding(self) -> list[int]:
        """By all that was given out; and no note ends before it begins, or twice."""
        down: dict[int, float] = {}
        for event in self.given:
            assert event.source == SOURCE and event.channel == 0
            if isinstance(event, NoteOn):
                assert event.pitch not in down and 1 <= event.velocity <= 127
                down[event.pitch] = event.at_s
                assert len(down) <= self.continuation.manner.polyphony
            else:
                assert event.at_s >= down.pop(event.pitch)
        assert sorted(down) == self.continuation.held
        return sorted(down)


def near(notes: list[tuple]) -> list[tuple]:
    return [(pytest.approx(at_s), *what) for at_s, *what in notes]


# ---- answer

def test_a_phrase_then_a_rest_then_its_answer_on_the_bar_and_then_silence():
    stage = Stage().play(PHRASE, until_s=30.0)
    assert stage.notes == near(ANSWER)
    assert stage.sounding() == []


def test_it_says_what_it_does():
    stage = Stage()
    states = [stage.play([event for event in PHRASE if begin <= event.at_s < end], end).continuation.state
              for begin, end in ((0.0, 3.0), (3.0, 4.0), (4.0, 6.1), (6.1, 8.0))]
    assert states == ["listening", "about to answer", "answering", "listening"]
    assert Stage(mode="off").continuation.state == "off"
    assert stage.play([setting(8.0, "mode", "endless")], 11.0).continuation.state == "composing"


def test_every_note_is_given_out_before_its_moment_in_order_and_not_too_early():
    stage = Stage()
    for event in PHRASE:
        stage.play([event], event.at_s)
    given: list[tuple[float, float]] = []
    while stage.clock.now_s() < 8.0:
        stage.clock.advance(TICK_S)
        given += [(event.at_s, stage.clock.now_s()) for event in stage.continuation.advance(stage.clock.now_s())]
    assert len(given) == 6 and [at_s for at_s, _ in given] == sorted(at_s for at_s, _ in given)
    assert all(AHEAD_S - TICK_S - 1e-9 <= at_s - now_s <= AHEAD_S + 1e-9 for at_s, now_s in given)


def test_the_players_return_ends_the_answer_at_that_moment():
    stage = Stage().play([*PHRASE, on(5.6, 72)], until_s=12.0)
    assert stage.notes == near([*ANSWER[:3], (5.6, "off", 64)])
    assert stage.sounding() == []
    assert stage.continuation.state == "listening"


def test_a_note_that_was_given_out_when_the_player_returns_ends_as_it_begins():
    stage = Stage().play([*PHRASE, on(5.48, 72)], until_s=12.0)
    assert stage.notes == near([*ANSWER[:2], (5.5, "on", 64, 90), (5.5, "off", 64)])


def test_the_players_return_before_the_bar_puts_the_answer_off():
    stage = Stage().play([*PHRASE, *note(4.0, 4.4, 65)], until_s=5.9)
    assert stage.notes == []
    assert stage.advance(30.0).notes == near([(6.0, "on", 65, 88), (6.375, "off", 65)])


def test_the_first_note_after_a_rest_is_beat_one_of_a_bar():
    stage, begin_s = Stage(), 1.3

    def position() -> int:
        return stage.transport.position(round(4 * stage.transport.beat_at(begin_s)))

    assert position() != 0
    stage.play([on(begin_s, 60)], until_s=1.4)
    assert position() == 0
    stage.play([off(1.5, 60), on(2.1, 60)], until_s=2.2)
    assert position() == 0, "the same phrase goes on: the bar stays"


def test_a_note_into_an_answer_moves_no_bar():
    stage = Stage().play(PHRASE, until_s=5.6)
    jumps = stage.transport.jumps
    stage.play([on(5.6, 72)], until_s=5.7)
    assert stage.transport.jumps == jumps


def test_an_answer_is_as_long_as_the_phrase_in_whole_bars():
    for end_s, bars in ((2.9, 1), (3.2, 2), (6.9, 3), (60.0, 16)):
        stage = Stage(otherwise=60).play(note(1.0, end_s, 60), until_s=end_s + 60.0)
        times = [at_s for at_s, *_ in stage.notes]
        begin_s = min(times)
        assert (begin_s - 1.0) % 2.0 == pytest.approx(0.0) and max(times) - begin_s == pytest.approx(2.0 * bars), end_s


def test_a_pedal_holds_the_phrase():
    events = [Control(0.9, KEYS, 0, SUSTAIN, 127), *note(1.0, 1.2, 60), Control(6.0, KEYS, 0, SUSTAIN, 0)]
    stage = Stage().play(events, until_s=8.9)
    assert stage.notes == []
    assert stage.advance(9.2).sounding() == [60]


def test_two_sources_on_one_key_hold_it_until_both_let_go():
    events = [on(1.0, 60), on(1.0, 60, source="osc:pad"), off(1.5, 60), off(4.0, 60, source="osc:pad")]
    assert Stage().play(events, until_s=6.9).notes == []


def test_a_source_that_is_lost_ends_the_phrase_it_held():
    stage = Stage().play([on(1.0, 60), SourceLost(1.5, KEYS)], until_s=2.9)
    assert stage.notes == [] and stage.advance(3.1).sounding() == [60]


def test_a_roll_is_played_like_keys():
    chord = (1 << 60 | 1 << 64).to_bytes(16, "little")
    stage = Stage().play([RollSet(1.0, "osc:max", chord), RollSet(1.5, "osc:max", bytes(16))], until_s=3.1)
    assert stage.sounding() == [60, 64]
    assert stage.play([RollSet(3.2, "osc:max", chord)], until_s=4.0).sounding() == []


def test_a_rest_may_be_longer():
    stage = Stage(rest_beats=6.0).play(PHRASE, until_s=6.9)
    assert stage.notes == []
    assert stage.advance(7.1).sounding() == [60]


def test_the_net_hears_a_short_phrase_four_times_on_the_bar_and_its_rest_only_as_far_as_the_bar_goes():
    stage = Stage().play(PHRASE, until_s=4.95)
    heard = stage.composer.heard
    onsets = [number for number, (row, _) in enumerate(heard) if row[60 - LOW, PLAY] and row[60 - LOW, 1]]
    assert np.diff(onsets).tolist() == [16, 16, 16]
    assert all(heard[number][1] == 1 for number in onsets) and len(heard) - onsets[-1] == 16


def test_after_an_answer_the_net_hears_its_memory_anew():
    stage = Stage().play(PHRASE, until_s=9.0)
    sounding = [bool(row.any()) for row, _ in stage.composer.heard]
    assert stage.composer.resets == 2
    assert sounding[-16:].count(True) == 9 and sum(sounding) == 18, "the phrase and its answer"


def test_where_the_bar_is_too_near_for_the_net_to_listen_the_answer_comes_a_bar_later():
    """The rest is over at 4.9375 s, 62 ms before the bar: less than a quarter of a beat."""
    stage = Stage().play(note(1.0, 3.93, 60), until_s=6.9)
    assert stage.notes == [] and stage.advance(7.1).sounding() == [60]


def test_there_is_one_answer_to_a_phrase():
    stage = Stage().play(PHRASE, until_s=60.0)
    assert len(stage.notes) == 6


# ---- off, and between the modes

def test_off_listens_and_never_asks_the_net():
    stage = Stage(mode="off").play(PHRASE, until_s=20.0)
    assert stage.notes == [] and stage.composer.heard == [] and stage.composer.resets == 0


def test_what_was_heard_while_off_is_remembered():
    stage = Stage(mode="off").play([*PHRASE, setting(3.0, "mode", "answer")], until_s=7.5)
    assert stage.notes == near(ANSWER)


def test_switched_off_it_is_silent_at_once():
    stage = Stage().play([*PHRASE, setting(5.6, "mode", "off")], until_s=12.0)
    assert stage.notes == near([*ANSWER[:3], (5.6, "off", 64)])


def test_switched_to_endless_an_answer_goes_on_without_end():
    stage = Stage().play([*PHRASE, setting(5.6, "mode", "endless")], until_s=9.1)
    assert stage.notes == near([*ANSWER, *((at_s + 2.0, *what) for at_s, *what in ANSWER), (9.0, "on", 60, 99)])


def test_switched_to_answer_endless_play_ends_at_once_and_waits_for_a_phrase():
    stage = Stage(mode="endless", otherwise=60).play([setting(5.1, "mode", "answer")], until_s=20.0)
    assert stage.notes[-1] == (pytest.approx(5.1), "off", 60) and stage.continuation.state == "listening"


@pytest.mark.parametrize("name, value, of", [("mode", "loud", "mode"), ("temperature", 9.0, "temperature"), ("colour", 1.0, "colour")])
def test_a_setting_out_of_range_is_said_and_changes_nothing(name, value, of):
    stage = Stage()
    before = stage.continuation.manner
    stage.play([setting(1.0, name, value), setting(1.1, name, value), Setting(1.2, KEYS, "gain_db", 3.0)], until_s=2.0)
    assert stage.continuation.manner == before
    remarks = stage.continuation.take_remarks()
    assert len(remarks) == 1 and of in remarks[0] and stage.continuation.take_remarks() == []


def test_settings_are_taken_while_playing():
    events = [setting(1.0, "range", (48, 72)), setting(1.0, "key", "F# minor"), setting(1.0, "polyphony", 2)]
    manner = Stage().play(events, until_s=1.1).continuation.manner
    assert (manner.low, manner.high, manner.key, manner.polyphony) == (48, 72, "F# minor", 2)


def test_a_key_lock_and_a_range_hold_what_is_composed():
    onsets = [what[2] for what in Stage(key="F").play([*note(1, 2, 60), *note(1, 2, 61), *note(1, 2, 65)], 5.1).notes]
    assert onsets == [60, 65]
    assert [what[2] for what in Stage(low=62, high=80).play(PHRASE, 7.0).notes if what[1] == "on"] == [64, 67]


def test_a_key_lock_that_is_left_to_itself_is_that_of_the_phrase():
    """C, E and G are in C, of which C# is no note."""
    assert 61 not in {what[2] for what in Stage(otherwise=61).play(PHRASE, 8.0).notes}
    assert 61 in {what[2] for what in Stage(otherwise=61, key="off").play(PHRASE, 8.0).notes}


def test_no_more_notes_of_its_own_sound_than_it_may():
    chord = [event for pitch in range(40, 60) for event in note(1.0, 2.0, pitch)]
    assert len(Stage(polyphony=3, key="off").play(chord, until_s=5.1).sounding()) == 3


# ---- endless

def test_endless_begins_on_a_bar_from_silence_and_never_ends():
    stage = Stage(mode="endless", otherwise=60).play([], until_s=60.0)
    onsets = [at_s for at_s, kind, *_ in stage.notes if kind == "on"]
    bar_s = onsets[0]
    assert stage.transport.position(round(4 * stage.transport.beat_at(bar_s))) == 0
    assert onsets == pytest.approx(np.arange(bar_s, 60.0 + AHEAD_S, 0.5))


def test_endless_play_takes_in_what_is_played_beside_it_and_is_not_ended_by_it():
    stage = Stage(mode="endless", otherwise=60).play([], until_s=7.9)
    bar_s = next(at_s for at_s, kind, *_ in stage.notes if kind == "on")
    stage.play(note(bar_s + 10.0, bar_s + 10.5, 72), until_s=bar_s + 14.4)
    high = [what for what in stage.notes if what[2] == 72]
    assert high[:2] == near([(bar_s + 12.0, "on", 72, 88), (bar_s + 12.5, "off", 72)])
    assert 60 in {what[2] for what in stage.notes if what[0] > bar_s + 12.0}


def test_endless_play_makes_no_beat_one_of_what_is_played():
    stage = Stage(mode="endless", otherwise=60)
    stage.advance(5.0)
    jumps = stage.transport.jumps
    stage.play(note(5.13, 5.2, 72), until_s=9.0)
    assert stage.transport.jumps == jumps


def test_a_key_that_is_pressed_while_its_note_is_composed_is_the_players_alone():
    for mode in ("endless", "duet"):
        stage = Stage(mode=mode, otherwise=60).play([on(0.5, 48), on(8.15, 60), off(9.7, 60)], until_s=12.0)
        sixty = [what for what in stage.notes if what[2] == 60 and what[0] > 8.0]
        assert next(what for what in sixty if what[0] > 8.1)[:2] == (pytest.approx(8.15), "off")
        assert not [what for what in sixty if 8.16 < what[0] < 9.69], mode


# ---- duet

def test_a_duet_plays_from_the_step_after_the_first_note_and_rests_when_the_player_does():
    stage = Stage(mode="duet", otherwise=72).play(note(1.0, 3.0, 48), until_s=20.0)
    onsets = [at_s for at_s, kind, *_ in stage.notes if kind == "on"]
    assert onsets[0] == pytest.approx(1.125)
    # released at beat 4, two beats of rest: decided at 4.0625 s, silent from the step at 4.125 s on
    assert stage.notes[-1] == (pytest.approx(4.125), "off", stage.notes[-1][2]) and stage.sounding() == []
    assert stage.play([on(20.3, 50)], until_s=21.4).sounding() != []


def test_in_a_duet_the_net_is_shown_the_held_notes_and_never_plays_them():
    stage = Stage(mode="duet", otherwise=48).play([on(1.0, 48, 77), on(1.0, 55, 66)], until_s=4.0)
    assert stage.composer.shown[48 - LOW] == (1.0, 0.0, 77.0) and stage.composer.shown[55 - LOW] == (1.0, 0.0, 66.0)
    assert stage.notes == []


def test_a_duet_waits_until_the_net_has_heard_what_came_before():
    """Some 135 rows are 0.4 s, and the lead 0.125 s."""
    events = [on(1.0, 48), on(15.9, 50), off(15.95, 48), setting(17.0, "mode", "duet")]
    assert Stage(mode="off").play(events, until_s=17.7).notes == near([(17.625, "on", 48, 72)])


def test_when_a_duet_rests_the_net_hears_its_memory_anew():
    stage = Stage(mode="duet", otherwise=72).play(note(1.0, 3.0, 48), until_s=5.0)
    assert stage.composer.resets == 2 and len(stage.composer.heard) > 16


# ---- time

def test_a_tempo_that_changes_moves_what_is_to_come():
    stage = Stage().play([*PHRASE, TempoSet(4.0, KEYS, 60.0)], until_s=12.0)
    assert stage.notes == near([(6.0 + 2.0 * (at_s - 5.0), *what) for at_s, *what in ANSWER])


def test_where_the_beat_jumps_what_sounds_ends_and_what_is_left_of_the_answer_comes_on_the_next_bar():
    """Six of sixteen steps were composed; the song that starts at 5.6 s has its second bar at 7.6 s."""
    start = [ClockMessage(5.6, "midi:clock", "start"), ClockMessage(5.6, "midi:clock", "clock")]
    stage = Stage(otherwise=50).play([*PHRASE, *start], until_s=5.7)
    assert stage.sounding() == [] and stage.notes[-1] == (pytest.approx(5.6), "off", 64)
    before = len(stage.notes)
    times = [at_s for at_s, *_ in stage.advance(20.0).notes[before:]]
    assert min(times) == pytest.approx(7.6) and max(times) == pytest.approx(7.6 + 10 * 0.125)


def test_while_the_transport_stands_still_nothing_is_composed():
    events = [ClockMessage(0.5, "midi:clock", "start"), ClockMessage(0.9, "midi:clock", "stop")]
    stage = Stage(mode="endless", otherwise=60).play(events, until_s=20.0)
    assert stage.sounding() == [] and stage.notes == [] and stage.continuation.state == "stopped"
    assert [remark for remark in stage.continuation.take_remarks() if "stands still" in remark] != []
    assert stage.continuation.take_remarks() == []
    stage.play([ClockMessage(20.0, "midi:clock", "start")], until_s=23.0)
    assert stage.sounding() == [60]


def test_a_stop_ends_what_sounds_at_once():
    stage = Stage().play([*PHRASE, ClockMessage(5.6, "midi:clock", "stop")], until_s=12.0)
    assert stage.notes == near([*ANSWER[:3], (5.6, "off", 64)])


def test_in_three_four_the_answer_comes_on_its_bar():
    """Bars of 1.5 s from 1 s on: the rest is over at 3.4 s, the next bar begins at 4 s."""
    stage = Stage().play([MetreSet(0.1, KEYS, 3, 4), *PHRASE], until_s=12.0)
    assert stage.notes[0][0] == pytest.approx(4.0)
    assert stage.sounding() == []


def test_after_a_long_time_without_a_call_nothing_is_made_up_for():
    stage = Stage(mode="endless", otherwise=60).play([], until_s=10.0)
    composed = stage.composer.composed
    stage.advance(100.0, tick_s=90.0)
    assert stage.composer.composed == composed and stage.sounding() == []
    assert stage.continuation.skipped_steps == 720
    assert len(stage.continuation.take_remarks()) == 1
    stage.advance(104.1)
    assert stage.sounding() == [60]


def test_an_answer_that_should_have_come_while_nobody_called_is_left_out():
    stage = Stage().play(PHRASE, until_s=2.5).advance(22.5, tick_s=20.0)
    assert stage.composer.composed == 0 and stage.continuation.skipped_steps > 0
    assert stage.advance(40.0).notes == []
    assert stage.play(note(40.0, 40.4, 60), until_s=42.1).sounding() == [60], "the next phrase is answered"


def test_it_says_when_to_be_called_again():
    stage = Stage().play(PHRASE, until_s=2.5)
    while stage.clock.now_s() < 8.0:
        wait_s = stage.continuation.next_s - stage.clock.now_s()
        stage.clock.advance(min(max(wait_s, 0.0005), 0.25))
        stage.given += stage.continuation.advance(stage.clock.now_s())
    assert stage.notes == near(ANSWER)


# ---- panic, reset, the end

@pytest.mark.parametrize("event", [Panic(5.6, KEYS), Reset(5.6, KEYS)])
def test_panic_and_reset_end_what_sounds_and_the_answer(event):
    stage = Stage().play([*PHRASE, event], until_s=12.0)
    assert stage.notes == near([*ANSWER[:3], (5.6, "off", 64)])


def test_after_a_reset_the_same_is_played_again():
    stage = Stage(mode="answer", temperature=2.0)
    stage.play([*PHRASE, setting(9.0, "polyphony", 1), Reset(21.0, KEYS)], until_s=21.0)
    first, stage.given = stage.notes, []
    later = [*note(22.0, 22.4, 60, 80), *note(22.5, 22.9, 64, 100), *note(23.0, 23.4, 67, 90)]
    stage.play(later, until_s=42.0)
    assert stage.notes == near([(at_s + 21.0, *what) for at_s, *what in first])


def test_silenced_it_gives_the_ends_of_all_that_was_given_out():
    stage = Stage().play(PHRASE, until_s=5.2)
    assert stage.continuation.silence(5.2) == [NoteOff(5.2, SOURCE, 0, 60)]
    assert stage.continuation.held == [] and stage.continuation.silence(5.2) == []
    given = len(stage.given)
    assert len(stage.advance(12.0).given) == given


def test_it_does_not_hear_itself():
    stage = Stage().play([*PHRASE, on(5.2, 60, source=SOURCE)], until_s=12.0)
    assert stage.notes == near(ANSWER)


# ---- odd input

def test_notes_outside_the_nets_pitches_are_folded_and_that_is_said_once():
    stage = Stage(key="off").play([*note(1.0, 1.4, 12), *note(1.5, 1.9, 120)], until_s=7.0)
    assert [what[2] for what in stage.notes if what[1] == "on"] == [24, 96]
    remarks = stage.continuation.take_remarks()
    assert len(remarks) == 1 and "24..101" in remarks[0]


def test_a_phrase_of_one_short_note_is_answered():
    stage = Stage().play(note(1.0, 1.001, 60), until_s=20.0)
    assert stage.notes == near([(3.0, "on", 60, 88), (3.125, "off", 60)])


def test_twenty_notes_at_once_are_answered_and_let_go():
    stage = Stage(polyphony=16).play([e for pitch in range(50, 70) for e in note(1.0, 1.5, pitch)], until_s=20.0)
    assert stage.notes and stage.sounding() == []


def test_a_key_that_is_never_let_go_is_never_answered():
    assert Stage(mode="answer").play([on(1.0, 60)], until_s=60.0).notes == []


def test_an_event_that_comes_late_is_taken_as_it_is():
    stage = Stage().play(PHRASE, until_s=5.6)
    stage.continuation.feed(on(5.55, 72))
    stage.advance(12.0)
    assert stage.sounding() == [] and stage.notes[-1] == (pytest.approx(5.55), "off", 64)


# ---- whatever happens

TIMES = st.floats(0.0, 8.0)


def storms() -> st.SearchStrategy[list[Event]]:
    pitches, velocities = st.integers(0, 127), st.integers(1, 127)
    sources = st.sampled_from([KEYS, "osc:pad"])
    return st.lists(st.one_of(
        st.builds(on, TIMES, pitches, velocities, sources),
        st.builds(off, TIMES, pitches, sources),
        st.builds(on, TIMES, st.sampled_from([48, 60, 64])),
        st.builds(lambda at_s, value: Control(at_s, KEYS, 0, SUSTAIN, value), TIMES, st.integers(0, 127)),
        st.builds(lambda at_s, bits: RollSet(at_s, "osc:pad", bits), TIMES, st.binary(min_size=16, max_size=16)),
        st.builds(lambda at_s, mode: setting(at_s, "mode", mode), TIMES, st.sampled_from(["off", "answer", "endless", "duet"])),
        st.builds(lambda at_s, bpm: TempoSet(at_s, KEYS, bpm), TIMES, st.floats(20.0, 400.0)),
        st.builds(lambda at_s, kind: ClockMessage(at_s, "midi:clock", kind), TIMES,
                  st.sampled_from(["clock", "start", "stop", "continue", "position"])),
        st.builds(lambda at_s, metre: MetreSet(at_s, KEYS, *metre), TIMES, st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 2)])),
        st.builds(Panic, TIMES, st.just(KEYS)),
        st.builds(Reset, TIMES, st.just(KEYS)),
        st.builds(SourceLost, TIMES, sources),
    ), max_size=40).map(lambda events: sorted(events, key=lambda event: event.at_s))


def stormed(events: list[Event], mode: str, seed: int, tick_s: float, late_s: float = 0.0) -> list[tuple]:
    """All that is given out, in order of time, when it is called every `tick_s`, and each event `late_s` after its moment."""
    stage = Stage(mode, otherwise=60, seed=seed, polyphony=3, rest_beats=0.5)
    for event in [*events, setting(11.0, "mode", "off")]:
        while stage.clock.now_s() + tick_s <= event.at_s + late_s:
            stage.clock.advance(tick_s)
            stage.given += stage.continuation.advance(stage.clock.now_s())
        stage.continuation.feed(event)
    assert stage.advance(12.0, tick_s).sounding() == []
    return sorted(stage.notes)


def test_after_a_reset_it_goes_on_at_the_same_steps_whenever_it_is_called():
    events = [MetreSet(0.75, KEYS, 3, 4), TempoSet(3.55, KEYS, 57.4), Reset(6.443, KEYS)]
    assert stormed(events, "endless", 13, 0.1443) == stormed(events, "endless", 13, 0.0352)


few_of_these = settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking is slow
modes, seeds, ticks = st.sampled_from(["answer", "endless", "duet"]), st.integers(0, 99), st.floats(0.004, 0.2)


@few_of_these
@given(storms(), modes, seeds, ticks, ticks)
def test_no_storm_leaves_a_note_held_and_the_moments_of_the_calls_change_nothing(events, mode, seed, tick_s, other_tick_s):
    assert stormed(events, mode, seed, tick_s) == stormed(events, mode, seed, other_tick_s)


@few_of_these
@given(storms(), modes, seeds, ticks, st.floats(0.0, 0.3))
def test_no_storm_that_comes_late_leaves_a_note_held(events, mode, seed, tick_s, late_s):
    stormed(events, mode, seed, tick_s, late_s)


def clocked(seconds: float, loop_beats: int | None = None) -> list[Event]:
    """A MIDI clock at 120 bpm that starts the song at 0 s, and, where it loops, sends the song position at each wrap."""
    clocks, port = [], "midi:daw"
    for number in range(round(seconds * 48)):
        at_s = number / 48
        if number == 0:
            clocks.append(ClockMessage(at_s, port, "start"))
        elif loop_beats and number % (24 * loop_beats) == 0:
            clocks.append(ClockMessage(at_s - 0.001, port, "position", 0))
        clocks.append(ClockMessage(at_s, port, "clock"))
    return clocks


def test_a_song_that_loops_is_played_through_as_one_that_goes_on():
    beats = [[at_s for at_s, kind, *_ in Stage(mode="endless", otherwise=60).play(clocked(12.0, loop), 12.0).notes if kind == "on"]
             for loop in (None, 4)]
    assert len(beats[0]) > 15
    assert beats[1] == pytest.approx(beats[0], abs=0.005)


def test_an_answer_that_the_songs_stop_cut_off_does_not_come_back_with_the_next_start():
    played = [*clocked(6.1), ClockMessage(6.1, "midi:daw", "stop"), ClockMessage(20.0, "midi:daw", "start")]
    later = [dataclasses.replace(clock, at_s=20.0 + clock.at_s) for clock in clocked(8.0)[1:]]
    stage = Stage().play([*played, *PHRASE, *later], 28.0)
    onsets = [at_s for at_s, kind, *_ in stage.notes if kind == "on"]
    assert onsets and max(onsets) < 6.2
    assert stage.sounding() == []


@pytest.mark.parametrize("controller", [120, 123])
def test_all_notes_off_from_a_keyboard_ends_an_answer(controller):
    stage = Stage().play([*PHRASE, Control(5.6, KEYS, 0, controller, 0)], 30.0)
    assert stage.notes[-1][1:] == ("off", 64) and stage.notes[-1][0] < 5.7
    assert stage.sounding() == []
