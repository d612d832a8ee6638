from __future__ import annotations

import logging
import math

import pytest

from livewave.control.events import (
    CONFIGURATION, Control, Event, LetGo, MessagesLost, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, Reset, RollSet, Setting, SourceLost, ClockMessage,
)
from livewave.link import Command, Order
from livewave.music.compass import Compass
from livewave.music.ledger import ROLL_VELOCITY
from livewave.orders import QUIETEST_DB, Orders, bend_remark
from livewave.render.wavenet import Model, WaveNetSpec

A = "midi:a"
GAIN_DB, TEMPERATURE = -3.0, 0.8


def some_orders(compass: Compass = Compass()) -> Orders:
    return Orders(compass, GAIN_DB, TEMPERATURE)


def on(pitch: int, at_s: float = 1.0, velocity: int = 90) -> NoteOn:
    return NoteOn(at_s, A, 0, pitch, velocity)


def off(pitch: int, at_s: float = 2.0) -> NoteOff:
    return NoteOff(at_s, A, 0, pitch)


def control(controller: int, value: int, source: str = A) -> Control:
    return Control(1.0, source, 0, controller, value)


def setting(name: str, value: float | str) -> Setting:
    return Setting(1.0, "osc:a", name, value)


def gain(value: float) -> Command:
    return Command(Order.GAIN_DB, value=pytest.approx(value))


def temperature(value: float) -> Command:
    return Command(Order.TEMPERATURE, value=value)


def test_a_note_is_a_strike_and_a_release_at_its_moments():
    orders = some_orders()
    assert orders.translate(on(60)) == [Command(Order.STRIKE, 1.0, 60, 90)]
    assert orders.held == 1
    assert orders.translate(off(60)) == [Command(Order.RELEASE, 2.0, 60)]
    assert orders.held == 0


def test_a_pedal_keeps_a_note_until_it_is_lifted():
    orders = some_orders()
    for event in (control(64, 127), on(60), off(60)):
        assert Order.RELEASE not in {command.order for command in orders.translate(event)}
    assert orders.translate(control(64, 0)) == [Command(Order.RELEASE, 1.0, 60)]


def test_panic_releases_everything():
    orders = some_orders()
    orders.translate(on(60))
    orders.translate(on(64))
    assert orders.translate(Panic(3.0, A)) == [
        Command(Order.RELEASE, 3.0, 60), Command(Order.RELEASE, 3.0, 64), Command(Order.HUSH)]


def test_all_sound_off_cuts_the_tail_unless_somebody_still_plays():
    orders = some_orders()
    orders.translate(on(60))
    orders.translate(NoteOn(0.5, "midi:b", 0, 64, 90))
    assert orders.translate(Control(1.0, A, 0, 120, 0)) == [Command(Order.RELEASE, 1.0, 60)]
    assert orders.translate(Control(2.0, "midi:b", 0, 120, 0)) == [Command(Order.RELEASE, 2.0, 64), Command(Order.HUSH)]


def test_a_roll_is_strikes_and_releases():
    orders = some_orders()
    vector = (1 << 60 | 1 << 64).to_bytes(16, "little")
    assert orders.translate(RollSet(1.0, "osc:a", vector)) == [
        Command(Order.STRIKE, 1.0, pitch, ROLL_VELOCITY) for pitch in (60, 64)]


def test_a_wheel_bends_what_it_holds_and_a_note_begins_bent():
    orders = some_orders()
    assert orders.translate(PitchBend(0.5, A, 0, 2048)) == []
    assert orders.translate(on(60)) == [Command(Order.BEND, 1.0, 60, value=0.5), Command(Order.STRIKE, 1.0, 60, 90)]
    assert orders.translate(PitchBend(1.5, A, 0, -4096)) == [Command(Order.BEND, 1.5, 60, value=-1.0)]
    assert orders.restore()[2:] == [Command(Order.BEND, 0.0, 60, value=-1.0), Command(Order.STRIKE, 0.0, 60, 90)]


def test_a_key_folded_into_the_compass_is_bent_where_it_sounds():
    orders = some_orders(Compass(60, 83))
    orders.translate(on(40))
    assert orders.translate(PitchBend(1.5, A, 0, 4096)) == [Command(Order.BEND, 1.5, 64, value=1.0)]


@pytest.mark.parametrize("hint, provenance, level", [
    ("none", {}, logging.WARNING), ("f0", {}, logging.DEBUG), ("f0", {"data.bends": "0"}, logging.DEBUG),
    ("f0", {"data.bends": "vibrato and slides"}, None)])
def test_what_a_model_makes_of_bends_is_said_as_loud_as_it_matters(hint, provenance, level):
    remark = bend_remark(Model(WaveNetSpec(hint=hint), {}, "oboe", provenance))
    assert level is None if remark is None else remark[0] == level and "oboe" in remark[1]


@pytest.mark.parametrize("event", [PitchBend(1.0, A, 0, 100), ProgramChange(1.0, A, 0, 3), ClockMessage(1.0, A, "clock"),
                                   control(1, 64), off(60)])
