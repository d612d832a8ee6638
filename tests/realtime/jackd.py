"""A private JACK server with the dummy driver: the sound card of the tests.

    with jack_server(period=128, rate=48000) as name:
        ...  # this process and its children see that server and no other
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

START_TIMEOUT_S = 10.0
ATTEMPTS = (["-R", "-P", "70"], ["-r"])  # an unprivileged user gets no real-time scheduling: then without
serial = count()


class NoJack(Exception):
    """Why no JACK server can run here."""


@contextmanager
def jack_server(period: int = 128, rate: int = 48000) -> Iterator[str]:
    """Run jackd on a name of its own and yield that name. Raises NoJack."""
    with jack_process(period, rate) as (name, _):
        yield name


@contextmanager
def jack_process(period: int = 128, rate: int = 48000) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same, with the server's process, for tests that take it away."""
    if shutil.which("jackd") is None:
        raise NoJack("jackd is not installed (apt-get install jackd2)")
    name = f"lwtest{os.getpid()}_{next(serial)}"
    with environment(JACK_DEFAULT_SERVER=name, JACK_NO_START_SERVER="1", JACK_NO_AUDIO_RESERVATION="1"):
        server = start(name, period, rate)
        try:
            yield name, server
        finally:
            end(server)
            if server.returncode < 0:
                release_slot(name)
            for leftover in Path("/dev/shm").glob(f"jack_sem.*_{name}_*"):
                leftover.unlink(missing_ok=True)


def start(name: str, period: int, rate: int) -> subprocess.Popen:
    for scheduling in ATTEMPTS:
        server = launch(name, scheduling, period, rate)
        if answers(server, name):
            return server
        end(server)
    raise NoJack("jackd's dummy driver does not start here")


def launch(name: str, scheduling: list[str], period: int, rate: int) -> subprocess.Popen:
    driver = ["-d", "dummy", "-r", str(rate), "-p", str(period), "-C", "2", "-P", "2"]
    return subprocess.Popen(["jackd", *scheduling, "-n", name, *driver],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(server: subprocess.Popen, name: str) -> bool:
    """Wait until the server takes clients, dies, or the time is up."""
    try:
        import jack
    except (ImportError, OSError) as error:
        raise NoJack(f"no JACK client library: {error}") from error
    jack.set_error_function(lambda message: None)
    jack.set_info_function(lambda message: None)
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline_s:
        try:
            jack.Client("probe", no_start_server=True, servername=name).close()
            return True
        except jack.JackOpenError:
            time.sleep(0.05)
    return False


def release_slot(name: str) -> None:
    """A killed server keeps one of the eight slots a machine has, until a server of that name ends in order."""
    successor = launch(name, ATTEMPTS[-1], 1024, 48000)
    answers(successor, name)
    end(successor)


def end(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(5.0)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
