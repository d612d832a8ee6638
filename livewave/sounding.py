"""Tells the notify list which pitches sound, so that a panel can draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from livewave.voices import Voices

ADDRESS = "/livewave/sounding"
LEAST_S = 0.05  # between two messages
LONGEST_S = 1.0  # without one: a datagram may be lost, and somebody may have come since

Broadcast = Callable[..., None]  # an OSC address and its values


class Sounding:
    """Compares what is held with what was told of it. Thread: the daemon's."""

    def __init__(self, voices: Voices, broadcast: Broadcast) -> None:
        self._voices, self._broadcast = voices, broadcast
        self._told, self._told_s = (b"", b""), -math.inf

    def watch(self, now_s: float) -> None:
        """Often: tell what has changed."""
        since_s = now_s - self._told_s
        if since_s < LEAST_S:
            return
        sounding = tuple(map(vector, self._voices.hands))
        if sounding != self._told or since_s >= LONGEST_S:
            self._told, self._told_s = sounding, now_s
            self._broadcast(ADDRESS, *sounding)


def vector(pitches: Iterable[int]) -> bytes:
    """16 bytes, one bit a pitch: the lowest bit of byte 0 is pitch 0."""
    return sum(1 << pitch for pitch in pitches).to_bytes(16, "little")
