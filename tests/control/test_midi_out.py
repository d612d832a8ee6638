"""Where generated notes go: ports of plain Python that are plugged and pulled, and a real JACK server with the dummy driver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from tests.control.test_midi import FAKE, FakeError, FakeMidiIn
from tests.realtime.jackd import NoJack, end, jack_process, launch

from livewave import DeviceError
from livewave.control import midi_out
from livewave.control.events import EventQueue
from livewave.control.midi import MidiInputs
from livewave.control.midi_jack import MidiUnavailable
from livewave.control.midi_out import MidiOut, list_targets

ON, OFF = (0x90, 60, 100), (0x80, 60, 0)
PATIENCE_S = 20.0


class FakeMidiOut:
    """As much of rtmidi.MidiOut as livewave uses, on ports that tests plug and pull."""

    plugged: list[str] = []
    virtual_ports = True
    sent: list[tuple[str, tuple[int, ...]]] = []
    alive = 0

    def __init__(self, api: int, name: str) -> None:
        self.port: str | None = None
        FakeMidiOut.alive += 1

    def get_ports(self) -> list[str]:
        return list(self.plugged)

    def open_port(self, number: int, name: str) -> None:
        self.port = self.plugged[number]

    def open_virtual_port(self, name: str) -> None:
        if not self.virtual_ports:
            raise FakeError("this API has no virtual ports")
        self.port = name

    def send_message(self, packet) -> None:
        if self.port not in (*self.plugged, "midi_out"):
            raise FakeError("no such port")
        self.sent.append((self.port, tuple(packet)))

    def close_port(self) -> None:
        self.port = None

    def delete(self) -> None:
        FakeMidiOut.alive -= 1


@pytest.fixture
def fakes(monkeypatch) -> None:
    def no_jack(_name: str):
        raise MidiUnavailable("no JACK server is running")

    fake = SimpleNamespace(**{**vars(FAKE), "MidiOut": FakeMidiOut, "MidiIn": FakeMidiIn, "get_compiled_api": lambda: [1]})
    monkeypatch.setattr(midi_out, "load_rtmidi", lambda: fake)
    monkeypatch.setattr(midi_out, "Server", no_jack)
    monkeypatch.setattr(FakeMidiOut, "plugged", ["Synth MIDI 1", "DAW in", "livewave:livewave 128:0"])
    monkeypatch.setattr(FakeMidiOut, "sent", [])
    monkeypatch.setattr(FakeMidiOut, "virtual_ports", True)
    monkeypatch.setattr(FakeMidiOut, "alive", 0)


def started(wanted: str, mine: tuple[str, ...] = ()) -> MidiOut:
    out = MidiOut(wanted)
    out.start(mine)
    return out


def test_a_port_is_chosen_by_part_of_its_name_in_any_case(fakes) -> None:
    out = started("daw")
    assert out.opened == ["DAW in"] and out.send(ON)
    out.close()
    assert FakeMidiOut.sent == [("DAW in", ON)] and FakeMidiOut.alive == 0


def test_an_unknown_port_is_an_error_that_names_what_exists(fakes) -> None:
    with pytest.raises(DeviceError, match="'Theremin' is not there; there are: Synth MIDI 1, DAW in"):
        started("Theremin")
    assert FakeMidiOut.alive == 0


def test_our_own_port_in_is_no_target_or_it_would_hear_itself(fakes) -> None:
    with pytest.raises(DeviceError, match="not there"):
        started("livewave")
    with pytest.raises(DeviceError, match="not there"):
        started("synth", mine=("Synth MIDI 1",))


def test_none_opens_nothing_and_sends_nothing(fakes) -> None:
    out = started("none")
    assert not out.send(ON) and not out.follow() and out.opened == out.warnings == []
    out.close()
    assert FakeMidiOut.alive == 0


def test_no_midi_at_all_is_a_warning_when_no_port_was_named(fakes, monkeypatch) -> None:
    monkeypatch.setattr(FakeMidiOut, "virtual_ports", False)
    out = started("virtual")
    assert out.opened == [] and not out.send(ON)
    assert "no MIDI out: " in out.warnings[0] and "no virtual ports" in out.warnings[0]


def test_a_port_that_is_pulled_is_said_once_and_opened_again_when_it_is_back(fakes, caplog) -> None:
    out = started("daw")
    FakeMidiOut.plugged.remove("DAW in")
    assert [out.follow() for _ in range(3)] == [False] * 3
    assert not out.send(ON)
    FakeMidiOut.plugged.append("DAW in")
    assert [out.follow() for _ in range(3)] == [True, False, False]
    assert out.send(OFF)
    assert FakeMidiOut.sent == [("DAW in", OFF)]
    assert [record.getMessage() for record in caplog.records] == ["MIDI out port DAW in has gone", "MIDI out port DAW in is back"]
    out.close()
    assert FakeMidiOut.alive == 0


def test_a_driver_that_raises_is_counted_and_stops_nothing(fakes, monkeypatch, caplog) -> None:
    out = started("daw")
    FakeMidiOut.plugged.remove("DAW in")
    assert not out.send(ON)
    monkeypatch.setattr(FakeMidiOut, "get_ports", lambda _: 1 / 0)
    assert not out.follow()
    assert "no such port" in caplog.text


def test_targets_are_listed_without_our_own_and_nothing_stays_open(fakes) -> None:
    assert list_targets() == ["Synth MIDI 1", "DAW in"]
    assert FakeMidiOut.alive == 0


# on JACK


@pytest.fixture
def server() -> Iterator[tuple]:
    try:
        with jack_process(period=128, rate=48_000) as process:
            yield process
    except NoJack as reason:
        pytest.skip(str(reason))


class Recorder:
    """A JACK client whose in-port keeps what it hears: a port of rtmidi's, since Python may not run in JACK's thread."""

    def __init__(self, name: str = "recorder") -> None:
        import rtmidi

        self.midi = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=name)
        self.midi.open_virtual_port("in")

    def heard(self, count: int) -> list[tuple[int, ...]]:
        packets: list[tuple[int, ...]] = []

        def more() -> bool:
            message = self.midi.get_message()
            if message:
                packets.append(tuple(message[0]))
            return len(packets) >= count

        until(more)
        return packets

    def close(self) -> None:
        self.midi.delete()


def until(condition: Callable[[], object]) -> bool:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.jack
def test_a_named_port_on_jack_hears_notes_is_lost_and_heard_again(server) -> None:
    recorder = Recorder()
    out = MidiOut("RECORD")
    out.start()
    assert out.opened == ["recorder:in"]
    assert out.send(ON) and out.send(OFF)
    assert recorder.heard(2) == [ON, OFF]
    recorder.close()
    assert not out.follow() and not out.send(ON)
    recorder = Recorder()
    assert until(out.follow)
    assert out.send(ON)
    assert recorder.heard(1) == [ON]
    out.close()
    recorder.close()


@pytest.mark.jack
def test_a_port_of_ours_on_jack_is_there_to_be_connected_beside_our_port_in(server) -> None:
    import jack

    inputs = MidiInputs(EventQueue())
    inputs.start()
    out, recorder, client = MidiOut("virtual"), Recorder(), jack.Client("patchbay", no_start_server=True)
    out.start(inputs.opened)
    assert out.opened == ["livewave-out:midi_out"] and inputs.opened == ["livewave:midi_in"]
    client.connect(out.opened[0], "recorder:in")
    assert out.send(ON)
    assert recorder.heard(1) == [ON]
    assert "recorder:in" in list_targets() and "livewave:midi_in" not in list_targets()
    client.close()
    out.close()
    inputs.close()
    recorder.close()


@pytest.mark.jack
def test_a_server_that_dies_and_comes_back_finds_the_port_out_again(server) -> None:
    name, process = server
    out = MidiOut("virtual")
    out.start()
    end(process)
    assert until(lambda: not out.follow() and not out.send(ON))
    again = launch(name, ["-r"], 128, 48_000)
    assert until(out.follow)
    import jack

    recorder, client = Recorder(), jack.Client("patchbay", no_start_server=True)
    client.connect("livewave-out:midi_out", "recorder:in")
    assert out.send(ON)
    assert recorder.heard(1) == [ON]
    client.close()
    out.close()
    recorder.close()
    end(again)
