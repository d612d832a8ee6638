"""The voices that play together: each on a stage of its own, rendered side by side, and added.

    stage (one for each voice) -> the same number of frames of each -> sum
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from livewave.link import Command, Order
from livewave.performer import Performer, Placed
from livewave.sound.pan import SIDES
from livewave.stage import Stage

if TYPE_CHECKING:
    from livewave.config import Config
    from livewave.music.clock import Clock
    from livewave.music.roll import Roll
    from livewave.render.engine import Engine

TRIED_BLOCKS, TRIED_PERCENT = 20, 90  # one that met another program does not count
TOGETHER_S = 5.0  # in which every thread of a crew has begun

Take = Callable[[], np.ndarray]
Begin = Callable[[int, Performer, int], "Placed | None"]


def performer_of(config: Config, voice: int, engine: Engine, clock: Clock, device_rate_hz: int, block_s: float,
                 roll: Roll | None = None) -> Performer:
    """Who plays a voice, as it is configured; `lead_s` is 0. Each draws random numbers of its own: two of one net are not the same
    player."""
    model, temperature = config.model, config.ensemble[voice].temperature
    return Performer(
        engine, clock, device_rate_hz, round(block_s * engine.spec.model_rate_hz), (model.seed + voice) % 2**63,
        model.temperature if temperature is None else temperature, gain_db_of(config, voice), 0.0, roll, pan_of(config, voice))


def gain_db_of(config: Config, voice: int) -> float:
    return config.audio.gain_db + config.ensemble[voice].gain_db


def pan_of(config: Config, voice: int) -> float | None:
    """None where frames have one channel: one model alone, that nobody gave a place."""
    return config.ensemble[voice].pan if config.voices else None


class Part:
    """A voice in an ensemble: its stage, and what that has made beyond what was asked for. Thread: one at a time."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._rest: np.ndarray | None = None

    def take(self, count: int) -> np.ndarray:
        """Its next `count` frames: float32 [count], or [count, 3] where voices are panned; valid until the next call."""
        if self._rest is None:
            frames = self.stage.step()
            if len(frames) == count:  # as long as all nets have one rate
                return frames
            self._rest = frames.copy()
        while len(self._rest) < count:
            self._rest = np.concatenate((self._rest, self.stage.step()))
        frames, self._rest = self._rest[:count], self._rest[count:]
        if not len(self._rest):
            self._rest = None
        return frames


class Ensemble:
    """All voices, from one block to the next. Thread: the one that plays; `step` uses those of its crew.

    parts   by voice
    frames  made so far
    newest  what each voice gave to the last block, as `Performer.step` has it
    """

    def __init__(self, performers: Sequence[Performer], crew: Crew | None = None) -> None:
        self.parts = [Part(Stage(performer)) for performer in performers]
        self.frames, self.newest = 0, []
        self._crew = crew or Crew(0)

    def tell(self, begin: Begin) -> None:
        """As `Stage.tell`; `begin` is told the voice, too."""
        for voice, part in enumerate(self.parts):
            part.stage.tell(partial(begin, voice))

    @property
    def performers(self) -> list[Performer]:
        """Those of now, by voice."""
        return [part.stage.performer for part in self.parts]

    @property
    def faded_out(self) -> bool:
        return all(part.stage.faded_out for part in self.parts)

    @property
    def late(self) -> int:
        return sum(part.stage.late for part in self.parts)

    @property
    def faults(self) -> int:
        return sum(part.stage.faults for part in self.parts)

    def gone(self) -> Iterator[Performer]:
        """The performers that are heard no more, once each: to be closed."""
        for part in self.parts:
            yield from part.stage.changed
            part.stage.changed.clear()

    def obey(self, command: Command) -> None:
        for part in self.parts if command.order is Order.STOP else self.parts[command.voice : command.voice + 1]:
            part.stage.obey(command)

    def step(self) -> np.ndarray:
        """The next block as device frames: float32 [frames], or [frames, 2] where voices are panned; valid until the next step.

        How long it is, the first voice decides.
        """
        if len(self.parts) == 1:
            self.newest = [self.parts[0].stage.step()]
        else:
            first = self.parts[0].stage.performer
            count = first.resampler.frames_for(first.block_samples)
            self.newest = self._crew.do([partial(part.take, count) for part in self.parts])
        frames = mixed(self.newest)
        self.frames += len(frames)
        return frames


def share_of(ensemble: Ensemble) -> float:
    """Of the time that a block lasts, how much these voices need for it, side by side on this machine: tried, with TRIED_BLOCKS that
    nobody hears."""
    first = ensemble.performers[0]
    took_s = []
    for _ in range(TRIED_BLOCKS):
        began_s = time.perf_counter()
        ensemble.step()
        took_s.append(time.perf_counter() - began_s)
    return float(np.percentile(took_s, TRIED_PERCENT)) * first.voice.engine.spec.model_rate_hz / first.block_samples


def mixed(voices: Sequence[np.ndarray]) -> np.ndarray:
    """The sum, of what is panned left and right: float32 [n], or [n, 2]. Always in the same order, so that it is the same to the
    last bit wherever it is made."""
    total = voices[0] if voices[0].ndim == 1 else np.ascontiguousarray(voices[0][:, :SIDES])
    for frames in voices[1:]:
        total = total + (frames if frames.ndim == 1 else frames[:, :SIDES])
    return total


def apart(voices: Sequence[np.ndarray]) -> np.ndarray:
    """What each voice gave, before it was panned: float32 [n, voices]."""
    return np.stack([frames[:, SIDES] for frames in voices], axis=1)


class Crew:
    """Threads that share out the voices of a block: whoever is free takes the next one. Engines let go of the interpreter
    while they compute.

    hands  besides the thread that asks
    """

    def __init__(self, hands: int) -> None:
        self._hands = hands
        self._pool = ThreadPoolExecutor(hands, "voice") if hands else None

    @classmethod
    def of(cls, voices: int) -> Crew:
        """As many as there is work for, and processors."""
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(min(voices, processors) - 1)

    def do(self, tasks: Sequence[Take]) -> list[np.ndarray]:
        """What each task gives, in their order. Raises what the first that failed raised, when all are over."""
        given: list[np.ndarray | None] = [None] * len(tasks)
        waiting = deque(enumerate(tasks))

        def work() -> None:
            while waiting:
                try:
                    place, task = waiting.popleft()
                except IndexError:  # another one was quicker
                    return
                given[place] = task()

        helping = [self._pool.submit(work) for _ in range(min(self._hands, len(tasks) - 1))] if self._pool else []
        try:
            work()
        finally:
            called = [one for one in helping if not one.cancel()]
            wait(called)
        for one in called:
            one.result()
        return given

    def each(self, do: Callable[[], str]) -> list[str]:
        """What each hand besides the thread that asks gives; all of them are there afterwards."""
        if not self._pool:
            return []
        together = threading.Barrier(self._hands)

        def one() -> str:
            together.wait(TOGETHER_S)
            return do()

        return [asked.result() for asked in [self._pool.submit(one) for _ in range(self._hands)]]

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown()
