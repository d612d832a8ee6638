"""The f0 hint as training needs it: with the phase that each note really has in the audio.

Kept of it is only what cannot be computed: how far the audio's phase lies from the plain oscillator of the stage, once
a column, for each *stretch* (a pitch sounding without a break). A crop is expanded from that when it is drawn.

stretches  int32 [n, 3]      pitch, first column, column after the last; sorted by pitch, then time
drift      uint16 [anchors]  of each stretch, one after another: columns + 1 angles, at the first sample of each column
                             and at the end; 65536 is one turn, between two of them the angle goes the short way
bends      int16 [columns]   of each stretch, one after another: 1/512 semitones; or None where nothing is bent
excess     uint32 [n]        phase that earlier bends of this pitch have added before the stretch; 2**32 is one turn
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from livewave.render.wavenet import A4_HZ, HINT_CHANNELS, PITCHES

HINT_PERIODS = 6  # length of the window that measures a note's phase, in periods of its fundamental
BEND_UNITS = 512  # to a semitone: steps of 0.2 cents
QUIET = 1e-6  # below this there is no phase to measure: the plain oscillator goes on
TURN = 2**32


@dataclass(frozen=True)
class Stretches:
    """The sounding stretches of a piece and what its hint is made of; arrays as the module says."""

    rate_hz: int
    held: int  # samples a column
    stretches: np.ndarray
    drift: np.ndarray
    bends: np.ndarray | None
    excess: np.ndarray

    @cached_property
    def _offsets(self) -> np.ndarray:
        """int64 [n]: columns in the stretches before each."""
        lengths = self.stretches[:, 2].astype(np.int64) - self.stretches[:, 1]
        return np.cumsum(lengths) - lengths

    def hint(self, start: int, stop: int) -> np.ndarray:
        """float32 [stop - start, 4]: cos and sin of f0 and 2*f0, summed over what sounds; samples `start` to `stop`."""
        out, held, offsets = np.zeros((stop - start, HINT_CHANNELS), np.float32), self.held, self._offsets
        for index in self._overlapping(-(-stop // held), start // held):
            pitch, first, last = (int(v) for v in self.stretches[index])
            t = np.arange(max(start, first * held), min(stop, last * held), dtype=np.int64)
            column, within = np.divmod(t - first * held, held)
            steps = self.steps(index)
            turns = self._phase(index, steps, t, column, within) / TURN
            anchors = self.drift[offsets[index] + index : offsets[index] + index + last - first + 1]
            turns += _between(anchors, column, within / held)
            _add(out[t[0] - start : t[-1] + 1 - start], turns, steps if len(steps) == 1 else steps[column])
        return out

    def bent(self, first: int, last: int) -> np.ndarray:
        """float32 [last - first, 128]: semitones by which what sounds is bent; columns `first` to `last`."""
        out, offsets = np.zeros((last - first, 128), np.float32), self._offsets
        for index in self._overlapping(last, first) if self.bends is not None else ():
            pitch, begin, end = self.stretches[index]
            low, high = max(first, begin), min(last, end)
            offset = offsets[index] - begin
            out[low - first : high - first, pitch] = self.bends[offset + low : offset + high] / np.float32(BEND_UNITS)
        return out

    def steps(self, index: int) -> np.ndarray:
        """uint64: what a stretch adds to its phase per sample: one for each column, or a single one, unbent."""
        pitch, first, last = self.stretches[index]
        if self.bends is None:
            return _steps(self.rate_hz, pitch, np.zeros(1))
        offset = self._offsets[index]
        return _steps(self.rate_hz, pitch, self.bends[offset : offset + last - first] / BEND_UNITS)

    def locked_steps(self, columns: int) -> np.ndarray:
        """uint32 [columns, 128]: what oscillators that begin at 0 with the piece must add per sample to be this hint.

        From anchor to anchor while a pitch sounds; the way to a stretch's first one is gone in the silent column before it.
        """
        steps = np.tile(_steps(self.rate_hz, np.arange(PITCHES), np.zeros(PITCHES)).astype(np.int64), (columns, 1))
        anchor, reached = TURN // 65_536, np.zeros(PITCHES, np.int64)
        for index in self._overlapping(columns, 0):
            pitch, first, last = (int(v) for v in self.stretches[index])
            begin = self._offsets[index] + index
            drift = np.asarray(self.drift[begin : begin + last - first + 1])
            way = np.diff(drift).view(np.int16).astype(np.int64) * anchor // self.held
            shown = min(last, columns) - first
            steps[first : first + shown, pitch] = (self.steps(index).astype(np.int64) + way)[:shown]
            if first:
                steps[first - 1, pitch] += (int(drift[0]) * anchor - reached[pitch]) // self.held
            reached[pitch] = int(drift[-1]) * anchor
        return (steps % TURN).astype(np.uint32)

    def _phase(self, index: int, steps: np.ndarray, t: np.ndarray, column: np.ndarray,
               within: np.ndarray) -> np.ndarray:
        """uint64 [t]: the bent oscillator's phase, modulo 2**32: the sum of its steps over the samples before each."""
        pitch, first, _ = self.stretches[index]
        plain, excess = _steps(self.rate_hz, pitch, np.zeros(1))[0], np.uint64(self.excess[index])
        if len(steps) == 1:
            return (t.astype(np.uint64) * steps[0] + excess) % np.uint64(TURN)
        before = np.cumsum(steps * np.uint64(self.held)) - steps * np.uint64(self.held)
        begin = np.uint64(first * self.held) * plain + excess
        return (begin + before[column] + within.astype(np.uint64) * steps[column]) % np.uint64(TURN)

    def _overlapping(self, last: int, first: int) -> np.ndarray:
        return np.flatnonzero((self.stretches[:, 1] < last) & (self.stretches[:, 2] > first))


