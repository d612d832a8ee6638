"""A piece of training data, and the folder of them that `training.prepare` makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave.control.events import Event
from livewave.music.score import roll_of
from livewave.render.wavenet import WaveNetSpec
from training.data.locked_hint import locked_hint
from training.data.soundfont import SoundFont

FULL_SCALE = 32_767


@dataclass(frozen=True, slots=True)
class Piece:
    """audio float32 [samples]; roll uint8 [columns, 128]; hint float32 [samples, 4] locked to the audio's phase."""

    audio: np.ndarray
    roll: np.ndarray
    hint: np.ndarray

    def save(self, path: Path) -> None:
        audio = np.round(np.clip(self.audio, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
        np.savez_compressed(path, audio=audio, roll=self.roll, hint=self.hint.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> Piece:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["audio"].astype(np.float32) / FULL_SCALE, arrays["roll"], arrays["hint"])


def make_piece(spec: WaveNetSpec, font: SoundFont, events: Sequence[Event], seconds: float, gain: float = 1.0) -> Piece:
    seconds = round(seconds * spec.roll_rate_hz) / spec.roll_rate_hz  # whole columns, or audio and roll drift apart
    audio = np.clip(font.play(events, seconds, spec.model_rate_hz) * gain, -1.0, 1.0)
    roll = roll_of(events, seconds, spec.roll_rate_hz)
    return Piece(audio, roll, locked_hint(spec, audio, roll))
