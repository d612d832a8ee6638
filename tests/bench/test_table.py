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
PAPER, DEEP, WIDE_BAND = "64/128/256, 20", "64/256/256, 30", "32/64/128, 30"


def row(isa: str, model: str, shape: str, us: float, precision: str = "bf16", **changes: object) -> dict[str, object]:
    """A row of `livewave bench --json` for blocks of 64, at 16 kHz unless told otherwise."""
    return {"engine": "native", "isa": isa, "precision": precision, "voices": 1, "model": model, "shape": shape,
            "block": 64, "us_per_sample": us, "real_time_factor": round(62.5 / us, 3),
            "p50_ms": 0.91, "p99_ms": 1.23, "max_ms": 2.34,
            "weight_bytes": 1_048_576, "bandwidth_fraction": 0.456, **changes}


ENGINES = [
    row("v3", "flute", "48/64/64, 20", 9.5), row("v3", "flute", "48/64/64, 20", 7.25, "int8"),
    row("v4", "flute", "48/64/64, 20", 5.5), row("v4", "flute", "48/64/64, 20", 99.0, block=16),
    row("v3", "random 64,128,256,20", PAPER, 33.0), row("v4", "random 64,128,256,20", PAPER, 18.5, "f32"),
    row("v4", "random 64,128,256,20", PAPER, 11.5, "int8"),
    row("v4", "random 64,256,256,30", DEEP, 55.0),
    row("v4", "random 48 kHz, 10 logistics", WIDE_BAND, 10.0, real_time_factor=2.08),
    row("", "random 64,128,256,20", PAPER, 410.0, "", engine="onnx", weight_bytes=None, bandwidth_fraction=None),
]
OTHERS = {
    "rows": [{"name": "livewave", "about": "v4 int8", "shape": "64,128,256,20", "us_per_sample": 11.4,
              "times_slower": 1.0},
             {"name": "torch", "about": "", "shape": "64,128,256,20", "us_per_sample": 2111.0, "times_slower": 185.2}],
    "left_out": ["elsewhere: not installed"],
}
FOUND = {
    "machine": {"cpu": "A CPU", "cores": 2, "system": "Linux x86_64", "python": "3.11"}, "date": "2024-01-31",
    "engines": ENGINES, "left_out": ["left out: cuda: there is no GPU"], "others": OTHERS,
    "latency": {"rate_hz": 48000, "period_frames": 128, "notes": 51, "measured": 50, "onset_ms": SPREAD,
                "to_level_ms": SPREAD,
                "soak": {"seconds": 60.0, "underruns": 0, "frames_in_tune": 0.99, "takes": 2, "lost_cycles": 3}},
    "follow": {"osc": SCORES, "render": SCORES},
    "composing": {"goal_ms": 10.0, "goal_p99_ms": 20.0, "steps": 300, "rows": [
        {"name": "chorale, ONNX Runtime", "shape": "128, 128 / 64, 32", "median_ms": 3.14, "p99_ms": 6.28, "max_ms": 9.0},
        {"name": "large, ONNX Runtime", "shape": "300, 300 / 100, 50", "median_ms": 6.28, "p99_ms": 12.56, "max_ms": 19.0},
        {"name": "PyTorch", "shape": "128, 128 / 64, 32", "median_ms": 31.4, "p99_ms": 62.8, "max_ms": 90.0}]},
    "endless": {"minutes": 30.0, "bpm": 120.0, "notes_played": 4321, "underruns": 5, "underruns_of_ours": 3, "machine_stalls": 6,
                "longest_stall_ms": 12.3, "never_let_go": 0, "held_at_the_end": 0,
                "most_notes": 4, "notes": 2.345, "longest_silence": 17, "fifths": {"in_own_key": [0.97, 0.9, 0.9, 0.9, 0.88]},
                "step_p50_ms": 4.56, "step_p99_ms": 7.89},
    "quartet": {"model": "flute", "voices": 4, "block": 64, "cores": 2, "one_thread": {"load": 0.61, "p50_ms": 2.44, "p99_ms": 3.1},
                "crew": {"load": 0.33, "p50_ms": 1.32, "p99_ms": 1.9},
                "live": {"seconds": 20.0, "underruns_while_settling": 7, "underruns": 0, "late": 0, "load": 0.37, "latency_ms": 22.2, "block": 64}},
    "learning": {"shape": "32/64/64, 20", "left_out": ["a third: not installed"],
                 "rows": [{"name": "livewave", "audio_s_per_s": 3.7, "times_slower": 1.0},
                          {"name": "another", "audio_s_per_s": 1.2, "times_slower": 3.08}]},
}


def test_every_figure_stands_in_the_table():
    text = table(FOUND)
    for figure in ("A CPU", "2024-01-31", "native v3 int8", "flute (48/64/64, 20)", "7.2", "8.62", "0.91 / 1.23 / 2.34",
                   "1024 KiB", "46 %", "11.5 ms", "0.17 ms", "0 underruns", "take 2", "it lost 3", "--notes 51",
                   "98.7 %", "90.0 %", "| 3.1 ms | 6.3 ms | 1.0 |", "| 31.4 ms | 62.8 ms | 10.0 |", "4321 notes", "0 notes stuck",
                   "2.35 on average", "longest silence 17", "97 % of the first fifth", "88 % of the last", "4.6 ms, p99 7.9"):
        assert figure in text


