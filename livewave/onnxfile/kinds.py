"""The kinds of model files, and where they lie: in folders that the user names, and in the one that ships."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from livewave import ModelFileError

SUFFIX = ".onnx"
SEARCH_PATH_VARIABLE = "LIVEWAVE_MODEL_PATH"
SHIPPED = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of model file.

    format  what its metadata call it
    noun    what to call a file of it
    what    what it holds, and what that is for
    folder  where in a folder of models its files lie
    """

    format: str
    noun: str
    what: str
    folder: str


WAVENET = Kind("1", "model", "a WaveNet, which turns notes into sound", "")
BIAXIAL = Kind("biaxial-1", "continuation model", "a biaxial LSTM, which writes the notes of a continuation",
               "continuation")
KINDS = (WAVENET, BIAXIAL)


def list_files(kind: Kind, shipped: Path) -> list[tuple[str, Path]]:
    """Name and path of every file of that kind at hand, sorted by name. $LIVEWAVE_MODEL_PATH wins over `shipped`."""
    folders = [Path(entry) for entry in os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep) if entry]
    found: dict[str, Path] = {}
    for folder in [*folders, shipped]:
        for path in sorted((folder / kind.folder).glob("*" + SUFFIX)):
            found.setdefault(path.stem, path)
    return sorted(found.items())


def find_file(kind: Kind, name_or_path: str | os.PathLike[str], shipped: Path) -> Path:
    """Where it is: what holds a separator or ends in .onnx is a path. Raises ModelFileError naming what exists."""
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, os.PathLike) or text.endswith(SUFFIX) or Path(text).name != text:
        return Path(text)
    files = dict(list_files(kind, shipped))
    if text not in files:
        other = "".join(f" ({text} is {other.what})" for other in KINDS
                        if other != kind and text in dict(list_files(other, shipped)))
        folder = f"a folder that holds {kind.folder}/" if kind.folder else "a folder"
        raise ModelFileError(f"no {kind.noun} is named {text!r}{other}; there are: {', '.join(files) or 'none'}. "
                             f"Give one of these, the path of a {SUFFIX} file, or {folder} in ${SEARCH_PATH_VARIABLE}")
    return files[text]
