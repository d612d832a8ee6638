"""The transport: which beat it is, when a beat will be, and who says so: we, a MIDI clock, or an Ableton Link session.

    MIDI clock, while its clocks come  >  Link, while others are in the session  >  our own tempo, set or tapped

Beats are quarter notes. A tempo that changes bends the course of the beats and never breaks it; a small error of place
(jitter, a tap that was a little late) is made good within a tenth of a second or a little more, never backwards. Where
the beat has to be another one, it jumps, and `jumps` counts it.
MIDI clock after the MIDI 1.0 Detailed Specification, System Real Time Messages and Song Position Pointer.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

from livewave import ConfigError
from livewave.control.events import ClockMessage, Event, LinkState, MetreSet, Reset, SourceLost, Tap, TempoSet
from livewave.music.bars import STEPS_A_BEAT, Bars, check_metre
from livewave.music.pulses import PULSES_A_BEAT, Pulses

__all__ = ["BPM", "Course", "Transport", "check_bpm", "check_metre"]

BPM = (20.0, 400.0)
INTERNAL, LINK = "internal", "link"
TEMPO = "tempo"

# An error of place beyond a step is another place.
JUMP_BEATS = 0.25
GLIDE_S = 0.1
# While an error is made good, the beat runs at most by this share too fast or too slow.
GLIDE_SHARE = 0.5
# A measured tempo at the edge of the range is a little outside at times.
EDGE = 1.02

# No clock for so long, and for so many clocks: it is lost.
LOST_S, LOST_CLOCKS = 0.3, 4
LINK_LOST_S = 2.0
# Beyond it, which takes years, beats have too few digits left.
LAST_BEAT = 1e9
# Clocks of a port come in order; a stamp that goes back by more is of another time.
BACK_S = 0.05

TAPS = 8
TAP_PAUSE_S, TAP_BOUNCE_S = 60.0 / BPM[0], 60.0 / BPM[1]
# For so long after the last tap the beat is the tapped one, and a bar begins on it.
TAP_KEPT_BEATS = 32.0

REMARK_PERIOD_S = 1.0
REMARKS = 32


def check_bpm(bpm: float) -> float:
    """The tempo. Raises ConfigError when it is outside BPM or no number."""
    if not BPM[0] <= bpm <= BPM[1]:
        raise ConfigError(f"a tempo of {bpm:g} bpm is outside {BPM[0]:g}..{BPM[1]:g}")
    return bpm


@dataclass(frozen=True, slots=True)
class Course:
    """The beats as a line through (at_s, beat), which is reached from `off_beats` beside it without going back."""

    at_s: float
    beat: float
    bpm: float
    off_beats: float = 0.0

    @property
    def beats_a_s(self) -> float:
        return self.bpm / 60.0

    @property
    def glide_s(self) -> float:
        return max(GLIDE_S, abs(self.off_beats) / (GLIDE_SHARE * self.beats_a_s))

    def beat_at(self, at_s: float) -> float:
        since_s = at_s - self.at_s
        left = min(max(1.0 - since_s / self.glide_s, 0.0), 1.0)
        return self.beat + since_s * self.beats_a_s + left * self.off_beats

    def moment(self, beat: float) -> float:
        beats = beat - self.beat
        if beats >= self.glide_s * self.beats_a_s:
            return self.at_s + beats / self.beats_a_s
        if beats <= self.off_beats:
            return self.at_s + (beats - self.off_beats) / self.beats_a_s
        return self.at_s + (beats - self.off_beats) / (self.beats_a_s - self.off_beats / self.glide_s)


@dataclass(frozen=True, slots=True)
class Due:
    """A song was told to go on at `beat` with the next clock of the source."""

    at_s: float
    source: str
    beat: float


class Transport:
    """The beat of everything that is composed. Thread: one. Never raises, but for a bad tempo or metre at the start.

    source   who gives the tempo: "internal", "midi:PORT" or "link"
    playing  False from a Stop to the next Start or Continue, or to the loss of the port that stopped us. The beats are
             counted on meanwhile, for what is played then has its place too; Continue goes back to where the Stop was
    jumps    how often the beat became another one: start, song position, a tap beside it, Link joined, begin_bar
    peers    other programs in the Link session
    """

    def __init__(self, bpm: float = 120.0, metre: tuple[int, int] = (4, 4)) -> None:
        self.source = INTERNAL
        self.playing = True
        self.jumps = self.peers = 0
        self._course = Course(0.0, 0.0, check_bpm(bpm))
        self._bars = Bars(metre)
        self._leader: str | None = None  # the port whose clocks are counted
        self._pulses = Pulses(60.0 / bpm / PULSES_A_BEAT)
        self._first_beat: float | None = None  # that of the leader's pulse 0
        self._due: Due | None = None
        self._stopped_by: str | None = None
        self._stood_beat: float | None = None  # from where Continue goes on
        self._link_s = -math.inf
        self._taps: deque[float] = deque(maxlen=TAPS)
        self._tapped_until_beat = -math.inf
        self._asked_bpm: float | None = None
        self._remarks: deque[str] = deque(maxlen=REMARKS)
        self._said_s: dict[str, float] = {}
        self._overruled: set[str] = set()  # ports, or the player's TEMPO: told once that another leads
        self._announced = INTERNAL
        self._takes = {TempoSet: self._tempo_set, Tap: self._tap, MetreSet: self._metre_set,
                       ClockMessage: self._clock_message, LinkState: self._link_state, SourceLost: self._source_lost,
                       Reset: self._reset}
        self._songs = {"clock": self._clock, "start": self._start, "continue": self._continue, "stop": self._stop,
                       "position": self._position}

    @property
    def bpm(self) -> float:
        return self._course.bpm

    @property
    def metre(self) -> tuple[int, int]:
        """Beats in a bar, and which part of a whole note each is."""
        return self._bars.metre

    @property
    def steps_a_bar(self) -> int:
        return self._bars.steps

    def beat_at(self, at_s: float) -> float:
        return self._course.beat_at(at_s)

    def moment(self, beat: float) -> float:
        """When the beat is, should the tempo stay; the inverse of beat_at."""
        return self._course.moment(beat)

    def position(self, step: int) -> int:
        """The place of a step in its bar, from 0; a metre that is to come counts from its bar on."""
        return self._bars.position(step)

    def next_bar(self, beat: float) -> float:
        """The first bar line at or after the beat."""
        return self._bars.next_line(beat)

    def feed(self, event: Event) -> None:
        """Take in what concerns the time; other events are none of it."""
        take = self._takes.get(type(event))
        if take is not None and math.isfinite(event.at_s):
            self.check(event.at_s)
            take(event)

    def check(self, now_s: float) -> None:
        """Notice what did not come: a clock, a Link session."""
        self._bars.reach(self.beat_at(now_s))
        if self._leader is not None and now_s - self._pulses.last_s > self._lost_after_s():
            self._lose_clock(now_s, told=self.playing)
        if self.source == LINK and now_s - self._link_s > LINK_LOST_S:
            self._leave_link(now_s)
        if self._due is not None and now_s - self._due.at_s > LOST_S:
            self._go_on_without_clock(self._due)

    def begin_bar(self, at_s: float) -> bool:
        """Let the moment be the first beat of a bar, if the tempo is our own; else nothing happens, and it is False.

        The count goes on to the next whole beat, so that no step comes twice. For a while after a tap, the beat stays
        as it was tapped, and the one nearest to the moment begins the bar.
        """
        if self.source != INTERNAL or self._leader is not None or not math.isfinite(at_s):
            return False
        beat = self.beat_at(at_s)
        if beat < self._tapped_until_beat:
            first = math.floor(beat + 0.5)
        else:
            first = math.ceil(beat - 1e-6)
            self._course = Course(at_s, first, self.bpm)
        self._bars.begin(first * STEPS_A_BEAT)
        self.jumps += 1
        return True

    def take_asked_bpm(self) -> float | None:
        """The tempo that the player set or tapped while a Link session is followed: to be handed on to that, once."""
        asked, self._asked_bpm = self._asked_bpm, None
        return asked

    def take_remarks(self) -> list[str]:
        """What the player should be told, each once."""
        remarks = list(self._remarks)
        self._remarks.clear()
        return remarks

    # ---- the course of the beats

    def _go_to(self, at_s: float, beat: float, bpm: float) -> None:
        """From the moment on, as if it had been `beat` then; what is near is approached, what is far is a jump."""
        off_beats = self.beat_at(at_s) - beat
        if abs(off_beats) > JUMP_BEATS:
            self._jump(at_s, beat, bpm)
        else:
            self._course = Course(at_s, beat, bpm, off_beats)

    def _jump(self, at_s: float, beat: float, bpm: float) -> None:
        self._course = Course(at_s, beat, bpm)
        self.jumps += 1

    # ---- our own tempo

    def _tempo_set(self, event: TempoSet) -> None:
        try:
            check_bpm(event.bpm)
        except ConfigError as error:
            self._say(TEMPO, event.at_s, f"{error}; it stays at {self.bpm:.1f}")
            return
        if self._may_set(event.bpm):
            self._course = Course(event.at_s, self.beat_at(event.at_s), event.bpm)

    def _tap(self, event: Tap) -> None:
        at_s, taps = event.at_s, self._taps
        if taps and abs(at_s - taps[-1]) < TAP_BOUNCE_S:
            return
        pause_s = min(TAP_PAUSE_S, 2.0 * (taps[-1] - taps[-2])) if len(taps) > 1 else TAP_PAUSE_S
        if taps and not 0.0 < at_s - taps[-1] <= pause_s:
            taps.clear()
        taps.append(at_s)
        if len(taps) < 2:
            return
        times = list(taps)
        bpm = _into_range(60.0 / median(later - before for before, later in zip(times, times[1:])))
        if self._may_set(bpm):
            beat = math.floor(self.beat_at(at_s) + 0.5)
            self._go_to(at_s, beat, bpm)
            self._tapped_until_beat = beat + TAP_KEPT_BEATS

    def _may_set(self, bpm: float) -> bool:
        """Whether the tempo is ours. A Link session is asked; a MIDI clock cannot be."""
        if self.source == LINK:
            self._asked_bpm = bpm
        elif self.source != INTERNAL and TEMPO not in self._overruled:
            self._overruled.add(TEMPO)
            self._remarks.append(f"the tempo is that of the MIDI clock of {_name(self.source)}; set it there")
        return self.source == INTERNAL

    def _metre_set(self, event: MetreSet) -> None:
        try:
            self._bars.change((event.beats, event.unit), self.beat_at(event.at_s), from_zero=self.source == LINK)
        except ConfigError as error:
            self._say("metre", event.at_s, str(error))

    # ---- MIDI clock

    def _clock_message(self, event: ClockMessage) -> None:
        take = self._songs.get(event.kind)
        if take is None:
            return
        if self._leader not in (None, event.source):
            if event.source not in self._overruled:
                self._overruled.add(event.source)
                self._remarks.append(f"the MIDI clock of {_name(event.source)} is not followed: "
                                     f"that of {_name(self._leader)} is")
            return
        take(event)

    def _clock(self, event: ClockMessage) -> None:
        if self._leader is None or event.at_s < self._pulses.last_s - BACK_S:
            self._leader, self._first_beat = event.source, None
            self._pulses = Pulses(60.0 / self.bpm / PULSES_A_BEAT)
        if self._due is not None and self._due.source == event.source:
            self._set_off(event.at_s, self._due)
        else:
            self._pulses.add(event.at_s)
        if self._pulses.locked:
            self._follow_clock(event.at_s)

    def _set_off(self, at_s: float, due: Due) -> None:
        """The clock at this moment is that of the song's beat; from now on this port leads."""
        if self._pulses.fits(at_s):
            self._pulses.add(at_s)
        else:
            self._pulses.restart(at_s)
        self._first_beat = due.beat - self._pulses.count / PULSES_A_BEAT
        self._led_by(due.source)
        self._go_on(at_s, due.beat)

    def _go_on(self, at_s: float, beat: float) -> None:
        self._jump(at_s, beat, self.bpm)
        self._bars.begin(0)
        self._due = self._stood_beat = self._stopped_by = None
        self._tapped_until_beat = -math.inf
        self.playing = True

    def _go_on_without_clock(self, due: Due) -> None:
        if self.source == INTERNAL and self._leader is None:
            self._go_on(due.at_s, due.beat)
        elif self._leader != due.source:
            self._due = None

    def _follow_clock(self, at_s: float) -> None:
        leader, fit = self._leader, self._pulses.fit
        bpm = 60.0 / PULSES_A_BEAT / fit.interval_s
        if not BPM[0] / EDGE <= bpm <= BPM[1] * EDGE:
            self._say("range", at_s, f"the MIDI clock of {_name(leader)} runs at {bpm:.0f} bpm, outside "
                                     f"{BPM[0]:g}..{BPM[1]:g}; going on at {self.bpm:.1f} bpm")
            self._first_beat = None
            self._led_by(INTERNAL if self.source == leader else self.source)
            return
        index = fit.index_at(at_s)
        if self._first_beat is None:
            ours = self.beat_at(at_s) * PULSES_A_BEAT
            self._first_beat = (math.floor(ours + 0.5) - round(index)) / PULSES_A_BEAT
        self._go_to(at_s, self._first_beat + index / PULSES_A_BEAT, _into_range(bpm))
        self._led_by(leader)
        if self._announced != leader:
            self._announced = leader
            self._say("followed", at_s, f"following the MIDI clock of {_name(leader)} at {self.bpm:.1f} bpm")

    def _start(self, event: ClockMessage) -> None:
        self._due = Due(event.at_s, event.source, 0.0)

    def _continue(self, event: ClockMessage) -> None:
        if self._stood_beat is not None:
            self._due = Due(event.at_s, event.source, self._stood_beat)
        else:
            self.playing, self._stopped_by = True, None

    def _stop(self, event: ClockMessage) -> None:
        if not self.playing:
            self._due = None
            return
        if self._due is not None:
            self._stood_beat = self._due.beat
        elif self._first_beat is not None:
            self._stood_beat = self._first_beat + (self._pulses.count + 1) / PULSES_A_BEAT
        else:
            self._stood_beat = self.beat_at(event.at_s)
        self.playing, self._stopped_by, self._due = False, event.source, None

    def _position(self, event: ClockMessage) -> None:
        """Where the song is to go on; while it plays, with the next clock."""
        self._stood_beat = event.sixteenths / STEPS_A_BEAT
        if self.playing and self.source == event.source:
            self._due = Due(event.at_s, event.source, self._stood_beat)

    def _lost_after_s(self) -> float:
        return max(LOST_S, LOST_CLOCKS * self._pulses.fit.interval_s)

    def _lose_clock(self, at_s: float, told: bool) -> None:
        """Go on by ourselves. A song that stands still may be silent: that is told to nobody."""
        lost = self.source
        self._leader = self._first_beat = None
        self._overruled.clear()
        if lost not in (INTERNAL, LINK):
            self._led_by(INTERNAL)
            if told:
                self._announced = INTERNAL
                self._say("lost", at_s, f"the MIDI clock of {_name(lost)} is lost; going on at {self.bpm:.1f} bpm")

    def _source_lost(self, event: SourceLost) -> None:
        if event.source == LINK:
            self.peers = 0
            self._leave_link(event.at_s)
            return
        if self._leader == event.source:
            self._lose_clock(event.at_s, told=True)
        if self._due is not None and self._due.source == event.source:
            self._due = None
        if self._stopped_by == event.source:
            self.playing, self._stopped_by = True, None

    def _reset(self, _event: Reset) -> None:
        """Nobody's Stop holds on, but that of the clock that is followed."""
        if self._leader is None and self.source == INTERNAL:
            self.playing, self._stopped_by, self._due, self._stood_beat = True, None, None, None

    # ---- Ableton Link

    def _link_state(self, event: LinkState) -> None:
        self.peers = max(event.peers, 0)
        usable = BPM[0] <= event.bpm <= BPM[1] and abs(event.beat) <= LAST_BEAT
        if not self.peers or not usable:
            if self.peers:
                self._say("range", event.at_s, f"the Link session is not followed: it is at beat {event.beat:g} and "
                                               f"{event.bpm:g} bpm, of {BPM[0]:g}..{BPM[1]:g}")
            self._leave_link(event.at_s)
            return
        if self.source not in (INTERNAL, LINK):
            return
        joined, jumps = self.source != LINK, self.jumps
        self._link_s = event.at_s
        self.playing, self._stopped_by = event.playing, None
        self._go_to(event.at_s, event.beat, event.bpm)
        if joined or self.jumps != jumps:
            moved = self._bars.begin(0)
            self.jumps += moved and self.jumps == jumps
        self._led_by(LINK)
        if joined:
            self._announced = LINK
            others = "another program" if self.peers == 1 else f"{self.peers} others"
            self._say("followed", event.at_s, f"following the Link session with {others} at {self.bpm:.1f} bpm")

    def _leave_link(self, at_s: float) -> None:
        if self.source == LINK:
            self._led_by(INTERNAL)
            self._announced, self.playing, self._asked_bpm = INTERNAL, True, None
            self._say("lost", at_s, f"the Link session is over; going on at {self.bpm:.1f} bpm")

    # ---- who leads, and what is said

    def _led_by(self, source: str) -> None:
        if self.source != source:
            self.source = source
            self._taps.clear()
            self._overruled.discard(TEMPO)
            self._tapped_until_beat = -math.inf

    def _say(self, kind: str, at_s: float, text: str) -> None:
        """Say it, unless something of the kind was said within a second."""
        if abs(at_s - self._said_s.get(kind, -math.inf)) >= REMARK_PERIOD_S:
            self._said_s[kind] = at_s
            self._remarks.append(text)


def _into_range(bpm: float) -> float:
    return min(max(bpm, BPM[0]), BPM[1])


def _name(source: str) -> str:
    return source.removeprefix("midi:")
