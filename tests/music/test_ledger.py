from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.events import (
    Bend,
    BendSet,
    Control,
    Event,
    LetGo,
    MessagesLost,
    NoteOff,
    NoteOn,
    Panic,
    PitchBend,
    ProgramChange,
    Release,
    Reset,
    RollSet,
    SourceLost,
    Strike,
    ClockMessage,
)
from livewave.music.ledger import ROLL_VELOCITY, Ledger

A, B = "midi:a", "osc:b"
SUSTAIN, SOSTENUTO = 64, 66


def on(pitch: int, source: str = A, channel: int = 0, velocity: int = 100, at_s: float = 0.0) -> NoteOn:
    return NoteOn(at_s, source, channel, pitch, velocity)


def off(pitch: int, source: str = A, channel: int = 0, at_s: float = 0.0) -> NoteOff:
    return NoteOff(at_s, source, channel, pitch)


def control(controller: int, value: int, source: str = A, channel: int = 0) -> Control:
    return Control(0.0, source, channel, controller, value)


def roll(*pitches: int, source: str = A) -> RollSet:
    return RollSet(0.0, source, sum(1 << pitch for pitch in pitches).to_bytes(16, "little"))


def after(*events: Event) -> Ledger:
    ledger = Ledger()
    for event in events:
        ledger.feed(event)
    return ledger


def test_a_key_strikes_and_lets_go() -> None:
    ledger = Ledger()
    assert ledger.feed(on(60, velocity=90, at_s=1.0)) == [Strike(1.0, 60, 90)]
    assert ledger.held() == {60: 90}
    assert ledger.feed(off(60, at_s=2.0)) == [Release(2.0, 60)]
    assert ledger.held() == {}


def test_a_key_struck_twice_is_let_go_twice() -> None:
    ledger = after(on(60))
    assert ledger.feed(on(60, velocity=50)) == [Strike(0.0, 60, 50)]
    assert ledger.feed(off(60)) == []
    assert ledger.feed(off(60)) == [Release(0.0, 60)]


def test_an_off_without_an_on_is_nothing() -> None:
    ledger = after(off(60))
    ledger.feed(on(60))
    assert ledger.feed(off(60)) == [Release(0.0, 60)]


def test_a_pitch_sounds_while_any_source_or_channel_holds_it() -> None:
    ledger = after(on(60, A), on(60, B), on(60, A, channel=1))
    assert ledger.feed(off(60, A)) == ledger.feed(off(60, B)) == []
    assert ledger.feed(off(60, A, channel=1)) == [Release(0.0, 60)]


def test_one_source_cannot_let_go_of_anothers_key() -> None:
    assert after(on(60, A), off(60, B), off(60, A, channel=1)).held() == {60: 100}


def test_the_sustain_pedal_keeps_what_was_let_go() -> None:
    ledger = after(control(SUSTAIN, 64), on(60), on(64), off(60))
    assert set(ledger.held()) == {60, 64}
    assert ledger.feed(control(SUSTAIN, 63)) == [Release(0.0, 60)]
    assert set(ledger.held()) == {64}


def test_a_pedal_holds_its_own_channel_only() -> None:
    assert after(control(SUSTAIN, 127, channel=1), on(60), off(60)).held() == {}


def test_a_note_struck_again_under_the_pedal_survives_the_pedal_while_its_key_is_down() -> None:
    assert set(after(control(SUSTAIN, 127), on(60), off(60), on(60), control(SUSTAIN, 0)).held()) == {60}


def test_the_sostenuto_pedal_keeps_only_the_keys_that_were_down() -> None:
    ledger = after(on(60), control(SOSTENUTO, 127), on(64), off(60), off(64))
    assert set(ledger.held()) == {60}
    assert ledger.feed(control(SOSTENUTO, 0)) == [Release(0.0, 60)]


def test_a_second_sostenuto_message_catches_nothing_new() -> None:
    assert after(control(SOSTENUTO, 127), on(60), control(SOSTENUTO, 100), off(60)).held() == {}


def test_sustain_goes_on_when_sostenuto_is_lifted() -> None:
    ledger = after(on(60), control(SOSTENUTO, 127), control(SUSTAIN, 127), off(60), control(SOSTENUTO, 0))
    assert set(ledger.held()) == {60}


