"""notes.mid of a take, from its log: what was played and what was composed, on tracks of their own.

    python -m livewave.takes.notes TAKE          write it
    python -m livewave.takes.notes --missing DIR    of every take in DIR that has none, but for one that is being made

A process of its own does this when a take ends, and when livewave starts, for takes that ended with a crash.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from livewave import LivewaveError
from livewave.control.events import BendSet, Control, Event, NoteOn, PitchBend, ProgramChange
from livewave.music.generated import SOURCE as GENERATED
from livewave.takes.happened import ROLL_CHANNEL, Hands, Key
from livewave.takes.log import NAME, is_being_written, read_log
from livewave.takes.take import NOTES

RESOLUTION = 960  # ticks a quarter note, of half a second
TICK_S = 0.5 / RESOLUTION
SHORTEST_S = 0.001
WIDE_BEND_SEMITONES = 48  # what /livewave/bend may ask for
PARAMETERS = (6, 38, 98, 99, 100, 101)  # controllers whose order tells what they mean
PITCH_BEND_RANGE = ((101, 0), (100, 0), (6, WIDE_BEND_SEMITONES), (38, 0))
LARGEST_BEND = (-8192, 8191)
NICENESS = 10


def write_notes(folder: Path) -> Path:
    """Write notes.mid of the take: whole, or as it was before. Raises LivewaveError."""
    log = read_log(folder)
    last_s = log.began_s + log.until / log.rate_hz
    song = song_of(log.events, log.began_s, max([last_s, *(event.at_s for event in log.events)]))
    path, part = folder / NOTES, folder / f".{NOTES}.{os.getpid()}.part"
    try:
        song.write(str(part))
        os.replace(part, path)
    except OSError as error:
        raise LivewaveError(f"cannot write {path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def song_of(events: Iterable[Event], began_s: float, ended_s: float) -> Any:
    """A pretty_midi.PrettyMIDI whose time 0 is `began_s`; what is held then begins there, and ends at `ended_s`."""
    import pretty_midi

    tracks = _Tracks(began_s)
    hands = Hands()
    for event in sorted(events, key=lambda each: each.at_s):
        for key, on in hands.feed(event):
            tracks.note(key, on, event.at_s)
        if isinstance(event, (Control, PitchBend, BendSet, ProgramChange)):
            tracks.turn(event)
    for key, on in hands.down.items():
        tracks.note(key, on, ended_s)
    song = pretty_midi.PrettyMIDI(resolution=RESOLUTION)
    song.instruments = tracks.named()
    return song


class _Tracks:
    """One for each source and channel, for each has pedals and bends of its own."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._tracks: dict[tuple[str, int], Any] = {}
        self._parameter_s: dict[tuple[str, int], float] = {}

    def note(self, key: Key, on: NoteOn, end_s: float) -> None:
        import pretty_midi

        source, channel, pitch = key
        begin_s = self._moment(on.at_s)
        end_s = max(self._moment(end_s), begin_s + SHORTEST_S)
        self._track(source, channel).notes.append(pretty_midi.Note(on.velocity, pitch, begin_s, end_s))

    def turn(self, event: Control | PitchBend | BendSet | ProgramChange) -> None:
        import pretty_midi

        at_s = self._moment(event.at_s)
        match event:
            case ProgramChange():
                return  # it chose a model
            case Control():
                self._control((event.source, event.channel), event.controller, event.value, at_s)
            case PitchBend():
                self._track(event.source, event.channel).pitch_bends.append(pretty_midi.PitchBend(event.value, at_s))
            case BendSet():
                bend = round(event.semitones / WIDE_BEND_SEMITONES * -LARGEST_BEND[0])
                low, high = LARGEST_BEND
                self._wide(event.source).pitch_bends.append(pretty_midi.PitchBend(min(max(bend, low), high), at_s))

    def named(self) -> list[Any]:
        """Those with notes: "played", or "played: SOURCE CHANNEL" of several, then "generated"."""
        played = {key: track for key, track in self._tracks.items() if track.notes and key[0] != GENERATED}
        for (source, channel), track in played.items():
            where = "" if channel == ROLL_CHANNEL else f" {channel + 1}"
            track.name = "played" if len(played) == 1 else f"played: {source}{where}"
        generated = [track for key, track in self._tracks.items() if track.notes and key[0] == GENERATED]
        for track in generated:
            track.name = "generated"
        return [*played.values(), *generated]

    def _moment(self, at_s: float) -> float:
        return max(0.0, at_s - self._began_s)

    def _track(self, source: str, channel: int) -> Any:
        import pretty_midi

        return self._tracks.setdefault((source, channel), pretty_midi.Instrument(0))

    def _wide(self, source: str) -> Any:
        """The track of keys that came by OSC, whose bends reach further than those of a wheel."""
        track = self._track(source, 0)
        if not track.pitch_bends:
            for number, value in PITCH_BEND_RANGE:
                self._control((source, 0), number, value, 0.0)
        return track

    def _control(self, key: tuple[str, int], controller: int, value: int, at_s: float) -> None:
        """pretty_midi sorts what comes at one tick, so parameters get one each."""
        import pretty_midi

        if controller in PARAMETERS:
            at_s = self._parameter_s[key] = max(at_s, self._parameter_s.get(key, -TICK_S) + TICK_S)
        self._track(*key).control_changes.append(pretty_midi.ControlChange(controller, value, at_s))


def _missing(folder: Path) -> list[Path]:
    """Takes without notes.mid that nobody is making."""
    logs = sorted(folder.glob(f"*/{NAME}"))
    return [log.parent for log in logs if not (log.parent / NOTES).exists() and not is_being_written(log)]


def main(arguments: list[str]) -> int:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    missing = arguments[0] == "--missing"
    status = 0
    for folder in _missing(Path(arguments[1])) if missing else [Path(arguments[0])]:
        try:
            write_notes(folder)
        except LivewaveError as error:
            print(f"livewave: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
