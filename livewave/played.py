"""What the instrument plays on its own, told to others at its moment: by MIDI out, and by OSC to the notify list."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from livewave.control.events import NoteOff, NoteOn

log = logging.getLogger("livewave")

ADDRESS = "/livewave/note/played"
LOOK_S = 1.0  # between looks at the port
JOIN_S = 3.0
NOTE_ON, NOTE_OFF = 0x90, 0x80

Broadcast = Callable[..., None]  # an OSC address and its values


class Out(Protocol):
    """What is needed of MidiOut; see there."""

    def send(self, packet: Sequence[int]) -> bool: ...
    def follow(self) -> bool: ...
    def close(self) -> None: ...


class Played:
    """Generated notes, handed in a little ahead, go out when they are due. Every note that began out there ends out there.

    count  notes that began

    Threads: "played" of its own for everything that leaves; `put`, `silence` any; `close` one. Never raises.
    """

    def __init__(self, out: Out, broadcast: Broadcast) -> None:
        self.count = 0
        self._out, self._broadcast = out, broadcast
        self._coming: list[tuple[float, int, NoteOn | NoteOff]] = []  # a heap
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._silence = self._closing = False
        self._sounding: set[int] = set()  # told by OSC
        self._sounding_out: set[int] = set()  # on the MIDI out, as far as it could be reached
        self._look_s = time.monotonic() + LOOK_S
        self._thread = threading.Thread(target=self._run, name="played", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, note: NoteOn | NoteOff) -> None:
        """Let it go out at its moment."""
        with self._changed:
            heapq.heappush(self._coming, (note.at_s, next(self._order), note))
            self._changed.notify()

    def silence(self) -> None:
        """Forget what is to come, and end what sounds."""
        with self._changed:
            self._coming.clear()
            self._silence = True
            self._changed.notify()

    def close(self) -> None:
        """End what sounds, then close the MIDI out."""
        with self._changed:
            self._coming.clear()
            self._silence = self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._out.close()

    def _run(self) -> None:
        while not self._closing or self._silence:
            for note in self._due():
                self._play(note)
            if time.monotonic() >= self._look_s:
                self._look_s = time.monotonic() + LOOK_S
                if self._out.follow():
                    self._end_out()

    def _due(self) -> list[NoteOn | NoteOff]:
        """Wait until something is due or to be done, and take what is."""
        with self._changed:
            next_s = min(self._coming[0][0], self._look_s) if self._coming else self._look_s
            wait_s = next_s - time.monotonic()
            if wait_s > 0.0 and not self._silence:
                self._changed.wait(wait_s)
            now_s, due = time.monotonic(), []
            if self._silence:
                self._silence = False
                due = [NoteOff(now_s, "", 0, pitch) for pitch in sorted(self._sounding)]
            while self._coming and self._coming[0][0] <= now_s:
                due.append(heapq.heappop(self._coming)[2])
        return due

    def _play(self, note: NoteOn | NoteOff) -> None:
        if isinstance(note, NoteOn):
            self.count += 1
            self._sounding.add(note.pitch)
            if self._out.send((NOTE_ON | note.channel, note.pitch, note.velocity)):
                self._sounding_out.add(note.pitch)
            self._broadcast(ADDRESS, note.pitch, note.velocity)
        elif note.pitch in self._sounding:
            self._sounding.discard(note.pitch)
            if self._out.send((NOTE_OFF | note.channel, note.pitch, 0)):
                self._sounding_out.discard(note.pitch)
            self._broadcast(ADDRESS, note.pitch, 0)

    def _end_out(self) -> None:
        """The port is back, and whoever hears it may still play what sounded when it went."""
        for pitch in sorted(self._sounding_out):
            self._out.send((NOTE_OFF, pitch, 0))
        self._sounding_out.clear()
