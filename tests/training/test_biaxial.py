from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from livewave.music.biaxial import NOTES, BiaxialSpec, features
from training.biaxial import Biaxial, chosen_of, nats, velocity_error

SMALL = BiaxialSpec(time_units=(6, 5), note_units=(4, 3))


def net(spec: BiaxialSpec = SMALL) -> Biaxial:
    torch.manual_seed(1)
    return Biaxial(spec, dropout=0.5).eval()


def random_rows(steps: int, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    rows = np.zeros((steps, NOTES, 3), np.uint8)
    rows[..., 0] = chance.random((steps, NOTES)) < 0.1
    rows[..., 1] = rows[..., 0] & (chance.random((steps, NOTES)) < 0.5)
    rows[..., 2] = rows[..., 0] * chance.integers(1, 128, (steps, NOTES))
    return rows


def logits(model: Biaxial, rows: np.ndarray, chosen: np.ndarray) -> torch.Tensor:
    shown = torch.from_numpy(features(rows, np.arange(len(rows)) % 16, model.spec.velocity))[:, None]
    with torch.no_grad():
        return model(shown, chosen_of(torch.from_numpy(chosen)[:, None], model.spec))[0][:, 0]


def test_articulate_costs_nothing_where_the_note_does_not_play():
    """Worked by hand. Three notes: one begins, one goes on, one is silent; every logit says evens but the last two."""
    chosen = torch.tensor([[[[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]]])
    said = torch.tensor([[[[0.0, 0.0], [0.0, math.log(3.0)], [math.log(1 / 3), 9.0]]]])
    by_hand = (
        math.log(2) + math.log(2)  # plays: evens; begins: evens
        + math.log(2) + math.log(4)  # plays: evens; does not begin, said at 3 to 1 to begin: 1/4
        + math.log(4 / 3)  # silent, said at 3 to 1: 3/4; what it says of beginning, 9, does not count
    )
    assert nats(said, chosen).item() == pytest.approx(by_hand, rel=1e-6)
    said[..., 2, 1] = -9.0
    assert nats(said, chosen).item() == pytest.approx(by_hand, rel=1e-6)


def test_articulate_of_a_silent_note_teaches_nothing():
    said = torch.zeros(1, 1, 2, 2, requires_grad=True)
    nats(said, torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])).sum().backward()
    assert said.grad[0, 0, 0, 1] != 0.0
    assert said.grad[0, 0, 1, 1] == 0.0
    assert said.grad[0, 0, 1, 0] != 0.0


def test_velocity_costs_its_squared_error_where_the_note_plays():
    """Worked by hand: sigmoid(0) is 0.5; the first note is struck at 1, the second does not play."""
    chosen = torch.tensor([[[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]])
    assert velocity_error(torch.zeros(1, 1, 2, 3), chosen).item() == pytest.approx(0.25)


def test_a_note_hears_what_was_chosen_below_it_and_not_above():
    model, before, chosen = net(), random_rows(1), random_rows(1, seed=1)
    said = logits(model, before, chosen)
    chosen[0, 40] = (1, 1, 90) if not chosen[0, 40, 0] else (0, 0, 0)
    changed = (logits(model, before, chosen) != said).any(-1)[0]
    assert not changed[:41].any()
    assert changed[41]


def test_a_step_hears_the_steps_before_it_and_not_those_to_come():
    model, rows = net(), random_rows(6)
    said = logits(model, rows, rows)
    rows[3, 20] ^= 1
    changed = (logits(model, rows, random_rows(6)) != logits(model, random_rows(6), random_rows(6))).flatten(1).any(1)
    assert changed.tolist() == [False, False, False, True, True, True]
    assert said.shape == (6, NOTES, 2)


def test_the_states_carry_a_piece_on_where_it_was_cut():
    model, rows = net(), random_rows(9)
    shown = torch.from_numpy(features(rows, np.arange(9) % 16))[:, None]
    chosen = chosen_of(torch.from_numpy(rows)[:, None], SMALL)
    with torch.no_grad():
        whole, _ = model(shown, chosen)
        head, states = model(shown[:4], chosen[:4])
        tail, _ = model(shown[4:], chosen[4:], states)
    torch.testing.assert_close(torch.cat((head, tail)), whole, atol=1e-6, rtol=1e-5)


def test_every_note_has_the_same_net():
    """A row moved up an octave is asked for the same, an octave up, where only place and edge differ."""
    model = net(BiaxialSpec(time_units=(6,), note_units=(4,)))
    with torch.no_grad():
        model.time[0].weight_ih_l0[:, 0] = 0.0  # deaf to the place
    rows = np.zeros((1, NOTES, 3), np.uint8)
    rows[0, 30] = (1, 1, 90)
    moved, nobody = np.roll(rows, 12, 1), np.zeros_like(rows)
    up, down = logits(model, moved, nobody)[0, 30:60], logits(model, rows, nobody)[0, 18:48]
    np.testing.assert_allclose(up[10:], down[10:], atol=1e-4)


def test_a_net_with_velocities_hears_them_in_the_row_before():
    model, rows = net(BiaxialSpec(time_units=(6,), note_units=(4,), velocity=True)), random_rows(1)
    softer = rows.copy()
    softer[..., 2] //= 2
    assert (logits(model, rows, rows) != logits(model, softer, rows)).any()
    assert logits(model, rows, rows).shape == (1, NOTES, 3)
