from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY, VELOCITY
from livewave.music.chooser import Chooser, Surroundings, accented
from livewave.music.key import Key
from livewave.music.manner import Manner

ALONE = Surroundings(sounding={}, held={}, key=None, few=1.0, velocity=80)
ANYTHING = Manner(key="off", polyphony=16)
NEVER = -1000.0


class Given:
    """In place of the generator of random numbers: these, and nothing twice."""

    def __init__(self, *steps: dict[int, tuple[float, float]]) -> None:
        self._steps = list(steps)

    def random(self, shape: tuple[int, int]) -> np.ndarray:
        numbers = np.full(shape, 0.999999)
        for note, pair in self._steps.pop(0).items():
            numbers[note] = pair
        return numbers


def given_numbers(*steps: dict[int, tuple[float, float]]) -> Chooser:
    chooser = Chooser(0)
    chooser._random = Given(*steps)
    return chooser


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def net(likely: dict[int, tuple[float, ...]], shown: list | None = None):
    """A `compose` that says of these notes how likely they play and begin (and their velocity, 0..1), and of others never."""

    def compose(choose):
        for note in range(NOTES):
            says = np.array([logit(p) for p in likely[note]] if note in likely else [NEVER, NEVER], np.float32)
            chosen = choose(note, says)
            if shown is not None:
                shown.append(chosen)

    return compose


def played(row: np.ndarray) -> dict[int, tuple[int, int]]:
    """note -> (articulate, velocity) of what plays."""
    return {int(note): (int(row[note, ARTICULATE]), int(row[note, VELOCITY])) for note in np.flatnonzero(row[:, PLAY])}


def test_given_numbers_give_the_notes_that_were_worked_out_by_hand():
    """p 0.3 plays below 0.3; what sounded before begins anew below its second p, what did not always begins."""
    likely = {10: (0.3, 0.2), 20: (0.3, 0.2), 30: (0.9, 0.4), 40: (0.9, 0.4), 50: (0.5, 0.5)}
    numbers = {10: (0.29, 0.9), 20: (0.31, 0.0), 30: (0.5, 0.39), 40: (0.5, 0.41), 50: (0.0, 0.0)}
    around = Surroundings(sounding={30: 70, 40: 60, 60: 50}, held={50: 33}, key=None, few=1.0, velocity=80)
    shown: list = []
    row = given_numbers(numbers).step(net(likely, shown), ANYTHING, around)
    assert played(row) == {10: (1, 80), 30: (1, 80), 40: (0, 60)}
    assert {note: chosen for note, chosen in enumerate(shown) if chosen[0]} == {
        10: (1.0, 1.0, 80.0), 30: (1.0, 1.0, 80.0), 40: (1.0, 0.0, 60.0), 50: (1.0, 0.0, 33.0)}


def test_conservativity_falls_by_a_fiftieth_while_too_little_sounds_and_comes_back_by_three_tenths():
    """0.5 ** 0.94 is 0.5212: a number that was too high for p is low enough at last."""
    silent, sounds = {}, {5: (0.52, 0.0)}
    chooser = given_numbers(silent, sounds, silent, sounds, silent)
    c, notes = [], []
    for _ in range(5):
        row = chooser.step(net({5: (0.5, 0.5)}), ANYTHING, ALONE)
        notes.append(len(played(row)))
        c.append(chooser.conservativity)
    assert notes == [0, 0, 0, 1, 0]
    assert c == pytest.approx([0.98, 0.96, 0.94, 0.94 + 0.06 * 0.3, 0.958 - 0.02])


def test_conservativity_stays_above_zero_and_ends_a_silence_within_four_bars():
    chooser, silent = Chooser(1), 0
    while not played(chooser.step(net({n: (1e-4, 0.5) for n in range(NOTES)}), ANYTHING, ALONE)):
        silent += 1
    assert silent < 64
    for _ in range(200):
        chooser.step(net({}), ANYTHING, ALONE)
    assert chooser.conservativity == 0.05


