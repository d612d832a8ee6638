"""Numbers of takes: near their best for audio that follows the notes, near their worst for audio that does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import livewave.hearing.measures as measures
from livewave.hearing.agreement import multipitch_accuracy, onset_times
from livewave.hearing.measures import chord_recall, cross_correlation, noise_db, onset_f1, pitch_classes_on_top
from livewave.hearing.multipitch import chord_accuracy
from livewave.music.score import Note
from tests.hearing.sung import CHORDS, LINE, OTHER_LINE, RATE_HZ, noise, sung

SILENCE = np.zeros(3 * RATE_HZ, np.float32)


def test_every_measure_is_found_in_one_place():
    for name in ("pitch_track", "in_tune", "chord_recall", "level_db", "onsets", "onset_f1", "onset_delay_s", "chroma",
                 "pitch_classes_on_top", "noise_db", "cross_correlation"):
        assert callable(getattr(measures, name))


# onsets


def test_onsets_in_time_score_one_and_late_ones_nothing():
    assert onset_f1(sung(LINE), RATE_HZ, LINE) == 1.0
    assert onset_f1(sung(LINE, late_s=0.12), RATE_HZ, LINE) == 0.0
    assert onset_f1(sung(LINE, late_s=0.12), RATE_HZ, LINE, window_s=0.2) == 1.0
    assert onset_f1(SILENCE, RATE_HZ, LINE) == 0.0


def test_a_missed_onset_costs_recall_and_an_added_one_precision():
    assert onset_f1(sung(LINE[:2] + LINE[3:]), RATE_HZ, LINE) == pytest.approx(10 / 11)
    assert onset_f1(sung(LINE), RATE_HZ, LINE[:2] + LINE[3:]) == pytest.approx(10 / 11)


def test_the_notes_of_a_chord_are_one_onset():
    strummed = [replace(note, start_s=note.start_s + 0.01 * (i % 3)) for i, note in enumerate(CHORDS)]
    np.testing.assert_allclose(onset_times(strummed), [0.3, 1.3, 2.3])
    assert onset_f1(sung(strummed), RATE_HZ, strummed) == 1.0


# pitch classes, chords


def test_chords_that_sound_are_on_top_in_any_octave_and_others_are_not():
    assert pitch_classes_on_top(sung(CHORDS), RATE_HZ, CHORDS) == 1.0
    assert pitch_classes_on_top(sung(CHORDS, cents=1_200.0), RATE_HZ, CHORDS) == 1.0
    assert pitch_classes_on_top(sung(CHORDS, cents=100.0), RATE_HZ, CHORDS) == 0.0
    assert pitch_classes_on_top(SILENCE, RATE_HZ, CHORDS) == 0.0


def test_one_chord_with_a_wrong_note_costs_its_share():
    wrong = [replace(note, pitch=note.pitch + 1) if i == 4 else note for i, note in enumerate(CHORDS)]
    assert pitch_classes_on_top(sung(wrong), RATE_HZ, CHORDS) == pytest.approx(2 / 3)


def test_chords_too_short_to_settle_do_not_count():
    assert pitch_classes_on_top(sung(CHORDS), RATE_HZ, [Note(0.3, 0.38, 60, 95)]) == 0.0
    longer = [*CHORDS, Note(3.35, 3.4, 61, 95)]
    assert pitch_classes_on_top(sung(CHORDS), RATE_HZ, longer) == 1.0


def test_chord_accuracy_is_the_share_of_pitches_both_wanted_and_heard():
    assert chord_accuracy(sung(CHORDS), RATE_HZ, CHORDS) > 0.98
    assert chord_accuracy(sung(CHORDS, cents=100.0), RATE_HZ, CHORDS) < 0.05
    wrong = [replace(note, pitch=note.pitch + 1) if i % 3 == 1 else note for i, note in enumerate(CHORDS)]
    assert chord_accuracy(sung(wrong), RATE_HZ, CHORDS) == pytest.approx(0.5, abs=0.05)  # 2 of 4
    assert chord_accuracy(SILENCE, RATE_HZ, CHORDS) == 0.0


def test_a_missing_note_costs_chord_accuracy():
    without = [note for i, note in enumerate(CHORDS) if i % 3 != 1]
    assert 0.45 < chord_accuracy(sung(without), RATE_HZ, CHORDS) < 0.7  # 2 of 3, or 2 of 4 where something else is heard


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_chord_recall_is_the_same_at_every_rate_and_leaves_out_what_is_too_low(rate_hz):
    for root in (36, 43, 45, 60):
        chord = [Note(0.3, 1.5, root + step, 95) for step in (0, 4, 7)]
        assert chord_recall(sung(chord, rate_hz=rate_hz), rate_hz, chord) == (root > 36)
        assert chord_recall(sung(chord, rate_hz=rate_hz, cents=100.0), rate_hz, chord) < 0.4


def test_chords_in_the_bass_and_at_the_top_are_heard():
    for root in (15, 20, 28, 100):
        chord = [Note(0.3, 1.3, root + step, 95) for step in (0, 4, 7)]
        assert 0.0 <= chord_accuracy(sung(chord), RATE_HZ, chord) <= 1.0


def test_multipitch_accuracy_is_that_of_mir_eval():
    import mir_eval

    rng = np.random.default_rng(1)
    wanted, heard = ([rng.choice(np.arange(60, 64), rng.integers(0, 4), replace=False) for _ in range(50)] for _ in "ab")
    times, hz = np.arange(50) / 10.0, ([440.0 * 2.0 ** ((row - 69) / 12.0) for row in rows] for rows in (wanted, heard))
    accuracy = mir_eval.multipitch.metrics(times, next(hz), times, next(hz))[2]
    assert multipitch_accuracy(wanted, heard) == pytest.approx(accuracy) and 0.1 < accuracy < 0.6
    assert multipitch_accuracy(wanted, [row[:0] for row in wanted]) == 0.0 == multipitch_accuracy([], [])


# noise


@pytest.mark.parametrize("below_db", [10.0, 20.0, 30.0])
@pytest.mark.parametrize("notes", [LINE, CHORDS], ids=["line", "chords"])
def test_noise_is_told_relative_to_the_whole(notes, below_db):
    audio = sung(notes, rate_hz=44_100)
    hiss = noise(len(audio)) * np.sqrt(np.mean(np.square(audio[20_000:30_000]))) / 0.1 * 10.0 ** (-below_db / 20.0)
    assert noise_db(audio + hiss, 44_100, notes) == pytest.approx(-below_db, abs=2.5)


def test_a_clean_tone_has_no_noise_and_other_notes_are_nothing_else():
    assert noise_db(sung(LINE), RATE_HZ, LINE) < -50.0
    assert noise_db(sung(LINE, cents=20.0), RATE_HZ, LINE) < -40.0
    assert noise_db(sung(LINE, cents=100.0), RATE_HZ, LINE) > -3.0
    assert noise_db(SILENCE, RATE_HZ, LINE) == 0.0
    assert noise_db(sung(LINE)[:10], RATE_HZ, LINE) == 0.0


# likeness


@pytest.mark.parametrize("late_s", [0.3, -0.2])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_take_is_like_its_own_echo_and_the_lag_is_found(late_s, rate_hz):
    audio, lag = sung(LINE, rate_hz=rate_hz), round(late_s * rate_hz)
    moved = np.pad(audio, (max(0, lag), 0))[max(0, -lag) :]
    peak, found_s = cross_correlation(moved, audio, rate_hz)
    assert peak > 0.95 and found_s == pytest.approx(late_s, abs=0.004)


def test_another_instrument_an_octave_away_is_still_alike():
    peak, lag_s = cross_correlation(sung(LINE, cents=-1_200.0, partials=7, rise_s=0.02), sung(LINE), RATE_HZ)
    assert peak > 0.8 and abs(lag_s) < 0.02


def test_another_melody_of_the_same_rhythm_is_not_alike():
    assert cross_correlation(sung(OTHER_LINE), sung(LINE), RATE_HZ)[0] < 0.3
    assert cross_correlation(noise(3 * RATE_HZ), sung(LINE), RATE_HZ)[0] < 0.3


def test_silence_is_like_nothing():
    assert cross_correlation(SILENCE, sung(LINE), RATE_HZ) == (0.0, 0.0)
    assert cross_correlation(sung(LINE), SILENCE, RATE_HZ) == (0.0, 0.0)
