from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import training.train
from livewave import LivewaveError
from livewave.render.wavenet import WaveNetSpec, check_weights, draw
from training.data import FULL_SCALE, Piece, locked_hint
from training.train import Crops, Trainer, load_pieces, logistic_loss, loss_of, main, parse, run, spec_of
from training.wavenet import WaveNet

SPEC = WaveNetSpec(residual_channels=8, skip_channels=8, out_channels=8, cond_channels=4, dilations=(1, 2, 4, 8),
                   input_kernel=4, hint="f0")
PITCHES = (57, 64, 69, 76)
COLUMNS = 400


def a_piece(seed: int) -> Piece:
    """Four sines of 100 ms, one after another, each with its pitch in the roll and 10 ms of rest before it."""
    rng = np.random.default_rng(seed)
    roll, audio = np.zeros((COLUMNS, 128), np.uint8), np.zeros(COLUMNS * 16, np.float32)
    time = np.arange(len(audio)) / SPEC.model_rate_hz
    for part, pitch in enumerate(rng.permutation(PITCHES)):
        first, last = 100 * part + 10, 100 * part + 100
        roll[first:last, pitch] = 90
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        audio[16 * first : 16 * last] = 0.5 * np.sin(2 * np.pi * hz * time + rng.uniform(0, 6))[16 * first : 16 * last]
    audio = np.round(audio * FULL_SCALE).astype(np.float32) / FULL_SCALE
    return Piece(audio, roll, locked_hint(SPEC, audio, roll))


PIECES = [a_piece(seed) for seed in range(3)]


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number, piece in enumerate(PIECES):
        piece.save(folder / f"{number:04d}.npz")
    (folder / "about.json").write_text(json.dumps({"low": 57, "high": 76, "soundfont": "none"}))
    return folder


