"""Reads model files while the instrument plays: one at a time, on a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from livewave import LivewaveError
from livewave.render.modelfile import load_model
from livewave.render.wavenet import Model

Loaded = Callable[[Model], None]
Failed = Callable[[str], None]


class Loader:
    """Thread: control for every method. What came of it is told in `turn`; of several that wait for one voice, only the last is
    read."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[str, Loaded, Failed]] = {}  # by voice
        self._reading = False
        self._done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def load(self, voice: int, name: str, loaded: Loaded, failed: Failed) -> None:
        """Read and check a model file for a voice, then call one of the two."""
        if voice in self._waiting:
            self._waiting.pop(voice)[2]("another model was asked for since")
        self._waiting[voice] = name, loaded, failed

    def turn(self) -> None:
        """Tell what has come, and begin with what waits."""
        while not self._done.empty():
            self._reading = False
            self._done.get()()
        if self._waiting and not self._reading:
            self._reading = True
            waited = self._waiting.pop(next(iter(self._waiting)))
            threading.Thread(target=self._read, args=waited, name="loading", daemon=True).start()

    def _read(self, name: str, loaded: Loaded, failed: Failed) -> None:
        try:
            model = load_model(name)
        except Exception as error:  # a LivewaveError says what is wrong; any other is ours, and must be answered too
            reason = str(error) if isinstance(error, LivewaveError) else f"{type(error).__name__}: {error}"
            self._done.put(lambda: failed(reason))
        else:
            self._done.put(lambda: loaded(model))
