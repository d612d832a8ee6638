"""Tests marked `jack` each run in a process of their own.

libjack keeps state for a whole process and does not survive every death of a server: what one test did to its server
must not decide how the next one ends.

What plays needs the machine's attention in time, which a shared one does not promise. So a test on JACK, or in a folder of PLAYING, that
failed gets a second run, and the summary names it (RERUN); one that fails twice has failed.

Nothing here reads or writes the user's cache: a choice of engine remembered there would decide what is tested.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHILD = "LIVEWAVE_JACK_TEST"
SCHEDULER = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
PLAYING = ("panel", "patches", "realtime", "scenario", "soak")  # folders whose tests wait for something that happens in time
TESTS = Path(__file__).parent
SKIPPED = re.compile(r"^SKIPPED \[1\] \S+ (.*)$", re.MULTILINE)


@pytest.fixture(autouse=True, scope="session")
def cache_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache folder that all tests and the processes they start share, and that ends with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def the_process_that_tests_stays_ordinary() -> Iterator[None]:
    """One test that leaves it a real-time process would have every later one, and all they start, shut out the rest."""
    yield
    if SCHEDULER is not None:
        assert os.sched_getscheduler(0) == SCHEDULER, "this test left its process with another priority"
    assert gc.isenabled(), "this test left the garbage collector off"
    assert signal.getsignal(signal.SIGXCPU) is signal.SIG_DFL, "this test left a handler of SIGXCPU behind"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _runs_alone(item):
            item.fixturenames = []  # its fixtures belong to the other process
        if CHILD not in os.environ and (_runs_alone(item) or item.path.relative_to(TESTS).parts[0] in PLAYING):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _runs_alone(pyfuncitem):
        return None
    done = subprocess.run([sys.executable, "-m", "pytest", "-rs", pyfuncitem.nodeid], cwd=pyfuncitem.config.rootpath,
                          env={**os.environ, CHILD: "1"}, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.fail(f"exit status {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
    skipped = SKIPPED.search(done.stdout)
    if skipped:
        pytest.skip(skipped.group(1))
    return True


def _runs_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("jack") is not None and CHILD not in os.environ
