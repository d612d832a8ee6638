"""What a stretch of composed music is like, in figures that a listener would recognise. On rows, uint8 [steps, 78, 3]."""

from __future__ import annotations

import numpy as np

from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY
from livewave.music.key import Key, estimate

_CLASSES = (np.arange(NOTES) + LOW) % 12


def key_of(rows: np.ndarray) -> Key | None:
    """The key that most of it is in; None where nothing sounds."""
    return estimate(np.bincount(_CLASSES, rows[:, :, PLAY].sum(0), 12))


def in_key(rows: np.ndarray, key: Key) -> float:
    """The share of what sounds, note by note and step by step, that is in the scale of `key`; 1 where nothing does."""
    sounding = rows[:, :, PLAY].sum(0)
    inside = np.isin(_CLASSES, sorted(key.classes))
    return float(sounding[inside].sum() / sounding.sum()) if sounding.any() else 1.0


def figures(rows: np.ndarray) -> dict[str, float]:
    """notes: sounding together, on average;  most_notes;  onsets: a step;  silent: share of steps;  longest_silence,
    longest_note: in steps;  in_own_key: see `in_key`, of the key that it is in itself."""
    voices, key = rows[:, :, PLAY].sum(1), key_of(rows)
    held = [run for note in range(NOTES) for run in _held(rows[:, note])]
    return {
        "notes": float(voices.mean()), "most_notes": int(voices.max(initial=0)), "onsets": float(rows[:, :, ARTICULATE].sum(1).mean()),
        "silent": float((voices == 0).mean()), "longest_silence": max(_runs(voices == 0), default=0),
        "longest_note": max(held, default=0), "in_own_key": in_key(rows, key) if key else 1.0,
    }


def _held(note: np.ndarray) -> list[int]:
    """How many steps each note of one pitch lasts, from its onset; uint8 [steps, 3]."""
    starts = np.flatnonzero(note[:, PLAY] & (note[:, ARTICULATE] | ~np.append(0, note[:-1, PLAY]).astype(bool)))
    ends = np.append(starts[1:], len(note))
    return [int(note[start:end, PLAY].sum()) for start, end in zip(starts, ends)]


def _runs(true: np.ndarray) -> list[int]:
    """The length of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], true.astype(np.int8), [0]))))
    return (edges[1::2] - edges[::2]).tolist()
