"""`livewave status`: what a running daemon says of itself, asked for by OSC as anybody could."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping

from livewave import LivewaveError
from livewave.control import osc_guard
from livewave.control.osc import OscMessage, build_msg
from livewave.control.osc_socket import reachable
from livewave.logs import one_line

ASKED, ANSWER = "/livewave/status", "/livewave/status.reply"
AGAIN_S = 0.5  # a datagram may be lost

Status = dict[str, int | float | str]


def ask_status(host: str, port: int, timeout_s: float) -> Status:
    """Names and values, in the daemon's order. Raises LivewaveError when nobody answers in time."""
    host = reachable(host)
    deadline_s = time.monotonic() + timeout_s
    try:
        with _connected(host, port) as line:
            while (left_s := deadline_s - time.monotonic()) > 0.0:
                line.send(build_msg(ASKED, []).dgram)
                for datagram in _arriving(line, min(AGAIN_S, left_s)):
                    if (status := _status(datagram)) is not None:
                        return status
    except ConnectionRefusedError:
        reason = "nobody listens there"
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    else:
        reason = f"no answer within {timeout_s:g} s"
    raise LivewaveError(f"no livewave at {host}:{port}: {reason}; start it with livewave run, or say where it is with --osc HOST:PORT")


def _connected(host: str, port: int) -> socket.socket:
    """A socket that hears nobody else."""
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    line = socket.socket(family, kind, protocol)
    try:
        line.connect(place)
    except OSError:
        line.close()
        raise
    return line


def _arriving(line: socket.socket, for_s: float) -> Iterator[bytes]:
    until_s = time.monotonic() + for_s
    while (left_s := until_s - time.monotonic()) > 0.0:
        line.settimeout(left_s)
        try:
            yield line.recv(osc_guard.MAX_DATAGRAM_BYTES)
        except TimeoutError:
            return


def _status(datagram: bytes) -> Status | None:
    """None for anything else: it may be of somebody who is no livewave."""
    try:
        osc_guard.check(datagram)
        message = OscMessage(datagram)
    except Exception:  # whatever it does to the parser, it is no answer
        return None
    values = list(message.params)
    if message.address != ANSWER or len(values) % 2 or not all(isinstance(name, str) for name in values[::2]):
        return None
    if not all(isinstance(value, (int, float, str)) for value in values):
        return None
    return dict(zip(values[::2], values[1::2]))


# ---- for eyes

_UNITS: dict[str, Callable[[float], str]] = {
    "_ms": lambda value: f"{value:.1f} ms",
    "_db": lambda value: f"{value:.1f} dB",
    "_hz": lambda value: f"{value:g} Hz",
    "_bpm": lambda value: f"{value:.1f} bpm",
    "_frames": lambda value: f"{value:g} frames",
    "_s": lambda value: f"{int(value) // 3600}:{int(value) // 60 % 60:02}:{int(value) % 60:02}",
}


def table(status: Mapping[str, int | float | str]) -> list[str]:
    """A line for each, aligned; what is empty is left out."""
    rows = [_row(name, value) for name, value in status.items() if value != ""]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:{width}}  {value}" for name, value in rows]


def _row(name: str, value: int | float | str) -> tuple[str, str]:
    if name == "load":
        return name, f"{100 * value:.0f} % of real time"
    for suffix, told in _UNITS.items():
        if name.endswith(suffix) and isinstance(value, (int, float)):
            return name.removesuffix(suffix).replace("_", " "), told(value)
    return name.replace("_", " "), f"{value:.2f}" if isinstance(value, float) else one_line(str(value))
