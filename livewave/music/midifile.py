"""Standard MIDI Files: read with every message in order of time, and written again with one part more."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from livewave import LivewaveError

BEAT_US = 500_000  # until the file says otherwise
LONGEST_S = 86_400.0
CHANNELS, DRUMS = 16, 9
PEDALS = (64, 66)  # sustain and sostenuto
PEDAL_DOWN = 64
BANK = (0, 32)
TIMBRE = (*BANK, 7, 10, 11, 91, 93)  # bank, volume, pan, expression, reverb, chorus
NAME_OF_PLAYED = "played"


@dataclass(frozen=True, slots=True)
class Timed:
    """A message of a track: when it comes, in quarter notes and in seconds, counted from the beginning of the file."""

    beat: float
    at_s: float
    track: int
    message: Any


@dataclass(frozen=True, slots=True)
class PartNote:
    """A note to be written, in ticks; `velocity` 1..127."""

    begin: int
    end: int
    pitch: int
    velocity: int


def read_midi(path: str | Path) -> Any:
    """A mido.MidiFile. Raises LivewaveError, naming the file, for anything that is not a Standard MIDI File."""
    import mido

    if not os.path.isfile(path):
        raise LivewaveError(f"no MIDI file at {path}")
    return _readable(path, lambda: mido.MidiFile(str(path)))


def timed(path: str | Path, midi: Any) -> list[Timed]:
    """The messages of `midi`, read from `path`, in order of time. Raises LivewaveError, naming it, for no music."""
    return _readable(path, lambda: list(_timed(midi)))


def _readable(path: str | Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # mido raises whatever a broken byte leads it to
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise LivewaveError(f"{path} is not a readable Standard MIDI File: {reason}") from None


def _timed(midi: Any) -> Iterator[Timed]:
    if midi.ticks_per_beat <= 0:
        raise ValueError("its time is in frames of film, not in beats; save it again with ticks per quarter note")
    ticking = [(tick, number, message) for number, track in enumerate(midi.tracks) for tick, message in _ticking(track)]
    at_s, last, beat_us = 0.0, 0, BEAT_US
    for tick, track, message in sorted(ticking, key=lambda entry: entry[0]):
        at_s += (tick - last) / midi.ticks_per_beat * beat_us * 1e-6
        last = tick
        if at_s > LONGEST_S:
            raise ValueError(f"it is longer than {LONGEST_S / 3600.0:g} hours")
        if message.type == "set_tempo":
            beat_us = message.tempo
        yield Timed(tick / midi.ticks_per_beat, at_s, track, message)


def _ticking(track: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    messages = list(track)
    return zip(accumulate(message.time for message in messages), messages)


def with_part(midi: Any, name: str, notes: Sequence[PartNote], ended: int, begin: int) -> bytes:
    """The file again, as bytes, with `notes` on a track of their own called `name`.

    Its other tracks stay as they are to the tick, but the ones with notes (not of drums) are called "played", and tempo
    and metre no longer change after the tick `ended`. Keys and pedals still down at the tick `begin` are let go.
    The new track sounds like the channel that was struck last, on a channel of its own while there is a free one.
    """
    import mido

    sung = [number for number, track in enumerate(midi.tracks)
            if any(message.type == "note_on" and message.channel != DRUMS for message in track)]
    tracks = [_track(_kept(track, ended, begin), _name(track, number, sung))
              for number, track in enumerate(midi.tracks)]
    channel, instrument = _instrument(midi, ended)
    part = [(begin, message) for message in instrument]
    part += [(note.begin, mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity))
             for note in notes]
    part += [(note.end, mido.Message("note_off", channel=channel, note=note.pitch)) for note in notes]
    part.sort(key=lambda entry: (entry[0], entry[1].type == "note_on"))
    tracks.append(_track(part, name))
    written = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=midi.ticks_per_beat, tracks=tracks).save(file=written)
    return written.getvalue()


def _name(track: Iterable[Any], number: int, sung: Sequence[int]) -> str | None:
    """What a track is to be called: None, as before, where it has no notes; of several each keeps its own name too."""
    if number not in sung:
        return None
    if len(sung) == 1:
        return NAME_OF_PLAYED
    names = [message.name for message in track if message.type == "track_name" and message.name]
    return f"{NAME_OF_PLAYED}: {names[0] if names else sung.index(number) + 1}"


def _instrument(midi: Any, ended: int) -> tuple[int, list[Any]]:
    """A free channel, and what makes it sound like the one that was struck last; that one itself where none is free."""
    ticking = sorted(((tick, message) for track in midi.tracks for tick, message in _ticking(track)
                      if hasattr(message, "channel")), key=lambda entry: entry[0])
    last = [message.channel for tick, message in ticking if message.type == "note_on" and message.channel != DRUMS][-1]
    used = {message.channel for _, message in ticking}
    channel = next((free for free in range(CHANNELS) if free != DRUMS and free not in used), last)
    if channel == last:
        return channel, []
    settings = {}
    for tick, message in ticking:
        control = getattr(message, "control", None)
        if message.channel == last and tick <= ended and (message.type == "program_change" or control in TIMBRE):
            settings[message.type, control] = message.copy(channel=channel)
    return channel, [settings[key] for key in sorted(settings, key=lambda key: key[1] not in BANK)]


def _kept(track: Iterable[Any], ended: int, begin: int) -> list[tuple[int, Any]]:
    """The messages that stay, by tick, and what lets go of the rest."""
    import mido

    kept, down, pedals = [], {}, {}
    for tick, message in _ticking(track):
        if message.type == "end_of_track" or message.type in ("set_tempo", "time_signature") and tick > ended:
            continue
        kept.append((tick, message))
        if tick > begin:
            continue
        if message.type in ("note_on", "note_off"):
            down[message.channel, message.note] = message.type == "note_on" and message.velocity > 0
        elif message.type == "control_change" and message.control in PEDALS:
            pedals[message.channel, message.control] = message.value >= PEDAL_DOWN
    let_go = [mido.Message("note_off", channel=channel, note=pitch) for (channel, pitch), held in down.items() if held]
    let_go += [mido.Message("control_change", channel=channel, control=pedal, value=0)
               for (channel, pedal), held in pedals.items() if held]
    return sorted(kept + [(begin, message) for message in let_go], key=lambda entry: entry[0])


def _track(ticking: Iterable[tuple[int, Any]], name: str | None) -> Any:
    """A mido.MidiTrack of messages in order of time; `name` takes the place of the one that it has."""
    import mido

    track, last = mido.MidiTrack(), 0
    if name is not None:
        track.append(mido.MetaMessage("track_name", name=name))
    for tick, message in ticking:
        if name is None or message.type != "track_name":
            track.append(message.copy(time=tick - last))
            last = tick
    return track
