"""MIDI files or composed pieces, played by a SoundFont: audio and notes that fit by construction.

    python -m training.prepare render FluidR3_GM.sf2 prepared/flute --program 73 --low 55 --high 88 --compose 60
    python -m training.prepare render FluidR3_GM.sf2 prepared/cello --program 42 --midi chorales/ --low-pass 5000

The sound is the SoundFont's: its licence is the one that matters.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Event, PitchBend
from livewave.music.roll import LATCH_S, PITCHES, RESTRIKE_GAP_S
from livewave.music.score import Note, events_of, read_notes, roll_of
from livewave.music.score import bends_of as score_bends_of
from training.data.composed import OCTAVE, VELOCITIES, bend_curve, compose, two_hands
from training.data.paired import MIDI_SUFFIXES
from training.data.recording import Rates, Recording, Take, files_below, named
from livewave.hearing.soundfont import BEND_EVERY_S, Curve, SoundFont, level_gain

PIECE_S = 60.0
TAIL_S = 1.0  # after the last note of a MIDI file


@dataclass(frozen=True)
class Player:
    """Who plays: a program of a SoundFont, its gain, and the share of its notes that are bent."""

    soundfont: str
    program: int
    gain: float
    bends: float
    seed: int


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--program", type=int, required=True,
                        help="General MIDI program of bank 0, counted from 0")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--compose", type=int, metavar="MINUTES",
                      help="compose so many pieces of one minute, full of what is hard")
    what.add_argument("--midi", type=Path, metavar="FOLDER",
                      help="play every MIDI file below this folder; pedals count")
    parser.add_argument("--low", type=int, default=55,
                        help="composed: lowest pitch; --gain auto listens from here")
    parser.add_argument("--high", type=int, default=88,
                        help="composed: highest pitch; --gain auto listens up to here")
    parser.add_argument("--chords", type=float, default=0.25,
                        help="composed: share of the lines that are chords, 0..1")
    parser.add_argument("--hands", type=float, default=0.0,
                        help="composed: share of the pieces with two independent hands, 0..1")
    parser.add_argument("--restrikes", type=float, default=0.0,
                        help="composed: share of the notes that are struck twice, 0..1")
    parser.add_argument("--velocities", type=int, nargs=2, default=VELOCITIES, metavar=("LOW", "HIGH"),
                        help="composed: 1..127; far apart only for nets whose roll has velocities")
    parser.add_argument("--bends", type=float, default=0.0,
                        help="share of the notes with vibrato, slides or bends, 0..1")
    parser.add_argument("--gain", default="auto",
                        help="factor, or auto: a loud chord peaks at 0.8")
    parser.add_argument("--seed", type=int, default=1,
                        help="composes and bends; the same seed gives the same pieces")


def find(args: argparse.Namespace) -> list[Recording]:
    """Opens the SoundFont once to find its gain. Raises LivewaveError for flags out of range, before anything is
    written."""
    _check(args)
    font = SoundFont(str(args.source), args.program)
    gain = level_gain(font, args.low, args.high, args.rate) if args.gain == "auto" else float(args.gain)
    font.close()
    player = Player(str(args.source), args.program, gain, args.bends, args.seed)
    if args.compose:
        style = {"chords": args.chords, "velocities": tuple(args.velocities), "restrikes": args.restrikes}
        return [Recording(f"{i:04d}", partial(_composed, player, i, args.low, args.high, args.hands, style))
                for i in range(args.compose)]
    paths = files_below(args.midi, MIDI_SUFFIXES)
    if not paths:
        raise LivewaveError(f"no {' or '.join(MIDI_SUFFIXES)} file below {args.midi}")
    return [Recording(name, partial(_played, player, name, path))
            for name, path in named(paths, args.midi).items()]


def origin(args: argparse.Namespace) -> str:
    what = f"notes composed at random (seed {args.seed})" if args.compose else f"MIDI files of {args.midi.name}"
    return f"{what}, rendered through {args.source.name}, program {args.program}"


def _check(args: argparse.Namespace) -> None:
    if not 0 <= args.low <= args.high - OCTAVE <= 127 - OCTAVE:
        raise LivewaveError(f"--low {args.low} --high {args.high}: both must lie in 0..127, at least an octave apart")
    if args.hands and args.high - args.low < 2 * OCTAVE + 1:
        raise LivewaveError(f"--hands needs a range of more than two octaves; --low {args.low} --high {args.high} has "
                            f"{args.high - args.low} semitones")
    for name in ("chords", "hands", "restrikes", "bends"):
        if not 0.0 <= getattr(args, name) <= 1.0:
            raise LivewaveError(f"--{name} is {getattr(args, name)}; it is a share, 0..1")
    if not 1 <= args.velocities[0] <= args.velocities[1] <= 127:
        raise LivewaveError(f"--velocities {args.velocities[0]} {args.velocities[1]}: they must lie in 1..127, the "
                            "lower first")
    if args.compose is not None and args.compose < 1:
        raise LivewaveError(f"--compose is {args.compose}; it must be 1 minute or more")
    if args.gain != "auto" and not _positive(args.gain):
        raise LivewaveError(f"--gain is {args.gain!r}; it must be auto or a factor above 0")


def _positive(text: str) -> bool:
    try:
        return 0.0 < float(text) < np.inf
    except ValueError:
        return False


def _composed(player: Player, index: int, low: int, high: int, hands: float, style: dict, rates: Rates) -> Take:
    rng = random.Random(f"{player.seed} {index}")
    write = two_hands if rng.random() < hands else compose
    return render(player, _bent(write(rng, low, high, PIECE_S, **style), player, rng), PIECE_S, rates)


def _played(player: Player, name: str, path: Path, rates: Rates) -> Take:
    events, notes = read_notes(path)
    if any(isinstance(event, PitchBend) for event in events):
        score = list(zip(notes, _curves(events, notes)))
    else:
        score = _bent(notes, player, random.Random(f"{player.seed} {name}"))
    return render(player, score, max(note.end_s for note in notes) + TAIL_S, rates)


def _bent(notes: Sequence[Note], player: Player, rng: random.Random) -> list[tuple[Note, Curve | None]]:
    return [(note, bend_curve(rng) if rng.random() < player.bends else None) for note in notes]


def _curves(events: Sequence[Event], notes: Sequence[Note]) -> Iterator[Curve | None]:
    """The bends that a MIDI file has itself, note by note, as the stage would make them."""
    rate_hz = round(1.0 / BEND_EVERY_S)
    roll = roll_of(events, max(note.end_s for note in notes), rate_hz)
    bends = score_bends_of(events, roll, rate_hz)
    for note in notes:
        part = bends[round(note.start_s * rate_hz) : round(note.end_s * rate_hz), note.pitch]
        at_s = np.arange(len(part)) / rate_hz
        yield (lambda s, at_s=at_s, part=part: np.interp(s, at_s, part)) if part.any() else None


def render(player: Player, score: Sequence[tuple[Note, Curve | None]], seconds: float, rates: Rates) -> Take:
    """The notes as the SoundFont plays them, those with a curve bent; a whole number of columns long."""
    columns = round(seconds * rates.roll_rate_hz)
    font = SoundFont(player.soundfont, player.program)
    audio = font.play_bent(score, columns / rates.roll_rate_hz, rates.rate_hz) * np.float32(player.gain)
    font.close()
    bends = bends_of(score, columns, rates.roll_rate_hz) if any(curve for _, curve in score) else None
    return Take(audio, events_of(note for note, _ in score), bends)


def bends_of(score: Sequence[tuple[Note, Curve | None]], columns: int, roll_rate_hz: int) -> np.ndarray:
    """float32 [columns, 128]: semitones, for as long as the roll may show the note."""
    bends = np.zeros((columns, PITCHES), np.float32)
    for note, curve in score:
        first, last = round(note.start_s * roll_rate_hz), round((note.end_s + LATCH_S + RESTRIKE_GAP_S) * roll_rate_hz)
        at_s = np.arange(first, min(last, columns)) / roll_rate_hz
        bends[first:last, note.pitch] = 0.0 if curve is None else curve(at_s - note.start_s)
    return bends
