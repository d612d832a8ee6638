"""The address space as OSCQuery describes it: a tree of nodes, each a dict that becomes JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from livewave.control.osc_addresses import ADDRESSES, Address, Argument, Value
from livewave.control.osc_reports import IN_STATUS, REPORTS, Report
from livewave.control.osc_voices import VOICE, addresses_of

READ, WRITE = 1, 2
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "RANGE", "DESCRIPTION", "VALUE", "UNIT", "CLIPMODE")
EXTENSIONS = {"ACCESS": True, "VALUE": True, "RANGE": True, "DESCRIPTION": True, "UNIT": True, "CLIPMODE": True, "LISTEN": True}
IMPULSE = "N"  # the type of what takes no argument
UNITS = {"dB": "gain.db", "bpm": "time.bpm", "ms": "time.ms"}

OF_A_VOICE = ("model", "gain", "pan", "mute", "transpose", "temperature")  # what of its state can be set
_STATE = [argument.name for argument in REPORTS["/livewave/voice.reply"].arguments[1:]]

Values = Mapping[str, Sequence[Value]]
Node = dict[str, object]


def values_of(status: Mapping[str, Value]) -> dict[str, tuple[Value, ...]]:
    """The values that a status holds, by address. Of an ensemble the model is many, and none that could be sent."""
    told = {path: names for path, names in IN_STATUS.items() if path != "/livewave/model" or status.get("voices", 1) == 1}
    return {path: tuple(status[name] for name in names) for path, names in told.items() if all(name in status for name in names)}


def values_of_voices(states: Sequence[Sequence[Value]]) -> dict[str, tuple[Value, ...]]:
    """The same of voices, whose states are as /livewave/voice.reply tells them."""
    found: dict[str, tuple[Value, ...]] = {}
    for number, *state in states:
        told = dict(zip(_STATE, state))
        found |= {f"{VOICE}/{number}/{name}": (told[name],) for name in OF_A_VOICE}
    return found


def describe(values: Values, choices: Mapping[str, Sequence[str]] | None = None, voices: int = 0) -> Node:
    """The root of the tree, with these values in it; `choices` are all that may be sent to an address now. Each voice has a node."""
    root = _container("/")
    for path, row in {**REPORTS, **ADDRESSES, **addresses_of(voices)}.items():  # what can be sent counts where both are
        node = root
        for depth in range(2, path.count("/") + 2):
            parent = "/".join(path.split("/")[:depth])
            node = node.setdefault("CONTENTS", {}).setdefault(parent.rpartition("/")[2], _container(parent))
        node.update(_method(row, values.get(path)))
        if choices and path in choices:
            node["RANGE"] = [{"VALS": list(choices[path])}]
    return root


def answer(root: Node, path: str, attribute: str) -> tuple[HTTPStatus, Node | None]:
    """What HTTP answers to a question for a node, or for one attribute of it."""
    if attribute and attribute not in ATTRIBUTES:
        return HTTPStatus.BAD_REQUEST, None
    node = root
    for part in filter(None, path.split("/")):
        node = node.get("CONTENTS", {}).get(part)
        if node is None:
            return HTTPStatus.NOT_FOUND, None
    if not attribute:
        return HTTPStatus.OK, node
    return (HTTPStatus.OK, {attribute: node[attribute]}) if attribute in node else (HTTPStatus.NO_CONTENT, None)


def _container(path: str) -> Node:
    return {"FULL_PATH": path, "ACCESS": 0}


def _method(row: Address | Report, values: Sequence[Value] | None) -> Node:
    arguments = [argument for argument in row.arguments if not argument.optional]
    writes = WRITE * isinstance(row, Address)
    reads = READ * (values is not None or not writes)
    node: Node = {"TYPE": "".join(argument.tag for argument in arguments) or IMPULSE, "ACCESS": reads | writes,
                  "DESCRIPTION": row.meaning}
    if any(spans := [_range(argument) for argument in arguments]):
        node["RANGE"] = spans
    if writes and arguments:
        node["CLIPMODE"] = ["none"] * len(arguments)  # what is outside is refused
    if any(units := [UNITS.get(argument.unit) for argument in arguments]):
        node["UNIT"] = units
    if values is not None:
        node["VALUE"] = [None if isinstance(value, bytes) else value for value in values]  # JSON has no blobs
    return node


def _range(argument: Argument) -> Node | None:
    if argument.choices:
        return {"VALS": list(argument.choices)}
    bounds = {"MIN": argument.low, "MAX": argument.high} if argument.tag in "if" else {}
    return {name: bound for name, bound in bounds.items() if not math.isinf(bound)} or None
