from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket

from livewave.control.osc_guard import check
from tests.control.osc_cases import MALFORMED, NOTE, REFUSED, ahead, bundle, nested

VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32),
    st.booleans(),
    st.binary(min_size=1, max_size=40),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
)


@pytest.mark.parametrize("name", MALFORMED)
def test_what_python_osc_must_not_be_given_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        check(MALFORMED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_well_formed_passes_whatever_it_asks_for(name: str) -> None:
    assert check(REFUSED[name]) == 1


def test_messages_are_counted_through_nested_bundles() -> None:
    assert check(NOTE) == 1
    assert check(bundle()) == 0
    assert check(bundle(NOTE, bundle(NOTE, NOTE), NOTE, tag=ahead(1.0))) == 4
    assert check(nested(8)) == 1


@given(st.lists(VALUES, max_size=8))
def test_whatever_python_osc_builds_passes(values: list[object]) -> None:
    assert check(build_msg("/livewave/note", values).dgram) == 1


def test_what_passes_never_raises_in_python_osc() -> None:
    chance, passed = random.Random(1), 0
    seeds = [NOTE, nested(3), bundle(NOTE, NOTE), build_msg("/a", [1, 2.0, "text", b"blob", True, [1, [2]]]).dgram]
    for _ in range(20_000):
        datagram = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            datagram[chance.randrange(len(datagram))] = chance.choice((0, 1, 4, 255, chance.randrange(256)))
        datagram = bytes(datagram[: chance.choice((len(datagram), chance.randrange(len(datagram)) // 4 * 4))])
        try:
            check(datagram)
        except ValueError:
            continue
        passed += 1
        OscPacket(datagram)
    assert passed > 1_000


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_value_error(datagram: bytes) -> None:
    try:
        check(datagram)
    except ValueError:
        assert True
