"""A datagram socket that plays systemd."""

from __future__ import annotations

import socket


class Systemd:
    """Listens at `address`, as $NOTIFY_SOCKET names it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.told: list[list[str]] = []  # the lines of each datagram that `heard` has taken
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[list[str]]:
        """What has come since it was asked last."""
        fresh = []
        while True:
            try:
                fresh.append(self._socket.recv(65_536).decode().split("\n"))
            except BlockingIOError:
                self.told += fresh
                return fresh

    def count(self, line: str) -> int:
        """How often it was told that, so far."""
        self.heard()
        return sum(line in datagram for datagram in self.told)

    def close(self) -> None:
        self._socket.close()
