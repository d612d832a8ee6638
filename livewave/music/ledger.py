"""Which notes are held, by whom: keys, pedals, rolls, unplugged cables -> strikes and releases of the 128 pitches.

Keys are counted per source, channel and pitch: a key struck twice is let go twice, unless messages were lost in between:
then it may have been let go unheard, and being struck is no second time. A pitch sounds while anybody holds
it: a key, a pedal or a roll. It is bent as the channel is that struck it last of those that hold it; a roll is bent as
channel 1 of its source. Source: MIDI 1.0 Detailed Specification; RP-015 (reset all controllers).
"""

from __future__ import annotations

from collections.abc import Callable

from livewave.control.events import (
    Bend,
    BendSet,
    Control,
    Event,
    LetGo,
    MessagesLost,
    NoteOff,
    NoteOn,
    Panic,
    PitchBend,
    Release,
    Reset,
    RollSet,
    SourceLost,
    Strike,
)
from livewave.music.wheels import Wheels

MODULATION, VOLUME, EXPRESSION, SUSTAIN, SOSTENUTO = 1, 7, 11, 64, 66
ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123
# Omni off, omni on, mono, poly: each also means all notes off.
MODE_MESSAGES = range(ALL_NOTES_OFF, 128)
PEDAL_DOWN = 64
FULL = 127
# A roll says which pitches, not how hard.
ROLL_VELOCITY = 100
ROLL_CHANNEL = 0

Holder = tuple[str, int]  # source and channel


class _Channel:
    """The keys and pedals of one channel of one source."""

    def __init__(self) -> None:
        self.down: dict[int, int] = {}  # pitch -> how many times it is struck and not let go; 0: it may have been
        self.ringing: set[int] = set()  # let go, but kept by a pedal
        self.sustain = False
        self.sostenuto: frozenset[int] | None = None  # the keys it caught, while it is down
        self.levels = {VOLUME: FULL, EXPRESSION: FULL}

    @property
    def gain(self) -> float:
        """Linear; the square of each fader, as General MIDI recommends."""
        return (self.levels[VOLUME] * self.levels[EXPRESSION] / FULL**2) ** 2

    def held(self) -> set[int]:
        return self.ringing.union(self.down)

    def holds(self, pitch: int) -> bool:
        return pitch in self.down or pitch in self.ringing

    def press(self, pitch: int) -> None:
        self.down[pitch] = self.down.get(pitch, 0) + 1

    def let_go(self, pitch: int) -> None:
        if self.down.get(pitch, 0) > 1:
            self.down[pitch] -= 1
        elif pitch in self.down:
            self._end(pitch)

    def doubt(self) -> None:
        """Each key that is down may have been let go."""
        self.down = dict.fromkeys(self.down, 0)

    def let_all_go(self) -> None:
        for pitch in list(self.down):
            self._end(pitch)

    def drop(self, pitch: int) -> None:
        """However often it was struck, and whatever a pedal says."""
        self.down.pop(pitch, None)
        self.ringing.discard(pitch)

    def silence(self) -> None:
        self.down.clear()
        self.ringing.clear()

    def pedal(self, sustain: bool) -> None:
        self.sustain = sustain
        self._lift()

    def catch(self, down: bool) -> None:
        """The sostenuto pedal keeps the keys that are down at the moment it goes down."""
        if down and self.sostenuto is None:
            self.sostenuto = frozenset(self.down)
        elif not down:
            self.sostenuto = None
            self._lift()

    def reset_controllers(self) -> None:
        self.levels[EXPRESSION] = FULL
        self.sostenuto = None
        self.pedal(False)

    def _end(self, pitch: int) -> None:
        del self.down[pitch]
        if self._keeps(pitch):
            self.ringing.add(pitch)

    def _lift(self) -> None:
        self.ringing = {pitch for pitch in self.ringing if self._keeps(pitch)}

    def _keeps(self, pitch: int) -> bool:
        return self.sustain or pitch in (self.sostenuto or ())


