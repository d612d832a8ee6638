"""What a step costs who knows little: how often each pitch sounds, or what sounded a step ago. Fitted on training pieces.

    marginal     each pitch plays, and begins where it plays, as often as in the training pieces
    repeat-last  a note that sounded goes on, and one that did not begins, as often as in the training pieces, whatever its pitch
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.music.biaxial import ARTICULATE, NOTES, PLAY
from training.notes.pieces import Piece


def marginal_nats(training: Sequence[Piece], held_out: Sequence[Piece]) -> float:
    """Nats a step, as `training.biaxial.nats` counts them."""
    plays, begins, steps = np.zeros(NOTES), np.zeros(NOTES), 0
    for piece in training:
        plays += piece.rows[:, :, PLAY].sum(0, dtype=np.int64)
        begins += piece.rows[:, :, ARTICULATE].sum(0, dtype=np.int64)
        steps += len(piece.rows)
    play, begin = _share(plays, steps), _share(begins, plays)
    return _mean(held_out, lambda before, row: (play, begin))


def repeat_last_nats(training: Sequence[Piece], held_out: Sequence[Piece]) -> float:
    """Nats a step, as `training.biaxial.nats` counts them."""
    counts = np.zeros((2, 3))  # sounded before or not: steps, of which it plays, of which it begins
    for piece in training:
        before = _before(piece.rows)[:, :, PLAY]
        for sounded in (0, 1):
            there = before == sounded
            counts[sounded] += (there.sum(), piece.rows[there, PLAY].sum(dtype=np.int64),
                                piece.rows[there, ARTICULATE].sum(dtype=np.int64))
    play, begin = _share(counts[:, 1], counts[:, 0]), _share(counts[:, 2], counts[:, 1])
    return _mean(held_out, lambda before, row: (play[before[:, :, PLAY]], begin[before[:, :, PLAY]]))


def _before(rows: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros_like(rows[:1]), rows[:-1]))


def _share(part: np.ndarray, whole: np.ndarray | int) -> np.ndarray:
    """Laplace's rule: never 0 or 1."""
    return (part + 1.0) / (whole + 2.0)


def _mean(pieces: Sequence[Piece], predict) -> float:
    total, steps = 0.0, 0
    for piece in pieces:
        play, begin = predict(_before(piece.rows), piece.rows)
        plays, begins = piece.rows[:, :, PLAY], piece.rows[:, :, ARTICULATE]
        total -= (np.where(plays, np.log(play), np.log1p(-play)) + plays * np.where(begins, np.log(begin), np.log1p(-begin))).sum()
        steps += len(piece.rows)
    return float(total / steps)
