"""`livewave run` on a real pseudo-terminal, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading

import pyte
import pytest

from tests.ports import free_port
from tests.scenario.daemon import HOST, Osc, command, environment, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
COLUMNS, LINES = 110, 40


class Terminal:
    """A screen that is written to by a child."""

    def __init__(self, *arguments: str) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        variables = {name: value for name, value in environment().items() if name not in ("COLUMNS", "NO_COLOR")}
        self.process = subprocess.Popen(command(*arguments), env={**variables, "TERM": "xterm-256color"}, stdin=theirs, stdout=theirs,
                                        stderr=theirs)
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.screen.display)

    def line(self, name: str) -> str:
        """What stands beside a name of the view."""
        return next((line.partition(" ")[2].strip() for line in self.screen.display if line.startswith(f"{name} ")), "")

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65_536):
                self._stream.feed(data)
        except OSError:  # the child has ended
            pass


def test_the_view_follows_what_is_played_and_leaves_a_clean_screen():
    port = free_port()
    terminal, osc = Terminal("run", "--audio", "null", "--midi", "none", "--oscquery", "off", "--osc", f"{HOST}:{port}"), Osc(port)
    try:
        until(lambda: terminal.line("notes") == "-" and terminal.line("level").endswith("silent"), "the view")
        assert terminal.shows("ready after")
        osc.send("/livewave/note", 67, 100)
        until(lambda: terminal.line("notes") == "G4" and terminal.line("level").endswith("dB"), "the note")
        assert terminal.line("load").endswith("% of real time") and "ring" in terminal.line("latency")
        osc.send("/livewave/nothing")
        until(lambda: terminal.shows("/livewave/nothing there is no such address"), "the log line")
        until(lambda: terminal.line("notes") == "G4", "the view below it")
        assert sum(line.startswith("notes ") for line in terminal.screen.display) == 1
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(30.0) == 0
        until(lambda: not terminal.line("notes"), "the view to go")
        assert terminal.shows("ready after") and terminal.shows("/livewave/nothing") and not terminal.shows("Traceback")
        assert not terminal.screen.cursor.hidden
    finally:
        terminal.process.kill()
        terminal.process.wait()
        osc.close()
