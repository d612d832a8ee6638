from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from exporters.__main__ import main as export
from livewave.render.modelfile import load_model
from livewave.render.wavenet import WaveNetSpec, check_weights
from tests.training.nursery import ROOT, Nursery
from tests.training.test_config import NAMES
from tests.training.tiny_data import CONFIGS, SMALL, command, prepare, sines, tiny_config, tiny_data
from training.train import main
from training.wavenet import WaveNet


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("tiny") / "data")


@pytest.fixture(scope="module")
def hifi_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("hifi") / "data", 48_000, 400)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def checkpoint(out: Path) -> dict:
    return torch.load(out / "last.pt", weights_only=True)


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def assert_equal(one: object, other: object, where: str = "") -> None:
    """Two trees of tensors, equal to the last bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other)):
            assert_equal(*pair, f"{where}.{index}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


# one run


def test_a_run_lowers_the_loss_and_tells_of_every_report(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(command(data, out, "run.steps=40", "run.decay_steps=10", "run.average=0.8", "run.report_every=5")) == 0
    rows = rows_of(out)
    assert [row["step"] for row in rows] == list(range(5, 41, 5))
    assert rows[-1]["train"] < rows[0]["train"] - 0.1 and rows[-1]["held_out"] < rows[0]["held_out"] - 0.1
    assert [text.split("  ")[0] for text in capsys.readouterr().out.splitlines()] == [f"step {n}/40" for n in range(5, 41, 5)]


def test_a_checkpoint_has_what_the_exporter_needs(data, tmp_path):
    assert main(command(data, tmp_path / "run")) == 0
    state = checkpoint(tmp_path / "run")
    spec = WaveNetSpec.from_json(state["spec"])
    check_weights(spec, {name: tensor.numpy() for name, tensor in state["weights"].items()})
    assert all(isinstance(text, str) for text in state["provenance"].values())
    assert state["provenance"].items() >= {"compass.low": "57", "compass.high": "76", "data.kind": "sines", "licence": "MIT",
                                           "training.steps": "8", "training.heard_s": "1"}.items()
    assert float(state["provenance"]["training.held_out_nats"]) == rows_of(tmp_path / "run")[-1]["held_out"]
    average = WaveNet(spec)
    average.load_state_dict(state["average"])
    for name, array in average.weights().items():
        np.testing.assert_array_equal(state["weights"][name].numpy(), array)


def test_the_seed_decides_a_run(data, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert main(command(data, tmp_path / name, "run.steps=4", f"run.seed={seed}")) == 0
    assert_equal(checkpoint(tmp_path / "a"), checkpoint(tmp_path / "b"))
    with pytest.raises(AssertionError):
        assert_equal(checkpoint(tmp_path / "a")["net"], checkpoint(tmp_path / "c")["net"])


def test_a_run_that_is_over_stays_as_it_is(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(command(data, out)) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert main(command(data, out)) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert "raise run.steps" in capsys.readouterr().out


def test_a_run_can_be_made_longer(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(command(data, out)) == 0
    assert main(command(data, out, "run.steps=12", "data.noise_share=0.25")) == 0
    assert checkpoint(out)["step"] == 12
    told = capsys.readouterr().out
    assert "from step 8 with another configuration: data.noise_share 0.5, now 0.25" in told and "run.steps 8" not in told


# exporting each configuration's net


@pytest.mark.parametrize("name", NAMES)
def test_every_config_trains_and_is_exported(data, hifi_data, tmp_path, name):
    text = (CONFIGS / f"{name}.toml").read_text()
    shrunk = [pair for pair in SMALL if not pair.startswith(("net.dilations", "run.precision")) and
              not (pair.startswith("net.cond") and name == "unconditioned")]
    given = hifi_data if name == "hifi48" else data
    flags = ["--config", str(CONFIGS / f"{name}.toml"), "--data", str(given), "--out", str(tmp_path / "run"), "--threads", "1"]
    sets = [*shrunk, "net.longest=4", "run.samples=960", "run.batch=2"]
    assert "stacks" in text
    assert main(flags + [part for pair in sets for part in ("--set", pair)]) == 0
    assert export([str(tmp_path / "run" / "last.pt"), str(tmp_path / f"{name}.onnx")]) == 0
    model = load_model(tmp_path / f"{name}.onnx")
    assert model.provenance["training.steps"] == "8" and model.spec.residual_channels == 8


def test_a_net_of_logistics_learns(hifi_data, tmp_path):
    config = CONFIGS / "hifi48.toml"
    sets = ("net.input_kernel=8", "net.longest=4", "run.steps=60", "run.decay_steps=10", "run.samples=960", "run.average=0.8",
            "run.report_every=10")
    kept = [pair for pair in SMALL if not pair.startswith("net.dilations")]
    shrunk = [text for pair in (*kept, *sets) for text in ("--set", pair)]
    assert main(["--config", str(config), "--data", str(hifi_data), "--out", str(tmp_path / "run"), "--threads", "1", *shrunk]) == 0
    rows = rows_of(tmp_path / "run")
    assert rows[-1]["held_out"] < rows[0]["held_out"] - 0.5


# starting from another model


def test_a_warm_start_begins_where_the_other_run_ended(data, tmp_path, capsys):
    assert main(command(data, tmp_path / "first", "run.steps=40", "run.average=0.8")) == 0
    learnt = rows_of(tmp_path / "first")[-1]["held_out"]
    assert export([str(tmp_path / "first" / "last.pt"), str(tmp_path / "first.onnx")]) == 0
    held_out = {}
    for name, start in (("checkpoint", tmp_path / "first" / "last.pt"), ("file", tmp_path / "first.onnx")):
        few = ("run.steps=1", "run.decay_steps=1", "run.muon_rate=1e-6", "run.adam_rate=1e-6")
        assert main(command(data, tmp_path / name, *few, flags=("--from", str(start)))) == 0
        held_out[name] = rows_of(tmp_path / name)[0]["held_out"]
        assert checkpoint(tmp_path / name)["step"] == 1
        provenance = checkpoint(tmp_path / name)["provenance"]
        assert provenance["training.from"] == "first, 3 s of seeds" and provenance["training.heard_before_s"] == "3"
        assert provenance["from.licence"] == "MIT"
    assert held_out["checkpoint"] == pytest.approx(learnt, abs=1e-3)
    assert held_out["file"] == pytest.approx(learnt, abs=1e-3)
    assert capsys.readouterr().out.count("starting from the weights of first") == 2


def test_a_warm_start_that_was_killed_goes_on_and_remembers_its_origin(data, tmp_path):
    assert main(command(data, tmp_path / "first")) == 0
    start = ("--from", str(tmp_path / "first" / "last.pt"))
    assert main(command(data, tmp_path / "second", "run.steps=4", flags=start)) == 0
    assert main(command(data, tmp_path / "second", flags=start)) == 0
    state = checkpoint(tmp_path / "second")
    assert state["step"] == 8 and state["provenance"]["training.from"] == "first, 1 s of seeds"
    third = ("--from", str(tmp_path / "second" / "last.pt"))
    assert main(command(data, tmp_path / "third", flags=third)) == 0
    provenance = checkpoint(tmp_path / "third")["provenance"]
    assert provenance["training.from"] == "second, 1 s of seeds; first, 1 s of seeds"
    assert provenance["training.heard_before_s"] == "2" and provenance["from.licence"] == "MIT"


# killed, full disk


def test_a_run_killed_at_random_moments_ends_equal_to_the_last_bit(data, tmp_path, nursery):
    sets = ("run.steps=60", "run.decay_steps=30", "run.save_every=3", "run.report_every=5", "run.precision=bfloat16")
    began = time.monotonic()
    assert nursery.run(command(data, tmp_path / "whole", *sets), tmp_path / "told") == 0, (tmp_path / "told").read_text()
    took_s, rng, killed_at = time.monotonic() - began, random.Random(4), []
    killed = command(data, tmp_path / "killed", *sets)
    while len(killed_at) < 6 and nursery.run(killed, tmp_path / "told", rng.uniform(0.2, 0.8) * took_s) != 0:
        there = tmp_path / "killed" / "last.pt"
        killed_at.append(checkpoint(tmp_path / "killed")["step"] if there.exists() else 0)
    assert nursery.run(killed, tmp_path / "told") == 0, (tmp_path / "told").read_text()
    assert any(0 < step < 60 for step in killed_at), killed_at
    assert_equal(checkpoint(tmp_path / "killed"), checkpoint(tmp_path / "whole"))
    assert [row["step"] for row in rows_of(tmp_path / "killed")] == [row["step"] for row in rows_of(tmp_path / "whole")]
    assert [row["held_out"] for row in rows_of(tmp_path / "killed")] == [row["held_out"] for row in rows_of(tmp_path / "whole")]


def test_a_disk_that_is_full_is_one_clear_line_and_the_last_checkpoint_stays(data, tmp_path, nursery):
    out = tmp_path / "run"
    assert main(command(data, out, "run.steps=4")) == 0
    before = (out / "last.pt").read_bytes()
    assert nursery.run(command(data, out), tmp_path / "told", limit_bytes=len(before) // 2) == 1
    told = (tmp_path / "told").read_text().splitlines()
    assert told[-1].startswith("error: cannot write the ") and "at step 8 (File too large)" in told[-1]
    assert "the checkpoint of step 4 is whole: make room, and the same command goes on from it" in told[-1]
    assert not any("Traceback" in line for line in told)
    assert (out / "last.pt").read_bytes() == before and not list(out.glob("*.part"))
    assert main(command(data, out)) == 0
    assert checkpoint(out)["step"] == 8


def test_a_disk_that_is_full_while_figures_are_told_is_one_line_too(data, tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.board.Board.tell", full)
    told = error_of(capsys, command(data, tmp_path / "run"))
    assert f"{tmp_path / 'run'}: No space left on device" in told and "goes on from the last checkpoint" in told


# several processes


def test_two_processes_train_as_one_and_hear_different_crops(data, tmp_path):
    sets = ("run.batch=4", "run.steps=6", "run.decay_steps=2")
    assert main(command(data, tmp_path / "one", *sets)) == 0
    subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
                    "tests.training.two_processes", *command(data, tmp_path / "two", *sets)], cwd=ROOT, check=True, capture_output=True)
    first, second = (torch.load(tmp_path / "two" / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert (first["rank"], second["rank"], first["processes"]) == (0, 1, 2)
    assert not torch.equal(first["heard"], second["heard"])
    for key in ("train", "held_out", "net", "average"):
        assert_equal(first[key], second[key], key)
    alone = checkpoint(tmp_path / "one")
    for name, value in alone["net"].items():  # Muon rounds its updates of 0.006 to 8 bits
        torch.testing.assert_close(first["net"][name], value, rtol=0, atol=2e-3, msg=name)
    assert first["train"] == pytest.approx([row["train"] for row in rows_of(tmp_path / "one")], abs=1e-3)


# what cannot be run is one line


def error_of(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.startswith("error: ")
    return told


def test_a_run_that_cannot_start_says_why_and_what_to_do(data, hifi_data, tmp_path, capsys):
    assert "training.prepare" in error_of(capsys, command(tmp_path, tmp_path / "run", config=tiny_config(tmp_path)))
    assert "prepared at 48000 Hz, and [net] model_rate_hz is 16000" in error_of(capsys, command(hifi_data, tmp_path / "run"))
    assert "batch" in error_of(capsys, command(data, tmp_path / "run", "run.batch=0"))
    assert "finds no GPU" in error_of(capsys, [*command(data, tmp_path / "run"), "--accelerator", "cuda"]) or torch.cuda.is_available()
    assert "--devices is 1000" in error_of(capsys, [*command(data, tmp_path / "run"), "--devices", "1000"])
    assert "--threads is 0" in error_of(capsys, [*command(data, tmp_path / "run"), "--threads", "0"])
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_net_or_a_broken_one_is_refused(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(command(data, out)) == 0
    capsys.readouterr()
    assert "residual_channels 8, now 9" in error_of(capsys, command(data, out, "net.residual_channels=9"))
    kept = checkpoint(out)
    torch.save(kept | {"spec": "{}"}, out / "last.pt")
    assert "a net that this version does not know" in error_of(capsys, command(data, out))
    torch.save(kept, out / "last.pt")
    (out / "last.pt").write_bytes((out / "last.pt").read_bytes()[:3_000])
    assert "cut short" in error_of(capsys, command(data, out))


def test_a_run_that_began_on_other_data_is_not_continued(data, tmp_path, capsys):
    assert main(command(data, tmp_path / "run")) == 0
    other = tiny_data(tmp_path / "other")
    about = json.loads((other / "prepared.json").read_text())
    about["provenance"]["licence"] = "for listening only"
    (other / "prepared.json").write_text(json.dumps(about))
    capsys.readouterr()
    told = error_of(capsys, command(other, tmp_path / "run", "run.steps=12"))
    assert "other data (licence MIT, now for listening only)" in told and "--from" in told


def test_a_net_of_logistics_refuses_mu_law_data(tmp_path, capsys):
    kept = tiny_data(tmp_path / "data")
    about = json.loads((kept / "prepared.json").read_text()) | {"encoding": "mulaw"}
    (kept / "prepared.json").write_text(json.dumps(about))
    told = error_of(capsys, command(kept, tmp_path / "run", "net.output=logistic", "net.class_kernel=0"))
    assert "256 mu-law classes" in told and "--encoding pcm16" in told


def test_a_validation_split_without_pieces_is_named(tmp_path, capsys):
    prepare(tmp_path / "data", [sines(0)] * 2)
    about = json.loads((tmp_path / "data" / "prepared.json").read_text())
    for piece in about["pieces"]:
        piece["split"] = "training"
    (tmp_path / "data" / "prepared.json").write_text(json.dumps(about))
    assert "no held-out piece" in error_of(capsys, command(tmp_path / "data", tmp_path / "run"))


# dry run


def test_a_dry_run_measures_and_writes_nothing(data, tmp_path, capsys):
    arguments = command(data, tmp_path / "run", flags=("--dry-run",))  # writes its configuration
    before = sorted(data.parent.rglob("*"))
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert [text.split()[0] for text in told.splitlines()] == ["net", "memory", "speed", "run"]
    parameters = sum(value.numel() for value in WaveNet(WaveNetSpec(
        residual_channels=8, skip_channels=8, out_channels=8, cond_channels=4, dilations=(1, 2, 4, 8), input_kernel=4,
        hint="f0")).parameters())
    assert f"{parameters:,} parameters" in told
    assert not (tmp_path / "run").exists() and sorted(data.parent.rglob("*")) == before


def test_a_dry_run_needs_no_data(capsys):
    shrunk = [pair for pair in SMALL if not pair.startswith("net.dilations")]
    flags = [text for pair in (*shrunk, "net.longest=4") for text in ("--set", pair)]
    assert main(["--config", str(CONFIGS / "small.toml"), "--dry-run", "--threads", "1", *flags]) == 0
    assert "s of audio a second" in capsys.readouterr().out


def test_a_run_without_data_or_out_is_a_wrong_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(CONFIGS / "small.toml")])
    assert ended.value.code == 2 and "--data and --out" in capsys.readouterr().err
