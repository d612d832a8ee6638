"""The package for Max. No Max runs here: its files are held against Max's own format, as strictly as can be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import REPORTS
from patches.make import files
from patches.maxmsp import UNSENDABLE
from patches.wording import PLAYED
from tests.scenario.daemon import daemon, until

PACKAGE = Path(__file__).parents[2] / "patches" / "max" / "livewave"
PATCHERS = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".maxpat", ".maxhelp"))
# inlets and outlets, as Max 8 saves them: [word of the arguments -> count]
PLAIN = {"udpsend": (1, 0), "udpreceive": (1, 1), "prepend": (1, 1), "metro": (2, 1), "patcherargs": (1, 2), "loadmess": (1, 1),
         "print": (1, 0), "i": (2, 1), "midiin": (1, 1), "midiparse": (1, 8), "midiout": (1, 0), "livewave": (1, 2)}
UI = {"comment": (1, 0), "message": (2, 1), "flonum": (1, 2), "number": (1, 2), "kslider": (2, 2), "inlet": (0, 1), "outlet": (1, 0)}
NEEDED = {"fileversion", "appversion", "classnamespace", "rect", "boxes", "lines"}


def patcher(path: Path) -> dict:
    (name, found), = json.loads(path.read_text(encoding="utf-8")).items()
    assert name == "patcher"
    return found


def ends(box: dict) -> tuple[int, int]:
    """What Max makes of such a box."""
    if box["maxclass"] != "newobj":
        return UI[box["maxclass"]]
    name, *words = box["text"].split()
    counted = {"route": (len(words) + 1, len(words) + 1), "pack": (len(words), 1), "unpack": (1, len(words)), "zl": (2, 2), "t": (1, len(words)),
               "sprintf": (" ".join(words).count("%"), 1)}
    return counted.get(name) or PLAIN[name]


@pytest.mark.parametrize("path", PATCHERS, ids=lambda path: path.name)
def test_boxes_are_plain_objects_with_the_ends_that_max_gives_them(path):
    found = patcher(path)
    assert NEEDED <= set(found) and found["fileversion"] == 1 and found["classnamespace"] == "box" and len(found["rect"]) == 4
    boxes = [entry["box"] for entry in found["boxes"]]
    assert all(set(entry) == {"box"} for entry in found["boxes"])
    assert len({box["id"] for box in boxes}) == len(boxes) and all(re.fullmatch(r"obj-\d+", box["id"]) for box in boxes)
    for box in boxes:
        assert (box["numinlets"], box["numoutlets"]) == ends(box), box
        assert len(box.get("outlettype", [])) == box["numoutlets"] and len(box["patching_rect"]) == 4
        assert ("text" in box) == (box["maxclass"] in ("newobj", "message", "comment"))


@pytest.mark.parametrize("path", PATCHERS, ids=lambda path: path.name)
def test_patchlines_go_from_an_outlet_that_is_there_to_an_inlet_that_is_there(path):
    found = patcher(path)
    boxes = {entry["box"]["id"]: entry["box"] for entry in found["boxes"]}
    lines = [entry["patchline"] for entry in found["lines"]]
    assert lines and len({json.dumps(line) for line in lines}) == len(lines)
    for line in lines:
        (source, outlet), (target, inlet) = line["source"], line["destination"]
        assert 0 <= outlet < boxes[source]["numoutlets"] and 0 <= inlet < boxes[target]["numinlets"], line
    joined = {line[end][0] for line in lines for end in ("source", "destination")}
    assert {name for name, box in boxes.items() if box["maxclass"] != "comment"} == joined, "a box that is connected to nothing"


def test_the_abstraction_sends_every_address_and_hands_on_every_report():
    found = patcher(PACKAGE / "patchers" / "livewave.maxpat")
    texts = [entry["box"]["text"] for entry in found["boxes"] if "text" in entry["box"]]
    for path, row in ADDRESSES.items():
        if path not in UNSENDABLE:
            assert (f"prepend {path}" if row.arguments else path) in texts or f"{path} $1 $2" in texts
    routed = next(text for text in texts if text.startswith(f"route {PLAYED}"))
    assert set(routed.split()[1:]) == {path for path, report in REPORTS.items() if all(argument.tag != "b" for argument in report.arguments)}


def test_what_the_abstraction_does_with_a_message_is_what_the_daemon_understands():
    """The path of a message through route and prepend, walked here, and sent to a daemon that answers at another port."""
    found = patcher(PACKAGE / "patchers" / "livewave.maxpat")
    boxes = {entry["box"]["id"]: entry["box"] for entry in found["boxes"]}
    after = {}
    for line in (entry["patchline"] for entry in found["lines"]):
        after.setdefault(tuple(line["source"]), []).append(boxes[line["destination"][0]])
    inlet = next(name for name, box in boxes.items() if box["maxclass"] == "inlet")
    (route,) = after[inlet, 0]

    def sent(*message: object) -> list[object]:
        words = route["text"].split()[1:]
        matched = words.index(message[0]) if message[0] in words else len(words)
        rest = list(message[1:]) if matched < len(words) else list(message)
        if message[0] == "voice":
            return to_a_voice(after[route["id"], matched], rest)
        (box,) = after[route["id"], matched]
        assert after[box["id"], 0][0]["text"].startswith("udpsend")
        return [*box["text"].removeprefix("prepend ").split(), *rest]

    def to_a_voice(boxes: list[dict], rest: list[object]) -> list[object]:
        """The cords that Max would go along, one after the other; outlets fire from right to left."""
        (whole,) = boxes
        assert whole["text"] == "t l b"
        (none,), (parts,) = after[whole["id"], 1], after[whole["id"], 0]
        assert parts["text"] == "zl slice 2" and none["maxclass"] == "message"
        (values,), (order,) = after[parts["id"], 1], after[parts["id"], 0]
        assert after[none["id"], 0] == [values]
        assert (values["text"], order["text"]) == ("zl reg", "t b l") and after[order["id"], 0] == [values]
        (address,) = after[order["id"], 1]
        (packet,) = after[address["id"], 0]
        assert after[values["id"], 0] == [packet] and packet["text"].startswith("prepend ")
        assert after[packet["id"], 0][0]["text"].startswith("udpsend")
        made = address["text"].removeprefix("sprintf ").replace("%ld", "%d") % tuple(rest[:2])
        return [made.removeprefix("set "), *(rest[2:] or [int(none["text"])])]

    assert sent("voice", 2, "gain", -6) == ["/livewave/voice/2/gain", -6]
    assert sent("voice", 2, "panic") == ["/livewave/voice/2/panic", 1]
    assert sent(67, 100) == ["/livewave/note", 67, 100]
    assert sent("panic") == ["/livewave/panic"]
    with daemon("--audio", "null") as playing:
        for message in ((67, 100), ("gain", -12.0), ("continue/density", 2.0), ("model", "flute"), ("voice", 1, "note", 71, 90)):
            address, *values = sent(*message)
            playing.osc.send(address, *values)
        wanted = {"notes": 2, "gain_db": -12.0, "continue_density": 2.0}
        until(lambda: wanted.items() <= playing.osc.status().items(), "all of it")


def test_outlets_stand_from_left_to_right_in_their_order():
    """Max numbers them by where they stand."""
    boxes = [entry["box"] for entry in patcher(PACKAGE / "patchers" / "livewave.maxpat")["boxes"]]
    outlets = sorted((box["patching_rect"][0], box["index"]) for box in boxes if box["maxclass"] == "outlet")
    assert [index for _, index in outlets] == [1, 2]


def test_the_package_says_what_max_asks_for():
    info = json.loads((PACKAGE / "package-info.json").read_text())
    assert {"name", "displayname", "version", "author", "description", "max_version_min", "os"} <= set(info)
    assert info["name"] == PACKAGE.name and re.fullmatch(r"\d+\.\d+\.\d+.*", info["version"])
    assert list(PACKAGE.rglob(info["homepatcher"]))


def test_the_reference_page_has_every_message():
    root = ElementTree.parse(PACKAGE / "docs" / "refpages" / "livewave.maxref.xml").getroot()
    assert (root.tag, root.get("name")) == ("c74object", "livewave")
    methods = {method.get("name"): method for method in root.iter("method")}
    assert set(methods) == {"list", "voice", *(path.removeprefix("/livewave/") for path in ADDRESSES if path not in UNSENDABLE)}
    for method in methods.values():
        assert method.findtext("digest") and method.find("arglist") is not None
    assert [len(root.findall(f"{kind}list/{kind}")) for kind in ("inlet", "outlet", "objarg")] == [1, 2, 3]


def test_files_are_those_that_the_tables_make():
    made = {path: text for path, text in files().items() if PACKAGE in path.parents}
    assert {path: path.read_text(encoding="utf-8") for path in made} == made
    assert sorted(made) == sorted(path for path in PACKAGE.rglob("*") if path.is_file())
