"""Events -> orders for a performer: the same translation for the daemon and for offline rendering."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from livewave.control.events import Bend, Control, Event, NoteOff, NoteOn, Panic, Release, Reset, Setting, Strike
from livewave.link import Command, Order
from livewave.music.compass import Compass
from livewave.music.ledger import ALL_SOUND_OFF, Ledger

if TYPE_CHECKING:
    from livewave.render.wavenet import Model

QUIETEST_DB = -90.0


class Orders:
    """What is held and how it is set. Thread: one. `compass` may be replaced while playing."""

    def __init__(self, compass: Compass, gain_db: float, temperature: float) -> None:
        self.compass = compass
        self.gain_db, self.temperature = gain_db, temperature
        self._first = (gain_db, temperature)
        self._ledger = Ledger()
        self._struck: dict[tuple[str, int, int], Compass] = {}  # key -> the compass that it was struck in

    @property
    def held(self) -> int:
        """How many pitches sound."""
        return len(self._ledger.held())

    def translate(self, event: Event) -> list[Command]:
        if isinstance(event, Setting):
            return self._set(event)
        gain = self._ledger.gain
        commands = [_command(change) for change in self._ledger.feed(self._fit(event))]
        if isinstance(event, Reset):
            self.gain_db, self.temperature = self._first
            return [Command(Order.RESET), *self._settings()]
        if self._silences(event):
            commands.append(Command(Order.HUSH))
        return commands if self._ledger.gain == gain else [*commands, self._gain()]

    def restore(self) -> list[Command]:
        """What a performer that starts afresh must be told: settings, bends and held notes."""
        bends = [Command(Order.BEND, 0.0, pitch, value=bend) for pitch, bend in self._ledger.bent().items()]
        held = [Command(Order.STRIKE, 0.0, pitch, velocity) for pitch, velocity in self._ledger.held().items()]
        return [*self._settings(), *bends, *held]

    def _silences(self, event: Event) -> bool:
        """Panic and "all sound off" cut tails short too, unless somebody else still plays."""
        sound_off = isinstance(event, Panic) or isinstance(event, Control) and event.controller == ALL_SOUND_OFF
        return sound_off and not self._ledger.held()

    def _fit(self, event: Event) -> Event:
        """A key is let go where it was struck, whatever the compass has become meanwhile."""
        if not isinstance(event, (NoteOn, NoteOff)):
            return self.compass.fit(event)
        key = (event.source, event.channel, event.pitch)
        if isinstance(event, NoteOn):
            self._struck[key] = self.compass
        return self._struck.get(key, self.compass).fit(event)

    def _set(self, setting: Setting) -> list[Command]:
        if setting.name == "gain_db":
            self.gain_db = float(setting.value)
        elif setting.name == "temperature":
            self.temperature = float(setting.value)
        return self._settings()

    def _settings(self) -> list[Command]:
        return [self._gain(), Command(Order.TEMPERATURE, value=self.temperature)]

    def _gain(self) -> Command:
        faders_db = 20.0 * math.log10(self._ledger.gain) if self._ledger.gain > 0.0 else QUIETEST_DB
        return Command(Order.GAIN_DB, value=max(QUIETEST_DB, self.gain_db + faders_db))


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
