"""The scores of a take, together."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from livewave.hearing.scoring import chroma_similarity, is_one_line, score
from livewave.music.score import Note
from tests.hearing.sung import CHORDS, LINE, OTHER_LINE, RATE_HZ, sung


def test_silence_has_the_worst_of_every_score_and_no_nan():
    scores = asdict(score(np.zeros(3 * RATE_HZ, np.float32), sung(LINE), RATE_HZ, LINE, one_line=True))
    assert scores == {"pitch_accuracy": 0.0, "chroma_similarity": 0.0, "onset_f1": 0.0, "correlation": 0.0,
                      "correlation_lag_s": 0.0, "onset_delay_s": None, "notes_unheard": 1.0, "noise_db": 0.0}


def test_chords_are_told_from_a_line_that_is_tied():
    assert is_one_line(LINE) and is_one_line([Note(0.0, 0.55, 60, 90), Note(0.5, 1.0, 62, 90)])
    assert not is_one_line(CHORDS) and not is_one_line([Note(0.0, 0.6, 60, 90), Note(0.5, 1.0, 62, 90)])


def test_the_likeness_of_chroma_is_that_of_frames_that_sound():
    tone = sung(LINE)
    assert chroma_similarity(tone, tone, RATE_HZ, LINE) == pytest.approx(1.0, abs=0.02)
    assert chroma_similarity(tone, sung(OTHER_LINE), RATE_HZ, LINE) < 0.5
    assert chroma_similarity(tone, np.zeros_like(tone), RATE_HZ, LINE) == 0.0
