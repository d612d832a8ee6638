from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import IN_STATUS, REPORTS, STATUS
from livewave.oscquery.tree import ATTRIBUTES, OF_A_VOICE, Node, answer, describe, values_of, values_of_voices

A_STATUS = {row.name: {"i": 1, "f": 0.5, "s": "text"}[row.tag] for row in STATUS}


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("CONTENTS", {}).values():
        yield from nodes(child)


@pytest.fixture
def root() -> Node:
    return describe(values_of(A_STATUS))


def test_every_address_is_a_node_at_its_path_and_nothing_else_is(root):
    methods = {node["FULL_PATH"] for node in nodes(root) if "TYPE" in node}
    assert methods == {*ADDRESSES, *REPORTS}
    for path in methods:
        status, node = answer(root, path, "")
        assert status is HTTPStatus.OK and node["FULL_PATH"] == path
    for node in nodes(root):
        for name, child in node.get("CONTENTS", {}).items():
            assert child["FULL_PATH"] == f"{node['FULL_PATH'].rstrip('/')}/{name}"


def test_all_of_it_is_json_and_only_attributes_of_the_proposal(root):
    json.dumps(root, allow_nan=False)
    assert {name for node in nodes(root) for name in node} <= set(ATTRIBUTES)


def test_lists_have_an_entry_for_each_tag_of_the_type(root):
    for node in nodes(root):
        for name in {"RANGE", "VALUE", "UNIT", "CLIPMODE"} & set(node):
            assert len(node[name]) == len(node["TYPE"]), node


@pytest.mark.parametrize("path, expected", [
    ("/livewave/gain", {"TYPE": "f", "ACCESS": 3, "RANGE": [{"MIN": -90.0, "MAX": 12.0}], "UNIT": ["gain.db"], "VALUE": [0.5]}),
    ("/livewave/note", {"TYPE": "ii", "ACCESS": 2, "RANGE": [{"MIN": 0, "MAX": 127}, {"MIN": 0, "MAX": 127}]}),
    ("/livewave/roll", {"TYPE": "b", "ACCESS": 2}),
    ("/livewave/panic", {"TYPE": "N", "ACCESS": 2}),
    ("/livewave/continue", {"TYPE": "s", "ACCESS": 3, "RANGE": [{"VALS": ["off", "answer", "endless", "duet"]}], "VALUE": ["text"]}),
    ("/livewave/continue/range", {"TYPE": "ii", "ACCESS": 3, "VALUE": [1, 1]}),
    ("/livewave/notify", {"TYPE": "i", "ACCESS": 2}),
    ("/livewave/underruns", {"TYPE": "i", "ACCESS": 1, "RANGE": [{"MIN": 0}], "VALUE": [1]}),
    ("/livewave/level", {"TYPE": "f", "ACCESS": 1}),
    ("/livewave/record", {"TYPE": "i", "ACCESS": 3, "VALUE": [1]}),
])
def test_a_node_says_what_can_be_sent_and_read(root, path, expected):
    _, node = answer(root, path, "")
    assert expected.items() <= node.items() and node["DESCRIPTION"]
    if "VALUE" not in expected:
        assert "VALUE" not in node


def test_what_may_be_chosen_now_is_said():
    root = describe({}, {"/livewave/model": ["cello", "flute"]})
    assert answer(root, "/livewave/model", "RANGE") == (HTTPStatus.OK, {"RANGE": [{"VALS": ["cello", "flute"]}]})


def test_one_attribute_is_answered_alone(root):
    assert answer(root, "/livewave/gain", "VALUE") == (HTTPStatus.OK, {"VALUE": [0.5]})
    assert answer(root, "/livewave/note/", "TYPE") == (HTTPStatus.OK, {"TYPE": "ii"})
    assert answer(root, "/livewave/panic", "VALUE") == (HTTPStatus.NO_CONTENT, None)
    assert answer(root, "/livewave/gain", "COLOUR") == (HTTPStatus.BAD_REQUEST, None)
    assert answer(root, "/livewave/nothing", "VALUE") == (HTTPStatus.NOT_FOUND, None)


def test_values_are_taken_from_the_status_by_names_that_it_has():
    assert {name for names in IN_STATUS.values() for name in names} <= set(A_STATUS)
    assert set(IN_STATUS) <= {*ADDRESSES, *REPORTS}
    assert set(values_of(A_STATUS)) == set(IN_STATUS) and values_of({}) == {}


def test_each_voice_is_a_node_with_what_it_takes_and_the_model_of_many_is_no_value():
    states = [[1, "flute", 0, 0, 127, 0, 0.0, -0.5, 0, 0.8, 3], [2, "cello", 2, 36, 127, -12, -6.0, 0.5, 1, 0.5, 0]]
    values = {**values_of({**A_STATUS, "voices": 2}), **values_of_voices(states)}
    root = describe(values, {"/livewave/voice/2/model": ["flute", "cello"]}, voices=2)
    assert {verb: answer(root, f"/livewave/voice/2/{verb}", "VALUE")[1]["VALUE"][0] for verb in OF_A_VOICE} == {
        "model": "cello", "gain": -6.0, "pan": 0.5, "mute": 1, "transpose": -12, "temperature": 0.5}
    status, node = answer(root, "/livewave/voice/2/gain", "")
    assert status is HTTPStatus.OK and node["TYPE"] == "f" and node["RANGE"] == [{"MIN": -90.0, "MAX": 12.0}]
    assert answer(root, "/livewave/voice/2/model", "RANGE")[1] == {"RANGE": [{"VALS": ["flute", "cello"]}]}
    assert answer(root, "/livewave/voice/3/gain", "")[0] is HTTPStatus.NOT_FOUND
    assert answer(root, "/livewave/model", "VALUE")[0] is HTTPStatus.NO_CONTENT
    assert answer(root, "/livewave/voice/level", "")[1]["TYPE"] == "if"
