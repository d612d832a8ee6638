"""Where log lines go, what they look like there, and that nothing that befalls them reaches who logs."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import textwrap
import threading
from datetime import datetime

import pytest

from livewave import ConfigError
from livewave.config import LogConfig
from livewave.logs import FORMATTERS, LogFile, TerminalFormatter, logging_as, one_line, say, set_level
from tests.scenario.daemon import ROOT, environment

log = logging.getLogger("livewave.test")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "live.log"


@pytest.fixture
def terminal():
    """What goes to the terminal while a test runs, as main would have it."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TerminalFormatter())
    handler.addFilter(lambda record: getattr(record, "on_terminal", True))
    before, root.handlers[:] = list(root.handlers), [handler]
    yield stream
    root.handlers[:] = before


def config(path, **choices) -> LogConfig:
    return LogConfig(file=str(path), **choices)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    return logging.LogRecord("livewave.test", logging.WARNING, "", 0, message, arguments, error and (type(error), error, None))


# what lines look like


def test_a_json_line_has_the_time_the_level_who_and_what():
    made = record("%s is %d", "x", 3)
    line = json.loads(FORMATTERS["json"]().format(made))
    assert {name: line[name] for name in line if name != "time"} == {"level": "warning", "logger": "livewave.test", "message": "x is 3"}
    assert datetime.fromisoformat(line["time"]).timestamp() == pytest.approx(made.created, abs=1e-3)


def test_a_text_line_is_the_same_for_eyes():
    line = FORMATTERS["text"]().format(record("%s is %d", "x", 3))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d warning livewave\.test: x is 3", line)


@pytest.mark.parametrize("name", FORMATTERS)
def test_a_record_is_one_line_of_the_file_whatever_it_holds(name):
    told = FORMATTERS[name]().format(record("a\nb\r\x1b[2J\x85\u2028 %s", "c\n{}", error=ValueError("d\ne")))
    assert len(told.splitlines()) == 1 and told.isprintable()
    assert "ValueError" in told


def test_a_line_for_the_terminal_is_the_message_and_cannot_steer_it():
    shown = TerminalFormatter().format(record("from %s: \x1b[2J\x07\nforged\tline \x9b1m", "ä"))
    assert shown == "from ä: \\u001b[2J\\u0007\\u000aforged\tline \\u009b1m"


def test_one_line_leaves_what_can_be_seen_as_it_is():
    assert one_line("Käys — 12 µs %s \\n") == "Käys — 12 µs %s \\n"


# where they go


def test_the_file_and_the_terminal_have_every_line_and_the_terminal_nothing_else(path, terminal):
    with logging_as(config(path)):
        log.warning("one %s", 1)
        logging.getLogger("livewave.control.osc").info("two")
    assert terminal.getvalue() == "one 1\ntwo\n"
    first, *others, last = lines(path)
    assert first["message"].startswith("livewave ") and "begins" in first["message"] and last["message"] == "livewave ends"
    assert [(line["logger"], line["message"]) for line in others] == [("livewave.test", "one 1"), ("livewave.control.osc", "two")]


def test_what_is_said_is_printed_once_and_is_in_the_file_too(path, terminal, capsys):
    with logging_as(config(path)):
        say("ready")
    assert (capsys.readouterr().out, terminal.getvalue()) == ("ready\n", "")
    assert lines(path)[1]["message"] == "ready"


@pytest.mark.parametrize("level, heard", [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")])
def test_a_level_leaves_out_what_is_below(path, terminal, level, heard):
    with logging_as(config(path, level=level)):
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)(name[0])
    assert terminal.getvalue().split() == list(heard)
    assert "".join(line["message"] for line in lines(path) if not line["message"].startswith("livewave")) == heard


def test_other_peoples_libraries_do_not_tell_their_details(path, terminal):
    with logging_as(config(path, level="debug")):
        logging.getLogger("matplotlib").debug("detail")
        logging.getLogger("matplotlib").warning("trouble")
    assert terminal.getvalue() == "trouble\n"


def test_the_level_can_be_changed_while_it_plays(path, terminal):
    with logging_as(config(path)):
        log.debug("no")
        set_level("debug")
        log.debug("yes")
        set_level("error")
        log.warning("no more")
    assert terminal.getvalue() == "yes\n"


def test_afterwards_all_is_as_it_was(path, terminal):
    root = logging.getLogger()
    before = list(root.handlers), root.level, logging.getLogger("livewave").level, logging.raiseExceptions
    with pytest.raises(ZeroDivisionError), logging_as(config(path, level="debug")):
        assert root.handlers != before[0]
        raise ZeroDivisionError
    assert before == (list(root.handlers), root.level, logging.getLogger("livewave").level, logging.raiseExceptions)
    assert not [thread for thread in threading.enumerate() if thread.name == "log"]


def test_what_ends_it_is_in_the_file_with_its_traceback_where_nobody_expected_it(path, terminal):
    for error in (ConfigError("no such port"), ZeroDivisionError("ours")):
        with pytest.raises(type(error)), logging_as(config(path)):
            raise error
    expected, surprise = (line for line in lines(path) if line["level"] == "error")
    assert expected["message"] == "no such port" and "error" not in expected
    assert "Traceback" in surprise["error"] and "ours" in surprise["error"]
    assert terminal.getvalue() == ""


def test_who_logs_does_not_wait_for_a_terminal_that_is_held(path, terminal):
    """The held one lets go only after all has been logged: were it waited for, this would not end."""
    held = threading.Event()
    terminal.write = lambda text: held.wait()
    with logging_as(config(path)):
        for number in range(100):
            log.info("%d", number)
        held.set()
    assert len(lines(path)) == 102


def test_a_line_that_cannot_be_made_is_no_reason_to_stop(path, terminal, capsys):
    with logging_as(config(path)):
        log.info("%d", "no number")
        log.info("next")
    assert [line["message"] for line in lines(path)[1:-1]] == ["next"]
    assert "Traceback" not in capsys.readouterr().err


# the file


def test_a_file_that_is_there_is_gone_on_with(path):
    for number in (1, 2):
        with logging_as(config(path)):
            log.warning("%d", number)
    assert [line["message"] for line in lines(path) if not line["message"].startswith("livewave")] == ["1", "2"]


def test_a_file_that_is_full_makes_room_and_so_many_are_kept(path):
    with logging_as(config(path, size_mb=0.01, keep=2)):
        for number in range(400):
            log.warning("line %d", number)
    assert sorted(each.name for each in path.parent.iterdir()) == ["live.log", "live.log.1", "live.log.2"]
    told = [line["message"] for each in ("live.log.2", "live.log.1", "live.log") for line in lines(path.with_name(each))]
    assert told == [*(f"line {number}" for number in range(401 - len(told), 400)), "livewave ends"]
    assert all(each.stat().st_size <= 10_000 for each in path.parent.iterdir())


def test_the_home_folder_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with logging_as(config("~/live.log")):
        log.warning("here")
    assert (tmp_path / "live.log").exists()


@pytest.mark.parametrize("where", ["nosuch/live.log", ".", "file/live.log", "nul\0.log", "x" * 300], ids=repr)
def test_a_file_that_cannot_be_written_is_said_before_anything_sounds(tmp_path, where):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="log file .*; name a file in a folder") as caught, logging_as(config(tmp_path / where)):
        raise AssertionError("it began")
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)


