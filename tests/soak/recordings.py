"""Faults while a take is recorded: the daemon killed, both processes killed, the disk full. What is lost of what was played?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from livewave.sound.wavfile import HEADER
from tests.scenario.daemon import Playing, daemon, livewave, until
from tests.soak.asking import Levels, status_of
from tests.soak.children import RUN, NotMeasured, children, left_behind

PITCHES, NOTE_EVERY_S, PLAYED_S = (72, 74, 76, 77), 0.1, 6.0
FRAME_BYTES = 2
SMALL_DISK = "1m"  # about ten seconds of a take
DISK_FULL_WITHIN_S = 30.0
PROMISE_S = 1.0
ENDED_WITHIN_S = 5.0

Act = Callable[[Playing, list[int]], None]


def daemon_killed(playing: Playing, others: list[int]) -> None:
    os.kill(playing.pid, signal.SIGKILL)


def all_killed(playing: Playing, others: list[int]) -> None:
    """As near as signals come to a loss of power: nobody has a moment left to write."""
    for pid in (playing.pid, *others):
        os.kill(pid, signal.SIGSTOP)
    for pid in (playing.pid, *others):
        os.kill(pid, signal.SIGKILL)


def measure(act: Act, flags: Sequence[str] = ()) -> dict[str, object]:
    """lost_s: played before the fault, and not in audio.wav; lost_notes: struck PROMISE_S before it and more, and not in the log."""
    token = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder:
        with daemon("--audio", "null", "--record", folder, *flags, **{RUN: token}) as playing:
            struck_s = _play(playing, PLAYED_S)
            act(playing, children(playing.pid))
            at_s = time.monotonic()
            playing.process.wait()
            left = left_behind(token, ENDED_WITHIN_S)
        take = next(Path(folder).iterdir())
        found = kept(take)
        replay = livewave("replay", str(take))
    owed = sum(at < at_s - PROMISE_S for at in struck_s)
    return {"lost_s": round(at_s - found["until_s"], 3), "lost_notes": max(0, owed - found["strikes"]), "notes_played": len(struck_s),
            "replays": replay.returncode == 0, "left_behind": left}


def disk_full(flags: Sequence[str] = ()) -> dict[str, object]:
    """The sound must go on, and what was written must stay whole."""
    with small_disk() as folder, daemon("--audio", "null", "--record", str(folder), *flags) as playing:
        levels = Levels(playing.port)
        playing.osc.send("/livewave/note", PITCHES[0], 100)
        until(lambda: shutil.disk_usage(folder).free < 65_536 or _said_so(playing), "a full disk")
        full_s = time.monotonic()
        until(lambda: _said_so(playing), "a warning")
        told_s = time.monotonic() - full_s
        time.sleep(1.0)
        gap_s = longest_pause_s(levels.heard, full_s)
        status = status_of(playing.port)
        levels.close()
        playing.end()
        replayed = _replays_elsewhere(next(folder.iterdir()))
    return {"back_s": round(gap_s, 3), "told_s": round(told_s, 3), "notes_held": status["notes"], "notes_stuck": 0,
            "restarts": status["restarts"], "underruns": status["underruns"], "replays": replayed}


def _replays_elsewhere(take: Path) -> bool:
    """Where there is room, for a replay writes the take's notes."""
    with tempfile.TemporaryDirectory() as roomy:
        moved = shutil.copytree(take, Path(roomy) / take.name)
        return livewave("replay", str(moved)).returncode == 0


def longest_pause_s(heard: Sequence[tuple[float, float]], since_s: float) -> float:
    """The longest time without word of a sound since then; 0.0 where word came as often as it always does."""
    sounding = [at_s for at_s, level in heard if at_s > since_s - 0.2 and level > 0.0]
    pauses = [after - before for before, after in zip(sounding, sounding[1:])]
    return max(pauses, default=float("inf")) if max(pauses, default=1.0) > 0.25 else 0.0


def kept(take: Path) -> dict[str, float]:
    """until_s: time.monotonic() of the last frame in audio.wav; strikes: how many of the log's lines strike a note."""
    lines = []
    for text in (take / "log.jsonl").read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:  # the last one may be cut
            break
    rate_hz = next(line["rate_hz"] for line in lines if line["kind"] == "take")
    audio = [line for line in lines if line["kind"] == "audio"][-1]
    frames = ((take / "audio.wav").stat().st_size - HEADER.size) // FRAME_BYTES
    return {"until_s": audio["at_s"] + (frames - audio["frame"]) / rate_hz,
            "strikes": sum(line["kind"] == "order" and line["order"] == "strike" for line in lines)}


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system that is soon full. Raises NotMeasured where none may be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", folder], capture_output=True, text=True)
        if done.returncode:
            raise NotMeasured(f"no small disk can be mounted here ({done.stderr.strip()}): run it as root")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _said_so(playing: Playing) -> bool:
    return any("No space left" in line or "disk" in line for line in playing.lines[7:])


def _play(playing: Playing, seconds: float) -> list[float]:
    """Strike a note every NOTE_EVERY_S; when each was sent."""
    struck_s, began_s = [], time.monotonic()
    while (now_s := time.monotonic()) - began_s < seconds:
        pitch = PITCHES[len(struck_s) % len(PITCHES)]
        playing.osc.send("/livewave/note", pitch, 100)
        struck_s.append(now_s)
        time.sleep(0.8 * NOTE_EVERY_S)
        playing.osc.send("/livewave/note", pitch, 0)
        time.sleep(0.2 * NOTE_EVERY_S)
    return struck_s
