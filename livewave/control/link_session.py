"""An Ableton Link session: tempo, beat and start/stop shared with every program in the local network that takes part.

Twenty times a second, while others are in the session, its state goes into the event queue. Link's own clock is not the
monotonic one (on Linux it is the raw one, which nobody corrects), so the beat is read between two looks at
time.monotonic.
This is the one file of livewave that imports aalink.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time

from livewave import LivewaveError
from livewave.control.events import EventQueue, LinkState, SourceLost

log = logging.getLogger(__name__)

SOURCE = "link"
PERIOD_S = 0.05
# A session that is found at once, before Link has listened for others, may impose its tempo on them.
LISTEN_S = 0.5
# A look at the beat that took longer than this was interrupted; the shortest of a few is taken.
LOOK_S, LOOKS = 0.0002, 5


class LinkSession:
    """Our part in the session. `bpm` is what we bring along: who comes later takes the tempo of those who are there.

    queue          gets LinkState events, at_s of time.monotonic, and SourceLost at the end
    quantum_beats  quarter notes in a bar: bars begin together, at multiples of it

    Programs that do not share start and stop look as if they stood still; so the session plays until one has once been
    started and stops.

    Threads: one of its own for all that touches Link; `set_tempo`, `set_quantum` any. Raises LivewaveError where aalink
    is missing.
    """

    def __init__(self, queue: EventQueue, bpm: float, quantum_beats: float) -> None:
        self._aalink = _aalink()
        self._queue = queue
        self._bpm = bpm
        self._lock = threading.Lock()
        self._tempo_bpm: float | None = None  # what the session is to be set to
        self._quantum_beats = quantum_beats
        self._started_once = False
        self._peers = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Leave the session."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def set_tempo(self, bpm: float) -> None:
        """Give all in the session another tempo."""
        with self._lock:
            self._tempo_bpm = bpm

    def set_quantum(self, beats: float) -> None:
        """Count in bars of so many quarter notes."""
        self._quantum_beats = beats

    def _run(self) -> None:
        try:
            asyncio.run(self._take_part())
        except (OSError, RuntimeError) as error:
            log.warning("Ableton Link has ended: %s", error)
        self._queue.put(SourceLost(time.monotonic(), SOURCE))

    async def _take_part(self) -> None:
        """aalink belongs to the event loop that it is made in."""
        link = self._aalink.Link(self._bpm)
        await asyncio.sleep(LISTEN_S)
        link.start_stop_sync_enabled = True
        link.enabled = True
        while not self._stop.is_set():
            with self._lock:
                tempo_bpm, self._tempo_bpm = self._tempo_bpm, None
            if tempo_bpm is not None:
                link.tempo = tempo_bpm
            link.quantum = self._quantum_beats
            self._tell(link)
            await asyncio.sleep(PERIOD_S)
        link.enabled = False

    def _tell(self, link) -> None:
        before, self._peers = self._peers, link.num_peers
        if self._peers or before:
            at_s, beat = _look(link)
            playing = link.playing
            self._started_once |= playing
            self._queue.put(LinkState(at_s, SOURCE, beat, link.tempo, playing or not self._started_once, self._peers))


def _look(link) -> tuple[float, float]:
    """A moment, and the beat that it was."""
    looks = []
    for _ in range(LOOKS):
        before_s = time.monotonic()
        beat = link.beat
        took_s = time.monotonic() - before_s
        looks.append((took_s, before_s + took_s / 2.0, beat))
        if took_s <= LOOK_S:
            break
    _took_s, at_s, beat = min(looks)
    return at_s, beat


def _aalink():
    try:
        import aalink
    except ImportError as error:
        raise LivewaveError(f"Ableton Link needs the package aalink ({error}); "
                            "install it with `.venv/bin/pip install -e '.[link]'` in livewave's folder") from error
    return aalink
