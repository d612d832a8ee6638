"""Follows the shapes through a step graph: none reaches a runtime that could fail, or fill the memory, while playing.

A step graph is made of the few operators of `ATTRIBUTES`. Each has one rule here: shapes in, shapes out, ValueError if
they do not fit. Nothing is computed and no foreign library is needed: the nodes come from `livewave.render.modelfile`.
Source: the ONNX operator specification, opset 17.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from livewave.onnxfile.graph import Node, Value, describe

# operator: its attributes, all whole numbers, with their defaults (None: must be given)
ATTRIBUTES: dict[str, dict[str, int | None]] = {
    "Add": {},
    "Concat": {"axis": None},
    "Gather": {"axis": 0},
    "Gemm": {},
    "Identity": {},
    "MatMul": {},
    "Mul": {},
    "ReduceSum": {"keepdims": 1},
    "Relu": {},
    "Reshape": {},
    "Sigmoid": {},
    "Split": {"axis": 0},
    "Tanh": {},
}
MAX_GROWTH = 16  # all values of a step together may hold this many times the elements of its inputs and weights
MAX_RANK = 8


def check_graph(nodes: Sequence[Node], given: dict[str, Value], outputs: dict[str, Value]) -> None:
    """Raises ValueError unless `nodes`, in order, make exactly `outputs` from `given` (inputs, weights, constants)."""
    values = dict(given)
    room = MAX_GROWTH * (sum(math.prod(value.shape) for value in given.values()) + 65_536)
    for node in nodes:
        made = _infer(node, values)
        room -= sum(math.prod(value.shape) for value in made)
        if room < 0:
            raise ValueError(f"the graph grows beyond {MAX_GROWTH} times its weights at {_label(node)}")
        for name, value in zip(node.outputs, made, strict=True):
            if not name or name in values:
                raise ValueError(f"{_label(node)} writes {name!r}; every value must be named, and written once")
            if len(value.shape) > MAX_RANK:
                raise ValueError(f"{_label(node)} writes {describe(value)}; at most {MAX_RANK} axes are allowed")
            values[name] = value
    for name, expected in outputs.items():
        if name in given or name not in values:
            raise ValueError(f"output {name} is not computed by the graph")
        if (values[name].kind, values[name].shape) != (expected.kind, expected.shape):
            raise ValueError(f"output {name} is computed as {describe(values[name])}; expected {describe(expected)}")


def _label(node: Node) -> str:
    return f"{node.op} -> {', '.join(map(repr, node.outputs[:1])) or 'nothing'}"


def _infer(node: Node, values: dict[str, Value]) -> list[Value]:
    """What `node` writes. Raises ValueError, naming the node, where its inputs do not fit."""
    unknown = [name for name in node.inputs if name not in values]
    if unknown:
        raise ValueError(f"{_label(node)} reads {unknown[0]!r}, which nothing before it makes")
    try:
        return _RULES[node.op](node, [values[name] for name in node.inputs])
    except ValueError as error:
        raise ValueError(f"{_label(node)}: {error}") from None


def _expect(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


def _count(node: Node, inputs: Sequence[Value], expected: int) -> None:
    _expect(len(inputs) == expected, f"has {len(inputs)} inputs; expected {expected}")
    _expect(len(node.outputs) == 1, f"has {len(node.outputs)} outputs; expected 1")


def _axis(node: Node, rank: int) -> int:
    axis = node.attributes["axis"]
    _expect(0 <= axis < rank, f"axis is {axis}; it must be in 0..{rank - 1}")
    return axis


def _floats(*values: Value) -> None:
    for value in values:
        _expect(value.kind == "float32", f"an input is {describe(value)}; expected float32")


def _constant(value: Value) -> list[int]:
    _expect(value.constant is not None and value.constant.ndim == 1, "a shape, size or axis must be a constant list")
    return value.constant.tolist()


def _unary(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 1)
    _floats(*inputs)
    return [Value("float32", inputs[0].shape)]


def _elementwise(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 2)
    _expect(inputs[0].kind == inputs[1].kind, "the inputs are of different types")
    return [Value(inputs[0].kind, np.broadcast_shapes(inputs[0].shape, inputs[1].shape))]


def _concat(node: Node, inputs: list[Value]) -> list[Value]:
    _expect(bool(inputs), "has no inputs")
    _count(node, inputs, len(inputs))
    _floats(*inputs)
    axis = _axis(node, len(inputs[0].shape))
    frames = {value.shape[:axis] + value.shape[axis + 1:] for value in inputs}
    _expect(len(frames) == 1 and len({len(value.shape) for value in inputs}) == 1, "the inputs do not line up")
    extent = sum(value.shape[axis] for value in inputs)
    return [Value("float32", inputs[0].shape[:axis] + (extent,) + inputs[0].shape[axis + 1:])]


def _gather(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 2)
    data, indices = inputs
    _floats(data)
    axis = _axis(node, len(data.shape))
    _expect(indices.kind == "int64", "the indices must be int64")
    if indices.constant is not None:
        inside = (indices.constant >= 0) & (indices.constant < data.shape[axis])
        _expect(bool(inside.all()), f"an index is outside 0..{data.shape[axis] - 1}")
    return [Value("float32", data.shape[:axis] + indices.shape + data.shape[axis + 1:])]


def _gemm(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 3)
    _floats(*inputs)
    a, b, c = (value.shape for value in inputs)
    _expect(len(a) == len(b) == 2 and a[1] == b[0], f"cannot multiply {list(a)} by {list(b)}")
    product = (a[0], b[1])
    _expect(np.broadcast_shapes(product, c) == product, f"cannot add {list(c)} to {list(product)}")
    return [Value("float32", product)]


def _matmul(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 2)
    _floats(*inputs)
    a, b = (value.shape for value in inputs)
    _expect(len(a) >= 2 and len(b) >= 2 and a[-1] == b[-2], f"cannot multiply {list(a)} by {list(b)}")
    return [Value("float32", np.broadcast_shapes(a[:-2], b[:-2]) + (a[-2], b[-1]))]


def _reduce_sum(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 2)
    _floats(inputs[0])
    shape, axes, keep = inputs[0].shape, _constant(inputs[1]), node.attributes["keepdims"]
    _expect(bool(axes) and len(set(axes)) == len(axes), "must name each axis once")
    _expect(all(0 <= axis < len(shape) for axis in axes) and keep in (0, 1), "an axis is outside the input")
    kept = [1 if axis in axes else extent for axis, extent in enumerate(shape) if keep or axis not in axes]
    return [Value("float32", tuple(kept))]


def _reshape(node: Node, inputs: list[Value]) -> list[Value]:
    _count(node, inputs, 2)
    _floats(inputs[0])
    shape = tuple(_constant(inputs[1]))
    fits = all(extent > 0 for extent in shape) and math.prod(shape) == math.prod(inputs[0].shape)
    _expect(fits, f"cannot shape {list(inputs[0].shape)} as {list(shape)}")
    return [Value("float32", shape)]


def _split(node: Node, inputs: list[Value]) -> list[Value]:
    _expect(len(inputs) == 2, f"has {len(inputs)} inputs; expected 2")
    _floats(inputs[0])
    shape, sizes = inputs[0].shape, _constant(inputs[1])
    axis = _axis(node, len(shape))
    _expect(all(size > 0 for size in sizes) and sum(sizes) == shape[axis], f"cannot split {shape[axis]} into {sizes}")
    _expect(len(sizes) == len(node.outputs), f"has {len(node.outputs)} outputs; expected {len(sizes)}")
    return [Value("float32", shape[:axis] + (size,) + shape[axis + 1:]) for size in sizes]


_RULES = {
    "Add": _elementwise,
    "Concat": _concat,
    "Gather": _gather,
    "Gemm": _gemm,
    "Identity": _unary,
    "MatMul": _matmul,
    "Mul": _elementwise,
    "ReduceSum": _reduce_sum,
    "Relu": _unary,
    "Reshape": _reshape,
    "Sigmoid": _unary,
    "Split": _split,
    "Tanh": _unary,
}
