"""The hint that is expanded for a crop is the hint of the whole piece, and has the phase of the audio."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.signal import fftconvolve

from livewave.render.wavenet import WaveNetSpec, advanced, bent_steps, hint_columns, phase_steps
from livewave.music.score import Note, events_of, roll_of
from tests.training.data import layouts
from training.data.composed import bend_curve, compose
from training.data.locked_hint import BEND_UNITS, HINT_PERIODS, Stretches, lock
from training.data.rendered import bends_of
from livewave.hearing.soundfont import SoundFont
from training.data.sparse_roll import changes_of_roll, dense, runs_of, stretches_of

SPEC = WaveNetSpec(hint="f0")
RATE_HZ, HELD = SPEC.model_rate_hz, SPEC.samples_per_column
ORGAN = 19


def locked(audio: np.ndarray, roll: np.ndarray, bends: np.ndarray | None = None, rate_hz: int = RATE_HZ) -> Stretches:
    stretches = stretches_of(runs_of(changes_of_roll(roll), len(roll)))
    if bends is not None:
        bends = np.concatenate([np.round(BEND_UNITS * bends[first:last, pitch]).astype(np.int16) for pitch, first,
                                last in stretches])
    return lock(audio, rate_hz, rate_hz * len(roll) // len(audio), stretches, bends)


def defined(audio: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """The hint by its definition: every stretch demodulated at every sample, nothing kept and expanded."""
    hint, steps = np.zeros((len(audio), 4)), phase_steps(SPEC)
    for pitch in np.flatnonzero(roll.any(0)):
        turns = float(steps[pitch]) / 2.0**32
        window = np.hanning(int(HINT_PERIODS / turns) | 1)
        edges = np.flatnonzero(np.diff(roll[:, pitch] > 0, prepend=False, append=False)) * HELD
        for start, stop in edges.reshape(-1, 2):
            angle = 2.0 * np.pi * turns * np.arange(start, stop)
            drift = fftconvolve(audio[start:stop] * np.exp(-1j * angle), window, "same")
            angle += np.where(np.abs(drift) > 1e-6, np.angle(drift), 0.0)
            hint[start:stop] += np.stack((np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)), 1)
    return hint


@pytest.fixture(scope="module")
def played() -> tuple[np.ndarray, np.ndarray]:
    """Ten seconds of lines and chords, and their roll."""
    events = events_of(compose(random.Random(3), 55, 80, 10.0, chords=0.4))
    return SoundFont(layouts.FONT, ORGAN).play(events, 10.0, RATE_HZ), roll_of(events, 10.0, 1_000)


@pytest.fixture(scope="module")
def bent() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight seconds of notes that are all bent: audio, roll, bends."""
    rng = random.Random(4)
    notes = [Note(0.2 + 0.8 * i, 0.9 + 0.8 * i, pitch, 95) for i,
             pitch in enumerate((57, 57, 64, 69, 81, 62, 57, 74, 60))]
    score = [(note, bend_curve(rng)) for note in notes]
    audio = SoundFont(layouts.FONT, ORGAN).play_bent(score, 8.0, RATE_HZ)
    return audio, roll_of(events_of(notes), 8.0, 1_000), bends_of(score, 8_000, 1_000)


def test_the_hint_is_what_it_is_defined_to_be(played):
    """Between two columns the angle goes the short way; only where it spins faster than that may both differ."""
    found, expected = locked(*played).hint(0, len(played[0])), defined(*played)
    assert np.quantile(np.abs(found - expected), 0.95) < 0.05
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("which", ["played", "bent"])
@pytest.mark.parametrize("size", [1, 7, 16, 1_000, 4_111])
def test_crops_of_the_hint_are_the_hint_of_the_whole_piece(which, size, request):
    audio, roll, *bends = request.getfixturevalue(which)
    stretches = locked(audio, roll, *bends)
    whole, rng = stretches.hint(0, len(audio)), random.Random(size)
    for _ in range(30):
        start = rng.randint(0, len(audio) - size)
        np.testing.assert_allclose(stretches.hint(start, start + size), whole[start : start + size], atol=1e-5)


@pytest.mark.parametrize("pitch", [48, 57, 69, 84, 96])
@pytest.mark.parametrize("phase", [0.0, 2.5, -2.0])
def test_the_hint_has_the_phase_of_the_audio(pitch, phase):
    """A sine of 0.3 s, of any phase: the hint's fundamental is that sine, its octave runs at twice its angle."""
    turns = phase_steps(SPEC)[pitch] / 2.0**32
    time, roll = np.arange(RATE_HZ), np.zeros((1_000, 128), np.uint8)
    roll[200:500, pitch] = 90
    sounding = slice(200 * HELD, 500 * HELD)
    angle = 2 * np.pi * turns * time + phase
    audio = (0.3 * np.repeat(roll[:, pitch] > 0, HELD) * np.cos(angle)).astype(np.float32)
    hint = locked(audio, roll).hint(0, RATE_HZ)
    for column, expected in enumerate((np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle))):
        assert np.corrcoef(hint[sounding, column], expected[sounding])[0, 1] > 0.99
    assert not np.delete(hint, np.r_[sounding], axis=0).any()


def wandering(stretches: Stretches) -> float:
    """How much the audio's phase moves against the oscillator's from column to column, where notes have settled: turns,
    squared."""
    offsets = np.cumsum([0, *(last - first + 1 for _, first, last in stretches.stretches)])
    moves = [np.diff(stretches.drift[begin + 60 : end - 20]).view(np.int16) / 65_536 for begin,
             end in zip(offsets, offsets[1:])]
    return float(np.sqrt(np.mean(np.square(np.concatenate(moves)))))


