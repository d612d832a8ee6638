"""What a player can choose: one frozen tree, from a TOML file and flags, checked once.

    [model]     name, engine, seed, temperature
    [audio]     output, rate_hz, period_frames, block_samples, latency_ms, gain_db
    [control]   midi = ["virtual"], osc = "127.0.0.1:9000", midi_out = "none"
    [continue]  mode, model, temperature, density, low, high, key, polyphony, rest_beats, seed
    [tempo]     bpm, metre, link
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livewave import ConfigError
from livewave.music.bars import LEGAL_METRES, check_metre

if TYPE_CHECKING:
    from livewave.music.manner import Manner

ENGINES = ("auto", "native", "cuda", "onnx", "reference")
_RANGES = {  # (lowest, highest, unit)
    "seed": (0, 2**63 - 1, ""),
    "temperature": (0.0, 2.0, ""),
    "rate_hz": (8_000, 192_000, "Hz"),
    "period_frames": (16, 8_192, "frames"),
    "block_samples": (16, 512, "samples"),
    "latency_ms": (1.0, 1_000.0, "ms"),
    "gain_db": (-90.0, 12.0, "dB"),
    "bpm": (20.0, 400.0, "bpm"),
}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    name: str = "flute"  # a shipped name, or the path of a model file
    engine: str = "auto"
    seed: int = 0
    temperature: float = 0.8


@dataclass(frozen=True, slots=True)
class AudioConfig:
    output: str = "default"
    rate_hz: int | None = None  # None, or "auto" in a file: the device's own
    period_frames: int = 128
    block_samples: int = 32
    latency_ms: float | None = None  # of the ring; None: the least that this period allows, raised after an underrun
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class ControlConfig:
    midi: tuple[str, ...] = ("virtual",)
    osc: str = "127.0.0.1:9000"
    midi_out: str = "none"

    @property
    def osc_address(self) -> tuple[str, int]:
        host, _, port = self.osc.rpartition(":")
        return host, int(port)


@dataclass(frozen=True, slots=True)
class ContinueConfig:
    """[continue]. What it shares with Manner is checked there."""

    mode: str = "off"
    model: str = "chorale"  # a shipped name, or the path of a model file
    temperature: float = 1.0
    density: float = 1.0
    low: int = 24
    high: int = 101
    key: str = "auto"
    polyphony: int = 4
    rest_beats: float = 2.0
    seed: int | None = None  # None: that of [model]

    @property
    def manner(self) -> Manner:
        """Raises ConfigError naming the field, its value and what is legal."""
        from livewave.music.manner import Manner  # brings NumPy, and the command line is to answer before that

        return Manner(**{name: getattr(self, name) for name in _OF_MANNER})


_OF_MANNER = [field.name for field in dataclasses.fields(ContinueConfig) if field.name not in ("model", "seed")]


@dataclass(frozen=True, slots=True)
class TempoConfig:
    bpm: float = 120.0
    metre: str = "4/4"
    link: bool = False  # whether an Ableton Link session is taken part in

    @property
    def beats_unit(self) -> tuple[int, int]:
        beats, _, unit = self.metre.partition("/")
        return int(beats), int(unit)


@dataclass(frozen=True, slots=True)
class Config:
    model: ModelConfig = field(default_factory=ModelConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    continuation: ContinueConfig = field(default_factory=ContinueConfig)
    tempo: TempoConfig = field(default_factory=TempoConfig)

    def to_json(self) -> str:
        return json.dumps({name: dataclasses.asdict(getattr(self, _field_of(name))) for name in _SECTIONS})


_SECTIONS = {"model": ModelConfig, "audio": AudioConfig, "control": ControlConfig, "continue": ContinueConfig,
             "tempo": TempoConfig}


def _field_of(section: str) -> str:
    """Of Config. "continue" is no name in Python."""
    return "continuation" if section == "continue" else section


def limits(section: str, name: str) -> str:
    """What a help text says of a setting: its range, where it has one, and its default."""
    value = next(f.default for f in dataclasses.fields(_SECTIONS[section]) if f.name == name)
    default = "auto" if value is None else " ".join(value) if isinstance(value, tuple) else value
    known = {} if section == "continue" and name in _OF_MANNER else _RANGES
    low, high, unit = known.get(name, (None, None, ""))
    span = "" if low is None else "0 or more, " if high == 2**63 - 1 else f"{low:g}..{high:g} {unit}".rstrip() + ", "
    return f"({span}default {default})"


def make_config(tree: Mapping[str, Mapping[str, Any]]) -> Config:
    """Check `tree`, section by section. Raises ConfigError naming section, field, value, legal range."""
    unknown = sorted(set(tree) - set(_SECTIONS))
    if unknown:
        raise ConfigError(f"no section [{unknown[0]}]; there are {', '.join(f'[{name}]' for name in _SECTIONS)}")
    config = Config(**{_field_of(name): _section(name, kind, tree.get(name, {})) for name, kind in _SECTIONS.items()})
    try:
        config.continuation.manner
    except ConfigError as error:
        raise ConfigError(f"[continue] {error}") from None
    return config


def load_config(path: str | None, flags: Mapping[str, Mapping[str, Any]]) -> Config:
    """The TOML file at `path`, if any, with `flags` over it; flags that are None do not count. Raises ConfigError."""
    tree: dict[str, dict[str, Any]] = {name: dict(section) for name, section in _read_toml(path).items()} if path else {}
    for name, section in flags.items():
        tree.setdefault(name, {}).update({key: value for key, value in section.items() if value is not None})
    return make_config(tree)


def _read_toml(path: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    try:
        tree = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path} is not TOML: {error}") from None
    for name, section in tree.items():
        if not isinstance(section, dict):
            raise ConfigError(f"configuration {path}: {name} stands outside a section")
    return tree


def _section(section: str, kind: type, values: Mapping[str, Any]) -> Any:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(f"[{section}] has no {name}; it has {', '.join(fields)}")
        checked[name] = _check(section, name, value, fields[name])
    return kind(**checked)


def _check(section: str, name: str, value: Any, spec: dataclasses.Field) -> Any:
    if value in (None, "auto") and spec.default is None:
        return None
    if section == "continue" and name in _OF_MANNER:
        return value  # Manner checks it
    if name in _RANGES:
        return _number(section, name, value)
    if name == "link":
        if not isinstance(value, bool):
            raise ConfigError(f"[{section}] link is {value!r}; it must be true or false")
        return value
    if name == "midi":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) and n for n in names):
            raise ConfigError(f"[{section}] midi is {value!r}; it must be a list of port names, \"virtual\" or \"none\"")
        return tuple(names)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"[{section}] {name} is {value!r}; it must be a text")
    if name == "engine" and value not in ENGINES:
        raise ConfigError(f"[{section}] engine is {value!r}; it must be one of {', '.join(ENGINES)}")
    if name == "osc":
        _check_address(value)
    if name == "metre":
        _check_metre(value)
    return value


def _number(section: str, name: str, value: Any) -> int | float:
    low, high, unit = _RANGES[name]
    whole = isinstance(low, int)
    right_kind = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not right_kind or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"[{section}] {name} is {value!r}; it must be {kind} in {low}..{high} {unit}".rstrip())
    return value if whole else float(value)


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ConfigError(f"[control] osc is {address!r}; it must be HOST:PORT, such as 127.0.0.1:9000, port 1..65535")


def _check_metre(metre: str) -> None:
    beats, _, unit = metre.partition("/")
    if not (beats.isdecimal() and unit.isdecimal()):
        raise ConfigError(f"[tempo] metre is {metre!r}; it must be BEATS/UNIT, such as 3/4; legal are {LEGAL_METRES}")
    try:
        check_metre(int(beats), int(unit))
    except ConfigError as error:
        raise ConfigError(f"[tempo] {error}") from None
