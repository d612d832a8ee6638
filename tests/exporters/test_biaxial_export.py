"""A biaxial checkpoint becomes a verified continuation model and its card, or nothing, and one line says why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import exporters.biaxialgraph
import exporters.export
from exporters.__main__ import main
from exporters.export import PARITY_TOLERANCE, ExportError, export
from livewave.music.biaxial import BiaxialSpec
from livewave.music.biaxialfile import load_biaxial
from livewave.music.composer import Composer
from training.biaxial import Biaxial

SPEC = BiaxialSpec((9, 8), (7, 6))
PROVENANCE = {"licence": "CC0-1.0", "data": "seeded noise", "data.pieces": "3", "training.steps": "0",
              "score.nats": "4.2", "score.baseline.marginal": "9.1", "score.baseline.repeat_last": "6.3"}


def state(spec: BiaxialSpec = SPEC, factor: float = 1.0) -> dict:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = {name: factor * value for name, value in Biaxial(spec).state_dict().items()}
    return {"kind": "biaxial", "spec": spec.to_json(), "weights": weights, "provenance": dict(PROVENANCE), "step": 7}


def saved(folder: Path, content: object) -> Path:
    path = folder / "checkpoint.pt"
    torch.save(content, path)
    return path


def test_exported_file_holds_the_net_and_agrees_with_pytorch(tmp_path):
    exported = export(saved(tmp_path, state()), tmp_path / "verse.onnx")
    model = load_biaxial(tmp_path / "verse.onnx")
    assert (model.spec, model.name, model.provenance) == (SPEC, "verse", PROVENANCE)
    assert exported.difference < 1e-5
    assert sum(array.size for array in model.weights.values()) == sum(
        value.numel() for value in state()["weights"].values()) - 4 * 7  # two biases of one LSTM became one
    Composer(model)


@pytest.mark.parametrize("spec", [
    dataclasses.replace(SPEC, velocity=True), BiaxialSpec((3,), (2,)),
    BiaxialSpec((2, 3, 4, 5), (3, 4, 5, 6), velocity=True),
], ids=str)
def test_every_shape_passes_the_comparison_with_pytorch(tmp_path, spec):
    assert export(saved(tmp_path, state(spec)), tmp_path / "net.onnx").difference < 1e-5


def test_a_net_that_is_very_sure_passes_too(tmp_path):
    assert export(saved(tmp_path, state(factor=8.0)), tmp_path / "sure.onnx").difference < PARITY_TOLERANCE


def test_the_card_sets_the_scores_beside_the_baselines(tmp_path):
    card = export(saved(tmp_path, state()), tmp_path / "verse.onnx", about={"about": "chorales"}).card.read_text()
    chapters = ["## Where it came from", "## Data", "## Training", "## Scores", "## The net"]
    assert [line for line in card.splitlines() if line.startswith("## ")] == chapters
    assert "- **nats**: 4.2\n- **baseline.marginal**: 9.1\n- **baseline.repeat_last**: 6.3\n" in card
    for fact in ("# verse", "**about**: chorales", "CC0-1.0", "notes 24..101", "9, 8 units along time",
                 "7, 6 along the notes", "PyTorch"):
        assert fact in card


def test_what_is_said_wins_but_for_the_datas_licence(tmp_path):
    said = {"training.steps": "many", "licence": "CC0-1.0; made by hand"}
    assert export(saved(tmp_path, state()), tmp_path / "verse.onnx", about=said).model.provenance == PROVENANCE | said
    with pytest.raises(ExportError, match="licence is 'CC0-1.0' and the one given 'MIT'"):
        export(saved(tmp_path, state()), tmp_path / "other.onnx", about={"licence": "MIT"})
    assert not (tmp_path / "other.onnx").exists()


def test_command_line_tells_the_kinds_of_checkpoints_apart(tmp_path, capsys):
    assert main([str(saved(tmp_path, state())), str(tmp_path / "a.onnx"), "--name", "verse"]) == 0
    assert load_biaxial(tmp_path / "a.onnx").name == "verse"
    assert "64 steps with PyTorch" in capsys.readouterr().out


WEIGHTS = ["time_input_0", "time_recurrent_1", "time_bias_0", "time_out", "time_out_bias", "note_input_0",
           "note_recurrent_0", "note_input_1", "note_bias_1", "note_out", "note_out_bias"]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_graph_that_disagrees_with_pytorch_is_refused_and_leaves_no_file(tmp_path, monkeypatch, weight):
    build = exporters.export.build_biaxial

    def build_wrong(model):
        changed = model.weights[weight] + np.float32(0.1)
        return build(dataclasses.replace(model, weights=model.weights | {weight: changed}))

    monkeypatch.setattr(exporters.export, "build_biaxial", build_wrong)
    checkpoint = saved(tmp_path, state(factor=2.0))
    with pytest.raises(ExportError, match="differs from PyTorch"):
        export(checkpoint, tmp_path / "wrong.onnx")
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_gates_in_the_wrong_order_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporters.biaxialgraph, "_GATES", [0, 1, 2, 3])
    with pytest.raises(ExportError, match="differs from PyTorch"):
        export(saved(tmp_path, state()), tmp_path / "wrong.onnx")


def broken(**changes: object) -> dict:
    return {key: value for key, value in (state() | changes).items() if value is not None}


BAD = {
    "no spec": (broken(spec=None), "has no spec"),
    "no weights": (broken(weights=None), "has no weights"),
    "no provenance": (broken(provenance=None), "has no provenance"),
    "another kind": (broken(kind="transformer"), "kind is 'transformer'"),
    "a kind that is no text": (broken(kind=7), "kind is 7"),
    "no kind": (broken(kind=None), "exactly the fields"),
    "spec is not JSON": (broken(spec="{"), "error"),
    "spec is a JSON bomb": (broken(spec="[" * 100_000), "error"),
    "spec of another net": (broken(spec=BiaxialSpec((9, 8), (7, 5)).to_json()), "of another shape ['note.1"),
    "a weight is missing": (broken(weights={"out.bias": torch.zeros(2)}), "missing"),
    "a weight more": (broken(weights=state()["weights"] | {"extra": torch.zeros(2)}), "not expected ['extra']"),
    "half precision": (broken(weights={name: value.half() for name, value in state()["weights"].items()}), "float32"),
    "not finite": (broken(weights=state()["weights"] | {"out.bias": torch.tensor([0.0, float("nan")])}), "not finite"),
    "huge": (broken(weights=state()["weights"] | {"out.bias": torch.tensor([0.0, 1e9])}), "beyond 1e"),
    "provenance is no text": (broken(provenance={"loss": 1.5}), "provenance loss"),
    "provenance of two lines": (broken(provenance={"data": "a\nb"}), "printable"),
}


@pytest.mark.parametrize("content, message", BAD.values(), ids=BAD.keys())
def test_bad_checkpoint_is_one_clear_line_and_exit_code_one(tmp_path, capsys, content, message):
    checkpoint = saved(tmp_path, content)
    assert main([str(checkpoint), str(tmp_path / "out.onnx")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_nan_that_reaches_the_comparison_is_refused_and_leaves_the_old_file(tmp_path, monkeypatch):
    out = tmp_path / "verse.onnx"
    export(saved(tmp_path, state()), out)
    before, card = out.read_bytes(), out.with_suffix(".md").read_bytes()
    monkeypatch.setattr(exporters.export, "biaxial_parity_error", lambda trained, written: float("nan"))
    with pytest.raises(ExportError):
        export(saved(tmp_path, state()), out)
    assert (out.read_bytes(), out.with_suffix(".md").read_bytes()) == (before, card)
