"""Configurations of any kind: read, or refused as a ConfigError of one line that a player can act on."""

from __future__ import annotations

import json
import random
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave import ConfigError
from livewave.config import _SECTIONS, Config, load_config, make_config
from tests.soak.mutants import damaged

FILES = 800
NAMES = sorted({field.name for kind in _SECTIONS.values() for field in fields(kind)})
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=4), st.dates(),
    st.sampled_from(["auto", "off", "default", "null", "127.0.0.1:9000", "[::1]:9000", "192.168.1.0/24", "4/4", "9" * 5_000 + ":9",
                     "a:9²", "a:１", "²/4", "９/4", "1/²"]))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
                      max_leaves=6)
TREES = st.dictionaries(
    st.sampled_from([*_SECTIONS, "nowhere"]),
    st.dictionaries(st.sampled_from([*NAMES, "nothing"]), VALUES, max_size=4), max_size=4)

GOOD = b"""# a stage
[model]
name = "cello"
seed = 7
temperature = 0.9

[audio]
output = "file:take.wav"
rate_hz = "auto"
latency_ms = 12.5

[control]
midi = ["virtual", "Launchpad"]
osc = "127.0.0.1:9000"
allow = ["192.168.1.0/24", "::1"]
longest_note_s = "off"

[continue]
mode = "answer"
key = "F# minor"

[tempo]
bpm = 96
metre = "3/4"
link = false
"""


def test_a_file_that_never_ends_is_refused():
    with pytest.raises(ConfigError, match="/dev/zero has more than"):
        load_config("/dev/zero", {})


def readable(config: Config) -> bool:
    """Whether it can be handed to the other process, and back."""
    assert make_config(json.loads(config.to_json())) == config
    assert isinstance(config.control.osc_address[1], int) and len(config.tempo.beats_unit) == 2
    return True


def check_one_line(error: ConfigError) -> None:
    assert str(error) and len(str(error).splitlines()) == 1


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_any_tree_is_a_configuration_or_refused_in_a_line(tree):
    try:
        assert readable(make_config(tree))
    except ConfigError as error:
        check_one_line(error)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(_SECTIONS)), st.data())
def test_any_value_of_a_field_that_exists_is_taken_or_refused_in_a_line(section, data):
    name = data.draw(st.sampled_from([field.name for field in fields(_SECTIONS[section])]))
    try:
        assert readable(load_config(None, {section: {name: data.draw(VALUES)}}))
    except ConfigError as error:
        check_one_line(error)


@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_file_is_read_or_refused_in_a_line_that_names_what_is_wrong(tmp_path: Path, seed):
    path, chance, refused = tmp_path / "live.toml", random.Random(seed), 0
    for _ in range(FILES):
        path.write_bytes(damaged(chance, GOOD))
        try:
            assert readable(load_config(str(path), {}))
        except ConfigError as error:
            refused += 1
            check_one_line(error)
    assert 0 < refused < FILES


@pytest.mark.parametrize("text", ["a=" + "[" * 60_000, "[" + "a." * 30_000 + "a]", "a=" + "{b=" * 20_000, "[model]\nseed = " + "9" * 10_000])
def test_a_file_made_to_exhaust_its_reader_is_refused_in_a_line(tmp_path: Path, text):
    path = tmp_path / "bomb.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(str(path), {})
    check_one_line(caught.value)
