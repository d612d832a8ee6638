from __future__ import annotations

import json

import pytest

from livewave.link import Order
from tests.soak import splits
from tests.toys import tiny_model, tiny_model_file


@pytest.mark.parametrize("seed", range(3))
def test_dense_playing_at_random_splits_is_its_offline_render_sample_for_sample(seed):
    found = splits.compare(tiny_model(), 0.25, seed)
    assert found["samples_compared"] >= 15 * 48_000 and found["samples_differing"] == 0
    assert found["orders"] > 500 and found["blocks"] > 500


def test_a_difference_would_be_found(monkeypatch):
    """One order of the log is lost."""
    class Forgetful(splits.Live):
        lost = 0

        def frames(self):
            for block in super().frames():
                strikes = [each for each in self.life.orders if each[1].order is Order.STRIKE]
                if len(strikes) >= 20 and not Forgetful.lost:
                    self.life.orders.remove(strikes[-1])
                    Forgetful.lost = 1
                yield block

    monkeypatch.setattr(splits, "Live", Forgetful)
    found = splits.compare(tiny_model(), 0.1, 0)
    assert Forgetful.lost and found["samples_differing"] > 0 and found["first_differing"] is not None


def test_the_script_prints_json_and_tells_by_its_exit_code(tmp_path, capsys):
    model = tiny_model_file(tmp_path)
    assert splits.main(["--minutes", "0.05", "--seed", "1", "--model", str(model)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["samples_differing"], found["seed"], found["model"]) == (0, 1, "tiny")