def test_all_notes_off_lets_the_keys_go_but_not_the_pedal() -> None:
    ledger = after(on(60), control(SUSTAIN, 127), control(123, 0))
    assert set(ledger.held()) == {60}
    assert ledger.feed(control(SUSTAIN, 0)) == [Release(0.0, 60)]


@pytest.mark.parametrize("controller", [124, 125, 126, 127])
def test_a_mode_message_is_also_all_notes_off(controller: int) -> None:
    assert after(on(60), on(60), control(controller, 0)).held() == {}


def test_all_sound_off_silences_through_the_pedal() -> None:
    assert after(control(SUSTAIN, 127), on(60), on(62), off(60), control(120, 0)).held() == {}


def test_reset_all_controllers_lifts_the_pedals_and_keeps_volume() -> None:
    moved = control(7, 64), control(11, 0), control(1, 99), control(SUSTAIN, 127)
    ledger = after(*moved, on(60), off(60), control(121, 0))
    assert ledger.held() == {}
    assert ledger.modulation == 0
    assert ledger.gain == pytest.approx((64 / 127) ** 2)


def test_a_source_that_is_lost_releases_its_keys_pedals_and_roll_and_nobody_elses() -> None:
    ledger = after(control(SUSTAIN, 127), on(60), off(60), on(61), roll(62), on(60, B), on(63, B), control(7, 0))
    assert ledger.feed(SourceLost(3.0, A)) == [Release(3.0, 61), Release(3.0, 62)]
    assert set(ledger.held()) == {60, 63}
    assert ledger.gain == 1.0


def test_a_key_whose_off_was_lost_is_let_go_when_it_is_struck_again_and_let_go() -> None:
    assert after(on(60), MessagesLost(1.0, A), on(60), off(60)).held() == {}
    assert after(on(60), on(60), MessagesLost(1.0, A), on(60), on(60), off(60)).held() == {60: 100}


def test_a_key_that_is_down_when_messages_were_lost_sounds_on_and_is_let_go_once() -> None:
    held = after(on(60), MessagesLost(1.0, A))
    assert held.held() == {60: 100}
    assert held.feed(off(60, at_s=2.0)) == [Release(2.0, 60)]


def test_what_another_source_lost_is_none_of_it() -> None:
    assert after(on(60), MessagesLost(1.0, B), on(60), off(60)).held() == {60: 100}


@pytest.mark.parametrize("event", [Panic(1.0, B), Reset(1.0, B)])
def test_panic_and_reset_end_everything_and_lift_every_pedal(event: Event) -> None:
    ledger = after(control(SUSTAIN, 127), on(60), off(60), on(61, B), roll(62))
    assert {ended.pitch for ended in ledger.feed(event)} == {60, 61, 62}
    ledger.feed(on(70))
    assert ledger.feed(off(70)) != []


def test_what_is_overdue_was_struck_before_that_and_is_held_still() -> None:
    ledger = after(on(60, at_s=1.0), on(62, at_s=1.0), off(62, at_s=2.0), on(64, B, at_s=3.0))
    assert ledger.overdue(1.0) == []
    assert ledger.overdue(2.0) == [((A, 0), 60)]
    assert ledger.overdue(4.0) == [((A, 0), 60), ((B, 0), 64)]


def test_a_key_that_is_let_go_for_its_player_ends_however_often_it_was_struck_and_whatever_keeps_it() -> None:
    ledger = after(control(SUSTAIN, 127), control(SOSTENUTO, 127), on(60), on(60), on(62), off(62), roll(64), on(60, B))
    assert ledger.feed(LetGo(1.0, A, 0, (60, 62, 64, 99))) == [Release(1.0, 62), Release(1.0, 64)]
    assert ledger.feed(LetGo(2.0, B, 0, (60,))) == [Release(2.0, 60)]
    assert ledger.overdue(9.0) == [] and ledger.feed(off(60, at_s=3.0)) == []


