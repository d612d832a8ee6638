"""One player's events, and what each voice of an ensemble is ordered for them."""

from __future__ import annotations

import pytest

from livewave.config import load_config
from livewave.control.events import (
    CONFIGURATION, Control, Event, LetGo, NoteOff, NoteOn, Panic, PitchBend, Reset, RollSet, Setting, SourceLost, ToVoice,
)
from livewave.link import Command, Order
from livewave.orders import Orders
from livewave.music.compass import Compass
from livewave.render.wavenet import Model
from livewave.voices import Voices
from tests.toys import tiny_model

KEYS, OSC = "midi:keys", "osc:here"
WIDE = {"data.low": "0", "data.high": "127"}


def a_model(low: int = 0, high: int = 127) -> Model:
    model = tiny_model()
    return Model(model.spec, model.weights, model.name, {"data.low": str(low), "data.high": str(high)})


def voices(*flags: str, models: list[Model] | None = None, longest_note_s: float | None = None, **audio: float) -> Voices:
    config = load_config(None, {"voice": list(flags), "audio": audio})
    return Voices(config, models or [a_model()] * len(config.ensemble), longest_note_s)


def on(pitch: int, channel: int = 0, at_s: float = 0.0) -> NoteOn:
    return NoteOn(at_s, KEYS, channel, pitch, 90)


def off(pitch: int, channel: int = 0) -> NoteOff:
    return NoteOff(0.0, KEYS, channel, pitch)


def notes(commands: list[Command]) -> list[tuple[int, str, int]]:
    """Voice, strike or release, pitch."""
    return [(c.voice, c.order.name.lower(), c.pitch) for c in commands if c.order in (Order.STRIKE, Order.RELEASE)]


def values(commands: list[Command], order: Order) -> dict[int, float]:
    return {c.voice: c.value for c in commands if c.order is order}


def of_voice(number: int, event: Event) -> ToVoice:
    return ToVoice(event.at_s, event.source, number, event)


def setting(name: str, value: object, source: str = OSC) -> Setting:
    return Setting(0.0, source, name, value)


def test_one_key_sounds_in_every_voice_each_at_its_own_pitch():
    quartet = voices("a", "b:transpose=-12", "c:transpose=7", "d")
    assert notes(quartet.translate(on(60))) == [(0, "strike", 60), (1, "strike", 48), (2, "strike", 67), (3, "strike", 60)]
    assert quartet.sounding == [48, 60, 67] and quartet.held == 3
    assert notes(quartet.translate(off(60))) == [(0, "release", 60), (1, "release", 48), (2, "release", 67), (3, "release", 60)]
    assert quartet.held == 0


def test_what_is_transposed_is_folded_into_the_voices_own_compass():
    pair = voices("a", "b:transpose=24", models=[a_model(), a_model(48, 72)])
    assert notes(pair.translate(on(60))) == [(0, "strike", 60), (1, "strike", 72)]
    assert notes(pair.translate(on(62))) == [(0, "strike", 62), (1, "strike", 62)]  # 86 is an octave or two too high


def test_a_keyboard_is_split_by_the_keys_that_each_hears():
    split = voices("bass:high=59,transpose=12", "lead:low=60")
    assert notes(split.translate(on(59))) == [(0, "strike", 71)]
    assert notes(split.translate(on(60))) == [(1, "strike", 60)]
    assert notes(split.translate(off(59))) == [(0, "release", 71)]
    assert notes(split.translate(off(60))) == [(1, "release", 60)]


def test_a_roll_is_split_and_transposed_like_keys():
    split = voices("bass:high=59", "lead:low=60,transpose=1")
    vector = (1 << 40 | 1 << 59 | 1 << 60 | 1 << 100).to_bytes(16, "little")
    assert notes(split.translate(RollSet(0.0, OSC, vector))) == [
        (0, "strike", 40), (0, "strike", 59), (1, "strike", 61), (1, "strike", 101)]


def test_a_voice_with_a_channel_hears_that_one_and_one_without_all():
    trio = voices("all", "second:channel=2", "third:channel=3")
    assert notes(trio.translate(on(60, channel=1))) == [(0, "strike", 60), (1, "strike", 60)]
    assert notes(trio.translate(on(64, channel=2))) == [(0, "strike", 64), (2, "strike", 64)]
    assert {c.voice for c in trio.translate(Control(0.0, KEYS, 2, 7, 64)) if c.order is Order.GAIN_DB} == {0, 2}
    trio.translate(PitchBend(0.0, KEYS, 1, 4096))
    assert {c.voice for c in trio.restore() if c.order is Order.BEND and c.value} == {0, 1}


