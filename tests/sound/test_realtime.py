"""What is asked of the system, in children: this process stays an ordinary one. Scripts on the path play D-Bus's clients."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

import livewave
from livewave.sound import realtime
from livewave.sound.realtime import DEVICE_PRIORITY, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, PRODUCER_PRIORITY, RTKIT_PRIORITY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
ROOT = Path(livewave.__file__).resolve().parents[1]
NOBODY = 65_534
BEGIN = """
import os, resource, signal, sys, threading, time
import livewave.sound.realtime as realtime
from livewave.sound.realtime import *
"""
REFUSED = """
def refuse(*_):
    raise PermissionError(1, "Operation not permitted")
given = os.sched_setscheduler
os.sched_setscheduler = refuse
"""


def child(code: str, folder: Path | None = None, **variables: str) -> list[str]:
    """The lines that `code` prints in a process of its own, which finds programs only in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": str(folder), **variables} if folder else {**os.environ, **variables}
    done = subprocess.run([sys.executable, "-c", BEGIN + textwrap.dedent(code)], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout.splitlines()


def client(folder: Path, name: str, does: str = "") -> Path:
    """A program that keeps its arguments in FOLDER/asked and then does that."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$0" "$@" >> {shlex.quote(str(folder / "asked"))}\n{does}\n')
    path.chmod(0o755)
    return path


def may_be_real_time() -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


# priority


@pytest.mark.skipif(not may_be_real_time(), reason="this user may have no real-time priority")
def test_priority_that_is_allowed_is_had_and_nobody_else_is_asked(tmp_path):
    client(tmp_path, "busctl")
    told = child("print(ask_for_priority(60), os.sched_getscheduler(0) & 3 == os.SCHED_FIFO, os.sched_getparam(0).sched_priority)", tmp_path)
    assert told == ["yes True 60"] and not (tmp_path / "asked").exists()


@pytest.mark.skipif(not may_be_real_time(), reason="this user may have no real-time priority")
@pytest.mark.parametrize("inherited", [True, False])
def test_threads_started_afterwards_inherit_priority_or_do_not(inherited):
    told = child(f"""
def tell():
    print(os.sched_getscheduler(0) & 3 == os.SCHED_FIFO)
ask_for_priority(10, inherited={inherited})
tell()
thread = threading.Thread(target=tell)
thread.start()
thread.join()
""")
    assert told == ["True", str(inherited)]


@pytest.mark.parametrize("priority, granted", [(DEVICE_PRIORITY, RTKIT_PRIORITY), (PRODUCER_PRIORITY, RTKIT_PRIORITY - 1), (1, 14)])
def test_priority_that_is_refused_is_asked_of_rtkit_in_the_same_order(tmp_path, priority, granted):
    path = client(tmp_path, "busctl")
    told = child(REFUSED + f"print(ask_for_priority({priority})); print(os.getpid(), threading.get_native_id())", tmp_path)
    process, thread = told[1].split()
    assert told[0] == "yes (by rtkit)"
    assert (tmp_path / "asked").read_text().splitlines() == [
        str(path), "--system", "call", "org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1", "org.freedesktop.RealtimeKit1",
        "MakeThreadRealtimeWithPID", "ttu", process, thread, str(granted)]


def test_gdbus_asks_where_busctl_is_not_here(tmp_path):
    path = client(tmp_path, "gdbus")
    told = child(REFUSED + "print(ask_for_priority(60)); print(os.getpid(), threading.get_native_id())", tmp_path)
    process, thread = told[1].split()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert told[0] == "yes (by rtkit)" and asked[0] == str(path)
    assert asked[-4:] == ["org.freedesktop.RealtimeKit1.MakeThreadRealtimeWithPID", f"uint64 {process}", f"uint64 {thread}", "uint32 19"]


def test_rtkit_sees_a_process_that_promises_to_pause(tmp_path):
    """It grants nothing to one that does not: a limit of 0.2 s of processor time."""
    told = child(REFUSED + "ask_for_priority(60); print(*resource.getrlimit(resource.RLIMIT_RTTIME))", client(tmp_path, "busctl").parent)
    assert told == ["150000 200000"]


@pytest.mark.parametrize("does, words", [("echo 'Call failed: Access denied' >&2; exit 1", "rtkit: Call failed: Access denied"),
                                         ("exit 1", "rtkit: refused"), ("exec sleep 5", "rtkit: no answer within 1 s")])
def test_what_rtkit_refuses_or_leaves_open_is_said_after_what_the_system_did(tmp_path, does, words):
    client(tmp_path, "busctl", f"PATH={os.environ['PATH']}; {does}")
    assert child(REFUSED + "print(ask_for_priority(60))", tmp_path) == [f"no (Operation not permitted; {words})"]


def test_without_a_client_of_dbus_that_is_said(tmp_path):
    assert child(REFUSED + "print(ask_for_priority(60))", tmp_path) == [
        "no (Operation not permitted; rtkit: neither busctl nor gdbus is here to ask it with)"]


def test_a_thread_does_not_ask_rtkit_before_the_main_one_has(tmp_path):
    """Only the main thread can see to it that the limit does not end the process."""
    client(tmp_path, "busctl")
    code = REFUSED + """
def ask():
    print(ask_for_priority(70))
for first in (lambda: None, lambda: ask_for_priority(60)):
    first()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
"""
    refused, granted = child(code, tmp_path)
    assert refused.startswith("no (") and "cannot be set" in refused and granted == "yes (by rtkit)"


@pytest.mark.skipif(not may_be_real_time(), reason="this user may have no real-time priority")
def test_who_works_too_long_without_a_pause_loses_the_priority_and_not_its_life(tmp_path):
    """The system's own limit, for real: nothing but the granting is played."""
    client(tmp_path, "busctl")
    code = REFUSED + """
ask_for_priority(60)
os.sched_setscheduler = given
given(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
deadline_s = time.monotonic() + 20.0
while os.sched_getscheduler(0) & 3 == os.SCHED_RR and time.monotonic() < deadline_s:
    sum(range(1000))
print(os.sched_getscheduler(0) & 3 == os.SCHED_OTHER)
"""
    assert child(code, tmp_path) == ["True"]


# memory

LOCKED = """
def locked_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmLck:"))
"""


def allowed() -> bool:
    return child("print(lock_memory())") == ["yes"]


def test_memory_is_locked_and_what_comes_later_too():
    if not allowed():
        pytest.skip("this user may lock no memory")
    before, now, later = map(int, child(LOCKED + """
print(locked_kb())
lock_memory()
print(locked_kb())
kept = bytearray(50_000_000)
print(locked_kb())
"""))
    assert before == 0 < now < later - 40_000


def test_what_is_mapped_and_never_touched_takes_no_memory():
    if not allowed():
        pytest.skip("this user may lock no memory")
    before, after = map(int, child("""
import mmap
def resident_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS:"))
there = mmap.mmap(-1, 1 << 30)
lock_memory()
print(resident_kb())
more = mmap.mmap(-1, 1 << 30)
print(resident_kb())
"""))
    assert after < 500_000 and after - before < 100_000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_a_limit_that_is_too_low_is_named_beside_what_is_needed():
    told = child(f"""
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
os.setuid({NOBODY})
print(lock_memory())
""")
    assert told[0].startswith("no (the limit is 1 MiB, and ") and told[0].endswith(" MiB are mapped)")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_a_user_with_a_limit_that_will_do_locks_what_is_there_and_is_never_refused_memory_later():
    """With all that comes locked too, the next 100 MB would be refused: the limit leaves no room for them."""
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    told = child(LOCKED + f"""
room = realtime._mapped_bytes() + (4 << 20)
try:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (room, room))
except ValueError:
    print("the limit is {hard}")
    sys.exit()
os.setuid({NOBODY})
print(lock_memory(), locked_kb() > 0)
kept = bytearray(100_000_000)
print(len(kept))
""")
    if told[0].startswith("the limit"):
        pytest.skip(f"root here may not raise its limit of lockable memory: {hard} bytes")
    assert told == ["yes True", "100000000"]


@pytest.mark.parametrize("hard, capable, flags", [(resource.RLIM_INFINITY, False, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT),
                                                  (8 << 20, True, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT),
                                                  (8 << 20, False, MCL_CURRENT | MCL_ONFAULT)])
def test_memory_to_come_is_locked_only_where_that_has_no_limit(monkeypatch, hard, capable, flags):
    asked = []
    monkeypatch.setattr(realtime.resource, "getrlimit", lambda _: (1 << 20, hard))
    monkeypatch.setattr(realtime.resource, "setrlimit", lambda _, limits: asked.append(limits))
    monkeypatch.setattr(realtime, "_may", lambda capability: capable)
    monkeypatch.setattr(realtime.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(mlockall=lambda given: asked.append(given) or 0))
    assert realtime.lock_memory() == "yes"
    assert asked == [(hard, hard), flags]


def test_other_systems_are_told_apart(monkeypatch):
    monkeypatch.setattr(realtime.sys, "platform", "darwin")
    assert realtime.lock_memory() == "no (not on darwin)"
