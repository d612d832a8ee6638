"""MIDI through a real JACK server with the dummy driver, and through our tap in its real-time thread."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest
from tests.realtime.jackd import NoJack, end, jack_process, launch

from livewave.control.events import EventQueue, MessagesLost, NoteOff, NoteOn, SourceLost
from livewave.control.midi import MidiInputs, RtMidiPorts, list_ports
from livewave.control.midi_jack import JackPort, JackPorts

pytestmark = pytest.mark.jack

RATE_HZ = 48_000
PATIENCE_S = 20.0


@pytest.fixture
def server() -> Iterator[tuple]:
    try:
        with jack_process(period=128, rate=RATE_HZ) as process:
            yield process
    except NoJack as reason:
        pytest.skip(str(reason))


class Player:
    """A JACK client that plays packets at given distances, and remembers the frame of each."""

    def __init__(self) -> None:
        import jack

        self.client = jack.Client("player", no_start_server=True)
        self.port = self.client.midi_outports.register("midi_out")
        self.frames: list[int] = []
        self.xruns = 0
        self._waiting: list[tuple[int, bytes]] = []
        self._next: int | None = None
        self.client.set_process_callback(self._process)
        self.client.set_xrun_callback(self._xrun)
        self.client.activate()

    def play(self, score: list[tuple[int, bytes]]) -> None:
        """(frames after the one before, packet)"""
        self.frames, self.xruns = [], 0
        self._next = self.client.frame_time + RATE_HZ // 10
        self._waiting = list(score)

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def _process(self, frames: int) -> None:
        start = self.client.last_frame_time
        self.port.clear_buffer()
        while self._waiting and self._next + self._waiting[0][0] < start + frames:
            distance, packet = self._waiting.pop(0)
            self._next = max(self._next + distance, start)
            self.port.write_midi_event(self._next - start, packet)
            self.frames.append(self._next)

    def _xrun(self, _delayed_us: float) -> None:
        self.xruns += 1


@pytest.fixture
def player(server) -> Iterator[Player]:
    player = Player()
    yield player
    player.close()


@contextmanager
def listening(*wanted: str) -> Iterator[MidiInputs]:
    inputs = MidiInputs(EventQueue(), wanted)
    inputs.start()
    try:
        yield inputs
    finally:
        inputs.close()


@contextmanager
def successor(name: str) -> Iterator[None]:
    """The next server of that name. Whether it answers is asked by others: a client that is opened in this process while
    another one is closed can crash libjack."""
    process = launch(name, ["-r"], 128, RATE_HZ)
    try:
        yield
    finally:
        end(process)


@pytest.fixture
def inputs(server) -> Iterator[MidiInputs]:
    with listening("virtual") as inputs:
        yield inputs


def collect(queue: EventQueue, count: int) -> list:
    """That many events, without word of cycles that the server skipped on a busy machine."""
    events, end_s = [], time.monotonic() + PATIENCE_S
    while len(events) < count and time.monotonic() < end_s:
        queue.wait(0.1)
        events += [event for event in queue.drain() if not isinstance(event, MessagesLost)]
    return events


def until(condition: Callable[[], object]) -> bool:
    end_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    return bool(condition())


def score(notes: int) -> list[tuple[int, bytes]]:
    return [(37 + 13 * number % 301, bytes((0x90, number % 128, 1 + number // 128))) for number in range(notes)]


def test_notes_keep_their_frames_and_their_order(inputs, player) -> None:
    player.client.connect(player.port, inputs.opened[0])
    for _ in range(5):
        player.play(score(250))
        assert until(lambda: not player._waiting)
        time.sleep(0.2)
        events = inputs._queue.drain()
        if player.xruns == 0 and not any(isinstance(event, MessagesLost) for event in events):
            break
    else:
        pytest.skip("the machine is too busy for a period without xruns")
    assert [(event.pitch, event.velocity) for event in events] == [(n % 128, 1 + n // 128) for n in range(250)]
    moments = [event.at_s - frame / RATE_HZ for event, frame in zip(events, player.frames)]
    steps_ms = [abs(b - a) * 1e3 for a, b in zip(moments, moments[1:])]
    assert statistics.median(steps_ms) < 0.2


def test_a_stamp_is_the_moment_of_its_frame_on_the_monotonic_clock(inputs, player) -> None:
    player.client.connect(player.port, inputs.opened[0])
    before_s = time.monotonic()
    player.play(score(3))
    events = collect(inputs._queue, 3)
    assert all(before_s < event.at_s < time.monotonic() + 0.1 for event in events)


def test_a_dense_burst_arrives_whole(inputs, player) -> None:
    player.client.connect(player.port, inputs.opened[0])
    chord = [(0, bytes((0x90, pitch, 100))) for pitch in range(128)]
    player.play(chord + [(0, bytes((0x80, pitch, 0))) for pitch in range(128)])
    events = collect(inputs._queue, 256)
    assert [event.pitch for event in events] == [*range(128), *range(128)]
    assert [type(event) for event in events] == [NoteOn] * 128 + [NoteOff] * 128
    assert inputs.dropped == 0


def test_system_exclusive_is_skipped_in_the_real_time_thread(inputs, player) -> None:
    player.client.connect(player.port, inputs.opened[0])
    player.play([(0, bytes((0xF0, *range(100), 0xF7))), (10, bytes((0x90, 60, 1)))])
    assert [event.pitch for event in collect(inputs._queue, 1)] == [60]
    assert inputs._systems[0].session.tap.skipped == 1


def test_a_named_port_is_connected_lost_and_connected_again(server, player) -> None:
    with listening("PLAYER:midi") as inputs:
        assert [port.name for port in player.client.get_all_connections(player.port)] == inputs.opened
        player.client.midi_outports.clear()
        (lost,) = collect(inputs._queue, 1)
        assert (type(lost), lost.source) == (SourceLost, "midi:PLAYER:midi")
        player.port = player.client.midi_outports.register("midi_out")
        assert until(lambda: player.client.get_all_connections(player.port))


def test_a_peer_that_leaves_the_virtual_port_releases_its_notes(inputs, player) -> None:
    player.client.connect(player.port, inputs.opened[0])
    player.play(score(1))
    collect(inputs._queue, 1)
    assert until(lambda: inputs._inputs[0][2]._peers)
    player.client.disconnect(player.port, inputs.opened[0])
    assert [type(event) for event in collect(inputs._queue, 1)] == [SourceLost]


def test_the_port_is_called_livewave_or_livewave_midi_when_that_name_is_taken(inputs, player) -> None:
    with listening("virtual") as second:
        assert inputs.opened == ["livewave:midi_in"]
        assert second.opened == ["livewave-midi:midi_in"]
    assert "player:midi_out" in list_ports()


def test_a_server_that_dies_and_comes_back_finds_the_port_again(server) -> None:
    name, process = server
    with listening("virtual") as inputs:
        end(process)
        assert until(lambda: inputs._systems[0].session.dead)
        with successor(name):
            assert until(lambda: not inputs._systems[0].session.dead)
            player = Player()
            assert until(lambda: player.client.get_ports("livewave:midi_in"))
            player.client.connect(player.port, "livewave:midi_in")
            player.play(score(3))
            assert len(collect(inputs._queue, 3)) == 3
            player.close()


KEYBOARDS = """
import sys
import time
import jack

