"""A SoundFont plays the events: the sound of a piece, aligned with its roll by construction."""

from __future__ import annotations

import contextlib
import ctypes
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Bend, Event, Release, Strike
from livewave.hearing.extra import needed
from livewave.hearing.recordings import at_rate
from livewave.music.score import Note, changes_of, events_of

SUFFIXES = (".sf2", ".sf3")
SYNTH_RATE_HZ = 48_000
BEND_RANGE = 12  # semitones of a full pitch wheel; 14 bits of it are steps of 0.15 cents
BEND_EVERY_S = 0.002
MEMBERS = tuple(channel for channel in range(1, 16) if channel != 9)  # one bent note each, as in MPE; 9 is drums

# name, type, 1 for an input, as pyfluidsynth declares a function of FluidSynth
WRITE_FLOAT = tuple((name, kind, 1) for name, kind in (
    ("synth", ctypes.c_void_p), ("len", ctypes.c_int), ("lout", ctypes.c_void_p), ("loff", ctypes.c_int), ("lincr", ctypes.c_int),
    ("rout", ctypes.c_void_p), ("roff", ctypes.c_int), ("rincr", ctypes.c_int)))

Call = tuple[float, Callable[[], object]]  # at_s, what to tell the synthesiser
Curve = Callable[[np.ndarray], np.ndarray]  # seconds since the strike -> semitones


class SoundFont:
    """A synthesiser without reverb or chorus that plays one program of a SoundFont, .sf2 or .sf3.

    A piece gives the same bits whatever was played before it. Raises LivewaveError without the file or the program.
    """

    def __init__(self, path: str, program: int) -> None:
        if not Path(path).is_file():
            raise LivewaveError(f"no SoundFont at {path}; on Debian: apt-get install fluid-soundfont-gm")
        self._path, self._program, self._synth = path, program, None
        self._open()

    def play(self, events: Sequence[Event], seconds: float, rate_hz: int) -> np.ndarray:
        """float32 [samples] at `rate_hz`, mono. An event takes effect within 64 synthesiser frames (1.3 ms).

        What is played are the strikes and releases that the roll shows: a note doubled by another channel sounds on.
        Bends are not.
        """
        self._open()
        return self._take(self._calls(events), seconds, rate_hz)

    def play_bent(self, notes: Sequence[tuple[Note, Curve | None]], seconds: float, rate_hz: int) -> np.ndarray:
        """The same of notes, some with a pitch that moves. No pitch may sound twice at once."""
        self._open()
        calls, member = self._calls(events_of([note for note, curve in notes if curve is None])), 0
        for note, curve in notes:
            if curve is not None:
                calls += self._bent(note, curve, MEMBERS[member % len(MEMBERS)])
                member += 1
        return self._take(sorted(calls, key=lambda call: call[0]), seconds, rate_hz)

    def close(self) -> None:
        if self._synth is not None:
            self._synth.delete()
            self._synth = None

    def _open(self) -> None:
        """A synthesiser of its own for each piece: FluidSynth's voices, blocks and dither remember what was played
        before. Only the samples of the program are read, so this takes a tenth of a second."""
        with contextlib.redirect_stdout(io.StringIO()), needed("pyfluidsynth"):  # it announces itself
            import fluidsynth

        self.close()
        self._write_float = fluidsynth.cfunc("fluid_synth_write_float", ctypes.c_int, *WRITE_FLOAT)
        self._synth = fluidsynth.Synth(gain=0.3, samplerate=float(SYNTH_RATE_HZ))
        for setting, value in (("synth.reverb.active", 0), ("synth.chorus.active", 0),
                               ("synth.dynamic-sample-loading", 1)):
            self._synth.setting(setting, value)
        font = self._synth.sfload(self._path)
        if font < 0 or self._synth.program_select(0, font, 0, self._program) < 0:
            self.close()
            raise LivewaveError(f"{self._path} is no SoundFont that holds program {self._program} in bank 0; programs are 0..127")
        for channel in MEMBERS:
            self._synth.program_select(channel, font, 0, self._program)
            for controller, value in ((101, 0), (100, 0), (6, BEND_RANGE), (38, 0)):  # RPN 0: pitch bend sensitivity
                self._synth.cc(channel, controller, value)

    def _take(self, calls: Sequence[Call], seconds: float, rate_hz: int) -> np.ndarray:
        parts, frame = [], 0
        for at_s, call in calls:
            at = min(round(at_s * SYNTH_RATE_HZ), round(seconds * SYNTH_RATE_HZ))
            if at > frame:
                parts.append(self._frames(at - frame))
                frame = at
            call()
        parts.append(self._frames(round(seconds * SYNTH_RATE_HZ) - frame))
        return at_rate(np.concatenate(parts), SYNTH_RATE_HZ, rate_hz)[: round(seconds * rate_hz)]

    def _frames(self, count: int) -> np.ndarray:
        """float32 [count], mono. Not in 16 bits, as pyfluidsynth has it: their dither comes from the C library's rand(), whose
        state anything in the process may have moved."""
        stereo = np.zeros((count, 2), np.float32)
        buffer = stereo.ctypes.data_as(ctypes.c_void_p)
        self._write_float(self._synth.synth, count, buffer, 0, 2, buffer, 1, 2)
        return stereo.mean(axis=1)

    def _calls(self, events: Sequence[Event]) -> list[Call]:
        return [self._change(change) for change in changes_of(events) if not isinstance(change, Bend)]

    def _change(self, change: Strike | Release) -> Call:
        if isinstance(change, Strike):
            return change.at_s, lambda: self._synth.noteon(0, change.pitch, change.velocity)
        return change.at_s, lambda: self._synth.noteoff(0, change.pitch)

    def _bent(self, note: Note, curve: Curve, channel: int) -> list[Call]:
        """The wheel moves first, so that the note begins where its curve does."""
        after_s = np.arange(0.0, note.end_s - note.start_s, BEND_EVERY_S)
        wheels = np.round(curve(after_s) / BEND_RANGE * 8_192).clip(-8_192, 8_191).astype(int).tolist()
        calls = [(note.start_s + after, lambda wheel=wheel: self._synth.pitch_bend(channel, wheel))
                 for after, wheel in zip(after_s.tolist(), wheels)]
        calls.insert(1, (note.start_s, lambda: self._synth.noteon(channel, note.pitch, note.velocity)))
        return [*calls, (note.end_s, lambda: self._synth.noteoff(channel, note.pitch))]


def level_gain(font: SoundFont, low: int, high: int, rate_hz: int) -> float:
    """The gain that brings a three-note chord at velocity 95 to a peak of 0.8, the loudest register deciding."""
    peaks = []
    for root in range(low, high - 7, 4):
        chord = [Note(0.1, 1.2, root + step, 95) for step in (0, 4, 7)]
        peaks.append(np.abs(font.play(events_of(chord), 1.5, rate_hz)).max())
    if not max(peaks):
        raise LivewaveError(f"this program of the SoundFont is silent at pitches {low}..{high}: choose another "
                            "--program, --low or --high")
    return 0.8 / max(peaks)
