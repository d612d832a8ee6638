"""The roll as a struck instrument sees it: how hard each sounding pitch was struck, and how long ago.

A held key says nothing of when it was struck, and a net that hears a faded piano note cannot tell a new note from an old one.
So a model with roll_encoding "struck" is shown velocity / (1 + age / HALVING_S), at least 1 while the pitch sounds.
"""

from __future__ import annotations

import numpy as np

from livewave.render.wavenet import PITCHES, WaveNetSpec

HALVING_S = 0.06  # a strike of this age is shown at half its velocity; fading as 1 / age, it tells 10 ms from 20 and 1 s from 2
FORGOTTEN_S = 8.0  # a strike of this age is shown as 1 or 2 whatever its velocity: what began earlier need not be known


class Strikes:
    """Rolls of velocities -> rolls of strikes, block after block. The output does not depend on how calls divide the columns.

    Thread: performer only.
    """

    def __init__(self, rate_hz: int) -> None:
        self._halving = HALVING_S * rate_hz
        self.reset()

    def reset(self) -> None:
        """Nothing has sounded yet."""
        self._sounding = np.zeros((1, PITCHES), bool)
        self._ages = np.zeros(PITCHES, np.int64)  # samples from the last strike of each pitch to the next column

    def encode(self, roll: np.ndarray, held: int) -> np.ndarray:
        """uint8 [columns, 128]: strikes of the next columns.

        roll  uint8 [columns, 128]  velocities, 0 where nothing sounds
        held  samples that each column lasts
        """
        sounding = roll > 0
        begins = sounding & ~np.concatenate((self._sounding, sounding[:-1]))
        columns = held * np.arange(len(roll))[:, None]
        struck = np.maximum.accumulate(np.where(begins, columns, -self._ages))  # sample of the last strike, from the block's first
        faded = np.round(roll / (1.0 + (columns - struck) / self._halving))
        self._sounding, self._ages = sounding[-1:], held * len(roll) - struck[-1]
        return np.where(sounding, np.maximum(faded, 1), 0).astype(np.uint8)


def shown(spec: WaveNetSpec, roll: np.ndarray) -> np.ndarray:
    """uint8 [columns, 128]: a whole roll of velocities, from its beginning, as a net of `spec` is shown it.

    roll  uint8 [columns, 128]  of spec.roll_rate_hz columns a second
    """
    return Strikes(spec.model_rate_hz).encode(roll, spec.samples_per_column) if spec.roll_encoding == "struck" else roll
