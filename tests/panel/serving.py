"""A panel in this process, and an OSC server that stands for the daemon: what a page sends becomes events in its queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread

from livewave.control.events import Event, EventQueue
from livewave.control.osc import OscServer
from livewave.control.osc_reports import STATUS
from livewave.panel.server import Panel

PATIENCE_S = 20.0
SILENCE = bytes(16)  # as /livewave/sounding tells it
OF_STATUS = {
    "model": "flute", "pitch_low": 55, "pitch_high": 88, "engine": "native", "isa": "v3", "output": "null", "latency_ms": 18.0, "queue_ms": 3.7,
    "column_ms": 0.5, "block_ms": 2.0, "resampler_ms": 1.5, "ring_ms": 7.6, "device_ms": 2.7, "load": 0.25, "gain_db": 0.0, "temperature": 0.8,
    "continue": "off", "continue_state": "off", "continue_temperature": 1.0, "continue_density": 1.0, "continue_low": 24, "continue_high": 101,
    "continue_key": "auto", "continue_polyphony": 4, "continue_rest_beats": 2.0, "tempo_bpm": 120.0, "metre_beats": 4, "metre_unit": 4,
    "record": "off",
}


def until(happened: Callable[[], object], what: str = "it") -> object:
    deadline_s = time.monotonic() + PATIENCE_S
    while not (outcome := happened()):
        assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(0.01)
    return outcome


class StandIn:
    """What a panel finds where it looks for a daemon. `heard` is all that came so far."""

    def __init__(self, port: int = 0) -> None:
        self._queue, self._heard = EventQueue(), []
        self.begin()
        self.osc = OscServer(self._queue, port=port, status=lambda: self.status, models=lambda: ["cello", "flute", "piano"],
                             voices=3, answer_voices=lambda: self.voices)
        self.osc.start()
        self.say = self.osc.broadcast

    def begin(self) -> None:
        """As at start: nothing turned, nothing heard."""
        self.status = {row.name: OF_STATUS.get(row.name, {"i": 0, "f": 0.0, "s": ""}[row.tag]) for row in STATUS}
        self.voices: list[list] = []  # as /livewave/voice.reply tells them
        self._queue.drain()
        self._heard.clear()

    @property
    def heard(self) -> list[Event]:
        self._heard += self._queue.drain()
        return self._heard

    def hears(self, kind: type[Event], **values: object) -> Event:
        """Wait for an event of that kind with these values, and forget it with all that came before."""
        def found() -> int:
            return next((number for number, event in enumerate(self.heard, 1) if isinstance(event, kind)
                         and all(getattr(event, name) == value for name, value in values.items())), 0)

        try:
            number = until(found)
        except AssertionError:
            raise AssertionError(f"waited for {kind.__name__} {values}; heard {self._heard}") from None
        event = self._heard[number - 1]
        del self._heard[:number]
        return event

    def close(self) -> None:
        self.osc.close()


@contextmanager
def serving(panel: Panel) -> Iterator[Panel]:
    """Let it serve, on a thread of its own, until the block ends."""
    began, loop = Flag(), asyncio.new_event_loop()

    async def serve() -> None:
        task = asyncio.current_task()
        stopping.append(lambda: loop.call_soon_threadsafe(task.cancel))
        began.set()
        await panel.serve()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except asyncio.CancelledError:
            loop.close()

    stopping: list[Callable[[], object]] = []
    thread = Thread(target=run, daemon=True)
    thread.start()
    began.wait(PATIENCE_S)
    try:
        yield panel
    finally:
        stopping[0]()
        thread.join(PATIENCE_S)
