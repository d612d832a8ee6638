from __future__ import annotations

import numpy as np
import pytest

from livewave.music.biaxial import LOW, NOTES
from livewave.music.key import Key
from training.notes.measures import figures, in_key, key_of


def rows_of(*steps: set[int], struck: set[tuple[int, int]] = frozenset()) -> np.ndarray:
    """Pitches of each step; (step, pitch) that begin again."""
    rows = np.zeros((len(steps), NOTES, 3), np.uint8)
    for step, pitches in enumerate(steps):
        for pitch in pitches:
            begins = step == 0 or pitch not in steps[step - 1] or (step, pitch) in struck
            rows[step, pitch - LOW] = (1, begins, 90)
    return rows


def test_figures_of_eight_steps_worked_by_hand():
    rows = rows_of({60}, {60}, {60, 64}, set(), set(), set(), {60}, {60}, struck={(7, 60)})
    found = figures(rows)
    assert found["notes"] == pytest.approx(6 / 8)
    assert found["most_notes"] == 2
    assert found["onsets"] == pytest.approx(4 / 8)
    assert found["silent"] == pytest.approx(3 / 8)
    assert (found["longest_silence"], found["longest_note"]) == (3, 3)
    assert found["in_own_key"] == 1.0


def test_silence_has_figures_too():
    found = figures(rows_of(set(), set()))
    assert (found["notes"], found["silent"], found["longest_silence"], found["longest_note"]) == (0.0, 1.0, 2, 0)
    assert key_of(rows_of(set())) is None


def test_what_is_out_of_key_counts_by_how_long_it_sounds():
    rows = rows_of({60}, {62}, {64}, {65}, {67}, {69}, {71}, {72}, {61}, {61})
    assert key_of(rows) == Key(0)
    assert in_key(rows, Key(0)) == pytest.approx(8 / 10)
