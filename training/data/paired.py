"""A recording and the MIDI file that was played: what SMD, MAESTRO and folders of one's own have in common."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from livewave import LivewaveError
from livewave.control.events import Event, NoteOff, NoteOn
from livewave.music.score import notes_of, read_score
from training.data.alignment import alignment, other_speed
from training.data.recording import Rates, Recording, Take, files_below, named
from training.data.sound import SUFFIXES, read_sound

MIDI_SUFFIXES = (".mid", ".midi")
OVERHANG_S = 1.0  # by which the last note may begin after the audio ends
LEAST_SHIFT_S = 0.01  # a measured offset below this is the attack of the instrument
ALIGN = ("check", "warn", "shift", "off")


def add_flags(parser: argparse.ArgumentParser, align: str) -> None:
    """The flags of every set whose notes come in files of their own."""
    parser.add_argument("--gain", type=float, default=1.0,
                        help="factor for every recording; 1 leaves levels as they are")
    parser.add_argument("--align", choices=ALIGN, default=align,
                        help="where the sound is 50 ms or more beside the notes: check refuses the recording, warn "
                             "says so, shift moves the notes to the sound, off does not look")


def recordings(root: Path, gain: float, align: str) -> list[Recording]:
    """Every audio file below `root` with the MIDI file of its name; one that misses its partner is a recording that
    fails."""
    found, alone = pairs(root)
    table = named((*found, *alone), root)
    return [paired(name, path, found[path], gain, align) if path in found
            else Recording(name, partial(_no_partner, path))
            for name, path in table.items()]


def pairs(root: Path) -> tuple[dict[Path, Path], list[Path]]:
    """Audio -> MIDI file of the same stem, case-insensitively, anywhere below `root`; and the files that have no
    partner.

    Of several candidates the one in the MIDI file's own folder is taken, then the first in SUFFIXES. Raises
    LivewaveError for a folder that is missing or holds no pair, and where two MIDI files claim one recording.
    """
    if not root.is_dir():
        raise LivewaveError(f"no folder at {root}")
    sounds, scores = _by_stem(root, SUFFIXES), _by_stem(root, MIDI_SUFFIXES)
    found: dict[Path, Path] = {}
    for stem in sorted(sounds.keys() & scores.keys()):
        for score in scores[stem]:
            sound = min(sounds[stem], key=lambda s: (s.parent != score.parent, SUFFIXES.index(s.suffix.lower())))
            if sound in found:
                raise LivewaveError(f"{score} and {found[sound]} are both the notes of {sound}: keep one")
            found[sound] = score
    if not found:
        raise LivewaveError(f"no audio file ({' '.join(SUFFIXES)}) and MIDI file ({' '.join(MIDI_SUFFIXES)}) of the "
                            f"same name below {root}, which holds {len(sounds)} and {len(scores)} of them")
    kinds = {(sound.stem.lower(), sound.suffix.lower()) for sound in found}
    alone = [s for stem, paths in sounds.items() for s in paths if s not in found
             and (stem not in scores or (stem, s.suffix.lower()) in kinds)]  # else: another format of one that is taken
    return found, alone + [score for stem in scores.keys() - sounds.keys() for score in scores[stem]]


def paired(name: str, sound: Path, score: Path, gain: float, align: str, split: str = "") -> Recording:
    return Recording(name, partial(_load, sound, score, gain, align), split)


def _load(sound: Path, score: Path, gain: float, align: str, rates: Rates) -> Take:
    audio, remarks = read_sound(sound, rates.rate_hz, gain)
    return belonging(Take(audio, read_score(score), remarks=remarks), rates.rate_hz, f"{sound} and {score.name}", align)


def _no_partner(path: Path, rates: Rates) -> Take:
    wanted = "audio" if path.suffix.lower() in MIDI_SUFFIXES else "MIDI"
    raise LivewaveError(f"{path} has no {wanted} file of the same name: add it, or move this one away")


def belonging(take: Take, rate_hz: int, what: str, align: str) -> Take:
    """The take, if its audio and notes belong together.

    align  "check": LivewaveError if not; "warn": a remark if not; "shift": notes are moved to where the sound is;
           "off": as it is
    """
    notes = notes_of(take.events)
    if align == "off" or not notes:
        return take
    seconds, last_s = len(take.audio) / rate_hz, max(note.start_s for note in notes)
    found = alignment(take.audio, rate_hz, notes)
    too_short = last_s > seconds + OVERHANG_S
    if too_short:
        complaint = f"the notes go on to {last_s:.1f} s, the audio ends at {seconds:.1f} s"
    else:
        complaint = "" if found is None else found.complaint()
        if align == "shift" and found is not None and found.movable and abs(found.offset_s) > LEAST_SHIFT_S:
            moved = f"{what}: notes moved by {1e3 * found.offset_s:+.0f} ms, to the sound"
            return replace(take, events=shifted(take.events, found.offset_s), remarks=(*take.remarks, moved))
    if not complaint:
        return take
    speed = other_speed(take.audio, rate_hz, notes)
    text = f"{what}: {complaint}{f'; it looks like {speed}' if speed else ''}"
    if align == "warn":
        return replace(take, remarks=(*take.remarks, text))
    movable = found is not None and found.movable and not too_short
    remedy = "--align shift moves the notes, in a new OUT" if movable else "find the right file"
    raise LivewaveError(f"{text}: {remedy}, or --align off takes both as they are")


def shifted(events: Sequence[Event], by_s: float) -> list[Event]:
    """What is over before the audio begins is no note of it; what would begin before it begins with it."""
    moved = [replace(event, at_s=event.at_s + by_s) for event in events]
    early = [event for event in moved if event.at_s <= 0.0]
    ended = Counter((event.channel, event.pitch) for event in early if isinstance(event, NoteOff))
    kept: list[Event] = []
    for event in early:
        if isinstance(event, NoteOn) and ended[event.channel, event.pitch]:
            ended[event.channel, event.pitch] -= 1
        elif not isinstance(event, NoteOff):
            kept.append(replace(event, at_s=0.0))
    return kept + moved[len(early):]


def _by_stem(root: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    table: dict[str, list[Path]] = {}
    for path in files_below(root, suffixes):
        table.setdefault(path.stem.lower(), []).append(path)
    return table