def test_the_pedal_of_one_channel_holds_the_notes_of_its_voices_only():
    pair = voices("a:channel=1", "b:channel=2")
    for event in (Control(0.0, KEYS, 0, 64, 127), on(60), on(64, channel=1)):
        pair.translate(event)
    assert notes(pair.translate(off(60))) == []
    assert notes(pair.translate(off(64, channel=1))) == [(1, "release", 64)]


def test_a_cable_that_falls_out_releases_in_every_voice():
    pair = voices("a", "b:transpose=12")
    pair.translate(on(60))
    assert notes(pair.translate(SourceLost(0.0, KEYS))) == [(0, "release", 60), (1, "release", 72)]


def test_what_is_for_one_voice_is_for_no_other_whatever_that_one_hears():
    pair = voices("a", "b:channel=5,low=100,transpose=-12")
    assert notes(pair.translate(of_voice(1, on(60)))) == [(1, "strike", 48)]
    assert notes(pair.translate(of_voice(1, off(60)))) == [(1, "release", 48)]
    pair.translate(of_voice(0, on(60)))
    pair.translate(of_voice(1, on(60)))
    assert notes(pair.translate(of_voice(1, Panic(0.0, OSC)))) == [(1, "release", 48)]
    assert pair.sounding == [60]


def test_the_gain_of_all_comes_on_top_of_each_voices_own():
    pair = voices("a", "b:gain=-6", gain_db=-3.0)
    assert values(pair.restore(), Order.GAIN_DB) == {0: -3.0, 1: -9.0}
    assert values(pair.translate(setting("gain_db", 2.0)), Order.GAIN_DB) == {0: 2.0, 1: -4.0}
    assert values(pair.translate(of_voice(1, setting("gain_db", -20.0))), Order.GAIN_DB) == {1: -18.0}
    assert values(pair.translate(setting("gain_db", 0.0)), Order.GAIN_DB) == {0: 0.0, 1: -20.0}
    assert pair.gain_db == 0.0


def test_a_reset_goes_back_to_what_was_configured():
    pair = voices("a", "b:gain=-6,pan=0.5,transpose=12", gain_db=-3.0)
    for event in (setting("gain_db", 2.0), *(of_voice(1, setting(*each)) for each in (
            ("gain_db", 0.0), ("pan", -1.0), ("mute", 1), ("transpose", 0), ("temperature", 0.1)))):
        pair.translate(event)
    commands = pair.translate(Reset(0.0, OSC))
    assert values(commands, Order.GAIN_DB) == {0: -3.0, 1: -9.0}
    assert values(commands, Order.PAN) == {0: 0.0, 1: 0.5}
    assert values(commands, Order.PARK) == {0: 0.0, 1: 0.0}
    assert values(commands, Order.TEMPERATURE) == {0: 0.8, 1: 0.8}
    assert notes(pair.translate(on(60)))[1] == (1, "strike", 72)


def test_what_the_file_says_is_what_a_reset_goes_back_to_and_what_was_turned_by_hand_stays_until_then():
    pair = voices("a", "b:gain=-6,temperature=0.3")
    pair.translate(of_voice(1, setting("gain_db", -1.0)))
    assert values(pair.translate(setting("gain_db", -10.0, CONFIGURATION)), Order.GAIN_DB) == {0: -10.0, 1: -11.0}
    assert values(pair.translate(setting("temperature", 0.9, CONFIGURATION)), Order.TEMPERATURE) == {0: 0.9}
    commands = pair.translate(Reset(0.0, OSC))
    assert values(commands, Order.GAIN_DB) == {0: -10.0, 1: -16.0}
    assert values(commands, Order.TEMPERATURE) == {0: 0.9, 1: 0.3}


def test_a_key_is_let_go_where_it_was_struck_whatever_the_transposition_has_become():
    pair = voices("a", "b")
    pair.translate(on(60))
    pair.translate(of_voice(1, setting("transpose", 5)))
    assert notes(pair.translate(off(60))) == [(0, "release", 60), (1, "release", 60)]
    assert notes(pair.translate(on(60))) == [(0, "strike", 60), (1, "strike", 65)]


