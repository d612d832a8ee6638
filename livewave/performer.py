"""The loop body of the audio process: the whole signal path, once per block. No threads, no I/O."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from livewave.link import Command, Order
from livewave.music.bends import Bends
from livewave.music.clock import Clock, SampleClock
from livewave.music.roll import PITCHES, Roll
from livewave.render.engine import Engine
from livewave.render.voice import Voice
from livewave.render.wavenet import bent_steps
from livewave.sound.resample import Resampler

FADE_S = 0.03  # from one gain to another, and to silence at the end
LATE_S = 0.002  # a command this long past its moment counts as late


class Performer:
    """Commands in, device frames out. Thread: the one that plays; `step` allocates a few small arrays and no more.

    A command takes effect a constant `lead_s` after its moment, at the column nearest to it: constant latency instead of
    jitter. `lead_s` must cover the time between two steps. `at_s` 0 means the next column.
    """

    def __init__(self, engine: Engine, clock: Clock, device_rate_hz: int, block_samples: int, seed: int,
                 temperature: float, gain_db: float, lead_s: float, roll: Roll | None = None) -> None:
        """`roll`, fresh, at the engine's rate: one that shows the net something else than held notes (SoftRoll)."""
        spec = engine.spec
        self.held = spec.samples_per_column
        self.block_samples = math.ceil(block_samples / self.held) * self.held
        self.clock, self.lead_s = clock, lead_s
        self.follows_bends = spec.hint != "none"
        self.roll, self.bends = roll or Roll(spec.roll_rate_hz), Bends(spec.roll_rate_hz)
        self.voice = Voice(engine, seed, temperature)
        self.resampler = Resampler(spec.model_rate_hz, device_rate_hz, self.block_samples)
        self.sample_clock = SampleClock(spec.model_rate_hz)
        self.late = self.faults = 0
        self.peak = 0.0  # largest sample since somebody set it to 0
        self.stopping = False
        self.faded_out = False  # a block later than the gain: what the resampler still held has come out too
        self._once_silent: Callable[[], None] | None = None
        self._gain, self._wanted_gain = 0.0, _factor(gain_db)
        self._fade_step = 1.0 / (FADE_S * spec.model_rate_hz)
        self._ramp = np.arange(1.0, self.block_samples + 1)  # in float64: a fade must not depend on how it is split
        self._columns = np.zeros((self.block_samples // self.held, PITCHES), np.uint8)
        self._semitones = np.zeros(self._columns.shape, np.float32)
        self._block = np.zeros(self.block_samples, np.float32)

    @property
    def sample(self) -> int:
        """Number of the next model-rate sample."""
        return self.roll.next_column * self.held

    def step(self) -> np.ndarray:
        """The next block as device frames: float32 [frames], a view that is valid until the next step."""
        self.faded_out = self.stopping and self._gain == 0.0
        if self._once_silent and self._gain == 0.0:
            self._once_silent()
            self._once_silent = None
        self.sample_clock.observe(self.clock.now_s(), self.sample)
        self.roll.columns(self._columns)
        self.voice.render(self._columns, self._block, self._steps())
        self._silence_faults()
        self._apply_gain()
        return self.resampler.process(self._block)

    def obey(self, command: Command) -> None:
        match command.order:
            case Order.STRIKE:
                self.roll.strike(self._column(command.at_s), command.pitch, command.velocity)
            case Order.RELEASE:
                self.roll.release(self._column(command.at_s), command.pitch)
            case Order.RELEASE_ALL:
                self.roll.release_all(self._column(command.at_s))
            case Order.BEND if self.follows_bends:
                self.bends.bend(self._column(command.at_s), command.pitch, command.value)
            case Order.GAIN_DB:
                self._wanted_gain = _factor(command.value)
            case Order.TEMPERATURE:
                self.voice.temperature = command.value
            case Order.RESET:
                self.roll.clear()
                self.bends.clear()
                self._once_silent = self.voice.reset
            case Order.HUSH:
                self._once_silent = self._once_silent or self.voice.rest
            case Order.STOP:
                self.stopping = True

    def _steps(self) -> np.ndarray | None:
        """What bends the hint of the block in `_columns`; None where nothing is bent, or the net has no hint to bend."""
        spec = self.voice.engine.spec
        first = self.roll.next_column - len(self._columns)
        if not self.follows_bends or not self.bends.columns(first, self._columns, self._semitones):
            return None
        return bent_steps(spec, self._semitones)

    def _column(self, at_s: float) -> int:
        if not at_s:
            return self.roll.next_column
        sample = self.sample_clock.sample_at(at_s + self.lead_s)
        if sample < self.sample - LATE_S * self.voice.engine.spec.model_rate_hz:
            self.late += 1
        return max(self.roll.next_column, round(sample / self.held))

    def _silence_faults(self) -> None:
        """A net that leaves the finite numbers starts again from rest; what it made is not heard."""
        if not np.isfinite(self._block).all():
            self._block[:] = 0.0
            self.voice.reset()
            self.faults += 1

    def _apply_gain(self) -> None:
        target = 0.0 if self.stopping or self._once_silent else self._wanted_gain
        if self._gain == target:
            self._block *= np.float32(self._gain)
        else:
            step = math.copysign(self._fade_step, target - self._gain)
            low, high = sorted((self._gain, target))
            gains = np.clip(self._gain + step * self._ramp, low, high)
            self._block *= gains.astype(np.float32)
            self._gain = float(gains[-1])
            if abs(self._gain - target) < 1e-6:
                self._gain = target
        self.peak = max(self.peak, float(np.abs(self._block).max()))


def _factor(gain_db: float) -> float:
    return 10.0 ** (gain_db / 20.0)
