from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny_data import command, prepare, sines, tiny_data
from training.config import Watch
from training.crops import Batch
from training.train import main
from training.watch import GoingNowhere, Rules, adherence

WATCH = Watch(rise_nats=0.1, rise_reports=3, adherence_nats=0.02, adherence_after=100, quiet_db=-50.0, loud_db=-3.0, free_after=100,
              free_reports=2)


@pytest.fixture(autouse=True)
def threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("tiny") / "data")


# the rules


@pytest.mark.parametrize("loss, length", [(float("nan"), 1.0), (float("inf"), 1.0), (2.0, float("nan")), (2.0, float("inf"))])
def test_a_loss_or_gradient_that_is_no_number_stops_at_once(loss, length):
    with pytest.raises(GoingNowhere, match="step 7: .*run.muon_rate"):
        Rules(WATCH, {}).step(7, loss, length)
    Rules(WATCH, {}).step(7, 2.0, 1.0)


def test_a_held_out_loss_that_stays_above_its_best_stops():
    state = {}
    for step, nats in enumerate([3.0, 2.0, 2.2, 2.2, 2.05, 2.2, 2.2]):
        Rules(WATCH, dict(state)).held_out(step, nats)  # a copy: nothing is remembered outside of the state
        Rules(WATCH, state).held_out(step, nats)
    with pytest.raises(GoingNowhere, match=r"2\.300 nats, more than 0\.1 over its best of 2\.000 for 3 reports in a row"):
        Rules(WATCH, state).held_out(7, 2.3)


@pytest.mark.parametrize("off", ["rise_nats", "rise_reports"])
def test_the_rule_about_a_rising_loss_can_be_switched_off(off):
    rules = Rules(replace(WATCH, **{off: 0}), {})
    for nats in (2.0, *(3.0,) * 9):
        rules.held_out(1, nats)


def test_a_held_out_loss_that_is_no_number_has_risen():
    rules = Rules(WATCH, {})
    with pytest.raises(GoingNowhere):
        for step in range(3):
            rules.held_out(step, float("nan"))


def test_a_net_that_ignores_its_notes_stops_and_not_too_early():
    rules = Rules(WATCH, {})
    rules.adherence(99, 0.0)
    rules.adherence(100, 0.02)
    with pytest.raises(GoingNowhere, match=r"cost 0\.0190 nats a sample; at least 0\.02 .* ignores its notes"):
        rules.adherence(100, 0.019)


@pytest.mark.parametrize("level_db, what", [(-80.0, "silent"), (-1.0, "saturated"), (float("-inf"), "silent")])
def test_a_free_run_that_stays_silent_or_saturated_stops(level_db, what):
    state = {}
    for step, level in ((99, level_db), (100, level_db), (110, -20.0), (120, level_db)):
        Rules(WATCH, state).level(step, level)
    with pytest.raises(GoingNowhere, match=f"the net is {what}"):
        Rules(WATCH, state).level(130, level_db)


def test_rules_can_be_switched_off():
    rules = Rules(Watch(rise_reports=0, adherence_nats=0.0, free_reports=0), {})
    for step in range(10_000, 10_020):
        rules.held_out(step, float(step))
        rules.adherence(step, -1.0)
        rules.level(step, -200.0)


# adherence


def a_batch(hint: bool) -> Batch:
    roll = torch.arange(6, dtype=torch.uint8)[:, None, None].expand(6, 4, 128)
    return Batch(torch.zeros(6, 64), torch.zeros(6, 64), roll, torch.arange(6.0)[:, None, None].expand(6, 64, 4) if hint else None)


def test_adherence_is_what_false_notes_cost():
    own = torch.arange(6)

    def nats_of(batch: Batch) -> float:  # 0.5 for every roll, 0.25 for every hint that is another crop's
        hint = batch.hint[:, 0, 0] if batch.hint is not None else own
        return 1.0 + 0.5 * (batch.roll[:, 0, 0] != own).float().mean().item() + 0.25 * (hint != own).float().mean().item()

    assert adherence(nats_of, a_batch(True), 1.0) == {"adherence": 0.75, "adherence_roll": 0.5, "adherence_hint": 0.25}
    assert adherence(nats_of, a_batch(False), 1.0) == {"adherence": 0.5}


def test_an_unconditioned_net_has_no_adherence():
    batch = Batch(torch.zeros(2, 8), torch.zeros(2, 8), None, None)
    assert adherence(lambda batch: 1.0, batch, 1.0) == {}


# real runs that are made to fail


def error_of(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_a_run_whose_rate_is_far_too_high_is_stopped(data, tmp_path, capsys):
    sets = ("run.steps=400", "run.muon_rate=1.0", "run.adam_rate=1.0", "run.average=0.0", "run.report_every=2",
            "watch.rise_reports=3", "run.save_every=400")
    told = error_of(capsys, command(data, tmp_path / "run", *sets))
    assert "the held-out loss is" in told and "run.muon_rate" in told and "No checkpoint was written" in told


APART = (40, 64, 88)


def piece(seed: int, believable: bool) -> tuple[np.ndarray, np.ndarray]:
    """Notes far apart, under their own roll or under one of notes and rests that were never played."""
    audio, roll = sines(seed, columns=1_000, notes=APART)
    if not believable:
        rng, first = np.random.default_rng(100 + seed), 0
        roll[:] = 0
        while first < len(roll):
            last = first + int(rng.integers(20, 120))
            roll[first:last, rng.choice(APART)] = rng.choice([0, 90])
            first = last
    return audio, roll


LEARNING = ("net.hint=none", "run.steps=100", "run.decay_steps=20", "run.average=0.9", "run.report_every=50", "watch.every=50",
            "watch.listen_every=0", "watch.crops=16", "watch.adherence_after=100", "watch.adherence_nats=0.05", "run.save_every=50",
            "run.samples=2048", "watch.free_reports=0", "run.muon_rate=0.02", "run.adam_rate=0.01")


def test_a_net_whose_notes_have_nothing_to_do_with_its_audio_is_stopped(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.train.free_scores", lambda *_: {})
    for believable in (True, False):
        data = prepare(tmp_path / f"{believable}" / "data", [piece(seed, believable) for seed in range(3)])
        arguments = command(data, tmp_path / f"run-{believable}", *LEARNING)
        if believable:
            assert main(arguments) == 0, capsys.readouterr().err
        else:
            told = error_of(capsys, arguments)
            assert "step 100: false notes cost" in told and "at least 0.05" in told and "keeps an earlier step" in told


def test_a_run_whose_net_plays_nothing_is_stopped(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.train.free_scores", lambda *_: {"level_db": -90.0, "frames_in_tune": 0.0})
    told = error_of(capsys, command(data, tmp_path / "run", "watch.every=2", "watch.free_after=4", "watch.listen_every=0"))
    assert "step 6: left to itself the net is silent: -90.0 dB" in told


def test_a_net_is_played_while_it_trains(data, tmp_path, capsys):
    sets = ("run.steps=2", "run.decay_steps=1", "watch.every=2", "watch.listen_every=0")
    assert main(command(data, tmp_path / "run", *sets)) == 0
    assert "level dB" in capsys.readouterr().out


def test_a_run_goes_on_without_the_native_engine(data, tmp_path, capsys, monkeypatch):
    def missing(*_: object) -> None:
        raise ImportError("no module named _kernels")

    monkeypatch.setattr("training.train.free_scores", missing)
    assert main(command(data, tmp_path / "run", "watch.every=2")) == 0
    assert capsys.readouterr().out.count("no free-running scores: no module named _kernels") == 1
