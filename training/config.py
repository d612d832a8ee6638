"""What a training run can choose: one frozen tree, from a TOML file and --set, checked once.

    [net]    the fields of WaveNetSpec; `stacks` and `longest` write `dilations` as 1, 2, 4 .. longest, stacks times
    [run]    length, batch, rates, precision, how often figures are told and checkpoints written
    [data]   what makes crops harder than the recordings are
    [watch]  what is measured while training, and what stops a run that is going nowhere

What each choice was measured to be worth: training/README.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livewave import ConfigError
from livewave.render.wavenet import WaveNetSpec


@dataclass(frozen=True, slots=True)
class Run:
    """Crops, rates and rhythm of a run. A step hears `batch` crops, whatever the number of processes.

    decay_steps    of the end, over which the rate falls to 0
    warm           samples at the start of a crop that are heard without loss: their history is not complete
    muon_rate      peak rate of the matrices inside the net;  adam_rate  of embeddings, conditioning and the last layer
    average        decay of the running average of the weights, which is what is validated and exported
    clip           longest gradient
    report_every   steps between lines of figures, with the held-out loss;  save_every  between checkpoints
    """

    steps: int = 20_000
    decay_steps: int = 4_000
    warmup_steps: int = 100
    batch: int = 2
    samples: int = 8_192
    warm: int = 1_024
    seed: int = 0
    precision: str = "bfloat16"
    muon_rate: float = 0.006
    adam_rate: float = 0.002
    average: float = 0.999
    clip: float = 1.0
    report_every: int = 250
    save_every: int = 250


@dataclass(frozen=True, slots=True)
class Data:
    """Shares are of crops. Noise is in proportion to the signal plus `noise_floor`; its factor is log-uniform in
    noise_low..noise_high. A wrong history is too soft, with another place of the data sounding in it. A silent start ends
    at a note's onset in `onset_share` of its crops, else anywhere. A soft roll shows how likely each pitch is to sound."""

    noise_share: float = 0.5
    noise_low: float = 0.005
    noise_high: float = 0.12
    noise_floor: float = 0.003
    wrong_share: float = 0.0
    silent_start_share: float = 0.15
    onset_share: float = 0.6
    soft_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is measured, and the rules that stop a run. A rule with 0 reports or 0 nats is off.

    crops            held-out crops that every loss is taken from
    every            steps between measures of adherence and free-running scores; 0 = never
    listen_every     steps between audio and pictures for TensorBoard; 0 = never
    rise_nats        stop when the held-out loss was this much over its best for rise_reports reports in a row
    adherence_nats   stop when a false roll costs less than this from step adherence_after on
    quiet_db, loud_db  stop when the notes of a free run were outside for free_reports measures in a row from free_after on
    """

    crops: int = 24
    every: int = 1_000
    listen_every: int = 5_000
    temperature: float = 0.8
    rise_nats: float = 0.15
    rise_reports: int = 8
    adherence_nats: float = 0.02  # healthy nets with the hint: 0.3 at step 1,800 (piano), 0.9 at 3,200 (cello)
    adherence_after: int = 4_000
    quiet_db: float = -60.0
    loud_db: float = -3.0
    free_after: int = 4_000
    free_reports: int = 2


@dataclass(frozen=True, slots=True)
class Config:
    net: WaveNetSpec = field(default_factory=WaveNetSpec)
    run: Run = field(default_factory=Run)
    data: Data = field(default_factory=Data)
    watch: Watch = field(default_factory=Watch)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


_SECTIONS = {"net": WaveNetSpec, "run": Run, "data": Data, "watch": Watch}
PRECISIONS = ("bfloat16", "float32")
_RANGES = {  # (lowest, highest); whole where the lowest is
    "steps": (1, 100_000_000), "decay_steps": (1, 100_000_000), "warmup_steps": (1, 1_000_000), "batch": (1, 65_536),
    "samples": (64, 4_194_304), "warm": (0, 4_194_303), "seed": (0, 2**63 - 1), "muon_rate": (1e-6, 1.0),
    "adam_rate": (1e-6, 1.0), "average": (0.0, 0.99999), "clip": (1e-3, 1e3), "report_every": (1, 1_000_000),
    "save_every": (1, 1_000_000),
    "noise_share": (0.0, 1.0), "noise_low": (1e-6, 1.0), "noise_high": (1e-6, 1.0), "noise_floor": (0.0, 1.0),
    "wrong_share": (0.0, 1.0),
    "silent_start_share": (0.0, 1.0), "onset_share": (0.0, 1.0), "soft_share": (0.0, 1.0),
    "crops": (2, 4_096), "every": (0, 1_000_000), "listen_every": (0, 1_000_000), "temperature": (0.0, 2.0),
    "rise_nats": (0.0, 100.0), "rise_reports": (0, 10_000), "adherence_nats": (0.0, 10.0),
    "adherence_after": (0, 100_000_000), "quiet_db": (-200.0, 0.0), "loud_db": (-200.0, 20.0),
    "free_after": (0, 100_000_000), "free_reports": (0, 10_000),
}


def load_config(path: Path, sets: Sequence[str] = ()) -> Config:
    """The TOML file at `path` with each of `sets`, "section.key=value", over it. Raises ConfigError."""
    tree = read_toml(path)
    for text in sets:
        section, key, value = parse_set(text)
        table = tree.setdefault(section, {})
        if isinstance(table, dict):  # else make_config says what is wrong with it
            table[key] = value
    return make_config(tree)


def make_config(tree: Mapping[str, Mapping[str, Any]]) -> Config:
    """Check `tree`, section by section. Raises ConfigError naming section, key, value and legal range."""
    for name, section in tree.items():
        if name not in _SECTIONS:
            raise ConfigError(f"no section [{name}]; there are {', '.join(f'[{known}]' for known in _SECTIONS)}")
        if not isinstance(section, Mapping):
            raise ConfigError(f"{name} stands outside a section; write [{name}] with keys below it")
    config = Config(_net(tree.get("net", {})), *(_section(name, tree.get(name, {})) for name in ("run", "data", "watch")))
    _check_together(config)
    return config


def _net(values: Mapping[str, Any]) -> WaveNetSpec:
    values = dict(values)
    stacks, longest = values.pop("stacks", None), values.pop("longest", None)
    known = [f.name for f in dataclasses.fields(WaveNetSpec)]
    for key in values:
        if key not in known:
            raise ConfigError(f"[net] has no {key}; it has stacks, longest, {', '.join(known)}")
    if longest is not None and stacks is None:
        raise ConfigError("[net] longest needs stacks: dilations are 1, 2, 4 .. longest, stacks times")
    if stacks is not None:
        if "dilations" in values:
            raise ConfigError("[net] has both stacks and dilations; leave one out")
        values["dilations"] = _pattern(stacks, 512 if longest is None else longest)
    try:
        return WaveNetSpec(**values)
    except ValueError as error:
        raise ConfigError(f"[net] {error}") from None


def _pattern(stacks: Any, longest: Any) -> tuple[int, ...]:
    """1, 2, 4 .. longest, `stacks` times."""
    if isinstance(stacks, bool) or not isinstance(stacks, int) or not 1 <= stacks <= 128:
        raise ConfigError(f"[net] stacks is {stacks!r}; it must be a whole number in 1..128")
    powers = [2**k for k in range(17)]
    if isinstance(longest, bool) or longest not in powers:
        raise ConfigError(f"[net] longest is {longest!r}; it must be a power of two in 1..65536")
    return tuple(powers[: powers.index(longest) + 1]) * stacks


def _section(section: str, values: Mapping[str, Any]) -> Any:
    kind = _SECTIONS[section]
    known = [f.name for f in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ConfigError(f"[{section}] has no {key}; it has {', '.join(known)}")
    return kind(**{key: _check(section, key, value) for key, value in values.items()})


def _check(section: str, key: str, value: Any) -> Any:
    if key == "precision":
        if value not in PRECISIONS:
            raise ConfigError(f"[{section}] precision is {value!r}; it must be one of {', '.join(PRECISIONS)}")
        return value
    low, high = _RANGES[key]
    whole = isinstance(low, int)
    right_kind = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not right_kind or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"[{section}] {key} is {value!r}; it must be {kind} in {low}..{high}")
    return value if whole else float(value)


def _check_together(config: Config) -> None:
    net, run, data, watch = config.net, config.run, config.data, config.watch
    if run.samples % net.samples_per_column:
        raise ConfigError(f"[run] samples is {run.samples}; it must be a multiple of the {net.samples_per_column} samples of a "
                          f"column ({net.model_rate_hz} Hz / {net.roll_rate_hz} Hz)")
    if run.warm > run.samples // 2:
        raise ConfigError(f"[run] warm is {run.warm}; it must be in 0..{run.samples // 2}, half of samples: "
                          "what is heard without loss teaches nothing")
    if run.decay_steps > run.steps:
        raise ConfigError(f"[run] decay_steps is {run.decay_steps}; it must be in 1..{run.steps}, the steps of the "
                          "run: set both")
    if data.noise_low > data.noise_high:
        raise ConfigError(f"[data] noise_low is {data.noise_low}; it must be in 0..{data.noise_high}, which is noise_high")
    if data.soft_share and (net.roll_encoding, net.hint, net.cond_channels > 0) != ("velocity", "none", True):
        raise ConfigError(f"[data] soft_share is {data.soft_share}; only a net with roll_encoding \"velocity\", hint "
                          "\"none\" and cond_channels above 0 can be shown a probability: every other one takes any value "
                          "for a whole note")
    if watch.quiet_db >= watch.loud_db:
        raise ConfigError(f"[watch] quiet_db is {watch.quiet_db}; it must be below loud_db, {watch.loud_db}")


def parse_set(text: str) -> tuple[str, str, Any]:
    """"section.key=value" with a value as TOML writes it, or .5; a bare word is a text."""
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot or not key:
        raise ConfigError(f"--set {text!r} is not section.key=value, such as --set run.steps=20000")
    toml = _toml()
    try:
        return section, key, toml.loads(f"value = {value}")["value"]
    except toml.TOMLDecodeError:
        return section, key, _number(value.strip())


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def read_toml(path: Path) -> dict[str, Any]:
    toml = _toml()
    try:
        return toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration {path}: {error.strerror}; there are some in training/configs") from None
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path} is not TOML: {error}") from None


def _toml() -> Any:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    return tomllib
