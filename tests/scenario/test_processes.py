"""What the two processes load, and what an import costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.scenario.daemon import daemon, environment

WHAT_AN_IMPORT_LOADS = """
import sys
before = set(sys.modules)
import livewave
files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in set(sys.modules) - before}
compiled = [name for name, file in files.items() if file.endswith((".so", ".pyd"))]
print(*compiled, *(name for name in ("numpy", "sounddevice", "onnx", "jack", "rtmidi") if name in sys.modules))
"""


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_neither_process_loads_torch():
    with daemon("--audio", "null") as playing:
        control, audio = mapped(playing.pid), mapped(playing.audio_pid)
    assert "libtorch" not in control + audio
    assert "_kernels" in audio or "onnxruntime" in audio


def test_the_audio_process_loads_no_osc_and_no_midi():
    with daemon("--audio", "null") as playing:
        audio = mapped(playing.audio_pid)
    assert "_rtmidi" not in audio and "livewave/control/_jack" not in audio


def test_import_livewave_loads_no_extension():
    command = [sys.executable, "-c", WHAT_AN_IMPORT_LOADS]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_ready_is_the_last_of_a_few_lines_that_name_everything_in_use():
    with daemon("--audio", "null") as playing:
        said = list(playing.lines)
    assert [line.split()[0] for line in said] == ["model", "engine", "audio", "latency", "midi", "osc", "ready"]
    assert str(playing.port) in said[5]
