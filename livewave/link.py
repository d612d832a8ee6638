"""What crosses between the control process and the audio process: fixed records over a local datagram socket.

Commands, models and the word to start go to the audio process; block statistics and a few reports come back. What comes
while it plays is parsed by `struct` alone; nothing blocks.
"""

from __future__ import annotations

import enum
import errno
import json
import math
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, fields

RECORD = struct.Struct("<BBBBfd")
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
    PRIME = 10  # fade out, start the net again from rest, fade in: the notes stay
    FAULT = 11  # told, not given: so many columns (`value`) were not finite and were replaced by silence
    BLOCK = 12  # render so many samples (`value`) at a time
    LOOK = 13  # to a standby: report what the default output is now
    PAN = 14  # to `value`, -1 left .. 1 right, where frames have two channels
    PARK = 15  # fade out and render no more (`value` 1), or play again (0)


@dataclass(frozen=True, slots=True)
class Command:
    """An order for the performer of a voice. `at_s` (time.monotonic) says when for the first three and bends; 0 means now."""

    order: Order
    at_s: float = 0.0
    pitch: int = 0
    velocity: int = 0
    value: float = 0.0
    voice: int = 0  # counted from 0; STOP and BLOCK are for all


@dataclass(frozen=True, slots=True)
class Handover:
    """A model to be opened, in a file (see livewave.handover), and how. Whoever receives it closes the descriptor.

    number  chosen by the sender; the report about it names it
    voice   who is to play it
    """

    descriptor: int
    number: int
    engine: str = "auto"
    options: dict[str, str] = field(default_factory=dict)
    voice: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """Open the output and play, each voice with the model that was handed over for it last.

    settings  the configuration's tree, as text (Config.to_json)
    or_null   whether null may take the place of a sound card that is not there
    """

    settings: str
    or_null: bool


Message = Command | Handover | Start
Report = dict[str, "str | float"]
Spectrum = bytes  # of the newest samples: see livewave.render.bands


@dataclass(frozen=True, slots=True)
class VoiceStats:
    """How a voice sounds, over the last report interval."""

    level: float = 0.0  # peak at the model's rate, 0..1
    adherence: float = math.nan  # see livewave.render.adherence; nan where there is nothing to judge
    offset: float = 0.0  # mean of the newest samples: what a loudspeaker cannot play
    sounding_s: float = 0.0  # since the last change of what is held; 0 where nothing is
    struck_s: float = 0.0  # since the last strike


@dataclass(frozen=True, slots=True)
class Stats:
    """How the audio process is doing. Counts since its start; times over the last report interval."""

    frames: float = 0.0  # the device's clock
    blocks: float = 0.0
    underruns: float = 0.0
    late: float = 0.0  # commands that came after their moment
    faults: float = 0.0  # blocks that were not finite and were replaced by silence
    level: float = 0.0  # peak of the interval, of all voices together
    load: float = 0.0  # share of the block's duration that making it took, mean
    p50_ms: float = 0.0  # of the time a block took
    p99_ms: float = 0.0
    max_ms: float = 0.0
    block_s: float = 0.0  # what a block lasts
    queue_s: float = 0.0  # the latency stages
    column_s: float = 0.0
    made_s: float = 0.0  # a block is made at once
    resampler_s: float = 0.0
    ring_s: float = 0.0
    device_s: float = 0.0
    voices: tuple[VoiceStats, ...] = ()

    @property
    def adherence(self) -> float:
        """Of the voice that follows its notes least; nan where there is nothing to judge."""
        return min((voice.adherence for voice in self.voices if not math.isnan(voice.adherence)), default=math.nan)

    @property
    def latency_s(self) -> float:
        """From an event's arrival to its sound: the sum of the stages."""
        return self.queue_s + self.column_s + self.made_s + self.resampler_s + self.ring_s + self.device_s


_STATS = struct.Struct(f"<c{len(fields(Stats)) - 1}d")
_VOICE = struct.Struct(f"<{len(fields(VoiceStats))}d")
_STATS_TAG, _REPORT_TAG, _SPECTRUM_TAG = b"S", b"R", b"B"
_COMMANDS_TAG, _MODEL_TAG, _START_TAG = b"C", b"M", b"P"


