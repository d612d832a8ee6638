"""How fast each engine plays each model here: microseconds a sample, and the spread of a block's time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from livewave import ConfigError, EngineUnavailable
from livewave.render.engine import Engine, open_engine
from livewave.render.modelfile import load_model
from livewave.render.wavenet import Model, WaveNetSpec, random_weights

STACK = tuple(2**i for i in range(10))
WARM_BLOCKS = 3
CHORD = (60, 64, 67)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine on one model. real_time_factor: seconds of audio made in a second; below 1 it cannot be played live."""

    engine: str
    isa: str
    model: str
    shape: str
    block: int
    us_per_sample: float
    real_time_factor: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def model_of_shape(text: str) -> Model:
    """A net with random weights from "R,S,A,L". Raises ConfigError."""
    try:
        residual, skip, out, layers = (int(part) for part in text.split(","))
        spec = WaveNetSpec(residual_channels=residual, skip_channels=skip, out_channels=out, input_kernel=0,
                           dilations=tuple(STACK[i % len(STACK)] for i in range(layers)))
    except ValueError as error:
        raise ConfigError(f"shape {text!r}: four whole numbers R,S,A,L are needed, such as 64,128,256,20 ({error})") from None
    return Model(spec, random_weights(spec), f"random {text}")


def bench(models: Sequence[Model], engines: Sequence[str], block: int, seconds: float) -> Iterator[Row]:
    """A row per engine, instruction set and model; engines that cannot open a model are left out."""
    for model in models:
        for engine in _open_all(model, engines):
            yield _measure(engine, model, block, seconds)
            engine.close()


def load_models(names: Sequence[str]) -> list[Model]:
    return [load_model(name) for name in names]


def _open_all(model: Model, engines: Sequence[str]) -> Iterator[Engine]:
    for name in engines:
        try:
            if name == "native":
                from livewave.render.native import isas

                for isa in isas():
                    yield open_engine("native", model, isa=isa)
            else:
                yield open_engine(name, model)
        except EngineUnavailable:
            continue


def _measure(engine: Engine, model: Model, block: int, seconds: float) -> Row:
    """Render a held chord block by block until `seconds` of wall time are over."""
    spec = engine.spec
    roll = np.zeros((1, 128), np.uint8)
    roll[0, CHORD] = 100
    uniforms = np.random.default_rng(0).random(block, dtype=np.float32)
    out, took = np.zeros(block, np.float32), []
    deadline = time.perf_counter() + seconds
    while len(took) < 2 * WARM_BLOCKS or time.perf_counter() < deadline:
        began = time.perf_counter()
        engine.render(roll, uniforms, out, 0.8)
        took.append(time.perf_counter() - began)
    took_ms = np.array(took[WARM_BLOCKS:]) * 1e3
    p50, p99 = np.percentile(took_ms, (50, 99))
    shape = f"{spec.residual_channels}/{spec.skip_channels}/{spec.out_channels}, {spec.layers}"
    return Row(engine.name, getattr(engine, "isa", ""), model.name, shape, block, round(p50 * 1e3 / block, 2),
               round(block / spec.model_rate_hz / (p50 * 1e-3), 3), round(p50, 4), round(p99, 4), round(took_ms.max(), 4))
