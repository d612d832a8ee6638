"""What a changed configuration file does to a daemon that plays."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import threading

import pytest

from livewave import ConfigError, ModelFileError
from livewave.config import Config, make_config
from livewave.control.events import Event, MetreSet, Setting, TempoSet
from livewave.music.continuation import SETTINGS
from livewave.music.manner import Manner
from livewave.reload import LIVE, Reload, applied, changes, check_models, on_hangup
from livewave.service import Service
from tests.toys import tiny_biaxial_file, tiny_model_file

AT_S = 7.0
OTHER = {  # another value than the default, for every setting there is
    "model": {"name": "cello", "engine": "onnx", "seed": 3, "temperature": 0.5},
    "audio": {"output": "null", "rate_hz": 44_100, "period_frames": 256, "block_samples": 64, "latency_ms": 30.0, "gain_db": -6.0},
    "control": {"midi": ["Keys"], "osc": "127.0.0.1:9001", "oscquery": "off", "midi_out": "DAW", "longest_note_s": 30.0},
    "continue": {"mode": "duet", "model": "tunes", "temperature": 0.5, "density": 2.0, "low": 36, "high": 84, "key": "C", "polyphony": 2,
                 "rest_beats": 4.0, "seed": 5},
    "tempo": {"bpm": 90.0, "metre": "3/4", "link": True},
    "log": {"level": "debug", "file": "live.log", "format": "text", "size_mb": 1.0, "keep": 9},
}
NAMES = [(section, name) for section, values in OTHER.items() for name in values]
FIELDS = {"continue": "continuation"}


def setting(name: str, value: object) -> Setting:
    return Setting(AT_S, "config", name, value)


EVENTS = {
    ("model", "name"): setting("model", "cello"), ("model", "temperature"): setting("temperature", 0.5),
    ("audio", "gain_db"): setting("gain_db", -6.0), ("tempo", "bpm"): TempoSet(AT_S, "config", 90.0),
    ("tempo", "metre"): MetreSet(AT_S, "config", 3, 4), ("continue", "mode"): setting("continue_mode", "duet"),
    ("continue", "temperature"): setting("continue_temperature", 0.5), ("continue", "density"): setting("continue_density", 2.0),
    ("continue", "low"): setting("continue_range", (36, 101)), ("continue", "high"): setting("continue_range", (24, 84)),
    ("continue", "key"): setting("continue_key", "C"), ("continue", "polyphony"): setting("continue_polyphony", 2),
    ("continue", "rest_beats"): setting("continue_rest_beats", 4.0), ("control", "longest_note_s"): setting("longest_note_s", 30.0),
}


# the pure part


def test_what_has_not_changed_does_nothing():
    assert changes(Config(), Config(), AT_S) == ([], [])


@pytest.mark.parametrize("before, after", [
    ({"model": {"name": "cello"}}, {"voice": [{"model": "cello"}, {"model": "piano"}]}),
    ({"voice": [{"model": "cello"}]}, {"model": {"name": "piano"}}),
    ({"voice": [{"model": "cello"}]}, {"voice": [{"model": "cello", "pan": 0.5}]}),
])
def test_who_plays_waits_for_a_restart_where_there_are_voices(before, after):
    old, new = make_config(before), make_config(after)
    events, restart = changes(old, new, AT_S)
    assert events == [] and "[[voice]]" in restart
    assert applied(old, new) == old


@pytest.mark.parametrize("section, name", NAMES)
def test_every_setting_is_either_applied_or_named(section, name):
    new = make_config({section: {name: OTHER[section][name]}})
    events, restart = changes(Config(), new, AT_S)
    if (section, name) in EVENTS:
        assert (events, restart) == ([EVENTS[section, name]], [])
    elif (section, name) == ("log", "level"):
        assert (events, restart) == ([], [])
    else:
        assert (events, restart) == ([], [f"[{section}] {name}"])


def test_no_setting_is_forgotten_here():
    """Settings of other rooms need a restart, unless LIVE says otherwise: what is live is looked at above."""
    live = {(section, name) for section, names in LIVE.items() for name in names}
    assert live == {(FIELDS.get(section, section), name) for section, name in [*EVENTS, ("log", "level")]}


def test_all_at_once_is_applied_in_an_order_that_works():
    """The range is one event, and a mode is entered when everything about it is known."""
    events, restart = changes(Config(), make_config(OTHER), AT_S)
    assert len(events) == len(EVENTS) - 1 and events.count(setting("continue_range", (36, 84))) == 1
    assert events[-1] == setting("continue_mode", "duet")
    assert len(restart) == len(NAMES) - len(EVENTS) - 1


def test_the_events_are_those_that_the_continuation_takes():
    manner = Manner()
    for event in changes(Config(), make_config(OTHER), AT_S)[0]:
        if isinstance(event, Setting) and event.name.startswith(SETTINGS):
            manner = manner.with_(event.name.removeprefix(SETTINGS), event.value)
    assert manner == make_config(OTHER).continuation.manner


def test_what_was_applied_is_not_applied_again_and_what_was_not_is_named_again():
    new = make_config(OTHER)
    now = applied(Config(), new)
    events, restart = changes(now, new, AT_S)
    assert events == [] and restart == changes(Config(), new, AT_S)[1]
    assert (now.audio.gain_db, now.audio.output, now.log.level) == (-6.0, "default", "debug")


def test_models_are_checked_before_they_are_played(tmp_path):
    (tmp_path / "net").mkdir()
    good, net = str(tiny_model_file(tmp_path)), str(tiny_biaxial_file(tmp_path / "net"))
    check_models(make_config({"model": {"name": good}, "continue": {"model": net}}))
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    for tree in ({"model": {"name": "nowhere"}, "continue": {"model": net}}, {"model": {"name": good}, "continue": {"model": "nowhere"}},
                 {"model": {"name": str(tmp_path / "bad.onnx")}}):
        with pytest.raises(ModelFileError):
            check_models(make_config(tree))


# Reload


class Told(Service):
    """systemd's ear."""

    def __init__(self) -> None:
        super().__init__({})
        self.lines: list[str] = []

    def _tell(self, *lines: str) -> None:
        self.lines.append(lines[0])


