"""`livewave panel` beside a daemon: started with it, started again when it ended, ended with it. The sound knows nothing of it."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import sys
import threading

from livewave.control.osc_line import Place
from livewave.panel.server import TOKEN_BYTES, TOKEN_VARIABLE

log = logging.getLogger("livewave")

RESPAWN_S = 1.0
END_S = 2.0
ERROR = "livewave: "  # begins the line of a command that fails

AUTO = "auto"


class PanelProcess:
    """Threads: `start` and `close` the daemon's; one of its own reads what the process says, for the log.

    osc    where the daemon's OSC port is
    place  HOST:PORT to serve at; auto: loopback, at the first port that is free
    """

    def __init__(self, osc: Place, place: str = AUTO) -> None:
        host, _, port = place.rpartition(":")
        where = [] if place == AUTO else ["--host", host, "--port", port]
        self._command = [sys.executable, "-m", "livewave", "panel", "--osc", "{}:{}".format(*osc), *where, "--no-open", "--beside", str(os.getpid())]
        # One token for all of them: a page that is open stays so when the process is started again.
        self._environment = {**os.environ, TOKEN_VARIABLE: os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(TOKEN_BYTES)}
        self._process: subprocess.Popen | None = None
        self._starting, self._closing = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._starting:
            self._closing.set()
            if self._process:
                self._process.terminate()
        if self._thread.is_alive():
            self._thread.join(END_S)
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _run(self) -> None:
        """One after the other, until closed; one that never served is the last: its own words say why."""
        while self._spawn():
            served = self._listen()
            status = self._process.wait()
            if self._closing.is_set():
                return
            if not served:
                log.warning("there is no panel; the sound needs none. Start one by itself with livewave panel")
                return
            log.warning("the panel ended (exit status %d); starting another one", status)
            self._closing.wait(RESPAWN_S)

    def _spawn(self) -> bool:
        with self._starting:
            if self._closing.is_set():
                return False
            self._process = subprocess.Popen(self._command, env=self._environment, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return True

    def _listen(self) -> bool:
        """Log what it says until it ends; whether it said where it is."""
        served = False
        with self._process.stdout as lines:
            for line in lines:
                served = served or line.startswith("panel ")
                log.log(logging.WARNING if line.startswith(ERROR) else logging.INFO, "%s", line.rstrip("\n").removeprefix(ERROR))
        return served
