"""Who is let in, what is served, and that what a page holds ends with it."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from livewave import ConfigError
from livewave.control.events import NoteOn, SourceLost
from livewave.panel.server import HEADERS, MAX_PEERS, PAGE, PORT, PORTS_TRIED, Panel, has_screen
from tests.panel.serving import PATIENCE_S, StandIn, serving, until

LOCAL = "127.0.0.1"


@pytest.fixture
def daemon() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


@pytest.fixture
def panel(daemon) -> Iterator[Panel]:
    with serving(Panel(daemon.osc.address, port=0)) as served:
        yield served


@pytest.fixture
def wide(daemon) -> Iterator[Panel]:
    """One that other machines reach."""
    with serving(Panel(daemon.osc.address, "0.0.0.0", 0)) as served:
        yield served


def get(panel: Panel, path: str, **headers: str) -> http.client.HTTPResponse:
    """The answer, and as its `text` what it holds. The path is sent as it is."""
    connection = http.client.HTTPConnection(LOCAL, panel.port, timeout=PATIENCE_S)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": f"{LOCAL}:{panel.port}", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def open_socket(panel: Panel, root: str = "/", host: str = LOCAL, **options: object) -> ClientConnection:
    return connect(f"ws://{host}:{panel.port}{root}socket", sock=socket.create_connection((LOCAL, panel.port)), open_timeout=PATIENCE_S, **options)


def refusal(*arguments: object, **options: object) -> int:
    with pytest.raises(InvalidStatus) as refused, open_socket(*arguments, **options):
        """It is not let in."""
    return refused.value.response.status_code


def root_of(panel: Panel) -> str:
    return urlsplit(panel.url).path


def packet(peer: ClientConnection) -> tuple[str, list]:
    """The next OSC message; what the server says itself is passed over."""
    while isinstance(data := peer.recv(timeout=PATIENCE_S), str):
        continue
    message = OscMessage(data)
    return message.address, list(message.params)


def told(peer: ClientConnection) -> dict:
    """The next thing that the server says itself."""
    while isinstance(data := peer.recv(timeout=PATIENCE_S), bytes):
        continue
    return json.loads(data)


@contextmanager
def playing(panel: Panel) -> Iterator[ClientConnection]:
    """A page that has been told that the daemon is there: what comes before that is left out."""
    with open_socket(panel) as peer:
        assert told(peer)["connected"]
        yield peer


# the page


def test_the_page_and_every_file_of_it_is_served_as_what_it_is(panel):
    page = get(panel, "/")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8" and "<title>livewave</title>" in page.text
    for path in PAGE.iterdir():
        answer = get(panel, f"/{path.name}")
        assert (answer.status, answer.text) == (200, path.read_text(encoding="utf-8")), path
    assert get(panel, "/main.js").headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_what_the_page_names_is_there_and_nothing_is_from_elsewhere():
    files = {path.name: path.read_text(encoding="utf-8") for path in PAGE.iterdir()}
    for name, text in files.items():
        named = re.findall(r'from "\./([^"]+)"|(?:href|src)="([^"]+)"', text)
        assert {"".join(parts) for parts in named} <= {*files, "tables.js"}, name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert "style=" not in text and "onclick" not in text, name  # which the page's own policy would refuse


def test_the_browser_is_told_to_load_nothing_from_elsewhere_and_to_say_the_address_to_nobody(panel):
    headers = get(panel, "/").headers
    assert all(headers[name] == value for name, value in HEADERS.items())
    assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/nothing", "/server.py", "/../server.py", "/../../config.py", "/%2e%2e/server.py", "/..%2fserver.py", "//etc/passwd",
                                  "/index.html/../../server.py", "/.", "/..", "/index.html/", "/\\..\\server.py", "/socket"])
def test_there_is_nothing_beside_the_page(panel, path):
    assert get(panel, path).status == 404


# who is let in


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://127.0.0.1:1", "http://localhost", "http://203.0.113.5:9090"])
def test_pages_of_other_sites_and_of_other_programs_here_are_sent_away(panel, origin):
    assert get(panel, "/", Origin=origin).status == 403
    assert refusal(panel, origin=origin) == 403


@pytest.mark.parametrize("host", ["example.com", "example.com:9090", "", "[", "127.0.0.1.example.com", "localhost.example.com"])
def test_names_that_are_not_this_machines_lead_nowhere(panel, host):
    """As after DNS rebinding: a name of somebody else's that leads here."""
    assert get(panel, "/", Host=host).status == 403


def test_a_socket_under_somebody_elses_name_is_not_opened(panel):
    assert refusal(panel, host="example.com") == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", socket.gethostname(), "stage.local"])
def test_this_machines_names_lead_to_the_page_which_may_open_the_socket(panel, name):
    place = f"{name}:{panel.port}"
    assert get(panel, "/", Host=place, Origin=f"http://{place}").status == 200


def test_on_loopback_there_is_no_token(panel):
    assert panel.url == f"http://127.0.0.1:{panel.port}/" and not panel.is_open
    with open_socket(panel, origin=f"http://{LOCAL}:{panel.port}") as peer:
        assert told(peer)["connected"]


