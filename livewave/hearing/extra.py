"""The extra `compare`: what measuring and drawing need and playing does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from livewave import LivewaveError


@contextmanager
def needed(library: str, extra: str = "compare") -> Iterator[None]:
    """Around an import: a library that is not there is a LivewaveError that names the extra that brings it."""
    try:
        yield
    except ImportError as error:
        raise LivewaveError(f"{library} cannot be imported ({error}); "
                            f"install it with `.venv/bin/pip install -e '.[{extra}]'` in livewave's folder") from None
