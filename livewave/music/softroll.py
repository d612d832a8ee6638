"""A roll of what may sound: the composer's chances as columns, for a net trained with soft rolls. An experiment.

A value of a soft roll is what the roll of drawn notes would hold on average: a velocity times the chance that the pitch
sounds. Nothing is decided before the net that sounds: between two notes that are as likely, it is the one to choose. The
composer goes on from notes that are drawn all the same (by Chooser.chances), but nobody hears them.

Source: Manzelli et al. 2018, "An End to End Model for Automatic Music Generation", on coupling LSTM and WaveNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from livewave import ConfigError
from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY
from livewave.music.compass import Compass
from livewave.music.roll import PITCHES, RESTRIKE_GAP_S, Roll

CERTAIN = 92  # the value of what surely sounds: the middle of the velocities that soft rolls are trained with
TRAINED = "training.soft_share"  # in the provenance of a net that was trained with soft rolls


class SoftRoll(Roll):
    """A roll in which, beside held notes, may stand what is only likely. Thread: performer only.

    Held notes are shown as certain, however hard they were struck: to a net that reads chances a soft one is doubtful.
    """

    def expect(self, first: int, soft: np.ndarray) -> None:
        """From column `first` on, `soft` is shown, uint8 [columns, 128]; where a held note is surer, the note. It takes
        the place of what was expected before."""
        self._first, self._soft = first, soft

    def silence(self) -> None:
        super().silence()
        self.expect(0, np.zeros((0, PITCHES), np.uint8))

    def columns(self, out: np.ndarray) -> None:
        begin = self.next_column
        super().columns(out)
        out[out > 0] = CERTAIN
        first, last = max(begin, self._first), min(begin + len(out), self._first + len(self._soft))
        if first < last:
            part = out[first - begin : last - begin]
            np.maximum(part, self._soft[first - self._first : last - self._first], out=part)


def soft_columns(chances: np.ndarray, edges: Sequence[int], compass: Compass, rate_hz: int) -> np.ndarray:
    """uint8 [edges[-1] - edges[0], 128]: the soft roll of steps that begin at the columns `edges`, whose last ends it.

    chances  float [steps, 78, 2]  that each note plays, and, if so, that it begins anew
    A pitch outside the compass is as likely in the nearest octave inside. Where a note sounded before and may begin
    anew, the roll's gap is as deep as that is likely.
    """
    plays, begins = folded(chances, compass)
    before = np.concatenate((np.zeros((1, PITCHES)), plays[:-1]))
    gaps = np.round(CERTAIN * plays * (1.0 - begins * before)).astype(np.uint8)
    values = np.round(CERTAIN * plays).astype(np.uint8)
    gap, origin = max(1, round(RESTRIKE_GAP_S * rate_hz)), edges[0]
    out = np.empty((edges[-1] - origin, PITCHES), np.uint8)
    for step, (first, last) in enumerate(zip(edges, edges[1:])):
        out[first - origin : last - origin] = values[step]
        out[first - origin : min(first + gap, last) - origin] = gaps[step]
    return out


def folded(chances: np.ndarray, compass: Compass) -> tuple[np.ndarray, np.ndarray]:
    """float64 [steps, 128] twice: of each pitch, that any of the notes which fold there plays; and, if so, that it begins
    anew: the mean of those notes, weighed by their chances."""
    silent = np.ones((len(chances), PITCHES))
    weight, anew = np.zeros((len(chances), PITCHES)), np.zeros((len(chances), PITCHES))
    for note in range(NOTES):
        pitch, plays = compass.fold(LOW + note), chances[:, note, PLAY].astype(np.float64)
        silent[:, pitch] *= 1.0 - plays
        weight[:, pitch] += plays
        anew[:, pitch] += plays * chances[:, note, ARTICULATE]
    return 1.0 - silent, anew / np.maximum(weight, 1e-12)


def check_soft(name: str, provenance: Mapping[str, str]) -> None:
    """Raises ConfigError for a net that would take every chance for a whole note, or for a softer one."""
    try:
        share = float(provenance.get(TRAINED, "0"))
    except ValueError:
        share = 0.0
    if not share > 0.0:
        raise ConfigError(f"{name} was not trained with soft rolls, and would take what is only likely for notes; train "
                          "one by `python -m training.train --config training/configs/coupled.toml --from paper ...`, or "
                          "leave out --coupled")
