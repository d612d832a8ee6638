"""The continuation without a clock: a MIDI file is a phrase, and bars follow it that the net composes.

Live and here the same parts listen, choose and play; see livewave.music.continuation. What differs is the time: here
nobody plays meanwhile, so the net comes in on the first bar line after the phrase, without waiting for a rest.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from livewave import ConfigError, LivewaveError
from livewave.control.events import Control, Event
from livewave.music import generated
from livewave.music.bars import STEPS_A_BEAT, check_metre
from livewave.music.biaxial import HIGH, LOW, fold
from livewave.music.chooser import Chooser, Surroundings, accented
from livewave.music.generated import Generated
from livewave.music.grid import nearest_step, rows_of
from livewave.music.ledger import ALL_NOTES_OFF, SOSTENUTO, SUSTAIN
from livewave.music.listener import Hearer, Listener
from livewave.music.manner import Manner
from livewave.music.midifile import PartNote, read_midi, timed, with_part
from livewave.music.phrase import MEMORY_BARS, Entry, Phrase, Rows
from livewave.music.score import (
    COMMON_TIME, SOURCE, Note, Piece, PieceNote, events_of, notes_of, piece_of, positions_of, steps_a_bar,
)

log = logging.getLogger("livewave")

NAME = "continued"
LEAST_TICKS = STEPS_A_BEAT  # a quarter note; fewer cannot tell sixteenths apart

Progress = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class CarriedOn:
    """A phrase and what follows it, in beats from the beginning of the file.

    phrase      in the tempo and the metre of its end for ever after
    notes       what was composed, in order of onset
    begin, end  the bar lines before and after it
    chances     float32 [steps, 78, 2]: those by which it was drawn, see Chooser
    """

    phrase: Piece
    notes: tuple[PieceNote, ...]
    begin: float
    end: float
    chances: np.ndarray = field(compare=False)

    @property
    def end_s(self) -> float:
        return self.phrase.seconds_at(self.end)

    def events(self, played: list[Event]) -> list[Event]:
        """What the player did, then what was composed. Keys and pedals that are down when that begins are let go."""
        at_s = self.phrase.seconds_at(max(self.begin, self.phrase.end))
        channels = sorted({event.channel for event in played})
        let_go = [Control(at_s, SOURCE, channel, controller, 0)
                  for channel in channels for controller in (SUSTAIN, SOSTENUTO, ALL_NOTES_OFF)]
        moment = self.phrase.seconds_at
        composed = [Note(moment(note.begin), moment(note.end), note.pitch, note.velocity) for note in self.notes]
        return sorted([*played, *let_go, *events_of(composed, generated.SOURCE)], key=lambda event: event.at_s)


def continue_file(midi: str | Path, out: str | Path, composer: Hearer, manner: Manner, seed: int, bars: int,
                  progress: Progress) -> CarriedOn:
    """Write `out`: the phrase of `midi`, its notes where they were, and `bars` bars that follow it. See `carry_on`.

    The same file, net, manner and seed give the same bytes. Raises LivewaveError, naming the file, for a bad one, and
    for what `out` cannot be; `out` is there whole, or as it was before.
    """
    _check_out(Path(midi), Path(out))
    song = read_midi(midi)
    piece, ticks = piece_of(midi, timed(midi, song)), song.ticks_per_beat
    if ticks < LEAST_TICKS:
        raise LivewaveError(f"{midi} counts {ticks} ticks a quarter note, too few for sixteenths; it must count "
                            f"{LEAST_TICKS} or more: save it again with 480")
    carried = carry_on(piece, composer, manner, seed, bars, progress)
    part = [PartNote(round(note.begin * ticks), round(note.end * ticks), note.pitch, note.velocity)
            for note in carried.notes]
    ended, begin = round(piece.end * ticks), round(carried.begin * ticks)
    _write_whole(Path(out), with_part(song, NAME, part, ended, max(begin, ended)))
    return carried


def carry_on(piece: Piece, composer: Hearer, manner: Manner, seed: int, bars: int, progress: Progress) -> CarriedOn:
    """Compose `bars` bars, from the first bar line on that is not before the end of the piece.

    The piece ends on the sixteenth nearest to its last release: letting go just after a bar line leaves no bar empty.
    The net hears its last MEMORY_BARS bars, as it does live. `progress(done_bars, bars)` is called after each.
    Raises LivewaveError, naming the file, where the metre in which the piece ends is none that the net can count in.
    """
    piece = _as_it_ends(piece)
    if any(fold(note.pitch) != note.pitch for note in piece.notes):
        log.info("notes outside %d..%d are heard by the continuation in the nearest octave inside", LOW, HIGH)
    since, beats, unit = piece.metres[-1]
    bar = steps_a_bar(piece.path, beats, unit)
    first = piece.steps + (nearest_step(since) - piece.steps) % bar
    phrase, memory = _heard(piece, first, bar)
    listener, chooser, played = Listener(composer), Chooser(seed), Generated()
    listener.prime(memory)
    listener.tell_before_the_rest(phrase.echoes(bar), bar)
    listener.come_in(bar)
    key = manner.key_for(phrase.key)
    events, chances = [], []
    for step in range(bars * bar):
        beat, position = (first + step) / STEPS_A_BEAT, step % bar
        around = Surroundings(played.sounding, {}, key, phrase.few, accented(phrase.velocity, position), phrase.reach)
        row = chooser.step(listener.compose, manner, around, enters=step == 0)
        chances.append(chooser.chances.copy())
        played.play(row, beat)
        events += played.due(beat)
        listener.tell(row, (position + 1) % bar, bar)
        if position == bar - 1:
            progress((step + 1) / bar, bars)
    end = (first + bars * bar) / STEPS_A_BEAT
    played.end(end)
    notes = notes_of([*events, *played.due(end)])
    return CarriedOn(piece, tuple(PieceNote(note.start_s, note.end_s, note.pitch, note.velocity) for note in notes),
                     first / STEPS_A_BEAT, end, np.stack(chances))


def _as_it_ends(piece: Piece) -> Piece:
    """Without the tempos and metres that come after its last note. A metre on the way that cannot be counted is taken
    for the one before it, as it is live."""
    tempos = tuple(tempo for tempo in piece.tempos if tempo[0] <= piece.end)
    *passed, last = (metre for metre in piece.metres if metre[0] <= piece.end)
    countable = [metre for metre in passed if _countable(metre)]
    return dataclasses.replace(piece, tempos=tempos, metres=((0.0, *COMMON_TIME), *countable, last))


def _countable(metre: tuple[float, int, int]) -> bool:
    try:
        return check_metre(*metre[1:]) > 0
    except ConfigError:
        return False


def _heard(piece: Piece, first: int, bar: int) -> tuple[Phrase, Rows]:
    """What was played until the step `first`: the phrase, and what the net is shown of it."""
    begin = max(first - MEMORY_BARS * bar, 0)
    beat = begin / STEPS_A_BEAT
    notes = [(max(note.begin - beat, 0.0), note.end - beat, note.pitch, note.velocity)
             for note in piece.notes if note.end > beat]
    after = positions_of(piece, first + 1)[begin + 1 :]
    phrase, memory = Phrase(), Rows()
    for row, position in zip(rows_of(notes, first - begin), after.tolist()):
        memory.add(row, position, bar)
        phrase.add(row, position)
    return phrase, memory


def _check_out(midi: Path, out: Path) -> None:
    if out.suffix.lower() not in (".mid", ".midi"):
        raise LivewaveError(f"cannot write {out}: it must be a MIDI file, with a name that ends in .mid; for sound there is "
                            "`livewave render --continue-bars`")
    if not os.path.isdir(out.parent):
        raise LivewaveError(f"cannot write {out}: there is no folder {out.parent}")
    if os.path.exists(out) and not os.path.isfile(out):
        raise LivewaveError(f"cannot write {out}: it is not a file")
    if os.path.exists(out) and os.path.exists(midi) and os.path.samefile(midi, out):
        raise LivewaveError(f"cannot write {out}: it is the file that is read; give another name")


def _write_whole(out: Path, data: bytes) -> None:
    out = out.resolve()  # what a link points to is replaced, not the link
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, out)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LivewaveError(f"cannot write {out}: {error.strerror}") from None