for _ in range(200):
    try:
        client = jack.Client("keyboards", use_exact_name=True, no_start_server=True)
        break
    except jack.JackOpenError:
        time.sleep(0.1)
ports = [client.midi_outports.register(name) for name in ("upper", "lower")]
struck = []

@client.set_process_callback
def process(frames):
    for pitch, port in enumerate(ports, 60):
        port.clear_buffer()
        if struck:
            port.write_midi_event(0, bytes((0x90, pitch, 100)))
    struck.clear()

client.activate()
for line in sys.stdin:  # every line strikes a key of each
    struck.append(line)
"""


@contextmanager
def keyboards() -> Iterator[Callable[[], None]]:
    """Two MIDI keyboards on the server, as a process of their own that a server's death cannot hurt. Gives what plays them."""
    process = subprocess.Popen([sys.executable, "-c", KEYBOARDS], stdin=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)

    def strike() -> None:
        process.stdin.write("\n")
        process.stdin.flush()

    try:
        yield strike
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def struck(inputs: MidiInputs, strike: Callable[[], None]) -> bool:
    """Wait until a key of each keyboard is heard, each as its own source."""
    def heard() -> bool:
        strike()
        inputs._queue.wait(0.1)
        return {(event.source, event.pitch) for event in inputs._queue.drain() if isinstance(event, NoteOn)} == {
            ("midi:keyboards:upper", 60), ("midi:keyboards:lower", 61)}

    return until(heard)


