"""HTTP and WebSocket, for the rooms that browsers talk to: who is let in, what is answered, what waits for a peer.

A page of another site must not play the instrument of whoever reads it: browsers say where a page is from, and which name they
looked up, and each room lets in what is its own. This is the one file of livewave that imports websockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

    Meet = Callable[[ServerConnection], Awaitable[None]]
    Ask = Callable[[ServerConnection, Request], Awaitable[Response | None]]

NAME = "livewave"
MAX_WAITING = 256  # packets for a peer that does not take them
CLOSE_S = 0.5
HIGHEST_PORT = 65_535
PING_S = 20.0  # between two looks whether a peer is still there


def bind(host: str, ports: Iterable[int], backlog: int) -> tuple[socket.socket | None, str]:
    """A listening socket at the first of `ports` that can be had (0: any), or None; and why the last one could not be had."""
    problem = f"{host}: there is no port to try"
    for port in (port for port in ports if port <= HIGHEST_PORT):
        bound = None
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            bound = socket.socket(family, kind, protocol)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
            bound.listen(backlog)
            return bound, ""
        except (OSError, UnicodeError) as error:
            problem = f"{host}:{port} ({getattr(error, 'strerror', None) or error})"
            if bound is not None:
                bound.close()
    return None, problem


def url_of(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.asynccontextmanager
async def serving(bound: socket.socket, meet: Meet, ask: Ask, max_bytes: int, ping_s: float = PING_S) -> AsyncIterator[None]:
    """Serve while inside. `ask` answers a GET, or lets a WebSocket be opened by None; then `meet` talks to it.

    max_bytes  of one message
    ping_s     a peer that is silent for so long is asked, and has as long again to answer
    """
    from websockets.asyncio.server import serve

    logger = logging.getLogger(f"{__name__}.websockets")
    logger.setLevel(logging.ERROR)
    async with serve(meet, sock=bound, process_request=ask, compression=None, max_size=max_bytes, logger=logger,
                     server_header=NAME, close_timeout=CLOSE_S, ping_interval=ping_s, ping_timeout=ping_s):
        yield


def wants_socket(request: Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def messages(connection: ServerConnection) -> AsyncIterator[str | bytes]:
    """What a peer says, until it has gone."""
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            yield message


class Peer:
    """Who is connected by WebSocket, and what waits to be sent to it. Thread: the loop's."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._waiting: asyncio.Queue[bytes | str] = asyncio.Queue(MAX_WAITING)

    def put(self, message: bytes | str) -> None:
        """Send it soon; what does not fit is left out, for the next value says more."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(message)

    async def write(self) -> None:
        """Until the peer has gone."""
        from websockets.exceptions import ConnectionClosed

        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._connection.send(await self._waiting.get())


def is_ours(place: str, allows: Callable[[str], bool]) -> bool:
    """Whether HOST or HOST:PORT is an address that `allows` lets in, or a name that only this machine or its network gives out."""
    try:
        host = (urlsplit(f"//{place}").hostname or "").rstrip(".")
    except ValueError:  # brackets that are no address
        return False
    try:
        return allows(str(ipaddress.ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith(".local") or host == socket.gethostname().lower()


def response(status: HTTPStatus, data: bytes, headers: Mapping[str, str]) -> Response:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    return Response(status.value, status.phrase, Headers({**headers, "Content-Length": str(len(data)), "Connection": "close"}), data)
