"""Reads an ONNX file and takes nothing on trust.

Every message of the file may set only the fields named in `_FIELDS`, which by itself excludes external data, subgraphs,
functions, sparse tensors and training graphs. Metadata, interface, operators and arrays are then read by a function
each, which refuses with a ValueError that says what is wrong and what was expected; the caller knows the path. Nothing
in the file is executed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from livewave.onnxfile.graph import Node, Value, describe
from livewave.onnxfile.kinds import KINDS, SUFFIX, Kind

FORMAT_KEY, SPEC_KEY, NAME_KEY = "livewave.format", "livewave.spec", "livewave.name"
PROVENANCE_PREFIX = "livewave.provenance."
OPSET = 17
IR_VERSIONS = (8, 10)

MAX_SPEC_CHARS = 16_384
MAX_NAME_CHARS = 64
MAX_PROVENANCE = 64
MAX_PROVENANCE_CHARS = 4_096
MAX_TEXT_CHARS = 256  # of any name in the graph
MAX_PARTS = 8_192  # nodes of a graph, or any other list of messages or names

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
_TEXTS_APART = {"StringStringEntryProto"}  # which read_metadata checks
_KINDS = {1: "float32", 7: "int64"}  # TensorProto.DataType
_INT = 2  # AttributeProto.AttributeType


def read_bytes(path: Path, most_bytes: int, known: Iterable[str]) -> bytes:
    """The whole file. `known` are names to offer where there is none."""
    try:
        if not path.exists():
            raise ValueError(f"there is no such file; models by name: {', '.join(known) or 'none'}")
        if not path.is_file():
            raise ValueError(f"it is not a regular file; expected a {SUFFIX} file")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    if not 0 < len(data) <= most_bytes:
        raise ValueError(f"it is {'empty' if not data else 'too large'}; expected 1..{most_bytes} bytes")
    return data


def parse(data: bytes) -> Any:
    """onnx.ModelProto in which only fields of `_FIELDS` are set, of known IR and operator versions."""
    import onnx
    try:
        proto = onnx.ModelProto.FromString(data)
    except Exception:  # what the parser raises belongs to protobuf and differs between its versions
        raise ValueError("it is not an ONNX file, or it was cut short") from None
    proto.DiscardUnknownFields()
    _check_fields(proto)
    _check_versions(proto)
    return proto


def parse_checked(data: bytes) -> Any:
    """onnx.ModelProto of bytes that have been checked: a copy, to be changed at will."""
    import onnx
    return onnx.ModelProto.FromString(data)


def read_metadata(proto: Any, kind: Kind) -> dict[str, str]:
    """Texts by key: known, unique and complete, all printable and short enough, and of a file of that kind."""
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
    for other in KINDS:
        if other != kind and metadata[FORMAT_KEY] == other.format:
            raise ValueError(f"it holds {other.what}; expected {kind.what}")
    if metadata[FORMAT_KEY] != kind.format:
        raise ValueError(f"its livewave.format is {metadata[FORMAT_KEY][:16]!r}; this version reads {kind.format!r}")
    return metadata


def provenance_of(metadata: Mapping[str, str]) -> dict[str, str]:
    found = {key[len(PROVENANCE_PREFIX):]: text for key, text in metadata.items() if key.startswith(PROVENANCE_PREFIX)}
    if "" in found:
        raise ValueError(f"metadata key {PROVENANCE_PREFIX} names nothing")
    return found


def read_array(tensor: Any, kind: str, most: int) -> np.ndarray:
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


def check_interface(declared: Any, expected: Mapping[str, Value], label: str) -> None:
    """Raises ValueError unless the declared inputs or outputs are exactly those expected, in order."""
    if [info.name for info in declared] != list(expected):
        names = [info.name for info in declared]
        raise ValueError(f"its {label} are {names[:8]}...; expected {list(expected)[:8]}..., as its spec says")
    for info in declared:
        tensor = info.type.tensor_type
        value = Value(_KINDS.get(tensor.elem_type, "?"), tuple(dim.dim_value for dim in tensor.shape.dim))
        if value != expected[info.name]:
            raise ValueError(f"{info.name} is {describe(value)}; expected {describe(expected[info.name])}")


def read_nodes(graph: Any, allowed: Mapping[str, Mapping[str, int | None]]) -> list[Node]:
    """The operators, in order. `allowed` gives each operator's attributes with their defaults (None: must be given)."""
    return [_node(node, allowed) for node in graph.node]


def _check_fields(message: Any) -> None:
    kind = message.DESCRIPTOR.name
    for descriptor, value in message.ListFields():
        if descriptor.name not in _FIELDS[kind]:
            raise ValueError(f"its {kind} sets {descriptor.name}; expected only {', '.join(sorted(_FIELDS[kind]))}")
        if descriptor.message_type is not None:
            for part in _parts(kind, descriptor.name, value if hasattr(value, "__len__") else (value,)):
                _check_fields(part)
        elif descriptor.type == descriptor.TYPE_STRING and kind not in _TEXTS_APART:
            for text in _parts(kind, descriptor.name, (value,) if isinstance(value, (str, bytes)) else value):
                _text(text, MAX_TEXT_CHARS, f"a {descriptor.name} of its {kind}")  # it may end in a message to a player


def _parts(kind: str, name: str, parts: Sequence[Any]) -> Sequence[Any]:
    if len(parts) > MAX_PARTS:
        raise ValueError(f"its {kind} has {len(parts)} of {name}; at most {MAX_PARTS} are allowed")
    return parts


def _check_versions(proto: Any) -> None:
    low, high = IR_VERSIONS
    if not low <= proto.ir_version <= high:
        raise ValueError(f"its IR version is {proto.ir_version}; expected {low}..{high}")
    opsets = [(entry.domain, entry.version) for entry in proto.opset_import]
    if opsets != [("", OPSET)]:
        raise ValueError(f"its operator sets are {opsets[:8]}; expected the standard set, version {OPSET}, alone")


def _text(value: str | bytes, longest: int, label: str) -> str:
    if not isinstance(value, str) or not value.isprintable():  # protobuf hands broken UTF-8 over as bytes
        raise ValueError(f"{label} is not printable text")
    if len(value) > longest:
        raise ValueError(f"{label} has {len(value)} characters; at most {longest} are allowed")
    return value


def _node(node: Any, allowed: Mapping[str, Mapping[str, int | None]]) -> Node:
    if node.op_type not in allowed:
        raise ValueError(f"operator {node.op_type!r} is not allowed; expected one of {', '.join(allowed)}")
    attributes = dict(allowed[node.op_type])
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
