"""The statistics of a listening test. One listener counts once: trials of one person are not independent of each other.

Each listener's answers are averaged first; tests and intervals are over listeners.
Sources: Wilcoxon 1945 and Pratt 1959 (signed ranks with zeros), Holm 1979 (correction), Wilson 1927 (interval of a
share), Kerby 2014 (matched-pairs rank-biserial correlation), Efron 1979 (percentile bootstrap).
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import binomtest, rankdata, wilcoxon

from training.listening.submissions import Submission

CONFIDENCE = 0.95
RESAMPLES = 10_000
DECIMALS = 9  # differences are rounded to this: means of equal ratings must tie exactly


@dataclass(frozen=True, slots=True)
class Share:
    """A share of listeners with its Wilson interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Two systems in one pair question: listeners who on the whole prefer each; p of the sign test, and after Holm.

    answers  of all single answers, the shares for (first, no difference, second): a description, not tested
    """

    question: str
    first: str
    second: str
    listeners: int
    prefers: tuple[int, int, int]
    shares: tuple[Share, Share, Share]
    answers: tuple[float, float, float]
    p: float
    p_holm: float = 1.0


@dataclass(frozen=True, slots=True)
class Rated:
    """A system in one rating question: mean over listeners with its bootstrap interval, and `each` one's own mean."""

    question: str
    system: str
    listeners: int
    mean: float
    low: float
    high: float
    each: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two systems in one rating question: the mean difference with its interval, Wilcoxon's test, its effect -1..1."""

    question: str
    first: str
    second: str
    listeners: int
    mean: float
    low: float
    high: float
    zeros: int
    p: float
    effect: float
    p_holm: float = 1.0


def compared(submissions: Sequence[Submission], key: Mapping[str, Any]) -> list[Compared]:
    """Every pair question and two systems. Holm's family: the pairs of systems within one question."""
    rows = []
    for question in key["questions"]["pair"]:
        family = [_compare(submissions, question["id"], *pair) for pair in itertools.combinations(key["systems"], 2)]
        rows += _corrected([row for row in family if row])
    return rows


def _compare(submissions: Sequence[Submission], question: str, first: str, second: str) -> Compared | None:
    """None when no listener heard the two."""
    asked = (question, first, second)
    heard = [[p.choice for p in s.preferences if (p.question, p.first, p.second) == asked] for s in submissions]
    heard = [choices for choices in heard if choices]
    if not heard:
        return None
    verdicts = [int(np.sign(sum(choices))) for choices in heard]
    prefers = tuple(verdicts.count(side) for side in (1, 0, -1))
    every = list(itertools.chain(*heard))
    return Compared(question, first, second, len(heard), prefers, tuple(share(count, len(heard)) for count in prefers),
                    tuple(every.count(side) / len(every) for side in (1, 0, -1)), sign_test(prefers[0], prefers[2]))


def rated(submissions: Sequence[Submission], key: Mapping[str, Any], systems: Sequence[str],
          seed: int = 1) -> tuple[list[Rated], list[Difference]]:
    """Every rating question: each of `systems`, and every two of the key's (an anchor is rated, but proves nothing).

    Holm's family: the pairs within one question.
    """
    means: list[Rated] = []
    differences: list[Difference] = []
    for question in key["questions"]["rate"]:
        table = _means(submissions, question["id"], systems)
        if not len(table):
            continue
        for system, column in zip(systems, table.T, strict=True):
            means.append(Rated(question["id"], system, len(column), float(column.mean()), *bootstrap_mean(column, seed),
                               tuple(column)))
        differences += _corrected([_difference(question["id"], systems[a], systems[b], table[:, a] - table[:, b], seed)
                                   for a, b in itertools.combinations(range(len(key["systems"])), 2)])
    return means, differences


def _means(submissions: Sequence[Submission], question: str, systems: Sequence[str]) -> np.ndarray:
    """float64 [listeners, systems]: each listener's mean over stimuli; all systems were rated side by side."""
    rows = []
    for submission in submissions:
        values = [[r.value for r in submission.ratings if (r.question, r.system) == (question, system)]
                  for system in systems]
        if all(values):
            rows.append([np.mean(own) for own in values])
    return np.array(rows)


def _difference(question: str, first: str, second: str, differences: np.ndarray, seed: int) -> Difference:
    differences = np.round(differences, DECIMALS)
    p, effect = signed_rank(differences)
    return Difference(question, first, second, len(differences), float(differences.mean()),
                      *bootstrap_mean(differences, seed), int((differences == 0).sum()), p, effect)


def _corrected(rows: list) -> list:
    return [replace(row, p_holm=p) for row, p in zip(rows, holm([row.p for row in rows]), strict=True)]


def share(count: int, total: int) -> Share:
    interval = binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return Share(count / total, float(interval.low), float(interval.high))


def sign_test(wins: int, losses: int) -> float:
    """Exact, two-sided: how likely a split at least as uneven is when neither is preferred."""
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def signed_rank(differences: np.ndarray) -> tuple[float, float]:
    """p of Wilcoxon's signed-rank test, two-sided, and the matched-pairs rank-biserial correlation.

    Zeros are ranked and then left out (Pratt); ties share their mean rank. p is exact for up to 50 listeners without
    zeros or ties, and otherwise what `scipy.stats.wilcoxon` takes by itself: a normal approximation corrected for ties,
    or in newer versions all changes of sign for up to 13 listeners.
    """
    if not differences.any():
        return 1.0, 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older versions warn of the approximation told above
        p = float(wilcoxon(differences, zero_method="pratt").pvalue)
    ranks = rankdata(np.abs(differences))
    plus, minus = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    return min(p, 1.0), float((plus - minus) / (plus + minus))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p: the k-th smallest of m times m - k + 1, never below the one before, at most 1. Holm 1979."""
    adjusted, least = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = least
    return adjusted


def bootstrap_mean(values: np.ndarray, seed: int) -> tuple[float, float]:
    """The percentile interval of the mean over listeners, who are drawn anew RESAMPLES times."""
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    tail = 50.0 * (1.0 - CONFIDENCE)
    return tuple(float(edge) for edge in np.percentile(values[drawn].mean(1), [tail, 100.0 - tail]))
