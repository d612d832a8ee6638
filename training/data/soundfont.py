"""A SoundFont plays the events: the sound of a piece, aligned with its roll by construction."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Event, Release, Strike
from livewave.music.score import Note, changes_of, events_of

SYNTH_RATE_HZ = 48_000
RING_OUT_S = 2.0  # of a note that was held at the end of a piece, before the next one begins


class SoundFont:
    """A synthesiser without reverb or chorus that plays one program of a SoundFont.

    FluidSynth: the same calls in the same order give the same bits. Raises LivewaveError without the file or the program.
    """

    def __init__(self, path: str, program: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            import fluidsynth

        if not Path(path).is_file():
            raise LivewaveError(f"no SoundFont at {path}; on Debian: apt-get install fluid-soundfont-gm")
        self._synth = fluidsynth.Synth(gain=0.3, samplerate=float(SYNTH_RATE_HZ))
        self._synth.setting("synth.reverb.active", 0)
        self._synth.setting("synth.chorus.active", 0)
        self._font, self._program = self._synth.sfload(path), program
        if self._font < 0 or self._synth.program_select(0, self._font, 0, program) < 0:
            raise LivewaveError(f"{path} is no SoundFont that holds program {program} in bank 0")

    def play(self, events: Sequence[Event], seconds: float, rate_hz: int) -> np.ndarray:
        """float32 [samples] at `rate_hz`, mono. An event takes effect within 64 synthesiser frames (1.3 ms).

        What is played are the strikes and releases that the roll shows: a note doubled by another channel sounds on.
        """
        import soxr

        self._synth.system_reset()  # what the last piece still held is let go; it also forgets the program
        self._synth.program_select(0, self._font, 0, self._program)
        self._synth.get_samples(round(RING_OUT_S * SYNTH_RATE_HZ))
        parts, frame = [], 0
        for change in changes_of(events):
            at = min(round(change.at_s * SYNTH_RATE_HZ), round(seconds * SYNTH_RATE_HZ))
            if at > frame:
                parts.append(self._synth.get_samples(at - frame))
                frame = at
            self._send(change)
        parts.append(self._synth.get_samples(round(seconds * SYNTH_RATE_HZ) - frame))
        mono = np.concatenate(parts).reshape(-1, 2).mean(1, dtype=np.float32) / 32_768.0
        return soxr.resample(mono, SYNTH_RATE_HZ, rate_hz)[: round(seconds * rate_hz)]

    def close(self) -> None:
        self._synth.delete()

    def _send(self, change: Strike | Release) -> None:
        if isinstance(change, Strike):
            self._synth.noteon(0, change.pitch, change.velocity)
        else:
            self._synth.noteoff(0, change.pitch)


def level_gain(font: SoundFont, low: int, high: int, rate_hz: int) -> float:
    """The gain that brings a three-note chord at velocity 95 to a peak of 0.8, the loudest register deciding."""
    peaks = []
    for root in range(low, high - 7, 4):
        chord = [Note(0.1, 1.2, root + step, 95) for step in (0, 4, 7)]
        peaks.append(np.abs(font.play(events_of(chord), 1.5, rate_hz)).max())
    return 0.8 / max(peaks)
