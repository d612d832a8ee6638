"""What systemd is told while it keeps livewave running: ready, well, reloading, stopping.

Without systemd nothing is told. Source: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping

log = logging.getLogger(__name__)

BEATS_A_LIMIT = 2  # signs of life within the time that systemd waits for one


class Service:
    """The socket in $NOTIFY_SOCKET. Never blocks and never raises: what cannot be told is left out, and logged once.

    beat_s  seconds between two signs of life; None where none is waited for

    The variables are taken out of the environment, so that no child speaks for this process. Thread: any, but `watch`: one.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        path = environment.pop("NOTIFY_SOCKET", "")
        self.beat_s = _beat_s(environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", ""))
        self._beaten_s = float("-inf")
        self._status, self._refused = "", False
        self._to = "\0" + path[1:] if path.startswith("@") else path
        self._socket: socket.socket | None = None
        if self._to.startswith(("/", "\0")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        elif path:
            log.warning("systemd is not told anything: $NOTIFY_SOCKET is %r, and only sockets of AF_UNIX are known", path)

    def ready(self, status: str) -> None:
        """It plays, and how: a line for `systemctl status`."""
        self._status = status
        self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is read again; `ready` must follow."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def watch(self, now_s: float, well: bool) -> bool:
        """Called all the time: a sign of life whenever one is due and all is well. Whether there was one."""
        if not well or self.beat_s is None or now_s - self._beaten_s < self.beat_s:
            return False
        self._beaten_s = now_s
        self._tell("WATCHDOG=1")
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _tell(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(line.replace("\n", " ") for line in lines).encode(errors="replace"), self._to)
        except OSError as error:
            log.log(logging.DEBUG if self._refused else logging.WARNING, "systemd was not told %s: %s", lines[0], error)
            self._refused = True


def _beat_s(limit_us: str, pid: str) -> float | None:
    """None unless the limit is meant for this process."""
    if not limit_us.isdecimal() or int(limit_us) == 0 or pid not in ("", str(os.getpid())):
        return None
    return 1e-6 * int(limit_us) / BEATS_A_LIMIT
