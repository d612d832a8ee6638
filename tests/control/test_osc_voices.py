from __future__ import annotations

import pytest

from livewave import voicing
from livewave.control.events import Control, NoteOff, NoteOn, Panic, RollSet, Setting, ToVoice
from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_voices import MOST_VOICES, PAN, ROWS, SAME, TRANSPOSE, addresses_of, voice_table

HERE = ("127.0.0.1", 5000)


def event(path: str, *values: object) -> ToVoice:
    row = addresses_of(3)[path]
    return row.event(1.5, "osc:here", HERE, *row.fit(values))


def test_the_limits_are_those_of_the_configuration():
    assert MOST_VOICES == voicing.MOST_VOICES
    assert voicing.LIMITS["pan"][:2] == PAN and voicing.LIMITS["transpose"][:2] == TRANSPOSE


@pytest.mark.parametrize("path, values, inner", [
    ("/livewave/voice/1/note", (60, 90), NoteOn(1.5, "osc:here", 0, 60, 90)),
    ("/livewave/voice/2/note", (60, 0), NoteOff(1.5, "osc:here", 0, 60)),
    ("/livewave/voice/3/roll", (bytes(16),), RollSet(1.5, "osc:here", bytes(16))),
    ("/livewave/voice/1/sustain", (1,), Control(1.5, "osc:here", 0, 64, 127)),
    ("/livewave/voice/2/panic", (), Panic(1.5, "osc:here")),
    ("/livewave/voice/2/gain", (-6,), Setting(1.5, "osc:here", "gain_db", -6.0, HERE)),
    ("/livewave/voice/2/pan", (0.5,), Setting(1.5, "osc:here", "pan", 0.5, HERE)),
    ("/livewave/voice/2/mute", (True,), Setting(1.5, "osc:here", "mute", 1, HERE)),
    ("/livewave/voice/2/transpose", (-12,), Setting(1.5, "osc:here", "transpose", -12, HERE)),
    ("/livewave/voice/2/model", ("cello",), Setting(1.5, "osc:here", "model", "cello", HERE)),
])
def test_what_is_said_to_a_voice_is_for_that_one(path, values, inner):
    number = int(path.split("/")[3])
    assert event(path, *values) == ToVoice(1.5, "osc:here", number - 1, inner)


def test_a_voice_takes_what_all_together_take_and_refuses_it_alike():
    rows = addresses_of(2)
    for verb in SAME:
        own, shared = rows[f"/livewave/voice/2/{verb}"], ADDRESSES[f"/livewave/{verb}"]
        assert (own.arguments, own.check) == (shared.arguments, shared.check)
    with pytest.raises(ValueError, match="path"):
        event("/livewave/voice/1/model", "../net.onnx")
    with pytest.raises(ValueError, match="-1..1"):
        event("/livewave/voice/1/pan", 3.0)


def test_there_are_addresses_for_the_voices_that_there_are():
    assert addresses_of(0) == {}
    assert len(addresses_of(16)) == 16 * len(ROWS)
    assert {path.split("/")[3] for path in addresses_of(4)} == {"1", "2", "3", "4"}


def test_the_manual_has_a_line_for_each():
    table = voice_table()
    assert all(f"| `{row.path}` |" in table for row in ROWS) and "/voice/N/gain" in table
