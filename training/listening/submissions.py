"""What listeners sent back: each file checked against the key, and named with the reason when it cannot count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livewave import LivewaveError
from training.listening.page import KEY_SCHEMA, KEY_VERSION

SCHEMA, VERSION = "livewave-listening-results", 1
KEY_FIELDS = {"page", "title", "systems", "reference", "scale", "questions", "trials", "clips"}  # those read here
SIDES = ("a", "same", "b")
REFERENCE_AT_LEAST, REFERENCE_MISSES = 90, 0.15  # ITU-R BS.1534-3, section 4.1.2
LARGEST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Preference:
    """One answer about two clips: 1 where `first` was preferred, -1 where `second` was, 0 for no difference."""

    question: str
    stimulus: str
    first: str
    second: str
    choice: int


@dataclass(frozen=True, slots=True)
class Rating:
    question: str
    stimulus: str
    system: str
    value: float


@dataclass(frozen=True, slots=True)
class Submission:
    """One listener's answers, by systems' names; `same` of `checks` answers about identical pairs were "the same".

    output  "headphones" or "loudspeakers", as told; remark: what was written at the end
    """

    name: str
    listener: str
    preferences: Sequence[Preference]
    ratings: Sequence[Rating]
    same: int
    checks: int
    output: str
    remark: str


@dataclass(frozen=True, slots=True)
class Dropped:
    name: str
    reason: str


class _Broken(Exception):
    """Why a file cannot count."""


def read_key(path: Path) -> dict[str, Any]:
    """The key that `build` wrote. Raises LivewaveError when it is none."""
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LivewaveError(f"key {path}: {error.strerror}; it was written beside the page, as NAME.key.json") from None
    except ValueError as error:
        raise LivewaveError(f"key {path} is not JSON: {error}") from None
    if not isinstance(key, dict) or key.get("schema") != KEY_SCHEMA or key.get("version") != KEY_VERSION:
        raise LivewaveError(f"{path} is no key of version {KEY_VERSION}; give the .key.json written beside the page")
    missing = KEY_FIELDS - set(key)
    if missing:
        raise LivewaveError(f"{path} is damaged: it has no {', '.join(sorted(missing))};"
                            " give the key as `build` wrote it")
    return key


def read_submissions(paths: Iterable[Path], key: Mapping[str, Any], pass_share: float = 0.5,
                     screen_reference: bool = False) -> tuple[list[Submission], list[Dropped]]:
    """Those that count, and those that do not with the reason; `paths` are files, or folders of .json files.

    A listener counts once, if at all: of two whole files with one participant or one number, the first in order of
    name decides.
    Raises LivewaveError when there is nothing to read.
    """
    kept, dropped, seen = [], [], {}
    for path in _files(paths):
        try:
            submission = _read(path, key)
            if submission.listener in seen:
                raise _Broken(f"the same listener as {seen[submission.listener]}")
            seen[submission.listener] = path.name
            _screen(submission, key, pass_share, screen_reference)
        except _Broken as broken:
            dropped.append(Dropped(path.name, str(broken)))
            continue
        kept.append(submission)
    return kept, dropped


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.glob("*.json"))
        elif path.is_file():
            files.append(path)
        else:
            raise LivewaveError(f"there is no file or folder {path}")
    files = [path for path in dict.fromkeys(files) if not path.name.endswith(".key.json")]
    if not files:
        raise LivewaveError("no results to read; give the listeners' .json files, or a folder that holds them")
    return files


def _read(path: Path, key: Mapping[str, Any]) -> Submission:
    if path.stat().st_size > LARGEST_BYTES:
        raise _Broken("larger than any results can be")
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Broken(f"not JSON, or cut short ({error})") from None
    if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
        raise _Broken("no results of a listening test")
    if tree.get("version") != VERSION:
        raise _Broken(f"results of version {_short(tree.get('version'))}; this reads version {VERSION}")
    if tree.get("page") != key["page"]:
        raise _Broken(f"results of another page, {_short(tree.get('page'))}; the key is of {key['page']!r}")
    trials = _need(tree, "trials", list)
    _expect_trials(trials, key)
    return _submission(path.name, tree, trials, key)


def _short(value: Any) -> str:
    """What a stranger's file says, fit for one line."""
    return ascii(value)[:40]


