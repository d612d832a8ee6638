"""The biaxial LSTM as a model file, its weights out of PyTorch's, and how far the file is from PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import torch
from onnx import helper
from torch import nn

from exporters.protofile import make_file
from livewave.music.biaxial import NOTES, BiaxialSpec, features
from livewave.music.biaxialfile import AXES, BiaxialModel, Weights, graph_of
from livewave.music.composer import Composer
from livewave.onnxfile.graph import Node
from livewave.onnxfile.kinds import BIAXIAL
from training.biaxial import Biaxial, chosen_of

PARITY_STEPS = 64
_GATES = [0, 3, 1, 2]  # PyTorch has input, forget, cell, output one below the other; ONNX input, output, forget, cell


@dataclass(frozen=True)
class TrainedBiaxial(BiaxialModel):
    """A model together with the net that PyTorch holds."""

    net: Biaxial = field(kw_only=True, repr=False, compare=False)


def from_pytorch(spec: BiaxialSpec, table: Mapping[str, np.ndarray], name: str,
                 provenance: dict[str, str]) -> TrainedBiaxial:
    """The model of a net's `state_dict`. Raises ValueError where the arrays are not those of `spec`."""
    net = Biaxial(spec)
    expected = {key: list(value.shape) for key, value in net.state_dict().items()}
    if {key: list(array.shape) for key, array in table.items()} != expected:
        missing, extra = sorted(set(expected) - set(table)), sorted(set(table) - set(expected))
        odd = sorted(key for key in set(expected) & set(table) if expected[key] != list(table[key].shape))
        raise ValueError(f"weights do not fit the spec: missing {missing}, not expected {extra}, "
                         f"of another shape {odd}")
    net.load_state_dict({key: torch.from_numpy(array) for key, array in table.items()})
    return TrainedBiaxial(spec, _weights(net), name, provenance, net=net.eval())


def build_biaxial(model: BiaxialModel) -> onnx.ModelProto:
    """The model file of `model`, in memory. Its weights must fit its spec (`check_weights`)."""
    time, note = (graph_of(model.spec, axis) for axis in AXES)
    return make_file(BIAXIAL, model, "biaxial_step", [_proto(node) for node in (*time.nodes, *note.nodes)],
                     time.inputs | note.inputs, time.outputs | note.outputs,
                     {name: model.weights[name] for name in time.weights | note.weights})


def biaxial_parity_error(trained: TrainedBiaxial, written: BiaxialModel) -> float:
    """The largest difference between logits of PyTorch on `trained` and of a composer on `written`, on the same notes."""
    rows, positions = _phrase()
    return float(np.abs(composed(written, rows, positions) - forced(trained.net, rows, positions)).max())


def forced(net: Biaxial, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """float32 [steps, 78, 2 or 3]: PyTorch's logits of each step, when `rows` are what was chosen.

    rows       uint8 [steps, 78, 3]  before the first of them nothing sounded
    positions  integer [steps]       the place of each in its bar
    """
    before = np.concatenate((np.zeros_like(rows[:1]), rows[:-1]))
    shown = torch.from_numpy(features(before, positions, net.spec.velocity))
    with torch.inference_mode():
        logits, _ = net(shown[:, None], chosen_of(torch.from_numpy(rows), net.spec)[:, None])
    return logits[:, 0].numpy()


def composed(model: BiaxialModel, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The same of the model file, by the executor that plays it."""
    composer, found = Composer(model), np.zeros((len(rows), NOTES, model.spec.choices), np.float32)

    def choose(note: int, logits: np.ndarray) -> np.ndarray:
        found[step, note] = logits
        return rows[step, note]

    for step in range(len(rows)):
        composer.advance(rows[step - 1] if step else np.zeros_like(rows[0]), int(positions[step]))
        composer.compose(choose)
    return found


def _phrase() -> tuple[np.ndarray, np.ndarray]:
    """Seeded rows, with rests and full chords, in bars of every length."""
    rng = np.random.default_rng(0)
    rows = np.zeros((PARITY_STEPS, NOTES, 3), np.uint8)
    play = rng.random((PARITY_STEPS, NOTES)) < rng.choice([0.0, 0.05, 0.3, 1.0], (PARITY_STEPS, 1))
    rows[..., 0], rows[..., 1] = play, play & (rng.random(play.shape) < 0.5)
    rows[..., 2] = rng.integers(1, 128, play.shape) * play
    return rows, rng.integers(0, 16, PARITY_STEPS)


def _weights(net: Biaxial) -> Weights:
    """Those of the file. Of the first layer along the notes, what reads a note's past stands along time."""
    weights: Weights = {}
    for axis, layers in (("time", net.time), ("note", net.note)):
        for k, lstm in enumerate(layers):
            matrix, recurrent = _gates(lstm.weight_ih_l0), _gates(lstm.weight_hh_l0)
            bias = np.concatenate((_gates(lstm.bias_ih_l0), _gates(lstm.bias_hh_l0)))
            weights |= {f"{axis}_input_{k}": matrix[None], f"{axis}_recurrent_{k}": recurrent[None],
                        f"{axis}_bias_{k}": bias[None]}
    first, bias, past = weights.pop("note_input_0"), weights.pop("note_bias_0"), net.spec.time_units[-1]
    return weights | {"note_input_0": first[:, :, past:], "time_out": first[0, :, :past].T,
                      "time_out_bias": bias[0].reshape(2, -1).sum(0),
                      "note_out": net.out.weight.detach().numpy().T, "note_out_bias": net.out.bias.detach().numpy()}


def _gates(part: nn.Parameter) -> np.ndarray:
    """The rows of each gate, in ONNX's order."""
    array = part.detach().numpy()
    return array.reshape(4, len(array) // 4, *array.shape[1:])[_GATES].reshape(array.shape)


def _proto(node: Node) -> onnx.NodeProto:
    return helper.make_node(node.op, list(node.inputs), list(node.outputs), **node.attributes)
