"""What a net that composes might say of a recording's notes before it knows them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from livewave import ConfigError
from livewave.music.roll import RESTRIKE_GAP_S
from livewave.render.modelfile import load_model
from tests.training.tiny_data import CONFIGS, SMALL, tiny_data
from training.checkpoints import fitted, read_model
from training.config import load_config, make_config
from training.crops import Crops, onsets_of
from training.data.pieces import open_prepared
from training.softening import soften
from training.train import main
from training.wavenet import WaveNet

RATE_HZ = 1_000
GAP = round(RESTRIKE_GAP_S * RATE_HZ)
LOUD = 100
SOFT_NET = {"roll_encoding": "velocity", "hint": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    return tiny_data(tmp_path_factory.mktemp("data"))


def line(*notes: tuple[int, int, int], columns: int = 600) -> np.ndarray:
    roll = np.zeros((columns, 128), np.uint8)
    for pitch, first, last in notes:
        roll[first:last, pitch] = LOUD
    return roll


def many(roll: np.ndarray, count: int = 400) -> np.ndarray:
    """float [count, columns, 128]: chances, each time drawn anew."""
    return np.stack([soften(roll, np.random.default_rng(seed), RATE_HZ) for seed in range(count)]) / LOUD


def test_of_what_is_shown_at_a_chance_that_share_sounds():
    rng, shown, true = np.random.default_rng(0), [], []
    for seed in range(300):
        starts = np.cumsum(rng.integers(60, 300, 12))
        notes = [(int(rng.integers(55, 85)), int(a), int(a + 0.9 * (b - a))) for a, b in zip(starts, starts[1:])]
        roll = line(*notes, columns=1_200)
        soft = soften(roll, np.random.default_rng(seed), RATE_HZ)
        told = (soft > 0) | (roll > 0)
        shown.append(soft[told] / LOUD)
        true.append(roll[told] > 0)
    shown, true = np.concatenate(shown), np.concatenate(true)
    for low in (0.05, 0.2, 0.4, 0.6, 0.8):
        near = (shown >= low) & (shown < low + 0.2)
        assert abs(true[near].mean() - shown[near].mean()) < 0.1, low
    assert true[shown > 0.97].mean() > 0.97


def test_a_soft_roll_says_less_than_is_known_and_more_than_is_true():
    roll = line((60, 50, 400))
    soft = many(roll)
    sounding = soft[:, 100:380, 60]
    assert 0.5 < sounding.mean() < 0.98 and sounding.max() <= 1.0
    others = np.delete(soft, 60, axis=2)
    assert others[:, 50:400].max() > 0.3  # rivals
    assert others[:, 500:].max() > 0.05  # and in a rest
    assert soft[:, 400:420, 60].max() > 0.3  # it might have been held


def test_only_a_few_pitches_are_likely():
    assert ((many(line((60, 0, 300), (64, 300, 600))) > 0.02).sum(2) <= 12).all()


def test_chances_change_where_a_note_begins_and_in_steps_after_it():
    soft = soften(line((60, 200, 600)), np.random.default_rng(3), RATE_HZ).astype(int)
    edges = np.flatnonzero((np.diff(soft, axis=0) != 0).any(1)) + 1
    assert 200 in edges
    steps = np.array([edge for edge in edges if edge > 200])
    onto = steps - 200
    step = onto[onto > 2 * GAP].min()
    assert 80 <= step <= 300 or step - GAP in range(80, 301)
    assert all(min(place % step, -place % step) <= GAP for place in onto.tolist())


def test_a_gap_is_as_deep_as_the_new_strike_is_sure():
    soft = many(line((60, 100, 300), (60, 300 + GAP, 500)))
    gap, after = soft[:, 301, 60], soft[:, 320, 60]
    held = many(line((60, 100, 500)))
    assert (gap <= after + 0.02).all()
    assert (gap < 0.3).mean() > 0.5 and gap.max() > 0.5  # mostly sure, now and then as good as held
    assert (held[:, 150:450, 60].min(1) < 0.3).any()  # and a held note may have been struck


def test_an_empty_roll_and_a_full_one_can_be_softened():
    assert many(line(), 20).max() < 1.0
    full = np.full((300, 128), 127, np.uint8)
    assert soften(full, np.random.default_rng(0), RATE_HZ).shape == full.shape
    assert soften(line((0, 0, 99), (127, 0, 99)), np.random.default_rng(1), RATE_HZ).dtype == np.uint8


def crops_of(folder, share: float, **data) -> Crops:
    config = make_config({"net": SOFT_NET, "run": {"samples": 1_024, "warm": 32}, "data": {"soft_share": share} | data})
    return Crops(config, open_prepared(folder).training)


def test_the_share_of_soft_crops_is_that_of_the_configuration(folder):
    hard = crops_of(folder, 0.0).draw(1, range(60), augment=True)
    for share, low, high in ((0.5, 10, 35), (1.0, 36, 60)):  # where all is sure, a soft roll is a hard one
        soft = crops_of(folder, share).draw(1, range(60), augment=True)
        assert torch.equal(soft.target, hard.target) and torch.equal(soft.heard, hard.heard)
        assert low <= (soft.roll != hard.roll).any(2).any(1).sum() <= high


def test_what_is_held_out_is_certain(folder):
    assert torch.equal(crops_of(folder, 1.0).held_out(8).roll, crops_of(folder, 0.0).held_out(8).roll)


def test_silence_ends_at_onsets_of_what_truly_sounds(folder):
    shares = {"silent_start_share": 1.0, "onset_share": 1.0, "noise_share": 0.0}
    hard, soft = (crops_of(folder, share, **shares).draw(2, range(40), augment=True) for share in (0.0, 1.0))
    assert torch.equal(hard.heard, soft.heard)
    assert any(len(onsets_of(roll.numpy())) for roll in soft.roll)


@pytest.mark.parametrize("net", [
    {"roll_encoding": "binary"}, {"roll_encoding": "struck"}, {"hint": "f0"}, {"cond_channels": 0}])
def test_a_net_that_cannot_read_chances_is_refused(net):
    with pytest.raises(ConfigError, match=r"soft_share is 0\.5; only a net with roll_encoding \"velocity\", hint"):
        make_config({"net": SOFT_NET | net, "data": {"soft_share": 0.5}})


def test_coupled_is_the_papers_net_but_for_what_its_roll_means():
    coupled, paper = (load_config(CONFIGS / f"{name}.toml") for name in ("coupled", "paper"))
    assert dataclasses.replace(coupled.net, roll_encoding="binary") == paper.net
    assert dataclasses.replace(coupled.data, soft_share=0.0) == paper.data
    fitted(load_model("paper"), coupled.net, WaveNet(coupled.net).weights())


def test_a_checkpoint_says_how_much_of_its_training_was_soft(folder, tmp_path):
    config = tmp_path / "soft.toml"
    config.write_text('[net]\nroll_encoding = "velocity"\n[data]\nsoft_share = 0.6\n', encoding="utf-8")
    args = ["--config", str(config), "--data", str(folder), "--accelerator", "cpu", "--devices", "1", "--threads", "1",
            "--set", *SMALL, "net.input_kernel=4", "run.steps=2", "run.decay_steps=1"]
    assert main([*args, "--out", str(tmp_path / "soft")]) == 0
    assert main([*args, "data.soft_share=0", "--out", str(tmp_path / "hard")]) == 0
    assert read_model(tmp_path / "soft" / "last.pt").provenance["training.soft_share"] == "0.6"
    assert "training.soft_share" not in read_model(tmp_path / "hard" / "last.pt").provenance
