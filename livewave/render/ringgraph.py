"""The step graph of a model file with its queues laid into one ring, so that a step moves a row per layer and no more.

    classes, waveform, hint_in, rolls, history, slots, places  ->  logits_out, history_next

history  float32 [sum of dilations, R]  the layers' queues one after the other; row `slots[k]` is layer k's oldest
slots    int64 [L]                      where each layer reads its oldest row and writes its newest
places   int64 [L, 1]                   the same numbers, shaped as ScatterND wants them

In the file every queue is an input that comes out again without its oldest row and with a new one: clear, and a copy of
400 KB in 40 operators for a net of 20 layers. Here one Gather reads all oldest rows and one ScatterND writes all new
ones. The nodes of the net itself are those of the file, untouched.
Source: the ONNX operator specification, opset 17 (ScatterND).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from livewave.render.wavenet import WaveNetSpec

_FLOAT, _INT64, _INT = 1, 7, 2  # TensorProto.DataType, and AttributeProto.AttributeType


def lay_rings(proto: Any, spec: WaveNetSpec) -> None:
    """Change the step graph of `proto` (onnx.ModelProto, checked by `load_model`) in place, as told above.

    Raises ValueError where the graph moves a queue otherwise than by dropping its first row and adding a last one.
    """
    graph, layers = proto.graph, spec.layers
    newest, moved = [], {}
    for k, dilation in enumerate(spec.dilations):
        newest.append(_lift_queue(graph, k, dilation, moved))
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = moved.get(name, name)
    net = list(graph.node)
    del graph.node[:]
    _add(graph, "Gather", ["history", "slots"], ["ring_oldest"], axis=0)
    _add(graph, "Split", ["ring_oldest"], [f"ring_oldest_{k}" for k in range(layers)], axis=0)
    graph.node.extend(net)
    _add(graph, "Concat", [moved.get(name, name) for name in newest], ["ring_newest"], axis=0)
    _add(graph, "ScatterND", ["history", "places", "ring_newest"], ["history_next"])
    rows = [sum(spec.dilations), spec.residual_channels]
    _replace(graph.input, {"history": (_FLOAT, rows), "slots": (_INT64, [layers]), "places": (_INT64, [layers, 1])})
    _replace(graph.output, {"history_next": (_FLOAT, rows)})


def _lift_queue(graph: Any, k: int, dilation: int, moved: dict[str, str]) -> str:
    """Remove the nodes that move queue k on; the name of its new row. `moved` learns what is now read from the ring."""
    queue, oldest = f"queue_{k}", f"ring_oldest_{k}"
    readers = [node for node in graph.node if queue in node.input]
    last = next(node for node in graph.node if f"{queue}_next" in node.output)
    if dilation == 1:
        fits = last.op_type == "Identity"
        moved[queue] = oldest
    else:
        fits = len(readers) == 1 and _drops_first_row(graph, readers[0], dilation)
        if fits:
            first, rest = readers[0].output
            fits = _adds_row(last, rest) and sum(rest in node.input for node in graph.node) == 1
            moved[first] = oldest
            graph.node.remove(readers[0])
    if not fits:
        raise ValueError(f"it moves {queue} otherwise than by dropping the oldest row and adding a new one")
    graph.node.remove(last)
    return last.input[-1]


def _drops_first_row(graph: Any, node: Any, rows: int) -> bool:
    if node.op_type != "Split" or _axis(node) != 0:
        return False
    sizes = next(tensor for tensor in graph.initializer if tensor.name == node.input[1])
    return np.frombuffer(sizes.raw_data, "<i8").tolist() == [1, rows - 1]


def _adds_row(node: Any, rest: str) -> bool:
    return node.op_type == "Concat" and _axis(node) == 0 and len(node.input) == 2 and node.input[0] == rest


def _axis(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)


def _add(graph: Any, op: str, inputs: list[str], outputs: list[str], **attributes: int) -> None:
    node = graph.node.add(op_type=op, input=inputs, output=outputs)
    for name, number in attributes.items():
        node.attribute.add(name=name, type=_INT, i=number)


def _replace(declared: Any, fresh: dict[str, tuple[int, list[int]]]) -> None:
    """Let the queues' declarations (of inputs or outputs) give way to `fresh`, name -> type and shape."""
    kept = [info for info in declared if not info.name.startswith("queue_")]
    del declared[:]
    declared.extend(kept)
    for name, (kind, shape) in fresh.items():
        tensor = declared.add(name=name).type.tensor_type
        tensor.elem_type = kind
        for extent in shape:
            tensor.shape.dim.add(dim_value=extent)
