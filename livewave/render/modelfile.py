"""Model files: one ONNX file that holds the net's step graph, its weights, its spec and where it came from.

    classes, waveform, hint_in, rolls, queue_0 .. queue_{L-1}  ->  logits_out, queue_0_next .. queue_{L-1}_next

`load_model` takes nothing on trust: `livewave.onnxfile.guard` refuses what no model file needs; operators, shapes,
weights and metadata are then checked against the spec. Nothing in the file is executed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from livewave import ModelFileError
from livewave.onnxfile.graph import Value
from livewave.onnxfile.guard import (
    NAME_KEY, SPEC_KEY, check_interface, parse, parse_checked, provenance_of, read_array, read_bytes, read_metadata,
    read_nodes,
)
from livewave.onnxfile.kinds import SHIPPED, SUFFIX, WAVENET, find_file, list_files
from livewave.render.graphcheck import ATTRIBUTES, check_graph
from livewave.render.wavenet import HINT_CHANNELS, PITCHES, Model, WaveNetSpec, Weights, check_weights, shapes

CONSTANT_PREFIX = "const_"  # small int64 shapes, axes and indices, beside the weights

MAX_FILE_BYTES = MAX_STATE_BYTES = 256 * 2**20
MAX_CONSTANT_ELEMENTS = 256


def list_models() -> list[tuple[str, Path]]:
    """Name and path of every model file at hand, sorted by name. $LIVEWAVE_MODEL_PATH wins over the shipped ones."""
    return list_files(WAVENET, SHIPPED)


def find_model(name_or_path: str | os.PathLike[str]) -> Path:
    """Where a model is: what holds a separator or ends in .onnx is a path. Raises ModelFileError naming what exists."""
    return find_file(WAVENET, name_or_path, SHIPPED)


def load_model(name_or_path: str | os.PathLike[str]) -> Model:
    """The model of that name or file, checked. Raises ModelFileError: path, what is wrong, what is expected."""
    path = find_model(name_or_path)
    try:
        return _read_model(parse(read_bytes(path, MAX_FILE_BYTES, dict(list_models()))))
    except ValueError as error:
        raise ModelFileError(f"model file {str(path)!r}: {error}") from None


def parse_graph(model: Model) -> Any:
    """onnx.ModelProto of a model that came from a file: a copy, to be changed at will."""
    return parse_checked(model.graph)


def step_inputs(spec: WaveNetSpec) -> dict[str, Value]:
    """Name, type and shape of every input of the step graph, in order."""
    table = {}
    if spec.class_kernel:
        table["classes"] = Value("int64", (spec.class_kernel,))
    if spec.input_kernel:
        table["waveform"] = Value("float32", (spec.input_kernel,))
    if spec.hint != "none":
        table["hint_in"] = Value("float32", (HINT_CHANNELS,))
    if spec.cond_channels:
        table["rolls"] = Value("float32", (spec.roll_kernel, PITCHES))
    return table | {f"queue_{k}": Value("float32", (d, spec.residual_channels)) for k, d in enumerate(spec.dilations)}


def step_outputs(spec: WaveNetSpec) -> dict[str, Value]:
    """Name, type and shape of every output of the step graph, in order."""
    queues = {f"queue_{k}_next": Value("float32", (d, spec.residual_channels)) for k, d in enumerate(spec.dilations)}
    return {"logits_out": Value("float32", (spec.outputs,))} | queues


def _read_model(proto: Any) -> Model:
    metadata = read_metadata(proto, WAVENET)
    spec = _spec(metadata)
    weights, constants = _initializers(proto.graph, spec)
    check_interface(proto.graph.input, step_inputs(spec), "inputs")
    check_interface(proto.graph.output, step_outputs(spec), "outputs")
    given = step_inputs(spec)
    given |= {name: Value("float32", array.shape) for name, array in weights.items()}
    given |= {name: Value("int64", array.shape, array) for name, array in constants.items()}
    check_graph(read_nodes(proto.graph, ATTRIBUTES), given, step_outputs(spec))
    return Model(spec, weights, metadata[NAME_KEY], provenance_of(metadata), proto.SerializeToString())


def _spec(metadata: dict[str, str]) -> WaveNetSpec:
    spec = WaveNetSpec.from_json(metadata[SPEC_KEY])
    state_bytes = 4 * spec.residual_channels * sum(spec.dilations)
    if state_bytes > MAX_STATE_BYTES:
        raise ValueError(f"its queues would take {state_bytes} bytes; at most {MAX_STATE_BYTES} are allowed")
    return spec


def _initializers(graph: Any, spec: WaveNetSpec) -> tuple[Weights, dict[str, np.ndarray]]:
    """The weights, exactly those of `shapes(spec)`, and the integer constants."""
    weights: Weights = {}
    constants: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        if tensor.name in weights or tensor.name in constants:
            raise ValueError(f"initializer {tensor.name!r} appears twice")
        if isinstance(tensor.name, str) and tensor.name.startswith(CONSTANT_PREFIX):
            constants[tensor.name] = read_array(tensor, "int64", MAX_CONSTANT_ELEMENTS)
        elif tensor.name in shapes(spec):
            weights[tensor.name] = read_array(tensor, "float32", MAX_FILE_BYTES // 4)
        else:
            raise ValueError(f"initializer {tensor.name!r} is neither a weight of the spec nor a {CONSTANT_PREFIX}*")
    check_weights(spec, weights)
    return weights, constants
