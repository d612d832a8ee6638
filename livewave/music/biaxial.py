"""The biaxial LSTM's view of music: what a step is, and what the net is shown of it. Training and stage both look here.

A step lasts a sixteenth. A row is what sounds in it: uint8 [78, 3], pitches 24..101, each (play, articulate, velocity):
play 1 while the note sounds, articulate 1 where it begins, velocity 1..127 from beginning to end.

For each note the net sees FEATURES numbers of the row before, and where in its bar the step to come is:

    0       the note's place on the keyboard, 0..1
    1..12   its pitch class, one of twelve
    13..62  the row before, from an octave below to an octave above: play and articulate of each of 25 notes in turn
    63..74  how many notes sounded of each pitch class, counted from the note's own upwards
    75..78  the step's place in its bar in binary, lowest bit first, as -1 or 1
    79      0
    80      the note's velocity in the row before, 0..1; only where the net writes velocities

Source: Johnson 2017, "Generating Polyphonic Music Using Tied Parallel Networks", and its public code (there the place is
0..77, and the bar's place is that of the row before; here 0..1, and that of the step to come, which is what counts where
the metre changes); velocities after Mao et al. 2018, DeepJ.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

LOW, HIGH = 24, 101
NOTES = HIGH - LOW + 1
PLAY, ARTICULATE, VELOCITY = 0, 1, 2
STEPS_A_BEAT = 4
MOST_STEPS_A_BAR = 16  # what four bits can tell
REACH = 12
FEATURES = 80
LARGEST_UNITS, MOST_LAYERS = 1024, 4


@dataclass(frozen=True, slots=True)
class BiaxialSpec:
    """The shape of a net. Raises ValueError, naming the field and its legal range.

    time_units  units of each LSTM along time, one copy for every note
    note_units  units of each LSTM along the notes of a step, lowest first
    velocity    whether it also says how hard each note is struck
    """

    time_units: tuple[int, ...] = (300, 300)
    note_units: tuple[int, ...] = (100, 50)
    velocity: bool = False

    def __post_init__(self) -> None:
        for name in ("time_units", "note_units"):
            units = getattr(self, name)
            if not isinstance(units, (tuple, list)) or not 1 <= len(units) <= MOST_LAYERS or not all(
                    type(n) is int and 1 <= n <= LARGEST_UNITS for n in units):
                raise ValueError(f"{name} is {units!r}; it must be 1..{MOST_LAYERS} whole numbers in 1..{LARGEST_UNITS}")
            object.__setattr__(self, name, tuple(units))
        if type(self.velocity) is not bool:
            raise ValueError(f"velocity is {self.velocity!r}; it must be true or false")

    @property
    def features(self) -> int:
        return FEATURES + self.velocity

    @property
    def choices(self) -> int:
        """Numbers that the net says of a note: play, articulate, and velocity where it has one."""
        return 2 + self.velocity

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> BiaxialSpec:
        """Raises ValueError for anything but what `to_json` writes."""
        try:
            table: Any = json.loads(text)
        except RecursionError:
            raise ValueError("the spec is not JSON that a spec could be: it is nested without end") from None
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(table, dict) or set(table) != names:
            raise ValueError(f"spec must have exactly {', '.join(sorted(names))}")
        return cls(**table)


def fold(pitch: int) -> int:
    """The pitch, or where it is outside 24..101 the nearest one of its class inside."""
    while pitch < LOW:
        pitch += 12
    while pitch > HIGH:
        pitch -= 12
    return pitch


def features(rows: np.ndarray, positions: np.ndarray, velocity: bool = False) -> np.ndarray:
    """float32 [steps, 78, 80 or 81]: what the net is shown before each of `steps` steps.

    rows       uint8 [steps, 78, 3]  the row before each of them
    positions  integer [steps]       the place of each in its bar, in steps, 0..15
    """
    steps = len(rows)
    out = np.zeros((steps, NOTES, FEATURES + velocity), np.float32)
    out[:, :, 0] = _PLACE
    out[:, :, 1:13] = _PITCH_CLASS
    around = np.zeros((steps, NOTES + 2 * REACH, 2), np.float32)
    around[:, REACH : REACH + NOTES] = rows[:, :, :2]
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * REACH + 1, axis=1)  # [steps, notes, 2, 25]
    out[:, :, 13:63] = windows.transpose(0, 1, 3, 2).reshape(steps, NOTES, 50)
    counts = rows[:, :, PLAY].astype(np.float32) @ _PITCH_CLASS
    out[:, :, 63:75] = counts[:, _FROM_OWN_CLASS]
    bits = np.asarray(positions, np.int64)[:, None] >> np.arange(4) & 1
    out[:, :, 75:79] = (2.0 * bits - 1.0)[:, None]
    if velocity:
        out[:, :, FEATURES] = rows[:, :, VELOCITY] / np.float32(127.0)
    return out


_CLASSES = (np.arange(NOTES) + LOW) % 12
_PLACE = np.arange(NOTES, dtype=np.float32) / (NOTES - 1)
_PITCH_CLASS = np.eye(12, dtype=np.float32)[_CLASSES]
_FROM_OWN_CLASS = (_CLASSES[:, None] + np.arange(12)) % 12
