"""The ways from a composer to the roll that a net is shown: notes that were drawn, or the chances themselves.

    chain, paper       notes are drawn, and played by a net that knows notes only
    chain              the same notes, played by a net that was trained with soft rolls
    coupled, drawn     the chances by which those very notes were drawn, played by that net too
    coupled, expected  the composer is told its own expectations: nothing that was drawn counts
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livewave.music.biaxial import ARTICULATE, LOW, PLAY, VELOCITY
from livewave.music.chooser import Choose, Chooser, Surroundings, accented
from livewave.music.compass import Compass
from livewave.music.listener import Hearer, Listener
from livewave.music.manner import Manner
from livewave.music.phrase import Phrase, Rows
from livewave.music.score import Note, events_of, roll_of
from livewave.music.softroll import CERTAIN, soft_columns
from training.notes.pieces import Piece
from training.phrases import START_S

SYSTEMS = ("chain, paper", "chain", "coupled, drawn", "coupled, expected")
TAIL_S = 0.5


@dataclass(frozen=True, slots=True)
class Start:
    """A phrase of `bars` bars, and what it says of what follows."""

    name: str
    memory: Rows
    phrase: Phrase
    bar: int


def start_of(piece: Piece, bars: int) -> Start | None:
    """The first whole bars of a piece; None where there are not as many, or they are silent."""
    lines = np.append(np.flatnonzero(piece.positions == 0), len(piece.positions))
    if len(lines) <= bars or len(set(np.diff(lines[: bars + 1]).tolist())) != 1:
        return None
    first, last, bar = int(lines[0]), int(lines[bars]), int(lines[1] - lines[0])
    memory, phrase = Rows(), Phrase()
    for step in range(first, last):
        memory.add(piece.rows[step], (step + 1 - first) % bar, bar)
        phrase.add(piece.rows[step], (step + 1 - first) % bar)
    return Start(piece.name, memory, phrase, bar) if phrase.steps else None


@dataclass(frozen=True, slots=True)
class Continued:
    """What follows a phrase: what was drawn, and by which chances.

    rows     uint8 [steps, 78, 3]    None where nothing that was drawn counts
    chances  float32 [steps, 78, 2]  that each note plays, and, if so, that it begins anew
    """

    rows: np.ndarray | None
    chances: np.ndarray


def continued(composer: Hearer, start: Start, steps: int, manner: Manner, seed: int,
              expected: bool = False) -> Continued:
    """As `livewave.carry_on` carries the phrase on.

    expected  the composer is told what it expects, of each note and each step, instead of what is drawn
    """
    listener, chooser, sounding = Listener(composer), Chooser(seed), {}
    listener.prime(start.memory)
    listener.tell_before_the_rest(start.phrase.echoes(start.bar), start.bar)

    def expecting(choose: Choose) -> None:
        def expect(note: int, logits: np.ndarray) -> tuple[float, float, float]:
            choose(note, logits)
            return _expectation(chooser.chances[note], start.phrase.velocity)

        listener.compose(expect)

    rows, chances = [], []
    for step in range(steps):
        around = Surroundings(sounding, {}, start.phrase.key, start.phrase.few,
                              accented(start.phrase.velocity, step % start.bar))
        row = chooser.step(expecting if expected else listener.compose, manner, around)
        rows.append(row)
        chances.append(chooser.chances.copy())
        sounding = {int(note): int(row[note, VELOCITY]) for note in np.flatnonzero(row[:, PLAY])}
        if expected:
            row = np.array([_expectation(pair, start.phrase.velocity) for pair in chooser.chances], np.float32)
        listener.tell(row, (step + 1) % start.bar, start.bar)
    return Continued(None if expected else np.stack(rows), np.stack(chances))


def _expectation(chances: np.ndarray, velocity: int) -> tuple[float, float, float]:
    plays, begins = chances.tolist()
    return plays, plays * begins, plays * velocity


def notes_of_rows(rows: np.ndarray, step_s: float, compass: Compass) -> list[Note]:
    """What was drawn, from START_S on, each note as hard as what is certain."""
    notes, since = [], {}
    for step, row in enumerate([*rows, np.zeros_like(rows[0])]):
        now_s = START_S + step * step_s
        for note in [held for held in since if not row[held, PLAY] or row[held, ARTICULATE]]:
            notes.append(Note(since.pop(note), now_s, compass.fold(LOW + note), CERTAIN))
        for note in np.flatnonzero(row[:, PLAY]).tolist():
            since.setdefault(note, now_s)
    return sorted(notes, key=lambda note: (note.start_s, note.pitch))


def roll_of_system(system: str, found: Continued, step_s: float, compass: Compass, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: START_S of silence, what was composed, TAIL_S of silence."""
    steps = len(found.chances)
    seconds = START_S + steps * step_s + TAIL_S
    if system.startswith("chain"):
        return roll_of(events_of(notes_of_rows(found.rows, step_s, compass)), seconds, rate_hz)
    edges = [round((START_S + step * step_s) * rate_hz) for step in range(steps + 1)]
    roll = np.zeros((round(seconds * rate_hz), 128), np.uint8)
    roll[edges[0] : edges[-1]] = soft_columns(found.chances, edges, compass, rate_hz)
    return roll


def doubts(chances: np.ndarray, bar: int) -> dict[str, float]:
    """How many notes are expected, and how much of them is uncertain."""
    plays = chances[:, :, PLAY].astype(np.float64).clip(1e-12, 1.0 - 1e-12)
    notes, bits = plays.sum(1), -(plays * np.log2(plays) + (1.0 - plays) * np.log2(1.0 - plays)).sum(1)
    return {"notes": float(notes.mean()), "notes_last_bar": float(notes[-bar:].mean()),
            "doubt": float(bits.mean()), "doubt_last_bar": float(bits[-bar:].mean())}
