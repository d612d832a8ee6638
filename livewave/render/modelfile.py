"""Model files: one ONNX file that holds the net's step graph, its weights, its spec and where it came from.

    classes, waveform, hint_in, rolls, queue_0 .. queue_{L-1}  ->  logits_out, queue_0_next .. queue_{L-1}_next

`load_model` takes nothing on trust. Every message of the file may set only the fields named in `_FIELDS`, which by
itself excludes external data, subgraphs, functions, sparse tensors and training graphs; operators, shapes, weights and
metadata are then checked against the spec. Nothing in the file is executed.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from livewave import ModelFileError
from livewave.render.graphcheck import ATTRIBUTES, Node, Value, check_graph, describe
from livewave.render.wavenet import HINT_CHANNELS, PITCHES, Model, WaveNetSpec, Weights, check_weights, shapes

SUFFIX = ".onnx"
SEARCH_PATH_VARIABLE = "LIVEWAVE_MODEL_PATH"
SHIPPED = Path(__file__).resolve().parents[1] / "models"

FORMAT = "1"
FORMAT_KEY, SPEC_KEY, NAME_KEY = "livewave.format", "livewave.spec", "livewave.name"
PROVENANCE_PREFIX = "livewave.provenance."
CONSTANT_PREFIX = "const_"  # small int64 shapes, axes and indices, beside the weights
OPSET = 17
IR_VERSIONS = (8, 10)

MAX_FILE_BYTES = MAX_STATE_BYTES = 256 * 2**20
MAX_SPEC_CHARS = 16_384
MAX_NAME_CHARS = 64
MAX_PROVENANCE = 64
MAX_PROVENANCE_CHARS = 4_096
MAX_CONSTANT_ELEMENTS = 256
MAX_PARTS = 8_192  # nodes of a graph, or any other list of messages

# message: the fields it may set
_FIELDS = {
    "ModelProto": {"ir_version", "opset_import", "producer_name", "producer_version", "graph", "metadata_props"},
    "OperatorSetIdProto": {"domain", "version"},
    "StringStringEntryProto": {"key", "value"},
    "GraphProto": {"name", "node", "initializer", "input", "output"},
    "NodeProto": {"name", "op_type", "input", "output", "attribute"},
    "AttributeProto": {"name", "type", "i"},
    "TensorProto": {"name", "dims", "data_type", "raw_data"},
    "ValueInfoProto": {"name", "type"},
    "TypeProto": {"tensor_type"},
    "Tensor": {"elem_type", "shape"},
    "TensorShapeProto": {"dim"},
    "Dimension": {"dim_value"},
}
_KINDS = {1: "float32", 7: "int64"}  # TensorProto.DataType
_INT = 2  # AttributeProto.AttributeType


def list_models() -> list[tuple[str, Path]]:
    """Name and path of every model file at hand, sorted by name. $LIVEWAVE_MODEL_PATH wins over the shipped ones."""
    folders = [Path(entry) for entry in os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep) if entry]
    found: dict[str, Path] = {}
    for folder in [*folders, SHIPPED]:
        for path in sorted(folder.glob("*" + SUFFIX)):
            found.setdefault(path.stem, path)
    return sorted(found.items())


def find_model(name_or_path: str | os.PathLike[str]) -> Path:
    """Where a model is: what holds a separator or ends in .onnx is a path. Raises ModelFileError naming what exists."""
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, os.PathLike) or text.endswith(SUFFIX) or Path(text).name != text:
        return Path(text)
    models = dict(list_models())
    if text not in models:
        raise ModelFileError(f"no model is named {text!r}; there are: {', '.join(models) or 'none'}. "
                             f"Give one of these, the path of a {SUFFIX} file, or a folder in ${SEARCH_PATH_VARIABLE}")
    return models[text]


def load_model(name_or_path: str | os.PathLike[str]) -> Model:
    """The model of that name or file, checked. Raises ModelFileError: path, what is wrong, what is expected."""
    path = find_model(name_or_path)
    try:
        return _read_model(_parse(_read_bytes(path)))
    except ValueError as error:
        raise ModelFileError(f"model file {str(path)!r}: {error}") from None


def parse_graph(model: Model) -> Any:
    """onnx.ModelProto of a model that came from a file: a copy, to be changed at will."""
    import onnx
    return onnx.ModelProto.FromString(model.graph)


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


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.exists():
            raise ValueError(f"there is no such file; models by name: {', '.join(dict(list_models())) or 'none'}")
        if not path.is_file():
            raise ValueError(f"it is not a regular file; expected a {SUFFIX} file")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    if not 0 < len(data) <= MAX_FILE_BYTES:
        raise ValueError(f"it is {'empty' if not data else 'too large'}; expected 1..{MAX_FILE_BYTES} bytes")
    return data


def _parse(data: bytes) -> Any:
    """onnx.ModelProto in which only fields of `_FIELDS` are set."""
    import onnx
    try:
        proto = onnx.ModelProto.FromString(data)
    except Exception:  # what the parser raises belongs to protobuf and differs between its versions
        raise ValueError("it is not an ONNX file, or it was cut short") from None
    proto.DiscardUnknownFields()
    _check_fields(proto)
    return proto


def _check_fields(message: Any) -> None:
    kind = message.DESCRIPTOR.name
    for descriptor, value in message.ListFields():
        if descriptor.name not in _FIELDS[kind]:
            raise ValueError(f"its {kind} sets {descriptor.name}; expected only {', '.join(sorted(_FIELDS[kind]))}")
        if descriptor.message_type is None:
            continue
        parts = value if hasattr(value, "__len__") else (value,)
        if len(parts) > MAX_PARTS:
            raise ValueError(f"its {kind} has {len(parts)} of {descriptor.name}; at most {MAX_PARTS} are allowed")
        for part in parts:
            _check_fields(part)


def _read_model(proto: Any) -> Model:
    _check_versions(proto)
    metadata = _metadata(proto)
    spec = _spec(metadata)
    weights, constants = _initializers(proto.graph, spec)
    _check_interface(proto.graph.input, step_inputs(spec), "inputs")
    _check_interface(proto.graph.output, step_outputs(spec), "outputs")
    given = step_inputs(spec)
    given |= {name: Value("float32", array.shape) for name, array in weights.items()}
    given |= {name: Value("int64", array.shape, array) for name, array in constants.items()}
    check_graph([_node(node) for node in proto.graph.node], given, step_outputs(spec))
    return Model(spec, weights, metadata[NAME_KEY], _provenance(metadata), proto.SerializeToString())


def _check_versions(proto: Any) -> None:
    low, high = IR_VERSIONS
    if not low <= proto.ir_version <= high:
        raise ValueError(f"its IR version is {proto.ir_version}; expected {low}..{high}")
    opsets = [(entry.domain, entry.version) for entry in proto.opset_import]
    if opsets != [("", OPSET)]:
        raise ValueError(f"its operator sets are {opsets[:8]}; expected the standard set, version {OPSET}, alone")


def _metadata(proto: Any) -> dict[str, str]:
    """Raises ValueError unless the keys are known, unique and complete, and all texts printable and short enough."""
    if len(proto.metadata_props) > MAX_PROVENANCE + 3:
        raise ValueError(f"it has {len(proto.metadata_props)} metadata entries; expected at most {MAX_PROVENANCE + 3}")
    metadata: dict[str, str] = {}
    for entry in proto.metadata_props:
        key = _text(entry.key, MAX_NAME_CHARS, "a metadata key")
        if key in metadata:
            raise ValueError(f"metadata key {key} appears twice")
        if key not in (FORMAT_KEY, SPEC_KEY, NAME_KEY) and not key.startswith(PROVENANCE_PREFIX):
            raise ValueError(f"metadata key {key} is unknown; expected livewave.format, .spec, .name or .provenance.*")
        longest = {SPEC_KEY: MAX_SPEC_CHARS, NAME_KEY: MAX_NAME_CHARS}.get(key, MAX_PROVENANCE_CHARS)
        metadata[key] = _text(entry.value, longest, f"metadata {key}")
    for key in (FORMAT_KEY, SPEC_KEY, NAME_KEY):
        if key not in metadata:
            raise ValueError(f"it has no metadata {key}; expected a file written by `python -m exporters`")
    if metadata[FORMAT_KEY] != FORMAT:
        raise ValueError(f"its livewave.format is {metadata[FORMAT_KEY][:16]!r}; this version reads {FORMAT!r}")
    return metadata


def _text(value: str | bytes, longest: int, label: str) -> str:
    if not isinstance(value, str) or not value.isprintable():  # protobuf hands broken UTF-8 over as bytes
        raise ValueError(f"{label} is not printable text")
    if len(value) > longest:
        raise ValueError(f"{label} has {len(value)} characters; at most {longest} are allowed")
    return value


def _spec(metadata: dict[str, str]) -> WaveNetSpec:
    spec = WaveNetSpec.from_json(metadata[SPEC_KEY])
    state_bytes = 4 * spec.residual_channels * sum(spec.dilations)
    if state_bytes > MAX_STATE_BYTES:
        raise ValueError(f"its queues would take {state_bytes} bytes; at most {MAX_STATE_BYTES} are allowed")
    return spec


def _provenance(metadata: dict[str, str]) -> dict[str, str]:
    found = {key[len(PROVENANCE_PREFIX):]: text for key, text in metadata.items() if key.startswith(PROVENANCE_PREFIX)}
    if "" in found:
        raise ValueError(f"metadata key {PROVENANCE_PREFIX} names nothing")
    return found


def _initializers(graph: Any, spec: WaveNetSpec) -> tuple[Weights, dict[str, np.ndarray]]:
    """The weights, exactly those of `shapes(spec)`, and the integer constants."""
    weights: Weights = {}
    constants: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        if tensor.name in weights or tensor.name in constants:
            raise ValueError(f"initializer {tensor.name!r} appears twice")
        if isinstance(tensor.name, str) and tensor.name.startswith(CONSTANT_PREFIX):
            constants[tensor.name] = _array(tensor, "int64", MAX_CONSTANT_ELEMENTS)
        elif tensor.name in shapes(spec):
            weights[tensor.name] = _array(tensor, "float32", MAX_FILE_BYTES // 4)
        else:
            raise ValueError(f"initializer {tensor.name!r} is neither a weight of the spec nor a {CONSTANT_PREFIX}*")
    check_weights(spec, weights)
    return weights, constants


def _array(tensor: Any, kind: str, most: int) -> np.ndarray:
    """A copy of the tensor's values. Raises ValueError unless its type is `kind` and its bytes fill its shape."""
    shape, size = tuple(tensor.dims), np.dtype(kind).itemsize
    if _KINDS.get(tensor.data_type) != kind:
        raise ValueError(f"initializer {tensor.name} has data type {tensor.data_type}; expected {kind}")
    if any(extent < 1 for extent in shape) or len(shape) > 4 or math.prod(shape) > most:
        raise ValueError(f"initializer {tensor.name} has shape {list(shape[:8])}; expected at most {most} elements")
    if math.prod(shape) * size != len(tensor.raw_data):
        raise ValueError(f"initializer {tensor.name} has {len(tensor.raw_data)} bytes; {list(shape)} needs "
                         f"{math.prod(shape) * size}")
    return np.frombuffer(tensor.raw_data, np.dtype(kind).newbyteorder("<")).reshape(shape).astype(kind)


