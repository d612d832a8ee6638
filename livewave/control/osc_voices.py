"""The OSC addresses of one voice of an ensemble: `/livewave/voice/N/gain` is `/livewave/gain`, for voice N alone.

What takes the same is made of the rows of `osc_addresses`; what only a voice has stands here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from livewave.control.events import Event, ToVoice
from livewave.control.osc_addresses import ADDRESSES, Address, Argument, SettingOf, Value, table_of

VOICE = "/livewave/voice"
MOST_VOICES = 16  # as livewave.voicing has it, which this stage does not know. A test holds them equal, and these:
PAN = (-1.0, 1.0)
TRANSPOSE = (-48, 48)
SAME = ("note", "note/on", "note/off", "roll", "sustain", "bend", "panic", "gain", "temperature", "model")
_MEANINGS = {
    "roll": "all 128 keys at once, as above",
    "sustain": "its sustain pedal; down from 0.5 on",
    "bend": "bends its notes that the sender's host plays; 0 ends it",
    "panic": "its notes off, its pedals up, silence",
    "gain": "its level, on top of the gain of all",
    "model": "play it with another model; /livewave/done or /livewave/fail follows",
}
_OWN = (
    Address(f"{VOICE}/N/pan", (Argument("pan", "f", *PAN),), "its place: -1 left, 1 right", SettingOf("pan")),
    Address(f"{VOICE}/N/mute", (Argument("on", "i", 0, 1),), "let it be silent, and cost nothing; or sound again", SettingOf("mute")),
    Address(f"{VOICE}/N/transpose", (Argument("transpose", "i", *TRANSPOSE, "semitones"),),
            "where keys sound that are struck from now on", SettingOf("transpose")),
)
ROWS = (
    *(dataclasses.replace(row, path=f"{VOICE}/N/{verb}", meaning=_MEANINGS.get(verb, row.meaning))
      for verb in SAME for row in [ADDRESSES[f"/livewave/{verb}"]]),
    *_OWN,
)


@dataclass(frozen=True, slots=True)
class _OfVoice:
    """Makes the event of a row an event for one voice, counted from 0."""

    voice: int
    event: Callable[..., Event]

    def __call__(self, at_s: float, source: str, sender: tuple, *values: Value) -> Event:
        return ToVoice(at_s, source, self.voice, self.event(at_s, source, sender, *values))


def addresses_of(voices: int) -> dict[str, Address]:
    """The rows of voices 1 to `voices`, by path."""
    rows = (dataclasses.replace(row, path=row.path.replace("/N/", f"/{number}/"), event=_OfVoice(number - 1, row.event))
            for number in range(1, voices + 1) for row in ROWS)
    return {row.path: row for row in rows}


def voice_table() -> str:
    """The table as Markdown, for the manual."""
    return table_of(ROWS)
