"""The loader: what the exporter writes is read back; anything else is a ModelFileError, and nothing of it is run."""

from __future__ import annotations

import json
import os

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from exporters.stepgraph import build_model
from livewave import ModelFileError
from livewave.render import modelfile
from livewave.render.modelfile import list_models, load_model
from livewave.render.onnx import OnnxEngine
from livewave.render.wavenet import Model, WaveNetSpec, random_weights

TINY = WaveNetSpec(residual_channels=2, skip_channels=3, out_channels=3, cond_channels=2, dilations=(1, 3),
                   roll_kernel=1, class_kernel=0, input_kernel=4, output="logistic", mixtures=1)
MODEL = Model(TINY, random_weights(TINY, seed=4), "tiny", {"data": "seeded noise", "licence": "MIT"})
BYTES = build_model(MODEL).SerializeToString()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tiny.onnx"


def load(path, data: bytes) -> Model:
    path.write_bytes(data)
    return load_model(path)


# finding models


def test_models_are_found_by_name_in_the_search_path(path, monkeypatch):
    path.write_bytes(BYTES)
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", os.pathsep.join(["/nonexistent", str(path.parent)]))
    assert ("tiny", path) in list_models()
    assert load_model("tiny").name == "tiny"


def test_first_folder_that_has_a_name_wins(tmp_path, monkeypatch):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tiny.onnx").write_bytes(BYTES)
    monkeypatch.setattr(modelfile, "SHIPPED", tmp_path / "two")
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(tmp_path / "one"))
    assert list_models() == [("tiny", tmp_path / "one" / "tiny.onnx")]


def test_unknown_name_is_refused_naming_the_models_that_exist(path, monkeypatch):
    path.write_bytes(BYTES)
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(path.parent))
    with pytest.raises(ModelFileError, match="'oboe'; there are:.*tiny"):
        load_model("oboe")


def test_path_is_a_path_even_without_a_folder(path, monkeypatch):
    path.write_bytes(BYTES)
    monkeypatch.chdir(path.parent)
    assert load_model("tiny.onnx").spec == TINY


# what is no model file


def test_good_file_is_read_back_whole(path):
    model = load(path, BYTES)
    assert (model.spec, model.name, model.provenance) == (TINY, "tiny", MODEL.provenance)
    for name, array in MODEL.weights.items():
        np.testing.assert_array_equal(model.weights[name], array)
        assert model.weights[name].flags.writeable and model.weights[name].dtype == np.float32


@pytest.mark.parametrize("data", [b"", b"\0", b"hello\n" * 9, b"\x08" * 64, b"{}", bytes(4_096), b"\xff" * 99],
                         ids=lambda data: repr(data[:8]))
def test_file_that_is_no_model_is_refused_by_path(path, data):
    with pytest.raises(ModelFileError, match="tiny.onnx"):
        load(path, data)


@pytest.mark.parametrize("name", ["", "missing", ".", "/dev/zero", "/dev/null/x", "a\0b.onnx", "x" * 5_000 + ".onnx"],
                         ids=lambda name: repr(name[:12]))
def test_what_is_not_a_regular_file_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError):
        load_model(name)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / name)


def test_named_pipe_is_refused_without_waiting_for_a_writer(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="regular file"):
        load_model(path)


def test_file_above_the_size_limit_is_refused(path, monkeypatch):
    monkeypatch.setattr(modelfile, "MAX_FILE_BYTES", len(BYTES) - 1)
    with pytest.raises(ModelFileError, match="too large"):
        load(path, BYTES)


# hostile files


def edited(change) -> bytes:
    proto = onnx.ModelProto.FromString(BYTES)
    change(proto)
    return proto.SerializeToString()


def tensor(proto, name: str):
    return next(found for found in proto.graph.initializer if found.name == name)


