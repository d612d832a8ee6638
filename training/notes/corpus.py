"""Pieces from music21's corpus: Bach's chorales, and the dance tunes of Ryan's Mammoth Collection (1883), one voice each.

The chorales' encodings may be used freely, the tunes were typed by volunteers from a book in the public domain; no note of
either is kept in livewave. `pip install '.[corpus]'`. This is the one file that imports music21.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.music.biaxial import MOST_STEPS_A_BAR, STEPS_A_BEAT
from livewave.music.grid import rows_of
from training.notes.pieces import Piece

VELOCITY = 90  # scores of this kind have none
ORIGINS = {
    "chorales": "the chorales of J. S. Bach, as encoded in music21's corpus",
    "tunes": "Ryan's Mammoth Collection (1883), as contributed to music21's corpus",
}
_FOLDERS = {"tunes": "ryansMammoth"}


def paths(group: str) -> list[Path]:
    """The files of "chorales" or "tunes". Raises LivewaveError without music21 or its corpus."""
    try:
        from music21 import corpus
    except ImportError:
        raise LivewaveError("the corpus needs music21: pip install '.[corpus]'") from None
    if group == "chorales":
        works = [corpus.getWork(name) for name in corpus.chorales.Iterator(returnType="filename")]
        return sorted({Path(work[0] if isinstance(work, list) else work) for work in works})  # a list: one work, two encodings
    return sorted(corpus.getComposer(_FOLDERS[group]))


def read(path: Path, group: str) -> Piece:
    """One work. Raises LivewaveError, naming the file, where its metre or its notes do not fit the grid."""
    from music21 import converter

    try:
        score = converter.parse(str(path))
        notes = [(float(note.offset), float(note.offset + note.quarterLength), pitch.midi, VELOCITY)
                 for note in score.stripTies().flatten().notes for pitch in note.pitches if note.quarterLength > 0]
        positions = np.fromiter(_positions(score), np.uint8)
    except LivewaveError as error:
        raise LivewaveError(f"{path.name}: {error}") from None
    except Exception as error:  # music21 raises whatever a score leads it to
        raise LivewaveError(f"{path.name} cannot be read: {type(error).__name__}: {error}") from None
    if not notes or not len(positions):
        raise LivewaveError(f"{path.name} holds no notes in bars")
    return Piece(path.stem, group, rows_of(notes, len(positions)), positions)


def _positions(score) -> Iterator[int]:
    """The place in its bar of every step, by the measures of the first part: an upbeat ends where its bar would."""
    part = score.parts[0] if score.parts else score
    place, bar = 0, 0
    for number, measure in enumerate(part.getElementsByClass("Measure")):
        signature = measure.timeSignature
        if signature is not None:
            bar = _steps(signature.barDuration.quarterLength, signature.ratioString)
        steps = round(float(measure.duration.quarterLength) * STEPS_A_BEAT)
        if not bar:
            raise LivewaveError("it begins without a metre")
        place = bar - steps if number == 0 and steps < bar else place % bar
        if place and number and place + steps > bar:  # the rest of a bar was never given
            place = 0
        yield from ((place + step) % bar for step in range(steps))
        place += steps


def _steps(beats: float, name: str) -> int:
    steps = float(beats) * STEPS_A_BEAT
    if steps != int(steps) or not 1 <= steps <= MOST_STEPS_A_BAR:
        raise LivewaveError(f"a bar of {name} is {steps:g} sixteenths; it must be a whole number, {MOST_STEPS_A_BAR} at most")
    return int(steps)
