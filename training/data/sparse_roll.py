"""A roll as its changes: two hours of 1 ms columns are a gigabyte when dense and a few kilobytes so.

changes    int32 [n, 3]  column, pitch, velocity that holds from there on (0 = silent), in order of pitch, then column
stretches  int32 [n, 3]  pitch, first column, column after the last: where a pitch sounds without a break
"""

from __future__ import annotations

import numpy as np

from livewave.music.roll import PITCHES

CHUNK_COLUMNS = 65_536  # of a dense roll looked at at once: bounds the memory, not the result


def changes_of_roll(roll: np.ndarray) -> np.ndarray:
    """The changes of a dense roll, uint8 [columns, 128], whose column before the first is silent."""
    found, last = [np.zeros((0, 3), np.int32)], np.zeros((1, PITCHES), np.uint8)
    for first in range(0, len(roll), CHUNK_COLUMNS):
        part = roll[first : first + CHUNK_COLUMNS]
        column, pitch = np.nonzero(part != np.concatenate((last, part[:-1])))
        found.append(np.stack((column + first, pitch, part[column, pitch]), 1).astype(np.int32))
        last = part[-1:]
    changes = np.concatenate(found)
    return changes[np.lexsort((changes[:, 0], changes[:, 1]))]


def runs_of(changes: np.ndarray, columns: int) -> np.ndarray:
    """int32 [n, 4]: pitch, first column, column after the last, velocity of every run at one velocity above 0."""
    ends = np.append(changes[1:, 0], columns)[: len(changes)]
    last = np.append(changes[1:, 1] != changes[:-1, 1], True)[: len(changes)]
    ends[last] = columns  # the last change of a pitch holds to the end
    runs = np.stack((changes[:, 1], changes[:, 0], ends, changes[:, 2]), 1).astype(np.int32)
    return runs[runs[:, 3] > 0]


def stretches_of(runs: np.ndarray) -> np.ndarray:
    """Runs that touch are one stretch: the pitch sounds on at another velocity."""
    if not len(runs):
        return np.zeros((0, 3), np.int32)
    joined = (runs[1:, 0] == runs[:-1, 0]) & (runs[1:, 1] == runs[:-1, 2])
    begins = np.flatnonzero(np.append(True, ~joined))
    ends = np.append(begins[1:], len(runs)) - 1
    return np.stack((runs[begins, 0], runs[begins, 1], runs[ends, 2]), 1)


def dense(runs: np.ndarray, first: int, last: int) -> np.ndarray:
    """uint8 [last - first, 128]: the columns `first` to `last` of the roll that `runs` describe."""
    out = np.zeros((last - first, PITCHES), np.uint8)
    for pitch, begin, end, velocity in runs[(runs[:, 1] < last) & (runs[:, 2] > first)]:
        out[max(begin - first, 0) : end - first, pitch] = velocity
    return out
