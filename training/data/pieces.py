"""Prepared data: the folder that `training.prepare` makes and training reads.

    OUT/prepared.json               format, kind, rates, options, provenance, the list of pieces; written last
    OUT/pieces/NAME.audio.npy       int16 [samples], or uint8 mu-law classes
    OUT/pieces/NAME.drift.npy       uint16: what locks the hint to the audio, see `training.data.locked_hint`
    OUT/pieces/NAME.bends.npy       int16: pitch bends, where there are any
    OUT/pieces/NAME.notes.npz       roll as changes, stretches, and `about`, the piece in a few words; its last file

Every file appears whole, under its own name, or not at all. Audio is memory-mapped: 34 hours open in an instant.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.render.strikes import FORGOTTEN_S, shown
from livewave.render.wavenet import MULAW, WaveNetSpec, mulaw_encode
from training.atomic import replace_file
from training.data.locked_hint import BEND_UNITS, Stretches, lock
from training.data.sparse_roll import changes_of_roll, dense, runs_of, stretches_of

FORMAT = 1
FULL_SCALE = 32_767
ENCODINGS = ("pcm16", "mulaw")
SPLITS = ("training", "validation")
AGAIN = "run the training.prepare command that made it again: it makes anew what is damaged and keeps the rest"


@dataclass(frozen=True)
class Piece:
    """One prepared recording; a file is opened when it is asked for. Raises LivewaveError for a damaged one."""

    folder: Path  # OUT/pieces
    name: str
    rate_hz: int
    roll_rate_hz: int
    samples: int
    columns: int
    split: str = "training"

    def audio(self, start: int, stop: int) -> np.ndarray:
        """float32 [stop - start], in -1..1."""
        return decoded(self._audio[start:stop])

    def roll(self, first: int, last: int) -> np.ndarray:
        """uint8 [last - first, 128]: velocities, 0 where nothing sounds."""
        return dense(self._runs, first, last)

    def shown(self, spec: WaveNetSpec, first: int, last: int) -> np.ndarray:
        """uint8 [last - first, 128]: the roll as a net of `spec` is shown it."""
        before = first if spec.roll_encoding != "struck" else max(0, first - round(FORGOTTEN_S * self.roll_rate_hz))
        return shown(spec, self.roll(before, last))[first - before :]

    def hint(self, start: int, stop: int) -> np.ndarray:
        """float32 [stop - start, 4]: the f0 hint, locked to the phase of the audio."""
        return self._stretches.hint(start, stop)

    def locked_steps(self, columns: int) -> np.ndarray:
        """uint32 [columns, 128]: `steps` for an engine, with which its own oscillators are the locked hint."""
        return self._stretches.locked_steps(columns)

    def bends(self, first: int, last: int) -> np.ndarray:
        """float32 [last - first, 128]: semitones by which a sounding pitch is bent."""
        return self._stretches.bent(first, last)

    def __getstate__(self) -> dict:
        """Another process opens the files itself."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def _audio(self) -> np.ndarray:
        return self._mapped("audio")

    @cached_property
    def _runs(self) -> np.ndarray:
        return runs_of(self._notes["changes"], self.columns)

    @cached_property
    def _stretches(self) -> Stretches:
        bends = self._mapped("bends") if (self.folder / f"{self.name}.bends.npy").exists() else None
        return Stretches(self.rate_hz, self.rate_hz // self.roll_rate_hz, self._notes["stretches"],
                         self._mapped("drift"),
                         bends, self._notes["excess"])

    @cached_property
    def _notes(self) -> dict[str, np.ndarray]:
        return _read_notes(self.folder / f"{self.name}.notes.npz")

    def _mapped(self, what: str) -> np.ndarray:
        path = self.folder / f"{self.name}.{what}.npy"
        try:
            return np.load(path, mmap_mode="r" if path.stat().st_size > 128 else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from None


@dataclass(frozen=True)
class Prepared:
    """What `training.prepare` made. `provenance` travels into checkpoints and model files."""

    folder: Path
    about: dict
    training: list[Piece]
    validation: list[Piece]

    @property
    def provenance(self) -> dict[str, str]:
        return dict(self.about["provenance"])

    @property
    def rate_hz(self) -> int:
        return self.about["rate_hz"]

    @property
    def roll_rate_hz(self) -> int:
        return self.about["roll_rate_hz"]

    @property
    def seconds(self) -> float:
        return sum(piece.samples for piece in self.training + self.validation) / self.rate_hz


def open_prepared(folder: str | Path) -> Prepared:
    """Raises LivewaveError for a folder that is missing, unfinished, of another format or damaged."""
    folder = Path(folder)
    path = folder / "prepared.json"
    if not path.is_file():
        state = "was not finished: run the same command again" if (folder / "pieces").is_dir() else \
            "is no prepared data: make some with python -m training.prepare --help"
        raise LivewaveError(f"{folder} {state} ({path.name} is missing)")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise LivewaveError(f"{path} has format {about['format']!r}; this version reads {FORMAT}: prepare the data "
                                "again")
        pieces = [_piece(folder, about, entry) for entry in about["pieces"]]
        provenance = about["provenance"]
        if not all(isinstance(v, str) for v in provenance.values()):
            raise TypeError("provenance must hold texts")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from None
    by_split = {split: [piece for piece in pieces if piece.split == split] for split in SPLITS}
    return Prepared(folder, about, by_split["training"], by_split["validation"])


def write_piece(folder: str | Path, name: str, audio: np.ndarray, rate_hz: int, roll: np.ndarray, roll_rate_hz: int,
                split: str, encoding: str = "pcm16", bends: np.ndarray | None = None,
                remarks: Sequence[str] = ()) -> dict:
    """Write one piece into FOLDER/pieces, atomically, and return what prepared.json says of it.

    audio  float32 [samples]       -1..1; as many samples as columns * rate_hz / roll_rate_hz
    roll   uint8 [columns, 128]    velocities
    bends  float32 [columns, 128]  semitones, None = nothing is bent
    remarks  what is odd about the recording
    Raises ValueError when they do not fit one another, OSError when the disk does not take them.
    """
    if rate_hz % roll_rate_hz or len(audio) != len(roll) * (rate_hz // roll_rate_hz) or split not in SPLITS:
        raise ValueError(f"{name}: {len(audio)} samples at {rate_hz} Hz, {len(roll)} columns at {roll_rate_hz} Hz, "
                         f"{split!r}")
    pieces = Path(folder) / "pieces"
    pieces.mkdir(parents=True, exist_ok=True)
    changes = changes_of_roll(roll)
    runs = runs_of(changes, len(roll))
    stretches = stretches_of(runs)
    kept = quantised(audio, encoding)
    bent = None if bends is None else _bends_of(bends, stretches)
    locked = lock(decoded(kept), rate_hz, roll_rate_hz, stretches, bent)
    about = {"name": name, "split": split, "samples": len(audio), "columns": len(roll), "notes": len(runs),
             "seconds": round(len(audio) / rate_hz, 3), "remarks": list(remarks), "bent": bent is not None,
             "pitches": [int(runs[:, 0].min()), int(runs[:, 0].max())] if len(runs) else []}
    arrays = {"audio": kept, "drift": locked.drift, **({} if bent is None else {"bends": bent})}
    for what, array in arrays.items():
        replace_file(pieces / f"{name}.{what}.npy", lambda file, array=array: np.save(file, array, allow_pickle=False))
    about["bytes"] = _bytes(pieces, name)
    replace_file(pieces / f"{name}.notes.npz", lambda file: np.savez_compressed(
        file, changes=changes, stretches=stretches, excess=locked.excess, about=np.array(json.dumps(about))))
    return about


def piece_written(folder: str | Path, name: str) -> dict | None:
    """What prepared.json says of a piece that is already there, whole; None where it is missing or damaged."""
    pieces = Path(folder) / "pieces"
    try:
        about = json.loads(str(_read_notes(pieces / f"{name}.notes.npz")["about"]))
        return about if about["bytes"] == _bytes(pieces, name) else None
    except (LivewaveError, ValueError, KeyError, TypeError):
        return None


def quantised(audio: np.ndarray, encoding: str) -> np.ndarray:
    """int16 or uint8 [samples]: float audio as it is kept."""
    if encoding == "mulaw":
        return mulaw_encode(audio)
    return np.round(np.clip(audio, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def decoded(kept: np.ndarray) -> np.ndarray:
    """float32 [samples]: the inverse."""
    return MULAW[kept] if kept.dtype == np.uint8 else kept.astype(np.float32) / np.float32(FULL_SCALE)


def _piece(folder: Path, about: dict, entry: dict) -> Piece:
    piece = Piece(folder / "pieces", entry["name"], about["rate_hz"], about["roll_rate_hz"], entry["samples"],
                  entry["columns"], entry["split"])
    found, notes = _bytes(piece.folder, piece.name), piece.folder / f"{piece.name}.notes.npz"
    if found != entry["bytes"] or not notes.is_file():
        raise LivewaveError(f"piece {piece.name} of {folder} is damaged: it has {found} bytes of audio and hint where "
                            f"{entry['bytes']} were written{'' if notes.is_file() else ', and no notes'}; {AGAIN}")
    return piece


def _bytes(pieces: Path, name: str) -> int:
    """Size of what a piece has beside its notes."""
    paths = (pieces / f"{name}.{what}.npy" for what in ("audio", "drift", "bends"))
    return sum(path.stat().st_size for path in paths if path.exists())


def _read_notes(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ("changes", "stretches", "excess", "about")}
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None


def _bends_of(bends: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """int16: the bends of every stretch, one after another."""
    parts = [bends[first:last, pitch] for pitch, first, last in stretches.tolist()]
    units = np.round(np.concatenate([np.zeros(0, np.float32), *parts]) * BEND_UNITS)
    return units.clip(-32_768, 32_767).astype(np.int16)


def _damaged(path: Path, error: Exception) -> LivewaveError:
    return LivewaveError(f"{path} is damaged ({type(error).__name__}: {error}); {AGAIN}")
