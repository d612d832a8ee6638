"""The server against a real OSC server, asked by a browser's means: HTTP and WebSocket."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from livewave.control.events import EventQueue, NoteOn, SourceLost
from livewave.control.osc import OscServer
from livewave.control.osc_reports import STATUS
from livewave.oscquery.server import ABOVE_OSC, MAX_PEERS, OscQuery

PATIENCE_S = 20.0


class Daemon:
    """An OSC server with a status, and OSCQuery beside it."""

    def __init__(self) -> None:
        self.status = {row.name: {"i": 1, "f": 0.5, "s": "text"}[row.tag] for row in STATUS}
        self.queue = EventQueue()
        self.osc = OscServer(self.queue, port=0, status=lambda: self.status)
        self.osc.start()
        self.voices: list[list] = []  # as /livewave/voice.reply tells them
        self.query = OscQuery(self.osc.address, voices=lambda: self.voices)
        self.query.start()

    def close(self) -> None:
        self.query.close()
        self.osc.close()

    def get(self, path: str, **headers: str) -> tuple[int, object]:
        request = urllib.request.Request(self.query.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def connect(self, **options: object) -> ClientConnection:
        return connect(self.query.url.replace("http", "ws"), open_timeout=PATIENCE_S, **options)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    running = Daemon()
    yield running
    running.close()


def heard(peer: ClientConnection) -> tuple[str, list]:
    message = OscMessage(peer.recv(timeout=PATIENCE_S))
    return message.address, list(message.params)


def listen(peer: ClientConnection, path: str, command: str = "LISTEN") -> None:
    peer.send(json.dumps({"COMMAND": command, "DATA": path}))


def until(happened: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


# HTTP


def test_the_host_says_where_osc_and_websocket_are(daemon):
    status, info = daemon.get("/?HOST_INFO")
    assert status == 200 and (info["NAME"], info["OSC_IP"], info["OSC_TRANSPORT"]) == ("livewave", "127.0.0.1", "UDP")
    assert info["OSC_PORT"] == daemon.osc.address[1] and daemon.query.url.endswith(str(info["WS_PORT"]))
    assert info["EXTENSIONS"]["LISTEN"] is True
    assert daemon.get("/livewave?HOST_INFO")[1] == info


def test_the_tree_has_the_values_of_this_moment(daemon):
    assert daemon.get("/")[1]["CONTENTS"]["livewave"]["CONTENTS"]["gain"]["VALUE"] == [0.5]
    daemon.status = {**daemon.status, "gain_db": -6.0}
    assert daemon.get("/livewave/gain?VALUE") == (200, {"VALUE": [-6.0]})
    assert daemon.get("/livewave/gain")[1]["VALUE"] == [-6.0]


def test_what_is_not_there_is_told_apart(daemon):
    assert [daemon.get(path)[0] for path in ("/nothing", "/livewave/gain?COLOUR", "/livewave/panic?VALUE")] == [404, 400, 204]


def test_a_daemon_that_does_not_answer_is_a_timeout_and_one_that_does_again_is_heard(daemon):
    daemon.osc.close()
    assert daemon.get("/")[0] == 408
    assert daemon.get("/?HOST_INFO")[0] == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Origin": "null"}, {"Origin": "http://203.0.113.5"}, {"Host": "example.com:9080"}])
def test_pages_of_other_sites_are_not_let_in(daemon, headers):
    assert daemon.get("/", **headers)[0] == 403
    with pytest.raises(InvalidStatus) as refused:
        with daemon.connect(origin=headers["Origin"]) if "Origin" in headers else _under_another_name(daemon):
            """It is not let in."""
    assert refused.value.response.status_code == 403


def _under_another_name(daemon: Daemon) -> ClientConnection:
    """As after DNS rebinding: a name of somebody else's that leads here."""
    host, port = daemon.query.url.removeprefix("http://").split(":")
    return connect(f"ws://example.com:{port}", sock=socket.create_connection((host, int(port))), open_timeout=PATIENCE_S)


