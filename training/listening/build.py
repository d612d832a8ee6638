"""From systems to a page: every system's clips side by side, and what listeners are asked of them."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import Progress

from livewave import LivewaveError
from livewave.config import make_config
from training.atomic import write_whole
from training.listening.clips import Clip, low_anchor, make_clips, read_sound
from training.listening.page import ANCHOR, MELODY, Design, Page, make_page
from training.listening.systems import SCORES, SOUNDS, System, files_in, parse_systems, render, require_all, tones

NATURAL, FOLLOWS = "Which sounds more natural?", "Which follows the melody better?"
HOW_NATURAL = "How natural does each one sound?"
LONGEST_S, MOST_CHECKS = 120.0, 20
CLIP_FILES = f"c{8 * '[0-9a-f]'}.flac"  # as make_page names them


def build(args: argparse.Namespace) -> None:
    """Write the page and its key, and say where. `args`: the options of `python -m training.listening build`.

    Raises LivewaveError for what cannot be compared or asked, OSError for what cannot be written.
    """
    systems = parse_systems(args.system)
    design, key_path = _design(args, systems), args.key or args.page.with_suffix(".key.json")
    sound_folder = args.page.with_name(f"{args.page.stem}_sound") if args.folder else None
    for path in (args.page, key_path, *([sound_folder] if sound_folder else [])):
        if path.exists() and not args.replace:
            raise LivewaveError(f"{path} is there already, and results of its page need its key; give another name,"
                                " or pass --replace")
    if not 1.0 <= args.seconds <= LONGEST_S:
        raise LivewaveError(f"--seconds {args.seconds:g}: clips last 1 to {LONGEST_S:g} s")
    clips, level_lufs = _clips(args, systems)
    seed = secrets.randbits(32) if args.seed is None else args.seed
    page = make_page(design, clips, seed, f"{sound_folder.name}/" if sound_folder else "")
    _write(page, args.page, key_path, sound_folder)
    megabytes = sum(map(len, page.sounds.values())) / 1e6
    print(f"{len(page.sounds)} clips at {level_lufs:.1f} LUFS (BS.1770-4), {megabytes:.1f} MB of FLAC;"
          f" a listener answers {sum(page.key['trials'].values())} trials")
    print(f"page  {args.page}{f' and {sound_folder}/' if sound_folder else ''}\n"
          f"key   {key_path}: keep it, and never publish it; `analyse` needs it")


def _design(args: argparse.Namespace, systems: Sequence[System]) -> Design:
    names = [system.name for system in systems]
    if args.reference is not None and args.reference not in names:
        raise LivewaveError(f"--reference {args.reference!r} is none of the systems {', '.join(names)}")
    if args.anchor and args.reference is None:
        raise LivewaveError("--anchor is made from the reference; name it by --reference")
    if args.anchor and ANCHOR in names:
        raise LivewaveError(f"a system cannot be called {ANCHOR!r} when --anchor is given; rename it")
    if args.scale == 5 and args.anchor:
        raise LivewaveError("--anchor belongs to the scale of 100; leave one of --anchor and --scale 5 out")
    neither = not args.pair and not args.rate
    pairs = args.pair or ([NATURAL, *([FOLLOWS] if args.melody else [])] if neither else [])
    rates = args.rate or ([HOW_NATURAL] if neither else [])
    checks = args.checks if args.checks is not None else int(bool(pairs))
    if not 0 <= checks <= MOST_CHECKS:
        raise LivewaveError(f"--checks {checks}: 0 to {MOST_CHECKS} identical pairs")
    if (args.reference or args.anchor) and not rates:
        raise LivewaveError("--reference and --anchor belong to ratings, and no --rate question is asked")
    return Design(args.title, _text(args.intro), _text(args.consent), pairs, rates, args.scale, args.reference, checks,
                  args.max_pairs, args.max_ratings, args.post, names)


def _text(option: str) -> str:
    """The text itself, or what is in @FILE. Raises OSError without the file, LivewaveError when it is no text."""
    if not option.startswith("@"):
        return option
    try:
        return Path(option[1:]).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise LivewaveError(f"{option[1:]} is not text in UTF-8: {error}") from None


def _clips(args: argparse.Namespace, systems: Sequence[System]) -> tuple[list[Clip], float]:
    with tempfile.TemporaryDirectory() as folder:
        files = _files(args, systems, Path(folder))
        as_played = {system.name for system in systems if system.is_model}  # what a model clips is its own doing
        sounds = {(name, stem): read_sound(path, args.allow_clipped or name in as_played)
                  for name, takes in files.items() for stem, path in takes.items()}
    if args.anchor:
        sounds |= {(ANCHOR, stem): low_anchor(sounds[args.reference, stem]) for stem in files[args.reference]}
    clips, level_lufs = make_clips(sounds, args.seconds)
    if args.melody:
        melodies = _melodies(args.melody, sorted(files[systems[0].name]), args.seconds)
        clips += make_clips(melodies, args.seconds, level_lufs)[0]
    return clips, level_lufs


def _files(args: argparse.Namespace, systems: Sequence[System], folder: Path) -> dict[str, dict[str, Path]]:
    """Every system's recordings by stem; models play theirs into `folder`, once it is known that nothing is missing."""
    models = [system for system in systems if system.is_model]
    if bool(models) != bool(args.midi):
        raise LivewaveError(f"system {models[0].name!r} is a model; say what it plays by --midi FOLDER" if models else
                            "--midi is what models play, and no system is a model file (.onnx); leave it out")
    scores = files_in(args.midi, SCORES) if models else {}
    takes = {system.name: scores if system.is_model else files_in(system.path, SOUNDS) for system in systems}
    require_all({name: set(files) for name, files in takes.items()})
    for index, system in enumerate(models):
        own = folder / str(index)
        own.mkdir()
        takes[system.name] = _played(system, scores, own, args)
    return takes


