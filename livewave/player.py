"""The audio process: performer, device, and the link to the control process. It has no other work.

Started as `python -m livewave.player LINK_FD TAPE_FD PARENT_PID`. It opens the model that it is handed, says so, and waits: as the standby of
another one, or for the word to start. Its reports, each with the key `event`:

    ready      the model of that `number` is open: engine, precision, isa
    playing    the output is open and takes frames: all facts; what the player is to be told is the `notice`
    changed    the model of that `number` has taken over, while the sound went on: engine, precision, isa
    default    what the default `output` is now; empty where there is none
    failed     what was asked for could not be had: the `reason`, and the `number` if it was a model. All else goes on
"""

from __future__ import annotations

import gc
import json
import math
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np

from livewave import DeviceError, LivewaveError
from livewave.config import Config, make_config
from livewave.deadline import LARGEST_BLOCK_SAMPLES, NEAR_ALONE
from livewave.ensemble import Crew, Ensemble, apart, gain_db_of, pan_of, performer_of, share_of
from livewave.handover import Recipe, unpack
from livewave.link import Command, Handover, Link, Order, Start, Stats, VoiceStats
from livewave.music.clock import SystemClock
from livewave.performer import Performer, Placed
from livewave.render.adherence import Adherence
from livewave.render.engine import Engine
from livewave.sound.apart import VoicePorts, voice_ports
from livewave.sound.device import Output, default_output, look_again, open_output
from livewave.sound.pace import Pace
from livewave.sound.realtime import PRODUCER_PRIORITY, ask_for_priority, lock_memory
from livewave.sound.ring import Ring
from livewave.sound.target import Target
from livewave.stage import Stage
from livewave.takes.tape import TapeWriter, life_of, model_hash

REPORT_S = 0.05
RING_S = 0.5
FILL_S = 0.02
WAIT_S = 0.5
JITTER_S = 0.001  # of the wake-up of this process
SWITCH_INTERVAL_S = 0.0005
TOGETHER_LOAD = 0.4  # below it, two performers are rendered faster than they are heard


@dataclass(slots=True)
class Ear:
    """Who is heard, and how far: a voice of another rate may make no block between two looks."""

    performer: Performer
    ear: Adherence
    sample: int = -1

    def hear(self) -> None:
        if self.performer.sample != self.sample:
            self.sample = self.performer.sample
            self.ear.hear(*self.performer.newest)


