"""The class for SuperCollider, in a real sclang without a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from livewave.music.score import Note
from tests.scenario.daemon import HOST, Playing, daemon
from tests.scenario.hearing import await_silence
from tests.scenario.score import START_S, compass
from tests.scenario.test_live_by_osc import follows, heard

QUARK = Path(__file__).parents[2] / "patches" / "supercollider"
TIMEOUT_S = 120.0
STEPS = (0, 2, 4, 7, 4, 2, 0)
pytestmark = pytest.mark.skipif(shutil.which("sclang") is None, reason="sclang is not installed (apt-get install supercollider-language)")


def run_sclang(folder: Path, script: str) -> str:
    """What it prints; the script ends itself by `0.exit`."""
    (folder / "conf.yaml").write_text(f"includePaths:\n    - {QUARK / 'Classes'}\nexcludePaths: []\npostInlineWarnings: false\n")
    (folder / "script.scd").write_text(script)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    variables = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1", "XDG_RUNTIME_DIR": str(runtime),
                 "HOME": str(folder)}
    done = subprocess.run(["sclang", "-D", "-l", str(folder / "conf.yaml"), str(folder / "script.scd")], env=variables,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0 and "ERROR" not in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_a_pattern_is_followed(tmp_path):
    root = compass().low + 5
    notes = [Note(START_S + 0.5 * n, START_S + 0.5 * n + 0.4, root + step, 100) for n, step in enumerate(STEPS)]

    def play(running: Playing, path: Path) -> None:
        run_sclang(tmp_path, f"""
            l = Livewave("{HOST}", {running.port});
            Pbind(\\type, \\livewave, \\midinote, Pseq({[note.pitch for note in notes]}), \\dur, 0.5, \\legato, 0.8, \\amp, 0.8).play;
            SystemClock.sched({0.5 * len(notes) + 1.0}, {{ 0.exit; nil }});
        """)
        await_silence(path)

    heard(tmp_path, play, follows(notes))


def test_knobs_status_and_levels(tmp_path):
    with daemon("--audio", "null") as playing:
        said = run_sclang(tmp_path, f"""
            l = Livewave("{HOST}", {playing.port});
            l.gain(-12); l.send('continue/density', 2); l.noteOn(67, 100);
            l.on(\\level, {{ |peak| "level %".format(peak).postln }});
            l.on(\\spectrum, {{ |levels| "bands %".format(levels.size).postln }});
            SystemClock.sched(1.0, {{ l.askStatus({{ |status| "model % notes %".format(status[\\model], status[\\notes]).postln }}); nil }});
            SystemClock.sched(1.5, {{ l.panic; l.free; nil }});
            SystemClock.sched(2.0, {{ 0.exit; nil }});
        """)
        status = playing.osc.status()
    assert (status["gain_db"], status["continue_density"], status["notes"]) == (-12.0, 2.0, 0)
    assert "model flute notes 1" in said
    levels = [float(line.split()[1]) for line in said.splitlines() if line.startswith("level ")]
    assert len(levels) > 10 and max(levels) > 0.005
    assert said.count("bands 96") > 10
