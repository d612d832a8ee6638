from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from exporters.biaxialgraph import build_biaxial, from_pytorch
from livewave.music.biaxial import NOTES, BiaxialSpec
from livewave.music.biaxialfile import load_biaxial
from livewave.music.composer import Composer
from training.biaxial import Biaxial
from training.notes.evaluate import COMPOSED_STEPS, TOLD_STEPS, carry_on, main
from training.notes.pieces import Piece, save_pieces

TINY = BiaxialSpec(time_units=(6,), note_units=(4,))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    weights = {name: value.numpy() for name, value in Biaxial(TINY).state_dict().items()}
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(build_biaxial(from_pytorch(TINY, weights, "tiny", {})).SerializeToString())
    return path


def scale(name: str = "a", steps: int = TOLD_STEPS + COMPOSED_STEPS) -> Piece:
    rows = np.zeros((steps, NOTES, 3), np.uint8)
    for step in range(steps):
        rows[step, 36 + (0, 2, 4, 5, 7, 9, 11, 12)[step // 2 % 8]] = (1, step % 2 == 0, 90)
    return Piece(name, "scales", rows, np.arange(steps, dtype=np.uint8) % 16)


def test_what_is_composed_follows_from_piece_and_seed(model: Path):
    composer = Composer(load_biaxial(str(model)))
    first, again, other = (carry_on(composer, scale(), seed, 1.0) for seed in (1, 1, 2))
    assert first.shape == (COMPOSED_STEPS, NOTES, 3)
    assert (first == again).all()
    assert (first != other).any()
    assert (first[..., 1] <= first[..., 0]).all()


def test_scores_stand_beside_what_is_written(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    save_pieces(tmp_path, [scale("a"), scale("b")], {}, {})
    assert main([str(model), "--data", str(tmp_path), "--seeds", "1"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["score.composed.scales.in_key"].endswith("(written 1)")
    assert scores["score.composed.scales.onsets"].endswith("(written 0.5)")
    assert 0.0 <= float(scores["score.composed.scales.in_key"].split()[0]) <= 1.0


def test_short_pieces_and_absent_models_are_one_clear_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    save_pieces(tmp_path, [scale("a", 40), scale("b", 40)], {}, {})
    assert main([str(model), "--data", str(tmp_path)]) == 1
    assert "holds out no piece" in capsys.readouterr().err
    assert main(["nothing-of-this-name", "--data", str(tmp_path)]) == 1
    assert "nothing-of-this-name" in capsys.readouterr().err
