"""The panel's server: a page for browsers, and behind each that has it open a client of the daemon's OSC port.

A WebSocket message of bytes is an OSC packet, either way; it goes on as it is. Each page has a connection of its own to the daemon, so
that what it holds ends with it: a tab that is closed and a telephone that is out of reach leave no note. A message of text is from the
server itself, JSON: where the daemon is, and whether it is there. One that has gone is looked for until it is back.

Whoever can open the page can play. On loopback that is this machine; bound wider, all paths begin with a token, which the URL has that
is printed, and which browsers say to nobody else. Pages of other sites, and names that are not this machine's, are sent away either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from livewave import ConfigError
from livewave.control.osc import build_msg
from livewave.control.osc_addresses import ALL_AND_BLOBS
from livewave.control.osc_gate import is_loopback
from livewave.control.osc_line import Line, Place
from livewave.control.osc_stream import MAX_PACKET_BYTES
from livewave.panel.tables import tables
from livewave.web import HIGHEST_PORT, Peer, bind, is_ours, messages, response, serving, url_of, wants_socket

if TYPE_CHECKING:
    from livewave.web import Request, Response, ServerConnection

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 9090
PORTS_TRIED = 10  # from PORT on, unless one was asked for
MAX_PEERS = 16  # pages that are open
PING_S = 3.0  # a page that is out of reach holds its notes for twice that at most
RETRY_S = 0.5  # between two looks for a daemon that is not there
LOOK_S = 0.25  # for the process that this one is beside
TOKEN_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
TOKEN_VARIABLE = "LIVEWAVE_PANEL_TOKEN"
ELSEWHERE = "192.0.2.1"  # nobody has it (RFC 5737); nothing is sent there

PAGE = Path(__file__).parent / "page"
INDEX, SOCKET, TABLES = "index.html", "socket", "tables.js"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Panel:
    """Thread: one, which calls `run`. Binding happens here.

    osc    where the daemon's OSC port is; nobody need be there yet
    port   to serve at; None: the first of PORTS_TRIED from PORT on that is free
    token  bound wider than loopback, what every path begins with; empty: a new one
    url    where the page is

    Raises ConfigError where it cannot be had, or for a token that is none.
    """

    def __init__(self, osc: Place, host: str = HOST, port: int | None = None, token: str = "") -> None:
        if token and not TOKEN.fullmatch(token):
            raise ConfigError(f"${TOKEN_VARIABLE} is no token: it must be 16 to 64 of the letters A-Z a-z 0-9 _ -; unset it for a new one")
        self._osc, self._peers = osc, 0
        self._bound = _bind(host, port)
        address, self.port = self._bound.getsockname()[:2]
        self._token = "" if is_loopback(address) else token or secrets.token_urlsafe(TOKEN_BYTES)
        self._root = f"/{self._token}/" if self._token else "/"
        self.url = url_of(_shown(address), self.port) + self._root
        self._files = {path.name: (KINDS[path.suffix], path.read_bytes()) for path in PAGE.iterdir() if path.suffix in KINDS}
        self._files[TABLES] = KINDS[".js"], tables().encode()

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return bool(self._token)

    def run(self, beside: int | None = None) -> None:
        """Serve until SIGINT or SIGTERM; `beside`, the process of that number, until that has ended or says SIGTERM."""
        asyncio.run(self._until_told(beside))

    async def serve(self) -> None:
        """Until cancelled."""
        with self._bound:
            async with serving(self._bound, self._meet, self._ask, MAX_PACKET_BYTES, PING_S):
                await asyncio.Event().wait()

    def close(self) -> None:
        """Of one that never served."""
        self._bound.close()

    async def _until_told(self, beside: int | None) -> None:
        stop, loop, task = asyncio.Event(), asyncio.get_running_loop(), asyncio.create_task(self.serve())
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal they reach all: the process beside this one decides
            loop.add_signal_handler(number, stop.set if beside is None else _nothing)
        while not stop.is_set() and (beside is None or os.getppid() == beside):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    # HTTP

    async def _ask(self, _connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a GET; None lets a WebSocket be opened."""
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if not is_ours(host, lambda address: True):
            return _text(HTTPStatus.FORBIDDEN, "This is livewave's panel. Ask for it by the address of the machine, or by localhost there.")
        if origin is not None and urlsplit(origin).netloc != host:
            return _text(HTTPStatus.FORBIDDEN, "The panel is for its own page, not for those of other sites.")
        path = request.path.partition("?")[0]
        if not self._has_token(path):
            return _text(HTTPStatus.FORBIDDEN, "The address lacks the token: open the one that livewave panel printed.")
        if path + "/" == self._root:
            return response(HTTPStatus.PERMANENT_REDIRECT, b"", {**HEADERS, "Location": self._root})
        name = path.removeprefix(self._root) or INDEX
        if wants_socket(request):
            return self._let_in(name)
        if name not in self._files:
            return _text(HTTPStatus.NOT_FOUND, "There is no such page.")
        kind, data = self._files[name]
        return response(HTTPStatus.OK, data, {**HEADERS, "Content-Type": f"{kind}; charset=utf-8"})

    def _has_token(self, path: str) -> bool:
        first = path.split("/")[1] if path.startswith("/") else ""
        return not self._token or secrets.compare_digest(first.encode(), self._token.encode())

    def _let_in(self, name: str) -> Response | None:
        if name != SOCKET:
            return _text(HTTPStatus.NOT_FOUND, "There is no such WebSocket.")
        return None if self._peers < MAX_PEERS else _text(HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_PEERS} pages are open already.")

    # WebSocket

    async def _meet(self, connection: ServerConnection) -> None:
        peer = Peer(connection)
        client = Client(self._osc, peer.put)
        self._peers += 1
        tasks = [asyncio.create_task(peer.write()), asyncio.create_task(client.keep())]
        try:
            async for message in messages(connection):
                if isinstance(message, bytes):
                    await client.send(message)
        finally:
            self._peers -= 1
            for task in tasks:
                task.cancel()
            client.close()


