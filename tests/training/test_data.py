"""Audio, roll and hint of a training piece belong together, and the roll is the one that the stage would make."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from livewave import LivewaveError
from livewave.control.events import Control, NoteOff, NoteOn
from livewave.link import Order
from livewave.music.compass import Compass
from livewave.music.roll import Roll
from livewave.music.score import read_score
from livewave.orders import Orders
from livewave.render.wavenet import WaveNetSpec, phase_steps
from training.data import (
    FULL_SCALE, Note, Piece, SoundFont, compose, events_of, level_gain, locked_hint, main, make_piece, roll_of,
)

SPEC = WaveNetSpec(hint="f0")
RATE_HZ, HELD = SPEC.model_rate_hz, SPEC.samples_per_column
FONT = str(Path(find_spec("pretty_midi").origin).with_name("TimGM6mb.sf2"))  # small, and comes with the package
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
    """How far the strongest partial within a tone of the fundamental lies from it."""
    size = 1 << 17
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    with np.errstate(divide="ignore"):
        pitches = 69.0 + 12.0 * np.log2(np.fft.rfftfreq(size, 1.0 / RATE_HZ) / 440.0)
    near = np.abs(pitches - pitch) < 2.0
    return 100.0 * float(pitches[near][spectrum[near].argmax()] - pitch)


# audio and roll


def test_a_note_has_the_pitch_that_its_row_of_the_roll_says(organ):
    pitches = (57, 64, 69, 81)
    piece = make_piece(SPEC, organ, events_of(a_line(*pitches)), 2.4)
    for i, pitch in enumerate(pitches):
        start_s, end_s = 0.2 + 0.5 * i, 0.5 + 0.5 * i
        assert piece.roll[round(1_000 * (start_s + 0.1))].nonzero()[0].tolist() == [pitch]
        assert abs(cents_off(between(piece.audio, start_s + 0.05, end_s), pitch)) < IN_TUNE_CENTS
        assert abs(cents_off(between(piece.audio, start_s + 0.05, end_s), pitch + 1)) > 100.0 - IN_TUNE_CENTS


def test_a_note_sounds_when_its_row_of_the_roll_begins(marimba):
    piece = make_piece(SPEC, marimba, events_of(a_line(60, 72, 84, 65)), 2.4)
    for begin in np.flatnonzero(np.diff(piece.roll.any(1).astype(int)) > 0) + 1:
        around = np.abs(piece.audio[(begin - 50) * HELD : (begin + 50) * HELD])
        onset_s = np.flatnonzero(around > 0.1 * around.max())[0] / RATE_HZ - 0.05
        assert 0.0 <= onset_s < ONSET_S


def test_a_note_fades_when_its_row_of_the_roll_ends(organ):
    piece = make_piece(SPEC, organ, events_of([Note(0.2, 0.7, 60, 95)]), 1.5)
    assert np.flatnonzero(piece.roll[:, 60])[[0, -1]].tolist() == [200, 699]
    assert rms(between(piece.audio, 1.2, 1.4)) < 0.05 * rms(between(piece.audio, 0.4, 0.69))


@pytest.mark.parametrize("seconds", [1.0, 1.0007, 1.00031, 0.9994, 1.23456])
def test_audio_has_a_whole_number_of_samples_for_every_column(marimba, seconds):
    piece = make_piece(SPEC, marimba, events_of([Note(0.1, 0.5, 60, 95)]), seconds)
    assert len(piece.audio) == len(piece.hint) == len(piece.roll) * HELD
    assert abs(len(piece.roll) - 1_000 * seconds) <= 0.5


def test_a_late_note_of_a_piece_of_any_length_is_as_well_aligned_as_the_first(marimba):
    piece = make_piece(SPEC, marimba, events_of([Note(0.1, 0.4, 60, 95), Note(9.1, 9.4, 72, 95)]), 10.0007)
    begin = np.flatnonzero(piece.roll[:, 72])[0]
    around = np.abs(piece.audio[(begin - 50) * HELD : (begin + 50) * HELD])
    assert 0.0 <= np.flatnonzero(around > 0.1 * around.max())[0] / RATE_HZ - 0.05 < ONSET_S
    assert np.flatnonzero(piece.hint.any(1))[-1] // HELD == np.flatnonzero(piece.roll.any(1))[-1]


def test_two_synthesisers_play_the_same_bits():
    takes = []
    for _ in range(2):
        font = SoundFont(FONT, PIANO)
        takes.append(font.play(events_of(a_line(60, 64)), 1.5, RATE_HZ))
        font.close()
    assert rms(takes[0]) > 1e-3
    np.testing.assert_array_equal(*takes)


def test_nothing_of_the_last_piece_rings_on(organ):
    organ.play([NoteOn(0.0, "a", 0, 60, 127)], 0.5, RATE_HZ)  # never let go
    assert np.abs(organ.play([], 0.5, RATE_HZ)).max() < 1e-3


def test_a_chord_at_the_level_gain_peaks_below_full_scale(organ):
    gain = level_gain(organ, 55, 80, RATE_HZ)
    chord = [Note(0.1, 1.2, pitch, 95) for pitch in (55, 59, 62)]
    assert 0.2 < np.abs(organ.play(events_of(chord), 1.5, RATE_HZ)).max() * gain < 0.81


@pytest.mark.parametrize("path, program", [("nowhere.sf2", 0), (__file__, 0), (FONT, 127 + 1)])
def test_a_soundfont_that_is_missing_or_none_is_named(path, program):
    with pytest.raises(LivewaveError, match=Path(path).name):
        SoundFont(path, program)


# the roll of a score is the stage's


def staged(events: list, columns: int, block: int) -> np.ndarray:
    """uint8 [columns, 128]: the roll as the stage makes it of the same events, received one after another."""
    orders, roll, waiting = Orders(Compass(), 0.0, 1.0), Roll(SPEC.roll_rate_hz), list(events)
    out = np.zeros((columns, 128), np.uint8)
    for first in range(0, columns, block):
        last = min(first + block, columns)
        while waiting and round(waiting[0].at_s * SPEC.roll_rate_hz) < last:
            for command in orders.translate(waiting.pop(0)):
                column = round(command.at_s * SPEC.roll_rate_hz)
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
    expected = roll_of(pedalled, 2.0, SPEC.roll_rate_hz)
    assert set(expected.any(0).nonzero()[0]) == {48, 60, 64, 67, 72}
    np.testing.assert_array_equal(staged(pedalled, 2_000, block), expected)


@pytest.mark.parametrize("seed", range(4))
def test_a_composed_piece_gives_the_roll_that_the_stage_would_hold(seed):
    events = events_of(compose(random.Random(seed), 55, 88, 15.0))
    np.testing.assert_array_equal(staged(events, 15_000, 16), roll_of(events, 15.0, SPEC.roll_rate_hz))


def test_the_pedal_holds_notes_in_the_roll_and_in_the_audio(organ):
    events = [Control(0.05, "a", 0, 64, 127), NoteOn(0.1, "a", 0, 60, 90), NoteOff(0.3, "a", 0, 60),
              Control(1.0, "a", 0, 64, 0)]
    piece = make_piece(SPEC, organ, events, 2.0)
    assert np.flatnonzero(piece.roll[:, 60])[[0, -1]].tolist() == [100, 999]
    assert rms(between(piece.audio, 0.7, 0.95)) > 0.8 * rms(between(piece.audio, 0.2, 0.3))
    assert rms(between(piece.audio, 1.7, 1.9)) < 0.1 * rms(between(piece.audio, 0.7, 0.95))


def test_a_note_that_two_instruments_hold_sounds_until_both_let_go(organ):
    events = [NoteOn(0.1, "a", 0, 60, 90), NoteOn(0.1, "a", 1, 60, 90), NoteOff(0.4, "a", 0, 60),
              NoteOff(1.2, "a", 1, 60)]
    piece = make_piece(SPEC, organ, events, 2.0)
    assert piece.roll[1_100, 60] and not piece.roll[1_300].any()
    assert rms(between(piece.audio, 0.9, 1.15)) > 0.5 * rms(between(piece.audio, 0.25, 0.38))


# the hint


@pytest.mark.parametrize("pitch", [48, 57, 69, 84, 96])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5, -2.0])
def test_the_hint_has_the_phase_of_the_audio(pitch, phase):
    """A sine of 0.3 s, of any phase: the hint's fundamental is that sine, its octave runs at twice its angle."""
    turns = phase_steps(SPEC)[pitch] / 2.0**32
    time, roll = np.arange(RATE_HZ), np.zeros((1_000, 128), np.uint8)
    roll[200:500, pitch] = 90
    sounding = slice(200 * HELD, 500 * HELD)
    on = np.repeat(roll[:, pitch] > 0, HELD)
    audio = (0.3 * on * np.cos(2 * np.pi * turns * time + phase)).astype(np.float32)
    hint = locked_hint(SPEC, audio, roll)
    angle = 2 * np.pi * turns * time + phase
    for column, expected in enumerate((np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle))):
        assert np.corrcoef(hint[sounding, column], expected[sounding])[0, 1] > 0.99
    assert not np.delete(hint, np.r_[sounding], axis=0).any()


