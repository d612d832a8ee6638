"""The HTTP and WebSocket server of OSCQuery. It is a client of the daemon's OSC port, as any program could be: it asks for the
status when it is asked, and what a peer sends by WebSocket goes on to that port, on a connection of its own, which ends the
peer's notes when it goes. This is the one file of livewave that imports websockets.

A page of another site must not play the instrument of whoever reads it: browsers say where a page is from, and which name they
looked up, and only this machine's are let in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from livewave.control.osc import OscMessage, build_msg
from livewave.control.osc_addresses import ADDRESSES, Value
from livewave.control.osc_gate import Gate
from livewave.control.osc_reports import REPORTS
from livewave.control.osc_socket import reachable
from livewave.control.osc_stream import MAX_PACKET_BYTES, READ_BYTES, out_of_slip, slip
from livewave.oscquery.announce import OSC, OSCQUERY, Announcement
from livewave.oscquery.tree import EXTENSIONS, answer, describe, values_of

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

log = logging.getLogger(__name__)

NAME = "livewave"
ABOVE_OSC = 80  # the port that is tried first: 9080 beside 9000
POLL_S = 0.05  # of the status, while somebody listens to a value of it
ANSWER_S = 2.0
MAX_PEERS = 16  # by WebSocket
MAX_WAITING = 256  # packets for a peer that does not take them

SAID = REPORTS.keys() - ADDRESSES.keys()  # what is only said, to the notify list or as an answer

Place = tuple[str, int]


class Line:
    """A connection to the daemon's OSC port. Thread: the loop's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Callable[[bytes], None]) -> None:
        self._reader, self._writer, self._heard = reader, writer, heard
        self._waiting: deque[asyncio.Future] = deque()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def to(cls, place: Place, heard: Callable[[bytes], None]) -> Line:
        """Let `heard` be given every packet that comes back, but the answers to `status`. Raises OSError."""
        host, port = place
        return cls(*await asyncio.open_connection(reachable(host), port), heard)

    @property
    def closed(self) -> bool:
        return self._reading.done()

    def send(self, packet: bytes) -> None:
        self._writer.write(slip(packet))

    async def flush(self) -> None:
        """Wait until the daemon has taken so much that more may be sent."""
        await self._writer.drain()

    async def status(self) -> Mapping[str, Value]:
        """Raises asyncio.TimeoutError, or ConnectionError when the daemon has gone."""
        if self.closed:
            raise ConnectionResetError("the daemon has gone")
        self._waiting.append(asked := asyncio.get_running_loop().create_future())
        self.send(build_msg("/livewave/status", []).dgram)
        values = await asyncio.wait_for(asked, ANSWER_S)
        return dict(zip(values[::2], values[1::2]))

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()

    async def _read(self) -> None:
        gathered = bytearray()
        try:
            while arrived := await self._reader.read(READ_BYTES):
                gathered += arrived
                for packet in out_of_slip(gathered):
                    self._take(packet)
        except OSError as error:
            log.debug("OSCQuery: %s", error)
        finally:
            for asked in self._waiting:
                if not asked.done():
                    asked.set_exception(ConnectionResetError("the daemon has gone"))

    def _take(self, packet: bytes) -> None:
        if self._waiting and packet.startswith(b"/livewave/status.reply\0"):
            asked = self._waiting.popleft()
            if not asked.done():  # nobody waits any more
                asked.set_result(list(OscMessage(packet).params))
        else:
            self._heard(packet)


class Peer:
    """Who is connected by WebSocket, and what waits to be sent to it. Thread: the loop's."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)

    def put(self, packet: bytes) -> None:
        """Send it soon; what does not fit is left out, for the next value says more."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(packet)

    async def write(self) -> None:
        """Until the peer has gone."""
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._connection.send(await self._waiting.get())


