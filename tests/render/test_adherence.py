from __future__ import annotations

import math

import numpy as np
import pytest

from livewave.render.adherence import WINDOW_SAMPLES, Adherence
from livewave.render.bands import BANDS
from tests.render.test_bands import band_of

RATE_HZ, BLOCK = 16_000, 32


def tone(pitch: float, seconds: float = 0.5, partials: int = 5, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    f0 = 440.0 * 2.0 ** ((pitch - 69) / 12)
    return (level * sum(np.sin(2 * np.pi * f0 * n * time) / n for n in range(1, partials + 1))).astype(np.float32)


def heard(sound: np.ndarray, *pitches: int) -> Adherence:
    meter, roll = Adherence(RATE_HZ), np.zeros((2, 128), np.uint8)
    roll[:, list(pitches)] = 90
    for first in range(0, len(sound) - BLOCK + 1, BLOCK):
        meter.hear(sound[first : first + BLOCK], roll)
    return meter


@pytest.mark.parametrize("pitch", [36, 48, 60, 76, 96])
def test_a_tone_that_is_the_held_note_adheres_and_one_that_is_another_does_not(pitch):
    assert heard(tone(pitch, partials=3), pitch).measure() > 0.95
    assert heard(tone(pitch + 6, partials=3), pitch).measure() < 0.35


def test_a_chord_adheres_to_its_notes():
    chord = sum(tone(pitch) for pitch in (60, 64, 67))
    assert heard(chord, 60, 64, 67).measure() > 0.95


@pytest.mark.parametrize("pitches", [(60,), (48, 52, 55, 60, 64)])
def test_noise_adheres_to_nothing_however_many_notes_are_held(pitches):
    noise = np.random.default_rng(1).normal(0.0, 0.2, RATE_HZ // 2).astype(np.float32)
    assert heard(noise, *pitches).measure() < 0.1


def test_an_offset_is_told_and_does_not_adhere():
    meter = heard(np.full(RATE_HZ // 2, 0.5, np.float32), 60)
    assert meter.offset == pytest.approx(0.5) and meter.measure() < 0.1


def test_it_says_nothing_of_rests_of_silence_and_of_notes_that_have_just_changed():
    assert math.isnan(heard(tone(60)).measure())
    assert math.isnan(heard(0.001 * tone(60), 60).measure())
    meter, roll = heard(tone(60), 60), np.zeros((2, 128), np.uint8)
    roll[:, [60, 64]] = 90
    meter.hear(tone(60)[:BLOCK], roll)
    assert math.isnan(meter.measure())


def test_it_knows_how_long_these_notes_have_been_held_and_since_when_one_was_struck():
    sound = tone(60, 0.4)
    meter, roll = heard(sound, 60), np.zeros((1, 128), np.uint8)
    assert meter.sounding_s == pytest.approx(0.4, abs=0.003) and meter.struck_s == meter.sounding_s
    both, one = roll.copy(), roll.copy()
    both[:, [60, 64]], one[:, 64] = 90, 90
    meter.hear(sound[:BLOCK], both)
    assert meter.sounding_s == meter.struck_s == 0.0
    meter.hear(sound[:BLOCK], one)
    assert meter.sounding_s == 0.0 and meter.struck_s > 0.0
    meter.hear(sound[:BLOCK], roll)
    assert meter.sounding_s == 0.0


def test_a_spectrum_is_of_the_newest_samples_and_silence_has_none():
    meter = heard(tone(69, partials=1, level=0.5))
    levels = np.frombuffer(meter.spectrum(), np.uint8)
    assert np.argmax(levels) == band_of(440.0)
    meter.hear(np.zeros(WINDOW_SAMPLES, np.float32), np.zeros((1, 128), np.uint8))
    assert meter.spectrum() == bytes(BANDS)


def test_the_window_holds_the_newest_samples_whatever_the_blocks():
    sound = np.concatenate((tone(64, 0.3), tone(60, WINDOW_SAMPLES / RATE_HZ)))
    meter, roll = Adherence(RATE_HZ), np.zeros((1, 128), np.uint8)
    roll[:, 60] = 90
    place = 0
    for size in [100, 512, 7, 333] * 100:
        if place + size > len(sound):
            break
        meter.hear(sound[place : place + size], roll)
        place += size
    meter.hear(sound[place:], roll)
    assert meter.measure() > 0.9