def test_the_hint_follows_an_instrument(organ):
    """Its correlation with the fundamental of the audio is near 1; that of a plain oscillator could be anything."""
    pitches = (57, 64, 69, 76)
    piece = make_piece(SPEC, organ, events_of(a_line(*pitches)), 2.4)
    for i, pitch in enumerate(pitches):
        inside = slice(round((0.25 + 0.5 * i) * RATE_HZ), round((0.48 + 0.5 * i) * RATE_HZ))
        spectrum = np.fft.rfft(piece.audio[inside])
        hz = np.fft.rfftfreq(inside.stop - inside.start, 1.0 / RATE_HZ)
        f0 = 440.0 * 2.0 ** ((pitch - 69) / 12)
        spectrum[np.abs(hz - f0) > 0.3 * f0] = 0.0
        fundamental = np.fft.irfft(spectrum, inside.stop - inside.start)
        assert np.corrcoef(piece.hint[inside, 0], fundamental)[0, 1] > 0.95


def test_the_hint_of_a_chord_is_the_sum_of_its_notes():
    time, roll, audio = np.arange(RATE_HZ), np.zeros((1_000, 128), np.uint8), np.zeros(RATE_HZ)
    for pitch, phase in ((60, 0.5), (67, -1.0), (76, 2.0)):
        roll[:, pitch] = 90
        audio += np.cos(2 * np.pi * phase_steps(SPEC)[pitch] / 2.0**32 * time + phase)
    hint = locked_hint(SPEC, (0.2 * audio).astype(np.float32), roll)
    inside = slice(1_000, 15_000)
    assert np.corrcoef(hint[inside, 0], audio[inside])[0, 1] > 0.99


