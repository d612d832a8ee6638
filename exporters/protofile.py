"""A model file in memory: a graph, its arrays, and the metadata that livewave reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from livewave import __version__
from livewave.onnxfile.graph import Value
from livewave.onnxfile.guard import FORMAT_KEY, IR_VERSIONS, NAME_KEY, OPSET, PROVENANCE_PREFIX, SPEC_KEY
from livewave.onnxfile.kinds import Kind
from livewave.music.biaxialfile import BiaxialModel
from livewave.render.wavenet import Model

_TYPES = {"float32": onnx.TensorProto.FLOAT, "int64": onnx.TensorProto.INT64}


def make_file(kind: Kind, model: Model | BiaxialModel, title: str, nodes: Sequence[onnx.NodeProto],
              inputs: Mapping[str, Value], outputs: Mapping[str, Value],
              arrays: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """The model file of `model`: `nodes` make `outputs` of `inputs` and `arrays`."""
    initializers = [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in arrays.items()]
    proto = helper.make_model(
        helper.make_graph(list(nodes), title, _declare(inputs), _declare(outputs), initializers),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSIONS[0],
        producer_name="livewave", producer_version=__version__)
    # metadata ends the file, and the format ends the metadata: a file cut short anywhere lacks it
    metadata = {PROVENANCE_PREFIX + key: text for key, text in model.provenance.items()}
    metadata |= {SPEC_KEY: model.spec.to_json(), NAME_KEY: model.name, FORMAT_KEY: kind.format}
    helper.set_model_props(proto, metadata)
    return proto


def _declare(table: Mapping[str, Value]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, _TYPES[value.kind], value.shape) for name, value in table.items()]
