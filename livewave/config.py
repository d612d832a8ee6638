"""What a player can choose: one frozen tree, from a TOML file and flags, checked once.

    [model]     name, engine, seed, temperature
    [audio]     output, rate_hz, period_frames, block_samples, latency_ms, gain_db
    [control]   midi = ["virtual"], osc = "127.0.0.1:9000", oscquery, panel, midi_out = "none", allow = ["192.168.1.0/24"],
                messages_per_s, longest_note_s
    [continue]  mode, model, temperature, density, low, high, key, polyphony, rest_beats, seed
    [tempo]     bpm, metre, link
    [log]       level, file, format, size_mb, keep
    [record]    folder, at_start
    [[voice]]   of an ensemble, one for each: see livewave.voicing. They take the place of [model] name
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livewave import ConfigError
from livewave.music.bars import LEGAL_METRES, check_metre
from livewave.voicing import Voicing, number, of_flag, voicings

if TYPE_CHECKING:
    from livewave.music.manner import Manner

LARGEST_FILE_BYTES = 1 << 16
BLOCK_OF_TWO, BLOCK_OF_MORE = 64, 128  # samples, where nobody says otherwise: what each block costs besides its samples is paid by voice
VOICE = "voice"  # the one section of which there may be many
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
    "messages_per_s": (100, 1_000_000, "messages"),
    "longest_note_s": (1.0, 86_400.0, "s"),
    "size_mb": (0.01, 1_000.0, "MB"),
    "keep": (1, 99, "files"),
}
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "text")
_CHOICES = {("model", "engine"): ENGINES, ("log", "level"): LOG_LEVELS, ("log", "format"): LOG_FORMATS}


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
    panel: str = "off"  # or "auto": loopback, the first port from 9090 on that is free; or HOST:PORT
    oscquery: str = "auto"  # "off", or a port of HTTP; "auto": 80 above the one of osc, or another one where that is taken
    midi_out: str = "none"
    allow: tuple[str, ...] = ()  # networks whose OSC is heard besides this machine's, where osc is bound wider
    messages_per_s: int = 10_000  # of OSC, that one sender may send
    longest_note_s: float | None = 600.0  # a key held for longer is let go; None, or "off" in a file: never

    @property
    def osc_address(self) -> tuple[str, int]:
        host, _, port = self.osc.rpartition(":")
        return host, int(port)

    @property
    def oscquery_port(self) -> int | None:
        """None: the choice is left to the server."""
        return int(self.oscquery) if self.oscquery.isdecimal() else None


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
class LogConfig:
    level: str = "info"
    file: str = "none"  # or the path of a file, which is rotated
    format: str = "json"  # of the file's lines
    size_mb: float = 5.0  # of the file, before it becomes FILE.1
    keep: int = 3  # files besides the one that is written


@dataclass(frozen=True, slots=True)
class RecordConfig:
    folder: str = "none"  # or where takes are kept, each in a folder of its own
    at_start: bool = False  # whether a take begins with the daemon


@dataclass(frozen=True, slots=True)
class Config:
    model: ModelConfig = field(default_factory=ModelConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    continuation: ContinueConfig = field(default_factory=ContinueConfig)
    tempo: TempoConfig = field(default_factory=TempoConfig)
    log: LogConfig = field(default_factory=LogConfig)
    record: RecordConfig = field(default_factory=RecordConfig)
    voices: tuple[Voicing, ...] = ()

    @property
    def ensemble(self) -> tuple[Voicing, ...]:
        """The voices, at least one: without an ensemble, the model."""
        return self.voices or (Voicing(self.model.name),)

    @property
    def title(self) -> str:
        """Who plays: the names of the models."""
        return " + ".join(voice.model for voice in self.ensemble)

    def to_json(self) -> str:
        tree = {name: dataclasses.asdict(getattr(self, _field_of(name))) for name in _SECTIONS}
        if self.voices:
            del tree["model"]["name"]
            tree[VOICE] = [dataclasses.asdict(voice) for voice in self.voices]
        return json.dumps(tree)


_SECTIONS = {"model": ModelConfig, "audio": AudioConfig, "control": ControlConfig, "continue": ContinueConfig,
             "tempo": TempoConfig, "log": LogConfig, "record": RecordConfig}


def _field_of(section: str) -> str:
    """Of Config. "continue" is no name in Python."""
    return "continuation" if section == "continue" else section


def limits(section: str, name: str) -> str:
    """What a help text says of a setting: its range, where it has one, and its default."""
    value = next(f.default for f in dataclasses.fields(_SECTIONS[section]) if f.name == name)
    default = "auto" if value is None else " ".join(value) or "none" if isinstance(value, tuple) else value
    known = {} if section == "continue" and name in _OF_MANNER else _RANGES
    low, high, unit = known.get(name, (None, None, ""))
    span = "" if low is None else "0 or more, " if high == 2**63 - 1 else f"{low:g}..{high:g} {unit}".rstrip() + ", "
    return f"({span}default {default})"


def make_config(tree: Mapping[str, Any]) -> Config:
    """Check `tree`, section by section. Raises ConfigError naming section, field, value, legal range."""
    unknown = sorted(set(tree) - {*_SECTIONS, VOICE})
    if unknown:
        raise ConfigError(f"no section [{unknown[0]}]; there are {', '.join(f'[{name}]' for name in _SECTIONS)}, [[{VOICE}]]")
    voices = voicings(tree.get(VOICE, ()))
    if voices and "name" in tree.get("model", {}):
        raise ConfigError(f"[model] name is {tree['model']['name']!r}, and there are voices, each with a model of its own: leave it out "
                          "(--model), or the voices (--voice, [[voice]])")
    if len(voices) > 1 and "block_samples" not in (audio := tree.get("audio", {})):
        tree = {**tree, "audio": {**audio, "block_samples": BLOCK_OF_TWO if len(voices) == 2 else BLOCK_OF_MORE}}
    config = Config(voices=voices, **{_field_of(name): _section(name, kind, tree.get(name, {})) for name, kind in _SECTIONS.items()})
    try:
        config.continuation.manner
    except ConfigError as error:
        raise ConfigError(f"[continue] {error}") from None
    return config


def load_config(path: str | None, flags: Mapping[str, Any]) -> Config:
    """The TOML file at `path`, if any, with `flags` over it; flags that are None do not count, and voices take the place of
    those in the file, and of its model. Raises ConfigError."""
    tree: dict[str, Any] = {name: section if name == VOICE else dict(section) for name, section in _read_toml(path).items()} if path else {}
    if of_flags := flags.get(VOICE):
        tree[VOICE] = [of_flag(text) for text in of_flags]
        tree.get("model", {}).pop("name", None)
    for name, section in flags.items():
        if name != VOICE:
            tree.setdefault(name, {}).update({key: value for key, value in section.items() if value is not None})
    return make_config(tree)


def _read_toml(path: str) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
        if len(data) > LARGEST_FILE_BYTES:
            raise ConfigError(f"configuration {path} has more than {LARGEST_FILE_BYTES} bytes")
        tree = tomllib.loads(data.decode("utf-8").replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigError(f"configuration {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # what it makes of a syntax error, of broken UTF-8, and of bombs
        raise ConfigError(f"configuration {path} is not TOML: {error}") from None
    for name, section in tree.items():
        if not isinstance(section, dict) and name != VOICE:
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
    if value in (None, "auto") and spec.default is None or name == "longest_note_s" and value in (None, "off"):
        return None
    if section == "continue" and name in _OF_MANNER:
        return value  # Manner checks it
    if name in _RANGES:
        return number(f"[{section}] {name}", value, *_RANGES[name])
    if name in ("link", "at_start"):
        if not isinstance(value, bool):
            raise ConfigError(f"[{section}] {name} is {value!r}; it must be true or false")
        return value
    if name == "oscquery" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if name == "allow":
        return _networks(value)
    if name == "midi":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) and n for n in names):
            raise ConfigError(f"[{section}] midi is {value!r}; it must be a list of port names, \"virtual\" or \"none\"")
        return tuple(names)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"[{section}] {name} is {value!r}; it must be a text")
    if value not in (choices := _CHOICES.get((section, name), (value,))):
        raise ConfigError(f"[{section}] {name} is {value!r}; it must be one of {', '.join(choices)}")
    if name == "osc" or name == "panel" and value not in ("auto", "off"):
        _check_address(name, value)
    if name == "oscquery" and value not in ("auto", "off") and not (value.isdecimal() and 1 <= int(value) <= 65_535):
        raise ConfigError(f"[control] oscquery is {value!r}; it must be auto, off, or a port, 1..65535")
    if name == "metre":
        _check_metre(value)
    return value


def _networks(value: Any) -> tuple[str, ...]:
    import ipaddress  # of no use to who names no network

    entries = value if isinstance(value, (list, tuple)) else [value]
    for entry in entries:
        try:
            ipaddress.ip_network(entry if isinstance(entry, str) else "", strict=False)
        except ValueError:
            raise ConfigError(f"[control] allow holds {entry!r}; it must be a list of addresses and networks, such as "
                              "192.168.1.20 or 192.168.1.0/24") from None
    return tuple(entries)


def _check_address(name: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        form = "auto, off, or HOST:PORT, such as 127.0.0.1:9090" if name == "panel" else "HOST:PORT, such as 127.0.0.1:9000"
        raise ConfigError(f"[control] {name} is {address!r}; it must be {form}, port 1..65535")


def _check_metre(metre: str) -> None:
    beats, _, unit = metre.partition("/")
    if not (beats.isdecimal() and unit.isdecimal()):
        raise ConfigError(f"[tempo] metre is {metre!r}; it must be BEATS/UNIT, such as 3/4; legal are {LEGAL_METRES}")
    try:
        check_metre(int(beats), int(unit))
    except ConfigError as error:
        raise ConfigError(f"[tempo] {error}") from None
