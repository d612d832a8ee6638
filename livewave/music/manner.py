"""How the continuation plays: what a player can choose, checked once. Configuration and OSC read RANGES."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from livewave import ConfigError
from livewave.music.biaxial import HIGH, LOW
from livewave.music.key import LEGAL, Key

OCTAVE = 12
MODES = ("off", "answer", "endless", "duet")
KEY_RULES = ("off", "auto")
RANGES = {  # (lowest, highest, unit); whole numbers where the limits are
    "temperature": (0.1, 2.0, ""),
    "density": (0.25, 4.0, ""),
    "low": (LOW, HIGH, ""),
    "high": (LOW, HIGH, ""),
    "polyphony": (1, 16, "notes"),
    "rest_beats": (0.5, 32.0, "beats"),
}


@dataclass(frozen=True, slots=True)
class Manner:
    """Raises ConfigError, naming the field, its value and what is legal.

    mode         off; answer: after a rest, for as long as the phrase was; endless: on and on; duet: around what is held
    temperature  how freely notes are drawn
    density      how many: above 1 more than the net would play, below 1 fewer
    low, high    the pitches it may play, at least an octave
    key          "off": any note; "auto": those of the key that the phrase is in; or those of a key, by name
    polyphony    how many notes of its own may sound together
    rest_beats   so long without a held key ends a phrase
    """

    mode: str = "off"
    temperature: float = 1.0
    density: float = 1.0
    low: int = LOW
    high: int = HIGH
    key: str = "auto"
    polyphony: int = 4
    rest_beats: float = 2.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"mode is {self.mode!r}; it must be one of {', '.join(MODES)}")
        for name in RANGES:
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        if self.high - self.low < OCTAVE - 1:
            raise ConfigError(f"range is {self.low}..{self.high}; it must be at least an octave, {OCTAVE} pitches, "
                              f"in {LOW}..{HIGH}")
        if self.key not in KEY_RULES:
            _check_key(self.key)

    def with_(self, name: str, value: Any) -> Manner:
        """The same but for one field; "range" is (low, high) at once. Raises ConfigError."""
        if name == "range":
            if not isinstance(value, (tuple, list)) or len(value) != 2:
                raise ConfigError(f"range is {value!r}; it must be two pitches in {LOW}..{HIGH}, at least an octave")
            return dataclasses.replace(self, low=value[0], high=value[1])
        names = [field.name for field in dataclasses.fields(self)]
        if name not in names:
            raise ConfigError(f"the continuation has no {name}; it has range, {', '.join(names)}")
        return dataclasses.replace(self, **{name: value})

    def key_for(self, heard: Key | None) -> Key | None:
        """The key whose notes are allowed, where what was played is in the key `heard`; None: any note is."""
        if self.key == "auto":
            return heard
        return None if self.key == "off" else Key.named(self.key)


def _check_key(key: Any) -> None:
    try:
        Key.named(key)
    except ConfigError:
        raise ConfigError(f"key is {key!r}; it must be off, auto, or {LEGAL}") from None


def _number(name: str, value: Any) -> int | float:
    low, high, unit = RANGES[name]
    whole = isinstance(low, int)
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not low <= value <= high or whole and value != int(value):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{name} is {value!r}; it must be {kind} in {low}..{high} {unit}".rstrip())
    return int(value) if whole else float(value)
