"""A report over a folder of MIDI: every file as the model plays it, measured, heard and seen.

    OUT/report.md            a table with links to the audio, the picture of all scores, a picture of every file
    OUT/report.json          the same in numbers
    OUT/takes/NAME.SEED.wav  what was played, with .json (scores, and what it was played with) and .png beside it

A take that lies there, whole and played with the same model, notes, seed, temperature and precision, is not played again.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.control.events import Event
from livewave.hearing import measures
from livewave.hearing.scoring import is_one_line, pitch_accuracy
from livewave.music.compass import Compass
from livewave.music.score import Note, notes_of, read_notes
from livewave.render.modelfile import find_model, load_model
from livewave.render.wavenet import Model
from training.atomic import write_whole
from training.pictures import draw_overview, draw_take
from training.players import NetPlayer, chosen_precision, write_wav

VERSION = 2  # of the scores: raise it when a measure changes, and takes are measured again
TAIL_S = 1.0
LONGEST_S = 1_800.0  # of a file: more does not fit into memory whole
SUFFIXES = (".mid", ".midi")
COLUMNS = {
    "frames_in_tune": "of a line the share of frames within 50 cents; of chords the share of the pitches wanted or heard in "
                      "a frame that are both",
    "chroma_on_top": "share of chords (a note is one of its own) whose pitch classes are the strongest of the chroma",
    "onset_f1": "F measure of onsets heard within 50 ms", "noise_db": "energy beside the partials, relative to all",
    "level_db": "level of what sounds, of full scale",
}


@dataclass(frozen=True)
class Take:
    """What decides how a file sounds. `name` is its path below the folder, with its ending."""

    name: str
    notes: str  # digest of the MIDI file
    model: str  # digest of the model file
    seed: int
    temperature: float
    precision: str
    version: int = VERSION


@dataclass(frozen=True)
class Played:
    """A take with the notes that were asked for, its audio (float32 [samples]) and its scores."""

    take: Take
    notes: list[Note]
    audio: np.ndarray
    scores: dict[str, float | str]


Task = tuple[Take, list[Event]]
Spread = Callable[[Callable[[Task], Played], Sequence[Task]], Iterator[Played]]


def make_report(model_name: str, folder: Path, out: Path, seeds: Iterable[int], temperature: float, precision: str,
                spread: Spread, advance: Callable[[str, int], None]) -> dict[str, str]:
    """Play what is new, then write the report. Returns the files that could not be played, each with its reason.

    spread  hands a function and its tasks to whoever plays them, as `training.parallel.each`
    Raises LivewaveError where nothing can be reported at all: no model, no MIDI, no place to write.
    """
    model, files = load_model(model_name), midi_files(folder)
    writable(out)
    precision = chosen_precision(model, precision)
    digest = digest_of(find_model(model_name))
    takes = [(Take(path.relative_to(folder).as_posix(), digest_of(path), digest, seed, temperature, precision), path)
             for path in files for seed in seeds]
    fresh: list[Task] = []
    failed: dict[str, str] = {}
    for take, path in takes:
        try:
            if known(out, take) is None:
                fresh.append((take, playable(path)))
        except LivewaveError as error:
            failed[take.name] = str(error)
    for (take, _), played in zip(fresh, spread(partial(play_take, model), fresh)):
        keep(out, played, model.spec.model_rate_hz)
        advance(f"{take.name}, seed {take.seed}", len(fresh))
    rows = [(take, row) for take, _ in takes if (row := known(out, take))]
    write_report(out, model, temperature, rows, failed)
    return failed


def midi_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise LivewaveError(f"no MIDI file ({' or '.join(SUFFIXES)}) below {folder}; give a folder that holds some")
    return files


def writable(out: Path) -> None:
    """Make the folder, or raise LivewaveError before anything is played for nothing."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise LivewaveError(f"cannot write to {out}: {error.strerror}; choose another --out, with room on its disk") \
            from None


