"""The run that turns recordings into prepared data: in parallel, resumable, one bad recording never costs the others.

OUT/preparing.json, written first and kept, holds the options; a later run with others is refused. A piece that is there whole
is skipped. OUT/prepared.json, written last, makes the folder usable.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from livewave import LivewaveError
from livewave.control.events import BendSet, PitchBend
from livewave.music.score import bends_of, roll_of
from training.atomic import replace_file
from training.data.pieces import ENCODINGS, FORMAT, piece_written, write_piece
from training.data.recording import Rates, Recording
from training.data.sound import low_passed, over_full_scale

BEGUN, DONE = "preparing.json", "prepared.json"
WAITING_PER_JOB = 2  # recordings handed to each process ahead of time
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Making:
    """How every piece of a run is made."""

    out: Path
    rates: Rates
    encoding: str = "pcm16"
    low_pass_hz: float | None = None

    def __post_init__(self) -> None:
        rate_hz, roll_rate_hz = self.rates.rate_hz, self.rates.roll_rate_hz
        if not 4_000 <= rate_hz <= 96_000:
            raise LivewaveError(f"--rate is {rate_hz}; it must be 4000..96000 samples per second")
        if not 50 <= roll_rate_hz <= rate_hz or rate_hz % roll_rate_hz:
            fits = [r for r in range(50, min(rate_hz, 4_000) + 1) if rate_hz % r == 0]
            remedy = f"{min(fits, key=lambda r: abs(r - roll_rate_hz))} does" if fits else "choose another --rate"
            raise LivewaveError(f"--roll-rate is {roll_rate_hz}; it must be 50 or more and divide --rate {rate_hz}: {remedy}")
        if self.encoding not in ENCODINGS:
            raise LivewaveError(f"--encoding is {self.encoding!r}; it must be one of {', '.join(ENCODINGS)}")
        if self.low_pass_hz is not None and not 20.0 <= self.low_pass_hz < rate_hz / 2:
            raise LivewaveError(f"--low-pass is {self.low_pass_hz:g}; it must be 20 Hz or more and below "
                                f"{rate_hz / 2:g}, half of --rate")

    def make(self, recording: Recording) -> dict:
        """Write the piece; what prepared.json says of it. Raises LivewaveError for a recording that is no use."""
        take, held = recording.load(self.rates), self.rates.rate_hz // self.rates.roll_rate_hz
        columns = len(take.audio) // held  # whole ones, or audio and roll drift apart
        audio, remarks = take.audio[: columns * held], take.remarks
        if self.low_pass_hz:
            audio = low_passed(audio, self.rates.rate_hz, self.low_pass_hz)
        remarks += over_full_scale(recording.name, audio)
        roll = roll_of(take.events, columns / self.rates.roll_rate_hz, self.rates.roll_rate_hz)
        if take.events and not roll.any():
            raise LivewaveError(f"{recording.name}: none of its notes falls into its audio")
        bends = take.bends
        if bends is None and any(isinstance(event, (PitchBend, BendSet)) for event in take.events):
            bends = bends_of(take.events, roll, self.rates.roll_rate_hz)
        return write_piece(self.out, recording.name, audio, self.rates.rate_hz, roll, self.rates.roll_rate_hz,
                           recording.split,
                           self.encoding, bends, remarks)


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: the entry of its piece, or why there is none."""

    name: str
    entry: dict | None
    reason: str = ""


def begin(out: Path, kind: str, options: dict) -> None:
    """Claim the folder for these options. Raises LivewaveError if it holds something else."""
    mine = {"format": FORMAT, "kind": kind, "options": options}
    for path in (out / BEGUN, out / DONE):
        if path.is_file():
            _same(path, mine)
            return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LivewaveError(f"{out} holds something that training.prepare did not make: choose a folder that is new or "
                            "empty")
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write_json(out / BEGUN, mine)
    except OSError as error:
        raise unwritable(out, error) from None


