from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave.control.osc_pattern import named

ADDRESSES = ["/livewave/note", "/livewave/note/on", "/livewave/note/off", "/livewave/gain", "/livewave/reset"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/livewave/note", ["/livewave/note"]),
        ("/livewave/*", ["/livewave/note", "/livewave/gain", "/livewave/reset"]),
        ("/*/note/*", ["/livewave/note/on", "/livewave/note/off"]),
        ("/livewave/note/o?", ["/livewave/note/on"]),
        ("/livewave/note/o??", ["/livewave/note/off"]),
        ("/livewave/{gain,reset}", ["/livewave/gain", "/livewave/reset"]),
        ("/livewave/{note,}/on", ["/livewave/note/on"]),
        ("/livewave/[a-g]*", ["/livewave/gain"]),
        ("/livewave/[!a-g]*", ["/livewave/note", "/livewave/reset"]),
        ("/livewave/[ng]*", ["/livewave/note", "/livewave/gain"]),
        ("/livewave/*t*", ["/livewave/note", "/livewave/reset"]),
        ("/livewave?note", []),
        ("/livewave/[!x]", []),
        ("/livewave/[note", []),
        ("/livewave/{note", []),
        ("/*", []),
        ("*", []),
    ],
)
def test_a_pattern_names_what_the_specification_says(pattern: str, expected: list[str]) -> None:
    assert named(pattern, ADDRESSES) == expected


@given(st.text(alphabet="*?[]{}!,-/abn", max_size=80))
def test_no_pattern_raises_and_a_text_names_itself(pattern: str) -> None:
    named(pattern, ADDRESSES)
    if not set(pattern) & set("*?[{"):
        assert named(pattern, [pattern]) == [pattern]


def test_a_pattern_that_makes_regular_expressions_explode_takes_at_most_letters_times_letters_steps() -> None:
    class Counted(str):
        looks = 0

        def __getitem__(self, key):
            Counted.looks += 1
            return str.__getitem__(self, key)

    address = Counted("/livewave/" + "a" * 30)
    pattern = "/livewave/" + "*a" * 100 + "X"
    assert named(pattern, [address]) == []
    assert Counted.looks <= len(pattern) * (len(address) + 1)
