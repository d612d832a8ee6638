"""A small listening test out of tones, and listeners who answer it as they are told to."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from training.listening.__main__ import main
from training.listening.page import MELODY

SYSTEMS = ("cedarwood", "birchwood", "maplewood")
STEMS = ("gavotte", "sarabande")
RATES_HZ = (48_000, 16_000, 44_100)


def tone(seconds: float = 0.3, rate_hz: int = 48_000, harmonics: int = 3, hz: float = 220.0) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return 0.1 * sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, harmonics + 1))


def record(folder: Path, systems: tuple[str, ...] = SYSTEMS, stems: tuple[str, ...] = STEMS,
           seconds: float = 0.3) -> list[str]:
    """A folder of tones for every system, each at a rate of its own; the options that name them."""
    for index, system in enumerate(systems):
        (folder / system).mkdir(parents=True)
        for number, stem in enumerate(stems):
            rate_hz = RATES_HZ[index % 3]
            audio = tone(seconds, rate_hz, 1 + 2 * index, 220.0 * (1 + number))
            soundfile.write(folder / system / f"{stem}.wav", audio, rate_hz)
    return [text for system in systems for text in ("--system", f"{system}={folder / system}")]


def built(folder: Path, *options: str, **sizes: Any) -> tuple[Path, dict[str, Any]]:
    """A page in `folder` and its key."""
    page = folder / "test.html"
    assert main(["build", str(page), *record(folder, **sizes), *options]) == 0
    return page, json.loads(page.with_suffix(".key.json").read_text())


def design_of(page: Path) -> dict[str, Any]:
    """What the page asks, as its script reads it."""
    return json.loads(page.read_text().partition('id="test">')[2].partition("</script>")[0])


def answered(page: Path, key: Mapping[str, Any], number: int, prefers: Callable[[str, str], str],
             rates: Callable[[str], float], checks: str = "same") -> dict[str, Any]:
    """The results of listener `number`. prefers(a, b) -> "a", "b" or "same", for the systems on its two sides."""
    test, rng, trials = design_of(page), random.Random(number), []
    system = {clip: about["system"] for clip, about in key["clips"].items()}
    asked = [question["id"] for question in test["questions"]["pair"]]
    for pair in test["pairs"]:
        clips = rng.sample(pair["clips"], 2)
        trials.append({"kind": "pair", "stimulus": pair["stimulus"], "clips": clips,
                       "answers": {question: prefers(*(system[clip] for clip in clips)) for question in asked}})
    for pair in test["pairs"][:test["checks"]]:
        trials.append({"kind": "check", "stimulus": pair["stimulus"], "clips": [pair["clips"][0]] * 2,
                       "answers": dict.fromkeys(asked, checks)})
    for trial in test["ratings"]:
        assert MELODY not in (system[clip] for clip in trial["clips"])
        trials.append({"kind": "rate", "stimulus": trial["stimulus"], "question": trial["question"],
                       "clips": trial["clips"], "ratings": [rates(system[clip]) for clip in trial["clips"]]})
    for trial in trials:
        trial |= {"plays": [1] * len(trial["clips"]), "heard_s": [0.3] * len(trial["clips"]), "seconds": 5.0}
    return {"schema": "livewave-listening-results", "version": 1, "page": test["page"], "id": f"listener{number}",
            "participant": "", "output": "headphones", "comment": "", "seed": number, "trials": trials}


def handed_in(folder: Path, *results: Mapping[str, Any]) -> Path:
    """A folder with a file for each of `results`."""
    folder.mkdir(exist_ok=True)
    for number, result in enumerate(results):
        (folder / f"{number:02d}.json").write_text(json.dumps(result))
    return folder
