"""The native engine: every check here, every loop in C++ (kernels/) without the GIL.

One source is compiled for several instruction sets; the best one of this CPU is chosen when an engine opens, or the one
that the environment variable LIVEWAVE_ISA names.
"""

from __future__ import annotations

import os

import numpy as np

from livewave import EngineUnavailable
from livewave.render import _kernels
from livewave.render.wavenet import (
    MULAW, PITCHES, SILENCE_CLASS, Model, WaveNetSpec, check_block, check_floats, check_steps, check_weights,
    check_writeable, log_softmax, logistic_log_density, mulaw_thresholds, phase_steps,
)

PRECISIONS = ("int8", "bf16", "f32")  # the least bytes first
QUANTISATION_LIMIT_NATS = 0.01  # a sample; a model that int8 costs more is played in bf16
TRIAL_SAMPLES = 2048
TRIAL_PITCHES = (60, 67, 72, 79)


def isas() -> list[str]:
    """Built and running on this CPU, slowest first: of baseline, v3, v4, v4vnni (x86-64) or neon, neondot (arm64)."""
    return _kernels.isas()


class NativeEngine:
    """See `livewave.render.engine.Engine`. All methods: performer thread only; one engine is one net with one state.

    precision  of the matrices. "f32": as trained; "bf16": rounded to bfloat16; "int8": 8 bits and a scale per output,
               with activations of 15 bits and a scale per vector; "auto": int8 where that costs less than
               QUANTISATION_LIMIT_NATS, else bf16 (measured when it opens: a few hundred milliseconds at most)
    isa        one of `isas()`; None takes LIVEWAVE_ISA, or else the best
    Raises EngineUnavailable for any other precision or isa, ValueError when the weights do not fit the spec.
    """

    name = "native"

    def __init__(self, model: Model, precision: str = "auto", isa: str | None = None) -> None:
        check_weights(model.spec, model.weights)
        self.spec = model.spec
        self.isa = choose_isa(isa)
        if precision == "auto":
            cheap = quantisation_cost(model, "int8", self.isa) < QUANTISATION_LIMIT_NATS
            precision = "int8" if cheap else "bf16"
        self.precision = _legal("precision", precision, PRECISIONS)
        arrays = {name: np.ascontiguousarray(weights) for name, weights in model.weights.items()}
        arrays |= {"mulaw": MULAW, "mulaw_thresholds": mulaw_thresholds()}
        dilations = np.array(model.spec.dilations, np.int32)
        self._net = _kernels.Net(self.isa, _numbers(model.spec, self.precision), arrays, dilations, phase_steps(model.spec))

    @property
    def weight_bytes(self) -> int:
        """Bytes of the matrices that one sample reads, padding included."""
        return self._open_net().weight_bytes()

    def reset(self) -> None:
        """Back to the silence before the first sample. Allocates nothing."""
        self._open_net().reset()

    def remember(self) -> None:
        """Keep a copy of the state. Allocates the first time."""
        self._open_net().remember()

    def recall(self) -> None:
        """Back to that copy. Allocates nothing."""
        self._open_net().recall()

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples. See `Engine.render`; every array must be C-contiguous."""
        check_block(self.spec, roll, out)
        check_floats("uniforms", uniforms, out.shape)
        _check_contiguous(roll=roll, uniforms=uniforms, out=out)
        check_writeable("out", out)
        _check_steps(roll, steps)
        self._open_net().render(roll, uniforms, out, float(temperature), steps)

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance on given audio. See `Engine.feed`; every array must be C-contiguous. A NaN is heard as silence."""
        check_block(self.spec, roll, samples)
        _check_contiguous(roll=roll, samples=samples)
        _check_steps(roll, steps)
        if logits is None:
            self._open_net().feed(roll, samples, steps)
            return
        check_floats("logits", logits, (len(samples), self.spec.outputs))
        _check_contiguous(logits=logits)
        check_writeable("logits", logits)
        self._open_net().feed_for_logits(roll, samples, logits, steps)

    def layer_inputs(self) -> np.ndarray:
        """float32 [layers, residual_channels]. See `Engine.layer_inputs`; with int8, to 15 bits of the largest one."""
        inputs = np.empty((self.spec.layers, self.spec.residual_channels), np.float32)
        self._open_net().layer_inputs(inputs)
        return inputs

    def close(self) -> None:
        """Release weights and state. Any other call after this raises ValueError."""
        self._net = None

    def _open_net(self) -> _kernels.Net:
        if self._net is None:
            raise ValueError("this engine is closed")
        return self._net


