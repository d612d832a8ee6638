"""Composed steps -> notes that begin and end in time, and that can be ended at any moment."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection

import numpy as np

from livewave.control.events import NoteOff, NoteOn
from livewave.music.biaxial import ARTICULATE, LOW, PLAY, VELOCITY

SOURCE = "continuation"
CHANNEL = 0
AHEAD_S = 0.03  # notes are given out so long before their moment


class Generated:
    """Notes that were composed: those to come, and those that sound. Every on has one off, never before
    it. Thread: one.

    What lies less than AHEAD_S after the moment at which notes are ended counts as given out, whether it was or not:
    what is played does not depend on when this was asked for it.
    """

    def __init__(self) -> None:
        self._coming: list[NoteOn | NoteOff] = []
        self._sounding: dict[int, NoteOn] = {}  # once everything to come has happened
        self._given: dict[int, NoteOn] = {}  # by what was given out
        self._given_until_s = self._ended_s = self._last_s = self._step_s = float("-inf")

    @property
    def held(self) -> list[int]:
        """Pitches that sound by what was given out, lowest first."""
        return sorted(self._given)

    @property
    def sounding(self) -> dict[int, int]:
        """Note 0..77 -> velocity of all that sound once everything to come has happened."""
        return {pitch - LOW: on.velocity for pitch, on in self._sounding.items()}

    @property
    def next_s(self) -> float:
        """When `due` has something to give; infinite where nothing is to come."""
        return self._coming[0].at_s - AHEAD_S if self._coming else float("inf")

    def silent(self, at_s: float) -> bool:
        """Whether nothing sounds from `at_s` on, as far as it is composed."""
        return not self._sounding and self._last_s <= at_s

    def play(self, row: np.ndarray, at_s: float) -> None:
        """The step that begins at `at_s`: ends what is not in it or begins anew, then begins what does.

        row  uint8 [78, 3]
        """
        at_s = self._step_s = max(at_s, self._ended_s, self._step_s)
        for pitch in list(self._sounding):
            if not row[pitch - LOW, PLAY] or row[pitch - LOW, ARTICULATE]:
                self._end(pitch, at_s)
        for pitch in (np.flatnonzero(row[:, PLAY]) + LOW).tolist():
            if pitch not in self._sounding:
                self._begin(NoteOn(at_s, SOURCE, CHANNEL, pitch, int(row[pitch - LOW, VELOCITY])))

    def end(self, at_s: float, pitches: Collection[int] = range(128)) -> None:
        """End these pitches at `at_s`, and let none of them begin any more."""
        given_s = max(at_s + AHEAD_S, self._given_until_s)
        self._coming = [event for event in self._coming if event.pitch not in pitches or event.at_s <= given_s]
        self._ended_s = max(self._ended_s, at_s)
        self._last_s = min(self._last_s, max([given_s, *(event.at_s for event in self._coming)]))
        sounding = {pitch: on for pitch, on in self._given.items() if pitch in pitches}
        for event in self._coming:
            if event.pitch in pitches:
                _happen(event, sounding)
        for pitch in pitches:
            self._sounding.pop(pitch, None)
        self._sounding.update(sounding)
        for pitch in sounding:
            self._end(pitch, at_s)

    def silence(self, at_s: float) -> list[NoteOff]:
        """Forget what is to come, and end what was given out."""
        self._coming, self._sounding = [], dict(self._given)
        self.end(at_s)
        offs, self._coming = self._coming, []
        self._given = {}
        return offs

    def due(self, now_s: float) -> list[NoteOn | NoteOff]:
        """What begins and ends until AHEAD_S after `now_s` and was not given out, in order of time."""
        self._given_until_s = max(self._given_until_s, now_s + AHEAD_S)
        count = sum(event.at_s <= self._given_until_s for event in self._coming)
        given, self._coming = self._coming[:count], self._coming[count:]
        for event in given:
            _happen(event, self._given)
        return given

    def _begin(self, on: NoteOn) -> None:
        self._sounding[on.pitch] = on
        self._schedule(on)

    def _end(self, pitch: int, at_s: float) -> None:
        at_s = max(at_s, self._sounding.pop(pitch).at_s)
        self._schedule(NoteOff(at_s, SOURCE, CHANNEL, pitch))

    def _schedule(self, event: NoteOn | NoteOff) -> None:
        self._last_s = max(self._last_s, event.at_s)
        insort(self._coming, event, key=_at_s)


def _at_s(event: NoteOn | NoteOff) -> float:
    return event.at_s


def _happen(event: NoteOn | NoteOff, sounding: dict[int, NoteOn]) -> None:
    if isinstance(event, NoteOn):
        sounding[event.pitch] = event
    else:
        sounding.pop(event.pitch, None)
