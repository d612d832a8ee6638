"""From how likely each note of a step is to what is played.

Source: Johnson's public code (biaxial-rnn-music-composition): a note plays where a uniform number is below p ** c, and
begins anew where a second one is below the p of that. c is the conservativity: it falls while too little sounds, so
that silence ends, and comes back to 1 while enough does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from livewave.music.biaxial import ARTICULATE, HIGH, LOW, NOTES, PLAY, STEPS_A_BEAT, VELOCITY
from livewave.music.key import Key
from livewave.music.manner import OCTAVE, Manner

FALL, RETURN = 0.02, 0.3  # a step with too few notes, and the share of the way back to 1 in a step with enough
LEAST_CONSERVATIVITY = 0.05
LONGEST_SILENCE = 48  # steps: three bars of 4/4
BAR_ACCENT, BEAT_ACCENT, OFF_BEAT_ACCENT = 1.1, 1.0, 0.9  # of a velocity: about a decibel, as players lean on the beat
Choose = Callable[[int, np.ndarray], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step is composed into. Notes are 0..77.

    sounding  note -> velocity of what was composed before and sounds on
    held      note -> velocity of what the player holds: it is part of the step, and played by nobody else
    key       whose notes are allowed; None: all
    few       with fewer notes than this, too little sounds
    velocity  of a note that begins, where the net does not say
    reach     the pitches near what was played: notes stay inside, where that leaves an octave of Manner's
    """

    sounding: Mapping[int, int]
    held: Mapping[int, int]
    key: Key | None
    few: float
    velocity: int
    reach: tuple[int, int] = (LOW, HIGH)


class Chooser:
    """Draws the notes of one step after another. The same seed and the same logits give the same notes. Thread: one.

    conservativity  c of the next step
    chances         float32 [78, 2]: by which the last step was drawn, that each note plays, and, if so, begins anew
    """

    def __init__(self, seed: int) -> None:
        self.conservativity = 1.0
        self._silent = 0  # steps in a row, until now
        self.chances = np.zeros((NOTES, 2), np.float32)
        self._random = np.random.Generator(np.random.Philox(seed))

    def step(self, compose: Callable[[Choose], None], manner: Manner, around: Surroundings,
             enters: bool = False) -> np.ndarray:
        """uint8 [78, 3]: what is played beside the held notes. `compose` walks the notes; see Composer.compose.

        enters  something must sound, if anything can: a step that came out silent is drawn again from those that are not.
                So is one after LONGEST_SILENCE silent ones, whatever manner makes notes rare
        """
        enters = enters or self._silent >= LONGEST_SILENCE
        walk = _Walk(self._random.random((NOTES, 2)), self.chances, self.conservativity, manner, around)
        compose(walk.choose)
        if enters and not walk.sounds and (lowest := walk.lowest(self._random.random())) is not None:
            walk = _Walk(self._random.random((NOTES, 2)), self.chances, self.conservativity, manner, around, lowest)
            compose(walk.choose)
        row = walk.row(manner.polyphony)
        self._silent = 0 if row[:, PLAY].any() else self._silent + 1
        self._settle(int(row[:, PLAY].sum()), around.few)
        return row

    def _settle(self, notes: int, few: float) -> None:
        c = self.conservativity
        c = c - FALL if notes < few else c + (1.0 - c) * RETURN
        self.conservativity = max(c, LEAST_CONSERVATIVITY)


class _Walk:
    """The notes of one step, from the lowest up. `lowest`: it plays, and nothing below it."""

    def __init__(self, uniforms: np.ndarray, chances: np.ndarray, conservativity: float, manner: Manner,
                 around: Surroundings, lowest: int | None = None) -> None:
        self._lowest = lowest
        self._uniforms, self._chances, self._around, self._temperature = uniforms, chances, around, manner.temperature
        self._exponent = conservativity / manner.density
        classes = range(12) if around.key is None else around.key.classes
        low, high = max(manner.low, around.reach[0]), min(manner.high, around.reach[1])
        if high - low < OCTAVE - 1:
            low, high = manner.low, manner.high
        self._allowed = [low <= pitch <= high and pitch % 12 in classes
                         for pitch in range(LOW, LOW + NOTES)]
        self._row = np.zeros((NOTES, 3), np.uint8)
        self._likely = np.zeros(NOTES)

    def choose(self, note: int, logits: np.ndarray) -> tuple[float, float, float]:
        if note in self._around.held:
            self._chances[note] = 0.0
            return 1.0, 0.0, float(self._around.held[note])
        plays, begins = (_sigmoid(float(logit) / self._temperature) for logit in logits[:2])
        self._likely[note] = plays
        chance = plays**self._exponent if self._allowed[note] else 0.0
        self._chances[note] = chance, begins
        if not self._plays(note, chance):
            return 0.0, 0.0, 0.0
        sounded = self._around.sounding.get(note)
        anew = sounded is None or self._uniforms[note, 1] < begins
        self._row[note] = 1, anew, self._velocity(logits) if anew else sounded
        return 1.0, float(anew), float(self._row[note, VELOCITY])

    def _plays(self, note: int, chance: float) -> bool:
        if self._lowest is None or note > self._lowest:
            return bool(self._uniforms[note, 0] < chance)
        return note == self._lowest

    @property
    def sounds(self) -> bool:
        return bool(self._row[:, PLAY].any())

    def lowest(self, uniform: float) -> int | None:
        """After a walk that came out silent: which note is the lowest in a step that does not, drawn by its chance. Every
        note's chance was told with silence below it, so that of k is p(k) times those of silence below. None: none can be."""
        chance = self._chances[:, PLAY].astype(np.float64)
        weights = np.cumsum(chance * np.cumprod(np.append(1.0, 1.0 - chance[:-1])))
        return int(np.searchsorted(weights, uniform * weights[-1], side="right")) if weights[-1] > 0.0 else None

    def row(self, polyphony: int) -> np.ndarray:
        """What was chosen, and of that no more than `polyphony` notes: first what sounds on, then the likelier."""
        chosen = np.flatnonzero(self._row[:, PLAY])
        ranked = sorted(chosen, key=lambda note: (self._row[note, ARTICULATE], -self._likely[note], note))
        self._row[ranked[polyphony:]] = 0
        return self._row

    def _velocity(self, logits: np.ndarray) -> int:
        if len(logits) <= VELOCITY:
            return self._around.velocity
        return min(max(round(127.0 * _sigmoid(float(logits[VELOCITY]))), 1), 127)


def accented(velocity: int, position: int) -> int:
    """The velocity of a note that begins on this step of its bar: a little more on the one, less between the beats."""
    accent = BAR_ACCENT if position == 0 else OFF_BEAT_ACCENT if position % STEPS_A_BEAT else BEAT_ACCENT
    return min(max(round(velocity * accent), 1), 127)


def _sigmoid(x: float) -> float:
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x)
    return grown / (1.0 + grown)
