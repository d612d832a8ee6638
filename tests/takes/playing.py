"""An audio process without a device, and the recorder that listens to it: tiny nets, a clock that is told, any blocks."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from livewave.config import Config
from livewave.ensemble import Ensemble
from livewave.link import Command, Order
from livewave.music.clock import ManualClock
from livewave.performer import Performer
from livewave.render.native import NativeEngine
from livewave.render.wavenet import Model, random_weights
from livewave.stage import Stage
from livewave.takes.log import NAME
from livewave.takes.recorder import Recorder
from livewave.takes.tape import TapeWriter, life_of, model_hash
from tests.toys import TINY, tiny_model

RATE_HZ = 48_000
SEED, TEMPERATURE, GAIN_DB = 5, 0.8, -3.0
PATIENCE_S = 10.0


def until(happened: Callable[[], object]) -> object:
    deadline_s = time.monotonic() + PATIENCE_S
    while not (outcome := happened()):
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    return outcome


def other_model() -> Model:
    return Model(TINY, random_weights(TINY, seed=8), "other")


class AudioProcess:
    """What the player does with ensemble and tape. `frames` is all that it made. `pans`, where there are any: a voice for each."""

    def __init__(self, recorder: Recorder, model: Model | None = None, rate_hz: int = RATE_HZ, pans: Sequence[float | None] = (None,),
                 engine: Callable[[Model], NativeEngine] = NativeEngine) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.tape, self.clock, self.rate_hz = TapeWriter(theirs), ManualClock(), rate_hz
        self.made: list[np.ndarray] = []
        self._engine, self._models, self._pans = engine, {}, pans
        recorder.follow(ours)
        self.begin(model or tiny_model())
        self.tape.flush()

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate(self.made)

    def begin(self, model: Model) -> None:
        """Stages of their own, from their frame 0 on."""
        self.ensemble = Ensemble([self._performer(model, voice) for voice in range(len(self._pans))])
        self.ensemble.tell(self._begin)

    @property
    def stage(self) -> Stage:
        """Of the first voice."""
        return self.ensemble.parts[0].stage

    def change(self, model: Model, together: bool, voice: int = 0) -> None:
        self.ensemble.parts[voice].stage.change(self._performer(model, voice), together)

    def obey(self, order: Order, pitch: int = 60, velocity: int = 100, value: float = 0.0, at_s: float = 0.0, voice: int = 0) -> None:
        self.ensemble.obey(Command(order, at_s, pitch, velocity, value, voice))

    def play(self, blocks: int, samples: int | None = None) -> None:
        for _ in range(blocks):
            for performer in self.ensemble.performers if samples else []:
                performer.block_samples = samples
            first = self.ensemble.frames
            frames = self.ensemble.step()
            self.made.append(frames.copy())
            self.tape.frames(first, frames)
            self.tape.flush()
            self.clock.advance(len(frames) / self.rate_hz)

    def await_recording(self, on: bool = True) -> None:
        def told() -> bool:
            self.tape.flush()
            return self.tape.recording is on

        until(told)

    def end(self) -> None:
        self.tape.flush()
        self.tape.close()

    def _performer(self, model: Model, voice: int) -> Performer:
        performer = Performer(self._engine(model), self.clock, self.rate_hz, 64, SEED + voice, TEMPERATURE, GAIN_DB, lead_s=0.01,
                              pan=self._pans[voice])
        self._models[id(performer)] = performer, model
        return performer

    def _begin(self, voice: int, performer: Performer, frame: int):
        _, model = self._models[id(performer)]
        return self.tape.begin(life_of(performer, frame, model.name, model_hash(model), GAIN_DB, voice, self._pans[voice]))


def begin(recorder: Recorder, audio: AudioProcess | None = None) -> Path:
    """Begin a take; its folder, when frames are wanted."""
    answer(recorder.start)
    if audio:
        audio.await_recording()
    return Path(recorder.state)


def answer(ask: Callable) -> str | None:
    """What the recorder answers to `start` or `stop`."""
    heard, told = threading.Event(), []

    def hear(problem: str | None) -> None:
        told.append(problem)
        heard.set()

    ask(hear)
    assert heard.wait(PATIENCE_S)
    return told[0]


def recorder_in(folder: Path, **record: object) -> Recorder:
    return Recorder(str(folder), Config().to_json(), **record)


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
