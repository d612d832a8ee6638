"""What a thread that has deadlines asks of the system. Everything works without, less surely.

Where the system refuses a user real-time priority, RealtimeKit may grant it: the service of D-Bus that desktops use. It asks
in return for a limit of processor time without a pause (RLIMIT_RTTIME); a process that runs into it loses its priority, and
not its life. Source: sched(7), mlockall(2), the README of RealtimeKit.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

log = logging.getLogger(__name__)

DEVICE_PRIORITY = 70    # as jackd asks for by default in our recipes: the device goes before those who feed it
PRODUCER_PRIORITY = 60
NOTE_PRIORITY = 10  # of what hands notes on: before all that is ordinary, after all that sounds

RTKIT_PRIORITY = 20  # the highest that it grants, for the device; ten of ours are one of these
RTKIT_PATIENCE_S = 1.0
# Of processor time without a pause: it asks for a limit of 0.2 s at most, and kills there. Before, priority is given back.
PAUSE_WITHIN_US, KILLED_AFTER_US = 150_000, 200_000
RTKIT = ("org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1", "org.freedesktop.RealtimeKit1")
RTKIT_CALL = "MakeThreadRealtimeWithPID"

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # of Linux on x86 and arm
CAP_IPC_LOCK = 14  # for whom the limit does not count
MIB = 1 << 20


def ask_for_priority(priority: int, inherited: bool = True) -> str:
    """Let nothing but real-time threads of a higher `priority` (1..99, SCHED_FIFO) run before the calling thread.

    inherited  whether threads and processes that it starts afterwards have it, too; where rtkit grants it, they never have

    Returns "yes", "yes (by rtkit)", or "no (why)". May take RTKIT_PATIENCE_S: to be called before anything sounds, and by
    the main thread first.
    """
    thread = threading.get_native_id()
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO if inherited else os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, AttributeError) as error:
        refusal = getattr(error, "strerror", None) or str(error)
    else:
        return "yes"
    problem = _ask_rtkit(thread, RTKIT_PRIORITY - (DEVICE_PRIORITY - priority) // 10)
    return f"no ({refusal}; rtkit: {problem})" if problem else "yes (by rtkit)"


def lock_memory() -> str:
    """Keep what this process has in memory there, and what it will have: nothing of it is fetched from a disk while it plays.

    Only what is touched counts, not all that is mapped. Memory to come is locked only where that is without limit: else
    it would be refused one day. Returns "yes", or "no (why)".
    """
    if sys.platform != "linux":
        return f"no (not on {sys.platform})"
    flags = MCL_CURRENT | MCL_ONFAULT | (MCL_FUTURE if _unlimited() else 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(flags) == 0:
        return "yes"
    limit_bytes, mapped_bytes = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0], _mapped_bytes()
    if limit_bytes < mapped_bytes:
        return f"no (the limit is {limit_bytes // MIB} MiB, and {mapped_bytes // MIB} MiB are mapped)"
    return f"no ({os.strerror(ctypes.get_errno())})"


def _unlimited() -> bool:
    """Whether all memory may be locked; the limit is raised as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    return hard == resource.RLIM_INFINITY or _may(CAP_IPC_LOCK)


def _may(capability: int) -> bool:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        effective = next(line for line in file if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> capability & 1)


def _mapped_bytes() -> int:
    with open("/proc/self/statm", encoding="utf-8") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _ask_rtkit(thread: int, priority: int) -> str:
    """Let RealtimeKit make `thread` of this process a real-time one. Empty, or why not."""
    if sys.platform != "linux":
        return f"not on {sys.platform}"
    client = next(filter(shutil.which, ("busctl", "gdbus")), None)
    if client is None:
        return "neither busctl nor gdbus is here to ask it with"
    if not _promise_to_pause():
        return "the limit of processor time that it asks for cannot be set"
    try:
        asked = subprocess.run(_call(client, os.getpid(), thread, max(1, priority)), stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, errors="replace", timeout=RTKIT_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {RTKIT_PATIENCE_S:g} s"
    except OSError as error:
        return str(error)
    return "" if asked.returncode == 0 else (asked.stderr.strip().splitlines() or ["refused"])[-1][:160]


def _call(client: str, process: int, thread: int, priority: int) -> Sequence[str]:
    service, path, interface = RTKIT
    if client == "busctl":
        return [client, "--system", "call", service, path, interface, RTKIT_CALL, "ttu", str(process), str(thread), str(priority)]
    return [client, "call", "--system", "--dest", service, "--object-path", path, "--method", f"{interface}.{RTKIT_CALL}",
            f"uint64 {process}", f"uint64 {thread}", f"uint32 {priority}"]


def _promise_to_pause() -> bool:
    """Limit processor time without a pause, as rtkit wants it; whoever exceeds it goes on as an ordinary thread."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGXCPU, lambda *_: _give_back_priority())
    elif signal.getsignal(signal.SIGXCPU) in (signal.SIG_DFL, None):  # it would end the process
        return False
    try:
        resource.setrlimit(resource.RLIMIT_RTTIME, (PAUSE_WITHIN_US, KILLED_AFTER_US))
    except (OSError, ValueError):
        return False
    return True


def _give_back_priority() -> None:
    """Of all threads of this process: which of them took too long is not told."""
    log.warning("real-time priority is given back: %g s of work without a pause are more than rtkit allows", 1e-6 * PAUSE_WITHIN_US)
    ordinary = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK  # the flag is rtkit's, and not ours to take away
    for thread in map(int, os.listdir("/proc/self/task")):
        try:
            os.sched_setscheduler(thread, ordinary, os.sched_param(0))
        except OSError:  # it has ended meanwhile, or has a policy of its own
            continue
