"""The net as an ONNX graph of one sample: inputs and queues in, logits and the queues moved on by one sample out.

Every activation is a row [1, width]. Weights keep the names and shapes of `livewave.render.wavenet.shapes`; where the
graph wants them otherwise (one layer of a stack, past and current in one matrix) it says so with operators that act on
weights alone, which a runtime computes once, on opening. The hint is called `hint_in`, for `hint` is a weight.
"""

from __future__ import annotations

import numpy as np
import numpy as np
import onnx
from onnx import helper

from exporters.protofile import make_file
from livewave.onnxfile.kinds import WAVENET
from livewave.render.modelfile import CONSTANT_PREFIX, step_inputs, step_outputs
from livewave.render.wavenet import CLASSES, HINT_CHANNELS, PITCHES, Model, WaveNetSpec


def build_model(model: Model) -> onnx.ModelProto:
    """The model file of `model`, in memory. Its weights must fit its spec (`check_weights`)."""
    graph = _Graph()
    _step(graph, model.spec)
    return make_file(WAVENET, model, "wavenet_step", graph.nodes, step_inputs(model.spec), step_outputs(model.spec),
                     model.weights | graph.constants)


class _Graph:
    """Nodes and integer constants in the making. A value is called by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, op: str, *inputs: str, into: str = "", **attributes: int) -> str:
        """Append a node with one output, named `into` or by its number."""
        into = into or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [into], **attributes))
        return into

    def split(self, value: str, sizes: list[int], axis: int = 0) -> list[str]:
        names = [f"split_{len(self.nodes)}_{part}" for part in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [value, self.constant(sizes)], names, axis=axis))
        return names

    def reshape(self, value: str, *shape: int, into: str = "") -> str:
        return self.add("Reshape", value, self.constant(list(shape)), into=into)

    def constant(self, value: int | list[int]) -> str:
        label = f"{value}" if isinstance(value, int) else "list_" + "_".join(map(str, value))
        self.constants[CONSTANT_PREFIX + label] = np.array(value, np.int64)
        return CONSTANT_PREFIX + label


def _step(graph: _Graph, spec: WaveNetSpec) -> None:
    R, L = spec.residual_channels, spec.layers
    x, biases, gated = _input(graph, spec), _gate_biases(graph, spec), []
    for k, dilation in enumerate(spec.dilations):
        oldest = _advance(graph, k, dilation, x)
        layer = graph.constant(k)
        past, current = graph.add("Gather", "past", layer, axis=0), graph.add("Gather", "current", layer, axis=0)
        matrix = graph.add("Concat", past, current, axis=0)
        a = graph.add("Gemm", graph.add("Concat", oldest, x, axis=1), matrix, biases[k])
        filtered, gate = graph.split(a, [R, R], axis=1)
        gated.append(graph.add("Mul", graph.add("Tanh", filtered), graph.add("Sigmoid", gate)))
        if k < L - 1:
            kept = graph.add("Add", x, graph.add("Gather", "residual_bias", layer, axis=0))
            x = graph.add("Gemm", gated[-1], graph.add("Gather", "residual", layer, axis=0), kept)
    skips = graph.reshape("skip", L * R, spec.skip_channels)
    skip = graph.add("Gemm", graph.add("Concat", *gated, axis=1), skips, "skip_bias")
    hidden = graph.add("Gemm", graph.add("Relu", skip), "hidden", "hidden_bias")
    logits = graph.add("Gemm", graph.add("Relu", hidden), "logits", "logits_bias")
    graph.reshape(logits, spec.outputs, into="logits_out")


def _input(graph: _Graph, spec: WaveNetSpec) -> str:
    """The residual stream before the first layer, [1, R]."""
    R, x = spec.residual_channels, "input_bias"
    if spec.class_kernel:
        table = graph.reshape("input_classes", spec.class_kernel * CLASSES, R)
        rows = graph.add("Add", "classes", graph.constant([CLASSES * tap for tap in range(spec.class_kernel)]))
        taps = graph.add("Gather", table, rows, axis=0)
        x = graph.add("Add", graph.add("ReduceSum", taps, graph.constant([0]), keepdims=1), x)
    if spec.input_kernel:
        x = graph.add("Gemm", graph.reshape("waveform", 1, spec.input_kernel), "input_waveform", x)
    if spec.hint != "none":
        x = graph.add("Gemm", graph.reshape("hint_in", 1, HINT_CHANNELS), "hint", x)
    return x


def _gate_biases(graph: _Graph, spec: WaveNetSpec) -> list[str]:
    """For each layer what does not depend on x, [1, 2R]: gate_bias, and V.y where the net is conditioned."""
    R, L, C, biases = spec.residual_channels, spec.layers, spec.cond_channels, "gate_bias"
    if C:
        taps = spec.roll_kernel * PITCHES
        kernel = graph.reshape("condition_kernel", taps, C)
        y = graph.add("Gemm", graph.reshape("rolls", 1, taps), kernel, "condition_bias")
        biases = graph.add("Add", graph.reshape(graph.add("MatMul", y, "condition"), L, 2 * R), biases)
    return graph.split(biases, [1] * L)


def _advance(graph: _Graph, k: int, dilation: int, x: str) -> str:
    """Write queue k without its oldest row and with x; the name of that oldest row, [1, R]."""
    if dilation == 1:
        graph.add("Identity", x, into=f"queue_{k}_next")
        return f"queue_{k}"
    oldest, rest = graph.split(f"queue_{k}", [1, dilation - 1])
    graph.add("Concat", rest, x, axis=0, into=f"queue_{k}_next")
    return oldest
