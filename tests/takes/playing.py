"""An audio process without a device, and the recorder that listens to it: tiny nets, a clock that is told, any blocks."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from livewave.config import Config
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
    """What the player does with stage and tape. `frames` is all that it made."""

    def __init__(self, recorder: Recorder, model: Model | None = None, rate_hz: int = RATE_HZ,
                 engine: Callable[[Model], NativeEngine] = NativeEngine) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.tape, self.clock, self.rate_hz = TapeWriter(theirs), ManualClock(), rate_hz
        self.made: list[np.ndarray] = []
        self._engine, self._models = engine, {}
        recorder.follow(ours)
        self.begin(model or tiny_model())
        self.tape.flush()

    @property
    def frames(self) -> np.ndarray:
        return np.concatenate(self.made)

    def begin(self, model: Model) -> None:
        """With a stage of its own, from its frame 0 on."""
        self.stage = Stage(self._performer(model))
        self.stage.tell(self._begin)

    def change(self, model: Model, together: bool) -> None:
        self.stage.change(self._performer(model), together)

    def obey(self, order: Order, pitch: int = 60, velocity: int = 100, value: float = 0.0, at_s: float = 0.0) -> None:
        self.stage.obey(Command(order, at_s, pitch, velocity, value))

    def play(self, blocks: int, samples: int | None = None) -> None:
        for _ in range(blocks):
            if samples:
                self.stage.performer.block_samples = samples
            first = self.stage.frames
            frames = self.stage.step()
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

    def _performer(self, model: Model) -> Performer:
        performer = Performer(self._engine(model), self.clock, self.rate_hz, 64, SEED, TEMPERATURE, GAIN_DB, lead_s=0.01)
        self._models[id(performer)] = performer, model
        return performer

    def _begin(self, performer: Performer, frame: int):
        _, model = self._models[id(performer)]
        return self.tape.begin(life_of(performer, frame, model.name, model_hash(model), GAIN_DB))


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
