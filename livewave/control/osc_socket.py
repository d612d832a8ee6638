"""The UDP socket of the OSC server: where it is bound, and what found no room in it."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Sequence

from livewave import ConfigError
from livewave.control.osc_gate import check_exposure

HOST, PORT = "127.0.0.1", 9000
RECEIVE_BUFFER_BYTES = 1 << 22  # where the system allows it: two seconds of 5,000 messages each
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # where one is reached who listens everywhere
# Linux: nine counts of a socket's memory, the last of which is of the datagrams that found no room in it.
SO_MEMINFO, MEMINFO = 55, struct.Struct("=9I")


def bind(host: str, port: int, allow: Sequence[str]) -> socket.socket:
    """Raises ConfigError for an address that cannot be had, or that others can reach with nobody allowed to."""
    if not 0 <= port <= 65_535:
        raise ConfigError(f"OSC port {port} is outside 0..65535; give --osc HOST:PORT, e.g. {HOST}:{PORT}")
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"OSC address {host}:{port}: {error}; give --osc HOST:PORT, e.g. {HOST}:{PORT}") from error
    check_exposure(host, place[0], port, allow)
    bound = socket.socket(family, kind, protocol)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    try:
        bound.bind(place)
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"OSC address {host}:{port} is taken or not ours ({error.strerror}); "
            "end the program that has it, or choose another with --osc HOST:PORT"
        ) from error
    return bound


def reachable(host: str) -> str:
    """The address at which this machine's own programs find a server that is bound to `host`."""
    return EVERYWHERE.get(host, host)


def missed_by(bound: socket.socket) -> int:
    """How many datagrams found no room in the socket so far; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    try:
        counts = bound.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
    except OSError:
        return 0
    return MEMINFO.unpack(counts)[-1] if len(counts) == MEMINFO.size else 0
