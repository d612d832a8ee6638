"""The daemon as those see it who keep it running: systemd, SIGHUP, log files, `livewave status`."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.scenario.daemon import HOST, command, daemon, environment, livewave, until
from tests.systemd import Systemd
from tests.toys import tiny_model_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
WATCHDOG_US = "400000"


@pytest.fixture
def systemd(tmp_path):
    listening = Systemd(str(tmp_path / "notify"))
    yield listening
    listening.close()


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "stage.toml"
    path.write_text("[audio]\ngain_db = -1\n")
    return path


def hang_up(playing, file: Path, text: str) -> str:
    """Let the daemon read `text` from its file; what it says of it."""
    before = len(playing.lines)
    file.write_text(text)
    os.kill(playing.pid, signal.SIGHUP)
    return until(lambda: next((line for line in playing.lines[before:] if "configuration" in line), ""), "the file to be read again")


# systemd


def test_systemd_hears_that_it_is_ready_that_it_lives_and_that_it_ends(systemd):
    with daemon("--audio", "null", NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC=WATCHDOG_US) as playing:
        until(lambda: systemd.count("WATCHDOG=1") >= 3, "signs of life")
        ready = systemd.told[0]
        assert ready[0] == "READY=1" and ready[1].startswith("STATUS=flute on null")
        assert systemd.count("STOPPING=1") == 0
        environment_of_child = Path(f"/proc/{playing.audio_pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environment_of_child and b"WATCHDOG_USEC" not in environment_of_child
        assert playing.end(signal.SIGTERM) == 0
    assert systemd.count("READY=1") == 1
    assert systemd.told[-1] == ["STOPPING=1"]


def test_systemd_hears_nothing_good_of_a_daemon_that_stands_still(systemd):
    """Stopped, it gives no sign of life; going on, it does."""
    with daemon("--audio", "null", NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC=WATCHDOG_US) as playing:
        until(lambda: systemd.count("WATCHDOG=1"), "a sign of life")
        os.kill(playing.pid, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{playing.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "it to stand still")
        stopped = systemd.count("WATCHDOG=1")
        assert systemd.count("WATCHDOG=1") == stopped
        os.kill(playing.pid, signal.SIGCONT)
        until(lambda: systemd.count("WATCHDOG=1") > stopped, "another sign of life")


def test_a_watchdog_that_is_for_another_process_hears_nothing(systemd):
    with daemon("--audio", "null", NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC=WATCHDOG_US, WATCHDOG_PID="1") as playing:
        until(lambda: systemd.count("READY=1"), "READY")
        assert playing.end() == 0
    assert systemd.count("WATCHDOG=1") == 0 and systemd.count("STOPPING=1") == 1


# SIGHUP


def test_sighup_applies_what_the_file_changes_while_it_plays(file, systemd, tmp_path):
    tiny = tiny_model_file(tmp_path)
    with daemon("--audio", "null", "--config", str(file), "--temperature", "0.6", NOTIFY_SOCKET=systemd.address) as playing:
        playing.osc.send("/livewave/note", 72, 100)
        playing.osc.sync()
        assert playing.osc.status()["gain_db"] == -1.0

        said = hang_up(playing, file, "[audio]\ngain_db = -7.5\n[model]\ntemperature = 0.1\n[tempo]\nbpm = 90\n[continue]\nmode = 'answer'\n")
        assert said == "configuration read again: [audio] gain_db, [continue] mode, [tempo] bpm changed"
        until(lambda: playing.osc.status()["continue"] == "answer", "the continuation")
        status = playing.osc.status()
        assert (status["gain_db"], status["tempo_bpm"], status["notes"]) == (-7.5, 90.0, 1)
        assert status["temperature"] == pytest.approx(0.6), "the flag wins"
        until(lambda: systemd.count("RELOADING=1") == 1 and systemd.count("READY=1") == 2, "systemd to hear of it")

        said = hang_up(playing, file, f"[audio]\ngain_db = -7.5\noutput = 'nosuch'\nperiod_frames = 256\n[model]\nname = '{tiny}'\n")
        assert said == ("configuration read again: [model] name, [continue] mode, [tempo] bpm changed; "
                        "only a restart changes [audio] period_frames"), "the output is a flag's"
        until(lambda: playing.osc.status()["model"] == str(tiny), "the other model")
        status = playing.osc.status()
        assert (status["gain_db"], status["tempo_bpm"], status["notes"]) == (-7.5, 120.0, 1)


def test_a_file_that_is_bad_is_a_warning_and_everything_goes_on_as_it_was(file):
    with daemon("--audio", "null", "--config", str(file)) as playing:
        for text, words in (("[audio]\ngain_db = 99\n", "-90.0..12.0"), ("[audio\n", "not TOML"),
                            ("[audio]\ngain_db = -9\n[model]\nname = 'nosuch'\n", "nosuch")):
            said = hang_up(playing, file, text)
            assert words in said and said.endswith("everything goes on as it was")
            status = playing.osc.status()
            assert (status["gain_db"], status["model"]) == (-1.0, "flute")
        assert "gain_db changed" in hang_up(playing, file, "[audio]\ngain_db = -9\n")
        until(lambda: playing.osc.status()["gain_db"] == -9.0, "the gain")


def test_sighup_without_a_file_ends_nothing():
    with daemon("--audio", "null") as playing:
        os.kill(playing.pid, signal.SIGHUP)
        until(lambda: "without --config" in playing.said, "it to be said")
        assert playing.osc.status()["model"] == "flute"


def _in_a_terminal() -> None:
    """A process that leads a session on the terminal at its input, and that hears when it is closed, also where we do not (nohup)."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_terminal_that_is_closed_ends_the_daemon_cleanly_and_leaves_no_process_behind():
    ours, theirs = os.openpty()
    process = subprocess.Popen(command("run", "--audio", "null", "--midi", "none", "--osc", f"{HOST}:{free_port()}"), env=environment(),
                               stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
                               preexec_fn=_in_a_terminal)
    os.close(theirs)
    try:
        for line in process.stdout:
            if line.startswith("ready"):
                break
        assert process.poll() is None
        os.close(ours)
        assert process.wait(30.0) == 0
    finally:
        process.kill()
        process.stdout.close()