def test_bound_wider_every_path_begins_with_a_token_that_nobody_can_guess(wide, daemon):
    root = root_of(wide)
    assert wide.is_open and re.fullmatch(r"/[A-Za-z0-9_-]{22}/", root)
    for path in ("/", "/main.js", "/socket", root.swapcase(), root[:-2] + "/", "/x" + root, "//"):
        assert get(wide, path).status == 403, path
    assert (get(wide, root).status, get(wide, root + "main.js").status, get(wide, root + "nothing").status) == (200, 200, 404)
    moved = get(wide, root[:-1])
    assert (moved.status, moved.headers["Location"]) == (308, root)
    assert [refusal(wide, path) for path in ("/", "/nonsense/", root + "x/")] == [403, 403, 404]
    with open_socket(wide, root) as peer:
        assert told(peer)["connected"]


def test_every_panel_has_another_token_unless_it_is_given_one(daemon):
    panels = [Panel(daemon.osc.address, "0.0.0.0", 0, token) for token in ("", "", "a-token_of-16-letters")]
    roots = [root_of(panel) for panel in panels]
    assert len(set(roots)) == 3 and roots[2] == "/a-token_of-16-letters/"
    for panel in panels:
        panel.close()


@pytest.mark.parametrize("token", ["short", "x" * 65, "sixteen letters and", "../../../../../..", "ü" * 20])
def test_a_token_that_is_none_is_refused(daemon, token):
    with pytest.raises(ConfigError, match="LIVEWAVE_PANEL_TOKEN.*16 to 64"):
        Panel(daemon.osc.address, port=0, token=token)


def test_one_page_too_many_is_sent_away(panel):
    with ExitStack() as stack:
        for _ in range(MAX_PEERS):
            stack.enter_context(open_socket(panel))
        assert refusal(panel) == 503


# what goes through it


def test_packets_go_to_the_daemon_and_its_own_to_the_page_as_they_are(panel, daemon):
    with playing(panel) as peer:
        peer.send(build_msg("/livewave/note", [67, 100]).dgram)
        assert daemon.hears(NoteOn).pitch == 67
        peer.send(build_msg("/livewave/gain", [99.0]).dgram)
        assert packet(peer) == ("/livewave/done", ["/livewave/notify", 2])
        assert packet(peer)[0] == "/livewave/fail"
        daemon.say("/livewave/spectrum", bytes(range(96)))
        assert packet(peer) == ("/livewave/spectrum", [bytes(range(96))])


def test_the_notes_of_each_page_end_with_it(panel, daemon):
    with playing(panel) as stays:
        with playing(panel) as goes:
            sources = []
            for peer, pitch in ((stays, 60), (goes, 67)):
                peer.send(build_msg("/livewave/note", [pitch, 100]).dgram)
                sources.append(daemon.hears(NoteOn, pitch=pitch).source)
        assert daemon.hears(SourceLost).source == sources[1] != sources[0]
        stays.send(build_msg("/livewave/note", [62, 100]).dgram)
        assert daemon.hears(NoteOn, pitch=62).source == sources[0]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\xff" * 1000, "text", "{"])
def test_what_is_no_packet_stops_nothing(panel, daemon, data):
    with playing(panel) as peer:
        peer.send(data)
        peer.send(build_msg("/livewave/note", [67, 100]).dgram)
        daemon.hears(NoteOn)


def test_a_daemon_that_is_not_there_is_waited_for_and_one_that_goes_is_looked_for():
    daemon = StandIn()
    place = daemon.osc.address
    daemon.close()
    with serving(Panel(place, port=0)) as panel, open_socket(panel) as peer:
        assert told(peer) == {"daemon": "{}:{}".format(*place), "connected": False}
        peer.send(build_msg("/livewave/note", [60, 100]).dgram)  # nobody hears it, then or later
        for _ in range(2):
            daemon = StandIn(place[1])
            assert told(peer)["connected"] is True
            until(lambda: daemon.osc.clients, "the panel to ask to be told")
            peer.send(build_msg("/livewave/note", [67, 100]).dgram)
            assert daemon.hears(NoteOn).pitch == 67
            daemon.close()
            assert told(peer)["connected"] is False


# ports


def test_the_first_port_that_is_free_is_taken_and_one_that_was_asked_for_or_none(daemon):
    first = Panel(daemon.osc.address)
    second = Panel(daemon.osc.address)
    assert PORT <= first.port < second.port < PORT + PORTS_TRIED
    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{first.port} .*--port"):
        Panel(daemon.osc.address, port=first.port)
    first.close()
    second.close()


@pytest.mark.parametrize("port, text", [(70_000, "outside 1..65535"), (-1, "outside 1..65535")])
def test_a_port_that_there_is_not_is_refused(daemon, port, text):
    with pytest.raises(ConfigError, match=text):
        Panel(daemon.osc.address, port=port)


def test_an_address_that_is_not_ours_is_refused(daemon):
    with pytest.raises(ConfigError, match=r"taken or not ours: 203\.0\.113\.5"):
        Panel(daemon.osc.address, "203.0.113.5")


def test_a_browser_is_opened_only_where_somebody_sees_it(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for terminal, environment, seen in ((True, {"DISPLAY": ":0"}, True), (False, {"DISPLAY": ":0"}, False), (True, {}, False),
                                        (True, {"WAYLAND_DISPLAY": "wayland-0"}, True), (True, {"DISPLAY": ":10", "SSH_CONNECTION": "here"}, False)):
        monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
        assert has_screen(environment) is seen