class Bench:
    """A Reload, and all that it does. `file` is what is read: a tree, or an error."""

    def __init__(self, file: dict | Exception, level: list[str]) -> None:
        self.file, self.events, self.service, self.levels = file, [], Told(), level
        self.reload = Reload(Config(), self._reread, self.events.append, self.service)

    def _reread(self) -> Config:
        if isinstance(self.file, Exception):
            raise self.file
        return make_config(self.file)

    def hang_up(self) -> list[Event]:
        """Ask, let it be done, and take what came of it."""
        self.events.clear()
        self.reload.ask()
        self.finish()
        return list(self.events)

    def finish(self) -> None:
        self.reload.watch()
        for thread in threading.enumerate():
            if thread.name == "reload":
                thread.join(30.0)
                assert not thread.is_alive()


@pytest.fixture
def bench(monkeypatch, caplog):
    levels: list[str] = []
    monkeypatch.setattr("livewave.reload.set_level", levels.append)
    caplog.set_level(logging.INFO)
    return Bench({}, levels)


def test_a_change_is_applied_and_told(bench, caplog):
    bench.file = {"audio": {"gain_db": -3}, "log": {"level": "debug"}}
    (event,) = bench.hang_up()
    assert dataclasses.replace(event, at_s=AT_S) == setting("gain_db", -3.0)
    assert bench.levels == ["debug"]
    assert caplog.messages == ["configuration read again: [audio] gain_db, [log] level changed"]


def test_only_what_the_file_changes_counts(bench):
    bench.file = {"audio": {"gain_db": -3}}
    assert len(bench.hang_up()) == 1
    assert bench.hang_up() == []
    bench.file = {}
    (event,) = bench.hang_up()
    assert (event.name, event.value) == ("gain_db", 0.0)


def test_what_needs_a_restart_is_named_in_one_line_each_time(bench, caplog):
    bench.file = {"audio": {"gain_db": -3, "output": "null", "period_frames": 64}, "control": {"osc": "127.0.0.1:9001"}}
    bench.hang_up()
    bench.hang_up()
    names = "[audio] output, [audio] period_frames, [control] osc"
    assert caplog.messages == [f"configuration read again: {what} changed; only a restart changes {names}"
                               for what in ("[audio] gain_db", "nothing")]


