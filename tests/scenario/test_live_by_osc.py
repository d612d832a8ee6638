"""The daemon played by OSC into a file, and what the file holds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.control.osc_cases import MALFORMED, REFUSED
from tests.ports import free_port
from tests.scenario.daemon import HOST, Osc, Playing, daemon, livewave, until
from tests.scenario.hearing import (RATE_HZ, await_end, await_more, await_silence, await_sound, following, level,
                                    longest_gap_s, longest_rest_s, newest_recall, onset, partials_share, read_wav, so_far,
                                    sounding_part)
from tests.scenario.score import melody, write_midi
from livewave.control.osc_reports import REPORTS, STATUS
from livewave.music.score import Note
from livewave.sounding import vector
from tests.render.test_bands import band_of, hz_of

A_GAP_S = 0.003  # a period of silence in the middle of a note; a fade through zero is shorter
A_FADE_S = 0.1  # a model makes room for another: on a slow machine one fades out before the other fades in
IN_TUNE = 0.9
TAKES = 3  # a busy machine may lose a block, which is counted and heard: then the take says nothing
KINDS = {"i": int, "f": float, "s": str}
CHORD = (67, 72, 76)


@pytest.fixture
def take(tmp_path) -> Path:
    return tmp_path / "take.wav"


@pytest.fixture
def playing(take):
    with daemon("--audio", f"file:{take}") as running:
        yield running


def heard(folder: Path, act: Callable[[Playing, Path], None], good: Callable[[np.ndarray], bool]) -> np.ndarray:
    """The file of a daemon with which `act` was done. It must be good; only lost blocks allow another take."""
    for number in range(TAKES):
        path = folder / f"take{number}.wav"
        with daemon("--audio", f"file:{path}") as running:
            act(running, path)
            lost = running.osc.status()["underruns"]
        audio = read_wav(path)
        if good(audio):
            return audio
        assert lost, "no block was lost"
    pytest.skip(f"blocks were lost in each of {TAKES} takes: the machine is too busy to judge")


def has_no_gap(audio: np.ndarray) -> bool:
    return longest_gap_s(sounding_part(audio)) < A_GAP_S


def follows(notes: Sequence[Note]) -> Callable[[np.ndarray], bool]:
    return lambda audio: following(audio, notes)["frames_in_tune"] >= IN_TUNE


def play_into_silence(running: Playing, path: Path, notes: Sequence[Note],
                      send: Callable[[int, int], None] | None = None) -> None:
    await_silence(path)
    running.osc.play(notes, send)
    running.osc.sync()
    await_more(path, 0.2)
    await_silence(path)


def test_a_held_note_sounds_without_a_gap_between_exact_silences(tmp_path):
    def hold_a_note(running: Playing, path: Path) -> None:
        await_silence(path)
        running.osc.send("/livewave/note", 72, 100)
        await_sound(path, 1.0)
        running.osc.send("/livewave/note", 72, 0)
        await_silence(path)

    audio = heard(tmp_path, hold_a_note, has_no_gap)
    sound = sounding_part(audio)
    assert onset(audio) > 0.2 * RATE_HZ and not audio[-round(0.2 * RATE_HZ):].any()
    assert partials_share(sound[RATE_HZ // 4 : RATE_HZ], 72) > 2 * partials_share(sound[RATE_HZ // 4 : RATE_HZ], 75)


def test_a_melody_sent_by_osc_is_followed(tmp_path):
    notes = melody(4.0)
    heard(tmp_path, lambda running, path: play_into_silence(running, path, notes), follows(notes))


def test_a_melody_sent_by_oscsend_is_followed(tmp_path):
    oscsend = shutil.which("oscsend")
    if oscsend is None:
        pytest.skip("oscsend is not installed (apt-get install liblo-tools)")
    notes = melody(4.0, "happy_birthday")

    def play(running: Playing, path: Path) -> None:
        to = [oscsend, HOST, str(running.port), "/livewave/note", "ii"]
        play_into_silence(running, path, notes, lambda pitch, velocity: subprocess.run([*to, str(pitch), str(velocity)],
                                                                                      check=True))

    heard(tmp_path, play, follows(notes))


def test_oscdump_prints_what_goes_out_to_all(playing, tmp_path):
    oscsend, oscdump = shutil.which("oscsend"), shutil.which("oscdump")
    if oscsend is None or oscdump is None:
        pytest.skip("oscdump is not installed (apt-get install liblo-tools)")
    ear, printed = free_port(), tmp_path / "dump.txt"
    with open(printed, "w") as file:
        dump = subprocess.Popen([oscdump, "-L", str(ear)], stdout=file, stderr=subprocess.STDOUT)
    try:
        def told(*parts: str) -> bool:
            subprocess.run([oscsend, HOST, str(playing.port), "/livewave/notify", "ii", "1", str(ear)], check=True)
            return all(part in printed.read_text() for part in parts)

        playing.osc.send("/livewave/note", 72, 100)
        until(lambda: told("/livewave/level f", "/livewave/latency f", "/livewave/underruns i ", "/livewave/adherence f"), "oscdump to print")
    finally:
        dump.kill()
        dump.wait()


def test_the_same_melody_is_followed_offline(tmp_path):
    notes, wav = melody(4.0), tmp_path / "out.wav"
    done = livewave("render", str(write_midi(tmp_path / "in.mid", notes)), str(wav))
    assert done.returncode == 0, done.stderr
    audio = read_wav(wav)
    assert abs(onset(audio) / RATE_HZ - notes[0].start_s) < 0.05
    assert has_no_gap(audio)
    assert follows(notes)(audio)


def test_what_is_offline_is_the_same_every_time(tmp_path):
    midi = write_midi(tmp_path / "in.mid", [Note(0.1, 0.5, 72, 100)])
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert livewave("render", str(midi), str(tmp_path / name), "--seed", seed).returncode == 0
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again != other


def test_status_says_what_plays_and_how(playing, take):
    playing.osc.send("/livewave/note", 72, 100)
    await_sound(take)
    status = playing.osc.status()
    assert list(status) == [row.name for row in STATUS]  # what the manual says of it
    assert [type(value) for value in status.values()] == [KINDS[row.tag] for row in STATUS]
    assert (status["model"], status["rate_hz"], status["period_frames"], status["notes"]) == ("flute", RATE_HZ, 128, 1)
    assert 0.0 < status["load"] < 10.0 and 0.0 < status["latency_ms"] < 1000.0 and status["up_s"] > 0.0


def test_clients_on_the_list_are_told_the_level_and_others_are_not(playing, take):
    stranger = Osc(playing.port)
    assert playing.osc.ask("/livewave/notify", 1, answer="/livewave/done") == ["/livewave/notify", 1]
    playing.osc.send("/livewave/note", 72, 100)
    heard: dict[str, list] = {}
    while len(heard.get("/livewave/adherence", [])) < 20 or max(heard["/livewave/level"]) < 0.02:
        address, values = playing.osc.receive()
        assert [argument.fit(value) for argument, value in zip(REPORTS[address].arguments, values, strict=True)]
        heard.setdefault(address, []).append(values[0])
    regular = {f"/livewave/{name}" for name in ("level", "latency", "load", "underruns", "adherence")}
    assert set(heard) - {"/livewave/notice"} == regular
    assert np.median(heard["/livewave/adherence"]) > 0.5
    assert all(isinstance(count, int) for count in heard["/livewave/underruns"])
    assert all(latency_ms > 0.0 for latency_ms in heard["/livewave/latency"])
    assert stranger.sync() == []
    stranger.close()


def test_who_asks_for_blobs_is_told_what_sounds_and_its_spectrum(playing, take):
    assert {"cello", "flute", "piano"} <= set(playing.osc.ask("/livewave/models", answer="/livewave/models.reply"))
    playing.osc.ask("/livewave/notify", 2, answer="/livewave/done")
    playing.osc.send("/livewave/note", 72, 100)
    await_sound(take)
    told: dict[str, list] = {"/livewave/sounding": [], "/livewave/spectrum": []}
    playing.osc.sync()
    while not all(told.values()):
        address, values = playing.osc.receive()
        told.get(address, []).append(values)
    assert told["/livewave/sounding"][-1] == [vector([72]), bytes(16)]
    loudest = int(np.argmax(np.frombuffer(told["/livewave/spectrum"][-1][0], np.uint8)))
    assert min(abs(loudest - band_of(partial * hz_of(72))) for partial in range(1, 6)) <= 1


def test_clients_that_leave_the_list_are_told_nothing_more(playing):
    leaver = Osc(playing.port)
    for client in (leaver, playing.osc):
        client.ask("/livewave/notify", 1, answer="/livewave/done")
    leaver.ask("/livewave/notify", 0, answer="/livewave/done")
    leaver.sync()
    for _ in range(20):
        playing.osc.receive()
    assert leaver.sync() == []
    leaver.close()


def test_malformed_datagrams_leave_a_sounding_note_alone(tmp_path):
    def disturb(running: Playing, path: Path) -> None:
        rng = np.random.default_rng(5)
        running.osc.send("/livewave/note", 72, 100)
        await_sound(path)
        bad = [*MALFORMED.values(), *REFUSED.values(), *(rng.bytes(int(size)) for size in rng.integers(1, 400, 30))]
        fails = 0
        for datagram in bad:
            running.osc.send_raw(datagram)
            fails += sum(address == "/livewave/fail" for address, _ in running.osc.sync())
        assert fails >= len(MALFORMED) and running.osc.status()["refused_osc"] >= len(bad) - 1
        await_sound(path)

    heard(tmp_path, disturb, has_no_gap)


def test_the_sender_of_a_bad_value_is_told_the_legal_range(playing):
    assert playing.osc.ask("/livewave/note", 128, 100, answer="/livewave/fail") == [
        "/livewave/note", "pitch: 128 is outside 0..127"]
    assert playing.osc.ask("/livewave/temperature", 9.0, answer="/livewave/fail")[0] == "/livewave/temperature"
    assert playing.osc.ask("/livewave/nothing", answer="/livewave/fail")[0] == "/livewave/nothing"


def test_gain_changes_the_level_and_panic_ends_everything(playing, take):
    for pitch in CHORD:
        playing.osc.send("/livewave/note", pitch, 100)
    await_sound(take)
    loud = level(so_far(take)[-RATE_HZ // 4:])
    playing.osc.send("/livewave/gain", -40.0)
    await_end(take, 0.25, lambda audio: 0.003 < level(audio) / loud < 0.03, "a hundredth of the level")
    assert playing.osc.status()["gain_db"] == -40.0
    playing.osc.send("/livewave/panic")
    await_silence(take)
    assert playing.osc.status()["notes"] == 0


def test_reset_ends_everything_and_undoes_settings(take):
    with daemon("--audio", f"file:{take}", "--gain", "-6", "--temperature", "0.5") as playing:
        playing.osc.send("/livewave/note", 72, 100)
        playing.osc.send("/livewave/sustain", 1.0)
        playing.osc.send("/livewave/gain", 3.0)
        playing.osc.send("/livewave/temperature", 1.5)
        await_sound(take)
        playing.osc.send("/livewave/reset")
        await_silence(take)
        status = playing.osc.status()
        assert (status["notes"], status["gain_db"], status["temperature"]) == (0, -6.0, 0.5)
        playing.osc.send("/livewave/note", 72, 100)
        await_sound(take)


def test_sustain_holds_a_note_that_is_released(playing, take):
    playing.osc.send("/livewave/sustain", 1.0)
    playing.osc.send("/livewave/note", 72, 100)
    await_sound(take)
    playing.osc.send("/livewave/note", 72, 0)
    playing.osc.sync()
    await_more(take, 1.0)
    await_sound(take)
    assert playing.osc.status()["notes"] == 1
    playing.osc.send("/livewave/sustain", 0.0)
    await_silence(take)


def test_a_roll_sets_every_pitch_at_once(playing, take):
    playing.osc.send("/livewave/roll", sum(1 << pitch for pitch in CHORD).to_bytes(16, "little"))
    await_sound(take, 1.0)
    assert newest_recall(so_far(take), CHORD) > 0.8
    assert playing.osc.status()["notes"] == 3
    playing.osc.send("/livewave/roll", bytes(16))
    await_silence(take)


def test_temperature_is_heard(playing, take):
    """The hotter, the noisier: less of the power lies on the partials of the note."""
    playing.osc.send("/livewave/note", 72, 100)
    shares = []
    for temperature in (0.2, 2.0):
        playing.osc.send("/livewave/temperature", temperature)
        playing.osc.sync()
        await_more(take, 1.0)
        shares.append(partials_share(so_far(take)[-RATE_HZ // 2:], 72))
        assert playing.osc.status()["temperature"] == pytest.approx(temperature)
    assert 1.0 - shares[1] > 2.0 * (1.0 - shares[0])


def test_a_model_that_is_not_there_leaves_the_sound_alone(tmp_path):
    def ask_for_it(running: Playing, path: Path) -> None:
        running.osc.send("/livewave/note", 72, 100)
        await_sound(path)
        address, reason = running.osc.ask("/livewave/model", "bagpipe", answer="/livewave/fail")
        assert address == "/livewave/model" and "bagpipe" in reason and "flute" in reason
        await_sound(path)
        assert running.osc.status()["restarts"] == 0

    heard(tmp_path, ask_for_it, has_no_gap)


def test_a_model_chosen_while_a_chord_is_held_plays_it_on_without_a_gap(tmp_path):
    def change(running: Playing, path: Path) -> None:
        for pitch in CHORD:
            running.osc.send("/livewave/note", pitch, 100)
        await_sound(path, 0.5)
        assert running.osc.ask("/livewave/model", "cello", answer="/livewave/done") == ["/livewave/model", "cello"]
        await_more(path, 0.5)
        status = running.osc.status()
        assert (status["notes"], status["model"], status["restarts"], status["faults"]) == (3, "cello", 0, 0)
        assert newest_recall(so_far(path), CHORD) > 0.6
        assert len(list(tmp_path.glob("*.wav"))) == 1 or path.name != "take0.wav"

    heard(tmp_path, change, lambda audio: longest_rest_s(sounding_part(audio)) < A_FADE_S)


def test_of_models_asked_for_in_a_hurry_each_is_answered_and_the_last_plays(playing, take):
    asked = ["cello", "piano", "bagpipe", "flute", "piano"]
    for name in asked:
        playing.osc.send("/livewave/model", name)
    answered = []
    while len(answered) < len(asked):
        address, values = playing.osc.receive()
        answered.append((address, values))
    assert answered[-1] == ("/livewave/done", ["/livewave/model", "piano"])
    assert {address for address, _ in answered} == {"/livewave/done", "/livewave/fail"}
    playing.osc.send("/livewave/note", 72, 100)
    await_sound(take)
    assert playing.osc.status()["model"] == "piano" and playing.osc.status()["restarts"] == 0


def test_keys_outside_the_compass_sound_in_the_nearest_octave(playing, take):
    playing.osc.send("/livewave/note", 36, 100)
    await_sound(take, 0.5)
    playing.osc.send("/livewave/note", 36, 0)
    await_silence(take)
    until(lambda: playing.osc.status()["notes"] == 0, "the note's end")
