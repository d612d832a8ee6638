"""The continuation's model files: one ONNX file that holds a biaxial LSTM, its spec and where it came from.

Two graphs stand in it side by side, and share nothing. One runs once a step, the other once a note of it:

    time_row, time_hidden_k, time_cell_k                  ->  time_told, time_hidden_k_next, time_cell_k_next
    note_below, note_told, note_hidden_k, note_cell_k     ->  note_logits, note_hidden_k_next, note_cell_k_next

time_row      float32 [1, 78, 80 or 81]   features of every note
time_told     float32 [1, 78, 4 U]        what each note's past adds to the gates of the first layer along the notes, of U
note_told     float32 [1, 8 U]            its row of time_told, then as many zeros: that LSTM's bias
note_below    float32 [1, 1, 2 or 3]      what was chosen for the note below: play, articulate, velocity 0..1
note_logits   float32 [1, 1, 2 or 3]      play, articulate, velocity of the note
hidden, cell  float32 [1, notes, units]   states of layer k: 78 notes along time, one along the notes

The product of a note's past with the first layer's weights is made for all notes at once, along time. That spares the
walk up the notes more than half of its weights: undisturbed walks of 78 notes took 1.5 instead of 2.0 ms for units of
128, 128 / 64, 32, and 2.0 instead of 3.1 for 300, 300 / 100, 50 (one core of an AMD EPYC, ONNX Runtime 1.32).

`load_biaxial` takes nothing on trust: a file whose graph is not, node for node, the one of its spec is refused.
Source: the ONNX operator specification, opset 17 (LSTM: gates in the order input, output, forget, cell).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from livewave import ModelFileError
from livewave.music.biaxial import NOTES, BiaxialSpec
from livewave.onnxfile.graph import Node, Value
from livewave.onnxfile.guard import (
    NAME_KEY, SPEC_KEY, check_interface, parse, parse_checked, provenance_of, read_array, read_bytes, read_metadata,
    read_nodes,
)
from livewave.onnxfile.kinds import BIAXIAL, SHIPPED, find_file, list_files

AXES = ("time", "note")
MAX_FILE_BYTES = 128 * 2**20
LARGEST_WEIGHT = 1e6  # so that no sum of a step can overflow
_ATTRIBUTES: dict[str, dict[str, int | None]] = {"Add": {}, "LSTM": {"hidden_size": None}, "MatMul": {}}

Weights = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class AxisGraph:
    """One of the two graphs: all that its file says of it but the weights' values. Every name begins with its axis."""

    inputs: dict[str, Value]
    outputs: dict[str, Value]
    weights: dict[str, tuple[int, ...]]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class BiaxialModel:
    """A net ready to be opened by `livewave.music.composer`. `provenance` is what the model card says.

    weights  float32 arrays of `shapes(spec)`
    graph    the checked ONNX bytes of a model that came from a file; empty otherwise
    """

    spec: BiaxialSpec
    weights: Weights
    name: str = "unnamed"
    provenance: dict[str, str] = field(default_factory=dict)
    graph: bytes = field(default=b"", repr=False, compare=False)


def list_biaxial() -> list[tuple[str, Path]]:
    """Name and path of every continuation model at hand, sorted by name. $LIVEWAVE_MODEL_PATH wins over the shipped."""
    return list_files(BIAXIAL, SHIPPED)


def find_biaxial(name_or_path: str | os.PathLike[str]) -> Path:
    """Where it is: what holds a separator or ends in .onnx is a path. Raises ModelFileError naming what exists."""
    return find_file(BIAXIAL, name_or_path, SHIPPED)


def load_biaxial(name_or_path: str | os.PathLike[str]) -> BiaxialModel:
    """The model of that name or file, checked. Raises ModelFileError: path, what is wrong, what is expected."""
    path = find_biaxial(name_or_path)
    try:
        return _read_model(parse(read_bytes(path, MAX_FILE_BYTES, dict(list_biaxial()))))
    except ValueError as error:
        raise ModelFileError(f"model file {str(path)!r}: {error}") from None


def graph_of(spec: BiaxialSpec, axis: str) -> AxisGraph:
    """The graph along "time" or along "note"s that a file of `spec` must hold."""
    return _along_time(spec) if axis == "time" else _along_notes(spec)


def _along_time(spec: BiaxialSpec) -> AxisGraph:
    inputs, outputs = {"time_row": Value("float32", (1, NOTES, spec.features))}, {}
    weights, nodes, read, width = {}, [], "time_row", spec.features
    for k, units in enumerate(spec.time_units):
        layer = _matrices("time", k, width, units) | {f"time_bias_{k}": (1, 8 * units)}
        states, following, node = _lstm("time", k, (read, *layer), NOTES, units)
        inputs, outputs, weights, nodes = inputs | states, outputs | following, weights | layer, [*nodes, node]
        read, width = f"time_hidden_{k}_next", units
    gates = 4 * spec.note_units[0]
    outputs = {"time_told": Value("float32", (1, NOTES, gates))} | outputs
    weights |= {"time_out": (width, gates), "time_out_bias": (gates,)}
    return AxisGraph(inputs, outputs, weights, (*nodes, *_linear("time", read, "time_told")))


