"""The audio process as the control process sees it: started, asked, watched, replaced."""

from __future__ import annotations

import dataclasses
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from livewave import DeviceError, LivewaveError
from livewave.config import Config
from livewave.link import Command, Link, Order, Stats

START_TIMEOUT_S = 20.0
STUCK_AFTER_S = 1.0  # no device and no engine lets a second pass without a report of progress
STOP_TIMEOUT_S = 3.0


class AudioProcess:
    """One `livewave.player`. Thread: control only. Raises LivewaveError when it does not come up, with its own words.

    or_null  whether it may play into null when there is no sound card
    """

    def __init__(self, config: Config, or_null: bool = True) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.link, self.config = Link(ours), config
        self.stats = Stats()
        self.facts: dict[str, str | float] = {}
        self._progress_s = time.monotonic()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "livewave.player", str(theirs.fileno()), config.to_json(),
                 "or-null" if or_null else "or-fail"],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._await_hello()

    @property
    def alive(self) -> bool:
        """False when it has ended, or when its device or its engine has stood still for STUCK_AFTER_S."""
        return self._process.poll() is None and time.monotonic() - self._progress_s < STUCK_AFTER_S

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, commands: Iterable[Command]) -> None:
        self.link.send(commands)

    def poll(self) -> Stats | None:
        """The newest report, None when nothing is new. Also sends what did not fit before."""
        self.link.flush()
        fresh = None
        for report in self.link.reports():
            if isinstance(report, Stats):
                if report.frames != self.stats.frames and report.blocks:
                    self._progress_s = time.monotonic()
                self.stats = fresh = report
        return fresh

    def stop(self) -> None:
        """Fade out and end; killed when it does not."""
        self.send([Command(Order.STOP)])
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.link.close()

    def kill(self) -> None:
        """End it now: it is stuck, and nothing it could still say matters."""
        self._process.kill()
        self._process.wait()
        self.link.close()

    def _await_hello(self) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self.facts:
            select.select([self.link], [], [], 0.05)
            for report in self.link.reports():
                if isinstance(report, dict):
                    self.facts = report
            if self.facts:
                break
            if self._process.poll() is not None:
                raise LivewaveError(f"the audio process ended with status {self._process.returncode} before it could play")
            if time.monotonic() > deadline_s:
                self.kill()
                raise DeviceError(f"the audio process was not ready within {START_TIMEOUT_S:.0f} s")
        if "error" in self.facts:
            self._process.wait()
            raise LivewaveError(str(self.facts["error"]))
        self._progress_s = time.monotonic()


def next_take(config: Config, number: int) -> Config:
    """The config of a replacement: a file output goes on in a new file beside the old one, which stays as it was left."""
    if not config.audio.output.startswith("file:"):
        return config
    path = Path(config.audio.output.removeprefix("file:"))
    output = f"file:{path.with_name(f'{path.stem}-{number}{path.suffix}')}"
    return dataclasses.replace(config, audio=dataclasses.replace(config.audio, output=output))
