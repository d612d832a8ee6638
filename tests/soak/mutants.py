"""Valid OSC packets and MIDI bytes, and what a seed makes of them: bits flipped, numbers at their limits, cut, spliced.

The same seed, count and date give the same packets on every machine.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator

from pythonosc.osc_message_builder import build_msg

from livewave.control.midi_bytes import MESSAGES
from livewave.control.osc_addresses import ADDRESSES, Argument
from livewave.control.osc_voices import addresses_of
from tests.control.osc_cases import IMMEDIATELY, MALFORMED, REFUSED, bundle, time_tag

# What is meant to be heard is sent with values that change nothing while they are whole. Not sent is what writes files, and
# the order to start the net again, which takes its time.
TAME = {"/livewave/model": ["no such instrument"], "/livewave/gain": [0.0], "/livewave/temperature": [0.8]}
TAME |= {path.replace("/livewave/", "/livewave/voice/1/"): values for path, values in TAME.items()} | {"/livewave/voice/1/mute": [0]}
ALL = {**ADDRESSES, **addresses_of(1)}
SENT = [address for address in ALL if address != "/livewave/record"]
NUMBERS = (0, 1, -1, 4, 8, 127, 128, 255, 256, 512, 2**16, 2**31 - 1, -(2**31), -4, 0x7FC00000)
RANDOM_SHARE, WHOLE_SHARE, BUNDLE_SHARE, KNOWN_SHARE = 0.1, 0.1, 0.3, 0.05
LONGEST_NOISE_BYTES = 200
TIMES = (1, 1, 1, 2, 4)  # that a packet is damaged
AHEAD_S = (-3_600.0, -0.01, 0.05, 0.5, 2.0, 3_600.0)

Change = Callable[[random.Random, bytearray], None]


def osc_packets(seed: int, count: int, date_s: float) -> Iterator[bytes]:
    """Datagrams: one in ten is noise, one in ten is left whole, the others are damaged. Bundles are dated from `date_s` on."""
    chance = random.Random(seed)
    known = [packet for packet in (*MALFORMED.values(), *REFUSED.values()) if len(packet) < 4_096]
    for _ in range(count):
        kind = chance.random()
        if kind < RANDOM_SHARE:
            yield chance.randbytes(chance.randrange(LONGEST_NOISE_BYTES))
        elif kind < RANDOM_SHARE + KNOWN_SHARE:
            yield chance.choice(known)
        else:
            packet = _bundle(chance, date_s) if chance.random() < BUNDLE_SHARE else _message(chance)
            yield packet if chance.random() < WHOLE_SHARE else damaged(chance, packet)


def midi_packets(seed: int, count: int) -> Iterator[bytes]:
    """Up to 12 bytes each: noise, or messages one after the other, whole or damaged."""
    chance = random.Random(seed)
    for _ in range(count):
        if chance.random() < 0.3:
            yield chance.randbytes(chance.randrange(1, 12))
        else:
            packet = b"".join(_midi_message(chance) for _ in range(chance.randint(1, 3)))
            yield packet if chance.random() < 0.5 else damaged(chance, packet)


def _message(chance: random.Random) -> bytes:
    address = chance.choice(SENT)
    values = TAME.get(address) or [_value(chance, argument) for argument in ALL[address].arguments]
    return build_msg(address, values).dgram


def _value(chance: random.Random, argument: Argument) -> object:
    if argument.tag == "s":
        return chance.choice(argument.choices or ("auto", "off", "C", "nonsense"))
    if argument.tag == "b":
        return chance.randbytes(int(argument.high))
    if argument.tag == "i":
        return chance.randint(int(argument.low), int(argument.high))
    return chance.uniform(argument.low, argument.high)


def _bundle(chance: random.Random, date_s: float, depth: int = 0) -> bytes:
    parts = [_bundle(chance, date_s, depth + 1) if depth < 3 and chance.random() < 0.2 else _message(chance)
             for _ in range(chance.randint(0, 5))]
    tag = IMMEDIATELY if chance.random() < 0.5 else time_tag(date_s + chance.choice(AHEAD_S))
    return bundle(*parts, tag=tag)


def _midi_message(chance: random.Random) -> bytes:
    status = chance.choice(list(MESSAGES))
    data = bytes(chance.choice((0, 1, 60, 61, 64, 66, 100, 120, 123, 127)) for _ in range(MESSAGES[status].data_bytes))
    return bytes((status | (chance.randrange(16) if status < 0xF0 else 0),)) + data


def _flip(chance: random.Random, packet: bytearray) -> None:
    packet[chance.randrange(len(packet))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, packet: bytearray) -> None:
    packet[chance.randrange(len(packet))] = chance.randrange(256)


def _number(chance: random.Random, packet: bytearray) -> None:
    """A four-byte word becomes one that programs trip over."""
    place = chance.randrange(len(packet)) // 4 * 4
    packet[place : place + 4] = struct.pack(">I", chance.choice(NUMBERS) & 0xFFFFFFFF)


def _cut(chance: random.Random, packet: bytearray) -> None:
    del packet[chance.randrange(len(packet)) :]


def _insert(chance: random.Random, packet: bytearray) -> None:
    place = chance.randrange(len(packet))
    packet[place:place] = chance.choice((b"\0", b"\0\0\0\0", b"*", b"{", b"[", b"#bundle\0", chance.randbytes(4)))


def _splice(chance: random.Random, packet: bytearray) -> None:
    """A piece of it comes again, somewhere else."""
    start, end, into = (chance.randrange(len(packet) + 1) for _ in range(3))
    packet[into:into] = packet[min(start, end) : max(start, end)]


CHANGES: tuple[Change, ...] = (_flip, _overwrite, _number, _cut, _insert, _splice)


def damaged(chance: random.Random, packet: bytes) -> bytes:
    """The packet, or whatever bytes, changed in a place or a few."""
    changed = bytearray(packet)
    for _ in range(chance.choice(TIMES)):
        if changed:
            chance.choice(CHANGES)(chance, changed)
    return bytes(changed)