@pytest.fixture(autouse=True)
def small_nets(monkeypatch):
    """Every run trains SPEC, with a warm-up that fits its length, on one thread: more only wait for each other here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(training.train, "spec_of", lambda args: SPEC)
    monkeypatch.setattr(training.train, "WARMUP_STEPS", 4)
    monkeypatch.setattr(training.train, "VALIDATION_CROPS", 4)
    yield
    torch.set_num_threads(threads)


def arguments(data: Path, out: Path, *flags: str):
    return parse([str(data), str(out), "--steps", "8", "--decay-steps", "4", "--samples", "512", "--warm", "32",
                  "--report-every", "1", "--save-every", "4", "--precision", "float32", *flags])


def trainer_of(spec: WaveNetSpec = SPEC, *flags: str) -> Trainer:
    return Trainer(spec, arguments(Path("data"), Path("out"), *flags))


def trained(trainer: Trainer, steps: int, pieces: list[Piece] = PIECES) -> list[float]:
    crops = Crops(trainer.net, pieces, 512, 32)
    return [trainer.train_step(crops) for _ in range(steps)]


def checkpoint(out: Path) -> dict:
    return torch.load(out / "last.pt", weights_only=True)


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


# runs


def test_a_run_that_was_cut_off_continues_exactly(data, tmp_path):
    list(run(arguments(data, tmp_path / "whole")))
    first_part = run(arguments(data, tmp_path / "parts"))
    for row in first_part:
        if row["step"] == 6:  # the last checkpoint is that of step 4
            break
    first_part.close()
    assert checkpoint(tmp_path / "parts")["step"] == 4
    rows = list(run(arguments(data, tmp_path / "parts")))
    assert [row["step"] for row in rows] == [5, 6, 7, 8]
    assert_equal(checkpoint(tmp_path / "parts"), checkpoint(tmp_path / "whole"))


def test_two_runs_with_one_seed_are_equal_and_another_seed_is_another_run(data, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        list(run(arguments(data, tmp_path / name, "--seed", seed, "--steps", "4")))
    assert_equal(checkpoint(tmp_path / "a"), checkpoint(tmp_path / "b"))
    with pytest.raises(AssertionError):
        assert_equal(checkpoint(tmp_path / "a")["net"], checkpoint(tmp_path / "c")["net"])


def test_a_run_that_is_over_stays_as_it_is(data, tmp_path):
    list(run(arguments(data, tmp_path / "out")))
    before = (tmp_path / "out" / "last.pt").read_bytes()
    assert list(run(arguments(data, tmp_path / "out"))) == []
    assert (tmp_path / "out" / "last.pt").read_bytes() == before


def test_training_lowers_the_loss(data, tmp_path):
    rows = list(run(arguments(data, tmp_path / "out", "--steps", "40", "--decay-steps", "10", "--average", "0.8")))
    assert np.mean([row["train"] for row in rows[-5:]]) < np.mean([row["train"] for row in rows[:5]]) - 0.1
    assert rows[-1]["held_out"] < rows[0]["held_out"] - 0.1


def test_a_checkpoint_has_what_the_exporter_needs(data, tmp_path):
    list(run(arguments(data, tmp_path / "out")))
    state = checkpoint(tmp_path / "out")
    assert WaveNetSpec.from_json(state["spec"]) == SPEC
    check_weights(SPEC, {name: tensor.numpy() for name, tensor in state["weights"].items()})
    assert state["provenance"].items() >= {"data.low": "57", "data.high": "76", "data.soundfont": "none",
                                           "training.steps": "8"}.items()
    assert all(isinstance(text, str) for text in state["provenance"].values())


def test_the_exported_weights_are_the_averaged_ones(data, tmp_path):
    list(run(arguments(data, tmp_path / "out")))
    state, average = checkpoint(tmp_path / "out"), WaveNet(SPEC)
    average.load_state_dict(state["average"])
    for name, array in average.weights().items():
        np.testing.assert_array_equal(state["weights"][name].numpy(), array)


def test_a_save_that_is_cut_off_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    trainer, path, real_save = trainer_of(), tmp_path / "last.pt", torch.save
    trainer.save(path, {})
    before = path.read_bytes()
    trained(trainer, 1)

    def cut_off(state: object, target: Path) -> None:
        real_save(state, target)
        target.write_bytes(target.read_bytes()[:1_000])
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        trainer.save(path, {})
    assert path.read_bytes() == before
    monkeypatch.undo()
    trainer.save(path, {})
    assert torch.load(path, weights_only=True)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_a_log_line_is_written_for_every_report(data, tmp_path, capsys):
    flags = [str(data), str(tmp_path / "out"), "--steps", "4", "--samples", "512", "--warm", "32", "--report-every",
             "2", "--precision", "float32"]
    assert main(flags) == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 2/4", "step 4/4"]


def test_too_few_pieces_are_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(LivewaveError, match="training.data"):
        load_pieces(tmp_path)


def test_a_run_that_cannot_start_is_one_line_and_exit_code_1(tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_held_out_pieces_are_not_trained_on(data):
    pieces, held_out, about = load_pieces(data)
    assert (len(pieces), len(held_out)) == (2, 1)
    assert about["low"] == 57
    assert not any(np.array_equal(piece.audio, held_out[0].audio) for piece in pieces)


def test_flags_become_the_spec():
    args = parse(["data", "out", "--residual", "5", "--skip", "6", "--out-channels", "7", "--cond", "3", "--stacks",
                  "1", "--hint", "none", "--roll", "velocity"])
    spec = spec_of(args)
    assert (spec.residual_channels, spec.skip_channels, spec.out_channels, spec.cond_channels) == (5, 6, 7, 3)
    assert spec.dilations == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    assert (spec.hint, spec.roll_encoding) == ("none", "velocity")
    assert spec_of(parse(["data", "out"])).hint == "f0"


# steps


def test_the_average_follows_the_net_with_the_decay_asked_for():
    trainer = trainer_of(SPEC, "--average", "0.5")
    trained(trainer, 12)  # by now the decay of the start, which is shorter, has been left behind
    before = [p.clone() for p in trainer.average.parameters()]
    trained(trainer, 1)
    for old, new, net in zip(before, trainer.average.parameters(), trainer.net.parameters()):
        torch.testing.assert_close(new, 0.5 * old + 0.5 * net.data, rtol=0, atol=1e-6)
    assert not any(p.requires_grad for p in trainer.average.parameters())


def test_the_average_forgets_the_random_start_quickly():
    trainer = trainer_of(SPEC, "--average", "0.999")
    trained(trainer, 1)
    decay = 2 / 11
    fresh = trainer_of(SPEC, "--average", "0.999")
    for start, new, net in zip(fresh.net.parameters(), trainer.average.parameters(), trainer.net.parameters()):
        torch.testing.assert_close(new, decay * start + (1 - decay) * net.data, rtol=0, atol=1e-6)


def test_every_parameter_has_an_optimiser_and_only_one():
    trainer = trainer_of()
    owned = [id(p) for optimiser, _ in trainer.optimisers for group in optimiser.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in trainer.net.parameters())


def test_the_rate_rises_stays_and_falls_to_nothing():
    trainer = trainer_of(SPEC, "--steps", "12", "--decay-steps", "4")
    rates = []
    for _ in range(12):
        trained(trainer, 1)
        rates.append([group["lr"] / peak for optimiser, peak in trainer.optimisers for group in optimiser.param_groups])
    assert rates == [pytest.approx([rate] * 2) for rate in
                     [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]]


def test_the_output_starts_at_the_frequencies_of_the_data():
    trainer = trainer_of()
    trainer.prime_output(PIECES)
    odds = torch.softmax(trainer.net.logits_bias, 0).detach().numpy()
    assert odds.argmax() == 128  # rests
    assert odds.sum() == pytest.approx(1.0, abs=1e-5) and odds.min() > 0.0
    torch.testing.assert_close(trainer.average.logits_bias, trainer.net.logits_bias.data)


def test_a_net_for_logistics_trains_too():
    spec = replace(SPEC, output="logistic", class_kernel=0, mixtures=3)
    trainer = trainer_of(spec, "--steps", "30", "--decay-steps", "5")
    trainer.prime_output(PIECES)
    losses = trained(trainer, 30)
    assert np.isfinite(losses).all() and np.mean(losses[-5:]) < np.mean(losses[:5])


# crops


def counting_piece(columns: int = 100) -> Piece:
    """Audio, roll and hint that each say at which sample or column they stand."""
    samples = np.arange(columns * 16)
    roll = np.zeros((columns, 128), np.uint8)
    roll[np.arange(columns), np.arange(columns)] = 1
    return Piece((samples / 2_000).astype(np.float32), roll, np.repeat(samples[:, None], 4, 1).astype(np.float32))


def test_a_crop_is_aligned_to_the_sample():
    net = WaveNet(replace(SPEC, output="logistic", class_kernel=0))  # which hears samples as they are
    batch = Crops(net, [counting_piece()], 160, 16).draw(np.random.default_rng(0), 20, augment=False)
    assert batch.heard.shape == batch.target.shape == (20, 160)
    for heard, target, roll, hint in zip(batch.heard, batch.target, batch.roll, batch.hint):
        samples = np.round(target.numpy() * 2_000).astype(int)
        assert (np.diff(samples) == 1).all() and samples[0] % 16 == 0
        np.testing.assert_array_equal(np.round(heard.numpy() * 2_000), samples - 1)
        np.testing.assert_array_equal(hint[:, 0], samples)
        np.testing.assert_array_equal(roll.numpy().argmax(1), samples[::16] // 16)


def test_crops_are_made_harder_only_for_training():
    net = WaveNet(replace(SPEC, output="logistic", class_kernel=0))
    crops = Crops(net, PIECES, 512, 32)
    clean = crops.draw(np.random.default_rng(1), 64, augment=False)
    hard = crops.draw(np.random.default_rng(1), 64, augment=True)
    again = crops.draw(np.random.default_rng(1), 64, augment=True)
    assert torch.equal(hard.heard, again.heard)
    shifted = (clean.heard[:, 1:] == clean.target[:, :-1]).all(1)
    assert shifted.all()
    changed = (hard.heard[:, 1:] != hard.target[:, :-1]).any(1).float().mean()
    silent = (hard.heard[:, :33] == 0).all(1) & (hard.target[:, :33] != 0).any(1)
    assert 0.2 < changed < 1.0
    assert silent.any()
    assert hard.heard.abs().max() <= 1.0


# the loss


def test_the_loss_is_taken_from_warm_on_only():
    net = WaveNet(SPEC)
    batch = Crops(net, PIECES, 512, 32).draw(np.random.default_rng(3), 2, augment=False)
    logits = net(batch.heard, batch.roll, batch.hint)[:, 40:]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1),
                                                 net.heard(batch.target.numpy())[:, 40:].flatten())
    torch.testing.assert_close(loss_of(net, batch, 40, torch.float32), expected)


LEVELS = torch.arange(-FULL_SCALE, FULL_SCALE + 1) / FULL_SCALE  # every sample that a piece can hold


def log_p(logits: list[float], target: torch.Tensor) -> torch.Tensor:
    """float32 [levels]: log-likelihood of each target by itself."""
    row = torch.tensor(logits)
    return -torch.vmap(lambda level: logistic_loss(row, level, len(logits) // 3))(target)


@pytest.mark.parametrize("logits", [
    [0.0, 0.0, -3.0], [0.0, 0.1, 0.0], [0.0, 0.1, -9.0], [0.0, 0.3, -12.0], [0.0, 0.3, -40.0], [0.0, 0.0, 2.0],
    [0.0, 0.0, 9.0],
    [0.0, 1.0, -8.0], [0.0, -1.0, -8.0], [0.0, 1.5, -2.0], [0.0, -1.5, -2.0], [0.0, 0.9995, -9.0], [0.0, -0.9995, -9.0],
    [1.0, -2.0, 0.5, -0.7, 0.2, 0.99, -5.0, -2.0, -9.0],
])
def test_the_logistic_mixture_is_a_likelihood(logits):
    total = log_p(logits, LEVELS).double().exp().sum()
    assert total == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("logits", [[0.0, 50.0, -40.0], [0.0, -50.0, 60.0], [0.0, 0.0, 200.0],
                                    [90.0, -90.0, 1.0, -1.0, -30.0, 5.0]])
def test_the_logistic_loss_and_its_gradient_are_finite_whatever_the_net_says(logits):
    targets = torch.tensor([-1.0, -1.0 + 1.0 / FULL_SCALE, 0.0, 1.0 - 1.0 / FULL_SCALE, 1.0])
    row = torch.tensor(logits).repeat(5, 1).requires_grad_()
    loss = logistic_loss(row, targets, len(logits) // 3)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(row.grad).all()


def test_a_sample_far_from_its_logistic_still_pulls_at_it():
    row = torch.tensor([[0.0, 0.5, -8.0]], requires_grad=True)
    logistic_loss(row, torch.tensor([-0.5]), 1).backward()
    assert row.grad[0, 1] > 1.0  # the mean should come down


def test_the_extremes_take_all_that_lies_beyond_them():
    """With a mean outside the range nearly everything that `draw` makes is clipped to the extreme."""
    expected = -np.log1p(np.exp(-2.0 / np.exp(-1.0)))  # of a logistic of scale exp(-1), from 2 below its mean upwards
    for mean, level in ((3.0, 1.0), (-3.0, -1.0)):
        assert log_p([0.0, mean, -1.0], torch.tensor([level])) == pytest.approx(expected, abs=1e-4)


def test_the_likelihood_is_that_of_what_is_drawn():
    spec = replace(SPEC, output="logistic", class_kernel=0, mixtures=2)
    logits = [0.3, -0.4, -0.2, 0.6, -2.5, -1.5]
    drawn = np.array([draw(spec, np.float32(logits), u, 1.0) for u in (np.arange(20_000) + 0.5) / 20_000])
    odds = log_p(logits, LEVELS).double().exp().numpy()
    for low, high in [(-1.1, -0.9), (-0.5, 0.0), (0.2, 0.7), (0.9, 1.1)]:
        inside = (LEVELS.numpy() >= low) & (LEVELS.numpy() < high)
        assert odds[inside].sum() == pytest.approx(np.mean((drawn >= low) & (drawn < high)), abs=2e-3)
