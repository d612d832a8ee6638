"""One take on disk while it is being made: audio.wav and log.jsonl, side by side in a folder of its own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from livewave import DeviceError, __version__
from livewave.control.events import Event
from livewave.link import Command
from livewave.sound.wavfile import WavFile
from livewave.takes.happened import values_of
from livewave.takes.lives import Life
from livewave.takes.log import FORMAT, NAME, LogFile
from livewave.takes.tape import Heard

AUDIO = "audio.wav"
NOTES = "notes.mid"
FOLDER_NAME = "%Y-%m-%d_%H-%M-%S"
SYNC_EVERY_S = 0.5
LONGEST_SILENCE_S = 600.0  # that is written where there was no sound


class Take:
    """Everything written reaches the operating system at once, and the disk twice a second. Thread: recorder only.

    problem  why nothing is written any more: a full disk, a WAV file's 4 GiB; None while all is well
    folder   where it is

    Only the constructor raises: OSError, DeviceError, where the files cannot be made.
    """

    def __init__(self, parent: Path, rate_hz: int, config: str, channels: int = 1) -> None:
        self.problem: str | None = None
        self.folder, self.rate_hz, self.channels = _new_folder(parent), rate_hz, channels
        self._frame = 0  # the next one of audio.wav
        self._process = self._next = 0  # whose frames these are, and the number of the one that is to come
        self._heard_s = 0.0  # when the last ones were rendered
        self._synced_s = time.monotonic()
        self._log = LogFile(self.folder / NAME)
        try:
            self._wav = WavFile(str(self.folder / AUDIO), rate_hz, self._fail, channels)
            self._log.add("take", format=FORMAT, livewave=__version__, rate_hz=rate_hz, channels=channels, at_s=time.monotonic(),
                          wall_s=time.time(), config=json.loads(config))
            self._log.sync()
            _sync_folders(self.folder, parent)
        except (OSError, DeviceError):
            self._log.close()
            raise

    @property
    def seconds(self) -> float:
        return self._frame / self.rate_hz

    def life(self, life: Life) -> None:
        """A life, and what it was ordered so far."""
        self._log.add("life", life=life.number, process=life.process, whole=life.whole, **life.facts)
        for column, command in life.orders():
            self.order(life, column, command)

    def order(self, life: Life, column: int, command: Command) -> None:
        self._log.add("order", life=life.number, column=column, order=command.order.name.lower(), pitch=command.pitch,
                      velocity=command.velocity, value=command.value)

    def event(self, event: Event) -> None:
        self._log.add("event", **values_of(event))

    def mark(self, text: str) -> None:
        self._log.add("mark", at_s=time.monotonic(), text=text)

    def heard(self, process: int, heard: Heard) -> None:
        """Frames, in order. Where some are missing, silence takes their place."""
        if process != self._process:
            self._between(heard)
        elif heard.first != self._next:
            self._silence(max(0, heard.first - self._next), "frames were lost: the recorder was too slow")
        if process != self._process or heard.first != self._next:
            self._log.add("audio", frame=self._frame, process=process, **{"from": heard.first}, at_s=heard.at_s)
        self._process, self._next, self._heard_s = process, heard.first + len(heard.frames), heard.at_s
        self._write(heard.frames)

    def flush(self) -> None:
        """Write what was told: the log first, for it must not lack what is heard."""
        if self.problem is None:
            self._guard(self._log.flush)

    def sync(self, now_s: float) -> None:
        """Twice a second, let it outlast a loss of power. May wait for the disk."""
        if self.problem is None and now_s - self._synced_s >= SYNC_EVERY_S:
            self._synced_s = now_s
            self._wav.sync()
            self._log.add("until", frame=self._frame)
            self._guard(self._log.sync)

    def close(self, why: str) -> None:
        if self.problem is None:
            self._log.add("end", frame=self._frame, why=why)
            self._guard(self._log.sync)
        self._wav.close()
        self._log.close()

    def _between(self, heard: Heard) -> None:
        """Another audio process goes on: what lies between is silence, as it was for those who listened."""
        if self._process:
            gone_s = min(heard.at_s - self._heard_s, LONGEST_SILENCE_S)
            self._silence(max(0, round(gone_s * self.rate_hz)), "the audio process was replaced")

    def _silence(self, frames: int, why: str) -> None:
        if frames:
            self._log.add("silence", frame=self._frame, frames=frames, why=why)
        while frames:
            count = min(frames, self.rate_hz)
            self._write(np.zeros((count, self.channels), np.float32))
            frames -= count

    def _write(self, frames: np.ndarray) -> None:
        self.flush()
        if self.problem is None:
            self._wav.write(frames)
            self._frame += len(frames)

    def _guard(self, write: Callable[[], Any]) -> None:
        try:
            write()
        except OSError as error:
            self._fail(f"{self.folder / NAME}: {error.strerror}; recording stopped after {self.seconds:.0f} s")

    def _fail(self, problem: str) -> None:
        self.problem = self.problem or problem


def _new_folder(parent: Path) -> Path:
    name, number = time.strftime(FOLDER_NAME), 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _sync_folders(*folders: Path) -> None:
    """A file that was synced and whose name was not is lost all the same."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
