"""The portable engine: the step graph of a model file, run once per sample by ONNX Runtime. Oracle of the faster ones.

The graph holds the net; this file feeds it: last samples, columns, the hint, and the uniform that picks a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from livewave import EngineUnavailable, ModelFileError
from livewave.render.modelfile import step_inputs
from livewave.render.wavenet import (
    CLASSES, MULAW, PITCHES, SILENCE_CLASS, Model, WaveNetSpec, check_block, draw, encode_roll, hint_columns,
    mulaw_encode,
)

CPU = "CPUExecutionProvider"
_DEVICES = {"CUDAExecutionProvider": "cuda"}  # provider: where its queues live; the rest keep them in main memory


class OnnxEngine:
    """See `livewave.render.engine.Engine`; equal to `ReferenceEngine` within rounding.

    The queues stay inside the runtime: two sets, each step reads one and writes the other.
    Thread: performer only. Buffers of a step are made once, but drawing a sample in NumPy allocates a little.
    Raises EngineUnavailable without ONNX Runtime, the provider, or a model that came from a file; ModelFileError for a
    graph that ONNX Runtime refuses.
    """

    name = "onnx"

    def __init__(self, model: Model, providers: Sequence[str] = (CPU,)) -> None:
        self.spec = model.spec
        self._session = _open_session(model, providers)
        self._device = _DEVICES.get(providers[0], "cpu")
        self._inputs = {name: np.zeros(value.shape, value.kind) for name, value in step_inputs(model.spec).items()
                        if not name.startswith("queue_")}
        self._logits = np.zeros(model.spec.outputs, np.float32)
        self._queues = [_make_queues(model.spec, self._device) for _ in range(2)]
        self._bindings = [self._bind(read, write) for read, write in (self._queues, self._queues[::-1])]
        self._rehearse(model.name)

    def reset(self) -> None:
        """Back to silence. Thread: performer only. Allocates."""
        for value in self._queues[0]:
            value.update_inplace(np.zeros(value.shape(), np.float32))
        for buffer in self._inputs.values():
            buffer[...] = 0
        if "classes" in self._inputs:
            self._inputs["classes"][:] = SILENCE_CLASS
        if "waveform" in self._inputs and self.spec.output == "mulaw":
            self._inputs["waveform"][:] = MULAW[SILENCE_CLASS]
        self._sample = 0

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0) -> None:
        """Fill `out` with the next samples, drawn from the net. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, out)
        if uniforms.shape != out.shape:
            raise ValueError(f"{uniforms.shape} uniforms for {out.shape} samples; expected one for each")
        for column, first in zip(roll, range(0, len(out), held)):
            encoded = encode_roll(self.spec, column)
            for t in range(first, first + held):
                self._step(column, encoded)
                out[t] = draw(self.spec, self._logits, float(uniforms[t]), temperature)
                self._hear(out[t])

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None) -> None:
        """Advance on given audio instead of drawn audio. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, samples)
        if logits is not None and logits.shape != (len(samples), self.spec.outputs):
            raise ValueError(f"logits are {list(logits.shape)}; expected [{len(samples)}, {self.spec.outputs}]")
        for column, first in zip(roll, range(0, len(samples), held)):
            encoded = encode_roll(self.spec, column)
            for t in range(first, first + held):
                self._step(column, encoded)
                if logits is not None:
                    logits[t] = self._logits
                self._hear(samples[t])

    def close(self) -> None:
        """Release the session. The engine cannot be used again."""
        self._bindings, self._queues, self._session = [], [], None

    def _step(self, column: np.ndarray, encoded: np.ndarray) -> None:
        """Logits of the sample about to be made, while `column` (uint8 [128]; `encoded` float32 [128]) is held."""
        if "rolls" in self._inputs:
            _push(self._inputs["rolls"], encoded)
        if "hint_in" in self._inputs:
            self._inputs["hint_in"][:] = hint_columns(self.spec, column > 0, self._sample)
        binding = self._bindings[self._sample % 2]
        if self._device != "cpu":
            self._bind_inputs(binding)  # a binding to another device holds a copy
        self._session.run_with_iobinding(binding)

    def _hear(self, sample: float) -> None:
        self._sample += 1
        if self.spec.output == "mulaw":
            heard = int(mulaw_encode(np.float32(sample)))
            sample = MULAW[heard]
            if "classes" in self._inputs:
                _push(self._inputs["classes"], heard)
        if "waveform" in self._inputs:
            _push(self._inputs["waveform"], sample)

    def _bind(self, read: list[Any], write: list[Any]) -> Any:
        """Tie the graph's inputs and outputs to this engine's buffers: one set of queues to read, one to write."""
        binding = self._session.io_binding()
        self._bind_inputs(binding)
        binding.bind_output("logits_out", "cpu", 0, np.float32, self._logits.shape, self._logits.ctypes.data)
        for k, (old, new) in enumerate(zip(read, write, strict=True)):
            binding.bind_ortvalue_input(f"queue_{k}", old)
            binding.bind_ortvalue_output(f"queue_{k}_next", new)
        return binding

    def _bind_inputs(self, binding: Any) -> None:
        for name, buffer in self._inputs.items():
            binding.bind_input(name, "cpu", 0, buffer.dtype.type, buffer.shape, buffer.ctypes.data)

    def _rehearse(self, name: str) -> None:
        """Run a step at either end of the classes, so that a graph which fails does so here and not while playing."""
        column = np.full(PITCHES, 127, np.uint8)
        for extreme in (0, CLASSES - 1):
            self.reset()
            if "classes" in self._inputs:
                self._inputs["classes"][:] = extreme
            try:
                self._step(column, encode_roll(self.spec, column))
            except Exception as error:  # ONNX Runtime's errors have no common base
                raise ModelFileError(f"model {name!r}: its graph fails to run ({_first_line(error)})") from None
            if not np.isfinite(self._logits).all():
                raise ModelFileError(f"model {name!r}: its graph gives logits that are not finite")
        self.reset()


def _open_session(model: Model, providers: Sequence[str]) -> Any:
    """An ONNX Runtime session that keeps to the calling thread."""
    if not model.graph:
        raise EngineUnavailable(f"the onnx engine needs a model file, and {model.name!r} did not come from one; "
                                "write one with `python -m exporters CHECKPOINT OUT.onnx`, or choose another engine")
    runtime = _runtime()
    missing = sorted(set(providers) - set(runtime.get_available_providers()))
    if missing or not providers:
        raise EngineUnavailable(f"ONNX Runtime has no {', '.join(missing) or 'provider to use'} here; "
                                f"it has {', '.join(runtime.get_available_providers())}")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; nothing is printed
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
    try:
        return runtime.InferenceSession(model.graph, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise ModelFileError(f"model {model.name!r}: ONNX Runtime refuses its graph ({_first_line(error)})") from None


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailable(f"the onnx engine needs the package onnxruntime ({error}); "
                                "install it with `pip install onnxruntime`, or choose another engine") from None
    return onnxruntime


def _make_queues(spec: WaveNetSpec, device: str) -> list[Any]:
    make = _runtime().OrtValue.ortvalue_from_shape_and_type
    return [make([dilation, spec.residual_channels], np.float32, device, 0) for dilation in spec.dilations]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _push(buffer: np.ndarray, newest: Any) -> None:
    """Shift `buffer` by one, dropping its last (oldest) entry."""
    buffer[1:] = buffer[:-1]
    buffer[0] = newest
