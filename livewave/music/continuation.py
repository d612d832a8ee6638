"""What the player does -> what the instrument plays on its own: when, for how long, and what it has heard before.

Everything is decided on the grid of sixteenths. A step is decided half a step before it begins: then every onset that
lands on the step before is known. Decisions follow the moments of events, not of calls: the same seed and the same
events give the same notes.

    events -> ledger -> grid -> rows -> memory, phrase
                                  \\--> listener -> chooser -> generated -> NoteOn, NoteOff
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from livewave import ConfigError
from livewave.control.events import Control, Event, NoteOff, NoteOn, Panic, Release, Reset, Setting, Strike
from livewave.music.biaxial import HIGH, LOW, PLAY, STEPS_A_BEAT, fold
from livewave.music.chooser import Chooser, Surroundings, accented
from livewave.music.generated import AHEAD_S, SOURCE, Generated
from livewave.music.grid import Grid, nearest_step
from livewave.music.ledger import ALL_NOTES_OFF, ALL_SOUND_OFF, Ledger
from livewave.music.listener import Hearer, Listener
from livewave.music.manner import Manner
from livewave.music.phrase import MEMORY_BARS, SILENCE, Phrase, Rows
from livewave.music.transport import Transport

SETTINGS = "continue_"
SILENCERS = (ALL_SOUND_OFF, ALL_NOTES_OFF)
# It comes in no sooner than this after it was told to, so that the net can hear what it was told.
LEAD_BEATS, LEAD_S = 0.25, 0.06
LONGEST_WAIT_S = 0.25  # between calls of `advance`


class Continuation:
    """Plays on when the player stops, or beside the player: see Manner.mode. Thread: one. Never raises.

    manner         as it plays now
    skipped_steps  left out because nobody called for so long
    """

    def __init__(self, composer: Hearer, transport: Transport, manner: Manner, seed: int) -> None:
        self.skipped_steps = 0
        self._composer, self._transport, self._seed, self._at_start = composer, transport, seed, manner
        self._generated = Generated()
        self._remarks: dict[str, bool] = {}  # what was ever said, and whether it was taken
        self._now_s = 0.0
        self._begin()

    def _begin(self) -> None:
        self.manner = self._at_start
        self._ledger, self._grid, self._memory, self._phrase = Ledger(), Grid(), Rows(), Phrase()
        self._listener, self._chooser = Listener(self._composer), Chooser(self._seed)
        self._step: int | None = None  # the next one to be decided
        self._row, self._row_s = SILENCE, 0.0  # what was composed for the last one, and when it begins
        self._in_phrase = False
        self._silent_since_beat = 0.0  # where nothing is held
        self._composing = False
        self._left = 0  # steps of the answer still to come
        self._ready_s = float("-inf")  # by then the net has heard what it was told at once

    def feed(self, event: Event) -> None:
        """Take in what the player did, or what the transport is told. What came before it is decided first."""
        if event.source == SOURCE:
            return
        self._decide_until(event.at_s)
        if isinstance(event, Setting):
            self._set(event)
            return
        self._let_move(event.at_s, lambda: self._transport.feed(event))
        if isinstance(event, (Panic, Reset)) or isinstance(event, Control) and event.controller in SILENCERS:
            self._halt(event.at_s)
        for change in self._ledger.feed(event):
            if isinstance(change, Strike):
                self._strike(change)
            elif isinstance(change, Release):
                self._release(change)
        if isinstance(event, Reset):
            self._begin()
            self._decide_until(event.at_s)  # where it is in time does not wait for the next call

    def advance(self, now_s: float) -> list[NoteOn | NoteOff]:
        """Decide what is to be decided by now. What begins and ends until AHEAD_S from now, in order, each once."""
        self._now_s = now_s
        self._decide_until(now_s)
        due = self._generated.due(now_s)
        if not due:  # what is due waits for nothing
            self._listener.hear_a_piece()
        return due

    def silence(self, at_s: float) -> list[NoteOff]:
        """End what sounds, at once, and compose nothing until the next occasion."""
        self._halt(at_s)
        return self._generated.silence(at_s)

    @property
    def next_s(self) -> float:
        """When `advance` should be called again."""
        if self._step is None or self._listener.busy:
            return self._now_s
        return min(self._decided_at_s(), self._generated.next_s, self._now_s + LONGEST_WAIT_S)

    @property
    def held(self) -> list[int]:
        """Pitches of its own that sound."""
        return self._generated.held

    @property
    def state(self) -> str:
        """One or two words for the status: off, stopped, listening, about to answer, answering, composing."""
        if self.manner.mode == "off":
            return "off"
        if not self._transport.playing:
            return "stopped"
        if self._composing:
            return "answering" if self.manner.mode == "answer" else "composing"
        return "about to answer" if self._left else "listening"

    def take_remarks(self) -> list[str]:
        """What the player should be told, each once; the transport's too."""
        said = [remark for remark, taken in self._remarks.items() if not taken]
        self._remarks = dict.fromkeys(self._remarks, True)
        return said + self._transport.take_remarks()

    # ---- the player

    def _strike(self, strike: Strike) -> None:
        silent = not self._composing and self._generated.silent(strike.at_s)
        if self.manner.mode == "answer":
            self._halt(strike.at_s)
        else:
            self._generated.end(strike.at_s, (strike.pitch,))
        if not self._in_phrase:
            self._phrase, self._in_phrase = Phrase(self._phrase), True
            if silent and self.manner.mode != "endless":
                self._let_move(strike.at_s, lambda: self._transport.begin_bar(strike.at_s))
        self._grid.press(self._transport.beat_at(strike.at_s), strike.pitch, strike.velocity)
        if self._grid.folded:
            self._say(f"notes outside {LOW}..{HIGH} are heard by the continuation in the nearest octave inside")

    def _release(self, release: Release) -> None:
        beat = self._transport.beat_at(release.at_s)
        self._grid.release(beat, release.pitch)
        if not self._ledger.held():
            self._silent_since_beat = beat

    def _set(self, event: Setting) -> None:
        if not event.name.startswith(SETTINGS):
            return
        before = self.manner.mode
        try:
            self.manner = self.manner.with_(event.name.removeprefix(SETTINGS), event.value)
        except ConfigError as error:
            self._say(str(error))
        if self.manner.mode != before:
            self._switch(before, event.at_s)

    def _switch(self, before: str, at_s: float) -> None:
        self._left = 0
        if self.manner.mode in ("off", "answer"):
            self._halt(at_s)
        if self.manner.mode == "off":
            self._listener.forget()
        else:
            self._be_ready(at_s, self._listener.prime(self._memory) if before == "off" else 0.0)

    # ---- the grid

    def _decided_at_s(self) -> float:
        return self._transport.moment((self._step - 0.5) / STEPS_A_BEAT)

    def _decide_until(self, until_s: float) -> None:
        if self._step is None:
            step = nearest_step(self._transport.beat_at(until_s))
            self._step = step + 1
            self._grid.move(step)
        while (at_s := self._decided_at_s()) <= until_s:
            self._let_move(at_s, lambda: self._transport.check(at_s))
            if self._decided_at_s() > at_s:
                continue  # it jumped
            behind, bar = nearest_step(self._transport.beat_at(until_s)) - self._step, self._transport.steps_a_bar
            if behind > (bar if self._composing else MEMORY_BARS * bar):
                self._skip(until_s, behind + 1)
                return
            self._decide(self._step, at_s, late=behind > bar)
            self._step += 1

    def _skip(self, at_s: float, steps: int) -> None:
        """Nobody called for so long: nothing is composed for it any more."""
        self._halt(at_s)
        self._step += steps
        self._grid.row(self._step - 2)
        self.skipped_steps += steps
        self._say("the continuation was left alone for more than a bar: what it would have played then is left out")

    def _let_move(self, at_s: float, change: Callable[[], object]) -> None:
        """Let the transport change. If its beat jumps, what is known goes with it, and what sounds ends; but where it lands
        on the same place of a bar, as a loop does, the music goes on."""
        jumps, place = self._transport.jumps, self._transport.position(self._step or 0)
        change()
        if self._transport.jumps != jumps:
            steps = nearest_step(self._transport.beat_at(at_s)) + 1 - (self._step or 0)
            self._step = (self._step or 0) + steps
            self._grid.move(steps)
            self._silent_since_beat += steps / STEPS_A_BEAT
            if not self._transport.playing or self._transport.position(self._step) != place:
                self._rest(at_s)
        elif not self._transport.playing and (self._composing or self._left):
            self._halt(at_s)

    def _decide(self, step: int, at_s: float, late: bool) -> None:
        bar, position = self._transport.steps_a_bar, self._transport.position(step)
        played = self._grid.row(step - 1)
        row = np.where(played[:, PLAY:PLAY + 1] > 0, played, self._row)
        self._memory.add(row, position, bar)
        self._memory.keep(MEMORY_BARS * bar)
        self._phrase.add(played, position)
        if self.manner.mode != "off":
            self._listener.tell(row, position, bar)
        beat = (step - 0.5) / STEPS_A_BEAT
        if self._in_phrase and not self._ledger.held() and beat - self._silent_since_beat >= self.manner.rest_beats:
            self._phrase_ended(at_s, bar)
        if self._left and not self._composing and at_s >= self._ready_s and position >= bar - STEPS_A_BEAT:
            self._listener.hear_before(bar - position, bar)
        composes = self._composes(position, at_s)
        self._row, self._row_s = SILENCE, self._transport.moment(step / STEPS_A_BEAT)
        if composes and not late:
            self._compose(position)
        elif self._composing and not composes:
            self._be_ready(at_s, self._listener.prime(self._memory))
        if composes or self._composing:
            self._generated.play(self._row, self._row_s)
        self._composing = composes

    # ---- the music

    def _phrase_ended(self, at_s: float, bar: int) -> None:
        self._in_phrase = False
        if self.manner.mode == "answer":
            self._left = self._phrase.bars(bar) * bar
            self._be_ready(at_s, self._listener.tell_before_the_rest(self._phrase.echoes(bar), bar))

    def _composes(self, position: int, at_s: float) -> bool:
        """Whether the step at `position` is composed. Answers and endless play come in on the bar."""
        mode = self.manner.mode
        if mode == "off":
            return False
        if not self._transport.playing:
            self._say("the transport stands still: the continuation plays when it starts")
            return False
        if mode == "duet":
            return self._in_phrase and (self._composing or at_s >= self._ready_s)
        if mode == "answer" and not self._left:
            return False
        return self._composing or position == 0 and at_s >= self._ready_s

    def _compose(self, position: int) -> None:
        """What the player strikes in this very step is not known yet: held notes are shown as sounding on."""
        if enters := not self._composing:
            self._chooser.conservativity = 1.0
            self._listener.come_in(self._transport.steps_a_bar)
        held = {fold(pitch) - LOW: velocity for pitch, velocity in self._ledger.held().items()}
        phrase, beside = self._phrase, self.manner.mode == "duet"  # who plays beside has its own reach, and may wait
        around = Surroundings(self._generated.sounding, held, self.manner.key_for(phrase.key), phrase.few,
                              accented(phrase.velocity, position), (LOW, HIGH) if beside else phrase.reach)
        self._row = self._chooser.step(self._listener.compose, self.manner, around, enters and not beside)
        self._left = max(self._left - 1, 0)

    def _be_ready(self, at_s: float, hearing_s: float) -> None:
        """The net was told at once of what takes so long to be heard."""
        lead_s = max(LEAD_BEATS * 60.0 / self._transport.bpm, LEAD_S)
        self._ready_s = max(self._ready_s, at_s + lead_s) + hearing_s

    def _halt(self, at_s: float) -> None:
        """End what sounds, and the answer with it."""
        self._left = 0
        self._rest(at_s)

    def _rest(self, at_s: float) -> None:
        """End what sounds; where there is an answer still to come, it comes in again on the bar."""
        self._composing = False
        if self._row_s > at_s + AHEAD_S:
            self._row = SILENCE
        self._generated.end(at_s)

    def _say(self, remark: str) -> None:
        self._remarks.setdefault(remark, False)