class Ledger:
    """Events in, strikes, releases and bends out. Thread: one. Never raises.

    gain        what channel volume and expression (CC7, CC11) ask for, linear; of the channel that moved one last
    modulation  CC1, 0..127, last received

    A pitch's changes never go back in time, whatever their sources' stamps say: a release that is stamped earlier than
    its strike takes the strike's moment.
    """

    def __init__(self) -> None:
        self.modulation = 0
        self._channels: dict[Holder, _Channel] = {}
        self._rolls: dict[str, frozenset[int]] = {}
        self._wheels = Wheels()
        self._sounding: dict[int, int] = {}  # pitch -> velocity
        self._strikers: dict[int, list[Holder]] = {}  # pitch -> who struck it, the last one last
        self._struck_s: dict[tuple[Holder, int], float] = {}  # a holder's pitch -> when it was struck last, or said to be held
        self._bent: dict[int, float] = {}  # pitch -> semitones, as given out last; pitches that no longer sound too
        self._last_s: dict[int, float] = {}  # pitch -> moment of its last change
        self._fader: Holder | None = None  # the channel that moved its volume last
        self._feeds: dict[type[Event], Callable[..., list[Strike]]] = {
            NoteOn: self._note_on,
            NoteOff: self._note_off,
            Control: self._control,
            PitchBend: self._turn,
            BendSet: self._turn,
            RollSet: self._roll_set,
            LetGo: self._let_go,
            SourceLost: self._source_lost,
            MessagesLost: self._messages_lost,
            Panic: self._panic,
            Reset: self._reset,
        }

    @property
    def gain(self) -> float:
        return self._channels[self._fader].gain if self._fader else 1.0

    def held(self) -> dict[int, int]:
        """Pitch -> velocity of all that sounds, to fill an audio process that starts."""
        return dict(self._sounding)

    def held_beside(self, source: str) -> tuple[set[int], set[int]]:
        """The pitches that others hold than `source`, and those that it holds."""
        theirs, its = set(), set()
        for (name, _), channel in self._channels.items():
            (its if name == source else theirs).update(channel.held())
        for name, pitches in self._rolls.items():
            (its if name == source else theirs).update(pitches)
        return theirs, its

    def bent(self) -> dict[int, float]:
        """Pitch -> semitones, as last given out, of all that are bent, to fill an audio process that starts."""
        return {pitch: semitones for pitch, semitones in self._bent.items() if semitones}

    def overdue(self, before_s: float) -> list[tuple[Holder, int]]:
        """Who has held which pitch since a moment before that: struck it and did not strike it again."""
        self._struck_s = {held: at_s for held, at_s in self._struck_s.items() if self._holds(*held)}
        return sorted(held for held, at_s in self._struck_s.items() if at_s < before_s)

    def feed(self, event: Event) -> list[Strike | Release | Bend]:
        """What the event ends, what it bends, then what it begins. Programs and clocks give nothing."""
        strikes = self._feeds.get(type(event), _nothing)(event)
        ended = self._sounding.keys() - self._holders()
        struck = {strike.pitch: strike.velocity for strike in strikes}
        for pitch in ended:
            del self._sounding[pitch]
            self._strikers.pop(pitch, None)
        self._sounding.update(struck)
        bends = self._bends(event.at_s)
        releases = [Release(self._stamp(pitch, event.at_s), pitch) for pitch in sorted(ended)]
        begun = [Strike(self._stamp(pitch, event.at_s), pitch, velocity) for pitch, velocity in struck.items()]
        return [*releases, *bends, *begun]

    def _bends(self, at_s: float) -> list[Bend]:
        """What sounds and is no longer bent as was given out last."""
        wanted = {pitch: self._wheels.bend(*self._striker(pitch)) for pitch in self._sounding}
        changed = {pitch: bend for pitch, bend in wanted.items() if bend != self._bent.get(pitch, 0.0)}
        self._bent.update(changed)
        return [Bend(self._stamp(pitch, at_s), pitch, bend) for pitch, bend in changed.items()]

    def _striker(self, pitch: int) -> Holder:
        """Who struck a sounding pitch last, of those who hold it."""
        strikers = self._strikers[pitch]
        while len(strikers) > 1 and not self._holds(strikers[-1], pitch):
            strikers.pop()
        return strikers[-1]

    def _holds(self, holder: Holder, pitch: int) -> bool:
        source, channel = holder
        by_key = holder in self._channels and self._channels[holder].holds(pitch)
        return by_key or channel == ROLL_CHANNEL and pitch in self._rolls.get(source, ())

    def _strike(self, event: Event, channel: int, pitch: int, velocity: int) -> Strike:
        strikers, holder = self._strikers.setdefault(pitch, []), (event.source, channel)
        if holder in strikers:
            strikers.remove(holder)
        strikers.append(holder)
        self._struck_s[holder, pitch] = event.at_s
        return Strike(event.at_s, pitch, velocity)

    def _note_on(self, event: NoteOn) -> list[Strike]:
        self._channel(event.source, event.channel).press(event.pitch)
        return [self._strike(event, event.channel, event.pitch, event.velocity)]

    def _note_off(self, event: NoteOff) -> list[Strike]:
        self._channel(event.source, event.channel).let_go(event.pitch)
        return []

    def _turn(self, event: PitchBend | BendSet) -> list[Strike]:
        self._wheels.feed(event)
        return []

    def _control(self, event: Control) -> list[Strike]:
        self._wheels.feed(event)
        fader = self._channel(event.source, event.channel)
        if event.controller == MODULATION:
            self.modulation = event.value
        elif event.controller in fader.levels:
            fader.levels[event.controller] = event.value
            self._fader = (event.source, event.channel)
        for channel in self._wheels.reached(event.source, event.channel):
            self._control_channel(event, channel)
        return []

    def _control_channel(self, event: Control, number: int) -> None:
        channel = self._channel(event.source, number)
        down = event.value >= PEDAL_DOWN
        if event.controller == SUSTAIN:
            channel.pedal(down)
        elif event.controller == SOSTENUTO:
            channel.catch(down)
        elif event.controller == ALL_SOUND_OFF:
            channel.silence()
        elif event.controller == RESET_CONTROLLERS:
            channel.reset_controllers()
            self._wheels.centre(event.source, number)
            self.modulation = 0
        elif event.controller in MODE_MESSAGES:
            channel.let_all_go()

    def _roll_set(self, event: RollSet) -> list[Strike]:
        bits = int.from_bytes(event.vector, "little")
        pitches = frozenset(pitch for pitch in range(128) if bits >> pitch & 1)
        begun = pitches - self._rolls.get(event.source, frozenset())
        self._rolls[event.source] = pitches
        self._struck_s.update(dict.fromkeys((((event.source, ROLL_CHANNEL), pitch) for pitch in pitches), event.at_s))
        return [self._strike(event, ROLL_CHANNEL, pitch, ROLL_VELOCITY) for pitch in sorted(begun)]

    def _let_go(self, event: LetGo) -> list[Strike]:
        channel = self._channel(event.source, event.channel)
        for pitch in event.pitches:
            channel.drop(pitch)
        if event.channel == ROLL_CHANNEL and event.source in self._rolls:
            self._rolls[event.source] -= frozenset(event.pitches)
        return []

    def _source_lost(self, event: SourceLost) -> list[Strike]:
        self._channels = {key: channel for key, channel in self._channels.items() if key[0] != event.source}
        self._rolls.pop(event.source, None)
        self._struck_s = {held: at_s for held, at_s in self._struck_s.items() if held[0][0] != event.source}
        self._wheels.forget(event.source)
        if self._fader not in self._channels:
            self._fader = None
        return []

    def _messages_lost(self, event: MessagesLost) -> list[Strike]:
        for (source, _), channel in self._channels.items():
            if source == event.source:
                channel.doubt()
        return []

    def _panic(self, _event: Panic) -> list[Strike]:
        for channel in self._channels.values():
            channel.silence()
            channel.pedal(False)
            channel.catch(False)
        self._rolls.clear()
        self._wheels.centre_all()
        return []

    def _reset(self, _event: Reset) -> list[Strike]:
        self._channels.clear()
        self._rolls.clear()
        self._wheels.centre_all()  # ranges and zones are the controller's make: it says them once
        self._bent.clear()
        self._fader = None
        self.modulation = 0
        return []

    def _channel(self, source: str, channel: int) -> _Channel:
        return self._channels.setdefault((source, channel), _Channel())

    def _holders(self) -> set[int]:
        """Every pitch that somebody holds."""
        return set().union(*(channel.held() for channel in self._channels.values()), *self._rolls.values())

    def _stamp(self, pitch: int, at_s: float) -> float:
        self._last_s[pitch] = max(at_s, self._last_s.get(pitch, at_s))
        return self._last_s[pitch]


def _nothing(_event: Event) -> list[Strike]:
    return []
