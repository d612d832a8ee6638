"""The recorder: reads the tape of whichever audio process plays, and keeps takes on disk. See livewave.takes.

A thread of the control process reads the tape all the time, also while nothing is recorded: it keeps the orders of the life
that sounds, so that a take begun in the middle of it can be made again from its start.
"""

from __future__ import annotations

import itertools
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from livewave import ConfigError, DeviceError
from livewave.control.events import Event, LetGo, NoteOff
from livewave.takes.happened import KEPT, ROLL_CHANNEL, Hands
from livewave.takes.lives import Life, Lives
from livewave.takes.take import Take
from livewave.takes.tape import Begun, Heard, Put, TapeReader

log = logging.getLogger("livewave")

NONE = "none"  # the folder of one who does not record
OFF = "off"
PACE_S = 0.025  # between looks at the tape; half a second of it fits into the socket
IDLE_S = 0.1
JOIN_S = 15.0
NOTES_S = 10.0  # so long notes.mid is waited for at the end
MOST_EVENTS = 100_000

REMEDY = "start livewave with --record DIR, or name a folder in [record] of its configuration"

Answer = Callable[[str | None], None]  # None: done; else why not


def no_answer(problem: str | None) -> None:
    """For one who does not wait for it."""


class Recorder:
    """Takes under one folder. What is wrong with that raises ConfigError here; afterwards nothing raises, nothing waits.

    state   off, the folder of the take that is being made, or why recording stopped
    folder  where takes are kept; None: nowhere

    Threads: `hear`, `follow`, `start`, `stop`, `mark`, `close` the daemon's; `answer` and `tell` are called on the recorder's;
    `state` and `recording` any.
    """

    def __init__(self, folder: str, config: str, tell: Callable[[str], None] = lambda state: None) -> None:
        """`config` is JSON, for the log; `tell` is called with each new state."""
        self.state = OFF
        self.folder = None if folder == NONE else _writable(folder)
        self._config, self._tell = config, tell
        self._asked: deque[Callable[[], None]] = deque()
        self._events: deque[Event] = deque()
        self._wake, self._running, self._closing = threading.Event(), False, False
        self._hands, self._lives = Hands(), Lives()
        self._process = 0
        self._tape: TapeReader | None = None
        self._now: dict[int, Life] = {}  # the lives of the process that plays, by its own numbers
        self._take: Take | None = None
        self._due: Answer | None = None  # a start that waits for the first life
        self._writers: list[subprocess.Popen] = []
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        if self.folder is not None:
            self._ask(lambda: self._write_notes("--missing", self.folder))

    @property
    def recording(self) -> bool:
        """Whether a take is being made."""
        return self._take is not None

    def follow(self, end: socket.socket) -> None:
        """`end` is the tape of the audio process that plays from now on; it is closed here in the end."""
        self._ask(partial(self._follow, end))

    def hear(self, event: Event) -> None:
        """Everything that the player or the continuation did."""
        if isinstance(event, LetGo):
            for channel, pitch in itertools.product((event.channel, ROLL_CHANNEL), event.pitches):
                self.hear(NoteOff(event.at_s, event.source, channel, pitch))
        if type(event).__name__ in KEPT and len(self._events) < MOST_EVENTS:
            self._events.append(event)

    def start(self, answer: Answer = no_answer) -> None:
        """Begin a take, unless one is being made; `answer` is told when its files are there."""
        self._ask(partial(self._start, answer))

    def stop(self, answer: Answer = no_answer) -> None:
        """End the take, if any."""
        self._ask(partial(self._stop, answer))

    def mark(self, text: str) -> None:
        """Let the log of the take say so."""
        self._ask(lambda: self._take and self._take.mark(text[:1000]))

    def close(self) -> None:
        """End the take with all that the audio process, which has ended, had to tell. Waits for the files."""
        self._closing = True
        self._wake.set()
        if self._running:
            self._thread.join(JOIN_S)

    def _ask(self, what: Callable[[], None]) -> None:
        self._asked.append(what)
        self._wake.set()
        if not self._running:
            self._running = True
            self._thread.start()

    # thread: recorder

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(PACE_S if self._take else IDLE_S)
            self._wake.clear()
            self._guarded(self._turn)
        for last in (self._drain_tape, self._turn, partial(self._stop, no_answer), self._leave_tape):
            self._guarded(last)
        for writer in self._writers:
            _wait(writer)

    def _guarded(self, what: Callable[[], None]) -> None:
        """A fault of ours ends the take, and neither the thread nor what is on disk."""
        try:
            what()
        except Exception as error:
            log.warning("the recorder failed (%s: %s)", type(error).__name__, error, exc_info=error)
            self._end_take(f"stopped: {error}")

    def _turn(self) -> None:
        self._take_events()
        self._read_tape()
        while self._asked:
            self._asked.popleft()()
        if self._take:
            self._take.flush()
            self._take.sync(time.monotonic())
            self._look_after()
        self._writers = [writer for writer in self._writers if writer.poll() is None]

    def _take_events(self) -> None:
        while self._events:
            event = self._events.popleft()
            self._hands.feed(event)
            if self._take:
                self._take.event(event)

    def _drain_tape(self) -> None:
        while self._tape is not None and self._read_tape():
            continue

    def _read_tape(self) -> bool:
        """Until there is nothing more, or it is too much for one turn; whether there was something."""
        if self._tape is None:
            return False
        records = self._tape.read()
        for record in records:
            match record:
                case Begun():
                    self._begin(record)
                case Put():
                    self._place(record)
                case Heard() if self._take:
                    self._take.heard(self._process, record)
                    self._look_after()
        if self._tape.broken:
            log.warning("what the audio process tells the recorder cannot be read; a take goes on with the next one")
        if self._tape.ended:
            self._leave_tape()
        return bool(records)

    def _begin(self, begun: Begun) -> None:
        life = self._lives.begin(self._process, begun.facts)
        self._now[begun.number] = life
        if self._take and self._take.rate_hz != begun.facts["rate_hz"]:  # a file has one rate
            self._close_take()
            self._begin_take(no_answer)
        elif self._take:
            self._take.life(life)
        if self._due:
            answer, self._due = self._due, None
            self._start(answer)

    def _place(self, put: Put) -> None:
        life = self._now[put.number]
        self._lives.add(life, put.column, put.command)
        if self._take:
            self._take.order(life, put.column, put.command)

    def _follow(self, end: socket.socket) -> None:
        self._drain_tape()
        self._leave_tape()
        self._process += 1
        self._now = {}
        self._tape = TapeReader(end)
        if self._take:
            self._tape.ask(True)
        self._read_tape()  # a start may be waiting for its first life

    def _leave_tape(self) -> None:
        if self._tape is not None:
            self._tape.close()
            self._tape = None

    def _start(self, answer: Answer) -> None:
        if self._take is not None:
            answer(None)
        elif self.folder is None:
            answer(f"there is no folder to record in: {REMEDY}")
        elif not self._lives.kept:
            self._due = answer
        else:
            self._begin_take(answer)

    def _begin_take(self, answer: Answer) -> None:
        try:
            newest = self._lives.kept[-1].facts
            self._take = Take(self.folder, newest["rate_hz"], self._config, 1 if newest["pan"] is None else 2)
        except (OSError, DeviceError) as error:
            problem = f"cannot record in {self.folder}: {getattr(error, 'strerror', None) or error}"
            self._set_state(problem)
            log.warning("%s", problem)
            answer(problem)
            return
        for life in self._lives.kept:
            self._take.life(life)
        for event in self._hands.standing(time.monotonic()):
            self._take.event(event)
        if self._tape:
            self._tape.ask(True)
        self._set_state(str(self._take.folder))
        answer(None)

    def _stop(self, answer: Answer) -> None:
        if self._due:
            self._due("it was stopped before it began")
            self._due = None
        if self._take or self.state != OFF:
            self._end_take(OFF)
        answer(None)

    def _look_after(self) -> None:
        """A disk that is full ends the recording, not the sound."""
        if self._take and self._take.problem:
            problem = f"{self._take.problem}; the sound goes on. Start again by /livewave/record 1, if need be after making room"
            log.warning("%s", problem)
            self._end_take(problem)

    def _end_take(self, state: str) -> None:
        if self._tape:
            self._tape.ask(False)
        if self._take:
            self._close_take()
        self._set_state(state)

    def _close_take(self) -> None:
        take, self._take = self._take, None
        take.close("asked")
        self._write_notes(take.folder)

    def _set_state(self, state: str) -> None:
        self.state = state
        self._tell(state)

    def _write_notes(self, *arguments: str | Path) -> None:
        """In a process of its own: hours of notes are work, and this one has keys to listen to."""
        try:
            self._writers.append(subprocess.Popen(
                [sys.executable, "-m", "livewave.takes.notes", *map(str, arguments)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        except OSError as error:
            log.info("notes.mid is not written now: %s", error)


def _writable(folder: str) -> Path:
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path.resolve()
    except OSError as error:
        raise ConfigError(f"cannot record in {folder!r}: {error.strerror}; name a folder that can be written to by --record "
                          "or in [record]") from None


def _wait(writer: subprocess.Popen) -> None:
    try:
        writer.wait(NOTES_S)
    except subprocess.TimeoutExpired:
        log.info("notes.mid is still being written")
