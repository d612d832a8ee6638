"""A SoundFont plays what the roll shows, when it shows it, whatever it played before; the roll is the one of the
stage."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from livewave import LivewaveError
from livewave.control.events import Control, NoteOff, NoteOn
from livewave.hearing.soundfont import SoundFont, level_gain
from livewave.link import Order
from livewave.music.compass import Compass
from livewave.music.roll import Roll
from livewave.music.score import Note, events_of, read_score, roll_of
from livewave.orders import Orders
from tests.training.data.layouts import FONT
from training.data.composed import bend_curve, compose, two_hands
from training.data.recording import Rates
from training.data.rendered import Player, _played, render
from livewave.hearing.soundfont import SoundFont, level_gain

RATE_HZ, HELD = 16_000, 16
PIANO, ORGAN, MARIMBA = 0, 19, 12
ONSET_S = 0.010  # between a note's column and its sound: FluidSynth's 64 frames, and the attack of the sample
IN_TUNE_CENTS = 30.0


@pytest.fixture(scope="module")
def marimba():
    font = SoundFont(FONT, MARIMBA)
    yield font
    font.close()


@pytest.fixture(scope="module")
def organ():
    font = SoundFont(FONT, ORGAN)
    yield font
    font.close()


def a_line(*pitches: int, length_s: float = 0.3) -> list[Note]:
    return [Note(0.2 + 0.5 * i, 0.2 + 0.5 * i + length_s, pitch, 95) for i, pitch in enumerate(pitches)]


def rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def between(audio: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return audio[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def cents_off(audio: np.ndarray, pitch: int) -> float:
    """How far the strongest partial within two tones of the fundamental lies from it."""
    size = 1 << 17
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    with np.errstate(divide="ignore"):
        pitches = 69.0 + 12.0 * np.log2(np.fft.rfftfreq(size, 1.0 / RATE_HZ) / 440.0)
    near = np.abs(pitches - pitch) < 4.0
    return 100.0 * float(pitches[near][spectrum[near].argmax()] - pitch)


def test_a_note_has_the_pitch_that_its_row_of_the_roll_says(organ):
    pitches = (57, 64, 69, 81)
    audio, roll = organ.play(events_of(a_line(*pitches)), 2.4, RATE_HZ), roll_of(events_of(a_line(*pitches)), 2.4,
                                                                                 1_000)
    for i, pitch in enumerate(pitches):
        start_s, end_s = 0.2 + 0.5 * i, 0.5 + 0.5 * i
        assert roll[round(1_000 * (start_s + 0.1))].nonzero()[0].tolist() == [pitch]
        assert abs(cents_off(between(audio, start_s + 0.05, end_s), pitch)) < IN_TUNE_CENTS


@pytest.mark.parametrize("bent", [False, True])
def test_a_note_sounds_when_its_row_of_the_roll_begins(marimba, bent):
    notes = [*a_line(60, 72, 84, 65), Note(9.1, 9.4, 72, 95)]
    audio = marimba.play_bent([(n, lambda s: np.full(len(s), 0.5)) for n in notes], 10.0, RATE_HZ) if bent else \
        marimba.play(events_of(notes), 10.0, RATE_HZ)
    assert len(audio) == 10 * RATE_HZ
    for begin in (200, 700, 1_200, 1_700, 9_100):
        around = np.abs(audio[(begin - 50) * HELD : (begin + 50) * HELD])
        assert 0.0 <= np.flatnonzero(around > 0.1 * around.max())[0] / RATE_HZ - 0.05 < ONSET_S


def test_a_note_fades_when_its_row_of_the_roll_ends(organ):
    audio = organ.play(events_of([Note(0.2, 0.7, 60, 95)]), 1.5, RATE_HZ)
    assert rms(between(audio, 1.2, 1.4)) < 0.05 * rms(between(audio, 0.4, 0.69))


def test_a_piece_sounds_the_same_whatever_was_played_before(organ):
    alone = SoundFont(FONT, ORGAN)
    expected = alone.play(events_of(a_line(60, 64)), 1.5, RATE_HZ)
    alone.close()
    organ.play([NoteOn(0.0, "a", 0, 60, 127)], 0.5, RATE_HZ)  # never let go
    organ.play_bent([(Note(0.0, 0.1, 60, 127), lambda s: np.full(len(s), 2.0))], 0.31, RATE_HZ)  # never bent back
    assert rms(expected) > 1e-3
    np.testing.assert_array_equal(organ.play(events_of(a_line(60, 64)), 1.5, RATE_HZ), expected)
    assert np.abs(organ.play([], 0.5, RATE_HZ)).max() < 1e-3


@pytest.mark.parametrize("semitones", [-2.0, -0.37, 0.5, 1.5])
def test_a_bent_note_sounds_as_far_from_its_pitch_as_it_is_bent(organ, semitones):
    notes = [(Note(0.2, 0.9, 64, 95), lambda s: np.full(len(s), semitones)), (Note(1.0, 1.6, 64, 95), None)]
    audio = organ.play_bent(notes, 1.8, RATE_HZ)
    assert abs(cents_off(between(audio, 0.3, 0.85), 64) - 100.0 * semitones) < 10.0
    assert abs(cents_off(between(audio, 1.1, 1.55), 64)) < 10.0


def test_two_notes_at_once_are_bent_apart(organ):
    up, down = (lambda s: np.full(len(s), 1.0)), (lambda s: np.full(len(s), -1.0))
    audio = organ.play_bent([(Note(0.2, 1.2, 57, 95), up), (Note(0.2, 1.2, 64, 95), down)], 1.4, RATE_HZ)
    held = between(audio, 0.4, 1.1)
    assert abs(cents_off(held, 57) - 100.0) < 10.0
    assert abs(cents_off(held, 64) + 100.0) < 10.0


def test_a_chord_at_the_level_gain_peaks_below_full_scale(organ):
    gain = level_gain(organ, 55, 80, RATE_HZ)
    chord = [Note(0.1, 1.2, pitch, 95) for pitch in (55, 59, 62)]
    assert 0.2 < np.abs(organ.play(events_of(chord), 1.5, RATE_HZ)).max() * gain < 0.81


@pytest.mark.parametrize("path, program", [("nowhere.sf2", 0), (__file__, 0), (FONT, 127 + 1)])
def test_a_soundfont_that_is_missing_or_none_is_named(path, program):
    with pytest.raises(LivewaveError, match=Path(path).name):
        SoundFont(path, program)


@pytest.mark.parametrize("seconds", [1.0, 1.0007, 1.00031, 0.9994, 1.23456])
def test_a_rendered_piece_is_a_whole_number_of_columns_long(seconds):
    take = render(Player(FONT, MARIMBA, 1.0, 0.0, 1), [(Note(0.1, 0.5, 60, 95), None)], seconds, Rates(RATE_HZ, 1_000))
    assert len(take.audio) % HELD == 0 and abs(len(take.audio) / RATE_HZ - seconds) <= 0.5e-3


def test_bends_of_a_midi_file_are_heard_and_kept(tmp_path):
    song, line = pretty_midi.PrettyMIDI(resolution=960), pretty_midi.Instrument(0)
    line.notes = [pretty_midi.Note(95, 64, 0.2, 0.9), pretty_midi.Note(95, 62, 1.0, 1.6)]
    line.pitch_bends = [pretty_midi.PitchBend(4_096, 0.1), pretty_midi.PitchBend(0, 0.95)]  # half of two semitones
    song.instruments.append(line)
    song.write(str(tmp_path / "bent.mid"))
    take = _played(Player(FONT, ORGAN, 1.0, 0.0, 1), "bent", tmp_path / "bent.mid", Rates(RATE_HZ, 1_000))
    assert abs(cents_off(between(take.audio, 0.3, 0.85), 64) - 100.0) < 10.0
    assert abs(cents_off(between(take.audio, 1.1, 1.55), 62)) < 10.0
    np.testing.assert_allclose(take.bends[250:880, 64], 1.0, atol=1e-3)
    assert not take.bends[1_050:1_550, 62].any()


# the roll of a score is the stage's


def staged(events: list, columns: int, block: int) -> np.ndarray:
    """uint8 [columns, 128]: the roll as the stage makes it of the same events, received one after another."""
    orders, roll, waiting = Orders(Compass(), 0.0, 1.0), Roll(1_000), list(events)
    out = np.zeros((columns, 128), np.uint8)
    for first in range(0, columns, block):
        last = min(first + block, columns)
        while waiting and round(waiting[0].at_s * 1_000) < last:
            for command in orders.translate(waiting.pop(0)):
                column = round(command.at_s * 1_000)
                if command.order is Order.STRIKE:
                    roll.strike(column, command.pitch, command.velocity)
                elif command.order is Order.RELEASE:
                    roll.release(column, command.pitch)
        roll.columns(out[first:last])
    return out


@pytest.fixture
def pedalled(tmp_path) -> list:
    """A MIDI file with a pedal, notes that two instruments double, repeated and very short notes, chords, drums."""
    song = pretty_midi.PrettyMIDI(resolution=960)
    right, left, drums = pretty_midi.Instrument(0), pretty_midi.Instrument(0), pretty_midi.Instrument(0, is_drum=True)
    right.notes = [pretty_midi.Note(90, pitch, start, end) for pitch, start, end in [
        (60, 0.1, 0.3), (60, 0.3, 0.5), (64, 0.55, 0.56), (67, 0.6, 1.4), (67, 1.4, 1.6), (72, 1.0, 1.004),
        (60, 1.1, 1.2)]]
    left.notes = [pretty_midi.Note(70, pitch, start, end) for pitch, start, end in [
        (67, 0.6, 1.0), (67, 1.2, 1.9), (48, 0.2, 1.0)]]
    right.control_changes = [pretty_midi.ControlChange(64, value, at) for value, at in [
        (127, 0.5), (0, 0.9), (100, 1.05), (10, 1.7)]]
    drums.notes = [pretty_midi.Note(90, 36, 0.0, 0.1)]
    song.instruments = [right, left, drums]
    song.write(str(tmp_path / "song.mid"))
    return read_score(tmp_path / "song.mid")


@pytest.mark.parametrize("block", [1, 7, 64, 2_000])
def test_a_score_gives_the_roll_that_the_stage_would_hold(pedalled, block):
    expected = roll_of(pedalled, 2.0, 1_000)
    assert set(expected.any(0).nonzero()[0]) == {48, 60, 64, 67, 72}
    np.testing.assert_array_equal(staged(pedalled, 2_000, block), expected)


@pytest.mark.parametrize("seed", range(4))
def test_a_composed_piece_gives_the_roll_that_the_stage_would_hold(seed):
    events = events_of(compose(random.Random(seed), 55, 88, 15.0))
    np.testing.assert_array_equal(staged(events, 15_000, 16), roll_of(events, 15.0, 1_000))


def test_the_pedal_holds_notes_in_the_roll_and_in_the_audio(organ):
    events = [Control(0.05, "a", 0, 64, 127), NoteOn(0.1, "a", 0, 60, 90), NoteOff(0.3, "a", 0, 60),
              Control(1.0, "a", 0, 64, 0)]
    audio, roll = organ.play(events, 2.0, RATE_HZ), roll_of(events, 2.0, 1_000)
    assert np.flatnonzero(roll[:, 60])[[0, -1]].tolist() == [100, 999]
    assert rms(between(audio, 0.7, 0.95)) > 0.8 * rms(between(audio, 0.2, 0.3))
    assert rms(between(audio, 1.7, 1.9)) < 0.1 * rms(between(audio, 0.7, 0.95))


def test_a_note_that_two_instruments_hold_sounds_until_both_let_go(organ):
    events = [NoteOn(0.1, "a", 0, 60, 90), NoteOn(0.1, "a", 1, 60, 90), NoteOff(0.4, "a", 0, 60),
              NoteOff(1.2, "a", 1, 60)]
    audio, roll = organ.play(events, 2.0, RATE_HZ), roll_of(events, 2.0, 1_000)
    assert roll[1_100, 60] and not roll[1_300].any()
    assert rms(between(audio, 0.9, 1.15)) > 0.5 * rms(between(audio, 0.25, 0.38))


# compositions


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("write", [compose, two_hands])
def test_a_composition_stays_in_its_compass_its_velocities_and_its_time(seed, write):
    notes = write(random.Random(seed), 45, 80, 20.0)
    assert len(notes) > 10
    assert notes == write(random.Random(seed), 45, 80, 20.0)
    assert all(45 <= note.pitch <= 80 and 85 <= note.velocity <= 100 for note in notes)
    assert all(0.0 < note.start_s < note.end_s < 21.0 for note in notes)
    loud = write(random.Random(seed), 45, 80, 20.0, velocities=(1, 127))
    assert min(note.velocity for note in loud) < 40 and max(note.velocity for note in loud) > 100


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("write", [compose, two_hands])
def test_a_composed_pitch_ends_before_it_begins_again(seed, write):
    last: dict[int, float] = {}
    for note in write(random.Random(seed), 55, 80, 30.0, chords=0.8, restrikes=0.5):
        assert note.start_s > last.get(note.pitch, -1.0)
        last[note.pitch] = note.end_s


def test_two_hands_play_at_once():
    """The lowest and the highest note that sound are moved independently: more than an octave apart for much of the
    time."""
    def together(notes: list[Note]) -> float:
        roll = roll_of(events_of(notes), 30.0, 100) > 0
        return float(np.mean([len(on) and on[-1] - on[0] > 16 for on in map(np.flatnonzero, roll)]))

    assert together(two_hands(random.Random(3), 36, 84, 30.0, chords=0.2)) > 0.15
    assert together(compose(random.Random(3), 36, 84, 30.0, chords=0.2)) < 0.02


def test_restrikes_are_notes_struck_twice():
    def repeated(notes: list[Note]) -> float:
        return float(np.mean([a.pitch == b.pitch for a, b in zip(notes, notes[1:])]))

    assert repeated(compose(random.Random(3), 48, 84, 60.0, 0.0, restrikes=0.5)) > \
        repeated(compose(random.Random(3), 48, 84, 60.0, 0.0)) + 0.15


def test_bends_are_of_every_kind_and_stay_within_two_semitones():
    rng, at_s = random.Random(1), np.arange(0.0, 3.0, 0.01)
    curves = [bend_curve(rng)(at_s) for _ in range(60)]
    assert max(np.abs(curve).max() for curve in curves) <= 2.0
    assert all(np.abs(curve).max() > 0.0 for curve in curves)
    wiggling = [np.count_nonzero(np.diff(np.sign(np.diff(curve)))) > 6 for curve in curves]
    still = [np.ptp(curve) == 0.0 for curve in curves]
    assert 15 < sum(wiggling) < 45 and 1 <= sum(still) < 15
