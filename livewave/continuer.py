"""The continuation in the daemon: a thread that hears what the player does and plays on, in time, whatever else happens.

    daemon -> hear(event) -> inbox -> Transport, Continuation -> notes -> the daemon's queue, Played

What the thread plays goes into the queue that everybody plays through. Should it fail or stand still, its notes are
released and another one takes its place: a player loses an accompaniment, never the instrument.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from livewave import LivewaveError
from livewave.config import Config
from livewave.control.events import Event, EventQueue, MetreSet, NoteOff, NoteOn, Panic, Reset, Setting, SourceLost, TempoSet
from livewave.control.link_session import LinkSession
from livewave.control.osc_addresses import address_of
from livewave.music.bars import STEPS_A_BEAT
from livewave.music.biaxialfile import load_biaxial
from livewave.music.chooser import Choose
from livewave.music.composer import Composer
from livewave.music.continuation import SETTINGS, Continuation
from livewave.music.generated import SOURCE
from livewave.music.manner import Manner
from livewave.music.transport import INTERNAL, Transport
from livewave.played import Played

log = logging.getLogger("livewave")

MODE = SETTINGS + "mode"
# Without a sign of life for so long: while its notes are held, and while nothing of its own sounds.
STALLED_S, STUCK_S = 1.0, 10.0
RESTART_PAUSE_S = 0.5
LONGEST_WAIT_S = 0.25
STEPS_KEPT = 4096
JOIN_S = 1.0

Reply = Callable[..., None]  # an OSC peer, an address and its values


class Net:
    """The composer, had when it is first asked for: whoever never lets the instrument play on does not pay for it.

    composer  None until it is there
    error     why the last try failed; empty otherwise
    steps_ms  what each of the last STEPS_KEPT composed steps took: the last row heard, and the walk up the notes

    Threads: `ask` starts one for the loading; the rest that of the continuation. `steps_ms` may be read by any.
    """

    def __init__(self, name: str) -> None:
        self.name, self.error = name, ""
        self.composer: Composer | None = None
        self.steps_ms: deque[float] = deque(maxlen=STEPS_KEPT)
        self._hearing_ms = 0.0
        self._loader: threading.Thread | None = None

    @property
    def loading(self) -> bool:
        return self._loader is not None and self._loader.is_alive()

    def load(self) -> None:
        """Have it now. Raises LivewaveError."""
        self.composer = Composer(load_biaxial(self.name))

    def ask(self) -> None:
        """Have it soon."""
        if self.composer is None and not self.loading:
            self.error = ""
            self._loader = threading.Thread(target=self._try, name="continuation-load", daemon=True)
            self._loader.start()

    def _try(self) -> None:
        try:
            self.load()
        except Exception as error:  # whatever a file does to a library, playing goes on
            self.error = str(error) or type(error).__name__

    # What Continuation needs of it, which does nothing with the net while its mode is off.

    @property
    def spec(self):
        return self.composer.spec

    def reset(self) -> None:
        self.composer.reset()

    def advance(self, row: np.ndarray, position: int) -> None:
        began_s = time.perf_counter()
        self.composer.advance(row, position)
        self._hearing_ms = 1e3 * (time.perf_counter() - began_s)

    def compose(self, choose: Choose) -> None:
        began_s = time.perf_counter()
        self.composer.compose(choose)
        self.steps_ms.append(self._hearing_ms + 1e3 * (time.perf_counter() - began_s))


@dataclass(frozen=True, slots=True)
class Report:
    """How it goes, as of the last turn of the thread. bar_beat counts quarter notes from 1, in sixteenths."""

    manner: Manner
    state: str
    bpm: float
    metre: tuple[int, int]
    source: str
    bar_beat: float
    held: bool = False


class Continuer:
    """The continuation's thread, and the watch over it.

    faults  how often the thread failed or stood still

    Threads: `hear`, `watch`, `start`, `close` the daemon's; `status` any. What is wrong at the start (a model that is
    missing, no aalink) raises LivewaveError here; afterwards nothing raises.
    """

    def __init__(self, config: Config, queue: EventQueue, played: Played, reply: Reply) -> None:
        self.faults = 0
        self._config, self._queue, self._played, self._reply = config, queue, played, reply
        self._manner = config.continuation.manner
        self._inbox = EventQueue()
        self._net = Net(config.continuation.model)
        if self._manner.mode != "off":
            self._net.load()
        self._tempo = (config.tempo.bpm, config.tempo.beats_unit)
        self.link = None
        if config.tempo.link:
            self.link = LinkSession(self._inbox, config.tempo.bpm, _quarters(config.tempo.beats_unit))
        self._told: set[str] = set()
        self._restart_s = 0.0
        self._life = self._born(self._manner, *self._tempo)

    def start(self) -> None:
        if self.link is not None:
            self.link.start()
        self._life.start()

    def hear(self, event: Event) -> None:
        """Let it know what the player did, and what the time is told. Its own notes are passed over."""
        if event.source != SOURCE:
            self._inbox.put(event)

    def watch(self) -> None:
        """See that the thread lives; put another in its place where it does not."""
        now_s = time.monotonic()
        if now_s >= self._restart_s and (trouble := self._life.trouble(now_s)):
            self._restart_s = now_s + RESTART_PAUSE_S
            self._replace(trouble)

    def close(self) -> None:
        """End what it plays, and the thread."""
        self._life.retire()
        self._life.join()
        if self.link is not None:
            self.link.close()
        self._release()

    def status(self) -> dict[str, str | int | float]:
        """Its part of what /livewave/status answers."""
        report = self._life.report
        p50, p99 = np.percentile(tuple(self._net.steps_ms) or (0.0,), (50, 99))
        manner, (beats, unit) = report.manner, report.metre
        return {"continue": manner.mode, "continue_state": report.state, "continue_temperature": manner.temperature,
                "continue_density": manner.density, "continue_low": manner.low, "continue_high": manner.high, "continue_key": manner.key,
                "continue_polyphony": manner.polyphony, "continue_rest_beats": manner.rest_beats, "continue_faults": self.faults,
                "step_p50_ms": float(p50), "step_p99_ms": float(p99), "played": self._played.count, "tempo_bpm": report.bpm,
                "tempo_source": report.source, "metre_beats": beats, "metre_unit": unit, "bar_beat": report.bar_beat}

    def announcement(self) -> str:
        """A line for the start, where there is something to say."""
        report, link = self._life.report, "; a Link session is looked for" if self.link is not None else ""
        tempo = f"{report.bpm:g} bpm ({report.source}{link})"
        mode = report.manner.mode
        if mode == "off":
            return f"tempo    {tempo}" if link else ""
        after = f" after {report.manner.rest_beats:g} beats" if mode == "answer" else ""
        return f"continue {mode}{after}, {self._net.composer.name}, {tempo}"

    def _born(self, manner: Manner, bpm: float, metre: tuple[int, int]) -> Life:
        seed = self._config.continuation.seed
        transport = Transport(bpm, metre)
        continuation = Continuation(self._net, transport, self._manner, self._config.model.seed if seed is None else seed)
        return Life(continuation, transport, self._net, self._inbox, self._give, self._reply, self.link, self._tempo, manner)

    def _give(self, note: NoteOn | NoteOff) -> None:
        self._queue.put(note)
        self._played.put(note)

    def _replace(self, trouble: str) -> None:
        self._life.retire()
        self.faults += 1
        self._release()
        report, error = self._life.report, self._life.error
        if trouble not in self._told:
            self._told.add(trouble)
            log.warning("the continuation %s; its notes are released, and it goes on anew", trouble, exc_info=error)
        self._life = self._born(report.manner, report.bpm, report.metre)
        self._life.start()

    def _release(self) -> None:
        self._queue.put(SourceLost(time.monotonic(), SOURCE))
        self._played.silence()


class Life:
    """One life of the thread "continuation". It ends by an exception, or when it is retired; then it gives nothing more.

    report  how it goes
    error   what it died of
    """

    def __init__(self, continuation: Continuation, transport: Transport, net: Net, inbox: EventQueue,
                 give: Callable[[NoteOn | NoteOff], None], reply: Reply, link: LinkSession | None,
                 tempo: tuple[float, tuple[int, int]], manner: Manner) -> None:
        self.error: Exception | None = None
        self._continuation, self._transport, self._net = continuation, transport, net
        self._inbox, self._give, self._reply, self._link = inbox, give, reply, link
        self._tempo, self._link_told = tempo, tempo
        self._waiting: Setting | None = None  # a mode, until the net is there
        self._giving, self._retired = threading.Lock(), False
        self._seen_s = time.monotonic()
        self._first = manner
        self.report = dataclasses.replace(self._reported(self._seen_s), manner=manner)
        self._thread = threading.Thread(target=self._run, name="continuation", daemon=True)

    def start(self) -> None:
        self._seen_s = time.monotonic()
        self._thread.start()

    def trouble(self, now_s: float) -> str:
        """Why it needs to be replaced; empty while it lives. Thread: the daemon's."""
        if self.error is not None:
            return f"failed ({type(self.error).__name__}: {self.error})"
        if now_s - self._seen_s > (STALLED_S if self.report.held else STUCK_S):
            return "stands still"
        return ""

    def retire(self) -> None:
        """Let it give nothing more, and end when it can. Thread: the daemon's."""
        with self._giving:
            self._retired = True
        self._inbox.put(Event(time.monotonic(), "daemon"))  # wakes it

    def join(self) -> None:
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            self._restore(self._first)
            while not self._retired:
                self._turn()
        except Exception as error:  # whatever it is, the daemon sees it, says it and starts anew
            self.error = error

    def _turn(self) -> None:
        wait_s = min(self._continuation.next_s - time.monotonic(), LONGEST_WAIT_S)
        if wait_s > 0.0:
            self._inbox.wait(wait_s)
        self._seen_s = time.monotonic()
        for event in self._inbox.drain():
            self._take(event)
        self._switch_when_loaded()
        now_s = time.monotonic()
        notes = self._continuation.advance(now_s)
        with self._giving:
            if not self._retired:
                for note in notes:
                    self._give(note)
        self._tell_link()
        self.report = self._reported(now_s)
        for remark in self._continuation.take_remarks():
            log.info("%s", remark)

    def _take(self, event: Event) -> None:
        if isinstance(event, Setting):
            if event.name.startswith(SETTINGS):  # the others are those of the sound
                self._set(event)
            return
        self._continuation.feed(event)
        if isinstance(event, Panic) and event.source != "queue":
            self._panic(event)
        elif isinstance(event, Reset):
            self._reset(event)

    def _panic(self, event: Panic) -> None:
        """Nobody who calls for silence wants it to come in again on the next bar."""
        self._waiting = None
        if self._continuation.manner.mode != "off":
            self._continuation.feed(Setting(event.at_s, event.source, MODE, "off"))
            log.info("panic: the continuation is off until a mode is chosen again")

    def _reset(self, event: Reset) -> None:
        self._waiting = None
        if self._transport.source == INTERNAL:
            bpm, metre = self._tempo
            self._continuation.feed(TempoSet(event.at_s, event.source, bpm))
            self._continuation.feed(MetreSet(event.at_s, event.source, *metre))

    def _set(self, event: Setting) -> None:
        try:
            self._continuation.manner.with_(event.name.removeprefix(SETTINGS), event.value)
        except LivewaveError as error:
            self._fail(event, str(error))
            return
        if event.name != MODE:
            self._continuation.feed(event)
            return
        self._waiting = None
        if event.value == "off" or self._net.composer is not None:
            self._switch(event)
        else:
            self._waiting = event
            self._net.ask()

    def _switch_when_loaded(self) -> None:
        if self._waiting is None or self._net.loading:
            return
        event, self._waiting = self._waiting, None
        if self._net.composer is None:
            self._fail(event, self._net.error)
        else:
            self._switch(dataclasses.replace(event, at_s=time.monotonic()))

    def _switch(self, event: Setting) -> None:
        self._continuation.feed(event)
        if event.sender:
            self._reply(event.sender, "/livewave/done", address_of(MODE), event.value)

    def _fail(self, event: Setting, reason: str) -> None:
        log.warning("%s: %s", address_of(event.name), reason)
        if event.sender:
            self._reply(event.sender, "/livewave/fail", address_of(event.name), reason[:160])

    def _restore(self, manner: Manner) -> None:
        """Play as the one before did, mode last."""
        now = dataclasses.asdict(self._continuation.manner)
        wanted = dataclasses.asdict(manner) | {"range": (manner.low, manner.high)}
        for name in ("temperature", "density", "range", "key", "polyphony", "rest_beats", "mode"):
            if wanted[name] != now.get(name):
                self._continuation.feed(Setting(self._seen_s, "daemon", SETTINGS + name, wanted[name]))

    def _tell_link(self) -> None:
        """A Link session has our tempo while we lead, and is asked for it while it does."""
        if self._link is None:
            return
        asked, (bpm, metre) = self._transport.take_asked_bpm(), self._link_told
        if asked is None and self._transport.source == INTERNAL and self._transport.bpm != bpm:
            asked = self._transport.bpm
        if asked is not None:
            self._link.set_tempo(asked)
            bpm = asked
        if self._transport.metre != metre:
            metre = self._transport.metre
            self._link.set_quantum(_quarters(metre))
        self._link_told = bpm, metre

    def _reported(self, now_s: float) -> Report:
        continuation, transport = self._continuation, self._transport
        step = int(transport.beat_at(now_s) * STEPS_A_BEAT // 1)
        return Report(continuation.manner, continuation.state, transport.bpm, transport.metre, transport.source,
                      1.0 + transport.position(step) / STEPS_A_BEAT, bool(continuation.held))


def _quarters(metre: tuple[int, int]) -> float:
    beats, unit = metre
    return 4.0 * beats / unit
