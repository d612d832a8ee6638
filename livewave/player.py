"""The audio process: performer, device, and the link to the control process. It has no other work.

Started by the daemon as `python -m livewave.player FD CONFIG or-null|or-fail`. Its first report says what was opened or why not.
"""

from __future__ import annotations

import gc
import math
import os
import signal
import socket
import sys
import threading
import time

import numpy as np

from livewave import DeviceError, LivewaveError
from livewave.config import Config, make_config
from livewave.link import Link, Order, Stats
from livewave.music.clock import SystemClock
from livewave.performer import Performer
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.sound.device import Output, open_output
from livewave.sound.ring import Ring

REPORT_S = 0.05
CALM_S = 30.0  # without an underrun for so long, the ring's target falls again by one period
LEAST_PERIODS = 3  # with 2, a shared machine's hiccups were heard about once a minute
TARGET_GROWTH = 4  # the target never exceeds this multiple of the first one
RING_S = 0.5
FILL_S = 0.02
JITTER_S = 0.001  # of the wake-up of this process, on top of a block and a period
PRIORITY = 60
SWITCH_INTERVAL_S = 0.0005


class Player:
    """Owns the engine, the ring and the device; `play` returns when the control process says stop or is gone."""

    def __init__(self, config: Config, link: Link, or_null: bool) -> None:
        self._config, self._link, self._or_null = config, link, or_null
        model = load_model(config.model.name)
        self.engine = open_engine(config.model.engine, model)
        self.ring = Ring(round(RING_S * 192_000))
        self._notice = ""
        self.output = self._open_output()
        self.performer = self._make_performer()
        self._durations: list[float] = []
        self._reported_s = self._underrun_s = 0.0
        self._underruns = 0

    def _open_output(self) -> Output:
        """The device asked for; without any sound card, `default` is null: everything else still works."""
        audio = self._config.audio
        try:
            return open_output(audio.output, self.ring, audio.rate_hz, audio.period_frames)
        except DeviceError as error:
            if audio.output != "default" or not self._or_null:
                raise
            self._notice = f"{error}. Until then livewave plays into null"
            return open_output("null", self.ring, audio.rate_hz, audio.period_frames)

    def _make_performer(self) -> Performer:
        model, audio = self._config.model, self._config.audio
        spec, rate = self.engine.spec, self.output.rate_hz
        block = math.ceil(audio.block_samples / spec.samples_per_column) * spec.samples_per_column
        lead_s = block / spec.model_rate_hz + self.output.period_frames / rate + JITTER_S
        return Performer(self.engine, SystemClock(), rate, block, model.seed, model.temperature, audio.gain_db, lead_s)

    def play(self) -> None:
        """Prime the ring, start the device, tell the other process, and keep the ring filled."""
        self._set_target(self.output.period_frames)
        self._fill()
        self._stats()  # the first time, like collecting garbage, takes longer than the ring lasts
        self._durations.clear()
        self._make_real_time()
        self.output.start()
        self._set_target(self.output.period_frames)
        self._fill()
        self._link.send_hello(self._facts())
        parent = os.getppid()
        while not self.performer.faded_out:
            self._take_commands()
            if not self._fill():
                time.sleep(self._nap_s)
            self._report(time.monotonic())
            if os.getppid() != parent:
                break
        self._drain()

    def close(self) -> None:
        self.output.close()
        self.engine.close()

    def _take_commands(self) -> None:
        for command in self._link.commands():
            self.performer.obey(command)

    def _fill(self) -> bool:
        """Render blocks until the ring holds its target or FILL_S is over; False when there was nothing to do.

        An engine that cannot keep up would never reach the target: commands and reports must have their turn.
        """
        worked, deadline = False, time.perf_counter() + FILL_S
        while self.ring.wanted_frames() > 0 and time.perf_counter() < deadline:
            began = time.perf_counter()
            self.ring.write(self.performer.step())
            self._durations.append(time.perf_counter() - began)
            self._take_commands()
            worked = True
        return worked

    def _set_target(self, period_frames: int) -> None:
        """LEAST_PERIODS: one that the device is about to take, the others to be late in. Or what the player asked for."""
        rate, asked_ms = self.output.rate_hz, self._config.audio.latency_ms
        self._block_frames = math.ceil(self.performer.block_samples * rate / self.engine.spec.model_rate_hz)
        self._least = LEAST_PERIODS * period_frames if asked_ms is None else max(period_frames, round(asked_ms * 1e-3 * rate))
        self._least = min(self._least, self.ring.capacity_frames // TARGET_GROWTH)
        self._step_frames = period_frames
        self._nap_s = min(0.25 * self._block_frames / rate, 0.001)
        self.ring.target_frames = self._least

    def _drain(self) -> None:
        """Let the device play what the ring holds: the fade-out."""
        deadline = time.monotonic() + self.ring.fill_frames / self.output.rate_hz + self.output.latency_s + 0.05
        while self.ring.fill_frames and time.monotonic() < deadline:
            time.sleep(0.002)
        self.output.stop()

    def _adapt(self, now_s: float) -> None:
        """An underrun raises the target by a period; half a minute of calm lowers it again."""
        if self.ring.underrun_blocks > self._underruns:
            self._underruns, self._underrun_s = self.ring.underrun_blocks, now_s
            self.ring.target_frames = min(self.ring.target_frames + self._step_frames, TARGET_GROWTH * self._least)
        elif self.ring.target_frames > self._least and now_s - self._underrun_s > CALM_S:
            self.ring.target_frames = max(self._least, self.ring.target_frames - self._step_frames)
            self._underrun_s = now_s

    def _report(self, now_s: float) -> None:
        if now_s - self._reported_s < REPORT_S:
            return
        self._reported_s = now_s
        self._adapt(now_s)
        if self._durations:
            self._link.send_stats(self._stats())
            self._durations.clear()
            self.performer.peak = 0.0

    def _stats(self) -> Stats:
        performer, spec, rate = self.performer, self.engine.spec, self.output.rate_hz
        took_ms = np.array(self._durations) * 1e3
        p50, p99 = np.percentile(took_ms, (50, 99))
        block_s = performer.block_samples / spec.model_rate_hz
        waiting = self.ring.target_frames + (self._block_frames - self._step_frames) / 2  # mean of a saw-tooth
        return Stats(
            frames=self.ring.frames_read, blocks=len(took_ms), underruns=self.ring.underrun_blocks, late=performer.late,
            faults=performer.faults, level=performer.peak, load=float(took_ms.mean()) / (block_s * 1e3),
            p50_ms=p50, p99_ms=p99, max_ms=took_ms.max(), queue_s=performer.lead_s - block_s,
            column_s=0.5 / spec.roll_rate_hz, block_s=block_s, resampler_s=performer.resampler.latency_s,
            ring_s=max(0.0, waiting) / rate, device_s=self.output.latency_s,
        )

    def _facts(self) -> dict[str, str | float]:
        return {
            "engine": self.engine.name, "isa": getattr(self.engine, "isa", ""),
            "precision": getattr(self.engine, "precision", ""), "output": self.output.description,
            "rate_hz": self.output.rate_hz, "period_frames": self.output.period_frames,
            "block_samples": self.performer.block_samples, "real_time": self._real_time, "notice": self._notice,
        }

    def _make_real_time(self) -> None:
        """Ask for what a real-time thread should have; go on without what is refused."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._real_time = "yes"
        try:
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(PRIORITY))
        except (OSError, AttributeError) as error:
            self._real_time = f"no ({error})"


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the control process decides
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import json

    link = Link(socket.socket(fileno=int(argv[0])))
    try:
        player = Player(make_config(json.loads(argv[1])), link, argv[2] == "or-null")
        player.play()
        player.close()
    except LivewaveError as error:
        link.send_hello({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