def _along_notes(spec: BiaxialSpec) -> AxisGraph:
    inputs = {"note_below": Value("float32", (1, 1, spec.choices)),
              "note_told": Value("float32", (1, 8 * spec.note_units[0]))}
    outputs, weights, nodes, read, width = {}, {}, [], "note_below", spec.choices
    for k, units in enumerate(spec.note_units):
        layer = _matrices("note", k, width, units) | ({f"note_bias_{k}": (1, 8 * units)} if k else {})
        states, following, node = _lstm("note", k, (read, *layer) if k else (read, *layer, "note_told"), 1, units)
        inputs, outputs, weights, nodes = inputs | states, outputs | following, weights | layer, [*nodes, node]
        read, width = f"note_hidden_{k}_next", units
    outputs = {"note_logits": Value("float32", (1, 1, spec.choices))} | outputs
    weights |= {"note_out": (width, spec.choices), "note_out_bias": (spec.choices,)}
    return AxisGraph(inputs, outputs, weights, (*nodes, *_linear("note", read, "note_logits")))


def _matrices(axis: str, k: int, width: int, units: int) -> dict[str, tuple[int, ...]]:
    return {f"{axis}_input_{k}": (1, 4 * units, width), f"{axis}_recurrent_{k}": (1, 4 * units, units)}


def _lstm(axis: str, k: int, inputs: tuple[str, ...], notes: int,
          units: int) -> tuple[dict[str, Value], dict[str, Value], Node]:
    """Layer k: its states as inputs and as outputs, and the operator that reads `inputs`: row, matrices and bias."""
    value = Value("float32", (1, notes, units))
    states = {f"{axis}_hidden_{k}": value, f"{axis}_cell_{k}": value}
    following = {f"{name}_next": value for name in states}
    return states, following, Node("LSTM", (*inputs, "", *states), ("", *following), {"hidden_size": units})


def _linear(axis: str, read: str, into: str) -> tuple[Node, Node]:
    sums, matrix = f"{axis}_sums", f"{axis}_out"
    return Node("MatMul", (read, matrix), (sums,), {}), Node("Add", (sums, f"{matrix}_bias"), (into,), {})


def shapes(spec: BiaxialSpec) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight of `spec`, in file order."""
    return graph_of(spec, "time").weights | graph_of(spec, "note").weights


def check_weights(spec: BiaxialSpec, weights: Weights) -> None:
    """Raises ValueError unless `weights` has exactly the arrays of `shapes(spec)`, float32, finite and not huge."""
    expected = shapes(spec)
    if set(weights) != set(expected):
        missing, extra = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
        raise ValueError(f"weights do not fit the spec: missing {missing}, not expected {extra}")
    for name, shape in expected.items():
        array = weights[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"weight {name} is {array.dtype}{list(array.shape)}; expected float32{list(shape)}")
        if not (np.abs(array) <= LARGEST_WEIGHT).all():  # written so that nan fails
            raise ValueError(f"weight {name} holds values that are not finite, or beyond {LARGEST_WEIGHT:g}")


def axis_file(model: BiaxialModel, axis: str) -> bytes:
    """ONNX bytes of one graph of a model that came from a file."""
    proto = parse_checked(model.graph)
    wanted = f"{axis}_"
    for parts in (proto.graph.input, proto.graph.output, proto.graph.initializer):
        kept = [part for part in parts if part.name.startswith(wanted)]
        del parts[:]
        parts.extend(kept)
    kept = [node for node in proto.graph.node if node.output[-1].startswith(wanted)]
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return proto.SerializeToString()


def _read_model(proto: Any) -> BiaxialModel:
    metadata = read_metadata(proto, BIAXIAL)
    spec = BiaxialSpec.from_json(metadata[SPEC_KEY])
    weights = _initializers(proto.graph, spec)
    time, note = (graph_of(spec, axis) for axis in AXES)
    check_interface(proto.graph.input, time.inputs | note.inputs, "inputs")
    check_interface(proto.graph.output, time.outputs | note.outputs, "outputs")
    _check_nodes(read_nodes(proto.graph, _ATTRIBUTES), [*time.nodes, *note.nodes])
    return BiaxialModel(spec, weights, metadata[NAME_KEY], provenance_of(metadata), proto.SerializeToString())


def _initializers(graph: Any, spec: BiaxialSpec) -> Weights:
    weights: Weights = {}
    expected = shapes(spec)
    for tensor in graph.initializer:
        if tensor.name in weights:
            raise ValueError(f"initializer {tensor.name!r} appears twice")
        if tensor.name not in expected:
            raise ValueError(f"initializer {tensor.name!r} is no weight of the spec")
        weights[tensor.name] = read_array(tensor, "float32", MAX_FILE_BYTES // 4)
    check_weights(spec, weights)
    return weights


def _check_nodes(found: list[Node], expected: list[Node]) -> None:
    """Raises ValueError unless they are the same, in the same order."""
    if len(found) != len(expected):
        raise ValueError(f"its graph has {len(found)} operators; expected {len(expected)}, as its spec says")
    for number, (node, wanted) in enumerate(zip(found, expected)):
        if node != wanted:
            raise ValueError(f"operator {number} is {_told(node)}; expected {_told(wanted)}, as its spec says")


def _told(node: Node) -> str:
    values = " ".join((*node.inputs[:8], "->", *node.outputs[:4]))
    return f"{node.op}({values[:200]!r}, {node.attributes})"
