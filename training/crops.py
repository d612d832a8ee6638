"""Crops of prepared pieces, made harder for training. What step n hears follows from the seed and n alone.

A step's crops are numbered 0 .. batch - 1, and each draws from its own random numbers: any number of processes that share the
batch hear, together, the same crops.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from livewave import LivewaveError
from livewave.render.wavenet import PITCHES, WaveNetSpec, mulaw_encode
from training.config import Config
from training.data.pieces import Piece
from training.softening import soften

HELD_OUT = 0x7E57  # takes the place of the step in the seed of held-out crops
SOFTEST, STRANGE = 0.1, (0.03, 1.0)  # of a wrong history: least factor of its own sound; factors of the other


@dataclass(frozen=True, slots=True)
class Batch:
    """What one process hears in one step.

    heard   [crops, samples]               what the net is given: the sample before each output; classes or samples
    target  [crops, samples]               int64 classes, or float32 samples (logistic)
    roll    uint8 [crops, columns, 128]    velocities, in a soft roll times probabilities; None for an unconditioned net
    hint    float32 [crops, samples, 4]    None without a hint
    """

    heard: Tensor
    target: Tensor
    roll: Tensor | None
    hint: Tensor | None

    def to(self, device: torch.device) -> Batch:
        return Batch(*(part if part is None else part.to(device, non_blocking=True) for part in
                       (self.heard, self.target, self.roll, self.hint)))

    def rows(self, first: int, last: int) -> Batch:
        return Batch(*(part if part is None else part[first:last] for part in
                       (self.heard, self.target, self.roll, self.hint)))


class Crops:
    """Random crops of pieces, every place of every piece as likely as any other. Raises LivewaveError where none fits.

    Thread: any; holds no random state.
    """

    def __init__(self, config: Config, pieces: Sequence[Piece], what: str = "training") -> None:
        self._spec, self._run, self._data = config.net, config.run, config.data
        self._held = self._spec.samples_per_column
        self._columns = self._run.samples // self._held
        places = [piece.columns - self._columns for piece in pieces]  # column 0 has no sample before it
        self._pieces = [piece for piece, count in zip(pieces, places) if count > 0]
        if not self._pieces:
            longest = max((piece.columns for piece in pieces), default=0) * self._held
            raise LivewaveError(f"no {what} piece is longer than a crop of {self._run.samples} samples (the longest of "
                                f"{len(pieces)} has {longest}); choose fewer with --set run.samples, or prepare longer pieces")
        self._last_places = np.cumsum([count for count in places if count > 0])

    def draw(self, step: int, rows: range, augment: bool) -> Batch:
        """Crops number `rows` of `step`."""
        crops = [self._crop(np.random.default_rng([self._run.seed, step, row]), augment) for row in rows]
        return self._batch(crops)

    def held_out(self, count: int) -> Batch:
        """Clean crops that are the same in every run, whatever its seed."""
        return self._batch([self._crop(np.random.default_rng([HELD_OUT, row]), False) for row in range(count)])

    def _batch(self, crops: list[tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]]) -> Batch:
        heard, target, roll, hint = zip(*crops)
        return Batch(_as_heard(self._spec, np.stack(heard)), _as_heard(self._spec, np.stack(target)),
                     torch.from_numpy(np.stack(roll)) if self._spec.cond_channels else None,
                     torch.from_numpy(np.stack(hint)) if self._spec.hint != "none" else None)

    def _crop(self, rng: np.random.Generator, augment: bool) -> tuple[np.ndarray, ...]:
        piece, first = self._place(rng)
        start, stop = first * self._held, (first + self._columns) * self._held
        audio = piece.audio(start - 1, stop)
        roll = piece.shown(self._spec, first, first + self._columns) if self._spec.cond_channels else None
        hint = piece.hint(start, stop) if self._spec.hint != "none" else None
        heard = audio[:-1]
        if augment:
            heard = self._silent_start(rng, self._noisy(rng, self._wrong(rng, heard)), roll)
            roll = self._soft(rng, roll)
        return heard, audio[1:], roll, hint

    def _place(self, rng: np.random.Generator) -> tuple[Piece, int]:
        """A piece and the first column of a crop."""
        place = int(rng.integers(self._last_places[-1]))
        number = int(np.searchsorted(self._last_places, place, side="right"))
        return self._pieces[number], 1 + place - (int(self._last_places[number - 1]) if number else 0)

    def _wrong(self, rng: np.random.Generator, heard: np.ndarray) -> np.ndarray:
        """What a net hears of itself when it has gone astray: too soft, with notes that were not asked for. It learns to come
        back to those that are."""
        if not self._data.wrong_share or rng.random() >= self._data.wrong_share:
            return heard
        piece, first = self._place(rng)
        other = piece.audio(first * self._held - 1, (first + self._columns) * self._held - 1)
        own, strange = (np.float32(math.exp(rng.uniform(math.log(low), math.log(high)))) for low, high in ((SOFTEST, 1.0), STRANGE))
        return np.clip(own * heard + strange * other, -1.0, 1.0)

    def _noisy(self, rng: np.random.Generator, heard: np.ndarray) -> np.ndarray:
        """Noise in proportion to the signal: absolute noise would drown quiet passages."""
        data = self._data
        if rng.random() >= data.noise_share:
            return heard
        sigma = math.exp(rng.uniform(math.log(data.noise_low), math.log(data.noise_high)))
        noise = rng.standard_normal(len(heard), np.float32)
        return np.clip(heard + np.float32(sigma) * (np.abs(heard) + np.float32(data.noise_floor)) * noise, -1.0, 1.0)

    def _silent_start(self, rng: np.random.Generator, heard: np.ndarray, roll: np.ndarray | None) -> np.ndarray:
        """Silence up to a random sample or up to a note's onset: the net must learn to speak after a rest."""
        warm, samples = self._run.warm, self._run.samples
        if rng.random() >= self._data.silent_start_share:
            return heard
        onsets = np.zeros(0, int) if roll is None else self._held * onsets_of(roll)
        onsets = onsets[(onsets > warm) & (onsets < samples * 3 // 4)]
        at_onset = rng.random() < self._data.onset_share and len(onsets) > 0
        end = int(rng.choice(onsets)) if at_onset else int(rng.integers(warm, samples // 2 + 1))
        return np.concatenate((np.zeros(end, np.float32), heard[end:]))

    def _soft(self, rng: np.random.Generator, roll: np.ndarray | None) -> np.ndarray | None:
        """The roll as somebody would tell it who does not know, but composes."""
        if roll is None or not self._data.soft_share or rng.random() >= self._data.soft_share:
            return roll
        return soften(roll, rng, self._spec.roll_rate_hz)


def onsets_of(roll: np.ndarray) -> np.ndarray:
    """Columns after which a pitch begins to sound."""
    return np.flatnonzero(((roll[1:] > 0) & (roll[:-1] == 0)).any(1))


def synthetic_batch(config: Config, crops: int) -> Batch:
    """A batch in the shape that a run would hear, of noise and random notes: to measure by, without data."""
    spec, samples, rng = config.net, config.run.samples, np.random.default_rng(0)
    audio = np.clip(0.2 * rng.standard_normal((crops, samples + 1)), -1.0, 1.0).astype(np.float32)
    roll = (rng.random((crops, samples // spec.samples_per_column, PITCHES)) < 0.02).astype(np.uint8) * 90
    hint = rng.standard_normal((crops, samples, 4)).astype(np.float32)
    return Batch(_as_heard(spec, audio[:, :-1]), _as_heard(spec, audio[:, 1:]),
                 torch.from_numpy(roll) if spec.cond_channels else None,
                 torch.from_numpy(hint) if spec.hint != "none" else None)


def _as_heard(spec: WaveNetSpec, samples: np.ndarray) -> Tensor:
    return torch.from_numpy(mulaw_encode(samples).astype(np.int64) if spec.output == "mulaw" else samples)


class Loader:
    """The batches of steps first, first + 1 .. in order, on their device; with threads, made ahead of time.

    Threads: one reader. Without threads every batch is made when it is asked for: on a CPU there is no core to spare.
    """

    def __init__(self, crops: Crops, rows: range, device: torch.device, threads: int) -> None:
        self._crops, self._rows, self._device = crops, rows, device
        self._pool = ThreadPoolExecutor(threads, "crops") if threads else None
        self._ahead = 2 * threads

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        if self._pool is None:
            yield from (self._make(step) for step in range(first, last))
            return
        waiting: deque[Future[Batch]] = deque()
        for step in range(first, min(first + self._ahead, last)):
            waiting.append(self._pool.submit(self._make, step))
        for step in range(first, last):
            if step + self._ahead < last:
                waiting.append(self._pool.submit(self._make, step + self._ahead))
            yield waiting.popleft().result().to(self._device)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, step: int) -> Batch:
        batch = self._crops.draw(step, self._rows, augment=True)
        if self._device.type != "cuda":
            return batch
        return Batch(*(part if part is None else part.pin_memory() for part in
                       (batch.heard, batch.target, batch.roll, batch.hint)))
