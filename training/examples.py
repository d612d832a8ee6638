"""Short takes of every shipped instrument, to be heard without installing anything.

    python -m training.examples training/examples

Each model of `livewave models` that comes with livewave plays each of `training.phrases.SONGS`, and a cadence in three
voices, on the native engine: OUT/MODEL-PHRASE.mp3. Then what the continuation makes of a phrase: OUT/ode-to-joy.mid, and
OUT/piano-ode-to-joy-continued.mp3, which is

    livewave render training/examples/ode-to-joy.mid continued.wav --model piano --continue-bars 8

Same model, same files: the seed is fixed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
from rich.progress import track

from livewave import LivewaveError
from livewave.carry_on import carry_on
from livewave.config import make_config
from livewave.music.compass import Compass
from livewave.music.biaxialfile import load_biaxial
from livewave.music.composer import Composer
from livewave.music.score import Note, read_piece
from livewave.offline import render_file
from livewave.render.modelfile import SHIPPED, list_models, load_model
from livewave.render.wavenet import Model
from training.phrases import SONGS, song
from training.scores import play

SEED, TEMPERATURE = 1, 0.8
PEAK = 0.9
CADENCE = ((0, 4, 7), (0, 5, 9), (-1, 5, 7), (0, 4, 7))  # I, IV, V7 without its fifth, I
CHORD_S = 1.2
PHRASE = "ode_to_joy"  # its two lines: eight bars of 4/4
CONTINUED_BY, CONTINUED_BARS, BPM = "piano", 8, 150
TICKS = 480


def phrases(compass: Compass) -> dict[str, list[Note]]:
    """What every instrument plays, within its compass."""
    return {name: song(name, compass) for name in SONGS} | {"cadence": cadence(compass)}


def cadence(compass: Compass) -> list[Note]:
    root = compass.fold(60)
    return [Note(0.3 + CHORD_S * bar, 0.3 + CHORD_S * (bar + 0.95), compass.fold(root + step), 92)
            for bar, chord in enumerate(CADENCE) for step in chord]


def write(model: Model, name: str, out: Path) -> list[Path]:
    """Render every phrase of `model` into `out`; the files written. Raises LivewaveError when one cannot be."""
    paths = []
    for phrase, notes in phrases(Compass.of(model.provenance)).items():
        audio = play(model, notes, SEED, TEMPERATURE)
        path = out / f"{name}-{phrase.replace('_', '-')}.mp3"
        paths.append(_write_mp3(path, audio, model.spec.model_rate_hz))
    return paths


def write_continued(out: Path) -> list[Path]:
    """The phrase as a MIDI file, and the take in which it is played and carried on. Raises LivewaveError."""
    import soundfile

    midi, take = out / f"{PHRASE.replace('_', '-')}.mid", out / f"{CONTINUED_BY}-{PHRASE.replace('_', '-')}-continued.mp3"
    write_phrase(midi)
    config = make_config({"model": {"name": CONTINUED_BY}})
    composer = Composer(load_biaxial(config.continuation.model))
    carried = carry_on(read_piece(midi), composer, config.continuation.manner, config.model.seed, CONTINUED_BARS, _silent)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "continued.wav"
        render_file(midi, wav, config, _silent, carried=carried)
        audio, rate_hz = soundfile.read(wav, dtype="float32")
    return [midi, _write_mp3(take, audio, rate_hz)]


def write_phrase(path: Path) -> None:
    """PHRASE as a Standard MIDI File at BPM, in 4/4, from its first beat."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BPM)), mido.MetaMessage("time_signature")])
    last = 0
    for note in song(PHRASE, Compass(48, 83), 1.0, start_s=0.0):
        begin, end = round(note.start_s * TICKS), round(note.end_s * TICKS)
        track += [mido.Message("note_on", note=note.pitch, velocity=note.velocity, time=begin - last),
                  mido.Message("note_off", note=note.pitch, time=end - begin)]
        last = end
    mido.MidiFile(tracks=[track], ticks_per_beat=TICKS).save(path)


def _write_mp3(path: Path, audio: np.ndarray, rate_hz: int) -> Path:
    import soundfile

    try:
        soundfile.write(path, audio * (PEAK / max(PEAK, float(np.abs(audio).max()))), rate_hz)
    except (OSError, soundfile.LibsndfileError) as error:
        raise LivewaveError(f"{path} cannot be written: {error}") from None
    return path


def _silent(_done: float, _total: float) -> None:
    """Progress that nobody watches."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    args = parser.parse_args(argv)
    shipped = [(name, path) for name, path in list_models() if path.parent == SHIPPED]
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name, path in track(shipped, "playing", disable=not sys.stdout.isatty()):
            print(*write(load_model(path), name, args.out), sep="\n")
        print(*write_continued(args.out), sep="\n")
    except (LivewaveError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
