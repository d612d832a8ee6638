"""The tape: what the audio process did, told to the control process as it happens, over a local stream socket.

    record = kind, length of what follows | what follows
    BEGIN    a JSON object: a life, one performer from its fresh start
    PLACED   an order, the number of its life, and the column where it takes effect
    FRAMES   the number of the first one, when they were rendered, how many channels, float32 [n, channels]

The writer never waits: what the socket does not take stays with it. Of frames that is BACKLOG_S; orders are never dropped.
Back comes one byte, whether to send frames.
"""

from __future__ import annotations

import enum
import hashlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from livewave.link import Command, Order

if TYPE_CHECKING:
    from livewave.performer import Performer
    from livewave.render.wavenet import Model

SOCKET_BYTES = 1 << 20  # asked for; the system may give less
BACKLOG_S = 10.0
READ_BYTES = 1 << 18
MOST_READ_BYTES = 1 << 22  # by one call, that others have their turn
LARGEST_RECORD_BYTES = 1 << 22

HEAD = struct.Struct("<BxxxI")
PLACED = struct.Struct("<qIBBBxd")
FRAMES = struct.Struct("<qdBxxx")
ON, OFF = b"1", b"0"

Placed = Callable[[int, Command], None]


class Kind(enum.IntEnum):
    BEGIN = 1
    PLACED = 2
    FRAMES = 3


@dataclass(frozen=True, slots=True)
class Begun:
    """A life began. `number` counts those of its audio process, from 0."""

    number: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """An order took effect, or will, in life `number` at `column`."""

    number: int
    column: int
    command: Command


@dataclass(frozen=True, slots=True)
class Heard:
    """Frames of an audio process, from its frame `first` on, rendered at `at_s` (time.monotonic): [n], or [n, 2] of an ensemble."""

    first: int
    at_s: float
    frames: np.ndarray


Record = Begun | Put | Heard


def model_hash(model: Model) -> str:
    """64 hex digits that tell nets apart: of shape and weights, not of what its card says."""
    digest = hashlib.sha256(model.spec.to_json().encode())
    for name in sorted(model.weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(model.weights[name], np.float32).data)
    return digest.hexdigest()


def life_of(performer: Performer, frame: int, model: str, fingerprint: str, gain_db: float, voice: int = 0,
            pan: float | None = None) -> dict[str, Any]:
    """What `TapeWriter.begin` is told of a fresh performer, which has been given no order yet.

    frame        of the audio process, at which the performer's first one is heard
    fingerprint  model_hash of the model
    gain_db, pan with which it was made
    voice        of the ensemble, counted from 0
    """
    player, resampler = performer.voice, performer.resampler
    engine = player.engine
    return {
        "voice": voice, "pan": pan, "frame": frame, "model": model, "model_hash": fingerprint, "engine": engine.name,
        "isa": getattr(engine, "isa", ""), "precision": getattr(engine, "precision", ""), "seed": player.seed,
        "temperature": player.temperature, "gain_db": gain_db, "rate_hz": resampler.device_rate_hz,
        "block_samples": performer.block_samples, "at_s": time.monotonic(), "wall_s": time.time(),
    }


