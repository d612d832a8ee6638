"""The plain tone: every score finds in it what the notes ask for."""

from __future__ import annotations

import numpy as np
import pytest

from livewave.hearing.measures import in_tune, onset_delay_s, onset_f1
from livewave.hearing.plain_tone import plain_tone
from livewave.music.compass import Compass
from livewave.music.score import Note
from tests.hearing.sung import LINE, RATE_HZ



def test_a_plain_tone_is_what_every_score_asks_for():
    audio = plain_tone(LINE, 4.0, RATE_HZ)
    assert audio.dtype == np.float32 and audio.shape == (4 * RATE_HZ,) and np.abs(audio).max() == pytest.approx(0.5)
    assert in_tune(audio, RATE_HZ, LINE, Compass(48, 93))["frames_in_tune"] > 0.98
    assert onset_f1(audio, RATE_HZ, LINE) == 1.0
    assert onset_delay_s(audio, RATE_HZ, LINE).max() < 0.006


def test_a_plain_tone_is_louder_for_a_harder_stroke_and_stops_at_its_end():
    audio = plain_tone([Note(0.1, 0.4, 60, 127), Note(0.6, 0.9, 60, 64)], 1.5, RATE_HZ)
    hard, soft = (np.abs(audio[round(a * RATE_HZ) : round((a + 0.2) * RATE_HZ)]).max() for a in (0.15, 0.65))
    assert hard / soft == pytest.approx((127 / 64) ** 2, rel=0.02)
    assert not audio[: round(0.1 * RATE_HZ)].any() and not audio[round(0.94 * RATE_HZ) :].any()


@pytest.mark.parametrize("notes", [[Note(0.0, 0.001, 60, 1)], [Note(0.9, 2.0, 127, 90)], [Note(3.0, 4.0, 60, 90)]],
                         ids=["short", "high and cut off", "beyond the end"])
def test_a_plain_tone_of_any_note_is_finite(notes):
    audio = plain_tone(notes, 1.0, RATE_HZ)
    assert len(audio) == RATE_HZ and np.isfinite(audio).all()
