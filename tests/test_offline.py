from __future__ import annotations

import wave

import numpy as np
import pretty_midi
import pytest

import livewave.offline
from livewave import LivewaveError
from livewave.config import Config, make_config
from livewave.offline import BLOCK_SAMPLES, RATE_HZ, TAIL_S, render_file
from livewave.render.voice import REST_FADE_S, REST_HOLD_S
from tests.toys import TINY, tiny_model_file

ONSET_MS = 4.0  # between a note's moment and its sound: half a column, 1.5 ms of resampler, 2 ms of attack
# with rests long enough for silence
NOTES = [(0.3003, 0.5, 60), (1.4009, 1.6, 67), (1.4009, 1.6, 72), (2.5601, 2.7, 30)]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(tiny_model_file(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def midi(tmp_path_factory) -> str:
    song = pretty_midi.PrettyMIDI(resolution=960)
    song.instruments.append(pretty_midi.Instrument(73))
    song.instruments[0].notes = [pretty_midi.Note(90, pitch, start, end) for start, end, pitch in NOTES]
    path = str(tmp_path_factory.mktemp("midi") / "song.mid")
    song.write(path)
    return path


def config(model: str, **fields: object) -> Config:
    audio = {key: fields.pop(key) for key in list(fields) if key in ("rate_hz", "gain_db")}
    return make_config({"model": {"name": model, **fields}, "audio": audio})


def rendered(midi: str, path, chosen: Config) -> bytes:
    render_file(midi, path, chosen, lambda done, total: None)
    return path.read_bytes()


def heard(path) -> tuple[np.ndarray, int]:
    """Samples -1..1 and their rate."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_767.0, file.getframerate()


def test_two_renderings_are_the_same_file(midi, model, tmp_path):
    first = rendered(midi, tmp_path / "a.wav", config(model))
    assert rendered(midi, tmp_path / "b.wav", config(model)) == first
    assert rendered(midi, tmp_path / "c.wav", config(model, seed=1)) != first
    assert rendered(midi, tmp_path / "d.wav", config(model, temperature=0.1)) != first


@pytest.mark.parametrize("block", [16, 80, 128, 2_048])
def test_sound_does_not_depend_on_the_block(midi, model, tmp_path, monkeypatch, block):
    rendered(midi, tmp_path / "a.wav", config(model, gain_db=-3.0))
    monkeypatch.setattr(livewave.offline, "BLOCK_SAMPLES", block)
    rendered(midi, tmp_path / "b.wav", config(model, gain_db=-3.0))
    (one, _), (other, _) = heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav")
    common = min(len(one), len(other))
    assert common >= 3.6 * RATE_HZ
    np.testing.assert_array_equal(one[:common], other[:common])


def test_a_note_is_heard_at_its_moment_and_not_before(midi, model, tmp_path):
    rendered(midi, tmp_path / "a.wav", config(model))
    audio, rate = heard(tmp_path / "a.wav")
    times = np.flatnonzero(np.abs(audio) > 0.02) / rate
    for start_s in sorted({start for start, _, _ in NOTES}):
        onset = times[times > start_s - REST_FADE_S / 2].min()
        assert 0.0 <= 1e3 * (onset - start_s) < ONSET_MS


def test_rests_and_the_tail_are_exact_silence(midi, model, tmp_path):
    rendered(midi, tmp_path / "a.wav", config(model))
    audio, rate = heard(tmp_path / "a.wav")
    silent_s = REST_HOLD_S + REST_FADE_S + 0.005
    for start_s, end_s in [(0.0, 0.3), (0.5 + silent_s, 1.4), (1.6 + silent_s, 2.56), (2.7 + silent_s, 3.69)]:
        assert not audio[round(start_s * rate) : round(end_s * rate)].any()


def test_the_file_is_as_long_as_the_song_and_its_tail(midi, model, tmp_path):
    seconds = render_file(midi, tmp_path / "a.wav", config(model), lambda done, total: None)
    audio, rate = heard(tmp_path / "a.wav")
    assert len(audio) / rate == pytest.approx(seconds, abs=1e-3)
    assert 0.0 <= seconds - (2.7 + TAIL_S) < BLOCK_SAMPLES / TINY.model_rate_hz + 0.002


def test_rate_and_gain_are_those_asked_for(midi, model, tmp_path):
    rendered(midi, tmp_path / "a.wav", config(model))
    rendered(midi, tmp_path / "b.wav", config(model, rate_hz=16_000, gain_db=-20.0))
    (loud, rate), (quiet, low_rate) = heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav")
    assert (rate, low_rate) == (RATE_HZ, 16_000)
    assert np.abs(quiet).max() < 0.11
    assert np.sqrt(np.mean(quiet**2)) == pytest.approx(0.1 * np.sqrt(np.mean(loud**2)), rel=0.2)


def test_progress_rises_to_the_end(midi, model, tmp_path):
    told = []
    render_file(midi, tmp_path / "a.wav", config(model), lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {told[-1][0]}


def test_a_pitch_outside_the_compass_sounds_like_its_octave_inside(model, tmp_path):
    takes = []
    for pitch in (36, 48, 50):
        song = pretty_midi.PrettyMIDI()
        song.instruments.append(pretty_midi.Instrument(0))
        song.instruments[0].notes = [pretty_midi.Note(90, pitch, 0.0, 0.2)]
        song.write(str(tmp_path / "song.mid"))
        takes.append(rendered(str(tmp_path / "song.mid"), tmp_path / "a.wav", config(model)))
    assert takes[0] == takes[1] != takes[2]


def test_bad_input_leaves_no_file(midi, model, tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"no song")
    for song, name in [(str(tmp_path / "bad.mid"), model), (midi, "no such model"), (midi, str(tmp_path / "bad.mid"))]:
        with pytest.raises(LivewaveError):
            render_file(song, tmp_path / "a.wav", config(name), lambda done, total: None)
        assert not (tmp_path / "a.wav").exists()
    with pytest.raises(LivewaveError, match="nowhere"):
        render_file(midi, tmp_path / "nowhere" / "a.wav", config(model), lambda done, total: None)


def test_a_disk_that_fills_up_is_an_error_and_not_a_short_file(midi, model, tmp_path, monkeypatch):
    class Cramped(livewave.offline.WavFile):
        def _append(self, frames: np.ndarray) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(livewave.offline, "WavFile", Cramped)
    with pytest.raises(LivewaveError, match="No space left"):
        render_file(midi, tmp_path / "a.wav", config(model), lambda done, total: None)