@pytest.mark.parametrize("problem", [ConfigError("[audio] gain_db is 99.0; it must be a number in -90.0..12.0 dB"), OSError("ours")])
def test_a_bad_file_is_a_warning_and_everything_goes_on_as_it_was(bench, caplog, problem):
    bench.file = problem
    assert bench.hang_up() == [] and bench.levels == []
    (record,) = caplog.records
    assert record.levelno >= logging.WARNING and "goes on as it was" in record.getMessage()
    bench.file = {"audio": {"gain_db": -3}}
    assert len(bench.hang_up()) == 1


def test_a_model_that_cannot_be_had_leaves_everything_as_it_was(bench, caplog):
    bench.file = {"audio": {"gain_db": -3}, "model": {"name": "nowhere"}}
    assert bench.hang_up() == []
    assert "no model is named 'nowhere'" in caplog.text
    bench.file = {"audio": {"gain_db": -3}}
    assert [event.name for event in bench.hang_up()] == ["gain_db"]


def test_a_model_that_can_be_had_is_asked_for(bench, tmp_path):
    path = str(tiny_model_file(tmp_path))
    bench.file = {"model": {"name": path}}
    assert [(event.name, event.value, event.sender) for event in bench.hang_up()] == [("model", path, None)]


def test_without_a_file_it_says_so(caplog):
    service = Told()
    reload = Reload(Config(), None, pytest.fail, service)
    reload.ask()
    reload.watch()
    for thread in threading.enumerate():
        if thread.name == "reload":
            thread.join(30.0)
    assert caplog.messages == ["there is no configuration to read again: livewave was started without --config"]
    assert service.lines == ["RELOADING=1", "READY=1"]


@pytest.mark.parametrize("file", [{}, ConfigError("bad"), OSError("ours")], ids=repr)
def test_systemd_hears_that_it_begins_and_that_it_is_over_whatever_comes_of_it(bench, file):
    bench.file = file
    bench.hang_up()
    assert bench.service.lines == ["RELOADING=1", "READY=1"]


def test_nothing_is_read_unless_it_is_asked_for(bench):
    bench.file = AssertionError("it was read")
    bench.finish()
    assert bench.service.lines == []


def test_asked_while_it_reads_it_reads_once_more_after_that(bench):
    reading, go_on = threading.Event(), threading.Event()
    reread = bench.reload._reread
    reads = []

    def slow() -> Config:
        reads.append(None)
        reading.set()
        assert go_on.wait(30.0)
        return reread()

    bench.reload._reread = slow
    bench.reload.ask()
    bench.reload.watch()
    assert reading.wait(30.0)
    for _ in range(3):
        bench.reload.ask()
        bench.reload.watch()
    assert len(reads) == 1
    go_on.set()
    bench.finish()
    bench.finish()
    assert len(reads) == 2


# on_hangup


@pytest.fixture
def hangups():
    """SIGHUP as it was, afterwards; what was called meanwhile."""
    before = signal.getsignal(signal.SIGHUP)
    yield []
    signal.signal(signal.SIGHUP, before)


def hang_up(hangups: list[str], ignored: bool = False) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    on_hangup(lambda: hangups.append("reload"), lambda: hangups.append("stop"))


def test_without_a_terminal_a_hangup_is_a_reload(hangups, monkeypatch):
    monkeypatch.setattr(os, "isatty", lambda _: False)
    hang_up(hangups)
    os.kill(os.getpid(), signal.SIGHUP)
    assert hangups == ["reload"]


def test_with_a_terminal_a_hangup_is_a_reload_until_the_terminal_is_gone(hangups, monkeypatch):
    there = {0, 1}
    monkeypatch.setattr(os, "isatty", lambda stream: stream in there)
    hang_up(hangups)
    os.kill(os.getpid(), signal.SIGHUP)
    there.clear()
    os.kill(os.getpid(), signal.SIGHUP)
    assert hangups == ["reload", "stop"]


def test_who_was_told_to_survive_the_terminal_survives_it(hangups, monkeypatch):
    there = {0, 1, 2}
    monkeypatch.setattr(os, "isatty", lambda stream: stream in there)
    hang_up(hangups, ignored=True)
    there.clear()
    os.kill(os.getpid(), signal.SIGHUP)
    assert hangups == ["reload"]
