"""How fast each engine plays each model here: microseconds a sample, the spread of a block's time, and how near that is
to what the memory allows.

All that plays one model takes turns in slices of a few blocks, so that whatever else the machine does meanwhile slows
all of them alike, and the bandwidth that they are compared with too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby

import numpy as np

from livewave import ConfigError, EngineUnavailable
from livewave.config import ModelConfig
from livewave.render.engine import Engine, open_engine
from livewave.render.modelfile import list_models, load_model
from livewave.render.wavenet import PITCHES, Model, WaveNetSpec, random_weights

STACK = tuple(2**i for i in range(10))
SHAPES = ("32,64,128,20", "32,128,256,30", "64,128,256,20", "64,256,256,30")
WIDE_BAND = WaveNetSpec(model_rate_hz=48_000, output="logistic", class_kernel=0, input_kernel=32, residual_channels=32,
                        skip_channels=64, out_channels=128, dilations=STACK * 3, hint="f0")
BLOCKS = (16, 64, 256)
USUAL_BLOCK = 64  # whose median is told as the time of a sample
LEAST_BLOCKS = 20  # of a size; of fewer no p99 is told
MOST_TIME = 3  # times what was asked for is spent at most to reach LEAST_BLOCKS
CHOIR = 64  # voices of an engine that can render many in one call
SLICE_S = 0.03
WARM_SAMPLES = 32  # rendered untimed before a slice: they bring the weights back into the caches
CHORD = (60, 64, 67)
TEMPERATURE = 0.8


@dataclass(frozen=True, slots=True)
class Row:
    """One engine on one model in blocks of one size.

    us_per_sample       median; of all voices together
    real_time_factor    seconds of audio made in a second, of each voice; below 1 it cannot be played live
    p99_ms              None of fewer than LEAST_BLOCKS blocks
    weight_bytes        what one sample reads of the matrices; None where the engine does not tell
    bandwidth_fraction  the time in which one core of this machine reads so many bytes over and over, as a share of the
                        time that the sample took; None on other devices
    """

    engine: str
    isa: str
    model: str
    shape: str
    block: int
    us_per_sample: float
    real_time_factor: float
    p50_ms: float
    p99_ms: float | None
    max_ms: float
    precision: str = ""
    voices: int = 1
    weight_bytes: int | None = None
    bandwidth_fraction: float | None = None


@dataclass(frozen=True)
class Player:
    """What is timed: `play(n)` renders the next n samples of every voice. `bandwidth(seconds)` is bytes a second."""

    engine: str
    play: Callable[[int], None]
    close: Callable[[], None]
    isa: str = ""
    precision: str = ""
    voices: int = 1
    weight_bytes: int | None = None
    bandwidth: Callable[[float], float] | None = None


@dataclass(frozen=True)
class Timing:
    """block_ms: how long each block of a size took; bandwidths: bytes a second, measured in between."""

    block_ms: dict[int, list[float]]
    bandwidths: list[float]


def model_of_shape(text: str) -> Model:
    """A net with random weights from "R,S,A,L". Raises ConfigError."""
    needed = f"shape {text!r}: four whole numbers R,S,A,L are needed, such as 64,128,256,20"
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().removeprefix("-").isdecimal() for part in parts):
        raise ConfigError(needed)
    residual, skip, out, layers = (int(part) for part in parts)
    try:
        spec = WaveNetSpec(residual_channels=residual, skip_channels=skip, out_channels=out, input_kernel=0,
                           dilations=tuple(STACK[i % len(STACK)] for i in range(layers)))
    except ValueError as error:
        raise ConfigError(f"{needed} ({error})") from None
    return Model(spec, random_weights(spec), f"random {text}")


def load_models(names: Sequence[str]) -> list[Model]:
    return [load_model(name) for name in names]


def usual_models() -> list[Model]:
    """Of the models there are one of each kind of net, nets from small to large, and one of 48 kHz and 16 bit."""
    wide_band = Model(WIDE_BAND, random_weights(WIDE_BAND), "random 48 kHz, logistic")
    names, default, one_each = [name for name, _ in list_models()], ModelConfig().name, {}
    for model in load_models(sorted(names, key=lambda name: name != default)):  # the default one speaks for its kind
        one_each.setdefault(model.spec, model)
    return list(one_each.values()) + [model_of_shape(text) for text in SHAPES] + [wide_band]


def _unheard(_: object) -> None:
    """For callers who do not want to hear of it."""


def bench(models: Sequence[Model], engines: Sequence[str], blocks: int | Sequence[int], seconds: float,
          left_out: Callable[[str], None] = _unheard, progress: Callable[[float], None] = _unheard) -> Iterator[Row]:
    """Rows for each model: by engine, instruction set and precision, the plain before the quick; one per size of block.

    blocks    samples
    seconds   wall time of each engine, instruction set and precision on each model, all its blocks together
    left_out  told why an engine cannot open a model
    progress  told the share of a model's wall time that is over
    """
    sizes = [blocks] if isinstance(blocks, int) else list(blocks)
    for model in models:
        players = list(_open_all(model, engines, left_out))
        timings = take_turns(players, sizes, seconds, progress)
        for player in players:
            player.close()
        for player, timing in zip(players, timings, strict=True):
            yield from _rows(model, player, timing)


def take_turns(players: Sequence[Player], blocks: Sequence[int], seconds: float,
               progress: Callable[[float], None] = _unheard) -> list[Timing]:
    """Time every player in slices, in turn, until each had `seconds` of wall time and LEAST_BLOCKS blocks of each size;
    a slow one has fewer of them after MOST_TIME times `seconds`."""
    timings = [Timing({block: [] for block in blocks}, []) for _ in players]
    spent = [0.0] * len(players)
    slice_s = min(SLICE_S, seconds / len(blocks))

    def is_done(number: int) -> bool:
        fewest = min(len(took_ms) for took_ms in timings[number].block_ms.values())
        return spent[number] >= seconds * (1 if fewest >= LEAST_BLOCKS else MOST_TIME)

    while not all(map(is_done, range(len(players)))):
        for number, (player, timing) in enumerate(zip(players, timings, strict=True)):
            if is_done(number):
                continue
            began = time.perf_counter()
            for block in blocks:
                timing.block_ms[block] += _slice(player, block, slice_s)
            spent[number] += time.perf_counter() - began
            if player.bandwidth:
                timing.bandwidths.append(player.bandwidth(slice_s))
            progress(sum(min(used, seconds) for used in spent) / (seconds * len(players)))
    return timings


def _slice(player: Player, block: int, seconds: float) -> list[float]:
    """Milliseconds of each block: one at least, more while `seconds` last."""
    took_ms: list[float] = []
    player.play(WARM_SAMPLES)
    began = now = time.perf_counter()
    while not took_ms or now - began < seconds:
        player.play(block)
        before, now = now, time.perf_counter()
        took_ms.append(1e3 * (now - before))
    return took_ms


def _rows(model: Model, player: Player, timing: Timing) -> Iterator[Row]:
    spec = model.spec
    shape = f"{spec.residual_channels}/{spec.skip_channels}/{spec.out_channels}, {spec.layers}"
    for block, took_ms in timing.block_ms.items():
        p50, p99, most = (float(value) for value in np.percentile(took_ms, (50, 99, 100)))
        share = None
        if timing.bandwidths and player.weight_bytes:
            share = round(player.weight_bytes / np.median(timing.bandwidths) / (1e-3 * p50 / block), 4)
        yield Row(player.engine, player.isa, model.name, shape, block, round(1e3 * p50 / block, 3),
                  round(block / spec.model_rate_hz / (1e-3 * p50), 3), round(p50, 4),
                  round(p99, 4) if len(took_ms) >= LEAST_BLOCKS else None, round(most, 4),
                  player.precision, player.voices, player.weight_bytes, share)


def _open_all(model: Model, engines: Sequence[str], left_out: Callable[[str], None]) -> Iterator[Player]:
    for name in engines:
        try:
            match name:
                case "native":
                    yield from _native_players(model)
                case "cuda":
                    yield of_engine(open_engine("cuda", model))
                    yield _cuda_choir(model)
                case _:
                    yield of_engine(open_engine(name, model))
        except EngineUnavailable as reason:
            left_out(f"{name}: {str(reason).removeprefix(f'engine {name}: ')}")


def _native_players(model: Model) -> Iterator[Player]:
    """Slow to quick: the last is the one that plays unless int8 costs this model too much. With LIVEWAVE_ISA only that
    instruction set, in which all else would play too; raises ConfigError where this machine does not have it."""
    try:
        from livewave.render.native import PRECISIONS, choose_isa, isas
    except ImportError as error:
        raise EngineUnavailable(f"the kernels do not load ({error})") from None
    try:
        measured = [choose_isa()] if os.environ.get("LIVEWAVE_ISA") else isas()
    except EngineUnavailable as error:  # which would only be left out: but it was asked for
        raise ConfigError(str(error)) from None
    for isa in measured:
        for precision in reversed(PRECISIONS):
            yield of_engine(open_engine("native", model, isa=isa, precision=precision))


def of_engine(engine: Engine) -> Player:
    """A player of one voice, which holds a chord."""
    weight_bytes, isa = getattr(engine, "weight_bytes", None), getattr(engine, "isa", "")
    bandwidth = None
    if engine.name == "native" and weight_bytes:
        from livewave.render.native import read_bandwidth

        bandwidth = partial(read_bandwidth, weight_bytes, isa)
    roll = _chord()

    @cache
    def arrays(samples: int) -> tuple[np.ndarray, np.ndarray]:
        return np.random.default_rng(0).random(samples, dtype=np.float32), np.zeros(samples, np.float32)

    def play(samples: int) -> None:
        engine.render(roll, *arrays(samples), TEMPERATURE)

    return Player(engine.name, play, engine.close, isa, getattr(engine, "precision", ""), 1, weight_bytes, bandwidth)


def _cuda_choir(model: Model) -> Player:
    """A player of many voices, each of which holds the same chord and draws with numbers of its own."""
    from livewave.render.cuda import CudaChoir

    choir = CudaChoir(model, CHOIR)
    rolls, temperatures = np.repeat(_chord()[None], CHOIR, axis=0), np.full(CHOIR, TEMPERATURE, np.float32)

    @cache
    def arrays(samples: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (CHOIR, samples)
        return np.random.default_rng(0).random(shape, dtype=np.float32), np.zeros(shape, np.float32)

    def play(samples: int) -> None:
        choir.render(rolls, *arrays(samples), temperatures)

    return Player("cuda", play, choir.close, "", choir.precision, CHOIR, choir.weight_bytes)


def _chord() -> np.ndarray:
    """uint8 [1, 128]"""
    roll = np.zeros((1, PITCHES), np.uint8)
    roll[0, CHORD] = 100
    return roll


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for a terminal: a title and a head for each model, and a line for each engine, instruction set and
    precision on it. With three sizes of block they are 120 columns wide."""
    lines = []
    for (model, shape), of_model in groupby(rows, lambda row: (row.model, row.shape)):
        group = list(of_model)
        blocks = list(dict.fromkeys(row.block for row in group))
        lines.append(f"{_title(model, shape)}: us/sample of blocks of {_told(group).block}; KiB of weights; "
                     "limit: share of what memory allows")
        lines.append(f"{'engine':20}{'us/sample':>10}{'x real time':>12}"
                     + "".join(f"{f'p50 p99 max ms of {block}':>22}" for block in blocks) + f"{'KiB':>6}{'limit':>6}")
        for _, same in groupby(group, lambda row: (row.engine, row.isa, row.precision, row.voices)):
            lines.append(_line(list(same)))
        lines.append("")
    return lines


