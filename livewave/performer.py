"""The loop body of the audio process: the whole signal path, once per block. No threads, no I/O."""

from __future__ import annotations

import heapq
import logging
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
from livewave.sound.fader import Fader
from livewave.sound.pan import Panner
from livewave.sound.resample import Resampler

LARGEST_BLOCK_SAMPLES = 512
LATE_S = 0.002  # a command this long past its moment counts as late
MOST_FAULTS = 200  # blocks in a row that an engine may fail before it is given up

log = logging.getLogger("livewave")

Placed = Callable[[int, Command], None]


class Performer:
    """Commands in, device frames out. Thread: the one that plays; `step` allocates a few small arrays and no more.

    A command takes effect a constant `lead_s` after its moment, at the column nearest to it: constant latency instead of
    jitter. `lead_s` must cover the time between two steps. `at_s` 0 means the next column.

    What comes out depends on the orders and the columns where they take effect, and not on how blocks divide it: `placed`,
    where somebody listens, is told both, and a fresh performer that is told them by `obey_at` makes the same frames.
    `block_samples` may be changed between two steps.
    """

    def __init__(self, engine: Engine, clock: Clock, device_rate_hz: int, block_samples: int, seed: int,
                 temperature: float, gain_db: float, lead_s: float, roll: Roll | None = None, pan: float | None = None) -> None:
        """`roll`, fresh, at the engine's rate: one that shows the net something else than held notes (SoftRoll).
        With a `pan`, -1 left .. 1 right, frames have three channels."""
        spec = engine.spec
        self.held = spec.samples_per_column
        self.clock, self.lead_s = clock, lead_s
        self.follows_bends = spec.hint != "none"
        self.roll, self.bends = roll or Roll(spec.roll_rate_hz), Bends(spec.roll_rate_hz)
        self.voice = Voice(engine, seed, temperature)
        largest = math.ceil(max(block_samples, LARGEST_BLOCK_SAMPLES) / self.held) * self.held
        self.resampler = Resampler(spec.model_rate_hz, device_rate_hz, largest)
        self._panner = None if pan is None else Panner(device_rate_hz, pan, self.resampler.frames_for(largest) + 1)
        self.sample_clock = SampleClock(spec.model_rate_hz)
        self.late = self.faults = 0
        self.peak = 0.0  # largest sample since somebody set it to 0
        self.stopping = False
        self.faded_out = False  # a block later than the gain: what the resampler still held has come out too
        self.placed: Placed | None = None
        self._turns: list[tuple[int, int, Command]] = []  # a heap of what is not a note: column, order, command
        self._turned = 0
        self._fader = Fader(spec.model_rate_hz)
        self._wanted_gain = _factor(gain_db)
        self._fader.aim(0, self._wanted_gain)
        self._parked = False
        self._once_silent: Callable[[], None] | None = None
        self._silent_column = 0  # from which on nothing is heard, and `_once_silent` is due
        self._sick_until = self._faults_in_a_row = 0
        self._columns = np.zeros((largest // self.held, PITCHES), np.uint8)
        self._semitones = np.zeros(self._columns.shape, np.float32)
        self._block = np.zeros(largest, np.float32)
        self.block_samples = block_samples

    @property
    def block_samples(self) -> int:
        """Samples that a step renders: whole columns."""
        return self._block_columns * self.held

    @block_samples.setter
    def block_samples(self, samples: int) -> None:
        self._block_columns = min(math.ceil(samples / self.held), len(self._columns))

    @property
    def sample(self) -> int:
        """Number of the next model-rate sample."""
        return self.roll.next_column * self.held

    def step(self) -> np.ndarray:
        """The next block as device frames: float32 [frames], or where it is panned [frames, 3], left, right and mono; a view that is
        valid until the next step."""
        self.faded_out = self.stopping and self._fader.is_silent(self.sample)
        self.sample_clock.observe(self.clock.now_s(), self.sample)
        done = 0
        while done < self._block_columns:
            self._take_turns()
            done += self._play(done, self._until_a_turn(self._block_columns - done))
        block = self._block[: self.block_samples]
        self.peak = max(self.peak, float(np.abs(block).max()))
        frames = self.resampler.process(block)
        return self._panner.process(frames) if self._panner else frames

    def obey(self, command: Command) -> None:
        """Let the command take effect at its moment. One that came too late is counted, and takes effect at once."""
        self.obey_at(self._column(command.at_s), command)

    def obey_at(self, column: int, command: Command) -> None:
        """Let the command take effect at the column, or at the next one if that has passed."""
        column = max(column, self.roll.next_column)
        match command.order:
            case Order.STRIKE:
                self.roll.strike(column, command.pitch, command.velocity)
            case Order.RELEASE:
                self.roll.release(column, command.pitch)
            case Order.RELEASE_ALL:
                self.roll.release_all(column)
            case Order.BEND:
                if self.follows_bends:
                    self.bends.bend(column, command.pitch, command.value)
            case order:
                if order is Order.RESET:  # what was to come is forgotten, what comes after is not
                    self.roll.forget(column)
                    self.bends.forget(column)
                heapq.heappush(self._turns, (column, self._turned, command))
                self._turned += 1
        if self.placed:
            self.placed(column, command)

    def is_past(self, at_s: float) -> bool:
        """Whether an order for that moment could only take effect at once."""
        return self.sample_clock.sample_at(at_s + self.lead_s) < self.sample

    @property
    def newest(self) -> tuple[np.ndarray, np.ndarray]:
        """What the last step made: float32 [samples] at the model's rate, before resampling, and uint8 [columns, 128]; views."""
        return self._block[: self.block_samples], self._columns[: self._block_columns]

    def _take_turns(self) -> None:
        """Do what is due at the next column."""
        column = self.roll.next_column
        while self._turns and self._turns[0][0] <= column:
            self._turn(heapq.heappop(self._turns)[2])
        if self._once_silent and column >= self._silent_column:
            self._once_silent()
            self._once_silent = None
            self._aim()

    def _turn(self, command: Command) -> None:
        match command.order:
            case Order.GAIN_DB:
                self._wanted_gain = _factor(command.value)
                self._aim()
            case Order.TEMPERATURE:
                self.voice.temperature = command.value
            case Order.RESET:
                self.roll.silence()
                self.bends.straighten()
                self._fall_silent(self.voice.reset)
            case Order.HUSH:
                self._fall_silent(self._once_silent or self.voice.rest)
            case Order.PRIME:
                self._fall_silent(self.voice.reset)
            case Order.FAULT:
                self._sick_until = self.roll.next_column + round(command.value)
            case Order.STOP:
                self.stopping = True
                self._aim()
            case Order.PAN:
                if self._panner:
                    self._panner.turn(self._frame_of(self.sample), command.value)
            case Order.PARK:
                self._park(bool(command.value))

    def _park(self, parked: bool) -> None:
        """Fade out and let the net be, or let it start again from rest."""
        if self._parked and not parked and self._fader.is_silent(self.sample):
            self.voice.reset()
        self._parked = parked
        self._aim()

    def _frame_of(self, sample: int) -> int:
        """Number of the first frame that the resampler makes after so many samples."""
        rates = self.resampler
        return -(-sample * rates.device_rate_hz // rates.model_rate_hz)

    def _fall_silent(self, then: Callable[[], None]) -> None:
        """Fade out, do what must not be heard, and fade in again."""
        self._once_silent = then
        self._aim()
        self._silent_column = math.ceil(self._fader.arrives / self.held)

    def _aim(self) -> None:
        silent = self.stopping or self._parked or self._once_silent
        self._fader.aim(self.sample, 0.0 if silent else self._wanted_gain)

    def _until_a_turn(self, columns: int) -> int:
        """How many of the next columns can be rendered before there is something to do."""
        edges = [self._turns[0][0]] if self._turns else []
        edges += [edge for edge in (self._silent_column if self._once_silent else 0, self._sick_until) if edge > self.roll.next_column]
        return min([columns, *(edge - self.roll.next_column for edge in edges)])

    def _play(self, first: int, columns: int) -> int:
        """Render so many columns to their place in the block, from column `first` of it on; how many there were."""
        sample, column = self.sample, self.roll.next_column
        roll, out = self._columns[first : first + columns], self._block[first * self.held : (first + columns) * self.held]
        self.roll.columns(roll)
        steps = self._steps(roll)  # bends go on, too, while nothing is rendered
        if self._parked and self._fader.is_silent(sample):
            out[:] = 0.0
            return columns
        sound = self._render(roll, out, steps)
        if column < self._sick_until:
            self._recover(out, column + columns == self._sick_until)
        elif not sound:
            self.faults += 1
            self._sick_until = column + columns
            if self.placed:
                self.placed(column, Command(Order.FAULT, value=columns))
            self._recover(out, True)
        self._fader.apply(sample, out)
        return columns

    def _render(self, roll: np.ndarray, out: np.ndarray, steps: np.ndarray | None) -> bool:
        """Fill `out`; whether it is sound: an engine may fail, and a net may leave the finite numbers."""
        try:
            self.voice.render(roll, out, steps)
            sound = bool(np.isfinite(out).all())
        except Exception as error:  # whatever a driver raises; the note goes on when the engine does
            log.log(logging.DEBUG if self._faults_in_a_row else logging.WARNING, "the engine failed: %s", error)
            if self._faults_in_a_row >= MOST_FAULTS:
                raise
            sound = False
        self._faults_in_a_row = 0 if sound else self._faults_in_a_row + 1
        return sound

    def _recover(self, out: np.ndarray, over: bool) -> None:
        """What a net in trouble makes is not heard, and afterwards it starts again from rest."""
        out[:] = 0.0
        if over:
            self.voice.reset()

    def _steps(self, roll: np.ndarray) -> np.ndarray | None:
        """What bends the hint of the columns; None where nothing is bent, or the net has no hint to bend."""
        first, semitones = self.roll.next_column - len(roll), self._semitones[: len(roll)]
        if not self.follows_bends or not self.bends.columns(first, roll, semitones):
            return None
        return bent_steps(self.voice.engine.spec, semitones)

    def _column(self, at_s: float) -> int:
        if not at_s:
            return self.roll.next_column
        sample = self.sample_clock.sample_at(at_s + self.lead_s)
        if sample < self.sample - LATE_S * self.voice.engine.spec.model_rate_hz:
            self.late += 1
        return round(sample / self.held)


def _factor(gain_db: float) -> float:
    return 10.0 ** (gain_db / 20.0)
