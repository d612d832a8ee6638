"""Stretches of pieces, transposed and cut, as batches for the biaxial LSTM. Crop n of step s follows from (seed, s, n) alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from livewave import LivewaveError
from livewave.music.biaxial import NOTES, PLAY, features
from training.notes.config import Config
from training.notes.pieces import Piece


class Batch(NamedTuple):
    """features  float32 [steps, batch, notes, 80 or 81], of the row before each step;  rows  uint8 [steps, batch, notes, 3]"""

    features: Tensor
    rows: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(self.features.to(device), self.rows.to(device))


class Crops:
    """Random crops; a batch is of one group of pieces, and every group is heard equally often. A piece shorter than a crop goes round. Thread: one."""

    def __init__(self, config: Config, pieces: Sequence[Piece]) -> None:
        if not pieces:
            raise LivewaveError("no pieces to learn from")
        self._config = config
        groups = sorted({piece.group for piece in pieces})
        self._groups = [[piece for piece in pieces if piece.group == group] for group in groups]
        self._weights = [np.array([len(piece.rows) for piece in group], float) for group in self._groups]

    def batch(self, step: int) -> Batch:
        run, data = self._config.run, self._config.data
        chance = np.random.default_rng((run.seed, step))
        group = int(chance.integers(len(self._groups)))
        cut = [self._crop(group, np.random.default_rng((run.seed, step, n))) for n in range(run.batch)]
        shown = [features(rows[:-1], positions, self._config.net.velocity) for rows, positions in cut]
        sung = [rows[1:] for rows, _ in cut]
        first, count = [0] * len(cut), NOTES
        if chance.random() >= data.whole_share:
            first, count = self._windows(cut, chance)
        parts = [slice(begin, begin + count) for begin in first]
        return Batch(torch.from_numpy(np.stack([x[:, part] for x, part in zip(shown, parts)], 1)),
                     torch.from_numpy(np.stack([y[:, part] for y, part in zip(sung, parts)], 1)))

    def _crop(self, group: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """rows  uint8 [length + 1, 78, 3], the first of which is the one before;  positions  uint8 [length]"""
        weights = self._weights[group]
        piece = self._groups[group][chance.choice(len(weights), p=weights / weights.sum())]
        length, whole = self._config.run.length, len(piece.rows)
        first = int(chance.integers(max(1, whole - length + 1)))
        places = (first + np.arange(length)) % whole
        before = piece.rows[first - 1] if first else np.zeros((NOTES, 3), np.uint8)
        rows = np.concatenate((before[None], piece.rows[places]))
        return transposed(rows, int(chance.integers(-self._config.data.transpose, self._config.data.transpose + 1))), \
            piece.positions[places]

    def _windows(self, cut: list[tuple[np.ndarray, np.ndarray]], chance: np.random.Generator) -> tuple[list[int], int]:
        """The first note of each crop's window, and how many notes all of them have."""
        low, high = self._config.data.low_margin, self._config.data.high_margin
        spans = []
        for rows, _ in cut:
            sounding = np.flatnonzero(rows[:, :, PLAY].any(0))
            begin, end = (sounding[0], sounding[-1] + 1) if len(sounding) else (NOTES // 2, NOTES // 2 + 1)
            spans.append((max(0, begin - chance.integers(low, high + 1)), min(NOTES, end + chance.integers(low, high + 1))))
        count = max(end - begin for begin, end in spans)
        return [int(min(begin, NOTES - count)) for begin, _ in spans], int(count)


def transposed(rows: np.ndarray, semitones: int) -> np.ndarray:
    """Rows, uint8 [steps, 78, 3], moved by so much, or by less where notes would leave the keyboard."""
    sounding = np.flatnonzero(rows[:, :, PLAY].any(0))
    if not len(sounding):
        return rows
    return np.roll(rows, int(np.clip(semitones, -sounding[0], NOTES - 1 - sounding[-1])), 1)
