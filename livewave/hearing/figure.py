"""The paper's Figure 3: peak-frequency spectrograms of takes, of their conditioning and of the roll, on one time axis.

Source: Manzelli, Thakkar, Siahkamari and Kulis 2018, Figure 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing.extra import needed
from livewave.hearing.measures import sounding_together
from livewave.hearing.spectra import hz_of, peaks
from livewave.music.score import Note
from livewave.render.wavenet import A4_HZ

PEAKS_A_NOTE, MOST_PEAKS = 8, 32  # of a frame: so many for each note that may sound in it
COLUMNS = 1500  # frames of a panel: more could not be told apart
FINEST_S = 0.008
FAINTEST_DB = -48.0
BELOW, ABOVE = 5, 31  # semitones shown beyond the notes: above, the sixth partial of the highest
WIDTH_IN, PANEL_IN = 13.0, 3.0
DPI = 110
MOST_ONSETS = 120  # notes whose starts are drawn as lines through all panels
ROUND_HZ = [step * decade for decade in (10, 100, 1000) for step in (1, 2, 3, 5)]
STEPS = {0: "C", 7: "G"}  # the pitch classes that are named


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    audio: np.ndarray  # float32 [samples], time 0 where the notes' is


def save_figure(path: str | Path, title: str, panels: Sequence[Panel], notes: Sequence[Note], rate_hz: int) -> None:
    """Write a PNG: one panel for each of `panels`, and the roll last.

    Colour is power: in each take relative to its own loudest peak; in the roll relative to velocity 127, of which
    velocity v is 40 log10(v / 127) dB, as in General MIDI. Raises LivewaveError when the file cannot be written.
    """
    with needed("matplotlib"):
        from matplotlib.figure import Figure

    seconds = len(panels[0].audio) / rate_hz
    figure = Figure((WIDTH_IN, PANEL_IN * (len(panels) + 1) + 0.6), DPI, layout="constrained", facecolor="white")
    figure.suptitle(plain(title), fontsize=15, fontweight="bold")
    axes = figure.subplots(len(panels) + 1, 1, sharex=True, sharey=True)
    hop_s, shown_hz = max(FINEST_S, seconds / COLUMNS), _shown_hz(notes, rate_hz)
    most = min(MOST_PEAKS, PEAKS_A_NOTE * max(len(pitches) for _, _, pitches in sounding_together(notes)))
    for axis, panel in zip(axes, panels):
        times, hz, level_db = peaks(panel.audio, rate_hz, hop_s, most, *shown_hz)
        _draw(axis, panel.title, times - 0.5 * hop_s, times + 0.5 * hop_s, hz, level_db, 2.6)
    starts, ends, pitches, velocities = (np.asarray(column, float) for column in zip(
        *((note.start_s, note.end_s, note.pitch, note.velocity) for note in notes)))
    powers_db = 40.0 * np.log10(velocities / 127.0)
    image = _draw(axes[-1], "Roll: the notes asked for", starts, ends, hz_of(pitches), powers_db, 6.0)
    _scales(axes, notes, seconds, shown_hz)
    colours = figure.colorbar(image, ax=axes, pad=0.01, aspect=45)
    colours.set_label("power of a peak below the loudest of its panel, dB  (roll: velocity)", fontsize=11)
    colours.ax.tick_params(labelsize=10)
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise LivewaveError(f"cannot write {path}: {error.strerror};"
                            " name a PNG file in a writable folder that exists") from None


def plain(text: str) -> str:
    """A file or a system may be called anything: to matplotlib, dollars would be mathematics."""
    return text.replace("$", r"\$")


def _shown_hz(notes: Sequence[Note], rate_hz: int) -> tuple[float, float]:
    return (hz_of(min(note.pitch for note in notes) - BELOW),
            min(0.48 * rate_hz, hz_of(max(note.pitch for note in notes) + ABOVE)))


def _draw(axis, title: str, starts: np.ndarray, ends: np.ndarray, hz: np.ndarray, level_db: np.ndarray,
          width: float):
    """Dashes at `hz` from start to end [n], the loud ones over the faint ones."""
    from matplotlib.collections import LineCollection

    order = np.argsort(level_db)
    dashes = np.stack([np.stack([starts, hz], axis=1), np.stack([ends, hz], axis=1)], axis=1)[order]
    lines = LineCollection(dashes, cmap="inferno", linewidths=width, capstyle="butt")
    lines.set_array(level_db[order])
    lines.set_clim(FAINTEST_DB, 0.0)
    axis.add_collection(lines)
    axis.set_facecolor("black")
    axis.set_title(plain(title), fontsize=12, loc="left")
    return lines


def _scales(axes, notes: Sequence[Note], seconds: float, shown_hz: tuple[float, float]) -> None:
    """Hertz on the left, note names on the right, seconds below, and where notes start."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator, ScalarFormatter

    lowest, highest = (69.0 + 12.0 * np.log2(hz / A4_HZ) for hz in shown_hz)
    names = [pitch for pitch in range(int(np.ceil(lowest)), int(highest) + 1) if pitch % 12 in STEPS]
    starts_s = sorted({note.start_s for note in notes})
    for axis in axes:
        axis.set_yscale("log")
        axis.set_ylim(*shown_hz)
        axis.set_xlim(0.0, seconds)
        axis.yaxis.set_major_locator(FixedLocator(ROUND_HZ))
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_ylabel("Hz", fontsize=11)
        axis.tick_params(labelsize=10)
        right = axis.secondary_yaxis("right")
        right.yaxis.set_major_locator(FixedLocator([hz_of(pitch) for pitch in names]))
        right.yaxis.set_major_formatter(FixedFormatter([f"{STEPS[pitch % 12]}{pitch // 12 - 1}" for pitch in names]))
        right.yaxis.set_minor_locator(NullLocator())
        right.tick_params(labelsize=10)
        for start_s in starts_s if len(starts_s) <= MOST_ONSETS else ():
            axis.axvline(start_s, color="white", alpha=0.22, linewidth=0.7, zorder=0)
    axes[-1].set_xlabel("seconds", fontsize=11)
