"""The picture: is what sounds where it sounds, on one time axis with the roll?"""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from livewave import LivewaveError
from livewave.hearing.figure import DPI, PANEL_IN, WIDTH_IN, Panel, save_figure
from livewave.music.score import Note
from tests.hearing.sung import RATE_HZ, sung

NOTES = [Note(0.5, 1.0, 60, 110), Note(2.0, 2.5, 72, 110)]


def drawn(path, panels: list[Panel], notes: list[Note]) -> np.ndarray:
    """float32 [rows, columns]: how bright the picture is."""
    save_figure(path, "A title", panels, notes, RATE_HZ)
    return imread(path)[..., :3].mean(axis=2)


def panels_of(picture: np.ndarray) -> list[np.ndarray]:
    """The black parts, from top to bottom, each without the lines of its frame."""
    columns = np.flatnonzero((picture < 0.05).mean(axis=0) > 0.5)
    rows = (picture[:, columns[5] : columns[-5]] < 0.2).mean(axis=1) > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate(([0], rows, [0]))))
    spans = [(a, b) for a, b in zip(edges[::2], edges[1::2]) if b - a > 20]
    return [picture[a:b, columns[5] : columns[-5]] for a, b in _joined(spans)]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A long note interrupts the black rows of its panel."""
    joined = [spans[0]]
    for a, b in spans[1:]:
        if a - joined[-1][1] < 15:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


def lit(panel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares 0..1 of the panel's width and height, from below, of its bright pixels."""
    rows, columns = np.nonzero(panel > 0.5)
    return columns / panel.shape[1], 1.0 - rows / panel.shape[0]


def test_a_take_and_the_roll_are_drawn_at_the_same_times_and_heights(tmp_path):
    audio = sung(NOTES, partials=1)
    take, roll = panels_of(drawn(tmp_path / "a.png", [Panel("Take", audio)], NOTES))
    seconds = len(audio) / RATE_HZ
    for panel in (take, roll):
        across, height = lit(panel)
        for note in NOTES:
            mine = (across > (note.start_s - 0.2) / seconds) & (across < (note.end_s + 0.2) / seconds)
            assert across[mine].min() == pytest.approx(note.start_s / seconds, abs=0.025)
            assert across[mine].max() == pytest.approx(note.end_s / seconds, abs=0.025)
        early, late = height[across < 0.45], height[across > 0.55]
        assert np.median(late) - np.median(early) == pytest.approx(12 / 48, abs=0.02)  # an octave of the four shown


def test_a_wrong_take_is_seen(tmp_path):
    take, roll = panels_of(drawn(tmp_path / "a.png", [Panel("Take", sung([Note(1.2, 1.8, 67, 95), NOTES[1]]))], NOTES))
    assert (np.abs(lit(take)[0] - 0.5) < 0.08).any() and not (np.abs(lit(roll)[0] - 0.5) < 0.08).any()


def test_there_is_a_panel_for_each_take_and_one_for_the_roll(tmp_path):
    picture = drawn(tmp_path / "a.png", [Panel(name, sung(NOTES)) for name in "abc"], NOTES)
    assert len(panels_of(picture)) == 4
    assert picture.shape == pytest.approx((DPI * (4 * PANEL_IN + 0.6), DPI * WIDTH_IN), abs=2)


def test_any_name_can_be_drawn(tmp_path):
    drawn(tmp_path / "a.png", [Panel("Take $\\frac$ of $5", np.zeros(RATE_HZ, np.float32))], NOTES)
    save_figure(tmp_path / "b.png", "$x_$.mid", [Panel("Take", np.zeros(RATE_HZ, np.float32))], NOTES, RATE_HZ)


def test_silence_and_extreme_notes_can_be_drawn(tmp_path):
    for pitch in (0, 127):
        panels, notes = [Panel("Take", np.zeros(RATE_HZ, np.float32))], [Note(0.1, 0.5, pitch, 1)]
        assert drawn(tmp_path / "a.png", panels, notes).std() > 0.1


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(LivewaveError, match="nowhere"):
        save_figure(tmp_path / "nowhere" / "a.png", "T", [Panel("Take", sung(NOTES))], NOTES, RATE_HZ)
