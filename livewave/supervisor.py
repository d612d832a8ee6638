"""The audio processes as the control process sees them: the one that plays, and a standby that is ready to take its place.

A dead or stuck audio process is replaced by the standby, which has loaded everything and opened the model already: what is
left is to open the output. When that cannot be had, the standby asks again and again until it is back.
"""

from __future__ import annotations

import dataclasses
import enum
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from livewave import DeviceError, LivewaveError
from livewave.config import Config
from livewave.handover import Recipe, pack
from livewave.link import Command, Handover, Link, Order, Report, Spectrum, Start, Stats
from livewave.render.wavenet import Model

log = logging.getLogger("livewave")

START_TIMEOUT_S = 30.0
STUCK_AFTER_S = 0.5  # no device and no engine lets so long pass without progress
PATIENT_STUCK_AFTER_S = 1.0  # where the audio process has no real-time priority, and may have to wait
STOP_TIMEOUT_S = 3.0
RETRY_S = 0.25  # between two tries to open an output that was there
SCOUT_S = 2.0  # between two looks for a sound card, while null takes its place
LOOK_S = 0.8  # between two looks at which output is the system's default one
LEAD_ON = ("JACK", "ALSA")  # the default output of these leads to wherever the user says; elsewhere it must be followed
RESPAWN_S = 1.0  # of a standby, when it is of no use at once


class State(enum.Enum):
    OPENING = "opening"  # the model
    READY = "ready"
    STARTING = "starting"  # the output
    PLAYING = "playing"


@dataclass(slots=True)
class Opened:
    """A model in the hands of the control process: its file, how it is to be opened, and the voice that plays it."""

    voice: int
    model: Model
    number: int
    descriptor: int
    recipe: Recipe

    @property
    def handover(self) -> Handover:
        return Handover(self.descriptor, self.number, self.recipe.engine, self.recipe.options, self.voice)