def produce(making: Making, recordings: Sequence[Recording], jobs: int) -> Iterator[Outcome]:
    """One outcome for each recording, as they come. Raises LivewaveError when the disk is full: then none can be
    made."""
    missing = []
    for recording in recordings:
        entry = piece_written(making.out, recording.name)
        if entry is None:
            missing.append(recording)
        else:
            yield Outcome(recording.name, entry)
    if jobs <= 1 or len(missing) <= 1:
        yield from (_outcome(making, recording) for recording in missing)
        return
    yield from _in_processes(making, missing, min(jobs, len(missing)))


def finish(out: Path, kind: str, options: dict, making: Making, recordings: Sequence[Recording],
           outcomes: Sequence[Outcome],
           provenance: dict[str, str]) -> dict:
    """Write prepared.json over what was made, and return it. Raises LivewaveError where nothing is left to train on."""
    splits, made = {r.name: r.split for r in recordings}, sorted((o for o in outcomes if o.entry), key=lambda o: o.name)
    pieces = [dict(o.entry, split=splits[o.name]) for o in made]
    counts = {name: sum(piece["split"] == name for piece in pieces) for name in ("training", "validation")}
    if not all(counts.values()):
        raise LivewaveError(f"{out}: {counts['training']} pieces to train on, {counts['validation']} held out; at "
                            "least one of each is needed: add recordings, or cut a long one into several files")
    pitches = [pitch for piece in pieces for pitch in piece["pitches"]]
    minutes = sum(piece["seconds"] for piece in pieces) / 60.0
    facts = {"data.kind": kind, "data.pieces": str(len(pieces)), "data.minutes": f"{minutes:.1f}"}
    if pitches:
        facts |= {"compass.low": str(min(pitches)), "compass.high": str(max(pitches))}
    bent = sum(piece["bent"] for piece in pieces)
    if bent:
        facts["data.bends"] = f"in {bent} of {len(pieces)} pieces"
    about = {"format": FORMAT, "kind": kind, "rate_hz": making.rates.rate_hz, "roll_rate_hz": making.rates.roll_rate_hz,
             "encoding": making.encoding, "options": options, "provenance": facts | provenance, "pieces": pieces,
             "left_out": {o.name: o.reason for o in outcomes if not o.entry}}
    _write_json(out / DONE, about)
    for part in (out / "pieces").glob(".*.part"):  # of runs that were killed
        part.unlink(missing_ok=True)
    return about


def unwritable(path: Path, error: OSError) -> LivewaveError:
    if error.errno in DISK_FULL:
        return LivewaveError(f"the disk is full, {path} could not be written: make room and run the same command "
                             "again; pieces that are finished are kept")
    return LivewaveError(f"{path} could not be written: {error.strerror or error}; choose another folder, or mend this "
                         "one")


def _outcome(making: Making, recording: Recording) -> Outcome:
    try:
        return Outcome(recording.name, making.make(recording))
    except LivewaveError as error:
        return Outcome(recording.name, None, str(error))
    except OSError as error:
        raise unwritable(making.out / "pieces" / recording.name, error) from None


def _in_processes(making: Making, recordings: Sequence[Recording], jobs: int) -> Iterator[Outcome]:
    waiting, running = list(recordings)[::-1], set()
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < WAITING_PER_JOB * jobs:
                    running.add(pool.submit(_outcome, making, waiting.pop()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise LivewaveError("a process was killed, most likely for want of memory: run the same command "
                                "again with fewer --jobs; pieces that are finished are kept") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """A parent that is killed cannot stop its children: each watches it, and ends with it."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _same(path: Path, mine: dict) -> None:
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
        before, now = ({"kind": d["kind"], "format": d["format"], **d["options"]} for d in (theirs, mine))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise LivewaveError(f"{path} is damaged ({error}): delete it, or choose another folder") from None
    changed = [f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in now if before.get(key) != now.get(key)]
    if changed:
        raise LivewaveError(f"{path.parent} was begun with other options: {'; '.join(changed)}. Use those, or choose "
                            "another folder")


def _write_json(path: Path, content: dict) -> None:
    replace_file(path, lambda file: file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()))
