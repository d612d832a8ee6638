"""Takes beside the notes that asked for them: the paper's Figure 3, with scores.

A take is a rendering of the MIDI file by a model, or a recording of a performance. Beside them stands the conditioning,
the same notes on another instrument, which shows what each score is worth: nobody asks more of a model than of a piano.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.config import Config
from livewave.hearing import figure, takes
from livewave.hearing.extra import needed
from livewave.hearing.plain_tone import plain_tone
from livewave.hearing.scoring import Scores, is_one_line, pitch_accuracy, score
from livewave.hearing.soundfont import SUFFIXES as SOUNDFONTS, SoundFont
from livewave.music.compass import Compass
from livewave.music.score import Note, events_of, notes_of, read_notes
from livewave.offline import TAIL_S, render_file
from livewave.render.modelfile import load_model

RATE_HZ = 16_000  # at which everything is heard
CHIMES = 14  # the General MIDI program of tubular bells, counted from 0: the paper's conditioning was played on chimes
RECORDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")

Progress = Callable[[str, float], None]  # what is done, and its share


@dataclass(frozen=True, slots=True)
class Row:
    """What a take is called, what it is (rendered, recorded, conditioning), its scores; and how much later than its notes
    a recording was before it was laid over them, None where that was not found out."""

    name: str
    kind: str
    scores: Scores
    lag_s: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    midi: str
    seconds: float
    notes: list[Note]
    one_line: bool
    rows: list[Row]  # the conditioning last
    panels: list[figure.Panel]
    remarks: list[str]

    def save_figure(self, path: str | Path) -> None:
        figure.save_figure(path, f"{Path(self.midi).name}: peak-frequency spectrograms", self.panels, self.notes, RATE_HZ)

    def save_scores(self, path: str | Path) -> None:
        """As JSON. Raises LivewaveError when the file cannot be written."""
        tree = {"midi": self.midi, "seconds": self.seconds, "notes": len(self.notes), "one_line": self.one_line,
                "takes": [dataclasses.asdict(row) for row in self.rows], "remarks": self.remarks}
        try:
            Path(path).write_text(json.dumps(tree, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise LivewaveError(f"cannot write {path}: {error.strerror};"
                                " name a file in a writable folder that exists") from None


@dataclass(slots=True)
class _Take:
    name: str
    kind: str
    title: str
    audio: np.ndarray
    notes: list[Note]
    lag_s: float | None = None


def check_outputs(*paths: str | Path) -> None:
    """Raises LivewaveError where a library is missing or a path cannot be written: before the work, not after it."""
    for library in ("librosa", "mir_eval", "matplotlib", "soundfile"):
        _check_library(library)
    for path in paths:
        if not Path(path).resolve().parent.is_dir():
            raise LivewaveError(f"cannot write {path}: there is no folder {Path(path).parent}; make it first")
        if Path(path).is_dir():
            raise LivewaveError(f"cannot write {path}: it is a folder; name a file")


def _check_library(name: str) -> None:
    from importlib.util import find_spec

    with needed(name):
        if find_spec(name) is None:
            raise ImportError(f"No module named {name!r}")


def compare(midi: str | Path, models: Sequence[str], recordings: Sequence[str], played_by: str | None,
            program: int | None, config: Config, progress: Progress) -> Comparison:
    """Render `midi` with each of `models`, read `recordings`, and score all beside the conditioning.

    played_by  what plays the conditioning: a model, a SoundFont (with `program`), a recording; None: a plain tone
    Raises LivewaveError on a bad MIDI file, model, recording or SoundFont, before anything is rendered where possible.
    """
    events, notes = read_notes(midi)
    seconds = max(note.end_s for note in notes) + TAIL_S
    plain, remarks = plain_tone(notes, seconds, RATE_HZ), []
    heard = [_recorded(path, notes, plain, remarks) for path in recordings]
    conditioning = _conditioning(played_by, program, notes, plain, remarks) if not _is_model(played_by) else None
    for name in [*models, *([played_by] if conditioning is None else [])]:
        load_model(name)
    rendered = [_rendered(midi, name, events, config, len(plain), remarks, progress) for name in models]
    if conditioning is None:
        conditioning = _rendered(midi, played_by, events, config, len(plain), remarks, progress)
        conditioning.kind = "conditioning"
        conditioning.title = f"Conditioning: the notes played by {conditioning.name}"
    one_line = is_one_line(notes)
    every, rows = [*rendered, *heard, conditioning], []
    for take in every:
        progress("listening", len(rows) / len(every))
        scores = score(take.audio, conditioning.audio, RATE_HZ, take.notes, one_line)
        rows.append(Row(take.name, take.kind, scores, take.lag_s))
        remarks += _octave_away(take, scores) if one_line else []
    progress("listening", 1.0)
    panels = [figure.Panel(take.title, take.audio) for take in every]
    return Comparison(str(midi), seconds, notes, one_line, rows, panels, remarks)


def _is_model(played_by: str | None) -> bool:
    return played_by is not None and Path(played_by).suffix.lower() not in (*SOUNDFONTS, *RECORDINGS)


def _rendered(midi: str | Path, name: str, events: Sequence, config: Config, samples: int, remarks: list[str],
              progress: Progress) -> _Take:
    chosen = dataclasses.replace(config, voices=(), model=dataclasses.replace(config.model, name=name),
                                 audio=dataclasses.replace(config.audio, rate_hz=RATE_HZ))
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "take.wav"
        render_file(midi, wav, chosen, lambda done, total: progress(f"rendering {name}", done / total))
        try:
            audio = takes.read_take(wav, RATE_HZ)
        except LivewaveError:
            raise LivewaveError(f"model {name} plays nothing but silence here; try another --seed or a higher"
                                " --temperature or --gain") from None
    compass, name = Compass.of(load_model(name).provenance), Path(name).stem
    folded = sum(compass.fold(note.pitch) != note.pitch for note in notes_of(events))
    if folded:
        remarks.append(f"{name} plays {folded} of the notes an octave or more away:"
                       f" it has the pitches {compass.low}..{compass.high}")
    model = config.model
    return _Take(name, "rendered", f"Output: {name} (seed {model.seed}, temperature {model.temperature:g})",
                 takes.shifted(audio, 0.0, RATE_HZ, samples), notes_of(compass.fit(event) for event in events))


def _recorded(path: str, notes: Sequence[Note], plain: np.ndarray, remarks: list[str]) -> _Take:
    """A recording laid over the notes: a player, and a daemon's ring, are later than the file."""
    audio, name = takes.read_take(path, RATE_HZ), Path(path).name
    least_s = max(note.start_s for note in notes) - min(note.start_s for note in notes)
    if len(audio) / RATE_HZ < least_s:
        raise LivewaveError(f"{path} lasts {len(audio) / RATE_HZ:.1f} s, but from the first note to the last there are"
                            f" {least_s:.1f} s; record the whole piece, or give the MIDI file of this part")
    lag_s = takes.lag_s(audio, plain, RATE_HZ, notes)
    if lag_s is None:
        remarks.append(f"{name} is too unlike the notes to tell how late it is: it is taken to begin with them")
        title = f"Recording: {name} (not aligned)"
    else:
        where = "later" if lag_s >= 0.0 else "earlier"
        remarks.append(f"{name} is {abs(1e3 * lag_s):.0f} ms {where} than the notes; it was moved by that")
        title = f"Recording: {name} (moved {-1e3 * lag_s:+.0f} ms)"
    audio = takes.shifted(audio, lag_s or 0.0, RATE_HZ, len(plain))
    return _Take(name, "recorded", title, audio, list(notes), lag_s)


