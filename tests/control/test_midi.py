"""Which ports are opened and what happens when they go: against MIDI systems made of plain Python."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from livewave import DeviceError
from livewave.control import midi
from livewave.control.events import EventQueue, MessagesLost, NoteOff, NoteOn, SourceLost
from livewave.control.midi import MidiInputs, RtMidiPorts, list_ports
from livewave.control.midi_jack import MidiUnavailable
from livewave.sound.realtime import NOTE_PRIORITY


class FakeError(Exception):
    pass


class FakeMidiIn:
    """As much of rtmidi.MidiIn as livewave uses, on ports that tests plug and pull."""

    plugged: list[str] = []
    virtual_ports = True
    opened: list[FakeMidiIn] = []

    def __init__(self, api: int, name: str, queue_size_limit: int) -> None:
        self.port = self.callback = None
        self.waiting: list[list[int]] = []

    def ignore_types(self, **_kinds: bool) -> None: ...

    def get_ports(self) -> list[str]:
        return list(self.plugged)

    def set_callback(self, callback) -> None:
        self.callback = callback

    def cancel_callback(self) -> None:
        self.callback = None

    def open_port(self, number: int, name: str) -> None:
        self.port = self.plugged[number]
        self.opened.append(self)

    def open_virtual_port(self, name: str) -> None:
        if not self.virtual_ports:
            raise FakeError("this API has no virtual ports")
        self.port = name
        self.opened.append(self)

    def close_port(self) -> None:
        self.port = None

    def delete(self) -> None: ...

    def get_message(self):
        return (self.waiting.pop(0), 0.0) if self.waiting else None


FAKE = SimpleNamespace(
    MidiIn=FakeMidiIn,
    RtMidiError=FakeError,
    API_LINUX_ALSA=2,
    API_MACOSX_CORE=1,
    API_WINDOWS_MM=4,
    API_UNIX_JACK=3,
    get_compiled_api=lambda: [1, 3],
)


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[tuple[int, int]]:
    """The threads that asked for priority, and for which."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(midi, "ask_for_priority", lambda priority, inherited: asked.append((threading.get_native_id(), priority)))
    return asked


@pytest.fixture(autouse=True)
def fake_system(monkeypatch) -> None:
    def no_jack(_name: str):
        raise MidiUnavailable("no JACK server is running")

    monkeypatch.setattr(midi, "load_rtmidi", lambda: FAKE)
    monkeypatch.setattr(midi, "_open_jack", no_jack)
    monkeypatch.setattr(FakeMidiIn, "plugged", ["Keystation 61 MIDI 1", "Launchpad X"])
    monkeypatch.setattr(FakeMidiIn, "opened", [])
    monkeypatch.setattr(FakeMidiIn, "virtual_ports", True)


def started(*wanted: str) -> tuple[MidiInputs, EventQueue]:
    queue = EventQueue()
    inputs = MidiInputs(queue, wanted)
    inputs.start()
    return inputs, queue


def test_a_port_is_chosen_by_part_of_its_name_in_any_case() -> None:
    inputs, queue = started("launch")
    FakeMidiIn.opened[0].callback(([0x90, 60, 100], 0.0), None)
    inputs.close()
    (event,) = queue.drain()
    assert (type(event), event.source, event.pitch) == (NoteOn, "midi:launch", 60)
    assert inputs.opened == ["Launchpad X"]


def test_each_thread_that_calls_asks_for_priority_once(asked) -> None:
    inputs, queue = started("launch")
    call = FakeMidiIn.opened[0].callback
    for _ in range(3):
        call(([0x90, 60, 100], 0.0), None)
    assert asked == [(threading.get_native_id(), NOTE_PRIORITY)]
    other = threading.Thread(target=call, args=(([0x80, 60, 0], 0.0), None))
    other.start()
    other.join()
    inputs.close()
    assert len(asked) == 2 and len(queue.drain()) == 4


def test_several_ports_are_heard_as_several_sources() -> None:
    inputs, queue = started("keystation", "launchpad", "virtual")
    for opened in FakeMidiIn.opened:
        opened.callback(([0x90, 60, 100], 0.0), None)
    inputs.close()
    assert [event.source for event in queue.drain()] == ["midi:keystation", "midi:launchpad", "midi:livewave"]
    assert inputs.opened == ["Keystation 61 MIDI 1", "Launchpad X", "livewave"]