def test_a_page_of_this_machine_is_let_in_and_may_read_the_answer(daemon):
    request = urllib.request.Request(daemon.query.url, headers={"Origin": "http://localhost:3000"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    with daemon.connect(origin="http://127.0.0.1:8000"):
        """It is let in."""


# WebSocket


def test_who_listens_is_told_a_value_at_once_and_when_it_changes_and_nothing_else(daemon):
    with daemon.connect() as peer:
        listen(peer, "/livewave/gain")
        assert heard(peer) == ("/livewave/gain", [0.5])
        daemon.status = {**daemon.status, "temperature": 1.5}
        daemon.status = {**daemon.status, "gain_db": -3.0}
        assert heard(peer) == ("/livewave/gain", [-3.0])
        listen(peer, "/livewave/gain", "IGNORE")
        listen(peer, "/livewave/temperature")
        assert heard(peer) == ("/livewave/temperature", [1.5])
        daemon.status = {**daemon.status, "gain_db": -4.0, "temperature": 1.0}
        assert heard(peer) == ("/livewave/temperature", [1.0])


def test_what_goes_out_to_all_reaches_who_listens_to_it_for_as_long_as_somebody_does(daemon):
    with daemon.connect() as peer:
        listen(peer, "/livewave/note/played")
        until(lambda: daemon.osc.clients)
        daemon.osc.broadcast("/livewave/level", 0.25)
        for velocity in (100, 0):
            daemon.osc.broadcast("/livewave/note/played", 67, velocity)
        assert [heard(peer), heard(peer)] == [("/livewave/note/played", [67, 100]), ("/livewave/note/played", [67, 0])]
    until(lambda: not daemon.osc.clients)


def test_blobs_reach_who_listens_to_them_and_have_no_value_in_the_tree(daemon):
    with daemon.connect() as peer:
        listen(peer, "/livewave/spectrum")
        until(lambda: daemon.osc.clients)
        daemon.osc.broadcast("/livewave/level", 0.25)
        daemon.osc.broadcast("/livewave/spectrum", bytes(range(96)))
        assert heard(peer) == ("/livewave/spectrum", [bytes(range(96))])
        assert daemon.get("/livewave/spectrum")[1]["VALUE"] == [None]


def test_packets_of_a_peer_reach_the_daemon_and_its_answers_the_peer_and_its_notes_end_with_it(daemon):
    with daemon.connect() as peer:
        peer.send(build_msg("/livewave/note", [67, 100]).dgram)
        peer.send(build_msg("/livewave/gain", [99.0]).dgram)
        assert heard(peer)[0] == "/livewave/fail"
        (note,) = daemon.queue.drain()
        assert isinstance(note, NoteOn) and note.pitch == 67
    ends = []
    until(lambda: ends.extend(daemon.queue.drain()) or ends)
    assert isinstance(ends[0], SourceLost) and ends[0].source == note.source


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"COMMAND": "LISTEN"}', '{"COMMAND": "LISTEN", "DATA": ["x"]}',
                                  '{"COMMAND": "LISTEN", "DATA": "/nothing"}', '{"COMMAND": "IGNORE", "DATA": {}}', "[" * 5_000])
def test_commands_that_are_none_change_nothing(daemon, text):
    with daemon.connect() as peer:
        peer.send(text)
        listen(peer, "/livewave/model")
        assert heard(peer) == ("/livewave/model", ["text"])


def test_one_peer_too_many_is_sent_away(daemon):
    with ExitStack() as stack:
        for _ in range(MAX_PEERS):
            stack.enter_context(daemon.connect())
        with pytest.raises(InvalidStatus) as refused, daemon.connect():
            """It is not let in."""
        assert refused.value.response.status_code == 503


# ports


def test_the_port_is_80_above_the_one_of_osc_or_another_one_where_that_is_taken():
    with socket.socket() as osc, socket.socket() as taken:
        osc.bind(("127.0.0.1", 0))
        place = osc.getsockname()
        taken.bind(("127.0.0.1", place[1] + ABOVE_OSC))
        taken.listen()
        query = OscQuery(place)
        assert query.url and not query.url.endswith(str(place[1] + ABOVE_OSC)) and query.problem == ""
        query.close()
    query = OscQuery(place)
    assert query.url == f"http://127.0.0.1:{place[1] + ABOVE_OSC}"
    query.close()


def test_a_port_that_was_asked_for_and_is_taken_is_said_and_nothing_fails():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        query = OscQuery(("127.0.0.1", 9_000), taken.getsockname()[1])
        assert query.url == "" and str(taken.getsockname()[1]) in query.problem
        query.start()
        query.close()


def test_what_each_voice_is_set_to_can_be_asked_for_and_listened_to(daemon):
    def voices(gain: float) -> list[list]:
        return [[1, "flute", 0, 0, 127, 0, 0.0, -0.5, 0, 0.5, 3], [2, "cello", 2, 36, 127, -12, gain, 0.5, 1, 0.5, 0]]

    assert daemon.get("/livewave/voice/2/gain?VALUE")[0] == 404
    daemon.voices = voices(-6.0)
    assert daemon.get("/livewave/voice/2/gain?VALUE") == (200, {"VALUE": [-6.0]})
    assert daemon.get("/livewave/voice/2/model?VALUE") == (200, {"VALUE": ["cello"]})
    with daemon.connect() as peer:
        peer.send(json.dumps({"COMMAND": "LISTEN", "DATA": "/livewave/voice/2/gain"}))
        while OscMessage(peer.recv(PATIENCE_S)).params != [-6.0]:
            continue
        daemon.voices = voices(-12.0)
        told = OscMessage(peer.recv(PATIENCE_S))
        assert (told.address, list(told.params)) == ("/livewave/voice/2/gain", [-12.0])
