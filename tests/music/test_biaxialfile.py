"""A continuation's model file: what the exporter writes is read back; anything else is a ModelFileError, unrun."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from livewave import ModelFileError
from livewave.music import biaxialfile
from livewave.music.biaxial import NOTES, BiaxialSpec
from livewave.music.biaxialfile import BiaxialModel, graph_of, load_biaxial, shapes
from livewave.music.composer import Composer
from tests.toys import tiny_biaxial_file

SPEC = BiaxialSpec((7, 6), (5, 4))
SPECS = [SPEC, BiaxialSpec((3,), (2,)), BiaxialSpec((3,), (2, 5, 1, 1), velocity=True), BiaxialSpec((4, 1, 1, 2), (1,))]
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
THOROUGHLY = settings(max_examples=300, deadline=None, derandomize=True,
                      suppress_health_check=[HealthCheck.function_scoped_fixture])
Change = Callable[[onnx.ModelProto], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    return tiny_biaxial_file(tmp_path_factory.mktemp("good")).read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "verse.onnx"


def load(path, data: bytes) -> BiaxialModel:
    path.write_bytes(data)
    return load_biaxial(path)


def test_good_file_is_read_back_whole(path, good):
    model = load(path, good)
    assert (model.spec, model.name, model.provenance) == (SPEC, "tiny", {"data": "seeded noise", "licence": "MIT"})
    assert {name: array.shape for name, array in model.weights.items()} == shapes(SPEC)
    for tensor in onnx.ModelProto.FromString(good).graph.initializer:
        np.testing.assert_array_equal(model.weights[tensor.name], numpy_helper.to_array(tensor))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_file_of_every_shape_is_valid_standard_onnx(tmp_path, spec):
    file = tiny_biaxial_file(tmp_path, time_units=spec.time_units, note_units=spec.note_units, velocity=spec.velocity)
    onnx.checker.check_model(onnx.load(file), full_check=True)
    assert load_biaxial(file).spec == spec


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_two_graphs_share_no_name(spec):
    time, note = graph_of(spec, "time"), graph_of(spec, "note")
    for graph, axis in ((time, "time_"), (note, "note_")):
        names = {*graph.inputs, *graph.outputs, *graph.weights}
        names |= {name for node in graph.nodes for name in (*node.inputs, *node.outputs) if name}
        assert all(name.startswith(axis) for name in names)


@pytest.mark.parametrize("data", [b"", b"\0", b"hello\n" * 9, b"\x08" * 64, b"{}", bytes(4_096), b"\xff" * 99],
                         ids=lambda data: repr(data[:8]))
def test_file_that_is_no_model_is_refused_by_path(path, data):
    with pytest.raises(ModelFileError, match="verse.onnx"):
        load(path, data)


@pytest.mark.parametrize("name", ["", "missing", ".", "/dev/zero", "/dev/null/x", "a\0b.onnx", "x" * 5_000 + ".onnx"],
                         ids=lambda name: repr(name[:12]))
def test_what_is_not_a_regular_file_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError):
        load_biaxial(name)
    with pytest.raises(ModelFileError):
        load_biaxial(tmp_path / name)


def test_named_pipe_is_refused_without_waiting_for_a_writer(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="regular file"):
        load_biaxial(path)


def test_file_above_the_size_limit_is_refused(path, good, monkeypatch):
    monkeypatch.setattr(biaxialfile, "MAX_FILE_BYTES", len(good) - 1)
    with pytest.raises(ModelFileError, match="too large"):
        load(path, good)


# hostile files


def tensor(proto: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(found for found in proto.graph.initializer if found.name == name)


def point_outside(proto: onnx.ModelProto) -> None:
    out = tensor(proto, "note_out")
    out.ClearField("raw_data")
    out.data_location = onnx.TensorProto.EXTERNAL
    out.external_data.add(key="location", value="/etc/passwd")


def branch(proto: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [])
    proto.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner))


def set_weight(name: str, array: np.ndarray) -> Change:
    return lambda proto: tensor(proto, name).CopyFrom(numpy_helper.from_array(array, name))


def set_dims(name: str, dims: list[int]) -> Change:
    return lambda proto: tensor(proto, name).dims.__setitem__(slice(None), dims)


def add_metadata(key: str, value: str) -> Change:
    return lambda proto: proto.metadata_props.add(key=key, value=value)


def set_metadata(key: str, value: str | None) -> Change:
    def change(proto: onnx.ModelProto) -> None:
        kept = {entry.key: entry.value for entry in proto.metadata_props if entry.key != key}
        helper.set_model_props(proto, kept | ({} if value is None else {key: value}))
    return change


def set_spec(**changes: object) -> Change:
    return set_metadata("livewave.spec", json.dumps(json.loads(SPEC.to_json()) | changes))


def set_input(name: str, elem_type: int, shape: list) -> Change:
    def change(proto: onnx.ModelProto) -> None:
        info = next(found for found in proto.graph.input if found.name == name)
        info.CopyFrom(helper.make_tensor_value_info(name, elem_type, shape))
    return change


def add_node(op: str, inputs: list[str], outputs: list[str], domain: str | None = None, **attributes: object) -> Change:
    return lambda proto: proto.graph.node.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))


def set_op(number: int, op: str) -> Change:
    return lambda proto: setattr(proto.graph.node[number], "op_type", op)


def read_instead(number: int, place: int, name: str) -> Change:
    return lambda proto: proto.graph.node[number].input.__setitem__(place, name)


def swap_nodes(proto: onnx.ModelProto) -> None:
    first, second = (onnx.NodeProto.FromString(proto.graph.node[k].SerializeToString()) for k in (0, 1))
    proto.graph.node[0].CopyFrom(second)
    proto.graph.node[1].CopyFrom(first)


def add_attribute(name: str, value: object) -> Change:
    return lambda proto: proto.graph.node[0].attribute.append(helper.make_attribute(name, value))


def add_much_provenance(proto: onnx.ModelProto) -> None:
    for number in range(100):
        add_metadata(f"livewave.provenance.{number}", "x")(proto)


OUT = np.zeros((4, 2), np.float32)
HOSTILE = {
    "external data": (point_outside, "external_data|data_location"),
    "subgraph": (branch, "sets g"),
    "custom domain": (add_node("Add", ["note_out"] * 2, ["y"], "evil"), "sets domain"),
    "operator outside the set": (add_node("Exp", ["note_out"], ["y"]), "operator 'Exp' is not allowed"),
    "second operator set": (lambda proto: proto.opset_import.add(domain="ai.onnx.ml", version=1), "operator sets"),
    "other opset": (lambda proto: setattr(proto.opset_import[0], "version", 9), "version 17"),
    "other IR version": (lambda proto: setattr(proto, "ir_version", 2), "IR version is 2"),
    "function": (lambda proto: proto.functions.add(name="f", domain="d"), "sets functions"),
    "training graph": (lambda proto: proto.training_info.add(), "sets training_info"),
    "sparse weight": (lambda proto: proto.graph.sparse_initializer.add(), "sets sparse_initializer"),
    "value info": (lambda proto: proto.graph.value_info.add(name="x"), "sets value_info"),
    "huge shape, little data": (set_dims("note_out", [1 << 40, 1 << 22]), "shape"),
    "negative shape": (set_dims("note_out", [-2, -4]), "shape"),
    "shape with short data": (set_dims("note_out", [4, 3]), "bytes"),
    "nan": (set_weight("note_out", OUT + np.float32(np.nan)), "not finite"),
    "infinity": (set_weight("note_out", OUT - np.float32(np.inf)), "not finite"),
    "a weight that would overflow": (set_weight("note_out", OUT + np.float32(1e30)), "beyond 1e\\+06"),
    "double precision": (set_weight("note_out", np.zeros((4, 2))), "expected float32"),
    "weight of another shape": (set_weight("note_out", OUT.T.copy()), "float32\\[2, 4\\]; expected float32\\[4, 2\\]"),
    "missing weight": (lambda proto: proto.graph.initializer.remove(tensor(proto, "note_out")), "missing .'note_out'"),
    "extra weight": (lambda proto: proto.graph.initializer.append(numpy_helper.from_array(OUT, "extra")), "'extra'"),
    "weight twice": (lambda proto: proto.graph.initializer.append(tensor(proto, "note_out")), "twice"),
    "values outside raw_data": (lambda proto: tensor(proto, "note_out").float_data.append(1.0), "float_data"),
    "input missing": (lambda proto: proto.graph.input.pop(), "inputs"),
    "input of another type": (set_input("time_row", DOUBLE, [1, NOTES, 80]), "time_row is"),
    "input of another length": (set_input("time_row", FLOAT, [1, 88, 80]), "time_row is"),
    "input of unknown length": (set_input("time_row", FLOAT, [1, NOTES, "n"]), "dim_param"),
    "output renamed": (lambda proto: setattr(proto.graph.output[0], "name", "out"), "outputs"),
    "an operator more": (add_node("Add", ["note_out"] * 2, ["y"]), "has 9 operators; expected 8"),
    "an operator less": (lambda proto: proto.graph.node.pop(), "has 7 operators; expected 8"),
    "another operator": (set_op(2, "Add"), "operator 2 is Add.*expected MatMul"),
    "another operator of one input": (set_op(2, "Tanh"), "operator 'Tanh' is not allowed"),
    "operators out of order": (swap_nodes, "operator 0 is LSTM.*time_hidden_0_next.*expected LSTM"),
    "a state that is not read": (read_instead(0, 5, "time_cell_0"), "operator 0 is"),
    "the other graph read": (read_instead(4, 0, "time_row"), "operator 4 is"),
    "a name that does not exist": (read_instead(4, 3, "nowhere"), "operator 4 is"),
    "lengths of sequences": (read_instead(0, 4, "time_row"), "operator 0 is"),
    "an output more": (lambda proto: proto.graph.node[0].output.append("y"), "operator 0 is"),
    "attribute of another value": (lambda proto: setattr(proto.graph.node[0].attribute[0], "i", 8), "operator 0 is"),
    "attribute missing": (lambda proto: proto.graph.node[0].attribute.pop(), "no attribute hidden_size"),
    "attribute of another kind": (add_attribute("clip", 2.0), "sets f"),
    "attribute of text": (add_attribute("direction", "reverse"), "sets s"),
    "attribute of texts": (add_attribute("activations", ["Relu"] * 3), "sets strings"),
    "attribute unknown": (add_attribute("layout", 1), "'layout'"),
    "attribute twice": (add_attribute("hidden_size", 7), "twice"),
    "no format": (set_metadata("livewave.format", None), "no metadata livewave.format"),
    "future format": (set_metadata("livewave.format", "biaxial-2"), "this version reads 'biaxial-1'"),
    "no spec": (set_metadata("livewave.spec", None), "no metadata livewave.spec"),
    "no name": (set_metadata("livewave.name", None), "no metadata livewave.name"),
    "spec is not JSON": (set_metadata("livewave.spec", "{"), "verse.onnx"),
    "spec is a list": (set_metadata("livewave.spec", "[]"), "exactly"),
    "spec is a JSON bomb": (set_metadata("livewave.spec", "[" * 16_000), "verse.onnx"),
    "spec is huge": (set_metadata("livewave.spec", "[" * 200_000), "at most 16384"),
    "spec out of range": (set_spec(time_units=[0]), "time_units is"),
    "spec of another type": (set_spec(note_units={"1": 2}), "note_units is"),
    "spec of another net": (set_spec(note_units=[5, 3]), "expected"),
    "spec of another depth": (set_spec(time_units=[7]), "no weight of the spec"),
    "spec with velocity": (set_spec(velocity=True), "expected"),
    "spec with another field": (set_spec(extra=1), "exactly"),
    "metadata twice": (add_metadata("livewave.name", "other"), "twice"),
    "unknown metadata": (add_metadata("other", "x"), "unknown"),
    "provenance without a key": (add_metadata("livewave.provenance.", "x"), "names nothing"),
    "long provenance": (add_metadata("livewave.provenance.x", "x" * 5_000), "at most 4096"),
    "much provenance": (add_much_provenance, "at most"),
    "name that drives the terminal": (set_metadata("livewave.name", "\x1b[2J"), "printable"),
    "long name": (set_metadata("livewave.name", "x" * 65), "at most 64"),
}


@pytest.mark.parametrize("change, message", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_is_refused_with_path_and_reason(path, good, change, message):
    proto = onnx.ModelProto.FromString(good)
    change(proto)
    with pytest.raises(ModelFileError, match=message) as raised:
        load(path, proto.SerializeToString())
    assert "verse.onnx" in str(raised.value) and len(str(raised.value)) < 1_500 and "\n" not in str(raised.value)


def test_text_that_is_not_utf8_is_refused(path, good):
    for word in (b"tiny", b"time_row", b"note_told", b"LSTM", b"livewave.spec", b"note_out_bias"):
        assert word in good
        with pytest.raises(ModelFileError):
            load(path, good.replace(word, b"\xff" + word[1:]))


# damaged files


def test_file_cut_short_anywhere_is_refused(path, good):
    for length in {*range(0, len(good), 97), *range(len(good) - 40, len(good))}:
        with pytest.raises(ModelFileError):
            load(path, good[:length])


@THOROUGHLY
@given(st.lists(st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_bytes_are_refused_or_leave_a_net_that_composes(path, good, damage):
    data = bytearray(good)
    for place, byte in damage:
        data[int(place * len(data))] = byte
    try:
        composer = Composer(load(path, bytes(data)))
    except ModelFileError:
        return
    composer.advance(np.full((NOTES, 3), 1, np.uint8), 15)
    composer.compose(lambda note, logits: (1.0, 1.0, 127.0) if np.isfinite(logits).all() else pytest.fail("not finite"))


def test_damage_to_a_weight_is_heard_and_damage_to_a_name_is_refused(path, good):
    """The test above reaches both of its ends."""
    data = bytearray(good)
    data[good.index(b"time_row")] ^= 1
    with pytest.raises(ModelFileError):
        load(path, bytes(data))
    raw = load(path, good).weights["note_out"].tobytes()
    data = bytearray(good)
    data[good.index(raw)] ^= 1
    assert not np.array_equal(load(path, bytes(data)).weights["note_out"], load(path, good).weights["note_out"])


@THOROUGHLY
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(0, 50))
def test_spliced_and_repeated_parts_are_refused_or_leave_a_model(path, good, start, end, into, skipped):
    start, end, into = (int(place * len(good)) for place in (start, end, into))
    try:
        load(path, good[:into] + good[min(start, end):max(start, end)] + good[into + skipped:])
    except ModelFileError as error:
        assert "verse.onnx" in str(error)
