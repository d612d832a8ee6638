"""Files that are there whole or not at all, whatever stops the process that writes them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """`path` becomes what `write` writes: all of it, on the disk, or nothing. Raises OSError, its errno set."""
    part, content = path.with_name(f".{path.name}.{os.getpid()}.part"), io.BytesIO()
    write(content)  # into memory: numpy hides the errno of a full disk
    try:
        with open(part, "wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """`path` becomes `data`; its folder is made. Raises OSError, its errno set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(data))
