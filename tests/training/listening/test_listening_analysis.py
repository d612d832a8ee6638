"""What people said is weighed right: known preferences are found, none is made up, and broken files are named."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from tests.training.listening.listeners import SYSTEMS, answered, built, handed_in
from training.listening.__main__ import main
from training.listening.inference import bootstrap_mean, compared, holm, share, sign_test, signed_rank
from training.listening.page import ANCHOR
from training.listening.report import as_markdown, findings
from training.listening.submissions import Preference, Submission

BEST, MIDDLE, WORST = SYSTEMS
QUALITY = {BEST: 80.0, MIDDLE: 60.0, WORST: 40.0, ANCHOR: 20.0}


@pytest.fixture(scope="module")
def test(tmp_path_factory):
    """A page of all kinds of trials, and its key."""
    return built(tmp_path_factory.mktemp("page"), "--reference", BEST, "--anchor", "--seed", "1")


def prefers_better(rng: random.Random, sure: float):
    def prefers(a: str, b: str) -> str:
        return ("a" if QUALITY[a] > QUALITY[b] else "b") if rng.random() < sure else rng.choice(("a", "b", "same"))

    return prefers


def rates_by_quality(rng: random.Random, spread: float, weight: float):
    return lambda system: float(np.clip(round(50 + weight * (QUALITY[system] - 50) + rng.gauss(0, spread)), 0, 100))


def crowd(test, count: int, sure: float, spread: float, weight: float = 1.0) -> list[dict]:
    """`count` listeners who prefer the better system with probability `sure`, and rate by `weight` x quality."""
    people = []
    for number in range(count):
        rng = random.Random(number)
        people.append(answered(*test, number, prefers_better(rng, sure), rates_by_quality(rng, spread, weight)))
    return people


def analyse(test, answers: Path, out: Path, *options: str) -> int:
    return main(["analyse", str(answers), "--key", str(test[0].with_suffix(".key.json")), "--out", str(out), *options])


def analysed(test, folder: Path, *results: dict, options: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """The rows of results.csv."""
    answers = handed_in(folder / "answers", *results)
    assert analyse(test, answers, folder / "out", *options) == 0
    with open(folder / "out" / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def rows_of(rows: list[dict[str, str]], kind: str) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["first"], row["second"]): row for row in rows if row["kind"] == kind}


# from answers to findings


def test_a_known_preference_is_found_whatever_side_it_was_on(test, tmp_path):
    rows = analysed(test, tmp_path, *crowd(test, 16, sure=0.9, spread=8.0))
    for pair, row in rows_of(rows, "prefer first").items():
        assert QUALITY[pair[0]] > QUALITY[pair[1]]  # the key's order
        assert float(row["estimate"]) > 0.7 and float(row["low"]) > 0.4 and float(row["p_holm"]) < 0.01
    differences = rows_of(rows, "rating difference")
    assert set(differences) == {(BEST, MIDDLE), (BEST, WORST), (MIDDLE, WORST)}  # the anchor is no system
    for (first, second), row in differences.items():
        assert float(row["low"]) < QUALITY[first] - QUALITY[second] < float(row["high"])
        assert float(row["p_holm"]) < 0.01 and float(row["effect"]) > 0.9
    means = rows_of(rows, "mean rating")
    assert [round(float(means[system, ""]["estimate"]), -1) for system in (*SYSTEMS, ANCHOR)] == [80, 60, 40, 20]
    report = (tmp_path / "out" / "report.md").read_text()
    assert f"**{BEST}** preferred" in report and f"**{MIDDLE}** rated higher" in report and "cannot show" not in report
    assert (tmp_path / "out" / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_where_there_is_no_preference_none_is_found(test, tmp_path):
    rows = analysed(test, tmp_path, *crowd(test, 16, sure=0.0, spread=10.0, weight=0.0))
    tested = [float(row["p_holm"]) for row in rows if row["p_holm"]]
    assert len(tested) == 3 * 3 + 3 and min(tested) > 0.05
    assert "**" not in (tmp_path / "out" / "report.md").read_text()


def test_many_trials_of_one_listener_prove_nothing(test, tmp_path):
    rows = analysed(test, tmp_path, *crowd(test, 1, sure=1.0, spread=0.0))
    assert all(float(row["p"]) == 1.0 for row in rows if row["p"])
    assert "1 listener cannot show a difference" in (tmp_path / "out" / "report.md").read_text()


def test_too_few_to_pass_the_correction_are_told_with_how_many_it_takes(test, tmp_path):
    for count in (6, 7):
        (tmp_path / str(count)).mkdir()
        rows = analysed(test, tmp_path / str(count), *crowd(test, count, sure=1.0, spread=0.0))
        assert {round(float(row["p_holm"]), 4) for row in rows if row["p_holm"]} == {round(3 * 2.0 ** (1 - count), 4)}
        report = (tmp_path / str(count) / "out" / "report.md").read_text()
        few = "6 listeners cannot show a difference however they agree: the smallest possible p (Holm) is 0.0938. 7 are"
        assert report.count(few) == (2 if count == 6 else 0) and ("cannot show" in report) == (count == 6)


def test_who_heard_a_pair_is_counted_and_not_all_who_listened():
    def listener(heard: bool) -> Submission:
        return Submission("", "", [Preference("p1", "x", "a", "b", 1)] if heard else [], [], 0, 0, "", "")

    key = {"title": "", "page": "", "scale": 100, "systems": ["a", "b"], "clips": {},
           "questions": {"pair": [{"id": "p1", "text": "Better?"}], "rate": []}}
    report = as_markdown(findings(key, [listener(at < 5) for at in range(20)], []))
    assert "- Better? 5 listeners cannot show" in report and "is 0.0625. 6 are the least" in report


def test_remarks_are_told_and_stay_text(test, tmp_path):
    one = crowd(test, 1, sure=1.0, spread=0.0)[0]
    analysed(test, tmp_path, broken(one, comment="odd |\n<b>clicks</b> in one", output="loudspeakers"))
    report = (tmp_path / "out" / "report.md").read_text()
    assert "> odd \\| &lt;b>clicks&lt;/b> in one\n" in report and "0 of them on headphones" in report


def test_dollars_in_names_and_questions_are_no_mathematics(tmp_path):
    costly = {"systems": ("$\\frac$", "US$_5$")}
    page, key = built(tmp_path, "--pair", "Worth $^$?", "--rate", "How $\\x$?", **costly)
    people = [answered(page, key, number, lambda a, b: "a", lambda system: 50.0) for number in range(2)]
    analysed((page, key), tmp_path, *people)


def test_the_same_answers_give_the_same_bytes(test, tmp_path):
    people = crowd(test, 7, sure=0.5, spread=9.0)
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        analysed(test, folder, *people)
        files.append({path.name: path.read_bytes() for path in (folder / "out").iterdir()})
    assert set(files[0]) == {"report.md", "results.csv", "plot.png"} and files[0] == files[1]


# who does not count


def broken(result: dict, **changes) -> dict:
    return {**json.loads(json.dumps(result)), **changes}


def test_what_cannot_count_is_named_with_its_reason(test, tmp_path, capsys):
    good = crowd(test, 2, sure=1.0, spread=0.0)
    few, foreign, wild, nan, side = (json.loads(json.dumps(good[1])) for _ in range(5))
    few["trials"].pop()
    foreign["trials"][0]["clips"][0] = "cffffffff"
    wild["trials"][-1]["ratings"][0] = 101
    nan["trials"][-1]["ratings"][0] = float("nan")
    side["trials"][0]["answers"]["p1"] = "left"
    asleep = answered(*test, 9, lambda a, b: "a", lambda system: 50.0, checks="a")
    cases = [
        (good[0], None), (good[0], "same listener as 00.json"), (broken(good[1], page="0123456789"), "another page"),
        (broken(good[1], version=2), "version 2"), (broken(good[1], schema="something"), "no results"),
        ([1, 2], "no results"), (few, "1 of 2 trials of kind 'rate'"), (foreign, "names a clip"),
        (wild, "outside 0..100"), (nan, "outside 0..100"), (side, "an answer is missing"), (asleep, "attention check"),
        (broken(good[1], trials=7), "trials is missing"), (broken(good[1], trials=[3] * 9), "incomplete"),
    ]
    answers = handed_in(tmp_path / "answers", *(case for case, _ in cases))
    (answers / "cut.json").write_text(json.dumps(good[1])[:200])
    (answers / "bytes.json").write_bytes(b"\xff\xfe\x00")
    assert analyse(test, answers, tmp_path / "out") == 0
    said = capsys.readouterr().out
    for number, (_, reason) in enumerate(cases):
        line = next((line for line in said.splitlines() if line.startswith(f"left out {number:02d}.json")), "")
        assert (reason is None and not line) or (reason and reason in line), (number, line)
    assert "left out cut.json: not JSON, or cut short" in said and "left out bytes.json: not JSON" in said
    assert "1 listener counted, 15 left out" in said
    assert "attention check" in (tmp_path / "out" / "report.md").read_text()


def test_who_fails_the_attention_check_cannot_send_another_file(test, tmp_path, capsys):
    asleep, awake = (answered(*test, 1, lambda a, b: "a", lambda system: 50.0, checks=said) for said in ("a", "same"))
    analysed(test, tmp_path, asleep, awake, crowd(test, 1, sure=1.0, spread=0.0)[0])
    said = capsys.readouterr().out
    assert 'failed the attention check: 0 of 1 answers about identical pairs were "the same"' in said
    assert "left out 01.json: the same listener as 00.json" in said and "1 listener counted, 2 left out" in said


def test_a_strangers_words_stay_text_where_a_file_is_left_out(test, tmp_path):
    one = crowd(test, 1, sure=1.0, spread=0.0)[0]
    analysed(test, tmp_path, one, broken(one, id="x", page="<img src=x>"))
    assert "<img" not in (tmp_path / "out" / "report.md").read_text()


def test_who_misses_the_hidden_reference_is_left_out_when_asked(test, tmp_path, capsys):
    deaf = answered(*test, 1, lambda a, b: "same", lambda system: 60.0)
    keen = answered(*test, 2, lambda a, b: "same", lambda system: 95.0 if system == BEST else 60.0)
    analysed(test, tmp_path, deaf, keen, options=("--screen-reference",))
    assert "left out 00.json: rated the hidden reference below 90 in 2 of 2 trials" in capsys.readouterr().out


def test_when_nobody_counts_it_is_an_error(test, tmp_path, capsys):
    answers = handed_in(tmp_path / "answers", {"schema": "x"})
    arguments = ["analyse", str(answers), "--out", str(tmp_path / "out"), "--key"]
    assert main([*arguments, str(test[0].with_suffix(".key.json"))]) == 1
    assert "error: none of the 1 results counts" in capsys.readouterr().err
    damaged = tmp_path / "damaged.key.json"
    damaged.write_text(json.dumps({name: value for name, value in test[1].items() if name != "clips"}))
    wrong = {tmp_path / "no.key.json": "No such file", answers / "00.json": "is no key", test[0]: "is not JSON",
             damaged: "it has no clips"}
    for key, reason in wrong.items():
        assert main([*arguments, str(key)]) == 1
        assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# the statistics


def test_holm_of_an_example_by_hand():
    # sorted .01 .02 .03 .04: 4 x .01 = .04; 3 x .02 = .06; 2 x .03 = .06; 1 x .04 = .04, but not below the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0] and holm([0.03]) == [0.03] and holm([]) == []


def test_signed_ranks_of_an_example_by_hand():
    # ranks 1 to 6, minus has rank 1; of 2**6 patterns of signs W- <= 1 in two, so p = 2 * 2 / 64; effect (20 - 1) / 21
    p, effect = signed_rank(np.array([-1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert (p, effect) == (pytest.approx(4 / 64), pytest.approx(19 / 21))
    assert signed_rank(np.zeros(5)) == (1.0, 0.0)
    assert signed_rank(np.array([1.0, 2.0, 3.0])) == (pytest.approx(2 / 8), 1.0)


def test_zeros_of_an_example_by_hand():
    """Pratt: six zeros take ranks 1 to 6 and leave; -3 and -7 have ranks 9 and 13 of 20. Normal approximation."""
    values = [-value if value in (3, 7) else value for value in range(1, 15)]
    p, effect = signed_rank(np.array([0.0] * 6 + values))
    mean, variance = (20 * 21 - 6 * 7) / 4, (20 * 21 * 41 - 6 * 7 * 13) / 24
    assert p == pytest.approx(math.erfc((mean - 22) / math.sqrt(2 * variance)), rel=1e-6)
    assert effect == pytest.approx((189 - 2 * 22) / 189)


def test_a_listener_prefers_what_they_chose_more_often():
    def listener(*choices: int) -> Submission:
        preferences = [Preference("p1", str(at), "a", "b", choice) for at, choice in enumerate(choices)]
        return Submission("", "", preferences, [], 0, 0, "", "")

    row, = compared([listener(1, -1, -1), listener(1, 0, 0), listener(1, -1, 0), listener(0, -1, 0)],
                    {"systems": ["a", "b"], "questions": {"pair": [{"id": "p1"}]}})
    assert row.prefers == (1, 1, 2) and row.answers == (3 / 12, 5 / 12, 4 / 12)


def test_signs_and_shares_of_examples_by_hand():
    assert sign_test(5, 0) == pytest.approx(2 / 32) and sign_test(0, 0) == 1.0 and sign_test(3, 3) == 1.0
    # Wilson, 8 of 10, z = 1.96: centre (0.8 + z2/20) / (1 + z2/10), see Agresti and Coull 1998
    found = share(8, 10)
    assert (found.value, found.low, found.high) == (0.8, pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))


def test_the_bootstrap_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(50.0, 10.0, 100)
    low, high = bootstrap_mean(values, 1)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 10.0, rel=0.05) and low < values.mean() < high
    assert bootstrap_mean(np.full(4, 3.0), 1) == (3.0, 3.0)
