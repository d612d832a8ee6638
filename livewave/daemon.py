"""The control process: MIDI and OSC in, orders to the audio process out, and the watch over it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from livewave import LivewaveError
from livewave.bench import bench
from livewave.config import Config
from livewave.continuer import Continuer
from livewave.control.events import BendSet, Event, EventQueue, Panic, PitchBend, ProgramChange, Reset, Setting
from livewave.control.midi import MidiInputs
from livewave.control.midi_out import MidiOut
from livewave.control.osc import OscServer
from livewave.deadline import Deadline, rungs
from livewave.link import Command, Order, Stats
from livewave.music.compass import Compass
from livewave.music.continuation import SETTINGS
from livewave.orders import Orders, bend_remark
from livewave.oscquery.server import OscQuery
from livewave.played import Played
from livewave.loader import Loader
from livewave.render.modelfile import list_models, load_model
from livewave.reload import Reload, on_hangup
from livewave.render.wavenet import Model
from livewave.service import Service
from livewave.supervisor import Supervisor
from livewave.terminal import Shown, View
from livewave.watch import Watch
from livewave.takes.recorder import Recorder

log = logging.getLogger("livewave")

IDLE_S = 0.02
EVENTS_A_TURN = 16  # of OSC and the continuation; keys come first
# How long a thread that computes may keep the interpreter from one that has a note to hand on.
SWITCH_S = 0.0005
STAGES = {"queue_s": "queue", "column_s": "column", "block_s": "block", "resampler_s": "resampler", "ring_s": "ring",
          "device_s": "device"}


class Daemon:
    """Everything between the player's hands and the audio process. Thread: one, which calls `run`.

    Ports are opened here, so that what is wrong is said before anything sounds. Raises LivewaveError.
    """

    def __init__(self, config: Config, say: Callable[[str], None], reread: Callable[[], Config] | None = None,
                 view: View | None = None) -> None:
        """`reread` gives the configuration as it is when SIGHUP comes; None: there is no file. `view` shows how it is."""
        self._say, self._started_s = say, time.monotonic()
        self._view = view
        self._queue = EventQueue()
        self._stopping = threading.Event()
        self._config = config
        model = load_model(config.model.name)
        self._orders = Orders(Compass.of(model.provenance), config.audio.gain_db, config.model.temperature,
                              config.control.longest_note_s)
        self._bend_remark = bend_remark(model)
        self._told: set[str] = set()
        self._service = Service()
        self._reload = Reload(config, reread, self._queue.put, self._service)
        self.osc = OscServer(self._queue, *config.control.osc_address, status=self._status,
                             allow=config.control.allow, messages_per_s=config.control.messages_per_s)
        self._query: OscQuery | None = None
        if config.control.oscquery != "off":
            self._query = OscQuery(self.osc.address, config.control.oscquery_port, config.control.allow,
                                   lambda: {"/livewave/model": [name for name, _ in list_models()]})
        self.midi = MidiInputs(self._queue, config.control.midi)
        self.midi_out = MidiOut(config.control.midi_out)
        self._played = Played(self.midi_out, self.osc.broadcast)
        self._continuer = Continuer(config, self._queue, self._played, self.osc.reply)
        self._recorder = Recorder(config.record.folder, config.to_json(), partial(self.osc.broadcast, "/livewave/record"))
        self._loader, self._watch = Loader(), Watch()
        self._deadline: Deadline | None = None  # until it plays
        self._audio: Supervisor | None = None
        self._model = model

    def run(self) -> None:
        """Play until `stop`, SIGINT or SIGTERM; then fade out and close everything."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        on_hangup(self._reload.ask, self.stop)
        sys.setswitchinterval(SWITCH_S)
        try:
            self.midi.start()
            self.midi_out.start(self.midi.opened)
            if self._config.record.at_start:
                self._recorder.start()
            self._audio = Supervisor(self._config, self._model, self._restore, self._follow)
            self._audio.start()
            self._deadline = self._new_deadline()
            self.osc.start()
            if self._query:
                self._query.start()
            self._played.start()
            self._continuer.start()
            self._announce()
            self._service.ready(self._doing())
            with self._view or contextlib.nullcontext():
                while not self._stopping.is_set():
                    self._turn()
        finally:
            self._service.stopping()
            self.midi.close()
            self._continuer.close()
            self._played.close()
            self.osc.close()
            if self._audio is not None:
                self._audio.close()
            self._recorder.close()
            if self._query:
                self._query.close()  # last: saying goodbye to the network takes a moment

    def stop(self) -> None:
        self._stopping.set()

    def _follow(self, tape: socket.socket) -> None:
        """Another audio process plays from now on."""
        self._recorder.follow(tape)

    def _turn(self) -> None:
        self._queue.wait(IDLE_S)
        commands: list[Command] = []
        for event in [*self._queue.drain(EVENTS_A_TURN), *self._orders.overdue(time.monotonic())]:
            self._continuer.hear(event)
            self._recorder.hear(event)
            commands += self._commands(event)
        if commands:
            self._audio.send(commands)
        self._continuer.watch()
        self._loader.turn()
        stats = self._audio.turn()
        if stats is not None:
            self._look_after(stats)
            self._broadcast(stats)
            if self._view:
                self._view.show(self._shown(stats))
        self._reload.watch()
        if self._service.watch(time.monotonic(), self._audio.well):
            self._service.status(self._doing())

    def _commands(self, event: Event) -> list[Command]:
        match event:
            case Setting(name="model"):
                self._select_model(str(event.value), event.sender)
                return []
            case Setting(name="record"):
                self._record(bool(event.value), event.sender)
                return []
            case Setting() if event.name.startswith(SETTINGS):
                return []
            case Panic() | Reset():
                self._played.silence()
            case ProgramChange():
                self._select_program(event.program)
            case PitchBend() | BendSet() if self._bend_remark:
                level, text = self._bend_remark
                self._tell_once(text, level)
        return self._orders.translate(event)

    def _select_program(self, program: int) -> None:
        models = [name for name, _ in list_models()]
        if program >= len(models):
            self._tell_once(f"program change {program} is ignored: the models are 0 ({models[0]}) to {len(models) - 1}")
        elif models[program] != self._config.model.name:
            self._select_model(models[program], None)

    def _select_model(self, name: str, sender: tuple | None) -> None:
        """Play on with another model: it is read and opened beside the one that plays; a bad file leaves that one playing."""
        def answer(problem: str) -> None:
            if problem:
                log.warning("model %s: %s", name, problem)
            if sender and problem:
                self.osc.reply(sender, "/livewave/fail", "/livewave/model", problem[:160])
            elif sender:
                self.osc.reply(sender, "/livewave/done", "/livewave/model", name)

        def changed(model: Model, problem: str) -> None:
            if not problem:
                self._orders.compass, self._bend_remark = Compass.of(model.provenance), bend_remark(model)
                self._config = dataclasses.replace(self._config, model=dataclasses.replace(self._config.model, name=name))
                self._deadline = self._new_deadline()
                self._audio.send([Command(Order.BLOCK, value=self._deadline.rung.block_samples)])
            answer(problem)

        self._loader.load(name, lambda model: self._audio.change(model, partial(changed, model)), answer)

    def _record(self, on: bool, sender: tuple | None) -> None:
        def answer(problem: str | None) -> None:
            if sender and problem:
                self.osc.reply(sender, "/livewave/fail", "/livewave/record", problem)
            elif sender:
                self.osc.reply(sender, "/livewave/done", "/livewave/record", int(on))

        (self._recorder.start if on else self._recorder.stop)(answer)

    def _look_after(self, stats: Stats) -> None:
        """See that it keeps up, and that what sounds is what is played."""
        now_s = time.monotonic()
        if trouble := self._watch.judge(stats, self._orders.faded_gain_db, self._orders.temperature, now_s):
            self._notice(f"the net made {trouble}; it starts again")
            self._audio.send([Command(Order.PRIME)])
        if self._deadline.hear(stats, now_s):
            rung, recipe = self._deadline.rung, self._audio.recipe
            self._notice(f"a block takes {stats.p99_ms:.1f} ms, and {1e3 * stats.block_s:.1f} ms are there: now {rung}")
            self._audio.send([Command(Order.BLOCK, value=rung.block_samples)])
            if rung.recipe != recipe:
                self._audio.change(self._audio.model, lambda problem: problem and log.warning("%s", problem), rung.recipe)

    def _new_deadline(self) -> Deadline:
        return Deadline(rungs(self._config.audio.block_samples, self._audio.recipe))

    def _restore(self) -> list[Command]:
        """What an audio process that starts afresh must be told."""
        block = self._deadline.rung.block_samples if self._deadline else self._config.audio.block_samples
        return [*self._orders.restore(), Command(Order.BLOCK, value=block)]

    def _notice(self, text: str) -> None:
        """What a player should know at once."""
        log.warning("%s", text)
        self.osc.broadcast("/livewave/notice", text)
        self._recorder.mark(text)

    def _broadcast(self, stats: Stats) -> None:
        for address, value in (("level", stats.level), ("latency", stats.latency_s * 1e3), ("load", stats.load),
                               ("adherence", stats.adherence)):
            if math.isnan(value):  # nothing to judge
                continue
            self.osc.broadcast(f"/livewave/{address}", float(value))
        self.osc.broadcast("/livewave/underruns", self._audio.underruns)

    def _status(self) -> dict[str, str | int | float]:
        """What /livewave/status answers. Thread: osc-in; reads only values that are replaced whole."""
        audio = self._audio
        stats, facts = (audio.stats, audio.facts) if audio else (Stats(), {})
        counts = {name: getattr(audio, name) if audio else 0 for name in ("underruns", "late", "faults", "restarts")}
        return {
            "model": self._config.model.name, "engine": str(facts.get("engine", "")), "isa": str(facts.get("isa", "")),
            "output": str(facts.get("output", "")),
            "rate_hz": int(facts.get("rate_hz", 0)), "period_frames": int(facts.get("period_frames", 0)),
            "notes": self._orders.held, "latency_ms": stats.latency_s * 1e3, "load": stats.load,
            "p99_ms": stats.p99_ms, "block_samples": self._deadline.rung.block_samples if self._deadline else 0,
            "adherence": 0.0 if math.isnan(stats.adherence) else stats.adherence, "primed": self._watch.primed, **counts, "dropped": self._queue.dropped, "refused_midi": self.midi.refused,
            "refused_osc": self.osc.refused, "limited": self.osc.limited, "missed": self.osc.missed, "stuck": self._orders.stuck, "gain_db": self._orders.gain_db, "temperature": self._orders.temperature,
            **self._continuer.status(), "recording": int(self._recorder.recording), "record": self._recorder.state,
            "up_s": time.monotonic() - self._started_s,
        }

    def _shown(self, stats: Stats) -> Shown:
        audio, going = self._audio, self._continuer.status()
        facts = audio.facts
        return Shown(
            self._config.model.name, _engine(facts), str(facts["output"]), stats.level, _stages_ms(stats), stats.load,
            self._orders.sounding, audio.underruns, audio.late, audio.restarts, str(going["continue"]), str(going["continue_state"]),
            float(going["tempo_bpm"]), float(going["bar_beat"]), self._recorder.state)

    def _doing(self) -> str:
        """A line for `systemctl status`."""
        audio = self._audio
        return (f"{self._config.model.name} on {audio.facts['output']}, latency {1e3 * audio.stats.latency_s:.1f} ms, "
                f"underruns {audio.underruns}")

    def _announce(self) -> None:
        facts, model = self._audio.facts, self._config.model
        for warning in filter(None, [facts["notice"], *self.midi.warnings, *self.midi_out.warnings, self._query and self._query.problem]):
            self._say(str(warning))
        while self._audio.turn() is None and not self._stopping.is_set():
            time.sleep(0.005)
        stats, low, high = self._audio.stats, self._orders.compass.low, self._orders.compass.high
        self._say(f"model    {model.name}, pitches {low}..{high}, temperature {model.temperature:g}, seed {model.seed}")
        share = 1e-3 * stats.p50_ms / stats.block_s
        self._say(f"engine   {_engine(facts)}, {100 * share:.0f} % of real time")
        self._say(f"audio    {facts['output']}, period {facts['period_frames']}, real-time priority: {facts['real_time']}")
        stages = ", ".join(f"{name} {ms:.1f}" for name, ms in _stages_ms(stats).items())
        self._say(f"latency  {1e3 * stats.latency_s:.1f} ms ({stages})")
        self._say(f"midi     {', '.join(self.midi.opened) or 'none'}")
        if self.midi_out.opened:
            self._say(f"midi out {', '.join(self.midi_out.opened)}")
        self._say(f"osc      {self._config.control.osc}" + (f", OSCQuery {self._query.url}" if self._query and self._query.url else ""))
        if self._recorder.folder:
            self._say(f"record   {'' if self._config.record.at_start else 'when asked, '}to {self._recorder.folder}")
        if line := self._continuer.announcement():
            self._say(line)
        if share > 1.0:
            self._say(f"too slow {facts['engine']} needs {share:.1f} times as long as the sound lasts; {_fastest(share)}")
        self._say(f"ready after {time.monotonic() - self._started_s:.1f} s; Ctrl-C ends it")

    def _tell_once(self, text: str, level: int = logging.WARNING) -> None:
        if text not in self._told:
            self._told.add(text)
            log.log(level, "%s", text)


def _engine(facts: Mapping[str, object]) -> str:
    return " ".join(str(facts[name]) for name in ("engine", "isa", "precision") if facts[name])


def _stages_ms(stats: Stats) -> dict[str, float]:
    return {name: 1e3 * getattr(stats, field) for field, name in STAGES.items()}


def _fastest(share: float) -> str:
    """What plays faster than `share` of real time here, measured now."""
    rows = list(bench([load_model(name) for name, _ in list_models()], ["auto"], 64, 0.2))
    best = max(rows, key=lambda row: row.real_time_factor, default=None)
    if best is None or best.real_time_factor * share <= 1.0:
        return "nothing here is faster"
    return f"--engine {best.engine} --model {best.model} needs {1.0 / best.real_time_factor:.2f}"
