"""What came of a listening test: report.md to read, results.csv to reckon with, plot.png to show."""

from __future__ import annotations

import argparse
import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livewave import LivewaveError
from training.atomic import write_whole
from training.listening.inference import CONFIDENCE, RESAMPLES, Compared, Difference, Rated, compared, rated
from training.listening.page import ANCHOR
from training.listening.plot import plot
from training.listening.submissions import Dropped, Submission, read_key, read_submissions

INTERVAL = f"{100 * CONFIDENCE:g} % interval"
LEVEL = 0.05  # below it a corrected p is called a difference
COLUMNS = ("kind", "question", "first", "second", "listeners", "estimate", "low", "high", "p", "p_holm", "effect")


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is told; `questions` maps an id to its text."""

    title: str
    page: str
    scale: int
    questions: Mapping[str, str]
    pairs: Sequence[Compared]
    means: Sequence[Rated]
    differences: Sequence[Difference]
    kept: Sequence[Submission]
    dropped: Sequence[Dropped]


def analyse(args: argparse.Namespace) -> None:
    """Write the report and say what was left out. `args`: the options of `python -m training.listening analyse`.

    Raises LivewaveError for a wrong key, no results, or none that counts; OSError for what cannot be written.
    """
    if not 0.0 <= args.pass_share <= 1.0:
        raise LivewaveError(f"--pass-share {args.pass_share:g} must lie in 0..1")
    key = read_key(args.key)
    if args.screen_reference and (key["reference"] is None or key["scale"] != 100):
        raise LivewaveError("--screen-reference needs a page with a reference, rated on the scale of 100; leave it out")
    kept, dropped = read_submissions(args.results, key, args.pass_share, args.screen_reference)
    for row in dropped:
        print(f"left out {row.name}: {row.reason}")
    if not kept:
        raise LivewaveError(f"none of the {len(dropped)} results counts; the reasons are above")
    _write(findings(key, kept, dropped, args.seed), args.out)
    print(f"{_listeners(len(kept))} counted, {len(dropped)} left out;"
          f" {args.out / 'report.md'}, results.csv and plot.png written")


def findings(key: Mapping[str, Any], kept: Sequence[Submission], dropped: Sequence[Dropped], seed: int = 1) -> Findings:
    anchored = any(clip["system"] == ANCHOR for clip in key["clips"].values())
    means, differences = rated(kept, key, [*key["systems"], *([ANCHOR] if anchored else [])], seed)
    questions = {asked["id"]: asked["text"] for kind in ("pair", "rate") for asked in key["questions"][kind]}
    return Findings(key["title"], key["page"], key["scale"], questions, compared(kept, key), means, differences, kept,
                    dropped)


def _write(found: Findings, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "results.csv", as_csv(found).encode())
    write_whole(folder / "plot.png", plot(found.questions, found.pairs, found.means, found.scale))
    write_whole(folder / "report.md", as_markdown(found).encode())


# results.csv


def as_csv(found: Findings) -> str:
    """A row for every share, mean and difference; a share's p is that of its pair's sign test."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in found.pairs:
        for who, share in zip(("prefer first", "no preference", "prefer second"), row.shares, strict=True):
            table.writerow((who, found.questions[row.question], row.first, row.second, row.listeners,
                            *_digits(share.value, share.low, share.high, row.p, row.p_holm), ""))
    for row in found.means:
        table.writerow(("mean rating", found.questions[row.question], row.system, "", row.listeners,
                        *_digits(row.mean, row.low, row.high), "", "", ""))
    for row in found.differences:
        table.writerow(("rating difference", found.questions[row.question], row.first, row.second, row.listeners,
                        *_digits(row.mean, row.low, row.high, row.p, row.p_holm, row.effect)))
    return out.getvalue()


def _digits(*values: float) -> list[str]:
    return [f"{value:.6g}" for value in values]


# report.md


def as_markdown(found: Findings) -> str:
    kept, dropped = found.kept, found.dropped
    phones = sum(listener.output == "headphones" for listener in kept)
    counted = f"{_listeners(len(kept))} counted, {phones} of them on headphones; {len(dropped)} left out"
    remarks = [listener.remark for listener in kept if listener.remark]
    lines = [f"# {_cell(found.title)}", "", f"Page {found.page}: {counted}.", "",
             "![Shares of listeners and mean ratings](plot.png)", ""]
    for question, text in found.questions.items():
        pairs, means, differences = ([row for row in rows if row.question == question]
                                     for rows in (found.pairs, found.means, found.differences))
        tables = [_pair_table(pairs), _mean_table(means, found.scale), _difference_table(differences)]
        lines += [f"## {_cell(text)}", "", *(line for table in tables if table for line in (*table, ""))]
    lines += ["## Left out", "", *([f"- {_cell(row.name)}: {_cell(row.reason)}" for row in dropped] or ["Nobody."]), ""]
    lines += ["## Remarks", "", *(f"> {_cell(remark)}\n" for remark in remarks)] if remarks else []
    return "\n".join(lines + _method(found)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Nothing when there are no rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body] if body else []


