"""How loud a clip is to a listener: integrated loudness of one channel at 48 kHz.

Source: ITU-R BS.1770-4 (2015), annex 1: K-weighting (tables 1 and 2), blocks of 400 ms overlapping by 75 %, two gates.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

RATE_HZ = 48_000  # the filters below are given for this rate
HEAD = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
LOW_CUT = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
OFFSET_DB = -0.691
BLOCK_S, OVERLAP = 0.4, 0.75
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_DB = -70.0, -10.0


def loudness_lufs(audio: np.ndarray) -> float:
    """Integrated loudness of `audio`, float [samples] at 48 kHz, mono; -inf where no block passes the absolute gate.

    Audio shorter than a block is one block.
    """
    weighted = lfilter(*LOW_CUT, lfilter(*HEAD, audio.astype(np.float64)))
    block = min(round(BLOCK_S * RATE_HZ), len(weighted))
    hop = max(1, round(block * (1.0 - OVERLAP)))
    power = np.array([np.mean(weighted[at: at + block] ** 2) for at in range(0, len(weighted) - block + 1, hop)])
    power = power[_lufs(power) > ABSOLUTE_GATE_LUFS]
    if not len(power):
        return -np.inf
    return float(_lufs(power[_lufs(power) > _lufs(power.mean()) + RELATIVE_GATE_DB].mean()))


def _lufs(power: np.ndarray) -> np.ndarray:
    return OFFSET_DB + 10.0 * np.log10(np.maximum(power, 1e-30))
