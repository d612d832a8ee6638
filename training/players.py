"""Who plays a phrase: a model on its engine, or the SoundFont that it learned from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from livewave.control.events import Event, PitchBend
from livewave.hearing.soundfont import SoundFont, level_gain
from livewave.music.compass import Compass
from livewave.music.score import Note, bends_of, events_of, roll_of
from livewave.render.native import NativeEngine
from livewave.render.strikes import shown
from livewave.render.voice import Voice
from livewave.render.wavenet import PITCHES, Model, bent_steps
from training.atomic import write_whole


class Player(Protocol):
    """Plays phrases, each from the beginning: nothing is left over from the last. Audio is float32 [samples], mono."""

    rate_hz: int

    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        """What is heard, until `tail_s` after the last note."""

    def play_bare(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        """What the instrument makes by itself: a net without the `Voice` that silences its rests and its start."""


class NetPlayer:
    """A model on the native engine; the same seed plays the same take.

    Call `close` at the end. Raises EngineUnavailable for an unknown precision.
    """

    def __init__(self, model: Model, seed: int, temperature: float, precision: str = "auto") -> None:
        self.spec, self.rate_hz, self.seed, self.temperature = model.spec, model.spec.model_rate_hz, seed, temperature
        self.engine = NativeEngine(model, precision)

    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        return self.play_events(events_of(notes), max(note.end_s for note in notes) + tail_s)

    def play_events(self, events: Sequence[Event], seconds: float) -> np.ndarray:
        """The events, pedals and bends included, as a fresh `Voice` plays them: float32 [samples]."""
        roll, steps = roll_of(events, seconds, self.spec.roll_rate_hz), None
        if self.spec.hint != "none" and any(isinstance(event, PitchBend) and event.value for event in events):
            steps = bent_steps(self.spec, bends_of(events, roll, self.spec.roll_rate_hz))
        audio = np.zeros(len(roll) * self.spec.samples_per_column, np.float32)
        Voice(self.engine, self.seed, self.temperature).render(roll, audio, steps)
        return audio

    def play_bare(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        roll = roll_of(events_of(notes), max(note.end_s for note in notes) + tail_s, self.spec.roll_rate_hz)
        return self._free(shown(self.spec, roll))

    def play_free(self, seconds: float) -> np.ndarray:
        """What the net makes when no note is held: all that there is to hear of an unconditioned one."""
        return self._free(np.zeros((round(seconds * self.spec.roll_rate_hz), PITCHES), np.uint8))

    def close(self) -> None:
        self.engine.close()

    def _free(self, roll: np.ndarray) -> np.ndarray:
        audio = np.zeros(len(roll) * self.spec.samples_per_column, np.float32)
        uniforms = np.random.default_rng(self.seed).random(len(audio), dtype=np.float32)
        self.engine.reset()
        self.engine.render(roll, uniforms, audio, self.temperature)
        return audio


class FontPlayer:
    """A SoundFont, at the level at which it is prepared for training: the most to be reached. Call `close` at the end.

    Raises LivewaveError without the file or the program.
    """

    def __init__(self, path: str, program: int, compass: Compass, rate_hz: int) -> None:
        self.rate_hz, self.font = rate_hz, SoundFont(path, program)
        self.gain = level_gain(self.font, compass.low, compass.high, rate_hz)

    def play(self, notes: Sequence[Note], tail_s: float = 1.0) -> np.ndarray:
        seconds = max(note.end_s for note in notes) + tail_s
        return np.clip(self.gain * self.font.play(events_of(notes), seconds, self.rate_hz), -1.0, 1.0)

    play_bare = play

    def close(self) -> None:
        self.font.close()


def chosen_precision(model: Model, precision: str) -> str:
    """What "auto" comes to, measured once and not in every process."""
    engine = NativeEngine(model, precision)
    engine.close()
    return engine.precision


def write_wav(path: Path, audio: np.ndarray, rate_hz: int) -> None:
    """Mono 16 bits at `path`, whole or not at all. Raises OSError."""
    import soundfile

    data = io.BytesIO()
    soundfile.write(data, audio, rate_hz, format="WAV", subtype="PCM_16")
    write_whole(path, data.getvalue())