def test_a_muted_voice_goes_on_hearing():
    pair = voices("a", "b:mute=1")
    assert values(pair.placed(), Order.PARK) == {0: 0.0, 1: 1.0}
    assert notes(pair.translate(on(60))) == [(0, "strike", 60), (1, "strike", 60)]
    assert values(pair.translate(of_voice(1, setting("mute", 0))), Order.PARK) == {1: 0.0}


def test_voices_are_spared_from_the_last_one_on_and_come_back_unless_they_are_muted():
    trio = voices("a", "b", "c:mute=1")
    assert trio.spare(1) == [Command(Order.PARK, value=1.0, voice=1)]
    assert [trio[number].parked for number in range(3)] == [False, True, True]
    assert values(trio.restore(), Order.PARK) == {0: 0.0, 1: 1.0, 2: 1.0}
    assert trio.spare(3) == [Command(Order.PARK, value=0.0, voice=1)]


def test_who_starts_afresh_is_told_what_each_voice_holds():
    pair = voices("a:pan=-1", "b:transpose=12,temperature=0.2")
    pair.translate(on(60))
    commands = pair.restore()
    assert notes(commands) == [(0, "strike", 60), (1, "strike", 72)]
    assert values(commands, Order.PAN) == {0: -1.0, 1: 0.0} and values(commands, Order.TEMPERATURE) == {0: 0.8, 1: 0.2}


def test_a_key_that_is_held_for_too_long_is_let_go_in_each_voice_where_it_sounds():
    pair = voices("a", "b:transpose=7", longest_note_s=10.0)
    pair.translate(on(60, at_s=100.0))
    overdue = pair.overdue(120.0)
    assert [(event.voice, type(event.event)) for event in overdue] == [(0, LetGo), (1, LetGo)]
    assert [note for event in overdue for note in notes(pair.translate(event))] == [(0, "release", 60), (1, "release", 67)]
    assert pair.stuck == 1


def test_programs_are_for_the_voices_that_hear_the_channel_alone():
    assert voices("a", "b:channel=2", "c:channel=2").on_channel(1) == [1, 2]
    assert voices("a", "b:channel=2").on_channel(0) == []
    assert voices("a").on_channel(7) == [0]


@pytest.mark.parametrize("event", [on(60), on(200 - 128), off(60), Control(0.0, KEYS, 0, 64, 127), Panic(0.0, KEYS), Reset(0.0, KEYS),
                                   setting("gain_db", -4.0), setting("temperature", 0.4)])
def test_one_voice_is_ordered_what_a_model_alone_is(event):
    config = load_config(None, {"model": {"name": "x"}})
    alone, orders = Voices(config, [a_model(48, 83)]), Orders(Compass(48, 83), 0.0, 0.8)
    for each in (on(61), event):
        assert alone.translate(each) == orders.translate(each)
    assert alone.placed() == []


def test_a_model_alone_that_was_muted_sounds_again_after_a_reset():
    alone = Voices(load_config(None, {"model": {"name": "x"}}), [a_model()])
    assert values(alone.translate(of_voice(0, setting("mute", 1))), Order.PARK) == {0: 1.0}
    assert values(alone.restore(), Order.PARK) == {0: 1.0}
    assert values(alone.translate(Reset(0.0, OSC)), Order.PARK) == {0: 0.0}
    assert Order.PARK not in {command.order for command in alone.translate(Reset(0.0, OSC))}


@pytest.mark.parametrize("source", ["osc:127.0.0.1", "osc:127.0.0.1:5000", "continuation"])
def test_what_has_no_channel_reaches_every_voice(source):
    pair = voices("a:channel=2", "b:channel=3,low=60")
    assert notes(pair.translate(NoteOn(0.0, source, 0, 64, 90))) == [(0, "strike", 64), (1, "strike", 64)]
    assert notes(pair.translate(NoteOff(0.0, source, 0, 64))) == [(0, "release", 64), (1, "release", 64)]
    assert notes(pair.translate(NoteOn(0.0, source, 0, 50, 90))) == [(0, "strike", 50)]


def test_a_voice_that_the_player_muted_makes_no_room():
    trio = voices("a", "b:mute=1", "c")
    assert trio.spare(2) == []
    assert trio.spare(1) == [Command(Order.PARK, value=1.0, voice=2)]
