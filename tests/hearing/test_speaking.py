"""When a note is heard: after silence, out of another, out of itself, or never."""

from __future__ import annotations

import numpy as np
import pytest

from livewave.hearing.speaking import onset_delay_s
from livewave.music.score import Note
from tests.hearing.sung import CHORDS, LINE, OTHER_LINE, RATE_HZ, noise, sung

LEGATO = [Note(0.3 + 0.4 * i, 0.7 + 0.4 * i, pitch, 95) for i, pitch in enumerate((60, 67, 66, 72))]


@pytest.mark.parametrize("late_s", [0.0, 0.03, 0.12])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_the_delay_of_notes_after_a_rest_is_measured(late_s, rate_hz):
    delays = onset_delay_s(sung(LINE, late_s=late_s, rate_hz=rate_hz), rate_hz, LINE)
    assert delays.dtype == np.float64
    np.testing.assert_allclose(delays, late_s, atol=0.006)


@pytest.mark.parametrize("late_s", [0.0, 0.03, 0.12])
def test_the_delay_of_tied_notes_is_measured(late_s):
    np.testing.assert_allclose(onset_delay_s(sung(LEGATO, late_s=late_s), RATE_HZ, LEGATO), late_s, atol=0.02)


@pytest.mark.parametrize("late_s", [0.0, 0.05])
def test_a_note_struck_again_is_heard_where_it_rises_again(late_s):
    again = [Note(0.3, 0.68, 67, 95), Note(0.7, 1.1, 67, 95)]
    np.testing.assert_allclose(onset_delay_s(sung(again, late_s=late_s), RATE_HZ, again), late_s, atol=0.012)


def test_a_note_that_only_goes_on_is_not_heard_again():
    held = sung([Note(0.3, 1.1, 67, 95)])
    first, again = onset_delay_s(held, RATE_HZ, [Note(0.3, 0.69, 67, 95), Note(0.7, 1.1, 67, 95)])
    assert first < 0.01 and again == np.inf


def test_a_slow_attack_is_heard_when_it_has_risen_to_a_tenth():
    assert onset_delay_s(sung([LINE[0]], rise_s=0.2), RATE_HZ, [LINE[0]])[0] == pytest.approx(0.02, abs=0.006)


def test_a_chord_note_that_is_missing_is_never_heard():
    without = [note for i, note in enumerate(CHORDS) if i != 4]
    delays = onset_delay_s(sung(without), RATE_HZ, CHORDS)
    assert np.isinf(delays[4]) and (np.delete(delays, 4) < 0.01).all()


@pytest.mark.parametrize("audio", [np.zeros(4 * RATE_HZ, np.float32), sung(OTHER_LINE, partials=2), sung(LINE)[:100],
                                   np.zeros(0, np.float32)], ids=["silence", "other notes", "cut off", "nothing"])
def test_notes_that_do_not_sound_are_never_heard(audio):
    assert np.isinf(onset_delay_s(audio, RATE_HZ, LINE)).all()


def test_a_rest_that_hisses_hides_nothing():
    audio = sung(LINE, late_s=0.05)
    np.testing.assert_allclose(onset_delay_s(audio + noise(len(audio), 0.001), RATE_HZ, LINE), 0.05, atol=0.01)
