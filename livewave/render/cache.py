"""The user's cache: what was measured and compiled on this machine, and can be made again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path | None:
    """$XDG_CACHE_HOME/livewave, or else ~/.cache/livewave; None when this user has no home. It need not exist.

    Source: XDG Base Directory Specification, which has relative paths ignored.
    """
    folder = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(folder) if os.path.isabs(folder) else Path.home() / ".cache") / "livewave"
    except RuntimeError:
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path`, then put it in its place at once: a reader sees all of it or none. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(fresh, path)
    finally:
        Path(fresh).unlink(missing_ok=True)  # it is there still when something went wrong
