"""Events -> orders for a performer: the same translation for the daemon and for offline rendering."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from livewave.control.complaints import Complaints
from livewave.control.events import (
    CONFIGURATION, Bend, Control, Event, LetGo, MessagesLost, NoteOff, NoteOn, Panic, Release, Reset, Setting, SourceLost, Strike,
)
from livewave.link import Command, Order
from livewave.music.compass import Compass
from livewave.music.generated import SOURCE
from livewave.music.ledger import ALL_SOUND_OFF, MODE_MESSAGES, Holder, Ledger
from livewave.music.roll import PITCHES

if TYPE_CHECKING:
    from livewave.render.wavenet import Model

log = logging.getLogger("livewave")

QUIETEST_DB = -90.0
ALL_KEYS_OFF = (ALL_SOUND_OFF, *MODE_MESSAGES)
LOOK_S = 1.0  # between two looks for keys that are held for too long

Key = tuple[str, int, int]  # source, channel, pitch


class Orders:
    """What is held and how it is set. Thread: one. `compass` may be replaced while playing.

    stuck  how many keys were held for longer than `longest_note_s` (None: as long as you like) and let go
    """

    def __init__(self, compass: Compass, gain_db: float, temperature: float, longest_note_s: float | None = None) -> None:
        self.compass, self.longest_note_s = compass, longest_note_s
        self.gain_db, self.temperature = gain_db, temperature
        self.stuck, self._looked_s, self._complaints = 0, 0.0, Complaints(log)
        self._first = {"gain_db": gain_db, "temperature": temperature}  # what a reset goes back to
        self._ledger = Ledger()
        self._struck: dict[Key, tuple[Compass, int]] = {}  # a key that is down -> where it was struck, and how often (see Ledger)

    @property
    def held(self) -> int:
        """How many pitches sound."""
        return len(self._ledger.held())

    @property
    def sounding(self) -> list[int]:
        """The pitches that sound."""
        return list(self._ledger.held())

    @property
    def hands(self) -> tuple[set[int], set[int]]:
        """The pitches that players hold, and those that the continuation does."""
        return self._ledger.held_beside(SOURCE)

    def translate(self, event: Event) -> list[Command]:
        if isinstance(event, Setting):
            return self._set(event)
        gain = self._ledger.gain
        commands = [_command(change) for fitted in self._fitted(event) for change in self._ledger.feed(fitted)]
        if isinstance(event, Reset):
            self.gain_db, self.temperature = self._first["gain_db"], self._first["temperature"]
            return [Command(Order.RESET), *self._settings()]
        if self._silences(event):
            commands.append(Command(Order.HUSH))
        return commands if self._ledger.gain == gain else [*commands, self._gain()]

    def overdue(self, now_s: float) -> list[LetGo]:
        """The keys that are held for too long, to be translated and heard like what a player does; told in the log."""
        if self.longest_note_s is None or now_s - self._looked_s < LOOK_S:
            return []
        self._looked_s = now_s
        return [self._stuck(now_s, *held) for held in self._ledger.overdue(now_s - self.longest_note_s)]

    def restore(self) -> list[Command]:
        """What a performer that starts afresh must be told: settings, bends and held notes."""
        bends = [Command(Order.BEND, 0.0, pitch, value=bend) for pitch, bend in self._ledger.bent().items()]
        held = [Command(Order.STRIKE, 0.0, pitch, velocity) for pitch, velocity in self._ledger.held().items()]
        return [*self._settings(), *bends, *held]

    def _silences(self, event: Event) -> bool:
        """Panic and "all sound off" cut tails short too, unless somebody else still plays."""
        sound_off = isinstance(event, Panic) or isinstance(event, Control) and event.controller == ALL_SOUND_OFF
        return sound_off and not self._ledger.held()

    def _stuck(self, now_s: float, holder: Holder, pitch: int) -> LetGo:
        source, channel = holder
        self.stuck += 1
        self._complaints.add(f"pitch {pitch} of {source}, channel {channel + 1}, was held for {self.longest_note_s:g} s and is "
                             "let go; [control] longest_note_s says how long is too long")
        keys = {key for key in range(PITCHES) if self._compass_of(source, channel, key).fold(key) == pitch}
        return LetGo(now_s, source, channel, tuple(sorted(keys | {pitch})))

    def _compass_of(self, *key: str | int) -> Compass:
        return self._struck.get(key, (self.compass, 0))[0]

    def _fitted(self, event: Event) -> list[Event]:
        """The event inside the compass. A key is let go where it was struck, whatever the compass has become meanwhile:
        by its off, or by its being struck elsewhere."""
        match event:
            case NoteOn():
                return [*self._moved(event), self.compass.fit(event)]
            case NoteOff():
                return [self._let_go(event)]
            case Panic() | Reset():
                self._struck.clear()
            case SourceLost(source=source):
                self._forget(lambda key: key[0] == source)
            case MessagesLost(source=source):
                self._struck = {key: (compass, 0 if key[0] == source else times) for key, (compass, times) in self._struck.items()}
            case Control(source=source, channel=channel, controller=number) if number in ALL_KEYS_OFF:
                self._forget(lambda key: key[:2] == (source, channel))
            case LetGo(source=source, channel=channel, pitches=pitches):
                self._forget(lambda key: key[:2] == (source, channel) and key[2] in pitches)
        return [self.compass.fit(event)]

    def _forget(self, gone: Callable[[Key], bool]) -> None:
        self._struck = {key: struck for key, struck in self._struck.items() if not gone(key)}

    def _moved(self, event: NoteOn) -> list[LetGo]:
        """Count a strike; what lets the key go that is still down where it sounds no longer."""
        key = (event.source, event.channel, event.pitch)
        compass, times = self._struck.get(key, (self.compass, 0))
        elsewhere = compass.fold(event.pitch) != self.compass.fold(event.pitch)
        self._struck[key] = self.compass, 1 if elsewhere else times + 1
        return [LetGo(event.at_s, event.source, event.channel, (compass.fold(event.pitch),))] if elsewhere else []

    def _let_go(self, event: NoteOff) -> NoteOff:
        key = (event.source, event.channel, event.pitch)
        compass, times = self._struck.pop(key, (self.compass, 0))
        if times > 1:
            self._struck[key] = compass, times - 1
        return compass.fit(event)

    def _set(self, setting: Setting) -> list[Command]:
        if setting.name == "gain_db":
            self.gain_db = float(setting.value)
        elif setting.name == "temperature":
            self.temperature = float(setting.value)
        elif setting.name == "longest_note_s":
            self.longest_note_s = setting.value
        if setting.source == CONFIGURATION and setting.name in self._first:
            self._first[setting.name] = float(setting.value)
        return self._settings()

    def _settings(self) -> list[Command]:
        return [self._gain(), Command(Order.TEMPERATURE, value=self.temperature)]

    @property
    def faded_gain_db(self) -> float:
        """What is asked for in all: the gain, channel volume and expression."""
        faders_db = 20.0 * math.log10(self._ledger.gain) if self._ledger.gain > 0.0 else QUIETEST_DB
        return max(QUIETEST_DB, self.gain_db + faders_db)

    def _gain(self) -> Command:
        return Command(Order.GAIN_DB, value=self.faded_gain_db)


def bend_remark(model: Model) -> tuple[int, str] | None:
    """What is to be said once when notes are bent, and how loud (a level of `logging`); None if it was trained on it."""
    if model.spec.hint == "none":
        return logging.WARNING, f"pitch bend is ignored: model {model.name} has no f0 hint to bend"
    if model.provenance.get("data.bends", "0") in ("", "0", "no", "none"):
        return logging.DEBUG, f"model {model.name} heard no bent notes in training: how well it follows is not known"
    return None


def _command(change: Strike | Release | Bend) -> Command:
    if isinstance(change, Strike):
        return Command(Order.STRIKE, change.at_s, change.pitch, change.velocity)
    if isinstance(change, Bend):
        return Command(Order.BEND, change.at_s, change.pitch, value=change.semitones)
    return Command(Order.RELEASE, change.at_s, change.pitch)