def test_what_is_few_follows_the_phrase():
    chord = Surroundings(sounding={}, held={}, key=None, few=2.5, velocity=80)
    for sounding, expected in ((2, 0.98), (3, 1.0)):
        chooser = given_numbers({n: (0.0, 0.0) for n in range(sounding)})
        chooser.step(net({n: (0.5, 0.5) for n in range(sounding)}), ANYTHING, chord)
        assert chooser.conservativity == expected


def test_density_and_temperature_change_what_a_number_is_held_against():
    """density 2: 0.25 ** 0.5 = 0.5; density 0.5: 0.25 ** 2 = 0.0625. temperature 2: sigmoid(logit(0.25) / 2) = 0.366."""
    for manner, below, above in (
        (ANYTHING, 0.249, 0.251),
        (ANYTHING.with_("density", 2.0), 0.499, 0.501),
        (ANYTHING.with_("density", 0.5), 0.062, 0.063),
        (ANYTHING.with_("temperature", 2.0), 0.365, 0.367),
    ):
        notes = [len(played(given_numbers({7: (u, 0.0)}).step(net({7: (0.25, 0.5)}), manner, ALONE))) for u in (below, above)]
        assert notes == [1, 0], manner


def test_notes_outside_the_range_or_the_key_are_never_played_but_held_ones_are_heard():
    everything, shown = {n: (0.999, 0.5) for n in range(NOTES)}, []
    manner = Manner(low=48, high=60, polyphony=16)
    around = Surroundings(sounding={}, held={61 - LOW: 9, 30: 9}, key=Key.named("D"), few=1.0, velocity=80)
    row = given_numbers({n: (0.0, 0.0) for n in range(NOTES)}).step(net(everything, shown), manner, around)
    assert [note + LOW for note in played(row)] == [49, 50, 52, 55, 57, 59]  # 54 is held, though F# is in D
    assert shown[61 - LOW] == (1.0, 0.0, 9.0)


def test_of_too_many_notes_those_stay_that_sound_on_and_then_the_likelier():
    likely = {10: (0.9, 0.1), 20: (0.6, 0.1), 30: (0.8, 0.9), 40: (0.7, 0.1), 50: (0.7, 0.1)}
    numbers = {note: (0.0, 0.5) for note in likely}
    around = Surroundings(sounding={20: 64, 30: 64}, held={}, key=None, few=1.0, velocity=80)
    orders = [[*played(given_numbers(numbers).step(net(likely), ANYTHING.with_("polyphony", n), around))] for n in range(1, 6)]
    assert orders == [[20], [10, 20], [10, 20, 30], [10, 20, 30, 40], [10, 20, 30, 40, 50]]


def test_held_notes_are_nobodys_polyphony_and_do_not_count_as_sounding_enough():
    around = Surroundings(sounding={}, held={1: 9, 2: 9, 3: 9}, key=None, few=1.0, velocity=80)
    chooser = given_numbers({5: (0.0, 0.0)}, {})
    assert [*played(chooser.step(net({5: (0.5, 0.5)}), ANYTHING.with_("polyphony", 1), around))] == [5]
    chooser.step(net({}), ANYTHING, around)
    assert chooser.conservativity == 0.98


def test_a_net_that_says_how_hard_is_followed_and_a_note_keeps_its_velocity_while_it_sounds():
    likely = {1: (0.9, 0.9, 0.5), 2: (0.9, 0.9, 1e-9), 3: (0.9, 0.1, 0.5)}
    around = Surroundings(sounding={3: 21}, held={}, key=None, few=1.0, velocity=80)
    row = given_numbers({n: (0.0, 0.5) for n in likely}).step(net(likely), ANYTHING, around)
    assert played(row) == {1: (1, 64), 2: (1, 1), 3: (0, 21)}


