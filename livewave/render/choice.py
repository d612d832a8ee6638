"""Which engine plays a model fastest on this machine: measured when it is first asked, and remembered.

Every engine of `livewave.render.engine.AUTO` that opens renders a held chord, in turns; the native one in each
precision. The fastest is taken, native int8 and bf16 only where rounding costs the model less than
QUANTISATION_LIMIT_NATS (the f16 of a GPU rounds less than bf16, and is not measured). ONNX Runtime is asked only when
nothing else opens: it is several times slower than either. What was found stays in livewave/engines.json in the user's
cache ($XDG_CACHE_HOME, or else ~/.cache), under a hash of all that it depends on: CPU, instruction sets, GPUs,
LIVEWAVE_ISA, this package's sources, the libraries, and the model. Every field of it is checked, and an engine that was
remembered as one that keeps up, and does not, is not believed: everything is measured anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from livewave import EngineUnavailable, LivewaveError, __version__
from livewave.render.cache import cache_folder, write_whole
from livewave.render.engine import AUTO, ENGINES, LAST_RESORT, Engine, available_engines, open_engine
from livewave.render.wavenet import PITCHES, Model

log = logging.getLogger("livewave")

FORMAT = 1
MAX_FILE_BYTES = 1 << 20
MAX_CHOICES = 64  # a file keeps the newest
PRECISIONS = ("int8", "bf16", "f32", "f16", "")  # "": the engine does not say

SOURCES = (".py", ".so", ".pyd", ".cu", ".cuh")

BLOCK_SAMPLES = 64
CHORD = (60, 64, 67)
ROUNDS, BLOCKS_A_TURN = 5, 5  # of each engine that is not clearly slower after the first round
SEARCH_S = 0.4  # of all; an engine that was not reached by then is left out, and rounds end
CLEARLY_SLOWER = 1.5
ALIKE = 1.1  # engines this near to the fastest are taken in the order of candidates: noise must not decide


@dataclass(frozen=True, slots=True)
class Choice:
    """What plays a model here: the engine with its precision and isa, its speed, and what rounding costs the model.

    cost_nats  per sample; None where the engine gives no way to tell
    """

    engine: str
    precision: str
    isa: str
    us_per_sample: float
    cost_nats: float | None

    @property
    def options(self) -> dict[str, str]:
        """What opens the same engine again."""
        return {"precision": self.precision, "isa": self.isa} if self.engine == "native" else {}


def open_fastest(model: Model) -> Engine:
    """The engine that plays `model` fastest here, in its initial state. Measures only what it does not remember.

    Raises EngineUnavailable, with every engine's reason, when none can play.
    """
    path, key = cache_file(), identity(model)
    choice = recall(path).get(key) if path else None
    if choice:
        try:
            with _excused(choice.engine):
                engine = open_engine(choice.engine, model, **choice.options)
                if _keeps_up(engine):
                    return engine
                engine.close()
            log.info("the engine remembered for %s does not keep up; measuring anew", model.name)
        except LivewaveError as error:
            log.info("the engine remembered for %s does not open (%s); measuring anew", model.name, error)
    engine, choice = find_fastest(model)
    if path:
        remember(path, key, choice)
    return engine


def find_fastest(model: Model) -> tuple[Engine, Choice]:
    """Measure every engine that can play `model`, native first; the fastest accurate one, in its initial state."""
    reasons = {name: reason for name, reason in available_engines().items() if name in AUTO and reason}
    engines: list[Engine] = []
    deadline = time.perf_counter() + SEARCH_S
    for name, options in _candidates(reasons):
        if engines and (name == LAST_RESORT or time.perf_counter() > deadline):
            break
        try:
            with _excused(name):
                engine = open_engine(name, model, **options)
                time_per_sample(engine, 1)  # warms caches, and shows whether it plays at all
                engines.append(engine)
        except LivewaveError as error:
            log.info("engine %s is left out: %s", name, error)
            reasons[name] = str(error)
    return _take(model, _ranked(engines, deadline), reasons)


def _ranked(engines: list[Engine], deadline: float) -> list[tuple[float, Engine]]:
    """Microseconds a sample and engine, the one to take first. Measured in turns, so that what else the machine does
    slows all alike; the clearly slower have one turn."""
    turns_us: dict[int, list[float]] = {number: [] for number in range(len(engines))}
    racing = list(turns_us)
    for _ in range(ROUNDS):
        for number in racing:
            turns_us[number].append(time_per_sample(engines[number], BLOCKS_A_TURN))
        best_us = min((min(took) for took in turns_us.values()), default=0.0)
        racing = [number for number in racing if min(turns_us[number]) <= CLEARLY_SLOWER * best_us]
        if time.perf_counter() > deadline:
            break
    trials = [(float(np.median(turns_us[number])), engine) for number, engine in enumerate(engines)]
    fastest_us = min((us for us, _ in trials), default=0.0)
    return sorted(trials, key=lambda trial: max(trial[0], ALIKE * fastest_us))


def _keeps_up(engine: Engine) -> bool:
    """Whether a few blocks, the quickest of which counts, are made faster than they last. Leaves its initial state."""
    us = min(time_per_sample(engine, 1) for _ in range(3))
    engine.reset()
    return us * engine.spec.model_rate_hz < 1e6


def time_per_sample(engine: Engine, blocks: int) -> float:
    """Microseconds a sample of a held chord: the median of so many blocks."""
    roll = np.zeros((1, PITCHES), np.uint8)
    roll[0, CHORD] = 100
    uniforms = np.random.default_rng(0).random(BLOCK_SAMPLES, dtype=np.float32)
    out = np.zeros(BLOCK_SAMPLES, np.float32)
    took_us: list[float] = []
    for _ in range(blocks):
        before = time.perf_counter()
        engine.render(roll, uniforms, out, 0.8)
        took_us.append(1e6 * (time.perf_counter() - before) / BLOCK_SAMPLES)
    return float(np.median(took_us))


def _candidates(reasons: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and options of all to measure, native first: it is quick to open, and the others are soon seen to lag."""
    native = _native()
    if native:
        native.choose_isa()  # a misspelt LIVEWAVE_ISA must not look as if there were no native engine
    for name in AUTO:
        if name in reasons:
            continue
        if name == "native" and native:
            yield from ((name, {"precision": precision}) for precision in native.PRECISIONS)
        else:
            yield name, {}


