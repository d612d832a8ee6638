"""OSC address patterns, matched by following every place they can have reached: no regular expression, no backtracking.

The time is bounded by length of the pattern x length of the address, whatever the pattern.
Source: OpenSoundControl Specification 1.0, "OSC Message Dispatching and Pattern Matching".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

WILDCARDS = frozenset("*?[{")


class _Star:
    """Any run of letters inside one part of the address, none included."""

    def after(self, address: str, places: set[int]) -> set[int]:
        reached, running = set(), False
        for place in range(len(address) + 1):
            running = running or place in places
            if running:
                reached.add(place)
            if address[place : place + 1] == "/":
                running = False
        return reached


@dataclass(frozen=True, slots=True)
class _Letter:
    """One letter inside (or, when not wanted, outside) of some ranges."""

    ranges: tuple[tuple[str, str], ...]
    wanted: bool

    def after(self, address: str, places: set[int]) -> set[int]:
        return {place + 1 for place in places if place < len(address) and self._takes(address[place])}

    def _takes(self, letter: str) -> bool:
        return letter != "/" and any(low <= letter <= high for low, high in self.ranges) is self.wanted


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of some texts."""

    texts: tuple[str, ...]

    def after(self, address: str, places: set[int]) -> set[int]:
        return {place + len(text) for place in places for text in self.texts if address.startswith(text, place)}


def named(pattern: str, addresses: Iterable[str]) -> list[str]:
    """The addresses that the pattern names. A bracket or brace that is not closed names nothing."""
    try:
        tokens = list(_tokens(pattern))
    except ValueError:
        return []
    return [address for address in addresses if _matches(tokens, address)]


def _matches(tokens: Iterable[_Star | _Letter | _Choice], address: str) -> bool:
    places = {0}
    for token in tokens:
        places = token.after(address, places)
        if not places:
            return False
    return len(address) in places


def _tokens(pattern: str) -> Iterator[_Star | _Letter | _Choice]:
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        place += 1
        if letter == "*":
            yield _Star()
        elif letter == "?":
            yield _Letter((), False)
        elif letter == "[":
            end = pattern.index("]", place)
            yield _letters(pattern[place:end])
            place = end + 1
        elif letter == "{":
            end = pattern.index("}", place)
            yield _Choice(tuple(pattern[place:end].split(",")))
            place = end + 1
        else:
            yield _Choice((letter,))


def _letters(inside: str) -> _Letter:
    wanted = not inside.startswith("!")
    rest, ranges = inside if wanted else inside[1:], []
    while rest:
        if len(rest) > 2 and rest[1] == "-":
            ranges.append((rest[0], rest[2]))
            rest = rest[3:]
        else:
            ranges.append((rest[0], rest[0]))
            rest = rest[1:]
    return _Letter(tuple(ranges), wanted)
