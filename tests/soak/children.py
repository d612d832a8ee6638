"""The processes of a measurement: loads beside the daemon, figures from /proc, and measurements in processes of their own.

A measurement on JACK has a process to itself: libjack keeps state for a whole process, and a load in the process that listens
would be heard.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.scenario.daemon import POLL_S, ROOT, children, environment, process_stat

STARTING_S = 60.0  # of a measurement, beyond what it takes when all goes well
CPU_WINDOW_S = 0.3
RUN = "LIVEWAVE_SOAK_RUN"  # marks a daemon and all that it starts
NO_JACK = "not measured: "


class NotMeasured(Exception):
    """Why a measurement gave no figures."""


def found_by(module: str, *arguments: object, seconds: float) -> dict[str, object]:
    """The JSON object that `python -m module arguments` prints; `seconds` is how long it should take. Raises NotMeasured.

    What libraries print around it is skipped: libjack tells its news on the standard output.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True,
                              timeout=2 * seconds + STARTING_S)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{' '.join(command[2:])} did not end") from None
    try:
        return json.JSONDecoder().raw_decode(done.stdout, done.stdout.index("{"))[0]
    except ValueError:
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise NotMeasured(reason.removeprefix(NO_JACK)) from None


@contextmanager
def beside(*loads: Sequence[object]) -> Iterator[None]:
    """Run `python -m tests.soak.load WHAT ...` of each while the block runs."""
    running = [subprocess.Popen([sys.executable, "-m", "tests.soak.load", *map(str, load)], cwd=ROOT, env=environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for load in loads]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def of_run(token: str) -> list[int]:
    """Processes that run with RUN=token in their environment, wherever they came from."""
    return sorted(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if f"{RUN}={token}".encode() in _read(path).split(b"\0"))


def left_behind(token: str, patience_s: float) -> int:
    """How many processes of a run outlive it by `patience_s`; they are ended."""
    deadline_s = time.monotonic() + patience_s
    while (left := of_run(token)) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def player_of(pid: int) -> int:
    """The process that renders for the daemon `pid`: of its children, the one that works; one that stands by does not."""
    before = {child: cpu_s(child) for child in children(pid)}
    time.sleep(CPU_WINDOW_S)
    return max(before, key=lambda child: cpu_s(child) - before[child])


def cpu_s(pid: int) -> float:
    """Processor time so far; 0 when it is gone."""
    fields = process_stat(Path(f"/proc/{pid}/stat"))
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def memory_kb(pid: int) -> dict[str, int]:
    """Rss and Pss, in KiB; empty when the process is gone, or may not be looked at."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return {}
    return {name.lower(): int(kb) for name, kb in re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, re.MULTILINE)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone, or somebody else's
        return b""


def load_average() -> float:
    """Of the last minute."""
    return round(os.getloadavg()[0], 2)
