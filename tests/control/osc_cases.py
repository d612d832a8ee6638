"""Datagrams that have hung, crashed or slowed down OSC servers, by name."""

from __future__ import annotations

import struct
import time

from pythonosc.osc_message_builder import build_msg

IMMEDIATELY = b"\0\0\0\0\0\0\0\1"
NOTE = build_msg("/livewave/note", [60, 100]).dgram


def bundle(*elements: bytes, tag: bytes = IMMEDIATELY) -> bytes:
    return b"#bundle\0" + tag + b"".join(struct.pack(">i", len(element)) + element for element in elements)


def time_tag(date_s: float) -> bytes:
    return struct.pack(">Q", int((date_s + 2_208_988_800) * 2**32))


def ahead(seconds: float) -> bytes:
    return time_tag(time.time() + seconds)


def nested(depth: int) -> bytes:
    datagram = NOTE
    for _ in range(depth):
        datagram = bundle(datagram)
    return datagram


MALFORMED = {
    "empty": b"",
    "address cut off": b"/n",
    "tags without a comma": b"/n\0\0iii\0",
    "no int where one is promised": b"/n\0\0,i\0\0",
    "half an int": b"/n\0\0,i\0\0\0\1",
    "an unknown tag": b"/n\0\0,ci\0\0\0\0a\0\0\0\7",
    "an address that is not UTF-8": b"/\xff\xfe\0",
    "a text that is not UTF-8": b"/n\0\0,s\0\0\xff\xff\xff\0",
    "a blob of 2 GB": b"/n\0\0,b\0\0\x7f\xff\xff\xffabcd",
    "a blob of -4 bytes": b"/n\0\0,bi\0\xff\xff\xff\xfc\0\0\0\1",
    "an array that is not closed": b"/n\0\0,[[[\0\0\0\0",
    "an array that is not opened": b"/n\0\0,]\0\0",
    "3000 arrays": b"/n\0\0," + b"[" * 3000 + b"]" * 3000 + b"\0" * 3,
    "a bundle without a time tag": b"#bundle\0",
    "a bundle element of 2 GB": b"#bundle\0" + IMMEDIATELY + b"\x7f\xff\xff\xff" + NOTE,
    "a bundle element of 0 bytes": b"#bundle\0" + IMMEDIATELY + b"\0" * 4,
    "a bundle element of -4 bytes": b"#bundle\0" + IMMEDIATELY + b"\xff\xff\xff\xfc",
    "a bundle element that is neither": bundle(b"abcd"),
    "20 bundles deep": nested(20),
    "400 bundles deep": nested(400),
    "1200 bundles deep, cut off": nested(1200)[:65_000],
    "600 elements": bundle(*[b"/n\0\0"] * 600),
    "an address of 300 letters": b"/" + b"a" * 300 + b"\0\0\0",
}
REFUSED = {
    "only a slash": b"/\0\0\0",
    "an unknown address": b"/n\0\0",
    "no arguments": b"/livewave/note\0\0",
    "not a number": build_msg("/livewave/gain", [float("nan")]).dgram,
    "infinity": build_msg("/livewave/gain", [float("inf")]).dgram,
    "a text of 9 kB": build_msg("/livewave/model", ["x" * 9000]).dgram,
    "a blob of 60 kB": build_msg("/livewave/roll", [b"x" * 60_000]).dgram,
    "a time tag as argument": b"/livewave/gain\0\0,t\0\0" + b"\xff" * 8,
    "20 stars": b"/" + b"*" * 20 + b"X\0\0",
    "14 times a star and a letter": b"/" + b"*e" * 14 + b"X\0\0",
    "120 stars and letters": b"/livewave/" + b"*e" * 120 + b"X\0",
}
