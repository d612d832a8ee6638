"""What a WAV file sounds like, also while it is being written."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr

from livewave.render.wavenet import A4_HZ
from tests.scenario.daemon import until
from tests.scenario.score import compass, shifted
from livewave.music.score import Note
from livewave.hearing.measures import chord_recall, in_tune

HEADER_BYTES = 44
RATE_HZ = 48_000
SCORING_RATE_HZ = 16_000


def read_wav(path: Path) -> np.ndarray:
    """float32 [frames] of a closed file: what its header promises is there, and nothing more."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        frames = file.getnframes()
        pcm = np.frombuffer(file.readframes(frames), "<i2")
    assert len(pcm) == frames == (path.stat().st_size - HEADER_BYTES) // 2
    return pcm.astype(np.float32) / 32767.0


def so_far(path: Path) -> np.ndarray:
    """float32 [frames] of a file that still grows: all that has reached it, whatever its header says."""
    data = path.read_bytes()[HEADER_BYTES:] if path.exists() else b""
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32767.0


def await_end(path: Path, seconds: float, fits: Callable[[np.ndarray], object], what: str) -> None:
    """Wait until the newest `seconds` of a growing file fit."""
    size = round(seconds * RATE_HZ)
    until(lambda: len(audio := so_far(path)) >= size and fits(audio[-size:]), what)


def await_sound(path: Path, seconds: float = 0.3) -> None:
    await_end(path, seconds, lambda audio: longest_gap_s(audio) < 0.02 and level(audio) > 0.01, "sound")


def await_silence(path: Path, seconds: float = 0.2) -> None:
    await_end(path, seconds, lambda audio: not audio.any(), "silence")


def await_more(path: Path, seconds: float) -> None:
    """Wait until the file has grown by `seconds`."""
    frames = len(so_far(path)) + round(seconds * RATE_HZ)
    until(lambda: len(so_far(path)) >= frames, "more of the file")


def level(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0


def onset(audio: np.ndarray) -> int:
    """The first frame that is not silent: rests are exact zeros."""
    frames = np.flatnonzero(audio)
    assert len(frames), "nothing sounds"
    return int(frames[0])


def sounding_part(audio: np.ndarray) -> np.ndarray:
    """From the first sound to the last that is within 40 dB of the peak: a tail that fades into 16 bits holds zeros."""
    return audio[onset(audio) : int(np.flatnonzero(np.abs(audio) > 0.01 * np.abs(audio).max())[-1]) + 1]


def longest_rest_s(audio: np.ndarray) -> float:
    """The longest time that stays below a thousandth of the peak."""
    return longest_gap_s(np.where(np.abs(audio) < 1e-3 * np.abs(audio).max(), 0.0, audio))


def longest_gap_s(audio: np.ndarray) -> float:
    """The longest run of exact zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate(([1], audio != 0.0, [1]))))
    return float((edges[1::2] - edges[::2]).max(initial=0)) / RATE_HZ


def partials_share(audio: np.ndarray, pitch: int) -> float:
    """Share of the power that lies within a third of a semitone of the partials of `pitch`."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1.0 / RATE_HZ)
    f0_hz = A4_HZ * 2.0 ** ((pitch - 69) / 12)
    number = np.maximum(1.0, np.round(hz / f0_hz))
    near = np.abs(hz - number * f0_hz) < f0_hz * (2.0 ** (1 / 36) - 1.0) * number
    return float(power[near].sum() / power.sum())


def at_scoring_rate(audio: np.ndarray, rate_hz: int = RATE_HZ) -> np.ndarray:
    return soxr.resample(audio, rate_hz, SCORING_RATE_HZ)


def following(audio: np.ndarray, notes: Sequence[Note]) -> dict[str, float]:
    """livewave.hearing's score of a take whose first sound is the first note: latency is no mistake."""
    return in_tune(at_scoring_rate(audio), SCORING_RATE_HZ, as_heard(audio, notes), compass())


def recall(audio: np.ndarray, notes: Sequence[Note]) -> float:
    """livewave.hearing's chord score of such a take."""
    return chord_recall(at_scoring_rate(audio), SCORING_RATE_HZ, as_heard(audio, notes))


def as_heard(audio: np.ndarray, notes: Sequence[Note]) -> list[Note]:
    return shifted(notes, onset(audio) / RATE_HZ - notes[0].start_s)


def newest_recall(audio: np.ndarray, pitches: Sequence[int]) -> float:
    """How much of a chord stands out in the newest second."""
    notes = [Note(0.0, 0.95, pitch, 100) for pitch in pitches]
    return chord_recall(at_scoring_rate(audio[-RATE_HZ:]), SCORING_RATE_HZ, notes)
