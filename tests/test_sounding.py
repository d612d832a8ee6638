from __future__ import annotations

import pytest

from livewave.control.events import NoteOff, NoteOn
from livewave.music.compass import Compass
from livewave.music.generated import SOURCE
from livewave.orders import Orders
from livewave.sounding import ADDRESS, LEAST_S, LONGEST_S, Sounding, vector


class Told:
    """A Sounding, the Orders it looks at, and what it tells."""

    def __init__(self) -> None:
        self.orders, self.news = Orders(Compass(55, 88), 0.0, 0.8), []
        self.sounding = Sounding(self.orders, lambda *message: self.news.append(message))

    def play(self, pitch: int, source: str = "osc:a", velocity: int = 100) -> None:
        on = NoteOn(0.0, source, 0, pitch, velocity) if velocity else NoteOff(0.0, source, 0, pitch)
        self.orders.translate(on)

    def at(self, now_s: float) -> list[tuple]:
        """What it tells at that moment."""
        self.news.clear()
        self.sounding.watch(now_s)
        return list(self.news)


@pytest.fixture
def told() -> Told:
    return Told()


def test_who_comes_is_told_within_a_second_even_of_silence(told):
    assert told.at(0.0) == [(ADDRESS, bytes(16), bytes(16))]
    assert told.at(0.9 * LONGEST_S) == []
    assert told.at(LONGEST_S) == [(ADDRESS, bytes(16), bytes(16))]


def test_what_players_hold_is_told_from_what_is_generated(told):
    told.at(0.0)
    told.play(60)
    told.play(67, SOURCE)
    assert told.at(0.1) == [(ADDRESS, vector([60]), vector([67]))]


def test_a_key_outside_the_compass_is_told_where_it_sounds(told):
    told.play(36)
    assert told.at(0.0) == [(ADDRESS, vector([60]), bytes(16))]


def test_changes_in_a_hurry_are_told_together_and_the_last_one_always_is(told):
    told.at(0.0)
    told.play(60)
    assert told.at(LEAST_S) != []
    told.play(60, velocity=0)
    told.play(62)
    assert told.at(1.5 * LEAST_S) == []
    assert told.at(2.1 * LEAST_S) == [(ADDRESS, vector([62]), bytes(16))]


def test_a_vector_has_a_bit_for_each_pitch():
    assert vector([0, 9, 127]) == bytes([1, 2, *[0] * 13, 128])