class AudioProcess:
    """One `livewave.player`. Thread: control only.

    tape  the end that tells what it does (livewave.takes.tape); whoever reads it closes it
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.tape, its_tape = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.link, self.state = Link(ours), State.OPENING
        self.stats, self.spectrum = Stats(), b""
        self.facts: Report = {}
        self.numbers: dict[int, int] = {}  # voice -> number of its model that is open
        self._awaited: set[int] = set()  # numbers of models that are being opened
        self._lacking: set[int] = set()  # voices whose model could not be opened
        self._progress_s = self._began_s = self._polled_s = time.monotonic()
        with theirs, its_tape:
            ends = [theirs.fileno(), its_tape.fileno()]
            self._process = subprocess.Popen([sys.executable, "-m", "livewave.player", *map(str, [*ends, os.getpid()])], pass_fds=ends,
                                             stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        threading.Thread(target=_log_lines, args=(self._process.stderr,), name="audio-log", daemon=True).start()

    @property
    def alive(self) -> bool:
        """False when it has ended, or when its device or its engine has stood still for too long."""
        if self._process.poll() is not None:
            return False
        waited_s = time.monotonic() - self._progress_s
        if self.state is State.PLAYING:
            return waited_s < (STUCK_AFTER_S if str(self.facts["real_time"]).startswith("yes") else PATIENT_STUCK_AFTER_S)
        return self.state is State.READY or waited_s < START_TIMEOUT_S

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, opened: Opened) -> None:
        self.state = State.OPENING if self.state is not State.PLAYING else self.state
        self._progress_s = time.monotonic()
        self._awaited.add(opened.number)
        self.link.send_model(opened.handover)

    def start(self, config: Config, or_null: bool) -> None:
        self.state, self._progress_s = State.STARTING, time.monotonic()
        self.link.send_start(Start(config.to_json(), or_null))

    def poll(self) -> tuple[Stats | None, list[Report]]:
        """The newest statistics, None when nothing is new, and what else was reported. Also sends what did not fit before."""
        self.link.flush()
        self._forgive_if_we_stood_still(time.monotonic())
        fresh, reports = None, []
        for report in self.link.reports():
            if isinstance(report, Stats):
                if report.frames != self.stats.frames and report.blocks:
                    self._progress_s = time.monotonic()
                self.stats = fresh = report
            elif isinstance(report, bytes):
                self.spectrum = report
            else:
                self._hear(report)
                reports.append(report)
        return fresh, reports

    def _forgive_if_we_stood_still(self, now_s: float) -> None:
        """Who did not look for so long does not know: all of it may have slept, and be well."""
        if now_s - self._polled_s > STUCK_AFTER_S:
            self._progress_s = now_s
        self._polled_s = now_s

    def stop(self, wait: bool = True) -> None:
        """Fade out and end; killed when it does not. Without `wait` that is left to a thread."""
        self.link.send([Command(Order.STOP)])
        if wait:
            self._reap()
        else:
            threading.Thread(target=self._reap, name="audio-end", daemon=True).start()

    def kill(self) -> None:
        """End it now: it is stuck, and nothing it could still say matters."""
        self._process.kill()
        self._process.wait()
        self.link.close()

    def _reap(self) -> None:
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.link.close()

    def _hear(self, report: Report) -> None:
        match report["event"]:
            case "ready":
                self._awaited.discard(int(report["number"]))
                self._lacking.discard(int(report["voice"]))
                self.numbers[int(report["voice"])] = int(report["number"])
                self._progress_s = time.monotonic()
                self.state = self.state if self._awaited or self._lacking else State.READY
            case "playing":
                self.state, self.facts, self._progress_s = State.PLAYING, report, time.monotonic()
            case "changed":
                self._awaited.discard(int(report["number"]))
                self.numbers[int(report["voice"])] = int(report["number"])
                if report["voice"] == 0:
                    self.facts = {**self.facts, **report}
            case "failed" if self.state is State.STARTING:
                self.state = State.READY
            case "failed" if "number" in report:
                self._awaited.discard(int(report["number"]))
                self._lacking.add(int(report["voice"]))


Restore = Callable[[], Sequence[Command]]
Follow = Callable[[socket.socket], None]
Changed = Callable[[str], None]  # told "" or why not


class Supervisor:
    """Keeps one audio process playing. Thread: control only; nothing waits but `start` and `close`.

    restore   what performers that start afresh must be told
    follow    is given the tape of each audio process that begins to play
    restarts  of audio processes that had died or were stuck
    facts     of the output and the engine that play, or played last
    """

    def __init__(self, config: Config, models: Sequence[Model], restore: Restore, follow: Follow) -> None:
        """`models` by voice."""
        self.restarts, self.facts, self.stats = 0, {"notice": ""}, Stats()
        self._config, self._restore, self._follow = config, restore, follow
        self._numbers, self._takes = 0, 1
        self._past = Stats()  # counts of processes that are gone
        self._playing: AudioProcess | None = None
        self._standby: AudioProcess | None = AudioProcess()
        self._opened = [self._pack(voice, model, Recipe(config.model.engine)) for voice, model in enumerate(models)]
        for opened in self._opened:
            self._standby.open(opened)
        self._queued: dict[int, tuple[Model, Recipe, Changed]] = {}  # by voice: models that were asked for, and who waits
        self._wanted: tuple[Opened, Changed] | None = None  # the one that is being changed to
        self._asked_to_change = False
        self._retry_s = self._spawn_s = self._scout_s = 0.0
        self._told = ""

    @property
    def playing(self) -> bool:
        return self._playing is not None

    @property
    def well(self) -> bool:
        """Whether it plays, or does what it can to play again."""
        return self.playing or self._standby is None or self._standby.alive

    @property
    def spectrum(self) -> Spectrum:
        """Of the newest samples; empty where nothing plays."""
        return self._playing.spectrum if self._playing else b""

    @property
    def underruns(self) -> int:
        return int(self._past.underruns + self.stats.underruns)

    @property
    def late(self) -> int:
        return int(self._past.late + self.stats.late)

    @property
    def faults(self) -> int:
        return int(self._past.faults + self.stats.faults)

    @property
    def models(self) -> list[Model]:
        """Those that play, by voice."""
        return [opened.model for opened in self._opened]

    def start(self) -> None:
        """Play, or raise LivewaveError saying why not."""
        while self._standby and self._standby.alive:
            _, reports = self._standby.poll()
            for report in reports:
                if report["event"] == "failed":
                    raise LivewaveError(str(report["reason"]))
                self._heard_by_standby(report)
            if self._standby.state is State.READY:
                self._standby.start(self._config, or_null=True)
            if self._standby.state is State.PLAYING:
                self._take_over()
                return
            time.sleep(0.002)
        raise DeviceError("the audio process ended before it could play")

    def close(self) -> None:
        if self._standby:
            self._standby.kill()
        if self._playing:
            self._playing.stop()

    def send(self, commands: Iterable[Command]) -> None:
        """While nothing plays they are not needed: what starts is told what is held."""
        if self._playing:
            self._playing.link.send(commands)

    @property
    def recipes(self) -> list[Recipe]:
        """How they were opened, by voice."""
        return [opened.recipe for opened in self._opened]

    def change(self, voice: int, model: Model, changed: Changed, recipe: Recipe | None = None) -> None:
        """Let another model, or the same one opened in another way, take over a voice while the sound goes on; `changed` is told
        when it has, or why it has not."""
        if voice in self._queued:
            self._queued.pop(voice)[2]("another model was asked for since")
        self._queued[voice] = model, recipe or Recipe(self._config.model.engine), changed

    def recast(self, voice: int, recipe: Recipe, changed: Changed) -> None:
        """Let the model of a voice, or the one that it is being changed to, be opened in another way."""
        if voice in self._queued:
            model, _, waiting = self._queued[voice]
            self._queued[voice] = model, recipe, waiting
        else:
            coming = self._wanted and self._wanted[0].voice == voice
            self._queued[voice] = (self._wanted[0] if coming else self._opened[voice]).model, recipe, changed

    def turn(self) -> Stats | None:
        """What is to be done now and then: often. The newest statistics, None when nothing is new."""
        now_s = time.monotonic()
        fresh = self._watch_playing(now_s)
        self._begin_change()
        self._watch_standby(now_s)
        self._ask_to_change()
        return fresh

    # the one that plays

    def _watch_playing(self, now_s: float) -> Stats | None:
        if not self._playing:
            return None
        fresh, reports = self._playing.poll()
        for report in reports:
            self._heard_by_playing(report)
        if fresh:
            self.stats = fresh
        if not self._playing.alive:
            log.warning("the audio process stopped; starting another one")
            self._playing.kill()
            self._leave()
            self.restarts += 1
            self._retry_s = now_s
        return fresh

    def _heard_by_playing(self, report: Report) -> None:
        if not self._wanted or report.get("number") != self._wanted[0].number:
            return
        if report["event"] == "changed":
            self.facts = self._playing.facts
            self._adopt_wanted()
            self._say_playing()
        elif report["event"] == "failed":
            self._forget_wanted(str(report["reason"]))

    def _leave(self) -> None:
        """Nothing plays any more; what was counted stays."""
        self._past = dataclasses.replace(self._past, **{name: getattr(self._past, name) + getattr(self.stats, name)
                                                        for name in ("underruns", "late", "faults")})
        self.stats = dataclasses.replace(self.stats, underruns=0.0, late=0.0, faults=0.0)
        self._playing, self._asked_to_change = None, False

    # the standby

    def _watch_standby(self, now_s: float) -> None:
        if self._standby is None:
            if now_s >= self._spawn_s:
                self._standby = AudioProcess()
                wanted = {self._wanted[0].voice: self._wanted[0]} if self._wanted else {}
                for opened in self._opened:
                    self._standby.open(wanted.get(opened.voice, opened))
            return
        _, reports = self._standby.poll()
        for report in reports:
            self._heard_by_standby(report)
        if not self._standby.alive:
            log.warning("the standby of the audio process stopped; starting another one")
            self._standby.kill()
            self._standby, self._spawn_s = None, now_s + RESPAWN_S
            if self._wanted and not self._asked_to_change:  # a model that ends who opens it is not tried again
                self._forget_wanted("the process that opened it ended")
        elif self._standby.state is State.PLAYING:
            self._take_over()
        elif self._standby.state is State.READY:
            self._use_standby(now_s)

    def _use_standby(self, now_s: float) -> None:
        """Let it start where nothing plays, or where it may find a sound card that was not there."""
        if not self._playing and now_s >= self._retry_s:
            self._retry_s = now_s + RETRY_S
            self._standby.start(self._next_take(), or_null=bool(self.facts["notice"]))
        elif self._playing and self.facts["notice"] and now_s >= self._scout_s and not (self._wanted or self._queued):
            self._scout_s = now_s + SCOUT_S
            self._standby.start(self._config, or_null=False)
        elif self._follows_default and now_s >= self._scout_s:
            self._scout_s = now_s + LOOK_S
            self._standby.link.send([Command(Order.LOOK)])

    @property
    def _follows_default(self) -> bool:
        """Whether another output is to be played on as soon as the system's default is another one."""
        here = str(self.facts.get("output", ""))
        return (self._playing is not None and self._config.audio.output == "default" and not self.facts["notice"]
                and not (self._wanted or self._queued) and not any(system in here for system in LEAD_ON))

    def _heard_by_standby(self, report: Report) -> None:
        match report["event"]:
            case "ready":
                for opened in (*self._opened, *([self._wanted[0]] if self._wanted else [])):
                    if opened.number == report["number"]:
                        opened.recipe = Recipe.of(report)
            case "failed" if "number" in report:
                if self._wanted and report["number"] == self._wanted[0].number:
                    self._forget_wanted(str(report["reason"]))
            case "default" if self._follows_default and self._standby.state is State.READY:
                if report["output"] and not str(self.facts["output"]).startswith(f"{report['output']},"):
                    self._standby.start(self._config, or_null=False)
            case "failed" if not self._playing:
                self._tell_once(f"no sound: {report['reason']}; trying again")

    def _take_over(self) -> None:
        """The standby plays: it is told what is held, and another one of it is on its way."""
        if self._playing:  # into null, until a sound card came; or on what is the default output no longer
            self._playing.stop(wait=False)
            self._leave()
        first, self._playing, self._standby = self.facts == {"notice": ""}, self._standby, None
        self._follow(self._playing.tape)
        self.facts, self._spawn_s = self._playing.facts, time.monotonic() + RESPAWN_S
        if self._wanted and self._has_wanted(self._playing):
            self._adopt_wanted()
        if not first:
            self.send(self._restore())
            self._say_playing()

    # models

    def _begin_change(self) -> None:
        """The standby opens what was asked for first: that shows whether it can be played, and how."""
        if self._queued and not self._wanted and self._standby and self._standby.state is State.READY:
            voice = next(iter(self._queued))  # who has waited longest
            model, recipe, changed = self._queued.pop(voice)
            self._asked_to_change = False
            self._wanted = self._pack(voice, model, recipe), changed
            self._standby.open(self._wanted[0])

    def _ask_to_change(self) -> None:
        """Then the one that plays can open it quickly."""
        if not self._wanted or self._asked_to_change or not self._playing or not self._standby:
            return
        if self._standby.state is State.READY and self._has_wanted(self._standby):
            self._asked_to_change = True
            self._playing.open(self._wanted[0])

    def _adopt_wanted(self) -> None:
        """What was wanted plays."""
        wanted, changed = self._wanted
        self._wanted = None
        os.close(self._opened[wanted.voice].descriptor)
        self._opened[wanted.voice] = wanted
        changed("")

    def _has_wanted(self, process: AudioProcess) -> bool:
        return process.numbers.get(self._wanted[0].voice) == self._wanted[0].number

    def _forget_wanted(self, reason: str) -> None:
        wanted, changed = self._wanted
        self._wanted = None
        os.close(wanted.descriptor)
        if self._standby:
            self._standby.open(self._opened[wanted.voice])
        changed(reason)

    def _pack(self, voice: int, model: Model, recipe: Recipe) -> Opened:
        self._numbers += 1
        return Opened(voice, model, self._numbers, pack(model), recipe)

    def _next_take(self) -> Config:
        self._takes += 1
        return next_take(self._config, self._takes)

    def _say_playing(self) -> None:
        self._told = ""
        log.warning("playing %s on %s", " + ".join(model.name for model in self.models), self.facts["output"])

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            log.warning("%s", text)


def _log_lines(stream: TextIO) -> None:
    """What an audio process says goes where everything goes that is said here."""
    with stream:
        for line in stream:
            log.warning("%s", line.rstrip("\n"))


def next_take(config: Config, number: int) -> Config:
    """The config of a replacement: a file output goes on in a new file beside the old one, which stays as it was left."""
    if not config.audio.output.startswith("file:"):
        return config
    path = Path(config.audio.output.removeprefix("file:"))
    output = f"file:{path.with_name(f'{path.stem}-{number}{path.suffix}')}"
    return dataclasses.replace(config, audio=dataclasses.replace(config.audio, output=output))