def test_an_unknown_port_is_an_error_that_names_what_exists() -> None:
    with pytest.raises(DeviceError, match="'Theremin' is not there; there are: Keystation 61 MIDI 1, Launchpad X"):
        started("Theremin")


def test_an_unknown_port_where_there_is_none_says_what_to_do(monkeypatch) -> None:
    monkeypatch.setattr(FakeMidiIn, "plugged", [])
    with pytest.raises(DeviceError, match="use --midi virtual or none"):
        started("Theremin")


def test_no_midi_at_all_is_a_warning_when_no_port_was_named(monkeypatch) -> None:
    monkeypatch.setattr(FakeMidiIn, "virtual_ports", False)
    inputs, _queue = started("virtual")
    inputs.close()
    assert inputs.opened == []
    assert inputs.warnings == [
        "no MIDI: no JACK server is running; a virtual port cannot be opened: this API has no virtual ports"
    ]


def test_none_opens_nothing() -> None:
    inputs, _queue = started("none")
    inputs.close()
    assert FakeMidiIn.opened == [] and inputs.warnings == []


def test_a_port_that_is_pulled_is_lost_once_and_opened_again_when_it_is_back() -> None:
    inputs, queue = started("launch")
    inputs._stop.set()
    inputs._watcher.join()
    FakeMidiIn.plugged.remove("Launchpad X")
    for _ in range(3):
        inputs._rescan()
    (lost,) = queue.drain()
    assert (type(lost), lost.source) == (SourceLost, "midi:launch")
    FakeMidiIn.plugged.append("Launchpad X")
    inputs._rescan()
    FakeMidiIn.opened[-1].callback(([0x90, 62, 1], 0.0), None)
    inputs.close()
    assert [event.pitch for event in queue.drain()] == [62]
    assert len(FakeMidiIn.opened) == 2


def test_a_driver_that_raises_is_counted_and_stops_nothing(monkeypatch) -> None:
    inputs, queue = started("launch")
    inputs._stop.set()
    inputs._watcher.join()

    def broken(_self: FakeMidiIn) -> list[str]:
        raise FakeError("the sequencer has gone")

    monkeypatch.setattr(FakeMidiIn, "get_ports", broken)
    inputs._rescan()
    inputs.close()
    assert inputs.refused == 1 and queue.drain() == []


def test_messages_that_nobody_read_in_time_end_what_their_ports_hold_once(monkeypatch, caplog) -> None:
    inputs, queue = started("launch", "keystation")
    inputs._stop.set()
    inputs._watcher.join()
    for dropped in (0, 3, 3, 0):  # the last: a server that came back
        monkeypatch.setattr(RtMidiPorts, "missed", dropped)
        inputs._look_for_missed()
    inputs.close()
    assert [(type(event), event.source) for event in queue.drain()] == [
        (SourceLost, "midi:launch"), (SourceLost, "midi:keystation")]
    assert "3 messages came faster" in caplog.records[0].getMessage()


def test_an_empty_packet_says_that_others_may_be_lost() -> None:
    inputs, queue = started("launch")
    for packet in ([0x90, 62, 1], [], [0x80, 62, 0]):
        FakeMidiIn.opened[0].callback((packet, 0.0), None)
    inputs.close()
    assert [type(event) for event in queue.drain()] == [NoteOn, MessagesLost, NoteOff]
    assert inputs.refused == 0


def test_garbage_from_a_port_is_counted() -> None:
    inputs, queue = started("launch")
    FakeMidiIn.opened[0].callback(([1, 2, 3], 0.0), None)
    inputs.close()
    assert inputs.refused == 1 and queue.drain() == []


def test_a_sender_whose_active_sensing_stops_is_lost() -> None:
    inputs, queue = started("launch")
    FakeMidiIn.opened[0].callback(([0xFE], 0.0), None)
    assert queue.wait(20.0)
    inputs.close()
    assert [type(event) for event in queue.drain()] == [SourceLost]


def test_on_jack_rtmidi_is_polled_and_never_calls_back() -> None:
    heard = []
    ports = RtMidiPorts("livewave", on_jack=True)
    port = ports.open(None, lambda packet, at_s: heard.append(packet))
    FakeMidiIn.opened[0].waiting += [[0x90, 60, 1], [0x90, 61, 1]]
    port.poll()
    ports.close()
    assert FakeMidiIn.opened[0].callback is None
    assert sorted(heard) == [[0x90, 60, 1], [0x90, 61, 1]]


def test_ports_are_listed() -> None:
    assert list_ports() == ["Keystation 61 MIDI 1", "Launchpad X"]
