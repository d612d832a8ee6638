"""Steps down when blocks take almost as long as they last, before it is heard, and up again when there is room.

A rung is a way to play the same: in larger blocks, which cost less and may be late once, with coarser weights, or, at last, with
fewer voices, of which the last one goes first. A step down comes at once, one up after a time of calm, which doubles where it was
too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from livewave.handover import Recipe
from livewave.link import Stats

NEAR = 0.9  # of the deadline: the time that a block lasts
NEAR_ALONE = 0.75  # the same while nothing else is at work yet: beside players and a device blocks take longer
ROOM = 0.5  # what a rung must need at most, by its own measure, before the one above it is tried
HASTE_S = 0.5  # of trouble, before a step down
CALM_S = 20.0
LONGEST_CALM_S = 640.0
LARGEST_BLOCK_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Rung:
    block_samples: int
    coarse: bool = False  # weights of 8 bits, where an engine has them
    voices: int = 1
    silent: int = 0  # voices that had to make room

    def __str__(self) -> str:
        fewer = f", {self.voices} of {self.voices + self.silent} voices" if self.silent else ""
        return f"blocks of {self.block_samples} samples{', weights of 8 bits' * self.coarse}{fewer}"


def coarser(recipe: Recipe) -> Recipe:
    """The same engine with weights of 8 bits; itself where it has none, or has them."""
    return Recipe("native", {**recipe.options, "precision": "int8"}) if recipe.engine == "native" else recipe


def rungs(block_samples: int, recipes: Sequence[Recipe]) -> list[Rung]:
    """The ways there are, from what was chosen to the cheapest. `recipes` by voice, as they were opened at first."""
    found = [Rung(block_samples, voices=len(recipes))]
    while found[-1].block_samples * 2 <= LARGEST_BLOCK_SAMPLES:
        found.append(replace(found[-1], block_samples=found[-1].block_samples * 2))
    if any(coarser(recipe) != recipe for recipe in recipes):
        found.append(replace(found[-1], coarse=True))
    while found[-1].voices > 1:
        found.append(replace(found[-1], voices=found[-1].voices - 1, silent=found[-1].silent + 1))
    return found


class Deadline:
    """Which rung to be on, from that place of the ladder on. Thread: control only."""

    def __init__(self, ladder: list[Rung], place: int = 0) -> None:
        self._ladder, self._place = ladder, place
        self._trouble_since_s: float | None = None
        self._calm_since_s: float | None = None
        self._calm_s, self._stepped_up_s = CALM_S, float("-inf")

    @property
    def rung(self) -> Rung:
        return self._ladder[self._place]

    @property
    def lowest(self) -> bool:
        return self._place == len(self._ladder) - 1

    def hear(self, stats: Stats, now_s: float) -> bool:
        """Whether the rung has changed. The deadline that counts is p99 of a block against what it lasts."""
        if not stats.block_s:
            return False
        share = 1e-3 * stats.p99_ms / stats.block_s
        if share > NEAR:
            self._calm_since_s = None
            if self._trouble_since_s is None:
                self._trouble_since_s = now_s
            return now_s - self._trouble_since_s >= HASTE_S and self._down(now_s)
        self._trouble_since_s = None
        if share > ROOM or self._place == 0:
            self._calm_since_s = None
            return False
        if self._calm_since_s is None:
            self._calm_since_s = now_s
        return now_s - self._calm_since_s >= self._calm_s and self._up(now_s)

    def _down(self, now_s: float) -> bool:
        if self.lowest:
            return False
        if now_s - self._stepped_up_s < self._calm_s:
            self._calm_s = min(2.0 * self._calm_s, LONGEST_CALM_S)
        self._place += 1
        self._trouble_since_s = None
        return True

    def _up(self, now_s: float) -> bool:
        self._place -= 1
        self._calm_since_s, self._stepped_up_s = None, now_s
        return True