@contextlib.contextmanager
def _excused(name: str) -> Iterator[None]:
    """Let whatever stops an engine be EngineUnavailable, but for the native one, where it is a fault of ours."""
    try:
        yield
    except LivewaveError:
        raise
    except Exception as error:  # what a GPU's driver and compiler raise has no common base
        if name == "native":
            raise
        raise EngineUnavailable(f"it fails here ({error})") from error


def _take(model: Model, trials: list[tuple[float, Engine]], reasons: dict[str, str]) -> tuple[Engine, Choice]:
    """The first of `trials` that is accurate enough; the others are closed."""
    chosen = None
    for us, engine in trials:
        cost = None if chosen else _cost(model, engine)
        if not chosen and (cost is None or cost < _native().QUANTISATION_LIMIT_NATS):
            chosen = engine, Choice(engine.name, getattr(engine, "precision", ""), getattr(engine, "isa", ""), us, cost)
            engine.reset()
        else:
            engine.close()
    if not chosen:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise EngineUnavailable(f"no engine can play here. {told}")
    return chosen


def _cost(model: Model, engine: Engine) -> float | None:
    if engine.name != "native":
        return None
    return 0.0 if engine.precision == "f32" else _native().quantisation_cost(model, engine.precision, engine.isa)


def _native() -> ModuleType | None:
    """The module of the native engine; None where it was not built or does not load, which opening it will explain."""
    if available_engines()["native"]:
        return None
    try:
        from livewave.render import native
    except ImportError:
        return None
    return native


def cache_file() -> Path | None:
    """Where choices are remembered; None when this user has no home."""
    folder = cache_folder()
    return folder / "engines.json" if folder else None


def identity(model: Model) -> str:
    """64 hex digits that change with anything that a choice depends on."""
    native = _native()
    facts = {
        "cpu": _cpu(), "gpus": _gpus(), "isas": native.isas() if native else [],
        "LIVEWAVE_ISA": os.environ.get("LIVEWAVE_ISA", ""), "version": __version__, "sources": _sources(),
        "model": _fingerprint(model),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"{platform.machine()} {platform.processor()}"


def _gpus() -> list[str]:
    """Names of the NVIDIA GPUs, as the Linux driver tells them without being loaded."""
    notes = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    return [note.read_text(encoding="utf-8", errors="replace").partition("\n")[0] for note in notes]


def _sources() -> list[tuple[str, int, int]]:
    """Name, size and time of every file that an engine comes from: this folder, and the first file of each library."""
    files = sorted(path for path in Path(__file__).parent.rglob("*") if path.suffix in SOURCES)
    for name, reason in available_engines().items():
        spec = importlib.util.find_spec(ENGINES[name].needs) if reason is None else None
        files += [Path(spec.origin)] if spec and spec.origin else []
    stats = [(path.name, path.stat()) for path in files if path.is_file()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _fingerprint(model: Model) -> str:
    digest = hashlib.sha256(model.graph or model.spec.to_json().encode())
    if not model.graph:
        for name in sorted(model.weights):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(model.weights[name]).data)
    return digest.hexdigest()


def recall(path: Path) -> dict[str, Choice]:
    """Every choice in the file that can be true; empty where there is no file, or it is not one of ours."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            return {}
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        log.info("%s is not used: %s", path, error)
        return {}
    if not isinstance(tree, dict) or tree.get("format") != FORMAT or not isinstance(tree.get("choices"), dict):
        return {}
    found = {key: _choice(entry) for key, entry in tree["choices"].items() if len(key) == 64}
    return {key: choice for key, choice in found.items() if choice}


def _choice(entry: Any) -> Choice | None:
    """`entry` as a Choice; None unless it has exactly its fields, each in its range."""
    if not isinstance(entry, dict) or set(entry) != {field.name for field in dataclasses.fields(Choice)}:
        return None
    choice = Choice(**entry)
    texts_are_legal = (choice.engine in AUTO and choice.precision in PRECISIONS and isinstance(choice.isa, str)
                       and len(choice.isa) <= 16 and (choice.isa.isalnum() or not choice.isa))
    numbers_are_legal = _is_number(choice.us_per_sample) and (choice.cost_nats is None or _is_number(choice.cost_nats))
    return choice if texts_are_legal and numbers_are_legal else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value < 1e9


def remember(path: Path, key: str, choice: Choice) -> None:
    """Add `choice` to the file. What cannot be written is let be.

    Of two processes that write together, one may lose what it added, and will measure again.
    """
    choices = {old: entry for old, entry in recall(path).items() if old != key} | {key: choice}
    kept = list(choices.items())[-MAX_CHOICES:]
    tree = {"format": FORMAT, "choices": {name: dataclasses.asdict(entry) for name, entry in kept}}
    try:
        write_whole(path, json.dumps(tree, indent=1).encode())
    except OSError as error:
        log.info("the choice of engine is not remembered: %s", error)