def _need(tree: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(tree, dict) or not isinstance(tree.get(name), kind) or isinstance(tree.get(name), bool):
        raise _Broken(f"damaged: {name} is missing or of the wrong kind")
    return tree[name]


def _expect_trials(trials: Sequence[Any], key: Mapping[str, Any]) -> None:
    for kind, expected in key["trials"].items():
        found = sum(isinstance(trial, dict) and trial.get("kind") == kind for trial in trials)
        if found != expected:
            raise _Broken(f"incomplete: {found} of {expected} trials of kind {kind!r}")
    if len(trials) != sum(key["trials"].values()):
        raise _Broken("damaged: it has trials of a kind that the page has not")


def _submission(name: str, tree: Mapping[str, Any], trials: Sequence[Mapping[str, Any]],
                key: Mapping[str, Any]) -> Submission:
    preferences: list[Preference] = []
    ratings: list[Rating] = []
    same = checks = 0
    for trial in trials:
        if trial["kind"] == "rate":
            ratings += _ratings(trial, key)
            continue
        answers = _answers(trial, key)
        if trial["kind"] == "check":
            checks, same = checks + len(answers), same + sum(side == "same" for side in answers.values())
        else:
            preferences += _preferences(trial, answers, key)
    listener = tree.get("participant") or _need(tree, "id", str)
    return Submission(name, str(listener), preferences, ratings, same, checks, str(tree.get("output")),
                      " ".join(str(tree.get("comment", "")).split()))


def _clips(trial: Mapping[str, Any], key: Mapping[str, Any]) -> list[Mapping[str, str]]:
    names = _need(trial, "clips", list)
    if any(not isinstance(name, str) or name not in key["clips"] for name in names):
        raise _Broken("damaged: it names a clip that the page has not")
    clips = [key["clips"][name] for name in names]
    if len({clip["stimulus"] for clip in clips}) != 1:
        raise _Broken("damaged: a trial mixes stimuli")
    return clips


def _answers(trial: Mapping[str, Any], key: Mapping[str, Any]) -> dict[str, str]:
    """Question to the side chosen."""
    answers, asked = _need(trial, "answers", dict), [question["id"] for question in key["questions"]["pair"]]
    if sorted(answers) != sorted(asked) or any(side not in SIDES for side in answers.values()):
        raise _Broken("damaged: an answer is missing, or is none of A, B and no difference")
    return answers


def _preferences(trial: Mapping[str, Any], answers: Mapping[str, str], key: Mapping[str, Any]) -> list[Preference]:
    clips = _clips(trial, key)
    if len(clips) != 2 or clips[0]["system"] == clips[1]["system"]:
        raise _Broken("damaged: a pair is not of two systems")
    a, b = (clip["system"] for clip in clips)
    first, second = sorted((a, b), key=key["systems"].index)  # whatever side they were on
    sign = 1 if first == a else -1
    return [Preference(question, clips[0]["stimulus"], first, second, sign * (1 - SIDES.index(side)))
            for question, side in answers.items()]


def _ratings(trial: Mapping[str, Any], key: Mapping[str, Any]) -> list[Rating]:
    clips, values = _clips(trial, key), _need(trial, "ratings", list)
    lowest = 1 if key["scale"] == 5 else 0
    question = _need(trial, "question", str)
    if question not in [asked["id"] for asked in key["questions"]["rate"]]:
        raise _Broken(f"damaged: the page asks no question {_short(question)}")
    if len(values) != len(clips) or not all(_is_number(value) and lowest <= value <= key["scale"] for value in values):
        raise _Broken(f"damaged: a rating is missing or outside {lowest}..{key['scale']}")
    return [Rating(question, clip["stimulus"], clip["system"], float(value))
            for clip, value in zip(clips, values, strict=True)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _screen(submission: Submission, key: Mapping[str, Any], pass_share: float, screen_reference: bool) -> None:
    if submission.checks and submission.same < pass_share * submission.checks:
        raise _Broken(f"failed the attention check: {submission.same} of {submission.checks} answers about identical"
                      f" pairs were \"the same\", below the share of {pass_share:g}")
    shown = [rating.value for rating in submission.ratings if rating.system == key["reference"]]
    if screen_reference and shown:
        low = sum(value < REFERENCE_AT_LEAST for value in shown)
        if low > REFERENCE_MISSES * len(shown):
            raise _Broken(f"rated the hidden reference below {REFERENCE_AT_LEAST} in {low} of {len(shown)} trials"
                          " (BS.1534-3)")
