"""Calls into an audio system that may never return: its server has died, or no longer answers."""

from __future__ import annotations

import threading
from collections.abc import Callable


def ends_in_time(call: Callable[[], object], timeout_s: float) -> bool:
    """Run `call` on a thread of its own. False when it has not returned in time; the thread is then left behind.

    Raises what `call` raises in time.
    """
    errors: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:  # raised below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="may-hang", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    return not thread.is_alive()