def test_a_roll_is_compared_with_the_one_before() -> None:
    ledger = Ledger()
    assert ledger.feed(roll(0, 60, 127)) == [Strike(0.0, pitch, ROLL_VELOCITY) for pitch in (0, 60, 127)]
    assert ledger.feed(roll(60, 61)) == [Release(0.0, 0), Release(0.0, 127), Strike(0.0, 61, ROLL_VELOCITY)]
    assert ledger.feed(roll(60, 61)) == []


def test_the_lowest_bit_of_byte_zero_is_pitch_zero() -> None:
    assert set(after(RollSet(0.0, A, b"\x01\x80" + bytes(13) + b"\x80")).held()) == {0, 15, 127}


def test_a_release_is_never_earlier_than_its_strike() -> None:
    ledger = after(on(60, at_s=5.05))
    assert ledger.feed(Panic(5.0, A)) == [Release(5.05, 60)]


def test_volume_and_expression_are_one_gain() -> None:
    assert after(control(7, 127), control(11, 127)).gain == 1.0
    assert after(control(7, 0)).gain == 0.0
    assert after(control(7, 100), control(11, 64)).gain == pytest.approx((100 * 64 / 127**2) ** 2)


def test_modulation_is_kept_as_a_value() -> None:
    assert after(control(1, 77)).modulation == 77


@pytest.mark.parametrize(
    "event", [ProgramChange(0.0, A, 0, 5), ClockMessage(0.0, A, "clock"), control(74, 9)]
)
def test_events_that_hold_nothing_change_nothing(event: Event) -> None:
    ledger = after(on(60))
    assert ledger.feed(event) == []
    assert ledger.held() == {60: 100}


SOURCES, CHANNELS, PITCHES = st.sampled_from([A, B]), st.integers(0, 1), st.integers(58, 62)
EVENTS = st.one_of(
    st.builds(on, PITCHES, SOURCES, CHANNELS, st.integers(1, 127), st.floats(0, 1)),
    st.builds(off, PITCHES, SOURCES, CHANNELS, st.floats(0, 1)),
    st.builds(control, st.sampled_from([1, 7, 11, 64, 66, 120, 121, 123, 126]), st.integers(0, 127), SOURCES, CHANNELS),
    st.builds(lambda pitches, source: roll(*pitches, source=source), st.sets(PITCHES), SOURCES),
    st.builds(lambda pitches, source, channel: LetGo(0.5, source, channel, tuple(pitches)), st.sets(PITCHES), SOURCES, CHANNELS),
    st.builds(SourceLost, st.just(0.5), SOURCES),
    st.builds(MessagesLost, st.just(0.5), SOURCES),
    st.builds(Panic, st.just(0.5), SOURCES),
)