def test_the_hint_of_a_bent_note_follows_its_bend(bent):
    """It goes with the fundamental of the sound; locked to the unbent pitch it would lag behind it, or spin."""
    audio, roll, bends = bent
    hint = locked(audio, roll, bends).hint(0, len(audio))
    assert wandering(locked(audio, roll, bends)) < 0.5 * wandering(locked(audio, roll, 0.0 * bends))
    for i, pitch in enumerate((57, 57, 64, 69, 81, 62, 57, 74)):
        inside = slice(round((0.3 + 0.8 * i) * RATE_HZ), round((0.85 + 0.8 * i) * RATE_HZ))
        spectrum = np.fft.rfft(audio[inside])
        hz = np.fft.rfftfreq(inside.stop - inside.start, 1.0 / RATE_HZ)
        f0 = 440.0 * 2.0 ** ((pitch - 69) / 12)
        spectrum[np.abs(hz - f0) > 0.35 * f0] = 0.0
        assert np.corrcoef(hint[inside, 0], np.fft.irfft(spectrum, inside.stop - inside.start))[0, 1] > 0.95, i
    assert np.abs(bends).max() > 0.5


def test_the_phase_of_bent_notes_without_sound_is_that_of_the_stage(bent):
    """Silence has no phase to lock to: what is left is the accumulator, the sum of the steps of the samples before."""
    _, roll, bends = bent
    stretches = locked(np.zeros(8_000 * HELD, np.float32), roll, bends)
    kept = np.where(roll > 0, np.round(bends * BEND_UNITS) / BEND_UNITS, 0.0).astype(np.float32)
    np.testing.assert_array_equal(stretches.bent(0, 8_000), kept)
    steps = np.repeat(bent_steps(SPEC, kept)[:, 57].astype(np.uint64), HELD)
    phase = (np.cumsum(steps) - steps) % 2**32 / 2.0**32
    alone = locked(np.zeros(8_000 * HELD, np.float32), np.where(np.arange(128) == 57, roll, 0),
                   np.where(np.arange(128) == 57, bends, 0.0))
    sounding = np.repeat(roll[:, 57] > 0, HELD)
    assert kept[roll[:, 57] > 0, 57].any()
    np.testing.assert_allclose(alone.hint(0, len(phase))[:, 0], np.cos(2 * np.pi * phase) * sounding, atol=1e-5)


def test_the_hint_is_silent_with_the_roll_and_a_plain_oscillator_without_audio():
    roll = np.zeros((100, 128), np.uint8)
    assert not locked(np.ones(1_600, np.float32), roll).hint(0, 1_600).any()
    roll[10:, 69] = 1
    turns = phase_steps(SPEC)[69] / 2.0**32
    hint = locked(np.zeros(1_600, np.float32), roll).hint(0, 1_600)
    np.testing.assert_allclose(hint[160:, 0], np.cos(2 * np.pi * turns * np.arange(160, 1_600)), atol=1e-5)


def test_the_hint_leaves_out_what_the_rate_cannot_carry():
    roll = np.zeros((100, 128), np.uint8)
    roll[:, 127] = 1
    assert not locked(np.ones(800, np.float32), roll, rate_hz=8_000).hint(0, 800).any()
    roll = np.roll(roll, -12, 1)  # 6272 Hz: the fundamental fits into 16 kHz, its octave does not
    hint = locked(np.ones(1_600, np.float32), roll).hint(0, 1_600)
    assert hint[:, :2].any() and not hint[:, 2:].any()


# rolls as changes


@pytest.mark.parametrize("seed", range(4))
def test_a_roll_comes_back_from_its_changes(seed):
    roll = roll_of(events_of(compose(random.Random(seed), 40, 80, 8.0, chords=0.8)), 8.0, 1_000)
    roll[100:200, 50], roll[200:300, 50], roll[-1, 90], roll[0, 91] = 60, 80, 5, 6  # velocities that touch; ends
    runs = runs_of(changes_of_roll(roll), len(roll))
    for first, last in ((0, 8_000), (0, 1), (7_999, 8_000), (150, 250), (3_000, 3_001)):
        np.testing.assert_array_equal(dense(runs, first, last), roll[first:last])
    stretches = stretches_of(runs)
    assert [50, 100, 300] in stretches.tolist()
    assert (stretches[:, 2] - stretches[:, 1]).sum() == (roll > 0).sum()


def test_a_roll_longer_than_what_is_looked_at_at_once_comes_back(monkeypatch):
    roll = roll_of(events_of(compose(random.Random(1), 40, 80, 8.0)), 8.0, 1_000)
    whole = changes_of_roll(roll)
    monkeypatch.setattr("training.data.sparse_roll.CHUNK_COLUMNS", 333)
    np.testing.assert_array_equal(changes_of_roll(roll), whole)


def test_an_empty_roll_has_no_runs():
    assert runs_of(changes_of_roll(np.zeros((10, 128), np.uint8)), 10).shape == (0, 4)


@pytest.mark.parametrize("which", ["played", "bent"])
def test_oscillators_with_the_locked_steps_are_the_locked_hint(which, request):
    audio, roll, *bends = request.getfixturevalue(which)
    found = locked(audio, roll, *bends)
    steps, phases, hint = found.locked_steps(len(roll)), np.zeros(128, np.uint32), []
    for column, step in zip(roll, steps):
        hint.append(hint_columns(column > 0, phases, step, HELD))
        phases = advanced(phases, step, HELD)
    assert np.abs(np.concatenate(hint) - found.hint(0, len(audio))).max() < 2e-3
