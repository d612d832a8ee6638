from __future__ import annotations

import dataclasses
import json
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.link import Order
from livewave.render.native import NativeEngine
from livewave.sound.wavfile import Pcm
from livewave.takes import log as log_module
from livewave.takes.replay import Verdict, replay
from livewave.takes.take import AUDIO, NOTES
from tests.takes.playing import GAIN_DB, TEMPERATURE, AudioProcess, begin, lines, other_model, recorder_in
from tests.takes.sessions import Playing
from tests.toys import tiny_model

pytestmark = pytest.mark.usefixtures("models")


def again(take: Path, out: Path | None = None, models: tuple[str, ...] = (), any_model: bool = False,
          said: list[str] | None = None) -> Verdict:
    return replay(take, out and str(out), models, any_model, (said if said is not None else []).append, lambda done, total: None)


def play_at_random(audio: AudioProcess, playing: Playing, rng: np.random.Generator, turns: int) -> None:
    """Orders for now and for moments to come, and blocks of every length."""
    for _ in range(turns):
        for command in playing.turn(audio.clock.now_s() * float(rng.integers(0, 2))):
            audio.ensemble.obey(command)
        audio.play(int(rng.integers(1, 8)), int(rng.integers(16, 513)))


def taken(folder: Path, before: int = 10, **how: object) -> tuple[Path, AudioProcess]:
    """A take of a session, begun after `before` turns of it, and who played it."""
    recorder = recorder_in(folder)
    audio, playing, rng = AudioProcess(recorder, **how), Playing(1, GAIN_DB, TEMPERATURE), np.random.default_rng(2)
    play_at_random(audio, playing, rng, before)
    take = begin(recorder, audio)
    play_at_random(audio, playing, rng, 30)
    audio.end()
    recorder.close()
    return take, audio


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A take that is not to be changed."""
    return taken(tmp_path_factory.mktemp("recorded"))[0]


@pytest.fixture
def take(recorded, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(recorded, tmp_path / "take"))


def pcm(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def change_log(take: Path, change) -> None:
    rows = lines(take)
    change(rows)
    (take / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


# the same, sample for sample


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_a_session_is_the_same_again_whenever_the_recording_began(tmp_path, seed, rate_hz):
    """Chords, pedal, bends, gain, temperature, panic and reset, in blocks of 16 to 512 samples."""
    recorder = recorder_in(tmp_path)
    rng = np.random.default_rng(100 + seed)
    audio, playing = AudioProcess(recorder, rate_hz=rate_hz), Playing(seed, GAIN_DB, TEMPERATURE)
    play_at_random(audio, playing, rng, int(rng.integers(0, 60)))
    take = begin(recorder, audio)
    began = len(audio.frames) if audio.made else 0
    play_at_random(audio, playing, rng, 100)
    audio.end()
    recorder.close()
    verdict = again(take, tmp_path / "again.wav")
    assert verdict == Verdict(len(audio.frames) - began, len(audio.frames) - began, 0, None)
    assert len(np.unique(pcm(take / AUDIO))) > 500
    np.testing.assert_array_equal(pcm(tmp_path / "again.wav"), pcm(take / AUDIO))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("blocks", [0, 1, 5, 40, 400], ids=lambda blocks: f"{blocks} blocks after the change")
def test_models_that_take_over_are_heard_as_they_were_wherever_the_recording_began(tmp_path, together, blocks):
    recorder = recorder_in(tmp_path)
    audio = AudioProcess(recorder)
    audio.obey(Order.STRIKE, 60)
    audio.obey(Order.STRIKE, 67)
    audio.play(30, 80)
    audio.change(other_model(), together)
    audio.play(blocks, 80)
    take = begin(recorder, audio)
    audio.play(100, 80)
    audio.change(tiny_model(), not together)
    audio.play(100, 80)
    audio.end()
    recorder.close()
    verdict = again(take)
    assert verdict.compared > 40_000 and verdict.differing == 0
    assert np.abs(pcm(take / AUDIO)).max() > 500


def test_a_take_of_two_audio_processes_is_the_same_again(tmp_path):
    recorder = recorder_in(tmp_path)
    first = AudioProcess(recorder)
    first.obey(Order.STRIKE, 60)
    first.play(50)
    take = begin(recorder, first)
    first.play(100)
    first.end()
    second = AudioProcess(recorder, other_model())
    second.obey(Order.STRIKE, 60)
    second.await_recording()
    second.play(200)
    second.end()
    recorder.close()
    verdict = again(take)
    assert verdict.compared == verdict.frames == len(pcm(take / AUDIO)) and verdict.differing == 0


def test_what_failed_then_fails_again(tmp_path):
    """A net that leaves the finite numbers, and a driver that gives up: the silence is replayed, without the failure."""
    class Failing(NativeEngine):
        blocks = 0

        def render(self, roll, uniforms, out, *others) -> None:
            super().render(roll, uniforms, out, *others)
            Failing.blocks += 1
            if Failing.blocks % 20 == 19:
                out[3] = np.nan
            if Failing.blocks % 50 == 49:
                raise RuntimeError("the driver has gone")

    take, audio = taken(tmp_path, engine=Failing)
    assert audio.stage.performer.faults > 5
    assert again(take).differing == 0


def test_a_process_that_began_to_play_twice_is_heard_once(tmp_path):
    """An output that did not open: the first life was never heard."""
    recorder = recorder_in(tmp_path)
    audio = AudioProcess(recorder)
    audio.begin(other_model())
    take = begin(recorder, audio)
    audio.obey(Order.STRIKE, 60)
    audio.play(100)
    audio.end()
    recorder.close()
    assert len(lines(take)[1:3]) == 2 and again(take).differing == 0


def test_frames_that_a_slow_disk_lost_are_there_again(tmp_path):
    recorder = recorder_in(tmp_path / "takes")
    audio = AudioProcess(recorder)
    audio.obey(Order.STRIKE, 60)
    take = begin(recorder, audio)
    audio.play(50)
    whole, audio.tape.frames = audio.tape.frames, lambda first, frames: None
    audio.play(50)
    audio.tape.frames = whole
    audio.play(50)
    audio.end()
    recorder.close()
    verdict = again(take, tmp_path / "again.wav")
    lost = 50 * 64 * 3
    assert (verdict.frames, verdict.compared, verdict.differing) == (3 * lost, 2 * lost, 0)
    np.testing.assert_array_equal(pcm(tmp_path / "again.wav"), Pcm().of(audio.frames))
    assert not pcm(take / AUDIO)[lost : 2 * lost].any()


# not the same


def test_what_differs_is_counted_and_the_first_is_named(take):
    with open(take / AUDIO, "r+b") as file:
        for number in (1_000, 1_001, 5_000):
            file.seek(44 + 2 * number)
            sample = int.from_bytes(file.read(2), "little", signed=True)
            file.seek(44 + 2 * number)
            file.write((sample ^ 1).to_bytes(2, "little", signed=True))
    verdict = again(take)
    assert (verdict.differing, verdict.first) == (3, 1_000)
    assert "not the same: 3 of" in str(verdict) and "the first is number 1000" in str(verdict)


def test_another_start_of_the_life_is_heard(tmp_path):
    recorder = recorder_in(tmp_path)
    audio = AudioProcess(recorder)
    take = begin(recorder, audio)
    audio.obey(Order.STRIKE)
    audio.play(30)
    audio.end()
    recorder.close()
    life = lines(take)[1]
    for change in ("seed", "temperature", "gain_db"):
        change_log(take, lambda rows: rows[1].update({**life, change: life[change] + 1}))
        assert again(take).differing > 0, change


def test_an_order_that_is_missing_is_heard(take):
    change_log(take, lambda rows: [rows.remove(row) for row in list(rows) if row.get("order") == "strike"])
    assert again(take).differing > 0


def test_another_net_than_the_one_recorded_is_refused_unless_it_is_asked_for(take, models):
    (models / "right.onnx").write_bytes((models / "tiny.onnx").read_bytes())
    os.replace(models / "other.onnx", models / "tiny.onnx")
    with pytest.raises(LivewaveError, match="has another hash: give --model PATH of that tiny.onnx, or --any-model"):
        again(take)
    assert again(take, models=(str(models / "right.onnx"),)).differing == 0
    said: list[str] = []
    assert again(take, any_model=True, said=said).differing > 0
    assert len(said) == 1 and "samples will differ" in said[0]


def test_a_net_that_is_not_here_is_asked_for_by_name(take, tmp_path, models):
    os.replace(models / "tiny.onnx", tmp_path / "elsewhere.onnx")
    with pytest.raises(LivewaveError, match="does not include it: give --model PATH"):
        again(take)
    assert again(take, models=(str(tmp_path / "elsewhere.onnx"),)).differing == 0


@pytest.mark.parametrize(("engine", "isa"), [("native", "v9"), ("native", "no/such"), ("cuda", "")])
def test_an_engine_that_is_not_here_is_replaced_and_the_difference_is_announced(take, engine, isa):
    change_log(take, lambda rows: rows[1].update(engine=engine, isa=isa))
    said: list[str] = []
    assert again(take, said=said).compared > 0
    assert len(said) == 1 and "does not run here" in said[0] and "samples may differ" in said[0]


def test_a_life_whose_orders_were_too_many_is_not_made_again_but_its_audio_is_there(take):
    change_log(take, lambda rows: rows[1].update(whole=False))
    with pytest.raises(LivewaveError, match="cannot be made again"):
        again(take)


# takes that were cut off, and takes that were tampered with


def test_after_a_crash_what_the_log_covers_is_compared_and_notes_mid_is_written(take):
    (take / NOTES).unlink()
    covered = len(pcm(take / AUDIO)) // 2
    change_log(take, lambda rows: rows.__setitem__(slice(None), [
        *(row for row in rows if row["kind"] not in ("until", "end")), {"kind": "until", "frame": covered}]))
    with open(take / "log.jsonl", "a") as log:
        log.write('{"kind": "ord')
    verdict = again(take)
    assert (verdict.compared, verdict.differing) == (covered, 0)
    assert (take / NOTES).exists()


@pytest.mark.parametrize("model", ["/etc/passwd", "../../secret", "https://x.example/y.onnx", "", "x" * 300, "tiny.onnx\0", "~/x.onnx"])
def test_a_log_names_no_files(take, model, monkeypatch):
    change_log(take, lambda rows: rows[1].update(model=model))
    opened = []
    monkeypatch.setattr("livewave.takes.replay.load_model", opened.append)
    with pytest.raises(LivewaveError, match="give --model PATH"):
        again(take)
    assert opened == []


HOSTILE = {
    "a life that begins after the sound": lambda rows: rows[1].update(frame=10**9),
    "sound that goes back": lambda rows: rows.insert(-1, {"kind": "audio", "frame": rows[-1]["frame"], "process": 1, "from": 0, "at_s": 1.0}),
    "sound beyond the file": lambda rows: rows[-1].update(frame=10**10),
    "orders at the end of time": lambda rows: [row.update(column=10**10) for row in rows if row["kind"] == "order"],
    "orders that all stop": lambda rows: [row.update(order="stop") for row in rows if row["kind"] == "order"],
    "faults without end": lambda rows: [row.update(order="fault", value=65_536.0) for row in rows if row["kind"] == "order"],
    "bends to the end of hearing": lambda rows: [row.update(order="bend", value=128.0) for row in rows if row["kind"] == "order"],
    "the loudest": lambda rows: [row.update(order="gain_db", value=200.0) for row in rows if row["kind"] == "order"],
    "no sound at all": lambda rows: [rows.remove(row) for row in list(rows) if row["kind"] == "audio"],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_log_is_an_error_of_ours_or_another_sound_and_touches_nothing_else(take, tmp_path, change):
    change_log(take, change)
    before = sorted(path for path in tmp_path.rglob("*"))
    try:
        verdict = again(take)
        assert verdict.frames >= verdict.compared
    except LivewaveError as error:
        assert str(take) in str(error) or "take" in str(error)
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_log_that_is_too_long_is_not_read(take, monkeypatch):
    monkeypatch.setattr(log_module, "LARGEST_LOG_BYTES", 1_000)
    with pytest.raises(LivewaveError, match="no take that long is read"):
        again(take)


@pytest.mark.parametrize("audio", [b"", b"RIFF", b"x" * 100, None, b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\2\0\x80\xbb\0\0\0\xee\2\0\4\0\x10\0data\0\0\0\0"])
def test_audio_that_is_no_recording_is_an_error(take, audio):
    (take / AUDIO).unlink()
    if audio is not None:
        (take / AUDIO).write_bytes(audio)
    with pytest.raises(LivewaveError, match=AUDIO):
        again(take)


def test_the_recording_itself_is_never_written_over(take, tmp_path):
    before = (take / AUDIO).read_bytes()
    (tmp_path / "link.wav").symlink_to(take / AUDIO)
    for out in (take / AUDIO, take / ".." / take.name / AUDIO, tmp_path / "link.wav"):
        with pytest.raises(LivewaveError, match="is the recording itself"):
            again(take, out)
    assert (take / AUDIO).read_bytes() == before


def test_progress_reaches_its_end_and_counts_what_lies_before_the_take(tmp_path):
    take, audio = taken(tmp_path, before=30)
    told: list[tuple[float, float]] = []
    replay(take, None, [], False, print, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == pytest.approx(len(audio.frames) / 48_000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


# an ensemble


def play_an_ensemble(audio: AudioProcess, rng: np.random.Generator, playing: list[Playing], turns: int) -> None:
    for _ in range(turns):
        voice = int(rng.integers(0, len(playing)))
        for command in playing[voice].turn(audio.clock.now_s() * float(rng.integers(0, 2))):
            audio.ensemble.obey(dataclasses.replace(command, voice=voice))
        if rng.random() < 0.2:
            audio.obey(Order.PAN, value=float(rng.uniform(-1.0, 1.0)), voice=voice)
        if rng.random() < 0.1:
            audio.obey(Order.PARK, value=float(rng.integers(0, 2)), voice=voice)
        audio.play(int(rng.integers(1, 8)), int(rng.integers(16, 513)))


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
@pytest.mark.parametrize("change", [None, True, False])
def test_an_ensemble_is_the_same_again_wherever_its_voices_stand_and_whoever_changes(tmp_path, rate_hz, change):
    recorder, rng = recorder_in(tmp_path), np.random.default_rng(9)
    audio = AudioProcess(recorder, rate_hz=rate_hz, pans=(-0.5, 0.25, 1.0))
    playing = [Playing(seed, GAIN_DB, TEMPERATURE) for seed in range(3)]
    play_an_ensemble(audio, rng, playing, 20)
    if change is not None:
        audio.change(other_model(), change, voice=1)
    take = begin(recorder, audio)
    began = len(audio.frames)
    play_an_ensemble(audio, rng, playing, 60)
    if change is not None:
        audio.change(other_model(), not change, voice=2)
    play_an_ensemble(audio, rng, playing, 60)
    audio.end()
    recorder.close()
    verdict = again(take, tmp_path / "again.wav")
    assert verdict == Verdict(len(audio.frames) - began, len(audio.frames) - began, 0, None)
    with wave.open(str(tmp_path / "again.wav")) as file:
        assert file.getnchannels() == 2 and file.getnframes() == verdict.frames
    np.testing.assert_array_equal(pcm(tmp_path / "again.wav"), pcm(take / AUDIO))
    assert len(np.unique(pcm(take / AUDIO))) > 500


@pytest.mark.parametrize("change", [
    lambda rows: rows[1].update(voice=16), lambda rows: rows[1].update(pan=2.0), lambda rows: rows[1].update(pan=0.0),
    lambda rows: rows[0].update(channels=3), lambda rows: rows[0].update(channels=2),
])
def test_a_log_whose_voices_cannot_be_is_refused(take, change):
    change_log(take, change)
    with pytest.raises(LivewaveError, match="log.jsonl, line"):
        again(take)


def test_a_take_from_before_there_were_voices_is_still_made_again(take):
    def forget(rows: list[dict]) -> None:
        del rows[0]["channels"]
        for row in rows:
            row.pop("voice", None), row.pop("pan", None)

    change_log(take, forget)
    assert again(take).differing == 0