def read_bandwidth(size_bytes: int, isa: str | None = None, seconds: float = 0.2) -> float:
    """Bytes a second that one core reads from a working set of `size_bytes`: the median over passes."""
    return size_bytes / _kernels.seconds_to_read(choose_isa(isa), size_bytes, seconds)


def quantisation_cost(model: Model, precision: str, isa: str | None = None) -> float:
    """Nats a sample by which the net expects its own audio less when its matrices have `precision` and not float32.

    Measured on TRIAL_SAMPLES that the float32 net makes while it plays TRIAL_PITCHES. With mu-law output it is the mean
    Kullback-Leibler divergence, with logistic output the mean difference of the log-likelihoods.
    """
    roll = np.zeros((len(TRIAL_PITCHES), PITCHES), np.uint8)
    roll[range(len(TRIAL_PITCHES)), TRIAL_PITCHES] = 100
    audio = np.empty(TRIAL_SAMPLES, np.float32)
    exact = NativeEngine(model, "f32", isa)
    exact.render(roll, np.random.default_rng(0).random(TRIAL_SAMPLES, dtype=np.float32), audio)
    exact.reset()
    before, after = (np.empty((TRIAL_SAMPLES, model.spec.outputs), np.float32) for _ in range(2))
    exact.feed(roll, audio, before)
    NativeEngine(model, precision, isa).feed(roll, audio, after)
    if model.spec.output == "logistic":
        return float(np.mean(logistic_log_density(before, audio) - logistic_log_density(after, audio)))
    expected, given = log_softmax(before), log_softmax(after)
    return float(np.mean(np.sum(np.exp(expected) * (expected - given), axis=1)))


def _numbers(spec: WaveNetSpec, precision: str) -> dict[str, float]:
    logistic = spec.output == "logistic"
    return {
        "roll_kernel": spec.roll_kernel,
        "cond_channels": spec.cond_channels,
        "residual_channels": spec.residual_channels,
        "skip_channels": spec.skip_channels,
        "out_channels": spec.out_channels,
        "class_kernel": spec.class_kernel,
        "input_kernel": spec.input_kernel,
        "outputs": spec.outputs,
        "mixtures": spec.mixtures if logistic else 0,
        "velocity": int(spec.roll_encoding != "binary"),
        "precision": {"f32": 0, "bf16": 1, "int8": 2}[precision],
        "silence": 0.0 if logistic else float(MULAW[SILENCE_CLASS]),
        "silence_class": SILENCE_CLASS,
    }


def _legal(what: str, value: str, choices: tuple[str, ...] | list[str]) -> str:
    if value not in choices:
        raise EngineUnavailable(f"the native engine has no {what} {value!r} here; choose one of {', '.join(choices)}")
    return value


def choose_isa(isa: str | None = None) -> str:
    """`isa`, or what LIVEWAVE_ISA names, or the best. Raises EngineUnavailable for one that does not run here."""
    if isa is not None:
        return _legal("isa", isa, isas())
    wanted = os.environ.get("LIVEWAVE_ISA") or isas()[-1]
    if wanted not in isas():
        raise EngineUnavailable(f"LIVEWAVE_ISA is {wanted!r}; here it must be one of {', '.join(isas())}, or not be set")
    return wanted


def _check_steps(roll: np.ndarray, steps: np.ndarray | None) -> None:
    if steps is not None:
        check_steps(roll, steps)
        _check_contiguous(steps=steps)


def _check_contiguous(**arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        if not array.flags.c_contiguous:
            raise ValueError(f"{name} is not C-contiguous; pass a copy of it")
