"""The HTTP and WebSocket server of OSCQuery. It is a client of the daemon's OSC port, as any program could be: it asks for the
status when it is asked, and what a peer sends by WebSocket goes on to that port, on a connection of its own, which ends the
peer's notes when it goes. Of browsers, only pages of this machine are let in (livewave.web).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from livewave.control.osc import OscMessage, build_msg
from livewave.control.osc_addresses import ADDRESSES, ALL_AND_BLOBS, Value
from livewave.control.osc_gate import Gate
from livewave.control.osc_line import ANSWER_S, Line, Place
from livewave.control.osc_reports import REPORTS
from livewave.control.osc_stream import MAX_PACKET_BYTES
from livewave.control.osc_voices import addresses_of
from livewave.oscquery.announce import OSC, OSCQUERY, Announcement
from livewave.oscquery.tree import EXTENSIONS, answer, describe, values_of, values_of_voices
from livewave.web import NAME, Peer, bind, is_ours, messages, response, serving, url_of, wants_socket

if TYPE_CHECKING:
    from livewave.web import Request, Response, ServerConnection

log = logging.getLogger(__name__)

ABOVE_OSC = 80  # the port that is tried first: 9080 beside 9000
POLL_S = 0.05  # of the status, while somebody listens to a value of it
MAX_PEERS = 16  # by WebSocket

SAID = REPORTS.keys() - ADDRESSES.keys()  # what is only said, to the notify list or as an answer
BLOBS = {path for path in SAID if any(argument.tag == "b" for argument in REPORTS[path].arguments)}


class OscQuery:
    """Threads: `start` and `close` the daemon's; the rest one of its own, with a loop.

    osc      where the daemon's OSC port is
    port     of ours; None: 80 above that one, or another one where it is taken
    allow    networks whose programs are let in besides this machine's
    choices  gives, by address, all that may be sent there now; called on the loop's thread
    voices   gives how each voice is, as /livewave/voice.reply has it; likewise
    url      where it is to be found; empty where it cannot be had, and
    problem  says why
    """

    def __init__(self, osc: Place, port: int | None = None, allow: Sequence[str] = (),
                 choices: Callable[[], Mapping[str, Sequence[str]]] = dict, voices: Callable[[], Sequence[Sequence[Value]]] = list) -> None:
        self._choices, self._voices = choices, voices
        self.url = self.problem = ""
        self._osc, self._gate = osc, Gate(osc[0], allow, 1, lambda host: None)
        self._listening: dict[str, set[Peer]] = {}
        self._known: dict[str, tuple[Value, ...]] = {}
        self._peers, self._closed = 0, False
        self._line: Line | None = None
        self._notified = 0  # how that line is on the daemon's notify list: as /livewave/notify says
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop, self._anybody = asyncio.Event(), asyncio.Event()  # _anybody: listens
        self._opening = asyncio.Lock()
        self._thread = threading.Thread(target=self._run, name="oscquery", daemon=True)
        self._socket = self._bind(port)

    def start(self) -> None:
        if self._socket:
            self._thread.start()

    def close(self) -> None:
        self._closed = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(ANSWER_S)
        if self._socket:
            self._socket.close()

    def _bind(self, port: int | None) -> socket.socket | None:
        host, osc_port = self._osc
        bound, problem = bind(host, [port] if port else [osc_port + ABOVE_OSC, 0], MAX_PEERS)
        if bound is None:
            self.problem = f"OSCQuery cannot be had at {problem}"
        else:
            self.url = url_of(host, bound.getsockname()[1])
        return bound

    # thread: oscquery

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # what others' code raises: playing goes on without it
            log.warning("OSCQuery has ended: %s", error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serving(self._socket, self._meet, self._ask, MAX_PACKET_BYTES):
            announcement = Announcement(NAME, self._osc[0], {OSC: self._osc[1], OSCQUERY: self._socket.getsockname()[1]})
            tasks = [asyncio.create_task(announcement.begin()), asyncio.create_task(self._poll())]
            if not self._closed:
                await self._stop.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await announcement.end()
        if self._line:
            self._line.close()

    # HTTP

    async def _ask(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a GET; None lets a WebSocket be opened."""
        origin = request.headers.get("Origin")
        if not (self._gate.allows(connection.remote_address[0]) and is_ours(request.headers.get("Host", ""), lambda address: True)
                and (origin is None or is_ours(urlsplit(origin).netloc, self._gate.allows))):
            return _response(HTTPStatus.FORBIDDEN, None, None)
        if wants_socket(request):
            return None if self._peers < MAX_PEERS else _response(HTTPStatus.SERVICE_UNAVAILABLE, None, origin)
        path, _, attribute = request.path.partition("?")
        if attribute == "HOST_INFO":
            return _response(HTTPStatus.OK, self._host_info(connection.local_address[0]), origin)
        try:
            values = await self._values()
        except (OSError, asyncio.TimeoutError) as error:
            log.debug("OSCQuery: %s", error)
            return _response(HTTPStatus.REQUEST_TIMEOUT, None, origin)
        root = describe({**self._known, **values}, self._choices(), len(self._voices()))
        return _response(*answer(root, unquote(path), attribute), origin)

    async def _values(self) -> dict[str, tuple[Value, ...]]:
        """All that has a value, by address."""
        status = await (await self._daemon()).status()
        return {**values_of(status), **values_of_voices(self._voices())}

    def _host_info(self, address: str) -> dict[str, object]:
        port = self._socket.getsockname()[1]
        return {"NAME": NAME, "OSC_IP": address, "OSC_PORT": self._osc[1], "OSC_TRANSPORT": "UDP", "WS_IP": address, "WS_PORT": port,
                "EXTENSIONS": EXTENSIONS}

    # WebSocket

    async def _meet(self, connection: ServerConnection) -> None:
        peer, line = Peer(connection), None
        self._peers += 1
        writing = asyncio.create_task(peer.write())
        try:
            async for message in messages(connection):
                if isinstance(message, str):
                    self._obey(peer, message)
                    continue
                if line is None or line.closed:
                    line = await Line.to(self._osc, peer.put)
                line.send(message)
                await line.flush()
        except OSError as error:
            log.debug("OSCQuery: %s", error)
        finally:
            self._peers -= 1
            writing.cancel()
            for peers in self._listening.values():
                peers.discard(peer)
            if line:
                line.close()

    def _obey(self, peer: Peer, text: str) -> None:
        """LISTEN and IGNORE; what is neither is of an extension that we do not have."""
        try:
            message = json.loads(text)
            command, path = message["COMMAND"], message["DATA"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if command == "LISTEN" and isinstance(path, str) and path in {**ADDRESSES, **REPORTS, **addresses_of(len(self._voices()))}:
            self._listening.setdefault(path, set()).add(peer)
            self._anybody.set()
            if path in self._known:
                peer.put(build_msg(path, list(self._known[path])).dgram)
        elif command == "IGNORE" and isinstance(path, str):
            self._listening.get(path, set()).discard(peer)

    # values that change

    async def _poll(self) -> None:
        """While somebody listens, see what has changed."""
        while await self._anybody.wait():
            await asyncio.sleep(POLL_S)
            if not any(self._listening.values()):
                self._anybody.clear()
            try:
                await self._follow()
                if self._anybody.is_set():
                    self._tell_all(await self._values())
            except (OSError, asyncio.TimeoutError) as error:
                log.debug("OSCQuery: %s", error)

    async def _follow(self) -> None:
        """Be on the daemon's notify list as long as somebody listens to what goes out to it."""
        heard = {path for path in SAID if self._listening.get(path)}
        wanted = ALL_AND_BLOBS if heard & BLOBS else int(bool(heard))
        if wanted != self._notified:
            (await self._daemon()).send(build_msg("/livewave/notify", [wanted]).dgram)
            self._notified = wanted

    def _tell_all(self, values: Mapping[str, Sequence[Value]]) -> None:
        for path, new in values.items():
            if path not in SAID:  # what is said comes by itself
                self._tell(path, tuple(new))

    def _tell(self, path: str, values: tuple[Value, ...]) -> None:
        if self._known.get(path) == values and path not in SAID:  # a note that is played twice is told twice
            return
        self._known[path] = values
        for peer in self._listening.get(path, ()):
            peer.put(build_msg(path, list(values)).dgram)

    def _heard(self, packet: bytes) -> None:
        """What the daemon says to all."""
        message = OscMessage(packet)
        if message.address in SAID:
            self._tell(message.address, tuple(message.params))

    async def _daemon(self) -> Line:
        async with self._opening:
            if self._line is None or self._line.closed:
                self._line, self._notified = await Line.to(self._osc, self._heard), 0
            return self._line


def _response(status: HTTPStatus, body: object, origin: str | None) -> Response:
    headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
    return response(status, b"" if body is None else json.dumps(body).encode(), headers)
