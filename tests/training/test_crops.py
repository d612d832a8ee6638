from __future__ import annotations

import numpy as np
import pytest
import torch

from livewave import LivewaveError
from livewave.render.strikes import shown
from livewave.render.wavenet import mulaw_encode
from tests.training.tiny_data import prepare, sines, tiny_data
from training.config import Config, make_config
from training.crops import SOFTEST, STRANGE, Batch, Crops, Loader, onsets_of
from training.data.pieces import FULL_SCALE, open_prepared

LOGISTIC = {"output": "logistic", "class_kernel": 0, "hint": "f0"}  # a net that hears samples as they are


def config_of(samples: int = 512, warm: int = 32, seed: int = 0, **net: object) -> Config:
    return make_config({"net": LOGISTIC | net, "run": {"samples": samples, "warm": warm, "seed": seed}})


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list:
    return open_prepared(tiny_data(tmp_path_factory.mktemp("data"))).training


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> list:
    """A piece whose every sample and column says where it stands."""
    roll = np.zeros((100, 128), np.uint8)
    roll[np.arange(100), np.arange(100)] = 1
    audio = np.arange(1_600, dtype=np.float32) / FULL_SCALE
    return open_prepared(prepare(tmp_path_factory.mktemp("data"), [(audio, roll)] * 2)).training


def parts(batch: Batch) -> list[torch.Tensor]:
    return [part for part in (batch.heard, batch.target, batch.roll, batch.hint) if part is not None]


