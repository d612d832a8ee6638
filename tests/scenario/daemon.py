"""The real daemon as a child process, and a client that talks OSC to it.

    with daemon("--audio", f"file:{path}") as playing:
        playing.osc.send("/livewave/note", 72, 100)

Waiting is always for something that happens, never for a time: `until` gives up after PATIENCE_S.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from tests.ports import HOST, free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
POLL_S = 0.02
LEAD_S = 0.1  # before the first note of a melody


def environment() -> dict[str, str]:
    """This process's, with the working tree first on Python's path and a terminal too wide to break lines."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "1000", "NO_COLOR": "1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "livewave", *arguments]


def livewave(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of livewave to its end."""
    return subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True,
                          timeout=2 * PATIENCE_S)


def until(happened: Callable[[], object], what: str) -> object:
    """Wait until `happened()` is true and return what it gave."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (outcome := happened()):
        assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(POLL_S)
    return outcome


class Osc:
    """A client with a socket of its own. Messages come back as (address, values)."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._syncs = 0

    def close(self) -> None:
        self._socket.close()

    def send(self, address: str, *values: object) -> None:
        self.send_raw(build_msg(address, list(values)).dgram)

    def send_raw(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, (HOST, self.port))

    def receive(self, timeout_s: float = PATIENCE_S) -> tuple[str, list]:
        """The next message. Raises TimeoutError."""
        self._socket.settimeout(timeout_s)
        message = OscMessage(self._socket.recv(65_536))
        return message.address, list(message.params)

    def ask(self, address: str, *values: object, answer: str) -> list:
        """Send and wait for `answer`; what else arrives meanwhile is dropped."""
        self.send(address, *values)
        while True:
            heard, answered = self.receive()
            if heard == answer:
                return answered

    def sync(self) -> list[tuple[str, list]]:
        """Wait until everything sent before has been read; what came back meanwhile."""
        self._syncs += 1
        self.send("/livewave/sync", self._syncs)
        heard = []
        while (message := self.receive()) != ("/livewave/synced", [self._syncs]):
            heard.append(message)
        return heard

    def status(self) -> dict[str, object]:
        values = self.ask("/livewave/status", answer="/livewave/status.reply")
        return dict(zip(values[::2], values[1::2]))

    def play(self, notes: Sequence, send: Callable[[int, int], None] | None = None) -> None:
        """Send `notes` (start_s, end_s, pitch, velocity) in real time, by `send(pitch, velocity)` if given."""
        send = send or (lambda pitch, velocity: self.send("/livewave/note", pitch, velocity))
        changes = sorted([(n.start_s, n.pitch, n.velocity) for n in notes] + [(n.end_s, n.pitch, 0) for n in notes],
                         key=lambda change: (change[0], change[2] > 0))
        began_s = time.monotonic() + LEAD_S - changes[0][0]
        for at_s, pitch, velocity in changes:
            time.sleep(max(0.0, began_s + at_s - time.monotonic()))
            send(pitch, velocity)


class Playing:
    """A daemon that is ready. `lines` is what it has said so far, on both streams.

    start      makes the command line that `livewave` would be called with
    variables  of its environment
    """

    def __init__(self, *arguments: str, start: Callable[..., list[str]] = command, **variables: str) -> None:
        self.port = free_port()
        self.lines: list[str] = []
        quiet = [] if "--oscquery" in arguments else ["--oscquery", "off"]  # a hundred daemons need not look for each other
        self.process = subprocess.Popen(
            start("run", "--osc", f"{HOST}:{self.port}", *quiet, *arguments), env={**environment(), **variables}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.osc = Osc(self.port)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def audio_pid(self) -> int:
        """The audio process of now: the oldest; a younger one is its standby."""
        return until(lambda: self.players, "an audio process")[0]

    @property
    def players(self) -> list[int]:
        """Audio processes, the oldest first."""
        return [pid for pid in children(self.pid) if "livewave.player" in _command_line(pid)]

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    @property
    def stages_ms(self) -> dict[str, float]:
        """Where it says that the time goes from a key to its sound: the list in its line about latency."""
        told = next(line for line in self.lines if line.startswith("latency"))
        return {name: float(ms) for name, ms in re.findall(r"([a-z][a-z ]*) (\d+\.\d+)", told.partition("(")[2])}

    def await_ready(self) -> None:
        until(lambda: any(line.startswith("ready") for line in self.lines) or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.said}"

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal unless it has ended, and wait for its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def close(self) -> None:
        self.osc.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


@contextmanager
def daemon(*arguments: str, midi: str = "none", **how: object) -> Iterator[Playing]:
    """A daemon that has said that it is ready, started as `how` says. One that the block leaves running must end well."""
    playing = Playing("--midi", midi, *arguments, **how)
    try:
        playing.await_ready()
        yield playing
        ended_inside = playing.process.poll() is not None
        status = playing.end()
        assert ended_inside or status == 0, f"exit status {status}:\n{playing.said}"
        assert "Traceback" not in playing.said, playing.said
    finally:
        playing.close()


def is_running(pid: int) -> bool:
    """False also for a process that has ended and that nobody has asked for its status."""
    fields = process_stat(Path(f"/proc/{pid}/stat"))
    return bool(fields) and fields[0] != "Z"


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that still run."""
    stats = {int(path.parent.name): process_stat(path) for path in Path("/proc").glob("[0-9]*/stat")}
    return sorted(child for child, fields in stats.items() if fields and fields[0] != "Z" and int(fields[1]) == pid)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def process_stat(path: Path) -> list[str]:
    """State, parent and what follows; empty when the process is gone. The name before them may hold anything."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