def point_outside(proto) -> None:
    hidden = tensor(proto, "hidden")
    hidden.ClearField("raw_data")
    hidden.data_location = onnx.TensorProto.EXTERNAL
    hidden.external_data.add(key="location", value="/etc/passwd")


def branch(proto) -> None:
    inner = helper.make_graph([], "inner", [], [])
    proto.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner))


def hide_a_subgraph(proto) -> None:
    attribute = next(node for node in proto.graph.node if node.op_type == "Concat").attribute[0]
    attribute.g.CopyFrom(helper.make_graph([], "inner", [], []))


def add_node(op: str, inputs: list[str], outputs: list[str], domain: str | None = None, **attributes):
    return lambda proto: proto.graph.node.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))


def grow(proto) -> None:
    for step in range(60):
        inputs = ["hidden" if not step else f"big_{step - 1}"] * 2
        proto.graph.node.append(helper.make_node("Concat", inputs, [f"big_{step}"], axis=0))


def deepen(proto) -> None:
    add_tensor("const_cube", np.zeros((1, 1, 1), np.int64))(proto)
    for step in range(40):
        inputs = [f"deep_{step - 1}" if step else "hidden", "const_cube"]
        proto.graph.node.append(helper.make_node("Gather", inputs, [f"deep_{step}"], axis=0))


def index_beyond(proto) -> None:
    add_tensor("const_beyond", np.array([3]))(proto)
    add_node("Gather", ["hidden", "const_beyond"], ["y"], axis=0)(proto)


def set_weight(name: str, array: np.ndarray):
    return lambda proto: tensor(proto, name).CopyFrom(numpy_helper.from_array(array, name))


def add_tensor(name: str, array: np.ndarray):
    return lambda proto: proto.graph.initializer.append(numpy_helper.from_array(array, name))


def set_dims(name: str, dims: list[int]):
    def change(proto) -> None:
        tensor(proto, name).dims[:] = dims
    return change


def set_metadata(key: str, value: str | None):
    def change(proto) -> None:
        kept = [(entry.key, entry.value) for entry in proto.metadata_props if entry.key != key]
        del proto.metadata_props[:]
        for kept_key, kept_value in kept + ([] if value is None else [(key, value)]):
            proto.metadata_props.add(key=kept_key, value=kept_value)
    return change


def set_spec(**changes):
    return set_metadata("livewave.spec", json.dumps(json.loads(TINY.to_json()) | changes))


def add_metadata(key: str, value: str):
    return lambda proto: proto.metadata_props.add(key=key, value=value)


def rename(kind: str, old: str, new: str):
    def change(proto) -> None:
        next(found for found in getattr(proto.graph, kind) if found.name == old).name = new
    return change


def set_input(name: str, elem_type: int, shape: list):
    def change(proto) -> None:
        info = next(found for found in proto.graph.input if found.name == name)
        info.CopyFrom(helper.make_tensor_value_info(name, elem_type, shape))
    return change


def first(op: str, proto):
    return next(node for node in proto.graph.node if node.op_type == op)


def add_attribute(op: str, name: str, value: float):
    return lambda proto: first(op, proto).attribute.append(helper.make_attribute(name, value))


def add_much_provenance(proto) -> None:
    for number in range(100):
        add_metadata(f"livewave.provenance.{number}", "x")(proto)


FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
NAN = np.full((3, 3), np.nan, np.float32)
HOSTILE = {
    "external data": (point_outside, "external_data|data_location"),
    "subgraph": (branch, "sets g"),
    "subgraph beside a number": (hide_a_subgraph, "sets g"),
    "custom domain": (add_node("Tanh", ["hidden"], ["y"], "evil"), "sets domain"),
    "operator outside the set": (add_node("Exp", ["hidden"], ["y"]), "operator 'Exp' is not allowed"),
    "second operator set": (lambda proto: proto.opset_import.add(domain="ai.onnx.ml", version=1), "operator sets"),
    "no operator set": (lambda proto: proto.ClearField("opset_import"), "operator sets"),
    "other opset": (lambda proto: setattr(proto.opset_import[0], "version", 9), "version 17"),
    "other IR version": (lambda proto: setattr(proto, "ir_version", 2), "IR version is 2"),
    "function": (lambda proto: proto.functions.add(name="f", domain="d"), "sets functions"),
    "training graph": (lambda proto: proto.training_info.add(), "sets training_info"),
    "sparse weight": (lambda proto: proto.graph.sparse_initializer.add(), "sets sparse_initializer"),
    "value info": (lambda proto: proto.graph.value_info.add(name="x"), "sets value_info"),
    "huge shape, little data": (set_dims("hidden", [1 << 40, 1 << 22]), "shape"),
    "overflowing shape": (set_dims("hidden", [1 << 62, 4]), "shape"),
    "negative shape": (set_dims("hidden", [-3, -3]), "shape"),
    "empty shape": (set_dims("hidden", [0]), "shape"),
    "shape with short data": (set_dims("hidden", [3, 4]), "bytes"),
    "long constant": (add_tensor("const_x", np.zeros(300, np.int64)), "at most 256"),
    "constant of floats": (add_tensor("const_x", np.zeros(3, np.float32)), "expected int64"),
    "nan": (set_weight("hidden", NAN), "not finite"),
    "infinity": (set_weight("hidden", np.full((3, 3), np.inf, np.float32)), "not finite"),
    "double precision": (set_weight("hidden", np.zeros((3, 3))), "expected float32"),
    "weight of another shape": (set_weight("hidden", np.zeros((3, 4), np.float32)), "hidden is float32\\[3, 4\\]"),
    "missing weight": (lambda proto: proto.graph.initializer.remove(tensor(proto, "hidden")), "missing \\['hidden'\\]"),
    "extra weight": (add_tensor("extra", NAN), "'extra'"),
    "weight twice": (lambda proto: proto.graph.initializer.append(tensor(proto, "hidden")), "twice"),
    "values outside raw_data": (lambda proto: tensor(proto, "hidden").float_data.append(1.0), "float_data"),
    "input renamed": (rename("input", "waveform", "sound"), "inputs"),
    "output renamed": (rename("output", "logits_out", "out"), "outputs"),
    "input missing": (lambda proto: proto.graph.input.pop(), "inputs"),
    "input twice": (lambda proto: proto.graph.input.append(proto.graph.input[0]), "inputs"),
    "input of another type": (set_input("waveform", DOUBLE, [4]), "waveform is"),
    "input of another length": (set_input("waveform", FLOAT, [5]), "waveform is"),
    "input of unknown length": (set_input("waveform", FLOAT, ["n"]), "dim_param"),
    "graph that grows": (grow, "grows beyond"),
    "graph that deepens": (deepen, "8 axes are allowed"),
    "graph of too many nodes": (lambda proto: proto.graph.node.extend([first("Tanh", proto)] * 9_000), "at most 8192"),
    "unknown value": (add_node("Tanh", ["nowhere"], ["y"]), "'nowhere'"),
    "value written twice": (lambda proto: proto.graph.node.append(first("Tanh", proto)), "written once"),
    "weight overwritten": (add_node("Tanh", ["hidden"], ["hidden"]), "written once"),
    "output not computed": (lambda proto: proto.graph.node.remove(proto.graph.node[-1]), "logits_out is not computed"),
    "nodes out of order": (lambda proto: proto.graph.node.insert(0, proto.graph.node.pop()), "nothing before it makes"),
    "attribute of another kind": (add_attribute("Gemm", "alpha", 2.0), "sets f"),
    "attribute unknown": (add_attribute("Gemm", "transA", 1), "'transA'"),
    "attribute twice": (add_attribute("Concat", "axis", 1), "twice"),
    "axis out of range": (lambda proto: setattr(first("Concat", proto).attribute[0], "i", 1 << 40), "axis is"),
    "index out of range": (index_beyond, "an index is outside 0..2"),
    "no format": (set_metadata("livewave.format", None), "no metadata livewave.format"),
    "future format": (set_metadata("livewave.format", "2"), "this version reads '1'"),
    "no spec": (set_metadata("livewave.spec", None), "no metadata livewave.spec"),
    "no name": (set_metadata("livewave.name", None), "no metadata livewave.name"),
    "spec is not JSON": (set_metadata("livewave.spec", "{"), "not JSON"),
    "spec is a list": (set_metadata("livewave.spec", "[]"), "fields"),
    "spec is a JSON bomb": (set_metadata("livewave.spec", "[" * 16_000), "not JSON"),
    "spec is huge": (set_metadata("livewave.spec", "[" * 200_000), "at most 16384"),
    "spec holds a huge number": (set_metadata("livewave.spec", TINY.to_json().replace("16000", "9" * 6_000)), "JSON"),
    "spec out of range": (set_spec(residual_channels=0), "residual_channels is 0"),
    "spec of another type": (set_spec(dilations={"1": 2}), "dilations"),
    "spec of another net": (set_spec(residual_channels=4), "expected"),
    "spec with another field": (set_spec(extra=1), "exactly the fields"),
    "spec with terabyte queues": (set_spec(dilations=[65_536] * 128, residual_channels=512), "queues would take"),
    "metadata twice": (add_metadata("livewave.name", "other"), "twice"),
    "unknown metadata": (add_metadata("other", "x"), "unknown"),
    "provenance without a key": (add_metadata("livewave.provenance.", "x"), "names nothing"),
    "long provenance": (add_metadata("livewave.provenance.x", "x" * 5_000), "at most 4096"),
    "much provenance": (add_much_provenance, "at most"),
    "name that drives the terminal": (set_metadata("livewave.name", "\x1b[2J"), "printable"),
    "long name": (set_metadata("livewave.name", "x" * 65), "at most 64"),
}


