"""The daemon as a program sees it that knows OSCQuery and nothing of livewave."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from websockets.sync.client import connect

from livewave.control.osc_reports import REPORTS
from tests.scenario.daemon import Playing, daemon, until

PATIENCE_S = 20.0


@pytest.fixture
def playing():
    with daemon("--audio", "null", "--oscquery", "auto") as running:
        yield running


def url_of(playing: Playing) -> str:
    (url,) = re.findall(r"OSCQuery (http://\S+)", playing.said)
    return url


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


def test_the_start_says_where_it_is_and_the_tree_leads_from_there_to_every_knob(playing):
    url = url_of(playing)
    tree = get(url)["CONTENTS"]["livewave"]["CONTENTS"]
    assert {"flute", "cello", "piano"} <= set(tree["model"]["RANGE"][0]["VALS"])
    assert tree["gain"]["VALUE"] == [0.0] and tree["model"]["VALUE"] == ["flute"] and tree["record"]["VALUE"] == [0]
    assert tree["continue"]["CONTENTS"]["range"]["VALUE"] == [24, 101] and tree["metre"]["VALUE"] == [4, 4]
    playing.osc.send("/livewave/gain", -6.0)
    until(lambda: get(url + "/livewave/gain?VALUE") == {"VALUE": [-6.0]}, "the new value")


def test_a_panel_plays_a_note_turns_a_knob_and_follows_both(playing):
    told: dict[str, list] = {}
    with connect(url_of(playing).replace("http", "ws"), open_timeout=PATIENCE_S) as panel:
        for path in ("/livewave/gain", "/livewave/level", "/livewave/adherence"):
            panel.send(json.dumps({"COMMAND": "LISTEN", "DATA": path}))
        panel.send(build_msg("/livewave/note", [67, 100]).dgram)
        panel.send(build_msg("/livewave/gain", [-3.0]).dgram)

        def heard() -> bool:
            message = OscMessage(panel.recv(timeout=PATIENCE_S))
            told.setdefault(message.address, []).append(message.params[0])
            return max(told.get("/livewave/level", [0.0])) > 0.02 and -3.0 in told.get("/livewave/gain", []) and "/livewave/adherence" in told

        until(heard, "level and gain")
        assert playing.osc.status()["notes"] == 1
    until(lambda: playing.osc.status()["notes"] == 0, "the note of the panel that has gone to end")
    assert set(told) <= {"/livewave/gain", *REPORTS}
