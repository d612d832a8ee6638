"""A connection to the daemon's OSC port, for programs of ours that are its clients as any other program could be."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping

from livewave.control.osc import OscMessage, build_msg
from livewave.control.osc_addresses import Value
from livewave.control.osc_socket import reachable
from livewave.control.osc_stream import READ_BYTES, out_of_slip, slip

log = logging.getLogger(__name__)

ANSWER_S = 2.0
STATUS_REPLY = b"/livewave/status.reply\0"

Place = tuple[str, int]


class Line:
    """By TCP: the daemon lets go what it holds when it ends. Thread: the loop's."""

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

    async def end(self) -> None:
        """Wait until the daemon has gone."""
        await asyncio.wait([self._reading])

    def send(self, packet: bytes) -> None:
        self._writer.write(slip(packet))

    async def flush(self) -> None:
        """Wait until the daemon has taken so much that more may be sent. Raises OSError when it has gone."""
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
        except (OSError, ValueError) as error:
            log.debug("the line to the daemon: %s", error)
        finally:
            for asked in self._waiting:
                if not asked.done():
                    asked.set_exception(ConnectionResetError("the daemon has gone"))

    def _take(self, packet: bytes) -> None:
        if self._waiting and packet.startswith(STATUS_REPLY):
            asked = self._waiting.popleft()
            if not asked.done():  # nobody waits any more
                asked.set_result(list(OscMessage(packet).params))
        else:
            self._heard(packet)