def lock(audio: np.ndarray, rate_hz: int, roll_rate_hz: int, stretches: np.ndarray,
         bends: np.ndarray | None = None) -> Stretches:
    """Measure where the phase of each stretch lies in `audio`, float32 [samples].

    stretches  int32 [n, 3]  as the module says
    bends      int16 [columns of all stretches]  1/512 semitones; None = nothing is bent

    Each is demodulated at its own (bent) fundamental under a Hann window of HINT_PERIODS periods. A net that learns
    from this follows a plain oscillator when played; one that learns from a free-running oscillator ignores it.
    """
    from scipy.signal import fftconvolve

    held, anchors = rate_hz // roll_rate_hz, [np.zeros(0, np.uint16)]
    free = Stretches(rate_hz, held, stretches, np.zeros(0, np.uint16), bends, np.zeros(len(stretches), np.uint32))
    free = Stretches(rate_hz, held, stretches, free.drift, bends, _excess(free))
    for index, (pitch, first, last) in enumerate(stretches.tolist()):
        t = np.arange(first * held, last * held)
        column, within = np.divmod(t - t[0], held)
        steps = free.steps(index)
        angle = 2.0 * np.pi / TURN * free._phase(index, steps, t, column, within)
        window = np.hanning(int(HINT_PERIODS * TURN / int(np.median(steps))) | 1)
        found = fftconvolve(audio[t[0] : t[-1] + 1] * np.exp(-1j * angle), window, "same")
        found = np.append(found[::held], found[-1])
        turns = np.where(np.abs(found) > QUIET, np.angle(found), 0.0) / (2.0 * np.pi)
        anchors.append((np.round(turns * 65_536.0).astype(np.int64) % 65_536).astype(np.uint16))
    return Stretches(rate_hz, held, stretches, np.concatenate(anchors), bends, free.excess)


def locked_hint(audio: np.ndarray, rate_hz: int, roll_rate_hz: int, stretches: np.ndarray,
                bends: np.ndarray | None = None) -> np.ndarray:
    """float32 [samples, 4]: the hint of a whole piece at once."""
    return lock(audio, rate_hz, roll_rate_hz, stretches, bends).hint(0, len(audio))


def _excess(free: Stretches) -> np.ndarray:
    """uint32 [n]: a pitch's phase runs on while it is silent, unbent; what its bends have added stays with it."""
    excess = np.zeros(len(free.stretches), np.uint64)
    if free.bends is not None:
        plain = [_steps(free.rate_hz, pitch, np.zeros(1))[0] for pitch in free.stretches[:, 0]]
        for index in range(1, len(excess)):
            if free.stretches[index, 0] == free.stretches[index - 1, 0]:
                added = (free.steps(index - 1).astype(np.int64) - int(plain[index])).sum() * free.held
                excess[index] = (int(excess[index - 1]) + int(added)) % TURN
    return excess.astype(np.uint32)


def _steps(rate_hz: int, pitch: int | np.ndarray, bends: np.ndarray) -> np.ndarray:
    """uint64, one for each bend: as `livewave.render.wavenet.phase_steps`, for a pitch bent by so many semitones."""
    hz = A4_HZ * 2.0 ** ((pitch + np.asarray(bends, np.float64) - 69) / 12.0)
    return np.minimum(np.round(hz / rate_hz * TURN), TURN - 1).astype(np.uint64)


def _between(anchors: np.ndarray, column: np.ndarray, share: np.ndarray) -> np.ndarray:
    """float64 turns: the angle `share` (0..1) of the way from each column's anchor to the next, the short way round."""
    here = anchors[column]
    way = (anchors[column + 1] - here).view(np.int16)  # wraps: a difference modulo one turn
    return (here + way * share) / 65_536.0


def _add(out: np.ndarray, turns: np.ndarray, steps: np.ndarray) -> None:
    """Both harmonics of one stretch, into its rows; a partial at or over half the rate is left out."""
    angle = (2.0 * np.pi * (turns % 1.0)).astype(np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    for harmonic, pair in ((1, (cos, sin)), (2, (2.0 * cos * cos - 1.0, 2.0 * sin * cos))):
        carried = harmonic * steps < TURN // 2
        if carried.any():
            out[:, 2 * harmonic - 2] += pair[0] * carried
            out[:, 2 * harmonic - 1] += pair[1] * carried
