"""What crosses between the control process and the audio process: fixed records over a local datagram socket.

Commands go to the audio process, block statistics come back. Nothing is parsed but by `struct`; nothing blocks.
"""

from __future__ import annotations

import enum
import errno
import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

RECORD = struct.Struct("<BBBxfd")
DATAGRAM_RECORDS = 100  # 1600 bytes: macOS takes 2048 in a datagram
LARGEST_DATAGRAM_BYTES = 1 << 16


class Order(enum.IntEnum):
    STRIKE = 1
    RELEASE = 2
    RELEASE_ALL = 3
    GAIN_DB = 4
    TEMPERATURE = 5
    RESET = 6
    STOP = 7
    HUSH = 8
    BEND = 9


@dataclass(frozen=True, slots=True)
class Command:
    """An order for the performer. `at_s` (time.monotonic) says when for the first three and bends; 0 means now."""

    order: Order
    at_s: float = 0.0
    pitch: int = 0
    velocity: int = 0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """How the audio process is doing. Counts since its start; times over the last report interval."""

    frames: float = 0.0  # the device's clock
    blocks: float = 0.0
    underruns: float = 0.0
    late: float = 0.0  # commands that came after their moment
    faults: float = 0.0  # blocks that were not finite and were replaced by silence
    level: float = 0.0  # peak of the interval, 0..1
    load: float = 0.0  # share of the block's duration that making it took, mean
    p50_ms: float = 0.0  # of the time a block took
    p99_ms: float = 0.0
    max_ms: float = 0.0
    queue_s: float = 0.0  # the latency stages
    column_s: float = 0.0
    block_s: float = 0.0
    resampler_s: float = 0.0
    ring_s: float = 0.0
    device_s: float = 0.0

    @property
    def latency_s(self) -> float:
        """From an event's arrival to its sound: the sum of the stages."""
        return self.queue_s + self.column_s + self.block_s + self.resampler_s + self.ring_s + self.device_s


_STATS = struct.Struct(f"<c{len(fields(Stats))}d")
_STATS_TAG, _HELLO_TAG = b"S", b"H"


class Link:
    """One end of the socket. Thread: one on each side. Sending never blocks: what does not fit waits for the next flush."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._waiting: list[bytes] = []

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        self._end.close()

    def send(self, commands: Iterable[Command]) -> None:
        records = [RECORD.pack(c.order, c.pitch, c.velocity, c.value, c.at_s) for c in commands]
        for first in range(0, len(records), DATAGRAM_RECORDS):
            self._waiting.append(b"".join(records[first : first + DATAGRAM_RECORDS]))
        self.flush()

    def flush(self) -> None:
        """Send what is waiting; none of it is ever dropped."""
        while self._waiting and self._put(self._waiting[0]):
            self._waiting.pop(0)

    def commands(self) -> list[Command]:
        """Every command that has arrived, in order."""
        return [Command(Order(order), at_s, pitch, velocity, value)
                for datagram in self._datagrams()
                for order, pitch, velocity, value, at_s in RECORD.iter_unpack(datagram)]

    def send_stats(self, stats: Stats) -> None:
        """Lossy: a report that does not fit is replaced by the next one."""
        self._put(_STATS.pack(_STATS_TAG, *astuple(stats)))

    def send_hello(self, facts: dict[str, str | float]) -> None:
        """Once, before playing: what was opened, or why not."""
        self._put(_HELLO_TAG + json.dumps(facts).encode())

    def reports(self) -> list[Stats | dict[str, str | float]]:
        """Every report that has arrived: Stats, or the hello."""
        return [json.loads(datagram[1:]) if datagram[:1] == _HELLO_TAG else Stats(*_STATS.unpack(datagram)[1:])
                for datagram in self._datagrams()]

    def _put(self, datagram: bytes) -> bool:
        try:
            self._end.send(datagram)
        except OSError as error:  # any other: the other process is gone; its supervisor will notice
            return error.errno not in (errno.EAGAIN, errno.EINTR, errno.ENOBUFS)
        return True

    def _datagrams(self) -> list[bytes]:
        datagrams = []
        while True:
            try:
                datagrams.append(self._end.recv(LARGEST_DATAGRAM_BYTES))
            except OSError:  # nothing more, or nobody left
                return datagrams
            if not datagrams[-1]:
                return datagrams[:-1]
