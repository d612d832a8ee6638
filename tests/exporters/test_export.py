"""An export writes a verified file and its card, or leaves everything as it was and says why in one line."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import exporters.export
from exporters.__main__ import main
from exporters.export import PARITY_TOLERANCE, ExportError, export
from livewave.render.modelfile import load_model
from livewave.render.wavenet import WaveNetSpec, random_weights
from training.wavenet import WaveNet

SPEC = WaveNetSpec(residual_channels=6, skip_channels=10, out_channels=8, cond_channels=3, dilations=(1, 2, 4, 8),
                   hint="f0")
PROVENANCE = {"data": "seeded noise", "licence": "MIT", "steps": "0"}


def state(spec: WaveNetSpec = SPEC) -> dict:
    torch.manual_seed(0)
    weights = {name: torch.from_numpy(array) for name, array in WaveNet(spec).weights().items()}
    return {"spec": spec.to_json(), "weights": weights, "provenance": dict(PROVENANCE)}


def saved(folder, content: object):
    path = folder / "checkpoint.pt"
    torch.save(content, path)
    return path


def test_exported_file_holds_the_checkpoint_and_agrees_with_pytorch(tmp_path):
    exported = export(saved(tmp_path, state()), tmp_path / "flute.onnx")
    model = load_model(tmp_path / "flute.onnx")
    assert (model.spec, model.name, model.provenance) == (SPEC, "flute", PROVENANCE)
    for name, tensor in state()["weights"].items():
        np.testing.assert_array_equal(model.weights[name], tensor.numpy())
    assert exported.difference < PARITY_TOLERANCE


def test_what_is_said_about_a_model_wins_over_what_training_recorded(tmp_path):
    said = {"about": "a whistle", "steps": "7", "licence": "MIT; trained on noise"}
    model = export(saved(tmp_path, state()), tmp_path / "whistle.onnx", about=said).model
    assert model.provenance == PROVENANCE | said and list(model.provenance)[0] == "about"


def test_a_model_cannot_have_another_licence_than_its_data(tmp_path):
    with pytest.raises(ExportError, match="licence is 'MIT' and the one given 'CC0'"):
        export(saved(tmp_path, state()), tmp_path / "whistle.onnx", about={"licence": "CC0"})
    assert not (tmp_path / "whistle.onnx").exists()


@pytest.mark.parametrize("changes", [
    {"hint": "none", "cond_channels": 0}, {"class_kernel": 2, "input_kernel": 0}, {"class_kernel": 0},
    {"output": "logistic", "class_kernel": 0}, {"roll_encoding": "velocity", "roll_kernel": 3}, {"dilations": (5,)},
], ids=str)
def test_every_kind_of_net_passes_the_comparison_with_pytorch(tmp_path, changes):
    exported = export(saved(tmp_path, state(dataclasses.replace(SPEC, **changes))), tmp_path / "net.onnx")
    assert exported.difference < PARITY_TOLERANCE


def test_a_net_that_is_very_sure_is_compared_in_proportion(tmp_path):
    sure = state()
    sure["weights"]["logits"] = 3_000.0 * sure["weights"]["logits"]  # float32 keeps seven digits of logits in the thousands
    assert export(saved(tmp_path, sure), tmp_path / "sure.onnx").difference < PARITY_TOLERANCE


def test_card_sorts_what_is_known_into_chapters(tmp_path):
    known = state() | {"provenance": {"licence": "MIT", "data.pieces": "3", "training.steps": "9", "score.seeds": "5",
                                      "score.misses": "a is 1, 2 off; b is 3, 4 off"}}
    card = export(saved(tmp_path, known), tmp_path / "net.onnx").card.read_text()
    chapters = ["## Where it came from", "## Data", "## Training", "## Scores", "## The net"]
    assert [line for line in card.splitlines() if line.startswith("## ")] == chapters
    assert "- **seeds**: 5\n- **misses**: \n  - a is 1, 2 off\n  - b is 3, 4 off\n" in card


def test_card_names_the_model_its_data_licence_and_net(tmp_path):
    exported = export(saved(tmp_path, state()), tmp_path / "out.onnx", name="flute")
    card = exported.card.read_text()
    for fact in ("# flute", "seeded noise", "MIT", "16000 Hz", "4 layers", "PyTorch"):
        assert fact in card


def test_command_line_writes_the_file_and_returns_zero(tmp_path, capsys):
    assert main([str(saved(tmp_path, state())), str(tmp_path / "a.onnx"), "--name", "solo"]) == 0
    assert load_model(tmp_path / "a.onnx").name == "solo"
    assert "differs from PyTorch" in capsys.readouterr().out


@pytest.mark.parametrize("weight", ["past", "condition_kernel", "hint", "input_classes", "logits_bias"])
def test_graph_that_disagrees_with_pytorch_is_refused_and_leaves_no_file(tmp_path, monkeypatch, weight):
    build = exporters.export.build_model

    def build_wrong(model):
        weights = {name: array.copy() for name, array in model.weights.items()}
        weights[weight] += 0.05
        return build(dataclasses.replace(model, weights=weights))

    monkeypatch.setattr(exporters.export, "build_model", build_wrong)
    checkpoint = saved(tmp_path, state())
    with pytest.raises(ExportError, match="differs from PyTorch"):
        export(checkpoint, tmp_path / "wrong.onnx")
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_failed_export_leaves_the_old_file_untouched(tmp_path, monkeypatch):
    out = tmp_path / "flute.onnx"
    export(saved(tmp_path, state()), out)
    before, card = out.read_bytes(), out.with_suffix(".md").read_bytes()
    monkeypatch.setattr(exporters.export, "parity_error", lambda trained, written: float("nan"))
    with pytest.raises(ExportError):
        export(saved(tmp_path, state()), out)
    assert (out.read_bytes(), out.with_suffix(".md").read_bytes()) == (before, card)


def broken(**changes) -> dict:
    return {key: value for key, value in (state() | changes).items() if value is not None}


BAD = {
    "no spec": broken(spec=None),
    "no weights": broken(weights=None),
    "no provenance": broken(provenance=None),
    "not a dict": [1, 2, 3],
    "spec is not JSON": broken(spec="{"),
    "spec is no text": broken(spec=7),
    "weights are no tensors": broken(weights={"past": 1.0}),
    "weights are numbered": broken(weights={0: torch.zeros(1)}),
    "a weight is missing": broken(weights={"past": torch.zeros(4, 6, 12)}),
    "half precision": broken(weights={name: value.bfloat16() for name, value in state()["weights"].items()}),
    "not finite": broken(weights=state()["weights"] | {"logits_bias": torch.full((256,), float("nan"))}),
    "residual bias": broken(weights=state()["weights"] | {"residual_bias": torch.ones(3, 6)}),
    "provenance is no text": broken(provenance={"loss": 1.5}),
    "provenance of two lines": broken(provenance={"data": "a\nb"}),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_bad_checkpoint_is_one_clear_line_and_exit_code_one(tmp_path, capsys, content):
    checkpoint = saved(tmp_path, content)
    assert main([str(checkpoint), str(tmp_path / "out.onnx")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ")
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.parametrize("length", [0, 1, 100, 5_000, -1])
def test_truncated_checkpoint_is_one_clear_line(tmp_path, capsys, length):
    checkpoint = saved(tmp_path, state())
    checkpoint.write_bytes(checkpoint.read_bytes()[:length])
    assert main([str(checkpoint), str(tmp_path / "out.onnx")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


class _Call:
    """Pickles as a call that writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "trap"
    checkpoint = saved(tmp_path, broken(provenance=_Call(str(trap))))
    with pytest.raises(ExportError, match="not a checkpoint"):
        export(checkpoint, tmp_path / "out.onnx")
    assert not trap.exists()


@pytest.mark.parametrize("out", ["out.bin", "missing/out.onnx"])
def test_unusable_output_is_refused_before_any_work(tmp_path, out):
    with pytest.raises(ExportError, match="ending in .onnx in a folder that exists"):
        export(tmp_path / "no checkpoint is read", tmp_path / out)


def test_random_weights_are_refused_where_pytorch_cannot_hold_them(tmp_path):
    weights = {name: torch.from_numpy(array) for name, array in random_weights(SPEC).items()}
    with pytest.raises(ExportError, match="residual_bias"):
        export(saved(tmp_path, broken(weights=weights)), tmp_path / "out.onnx")
