from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from livewave.music.biaxial import NOTES
from training.notes.pieces import Piece, save_pieces
from training.notes.train import main, rate_factor

CONFIG = """
[net]
time_units = [12]
note_units = [8]
[run]
steps = 12
batch = 2
length = 16
dropout = 0.3
report_every = 6
save_every = 3
"""


def scales() -> list[Piece]:
    """Up and down a scale, from another note each."""
    found = []
    for n in range(12):
        rows = np.zeros((48, NOTES, 3), np.uint8)
        for step in range(48):
            note = 20 + n + (0, 2, 4, 5, 7, 9, 11, 12)[min(step % 14, 14 - step % 14)]
            rows[step, note] = (1, 1, 90)
        found.append(Piece(f"scale{n}", "scales", rows, np.arange(48, dtype=np.uint8) % 16))
    return found


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, list[str]]:
    save_pieces(tmp_path / "data", scales(), {"data.kind": "notes", "licence": "ours"}, {})
    (tmp_path / "net.toml").write_text(CONFIG)
    return tmp_path, ["--config", str(tmp_path / "net.toml"), "--data", str(tmp_path / "data"), "--threads", "1"]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "last.pt", weights_only=True)["weights"]


def test_a_run_that_was_cut_ends_as_one_that_was_not(given: tuple[Path, list[str]]):
    folder, flags = given
    assert main([*flags, "--out", str(folder / "whole")]) == 0
    cut = [*flags, "--out", str(folder / "cut")]
    interrupted = torch.optim.Adam.step
    calls = {"n": 0}

    def killed(self, *args, **kwargs):
        calls["n"] += 1
        if calls["n"] == 8:
            raise KeyboardInterrupt
        return interrupted(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", killed)
        assert main(cut) == 1
    assert torch.load(folder / "cut" / "last.pt", weights_only=True)["step"] == 6
    assert main(cut) == 0
    for name, value in weights(folder / "whole").items():
        torch.testing.assert_close(weights(folder / "cut")[name], value, rtol=0, atol=0)


def test_the_loss_falls_below_both_baselines_on_what_repeats(given: tuple[Path, list[str]]):
    folder, flags = given
    assert main([*flags, "--out", str(folder / "run"), "--set", "run.steps=150", "run.report_every=150", "run.dropout=0.0",
                 "run.rate=0.01"]) == 0
    scores = {name: float(text) for name, text in torch.load(folder / "run" / "last.pt", weights_only=True)["provenance"].items()
              if name.startswith("score.")}
    assert scores["score.nats"] < min(scores["score.baseline.marginal"], scores["score.baseline.repeat_last"])
    assert scores["score.nats.scales"] == scores["score.nats"]


def test_a_checkpoint_carries_what_the_model_file_must_tell(given: tuple[Path, list[str]]):
    folder, flags = given
    assert main([*flags, "--out", str(folder / "run")]) == 0
    state = torch.load(folder / "run" / "last.pt", weights_only=True)
    assert state["kind"] == "biaxial"
    assert json.loads(state["spec"])["time_units"] == [12]
    assert state["provenance"]["licence"] == "ours"
    assert state["provenance"]["training.sixteenths"] == str(12 * 2 * 16)
    assert len((folder / "run" / "log.jsonl").read_text().splitlines()) == 2


def test_bad_input_is_one_clear_line(given: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]):
    folder, flags = given
    out = ["--out", str(folder / "run")]
    assert main([*flags, *out, "--set", "run.dropout=2"]) == 1
    assert "dropout is 2" in capsys.readouterr().err
    assert main([*flags, *out, "--set", "net.time_units=[0]"]) == 1
    assert "time_units" in capsys.readouterr().err
    assert main([*flags[:2], "--data", str(folder), *out]) == 1
    assert "training.notes.prepare" in capsys.readouterr().err
    assert main([*flags, *out]) == 0
    assert main([*flags, *out, "--set", "net.time_units=[9]", "run.steps=20"]) == 1
    assert "another shape" in capsys.readouterr().err


def test_the_rate_rises_then_falls_to_nothing():
    factors = [rate_factor(step, 1_000, 100) for step in range(1_001)]
    assert factors[0] == pytest.approx(0.01)
    assert max(factors) == pytest.approx(factors[99], abs=0.03)
    assert factors[-1] == pytest.approx(0.0)
