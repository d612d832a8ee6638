"""The test as one HTML file, and the key to it: which trials there are, under names that tell a listener nothing.

Every clip, stimulus and pair of systems gets a random number for a name. KEY.json says what they stand for; it stays
with the experimenter. What the page is made of lies in web/.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livewave import LivewaveError
from training.listening.clips import Clip
from training.listening.loudness import RATE_HZ

KEY_SCHEMA, KEY_VERSION = "livewave-listening-key", 1
SCALES = (100, 5)  # a MUSHRA-like slider, or the five grades of a mean opinion score
ANCHOR = "low anchor (3.5 kHz)"  # the name under which the low-passed reference appears in a report
MELODY = ""  # stands in place of a system's name: the notes, played plainly, are heard but never judged
SCRIPTS = ("plan.js", "sound.js", "screens.js")
NO_HASH = "0" * 16
ANSWER_S = 4.0
SHORTEST_NAME_SOUGHT = 3  # a system called A may well share its name with a word of a question


@dataclass(frozen=True, slots=True)
class Design:
    """What listeners are asked. Counts that are None mean all; `reference` names a system; `post` is a URL or empty."""

    title: str = "Listening test"
    intro: str = ""
    consent: str = ""
    pair_questions: Sequence[str] = ()
    rate_questions: Sequence[str] = ()
    scale: int = 100
    reference: str | None = None
    checks: int = 0
    max_pairs: int | None = None
    max_ratings: int | None = None
    post: str = ""
    systems: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Page:
    """html: the page; key: what its names stand for; sounds: file name to FLAC, for a page that has them beside it."""

    html: str
    key: dict[str, Any]
    sounds: dict[str, bytes]


def make_page(design: Design, clips: Sequence[Clip], seed: int, folder: str = "") -> Page:
    """The page and its key. Sound is put into the page, or is left to `folder`, named relative to the page.

    The same arguments give the same page. Raises LivewaveError for a design that cannot be asked.
    """
    _check(design)
    rng = random.Random(seed)
    names = rng.sample(range(16**7, 16**8), 2 * len(clips))  # enough for clips and stimuli
    ids = {(clip.system, clip.stimulus): f"c{names.pop():x}" for clip in clips}
    stimuli = {clip.stimulus: "" for clip in clips}
    stimuli = {stimulus: f"s{names.pop():x}" for stimulus in stimuli}
    flac = {ids[clip.system, clip.stimulus]: clip.flac() for clip in clips}
    test = {"page": NO_HASH, "sound": hashlib.sha256(b"".join(flac[name] for name in sorted(flac))).hexdigest(),
            "title": design.title, "intro": design.intro, "consent": design.consent, "post": design.post,
            "minutes": _minutes(design, clips), "scale": design.scale, "folder": folder, "checks": design.checks,
            "max_pairs": design.max_pairs, "max_ratings": design.max_ratings,
            "questions": {"pair": _numbered("p", design.pair_questions), "rate": _numbered("r", design.rate_questions)},
            "pairs": _pairs(design, ids, stimuli, rng), "ratings": _ratings(design, ids, stimuli, rng)}
    text = _filled(test, {} if folder else flac)
    page_hash = hashlib.sha256(text.encode()).hexdigest()[:16]
    text = text.replace(f'"page":"{NO_HASH}"', f'"page":"{page_hash}"', 1)
    key = _key(design, clips, ids, stimuli, test) | {"page": page_hash, "seed": seed}
    return Page(text, key, {f"{name}.flac": flac[name] for name in sorted(flac)})


def _check(design: Design) -> None:
    if not design.pair_questions and not design.rate_questions:
        raise LivewaveError("nothing is asked; give --pair QUESTION or --rate QUESTION")
    if design.checks and not design.pair_questions:
        raise LivewaveError("--checks are identical pairs, and no --pair question is asked")
    if design.post and urlsplit(design.post).scheme not in ("http", "https"):
        raise LivewaveError(f"--post {design.post!r} must be a URL that begins with https:// or http://")
    texts = {"--title": [design.title], "--intro": [design.intro], "--consent": [design.consent],
             "--pair": design.pair_questions, "--rate": design.rate_questions, "--post": [design.post]}
    for option, said in texts.items():
        for name in design.systems:
            if _names(" ".join(said), name):
                raise LivewaveError(f"{option} names the system {name!r}, and listeners must not know of it;"
                                    " call the system something else, or reword the text")


def _names(text: str, system: str) -> bool:
    whole = rf"(?<!\w){re.escape(system)}(?!\w)"
    return len(system) >= SHORTEST_NAME_SOUGHT and re.search(whole, text, re.IGNORECASE) is not None


def _numbered(letter: str, questions: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": f"{letter}{number}", "text": text} for number, text in enumerate(questions, 1)]


def _pairs(design: Design, ids: Mapping, stimuli: Mapping[str, str], rng: random.Random) -> list[dict[str, Any]]:
    """Every two systems on every stimulus, in an order that tells nothing; `group` numbers the pair of systems."""
    if not design.pair_questions:
        return []
    couples = list(itertools.combinations(design.systems, 2))
    groups = rng.sample(range(len(couples)), len(couples))
    pairs = [{"stimulus": stimuli[stimulus], "group": group, "melody": ids.get((MELODY, stimulus)),
              "clips": rng.sample([ids[a, stimulus], ids[b, stimulus]], 2)}
             for group, (a, b) in zip(groups, couples, strict=True) for stimulus in stimuli]
    return rng.sample(pairs, len(pairs))


def _ratings(design: Design, ids: Mapping, stimuli: Mapping[str, str], rng: random.Random) -> list[dict[str, Any]]:
    """Every question on every stimulus: all systems side by side, the reference hidden among them."""
    trials = []
    for question, stimulus in itertools.product(_numbered("r", design.rate_questions), stimuli):
        clips = [name for (system, own), name in ids.items() if own == stimulus and system != MELODY]
        trials.append({"stimulus": stimuli[stimulus], "question": question["id"],
                       "reference": ids.get((design.reference, stimulus)), "melody": ids.get((MELODY, stimulus)),
                       "clips": rng.sample(clips, len(clips))})
    return rng.sample(trials, len(trials))


def _minutes(design: Design, clips: Sequence[Clip]) -> int:
    """What a listener will need, about: every clip heard twice, ANSWER_S for each answer."""
    heard_s = 2.0 * sum(len(clip.audio) for clip in clips) / len(clips) / RATE_HZ
    stimuli, systems = len({clip.stimulus for clip in clips}), len({clip.system for clip in clips} - {MELODY})
    pairs = stimuli * len(design.systems) * (len(design.systems) - 1) // 2 if design.pair_questions else 0
    pairs = min(pairs, design.max_pairs or pairs) + design.checks
    ratings = stimuli * len(design.rate_questions)
    ratings = min(ratings, design.max_ratings or ratings)
    seconds = pairs * (2 * heard_s + ANSWER_S * len(design.pair_questions)) + ratings * systems * (heard_s + ANSWER_S)
    return max(1, math.ceil(seconds / 60.0))


def _filled(test: Mapping[str, Any], flac: Mapping[str, bytes]) -> str:
    """The page with everything in its place. Text from outside is escaped, so that it stays text."""
    web, address = Path(__file__).parent / "web", urlsplit(test["post"])
    sounds = [f'<script type="text/plain" data-clip="{name}">{base64.b64encode(flac[name]).decode()}</script>'
              for name in sorted(flac)]
    parts = {"TITLE": html.escape(test["title"]), "SOUNDS": "\n".join(sounds),
             "POST": html.escape(f"{address.scheme}://{address.netloc}") if test["post"] else "'none'",
             "STYLE": (web / "page.css").read_text(encoding="utf-8"),
             "SCRIPT": "\n".join((web / name).read_text(encoding="utf-8") for name in SCRIPTS),
             "TEST": json.dumps(test, separators=(",", ":")).replace("<", "\\u003c")}
    return re.sub(r"@@([A-Z]+)@@", lambda match: parts[match[1]], (web / "page.html").read_text(encoding="utf-8"))


def _key(design: Design, clips: Sequence[Clip], ids: Mapping, stimuli: Mapping[str, str],
         test: Mapping[str, Any]) -> dict[str, Any]:
    named = {ids[clip.system, clip.stimulus]: {"system": clip.system, "stimulus": clip.stimulus,
                                               "gain_db": round(clip.gain_db, 2)} for clip in clips}
    pairs, ratings = len(test["pairs"]), len(test["ratings"])
    return {"schema": KEY_SCHEMA, "version": KEY_VERSION, "title": design.title, "systems": list(design.systems),
            "reference": design.reference, "scale": design.scale, "questions": test["questions"],
            "trials": {"pair": min(pairs, design.max_pairs or pairs), "check": design.checks,
                       "rate": min(ratings, design.max_ratings or ratings)},
            "stimuli": {name: stimulus for stimulus, name in stimuli.items()}, "clips": dict(sorted(named.items()))}