def lines_with(*words: str, found: dict = FOUND) -> list[str]:
    return [line for line in table(found).splitlines() if all(word in line for word in words)]


def test_the_quickest_precision_of_each_instruction_set_is_shown_for_blocks_of_64():
    assert len(lines_with("flute (")) == 2
    assert not lines_with("| 9.5 |") and not lines_with("| 99.0 |")


def test_what_plays_one_model_stands_together():
    models = [line.split("|")[2].strip() for line in lines_with("/ 1.23 /")]
    assert models == ["flute (48/64/64, 20)"] * 2 + [PAPER] * 3 + [DEEP, f"48 kHz, 10 logistics ({WIDE_BAND})"]


@pytest.mark.parametrize("goal, words, met", [
    ("AVX-512", "| native v4 int8 |", True), ("AVX2", "| native v3 bf16 |", False), ("| real time, one", "55.0", True),
    ("48 kHz, one", "2.08 x", True),
])
def test_the_quickest_row_that_counts_is_held_against_each_goal(goal, words, met):
    (line,) = lines_with(goal)
    assert words in line and ("missed" in line) != met


def test_goals_of_a_gpu_are_told_only_where_one_was_measured():
    assert not lines_with("GPU |") and lines_with("Left out: cuda: there is no GPU.")
    choir = row("", "random 64,128,256,20", PAPER, 30.0, "f16", engine="cuda", voices=64)
    (line,) = lines_with("64 voices in real time", found={**FOUND, "engines": [*ENGINES, choir]})
    assert "2.08 x" in line and "cuda f16 64 voices" in line


def test_others_are_compared_and_who_is_missing_is_named():
    assert lines_with("livewave (v4 int8)", PAPER, "| 11.4 | 1.0 |") and lines_with("torch |", "| 2111.0 | 185.2 |")
    assert lines_with("Left out: elsewhere: not installed.")


def test_training_is_held_against_its_goal_and_beside_another():
    assert lines_with("| livewave | 3.70 | 1.0 |") and lines_with("| another | 1.20 | 3.1 |") and lines_with("Left out: a third")
    assert lines_with("The goal is 3.5 s") and not lines_with("The goal is", "missed")
    slow = {**FOUND["learning"], "rows": [{"name": "livewave", "audio_s_per_s": 3.25, "times_slower": 1.0}]}
    assert lines_with("The goal is 3.5 s", "**missed**, 3.25", found={**FOUND, "learning": slow})


def test_what_is_odd_about_the_latency_is_said():
    assert lines_with("From another day.", found={**FOUND, "latency": FOUND["latency"] | {"remark": "From another day"}})


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


@pytest.mark.parametrize("change", [{"left_out": None}, {"engines": [{"isa": "v3", "block": 64}]}, {"others": []}])
def test_a_file_of_another_time_is_one_line_with_the_remedy(tmp_path, change):
    found, readme = tmp_path / "bench.json", tmp_path / "README.md"
    found.write_text(json.dumps(FOUND | change))
    readme.write_text(f"{BEGIN}\n{END}\n")
    done = subprocess.run([sys.executable, "-m", "tests.bench.table", str(found), "--readme", str(readme)],
                          env=environment(), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert str(found) in done.stderr and "make bench" in done.stderr
    assert readme.read_text() == f"{BEGIN}\n{END}\n"


def test_blocks_too_few_for_a_p99_have_none():
    slow = row("v3", "flute", "48/64/64, 20", 9.5, p99_ms=None)
    assert lines_with("0.91 / - / 2.34", found={**FOUND, "engines": [slow]})


def test_a_sixteenth_that_takes_longer_than_the_goal_is_told():
    slow = dict(FOUND["composing"]["rows"][1], median_ms=11.0)
    composing = {**FOUND["composing"], "rows": [FOUND["composing"]["rows"][0], slow]}
    assert "missed" not in table(FOUND).partition("a sixteenth composed")[2].partition("training")[0]
    assert "**missed** by large, ONNX Runtime" in table({**FOUND, "composing": composing})


def test_a_quartet_is_told_by_one_thread_and_by_a_crew_and_as_it_was_played():
    text = table(FOUND)
    assert "| 4 voices of flute, blocks of 64 | of real time | p50 / p99 ms, 4 are there |" in text
    assert "| one thread | 61 % | 2.44 / 3.10 |" in text and "| a thread on each of 2 cores | 33 % | 1.32 / 1.90 |" in text
    assert "Played live for 20 s: 37 % of real time, 0 underruns (7 in the 12 s before, while it settled), latency 22.2 ms." in text
    larger = {**FOUND, "quartet": {**FOUND["quartet"], "live": {**FOUND["quartet"]["live"], "block": 256}}}
    assert "(in blocks of 256, to which it went)" in table(larger)
