"""Onsets, chroma and peaks of audio that is known."""

from __future__ import annotations

import numpy as np
import pytest

from livewave.hearing.spectra import chroma, chroma_hop, onsets, peaks, pitch_track
from livewave.music.score import Note
from tests.hearing.sung import LINE, RATE_HZ, noise, sung

SILENCE = np.zeros(RATE_HZ, np.float32)


@pytest.mark.parametrize("low", [36, 48, 60])
@pytest.mark.parametrize("span", [33, 45])
def test_a_pitch_is_tracked_in_any_compass(low, span):
    times, pitches = pitch_track(sung([Note(0.1, 0.5, 69, 95)], cents=20.0), RATE_HZ, low, low + span)
    inside = (times > 0.15) & (times < 0.45)
    np.testing.assert_allclose(pitches[inside], 69.2, atol=0.1)
    assert np.isnan(pitches[times > 0.6]).all()


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize("late_s", [0.0, 0.15])
def test_each_start_is_one_onset_where_it_sounds(rate_hz, late_s):
    found = onsets(sung(LINE, late_s=late_s, rate_hz=rate_hz), rate_hz)
    np.testing.assert_allclose(found, [note.start_s + late_s for note in LINE], atol=0.025)


def test_a_note_struck_again_is_two_onsets_and_a_held_one_is_one():
    again = [Note(0.3, 0.68, 67, 95), Note(0.7, 1.1, 67, 95)]
    np.testing.assert_allclose(onsets(sung(again), RATE_HZ), [0.3, 0.7], atol=0.025)
    np.testing.assert_allclose(onsets(sung([Note(0.3, 1.1, 67, 95)]), RATE_HZ), [0.3], atol=0.025)


def test_vibrato_is_no_onset():
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * 440.0 * time - 0.03 * 440.0 / 5.0 * np.cos(2 * np.pi * 5.0 * time)  # 5 Hz, 50 cents
    level = 0.2 * np.clip(np.minimum(time, time[-1] - time) / 0.05, 0.0, 1.0)
    assert len(onsets((level * np.sin(phase)).astype(np.float32), RATE_HZ)) == 1


def test_a_take_may_begin_with_its_first_note():
    assert onsets(sung([Note(0.0, 0.4, 67, 95)]), RATE_HZ) == pytest.approx([0.0], abs=0.02)


@pytest.mark.parametrize("audio", [SILENCE, SILENCE[:0], 1e-6 * noise(RATE_HZ)])
def test_silence_has_neither_onsets_nor_chroma_nor_peaks(audio):
    assert len(onsets(audio, RATE_HZ)) == 0
    assert not chroma(audio, RATE_HZ).any()
    assert [len(column) for column in peaks(audio, RATE_HZ, 0.01, 8, 50.0, 4_000.0)] == [0, 0, 0]


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("pitch", [40, 60, 71])
def test_the_strongest_pitch_class_is_the_one_that_sounds(rate_hz, pitch):
    seen = chroma(sung([Note(0.3, 1.3, pitch, 95)], rate_hz=rate_hz), rate_hz)
    assert seen.dtype == np.float32 and seen.shape[0] == 12 and np.isfinite(seen).all()
    times = np.arange(seen.shape[1]) * chroma_hop(rate_hz) / rate_hz
    assert abs(times[-1] - 1.8) < 0.02
    sounding = seen[:, (times > 0.5) & (times < 1.1)]
    assert (sounding.argmax(axis=0) == pitch % 12).all() and (sounding.max(axis=0) == 1.0).all()


def test_peaks_are_the_partials_at_their_frequencies_and_levels():
    times, hz, level_db = peaks(sung([Note(0.0, 1.0, 62, 95)], cents=30.0), RATE_HZ, 0.01, 8, 50.0, 4_000.0)
    inside = (times > 0.2) & (times < 0.8)
    for partial in (1, 2, 3, 4):
        wanted = partial * 440.0 * 2.0 ** ((62.3 - 69) / 12)
        near = inside & (np.abs(hz - wanted) < 5.0)
        assert near.sum() == len(np.unique(times[inside]))
        np.testing.assert_allclose(hz[near], wanted, atol=0.5)
        np.testing.assert_allclose(level_db[near], -20.0 * np.log10(partial), atol=0.7)
    assert (np.abs(hz[inside] / wanted * 4 - np.round(hz[inside] / wanted * 4)) < 0.02).all()  # and no others


def test_only_the_strongest_peaks_of_a_frame_are_kept_within_the_band():
    times, hz, _ = peaks(noise(RATE_HZ), RATE_HZ, 0.05, 3, 500.0, 2_000.0)
    assert np.unique(times, return_counts=True)[1].max() == 3
    assert 490.0 < hz.min() and hz.max() < 2_010.0


def test_what_lies_wholly_above_a_quarter_of_the_rate_has_no_pitch():
    times, pitches = pitch_track(np.zeros(4_000, np.float32), RATE_HZ, 124, 127)
    assert len(times) == len(pitches) == 16 and np.isnan(pitches).all()
    lower, _ = pitch_track(np.zeros(4_000, np.float32), RATE_HZ, 60, 72)
    np.testing.assert_array_equal(times, lower)
