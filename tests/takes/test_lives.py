from __future__ import annotations

import numpy as np

from livewave.link import Command, Order
from livewave.takes import lives
from livewave.takes.lives import Lives

LEAD, SECOND = {"voice": 0}, {"voice": 1}


def dense(count: int) -> list[tuple[int, Command]]:
    rng = np.random.default_rng(3)
    columns = np.cumsum(rng.integers(0, 100, count)).tolist()
    return [(column, Command(Order.STRIKE, 0.0, int(rng.integers(128)), int(rng.integers(1, 128)))) for column in columns]


def test_orders_are_kept_as_they_were_given():
    orders = [*dense(10_000), (3, Command(Order.GAIN_DB, value=-0.1)), (2**40, Command(Order.BEND, 0.0, 60, value=1.5))]
    life = Lives().begin(1, LEAD)
    for order in orders:
        life.add(*order)
    assert list(life.orders()) == orders


def test_ten_minutes_of_dense_playing_take_less_than_450_kilobytes():
    """A hundred orders a second: an hour is about 2 MB."""
    life = Lives().begin(1, LEAD)
    for order in dense(60_000):
        life.add(*order)
    assert life.size_bytes < 450_000


def test_the_life_before_is_kept_as_it_may_still_be_heard_and_none_of_another_process():
    kept = Lives()
    for _ in range(3):
        kept.begin(1, LEAD)
    assert [life.number for life in kept.kept] == [2, 3]
    kept.begin(2, LEAD)
    assert [life.number for life in kept.kept] == [4]


def test_the_life_before_is_kept_of_each_voice():
    kept = Lives()
    for facts in (LEAD, SECOND, SECOND, SECOND):
        kept.begin(1, facts)
    assert [(life.number, life.voice) for life in kept.kept] == [(1, 0), (3, 1), (4, 1)]


def test_a_life_that_is_too_long_to_be_kept_is_forgotten_and_says_so(monkeypatch):
    monkeypatch.setattr(lives, "MOST_BYTES", 100_000)
    kept = Lives()
    life = kept.begin(1, LEAD)
    for order in dense(200_000):
        kept.add(life, *order)
    assert not life.whole and life.size_bytes == 0