def _played(system: System, scores: dict[str, Path], folder: Path, args: argparse.Namespace) -> dict[str, Path]:
    """Raises LivewaveError for a bad model, temperature or score."""
    config = make_config({"model": {"name": str(system.path), "temperature": args.temperature, "seed": args.seed or 0}})
    takes, terminal = {}, sys.stderr.isatty()
    with Progress(disable=not terminal, transient=True) as bar:
        for number, (stem, midi) in enumerate(scores.items(), 1):
            task = bar.add_task(f"{system.name} plays {stem}", total=1.0)
            takes[stem] = render(midi, folder, config, args.seconds,
                                 lambda share, task=task: bar.update(task, completed=share))
            if not terminal:
                print(f"{system.name} has played {stem} ({number} of {len(scores)})", flush=True)
    return takes


def _melodies(folder: Path, stems: Sequence[str], seconds: float) -> dict[tuple[str, str], np.ndarray]:
    found = files_in(folder, (*SCORES, *SOUNDS))
    missing = [stem for stem in stems if stem not in found]
    if missing:
        raise LivewaveError(f"--melody {folder} has no {missing[0]!r}; it needs the melody of every stimulus")
    heard = {stem: tones(path, seconds) if path.suffix.lower() in SCORES else read_sound(path)
             for stem, path in found.items() if stem in stems}
    return {(MELODY, stem): audio for stem, audio in heard.items()}


def _write(page: Page, path: Path, key_path: Path, sound_folder: Path | None) -> None:
    """The key first: a page without one would be of no use."""
    write_whole(key_path, (json.dumps(page.key, indent=1, ensure_ascii=False) + "\n").encode())
    if sound_folder:
        sound_folder.mkdir(parents=True, exist_ok=True)
        for old in sound_folder.glob(CLIP_FILES):
            old.unlink()
        for name, flac in page.sounds.items():
            (sound_folder / name).write_bytes(flac)
    write_whole(path, page.html.encode())
    path.chmod(0o644)  # it is there to be served