class OscQuery:
    """Threads: `start` and `close` the daemon's; the rest one of its own, with a loop.

    osc      where the daemon's OSC port is
    port     of ours; None: 80 above that one, or another one where it is taken
    allow    networks whose programs are let in besides this machine's
    choices  gives, by address, all that may be sent there now; called on the loop's thread
    voices   how many there are
    url      where it is to be found; empty where it cannot be had, and
    problem  says why
    """

    def __init__(self, osc: Place, port: int | None = None, allow: Sequence[str] = (),
                 choices: Callable[[], Mapping[str, Sequence[str]]] = dict, voices: int = 1) -> None:
        self._choices, self._voices = choices, voices
        self.url = self.problem = ""
        self._osc, self._gate = osc, Gate(osc[0], allow, 1, lambda host: None)
        self._listening: dict[str, set[Peer]] = {}
        self._known: dict[str, tuple[Value, ...]] = {}
        self._peers, self._closed = 0, False
        self._line: Line | None = None
        self._notified = False  # whether that line is on the daemon's notify list
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
        host, family = self._osc[0], socket.AF_INET6 if ":" in self._osc[0] else socket.AF_INET
        wanted = [port] if port else [self._osc[1] + ABOVE_OSC, 0]
        for number in (number for number in wanted if number <= 65_535):
            bound = socket.socket(family, socket.SOCK_STREAM)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind((host, number))
                bound.listen(MAX_PEERS)
            except OSError as error:
                self.problem = f"OSCQuery cannot be had at {host}:{number} ({error.strerror})"
                bound.close()
                continue
            self.problem = ""
            self.url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
            return bound
        return None

    # thread: oscquery

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # what others' code raises: playing goes on without it
            log.warning("OSCQuery has ended: %s", error)

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        self._loop = asyncio.get_running_loop()
        logger = logging.getLogger(f"{__name__}.websockets")
        logger.setLevel(logging.ERROR)
        async with serve(self._meet, sock=self._socket, process_request=self._ask, compression=None, max_size=MAX_PACKET_BYTES,
                         logger=logger, server_header=NAME, close_timeout=0.5):
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
        if not (self._gate.allows(connection.remote_address[0]) and _is_ours(request.headers.get("Host", ""), lambda address: True)
                and (origin is None or _is_ours(urlsplit(origin).netloc, self._gate.allows))):
            return _response(HTTPStatus.FORBIDDEN, None, None)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None if self._peers < MAX_PEERS else _response(HTTPStatus.SERVICE_UNAVAILABLE, None, origin)
        path, _, attribute = request.path.partition("?")
        if attribute == "HOST_INFO":
            return _response(HTTPStatus.OK, self._host_info(connection.local_address[0]), origin)
        try:
            values = values_of(await (await self._daemon()).status())
        except (OSError, asyncio.TimeoutError) as error:
            log.debug("OSCQuery: %s", error)
            return _response(HTTPStatus.REQUEST_TIMEOUT, None, origin)
        return _response(*answer(describe({**self._known, **values}, self._choices(), self._voices), unquote(path), attribute), origin)

    def _host_info(self, address: str) -> dict[str, object]:
        port = self._socket.getsockname()[1]
        return {"NAME": NAME, "OSC_IP": address, "OSC_PORT": self._osc[1], "OSC_TRANSPORT": "UDP", "WS_IP": address, "WS_PORT": port,
                "EXTENSIONS": EXTENSIONS}

    # WebSocket

    async def _meet(self, connection: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        peer, line = Peer(connection), None
        self._peers += 1
        writing = asyncio.create_task(peer.write())
        try:
            async for message in connection:
                if isinstance(message, str):
                    self._obey(peer, message)
                    continue
                if line is None or line.closed:
                    line = await Line.to(self._osc, peer.put)
                line.send(message)
                await line.flush()
        except (ConnectionClosed, OSError) as error:
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
        if command == "LISTEN" and isinstance(path, str) and (path in ADDRESSES or path in REPORTS):
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
                    self._tell_all(values_of(await (await self._daemon()).status()))
            except (OSError, asyncio.TimeoutError) as error:
                log.debug("OSCQuery: %s", error)

    async def _follow(self) -> None:
        """Be on the daemon's notify list as long as somebody listens to what goes out to it."""
        wanted = any(self._listening.get(path) for path in SAID)
        if wanted != self._notified:
            (await self._daemon()).send(build_msg("/livewave/notify", [int(wanted)]).dgram)
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
                self._line, self._notified = await Line.to(self._osc, self._heard), False
            return self._line


def _is_ours(place: str, allows: Callable[[str], bool]) -> bool:
    """Whether HOST or HOST:PORT is an address that `allows` lets in, or a name that only this machine or its network gives out."""
    host = (urlsplit(f"//{place}").hostname or "").rstrip(".")
    try:
        return allows(str(ipaddress.ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith(".local") or host == socket.gethostname().lower()


def _response(status: HTTPStatus, body: object, origin: str | None) -> Response:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    data = b"" if body is None else json.dumps(body).encode()
    headers = Headers({"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(data)), "Cache-Control": "no-store",
                       "Connection": "close"})
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
    return Response(status.value, status.phrase, headers, data)