def _pair_table(pairs: Sequence[Compared]) -> list[str]:
    head = ("first", "second", "listeners", "prefer first", "no preference", "prefer second", "single answers", "p",
            "p (Holm)", "finding")
    rows = []
    for pair in pairs:
        shares = [f"{100 * s.value:.0f} % ({100 * s.low:.0f} to {100 * s.high:.0f})" for s in pair.shares]
        answers = " / ".join(f"{100 * share:.0f}" for share in pair.answers)
        better = pair.first if pair.prefers[0] > pair.prefers[2] else pair.second
        rows.append((_cell(pair.first), _cell(pair.second), str(pair.listeners), *shares, f"{answers} %", _p(pair.p),
                     _p(pair.p_holm), _finding(pair.p_holm, better, "preferred")))
    return _table(head, rows)


def _mean_table(means: Sequence[Rated], scale: int) -> list[str]:
    head = ("system", "listeners", f"mean ({'1 to 5' if scale == 5 else '0 to 100'})", INTERVAL)
    best_first = sorted(means, key=lambda row: -row.mean)
    return _table(head, ((_cell(row.system), str(row.listeners), f"{row.mean:.2f}", f"{row.low:.2f} to {row.high:.2f}")
                         for row in best_first))


def _difference_table(differences: Sequence[Difference]) -> list[str]:
    head = ("first", "second", "first minus second", INTERVAL, "effect", "zeros", "p", "p (Holm)", "finding")
    return _table(head, ((_cell(row.first), _cell(row.second), f"{row.mean:+.2f}", f"{row.low:+.2f} to {row.high:+.2f}",
                          f"{row.effect:+.2f}", str(row.zeros), _p(row.p), _p(row.p_holm),
                          _finding(row.p_holm, row.first if row.effect > 0 else row.second, "rated higher"))
                         for row in differences))


def _finding(p: float, better: str, how: str) -> str:
    return f"**{_cell(better)}** {how}" if p < LEVEL else "no difference shown"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _listeners(count: int) -> str:
    return f"{count} listener{'s' if count > 1 else ''}"


def _cell(text: str) -> str:
    """Text from outside, as text: neither a column of a table nor HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _method(found: Findings) -> list[str]:
    """How the figures came about, and what they cannot show."""
    lines = ["## Method", "",
             "- The unit is the listener: each one's answers are averaged (ratings) or summed (preferences) over"
             " stimuli first, and tests and intervals are over listeners. The stimuli are taken as given: nothing is"
             " claimed about others.",
             f"- Intervals hold {100 * CONFIDENCE:g} %: Wilson's for shares, the percentile bootstrap with {RESAMPLES}"
             " resamples of the listeners for means."]
    if found.pairs:
        lines.append("- Preferences: a listener prefers the system chosen more often. Shares are of listeners; single"
                     " answers (first / no difference / second) are of all answers, and not tested. p: exact two-sided"
                     " sign test, in which no preference does not count.")
    if found.differences:
        lines.append("- Ratings: Wilcoxon's signed-rank test, two-sided; zeros by Pratt's method, ties by mean ranks;"
                     " exact for up to 50 listeners without zeros or ties. Effect: matched-pairs rank-biserial"
                     " correlation, -1 to 1.")
    lines += ["- Correction: Holm's, over the pairs of systems within one question. Questions are not corrected for one"
              " another.",
              f"- A difference is called one below p (Holm) = {LEVEL:g}. \"No difference shown\" is no proof that there"
              " is none."]
    for question, text in found.questions.items():
        family = [row for row in (*found.pairs, *found.differences) if row.question == question]
        lines += _too_few(text, family) if family else []
    return lines


def _too_few(question: str, family: Sequence[Compared | Difference]) -> list[str]:
    """What to say where no agreement could pass: of n listeners the smallest p is 2**(1 - n), of both tests."""
    most = max(row.listeners for row in family)
    least = min(1.0, len(family) * 2.0 ** (1 - most))
    if least < LEVEL:
        return []
    needed = 2 + math.floor(math.log2(len(family) / LEVEL))
    return [f"- {_cell(question)} {_listeners(most)} cannot show a difference however they agree: the smallest possible"
            f" p (Holm) is {least:.3g}. {needed} are the least that can."]
