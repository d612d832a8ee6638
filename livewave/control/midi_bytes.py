"""MIDI bytes -> events: one table of the messages of MIDI 1.0, and a parser that survives anything.

A port hands over whole messages. Several in one packet and running status inside it are understood too; what cannot be
is counted. Source: MIDI 1.0 Detailed Specification, tables I to VI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livewave.control.complaints import Complaints
from livewave.control.events import Control, Event, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, ClockMessage

# The specification says 300 ms; a sender may be a tenth late.
SENSING_TIMEOUT_S = 0.33

_SYSEX, _SYSEX_END, _REAL_TIME, _SENSING = 0xF0, 0xF7, 0xF8, 0xFE


def _note_on(at_s: float, source: str, channel: int, pitch: int, velocity: int) -> Event:
    return NoteOn(at_s, source, channel, pitch, velocity) if velocity else NoteOff(at_s, source, channel, pitch)


def _note_off(at_s: float, source: str, channel: int, pitch: int, _velocity: int) -> Event:
    return NoteOff(at_s, source, channel, pitch)


def _pitch_bend(at_s: float, source: str, channel: int, low: int, high: int) -> Event:
    return PitchBend(at_s, source, channel, (high << 7 | low) - 8192)


def _position(at_s: float, source: str, low: int, high: int) -> Event:
    return ClockMessage(at_s, source, "position", high << 7 | low)


def _transport(kind: str) -> Callable[[float, str], Event]:
    return lambda at_s, source: ClockMessage(at_s, source, kind)


@dataclass(frozen=True, slots=True)
class Message:
    """One row: how many data bytes follow the status, and what the message becomes (None: understood, not used)."""

    data_bytes: int
    event: Callable[..., Event] | None


MESSAGES = {
    0x80: Message(2, _note_off),
    0x90: Message(2, _note_on),
    0xA0: Message(2, None),  # polyphonic aftertouch
    0xB0: Message(2, Control),
    0xC0: Message(1, ProgramChange),
    0xD0: Message(1, None),  # channel aftertouch
    0xE0: Message(2, _pitch_bend),
    0xF1: Message(1, None),  # time code
    0xF2: Message(2, _position),
    0xF3: Message(1, None),  # song select
    0xF6: Message(0, None),  # tune request
    0xF8: Message(0, _transport("clock")),
    0xFA: Message(0, _transport("start")),
    0xFB: Message(0, _transport("continue")),
    0xFC: Message(0, _transport("stop")),
    0xFE: Message(0, None),  # active sensing
    0xFF: Message(0, Panic),  # system reset
}


class MidiBytes:
    """The parser of one port. Thread: the one that receives from it; `silent` may be asked by another."""

    def __init__(self, source: str, complaints: Complaints) -> None:
        self.source = source
        self.skipped = 0  # system exclusive messages
        self._complaints = complaints
        self._heard_s: float | None = None  # when the last packet came, once the sender promised active sensing

    def parse(self, packet: Sequence[int], at_s: float) -> list[Event]:
        """The events of one packet, all at `at_s`. Never raises."""
        if self._heard_s is not None:
            self._heard_s = at_s
        events: list[Event] = []
        status, place = None, 0
        while place < len(packet):
            if packet[place] >= 0x80:
                status, place = packet[place], place + 1
            if status == _SYSEX:
                place, status = _after_sysex(packet, place), None
                self.skipped += 1
                continue
            taken = self._message(status, packet, place, at_s, events)
            if taken is None:
                self._complaints.add(f"{self.source}: not a MIDI message: {bytes(packet[:16]).hex(' ')}")
                place, status = _next_status(packet, place), None
                continue
            place += taken
            if status >= _SYSEX:
                status = None
        return events

    def silent(self, now_s: float) -> bool:
        """True once when a sender that promised active sensing has stopped: its cable is out."""
        if self._heard_s is None or now_s - self._heard_s < SENSING_TIMEOUT_S:
            return False
        self._heard_s = None
        return True

    def _message(
        self, status: int | None, packet: Sequence[int], place: int, at_s: float, events: list[Event]
    ) -> int | None:
        """Append the event of the message whose data begin at `place`; how many data bytes it has, or None."""
        if status is None:
            return None
        message = MESSAGES.get(status if status >= _SYSEX else status & 0xF0)
        if message is None:
            return None
        data = packet[place : place + message.data_bytes]
        if len(data) < message.data_bytes or any(byte >= 0x80 for byte in data):
            return None
        if status == _SENSING:
            self._heard_s = at_s
        elif message.event is not None:
            channel = () if status >= _SYSEX else (status & 0x0F,)
            events.append(message.event(at_s, self.source, *channel, *data))
        return message.data_bytes


def _next_status(packet: Sequence[int], place: int) -> int:
    while place < len(packet) and packet[place] < 0x80:
        place += 1
    return place


def _after_sysex(packet: Sequence[int], place: int) -> int:
    while place < len(packet) and (packet[place] < 0x80 or packet[place] >= _REAL_TIME):
        place += 1
    return place + 1 if place < len(packet) and packet[place] == _SYSEX_END else place