class Client:
    """A page at the daemon's OSC port: a connection that is made again whenever it was lost. Thread: the loop's.

    put  is given what the daemon says, as bytes, and as text whether it is there
    """

    def __init__(self, osc: Place, put: Callable[[bytes | str], None]) -> None:
        self._osc, self._put = osc, put
        self._line: Line | None = None
        self._told: bool | None = None

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._line = await Line.to(self._osc, self._put)
            except OSError as error:
                log.debug("panel: %s", error)
            else:
                self._tell(True)
                self._line.send(build_msg("/livewave/notify", [ALL_AND_BLOBS]).dgram)
                await self._line.end()
                self._line.close()
            self._tell(False)
            await asyncio.sleep(RETRY_S)

    async def send(self, packet: bytes) -> None:
        """What nobody is there for is left out."""
        if self._line is not None and not self._line.closed:
            with contextlib.suppress(OSError):
                self._line.send(packet)
                await self._line.flush()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    def _tell(self, connected: bool) -> None:
        if connected != self._told:
            self._told = connected
            host, port = self._osc
            self._put(json.dumps({"daemon": f"{host}:{port}", "connected": connected}))


def show(url: str) -> None:
    """Open the page in a browser, and wait for nothing."""
    Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()


def has_screen(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody sits at a terminal of this machine, with a browser that opens a window."""
    windows = sys.platform in ("darwin", "win32") or any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return windows and sys.stdout.isatty() and not environment.get("SSH_CONNECTION")


def _bind(host: str, port: int | None) -> socket.socket:
    ports = [port] if port is not None else range(PORT, PORT + PORTS_TRIED)
    if port is not None and not 0 <= port <= HIGHEST_PORT:
        raise ConfigError(f"the panel's port {port} is outside 1..{HIGHEST_PORT}; give --port N, e.g. {PORT}")
    bound, problem = bind(host, ports, MAX_PEERS)
    if bound is None:
        remedy = ("end the program that has it, or choose another with --port N" if port is not None
                  else f"so are the ports {PORT}..{PORT + PORTS_TRIED - 1}; choose one with --port N")
        raise ConfigError(f"the panel's address is taken or not ours: {problem}; {remedy}")
    return bound


def _shown(address: str) -> str:
    """The address by which others find what is bound to that one: to all of this machine's, the one that leads elsewhere."""
    if address not in ("0.0.0.0", "::"):
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE, 9))
            return probe.getsockname()[0]
        except OSError:  # no network
            return HOST


def _text(status: HTTPStatus, text: str) -> Response:
    return response(status, f"{text}\n".encode(), {**HEADERS, "Content-Type": "text/plain; charset=utf-8"})


def _nothing() -> None:
    """What a signal does that is another process's to decide on."""
