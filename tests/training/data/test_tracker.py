"""What a melody tracker hears becomes notes, near enough to those that were played to train on."""

from __future__ import annotations

import sys

import mir_eval
import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.compass import Compass
from livewave.music.score import Note, events_of
from tests.training.data.layouts import FONT
from livewave.hearing.soundfont import SoundFont
from training.data.tracker import extract, loud, notes_of_track
from training.phrases import song

CELLO = 42
ONSET_S = 0.08


def hz(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def note_scores(expected: list[Note], found: list[Note]) -> tuple[float, float, float]:
    """Precision, recall and F of notes by onset and pitch."""
    (times, pitches), (heard, heard_pitches) = ((np.array([[n.start_s, n.end_s] for n in notes]),
                                                 np.array([hz(n.pitch) for n in notes]))
                                                for notes in (expected, found))
    return mir_eval.transcription.precision_recall_f1_overlap(times, pitches, heard, heard_pitches,
                                                              onset_tolerance=ONSET_S,
                                                              offset_ratio=None)[:3]


def test_the_default_tracker_finds_the_notes_of_happy_birthday():
    """Two lines of it, on a rendered cello. A note that is struck again without a gap is heard as one: recall stays
    below 1."""
    notes = [note for note in song("happy_birthday", Compass(48, 72), 0.5, 0.92) if note.start_s < 6.5]
    audio = SoundFont(FONT, CELLO).play(events_of(notes), notes[-1].end_s + 1.0, 16_000)
    found = extract(audio, 16_000)
    precision, recall, f = note_scores(notes, found)
    assert precision > 0.9 and recall > 0.7 and f > 0.8
    times = np.arange(0.0, notes[-1].end_s, 0.01)
    truth, heard = (np.array([next((n.pitch for n in line if n.start_s <= t < n.end_s), 0) for t in times])
                    for line in (notes, found))
    assert np.mean(heard[truth > 0] == truth[truth > 0]) > 0.9  # raw pitch accuracy
    assert found[-1].end_s < notes[-1].end_s + 0.7  # the gate: no note in the silence at the end


def test_a_track_becomes_notes_of_semitones_without_the_shortest():
    times = np.arange(0.0, 2.0, 0.005)
    track = np.select([times < 0.2, times < 0.8, times < 0.82, times < 1.2, times < 1.24, times < 1.7],
                      [0.0, hz(60.3), hz(72.0), hz(59.8), 0.0, hz(64.0)], 0.0)
    notes = notes_of_track(times, track)
    assert [note.pitch for note in notes] == [60, 64]  # 20 ms of 72 are a slip
    np.testing.assert_allclose([[n.start_s, n.end_s] for n in notes], [[0.2, 1.2], [1.24, 1.7]], atol=0.03)


def test_what_is_quiet_beside_the_rest_is_no_note():
    rate_hz = 8_000
    audio = np.sin(2 * np.pi * 440 * np.arange(3 * rate_hz) / rate_hz).astype(np.float32)
    audio[rate_hz : 2 * rate_hz] *= 0.01
    assert loud(audio, rate_hz, np.array([0.5, 1.5, 2.5])).tolist() == [True, False, True]


def test_a_tracker_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "essentia", None)
    with pytest.raises(LivewaveError, match=r"pip install -e '\.\[melodia\]'"):
        extract(np.zeros(16_000, np.float32), 16_000, "melodia")


def test_importing_trackers_loads_none_of_them():
    import subprocess

    code = "import sys, training.prepare; print(*{'libf0', 'librosa', 'essentia', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