def _conditioning(played_by: str | None, program: int | None, notes: list[Note], plain: np.ndarray,
                  remarks: list[str]) -> _Take:
    """What is not rendered by a model."""
    suffix = Path(played_by or "").suffix.lower()
    if program is not None and suffix not in SOUNDFONTS:
        raise LivewaveError("--program chooses a sound of a SoundFont: give one with --played-by FILE.sf2")
    if suffix in RECORDINGS:
        take = _recorded(played_by, notes, plain, remarks)
        return dataclasses.replace(take, kind="conditioning", title=take.title.replace("Recording", "Conditioning", 1))
    if suffix not in SOUNDFONTS:
        return _Take("plain tone", "conditioning", "Conditioning: the notes played by a plain tone", plain, notes)
    program = CHIMES if program is None else program
    with closing(SoundFont(played_by, program)) as font:
        audio = font.play(events_of(notes), len(plain) / RATE_HZ, RATE_HZ)
    if np.abs(audio).max(initial=0.0) < takes.SILENT:
        raise LivewaveError(f"{played_by} has no sound for these notes in program {program}; choose another --program")
    name = f"{Path(played_by).stem}, program {program}"
    audio = takes.shifted(audio, 0.0, RATE_HZ, len(plain))
    return _Take(name, "conditioning", f"Conditioning: the notes played by {name}", audio, notes)


