from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.table import placed, table
from tests.scenario.daemon import environment

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
SPREAD = {"median": 11.46, "p99": 11.9, "sd": 0.17, "least": 11.0, "most": 12.0}
SCORES = {"frames_in_tune": 0.987, "notes_in_tune": 1.0, "chord_recall": 0.9}
FOUND = {
    "machine": {"cpu": "A CPU", "cores": 2, "system": "Linux x86_64", "python": "3.11"}, "date": "2024-01-31",
    "engines": [{"engine": "native", "isa": "v4", "model": "flute", "shape": "48/64/64, 20", "block": 64,
                 "us_per_sample": 14.25, "real_time_factor": 4.386, "p50_ms": 0.9, "p99_ms": 1.2, "max_ms": 2.0}],
    "latency": {"rate_hz": 48000, "period_frames": 128, "notes": 51, "measured": 50, "onset_ms": SPREAD, "to_level_ms": SPREAD,
                "soak": {"seconds": 60.0, "underruns": 0, "frames_in_tune": 0.99, "takes": 2, "lost_cycles": 3}},
    "follow": {"osc": SCORES, "render": SCORES},
}


def test_every_figure_stands_in_the_table():
    text = table(FOUND)
    for figure in ("A CPU", "2024-01-31", "native v4", "flute (48/64/64, 20)", "14.2", "4.39", "1.20 ms", "11.5 ms",
                   "0.17 ms", "0 underruns", "take 2", "it lost 3", "--notes 51", "98.7 %", "90.0 %"):
        assert figure in text


def test_what_was_not_measured_says_why():
    assert "not measured: no jackd" in table({**FOUND, "latency": "not measured: no jackd"})


def test_only_what_lies_between_the_markers_is_replaced():
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert placed(readme, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert placed(placed(readme, "new"), "new") == placed(readme, "new")


@pytest.mark.parametrize("readme", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_readme_without_its_markers_is_refused(readme):
    with pytest.raises(ValueError):
        placed(readme, "new")


def test_a_stale_table_fails_the_check_and_a_fresh_one_passes(tmp_path):
    found, readme = tmp_path / "bench.json", tmp_path / "README.md"
    found.write_text(json.dumps(FOUND))
    readme.write_text(f"{BEGIN}\n{END}\n")
    command = [sys.executable, "-m", "tests.bench.table", str(found), "--readme", str(readme)]

    def status(*flags: str) -> int:
        return subprocess.run([*command, *flags], env=environment(), capture_output=True).returncode

    assert (status("--check"), status(), status("--check")) == (1, 0, 0)
