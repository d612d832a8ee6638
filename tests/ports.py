"""Ports that nobody has."""

from __future__ import annotations

import contextlib
import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """One that UDP and TCP can both have, as the daemon wants it."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as stream, contextlib.suppress(OSError):
            datagrams.bind((HOST, 0))
            stream.bind(datagrams.getsockname())
            return datagrams.getsockname()[1]
