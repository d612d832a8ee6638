"""What a run tells: log.jsonl, a line of figures each, and TensorBoard's scalars, audio and pictures.

    tensorboard --logdir RUN
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livewave.music.compass import Compass
from livewave.music.score import Note, events_of, roll_of
from livewave.render.wavenet import Model
from training.atomic import replace_file
from training.phrases import chords, song

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOG = "log.jsonl"
TAKE_S = 6.0  # of playing, for ears and eyes
PICTURE_FLOOR_DB = 80.0


class Board:
    """The log of one run. What was told after `step`, by a run that was killed and resumes there, is forgotten.

    Thread: one. OSError when the disk is full.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._log = folder / LOG
        forget_after(self._log, step)
        self._writer = SummaryWriter(str(folder), purge_step=step + 1, flush_secs=30)

    def tell(self, row: dict[str, float]) -> None:
        with open(self._log, "a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name, value, row["step"])

    def hear(self, step: int, model: Model, compass: Compass, temperature: float) -> None:
        """Play a song and chords, or freely where the net has no notes; keep the audio and pictures of it."""
        for name, notes, audio in takes(model, compass, temperature):
            self._writer.add_audio(name, np.clip(audio, -1.0, 1.0)[None], step, model.spec.model_rate_hz)
            self._writer.add_figure(name, picture(audio, model.spec.model_rate_hz, notes), step)

    def close(self) -> None:
        self._writer.close()


def forget_after(log: Path, step: int) -> None:
    """Drop the lines of later steps, and a last line that was cut off."""
    if not log.exists():
        return
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill
    replace_file(log, lambda file: file.write("".join(kept).encode()))


def takes(model: Model, compass: Compass, temperature: float) -> list[tuple[str, list[Note], np.ndarray]]:
    """Name, notes and audio of what shows an instrument, TAKE_S long each."""
    from training.players import NetPlayer

    player = NetPlayer(model, 1, temperature)
    try:
        if not model.spec.cond_channels:
            return [("free", [], player.play_free(TAKE_S))]
        phrases = {"ode_to_joy": song("ode_to_joy", compass), "chords": chords(compass, 1)}
        shown = {name: [note for note in notes if note.end_s < TAKE_S - 0.5] for name, notes in phrases.items()}
        return [(name, notes, player.play(notes, 0.5)) for name, notes in shown.items()]
    finally:
        player.close()


def picture(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> Figure:
    """The spectrogram of `audio` above the roll that it was asked for, on one time axis."""
    from matplotlib.figure import Figure
    from scipy.signal import spectrogram

    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    window, seconds = 2 ** round(np.log2(rate_hz * 0.064)), len(audio) / rate_hz
    _, _, power = spectrogram(audio, rate_hz, "hann", window, window * 3 // 4)
    level_db = 10.0 * np.log10(power + 1e-12)
    above.imshow(level_db, origin="lower", aspect="auto", cmap="magma", extent=(0, seconds, 0, rate_hz / 2),
                 vmin=level_db.max() - PICTURE_FLOOR_DB, vmax=level_db.max())
    above.set(ylabel="Hz", ylim=(0, min(rate_hz / 2, 8_000)), title="heard")
    roll = roll_of(events_of(notes), seconds, 200)
    pitches = [note.pitch for note in notes] or [48, 72]
    below.imshow(roll.T > 0, origin="lower", aspect="auto", interpolation="nearest", cmap="Greys",
                 extent=(0, seconds, -0.5, 127.5))
    below.set(xlabel="s", ylabel="pitch", ylim=(min(pitches) - 3, max(pitches) + 3), xlim=(0, seconds),
              title="asked for")
    return figure
