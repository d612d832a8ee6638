"""The net, written once: its spec, its weights, and a NumPy engine that defines what every other engine must compute.

One sample, with x the residual stream (width R) and y the conditioning (width C):

    x    = input layer over the samples so far (one-hot taps and waveform taps), plus the f0 hint
    y    = causal convolution of the roll, 128 -> C, at the sample rate
    per layer k:  a = past_k . x[t - dilation_k] + current_k . x[t] + V_k . y + bias_k
                  z = tanh(a[:R]) * sigmoid(a[R:]);   x = x + residual_k . z;   skip = skip + skip_k . z
    logits = out . relu(hidden . relu(skip))

Before the first sample the waveform was silence and every hidden queue holds zeros.
Source: van den Oord et al. 2016 (eq. 2), conditioned as in Manzelli et al. 2018 (eq. 3); queues after Le Paine et al. 2016.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

PITCHES = 128
CLASSES = 256
SILENCE_CLASS = 128
HINT_CHANNELS = 4
A4_HZ = 440.0

# field: (lowest, highest) for whole numbers; the spec of a hostile file must not ask for a terabyte
_RANGES = {
    "model_rate_hz": (4_000, 96_000),
    "roll_rate_hz": (1, 96_000),
    "roll_kernel": (1, 16),
    "cond_channels": (0, 512),
    "residual_channels": (1, 512),
    "skip_channels": (1, 2_048),
    "out_channels": (1, 2_048),
    "class_kernel": (0, 16),
    "input_kernel": (0, 1_024),
    "mixtures": (1, 64),
}
_CHOICES = {
    "roll_encoding": ("binary", "velocity", "struck"),
    "hint": ("none", "f0"),
    "output": ("mulaw", "logistic"),
}


@dataclass(frozen=True, slots=True)
class WaveNetSpec:
    """Every choice that shapes the net. Raises ValueError, naming field and legal range, when one is out of range.

    model_rate_hz      rate of the audio
    roll_rate_hz       columns per second that the net was trained on; a column may begin at any sample when played
    roll_encoding      "binary": a pitch sounds or not; "velocity": 0..1; "struck": velocity fading since the strike
    roll_kernel        taps (in samples) of the causal convolution 128 -> cond_channels
    cond_channels      C; 0 makes the net unconditioned
    residual_channels  R, also the width of each half of a gate
    skip_channels      S
    out_channels       A, the hidden width of the output stage
    dilations          one per layer
    class_kernel       one-hot taps over the last mu-law classes (the paper's input layer has 2); 0 = none
    input_kernel       taps over the last decoded samples; 0 = none
    hint               "f0": cos and sin at f0 and 2*f0 of the sounding pitches join the input layer
    output             "mulaw": 256 classes; "logistic": a mixture of `mixtures` logistics
    """

    model_rate_hz: int = 16_000
    roll_rate_hz: int = 1_000
    roll_encoding: str = "binary"
    roll_kernel: int = 2
    cond_channels: int = 16
    residual_channels: int = 48
    skip_channels: int = 64
    out_channels: int = 64
    dilations: tuple[int, ...] = tuple(2**i for i in range(10)) * 2
    class_kernel: int = 1
    input_kernel: int = 32
    hint: str = "none"
    output: str = "mulaw"
    mixtures: int = 10

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; it must be a whole number in {low}..{high}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}")
        if not isinstance(self.dilations, (tuple, list)) or not 1 <= len(self.dilations) <= 128:
            raise ValueError("dilations must list 1..128 layers")
        for dilation in self.dilations:
            if isinstance(dilation, bool) or not isinstance(dilation, int) or not 1 <= dilation <= 65_536:
                raise ValueError(f"dilations holds {dilation!r}; each must be a whole number in 1..65536")
        object.__setattr__(self, "dilations", tuple(self.dilations))
        if self.roll_rate_hz > self.model_rate_hz or self.model_rate_hz % self.roll_rate_hz:
            raise ValueError(f"roll_rate_hz is {self.roll_rate_hz}; it must divide model_rate_hz ({self.model_rate_hz})")
        if self.output == "logistic" and self.class_kernel:
            raise ValueError("class_kernel must be 0 with logistic output, which has no classes")
        if not self.class_kernel and not self.input_kernel:
            raise ValueError("class_kernel and input_kernel are both 0; the net must hear at least its last sample")
        if self.hint != "none" and not self.cond_channels:
            raise ValueError("hint needs a conditioned net (cond_channels > 0)")

    @property
    def layers(self) -> int:
        return len(self.dilations)

    @property
    def samples_per_column(self) -> int:
        return self.model_rate_hz // self.roll_rate_hz

    @property
    def outputs(self) -> int:
        """Width of one row of logits: 256 classes, or weight, mean and log-scale of each logistic."""
        return CLASSES if self.output == "mulaw" else 3 * self.mixtures

    @property
    def receptive_field(self) -> int:
        """Samples of history that can reach one output sample."""
        return sum(self.dilations) + max(self.class_kernel, self.input_kernel)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WaveNetSpec:
        """Raises ValueError for anything but an object with exactly this class's fields in their ranges."""
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the spec is not JSON: {error}") from None
        names = {f.name for f in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or set(fields) != names:
            raise ValueError(f"the spec must have exactly the fields {', '.join(sorted(names))}")
        return cls(**fields)


def shapes(spec: WaveNetSpec) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight of `spec`, in file order. Matrices are [inputs, outputs]; tap 0 is the newest sample."""
    R, S, A, C, L = spec.residual_channels, spec.skip_channels, spec.out_channels, spec.cond_channels, spec.layers
    table = {
        "input_classes": (spec.class_kernel, CLASSES, R),
        "input_waveform": (spec.input_kernel, R),
        "input_bias": (R,),
        "hint": (HINT_CHANNELS, R),
        "condition_kernel": (spec.roll_kernel, PITCHES, C),
        "condition_bias": (C,),
        "past": (L, R, 2 * R),
        "current": (L, R, 2 * R),
        "condition": (L, C, 2 * R),
        "gate_bias": (L, 2 * R),
        "residual": (L - 1, R, R),
        "residual_bias": (L - 1, R),
        "skip": (L, R, S),
        "skip_bias": (S,),
        "hidden": (S, A),
        "hidden_bias": (A,),
        "logits": (A, spec.outputs),
        "logits_bias": (spec.outputs,),
    }
    absent = set()
    if not spec.class_kernel:
        absent.add("input_classes")
    if not spec.input_kernel:
        absent.add("input_waveform")
    if spec.hint == "none":
        absent.add("hint")
    if not C:
        absent |= {"condition_kernel", "condition_bias", "condition"}
    if L == 1:
        absent |= {"residual", "residual_bias"}
    return {name: shape for name, shape in table.items() if name not in absent}


Weights = dict[str, np.ndarray]  # float32 arrays, named and shaped as `shapes(spec)` says


def check_weights(spec: WaveNetSpec, weights: Weights) -> None:
    """Raises ValueError unless `weights` has exactly the arrays of `shapes(spec)`, float32 and finite."""
    expected = shapes(spec)
    if set(weights) != set(expected):
        missing, extra = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
        raise ValueError(f"weights do not fit the spec: missing {missing}, not expected {extra}")
    for name, shape in expected.items():
        array = weights[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"weight {name} is {array.dtype}{list(array.shape)}; expected float32{list(shape)}")
        if not np.isfinite(array).all():
            raise ValueError(f"weight {name} holds values that are not finite")


def random_weights(spec: WaveNetSpec, seed: int = 0) -> Weights:
    """Weights that keep activations near unit size: for tests and for benches of a shape without a model."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes(spec).items():
        fan_in = 1 if name in ("input_classes", "hint", "condition_kernel") else shape[-2] if len(shape) > 1 else 64
        weights[name] = (rng.standard_normal(shape) * fan_in**-0.5).astype(np.float32)
    weights["skip"] *= spec.layers**-0.5
    return weights


@dataclass(frozen=True)
class Model:
    """A net ready to be opened by any engine. `provenance` is what the model card says: data, licence, loss, scores.

    graph  the checked ONNX bytes of a model that came from a file; empty otherwise
    """

    spec: WaveNetSpec
    weights: Weights
    name: str = "unnamed"
    provenance: dict[str, str] = field(default_factory=dict)
    graph: bytes = field(default=b"", repr=False, compare=False)


def mulaw_encode(samples: np.ndarray) -> np.ndarray:
    """float waveform in -1..1 (clipped) -> uint8 classes. ITU-T G.711's curve with mu = 255, on 256 equal steps."""
    x = np.clip(np.asarray(samples, np.float32), -1.0, 1.0)
    curve = np.sign(x) * np.log1p(255.0 * np.abs(x)) / np.log(256.0)
    return np.floor((curve + 1.0) * 127.5 + 0.5).astype(np.uint8)


def _mulaw_table() -> np.ndarray:
    curve = np.arange(CLASSES) / 127.5 - 1.0
    return (np.sign(curve) * (256.0 ** np.abs(curve) - 1.0) / 255.0).astype(np.float32)


MULAW = _mulaw_table()  # float32 [256], class -> sample
MULAW.flags.writeable = False


@functools.cache
def mulaw_thresholds() -> np.ndarray:
    """float32 [256]: the least sample that `mulaw_encode` puts into each class, by bisection of the floats in -1..1.

    With them a kernel needs no logarithm, and agrees with the definition on every float.
    """
    low, high = np.full(CLASSES, -_rank(1.0), np.int64), np.full(CLASSES, _rank(1.0), np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        reached = mulaw_encode(_ranked(middle)) >= np.arange(CLASSES)
        high, low = np.where(reached, middle, high), np.where(reached, low, np.minimum(middle + 1, high))
    return _ranked(high)


def _rank(sample: float) -> int:
    return int(np.float32(sample).view(np.int32))


def _ranked(ranks: np.ndarray) -> np.ndarray:
    """float32: the floats in their order, 0 at rank 0, the negative ones below."""
    magnitudes = np.abs(ranks).astype(np.int32).view(np.float32)
    return np.where(ranks < 0, -magnitudes, magnitudes)


def phase_steps(spec: WaveNetSpec) -> np.ndarray:
    """uint32 [128]: what each pitch adds to its oscillator's phase per sample; 2**32 is one turn, and the most there is.
    Equal temperament, A4 = 440 Hz."""
    hz = A4_HZ * 2.0 ** ((np.arange(PITCHES) - 69) / 12.0)
    return np.minimum(np.round(hz / spec.model_rate_hz * 2.0**32), 2.0**32 - 1).astype(np.uint32)


def bent_steps(spec: WaveNetSpec, bends: np.ndarray) -> np.ndarray:
    """uint32 [columns, 128]: what each pitch adds to its phase per sample while it is bent; else its `phase_steps`.

    bends  float32 [columns, 128]  semitones
    """
    steps = np.tile(phase_steps(spec), (len(bends), 1))
    columns, pitches = np.nonzero(bends)
    hz = A4_HZ * 2.0 ** ((pitches - 69 + bends[columns, pitches].astype(np.float64)) / 12.0)
    turns = np.round(hz / spec.model_rate_hz * 2.0**32)
    steps[columns, pitches] = np.minimum(turns, 2.0**32 - 1).astype(np.uint32)
    return steps


def hint_columns(sounding: np.ndarray, phases: np.ndarray, steps: np.ndarray, samples: int = 1) -> np.ndarray:
    """float32 [samples, 4]: sum over the sounding pitches of cos f0, sin f0, cos 2*f0, sin 2*f0 at the next `samples`.

    sounding  bool   [128]
    phases    uint32 [128]  of the first sample; see `advanced`
    steps     uint32 [128]  added per sample
    Phases are whole-number arithmetic modulo 2**32, so engines agree for ever. A partial at or over half the rate is left out.
    """
    out = np.zeros((samples, HINT_CHANNELS))
    numbers = np.arange(samples, dtype=np.uint64)[:, None]
    for harmonic in (1, 2):
        heard = sounding & (harmonic * steps.astype(np.uint64) < 2**31)
        phase = harmonic * (phases[heard] + numbers * steps[heard])  # in 64 bits, which wrap at a multiple of a turn
        angles = 2.0 * np.pi * (phase % 2**32 / 2.0**32)
        out[:, 2 * harmonic - 2], out[:, 2 * harmonic - 1] = np.cos(angles).sum(axis=1), np.sin(angles).sum(axis=1)
    return out.astype(np.float32)


def advanced(phases: np.ndarray, steps: np.ndarray, samples: int) -> np.ndarray:
    """uint32 [128]: `phases` (uint32 [128]) after so many samples of `steps` (uint32 [128] per sample).

    All 128 oscillators begin at 0 with the first sample and run on in silence: unbent, a phase is sample * step."""
    return phases + np.uint32(samples % 2**32) * steps


def encode_roll(spec: WaveNetSpec, roll: np.ndarray) -> np.ndarray:
    """uint8 roll [..., 128] (0 = off, 1..127 = velocity) -> what the net sees, float32 of the same shape.

    Where the encoding is "struck" the roll holds strikes already (`livewave.render.strikes`)."""
    return (roll > 0).astype(np.float32) if spec.roll_encoding == "binary" else roll.astype(np.float32) / np.float32(127.0)


def draw(spec: WaveNetSpec, logits: np.ndarray, uniform: float, temperature: float) -> float:
    """One sample from one row of logits by inversion: the same uniform gives the same sample in every engine.

    mulaw: the first class whose cumulative probability exceeds `uniform`. logistic: `uniform` picks the component in
    the same way, and what is left of it, stretched to 0..1, picks the value. Temperature 0 takes the most likely.
    """
    weights = logits if spec.output == "mulaw" else logits[: spec.mixtures]
    if temperature <= 0.0:
        choice, rest = int(np.argmax(weights)), 0.5
    else:
        odds = np.exp((weights - weights.max()) / np.float32(temperature))
        cumulative = np.cumsum(odds)
        target = uniform * cumulative[-1]
        choice = min(int(np.searchsorted(cumulative, target, side="right")), len(odds) - 1)
        rest = (target - (cumulative[choice] - odds[choice])) / odds[choice]
    if spec.output == "mulaw":
        return float(MULAW[choice])
    mean, log_scale = logits[spec.mixtures + choice], logits[2 * spec.mixtures + choice]
    rest = min(max(float(rest), 1e-5), 1.0 - 1e-5)
    spread = np.exp(max(float(log_scale), -12.0)) * temperature * np.log(rest / (1.0 - rest))
    return float(np.clip(mean + spread, -1.0, 1.0))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """float64 [rows, classes]: log-probabilities of rows of logits."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def logistic_log_density(logits: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """float64 [samples]: log-density of each sample under its row of logits [samples, 3 * mixtures] of a logistic net."""
    odds, means, log_scales = np.split(logits.astype(np.float64), 3, axis=1)
    log_scales = np.maximum(log_scales, -12.0)
    away = np.abs(samples[:, None] - means) * np.exp(-log_scales)
    densities = log_softmax(odds) - away - 2.0 * np.log1p(np.exp(-away)) - log_scales
    return np.logaddexp.reduce(densities, axis=1)


def check_block(spec: WaveNetSpec, roll: np.ndarray, samples: np.ndarray) -> int:
    """Samples per column of a block. Raises ValueError on a shape or type that no engine accepts."""
    if roll.ndim != 2 or roll.shape[1] != PITCHES or roll.dtype != np.uint8:
        raise ValueError(f"roll is {roll.dtype}{list(roll.shape)}; expected uint8[columns, 128]")
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise ValueError(f"audio is {samples.dtype}{list(samples.shape)}; expected float32[samples]")
    if not len(roll) or len(samples) % len(roll):
        raise ValueError(f"{len(roll)} columns do not divide {len(samples)} samples")
    return len(samples) // len(roll)


def check_steps(roll: np.ndarray, steps: np.ndarray | None) -> None:
    """Raises ValueError unless `steps` is None or fits the columns of `roll`."""
    if steps is not None and (steps.shape != roll.shape or steps.dtype != np.uint32):
        raise ValueError(f"steps are {steps.dtype}{list(steps.shape)}; expected uint32{list(roll.shape)}, or None")


def check_floats(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raises ValueError, naming the array, unless it is float32 of this shape."""
    if array.shape != shape or array.dtype != np.float32:
        raise ValueError(f"{name} is {array.dtype}{list(array.shape)}; expected float32{list(shape)}")


def check_writeable(name: str, array: np.ndarray) -> None:
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only; it is where the result goes")


_STATE = ("_queues", "_waveform", "_classes", "_rolls", "_phases", "_sample")  # of the reference engine


class ReferenceEngine:
    """The definition: slow, plain, one sample at a time."""

    name = "reference"

    def __init__(self, model: Model) -> None:
        check_weights(model.spec, model.weights)
        self.spec, self._w = model.spec, model.weights
        self._unbent = phase_steps(model.spec)
        self._remembered: list[object] | None = None
        self.reset()

    def reset(self) -> None:
        spec = self.spec
        self._queues = [np.zeros((d, spec.residual_channels), np.float32) for d in spec.dilations]
        self._waveform = np.full(max(spec.input_kernel, 1), MULAW[SILENCE_CLASS], np.float32)  # newest first
        if spec.output == "logistic":
            self._waveform[:] = 0.0
        self._classes = np.full(max(spec.class_kernel, 1), SILENCE_CLASS, np.int64)
        self._rolls = np.zeros((spec.roll_kernel, PITCHES), np.float32)
        self._phases = np.zeros(PITCHES, np.uint32)
        self._sample = 0

    def remember(self) -> None:
        """Keep a copy of the state. See `livewave.render.engine.Engine`."""
        self._remembered = deepcopy([getattr(self, name) for name in _STATE])

    def recall(self) -> None:
        """Back to that copy. See `livewave.render.engine.Engine`."""
        if self._remembered is None:
            self.reset()
            return
        for name, value in zip(_STATE, deepcopy(self._remembered)):
            setattr(self, name, value)

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples, drawn from the net. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, out)
        check_steps(roll, steps)
        for t in range(len(out)):
            row = self._step(roll[t // held], self._unbent if steps is None else steps[t // held])
            out[t] = draw(self.spec, row, float(uniforms[t]), temperature)
            self._hear(out[t])

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance on given audio instead of drawn audio. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, samples)
        check_steps(roll, steps)
        for t in range(len(samples)):
            row = self._step(roll[t // held], self._unbent if steps is None else steps[t // held])
            if logits is not None:
                logits[t] = row
            self._hear(samples[t])

    def layer_inputs(self) -> np.ndarray:
        """float32 [layers, residual_channels]. See `livewave.render.engine.Engine`."""
        newest = self._sample - 1
        return np.stack([queue[newest % len(queue)] for queue in self._queues])

    def close(self) -> None:
        """Nothing to release."""

    def _hear(self, sample: float) -> None:
        self._sample += 1
        if self.spec.output == "mulaw":
            heard = int(mulaw_encode(np.float32(sample)))
            self._classes = np.concatenate(([heard], self._classes[:-1]))
            sample = MULAW[heard]
        self._waveform = np.concatenate((np.float32([sample]), self._waveform[:-1]))

    def _step(self, column: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """float32 [outputs]: logits of the sample about to be made, while `column` (uint8 [128]) is held, and `steps`
        (uint32 [128]) with it."""
        spec, w = self.spec, self._w
        x = w["input_bias"].copy()
        for tap in range(spec.class_kernel):
            x += w["input_classes"][tap, self._classes[tap]]
        if spec.input_kernel:
            x += self._waveform @ w["input_waveform"]
        if spec.hint == "f0":
            x += hint_columns(column > 0, self._phases, steps)[0] @ w["hint"]
            self._phases = advanced(self._phases, steps, 1)
        if spec.cond_channels:
            self._rolls = np.concatenate((encode_roll(spec, column)[None], self._rolls[:-1]))
            y = w["condition_bias"] + np.einsum("kp,kpc->c", self._rolls, w["condition_kernel"])
        skip = w["skip_bias"].copy()
        for k, dilation in enumerate(spec.dilations):
            slot = self._queues[k][self._sample % dilation]  # written `dilation` samples ago
            a = slot @ w["past"][k] + x @ w["current"][k] + w["gate_bias"][k]
            if spec.cond_channels:
                a += y @ w["condition"][k]
            slot[:] = x
            z = self._gated(a)
            skip += z @ w["skip"][k]
            if k < spec.layers - 1:
                x = x + z @ w["residual"][k] + w["residual_bias"][k]
        hidden = np.maximum(np.maximum(skip, 0.0) @ w["hidden"] + w["hidden_bias"], 0.0)
        return hidden @ w["logits"] + w["logits_bias"]

    def _gated(self, a: np.ndarray) -> np.ndarray:
        """float32 [2 * R] -> z, float32 [R]"""
        R = self.spec.residual_channels
        return np.tanh(a[:R]) / (1.0 + np.exp(-a[R:]))
