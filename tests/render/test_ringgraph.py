"""The step graph with its queues in a ring: the same net, other bookkeeping; other graphs are refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from exporters.stepgraph import build_model
from livewave import ModelFileError
from livewave.render.modelfile import load_model, parse_graph
from livewave.render.onnx import OnnxEngine
from livewave.render.ringgraph import lay_rings
from livewave.render.wavenet import Model
from tests.toys import tiny_model

MODEL = tiny_model(dilations=(2, 1, 4))
QUEUE_OPERATORS = 3 * 2 - 1  # a Split and a Concat for each layer; an Identity where the dilation is 1


def from_file(change, folder) -> Model:
    """MODEL from a file whose graph was changed first."""
    proto = build_model(MODEL)
    change(proto.graph)
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return load_model(path)


def laid(model: Model) -> onnx.ModelProto:
    proto = parse_graph(model)
    lay_rings(proto, model.spec)
    return proto


def node_of(graph, output: str):
    return next(node for node in graph.node if output in node.output)


def test_it_is_valid_standard_onnx_and_holds_no_queue(tmp_path):
    proto = laid(from_file(lambda graph: None, tmp_path))
    onnx.checker.check_model(proto, full_check=True)
    names = [info.name for info in (*proto.graph.input, *proto.graph.output)]
    assert names[-5:] == ["history", "slots", "places", "logits_out", "history_next"]
    assert not any("queue_" in name for node in proto.graph.node for name in (*node.input, *node.output))


def test_the_nodes_of_the_net_are_those_of_the_file(tmp_path):
    model = from_file(lambda graph: None, tmp_path)
    before, after = parse_graph(model).graph, laid(model).graph
    kept = [node.output[0] for node in after.node][2:-2]
    assert len(after.node) == len(before.node) - QUEUE_OPERATORS + 4
    assert kept == [node.output[0] for node in before.node if node.output[0] in kept]
    assert after.initializer == before.initializer


def test_the_model_itself_is_not_changed(tmp_path):
    model = from_file(lambda graph: None, tmp_path)
    before = model.graph
    laid(model)
    assert model.graph == before


def keeps_the_oldest(graph):
    """Queue 1 has one row; let it never be renewed."""
    node_of(graph, "queue_1_next").input[0] = "queue_1"


def adds_in_front(graph):
    node = node_of(graph, "queue_0_next")
    node.input[:] = [node.input[1], node.input[0]]


def hears_the_rest(graph):
    """Queue 2's rows but the oldest are read beside the queue."""
    graph.node.append(onnx.helper.make_node("Relu", [node_of(graph, "queue_2_next").input[0]], ["unused"]))


def reads_the_queue_twice(graph):
    graph.node.append(onnx.helper.make_node("Relu", ["queue_2"], ["unused"]))


def turns_its_halves(graph):
    """Queue 0 is cut along its width: the shapes add up all the same."""
    split = next(node for node in graph.node if "queue_0" in node.input)
    oldest, half = split.output[0], MODEL.spec.residual_channels // 2
    for node in graph.node:
        node.input[:] = ["queue_1" if name == oldest else name for name in node.input]
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([half, half]), "const_halves"))
    split.CopyFrom(onnx.helper.make_node("Split", ["queue_0", "const_halves"], ["left", "right"], axis=1))
    join = onnx.helper.make_node("Concat", ["right", "left"], ["queue_0_next"], axis=1)
    node_of(graph, "queue_0_next").CopyFrom(join)


def turns_its_rows(graph):
    """Of queue 2 three rows are taken for old, and put back behind the newest."""
    split = next(node for node in graph.node if "queue_2" in node.input)
    oldest = split.output[0]
    for node in graph.node:
        node.input[:] = ["queue_1" if name == oldest else name for name in node.input]
    split.input[1] = "const_list_3_1"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([3, 1]), "const_list_3_1"))
    node_of(graph, "queue_2_next").input[1] = oldest


@pytest.mark.parametrize("change", [turns_its_halves, turns_its_rows, adds_in_front, hears_the_rest,
                                    reads_the_queue_twice])
def test_a_graph_that_moves_a_queue_otherwise_is_refused(tmp_path, change):
    model = from_file(change, tmp_path)
    with pytest.raises(ValueError, match="queue_[02] otherwise than by dropping the oldest row"):
        laid(model)
    with pytest.raises(ModelFileError, match="the onnx engine refuses its graph .*queue_"):
        OnnxEngine(model)


def test_a_queue_of_one_row_that_is_never_renewed_is_played_as_the_file_says(tmp_path):
    model = from_file(keeps_the_oldest, tmp_path)
    newest = node_of(laid(model).graph, "ring_newest")
    assert newest.input[1] == "ring_oldest_1"
    assert not OnnxEngine(model).layer_inputs().any()
