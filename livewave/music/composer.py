"""The biaxial LSTM at run time: ONNX Runtime on one thread, a step along time and then a walk up the notes.

A walk is 78 short runs: their buffers are bound once, and states are read from one set and written to the other.
`python -m tests.bench.composing` measures what a step costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from livewave import ModelFileError
from livewave.music.biaxial import ARTICULATE, NOTES, PLAY, VELOCITY, features
from livewave.music.biaxialfile import BiaxialModel, axis_file, graph_of
from livewave.onnxfile.session import first_line, open_session

Choose = Callable[[int, np.ndarray], tuple[float, float, float]]


class Composer:
    """Says of a step's notes, one after the other, how likely each is, given all steps before and the notes below.

    A step is: `advance` with the row of the step before, then `compose`, which may be left out while listening.
    Thread: one. Raises EngineUnavailable without ONNX Runtime; ModelFileError for a model that came from no file.
    """

    def __init__(self, model: BiaxialModel) -> None:
        self.name, self.spec, self.provenance = model.name, model.spec, model.provenance
        if not model.graph:
            raise ModelFileError(f"the composer needs a model file, and {model.name!r} did not come from one; "
                                 "write one with `python -m exporters CHECKPOINT OUT.onnx`")
        self._along_time, self._along_notes = _Axis(model, "time"), _Axis(model, "note")
        self._row, self._told = self._along_time.inputs["time_row"], self._along_time.outputs["time_told"][0]
        self._below = self._along_notes.inputs["note_below"][0, 0]
        self._logits = self._along_notes.outputs["note_logits"][0, 0]
        self._note = self._along_notes.inputs["note_told"][0, : self._told.shape[1]]  # what follows stays 0
        self._rehearse()

    def reset(self) -> None:
        """Nothing has been heard."""
        self._along_time.reset()
        self._told[...] = 0.0

    def advance(self, row: np.ndarray, position: int) -> None:
        """Hear the step that was; the step to come is at `position` of its bar.

        row  uint8 [78, 3]  what sounded
        """
        self._row[...] = features(row[None], np.array([position]), self.spec.velocity)
        self._along_time.run()

    def compose(self, choose: Choose) -> None:
        """Walk up the notes of the step to come. `choose(note, logits)` decides each: play and articulate as 0 or 1, or
        in between, and velocity as 0..127. The next note is shown what it returns.

        note    0..77, lowest first
        logits  float32 [2 or 3]  play, articulate and, where the net has one, velocity; valid until `choose` returns
        """
        self._along_notes.reset()
        self._below[:] = 0.0
        for note in range(NOTES):
            self._note[:] = self._told[note]
            self._along_notes.run()
            chosen = choose(note, self._logits)
            self._below[PLAY], self._below[ARTICULATE] = chosen[PLAY], chosen[ARTICULATE]
            if self.spec.velocity:
                self._below[VELOCITY] = chosen[VELOCITY] / 127.0

    def _rehearse(self) -> None:
        """Run a step, so that a graph which fails does so here and not while playing."""
        try:
            self.advance(np.ones((NOTES, 3), np.uint8), 0)
            self.compose(lambda note, logits: (1.0, 1.0, 127.0))
        except Exception as error:  # ONNX Runtime's errors have no common base
            raise ModelFileError(f"model {self.name!r}: its graph fails to run ({first_line(error)})") from None
        self.reset()


class _Axis:
    """One graph of the model in a session of its own. Its states lie in two sets of buffers: a run reads one and writes
    the other.

    inputs, outputs  float32, those that are no states, as the graph shapes them
    """

    def __init__(self, model: BiaxialModel, axis: str) -> None:
        graph = graph_of(model.spec, axis)
        self._session = open_session(lambda: axis_file(model, axis), model.name, "the composer")
        states = [name for name in graph.inputs if f"{name}_next" in graph.outputs]
        self.inputs = {name: np.zeros(value.shape, np.float32) for name, value in graph.inputs.items()
                       if name not in states}
        self.outputs = {name: np.zeros(value.shape, np.float32) for name, value in graph.outputs.items()
                        if name.removesuffix("_next") not in states}
        self._states = [{name: np.zeros(graph.inputs[name].shape, np.float32) for name in states} for _ in range(2)]
        self._bindings = [self._bind(read, write) for read, write in (self._states, self._states[::-1])]
        self._turn = 0

    def reset(self) -> None:
        """All states are zero."""
        for state in self._states[self._turn].values():
            state[...] = 0.0

    def run(self) -> None:
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn ^= 1

    def _bind(self, read: dict[str, np.ndarray], write: dict[str, np.ndarray]) -> Any:
        binding = self._session.io_binding()
        for name, buffer in (self.inputs | read).items():
            binding.bind_input(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
        following = {f"{name}_next": buffer for name, buffer in write.items()}
        for name, buffer in (self.outputs | following).items():
            binding.bind_output(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
        return binding
