"""What would keep this machine from playing well, each with its remedy."""

from __future__ import annotations

import os
import platform
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import DeviceError, LivewaveError
from livewave.bench import of_engine, take_turns
from livewave.config import Config
from livewave.control.midi import list_ports
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.sound.device import default_output

BENCH_S = 0.5
COMFORTABLE = 0.5  # share of real time that leaves room for everything else
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@dataclass(frozen=True, slots=True)
class Finding:
    """ok is False for what prevents live playing, None for what can be better."""

    what: str
    ok: bool | None
    found: str
    remedy: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything that matters; never raises, opens nothing for longer than a look."""
    for check in (_machine, _audio, _midi, _osc, _priority, _memory, _governor, _engine):
        yield check(config)


def _machine(config: Config) -> Finding:
    return Finding("machine", True, f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                                    f"Python {platform.python_version()}")


def _audio(config: Config) -> Finding:
    try:
        row = default_output()
    except DeviceError as error:
        return Finding("audio output", False, str(error), "until then livewave plays into null")
    if row is None:
        return Finding("audio output", False, "no sound card and no JACK server",
                       "connect one, or start JACK: jackd -d alsa -r 48000 -p 128")
    return Finding("audio output", True, f"{row}, {row.rate_hz} Hz")


def _midi(config: Config) -> Finding:
    ports = list_ports()
    if ports:
        return Finding("MIDI ports", True, ", ".join(ports))
    return Finding("MIDI ports", None, "none to connect to", "plug in a keyboard; on Linux: modprobe snd-seq, or start JACK")


def _osc(config: Config) -> Finding:
    host, port = config.control.osc_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except (OSError, TypeError) as error:  # the latter for what cannot be a name
            reason = getattr(error, "strerror", error)
            return Finding("OSC port", False, f"{host}:{port}: {reason}", "choose another: --osc 127.0.0.1:9001")
    return Finding("OSC port", True, f"{host}:{port} is free")


def _priority(config: Config) -> Finding:
    remedy = "add to /etc/security/limits.d/audio.conf: @audio - rtprio 95, join the group audio, log in again"
    if not hasattr(os, "sched_setscheduler"):
        return Finding("real-time priority", None, f"{platform.system()} gives it to audio threads by itself")
    pid = os.fork()
    if pid == 0:  # tried in a child: this process keeps its priority
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(60))
        except OSError:
            os._exit(1)
        os._exit(0)
    allowed = os.waitpid(pid, 0)[1] == 0
    return Finding("real-time priority", allowed or None, "allowed" if allowed else "refused", "" if allowed else remedy)


def _memory(config: Config) -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    free = soft == resource.RLIM_INFINITY or soft >= 64 << 20
    found = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft >> 20} MiB"
    return Finding("lockable memory", free or None, found, "" if free else "limits.d/audio.conf: @audio - memlock unlimited")


def _governor(config: Config) -> Finding:
    if not GOVERNOR.exists():
        return Finding("CPU governor", True, "not managed here")
    governor = GOVERNOR.read_text().strip()
    ok = governor == "performance"
    return Finding("CPU governor", ok or None, governor, "" if ok else "cpupower frequency-set -g performance")


def _engine(config: Config) -> Finding:
    """The engine that would play, measured now."""
    block = config.audio.block_samples
    try:
        model = load_model(config.model.name)
        engine = open_engine(config.model.engine, model)
    except LivewaveError as error:
        return Finding("engine", False, str(error), "see livewave models, and --engine auto")
    player = of_engine(engine)
    (timing,) = take_turns([player], [block], BENCH_S)
    player.close()
    p50_ms, p99_ms = np.percentile(timing.block_ms[block], (50, 99))
    share = 1e-3 * p50_ms * model.spec.model_rate_hz / block
    found = (f"{' '.join(filter(None, (player.engine, player.isa, player.precision)))}: {model.name} takes "
             f"{100 * share:.0f} % of real time, p99 {p99_ms:.2f} ms a block of {block}")
    ok = True if share < COMFORTABLE else None if share < 1.0 else False
    return Finding("engine", ok, found, "" if ok else "a smaller model or a faster engine: livewave bench")


Speak = Callable[[str], None]


def report(findings: Iterator[Finding], say: Speak) -> bool:
    """Print every finding as it comes; whether nothing stands in the way."""
    well = True
    for finding in findings:
        mark = {True: "ok", None: "could be better", False: "problem"}[finding.ok]
        say(f"{mark:16}{finding.what}: {finding.found}")
        if finding.remedy:
            say(f"{'':16}-> {finding.remedy}")
        well = well and finding.ok is not False
    return well