def _check_interface(declared: Any, expected: dict[str, Value], label: str) -> None:
    if [info.name for info in declared] != list(expected):
        names = [info.name for info in declared]
        raise ValueError(f"its {label} are {names[:8]}...; expected {list(expected)[:8]}..., as its spec says")
    for info in declared:
        tensor = info.type.tensor_type
        value = Value(_KINDS.get(tensor.elem_type, "?"), tuple(dim.dim_value for dim in tensor.shape.dim))
        if value != expected[info.name]:
            raise ValueError(f"{info.name} is {describe(value)}; expected {describe(expected[info.name])}")


def _node(node: Any) -> Node:
    if node.op_type not in ATTRIBUTES:
        raise ValueError(f"operator {node.op_type!r} is not allowed; expected one of {', '.join(ATTRIBUTES)}")
    attributes = dict(ATTRIBUTES[node.op_type])
    if len({attribute.name for attribute in node.attribute}) != len(node.attribute):
        raise ValueError(f"{node.op_type} has an attribute twice")
    for attribute in node.attribute:
        if attribute.name not in attributes or attribute.type != _INT:
            raise ValueError(f"{node.op_type} has attribute {attribute.name!r}; expected only {list(attributes)}")
        attributes[attribute.name] = attribute.i
    missing = [name for name, value in attributes.items() if value is None]
    if missing:
        raise ValueError(f"{node.op_type} has no attribute {missing[0]}")
    if not all(isinstance(name, str) for name in (*node.input, *node.output)):
        raise ValueError(f"{node.op_type} has an input or output whose name is not text")
    return Node(node.op_type, tuple(node.input), tuple(node.output), attributes)
