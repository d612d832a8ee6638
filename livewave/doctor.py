"""What would keep this machine from playing well, each with its remedy."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import ConfigError, DeviceError, LivewaveError
from livewave.bench import of_engine, take_turns
from livewave.config import Config
from livewave.control.midi import list_ports
from livewave.control.osc_gate import check_exposure
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.sound.device import default_output
from livewave.sound.realtime import PRODUCER_PRIORITY, ask_for_priority, lock_memory

BENCH_S = 0.5
COMFORTABLE = 0.5  # share of real time that leaves room for everything else
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
SWAPS = Path("/proc/swaps")
LIMITS = "join the group audio, log in again; under systemd --user the limits of user@.service count"


@dataclass(frozen=True, slots=True)
class Finding:
    """ok is False for what prevents live playing, None for what can be better."""

    what: str
    ok: bool | None
    found: str
    remedy: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything that matters; never raises, opens nothing for longer than a look."""
    for check in (_machine, _cores, _audio, _midi, _osc, _priority, _memory, _swap, _collector, _governor, _engine):
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
            (*_, (address, *_)), *_ = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)
            check_exposure(host, address, port, config.control.allow)
            probe.bind((host, port))
        except (OSError, TypeError, ValueError) as error:  # the latter two for what cannot be a name
            reason = getattr(error, "strerror", error)
            return Finding("OSC port", False, f"{host}:{port}: {reason}", "choose another: --osc 127.0.0.1:9001")
        except ConfigError as error:
            return Finding("OSC port", False, *str(error).split(": ", 1))
    return Finding("OSC port", True, f"{host}:{port} is free")


def _priority(config: Config) -> Finding:
    if not hasattr(os, "sched_setscheduler"):
        return Finding("real-time priority", None, f"{platform.system()} gives it to audio threads by itself")
    return _asked("real-time priority", lambda: ask_for_priority(PRODUCER_PRIORITY),
                  f"install rtkit; or add to /etc/security/limits.d/audio.conf: @audio - rtprio 95, {LIMITS}")


def _memory(config: Config) -> Finding:
    return _asked("memory locking", lock_memory,
                  f"add to /etc/security/limits.d/audio.conf: @audio - memlock unlimited, {LIMITS}")


def _asked(what: str, ask: Callable[[], str], remedy: str) -> Finding:
    """What the audio process will be told. `ask` gives "yes", "yes (how)" or "no (why)"."""
    answer = _tried(ask)
    allowed = answer.startswith("yes")
    found = answer.replace("yes", "allowed", 1) if allowed else answer.replace("no", "refused", 1)
    return Finding(what, allowed or None, found, "" if allowed else remedy)


def _tried(action: Callable[[], str]) -> str:
    """What `action` gives in a child: this process stays as it is."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(theirs, action().encode(errors="replace"))
        except Exception as error:
            os.write(theirs, f"no ({error!r})".encode(errors="replace"))
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told.decode(errors="replace") or "no (it ended)"


def _swap(config: Config) -> Finding:
    """Of Linux. Memory that is locked is not swapped, but that of the control process may be."""
    rows = [line.split() for line in SWAPS.read_text().splitlines()[1:]] if SWAPS.exists() else []
    if not rows:
        return Finding("swap", True, "none")
    size_kb, used_kb = (sum(int(row[column]) for row in rows) for column in (2, 3))
    found = f"{used_kb >> 10} of {size_kb >> 10} MiB in use"
    return Finding("swap", used_kb == 0 or None, found, "" if used_kb == 0 else "end what fills the memory, then: swapoff -a && swapon -a")


def _collector(config: Config) -> Finding:
    return Finding("garbage collector", True, "collects once before the sound begins, then sleeps in the audio process")


def _cores(config: Config) -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{cores} for livewave, {load:.1f} busy in the last minute"
    if cores < 2:
        return Finding("cores", None, found, "the sound wants one for itself: give it a second one (taskset, the container's limits)")
    calm = load <= cores - 1
    return Finding("cores", calm or None, found, "" if calm else "end what else computes: ps -e --sort=-pcpu")


def _governor(config: Config) -> Finding:
    if not GOVERNOR.exists():
        return Finding("CPU governor", True, "not managed here")
    governor = GOVERNOR.read_text().strip()
    ok = governor == "performance"
    return Finding("CPU governor", ok or None, governor, "" if ok else "cpupower frequency-set -g performance")


def _engine(config: Config) -> Finding:
    """The engines that would play, measured now."""
    names = [voicing.model for voicing in config.ensemble]
    try:
        found = {name: _measured(config, name) for name in names}
    except LivewaveError as error:
        return Finding("engine", False, str(error), "see livewave models, and --engine auto")
    shares = [found[name][0] for name in names]
    share = max(*shares, sum(shares) / min(len(names), os.cpu_count() or 1))  # no voice is shared out
    told = "; ".join(text for _, text in found.values())
    if len(names) > 1:
        told += f"; {len(names)} voices side by side: {100 * share:.0f} %"
    ok = True if share < COMFORTABLE else None if share < 1.0 else False
    return Finding("engine", ok, told, "" if ok else "a smaller model, a faster engine (livewave bench), or fewer voices")


def _measured(config: Config, name: str) -> tuple[float, str]:
    """What share of real time a model takes of a processor, and in words. Raises LivewaveError."""
    block, model = config.audio.block_samples, load_model(name)
    player = of_engine(open_engine(config.model.engine, model))
    (timing,) = take_turns([player], [block], BENCH_S)
    player.close()
    p50_ms, p99_ms = np.percentile(timing.block_ms[block], (50, 99))
    share = 1e-3 * p50_ms * model.spec.model_rate_hz / block
    return share, (f"{' '.join(filter(None, (player.engine, player.isa, player.precision)))}: {model.name} takes "
                   f"{100 * share:.0f} % of real time, p99 {p99_ms:.2f} ms a block of {block}")


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
