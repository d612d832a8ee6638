"""OSC over TCP: framings by themselves, and a server with peers that are connected."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.tcp_client import SimpleTCPClient

from livewave.control import osc, osc_stream
from livewave.control.events import Event, EventQueue, NoteOff, NoteOn, SourceLost
from livewave.control.osc import OscServer
from livewave.control.osc_socket import bind
from livewave.control.osc_stream import MAX_CONNECTIONS, MAX_PACKET_BYTES, out_of_sizes, out_of_slip, sized, slip

PATIENCE_S = 20.0
FRAMINGS = {"slip": (slip, out_of_slip), "sizes": (sized, out_of_sizes)}
NOTE = build_msg("/livewave/note", [192, 219]).dgram  # no legal note: what SLIP escapes is in it
ON, OFF = (build_msg("/livewave/note", [67, velocity]).dgram for velocity in (100, 0))


# the framings


@pytest.mark.parametrize("framing", FRAMINGS)
@given(packets=st.lists(st.binary(min_size=1, max_size=40), max_size=6), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_packets_come_out_as_they_went_in_however_the_stream_is_cut(framing, packets, cuts):
    frame, unframe = FRAMINGS[framing]
    stream, gathered, found, at = b"".join(map(frame, packets)), bytearray(), [], 0
    while at < len(stream):
        step = cuts[at % len(cuts)]
        gathered += stream[at : at + step]
        found += unframe(gathered)
        at += step
    assert found == packets and not gathered


def test_slip_is_read_with_one_end_between_packets_and_with_many():
    escaped = slip(NOTE).strip(osc_stream.END)
    assert b"\xdb\xdc" in escaped and b"\xdb\xdd" in escaped
    stream = bytearray(escaped + osc_stream.END + escaped + 5 * osc_stream.END + escaped + osc_stream.END)
    assert list(out_of_slip(stream)) == [NOTE, NOTE, NOTE]


@pytest.mark.parametrize("stream", [b"/a\xdb", b"/a\xdbx", b"\xdb\xdb\xdc"])
def test_an_escape_that_escapes_nothing_is_refused(stream):
    with pytest.raises(ValueError, match="escape"):
        list(out_of_slip(bytearray(stream + osc_stream.END)))


@pytest.mark.parametrize("size", [0, MAX_PACKET_BYTES + 1, 2**32 - 1])
def test_a_size_that_cannot_be_is_refused_before_anything_is_gathered_for_it(size):
    with pytest.raises(ValueError, match=str(size)):
        list(out_of_sizes(bytearray(struct.pack(">I", size))))


def test_a_packet_without_an_end_is_refused_when_it_is_too_long():
    with pytest.raises(ValueError, match="more than"):
        list(out_of_slip(bytearray(2 * MAX_PACKET_BYTES + 1)))


# the server


class Peer:
    """Connected to a server. Speaks one framing."""

    def __init__(self, server: OscServer, framing: str = "slip") -> None:
        self.frame, self._unframe = FRAMINGS[framing]
        self._gathered, self._packets = bytearray(), []
        self.socket = socket.create_connection(server.address, PATIENCE_S)
        self.source = f"osc:127.0.0.1:{self.socket.getsockname()[1]}"

    def send(self, address: str, *values: object) -> None:
        self.socket.sendall(self.frame(build_msg(address, list(values)).dgram))

    def receive(self) -> tuple[str, list]:
        while not self._packets:
            self._gathered += self.socket.recv(65_536)
            self._packets += self._unframe(self._gathered)
        message = OscMessage(self._packets.pop(0))
        return message.address, message.params

    def is_disconnected(self) -> bool:
        try:
            while self.socket.recv(65_536):
                pass
        except ConnectionError:
            pass
        return True

    def sync(self) -> None:
        self.send("/livewave/sync", 7)
        assert self.receive() == ("/livewave/synced", [7])


@pytest.fixture
def queue() -> EventQueue:
    return EventQueue()


@pytest.fixture
def server(queue: EventQueue) -> Iterator[OscServer]:
    server = OscServer(queue, port=0, status=lambda: {"model": "sine"})
    server.start()
    yield server
    server.close()


def events(queue: EventQueue, count: int) -> list[Event]:
    found, until_s = [], time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < until_s:
        queue.wait(0.02)
        found += queue.drain()
    assert len(found) == count
    return found


@pytest.mark.parametrize("framing", FRAMINGS)
def test_notes_and_questions_are_heard_and_answered_in_the_framing_of_the_peer(server, queue, framing):
    peer = Peer(server, framing)
    peer.send("/livewave/note", 67, 100)
    peer.send("/livewave/note", 67, 0)
    on, off = events(queue, 2)
    assert (type(on), on.source, on.pitch, on.velocity) == (NoteOn, peer.source, 67, 100) and isinstance(off, NoteOff)
    peer.send("/livewave/status")
    assert peer.receive() == ("/livewave/status.reply", ["model", "sine"])
    peer.send("/livewave/gain", 99.0)
    address, (what, why) = peer.receive()
    assert (address, what) == ("/livewave/fail", "/livewave/gain") and "99" in why


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_clients_of_python_osc_are_understood(server, queue, mode):
    client = SimpleTCPClient(*server.address, mode=mode)
    client.send_message("/livewave/note", [192 - 128, 100])
    assert [(event.pitch, event.velocity) for event in events(queue, 1)] == [(64, 100)]
    client.close()


def test_who_is_connected_is_told_what_goes_out_to_all_until_it_leaves(server):
    peer, other = Peer(server), Peer(server)
    peer.send("/livewave/notify", 1)
    assert peer.receive() == ("/livewave/done", ["/livewave/notify", 1])
    server.broadcast("/livewave/level", 0.5)
    assert peer.receive() == ("/livewave/level", [0.5])
    assert len(server.clients) == 1
    peer.socket.close()
    until_s = time.monotonic() + PATIENCE_S
    while server.clients and time.monotonic() < until_s:
        time.sleep(0.01)
    assert server.clients == []
    other.sync()


def test_a_peer_that_leaves_ends_its_notes_and_nobody_elses(server, queue):
    first, second = Peer(server), Peer(server)
    for peer in (first, second):
        peer.send("/livewave/note", 67, 100)
    events(queue, 2)
    first.socket.close()
    (lost,) = events(queue, 1)
    assert isinstance(lost, SourceLost) and lost.source == first.source != second.source
    second.sync()


@pytest.mark.parametrize("stream", [b"\xc0/a\xdbx\xc0", b"\0\0\0\0", b"\xff" * (2 * MAX_PACKET_BYTES + 2)])
def test_a_stream_that_is_none_is_disconnected_and_the_others_play_on(server, queue, stream):
    other, peer = Peer(server), Peer(server)
    peer.socket.sendall(stream)
    assert peer.is_disconnected()
    assert isinstance(events(queue, 1)[0], SourceLost)
    other.sync()
    assert server.refused >= 1


def test_a_malformed_packet_is_refused_and_the_connection_stays(server):
    peer = Peer(server)
    peer.socket.sendall(slip(b"/livewave/note\0\0,zz\0"))
    address, _ = peer.receive()
    assert address == "/livewave/fail"
    peer.sync()


def test_one_connection_too_many_is_sent_away_and_finds_room_when_another_has_left(server):
    peers = [Peer(server) for _ in range(MAX_CONNECTIONS)]
    for peer in peers:
        peer.sync()
    assert Peer(server).is_disconnected()
    peers[3].socket.close()
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        late = Peer(server)
        try:
            late.sync()
            break
        except (ConnectionError, AssertionError, IndexError):
            time.sleep(0.02)
    else:
        pytest.fail("no room for another peer")


def test_a_peer_that_takes_nothing_is_let_go_and_nobody_waits_for_it(server):
    slow, other = Peer(server), Peer(server)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.send("/livewave/notify", 1)
    assert slow.receive()[0] == "/livewave/done"
    until_s = time.monotonic() + PATIENCE_S
    while server.clients and time.monotonic() < until_s:
        server.broadcast("/livewave/notice", "x" * 60_000)
        other.sync()
    assert server.clients == [] and server.unsent > 0


def test_a_port_that_the_system_chooses_is_one_that_tcp_can_have_too(queue, monkeypatch, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], 0]
        monkeypatch.setattr(osc, "bind", lambda host, port, allow: bind(host, ports.pop(0), allow))
        server = OscServer(queue, port=0)
        assert caplog.text == "" and server.address[1] != taken.getsockname()[1]
        server.start()
        Peer(server).sync()
        server.close()


def test_where_the_port_of_tcp_is_taken_udp_is_there_all_the_same(queue, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = OscServer(queue, port=taken.getsockname()[1])
        assert "by UDP it is there" in caplog.text
        server.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(ON, server.address)
            assert isinstance(events(queue, 1)[0], NoteOn)
        server.close()