def _title(model: str, shape: str) -> str:
    """A net that is named by its shape says it once."""
    return model if model == f"random {shape.replace('/', ',').replace(' ', '')}" else f"{model} ({shape})"


def _told(rows: Sequence[Row]) -> Row:
    """The row whose median is told as the time of a sample."""
    return next((row for row in rows if row.block == USUAL_BLOCK), rows[0])


def _line(rows: Sequence[Row]) -> str:
    row = _told(rows)
    voices = f"{row.voices} voices" if row.voices > 1 else ""
    name = " ".join(filter(None, (row.engine, row.isa, row.precision, voices)))
    spreads = "".join(f"{_ms(each.p50_ms):>8}{_ms(each.p99_ms):>7}{_ms(each.max_ms):>7}" for each in rows)
    weights = f"{row.weight_bytes / 1024:.0f}" if row.weight_bytes else ""
    limit = f"{100 * row.bandwidth_fraction:.0f} %" if row.bandwidth_fraction else ""
    return f"{name:20}{row.us_per_sample:10.2f}{row.real_time_factor:12.2f}{spreads}{weights:>6}{limit:>6}".rstrip()


def _ms(took: float | None) -> str:
    """Six characters at most below ten seconds."""
    if took is None:
        return "-"
    return f"{took:.{3 if took < 10.0 else 2 if took < 100.0 else 1}f}"