def test_a_crop_is_aligned_to_the_sample(counting):
    batch = Crops(config_of(160, 16), counting).draw(0, range(20), augment=False)
    assert batch.heard.shape == batch.target.shape == (20, 160)
    for heard, target, roll, hint in zip(batch.heard, batch.target, batch.roll, batch.hint):
        samples = np.round(target.numpy() * FULL_SCALE).astype(int)
        assert (np.diff(samples) == 1).all() and samples[0] % 16 == 0
        np.testing.assert_array_equal(np.round(heard.numpy() * FULL_SCALE), samples - 1)
        np.testing.assert_array_equal(roll.numpy().argmax(1), samples[::16] // 16)
        np.testing.assert_array_equal(hint.numpy(), counting[0].hint(samples[0], samples[-1] + 1))


def test_every_place_of_every_piece_is_drawn(tmp_path):
    pieces = open_prepared(prepare(tmp_path, [sines(0, columns=40), sines(1, columns=120), sines(2)])).training
    targets = Crops(config_of(), pieces).draw(0, range(1_500), augment=False).target
    found = {bytes(target.numpy()) for target in targets}
    assert len(found) == 8 + 88  # of 40 and 120 columns, for crops of 32: column 0 has no sample before it


def test_classes_are_what_the_net_hears_and_is_asked_for(pieces):
    clean = Crops(config_of(), pieces).draw(3, range(4), augment=False)
    classes = Crops(config_of(output="mulaw", class_kernel=1), pieces).draw(3, range(4), augment=False)
    assert classes.heard.dtype == classes.target.dtype == torch.int64
    np.testing.assert_array_equal(classes.heard.numpy(), mulaw_encode(clean.heard.numpy()))
    np.testing.assert_array_equal(classes.target.numpy(), mulaw_encode(clean.target.numpy()))


def test_crops_are_made_harder_only_for_training(pieces):
    crops = Crops(config_of(), pieces)
    clean, hard = crops.draw(1, range(64), augment=False), crops.draw(1, range(64), augment=True)
    assert torch.equal(clean.target, hard.target)
    assert (clean.heard[:, 1:] == clean.target[:, :-1]).all()
    changed = (hard.heard[:, 1:] != hard.target[:, :-1]).any(1).float().mean()
    silent = (hard.heard[:, :33] == 0).all(1) & (hard.target[:, :33] != 0).any(1)
    assert 0.2 < changed < 1.0
    assert silent.any()
    assert hard.heard.abs().max() <= 1.0


def test_shares_of_zero_leave_crops_as_they_are(pieces):
    config = make_config({"net": LOGISTIC, "run": {"samples": 512, "warm": 32}, "data": {"noise_share": 0.0, "silent_start_share": 0.0}})
    hard = Crops(config, pieces).draw(1, range(32), augment=True)
    assert (hard.heard[:, 1:] == hard.target[:, :-1]).all()


def test_an_onset_is_the_column_before_a_pitch_begins():
    roll = np.zeros((9, 128), np.uint8)
    roll[3:6, 60], roll[5:8, 62] = 90, 90
    assert onsets_of(roll).tolist() == [2, 4]


def test_a_wrong_history_is_softer_and_holds_another_place(tmp_path):
    rng, roll = np.random.default_rng(5), np.ones((200, 128), np.uint8)  # noise: no place is like another
    noise = [(rng.uniform(-0.4, 0.4, 3_200).astype(np.float32), roll) for _ in range(3)]
    pieces = open_prepared(prepare(tmp_path, noise)).training
    tree = {"net": LOGISTIC, "run": {"samples": 512, "warm": 32}, "data": {"noise_share": 0.0, "silent_start_share": 0.0}}

    def crops(share: float, augment: bool, count: int) -> Batch:
        return Crops(make_config(tree | {"data": tree["data"] | {"wrong_share": share}}), pieces).draw(1, range(count), augment)

    wrong, clean = crops(1.0, True, 32), crops(1.0, False, 32)
    assert torch.equal(wrong.target, clean.target) and torch.equal(wrong.roll, clean.roll) and torch.equal(wrong.hint, clean.hint)
    others = np.stack([piece.audio(16 * first - 1, 16 * first + 511) for piece in pieces for first in range(1, 169)])
    for heard, own in zip(wrong.heard.numpy(), clean.heard.numpy()):
        fits = [np.linalg.lstsq(np.stack((own, other), 1), heard, rcond=None)[:2] for other in others]
        (share, strange), rest = min(fits, key=lambda fit: fit[1].sum() if len(fit[1]) else np.inf)
        assert rest < 1e-6 and SOFTEST - 1e-3 < share < 1.001 and STRANGE[0] - 1e-3 < strange < STRANGE[1] + 1e-3
    changed = (crops(0.25, True, 400).heard != crops(0.25, False, 400).heard).any(1).float().mean()
    assert 0.15 < changed < 0.35


def test_a_silent_start_ends_at_an_onset_where_asked_to(pieces):
    config = make_config({"net": LOGISTIC, "run": {"samples": 3_200, "warm": 32},
                          "data": {"noise_share": 0.0, "silent_start_share": 1.0, "onset_share": 1.0}})
    batch = Crops(config, pieces).draw(0, range(8), augment=True)
    for heard, target, roll in zip(batch.heard.numpy(), batch.target.numpy(), batch.roll.numpy()):
        plain = np.concatenate((heard[:1], target[:-1]))
        silenced = np.flatnonzero(heard != plain)
        onsets = 16 * onsets_of(roll)
        assert not silenced.size or any(0 <= onset - 1 - silenced[-1] <= 170 for onset in onsets)  # the 10 ms before it are silent


def test_what_a_step_hears_follows_from_seed_and_step(pieces):
    one, again = Crops(config_of(), pieces), Crops(config_of(), pieces)
    assert all(map(torch.equal, parts(one.draw(7, range(4), True)), parts(again.draw(7, range(4), True))))
    assert not torch.equal(one.draw(7, range(4), True).heard, one.draw(8, range(4), True).heard)
    assert not torch.equal(one.draw(7, range(4), True).heard, Crops(config_of(seed=1), pieces).draw(7, range(4), True).heard)


def test_processes_that_share_a_batch_hear_all_of_it_and_nothing_twice(pieces):
    crops = Crops(config_of(), pieces)
    whole, shares = crops.draw(5, range(4), True), [crops.draw(5, range(0, 2), True), crops.draw(5, range(2, 4), True)]
    for part, first, second in zip(parts(whole), parts(shares[0]), parts(shares[1])):
        assert torch.equal(part, torch.cat((first, second)))
    assert not torch.equal(shares[0].target, shares[1].target)


def test_held_out_crops_are_the_same_whatever_the_seed(pieces):
    one, other = (Crops(config_of(seed=seed), pieces).held_out(6) for seed in (0, 1))
    assert all(map(torch.equal, parts(one), parts(other)))
    assert len(one.heard) == 6


def test_a_crop_shows_the_strikes_that_the_whole_piece_shows_from_its_beginning(tmp_path):
    roll = np.zeros((12_000, 128), np.uint8)
    roll[100:11_900, 60], roll[9_000:9_050, 64], roll[9_060:9_400, 64] = 120, 80, 100
    audio = (np.arange(192_000, dtype=np.float32) % 30_000) / FULL_SCALE
    pieces = open_prepared(prepare(tmp_path, [(audio, roll)] * 2)).training
    config, whole = config_of(roll_encoding="struck", samples=1_600), shown(config_of(roll_encoding="struck").net, roll)
    for seen in Crops(config, pieces).draw(0, range(200), augment=False).roll.numpy():
        near = [first for first in range(len(whole) - 100) if (whole[first] == seen[0]).all()]
        assert any((np.abs(whole[first : first + 100].astype(int) - seen) <= 1).all() for first in near)
    assert whole[11_000, 60] == 1 and whole[9_060, 64] == 100


def test_an_unconditioned_net_needs_no_roll(pieces):
    batch = Crops(config_of(cond_channels=0, hint="none"), pieces).draw(0, range(3), augment=True)
    assert batch.roll is None and batch.hint is None


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_come_in_order_whoever_makes_them(pieces, threads):
    crops = Crops(config_of(), pieces)
    loader = Loader(crops, range(2), torch.device("cpu"), threads)
    got = list(loader.batches(4, 13))
    loader.close()
    assert len(got) == 9
    for step, batch in zip(range(4, 13), got):
        assert all(map(torch.equal, parts(batch), parts(crops.draw(step, range(2), True))))


def test_a_reader_that_stops_early_leaves_no_thread_at_work(pieces):
    loader = Loader(Crops(config_of(), pieces), range(2), torch.device("cpu"), 2)
    next(loader.batches(0, 1_000))
    loader.close()


def test_pieces_shorter_than_a_crop_are_left_out_and_named_when_all_are(tmp_path):
    pieces = open_prepared(prepare(tmp_path, [sines(0, columns=30), sines(1, columns=200), sines(2)])).training
    batch = Crops(config_of(), pieces).draw(0, range(8), augment=False)
    assert batch.target.shape == (8, 512)
    with pytest.raises(LivewaveError, match=r"no training piece is longer than a crop of 512 samples \(the longest of 1 has 480\)"):
        Crops(config_of(), pieces[:1])
    with pytest.raises(LivewaveError, match="no held-out piece"):
        Crops(config_of(), [], "held-out")
