"""What the page is told of the addresses is what the daemon understands."""

from __future__ import annotations

import json
import re

from livewave import __version__
from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import IN_STATUS, REPORTS, STATUS
from livewave.control.osc_voices import ROWS
from livewave.music.bars import check_metre
from livewave.music.key import NAMES
from livewave.panel.server import PAGE
from livewave.panel.tables import tables

CONSTANTS = {name: json.loads(value) for name, value in re.findall(r"^export const (\w+) = (.*);$", tables(), re.MULTILINE)}


def test_every_address_is_there_with_its_ranges_and_where_its_values_stand():
    assert CONSTANTS["ADDRESSES"].keys() == {*ADDRESSES, *(row.path for row in ROWS)} and CONSTANTS["VERSION"] == __version__
    gain = CONSTANTS["ADDRESSES"]["/livewave/gain"]
    assert gain["arguments"] == [{"name": "gain", "tag": "f", "low": -90.0, "high": 12.0, "unit": "dB", "choices": []}]
    assert gain["status"] == list(IN_STATUS["/livewave/gain"])
    names = {row.name for row in STATUS}
    assert all(set(row["status"]) <= names for path, row in CONSTANTS["ADDRESSES"].items() if path in ADDRESSES)


def test_what_a_voice_is_set_to_stands_in_its_own_state():
    rows = CONSTANTS["ADDRESSES"]
    assert [rows[f"/livewave/voice/N/{verb}"]["status"] for verb in ("gain", "pan", "mute", "transpose", "temperature", "model")] == [
        ["gain"], ["pan"], ["mute"], ["transpose"], ["temperature"], ["model"]]
    assert rows["/livewave/voice/N/note"]["status"] == []
    assert CONSTANTS["VOICE_STATE"][:2] == ["model", "channel"]


def test_the_keys_and_metres_to_choose_from_are_some_that_there_are():
    text = (PAGE / "controls.js").read_text(encoding="utf-8")
    assert json.loads(re.search(r"TONICS = (\[.*?\])", text)[1]) == list(NAMES)
    metres = json.loads(re.search(r"METRES = (\[\[.*?\]\])", text)[1])
    assert [4, 4] in metres and all(check_metre(*metre) for metre in metres)


def test_the_page_sends_and_hears_nothing_that_the_tables_lack():
    for path in PAGE.glob("*.js"):
        named = set(re.findall(r'"(/livewave/[a-z./]+)"', path.read_text(encoding="utf-8"))) - {"/livewave/"}
        assert named <= {*ADDRESSES, *REPORTS}, path.name
