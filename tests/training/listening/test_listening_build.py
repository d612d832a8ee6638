"""What goes into a page: comparable clips under blind names, or an error that says what to mend."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile

from livewave import LivewaveError
from livewave.config import make_config
from livewave.offline import render_file
from tests.toys import tiny_model_file
from tests.training.listening.listeners import STEMS, SYSTEMS, built, design_of, record, tone
from training.listening.__main__ import main
from training.listening.build import FOLLOWS, NATURAL
from training.listening.clips import CEILING, low_anchor, make_clips
from training.listening.loudness import RATE_HZ, loudness_lufs
from training.listening.page import MELODY
from training.listening.systems import render, tones


def sounds_of(page: Path) -> dict[str, np.ndarray]:
    """Clip name to samples, decoded from the page; every one is at 48 kHz."""
    found = re.findall(r'data-clip="(\w+)">([^<]+)</script>', page.read_text())
    files = {name: soundfile.read(io.BytesIO(base64.b64decode(text))) for name, text in found}
    assert {rate_hz for _, rate_hz in files.values()} <= {RATE_HZ}
    return {name: audio for name, (audio, _) in files.items()}


def write_score(path: Path, pitches: tuple[int, ...] = (60, 64, 67), note_s: float = 0.2) -> Path:
    score, part = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(73)
    part.notes = [pretty_midi.Note(95, pitch, note_s * at, note_s * (at + 1)) for at, pitch in enumerate(pitches)]
    score.instruments.append(part)
    path.parent.mkdir(exist_ok=True)
    score.write(str(path))
    return path


# blind


def test_no_name_of_a_system_or_stimulus_is_in_the_page_and_the_key_has_them_all(tmp_path):
    page, key = built(tmp_path, "--reference", SYSTEMS[0], "--anchor", "--seed", "2")
    text = re.sub(r'(data-clip="\w+">)[^<]+', r"\1", page.read_text())  # without the sound: chance may spell a name
    assert len(text) > 10_000
    for name in (*SYSTEMS, *STEMS, "3.5 kHz", str(tmp_path)):
        assert name.lower() not in text.lower(), name
    named = {(clip["system"], clip["stimulus"]) for clip in key["clips"].values()}
    assert named >= set(itertools.product(SYSTEMS, STEMS))
    in_order = [key["clips"][clip]["system"] for clip in sorted(key["clips"])]
    changes = sum(a != b for a, b in itertools.pairwise(in_order))
    assert changes > len(SYSTEMS)  # with the anchor that many, if numbers went from system to system
    assert set(sounds_of(page)) == set(key["clips"]) and key["page"] == design_of(page)["page"]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_flac_says_nothing_of_the_file_it_was(tmp_path):
    page, key = built(tmp_path, "--folder")
    files = sorted((tmp_path / "test_sound").iterdir())
    assert [path.stem for path in files] == sorted(key["clips"]) and not sounds_of(page)
    for path in files:
        assert not any(name.encode() in path.read_bytes() for name in (*SYSTEMS, *STEMS))


def test_a_seed_decides_the_names_and_without_one_they_differ(tmp_path):
    pages = []
    for number, options in enumerate(((), (), ("--seed", "5"), ("--seed", "5"), ("--seed", "6"))):
        (tmp_path / str(number)).mkdir()
        pages.append(built(tmp_path / str(number), *options)[0].read_bytes())
    assert pages[2] == pages[3] and len(set(pages)) == 4


def test_a_text_that_names_a_system_is_refused(tmp_path, capsys):
    options = record(tmp_path)
    assert main(["build", str(tmp_path / "t.html"), *options, "--pair", "Is it Birchwood?"]) == 1
    assert "--pair names the system 'birchwood'" in capsys.readouterr().err
    assert main(["build", str(tmp_path / "t.html"), *options, "--pair", "Is it </script> & <b>birchwooden</b>?"]) == 0
    assert design_of(tmp_path / "t.html")["questions"]["pair"][0]["text"] == "Is it </script> & <b>birchwooden</b>?"


# comparable


def test_loudness_of_the_tone_of_the_standard():
    """997 Hz at full scale in one channel is -3.01 LUFS; the relative gate leaves a quiet second half out."""
    sine = np.sin(2 * np.pi * 997 * np.arange(4 * RATE_HZ) / RATE_HZ)
    assert loudness_lufs(sine) == pytest.approx(-3.01, abs=0.02)
    assert loudness_lufs(np.concatenate([sine, 0.01 * sine])) == pytest.approx(-3.01, abs=0.4)
    assert loudness_lufs(0 * sine) == -np.inf and np.isfinite(loudness_lufs(sine[:2400]))


def test_clips_are_equally_loud_equally_long_and_below_full_scale():
    rng = np.random.default_rng(0)
    click = np.zeros(2 * RATE_HZ)
    click[::4800] = 1.0  # a high peak for its loudness decides for all
    sounds = {("a", "x"): tone(2.0) * 0.1, ("b", "x"): rng.normal(0.0, 0.1, 3 * RATE_HZ),
              ("a", "y"): click, ("b", "y"): tone(5.0)}
    clips, level = make_clips({pair: audio.astype(np.float32) for pair, audio in sounds.items()}, 2.5)
    assert level < -23.0
    assert [loudness_lufs(clip.audio) for clip in clips] == pytest.approx([level] * 4, abs=0.1)
    assert max(np.abs(clip.audio).max() for clip in clips) == pytest.approx(CEILING, rel=1e-4)
    assert [len(clip.audio) / RATE_HZ for clip in clips] == [2.0] * 4
    assert abs(clips[1].audio[-1]) < 1e-6 < abs(clips[1].audio[-2000:-1000]).max()  # cut, and faded out


def test_the_shortest_clip_is_faded_as_the_others_are():
    sounds = {("short", "x"): np.full(RATE_HZ, 0.1, np.float32), ("long", "x"): np.full(2 * RATE_HZ, 0.1, np.float32)}
    short, long = (clip.audio for clip in make_clips(sounds, 2.5)[0])
    np.testing.assert_array_equal(short, long)
    assert abs(short[-1]) < 1e-6 < short[-RATE_HZ // 10]


def test_recordings_of_other_rates_and_channels_become_alike(tmp_path):
    options = record(tmp_path, seconds=0.5)
    soundfile.write(tmp_path / SYSTEMS[0] / "gavotte.wav", np.stack([tone(0.5), tone(0.5)], 1), 48_000)
    assert main(["build", str(tmp_path / "t.html"), *options]) == 0
    sounds = sounds_of(tmp_path / "t.html")
    assert {len(audio) for audio in sounds.values()} == {24_000}
    for audio in sounds.values():
        peak_hz = np.abs(np.fft.rfft(audio)).argmax() * RATE_HZ / len(audio)
        assert min(abs(peak_hz - 220.0), abs(peak_hz - 440.0)) < 3.0


def test_the_anchor_ends_at_3500_hz():
    time = np.arange(RATE_HZ) / RATE_HZ
    level = {hz: np.abs(low_anchor(np.sin(2 * np.pi * hz * time))[5_000:-5_000]).max()
             for hz in (100, 3_400, 4_000, 8_000)}
    assert level[100] == pytest.approx(1.0, abs=0.01) and level[3_400] == pytest.approx(1.0, abs=0.01)
    assert level[4_000] < 0.01 and level[8_000] < 0.01


# models, melodies


def test_a_model_plays_the_midi_and_the_melody_is_there_to_hear(tmp_path):
    model = tiny_model_file(tmp_path)
    for stem in STEMS:
        write_score(tmp_path / "midi" / f"{stem}.mid", note_s=1.0)
    options = record(tmp_path, SYSTEMS[:1], seconds=1.5)
    assert main(["build", str(tmp_path / "t.html"), *options, "--system", f"played={model}",
                 "--midi", str(tmp_path / "midi"), "--melody", str(tmp_path / "midi"),
                 "--seconds", "1", "--temperature", "1.5"]) == 0
    key, test = json.loads((tmp_path / "t.key.json").read_text()), design_of(tmp_path / "t.html")
    assert {clip["system"] for clip in key["clips"].values()} == {SYSTEMS[0], "played", MELODY}
    assert all(key["clips"][pair["melody"]]["system"] == MELODY for pair in test["pairs"])
    assert [question["text"] for question in test["questions"]["pair"]] == [NATURAL, FOLLOWS]
    assert {len(audio) for audio in sounds_of(tmp_path / "t.html").values()} == {RATE_HZ}


def test_a_model_plays_what_the_file_says_bend_range_and_channels_included(tmp_path):
    """Controllers of one moment come in their order: RPN 0 is chosen, then set."""
    song, config = mido.MidiFile(ticks_per_beat=480), make_config({"model": {"name": str(tiny_model_file(tmp_path))}})
    parameter = [mido.Message("control_change", channel=3, control=control, value=value)
                 for control, value in ((101, 0), (100, 0), (6, 12))]
    song.tracks.append(mido.MidiTrack([
        *parameter, mido.Message("pitchwheel", channel=3, pitch=8_191),
        mido.Message("note_on", channel=3, note=60, velocity=90), mido.Message("note_off", channel=3, note=60, time=960)]))
    song.save(str(tmp_path / "song.mid"))
    (tmp_path / "takes").mkdir()
    take = render(tmp_path / "song.mid", tmp_path / "takes", config, 10.0, lambda share: None)
    render_file(tmp_path / "song.mid", tmp_path / "whole.wav", config, lambda done, total: None)
    assert take.read_bytes() == (tmp_path / "whole.wav").read_bytes()


def test_a_model_that_has_nothing_to_play_so_soon_is_an_error(tmp_path):
    config, midi = make_config({"model": {"name": str(tiny_model_file(tmp_path))}}), tmp_path / "a" / "late.mid"
    write_score(midi, (60,), note_s=0.2)
    late = pretty_midi.PrettyMIDI(str(midi))
    late.adjust_times([0.0, 0.2], [5.0, 5.2])
    late.write(str(midi))
    for play in (lambda: render(midi, tmp_path, config, 2.0, lambda share: None), lambda: tones(midi, 2.0)):
        with pytest.raises(LivewaveError, match="has no note in its first 2 s"):
            play()


def test_the_melody_has_the_pitches_of_its_notes(tmp_path):
    audio = tones(write_score(tmp_path / "midi" / "a.mid", (69, 81)), 10.0)
    for start, hz in ((0.05, 440.0), (0.25, 880.0)):
        part = audio[round(start * RATE_HZ):][: round(0.1 * RATE_HZ)]
        assert np.abs(np.fft.rfft(part)).argmax() * 10.0 == hz
    assert len(tones(tmp_path / "midi" / "a.mid", 0.3)) == round(0.3 * RATE_HZ)
    highest = tones(write_score(tmp_path / "midi" / "b.mid", (127,)), 10.0)
    spectrum = np.abs(np.fft.rfft(highest * np.hanning(len(highest))))
    assert spectrum[: len(spectrum) // 3].max() < 1e-3 * spectrum.max()  # 8 kHz: nothing folded at half the rate


# what is wrong is said


def spoil(path: Path, audio: np.ndarray, subtype: str = "PCM_16") -> None:
    soundfile.write(path, audio, 48_000, subtype=subtype)


@pytest.mark.parametrize(("spoilt", "reason"), [
    (lambda path: spoil(path, np.zeros(24_000)), "stimulus 'gavotte' is silent"),
    (lambda path: spoil(path, np.where(np.arange(24_000) == 7, np.nan, 0.1), "FLOAT"), "not numbers"),
    (lambda path: spoil(path, np.clip(50 * tone(0.5), -1, 1)), "is clipped"),
    (lambda path: spoil(path, tone(0.01)), "needs 0.1 s at least"),
    (lambda path: path.write_bytes(b"RIFFnothing"), "no audio that can be read"),
    (lambda path: path.unlink(), "system 'birchwood' has no 'gavotte'"),
    (lambda path: (path.parent / "gavotte.flac").write_bytes(path.read_bytes()), "one stimulus twice"),
])
def test_a_recording_that_cannot_be_used_is_named(spoilt, reason, tmp_path, capsys):
    options = record(tmp_path)
    spoilt(tmp_path / "birchwood" / "gavotte.wav")
    assert main(["build", str(tmp_path / "t.html"), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and reason in error and "birchwood" in error
    assert not (tmp_path / "t.html").exists() and not (tmp_path / "t.key.json").exists()


def test_clipping_is_taken_when_it_is_what_is_compared(tmp_path):
    options = record(tmp_path)
    spoil(tmp_path / "birchwood" / "gavotte.wav", np.clip(50 * tone(0.5), -1, 1))
    assert main(["build", str(tmp_path / "t.html"), *options, "--allow-clipped"]) == 0


def test_systems_that_cannot_be_compared_are_refused(tmp_path, capsys):
    options = record(tmp_path)
    model = tiny_model_file(tmp_path)
    (tmp_path / "empty").mkdir()
    record(tmp_path / "others", ("other",), ("sonata",))
    others = tmp_path / "others" / "other"
    cases = [
        ([], "0 systems given"), (options[:2], "1 system given"),
        ([*options[:2], *options[:2]], "two systems are called 'cedarwood'"),
        ([*options, "--system", "nothing"], "must read NAME="),
        ([*options, "--system", f"x={tmp_path / 'no'}"], "there is no folder"),
        ([*options, "--system", f"x={tmp_path / 'no.onnx'}"], "there is no model file"),
        ([*options, "--system", f"x={tmp_path / 'empty'}"], "holds no .wav"),
        ([*options, "--system", f"x={others}"], "no stimulus in common"),
        ([*options, "--system", f"x={model}"], "say what it plays by --midi"),
        ([*options, "--midi", str(tmp_path)], "leave it out"),
        ([*options, "--melody", str(others)], "has no 'gavotte'"),
        ([*options, "--reference", "oak"], "is none of the systems"),
        ([*options, "--anchor"], "made from the reference"),
        ([*options, "--rate", "Good?", "--checks", "1"], "no --pair question"),
        ([*options, "--pair", "Good?", "--reference", "birchwood"], "no --rate question"),
        ([*options, "--post", "ftp://x"], "must be a URL"),
        ([*options, "--seconds", "0"], "clips last 1 to 120 s"),
        ([*options, "--checks", "99"], "0 to 20"),
        ([*options, "--intro", "@nowhere.txt"], "nowhere.txt"),
    ]
    for arguments, reason in cases:
        assert main(["build", str(tmp_path / "t.html"), *arguments]) == 1, reason
        error = capsys.readouterr().err
        assert error.startswith("error: ") and reason in error
        assert not (tmp_path / "t.html").exists()


def test_replacing_a_pages_sound_removes_its_clips_and_no_other_file(tmp_path):
    page, key = built(tmp_path, "--folder")
    own = tmp_path / "test_sound" / "chimes.flac"
    own.write_bytes(b"mine")
    again = ["build", str(page), "--system", f"a={tmp_path / SYSTEMS[0]}", "--system", f"b={tmp_path / SYSTEMS[1]}"]
    assert main([*again, "--folder", "--replace"]) == 0
    now = json.loads(page.with_suffix(".key.json").read_text())["clips"]
    assert {path.stem for path in own.parent.iterdir()} == {"chimes", *now} and not now.keys() & key["clips"].keys()


def test_a_page_and_its_key_are_not_overwritten_unasked(tmp_path, capsys):
    page, key = built(tmp_path)
    again = ["build", str(page), "--system", f"a={tmp_path / SYSTEMS[0]}", "--system", f"b={tmp_path / SYSTEMS[1]}"]
    assert main(again) == 1
    assert "need its key" in capsys.readouterr().err and json.loads(page.with_suffix(".key.json").read_text()) == key
    assert main([*again, "--replace"]) == 0
    assert json.loads(page.with_suffix(".key.json").read_text())["page"] != key["page"]
