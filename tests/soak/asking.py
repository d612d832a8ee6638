"""What a daemon under load says of itself, by OSC: a question may be lost, and an answer may be late."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from tests.scenario.daemon import PATIENCE_S, Osc

ASK_AGAIN_S = 1.0  # datagrams get lost in a flood
QUIET = 1e-4  # of full scale


def status_of(port: int) -> dict[str, object]:
    """As Osc.status, asked again and again. Raises TimeoutError after PATIENCE_S."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        osc = Osc(port)  # a socket of its own: a late answer to an earlier question must not be taken for this one
        try:
            osc.send("/livewave/status")
            while (heard := osc.receive(ASK_AGAIN_S))[0] != "/livewave/status.reply":
                pass
            return dict(zip(heard[1][::2], heard[1][1::2]))
        except TimeoutError:
            if time.monotonic() > deadline_s:
                raise
        finally:
            osc.close()


class Levels(threading.Thread):
    """Notes down how loud the daemon says that it plays, 20 times a second: (time.monotonic(), peak)."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.heard: list[tuple[float, float]] = []
        self._osc, self._enough = Osc(port), threading.Event()
        self._osc.ask("/livewave/notify", 1, answer="/livewave/done")
        self.start()

    def run(self) -> None:
        while not self._enough.is_set():
            with suppress(TimeoutError):
                address, values = self._osc.receive(ASK_AGAIN_S)
                if address == "/livewave/level":
                    self.heard.append((time.monotonic(), values[0]))

    def first_sound_s(self, after_s: float) -> float | None:
        """When the first sound after a moment was told; None when there was none."""
        return next((at_s for at_s, level in list(self.heard) if at_s > after_s and level > QUIET), None)

    def is_silent(self, for_s: float) -> bool:
        """Whether it has been silent for so long, up to now."""
        since_s = time.monotonic() - for_s
        newest = [level for at_s, level in list(self.heard) if at_s > since_s]
        return bool(newest) and max(newest) <= QUIET

    def close(self) -> None:
        self._enough.set()
        self.join()
        self._osc.close()
