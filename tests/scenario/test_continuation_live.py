"""The real daemon plays on: a phrase by OSC, a rest, an answer on the bar, the player's return, and no note that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from livewave.music.transport import BPM
from tests.scenario.daemon import PATIENCE_S, Playing, daemon, until
from tests.scenario.hearing import await_silence, await_sound
from tests.toys import tiny_biaxial_file

TEMPO_BPM = 240.0  # a bar of one second, a sixteenth of 62.5 ms
BAR_S, STEP_S = 240.0 / TEMPO_BPM, 15.0 / TEMPO_BPM
PHRASE = (60, 64, 67, 72)
EARLY_S, LATE_S = 0.01, 0.5  # the first note of the phrase was under way for so long; a datagram on a busy machine is
PLAYED = "/livewave/note/played"
STATUS = {"continue": str, "continue_state": str, "continue_faults": int, "played": int, "tempo_bpm": float,
          "tempo_source": str, "bar_beat": float}


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Path:
    """Random notes are enough, as long as there are many."""
    return tiny_biaxial_file(tmp_path_factory.mktemp("net"))


@contextmanager
def continuing(folder: Path, net: Path, *flags: str) -> Iterator[Playing]:
    config = folder / "live.toml"
    config.write_text(f'[continue]\nmodel = "{net}"\ndensity = 4.0\nrest_beats = 1.0\n[tempo]\nbpm = {TEMPO_BPM}\n')
    with daemon("--config", str(config), *(flags or ("--audio", "null"))) as playing:
        playing.osc.ask("/livewave/notify", 1, answer="/livewave/done")
        yield playing


class Ear:
    """What the notify list is told of the notes that were generated."""

    def __init__(self, playing: Playing) -> None:
        self._osc = playing.osc
        self.sounding: set[int] = set()
        self.begun: list[tuple[float, int, int]] = []  # moment, pitch, velocity

    def take(self, address: str, values: list) -> None:
        if address != PLAYED:
            return
        pitch, velocity = values
        if velocity:
            assert pitch not in self.sounding, "it begins twice"
            self.sounding.add(pitch)
            self.begun.append((time.monotonic(), pitch, velocity))
        else:
            self.sounding.remove(pitch)

    def listen(self, enough: Callable[[], object], what: str) -> list[tuple[str, list]]:
        """Take in message after message until it is enough; those that are no notes."""
        others, deadline_s = [], time.monotonic() + PATIENCE_S
        while not enough():
            assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:g} s for {what}"
            address, values = self._osc.receive()
            self.take(address, values)
            others += [(address, values)] if address != PLAYED else []
        return others

    def hear(self, address: str, count: int = 1) -> list[list]:
        """The values of the next `count` messages of that address."""
        heard: list[list] = []
        while len(heard) < count:
            got, values = self._osc.receive()
            self.take(got, values)
            heard += [values] if got == address else []
        return heard

    def status(self) -> dict[str, object]:
        """As Osc.status, and no note is missed meanwhile."""
        self._osc.send("/livewave/status")
        (values,) = self.hear("/livewave/status.reply")
        return dict(zip(values[::2], values[1::2]))

    def more(self, count: int) -> list[tuple[float, int, int]]:
        begun = len(self.begun)
        self.listen(lambda: len(self.begun) >= begun + count, f"{count} more notes")
        return self.begun[begun:]

    def silence(self) -> None:
        if self.sounding:
            self.listen(lambda: not self.sounding, "their end")

    def quiet_for(self, seconds: float) -> None:
        """Every tenth of a second or so something arrives, notes or not: the level is told 20 times a second."""
        begun, end_s = len(self.begun), time.monotonic() + seconds
        self.listen(lambda: time.monotonic() >= end_s, "the time to pass")
        assert len(self.begun) == begun


def play_phrase(playing: Playing) -> tuple[float, float]:
    """When it began, and when it ended."""
    began_s = time.monotonic()
    for pitch in PHRASE:
        playing.osc.send("/livewave/note", pitch, 90)
        time.sleep(4 * STEP_S)
        playing.osc.send("/livewave/note", pitch, 0)
    return began_s, time.monotonic()


def choose(playing: Playing, ear: Ear, mode: str) -> None:
    playing.osc.send("/livewave/continue", mode)
    assert ear.hear("/livewave/done") == [["/livewave/continue", mode]]


def assert_nothing_hangs(playing: Playing, ear: Ear) -> dict[str, object]:
    ear.silence()
    until(lambda: ear.status()["notes"] == 0, "the end of all notes")
    status = ear.status()
    assert (status["continue_faults"], status["restarts"], status["dropped"]) == (0, 0, 0)
    return status


def test_an_answer_comes_in_on_the_bar_and_stops_when_the_player_returns(tmp_path, net):
    take = tmp_path / "take.wav"
    with continuing(tmp_path, net, "--audio", f"file:{take}", "--continue", "answer") as playing:
        ear = Ear(playing)
        assert any(line == "continue answer after 1 beats, tiny, 240 bpm (internal)" for line in playing.lines)
        began_s, ended_s = play_phrase(playing)
        (first_s, _, _), *_ = ear.more(4)
        assert first_s - ended_s > 60.0 / TEMPO_BPM  # not before the rest
        assert 2 * BAR_S - EARLY_S < first_s - began_s < 3 * BAR_S + LATE_S  # its first note is not always its first step
        await_sound(take)
        playing.osc.send("/livewave/note", 76, 90)
        until(lambda: ear.status()["continue_state"] == "listening", "its silence")
        ear.silence()
        ear.quiet_for(2 * BAR_S)
        playing.osc.send("/livewave/note", 76, 0)
        playing.osc.send("/livewave/continue", "off")
        assert_nothing_hangs(playing, ear)
        await_silence(take)


def test_it_answers_for_as_long_as_the_phrase_was_and_ends(tmp_path, net):
    with continuing(tmp_path, net, "--audio", "null", "--continue", "answer") as playing:
        ear = Ear(playing)
        play_phrase(playing)
        ear.more(1)
        until(lambda: ear.status()["continue_state"] == "listening", "the end of the answer")
        assert ear.begun[-1][0] - ear.begun[0][0] < BAR_S + LATE_S
        assert_nothing_hangs(playing, ear)


def test_modes_change_while_it_plays(tmp_path, net):
    with continuing(tmp_path, net) as playing:
        ear = Ear(playing)
        ear.quiet_for(BAR_S)
        choose(playing, ear, "endless")
        ear.more(8)
        choose(playing, ear, "duet")
        playing.osc.send("/livewave/note", 60, 90)
        ear.more(4)
        playing.osc.send("/livewave/continue/range", 84, 96)
        playing.osc.send("/livewave/continue/polyphony", 1)
        playing.osc.send("/livewave/tempo", 400.0)
        until(lambda: ear.status()["tempo_bpm"] == 400.0, "the tempo")
        ear.more(2)
        assert all(84 <= pitch <= 96 for _, pitch, _ in ear.more(8)[4:])
        choose(playing, ear, "answer")
        playing.osc.send("/livewave/note", 60, 0)
        choose(playing, ear, "off")
        status = assert_nothing_hangs(playing, ear)
        assert status["continue"] == "off" and status["played"] >= len(ear.begun)
        ear.quiet_for(BAR_S)


@pytest.mark.parametrize("address, mode", [("/livewave/panic", "off"), ("/livewave/reset", "endless")])
def test_panic_turns_it_off_and_reset_takes_it_back_to_the_start(tmp_path, net, address, mode):
    with continuing(tmp_path, net, "--audio", "null", "--continue", "endless") as playing:
        ear = Ear(playing)
        ear.more(4)
        playing.osc.send("/livewave/continue/temperature", 0.5)
        playing.osc.send(address)
        until(lambda: ear.status()["continue"] == mode, mode)
        if mode == "off":
            assert_nothing_hangs(playing, ear)
            ear.quiet_for(BAR_S)
            assert "panic" in playing.said
        else:
            ear.more(4)


def test_status_tells_mode_tempo_and_place(tmp_path, net):
    with continuing(tmp_path, net) as playing:
        status = playing.osc.status()
        assert all(isinstance(status[name], kind) for name, kind in STATUS.items())
        assert (status["continue"], status["continue_state"], status["tempo_source"]) == ("off", "off", "internal")
        assert 1.0 <= status["bar_beat"] < 5.0 and status["played"] == 0
        assert not any(line.startswith("continue ") for line in playing.lines)
        playing.osc.send("/livewave/tap")
        playing.osc.send("/livewave/metre", 3, 4)
        playing.osc.sync()


def test_bad_input_is_told_and_sound_and_composing_go_on(tmp_path, net):
    bad = [("/livewave/continue", "foo"), ("/livewave/tempo", 0.0), ("/livewave/tempo", 1000.0), ("/livewave/tempo", float("nan")),
           ("/livewave/continue/key", "H"), ("/livewave/continue/range", 60, 64), ("/livewave/continue/polyphony", 17),
           ("/livewave/metre", 5, 4), ("/livewave/continue/density", 0.0), ("/livewave/continue/rest", 100.0)]
    with continuing(tmp_path, net, "--audio", "null", "--continue", "endless") as playing:
        ear = Ear(playing)
        ear.more(2)
        for message in bad:
            playing.osc.send(*message)
        fails = [values[0] for values in ear.hear("/livewave/fail", len(bad))]
        assert sorted(fails) == sorted(message[0] for message in bad)
        for pitch in range(40, 60):
            playing.osc.send("/livewave/note", pitch, 90)
        for pitch in (0, 5, 120, 127):
            playing.osc.send("/livewave/note", pitch, 90)
        ear.more(8)
        for pitch in (*range(40, 60), 0, 5, 120, 127):
            playing.osc.send("/livewave/note", pitch, 0)
        ear.more(4)
        assert sum("nearest octave inside" in line for line in playing.lines) == 1
        choose(playing, ear, "off")
        status = assert_nothing_hangs(playing, ear)
        assert status["tempo_bpm"] == TEMPO_BPM and BPM[0] < TEMPO_BPM < BPM[1]


def test_a_net_that_is_missing_fails_to_the_sender_and_the_daemon_plays_on(tmp_path):
    take = tmp_path / "take.wav"
    with continuing(tmp_path, Path("/nosuch/net.onnx"), "--audio", f"file:{take}") as playing:
        address, reason = playing.osc.ask("/livewave/continue", "endless", answer="/livewave/fail")
        assert address == "/livewave/continue" and "/nosuch/net.onnx" in reason
        playing.osc.send("/livewave/note", 72, 90)
        await_sound(take)
        assert playing.osc.status()["continue"] == "off"