def in_a_process_whose_files_end_at(limit_bytes: int, code: str, path) -> subprocess.CompletedProcess[str]:
    """Run `code`, with `path`, where writing beyond the limit fails as on a full disk; `more()` lifts the limit."""
    begin = f"""
        import logging, resource, sys
        from livewave import ConfigError
        from livewave.config import LogConfig
        from livewave.logs import logging_as, to_terminal
        def more(): resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, resource.RLIM_INFINITY))
        to_terminal()
        log, path = logging.getLogger("livewave"), sys.argv[1]
    """
    return subprocess.run([sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(code), str(path)], env=environment(),
                          cwd=ROOT, capture_output=True, text=True)


def test_a_disk_that_is_full_at_the_start_is_said(path):
    done = in_a_process_whose_files_end_at(20, """
        try:
            with logging_as(LogConfig(file=path)):
                print("it began")
        except ConfigError as error:
            print(error)
    """, path)
    assert done.stdout.startswith(f"log file {path}: File too large; name a file") and done.stdout.count("\n") == 1
    assert done.stderr == "" and path.read_text() == ""


@pytest.mark.parametrize("level", ["debug", "error"])
def test_a_disk_that_fills_up_costs_lines_and_one_complaint_and_no_line_is_torn(path, level):
    """`mended` is waited for by the lines it makes possible: those of the thread that writes."""
    done = in_a_process_whose_files_end_at(2_000, f"""
        import time
        with logging_as(LogConfig(file=path, level="{level}")):
            for number in range(60):
                log.error("line %d", number)
            while not log.parent.handlers[0].queue.empty():
                time.sleep(0.01)
            more()
            log.error("mended")
        print("done")
    """, path)
    assert done.stdout == "done\n", done.stderr
    shown = done.stderr.splitlines()
    assert [line for line in shown if line.startswith("line")] == [f"line {number}" for number in range(60)]
    (complaint,) = [line for line in shown if not line.startswith("line") and line != "mended"]
    assert complaint == f"log file {path}: [Errno 27] File too large; its lines are lost until that is mended"
    told = [line["message"] for line in lines(path)[1:]]
    written = sum(message.startswith("line ") for message in told)
    assert told[:written] == [f"line {number}" for number in range(written)] and 5 < written < 60
    lost = int(told[written].split()[0])
    assert told[written] == f"{lost} lines before this one are lost" and told[written + 1:] == ["mended"] + ["livewave ends"] * (level == "debug")
    assert lost in (60 - written, 60 - written + 1)  # the complaint is a line too


def test_a_file_whose_folder_is_taken_away_costs_lines_and_one_complaint(path, terminal):
    with logging_as(config(path, size_mb=0.01, keep=1)):
        path.unlink()
        path.parent.rename(path.parent.with_name("gone"))
        try:
            for number in range(400):  # more than the open file takes before it is to make room
                log.warning("line %d", number)
        finally:
            while logging.getLogger().handlers[0].queue.qsize():
                threading.Event().wait(0.01)
            path.parent.with_name("gone").rename(path.parent)
        log.warning("back")
    assert terminal.getvalue().count("its lines are lost") == 1 and "Traceback" not in terminal.getvalue()
    assert lines(path)[-2]["message"] == "back" and "lines before this one are lost" in path.read_text()


def test_a_log_file_counts_what_it_lost(path):
    complaints: list[str] = []
    file = LogFile(config(path), complaints.append)
    file.stream.close()
    path.unlink()
    away = path.parent.rename(path.parent.with_name("away"))
    for _ in range(3):
        file.emit(record("lost"))
    assert file.lost == 3 and len(complaints) == 1
    away.rename(path.parent)
    file.emit(record("back"))
    file.close()
    assert [line["message"] for line in lines(path)] == ["3 lines before this one are lost", "back"]
