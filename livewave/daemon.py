"""The control process: MIDI and OSC in, orders to the audio process out, and the watch over it."""

from __future__ import annotations

import dataclasses
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable

from livewave import LivewaveError
from livewave.bench import bench
from livewave.config import Config
from livewave.continuer import Continuer
from livewave.control.events import BendSet, Event, EventQueue, Panic, PitchBend, ProgramChange, Reset, Setting
from livewave.control.midi import MidiInputs
from livewave.control.midi_out import MidiOut
from livewave.control.osc import OscServer
from livewave.link import Command, Stats
from livewave.music.compass import Compass
from livewave.music.continuation import SETTINGS
from livewave.orders import Orders, bend_remark
from livewave.played import Played
from livewave.render.modelfile import list_models, load_model
from livewave.supervisor import AudioProcess, next_take

log = logging.getLogger("livewave")

IDLE_S = 0.02
RESTART_PAUSE_S = 0.5
# How long a thread that computes may keep the interpreter from one that has a note to hand on.
SWITCH_S = 0.0005
STAGES = {"queue_s": "queue", "column_s": "column", "block_s": "block", "resampler_s": "resampler", "ring_s": "ring",
          "device_s": "device"}


class Daemon:
    """Everything between the player's hands and the audio process. Thread: one, which calls `run`.

    Ports are opened here, so that what is wrong is said before anything sounds. Raises LivewaveError.
    """

    def __init__(self, config: Config, say: Callable[[str], None]) -> None:
        self._say, self._started_s = say, time.monotonic()
        self._queue = EventQueue()
        self._stopping = threading.Event()
        self._config, self._takes, self._restarts, self._underruns = config, 1, 0, 0
        model = load_model(config.model.name)
        self._orders = Orders(Compass.of(model.provenance), config.audio.gain_db, config.model.temperature)
        self._bend_remark = bend_remark(model)
        self._told: set[str] = set()
        self.osc = OscServer(self._queue, *config.control.osc_address, status=self._status)
        self.midi = MidiInputs(self._queue, config.control.midi)
        self.midi_out = MidiOut(config.control.midi_out)
        self._played = Played(self.midi_out, self.osc.broadcast)
        self._continuer = Continuer(config, self._queue, self._played, self.osc.reply)
        self._audio: AudioProcess | None = None

    def run(self) -> None:
        """Play until `stop`, SIGINT or SIGTERM; then fade out and close everything."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        sys.setswitchinterval(SWITCH_S)
        try:
            self.midi.start()
            self.midi_out.start(self.midi.opened)
            self._audio = AudioProcess(self._config)
            self.osc.start()
            self._played.start()
            self._continuer.start()
            self._announce()
            while not self._stopping.is_set():
                self._turn()
        finally:
            self.midi.close()
            self._continuer.close()
            self._played.close()
            self.osc.close()
            if self._audio is not None:
                self._audio.stop()

    def stop(self) -> None:
        self._stopping.set()

    def _turn(self) -> None:
        self._queue.wait(IDLE_S)
        commands: list[Command] = []
        for event in self._queue.drain():
            self._continuer.hear(event)
            audio, fresh = self._audio, self._commands(event)
            if self._audio is not audio:  # a new process was told all that is held: nothing may be struck twice
                commands.clear()
            commands += fresh
        if commands:
            self._audio.send(commands)
        self._continuer.watch()
        stats = self._audio.poll()
        if stats is not None:
            self._broadcast(stats)
        if not self._audio.alive:
            self._replace("the audio process stopped", self._config)

    def _commands(self, event: Event) -> list[Command]:
        match event:
            case Setting(name="model"):
                self._select_model(str(event.value), event.sender)
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
        """Play on with another model; a bad file leaves the old one playing. Heard as a short rest."""
        try:
            model = load_model(name)
        except LivewaveError as error:
            log.warning("model %s: %s", name, error)
            if sender:
                self.osc.reply(sender, "/livewave/fail", "/livewave/model", str(error)[:160])
            return
        self._orders.compass, self._bend_remark = Compass.of(model.provenance), bend_remark(model)
        self._audio.stop()
        self._start_again(dataclasses.replace(self._config, model=dataclasses.replace(self._config.model, name=name)))
        if sender:
            self.osc.reply(sender, "/livewave/done", "/livewave/model", name)

    def _replace(self, reason: str, config: Config) -> None:
        """A dead or stuck audio process makes room for a new one, which gets every held note and setting."""
        log.warning("%s; starting another one", reason)
        self._audio.kill()
        self._restarts += 1
        self._start_again(config)

    def _start_again(self, config: Config) -> None:
        self._takes += 1
        self._underruns += int(self._audio.stats.underruns)
        or_null = bool(self._audio.facts["notice"])  # a sound card that was there is waited for
        while not self._stopping.is_set():
            try:
                self._audio = AudioProcess(next_take(config, self._takes), or_null)
                break
            except LivewaveError as error:
                self._tell_once(f"no sound: {error}; trying again")
                self._stopping.wait(RESTART_PAUSE_S)
        self._config = config
        self._audio.send(self._orders.restore())
        log.warning("playing %s on %s", config.model.name, self._audio.facts["output"])

    def _broadcast(self, stats: Stats) -> None:
        for address, value in (("level", stats.level), ("latency", stats.latency_s * 1e3), ("load", stats.load)):
            self.osc.broadcast(f"/livewave/{address}", float(value))
        self.osc.broadcast("/livewave/underruns", self._underruns + int(stats.underruns))

    def _status(self) -> dict[str, str | int | float]:
        """What /livewave/status answers. Thread: osc-in; reads only values that are replaced whole."""
        audio = self._audio
        stats, facts = (audio.stats, audio.facts) if audio else (Stats(), {})
        return {
            "model": self._config.model.name, "engine": str(facts.get("engine", "")), "isa": str(facts.get("isa", "")),
            "output": str(facts.get("output", "")),
            "rate_hz": int(facts.get("rate_hz", 0)), "period_frames": int(facts.get("period_frames", 0)),
            "notes": self._orders.held, "latency_ms": stats.latency_s * 1e3, "load": stats.load,
            "p99_ms": stats.p99_ms, "underruns": self._underruns + int(stats.underruns), "late": int(stats.late), "faults": int(stats.faults),
            "restarts": self._restarts, "dropped": self._queue.dropped, "refused_midi": self.midi.refused,
            "refused_osc": self.osc.refused, "gain_db": self._orders.gain_db, "temperature": self._orders.temperature,
            **self._continuer.status(), "up_s": time.monotonic() - self._started_s,
        }

    def _announce(self) -> None:
        facts, model = self._audio.facts, self._config.model
        for warning in filter(None, [facts["notice"], *self.midi.warnings, *self.midi_out.warnings]):
            self._say(str(warning))
        while self._audio.poll() is None and self._audio.alive and not self._stopping.is_set():
            time.sleep(0.005)
        stats, low, high = self._audio.stats, self._orders.compass.low, self._orders.compass.high
        self._say(f"model    {model.name}, pitches {low}..{high}, temperature {model.temperature:g}, seed {model.seed}")
        share = 1e-3 * stats.p50_ms / stats.block_s
        engine = " ".join(str(facts[name]) for name in ("engine", "isa", "precision") if facts[name])
        self._say(f"engine   {engine}, {100 * share:.0f} % of real time")
        self._say(f"audio    {facts['output']}, period {facts['period_frames']}, real-time priority: {facts['real_time']}")
        stages = ", ".join(f"{name} {1e3 * getattr(stats, field):.1f}" for field, name in STAGES.items())
        self._say(f"latency  {1e3 * stats.latency_s:.1f} ms ({stages})")
        self._say(f"midi     {', '.join(self.midi.opened) or 'none'}")
        if self.midi_out.opened:
            self._say(f"midi out {', '.join(self.midi_out.opened)}")
        self._say(f"osc      {self._config.control.osc}")
        if line := self._continuer.announcement():
            self._say(line)
        if share > 1.0:
            self._say(f"too slow {facts['engine']} needs {share:.1f} times as long as the sound lasts; {_fastest(share)}")
        self._say(f"ready after {time.monotonic() - self._started_s:.1f} s; Ctrl-C ends it")

    def _tell_once(self, text: str, level: int = logging.WARNING) -> None:
        if text not in self._told:
            self._told.add(text)
            log.log(level, "%s", text)


def _fastest(share: float) -> str:
    """What plays faster than `share` of real time here, measured now."""
    rows = list(bench([load_model(name) for name, _ in list_models()], ["auto"], 64, 0.2))
    best = max(rows, key=lambda row: row.real_time_factor, default=None)
    if best is None or best.real_time_factor * share <= 1.0:
        return "nothing here is faster"
    return f"--engine {best.engine} --model {best.model} needs {1.0 / best.real_time_factor:.2f}"