class Link:
    """One end of the socket. Thread: one on each side. Sending never blocks: what does not fit waits for the next flush."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._waiting: list[tuple[bytes, int | None]] = []  # datagram, descriptor that goes with it

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        for _, descriptor in self._waiting:
            if descriptor is not None:
                os.close(descriptor)
        self._waiting.clear()
        self._end.close()

    def send(self, commands: Iterable[Command]) -> None:
        records = [RECORD.pack(c.order, c.pitch, c.velocity, c.voice, c.value, c.at_s) for c in commands]
        for first in range(0, len(records), DATAGRAM_RECORDS):
            self._waiting.append((_COMMANDS_TAG + b"".join(records[first : first + DATAGRAM_RECORDS]), None))
        self.flush()

    def send_model(self, handover: Handover) -> None:
        """The descriptor stays open here until it has left."""
        about = json.dumps([handover.number, handover.engine, handover.options, handover.voice]).encode()
        self._waiting.append((_MODEL_TAG + about, os.dup(handover.descriptor)))
        self.flush()

    def send_start(self, start: Start) -> None:
        self._waiting.append((_START_TAG + json.dumps([start.settings, start.or_null]).encode(), None))
        self.flush()

    def flush(self) -> None:
        """Send what is waiting; none of it is ever dropped."""
        while self._waiting and self._put(*self._waiting[0]):
            _, descriptor = self._waiting.pop(0)
            if descriptor is not None:
                os.close(descriptor)

    def messages(self) -> list[Message]:
        """Everything that has arrived, in order."""
        messages: list[Message] = []
        while True:
            try:
                datagram, descriptors, _, _ = socket.recv_fds(self._end, LARGEST_DATAGRAM_BYTES, 1)
            except OSError:  # nothing more, or nobody left
                return messages
            if not datagram:
                return messages
            messages += _read(datagram, descriptors)

    def send_stats(self, stats: Stats) -> None:
        """Lossy: a report that does not fit is replaced by the next one."""
        *values, voices = astuple(stats)
        self._put(_STATS.pack(_STATS_TAG, *values) + b"".join(_VOICE.pack(*voice) for voice in voices))

    def send_spectrum(self, spectrum: Spectrum) -> None:
        """Lossy, like the statistics."""
        self._put(_SPECTRUM_TAG + spectrum)

    def send_report(self, report: Report) -> None:
        """What happened, once: see livewave.player."""
        self._waiting.append((_REPORT_TAG + json.dumps(report).encode(), None))
        self.flush()

    def reports(self) -> list[Stats | Report | Spectrum]:
        """Every report that has arrived."""
        return [_report(datagram) for datagram in self._datagrams()]

    def _put(self, datagram: bytes, descriptor: int | None = None) -> bool:
        try:
            if descriptor is None:
                self._end.send(datagram)
            else:
                socket.send_fds(self._end, [datagram], [descriptor])
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


def _report(datagram: bytes) -> Stats | Report | Spectrum:
    tag, rest = datagram[:1], datagram[1:]
    if tag == _SPECTRUM_TAG:
        return rest
    return json.loads(rest) if tag == _REPORT_TAG else _stats(datagram)


def _read(datagram: bytes, descriptors: list[int]) -> list[Message]:
    tag, rest = datagram[:1], datagram[1:]
    if tag == _COMMANDS_TAG:
        return [Command(Order(order), at_s, pitch, velocity, value, voice)
                for order, pitch, velocity, voice, value, at_s in RECORD.iter_unpack(rest)]
    if tag == _START_TAG:
        return [Start(*json.loads(rest))]
    number, engine, options, voice = json.loads(rest)
    return [Handover(descriptors[0], number, engine, options, voice)]


def _stats(datagram: bytes) -> Stats:
    voices = tuple(VoiceStats(*values) for values in _VOICE.iter_unpack(datagram[_STATS.size :]))
    return Stats(*_STATS.unpack_from(datagram)[1:], voices)