def test_an_accent_is_mild_and_stays_legal():
    assert [accented(80, position) for position in (0, 1, 2, 3, 4, 8, 15)] == [88, 72, 72, 72, 80, 80, 72]
    assert accented(127, 0) == 127 and accented(1, 1) == 1


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_the_surest_net_at_the_lowest_temperature_is_no_trouble(extreme):
    def compose(choose):
        for note in range(NOTES):
            choose(note, np.array([extreme, extreme, extreme], np.float32))

    row = Chooser(0).step(compose, ANYTHING.with_("temperature", 0.1), ALONE)
    assert len(played(row)) == (16 if extreme > 0 else 0)


@given(st.integers(0, 2**63 - 1), st.dictionaries(st.integers(0, 77), st.floats(0.01, 0.99), max_size=30))
def test_the_same_seed_gives_the_same_notes_and_exactly_two_numbers_a_note_are_drawn(seed, likely):
    compose = net({note: (p, 0.5) for note, p in likely.items()})
    rows = [[chooser.step(compose, ANYTHING, ALONE) for _ in range(3)] for chooser in (Chooser(seed), Chooser(seed))]
    np.testing.assert_array_equal(*rows)
    chooser = Chooser(seed)
    chooser._random.random((NOTES, 2))  # a step of whatever notes: the next one is the same
    chooser.conservativity = 1.0
    other = Chooser(seed)
    other.step(net({}), ANYTHING, ALONE)
    other.conservativity = 1.0
    np.testing.assert_array_equal(chooser.step(compose, ANYTHING, ALONE), other.step(compose, ANYTHING, ALONE))


def test_a_step_that_enters_is_drawn_from_those_that_sound():
    """Worked by hand. Notes 10, 20 and 30 play at 0.1, 0.2 and 0.5, whatever is below; that none does is 0.36. Of the steps
    that are not silent, the lowest note is 10 in 0.1 / 0.64, 20 in 0.9 * 0.2 / 0.64, and 30 in 0.9 * 0.8 * 0.5 / 0.64."""
    likely = {10: (0.1, 0.5), 20: (0.2, 0.5), 30: (0.5, 0.5)}
    chooser, count, lowest, silent = Chooser(0), 4_000, [], 0
    for _ in range(count):
        chooser.conservativity = 1.0
        row = chooser.step(net(likely), ANYTHING, ALONE, enters=True)
        lowest.append(int(np.flatnonzero(row[:, PLAY])[0]))
        silent += played(row).keys() >= {10, 30}
    for note, share in ((10, 0.1 / 0.64), (20, 0.18 / 0.64), (30, 0.36 / 0.64)):
        assert lowest.count(note) / count == pytest.approx(share, abs=0.03)
    assert silent / count == pytest.approx(0.05 / 0.64, abs=0.02)  # the notes above the lowest are as likely as ever


def test_nobody_enters_where_nothing_can_sound_and_a_step_that_does_not_enter_may_be_silent():
    assert played(Chooser(0).step(net({}), ANYTHING, ALONE, enters=True)) == {}
    assert played(Chooser(0).step(net({10: (1e-6, 0.5)}), ANYTHING, ALONE)) == {}
    assert played(Chooser(0).step(net({10: (1e-6, 0.5)}), ANYTHING, ALONE, enters=True)).keys() == {10}


def test_notes_stay_near_what_was_played_where_that_leaves_an_octave():
    likely = {note: (0.999, 0.9) for note in range(NOTES)}
    near = Surroundings(sounding={}, held={}, key=None, few=1.0, velocity=80, reach=(60, 72))
    for manner, pitches in ((ANYTHING, range(60, 73)), (Manner(key="off", polyphony=16, low=90), range(90, 102))):
        row = Chooser(0).step(net(likely), manner, near)
        assert {note + LOW for note in played(row)} <= set(pitches)
        assert played(row)


def test_no_manner_makes_a_silence_last_longer_than_three_bars():
    chooser, rare = Chooser(0), Manner(key="off", temperature=0.1, density=0.25)
    silent = [not played(chooser.step(net({10: (0.01, 0.5), 20: (0.02, 0.5)}), rare, ALONE)) for _ in range(400)]
    runs = "".join("s" if one else "." for one in silent).split(".")
    assert max(map(len, runs)) == 48