@pytest.mark.parametrize("change, message", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_file_is_refused_with_path_and_reason(path, change, message):
    with pytest.raises(ModelFileError, match=message) as raised:
        load(path, edited(change))
    assert "tiny.onnx" in str(raised.value) and len(str(raised.value)) < 1_500 and "\n" not in str(raised.value)


def test_text_that_is_not_utf8_is_refused(path):
    for word in (b"tiny", b"waveform", b"const_0", b"Tanh", b"livewave.spec", b"logits_bias"):
        assert word in BYTES
        with pytest.raises(ModelFileError):
            load(path, BYTES.replace(word, b"\xff" + word[1:]))


# fuzz


def test_file_cut_short_anywhere_is_refused(path):
    for length in {*range(0, len(BYTES), 41), *range(len(BYTES) - 40, len(BYTES))}:
        with pytest.raises(ModelFileError):
            load(path, BYTES[:length])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_bytes_are_refused_or_leave_a_model_that_plays(path, seed):
    rng, played = np.random.default_rng(seed), 0
    logits, roll = np.zeros((3, TINY.outputs), np.float32), np.full((1, 128), 100, np.uint8)
    for _ in range(500):
        data = bytearray(BYTES)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            data[position] = rng.integers(0, 256)
        try:
            engine = OnnxEngine(load(path, bytes(data)))
        except ModelFileError:
            continue
        engine.feed(roll, np.float32([-1.0, 0.0, 1.0]), logits)
        played += 1
    assert 0 < played < 500


def test_spliced_and_repeated_parts_are_refused_or_leave_a_model(path):
    rng = np.random.default_rng(9)
    for _ in range(600):
        start, end, into = rng.integers(0, len(BYTES), 3)
        data = BYTES[:into] + BYTES[min(start, end):max(start, end)] + BYTES[into + rng.integers(0, 50):]
        try:
            load(path, data)
        except ModelFileError as error:
            assert "tiny.onnx" in str(error)
