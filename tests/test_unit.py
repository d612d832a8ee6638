"""The systemd unit: that it says what it should, that systemd takes it, and where it is put."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from livewave import LivewaveError
from livewave.supervisor import START_TIMEOUT_S
from livewave.unit import WATCHDOG_S, install, unit, unit_path

ODD = ["--config", "my stage.toml", "--audio", 'a "b" \'c\' \\d', "--midi", "$HOME ${X} 100%h", "--model", "é;#", "--osc", ";"]
SECTIONS = {
    "Unit": {"Description", "After", "StartLimitIntervalSec"},
    "Service": {"Type", "NotifyAccess", "ExecStart", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "WatchdogSec",
                "TimeoutStopSec", "LimitRTPRIO", "LimitMEMLOCK"},
    "Install": {"WantedBy"},
}


def read(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"), strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return parser


def test_the_unit_has_these_lines_and_no_others():
    found = read(unit([], Path("/"), {}))
    assert {name: set(found[name]) for name in found.sections()} == SECTIONS


def test_the_unit_is_one_that_tells_when_it_is_ready_and_is_kept_running():
    service = read(unit([], Path("/"), {}))["Service"]
    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "always")
    assert (service["LimitRTPRIO"], service["LimitMEMLOCK"]) == ("95", "infinity")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_the_watchdog_waits_at_least_as_long_as_an_audio_process_may_take_to_start():
    assert int(read(unit([], Path("/"), {}))["Service"]["WatchdogSec"]) == WATCHDOG_S >= START_TIMEOUT_S


def test_what_is_started_is_the_livewave_of_this_installation():
    program, *arguments = read(unit([], Path("/"), {}))["Service"]["ExecStart"].split()
    assert Path(program).is_absolute() and os.access(program, os.X_OK)
    assert arguments in (["run"], ["-m", "livewave", "run"])
    done = subprocess.run([program, *arguments[:-1], "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("livewave ")


def test_without_its_program_it_is_started_by_its_python(monkeypatch, tmp_path):
    monkeypatch.setattr("livewave.unit.sysconfig.get_path", lambda _: str(tmp_path))
    assert read(unit([], Path("/"), {}))["Service"]["ExecStart"].endswith(" -m livewave run")


def test_what_the_flags_name_is_found_from_where_they_were_given(tmp_path):
    folder = tmp_path / "a 100% gig"
    assert read(unit(["--config", "stage.toml"], folder, {}))["Service"]["WorkingDirectory"] == str(folder).replace("%", "%%")


def test_every_flag_arrives_as_it_was_given():
    """As systemd reads it: quotes and backslashes like a shell's, %% and $$ for % and $."""
    line = read(unit(ODD, Path("/"), {}))["Service"]["ExecStart"]
    words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(line)]
    assert words[words.index("run") + 1:] == ODD
    assert "$" not in line.replace("$$", "") and "%" not in line.replace("%%", "")


@pytest.mark.parametrize("odd", ["a\nExecStop=/bin/rm", "a\rb", "a\0b", "\x1b[2J", "\udc80"])
def test_what_would_be_a_line_of_its_own_is_refused(odd):
    with pytest.raises(LivewaveError, match="cannot hold"):
        unit(["--model", odd], Path("/"), {})
    with pytest.raises(LivewaveError, match="cannot hold"):
        unit(["--model", "flute"], Path(f"/{odd}"), {})


def test_livewaves_own_variables_are_kept_and_no_others():
    environment = {"LIVEWAVE_MODEL_PATH": "/my models", "LIVEWAVE_ISA": "v3", "SECRET": "x"}
    text = unit([], Path("/"), environment)
    assert 'Environment=LIVEWAVE_ISA=v3\nEnvironment="LIVEWAVE_MODEL_PATH=/my models"\n' in text and "SECRET" not in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("flags", [[], ODD], ids=["plain", "odd"])
def test_systemd_takes_the_unit_without_a_word(tmp_path, flags):
    path, runtime = tmp_path / "livewave.service", tmp_path / "run"
    runtime.mkdir()
    path.write_text(unit(flags, tmp_path, {"LIVEWAVE_MODEL_PATH": "/my models"}), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True,
                          env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_does_not_take_any_unit(tmp_path):
    """What the test above stands on."""
    path, runtime = tmp_path / "livewave.service", tmp_path / "run"
    runtime.mkdir()
    path.write_text(unit([], tmp_path, {}).replace("WatchdogSec", "WatchdogSeconds"))
    done = subprocess.run(["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True,
                          env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)})
    assert "WatchdogSeconds" in done.stderr


def test_it_is_put_where_the_users_manager_looks(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert unit_path({}) == tmp_path / ".config/systemd/user/livewave.service"
    assert unit_path({"XDG_CONFIG_HOME": ""}) == unit_path({})
    assert unit_path({"XDG_CONFIG_HOME": "/settings"}) == Path("/settings/systemd/user/livewave.service")


def test_installing_makes_the_folders_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a/b/livewave.service"
    assert install("one", path) is False
    assert install("one", path) is False
    assert install("two", path) is True
    assert path.read_text() == "two"
    assert [each.name for each in path.parent.iterdir()] == ["livewave.service"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o111 == 0


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LivewaveError, match="cannot write .*file/livewave.service.*livewave service"):
        install("one", tmp_path / "file" / "livewave.service")
