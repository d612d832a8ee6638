"""Pure Data's file format, as much of it as our patches need: boxes, comments, and cords between them.

Source: the file format of Pd as its own programs write it (one record a line, ending in a semicolon).
"""

from __future__ import annotations

from pathlib import Path

FONT = 12
COLOURS = "#fcfcfc #000000 #000000"


class Patch:
    """A canvas. Boxes are numbered in the order in which they are made; `connect` takes their numbers."""

    def __init__(self, width: int, height: int, name: str = "") -> None:
        self._size, self._name = (width, height), name
        self._boxes: list[str] = []
        self._cords: list[str] = []

    def obj(self, x: int, y: int, text: str) -> int:
        return self._box(f"#X obj {x} {y} {escaped(text)}")

    def msg(self, x: int, y: int, text: str) -> int:
        return self._box(f"#X msg {x} {y} {escaped(text)}")

    def text(self, x: int, y: int, text: str, width: int = 0) -> int:
        """A comment, broken at `width` letters."""
        return self._box(f"#X text {x} {y} {escaped(text)}" + (f", f {width}" if width else ""))

    def floatatom(self, x: int, y: int, width: int = 6) -> int:
        return self._box(f"#X floatatom {x} {y} {width} 0 0 0 - - - 0")

    def bang(self, x: int, y: int, size: int = 19) -> int:
        return self._box(f"#X obj {x} {y} bng {size} 250 50 0 empty empty empty 17 7 0 10 {COLOURS}")

    def toggle(self, x: int, y: int, size: int = 19) -> int:
        return self._box(f"#X obj {x} {y} tgl {size} 0 empty empty empty 17 7 0 10 {COLOURS} 0 1")

    def slider(self, x: int, y: int, low: float, high: float, width: int = 128) -> int:
        return self._box(f"#X obj {x} {y} hsl {width} 17 {low:g} {high:g} 0 0 empty empty empty -2 -8 0 10 {COLOURS} 0 1")

    def radio(self, x: int, y: int, cells: int, size: int = 19) -> int:
        return self._box(f"#X obj {x} {y} hradio {size} 1 0 {cells} empty empty empty 0 -8 0 10 {COLOURS} 0")

    def meter(self, x: int, y: int, height: int = 120) -> int:
        return self._box(f"#X obj {x} {y} vu 15 {height} empty empty -1 -8 0 10 #404040 #000000 1 0")

    def subpatch(self, x: int, y: int, patch: Patch) -> int:
        return self._box(f"{patch._records()};\n#X restore {x} {y} pd {patch._name}")

    def connect(self, source: int, outlet: int, target: int, inlet: int = 0) -> None:
        self._cords.append(f"#X connect {source} {outlet} {target} {inlet}")

    def chain(self, *boxes: int) -> None:
        """First outlet to first inlet, one after the other."""
        for source, target in zip(boxes, boxes[1:]):
            self.connect(source, 0, target)

    def write(self, path: Path) -> None:
        path.write_text(str(self), encoding="utf-8")

    def __str__(self) -> str:
        return f"{self._records()};\n"

    def _records(self) -> str:
        width, height = self._size
        name = f"{self._name} 0" if self._name else str(FONT)
        head = f"#N canvas 60 60 {width} {height} {name}"
        return ";\n".join([head, *self._boxes, *self._cords])

    def _box(self, record: str) -> int:
        self._boxes.append(record)
        return len(self._boxes) - 1


def escaped(text: str) -> str:
    """As it stands in a file: commas and semicolons of a text, and dollars, are no syntax of the file's."""
    return text.replace("\\", "").replace(",", " \\,").replace(";", " \\;").replace("$", "\\$")
