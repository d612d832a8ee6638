"""The picture of a listening test: who prefers what, and how the systems were rated, with intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from livewave.hearing.figure import plain
from training.listening.inference import Compared, Rated

FIRST, NEITHER, SECOND, DOT = "#7dbab6", "#e4e0d6", "#e3b467", "#0b6a70"
INK, SOFT = "#1d2126", "#6a737c"
WIDTH_IN, ROW_IN, MARGIN_IN, GAP_IN = 8.0, 0.55, 1.25, 0.12
JITTER = 0.12


def plot(questions: Mapping[str, str], pairs: Sequence[Compared], means: Sequence[Rated], scale: int) -> bytes:
    """A PNG: one panel a question, preferences first."""
    panels = [(_preferences, [row for row in pairs if row.question == asked]) for asked in questions]
    panels += [(_ratings, [row for row in means if row.question == asked]) for asked in questions]
    panels = [(draw, rows) for draw, rows in panels if rows]
    heights = [ROW_IN * len(rows) + MARGIN_IN for _, rows in panels]
    figure = Figure(figsize=(WIDTH_IN, sum(heights)), layout="constrained")
    figure.get_layout_engine().set(h_pad=GAP_IN)
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (draw, rows) in zip(axes, panels, strict=True):
        draw(axis, rows, scale)
        axis.set_title(plain(questions[rows[0].question]), loc="left", fontsize=12, color=INK, pad=10)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(left=False, colors=INK)
        axis.invert_yaxis()
    out = io.BytesIO()
    figure.savefig(out, dpi=160, format="png", metadata={"Software": None})
    return out.getvalue()


def _preferences(axis: Axes, rows: Sequence[Compared], scale: int) -> None:
    """A bar a pair: listeners for the first, without a preference, for the second; whiskers are Wilson intervals."""
    for y, row in enumerate(rows):
        first, neither, second = row.shares
        axis.barh(y, first.value, color=FIRST, height=0.55)
        axis.barh(y, neither.value, left=first.value, color=NEITHER, height=0.55)
        axis.barh(y, second.value, left=1.0 - second.value, color=SECOND, height=0.55)
        axis.hlines(y - 0.08, first.low, first.high, color=INK, lw=1.5)
        axis.hlines(y + 0.08, 1.0 - second.high, 1.0 - second.low, color=INK, lw=1.5)
        axis.plot([first.value], [y - 0.08], "o", color=FIRST, mec=INK, ms=5)
        axis.plot([1.0 - second.value], [y + 0.08], "o", color=SECOND, mec=INK, ms=5)
        axis.annotate(f"{plain(row.second)}\nHolm p {_p(row.p_holm)}, n {row.listeners}", (1.0, y), (8, 0), va="center",
                      fontsize=9, textcoords="offset points")
    axis.set_yticks(range(len(rows)), [plain(fill(row.first, 22)) for row in rows])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlim(0.0, 1.0)
    axis.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100 %"])
    axis.axvline(0.5, color=SOFT, lw=0.8, ls=":")
    axis.set_xlabel("listeners who prefer the left (teal), neither (grey), the right (amber)", fontsize=9, color=SOFT)


def _ratings(axis: Axes, rows: Sequence[Rated], scale: int) -> None:
    """A line a system: every listener's mean, and the mean of these with its bootstrap interval."""
    for y, row in enumerate(rows):
        spread = np.random.default_rng(y).uniform(-JITTER, JITTER, len(row.each))
        axis.plot(row.each, y + 0.18 + spread, "o", color=DOT, alpha=0.25, ms=4, mec="none")
        axis.hlines(y - 0.12, row.low, row.high, color=INK, lw=2)
        axis.plot([row.mean], [y - 0.12], "o", color=DOT, mec=INK, ms=7)
        axis.annotate(f"{row.mean:.1f}", (row.mean, y - 0.12), (0, 7), ha="center", fontsize=9,
                      textcoords="offset points")
    axis.set_yticks(range(len(rows)), [plain(fill(row.system, 22)) for row in rows])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlim(*((0.9, 5.1) if scale == 5 else (-2, 102)))
    axis.grid(axis="x", color=NEITHER, lw=0.8)
    axis.set_axisbelow(True)
    axis.set_xlabel("mean rating with its 95 % interval; faint: each listener", fontsize=9, color=SOFT)


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"= {p:.3g}"
