"""Do audio and notes belong together, and at which offset?

Twice a cross-correlation. That of pitch classes, heard and asked for, tells whether they belong together (right pairs
reach 0.7 and more, wrong ones 0.1) and the offset to a fifth of a second; that of onsets tells the offset to 10 ms,
where the instrument has clear ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from livewave.music.score import Note

HOP_S = 0.01
CHROMA_S, ONSET_S = 0.128, 0.032  # windows
CHROMA_HZ = (80.0, 2_000.0)
REACH_S = 5.0  # offsets that are looked for
RELATED = 0.25  # correlation of pitch classes
BETTER = 0.1  # by which another speed must correlate better to be told
CLEAR = 6.0  # standard deviations by which the offset of onsets stands above others; else attacks are too soft to tell
SOFT_S = 0.3  # by which a soft attack may seem late; so far from the offset of the pitches that of the onsets may lie
MOST_OFFSET_S, MOST_DRIFT_S = 0.05, 0.1
FEWEST_NOTES = 8  # fewer say nothing
PART_S = 10.0  # half of a recording that is long enough to have an offset of its own
SPEEDS = {
    44_100 / 48_000: "44.1 kHz audio that says it is 48 kHz", 48_000 / 44_100: "48 kHz audio that says it is 44.1 kHz",
    0.5: "audio at twice the speed of the notes", 2.0: "audio at half the speed of the notes",
}


@dataclass(frozen=True)
class Alignment:
    """offset_s     sound minus notes: positive where the sound comes late
    correlation  of pitch classes, at that offset
    clear        whether onsets gave the offset: else it is SOFT_S rough
    drift_s      the offset at the end minus the one at the beginning; 0 where that cannot be told
    """

    offset_s: float
    correlation: float
    clear: bool
    drift_s: float = 0.0

    @property
    def related(self) -> bool:
        return self.correlation >= RELATED

    @property
    def movable(self) -> bool:
        """One shift of the notes would bring them to the sound."""
        return self.related and abs(self.drift_s) <= self._tolerated(MOST_DRIFT_S)

    def complaint(self) -> str:
        """What is wrong, with figures; empty when nothing is."""
        if not self.related:
            return f"audio and notes do not belong together: their pitches correlate by {self.correlation:.2f} at " \
                   f"best, {RELATED} is the least"
        if not self.movable:
            return f"audio and notes run apart: by {abs(self.drift_s):.2f} s from beginning to end"
        if abs(self.offset_s) > self._tolerated(MOST_OFFSET_S):
            return f"the sound comes {1e3 * abs(self.offset_s):.0f} ms {'late' if self.offset_s > 0 else 'early'}"
        return ""

    def _tolerated(self, limit_s: float) -> float:
        return limit_s if self.clear else limit_s + SOFT_S


def alignment(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> Alignment | None:
    """None where there are too few notes to tell.

    audio  float32 [samples]
    """
    if len(notes) < FEWEST_NOTES:
        return None
    heard = _heard(audio, rate_hz)
    asked = _asked(notes, len(heard))
    found, half = _offset(heard, asked), len(heard) // 2
    if not found.related or half * HOP_S < PART_S:
        return found
    first, last = _offset(heard[:half], asked[:half]), _offset(heard[half:], asked[half:])
    told = first.related and last.related and first.clear == last.clear
    drift_s = 2.0 * (last.offset_s - first.offset_s) if told else 0.0
    return Alignment(found.offset_s, found.correlation, found.clear, drift_s)


def other_speed(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> str:
    """What kind of mistake makes the notes agree when they are played faster or slower; empty if none does."""
    heard = _heard(audio, rate_hz)

    def agreement(ratio: float) -> float:
        """At that speed; what plays faster also sounds higher, by a number of semitones that need not be whole."""
        semitones = -12.0 * np.log2(ratio)
        shifts = {0, int(np.floor(semitones)), int(np.ceil(semitones))}
        played = ([Note(n.start_s * ratio, n.end_s * ratio, n.pitch + shift, n.velocity) for n in notes]
                  for shift in shifts)
        return max(_offset(heard, _asked(part, len(heard))).correlation for part in played)

    found = {ratio: agreement(ratio) for ratio in SPEEDS}
    best = max(found, key=found.get)
    return SPEEDS[best] if found[best] > max(2.0 * RELATED, agreement(1.0) + BETTER) else ""


def _heard(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """float64 [frames of HOP_S, 13]: each pitch class's share of the spectrum, and how much louder the spectrum gets
    (spectral flux on a logarithmic scale, Bello et al. 2005)."""
    hz = np.fft.rfftfreq(round(CHROMA_S * rate_hz), 1.0 / rate_hz)
    tonal = np.flatnonzero((hz > CHROMA_HZ[0]) & (hz < CHROMA_HZ[1]))
    classes = np.zeros((12, len(hz)))
    classes[np.round(12.0 * np.log2(hz[tonal] / 440.0) + 69.0).astype(int) % 12, tonal] = 1.0
    chroma = _frames(audio, rate_hz, CHROMA_S, lambda spectrum: spectrum @ classes.T)
    total = chroma.sum(1, keepdims=True)
    chroma /= total + 0.02 * np.percentile(total, 95) + 1e-12  # what is far below the loud passages says nothing
    loudness = _frames(audio, rate_hz, ONSET_S, lambda spectrum: np.log1p(1e3 * spectrum))
    rise = np.maximum(np.diff(loudness, axis=0, prepend=loudness[:1]), 0.0).sum(1, keepdims=True)
    return np.concatenate((chroma, rise), 1)


def _frames(audio: np.ndarray, rate_hz: int, window_s: float, see: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What `see` makes of the amplitudes [frames, bins] around every HOP_S, some thousand frames at a time."""
    size, hop = round(window_s * rate_hz), round(HOP_S * rate_hz)
    padded = np.concatenate((np.zeros(size // 2, np.float32), audio, np.zeros(size, np.float32)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(audio) + 1 : hop]
    window = np.hanning(size) / size
    return np.concatenate([see(np.abs(np.fft.rfft(frames[i : i + 4_096] * window))).astype(np.float32)
                           for i in range(0, len(frames), 4_096)])


def _asked(notes: Sequence[Note], frames: int) -> np.ndarray:
    """float64 [frames, 13]: as `_heard`, of the notes."""
    asked = np.zeros((frames, 13))
    for note in notes:
        first, last = (max(round(at_s / HOP_S), 0) for at_s in (note.start_s, note.end_s))
        asked[first:last, note.pitch % 12] = 1.0
        asked[first : first + 1, 12] = 1.0
    asked[:, :12] /= np.maximum(asked[:, :12].sum(1, keepdims=True), 1.0)
    asked[:, 12] = np.convolve(asked[:, 12], np.hanning(6)[1:-1], "same")
    return asked


def _offset(heard: np.ndarray, asked: np.ndarray) -> Alignment:
    heard, asked = heard - heard.mean(0), asked - asked.mean(0)
    reach, soft = min(round(REACH_S / HOP_S), len(heard) - 1), round(SOFT_S / HOP_S)
    pitches = sum(_correlation(heard[:, i], asked[:, i], reach) for i in range(12))
    pitches /= np.sqrt(np.square(heard[:, :12]).sum() * np.square(asked[:, :12]).sum()) + 1e-12
    rough = int(pitches.argmax())
    onsets = _correlation(heard[:, 12], asked[:, 12], reach)
    near = slice(max(rough - soft, 0), min(rough + soft + 1, len(onsets)))
    peak = near.start + int(onsets[near].argmax())
    away = np.delete(onsets, np.r_[near])
    clear = len(away) > 0 and onsets[peak] - away.mean() > CLEAR * away.std() > 0.0
    return Alignment(((peak if clear else rough) - reach) * HOP_S, float(pitches[rough]), bool(clear))


def _correlation(heard: np.ndarray, asked: np.ndarray, reach: int) -> np.ndarray:
    """float64 [2 * reach + 1]: offsets -reach..reach."""
    from scipy.signal import correlate

    return correlate(heard, asked, "full", "fft")[len(asked) - 1 - reach : len(asked) + reach]
