"""Max's file format, as much of it as our patches need: a patcher as JSON, of boxes and patchlines.

Source: patchers as Max 8 writes them, and https://docs.cycling74.com (package-info.json, refpages).
"""

from __future__ import annotations

import json

HEIGHT = 22.0
LETTER = 6.6  # width of one, in the default font
# object: inlets, outlets; what depends on the arguments is counted in `_ends`
ENDS = {"udpsend": (1, 0), "udpreceive": (1, 1), "prepend": (1, 1), "metro": (2, 1), "patcherargs": (1, 2), "loadmess": (1, 1),
        "print": (1, 0), "i": (2, 1), "midiin": (1, 1), "midiparse": (1, 8), "midiout": (1, 0), "livewave": (1, 2)}
SIZED = {"comment": (1, 0), "message": (2, 1), "button": (1, 1), "flonum": (1, 2), "number": (1, 2), "kslider": (2, 2)}


class Patcher:
    """Boxes are numbered in the order in which they are made; `connect` takes their numbers."""

    def __init__(self, width: float, height: float) -> None:
        self._rect = [80.0, 100.0, width, height]
        self._boxes: list[dict] = []
        self._lines: list[dict] = []

    def obj(self, x: float, y: float, text: str, **more: object) -> int:
        inlets, outlets = _ends(text.split())
        return self._box("newobj", x, y, max(40.0, LETTER * len(text) + 14.0), HEIGHT, inlets, outlets, text=text, **more)

    def inlet(self, x: float, y: float, comment: str) -> int:
        return self._box("inlet", x, y, 30.0, 30.0, 0, 1, comment=comment, index=1)

    def outlet(self, x: float, y: float, number: int, comment: str) -> int:
        return self._box("outlet", x, y, 30.0, 30.0, 1, 0, comment=comment, index=number)

    def msg(self, x: float, y: float, text: str) -> int:
        return self._box("message", x, y, max(32.0, LETTER * len(text) + 12.0), HEIGHT, *SIZED["message"], text=text)

    def comment(self, x: float, y: float, text: str, width: float = 560.0) -> int:
        lines = max(1, -(-len(text) * LETTER // width))
        return self._box("comment", x, y, width, 20.0 * lines, *SIZED["comment"], text=text, linecount=int(lines))

    def ui(self, kind: str, x: float, y: float, width: float, height: float = HEIGHT, **more: object) -> int:
        return self._box(kind, x, y, width, height, *SIZED[kind], **more)

    def connect(self, source: int, outlet: int, target: int, inlet: int = 0) -> None:
        self._lines.append({"patchline": {"destination": [f"obj-{target + 1}", inlet], "source": [f"obj-{source + 1}", outlet]}})

    def chain(self, *boxes: int) -> None:
        """First outlet to first inlet, one after the other."""
        for source, target in zip(boxes, boxes[1:]):
            self.connect(source, 0, target)

    def __str__(self) -> str:
        patcher = {
            "fileversion": 1,
            "appversion": {"major": 8, "minor": 0, "revision": 0, "architecture": "x64", "modernui": 1},
            "classnamespace": "box", "rect": self._rect, "bglocked": 0, "openinpresentation": 0, "default_fontsize": 12.0,
            "default_fontface": 0, "default_fontname": "Arial", "gridonopen": 1, "gridsize": [15.0, 15.0], "gridsnaponopen": 1,
            "objectsnaponopen": 1, "statusbarvisible": 2, "toolbarvisible": 1, "boxanimatetime": 200, "enablehscroll": 1,
            "enablevscroll": 1, "description": "", "digest": "", "tags": "", "style": "", "subpatcher_template": "",
            "boxes": self._boxes, "lines": self._lines, "dependency_cache": [], "autosave": 0,
        }
        return json.dumps({"patcher": patcher}, indent=1) + "\n"

    def _box(self, kind: str, x: float, y: float, width: float, height: float, inlets: int, outlets: int, **more: object) -> int:
        box = {"id": f"obj-{len(self._boxes) + 1}", "maxclass": kind, "numinlets": inlets, "numoutlets": outlets,
               "patching_rect": [float(x), float(y), float(width), float(height)]}
        if outlets:
            box["outlettype"] = [""] * outlets
        self._boxes.append({"box": {**box, **more}})
        return len(self._boxes) - 1


def _ends(words: list[str]) -> tuple[int, int]:
    """Inlets and outlets of an object. Raises KeyError for one that is not known here."""
    name, arguments = words[0], words[1:]
    counted = {"route": (len(arguments) + 1, len(arguments) + 1), "pack": (len(arguments), 1), "unpack": (1, len(arguments)), "zl": (2, 2),
               "t": (1, len(arguments)), "sprintf": (sum(argument.count("%") for argument in arguments), 1)}
    return counted[name] if name in counted else ENDS[name]
