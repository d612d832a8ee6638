"""The structural check of a datagram, before python-osc parses it.

python-osc 1.10 loops for ever on a bundle element of negative size, recurses into nested bundles, and goes on with
garbage after a type tag it does not know. What passes here is well-formed OSC 1.0 of bounded size and depth, with
type tags that python-osc can parse. Nothing here recurses or looks at a byte more than twice.
"""

from __future__ import annotations

import struct

MAX_DATAGRAM_BYTES = 65_507
MAX_BUNDLE_DEPTH = 8
MAX_ELEMENTS = 512
MAX_ADDRESS_BYTES = 255
MAX_TAGS = 256
MAX_ARRAY_DEPTH = 4

BUNDLE = b"#bundle\0"
BUNDLE_HEADER_BYTES = 16

# type tag: bytes of its argument
_FIXED = {"i": 4, "f": 4, "r": 4, "m": 4, "h": 8, "d": 8, "t": 8, "T": 0, "F": 0, "N": 0}
_size_at = struct.Struct(">i").unpack_from


def check(datagram: bytes) -> int:
    """How many messages the datagram holds. Raises ValueError for anything python-osc must not be given."""
    if not datagram or len(datagram) > MAX_DATAGRAM_BYTES:
        raise ValueError(f"a datagram of {len(datagram)} bytes")
    waiting, elements, messages = [(0, len(datagram), 0)], 0, 0
    while waiting:
        start, end, depth = waiting.pop()
        if not datagram.startswith(BUNDLE, start):
            _check_message(datagram, start, end)
            messages += 1
            continue
        inside = _elements(datagram, start, end)
        elements += len(inside)
        if depth >= MAX_BUNDLE_DEPTH or elements > MAX_ELEMENTS:
            raise ValueError(f"more than {MAX_BUNDLE_DEPTH} bundles deep, or more than {MAX_ELEMENTS} elements")
        waiting.extend((first, last, depth + 1) for first, last in inside)
    return messages


def _elements(datagram: bytes, start: int, end: int) -> list[tuple[int, int]]:
    place = start + BUNDLE_HEADER_BYTES
    if place > end:
        raise ValueError("a bundle without a time tag")
    inside = []
    while place < end:
        size = _size(datagram, place, end)
        place += 4
        if size <= 0 or size % 4 or size > end - place or len(inside) >= MAX_ELEMENTS:
            raise ValueError(f"a bundle element of {size} bytes")
        inside.append((place, place + size))
        place += size
    return inside


def _check_message(datagram: bytes, start: int, end: int) -> None:
    if datagram[start : start + 1] != b"/":
        raise ValueError("neither a message nor a bundle")
    place = _check_string(datagram, start, end, MAX_ADDRESS_BYTES)
    if place == end:
        return  # a message without a type tag string: old senders do that
    tags_at, place = place, _check_string(datagram, place, end, MAX_TAGS)
    if datagram[tags_at] != ord(","):
        raise ValueError("type tags without a comma")
    array_depth = 0
    for tag in datagram[tags_at + 1 : datagram.index(b"\0", tags_at)].decode("ascii"):
        if tag in _FIXED:
            place += _FIXED[tag]
        elif tag == "s":
            place = _check_string(datagram, place, end, MAX_DATAGRAM_BYTES)
        elif tag == "b":
            place = _after_blob(datagram, place, end)
        elif tag in "[]":
            array_depth += 1 if tag == "[" else -1
        else:
            raise ValueError(f"type tag {tag!r}")
        if place > end or not 0 <= array_depth <= MAX_ARRAY_DEPTH:
            raise ValueError("arguments that do not fit their type tags")
    if array_depth:
        raise ValueError("an array that is not closed")


def _check_string(datagram: bytes, start: int, end: int, most_bytes: int) -> int:
    """Where the padded string ends. Strings begin at a multiple of four from the start of the message."""
    stop = datagram.find(b"\0", start, min(end, start + most_bytes + 1))
    if stop < 0:
        raise ValueError(f"a string without an end, or of more than {most_bytes} bytes")
    datagram[start:stop].decode("utf-8")
    after = start + ((stop - start) // 4 + 1) * 4
    if after > end:
        raise ValueError("a string without its padding")
    return after


def _after_blob(datagram: bytes, place: int, end: int) -> int:
    size = _size(datagram, place, end)
    if not 0 <= size <= end - place - 4:
        raise ValueError(f"a blob of {size} bytes")
    return place + 4 + (size + 3) // 4 * 4


def _size(datagram: bytes, place: int, end: int) -> int:
    if end - place < 4:
        raise ValueError("cut off before a size")
    return _size_at(datagram, place)[0]