def digest_of(path: Path) -> str:
    """Tells one file from another; empty where it cannot be read, which whoever opens it will tell."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def playable(path: Path) -> list[Event]:
    """Raises LivewaveError, naming the file, for what cannot be played."""
    events, _ = read_notes(path)
    if events[-1].at_s > LONGEST_S:
        raise LivewaveError(f"{path} lasts {events[-1].at_s / 60.0:.0f} minutes; cut it into parts of "
                            f"{LONGEST_S / 60.0:g} at most")
    return events


def play_take(model: Model, task: Task) -> Played:
    take, events = task[0], [Compass.of(model.provenance).fit(event) for event in task[1]]
    player = NetPlayer(model, take.seed, take.temperature, take.precision)
    audio = player.play_events(events, events[-1].at_s + TAIL_S)
    player.close()
    notes = notes_of(events)
    return Played(take, notes, audio, scores_of(audio, player.rate_hz, notes))


def scores_of(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> dict[str, float | str]:
    """What COLUMNS tells, with the kind of music, its notes and seconds."""
    line, sounds = is_one_line(notes), np.zeros(len(audio), bool)
    for note in notes:
        sounds[round(note.start_s * rate_hz) : round(note.end_s * rate_hz)] = True
    row = {"frames_in_tune": pitch_accuracy(audio, rate_hz, notes, line),
           "chroma_on_top": measures.pitch_classes_on_top(audio, rate_hz, notes),
           "onset_f1": measures.onset_f1(audio, rate_hz, notes), "noise_db": measures.noise_db(audio, rate_hz, notes),
           "level_db": measures.level_db(audio[sounds])}
    return {"kind": "line" if line else "chords", "notes": len(notes), "seconds": round(len(audio) / rate_hz, 2),
            **{key: round(float(value), 3) for key, value in row.items()}}


def place(out: Path, take: Take, suffix: str) -> Path:
    return out / "takes" / f"{take.name}.{take.seed}{suffix}"


def known(out: Path, take: Take) -> dict | None:
    """Scores of a take that is there already, whole, and was played with the same of everything."""
    try:
        kept = json.loads(place(out, take, ".json").read_text(encoding="utf-8"))
        return kept["scores"] if kept["take"] == asdict(take) and place(out, take, ".wav").is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or not ours: it is played again and overwritten


def keep(out: Path, played: Played, rate_hz: int) -> None:
    """Audio and picture first, scores last: where they are, the take is whole."""
    try:
        write_wav(place(out, played.take, ".wav"), played.audio, rate_hz)
        write_whole(place(out, played.take, ".png"), draw_take(played.audio, rate_hz, played.notes, played.take.name))
        text = json.dumps({"take": asdict(played.take), "scores": played.scores}, indent=1)
        write_whole(place(out, played.take, ".json"), text.encode())
    except OSError as error:
        raise LivewaveError(f"cannot write to {out}: {error.strerror}; make room and run the same command again: "
                            "what is there is not played again") from None


def write_report(out: Path, model: Model, temperature: float, rows: Sequence[tuple[Take, dict]],
                 failed: dict[str, str]) -> None:
    means = {key: round(float(np.mean([row[key] for _, row in rows])), 3) for key in COLUMNS} if rows else {}
    report = {"model": model.name, "temperature": temperature, "means": means, "failed": failed,
              "takes": [{**asdict(take), **row} for take, row in rows]}
    try:
        if rows:
            write_whole(out / "scores.png", draw_overview([(f"{take.name} {take.seed}", row) for take, row in rows]))
        write_whole(out / "report.json", json.dumps(report, indent=1).encode())
        write_whole(out / "report.md", markdown(report).encode())
    except OSError as error:
        raise LivewaveError(f"cannot write to {out}: {error.strerror}") from None


def markdown(report: dict) -> str:
    """The report as text. Names are shown as code and linked percent-encoded: a file may be called anything."""
    lines = [f"# {report['model']}, at temperature {report['temperature']:g}", ""]
    lines += [f"{len(report['takes'])} takes, {len(report['failed'])} files that could not be played", ""]
    lines += ["| file | seed | kind | notes | s | " + " | ".join(COLUMNS) + " |", "|---" * (5 + len(COLUMNS)) + "|"]
    for row in report["takes"]:
        cells = [f"[{code(row['name'])}](<takes/{quoted(row)}.wav>)", row["seed"], row["kind"], row["notes"],
                 row["seconds"], *(f"{row[key]:g}" for key in COLUMNS)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    if report["takes"]:
        lines += ["| **mean** | | | | | " + " | ".join(f"{report['means'][key]:g}" for key in COLUMNS) + " |", "",
                  *(f"- **{key}**: {meaning}" for key, meaning in COLUMNS.items()), "", "![scores](scores.png)"]
    if report["failed"]:
        lines += ["", "## Not played", "", *(f"- {code(name)}: {reason}" for name, reason in report["failed"].items())]
    lines += ["", "## Takes", ""] if report["takes"] else []
    for row in report["takes"]:
        lines += [f"{code(row['name'])}, seed {row['seed']}", "", f"![{row['kind']}](<takes/{quoted(row)}.png>)", ""]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"


def quoted(row: dict) -> str:
    return urllib.parse.quote(f"{row['name']}.{row['seed']}")
