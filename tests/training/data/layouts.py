"""Tiny data sets in the layouts that their makers publish, from seeds: every loader runs on them without a download."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pretty_midi
import soundfile

from livewave.music.score import Note

FONT = str(Path(find_spec("pretty_midi").origin).with_name("TimGM6mb.sf2"))  # small, and comes with the package
SECONDS = 5.0
CELLO, PIANO = 43, 1


def a_tune(seed: int, low: int = 52, high: int = 72, seconds: float = SECONDS) -> list[Note]:
    """Short notes with gaps, no two onsets as far apart as another pair: an offset has one right answer."""
    rng, t, notes = random.Random(seed), 0.3, []
    while t < seconds - 0.6:
        length = rng.uniform(0.1, 0.3)
        notes.append(Note(t, t + length, rng.randint(low, high), rng.randint(60, 110)))
        t += length + rng.uniform(0.03, 0.12)
    return notes


def sung(notes: Sequence[Note], rate_hz: int, seconds: float = SECONDS) -> np.ndarray:
    """float32 [samples]: every note a sine and its octave that begin at once and fade; silence where no note is."""
    audio = np.zeros(round(seconds * rate_hz))
    for note in notes:
        first, last = round(note.start_s * rate_hz), min(round(note.end_s * rate_hz), len(audio))
        t = np.arange(last - first) / rate_hz
        fade = np.exp(-3.0 * t) * np.minimum(1.0, (note.end_s - note.start_s - t) / 0.01)
        turns = 440.0 * 2.0 ** ((note.pitch - 69) / 12) * t
        wave = np.cos(2 * np.pi * turns) + 0.3 * np.sin(4 * np.pi * turns)
        audio[first:last] += 0.3 * note.velocity / 127 * fade * wave
    return audio.astype(np.float32)


def write_midi(path: Path, notes: Sequence[Note], pedal: Sequence[tuple[float, int]] = ()) -> None:
    song, line = pretty_midi.PrettyMIDI(resolution=960, initial_tempo=125), pretty_midi.Instrument(0)
    line.notes = [pretty_midi.Note(note.velocity, note.pitch, note.start_s, note.end_s) for note in notes]
    line.control_changes = [pretty_midi.ControlChange(64, value, at_s) for at_s, value in pedal]
    song.instruments.append(line)
    path.parent.mkdir(parents=True, exist_ok=True)
    song.write(str(path))


def write_sound(path: Path, audio: np.ndarray, rate_hz: int, **how: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate_hz, **how)


def musicnet(root: Path, train: Sequence[int] = (1727, 2194, 2217), test: Sequence[int] = (2298,)) -> dict[str,
                                                                                                           list[Note]]:
    """id -> notes. The first is a duo of cello and piano, the others are solo cello; labels are samples at 44.1 kHz."""
    tunes, rows = {}, []
    for number in (*train, *test):
        part, notes = "test" if number in test else "train", a_tune(number)
        duo = number == train[0]
        instruments = [PIANO if duo and i % 3 == 0 else CELLO for i in range(len(notes))]
        write_sound(root / f"{part}_data" / f"{number}.wav", sung(notes, 44_100), 44_100, subtype="FLOAT")
        labels = root / f"{part}_labels" / f"{number}.csv"
        labels.parent.mkdir(parents=True, exist_ok=True)
        with open(labels, "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["start_time", "end_time", "instrument", "note", "start_beat", "end_beat", "note_value"])
            for i, (note, instrument) in enumerate(zip(notes, instruments)):
                table.writerow([round(note.start_s * 44_100), round(note.end_s * 44_100), instrument, note.pitch, i / 2,
                                0.5, "Eighth"])
        tunes[str(number)] = notes
        rows.append([number, "Bach", "Cello Suite 1", "1. Prelude", "Duo" if duo else "Solo Cello", "European Archive",
                     "http://", "BWV1007",
                     round(SECONDS)])
    with open(root / "musicnet_metadata.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "composer", "composition", "movement", "ensemble", "source", "transcriber",
                        "catalog_name", "seconds"])
        table.writerows(rows)
    return tunes


def smd(root: Path) -> dict[str, list[Note]]:
    """name -> notes; mp3 and MIDI of one stem, one of them spelt otherwise, and one with the pedal down from 1 s to 2
    s."""
    names = ["Bach_BWV849-01_001_20090916-SMD", "Chopin_Op010-03_007_20100611-SMD", "Ravel_JeuxDEau_008_20110315-SMD"]
    tunes = {name: a_tune(seed) for seed, name in enumerate(names)}
    for name, notes in tunes.items():
        write_sound(root / "mp3" / f"{name}.mp3", sung(notes, 44_100), 44_100)
        write_midi(root / "midi" / f"{name.upper() if name == names[1] else name}.mid", notes,
                   [(1.0, 127), (2.0, 0)] if name == names[2] else ())
    return tunes


def maestro(root: Path) -> dict[str, list[Note]]:
    """name -> notes; two of the train split, one of validation, one of test; 44.1 and 48 kHz, stereo."""
    rows, tunes = [], {}
    for seed, (split, year) in enumerate([("train", 2004), ("train", 2018), ("validation", 2018), ("test", 2009)]):
        name = f"MIDI-Unprocessed_{seed:02d}_R1_{year}_mid--AUDIO"
        tunes[name] = a_tune(seed)
        rate_hz = (44_100, 48_000)[seed % 2]
        audio = sung(tunes[name], rate_hz)
        write_sound(root / str(year) / f"{name}.wav", np.stack((audio, 0.6 * audio), 1), rate_hz, subtype="PCM_16")
        write_midi(root / str(year) / f"{name}.midi", tunes[name])
        rows.append([["Franz Schubert", "Alban Berg"][seed % 2], "Sonata, Op. 1", split, year, f"{year}/{name}.midi",
                     f"{year}/{name}.wav",
                     SECONDS])
    with open(root / "maestro-v3.0.0.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename",
                        "duration"])
        table.writerows(rows)
    return tunes


def own_folder(root: Path) -> dict[str, list[Note]]:
    """name -> notes; one of each kind of file, in sub-folders, with spaces and letters of other alphabets in their
    names."""
    tunes = {}
    for seed, (stem, suffix) in enumerate([("take one", "wav"), ("Übung 2", "flac"), ("third", "ogg"),
                                           ("fourth", "aiff")]):
        name = stem.replace(" ", "_")
        tunes[name] = a_tune(10 + seed)
        write_sound(root / f"day {seed % 2}" / f"{stem}.{suffix}", sung(tunes[name], 22_050 if seed else 44_100), 22_050
                    if seed else 44_100)
        write_midi(root / f"day {seed % 2}" / f"{stem}.mid", tunes[name])
    return tunes


def audio_folder(root: Path, seeds: Sequence[int] = (20, 21)) -> dict[str, list[Note]]:
    tunes = {f"nocturne{seed}": a_tune(seed) for seed in seeds}
    for name, notes in tunes.items():
        write_sound(root / f"{name}.wav", sung(notes, 44_100), 44_100)
    return tunes


def midi_folder(root: Path, tunes: int = 2) -> dict[str, list[Note]]:
    table = {f"tune{seed:02d}": a_tune(30 + seed, seconds=3.0) for seed in range(tunes)}
    for name, notes in table.items():
        write_midi(root / f"{name}.mid", notes)
    return table
