"""Pictures of the report, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from livewave.hearing.figure import plain
from livewave.hearing.spectra import hz_of
from livewave.music.score import Note

SHOWN_S = 30.0  # of a take
SHOWN_TAKES = 60
WINDOW_S = 0.064
FLOOR_DB = -70.0
SHARES = ("frames_in_tune", "chroma_on_top", "onset_f1")


def draw_take(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], title: str) -> bytes:
    """The spectrogram of the first SHOWN_S, and on it the fundamental of every note of the roll."""
    from matplotlib.figure import Figure

    audio = audio[: round(SHOWN_S * rate_hz)]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    axes = figure.add_subplot()
    size = round(WINDOW_S * rate_hz)
    if len(audio) >= size:
        starts = np.arange(0, len(audio) - size + 1, size // 4)
        spectra = np.abs(np.fft.rfft(audio[starts[:, None] + np.arange(size)] * np.hanning(size))) + 1e-9
        shown = np.maximum(FLOOR_DB, 20.0 * np.log10(spectra / spectra.max())).T
        seconds, hz = (starts + size / 2) / rate_hz, np.fft.rfftfreq(size, 1.0 / rate_hz)
        image = axes.pcolormesh(seconds, hz[1:], shown[1:], shading="nearest", cmap="magma", rasterized=True)
        figure.colorbar(image, ax=axes, label="dB", pad=0.01)
    for note in notes:
        if note.start_s < SHOWN_S:
            axes.plot([note.start_s, note.end_s], [hz_of(note.pitch)] * 2, color="cyan", linewidth=1.4)
    axes.set(yscale="log", ylim=(40.0, rate_hz / 2), xlim=(0.0, len(audio) / rate_hz), xlabel="s", ylabel="Hz")
    axes.set_title(f"{plain(title)}: what was played, and the roll (lines)", fontsize=9)
    return _png(figure)


def draw_overview(rows: Sequence[tuple[str, dict]]) -> bytes:
    """A bar for every share of each of the first SHOWN_TAKES takes: 1 is best."""
    from matplotlib.figure import Figure

    shown = rows[:SHOWN_TAKES]
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    for at, key in enumerate(SHARES):
        axes.barh(np.arange(len(shown)) + 0.26 * (at - 1), [row[key] for _, row in shown], 0.24, label=key)
    axes.set_yticks(np.arange(len(shown)), [plain(name[-40:]) for name, _ in shown], fontsize=8)
    axes.set(xlim=(0.0, 1.0), ylim=(len(shown) - 0.4, -0.6),
             xlabel="share" if len(shown) == len(rows) else f"share; the first {len(shown)} of {len(rows)} takes")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(SHARES), fontsize=8)
    return _png(figure)


def _png(figure: Any) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100)
    return data.getvalue()
