"""Keys: their names, their notes, and which one a phrase is in."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from livewave import ConfigError

NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10, 11)  # natural, and the leading note, which cadences need
LEGAL = 'a tonic A..G with # or b as wanted, and "minor" or m: C, F#, Eb minor, Bbm'

# How well each degree fits, counted from the tonic, as listeners judged: Krumhansl and Kessler 1982, "Tracing the
# dynamic changes in perceived tonal organization in a spatial representation of musical keys".
_MAJOR_FIT = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR_FIT = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_NAME = re.compile(r"([A-Ga-g])(#|♯|b|♭)?(?:\s+(major|minor|maj|min|m)|(m|min|maj))?")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


@dataclass(frozen=True, slots=True)
class Key:
    tonic: int  # pitch class, 0 is C
    minor: bool = False

    @classmethod
    def named(cls, name: str) -> Key:
        """The key called so: C# and Db are one. Raises ConfigError for what is no key's name."""
        found = _NAME.fullmatch(name.strip()) if isinstance(name, str) else None
        if found is None:
            raise ConfigError(f"there is no key {name!r}; it must be {LEGAL}")
        letter, sign, word, suffix = found.groups(default="")
        return cls((_LETTERS[letter.upper()] + _SIGNS[sign]) % 12, (word or suffix) in ("minor", "min", "m"))

    @property
    def name(self) -> str:
        return NAMES[self.tonic] + (" minor" if self.minor else "")

    @property
    def classes(self) -> frozenset[int]:
        """The pitch classes of its scale."""
        return frozenset((self.tonic + degree) % 12 for degree in (MINOR_SCALE if self.minor else MAJOR_SCALE))


def estimate(weights: np.ndarray) -> Key | None:
    """The key whose profile goes best with how long each of the 12 pitch classes sounded; None where nothing did, or
    all alike. Of equals, the major one, then the lower tonic.

    Source: Krumhansl 1990, "Cognitive Foundations of Musical Pitch", chapter 4: the highest correlation.
    """
    spread = weights - weights.mean()
    if not spread.any():
        return None
    best = int(np.argmax((_PROFILES @ spread).round(9)))
    return Key(best % 12, best >= 12)


def _profiles() -> np.ndarray:
    """float64 [24, 12]: every key's, of length 1 and mean 0: the highest product is the highest correlation."""
    fits = np.array([np.roll(fit, tonic) for fit in (_MAJOR_FIT, _MINOR_FIT) for tonic in range(12)])
    fits -= fits.mean(1, keepdims=True)
    return fits / np.linalg.norm(fits, axis=1, keepdims=True)


_PROFILES = _profiles()
