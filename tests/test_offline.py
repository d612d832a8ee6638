from __future__ import annotations

import dataclasses
import socket
import wave

import mido
import numpy as np
import pretty_midi
import pytest

import livewave.offline
from exporters.stepgraph import build_model
from livewave import ConfigError, LivewaveError
from livewave.carry_on import CarriedOn, carry_on
from livewave.config import Config, load_config, make_config
from livewave.link import Link
from livewave.music.clock import ManualClock
from livewave.music.compass import Compass
from livewave.music.manner import Manner
from livewave.music.score import read_piece, read_score
from livewave.offline import BLOCK_SAMPLES, RATE_HZ, TAIL_S, render_file
from livewave.orders import Orders
from livewave.performer import Performer
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.render.voice import REST_FADE_S, REST_HOLD_S
from tests.music.toy_composer import ToyComposer
from tests.toys import TINY, tiny_model, tiny_model_file

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


def test_a_piece_may_be_played_to_a_moment_and_what_sounds_there_is_let_go(midi, model, tmp_path):
    rendered(midi, tmp_path / "a.wav", config(model))
    seconds = render_file(midi, tmp_path / "b.wav", config(model), lambda done, total: None, until_s=1.5)
    (whole, rate), (part, _) = heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav")
    assert len(part) / rate == pytest.approx(seconds, abs=1e-3) and 0.0 <= seconds - (1.5 + TAIL_S) < 0.04
    np.testing.assert_array_equal(part[: round(1.499 * rate)], whole[: round(1.499 * rate)])
    assert not part[round((1.5 + REST_HOLD_S + REST_FADE_S + 0.005) * rate) :].any()
    render_file(midi, tmp_path / "c.wav", config(model), lambda done, total: None, until_s=60.0)
    assert (tmp_path / "c.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_a_piece_cut_before_its_first_note_or_under_its_pedals_ends_in_silence(model, tmp_path):
    song = pretty_midi.PrettyMIDI()
    song.instruments.append(pretty_midi.Instrument(0))
    song.instruments[0].notes = [pretty_midi.Note(90, 60, 0.3, 0.5), pretty_midi.Note(90, 64, 2.5, 2.7)]
    song.instruments[0].control_changes = [pretty_midi.ControlChange(64, 127, 0.1), pretty_midi.ControlChange(66, 127, 0.4)]
    song.write(str(tmp_path / "song.mid"))
    for until_s in (0.05, 1.0):
        render_file(tmp_path / "song.mid", tmp_path / "a.wav", config(model), lambda done, total: None, until_s=until_s)
        audio, rate = heard(tmp_path / "a.wav")
        assert audio[: round(until_s * rate)].any() == (until_s > 0.3)
        assert not audio[round((until_s + REST_HOLD_S + REST_FADE_S + 0.005) * rate) :].any()


def carried_on(midi: str, otherwise: int | None = 64) -> CarriedOn:
    return carry_on(read_piece(midi), ToyComposer(otherwise), Manner(), 0, 1, lambda done, total: None)


def test_what_was_composed_follows_the_piece_which_sounds_as_it_did(midi, model, tmp_path):
    """The piece ends at 2.7 s, so the bar of 2 s begins at 4 s."""
    rendered(midi, tmp_path / "a.wav", config(model))
    seconds = render_file(midi, tmp_path / "b.wav", config(model), lambda done, total: None, carried=carried_on(midi))
    (piece, rate), (longer, _) = heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav")
    assert len(longer) / rate == pytest.approx(seconds, abs=1e-3) and 0.0 <= seconds - (6.0 + TAIL_S) < 0.04
    np.testing.assert_array_equal(longer[: len(piece)], piece)
    assert not longer[round(3.7 * rate) : round(3.999 * rate)].any()
    assert np.abs(longer[round(4.004 * rate) : round(4.1 * rate)]).max() > 0.02
    assert not longer[round((6.0 + REST_HOLD_S + REST_FADE_S + 0.005) * rate) :].any()


def test_a_key_that_hangs_sounds_until_what_follows_begins(model, tmp_path):
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(mido.MidiTrack([mido.Message("note_on", note=60, velocity=90),
                                       mido.Message("control_change", control=64, value=127, time=96),
                                       mido.Message("control_change", control=66, value=127, time=96)]))
    song.save(str(tmp_path / "song.mid"))
    silent = dataclasses.replace(carried_on(str(tmp_path / "song.mid")), notes=())
    render_file(tmp_path / "song.mid", tmp_path / "a.wav", config(model), lambda done, total: None, carried=silent)
    audio, rate = heard(tmp_path / "a.wav")
    assert len(audio) / rate >= 4.0 + TAIL_S
    assert audio[round(1.9 * rate) : round(1.999 * rate)].any()
    assert not audio[round((2.0 + REST_HOLD_S + REST_FADE_S + 0.005) * rate) :].any()


def test_two_renderings_of_what_was_composed_are_the_same_file(midi, model, tmp_path):
    takes = []
    for name in ("a.wav", "b.wav"):
        render_file(midi, tmp_path / name, config(model), lambda done, total: None, carried=carried_on(midi))
        takes.append((tmp_path / name).read_bytes())
    assert takes[0] == takes[1]


@pytest.fixture
def soft_model(tmp_path) -> str:
    """A net that says it was trained with soft rolls; it does not read how hard notes are struck."""
    provenance = {"data.low": "48", "data.high": "83", "training.soft_share": "0.5"}
    model = dataclasses.replace(tiny_model(hint="none"), provenance=provenance)
    path = tmp_path / "soft.onnx"
    path.write_bytes(build_model(model).SerializeToString())
    return str(path)


def coupled(midi: str, path, model: str, carried: CarriedOn) -> np.ndarray:
    render_file(midi, path, config(model, engine="native"), lambda done, total: None, carried=carried, coupled=True)
    return heard(path)[0]


def test_chances_that_are_certain_sound_like_the_notes(midi, soft_model, tmp_path):
    carried, chosen = carried_on(midi), config(soft_model, engine="native")
    render_file(midi, tmp_path / "a.wav", chosen, lambda done, total: None, carried=carried)
    np.testing.assert_array_equal(coupled(midi, tmp_path / "b.wav", soft_model, carried), heard(tmp_path / "a.wav")[0])


def test_notes_that_were_not_drawn_are_heard_as_likely_as_they_were(midi, soft_model, tmp_path):
    carried, never = carried_on(midi, otherwise=None), np.zeros((16, 78, 2), np.float32)
    assert not carried.notes
    silence = coupled(midi, tmp_path / "a.wav", soft_model, dataclasses.replace(carried, chances=never))
    likely = never.copy()
    likely[8:, 60 - 24, 0] = 0.3
    found = coupled(midi, tmp_path / "b.wav", soft_model, dataclasses.replace(carried, chances=likely))
    begin = round(5.0 * RATE_HZ)
    np.testing.assert_array_equal(found[: begin - 100], silence[: begin - 100])
    assert not silence[begin:].any() and np.abs(found[begin : begin + RATE_HZ // 2]).max() > 0.01


def test_a_net_without_soft_rolls_is_not_coupled(midi, model, tmp_path):
    with pytest.raises(ConfigError, match="tiny was not trained with soft rolls"):
        coupled(midi, tmp_path / "a.wav", model, carried_on(midi))
    assert not (tmp_path / "a.wav").exists()


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


def bent_midi(path) -> str:
    """NOTES with a wheel that moves during the first, and one that is turned before the second."""
    song = pretty_midi.PrettyMIDI(resolution=960)
    song.instruments.append(pretty_midi.Instrument(73))
    song.instruments[0].notes = [pretty_midi.Note(90, pitch, start, end) for start, end, pitch in NOTES]
    song.instruments[0].pitch_bends = [pretty_midi.PitchBend(64 * n, 0.35 + 0.001 * n) for n in range(100)]
    song.write(str(path))
    return str(path)


def test_pitch_bends_of_a_file_are_heard_whatever_the_block(midi, model, tmp_path, monkeypatch):
    song = bent_midi(tmp_path / "song.mid")
    plain = rendered(midi, tmp_path / "a.wav", config(model, rate_hz=16_000))
    bent = rendered(song, tmp_path / "b.wav", config(model, rate_hz=16_000))
    assert bent != plain
    (one, _), (other, _) = heard(tmp_path / "a.wav"), heard(tmp_path / "b.wav")
    np.testing.assert_array_equal(one[: round(0.34 * 16_000)], other[: round(0.34 * 16_000)])
    monkeypatch.setattr(livewave.offline, "BLOCK_SAMPLES", 48)
    rendered(song, tmp_path / "c.wav", config(model, rate_hz=16_000))
    again, _ = heard(tmp_path / "c.wav")
    common = min(len(again), len(other))
    np.testing.assert_array_equal(again[:common], other[:common])


def test_a_file_is_bent_as_a_player_is_who_does_the_same(model, tmp_path):
    """Its orders, sent over the link to a performer, make the same sound."""
    song = bent_midi(tmp_path / "song.mid")
    rendered(song, tmp_path / "a.wav", config(model, rate_hz=16_000))
    net, ends = load_model(model), socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here, there = (Link(end) for end in ends)
    orders = Orders(Compass.of(net.provenance), 0.0, 0.8)
    for event in read_score(song):
        here.send(orders.translate(dataclasses.replace(event, at_s=event.at_s + 5.0)))
    chosen = config(model)
    clock = ManualClock(5.0)
    performer = Performer(open_engine(chosen.model.engine, net), clock, 16_000, 64, chosen.model.seed,
                          chosen.model.temperature, chosen.audio.gain_db, lead_s=0.0)
    performer.sample_clock.observe(5.0, 0)
    for command in there.messages():
        performer.obey(command)
    blocks = [performer.step().copy() for _ in range(700) if not clock.advance(64 / 16_000)]
    expected, _ = heard(tmp_path / "a.wav")
    live = np.round(np.clip(np.concatenate(blocks), -1.0, 1.0) * 32_767.0) / 32_767.0
    np.testing.assert_allclose(live, expected[: len(live)], atol=1.01 / 32_767.0)


def test_a_model_without_the_hint_says_so_in_one_line_and_plays_unbent(midi, tmp_path, caplog):
    plain = str(tiny_model_file(tmp_path, hint="none"))
    unbent = rendered(midi, tmp_path / "a.wav", config(plain))
    assert not [record for record in caplog.records if "pitch bend" in record.message]
    assert rendered(bent_midi(tmp_path / "song.mid"), tmp_path / "b.wav", config(plain)) == unbent
    assert [record.message for record in caplog.records if "pitch bend" in record.message] == [
        "pitch bend is ignored: model tiny has no f0 hint to bend"]


# an ensemble


def ensemble(*voices: str, **fields: object) -> Config:
    return load_config(None, {"voice": list(voices), "model": fields})


def stereo(path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32_767.0


def test_the_stems_of_an_ensemble_add_up_to_what_is_heard(midi, model, tmp_path):
    voices = (f"{model}:pan=-1,gain=-9", f"{model}:pan=1,gain=-9,transpose=12", f"{model}:gain=-12,mute=1")
    rendered = render_file(midi, tmp_path / "all.wav", ensemble(*voices), lambda done, total: None, stems=tmp_path / "new" / "stems")
    mix = stereo(tmp_path / "all.wav")
    stems = [stereo(tmp_path / "new" / "stems" / f"{number}-tiny.wav") for number in (1, 2, 3)]
    assert len(mix) == len(stems[0]) == pytest.approx(rendered * RATE_HZ, abs=RATE_HZ // 20)
    np.testing.assert_allclose(sum(stems), mix, atol=3 / 32_767)
    assert not stems[0][:, 1].any() and not stems[1][:, 0].any() and not stems[2].any()
    assert np.abs(stems[0]).max() > 0.01 and np.abs(stems[1]).max() > 0.01


def test_a_voice_sounds_in_an_ensemble_as_it_does_alone(midi, model, tmp_path):
    render_file(midi, tmp_path / "a.wav", ensemble(f"{model}:pan=-1", f"{model}:pan=1"), lambda done, total: None)
    for seed, side in ((0, 0), (1, 1)):
        rendered(midi, tmp_path / "b.wav", config(model, seed=seed))
        alone, _ = heard(tmp_path / "b.wav")
        np.testing.assert_array_equal(stereo(tmp_path / "a.wav")[:, side], alone)


def test_the_channels_of_a_file_are_played_by_the_voices_that_hear_them(model, tmp_path):
    song = pretty_midi.PrettyMIDI()
    for pitch, start in ((60, 0.2), (67, 1.5)):
        song.instruments.append(pretty_midi.Instrument(0))
        song.instruments[-1].notes.append(pretty_midi.Note(90, pitch, start, start + 0.3))
    song.write(str(tmp_path / "two.mid"))
    channels = [message.channel for track in mido.MidiFile(tmp_path / "two.mid").tracks for message in track if message.type == "note_on"]
    voices = [f"{model}:pan={pan},channel={channel + 1}" for pan, channel in zip((-1, 1), dict.fromkeys(channels))]
    render_file(tmp_path / "two.mid", tmp_path / "two.wav", ensemble(*voices), lambda done, total: None)
    left, right = stereo(tmp_path / "two.wav").T
    assert np.flatnonzero(left)[0] / RATE_HZ == pytest.approx(0.2, abs=0.01)
    assert np.flatnonzero(right)[0] / RATE_HZ == pytest.approx(1.5, abs=0.01)


def test_stems_that_cannot_be_written_are_named(midi, model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LivewaveError, match="stems"):
        render_file(midi, tmp_path / "a.wav", ensemble(model), lambda done, total: None, stems=tmp_path / "file")
