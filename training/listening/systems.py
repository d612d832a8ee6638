"""Where the sound comes from: folders of recordings, or models that play a folder of MIDI, matched by file stem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.config import Config
from livewave.control.events import NoteOn
from livewave.hearing.plain_tone import plain_tone
from livewave.music.score import notes_of, read_score
from livewave.offline import render_file
from livewave.render.modelfile import list_models
from training.listening.loudness import RATE_HZ

SOUNDS = (".wav", ".flac", ".aif", ".aiff", ".ogg")
SCORES = (".mid", ".midi")
SHOWN = 3  # names in an error
TONE_TAIL_S = 0.3


@dataclass(frozen=True, slots=True)
class System:
    """What is compared: `name`, and the folder of recordings or the model file that it stands for."""

    name: str
    path: Path

    @property
    def is_model(self) -> bool:
        return self.path.suffix == ".onnx"


def parse_systems(texts: Sequence[str]) -> list[System]:
    """Each `NAME=FOLDER` or `NAME=MODEL.onnx`. Raises LivewaveError for fewer than two, a name twice, no path."""
    systems = [_parse(text) for text in texts]
    names = [system.name for system in systems]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LivewaveError(f"two systems are called {twice[0]!r}; give each --system a name of its own")
    if len(systems) < 2:
        raise LivewaveError(f"{len(systems)} system{'' if systems else 's'} given, and a comparison needs two at least:"
                            " --system NAME=FOLDER --system NAME=MODEL.onnx")
    return systems


def _parse(text: str) -> System:
    name, _, path = text.partition("=")
    if not name.strip() or not path:
        raise LivewaveError(f"--system {text!r} must read NAME=FOLDER_OF_RECORDINGS or NAME=MODEL")
    models = dict(list_models())
    system = System(name.strip(), models[path] if path in models and not Path(path).is_dir() else Path(path))
    if not (system.path.is_file() if system.is_model else system.path.is_dir()):
        kind = "model file" if system.is_model else "folder"
        raise LivewaveError(f"system {system.name!r}: there is no {kind} {path}; models by name: {', '.join(models)}")
    return system


def files_in(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """The files of `folder` (not of folders in it) by stem. Raises LivewaveError for none, or for a stem twice."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() in suffixes:
            if path.stem in found:
                raise LivewaveError(f"{found[path.stem]} and {path} are one stimulus twice; remove one of them")
            found[path.stem] = path
    if not found:
        raise LivewaveError(f"{folder} holds no {', '.join(suffixes)} file")
    return found


def require_all(stems: dict[str, set[str]]) -> None:
    """Every system must have every stimulus. `stems`: a system's name to its stems. Raises LivewaveError naming those
    that are missing.
    """
    every, common = sorted(set().union(*stems.values())), set.intersection(*stems.values())
    if not common:
        first = "; ".join(f"{name}: {', '.join(sorted(own)[:SHOWN])}" for name, own in stems.items())
        raise LivewaveError("the systems have no stimulus in common; files are matched by name, without suffix"
                            f" (the first of each: {first})")
    missing = [f"system {name!r} has no {stem!r}" for stem in every for name, own in stems.items() if stem not in own]
    if missing:
        more = f", and {len(missing) - SHOWN} more are missing" if len(missing) > SHOWN else ""
        raise LivewaveError(f"{', '.join(missing[:SHOWN])}{more}; every system needs every stimulus")


def render(midi: Path, folder: Path, config: Config, seconds: float, progress: Callable[[float], None]) -> Path:
    """The model of `config` plays the first `seconds` of `midi` into a WAV in `folder`, telling `progress(share)`.

    Raises LivewaveError for a bad MIDI file or model, one without a note that soon, or a full disk.
    """
    if not any(isinstance(event, NoteOn) and event.at_s < seconds for event in read_score(midi)):
        raise _no_note(midi, seconds)
    take = folder / f"{midi.stem}.wav"
    render_file(midi, take, config, lambda done, total: progress(done / total), seconds)
    return take


def tones(midi: Path, seconds: float) -> np.ndarray:
    """The melody as it is written: float32 [samples] at 48 kHz, a few plain partials a note.

    Raises LivewaveError for a bad MIDI file, or one without a note that soon.
    """
    notes = [note for note in notes_of(read_score(midi)) if note.start_s < seconds]
    if not notes:
        raise _no_note(midi, seconds)
    return plain_tone(notes, min(max(note.end_s for note in notes) + TONE_TAIL_S, seconds), RATE_HZ)


def _no_note(midi: Path, seconds: float) -> LivewaveError:
    return LivewaveError(f"{midi} has no note in its first {seconds:g} s; cut its rest off, or raise --seconds")
