"""OSC over TCP: datagrams in a stream of bytes, and the connections that carry them.

Two framings are in use: SLIP (OSC 1.1, RFC 1055), and a size before each packet (OSC 1.0; sclang sends so). Which one a peer uses its
first byte tells: a size is smaller than 2^24, so it begins with 0, and no packet does. It is answered in the same way.
python-osc has both, without a limit to what it gathers, and ends a connection at the single END that RFC 1055 allows.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"
MAX_PACKET_BYTES = 65_507  # as of a datagram
MAX_WAITING_BYTES = 1 << 18  # of answers that a peer has not taken; one that waits longer is left
MAX_CONNECTIONS = 32
STREAM = "tcp"  # ends the address of a sender that is connected
READ_BYTES = 1 << 16
KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}  # seconds, seconds, times: then a silent peer has gone
_size = struct.Struct(">I")

Frames = Callable[[bytearray], Iterator[bytes]]


def slip(packet: bytes) -> bytes:
    """One packet as SLIP sends it, with an END on both sides."""
    return END + packet.replace(ESCAPE, ESCAPED_ESCAPE).replace(END, ESCAPED_END) + END


def sized(packet: bytes) -> bytes:
    """One packet with its size before it."""
    return _size.pack(len(packet)) + packet


def out_of_slip(gathered: bytearray) -> Iterator[bytes]:
    """Take the whole packets out of what has been gathered. Raises ValueError for what is no SLIP, or too long."""
    while (end := gathered.find(END)) >= 0:
        frame = bytes(gathered[:end])
        del gathered[: end + 1]
        if frame:  # else the END that begins a packet
            yield _unescaped(frame)
    if len(gathered) > 2 * MAX_PACKET_BYTES:
        raise ValueError(f"a packet of more than {MAX_PACKET_BYTES} bytes")


def out_of_sizes(gathered: bytearray) -> Iterator[bytes]:
    """Take the whole packets out of what has been gathered. Raises ValueError for one that is empty or too long."""
    while len(gathered) >= _size.size:
        (size,) = _size.unpack_from(gathered)
        if not 0 < size <= MAX_PACKET_BYTES:
            raise ValueError(f"a packet of {size} bytes; 1 to {MAX_PACKET_BYTES} can be")
        if len(gathered) < _size.size + size:
            return
        yield bytes(gathered[_size.size : _size.size + size])
        del gathered[: _size.size + size]


def _unescaped(frame: bytes) -> bytes:
    parts = frame.split(ESCAPE)
    if any(part[:1] not in (b"\xdc", b"\xdd") for part in parts[1:]):
        raise ValueError("a SLIP escape that escapes nothing")
    return parts[0] + b"".join((END if part[:1] == b"\xdc" else ESCAPE) + part[1:] for part in parts[1:])


class Connection:
    """One peer. Threads: `send` any; the rest the one that receives.

    sender   host, port, and a word that tells it from a sender of datagrams
    waiting  whether there is more to be sent than the peer has taken
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._socket, self._lock = connected, threading.Lock()
        self.sender = (*connected.getpeername()[:2], STREAM)
        self.dead = False
        self._gathered, self._unsent = bytearray(), bytearray()
        self._frame, self._frames = slip, None

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def waiting(self) -> bool:
        return bool(self._unsent)

    def receive(self) -> Iterator[bytes]:
        """The packets that have arrived. Raises OSError or ValueError when it is over: gone, or not to be understood."""
        try:
            arrived = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not arrived:
            raise ConnectionResetError("the peer has gone")
        if self._frames is None:
            by_size = arrived[:1] == b"\0"
            self._frame, self._frames = (sized, out_of_sizes) if by_size else (slip, out_of_slip)
        self._gathered += arrived
        yield from self._frames(self._gathered)

    def send(self, packet: bytes) -> bool:
        """False when it is not sent: the peer has gone, or takes nothing any more."""
        with self._lock:
            frame = self._frame(packet)
            if self.dead or len(self._unsent) + len(frame) > MAX_WAITING_BYTES:
                self.dead = True
                return False
            self._unsent += frame
        self.flush()
        return not self.dead

    def flush(self) -> None:
        """Send what the peer takes now."""
        with self._lock:
            try:
                with contextlib.suppress(BlockingIOError, InterruptedError):  # the rest goes when the peer has room
                    while self._unsent:
                        del self._unsent[: self._socket.send(self._unsent)]
            except OSError:
                self.dead = True

    def close(self) -> None:
        with self._lock:
            self.dead = True
            self._socket.close()


class Listener:
    """The TCP side of an OSC server, at the address that its UDP socket has. Threads: `send` any; the rest the one that receives.

    problem    why it cannot be had there; nobody can connect then
    listening  the socket to wait at, if any
    """

    def __init__(self, beside: socket.socket) -> None:
        self.problem, self.listening = "", []
        self._connections: dict[tuple, Connection] = {}
        self._socket = socket.socket(beside.family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        try:
            self._socket.bind(beside.getsockname())
            self._socket.listen(MAX_CONNECTIONS)
            self.listening = [self._socket]
        except OSError as error:
            self.problem = error.strerror

    @property
    def connections(self) -> list[Connection]:
        return list(self._connections.values())

    def accept(self, allows: Callable[[str], bool]) -> str:
        """Take a peer that waits; why one was sent away."""
        try:
            connected, peer = self._socket.accept()
        except OSError:  # it has gone already
            return ""
        refused = ("is not in [control] allow" if not allows(peer[0])
                   else f"is one too many: {MAX_CONNECTIONS} are connected" if len(self._connections) >= MAX_CONNECTIONS else "")
        try:
            connection = Connection(connected)
        except OSError:
            refused = refused or "went at once"
        if refused:
            connected.close()
            return f"{peer[0]} {refused}"
        self._connections[connection.sender] = connection
        return ""

    def send(self, packet: bytes, to: tuple) -> bool:
        connection = self._connections.get(to)
        return connection is not None and connection.send(packet)

    def drop(self, connection: Connection) -> None:
        self._connections.pop(connection.sender, None)
        connection.close()

    def close(self) -> None:
        for connection in self.connections:
            self.drop(connection)
        self._socket.close()
