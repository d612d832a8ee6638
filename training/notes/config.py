"""What a run of the biaxial LSTM can choose: one frozen tree, from a TOML file and --set, checked once.

    [net]   time_units, note_units, velocity: the fields of BiaxialSpec
    [run]   length, batch, rate, dropout, how often figures are told and checkpoints written
    [data]  how crops are cut
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livewave import ConfigError
from livewave.music.biaxial import BiaxialSpec
from training.config import parse_set, read_toml


@dataclass(frozen=True, slots=True)
class Run:
    """A step learns `batch` crops of `length` sixteenths. The rate rises over warmup_steps and falls to 0 at the end, as
    half a cosine. velocity_weight: of the velocities' squared error beside the notes' nats."""

    steps: int = 6_000
    batch: int = 4
    length: int = 128
    rate: float = 0.002
    warmup_steps: int = 100
    dropout: float = 0.5
    clip: float = 1.0
    velocity_weight: float = 10.0
    seed: int = 0
    report_every: int = 100
    save_every: int = 100


@dataclass(frozen=True, slots=True)
class Data:
    """Crops are transposed by up to `transpose` semitones either way. All 78 notes are learnt in `whole_share` of the
    batches; in the others only those that sound and a random margin of low_margin..high_margin below and above, for the notes
    are all the same net, and silent ones teach it little: half the time."""

    transpose: int = 5
    whole_share: float = 0.2
    low_margin: int = 4
    high_margin: int = 14


@dataclass(frozen=True, slots=True)
class Config:
    net: BiaxialSpec = field(default_factory=BiaxialSpec)
    run: Run = field(default_factory=Run)
    data: Data = field(default_factory=Data)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


_RANGES = {  # (lowest, highest); whole where the lowest is
    "steps": (1, 10_000_000), "batch": (1, 4_096), "length": (2, 4_096), "rate": (1e-6, 1.0), "warmup_steps": (1, 1_000_000),
    "dropout": (0.0, 0.95), "clip": (1e-3, 1e3), "velocity_weight": (0.0, 1e3), "seed": (0, 2**63 - 1),
    "report_every": (1, 1_000_000), "save_every": (1, 1_000_000),
    "transpose": (0, 6), "whole_share": (0.0, 1.0), "low_margin": (0, 78), "high_margin": (0, 78),
}
_SECTIONS = {"net": BiaxialSpec, "run": Run, "data": Data}


def load_config(path: Path, sets: Sequence[str] = ()) -> Config:
    """The TOML file at `path` with each of `sets`, "section.key=value", over it. Raises ConfigError."""
    tree = read_toml(path)
    for text in sets:
        section, key, value = parse_set(text)
        table = tree.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value
    return make_config(tree)


def make_config(tree: Mapping[str, Any]) -> Config:
    """Raises ConfigError naming section, key, value and legal range."""
    for name, section in tree.items():
        if name not in _SECTIONS:
            raise ConfigError(f"no section [{name}]; there are {', '.join(f'[{known}]' for known in _SECTIONS)}")
        if not isinstance(section, Mapping):
            raise ConfigError(f"{name} stands outside a section; write [{name}] with keys below it")
    made = Config(**{name: _section(name, tree.get(name, {})) for name in _SECTIONS})
    if made.data.low_margin > made.data.high_margin:
        raise ConfigError(f"[data] low_margin is {made.data.low_margin}; it must be in 0..{made.data.high_margin}, "
                          "which is high_margin")
    return made


def _section(section: str, values: Mapping[str, Any]) -> Any:
    kind = _SECTIONS[section]
    known = [f.name for f in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ConfigError(f"[{section}] has no {key}; it has {', '.join(known)}")
    if section == "net":
        try:
            return kind(**values)
        except ValueError as error:
            raise ConfigError(f"[net] {error}") from None
    return kind(**{key: _number(section, key, value) for key, value in values.items()})


def _number(section: str, key: str, value: Any) -> int | float:
    low, high = _RANGES[key]
    whole = isinstance(low, int)
    right_kind = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not right_kind or not low <= value <= high:
        raise ConfigError(f"[{section}] {key} is {value!r}; it must be a {'whole ' * whole}number in {low}..{high}")
    return value if whole else float(value)
