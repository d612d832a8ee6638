"""The continuation's thread in the daemon: what it hears, gives and says, and what happens when it fails."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livewave import ModelFileError, continuer
from livewave.config import Config, ContinueConfig, TempoConfig
from livewave.continuer import Continuer
from livewave.control.events import EventQueue, NoteOff, NoteOn, Panic, Reset, Setting, SourceLost, Tap, TempoSet
from livewave.music.continuation import Continuation
from livewave.music.generated import SOURCE
from tests.toys import tiny_biaxial_file

PATIENCE_S = 20.0
PEER = ("127.0.0.1", 5)
BPM = 400.0  # a bar of 0.6 s


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Path:
    return tiny_biaxial_file(tmp_path_factory.mktemp("net"))


class Sink:
    """In place of Played."""

    def __init__(self) -> None:
        self.notes: list = []
        self.silences = self.count = 0

    def put(self, note) -> None:
        self.notes.append(note)
        self.count += isinstance(note, NoteOn)

    def silence(self) -> None:
        self.silences += 1


class Stage:
    """A continuer as the daemon has it."""

    def __init__(self, model: Path | str, **manner: object) -> None:
        self.queue, self.sink = EventQueue(), Sink()
        self.replies: list[tuple] = []
        config = Config(continuation=ContinueConfig(model=str(model), rest_beats=0.5, **manner), tempo=TempoConfig(bpm=BPM))
        self.continuer = Continuer(config, self.queue, self.sink, lambda *message: self.replies.append(message))
        self.continuer.start()

    def status(self) -> dict:
        return self.continuer.status()

    def set(self, name: str, value: object) -> None:
        self.continuer.hear(Setting(time.monotonic(), "osc:host", f"continue_{name}", value, PEER))

    def play(self, pitch: int) -> None:
        self.continuer.hear(NoteOn(time.monotonic(), "osc:host", 0, pitch, 90))
        self.continuer.hear(NoteOff(time.monotonic() + 0.01, "osc:host", 0, pitch))

    def until(self, happened: Callable[[], object], what: str, watched: bool = True) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < end_s, f"{what}: {self.status()}, {self.replies}"
            if watched:
                self.continuer.watch()
            time.sleep(0.01)

    def until_it_plays(self) -> None:
        begun = self.sink.count
        self.until(lambda: self.sink.count > begun, "a note of its own")


@pytest.fixture
def endless(net) -> Iterator[Stage]:
    stage = Stage(net, mode="endless", density=4.0)
    yield stage
    stage.continuer.close()


@pytest.fixture
def silent(net) -> Iterator[Stage]:
    stage = Stage(net)
    yield stage
    stage.continuer.close()


def test_what_it_plays_goes_to_the_daemons_queue_and_to_played_alike(endless):
    endless.until_it_plays()
    endless.set("mode", "off")
    endless.until(lambda: endless.status()["continue_state"] == "off", "off")
    notes = endless.queue.drain()
    assert notes == endless.sink.notes and {note.source for note in notes} == {SOURCE}
    assert [note for note in notes if isinstance(note, NoteOn)]
    held: set[int] = set()
    for note in sorted(notes, key=lambda note: note.at_s):
        (held.add if isinstance(note, NoteOn) else held.discard)(note.pitch)
    assert held == set()


def test_its_own_notes_are_not_heard_as_played(silent):
    silent.continuer.hear(NoteOn(0.0, SOURCE, 0, 60, 1))
    silent.continuer.hear(SourceLost(0.0, SOURCE))
    assert not silent.continuer._inbox.drain()


def test_a_net_is_loaded_when_a_mode_is_first_chosen_and_not_before(silent):
    assert silent.continuer._net.composer is None
    assert silent.status()["continue"] == "off"
    silent.set("mode", "duet")
    silent.until(lambda: silent.replies, "a reply")
    assert silent.replies == [(PEER, "/livewave/done", "/livewave/continue", "duet")]
    silent.until(lambda: silent.status()["continue"] == "duet", "duet")


def test_off_wins_over_a_mode_that_still_waits_for_its_net(silent, monkeypatch):
    loading = continuer.Net.load
    monkeypatch.setattr(continuer.Net, "load", lambda net: (time.sleep(0.3), loading(net)))
    silent.set("mode", "endless")
    silent.set("mode", "off")
    silent.until(lambda: silent.continuer._net.composer is not None, "the net")
    silent.set("mode", "off")
    silent.until(lambda: len(silent.replies) == 2, "two replies")
    assert [reply[3] for reply in silent.replies] == ["off", "off"]


@pytest.mark.parametrize("model", ["/nosuch/net.onnx", "nosuch"])
def test_a_net_that_is_missing_is_told_to_the_sender_and_stops_nothing(model):
    stage = Stage(model)
    for attempt in (1, 2):
        stage.set("mode", "answer")
        stage.until(lambda: len(stage.replies) == attempt, "a reply")
    stage.continuer.close()
    to, fail, address, reason = stage.replies[0]
    assert (to, fail, address) == (PEER, "/livewave/fail", "/livewave/continue") and "nosuch" in reason
    assert stage.status()["continue"] == "off" and stage.continuer.faults == 0


def test_a_net_that_is_missing_at_the_start_is_an_error_at_once():
    with pytest.raises(ModelFileError, match="nosuch"):
        Stage("nosuch", mode="answer")


@pytest.mark.parametrize("name, value, reason", [("key", "H", "key is 'H'"), ("range", (60, 62), "at least an octave"),
                                                 ("mode", "foo", "mode is 'foo'"), ("density", float("nan"), "density")])
def test_a_wrong_value_is_told_to_the_sender_and_changes_nothing(silent, name, value, reason):
    silent.set(name, value)
    silent.until(lambda: silent.replies, "a reply")
    assert silent.replies[0][1] == "/livewave/fail" and reason in silent.replies[0][3]
    assert silent.continuer._life.report.manner == silent.continuer._manner


def test_a_right_value_is_taken_without_a_reply(silent):
    silent.set("range", (60, 72))
    silent.set("key", "F# minor")
    manner = dataclasses.replace(silent.continuer._manner, low=60, high=72, key="F# minor")
    silent.until(lambda: silent.continuer._life.report.manner == manner, "the range")
    assert silent.replies == []


def test_panic_ends_it_and_keeps_it_off(endless):
    endless.until_it_plays()
    endless.continuer.hear(Panic(time.monotonic(), "osc:host"))
    endless.until(lambda: endless.status()["continue"] == "off", "off")
    assert not endless.continuer._life.report.held


def test_a_gap_in_the_queue_ends_its_notes_and_keeps_the_mode(endless):
    endless.until_it_plays()
    endless.continuer.hear(Panic(time.monotonic(), "queue"))
    endless.until_it_plays()
    assert endless.status()["continue"] == "endless"


def test_reset_puts_mode_manner_and_tempo_back(endless):
    for name, value in (("mode", "off"), ("polyphony", 2)):
        endless.set(name, value)
    endless.continuer.hear(TempoSet(time.monotonic(), "osc:host", 90.0))
    endless.until(lambda: (endless.status()["continue"], endless.status()["tempo_bpm"]) == ("off", 90.0), "both set")
    endless.continuer.hear(Reset(time.monotonic(), "osc:host"))
    endless.until(lambda: endless.continuer._life.report.manner == endless.continuer._manner, "the manner of the start")
    assert endless.status()["tempo_bpm"] == BPM


def test_taps_set_the_tempo(silent):
    now_s = time.monotonic()
    for beat in range(4):
        silent.continuer.hear(Tap(now_s + 0.5 * beat, "osc:host"))
    silent.until(lambda: silent.status()["tempo_bpm"] == pytest.approx(120.0), "120 bpm")
    assert silent.status()["tempo_source"] == "internal"


def test_a_failure_releases_its_notes_is_said_once_and_another_thread_goes_on(endless, monkeypatch, caplog):
    endless.until_it_plays()
    endless.set("polyphony", 2)
    endless.until(lambda: endless.continuer._life.report.manner.polyphony == 2, "the polyphony")
    advance = Continuation.advance
    with monkeypatch.context() as broken:
        broken.setattr(Continuation, "advance", lambda *_: 1 / 0)
        endless.until(lambda: endless.continuer.faults == 2, "two faults")
    lost = [event for event in endless.queue.drain() if isinstance(event, SourceLost)]
    assert len(lost) == 2 and {event.source for event in lost} == {SOURCE} and endless.sink.silences == 2
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "the continuation failed (ZeroDivisionError: division by zero); its notes are released, and it goes on anew"]
    assert Continuation.advance is advance
    endless.until_it_plays()
    manner = endless.continuer._life.report.manner
    assert (manner.mode, manner.polyphony) == ("endless", 2) and endless.status()["continue_faults"] >= 2


def test_a_thread_that_stands_still_while_notes_are_held_is_replaced_and_gives_nothing_more(endless, monkeypatch):
    endless.until(lambda: endless.continuer._life.report.held, "a held note")
    old, given = endless.continuer._life, Continuation.advance
    stand = [True]

    def stuck(continuation: Continuation, now_s: float) -> list:
        while stand and continuation is old._continuation:
            time.sleep(0.01)
        return given(continuation, now_s)

    monkeypatch.setattr(Continuation, "advance", stuck)
    monkeypatch.setattr(continuer, "STALLED_S", 0.05)
    monkeypatch.setattr(continuer, "STUCK_S", 0.05)
    endless.until(lambda: endless.continuer._life is not old, "another life")
    monkeypatch.setattr(continuer, "STALLED_S", 60.0)
    monkeypatch.setattr(continuer, "STUCK_S", 60.0)
    stand.clear()
    old.join()
    assert not old._thread.is_alive()
    endless.until_it_plays()


def test_close_ends_the_thread_and_releases_its_notes(net):
    stage = Stage(net, mode="endless", density=4.0)
    stage.until_it_plays()
    stage.continuer.close()
    assert not stage.continuer._life._thread.is_alive()
    assert isinstance(stage.queue.drain()[-1], SourceLost) and stage.sink.silences == 1


def test_the_start_says_what_is_on(net, silent, endless):
    assert silent.continuer.announcement() == ""
    assert endless.continuer.announcement() == "continue endless, tiny, 400 bpm (internal)"
    answer = Stage(net, mode="answer")
    assert answer.continuer.announcement() == "continue answer after 0.5 beats, tiny, 400 bpm (internal)"
    answer.continuer.close()
