"""A JACK client that plays MIDI at known frames and records an audio port against the same frames."""

from __future__ import annotations

import gc
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from tests.scenario.daemon import PATIENCE_S, until
from livewave.music.score import Note

MIDI_IN, AUDIO_OUT = r"^livewave[^:]*:midi_in$", r"^livewave[^:]*:out_0$"
START_FRAMES = 4800  # from the call to the first frame of a take


@dataclass(frozen=True, slots=True)
class Take:
    """audio float32 [frames]; missing: (first, last) frame of cycles of the graph that did not run; xruns: as JACK counts them.
    Both are the server's, and everybody on it suffers. period_frames: of the server."""

    audio: np.ndarray
    missing: list[tuple[int, int]]
    xruns: int
    period_frames: int

    @property
    def lost(self) -> list[int]:
        """Before which frames cycles did not run."""
        return [last for _, last in self.missing]


class Meter:
    """Connected to a daemon that is ready. Frame 0 of a take is the same for what is played and what is recorded.

    midi  whether the daemon has a MIDI port of its own; without one only empty scores can be played
    """

    def __init__(self, midi: bool = True) -> None:
        import jack

        jack.set_info_function(lambda message: print(message, file=sys.stderr))  # not where the figures go
        self._client = jack.Client("meter", no_start_server=True)
        self._midi = self._client.midi_outports.register("midi_out")
        self._input = self._client.inports.register("in")
        self._begin: int | None = None
        self._score: list[tuple[int, bytes]] = []
        self._audio = np.zeros(0, np.float32)
        self._next = self._expected = self._xruns = 0
        self._now: int | None = None
        self._missing: list[tuple[int, int]] = []
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._count_xrun)
        self._client.activate()
        if midi:
            self._client.connect(self._midi, self._find(MIDI_IN, is_midi=True, is_input=True))
        self._client.connect(self._find(AUDIO_OUT, is_audio=True, is_output=True), self._input)

    @property
    def rate_hz(self) -> int:
        return self._client.samplerate

    @property
    def frame(self) -> int:
        """Number of the frame, in the take that is on, that is played now. Thread: any."""
        return self._client.frame_time - self._begin if self._begin is not None else 0

    def follow(self) -> None:
        """Listen to what a new audio process has opened, too. Thread: any."""
        import jack

        for port in self._client.get_ports(AUDIO_OUT, is_audio=True, is_output=True):
            if not self._input.is_connected_to(port):
                with suppress(jack.JackError):  # it may be gone again
                    self._client.connect(port, self._input)

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def take(self, score: Sequence[tuple[int, bytes]], seconds: float) -> Take:
        """Play `score` (frame, packet; in order) and record meanwhile."""
        self._score, self._next = list(score), 0
        self._audio = np.zeros(round(seconds * self.rate_hz), np.float32)
        self._missing, self._xruns, self._expected = [], 0, 0
        gc.disable()  # a collection in the callback's thread would cost cycles
        self._begin = self._client.frame_time + START_FRAMES
        end = self._begin + len(self._audio)
        deadline_s = time.monotonic() + seconds + PATIENCE_S
        while self._client.frame_time < end + START_FRAMES:
            assert time.monotonic() < deadline_s, "JACK stands still"
            time.sleep(0.1)
        self._begin = None
        gc.enable()
        return Take(self._audio, self._missing, self._xruns, self._client.blocksize)

    def _find(self, pattern: str, **kind: bool):
        found = until(lambda: [p for p in self._client.get_ports(**kind) if re.match(pattern, p.name)], pattern)
        return found[0]

    def _process(self, frames: int) -> None:
        now = self._client.last_frame_time
        if now == self._now:  # a server in trouble runs a cycle again: what is in the buffer may not have been read yet
            return
        self._now = now
        self._midi.clear_buffer()
        if self._begin is None:
            return
        first = now - self._begin
        if self._expected not in (0, now):
            self._missing.append((self._expected - self._begin, first))
        self._expected = now + frames
        while self._next < len(self._score) and self._score[self._next][0] < first + frames:
            frame, packet = self._score[self._next]
            self._midi.write_midi_event(max(0, frame - first), packet)
            self._next += 1
        begin, end = max(0, first), min(first + frames, len(self._audio))
        if begin < end:
            self._audio[begin:end] = self._input.get_array()[begin - first : end - first]

    def _count_xrun(self, _delay_us: float) -> None:
        self._xruns += 1


def as_midi(notes: Sequence[Note], rate_hz: int) -> list[tuple[int, bytes]]:
    """Notes as packets at frames; at one frame, what ends comes before what begins."""
    packets = [(round(n.start_s * rate_hz), bytes((0x90, n.pitch, n.velocity))) for n in notes]
    packets += [(round(n.end_s * rate_hz), bytes((0x80, n.pitch, 0))) for n in notes]
    return sorted(packets)