class TapeWriter:
    """The end in the audio process. Thread: performer only. Never waits, never raises.

    recording    whether frames are wanted; as of the last `flush`
    gone         whether the other end is closed, with the process that had it; as of the last `flush`
    lost_frames  that found no room
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self.recording = False
        self.lost_frames = 0
        self._end, self.gone = end, False
        self._lives = 0
        self._block: list[bytes] = []  # since the last flush
        self._waiting: deque[bytes] = deque()
        self._sent_bytes = 0  # of the first that waits
        self._waiting_bytes = 0
        self._most_bytes = round(BACKLOG_S * 48_000) * 4

    def begin(self, life: dict[str, Any]) -> Placed:
        """A life begins, as `life_of` tells it; what is returned is to be told its orders."""
        number, self._lives = self._lives, self._lives + 1
        self._most_bytes = round(BACKLOG_S * life["rate_hz"]) * 4 * (1 if life.get("pan") is None else 2)
        self._put(Kind.BEGIN, json.dumps({"number": number, **life}).encode())
        return partial(self._placed, number)

    def frames(self, first: int, frames: np.ndarray) -> None:
        """frames float32 [n] or [n, 2], copied; dropped and counted where there is no room."""
        if not self.recording:
            return
        if self._waiting_bytes > self._most_bytes:
            self.lost_frames += len(frames)
            return
        channels = frames.shape[1] if frames.ndim == 2 else 1
        self._put(Kind.FRAMES, FRAMES.pack(first, time.monotonic(), channels) + frames.tobytes())

    def flush(self) -> None:
        """Once a block: send what there is, as far as it goes, and hear whether frames are wanted."""
        if self.gone:
            return
        if self._block:
            block = b"".join(self._block)
            self._block.clear()
            self._waiting.append(block)
            self._waiting_bytes += len(block)
        try:
            self._send()
            if asked := self._end.recv(64):
                self.recording = asked[-1:] == ON
            else:
                self._leave()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # the control process is gone; who plays notices by itself
            self._leave()

    def close(self) -> None:
        self._leave()
        self._end.close()

    def _placed(self, number: int, column: int, command: Command) -> None:
        self._put(Kind.PLACED, PLACED.pack(column, number, command.order, command.pitch, command.velocity, command.value))

    def _put(self, kind: Kind, body: bytes) -> None:
        if not self.gone:
            self._block += (HEAD.pack(kind, len(body)), body)

    def _send(self) -> None:
        try:
            while self._waiting:
                sent = self._end.send(memoryview(self._waiting[0])[self._sent_bytes :])
                self._sent_bytes += sent
                self._waiting_bytes -= sent
                if self._sent_bytes == len(self._waiting[0]):
                    self._waiting.popleft()
                    self._sent_bytes = 0
        except (BlockingIOError, InterruptedError):
            return

    def _leave(self) -> None:
        self.gone, self.recording = True, False
        self._block.clear()
        self._waiting.clear()
        self._waiting_bytes = 0


class TapeReader:
    """The end in the control process. Thread: recorder only. Never waits, never raises.

    ended   nothing more will come: the other end is closed, or broken
    broken  it does not speak as a TapeWriter does
    """

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.ended = self.broken = False
        self._end = end
        self._buffer = bytearray()
        self._asked: bytes | None = None  # what could not be sent

    def ask(self, recording: bool) -> None:
        """Let frames be sent, or not."""
        self._asked = ON if recording else OFF
        self._tell()

    def read(self) -> list[Record]:
        """What has arrived, in order; after MOST_READ_BYTES the rest is for the next call."""
        self._tell()
        count = 0
        while not self.ended and count < MOST_READ_BYTES:
            try:
                data = self._end.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # reset: its process was killed
                data = b""
            self.ended = not data
            self._buffer += data
            count += len(data)
        return self._records()

    def close(self) -> None:
        self.ended = True
        self._end.close()

    def _tell(self) -> None:
        if self._asked is None or self.ended:
            return
        try:
            self._end.send(self._asked)
            self._asked = None
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # it is gone; what it said before is still to be read
            self._asked = None

    def _records(self) -> list[Record]:
        records, place, end = [], 0, len(self._buffer)
        try:
            while place + HEAD.size <= end:
                kind, size = HEAD.unpack_from(self._buffer, place)
                if kind not in _READ or size > LARGEST_RECORD_BYTES:
                    raise ValueError(f"a record of kind {kind}, {size} bytes")
                if place + HEAD.size + size > end:
                    break
                place += HEAD.size
                records.append(_READ[kind](bytes(self._buffer[place : place + size])))
                place += size
        except (ValueError, KeyError, AttributeError, struct.error):
            self.ended = self.broken = True
            place = end
        del self._buffer[:place]
        return records


def _begun(body: bytes) -> Begun:
    facts = json.loads(body)
    return Begun(facts.pop("number"), facts)


def _put(body: bytes) -> Put:
    column, number, order, pitch, velocity, value = PLACED.unpack(body)
    return Put(number, column, Command(Order(order), 0.0, pitch, velocity, value))


def _heard(body: bytes) -> Heard:
    first, at_s, channels = FRAMES.unpack_from(body)
    frames = np.frombuffer(body, np.float32, offset=FRAMES.size)
    return Heard(first, at_s, frames.reshape(-1, channels) if channels > 1 else frames)


_READ: dict[int, Callable[[bytes], Record]] = {Kind.BEGIN: _begun, Kind.PLACED: _put, Kind.FRAMES: _heard}