def test_after_a_server_was_killed_every_named_port_releases_its_notes_and_plays_again_on_the_next_one(server) -> None:
    name, process = server
    with ExitStack() as stack:
        with keyboards():
            assert until(lambda: {"keyboards:upper", "keyboards:lower"} <= set(list_ports()))
            inputs = stack.enter_context(listening("virtual", "keyboards:upper", "keyboards:lower"))
        with keyboards() as strike:
            assert struck(inputs, strike)
            process.kill()
            process.wait()
            assert {event.source for event in collect(inputs._queue, 2)} == {"midi:keyboards:upper", "midi:keyboards:lower"}
        with successor(name), keyboards() as strike:
            assert struck(inputs, strike)


def test_a_source_that_came_back_between_two_looks_is_connected_again_and_one_taken_off_by_hand_is_not(server, request) -> None:
    heard: list[bytes] = []
    ports = JackPorts("livewave")
    request.addfinalizer(ports.close)

    def looked() -> bool:
        names = ports.names()
        if "keyboards:upper" not in names:
            return False
        try:
            port.follow(names)
        except ports.session.error:  # its client is not active yet
            return False
        return port._peers == {"keyboards:upper"}

    def played() -> bool:
        strike()
        return bytes((0x90, 60, 100)) in heard

    with keyboards():
        assert until(lambda: "keyboards:upper" in ports.names())
        port = ports.open("keyboards:upper", lambda packet, _at_s: heard.append(packet))
        assert until(looked)
    assert until(lambda: "keyboards:upper" not in ports.names())
    with keyboards() as strike:
        assert until(looked)
        assert until(played)
        ports.session.client.disconnect("keyboards:upper", port.name)
        assert port.follow(ports.names()) and not port.follow(ports.names())
        assert port._peers == set()


def test_what_was_connected_by_hand_is_connected_again_on_the_next_server(server) -> None:
    name, process = server
    with listening("virtual") as inputs:
        client, port = inputs._systems[0].session.client, inputs._inputs[0][2]
        with keyboards():
            assert until(lambda: "keyboards:upper" in list_ports())
            client.connect("keyboards:upper", port.name)
            assert until(lambda: port._peers)
            process.kill()
            process.wait()
            assert [event.source for event in collect(inputs._queue, 1)] == ["midi:livewave"]
        with successor(name), keyboards():
            assert until(lambda: port._peers == {"keyboards:upper"})


def test_rtmidi_on_jack_hears_the_same_notes(server) -> None:
    import rtmidi

    heard = []
    ports = RtMidiPorts("rtmidi", on_jack=True)
    ports.open(None, lambda packet, at_s: heard.append(list(packet)))
    # a Python callback of JACK-Client here would wait for the GIL that rtmidi holds while it waits for the server
    player = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="player")
    there = player.get_ports()
    player.open_port(next(number for number, name in enumerate(there) if name.startswith("rtmidi")))
    player.send_message([0x90, 60, 100])
    assert until(lambda: heard)
    player.delete()
    ports.close()
    assert heard == [[0x90, 60, 100]]


def test_a_port_that_refuses_at_first_is_asked_again() -> None:
    """By itself, with a client of ours: a server refuses one that it has only just got."""
    class Client:
        def __init__(self) -> None:
            self.peers, self.refuses = [], True

        def get_uuid_for_client_name(self, _name: str) -> str:
            raise RuntimeError("no identities here")

        def get_all_connections(self, _port: object) -> list[SimpleNamespace]:
            return [SimpleNamespace(name=name) for name in self.peers]

        def connect(self, name: str, _port: object) -> None:
            if self.refuses:
                self.refuses = False
                raise RuntimeError("not yet")
            self.peers.append(name)

    session = SimpleNamespace(dead=False, client=Client(), error=RuntimeError, register=lambda name, receive: SimpleNamespace(name=name))
    port = JackPort(SimpleNamespace(session=session), "midi_in", None, lambda *_: None)
    session.client.peers = ["keyboards:upper"]
    assert not port.follow(["keyboards:upper"])
    session.dead = True
    assert port.follow([])
    session.dead, session.client.peers = False, []
    with pytest.raises(RuntimeError):
        port.follow(["keyboards:upper"])
    assert not port.follow(["keyboards:upper"]) and session.client.peers == ["keyboards:upper"]
    assert not port.follow(["keyboards:upper"]) and session.client.peers == ["keyboards:upper"]


def test_a_server_that_does_not_answer_is_left_behind(server):
    _, process = server
    ports = JackPorts("livewave-test")
    closing = threading.Thread(target=ports.close, daemon=True)
    process.send_signal(signal.SIGSTOP)
    try:
        closing.start()
        closing.join(PATIENCE_S)
        assert not closing.is_alive()
    finally:
        process.send_signal(signal.SIGCONT)
