"""How a voice of an ensemble is set: `--voice cello:transpose=-12,gain=-6,pan=-0.3`, or a [[voice]] of a TOML file.

    [[voice]]
    model = "cello"
    channel = 2          # of MIDI, 1..16; without it: all
    low = 36             # the keys that it hears, before they are transposed
    high = 59
    transpose = -12      # semitones
    gain_db = -6.0
    pan = -0.3           # -1 left .. 1 right
    mute = false
    temperature = 0.7    # without it: that of [model]
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livewave import ConfigError

MOST_VOICES = 16
LIMITS: dict[str, tuple[float, float, str]] = {  # lowest, highest, unit
    "channel": (1, 16, ""),
    "low": (0, 127, ""),
    "high": (0, 127, ""),
    "transpose": (-48, 48, "semitones"),
    "gain_db": (-90.0, 12.0, "dB"),
    "pan": (-1.0, 1.0, ""),
    "temperature": (0.0, 2.0, ""),
}
_IN_A_FLAG = {"gain": "gain_db"}
_SPOKEN = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "on": True, "off": False}
_FLAG = re.compile(r"(?P<model>.+?)(?::(?P<settings>\s*\w+\s*=.*))?", re.DOTALL)  # a path may hold colons


@dataclass(frozen=True, slots=True)
class Voicing:
    """Which net, what it hears, and how it sounds. `low` and `high` are keys as they are played."""

    model: str
    channel: int | None = None
    low: int = 0
    high: int = 127
    transpose: int = 0
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    temperature: float | None = None

    @property
    def told(self) -> str:
        """What of it is not as usual, for the player; its temperature aside."""
        parts = [f"{name} {getattr(self, name):g}" for name in ("channel", "transpose", "gain_db", "pan")
                 if getattr(self, name) != _FIELDS[name].default]
        keys = [f"keys {self.low}..{self.high}"] if (self.low, self.high) != (0, 127) else []
        return ", ".join([*parts, *keys, *(["mute"] if self.mute else [])])


def voicings(entries: Any) -> tuple[Voicing, ...]:
    """The voices of [[voice]] tables. Raises ConfigError naming voice, field, value and legal range."""
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError("voice must be tables: each begins with the line [[voice]]")
    if len(entries) > MOST_VOICES:
        raise ConfigError(f"there are {len(entries)} voices; an ensemble has {MOST_VOICES} at most")
    return tuple(_voicing(f"[[voice]] {number}", entry) for number, entry in enumerate(entries, 1))


def of_flag(text: str) -> dict[str, Any]:
    """What --voice MODEL[:NAME=VALUE,...] says, as a table. Raises ConfigError."""
    found = _FLAG.fullmatch(text)
    if found is None:
        raise ConfigError(f"--voice is {text!r}; it must be MODEL or MODEL:NAME=VALUE,..., such as cello:transpose=-12,gain=-6")
    table: dict[str, Any] = {"model": found["model"]}
    for setting in filter(str.strip, (found["settings"] or "").split(",")):
        name, equals, value = (part.strip() for part in setting.partition("="))
        name = _IN_A_FLAG.get(name, name)
        if not equals or name == "model" or name not in _FIELDS:
            raise ConfigError(f"--voice {text}: {setting.strip()!r} is none of {', '.join(_names_in_a_flag())}, each as NAME=VALUE")
        table[name] = _read(value)
    _voicing(f"--voice {text}:", table)
    return table


def _read(text: str) -> Any:
    """A number, true or false, or the text where it is neither."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _SPOKEN.get(text.lower(), text)


def _voicing(where: str, table: Mapping[str, Any]) -> Voicing:
    for name in table:
        if name not in _FIELDS:
            raise ConfigError(f"{where} has no {name}; it has {', '.join(_FIELDS)}")
    if not isinstance(table.get("model"), str) or not table["model"]:
        raise ConfigError(f"{where} must name its model, such as model = \"cello\"")
    voicing = Voicing(**{name: _checked(where, name, value) for name, value in table.items()})
    if voicing.low > voicing.high:
        raise ConfigError(f"{where} hears keys {voicing.low}..{voicing.high}; low must not be above high")
    return voicing


def _checked(where: str, name: str, value: Any) -> Any:
    if name == "model" or value is None and _FIELDS[name].default is None:
        return value
    if name == "mute":
        if value in (0, 1):  # False and True too
            return bool(value)
        raise ConfigError(f"{where} mute is {value!r}; it must be true or false")
    return number(f"{where} {name}", value, *LIMITS[name])


def number(what: str, value: Any, low: float, high: float, unit: str) -> int | float:
    """`value` as a number of the kind that `low` is. Raises ConfigError naming `what`, the value and the legal range."""
    whole = isinstance(low, int)
    right_kind = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not right_kind or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{what} is {value!r}; it must be {kind} in {low}..{high} {unit}".rstrip())
    return value if whole else float(value)


def _names_in_a_flag() -> list[str]:
    spoken = {field: name for name, field in _IN_A_FLAG.items()}
    return [spoken.get(name, name) for name in _FIELDS if name != "model"]


_FIELDS = {field.name: field for field in dataclasses.fields(Voicing)}