# logs


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_file_has_what_the_terminal_has_with_time_and_level(tmp_path):
    path = tmp_path / "live.log"
    with daemon("--audio", "null", "--log-file", str(path)) as playing:
        playing.osc.send("/livewave/nosuch")
        until(lambda: "no such address" in playing.said, "the complaint")
        assert playing.end() == 0
    told = lines(path)
    assert [line["message"] for line in told[1:-1]] == playing.lines
    (complaint,) = [line for line in told if "no such address" in line["message"]]
    assert (complaint["level"], complaint["logger"]) == ("warning", "livewave.control.osc")


def test_a_log_file_that_can_no_longer_be_written_stops_nothing_and_is_said_once(tmp_path):
    path = tmp_path / "live.log"
    with daemon("--audio", "null", "--log-file", str(path)) as playing:
        resource.prlimit(playing.pid, resource.RLIMIT_FSIZE, (path.stat().st_size + 500, resource.RLIM_INFINITY))
        playing.osc.send("/livewave/dumpOSC", 1)
        for number in range(50):
            playing.osc.send("/livewave/sync", number)
        until(lambda: playing.said.count("/livewave/sync") == 50, "all lines on the terminal")
        assert playing.osc.status()["model"] == "flute"
    assert playing.said.count("its lines are lost") == 1
    assert len(lines(path)) < 50, "and no line is torn"


def test_the_log_level_leaves_out_what_is_below(tmp_path):
    path = tmp_path / "live.log"
    with daemon("--audio", "null", "--log-file", str(path), "--log-level", "error") as playing:
        playing.osc.send("/livewave/nosuch")
        playing.osc.sync()
    assert "no such address" not in playing.said and path.read_text().count("\n") == 1


# status, --check-config, service


def test_status_shows_what_a_running_daemon_says_of_itself():
    with daemon("--audio", "null") as playing:
        playing.osc.send("/livewave/note", 72, 100)
        playing.osc.sync()
        done = livewave("status", "--osc", f"{HOST}:{playing.port}")
        as_json = livewave("status", "--json", "--osc", f"{HOST}:{playing.port}")
    assert done.returncode == 0 and done.stderr == ""
    assert dict(line.split(None, 1) for line in done.stdout.splitlines())["notes"] == "1"
    status = json.loads(as_json.stdout)
    assert (status["model"], status["notes"], status["rate_hz"]) == ("flute", 1, 48_000)


def test_status_of_nobody_is_one_line():
    address = f"{HOST}:{free_port()}"
    done = livewave("status", "--osc", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"livewave: no livewave at {address}: ") and done.stderr.count("\n") == 1


def test_a_configuration_is_checked_beside_a_daemon_that_has_its_port(tmp_path):
    with daemon("--audio", "null") as playing:
        done = livewave("run", "--check-config", "--osc", f"{HOST}:{playing.port}")
    assert done.returncode == 0 and done.stdout.startswith("configuration ok: ") and done.stderr == ""


def test_a_unit_is_printed_that_starts_what_was_asked_for(file):
    done = livewave("service", "--config", str(file))
    assert done.returncode == 0 and f" run --config {file}\n" in done.stdout and done.stderr == ""