def _holders(events: list[Event]) -> set[int]:
    """The specification once more, slowly: each note is followed through all that comes after it."""
    held = set()
    for source, channel in {(e.source, e.channel) for e in events if isinstance(e, (NoteOn, Control))}:
        own = [e for e in events if isinstance(e, (SourceLost, MessagesLost, Panic)) or getattr(e, "channel", None) == channel]
        own = [e for e in own if isinstance(e, Panic) or e.source == source]
        keys: list[int] = []
        doubted: set[int] = set()  # of them, those whose off may have been lost
        kept: set[int] = set()
        sustain, caught = False, None
        for e in own:
            gone: list[int] = []
            if isinstance(e, (SourceLost, Panic)):
                keys, kept, sustain, caught = [], set(), False, None
            elif isinstance(e, MessagesLost):
                keys = sorted(set(keys))
                doubted = set(keys)
            elif isinstance(e, LetGo):
                keys, kept = [pitch for pitch in keys if pitch not in e.pitches], kept - {*e.pitches}
            elif isinstance(e, NoteOn):
                if e.pitch in doubted:
                    keys.remove(e.pitch)
                    doubted.remove(e.pitch)
                keys.append(e.pitch)
            elif isinstance(e, NoteOff):
                if e.pitch in keys:
                    keys.remove(e.pitch)
                    gone = [e.pitch] if e.pitch not in keys else []
            elif e.controller == 64:
                sustain = e.value >= 64
            elif e.controller == 66:
                caught = (set(keys) if caught is None else caught) if e.value >= 64 else None
            elif e.controller == 120:
                keys, kept = [], set()
            elif e.controller == 121:
                sustain, caught = False, None
            elif e.controller >= 123:
                gone, keys = keys, []
            doubted &= set(keys)
            kept = {p for p in [*kept, *gone] if sustain or p in (caught or ())}
        held |= set(keys) | kept
    for source in (A, B):
        last: set[int] = set()
        for e in events:
            if isinstance(e, Panic) or (isinstance(e, SourceLost) and e.source == source):
                last = set()
            elif isinstance(e, RollSet) and e.source == source:
                last = {p for p in range(128) if e.vector[p // 8] >> p % 8 & 1}
            elif isinstance(e, LetGo) and (e.source, e.channel) == (source, 0):
                last = last - {*e.pitches}
        held |= last
    return held


@given(st.lists(EVENTS, max_size=30))
def test_what_sounds_is_what_somebody_holds(events: list[Event]) -> None:
    ledger, sounding = Ledger(), set()
    for event in events:
        for act in ledger.feed(event):
            (sounding.add if isinstance(act, Strike) else sounding.remove)(act.pitch)
        assert sounding == set(ledger.held())
    assert sounding == _holders(events)


@given(st.lists(EVENTS, max_size=30))
def test_after_all_is_let_go_nothing_sounds(events: list[Event]) -> None:
    ledger = after(*events)
    for source in (A, B):
        for channel in (0, 1):
            for controller, value in ((123, 0), (SUSTAIN, 0), (SOSTENUTO, 0)):
                ledger.feed(control(controller, value, source, channel))
        ledger.feed(roll(source=source))
    assert ledger.held() == {}


@given(st.lists(EVENTS, max_size=30))
def test_a_pitch_never_goes_back_in_time(events: list[Event]) -> None:
    ledger, last_s = Ledger(), {}
    for event in events:
        for act in ledger.feed(event):
            assert act.at_s >= last_s.get(act.pitch, 0.0)
            last_s[act.pitch] = act.at_s


# bends

HALF = 4096  # of a wheel's way: a semitone


def wheel(value: int, source: str = A, channel: int = 0) -> PitchBend:
    return PitchBend(0.0, source, channel, value)


def zone(members: int) -> list[Event]:
    return [control(101, 0), control(100, 6), control(6, members)]


def test_a_wheel_bends_what_its_channel_holds_and_nothing_else() -> None:
    ledger = after(on(60), on(64, channel=1), on(67, source=B))
    assert ledger.feed(wheel(HALF)) == [Bend(0.0, 60, 1.0)]
    assert ledger.feed(wheel(HALF)) == []  # it is there already
    assert ledger.feed(wheel(0)) == [Bend(0.0, 60, 0.0)]


def test_a_note_is_bent_as_its_channel_before_it_begins() -> None:
    ledger = after(wheel(HALF))
    assert ledger.feed(on(60)) == [Bend(0.0, 60, 1.0), Strike(0.0, 60, 100)]
    assert ledger.feed(off(60)) == [Release(0.0, 60)]
    assert ledger.feed(wheel(0)) == []
    assert ledger.feed(on(60)) == [Bend(0.0, 60, 0.0), Strike(0.0, 60, 100)]


def test_a_pitch_on_two_channels_is_bent_as_the_one_that_struck_it_last_and_still_holds_it() -> None:
    ledger = after(wheel(HALF), wheel(-HALF, channel=1), on(60))
    assert ledger.feed(on(60, channel=1)) == [Bend(0.0, 60, -1.0), Strike(0.0, 60, 100)]
    assert ledger.feed(wheel(8191)) == []
    assert ledger.feed(off(60, channel=1)) == [Bend(0.0, 60, 8191 / 4096)]
    assert ledger.feed(wheel(0, channel=1)) == []


def test_a_note_that_a_pedal_keeps_is_still_bent() -> None:
    ledger = after(control(SUSTAIN, 127), on(60), off(60))
    assert ledger.feed(wheel(HALF)) == [Bend(0.0, 60, 1.0)]


def test_members_of_an_mpe_zone_are_bent_apart_and_by_their_manager_together() -> None:
    ledger = after(*zone(3), on(60, channel=1), on(64, channel=2), on(67, channel=8))
    assert ledger.feed(wheel(HALF, channel=1)) == [Bend(0.0, 60, 24.0)]
    assert ledger.feed(wheel(HALF, channel=0)) == [Bend(0.0, 60, 25.0), Bend(0.0, 64, 1.0)]


def test_the_pedal_of_an_mpe_zone_keeps_the_notes_of_its_members() -> None:
    ledger = after(*zone(3), control(SUSTAIN, 127), on(60, channel=1), on(67, channel=8))
    assert ledger.feed(off(60, channel=1)) == []
    assert ledger.feed(off(67, channel=8)) == [Release(0.0, 67)]
    assert ledger.feed(control(SUSTAIN, 0)) == [Release(0.0, 60)]


@pytest.mark.parametrize("end", [control(121, 0), Panic(0.0, "osc:x"), SourceLost(0.0, A), Reset(0.0, "osc:x")])
def test_what_ends_bends_ends_them_for_what_sounds_and_for_what_comes(end: Event) -> None:
    ledger = after(wheel(HALF), on(60), on(60, source=B))
    ledger.feed(on(60))
    ledger.feed(end)
    ledger.feed(on(60))
    assert ledger.bent() == {}


def test_after_a_reset_a_bend_is_said_again_for_it_was_forgotten() -> None:
    ledger = after(wheel(HALF), on(60), Reset(0.0, A), wheel(HALF))
    assert ledger.feed(on(60)) == [Bend(0.0, 60, 1.0), Strike(0.0, 60, 100)]


def test_a_reset_leaves_an_mpe_controller_its_zone_for_it_tells_of_it_only_once() -> None:
    ledger = after(*zone(3), wheel(HALF, channel=1), Reset(0.0, "osc:x"), on(60, channel=1))
    assert ledger.bent() == {}
    assert ledger.feed(wheel(HALF, channel=1)) == [Bend(0.0, 60, 24.0)]


def test_a_source_that_is_bent_as_a_whole_takes_its_roll_along() -> None:
    ledger = after(roll(60), on(64, source=B), on(67, source=A, channel=5))
    assert ledger.feed(BendSet(0.0, A, -0.25)) == [Bend(0.0, 60, -0.25), Bend(0.0, 67, -0.25)]


def test_bends_to_fill_an_audio_process_that_starts_are_those_last_given_out() -> None:
    ledger = after(wheel(HALF), on(60), on(64), off(64))
    assert ledger.bent() == {60: 1.0, 64: 1.0}  # 64 would begin with it


def test_what_one_source_holds_is_told_from_what_the_others_do() -> None:
    ledger = after(on(60), on(64, source=B), on(67, source=B, channel=3), roll(60, 72, source=B), control(SUSTAIN, 127), off(60))
    assert ledger.held_beside(B) == ({60}, {60, 64, 67, 72})
    assert ledger.held_beside("nobody") == ({60, 64, 67, 72}, set())


KEYS = st.tuples(st.sampled_from([60, 61]), st.sampled_from([0, 1]), st.sampled_from([A, B]))
BENDING = st.one_of(
    st.builds(lambda key: on(key[0], key[2], key[1]), KEYS), st.builds(lambda key: off(key[0], key[2], key[1]), KEYS),
    st.builds(lambda key, value: wheel(value, key[2], key[1]), KEYS, st.sampled_from([0, HALF, -HALF])),
    st.builds(lambda value: control(SUSTAIN, value), st.sampled_from([0, 127])),
    st.sampled_from([control(121, 0), SourceLost(0.0, B), Panic(0.0, A), roll(60, source=B), roll(source=B)]),
    st.builds(BendSet, st.just(0.0), st.just(B), st.sampled_from([0.0, 0.5])),
)


@given(st.lists(BENDING, max_size=40))
def test_whatever_happens_what_sounds_is_bent_as_somebody_who_may_hold_it(events: list[Event]) -> None:
    ledger, told = Ledger(), {}
    for event in events:
        for change in ledger.feed(event):
            if isinstance(change, Bend):
                told[change.pitch] = change.semitones
        wheels = {ledger._wheels.bend(source, channel) for source in (A, B) for channel in (0, 1)}
        assert all(told.get(pitch, 0.0) in wheels for pitch in ledger.held())
    assert {pitch: bend for pitch, bend in told.items() if bend} == ledger.bent()
