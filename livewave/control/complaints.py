"""Complaints about bad input: each is counted, the first is logged, then at most one line a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

LOG_PERIOD_S = 1.0


class Complaints:
    """A counter that speaks now and then. Thread: the one that receives."""

    def __init__(self, log: logging.Logger, now_s: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self._log = log
        self._now_s = now_s
        self._spoken_s = -LOG_PERIOD_S
        self._unspoken = 0

    def add(self, what: str) -> None:
        self.count += 1
        now_s = self._now_s()
        if self.count > 1 and now_s - self._spoken_s < LOG_PERIOD_S:
            self._unspoken += 1
            return
        more = f" (and {self._unspoken} more before it)" if self._unspoken else ""
        self._log.warning("%s%s", what, more)
        self._spoken_s = now_s
        self._unspoken = 0
