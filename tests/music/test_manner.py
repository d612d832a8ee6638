from __future__ import annotations

import dataclasses

import pytest

from livewave import ConfigError
from livewave.music.key import Key
from livewave.music.manner import MODES, RANGES, Manner


def test_every_number_has_a_range_and_its_default_is_in_it():
    numbers = {f.name: f.default for f in dataclasses.fields(Manner) if not isinstance(f.default, str)}
    assert numbers.keys() == RANGES.keys()
    for name, value in numbers.items():
        assert RANGES[name][0] <= value <= RANGES[name][1]


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_legal_and_what_is_beyond_is_refused_by_name_value_and_range(name):
    low, high, _ = RANGES[name]
    for value in (low, high):
        if (name, value) not in (("low", high), ("high", low)):  # they leave less than an octave
            assert getattr(Manner().with_(name, value), name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=rf"{name} is {value}; it must be a .*number in {low}\.\.{high}"):
            Manner().with_(name, value)


@pytest.mark.parametrize("name, value", [
    ("temperature", "warm"), ("temperature", float("nan")), ("density", float("inf")), ("polyphony", 2.5), ("polyphony", True),
    ("low", None), ("rest_beats", (1, 2)), ("mode", "loud"), ("mode", 1), ("key", "H"), ("key", 3), ("range", 60),
    ("range", (60, 61, 62)), ("range", "60"), ("colour", "red"), ("with_", 1),
])
def test_nonsense_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        Manner().with_(name, value)


def test_a_range_is_at_least_an_octave():
    assert Manner().with_("range", (60, 71)).high == 71
    for narrow in ((60, 70), (71, 60)):
        with pytest.raises(ConfigError, match="at least an octave"):
            Manner().with_("range", narrow)


@pytest.mark.parametrize("key", ["off", "auto", "C", "F# minor", "Bbm"])
def test_a_key_may_be_a_rule_or_a_name(key):
    assert Manner().with_("key", key).key == key


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_can_be_had(mode):
    assert Manner(mode=mode).mode == mode


def test_only_one_field_changes_and_the_manner_before_stays():
    before = Manner()
    after = before.with_("density", 2)
    assert (before.density, after.density) == (1.0, 2.0) and dataclasses.replace(after, density=1.0) == before


def test_whole_numbers_may_come_as_floats():
    polyphony = Manner().with_("polyphony", 3.0).polyphony
    assert polyphony == 3 and type(polyphony) is int


def test_the_key_is_that_of_the_phrase_or_the_one_that_was_asked_for():
    heard = Key(7)
    assert Manner(key="auto").key_for(heard) == heard
    assert Manner(key="auto").key_for(None) is None
    assert Manner(key="off").key_for(heard) is None
    assert Manner(key="F# minor").key_for(heard) == Key(6, minor=True)
