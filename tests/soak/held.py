"""Faults that strike while two notes are held: the sound is recorded by a JACK client, and what came back is asked for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from tests.bench.jack_meter import Meter, Take
from tests.realtime.jackd import jack_process, jack_server
from tests.scenario.daemon import PATIENCE_S, Playing, daemon
from tests.soak.asking import Levels, status_of
from tests.soak.children import children, player_of
from tests.soak.continuity import back_after_s
from tests.soak.trouble import CLOCK_SIGNAL, signal_of, troubled

RATE_HZ = 48_000
NOTES = (72, 84)  # the upper one's partials are the lower one's too
GAIN_DB, TEMPERATURE = -3.0, 0.7  # settings that are no default
BEFORE_S, AFTER_S = 2.0, 4.0
STOPPED_S = 5.0
FOLLOW_EVERY_S = 0.01
SILENT_FOR_S = 0.3

Act = Callable[[Playing, int], None]  # the fault: given the daemon, and which process renders


def killed(playing: Playing, player: int) -> None:
    os.kill(player, signal.SIGKILL)


def stopped(playing: Playing, player: int) -> None:
    _stop(player)


def control_stopped(playing: Playing, player: int) -> None:
    _stop(playing.pid)


def clock_stepped(playing: Playing, player: int) -> None:
    os.kill(playing.pid, CLOCK_SIGNAL)


def trouble(name: str) -> Act:
    return lambda playing, player: os.kill(player, signal_of(name))


def silent_though_struck(playing: Playing, player: int) -> None:
    """Silence alone may be a note that has died away; one that was struck just now has not."""
    trouble("silence")(playing, player)
    for velocity in (0, 100):
        playing.osc.send("/livewave/note", min(NOTES), velocity)


def measure(act: Act, after_s: float = AFTER_S, flags: Sequence[str] = ()) -> dict[str, object]:
    """Let `act` happen to a daemon that holds NOTES, and listen for `after_s`. Raises NoJack."""
    with jack_server(rate=RATE_HZ), daemon("--audio", "default", *flags, **troubled()) as playing:
        hold(playing)
        return _measured(playing, BEFORE_S + after_s, partial(_done_by, act, player_of(playing.pid)))


def measure_asleep(flags: Sequence[str] = ()) -> dict[str, object]:
    """The same when the daemon's processes and the JACK server stand still for STOPPED_S, as on a laptop that sleeps: the dummy driver
    does not count that time. Raises NoJack."""
    with jack_process(rate=RATE_HZ) as (_, server), daemon("--audio", "default", *flags, **troubled()) as playing:
        hold(playing)
        return _measured(playing, BEFORE_S + STOPPED_S + AFTER_S, partial(_asleep, server.pid))


def _measured(playing: Playing, seconds: float, happen: Callable[[Playing, Meter], int]) -> dict[str, object]:
    """The row. `happen` lets the fault happen and gives the frame at which it does."""
    meter, levels = Meter(midi=False), Levels(playing.port)
    with recording(meter, seconds) as taking:
        _await_frame(meter, round(BEFORE_S * RATE_HZ))
        at = happen(playing, meter)
    take = taking.result()
    row = {"back_s": _back_s(take, at), **what_is_left(playing, levels), "lost_cycles": len(take.missing)}
    levels.close()
    meter.close()
    return row


def _done_by(act: Act, player: int, playing: Playing, meter: Meter) -> int:
    at = meter.frame
    act(playing, player)
    return at


def _asleep(server: int, playing: Playing, meter: Meter) -> int:
    everybody = [server, playing.pid, *children(playing.pid)]
    at = meter.frame
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)
    return at


def hold(playing: Playing) -> None:
    playing.osc.send("/livewave/gain", GAIN_DB)
    playing.osc.send("/livewave/temperature", TEMPERATURE)
    for pitch in NOTES:
        playing.osc.send("/livewave/note", pitch, 100)
    playing.osc.sync()


@contextmanager
def recording(meter: Meter, seconds: float) -> Iterator[Future[Take]]:
    """Record while the block runs, and whatever audio process comes into being is listened to; ends with the take."""
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(meter.take, [], seconds)
        try:
            yield taking
        finally:
            while not taking.done():
                meter.follow()
                time.sleep(FOLLOW_EVERY_S)


def what_is_left(playing: Playing, levels: Levels) -> dict[str, object]:
    """notes_held and whether settings are as they were; then all is let go: what sounds on is stuck."""
    status = status_of(playing.port)
    kept = abs(status["gain_db"] - GAIN_DB) < 1e-3 and abs(status["temperature"] - TEMPERATURE) < 1e-3
    for pitch in NOTES:
        playing.osc.send("/livewave/note", pitch, 0)
    deadline_s = time.monotonic() + PATIENCE_S / 3
    while not (levels.is_silent(SILENT_FOR_S) and status_of(playing.port)["notes"] == 0) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    after = status_of(playing.port)
    return {"notes_held": status["notes"], "settings_kept": kept, "notes_stuck": after["notes"] + (not levels.is_silent(SILENT_FOR_S)),
            "restarts": after["restarts"], "faults": after["faults"], "underruns": after["underruns"]}


def _back_s(take: Take, at: int) -> float | None:
    try:
        found = back_after_s(take.audio, at, min(NOTES), RATE_HZ, take.missing)
    except ValueError:
        return None
    return found if found is None else round(found, 3)


def _await_frame(meter: Meter, frame: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while meter.frame < frame:
        assert time.monotonic() < deadline_s, "JACK stands still"
        time.sleep(0.005)


def _stop(pid: int) -> None:
    """Stop a process for STOPPED_S. It may be gone by then."""
    os.kill(pid, signal.SIGSTOP)
    again = threading.Timer(STOPPED_S, _go_on, (pid,))
    again.daemon = True
    again.start()


def _go_on(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
