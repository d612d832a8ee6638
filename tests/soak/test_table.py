from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.scenario.daemon import environment
from tests.soak import collect
from tests.soak.children import NotMeasured
from tests.soak.table import placed, table
from tests.soak.test_dense import ROW
from tests.soak.dense import summed
from tests.soak.test_faults import GOOD
from tests.soak.test_latency import FOUND as LATENCY
from tests.soak.latency import row

BEGIN, END = "<!-- soak -->", "<!-- /soak -->"
ISOLATED = {"period_frames": 128, "load": "hog", "seconds": 60, "gaps": 0, "underruns": 0, "restarts": 0, "gaps_of_server": 4,
            "gaps_of_meter": 2}
TOLD = {"latency_ms": 11.0, "p99_ms": 1.2}


def part(found: object, **changes: object) -> dict[str, object]:
    return {"command": "python -m tests.soak.some", "short": False, "load_average_before": 0.5, "took_s": 9, "found": found, **changes}


PARTS = {
    "latency": part({"rows": [row(LATENCY)], "broken": []}),
    "isolation": part({"rows": [ISOLATED, ISOLATED | {"period_frames": 64, "gaps": 3}], "broken": []}),
    "faults": part({"rows": [GOOD, GOOD | {"back_s": 1.5}, {"fault": "record-killed", "lost_s": 0.1, "lost_notes": 0, "replays": True},
                             GOOD | {"fault": "clock-step", "back_s": 0.0}], "broken": []}),
    "dense": part({"minutes": 60.0, "flood_s": 60.0, **summed(ROW, [ROW]), "broken": []}),
    "fuzz": part({"osc": {"packets": 100_000, "seed": 0, "notes": 0, "restarts": 0, "before": TOLD, "during": TOLD},
                  "midi": {"packets": 100_000, "notes": 0}, "jack": "no JACK"}),
    "splits": part({"minutes": 60.0, "samples_compared": 57_600_000, "samples_differing": 0}),
}
FOUND = {"machine": {"cpu": "A CPU", "cores": 2, "system": "Linux x86_64", "python": "3.11"}, "date": "2024-01-31", "parts": PARTS}


@pytest.fixture
def files(tmp_path):
    """(soak.json, README.md), the README stale."""
    found, readme = tmp_path / "soak.json", tmp_path / "README.md"
    found.write_text(json.dumps(FOUND))
    readme.write_text(f"# livewave\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    return found, readme


def run(files, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.soak.table", str(files[0]), "--readme", str(files[1]), *flags]
    return subprocess.run(command, env=environment(), capture_output=True, text=True)


def test_each_figure_stands_beside_its_limit_and_a_missed_one_is_bold():
    text = table(FOUND)
    assert "| 128 | 11.0 ms | 11.7 ms | 1.2 ms | ring 5.3 ms | 48 of 50 |" in text
    assert "| a thread that keeps the control process's interpreter | **3 / 0** (4, 2) | 0 / 0 (4, 2) |" in text
    assert "| audio process killed (SIGKILL) | **1.50 s** |  | 0 |" in text
    assert "| wall clock an hour on | not interrupted |  | 0 |" in text
    assert "| daemon killed while recording |  | 0.10 s of audio, 0 notes |  |" in text
    assert "0 underruns" in text and "0 notes stuck" in text and "57600000 samples, 0 differ" in text


def test_what_was_not_measured_says_why():
    parts = {**PARTS, "splits": {**part(None), "error": "it is not there"}}
    assert table({**FOUND, "parts": parts}).endswith("Splits: not measured (it is not there).")


def test_what_a_table_shows_names_machine_date_and_command():
    text = table(FOUND)
    assert text.startswith("A CPU, 2 cores, Linux x86_64, 2024-01-31, by `make soak`")
    assert text.count("`python -m tests.soak.some`, load average before 0.5.") == len(PARTS)


def test_it_is_put_between_its_markers_and_checked(files):
    assert run(files, "--check").returncode == 1
    assert run(files).returncode == 0
    assert run(files, "--check").returncode == 0
    text = files[1].read_text()
    assert text == placed(text, table(FOUND)) and text.startswith("# livewave") and text.endswith("after\n")


def test_a_file_that_is_not_as_it_is_written_now_is_refused_with_the_remedy(files):
    files[0].write_text(json.dumps({"parts": {"latency": part({"rows": [{}]})}}))
    done = run(files)
    assert done.returncode == 1 and "make soak" in done.stderr and "Traceback" not in done.stderr


def test_parts_are_collected_one_by_one_and_the_others_stay(tmp_path, monkeypatch):
    def found_by(module: str, *arguments: str, seconds: float) -> dict[str, object]:
        if module.endswith("splits"):
            raise NotMeasured("it is not there")
        return {"module": module, "arguments": arguments, "broken": ["too slow"]}

    monkeypatch.setattr(collect, "found_by", found_by)
    out = tmp_path / "soak.json"
    collect.collect(out, ["latency", "splits"], short=True, flags="--model cello")
    found = collect.collect(out, ["dense"], short=False)
    assert found["parts"].keys() == {"latency", "splits", "dense"} == json.loads(out.read_text())["parts"].keys()
    assert found["parts"]["latency"]["found"]["arguments"][-1] == "--daemon=--model cello"
    assert found["parts"]["dense"]["command"] == "python -m tests.soak.dense --minutes 60 --flood 60"
    assert sorted(collect.told(found)) == ["dense: too slow", "latency: too slow", "splits: it is not there"]
