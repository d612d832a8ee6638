"""Events -> orders for every voice that hears them: one player's keys sound in several instruments.

    event -> who hears it: channel, keys -> Orders of each (transposed, folded, counted) -> commands, numbered by voice

The voices know nothing of each other. The same translation for the daemon and for offline rendering.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from livewave.config import Config
from livewave.control.events import CONFIGURATION, Event, NoteOff, NoteOn, Reset, RollSet, Setting, ToVoice
from livewave.link import Command, Order
from livewave.music.compass import Compass
from livewave.music.generated import SOURCE as CONTINUATION
from livewave.music.roll import PITCHES
from livewave.orders import Orders

if TYPE_CHECKING:
    from livewave.render.wavenet import Model
    from livewave.voicing import Voicing

WITHOUT_CHANNELS = ("osc:", CONTINUATION)  # sources whose events bear channel 1 for want of one: every voice hears them
OF_A_VOICE = ("gain_db", "pan", "mute", "transpose", "temperature")  # what can be set while it plays


class Voice:
    """What a voice hears, how it is set now, and what it holds. Thread: one."""

    def __init__(self, voicing: Voicing, model: Model, orders: Orders) -> None:
        self.voicing, self.orders = voicing, orders
        self.first = voicing
        self.spared = False  # is silent for now, so that the others can go on
        self.play(model)

    @property
    def parked(self) -> bool:
        return self.voicing.mute or self.spared

    def play(self, model: Model) -> None:
        """Fold keys into the compass of another model from now on."""
        self.orders.compass = dataclasses.replace(Compass.of(model.provenance), transpose=self.voicing.transpose)

    def heard(self, event: Event) -> Event | None:
        """What it hears of an event: nothing, or less, where it is for another channel or other keys."""
        channel = None if event.source.startswith(WITHOUT_CHANNELS) else getattr(event, "channel", None)
        if channel is not None and self.voicing.channel not in (None, channel + 1):
            return None
        low, high = self.voicing.low, self.voicing.high
        if isinstance(event, (NoteOn, NoteOff)) and not low <= event.pitch <= high:
            return None
        if isinstance(event, RollSet) and (low, high) != (0, PITCHES - 1):
            bits = int.from_bytes(event.vector, "little") & ((1 << high + 1) - (1 << low))
            return dataclasses.replace(event, vector=bits.to_bytes(PITCHES // 8, "little"))
        return event


class Voices:
    """All voices. Thread: one.

    gain_db, temperature  as set for all together
    """

    def __init__(self, config: Config, models: Sequence[Model], longest_note_s: float | None = None) -> None:
        """`models` by voice."""
        self.gain_db, self.temperature = config.audio.gain_db, config.model.temperature
        self._first = {"gain_db": self.gain_db, "temperature": self.temperature}  # what a reset goes back to
        self._voices = [self._voice(voicing, model, longest_note_s) for voicing, model in zip(config.ensemble, models)]

    def _voice(self, voicing: Voicing, model: Model, longest_note_s: float | None) -> Voice:
        temperature = self.temperature if voicing.temperature is None else voicing.temperature
        return Voice(voicing, model, Orders(Compass(), self.gain_db + voicing.gain_db, temperature, longest_note_s))

    def __len__(self) -> int:
        return len(self._voices)

    def __getitem__(self, voice: int) -> Voice:
        return self._voices[voice]

    @property
    def sounding(self) -> list[int]:
        """The pitches that sound, in any voice."""
        return sorted({pitch for voice in self._voices for pitch in voice.orders.sounding})

    @property
    def hands(self) -> tuple[set[int], set[int]]:
        """The pitches that players hold, in any voice, and those that the continuation does."""
        both = [voice.orders.hands for voice in self._voices]
        return set().union(*(theirs for theirs, _ in both)), set().union(*(its for _, its in both))

    @property
    def low(self) -> int:
        """The lowest pitch of any voice."""
        return min(voice.orders.compass.low for voice in self._voices)

    @property
    def high(self) -> int:
        return max(voice.orders.compass.high for voice in self._voices)

    @property
    def held(self) -> int:
        """How many pitches sound."""
        return len(self.sounding)

    @property
    def stuck(self) -> int:
        """How many keys were held for too long and let go."""
        return max(voice.orders.stuck for voice in self._voices)

    def on_channel(self, channel: int) -> list[int]:
        """The voices that hear that MIDI channel (0..15) and no other; where there is one voice in all, that one."""
        if len(self._voices) == 1:
            return [0]
        return [number for number, voice in enumerate(self._voices) if voice.voicing.channel == channel + 1]

    def translate(self, event: Event) -> list[Command]:
        match event:
            case ToVoice(voice=number, event=inner):
                return self._numbered(number, self._tell(self._voices[number], inner))
            case Setting(name="gain_db" | "temperature"):
                return self._set(event)
            case Reset():
                return self._reset(event)
        return [command for number, voice in enumerate(self._voices) if (heard := voice.heard(event))
                for command in self._numbered(number, voice.orders.translate(heard))]

    def overdue(self, now_s: float) -> list[ToVoice]:
        """The keys that are held for too long, by voice, to be translated and heard like what a player does."""
        return [ToVoice(event.at_s, event.source, number, event) for number, voice in enumerate(self._voices)
                for event in voice.orders.overdue(now_s)]

    def restore(self) -> list[Command]:
        """What performers that start afresh must be told."""
        return [command for number, voice in enumerate(self._voices)
                for command in self._numbered(number, [*voice.orders.restore(), *self._placed(voice)])]

    def placed(self) -> list[Command]:
        """What performers that start as they are configured must be told."""
        return [command for number, voice in enumerate(self._voices) for command in self._numbered(number, self._placed(voice))]

    def spare(self, playing: int) -> list[Command]:
        """Let the first `playing` voices sound, of those that are not muted, and no others."""
        commands, sounding = [], 0
        for number, voice in enumerate(self._voices):
            was, voice.spared = voice.parked, not voice.voicing.mute and sounding >= playing
            sounding += not voice.voicing.mute
            if voice.parked != was:
                commands += self._numbered(number, [_park(voice)])
        return commands

    def _tell(self, voice: Voice, event: Event) -> list[Command]:
        if isinstance(event, Setting) and event.name in OF_A_VOICE:
            voice.voicing = dataclasses.replace(voice.voicing, **{event.name: event.value})
            match event.name:
                case "pan":
                    return [_pan(voice)]
                case "mute":
                    voice.voicing = dataclasses.replace(voice.voicing, mute=bool(event.value))
                    return [_park(voice)]
                case "transpose":
                    voice.orders.compass = dataclasses.replace(voice.orders.compass, transpose=event.value)
                    return []
                case "gain_db":
                    event = dataclasses.replace(event, value=self.gain_db + event.value)
        return voice.orders.translate(event)

    def _set(self, setting: Setting) -> list[Command]:
        """For all: the gain comes on top of each voice's, the temperature in its place."""
        value = float(setting.value)
        setattr(self, setting.name, value)
        if setting.source == CONFIGURATION:
            self._first[setting.name] = value
        commands = []
        for number, voice in enumerate(self._voices):
            if setting.name == "temperature" and setting.source == CONFIGURATION and voice.first.temperature is not None:
                continue  # the file says something else of it
            told = [dataclasses.replace(setting, value=value + voice.voicing.gain_db)] if setting.name == "gain_db" else [setting]
            if setting.source == CONFIGURATION and setting.name == "gain_db" and voice.first.gain_db != voice.voicing.gain_db:
                # A reset goes back to the voice's own gain, too; until then the one that was turned by hand counts.
                told = [dataclasses.replace(setting, value=value + voice.first.gain_db),
                        dataclasses.replace(told[0], source="")]
            commands += self._numbered(number, [command for each in told for command in voice.orders.translate(each)])
        return commands

    def _reset(self, event: Reset) -> list[Command]:
        """All as it was configured."""
        self.gain_db, self.temperature = self._first["gain_db"], self._first["temperature"]
        commands = []
        for number, voice in enumerate(self._voices):
            moved, voice.voicing = voice.voicing != voice.first, voice.first
            voice.orders.compass = dataclasses.replace(voice.orders.compass, transpose=voice.first.transpose)
            placed = [_pan(voice), _park(voice)] if moved else self._placed(voice)
            commands += self._numbered(number, [*voice.orders.translate(event), *placed])
        return commands

    def _placed(self, voice: Voice) -> list[Command]:
        """Where it stands, and whether it is heard; nothing where it stands alone in the middle."""
        if len(self._voices) == 1 and not voice.parked and voice.voicing.pan == voice.first.pan == 0.0:
            return []
        return [_pan(voice), _park(voice)]

    def _numbered(self, number: int, commands: Iterable[Command]) -> list[Command]:
        return [dataclasses.replace(command, voice=number) if number else command for command in commands]


def _pan(voice: Voice) -> Command:
    return Command(Order.PAN, value=voice.voicing.pan)


def _park(voice: Voice) -> Command:
    return Command(Order.PARK, value=float(voice.parked))