def test_the_hint_is_silent_with_the_roll_and_a_plain_oscillator_without_audio():
    roll = np.zeros((100, 128), np.uint8)
    assert not locked_hint(SPEC, np.ones(1_600, np.float32), roll).any()
    roll[10:, 69] = 1
    hint = locked_hint(SPEC, np.zeros(1_600, np.float32), roll)
    turns = phase_steps(SPEC)[69] / 2.0**32
    np.testing.assert_allclose(hint[160:, 0], np.cos(2 * np.pi * turns * np.arange(160, 1_600)), atol=1e-6)


def test_the_hint_leaves_out_what_the_rate_cannot_carry():
    spec = replace(SPEC, model_rate_hz=8_000)
    roll = np.zeros((100, 128), np.uint8)
    roll[:, 127] = 1
    assert not locked_hint(spec, np.zeros(800, np.float32), roll).any()


# pieces and compositions


def test_a_piece_comes_back_from_its_file(tmp_path, marimba):
    piece = make_piece(SPEC, marimba, events_of(a_line(60, 72)), 1.2)
    piece.save(tmp_path / "a.npz")
    loaded = Piece.load(tmp_path / "a.npz")
    assert loaded.audio.dtype == np.float32 and loaded.roll.dtype == np.uint8
    np.testing.assert_array_equal(loaded.roll, piece.roll)
    np.testing.assert_allclose(loaded.audio, piece.audio, atol=0.51 / FULL_SCALE)
    np.testing.assert_allclose(loaded.hint, piece.hint, atol=1e-3)
    np.testing.assert_allclose(loaded.audio * FULL_SCALE, np.round(loaded.audio * FULL_SCALE), rtol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_a_composition_stays_in_its_compass_and_in_its_time(seed):
    notes = compose(random.Random(seed), 55, 80, 20.0)
    assert len(notes) > 10
    assert notes == compose(random.Random(seed), 55, 80, 20.0)
    assert all(55 <= note.pitch <= 80 and 85 <= note.velocity <= 100 for note in notes)
    assert all(0.0 < note.start_s < note.end_s < 21.0 for note in notes)


@pytest.mark.parametrize("seed", range(6))
def test_a_composed_pitch_ends_before_it_begins_again(seed):
    last: dict[int, float] = {}
    for note in compose(random.Random(seed), 55, 80, 30.0, chords=0.8):
        assert note.start_s > last.get(note.pitch, -1.0)
        last[note.pitch] = note.end_s


def test_events_of_notes_are_in_order_and_end_before_they_begin():
    events = events_of([Note(0.0, 1.0, 60, 90), Note(1.0, 2.0, 60, 91)])
    assert [(type(event), event.at_s) for event in events] == [(NoteOn, 0.0), (NoteOff, 1.0), (NoteOn, 1.0),
                                                               (NoteOff, 2.0)]


def test_the_command_makes_pieces_from_a_folder_of_midi_files(tmp_path):
    for number, pitch in enumerate((60, 72)):
        song = pretty_midi.PrettyMIDI()
        song.instruments.append(pretty_midi.Instrument(0))
        song.instruments[0].notes = [pretty_midi.Note(90, pitch, 0.1, 0.317)]
        (tmp_path / "midi").mkdir(exist_ok=True)
        song.write(str(tmp_path / "midi" / f"{number}.mid"))
    main([str(tmp_path / "out"), "--soundfont", FONT, "--program", str(MARIMBA), "--low", "60", "--high", "72",
          "--midi", str(tmp_path / "midi")])
    pieces = [Piece.load(path) for path in sorted((tmp_path / "out").glob("*.npz"))]
    assert [piece.roll.any(0).nonzero()[0].tolist() for piece in pieces] == [[60], [72]]
    assert all(len(piece.audio) == len(piece.roll) * HELD for piece in pieces)
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about.items() >= {"soundfont": "TimGM6mb.sf2", "program": MARIMBA, "low": 60, "high": 72,
                             "pieces": 2}.items()
    assert max(np.abs(piece.audio).max() for piece in pieces) > 0.1
