"""The portable engine: the step graph of a model file, run once per sample by ONNX Runtime. Oracle of the faster ones.

The graph holds the net; this file feeds it: last samples, columns, the hint, and the uniform that picks a sample.

Why a step and not a block: a whole block as one ONNX Loop around the same step graph (draw, classes, waveform and rings
inside; hints, columns and uniforms as tables) makes the same samples, and was 1.08 to 1.12 times as fast: too little
for a second graph. Medians of 60 blocks of 64, in turns in one run on one AVX-512 core (AMD EPYC), ONNX Runtime 1.32:

    us per sample               step, queues as in the file   step, rings   Loop
    flute 48/64/64, 20                     235                    171        158
    64/128/256, 20                         284                    214        193

132 of the 171 us pass inside the runtime, in some 200 small operators, the rest in NumPy;
graph optimisation levels below "all" cost 7 % more. `livewave bench --engine onnx` measures the step on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from livewave import EngineUnavailable, ModelFileError
from livewave.onnxfile.session import CPU, first_line, load_runtime, open_session
from livewave.render.modelfile import parse_graph, step_inputs
from livewave.render.ringgraph import lay_rings
from livewave.render.wavenet import (
    CLASSES, HINT_CHANNELS, MULAW, PITCHES, SILENCE_CLASS, Model, WaveNetSpec, advanced, check_block, check_steps, draw,
    encode_roll, hint_columns, mulaw_encode, phase_steps,
)

USER, OTHERWISE = "the onnx engine", ", or choose another engine"  # for messages
_DEVICES = {"CUDAExecutionProvider": "cuda"}  # provider: where its queues live; the rest keep them in main memory
_CLASS_OF = {float(level): number for number, level in enumerate(MULAW)}


class OnnxEngine:
    """See `livewave.render.engine.Engine`; equal to `ReferenceEngine` within rounding.

    The queues stay on the provider's device, as two rings (see `livewave.render.ringgraph`): each step reads one and
    writes the other.
    Thread: performer only. Buffers of a step are made once, but drawing a sample in NumPy allocates a little.
    Raises EngineUnavailable without ONNX Runtime, the provider, or a model that came from a file; ModelFileError for a
    graph that ONNX Runtime refuses.
    """

    name = "onnx"

    def __init__(self, model: Model, providers: Sequence[str] = (CPU,)) -> None:
        self.spec = spec = model.spec
        self._unbent = phase_steps(spec)
        self._session = _open_session(model, providers)
        self._device = _DEVICES.get(providers[0], "cpu")
        self._dilations = np.array(spec.dilations, np.int64)
        self._offsets = np.cumsum(self._dilations) - self._dilations
        self._inputs = {name: np.zeros(value.shape, value.kind) for name, value in step_inputs(spec).items()
                        if not name.startswith("queue_")}
        self._slots = self._inputs["slots"] = np.zeros(spec.layers, np.int64)
        self._inputs["places"] = self._slots.reshape(-1, 1)  # the same memory
        self._logits = np.zeros(spec.outputs, np.float32)
        self._remembered: tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, int] | None = None
        self._rings = [_make_ring(spec, self._device) for _ in range(2)]
        self._bindings = [self._bind(read, write) for read, write in (self._rings, self._rings[::-1])]
        self._rehearse(model.name)

    def reset(self) -> None:
        """Back to silence. Thread: performer only. Allocates."""
        self._rings[0].update_inplace(np.zeros(self._rings[0].shape(), np.float32))
        for buffer in self._inputs.values():
            buffer[...] = 0
        if "classes" in self._inputs:
            self._inputs["classes"][:] = SILENCE_CLASS
        if "waveform" in self._inputs and self.spec.output == "mulaw":
            self._inputs["waveform"][:] = MULAW[SILENCE_CLASS]
        self._phases = np.zeros(PITCHES, np.uint32)
        self._sample = 0

    def remember(self) -> None:
        """Keep a copy of the state. See `livewave.render.engine.Engine`."""
        buffers = {name: buffer.copy() for name, buffer in self._inputs.items()}
        self._remembered = self._rings[self._sample % 2].numpy().copy(), buffers, self._phases, self._sample

    def recall(self) -> None:
        """Back to that copy. See `livewave.render.engine.Engine`. Allocates."""
        if self._remembered is None:
            self.reset()
            return
        ring, buffers, self._phases, self._sample = self._remembered
        self._rings[self._sample % 2].update_inplace(ring)
        for name, buffer in self._inputs.items():
            buffer[...] = buffers[name]

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples, drawn from the net. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, out)
        check_steps(roll, steps)
        if uniforms.shape != out.shape:
            raise ValueError(f"{uniforms.shape} uniforms for {out.shape} samples; expected one for each")
        for number, first in enumerate(range(0, len(out), held)):
            encoded = encode_roll(self.spec, roll[number])
            hints = self._hints(roll[number], self._unbent if steps is None else steps[number], held)
            for t in range(first, first + held):
                self._step(encoded, hints[t - first])
                sample = draw(self.spec, self._logits, float(uniforms[t]), temperature)
                self._hear(sample, _CLASS_OF.get(sample, 0))
                out[t] = sample

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance on given audio instead of drawn audio. See `livewave.render.engine.Engine`."""
        held = check_block(self.spec, roll, samples)
        check_steps(roll, steps)
        if logits is not None and logits.shape != (len(samples), self.spec.outputs):
            raise ValueError(f"logits are {list(logits.shape)}; expected [{len(samples)}, {self.spec.outputs}]")
        classes = mulaw_encode(samples)
        heard = MULAW[classes] if self.spec.output == "mulaw" else samples
        for number, first in enumerate(range(0, len(samples), held)):
            encoded = encode_roll(self.spec, roll[number])
            hints = self._hints(roll[number], self._unbent if steps is None else steps[number], held)
            for t in range(first, first + held):
                self._step(encoded, hints[t - first])
                if logits is not None:
                    logits[t] = self._logits
                self._hear(heard[t], classes[t])

    def layer_inputs(self) -> np.ndarray:
        """float32 [layers, residual_channels]. See `livewave.render.engine.Engine`."""
        return self._rings[self._sample % 2].numpy()[self._offsets + (self._sample - 1) % self._dilations]

    def close(self) -> None:
        """Release the session. The engine cannot be used again."""
        self._bindings, self._rings, self._session = [], [], None

    def _step(self, encoded: np.ndarray, hint: np.ndarray) -> None:
        """Logits of the sample about to be made, while a column (float32 [128], `encoded`) is held."""
        np.remainder(self._sample, self._dilations, out=self._slots)
        self._slots += self._offsets
        if "rolls" in self._inputs:
            _push(self._inputs["rolls"], encoded)
        if "hint_in" in self._inputs:
            self._inputs["hint_in"][:] = hint
        binding = self._bindings[self._sample % 2]
        if self._device == "cpu":
            self._session.run_with_iobinding(binding)
            return
        self._bind_inputs(binding)  # a binding to another device holds a copy
        binding.synchronize_inputs()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    def _hear(self, sample: float, heard: int) -> None:
        """Go on after `sample`, a level of mu-law or any value of a logistic net; `heard` is its class."""
        self._sample += 1
        if "classes" in self._inputs:
            _push(self._inputs["classes"], heard)
        if "waveform" in self._inputs:
            _push(self._inputs["waveform"], sample)

    def _hints(self, column: np.ndarray, steps: np.ndarray, samples: int) -> np.ndarray:
        """float32 [samples, 4]: the hint of the next samples, while `column` (uint8 [128]) is held with `steps` (uint32
        [128]); phases move on behind them."""
        if self.spec.hint != "f0":
            return np.zeros((samples, HINT_CHANNELS), np.float32)
        hints = hint_columns(column > 0, self._phases, steps, samples)
        self._phases = advanced(self._phases, steps, samples)
        return hints

    def _bind(self, read: Any, write: Any) -> Any:
        """Tie the graph's inputs and outputs to this engine's buffers: one ring to read, one to write."""
        binding = self._session.io_binding()
        self._bind_inputs(binding)
        binding.bind_output("logits_out", "cpu", 0, np.float32, self._logits.shape, self._logits.ctypes.data)
        binding.bind_ortvalue_input("history", read)
        binding.bind_ortvalue_output("history_next", write)
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
                self._step(encode_roll(self.spec, column), self._hints(column, self._unbent, 1)[0])
            except Exception as error:  # ONNX Runtime's errors have no common base
                raise ModelFileError(f"model {name!r}: its graph fails to run ({first_line(error)})") from None
            if not np.isfinite(self._logits).all():
                raise ModelFileError(f"model {name!r}: its graph gives logits that are not finite")
        self.reset()


def _open_session(model: Model, providers: Sequence[str]) -> Any:
    if not model.graph:
        raise EngineUnavailable(f"the onnx engine needs a model file, and {model.name!r} did not come from one; "
                                "write one with `python -m exporters CHECKPOINT OUT.onnx`, or choose another engine")
    return open_session(lambda: _graph(model), model.name, USER, providers, OTHERWISE)


def _graph(model: Model) -> bytes:
    proto = parse_graph(model)
    lay_rings(proto, model.spec)
    return proto.SerializeToString()


def _make_ring(spec: WaveNetSpec, device: str) -> Any:
    make = load_runtime(USER, OTHERWISE).OrtValue.ortvalue_from_shape_and_type
    return make([sum(spec.dilations), spec.residual_channels], np.float32, device, 0)


def _push(buffer: np.ndarray, newest: Any) -> None:
    """Shift `buffer` by one, dropping its last (oldest) entry."""
    buffer[1:] = buffer[:-1]
    buffer[0] = newest