def test_events_that_hold_nothing_order_nothing(event: Event):
    assert some_orders().translate(event) == []


# gain and temperature


def test_settings_are_orders_and_remembered():
    orders = some_orders()
    assert orders.translate(setting("gain_db", -12.0)) == [gain(-12.0), temperature(TEMPERATURE)]
    assert orders.translate(setting("temperature", 1.5)) == [gain(-12.0), temperature(1.5)]
    assert (orders.gain_db, orders.temperature) == (-12.0, 1.5)


def test_channel_faders_and_the_gain_add_up_in_db():
    orders = some_orders()
    (command,) = orders.translate(control(7, 64))
    assert command == gain(GAIN_DB + 40.0 * math.log10(64 / 127))
    (command,) = orders.translate(control(11, 32))
    assert command == gain(GAIN_DB + 40.0 * math.log10(64 * 32 / 127**2))
    assert orders.translate(setting("gain_db", 0.0))[0] == gain(40.0 * math.log10(64 * 32 / 127**2))


def test_a_fader_that_did_not_move_orders_nothing():
    orders = some_orders()
    assert orders.translate(control(7, 127)) == []
    orders.translate(control(7, 100))
    assert orders.translate(control(7, 100)) == []


def test_what_the_configuration_sets_while_it_plays_is_what_a_reset_goes_back_to():
    orders = some_orders()
    orders.translate(setting("temperature", 1.9))  # turned by hand before: no part of the configuration
    orders.translate(Setting(1.0, CONFIGURATION, "gain_db", -9.0))
    orders.translate(Setting(1.0, CONFIGURATION, "longest_note_s", None))
    orders.translate(setting("gain_db", -20.0))
    orders.translate(setting("temperature", 1.5))
    assert orders.translate(Reset(2.0, A)) == [Command(Order.RESET), gain(-9.0), temperature(TEMPERATURE)]
    assert orders.longest_note_s is None


def test_a_fader_at_zero_is_as_quiet_as_it_gets_and_no_math_error():
    orders = some_orders()
    assert orders.translate(control(7, 0)) == [gain(QUIETEST_DB)]
    assert orders.faded_gain_db == QUIETEST_DB and orders.gain_db == GAIN_DB  # so that silence is no trouble now
    assert orders.translate(control(7, 127)) == [gain(GAIN_DB)]


def test_a_fader_goes_with_its_cable():
    orders = some_orders()
    orders.translate(control(7, 30))
    orders.translate(on(60))
    assert orders.translate(SourceLost(5.0, A)) == [Command(Order.RELEASE, 5.0, 60), gain(GAIN_DB)]


def test_expression_is_reset_with_the_controllers_volume_is_not():
    orders = some_orders()
    orders.translate(control(7, 64))
    orders.translate(control(11, 64))
    assert orders.translate(control(121, 0)) == [gain(GAIN_DB + 40.0 * math.log10(64 / 127))]


# reset and restore


def test_reset_is_as_at_start():
    orders = some_orders()
    for event in (on(60), control(7, 10), setting("gain_db", 6.0), setting("temperature", 2.0)):
        orders.translate(event)
    assert orders.translate(Reset(4.0, A)) == [Command(Order.RESET), gain(GAIN_DB), temperature(TEMPERATURE)]
    assert orders.held == 0
    assert orders.restore() == [gain(GAIN_DB), temperature(TEMPERATURE)]


def test_a_performer_that_starts_afresh_is_told_settings_and_held_notes():
    orders = some_orders()
    for event in (control(64, 127), on(60, velocity=33), off(60), on(72, velocity=77), on(64),
                  setting("temperature", 0.5)):
        orders.translate(event)
    orders.translate(control(7, 64))
    settings, notes = orders.restore()[:2], orders.restore()[2:]
    assert settings == [gain(GAIN_DB + 40.0 * math.log10(64 / 127)), temperature(0.5)]
    assert sorted(notes, key=lambda c: c.pitch) == [Command(Order.STRIKE, 0.0, 60, 33),
                                                    Command(Order.STRIKE, 0.0, 64, 90),
                                                    Command(Order.STRIKE, 0.0, 72, 77)]


# compass


def test_keys_outside_the_compass_sound_inside():
    orders = some_orders(Compass(60, 83))
    assert orders.translate(on(40))[0].pitch == 64
    assert orders.translate(off(40)) == [Command(Order.RELEASE, 2.0, 64)]


def test_two_keys_folded_onto_one_pitch_are_let_go_twice():
    orders = some_orders(Compass(60, 83))
    orders.translate(on(40))
    orders.translate(on(52))
    assert orders.translate(off(40)) == []
    assert orders.translate(off(52)) == [Command(Order.RELEASE, 2.0, 64)]


def test_a_key_held_while_the_compass_changes_is_let_go_where_it_sounds():
    orders = some_orders(Compass(60, 83))
    orders.translate(on(40))
    orders.compass = Compass(36, 59)
    assert orders.translate(off(40)) == [Command(Order.RELEASE, 2.0, 64)]
    assert orders.translate(on(30, 3.0)) == [Command(Order.STRIKE, 3.0, 42, 90)]
    assert orders.translate(off(30, 4.0)) == [Command(Order.RELEASE, 4.0, 42)]
    assert orders.held == 0


