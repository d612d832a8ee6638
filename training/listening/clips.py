"""Recordings made comparable: one rate, one channel, one loudness and one length, with names that tell nothing.

FLAC at 48 kHz: lossless, so that no encoder is judged with the systems, and played by Chromium, Firefox and Safari
alike (by Safari from 11 on, which is not sure to play Ogg).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import firwin, oaconvolve

from livewave import LivewaveError
from livewave.hearing.recordings import read_mono
from training.listening.loudness import RATE_HZ, loudness_lufs

TARGET_LUFS = -23.0  # EBU R 128; lower where a clip would pass the ceiling
CEILING = 10.0 ** (-1.0 / 20.0)  # of a sample: 1 dB is left to what a player's resampler adds between samples
FADE_S = 0.02  # of every clip's end: one that is not cut there would be told by its click
SILENT = 10.0 ** (-60.0 / 20.0)  # of the peak
SHORTEST_S = 0.1
ANCHOR_HZ, ANCHOR_TAPS = 3_700.0, 1_023  # flat up to 3.5 kHz, 50 dB down at 4 kHz: narrower than BS.1534-3 asks for


@dataclass(frozen=True, slots=True)
class Clip:
    """What one system made of one stimulus: audio float32 [samples] at 48 kHz, and the gain it had to get."""

    system: str
    stimulus: str
    audio: np.ndarray
    gain_db: float

    def flac(self) -> bytes:
        out = io.BytesIO()
        soundfile.write(out, np.round(self.audio * 32_767.0).astype(np.int16), RATE_HZ, format="FLAC", subtype="PCM_16")
        return out.getvalue()


def read_sound(path: Path, allow_clipped: bool = False) -> np.ndarray:
    """float32 [samples] at 48 kHz, channels averaged.

    Raises LivewaveError as `read_mono` does, and for a file that is too short or clipped.
    """
    audio, clipped = read_mono(path, RATE_HZ)
    if len(audio) < SHORTEST_S * RATE_HZ:
        raise LivewaveError(f"{path} lasts {len(audio) / RATE_HZ:.3f} s; a clip needs {SHORTEST_S:g} s at least")
    if clipped and not allow_clipped:
        raise LivewaveError(f"{path} is clipped: samples in a row stand at full scale; make it again at a lower level, or pass"
                            " --allow-clipped if clipping is part of what you compare")
    return audio


def low_anchor(audio: np.ndarray) -> np.ndarray:
    """`audio` without what lies above 3.5 kHz. Source: ITU-R BS.1534-3, section 5.1."""
    taps = firwin(ANCHOR_TAPS, ANCHOR_HZ, fs=RATE_HZ)
    return oaconvolve(audio, taps, "full")[ANCHOR_TAPS // 2:][: len(audio)].astype(np.float32)


def make_clips(sounds: Mapping[tuple[str, str], np.ndarray], seconds: float,
               target_lufs: float = TARGET_LUFS) -> tuple[list[Clip], float]:
    """Clips of one loudness, and that loudness in LUFS. `sounds`: (system, stimulus) to float32 [samples] at 48 kHz.

    All clips of a stimulus get the length of the shortest, `seconds` at most: a length would tell the system.
    Raises LivewaveError naming what is silent.
    """
    lengths: dict[str, int] = {}
    for (_, stimulus), audio in sounds.items():
        lengths[stimulus] = min(lengths.get(stimulus, round(seconds * RATE_HZ)), len(audio))
    cut = {pair: _cut(audio, lengths[pair[1]]) for pair, audio in sounds.items()}
    levels = {pair: _level(pair, audio) for pair, audio in cut.items()}
    loudest = (levels[pair] + 20.0 * np.log10(CEILING / np.abs(audio).max()) for pair, audio in cut.items())
    target = min(target_lufs, *loudest)
    clips = []
    for (system, stimulus), audio in cut.items():
        gain_db = float(target - levels[system, stimulus])
        clips.append(Clip(system, stimulus, audio * np.float32(10.0 ** (gain_db / 20.0)), gain_db))
    return clips, float(target)


def _cut(audio: np.ndarray, samples: int) -> np.ndarray:
    fade = min(round(FADE_S * RATE_HZ), samples)
    audio = audio[:samples].copy()
    audio[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return audio


def _level(pair: tuple[str, str], audio: np.ndarray) -> float:
    level = loudness_lufs(audio)
    if np.abs(audio).max() < SILENT or level == -np.inf:
        first_s = len(audio) / RATE_HZ
        raise LivewaveError(f"system {pair[0]!r}, stimulus {pair[1]!r} is silent in its first {first_s:.1f} s; cut its"
                            " rest off, raise --seconds, or leave the stimulus out everywhere")
    return level
