from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.complaints import Complaints
from livewave.control.events import Control, Event, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, ClockMessage
from livewave.control.midi_bytes import SENSING_TIMEOUT_S, MidiBytes

SOURCE = "midi:test"


def parser() -> MidiBytes:
    return MidiBytes(SOURCE, Complaints(logging.getLogger("test")))


@pytest.mark.parametrize(
    ("packet", "event"),
    [
        ([0x90, 60, 100], NoteOn(1.0, SOURCE, 0, 60, 100)),
        ([0x9F, 127, 1], NoteOn(1.0, SOURCE, 15, 127, 1)),
        ([0x90, 60, 0], NoteOff(1.0, SOURCE, 0, 60)),
        ([0x81, 60, 64], NoteOff(1.0, SOURCE, 1, 60)),
        ([0xB2, 64, 127], Control(1.0, SOURCE, 2, 64, 127)),
        ([0xC3, 5], ProgramChange(1.0, SOURCE, 3, 5)),
        ([0xE0, 0, 0], PitchBend(1.0, SOURCE, 0, -8192)),
        ([0xE0, 0, 64], PitchBend(1.0, SOURCE, 0, 0)),
        ([0xE0, 127, 127], PitchBend(1.0, SOURCE, 0, 8191)),
        ([0xF2, 1, 2], ClockMessage(1.0, SOURCE, "position", 257)),
        ([0xF8], ClockMessage(1.0, SOURCE, "clock")),
        ([0xFA], ClockMessage(1.0, SOURCE, "start")),
        ([0xFB], ClockMessage(1.0, SOURCE, "continue")),
        ([0xFC], ClockMessage(1.0, SOURCE, "stop")),
        ([0xFF], Panic(1.0, SOURCE)),
    ],
)
@pytest.mark.parametrize("kind", [list, bytes])
def test_every_message_becomes_its_event(packet: list[int], event: Event, kind: type) -> None:
    assert parser().parse(kind(packet), 1.0) == [event]


@pytest.mark.parametrize("packet", [[0xA0, 60, 1], [0xD0, 1], [0xF1, 1], [0xF3, 1], [0xF6], [0xFE], []])
def test_messages_that_are_not_used_are_no_garbage(packet: list[int]) -> None:
    midi = parser()
    assert midi.parse(packet, 1.0) == []
    assert midi._complaints.count == 0


def test_several_messages_and_running_status_in_one_packet_are_understood() -> None:
    events = parser().parse([0x90, 60, 1, 62, 2, 0xF8, 0x80, 60, 0], 0.0)
    assert events == [
        NoteOn(0.0, SOURCE, 0, 60, 1),
        NoteOn(0.0, SOURCE, 0, 62, 2),
        ClockMessage(0.0, SOURCE, "clock"),
        NoteOff(0.0, SOURCE, 0, 60),
    ]


def test_system_exclusive_is_skipped_with_all_that_is_in_it() -> None:
    midi = parser()
    assert midi.parse([0xF0, 1, 2, 0xF8, 3, 0xF7, 0x90, 60, 9], 0.0) == [NoteOn(0.0, SOURCE, 0, 60, 9)]
    assert midi.parse([0xF0, 1, 2], 0.0) == []
    assert (midi.skipped, midi._complaints.count) == (2, 0)


@pytest.mark.parametrize(
    "garbage", [[60, 100], [0x90], [0x90, 60], [0x90, 0x90, 60], [0xF4], [0xF7], [0xFD, 1, 2], [0xE0, 200]]
)
def test_garbage_is_counted_and_what_follows_is_heard(garbage: list[int]) -> None:
    midi = parser()
    assert midi.parse(garbage, 0.0) == []
    assert midi._complaints.count >= 1
    assert midi.parse([0x90, 60, 9], 0.0) == [NoteOn(0.0, SOURCE, 0, 60, 9)]


@given(st.binary(max_size=64))
def test_no_bytes_raise_and_every_value_is_legal(packet: bytes) -> None:
    for event in parser().parse(packet, 0.0):
        if isinstance(event, (NoteOn, NoteOff)):
            assert 0 <= event.pitch <= 127 and 0 <= event.channel <= 15
        if isinstance(event, NoteOn):
            assert 1 <= event.velocity <= 127


def test_a_sender_that_promised_active_sensing_and_falls_silent_is_lost_once() -> None:
    midi = parser()
    assert not midi.silent(1_000.0)
    midi.parse([0xFE], 10.0)
    midi.parse([0x90, 60, 9], 10.2)
    assert not midi.silent(10.2 + SENSING_TIMEOUT_S - 0.01)
    assert midi.silent(10.2 + SENSING_TIMEOUT_S)
    assert not midi.silent(20.0)


def test_a_sender_without_active_sensing_may_be_silent_for_ever() -> None:
    midi = parser()
    midi.parse([0x90, 60, 9], 10.0)
    assert not midi.silent(10_000.0)
