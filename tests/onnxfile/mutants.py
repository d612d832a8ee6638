"""Model files that are well-formed and wrong: fields of the good file's messages set, doubled, moved, emptied, by a seed.

Damaged bytes mostly end in the parser; these come further.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import onnx

WHOLE_NUMBERS = (0, 1, -1, 2, 7, 255, 2**16, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63))
TEXTS = ("", "x", "\0", "\x1b[2J", "a" * 5_000, "Ä", "../../etc/passwd", "{}", "[" * 5_000, "9" * 5_000, "nan", "1e999")
SET_SHARE = 0.8  # of the changes, that are to what the file has set
TIMES = (1, 1, 2, 4)  # that a file is changed


def mutated(seed: int, good: bytes) -> bytes:
    """The file, changed in one place or a few."""
    chance = random.Random(seed)
    proto = onnx.ModelProto.FromString(good)
    for _ in range(chance.choice(TIMES)):
        _change(chance, chance.choice(list(_messages(proto))))
    return proto.SerializeToString()


def _messages(message: Any) -> Iterator[Any]:
    """It and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if _is_list(value) else [value]:
                yield from _messages(part)


def _is_list(value: object) -> bool:
    return hasattr(value, "extend")


def _change(chance: random.Random, message: Any) -> None:
    there = [field for field, _ in message.ListFields()]
    field = chance.choice(there if there and chance.random() < SET_SHARE else message.DESCRIPTOR.fields)
    value = getattr(message, field.name)
    if chance.random() < 0.1:
        message.ClearField(field.name)
    elif _is_list(value):
        _change_list(chance, field, value)
    elif field.message_type is not None:
        value.SetInParent()
    else:
        setattr(message, field.name, _scalar(chance, field, value))


def _change_list(chance: random.Random, field: Any, values: Any) -> None:
    if len(values) and chance.random() < 0.5:
        place = chance.randrange(len(values))
        if chance.random() < 0.5:
            del values[place]
        elif field.message_type is not None:
            values.add().CopyFrom(values[place])
        else:
            values[place] = _scalar(chance, field, values[place])
    elif field.message_type is not None:
        values.add()
    else:
        values.append(_scalar(chance, field, None))


def _scalar(chance: random.Random, field: Any, value: object) -> object:
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return chance.choice((0.0, float("nan"), float("inf"), -1e30))
    if field.cpp_type == field.CPPTYPE_ENUM:
        return chance.choice([entry.number for entry in field.enum_type.values])
    if field.cpp_type != field.CPPTYPE_STRING:
        most = 2**31 - 1 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 2**63 - 1
        least = 0 if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64) else -most - 1
        return chance.choice([number for number in WHOLE_NUMBERS if least <= number <= most])
    if field.type == field.TYPE_BYTES:
        return chance.choice((b"", b"\0", b"\xff" * 4_096, bytes(value or b"")[: chance.randrange(64)]))
    return chance.choice((*TEXTS, _edited(chance, str(value or "x"))))


def _edited(chance: random.Random, text: str) -> str:
    """A text like it: of a spec, mostly."""
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(("", "0", "-", "e9", '"', "]", "null", str(chance.choice(WHOLE_NUMBERS)))) + text[place + 1 :]
