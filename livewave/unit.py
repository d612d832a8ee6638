"""The systemd user unit that keeps livewave running: printed, or put where systemd looks for it.

Source: systemd.service(5), systemd.exec(5), systemd.syntax(7).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from livewave import LivewaveError

NAME = "livewave.service"
START = "systemctl --user daemon-reload && systemctl --user enable --now livewave"
# The daemon itself replaces a sound process that is stuck, which may take START_TIMEOUT_S of the supervisor.
WATCHDOG_S = 30
OURS = "LIVEWAVE_"  # environment variables that are kept

UNIT = """\
[Unit]
Description=livewave, a neural instrument that is played live
After=pipewire.service jack.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
{more}Restart=always
RestartSec=1
RestartPreventExitStatus=2
WatchdogSec={watchdog_s}
TimeoutStopSec=10
LimitRTPRIO=95
LimitMEMLOCK=infinity

[Install]
WantedBy=default.target
"""


def unit(flags: Sequence[str], folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """The text of the unit. What `flags` of `livewave run` name is looked for from `folder`, as it was where they were given.

    Raises LivewaveError for what a unit cannot hold.
    """
    more = [f"WorkingDirectory={_specifiers(_holdable(str(folder)))}"] if flags else []
    more += [f"Environment={_word(f'{name}={value}')}" for name, value in sorted(environment.items()) if name.startswith(OURS)]
    return UNIT.format(command=" ".join(map(_argument, [*_program(), "run", *flags])), watchdog_s=WATCHDOG_S,
                       more="".join(f"{line}\n" for line in more))


def unit_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the user's manager looks for it."""
    settings = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return settings / "systemd" / "user" / NAME


def install(text: str, at: Path) -> bool:
    """Write the unit; one that is there is replaced whole. Whether there was another one. Raises LivewaveError."""
    try:
        before = at.read_text(encoding="utf-8", errors="replace") if at.exists() else text
        at.parent.mkdir(parents=True, exist_ok=True)
        beside = at.with_name(f"{at.name}.new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(at)
    except OSError as error:
        raise LivewaveError(f"cannot write {at}: {error.strerror}; print it with `livewave service`, and put it there yourself") from None
    return before != text


def _program() -> list[str]:
    """The `livewave` of this installation; where it has none, its Python."""
    script = Path(sysconfig.get_path("scripts")) / "livewave"
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "livewave"]


def _holdable(text: str) -> str:
    if not text.isprintable():
        raise LivewaveError(f"a systemd unit cannot hold {text!r}; give it in printable characters, on one line")
    return text


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """In quotes where systemd would take it for several words, or for something else."""
    text = _specifiers(_holdable(text)).replace("\\", "\\\\")
    plain = text and not any(character in " \t\"'\\;#" for character in text)
    return text if plain else '"' + text.replace('"', '\\"') + '"'


def _argument(text: str) -> str:
    """A word of a command line, in which systemd would put variables."""
    return _word(text).replace("$", "$$")