def _octave_away(take: _Take, scores: Scores) -> list[str]:
    """A remark on a line that is right but for its octave: another instrument's compass, not another melody."""
    if scores.pitch_accuracy > 0.5 or scores.chroma_similarity < 0.5:
        return []
    for octaves in (-1, 1, -2, 2):
        moved = [dataclasses.replace(note, pitch=note.pitch + 12 * octaves) for note in take.notes]
        if all(24 <= note.pitch <= 108 for note in moved):
            right = pitch_accuracy(take.audio, RATE_HZ, moved, one_line=True)
            if right > 0.5:
                how_far, where = ("an octave", "two octaves")[abs(octaves) - 1], "below" if octaves < 0 else "above"
                return [f"{take.name}: {how_far} {where} the notes its pitch accuracy is {right:.3f}"]
    return []


HEADINGS = ("pitch", "chroma", "onset F1", "correlation", "lag", "speaks", "unheard", "noise")

_PITCH = {True: "pitch     share of frames within 50 cents, from 60 ms after each note's start",
          False: "pitch     of the pitches asked for, k in a frame, and the k strongest heard: the share that is both"}
LEGEND = {one_line: (
    pitch,
    "chroma, correlation   likeness to the conditioning, 1 = alike; lag: by how many ms it is later",
    "onset F1  notes that start within 50 ms of where they should, against missed and added ones",
    "speaks    ms from a note's start until it is heard, median; unheard: share of notes that never are",
    "noise     dB of all that is no partial of the notes, relative to everything")
    for one_line, pitch in _PITCH.items()}


def table(found: Comparison) -> Iterator[str]:
    """Lines for a terminal."""
    width = max(len(_label(row)) for row in found.rows)
    kind = "one line" if found.one_line else "chords"
    yield f"{found.midi}: {len(found.notes)} notes in {found.seconds:.1f} s, {kind}"
    yield "  ".join([" " * width, *HEADINGS])
    for row in found.rows:
        cells = (cell.rjust(len(head)) for cell, head in zip(_cells(row.scores), HEADINGS))
        yield "  ".join([_label(row).ljust(width), *cells])
    yield from found.remarks
    yield from (f"  {line}" for line in LEGEND[found.one_line])


def _label(row: Row) -> str:
    return f"{row.name} ({row.kind})"


def _cells(scores: Scores) -> tuple[str, ...]:
    speaks = "-" if scores.onset_delay_s is None else f"{1e3 * scores.onset_delay_s:.0f}"
    return (f"{scores.pitch_accuracy:.3f}", f"{scores.chroma_similarity:.3f}", f"{scores.onset_f1:.3f}",
            f"{scores.correlation:.3f}", f"{1e3 * scores.correlation_lag_s:+.0f}", speaks, f"{scores.notes_unheard:.2f}",
            f"{scores.noise_db:.1f}")
