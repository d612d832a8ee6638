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
from livewave.control.events import (
    BendSet, Control, Event, EventQueue, LetGo, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, Reset, RollSet, Setting, SourceLost, ToVoice,
)
from livewave.control.midi import MidiInputs
from livewave.control.midi_out import MidiOut
from livewave.control.osc import OscServer
from livewave.control.osc_voices import VOICE
from livewave.deadline import Deadline, coarser, rungs
from livewave.handover import Recipe
from livewave.link import Command, Order, Stats
from livewave.music.continuation import SETTINGS
from livewave.orders import bend_remark
from livewave.oscquery.server import OscQuery
from livewave.panel.beside import PanelProcess
from livewave.played import Played
from livewave.loader import Loader
from livewave.render.modelfile import list_models, load_model
from livewave.reload import Reload, on_hangup
from livewave.render.wavenet import Model
from livewave.service import Service
from livewave.sound.realtime import NOTE_PRIORITY, ask_for_priority
from livewave.sounding import Sounding
from livewave.supervisor import Supervisor
from livewave.terminal import Shown, View
from livewave.voices import Voices
from livewave.watch import Watch
from livewave.takes.recorder import Recorder

log = logging.getLogger("livewave")

PLAYED = (NoteOn, NoteOff, RollSet, Control, BendSet)  # to one voice
IDLE_S = 0.02
EVENTS_A_TURN = 16  # of OSC and the continuation; keys come first
# How long a thread that computes may keep the interpreter from one that has a note to hand on.
SWITCH_S = 0.0005
STAGES = {"queue_s": "queue", "column_s": "column", "made_s": "block", "resampler_s": "resampler", "ring_s": "ring",
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
        self._names = [voice.model for voice in config.ensemble]
        models = [load_model(name) for name in self._names]
        self._voices = Voices(config, models, config.control.longest_note_s)
        self._bend_remarks = [bend_remark(model) for model in models]
        self._told: set[str] = set()
        self._service = Service()
        self._reload = Reload(config, reread, self._queue.put, self._service)
        self.osc = OscServer(self._queue, *config.control.osc_address, status=self._status,
                             allow=config.control.allow, messages_per_s=config.control.messages_per_s,
                             models=lambda: [name for name, _ in list_models()], voices=len(models), answer_voices=self._voice_states)
        self._sounding = Sounding(self._voices, self.osc.broadcast)
        self._query: OscQuery | None = None
        if config.control.oscquery != "off":
            self._query = OscQuery(self.osc.address, config.control.oscquery_port, config.control.allow,
                                   self._choices, self._voice_states)
        self._panel: PanelProcess | None = None
        if config.control.panel != "off":
            self._panel = PanelProcess(self.osc.address, config.control.panel)
        self.midi = MidiInputs(self._queue, config.control.midi)
        self.midi_out = MidiOut(config.control.midi_out)
        self._played = Played(self.midi_out, self.osc.broadcast)
        self._continuer = Continuer(config, self._queue, self._played, self.osc.reply)
        self._recorder = Recorder(config.record.folder, config.to_json(), partial(self.osc.broadcast, "/livewave/record"))
        self._loader, self._watches = Loader(), [Watch() for _ in models]
        self._deadline: Deadline | None = None  # until it plays
        self._recipes: list[Recipe] = []  # by voice, as each was opened at first
        self._audio: Supervisor | None = None
        self._models = models

    def run(self) -> None:
        """Play until `stop`, SIGINT or SIGTERM; then fade out and close everything."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        on_hangup(self._reload.ask, self.stop)
        sys.setswitchinterval(SWITCH_S)
        log.debug("real-time priority of what hands notes on: %s", ask_for_priority(NOTE_PRIORITY, inherited=False))
        try:
            self.midi.start()
            self.midi_out.start(self.midi.opened)
            if self._config.record.at_start:
                self._recorder.start()
            self._audio = Supervisor(self._config, self._models, self._restore, self._follow)
            self._audio.start()
            self._audio.send(self._voices.placed())
            self._recipes = self._audio.recipes
            self._deadline = self._new_deadline(int(self._audio.facts["doubled"]))
            self.osc.start()
            if self._query:
                self._query.start()
            self._played.start()
            self._continuer.start()
            self._announce()
            if self._panel:
                self._panel.start()
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
            if self._panel:
                self._panel.close()
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
        for event in [*self._queue.drain(EVENTS_A_TURN), *self._voices.overdue(time.monotonic())]:
            for played in self._as_played(event):
                self._continuer.hear(played)
                self._recorder.hear(played)
            commands += self._commands(event)
        if commands:
            self._audio.send(commands)
        self._sounding.watch(time.monotonic())
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

    def _as_played(self, event: Event) -> list[Event]:
        """What continuation and recorder are to hear of it: who plays to a voice alone is a source of its own."""
        match event:
            case ToVoice(voice=voice, event=Panic()):
                return [SourceLost(event.at_s, _source_of(event.source, voice))]
            case ToVoice(voice=voice, event=LetGo() as let_go):
                return [let_go, dataclasses.replace(let_go, source=_source_of(let_go.source, voice))]
            case ToVoice(voice=voice, event=inner):
                return [dataclasses.replace(inner, source=_source_of(inner.source, voice))] if type(inner) in PLAYED else []
            case SourceLost():
                return [event, *(dataclasses.replace(event, source=_source_of(event.source, voice)) for voice in range(len(self._voices)))]
        return [event]

    def _commands(self, event: Event) -> list[Command]:
        match event:
            case Setting(name="model"):
                self._select_for_all(str(event.value), event.sender)
                return []
            case ToVoice(voice=voice, event=Setting(name="model") as setting):
                self._select_model(voice, str(setting.value), setting.sender, f"{VOICE}/{voice + 1}/model")
                return []
            case ToVoice(voice=voice, event=Setting(name="pan") as setting) if not self._config.voices:
                self._answer(setting.sender, f"{VOICE}/{voice + 1}/pan", "one model alone is played in mono; name it by --voice to give it a place")
                return []
            case Setting(name="record"):
                self._record(bool(event.value), event.sender)
                return []
            case Setting() if event.name.startswith(SETTINGS):
                return []
            case Panic() | Reset():
                self._played.silence()
            case ProgramChange():
                self._select_program(event.channel, event.program)
            case PitchBend() | BendSet():
                for level, text in filter(None, self._bend_remarks):
                    self._tell_once(text, level)
        return self._voices.translate(event)

    def _select_program(self, channel: int, program: int) -> None:
        """For the voices that hear that channel alone, or the only one."""
        models = [name for name, _ in list_models()]
        if program >= len(models):
            self._tell_once(f"program change {program} is ignored: the models are 0 ({models[0]}) to {len(models) - 1}")
            return
        for voice in self._voices.on_channel(channel):
            if models[program] != self._names[voice]:
                self._select_model(voice, models[program], None)

    def _select_for_all(self, name: str, sender: tuple | None) -> None:
        """One name for an ensemble is no answer to who is to play it."""
        if len(self._voices) == 1:
            self._select_model(0, name, sender)
        else:
            self._answer(sender, "/livewave/model", f"{len(self._voices)} voices play; choose one: {VOICE}/1/model {name}")

    def _select_model(self, voice: int, name: str, sender: tuple | None, address: str = "/livewave/model") -> None:
        """Play on with another model: it is read and opened beside the one that plays; a bad file leaves that one playing. `address`
        is the one that was asked, and answers."""
        def answer(problem: str) -> None:
            if problem:
                log.warning("model %s: %s", name, problem)
            self._answer(sender, address, problem, name)

        def changed(model: Model, problem: str) -> None:
            if not problem:
                self._voices[voice].play(model)
                self._names[voice], self._bend_remarks[voice] = name, bend_remark(model)
                self._recipes[voice] = self._audio.recipes[voice]
                if len(self._voices) == 1:  # else the others are as heavy as they were
                    self._deadline = self._new_deadline()
                self._keep_up()
            answer(problem)

        self._loader.load(voice, name, lambda model: self._audio.change(voice, model, partial(changed, model)), answer)

    def _answer(self, sender: tuple | None, address: str, problem: str, *values: object) -> None:
        """Done, or why not; where somebody waits for it."""
        if sender and problem:
            self.osc.reply(sender, "/livewave/fail", address, problem[:160])
        elif sender:
            self.osc.reply(sender, "/livewave/done", address, *values)

    def _record(self, on: bool, sender: tuple | None) -> None:
        def answer(problem: str | None) -> None:
            self._answer(sender, "/livewave/record", problem or "", int(on))

        (self._recorder.start if on else self._recorder.stop)(answer)

    def _look_after(self, stats: Stats) -> None:
        """See that it keeps up, and that what sounds is what is played."""
        now_s = time.monotonic()
        for number, heard in enumerate(stats.voices):
            voice = self._voices[number]
            if voice.parked:
                self._watches[number].forget()
                continue
            if trouble := self._watches[number].judge(heard, voice.orders.faded_gain_db, voice.orders.temperature, now_s):
                self._notice(f"{self._of_voice(number)} made {trouble}; it starts again")
                self._audio.send([Command(Order.PRIME, voice=number)])
        if self._deadline.hear(stats, now_s):
            self._notice(f"a block takes {stats.p99_ms:.1f} ms, and {1e3 * stats.block_s:.1f} ms are there: now {self._deadline.rung}")
            self._keep_up()

    def _keep_up(self) -> None:
        """Let all be played as the rung of now says."""
        rung = self._deadline.rung
        self._audio.send([*self._voices.spare(rung.voices), self._block()])
        for number, (first, now) in enumerate(zip(self._recipes, self._audio.recipes)):
            if (recipe := coarser(first) if rung.coarse else first) != now:
                self._audio.recast(number, recipe, lambda problem: problem and log.warning("%s", problem))

    def _of_voice(self, number: int) -> str:
        return f"voice {number + 1}, {self._names[number]}," if len(self._voices) > 1 else "the net"

    def _new_deadline(self, place: int = 0) -> Deadline:
        return Deadline(rungs(self._config.audio.block_samples, self._recipes), place)

    def _block(self) -> Command:
        return Command(Order.BLOCK, value=self._deadline.rung.block_samples if self._deadline else self._config.audio.block_samples)

    def _restore(self) -> list[Command]:
        """What an audio process that starts afresh must be told."""
        return [*self._voices.restore(), self._block()]

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
        if self._config.voices:
            for number, voice in enumerate(stats.voices):
                self.osc.broadcast(f"{VOICE}/level", number + 1, float(voice.level))
        if spectrum := self._audio.spectrum:
            self.osc.broadcast("/livewave/spectrum", spectrum)

    def _status(self) -> dict[str, str | int | float]:
        """What /livewave/status answers. Thread: osc-in; reads only values that are replaced whole."""
        audio = self._audio
        stats, facts = (audio.stats, audio.facts) if audio else (Stats(), {})
        counts = {name: getattr(audio, name) if audio else 0 for name in ("underruns", "late", "faults", "restarts")}
        return {
            "model": self._title, "voices": len(self._voices), "pitch_low": self._voices.low, "pitch_high": self._voices.high,
            "engine": str(facts.get("engine", "")), "isa": str(facts.get("isa", "")),
            "output": str(facts.get("output", "")),
            "rate_hz": int(facts.get("rate_hz", 0)), "period_frames": int(facts.get("period_frames", 0)),
            "notes": self._voices.held, "latency_ms": stats.latency_s * 1e3,
            **{f"{name}_ms": ms for name, ms in _stages_ms(stats).items()}, "load": stats.load,
            "p99_ms": stats.p99_ms, "block_samples": self._deadline.rung.block_samples if self._deadline else 0,
            "adherence": 0.0 if math.isnan(stats.adherence) else stats.adherence,
            "primed": sum(watch.primed for watch in self._watches), **counts,
            "dropped": self._queue.dropped, "refused_midi": self.midi.refused, "refused_osc": self.osc.refused,
            "limited": self.osc.limited, "missed": self.osc.missed, "stuck": self._voices.stuck,
            "gain_db": self._voices.gain_db, "temperature": self._voices.temperature,
            **self._continuer.status(), "recording": int(self._recorder.recording), "record": self._recorder.state,
            "up_s": time.monotonic() - self._started_s,
        }

    def _voice_states(self) -> list[list[str | int | float]]:
        """What /livewave/voices answers, by voice: see VOICE_STATE in osc_voices. Thread: osc-in, as `_status`."""
        rows = []
        for number, name in enumerate(self._names):
            voice = self._voices[number]
            voicing, orders = voice.voicing, voice.orders
            rows.append([number + 1, name, voicing.channel or 0, voicing.low, voicing.high, voicing.transpose, voicing.gain_db,
                         voicing.pan, int(voicing.mute), orders.temperature, orders.held])
        return rows

    @property
    def _title(self) -> str:
        return " + ".join(self._names)

    def _choices(self) -> dict[str, list[str]]:
        """The models that can be chosen, by the addresses that choose one. Thread: OSCQuery's."""
        names = [name for name, _ in list_models()]
        return {address: names for address in ("/livewave/model", *(f"{VOICE}/{number + 1}/model" for number in range(len(self._names))))}

    def _shown(self, stats: Stats) -> Shown:
        audio, going = self._audio, self._continuer.status()
        facts = audio.facts
        return Shown(
            self._title, _engine(facts), str(facts["output"]), stats.level, _stages_ms(stats), stats.load,
            self._voices.sounding, audio.underruns, audio.late, audio.restarts, str(going["continue"]), str(going["continue_state"]),
            float(going["tempo_bpm"]), float(going["bar_beat"]), self._recorder.state)

    def _doing(self) -> str:
        """A line for `systemctl status`."""
        audio = self._audio
        return (f"{self._title} on {audio.facts['output']}, latency {1e3 * audio.stats.latency_s:.1f} ms, "
                f"underruns {audio.underruns}")

    def _announce(self) -> None:
        facts, model = self._audio.facts, self._config.model
        for warning in filter(None, [facts["notice"], *self.midi.warnings, *self.midi_out.warnings, self._query and self._query.problem]):
            self._say(str(warning))
        while self._audio.turn() is None and not self._stopping.is_set():
            time.sleep(0.005)
        stats = self._audio.stats
        for number, name in enumerate(self._names):
            voice = self._voices[number]
            compass, label = voice.orders.compass, f"voice {number + 1:<3}" if self._config.voices else "model    "
            self._say(f"{label}{name}, pitches {compass.low}..{compass.high}, temperature {voice.orders.temperature:g}, "
                      + (voice.voicing.told or f"seed {model.seed}"))
        share = 1e-3 * stats.p50_ms / stats.block_s
        doubled = f", in blocks of {facts['block_samples']} samples: smaller ones take too long here" if facts["doubled"] else ""
        self._say(f"engine   {_engine(facts)}, {100 * share:.0f} % of real time{doubled}")
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
            remedy = _fastest(share) if len(self._voices) == 1 else "leave out voices, or give them smaller models: livewave models"
            self._say(f"too slow {facts['engine']} needs {share:.1f} times as long as the sound lasts; {remedy}")
        self._say(f"ready after {time.monotonic() - self._started_s:.1f} s; Ctrl-C ends it")

    def _tell_once(self, text: str, level: int = logging.WARNING) -> None:
        if text not in self._told:
            self._told.add(text)
            log.log(level, "%s", text)


def _source_of(source: str, voice: int) -> str:
    return f"{source}/voice/{voice + 1}"


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