def test_a_key_struck_again_after_the_compass_changed_leaves_nothing_where_it_sounded():
    orders = some_orders(Compass(60, 83))
    orders.translate(on(40))
    orders.compass = Compass(36, 59)
    assert orders.translate(on(40, 3.0)) == [Command(Order.RELEASE, 3.0, 64), Command(Order.STRIKE, 3.0, 40, 90)]
    assert orders.translate(off(40, 4.0)) == [Command(Order.RELEASE, 4.0, 40)]
    assert orders.held == 0


@pytest.mark.parametrize("end", [off(40), Panic(2.0, A), SourceLost(2.0, A), control(123, 0), control(120, 0), Reset(2.0, A),
                                 LetGo(2.0, A, 0, (40, 64))])
def test_a_key_that_was_let_go_takes_nothing_with_it_when_it_is_struck_in_another_compass(end: Event):
    orders = some_orders(Compass(60, 83))
    orders.translate(on(40))
    orders.translate(end)
    orders.compass = Compass()
    orders.translate(on(64, 3.0))
    assert orders.translate(on(40, 4.0)) == [Command(Order.STRIKE, 4.0, 40, 90)]
    assert orders.held == 2


def test_a_key_whose_off_was_lost_takes_nothing_with_it_either():
    """It was struck in one compass, and its off may have been lost; struck and let go in another, it is gone from both."""
    orders = some_orders(Compass(60, 83))
    for event in (on(40), MessagesLost(2.0, A), on(40, 3.0)):
        orders.translate(event)
    assert orders.translate(off(40, 4.0)) == [Command(Order.RELEASE, 4.0, 64)]
    orders.compass = Compass()
    assert orders.translate(off(40, 5.0)) == [] and orders.held == 0


# keys that are held for too long


def patient_orders(longest_note_s: float | None = 10.0, compass: Compass = Compass()) -> Orders:
    return Orders(compass, GAIN_DB, TEMPERATURE, longest_note_s)


def released_at(orders: Orders, now_s: float) -> list[int]:
    commands = [command for event in orders.overdue(now_s) for command in orders.translate(event)]
    assert all(command.order is Order.RELEASE and command.at_s == now_s for command in commands)
    return [command.pitch for command in commands]


def test_a_key_held_for_too_long_is_let_go_and_told_and_counted_once(caplog):
    orders = patient_orders()
    orders.translate(on(60, 100.0))
    assert released_at(orders, 109.0) == [] and orders.stuck == 0
    with caplog.at_level(logging.WARNING, "livewave"):
        assert released_at(orders, 110.5) == [60]
    assert (orders.held, orders.stuck) == (0, 1)
    (record,) = caplog.records
    assert "pitch 60 of midi:a, channel 1, was held for 10 s" in record.getMessage()
    assert released_at(orders, 200.0) == [] and orders.stuck == 1
    assert orders.translate(off(60, 201.0)) == []


def test_a_key_is_held_from_its_last_strike_on():
    orders = patient_orders()
    for at_s in (100.0, 105.0):
        orders.translate(on(60, at_s))
    assert released_at(orders, 112.0) == []
    assert released_at(orders, 115.5) == [60]


def test_what_only_a_pedal_holds_is_let_go_too_and_the_pedal_stays_down():
    orders = patient_orders()
    for event in (control(64, 127), on(60, 100.0), off(60, 101.0)):
        orders.translate(event)
    assert released_at(orders, 111.0) == [60]
    orders.translate(on(62, 112.0))
    orders.translate(off(62, 113.0))
    assert orders.held == 1


def test_a_roll_that_is_sent_again_is_held_anew_and_one_that_is_not_is_let_go():
    orders, vector = patient_orders(), (1 << 60 | 1 << 64).to_bytes(16, "little")
    for at_s in (100.0, 105.0):
        orders.translate(RollSet(at_s, "osc:a", vector))
    assert released_at(orders, 112.0) == []
    assert released_at(orders, 115.5) == [60, 64]
    assert orders.translate(RollSet(120.0, "osc:a", bytes(16))) == []


def test_a_pitch_that_another_still_holds_sounds_on():
    orders = patient_orders()
    orders.translate(on(60, 100.0))
    orders.translate(NoteOn(108.0, "midi:b", 0, 60, 90))
    assert released_at(orders, 111.0) == [] and orders.stuck == 1
    assert released_at(orders, 118.5) == [60] and orders.stuck == 2


def test_a_key_outside_the_compass_is_let_go_by_its_own_pitch_and_by_the_one_that_sounds():
    orders = patient_orders(compass=Compass(60, 83))
    orders.translate(on(40, 100.0))
    (event,) = orders.overdue(111.0)
    assert {40, 64} <= set(event.pitches)
    assert orders.translate(event) == [Command(Order.RELEASE, 111.0, 64)]


def test_a_player_who_wants_drones_has_them():
    orders = patient_orders(None)
    orders.translate(on(60, 100.0))
    assert orders.overdue(1e6) == [] and orders.held == 1
