"""One recording on its way into prepared data: what every loader gives, and how recordings fall into splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from livewave.control.events import Event


@dataclass(frozen=True)
class Rates:
    """What a take is made for: samples and roll columns per second."""

    rate_hz: int
    roll_rate_hz: int


@dataclass(frozen=True)
class Take:
    """A recording, read.

    audio    float32 [samples], mono at `Rates.rate_hz`
    events   what was played, `at_s` counted from the first sample; empty for audio without notes
    bends    float32 [columns, 128] semitones, or None
    remarks  what its owner should know of it, a sentence each
    """

    audio: np.ndarray
    events: Sequence[Event]
    bends: np.ndarray | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """A recording that is not read yet. `load` travels to other processes: a module's function, or a partial of one.

    name   names its files; unique within a set
    group  recordings of one group are never on both sides of a split; the name where nothing else is said
    split  "training" or "validation" where the set has official ones, else ""
    """

    name: str
    load: Callable[[Rates], Take]
    split: str = ""
    group: str = ""


def file_name(text: str) -> str:
    """Letters, digits, dot, dash and underscore of any alphabet; the rest becomes an underscore."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "recording"


def files_below(root: Path, suffixes: Collection[str]) -> list[Path]:
    """Files with one of these endings in `root` and the folders in it, sorted; hidden ones are not meant."""
    return [path for path in sorted(root.rglob("*"))
            if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith(".")]


def named(paths: Iterable[Path], root: Path) -> dict[str, Path]:
    """Unique names for files below `root`: the stem, and where several share it, a mark made of the place below `root`."""
    table: dict[str, list[Path]] = {}
    for path in paths:
        table.setdefault(file_name(path.stem), []).append(path)
    return {name if len(alike) == 1 else f"{name}-{_mark(path.relative_to(root).as_posix())}": path
            for name, alike in table.items() for path in sorted(alike)}


def split(recordings: Sequence[Recording], share: float) -> list[Recording]:
    """Every recording with its split: the official one where all have one, else `share` of the groups are held out.

    A group is held out by a mark of its name alone, so recordings that are added later move none of the others; at
    least one group is held out, and at least one is not (where there are two).
    """
    if {recording.split for recording in recordings} >= {"training", "validation"}:
        return [recording for recording in recordings if recording.split]
    groups = sorted({r.group or r.name for r in recordings}, key=_mark)
    out = [group for group in groups if int(_mark(group), 16) < share * 16**8] or groups[:1]
    out = set(out[: len(groups) - 1])
    return [replace(r, split="validation" if (r.group or r.name) in out else "training") for r in recordings]


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
