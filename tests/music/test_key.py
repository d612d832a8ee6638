from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave import ConfigError
from livewave.music.key import NAMES, Key, estimate

FIT = {  # Krumhansl and Kessler 1982
    False: (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    True: (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def steps(**lengths: float) -> np.ndarray:
    """How long each pitch class sounded: steps(C=4, Fs=1)."""
    weights = np.zeros(12)
    for name, length in lengths.items():
        weights[Key.named(name.replace("s", "#")).tonic] = length
    return weights


@pytest.mark.parametrize("name, tonic, minor", [
    ("C", 0, False), ("c", 0, False), ("C#", 1, False), ("Db", 1, False), ("C♯", 1, False), ("E♭ minor", 3, True),
    ("F# minor", 6, True), ("Gbm", 6, True), ("Bbm", 10, True), ("bb", 10, False), ("b", 11, False), ("B major", 11, False),
    ("A min", 9, True), ("Am", 9, True), ("Cb", 11, False), ("B#", 0, False), (" D maj ", 2, False), ("Gmaj", 7, False),
])
def test_a_key_has_many_names(name, tonic, minor):
    assert Key.named(name) == Key(tonic, minor)


@pytest.mark.parametrize("name", ["", "H", "C##", "minor", "C minor major", "Cminor7", "auto", "C\nm x", 5, None])
def test_what_is_no_key_is_refused_by_name(name):
    with pytest.raises(ConfigError, match="there is no key .*minor"):
        Key.named(name)


@given(st.integers(0, 11), st.booleans())
def test_a_keys_own_name_names_it(tonic, minor):
    assert Key.named(Key(tonic, minor).name) == Key(tonic, minor)


def test_a_scale_is_that_of_the_books():
    assert {NAMES[c] for c in Key.named("D").classes} == {"D", "E", "F#", "G", "A", "B", "Db"}
    assert {NAMES[c] for c in Key.named("A minor").classes} == {"A", "B", "C", "D", "E", "F", "G", "Ab"}


@pytest.mark.parametrize("phrase, name", [
    (steps(C=4, D=2, E=3, F=2, G=4, A=2, B=1), "C"),
    (steps(G=4, A=2, B=3, C=2, D=4, E=2, Fs=1), "G"),
    (steps(A=4, B=2, C=3, D=2, E=4, F=2, Gs=1), "A minor"),
    (steps(C=4, G=2), "C"),
    (steps(C=1), "C"),
])
def test_the_key_of_a_phrase_is_heard(phrase, name):
    assert estimate(phrase) == Key.named(name)


@given(st.integers(0, 11))
def test_a_phrase_transposed_is_in_the_key_transposed(by):
    weights = steps(A=4, B=2, C=3, D=2, E=4, F=2, Gs=1)
    assert estimate(np.roll(weights, by)) == Key((9 + by) % 12, minor=True)


@given(st.lists(st.integers(0, 20), min_size=12, max_size=12).filter(lambda lengths: len(set(lengths)) > 1))
def test_of_all_keys_the_one_whose_profile_correlates_best_is_taken(lengths):
    found = estimate(np.array(lengths, float))
    fits = {Key(tonic, minor): np.corrcoef(np.roll(FIT[minor], tonic), lengths)[0, 1] for tonic in range(12) for minor in FIT}
    assert fits[found] == pytest.approx(max(fits.values()))


def test_long_notes_weigh_more_than_many():
    assert estimate(steps(G=32, B=16, D=24, Cs=1, Ds=1, F=1)) == Key.named("G")


@pytest.mark.parametrize("weights", [np.zeros(12), np.ones(12)])
def test_where_nothing_is_heard_there_is_no_key(weights):
    assert estimate(weights) is None