class Player:
    """Owns the engines, the ring and the device. Thread: one, which calls `run`; another one opens what is to come, and where
    there are several voices a crew renders them."""

    def __init__(self, link: Link, tape: TapeWriter, parent: int) -> None:
        self._link, self._tape, self._parent = link, tape, parent
        self._engines: dict[int, Engine] = {}  # by voice
        self._about: dict[Engine, tuple[str, str]] = {}  # name and hash of the model of each open engine
        self._opened: queue.SimpleQueue[tuple[int, int, Engine, Performer] | tuple[int, int, str]] = queue.SimpleQueue()
        self._ears: dict[int, Ear] = {}  # by voice
        self._spectra: dict[int, bytes] = {}
        self._looked_at = 0
        self._durations: list[float] = []
        self._reported_s = 0.0
        self._load = self._peak = 0.0
        self._crew: Crew | None = None
        self._ports: VoicePorts | None = None
        self.output: Output | None = None

    def run(self) -> None:
        """Wait for a model and the word to start, then play until told to stop, or until the control process is gone."""
        while not self._is_left_alone():
            select.select([self._link], [], [], WAIT_S)
            for message in self._link.messages():
                match message:
                    case Handover():
                        self._open(message)
                    case Start() if self._start(message):
                        self._play()
                        return
                    case Command(order=Order.LOOK):
                        self._link.send_report({"event": "default", "output": _default_now()})
                    case Command(order=Order.STOP):
                        return

    def close(self) -> None:
        self._tape.close()
        if self._crew:
            self._crew.close()
        for engine in list(self._about):
            self._close_engine(engine)

    def _is_left_alone(self) -> bool:
        return os.getppid() != self._parent

    # before the sound

    def _open(self, handover: Handover) -> None:
        try:
            engine = self._open_engine(handover)
        except LivewaveError as error:
            self._link.send_report({"event": "failed", "number": handover.number, "voice": handover.voice, "reason": str(error)})
            return
        if handover.voice in self._engines:
            self._close_engine(self._engines[handover.voice])
        self._engines[handover.voice] = engine
        self._link.send_report({"event": "ready", "number": handover.number, "voice": handover.voice, **_engine_facts(engine)})

    def _open_engine(self, handover: Handover) -> Engine:
        """The engine of a model that was handed over, played once, for first calls take long. Closes the descriptor."""
        try:
            model = unpack(handover.descriptor)
        finally:
            os.close(handover.descriptor)
        engine = Recipe(handover.engine, handover.options).open(model)
        held = engine.spec.samples_per_column
        engine.render(np.zeros((1, 128), np.uint8), np.zeros(held, np.float32), np.zeros(held, np.float32))
        engine.reset()
        self._about[engine] = model.name, model_hash(model)
        return engine

    def _close_engine(self, engine: Engine) -> None:
        del self._about[engine]
        engine.close()

    def _start(self, start: Start) -> bool:
        """Open the output; False, and a report, when it cannot be had."""
        self.output = None
        try:
            self._config, self._notice = make_config(json.loads(start.settings)), ""
            if not all(voice in self._engines for voice in range(len(self._config.ensemble))):
                raise LivewaveError("there is no model to play")
            self.ring = Ring(round(RING_S * 192_000), channels_in=2 if self._config.voices else 1)
            self.output = self._open_output(start.or_null)
            self._crew = self._crew or Crew.of(len(self._config.ensemble))
            self._try_out()
            self._set_target()
            self._fill()
            self._spectrum()
            self._stats()  # the first time, like collecting garbage, takes longer than the ring lasts
            self._durations.clear()
            if self._config.voices and self.output.on_jack:
                self._ports = voice_ports(len(self._config.voices))
            self._make_real_time()
            self.output.start()
            if self._ports:
                self._ports.begin(self.ring.fill_frames)
        except LivewaveError as error:
            if self.output:
                self.output.close()
            self._close_ports()
            self._link.send_report({"event": "failed", "reason": str(error)})
            return False
        self.ensemble.tell(self._begin_life)
        self._set_target()
        self._fill()
        self._link.send_report({"event": "playing", **self._facts()})
        return True

    def _open_output(self, or_null: bool) -> Output:
        """The device asked for; without any sound card, `default` is null: everything else still works."""
        look_again()
        audio = self._config.audio
        try:
            return open_output(audio.output, self.ring, audio.rate_hz, audio.period_frames)
        except DeviceError as error:
            if audio.output != "default" or not or_null:
                raise
            self._notice = f"{error}. Until then livewave plays into null"
            return open_output("null", self.ring, audio.rate_hz, audio.period_frames)

    def _try_out(self) -> None:
        """Begin with blocks that can be kept up with: those that were asked for, or larger ones."""
        samples, self._doubled = self._config.audio.block_samples, 0
        self.ensemble = self._make_ensemble(samples)
        while (share := share_of(self.ensemble)) > NEAR_ALONE and samples * 2 <= LARGEST_BLOCK_SAMPLES:
            samples, self._doubled = samples * 2, self._doubled + 1
            self._divide(samples)
        self.ensemble, self._share = self._make_ensemble(samples), share

    def _make_ensemble(self, block_samples: int) -> Ensemble:
        block_s = block_samples / self._engines[0].spec.model_rate_hz
        performers = [self._make_performer(voice, self._engines[voice], block_s) for voice in range(len(self._config.ensemble))]
        return Ensemble(performers, self._crew)

    def _make_performer(self, voice: int, engine: Engine, block_s: float) -> Performer:
        performer = performer_of(self._config, voice, engine, SystemClock(), self.output.rate_hz, block_s)
        performer.lead_s = self._lead_s(performer)
        return performer

    def _begin_life(self, voice: int, performer: Performer, frame: int) -> Placed:
        name, fingerprint = self._about[performer.voice.engine]
        return self._tape.begin(life_of(performer, frame, name, fingerprint, gain_db_of(self._config, voice), voice,
                                        pan_of(self._config, voice)))

    def _lead_s(self, performer: Performer) -> float:
        """Blocks are rendered when the device has taken a period. So the newest one is ahead of its mean place by half of both at
        most, and the mean is what the performer's clock goes by."""
        block_s = performer.block_samples / performer.voice.engine.spec.model_rate_hz
        return 0.5 * (block_s + self.output.period_frames / self.output.rate_hz) + JITTER_S

    def _make_real_time(self) -> None:
        """Ask for what a real-time thread should have; go on without what is refused."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._memory = lock_memory()
        told = [ask_for_priority(PRODUCER_PRIORITY), *self._crew.each(lambda: ask_for_priority(PRODUCER_PRIORITY))]
        self._real_time = next((each for each in told if not each.startswith("yes")), told[0])

    # while it plays

    def _play(self) -> None:
        """Keep the ring filled."""
        while not self.ensemble.faded_out:
            self._take_messages()
            self._change()
            worked = self._fill()
            if pause_s := self._pace.pause_s(worked, worked and self.ring.wanted_frames() > 0, time.monotonic()):
                time.sleep(pause_s)
            self._report(time.monotonic())
            if self._is_left_alone():
                break
        self._drain()
        self._close_ports()
        self.output.close()
        self._tape.flush()

    def _close_ports(self) -> None:
        if self._ports:
            self._ports.close()
            self._ports = None

    def _take_messages(self) -> None:
        for message in self._link.messages():
            match message:
                case Command(order=Order.BLOCK):
                    self._set_block(round(message.value))
                case Command():
                    self.ensemble.obey(message)
                case Handover():
                    threading.Thread(target=self._open_beside, args=(message,), name="opening", daemon=True).start()

    def _open_beside(self, handover: Handover) -> None:
        """Open and warm what is to take over. Thread: of its own; what it calls holds the interpreter for short moments only."""
        voice = handover.voice
        try:
            engine = self._open_engine(handover)
            self._opened.put((voice, handover.number, engine, self._make_performer(voice, engine, self._block_s)))
        except Exception as error:  # drivers raise anything; the old model plays on
            self._opened.put((voice, handover.number, str(error)))

    def _change(self) -> None:
        """Let a performer that is ready take over, and let go of one that is gone."""
        for performer in self.ensemble.gone():
            self._close_engine(performer.voice.engine)
        if self._opened.empty() or any(part.stage.changing for part in self.ensemble.parts):
            return
        voice, number, *found = self._opened.get()
        if isinstance(found[0], str):
            self._link.send_report({"event": "failed", "number": number, "voice": voice, "reason": found[0]})
            return
        self._engines[voice], performer = found
        self.ensemble.parts[voice].stage.change(performer, together=self._load < TOGETHER_LOAD)
        self._link.send_report({"event": "changed", "number": number, "voice": voice, **_engine_facts(self._engines[voice])})

    def _fill(self) -> bool:
        """Render blocks until the ring holds its target or FILL_S is over; False when there was nothing to do.

        An engine that cannot keep up would never reach the target: messages and reports must have their turn.
        """
        worked, deadline = False, time.perf_counter() + FILL_S
        while self.ring.wanted_frames() > 0 and time.perf_counter() < deadline:
            began = time.perf_counter()
            first, frames = self.ensemble.frames, self.ensemble.step()
            self.ring.write(frames)
            if self._ports:
                self._ports.write(apart(self.ensemble.newest))
            self._durations.append(time.perf_counter() - began)
            self._tape.frames(first, frames)
            self._tape.flush()
            self._listen(frames)
            self._take_messages()
            worked = True
        return worked

    def _listen(self, frames: np.ndarray) -> None:
        """Another performer, at a rate of its own, is heard by an ear of its own."""
        self._peak = max(self._peak, float(np.abs(frames).max(initial=0.0)))
        for voice, performer in enumerate(self.ensemble.performers):
            if voice not in self._ears or self._ears[voice].performer is not performer:
                self._ears[voice] = Ear(performer, Adherence(performer.voice.engine.spec.model_rate_hz))
            self._ears[voice].hear()

    def _set_target(self) -> None:
        rate, asked_ms = self.output.rate_hz, self._config.audio.latency_ms
        asked = None if asked_ms is None else round(asked_ms * 1e-3 * rate)
        self._target = Target(self.output.period_frames, rate, asked, self.ring.capacity_frames)
        self._target.expect(self._rendering_frames)
        self._target.hear(self.ring.underrun_blocks, time.monotonic())
        self.ring.target_frames = self._target.frames
        self._pace = Pace(min(0.25 * self._block_frames / rate, 0.001), time.monotonic())

    @property
    def _rendering_frames(self) -> int:
        """How many the device plays while a block is rendered, one that takes long."""
        return math.ceil(min(self._share, 1.0) * self._block_frames)

    @property
    def _block_s(self) -> float:
        first = self.ensemble.performers[0]
        return first.block_samples / first.voice.engine.spec.model_rate_hz

    @property
    def _block_frames(self) -> int:
        first = self.ensemble.performers[0]
        return math.ceil(first.block_samples * self.output.rate_hz / first.voice.engine.spec.model_rate_hz)

    def _set_block(self, samples: int) -> None:
        self._divide(samples)
        self._target.expect(self._rendering_frames)
        self.ring.target_frames = self._target.frames

    def _divide(self, samples: int) -> None:
        """So many of the first voice, and as long a block of each other one."""
        performers = self.ensemble.performers
        performers[0].block_samples = samples
        for performer in performers:
            performer.block_samples = round(self._block_s * performer.voice.engine.spec.model_rate_hz)
            performer.lead_s = self._lead_s(performer)

    def _drain(self) -> None:
        """Let the device play what the ring holds: the fade-out."""
        deadline = time.monotonic() + self.ring.fill_frames / self.output.rate_hz + self.output.latency_s + 0.05
        while self.ring.fill_frames and time.monotonic() < deadline:
            time.sleep(0.002)
        self.output.stop()

    def _report(self, now_s: float) -> None:
        if now_s - self._reported_s < REPORT_S:
            return
        self._reported_s = now_s
        if self.output.period_frames != self._target.period_frames:
            self._set_target()  # the period of a JACK server may change
        self._target.hear(self.ring.underrun_blocks, now_s)
        self.ring.target_frames = self._target.frames
        if self._durations:
            self._link.send_spectrum(self._spectrum())
            self._link.send_stats(stats := self._stats())
            self._share = 1e-3 * stats.p99_ms / stats.block_s
            self._durations.clear()
            self._peak = 0.0
            for performer in self.ensemble.performers:
                performer.peak = 0.0

    def _stats(self) -> Stats:
        performer, rate = self.ensemble.performers[0], self.output.rate_hz
        spec = performer.voice.engine.spec
        took_ms = np.array(self._durations) * 1e3
        p50, p99 = np.percentile(took_ms, (50, 99))
        block_s = performer.block_samples / spec.model_rate_hz
        self._load = float(took_ms.mean()) / (block_s * 1e3)
        waiting = self.ring.target_frames + (self._block_frames - self._target.period_frames) / 2  # mean of a saw-tooth
        return Stats(
            frames=self.ring.frames_read, blocks=len(took_ms), underruns=self.ring.underrun_blocks, late=self.ensemble.late,
            faults=self.ensemble.faults, level=self._peak, load=self._load,
            p50_ms=p50, p99_ms=p99, max_ms=took_ms.max(), block_s=block_s, queue_s=max(0.0, performer.lead_s - block_s),
            column_s=0.5 / spec.roll_rate_hz, made_s=min(performer.lead_s, block_s), resampler_s=performer.resampler.latency_s,
            ring_s=max(0.0, waiting) / rate, device_s=self.output.latency_s,
            voices=tuple(self._heard(part.stage, self._ears[voice]) for voice, part in enumerate(self.ensemble.parts)),
        )

    def _spectrum(self) -> bytes:
        """Of all voices: in each band, of the loudest one. See livewave.render.bands. They are looked at in turn: it takes a while."""
        voice = self._looked_at = (self._looked_at + 1) % len(self._ears)
        self._spectra[voice] = self._ears[voice].ear.spectrum()
        return np.maximum.reduce([np.frombuffer(each, np.uint8) for each in self._spectra.values()]).tobytes()

    def _heard(self, stage: Stage, hearing: Ear) -> VoiceStats:
        ear = hearing.ear
        return VoiceStats(hearing.performer.peak, math.nan if stage.bent else ear.measure(), ear.offset, ear.sounding_s, ear.struck_s)

    def _facts(self) -> dict[str, str | float]:
        return {**_engine_facts(self._engines[0]), "output": self.output.description, "rate_hz": self.output.rate_hz,
                "period_frames": self.output.period_frames, "block_samples": self.ensemble.performers[0].block_samples, "doubled": self._doubled,
                "real_time": self._real_time, "memory": self._memory,
                "notice": self._notice}


def _default_now() -> str:
    look_again()
    try:
        row = default_output()
    except DeviceError:
        row = None
    return row.label if row else ""


def _engine_facts(engine: Engine) -> dict[str, str | float]:
    return {"engine": engine.name, "isa": getattr(engine, "isa", ""), "precision": getattr(engine, "precision", "")}


def main(argv: list[str]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # they reach the whole group; the control process decides
        signal.signal(number, signal.SIG_IGN)
    link, tape = (socket.socket(fileno=int(descriptor)) for descriptor in argv[:2])
    player = Player(Link(link), TapeWriter(tape), int(argv[2]))
    player.run()
    player.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
