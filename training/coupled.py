"""The paper's future work, measured: is a WaveNet better driven by the LSTM's chances than by notes drawn from them?

    python -m training.coupled training/runs/coupled/last.pt --notes training/cache/notes \\
        --data training/cache/plain-flute

Held-out pieces are phrases; the composer carries each on, and what follows is heard by the four ways of `training.ways`.
All have the same phrases, seeds, tempo and bars; KEYS says what is measured. With --data the nets' losses on held-out
recordings are told too, under rolls that are certain, soft, and false. A table goes to stdout; --out keeps takes and
figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing import measures
from livewave.music.biaxial import STEPS_A_BEAT
from livewave.music.biaxialfile import load_biaxial
from livewave.music.compass import Compass
from livewave.music.composer import Composer
from livewave.music.listener import Hearer
from livewave.music.manner import Manner
from livewave.music.softroll import check_soft, folded
from livewave.render.native import NativeEngine
from livewave.render.voice import Voice
from livewave.render.wavenet import Model
from training.checkpoints import read_model
from training.data.pieces import Piece as Recording
from training.evaluate import compass_of, mean, progress
from training.held_out import HELD_OUT_S, held_out_pieces, surprise
from training.notes.pieces import open_pieces
from training.phrases import START_S
from training.players import write_wav
from training.scores import timbre
from training.softening import soften
from training.ways import SYSTEMS, Continued, Start, continued, doubts, notes_of_rows, roll_of_system, start_of

UNLIKELY = 0.05
SILENT_DB = -50.0
FRAME_S = 0.02
PASSING = 0.04  # of a bar's frames
SOFT_SEED = 0x50F7  # of the soft rolls of held-out recordings

KEYS = {
    "voiced": "share of the frames with a pitch; these and the next four begin 60 ms after each step",
    "heeded": "mean chance that the composer gave the pitch heard, over that of its likeliest: 1 = always the likeliest",
    "unlikely": "share of the frames with a pitch to which the composer gave less than 5 %",
    "in_key": "share of the frames with a pitch that is in the phrase's key",
    "drawn": "share of the frames with a pitch in which it is one of the notes drawn",
    "onsets": "F measure of onsets heard against those of the notes drawn, within 50 ms",
    "onsets_a_beat": "onsets heard",
    "pitches_a_bar": "different pitches heard",
    "silent": "share of the time without a sound above -50 dB where at least one note was expected",
    "level_db": "of full scale",
    "flatness": "spectral flatness, median: 0 a tone, 1 white noise",
    "notes": "that the composer expects to sound at once, mean of all steps",
    "notes_last_bar": "the same of the last bar",
    "doubt": "bits a step: what is not certain of its notes",
    "doubt_last_bar": "the same of the last bar",
}


def scores(audio: np.ndarray, rate_hz: int, found: Continued, start: Start, step_s: float,
           compass: Compass) -> dict[str, float]:
    """What KEYS tells, of one take; without what asks for drawn notes where none were."""
    plays, steps = folded(found.chances, compass)[0], len(found.chances)
    times, pitches = measures.pitch_track(audio, rate_hz, compass.low, compass.high)
    at = np.floor((times - START_S) / step_s).astype(int)
    judged = (at >= 0) & (at < steps) & (times - START_S - at * step_s > min(measures.SETTLED_S, 0.5 * step_s))
    at, pitches = at[judged], pitches[judged]
    voiced = ~np.isnan(pitches)
    at, heard = at[voiced], np.round(pitches[voiced]).astype(int).clip(0, 127)
    music = audio[round(START_S * rate_hz) : round((START_S + steps * step_s) * rate_hz)]
    classes = range(12) if start.phrase.key is None else start.phrase.key.classes
    chance, none, bars = plays[at, heard], not len(heard), steps // start.bar
    row = {"voiced": float(voiced.mean()) if len(voiced) else 0.0,
           "heeded": 0.0 if none else float(chance.mean() / max(plays[at].max(1).mean(), 1e-9)),
           "unlikely": 0.0 if none else float(np.mean(chance < UNLIKELY)),
           "in_key": 0.0 if none else float(np.mean([pitch % 12 in classes for pitch in heard.tolist()])),
           "onsets_a_beat": len(measures.onsets(music, rate_hz)) / (steps / STEPS_A_BEAT),
           "pitches_a_bar": float(np.mean([_pitches(heard[at // start.bar == bar]) for bar in range(bars)])),
           "silent": _silent(music, rate_hz, plays.sum(1) >= 1.0, step_s),
           "level_db": measures.level_db(music), "flatness": timbre(music, rate_hz)["flatness"]}
    if found.rows is not None:
        notes = notes_of_rows(found.rows, step_s, compass)
        drawn = np.zeros((steps, 128), bool)
        for note in notes:
            drawn[round((note.start_s - START_S) / step_s) : round((note.end_s - START_S) / step_s), note.pitch] = True
        row["drawn"] = 0.0 if none else float(drawn[at, heard].mean())
        row["onsets"] = measures.onset_f1(audio, rate_hz, notes) if notes else 0.0
    return row | doubts(found.chances, start.bar)


def _pitches(heard: np.ndarray) -> int:
    """How many there are; what is heard in passing is not counted."""
    return int(np.sum(np.unique(heard, return_counts=True)[1] > PASSING * len(heard)))


def _silent(music: np.ndarray, rate_hz: int, expected: np.ndarray, step_s: float) -> float:
    size = round(FRAME_S * rate_hz)
    frames = music[: len(music) // size * size].reshape(-1, size)
    steps = ((np.arange(len(frames)) + 0.5) * FRAME_S / step_s).astype(int).clip(0, len(expected) - 1)
    quiet = np.array([measures.level_db(frame) < SILENT_DB for frame in frames])
    return float(quiet[expected[steps]].mean()) if expected[steps].any() else 0.0


def losses(model: Model, recordings: Sequence[Recording]) -> dict[str, float]:
    """Nats a sample of held-out recordings: under rolls that are certain, soft, and those of elsewhere in the piece.

    What a false roll costs above the true one is how much the net heeds it, certain or soft.
    """
    engine, nats = NativeEngine(model, "auto"), {"certain": [], "soft": [], "certain, false": [], "soft, false": []}
    try:
        for number, recording in enumerate(recordings):
            columns = min(recording.columns, round(HELD_OUT_S * model.spec.roll_rate_hz))
            audio, certain = recording.audio(0, columns * model.spec.samples_per_column), recording.roll(0, columns)
            soft = soften(certain, np.random.default_rng([SOFT_SEED, number]), model.spec.roll_rate_hz)
            for name, roll in (("certain", certain), ("soft", soft)):
                nats[name].append(surprise(engine, audio, roll))
                nats[f"{name}, false"].append(surprise(engine, audio, np.roll(roll, columns // 2, axis=0)))
    finally:
        engine.close()
    return {name: float(np.mean(np.concatenate(found))) for name, found in nats.items()}


class Experiment:
    """The four systems, on one phrase after another. Call `close` at the end."""

    def __init__(self, soft: Model, other: Model, composer: Hearer, manner: Manner, compass: Compass, bars: int,
                 bpm: float, temperature: float) -> None:
        self.composer, self.manner, self.compass, self.bars = composer, manner, compass, bars
        self.step_s, self.temperature, self.rate_hz = 60.0 / bpm / STEPS_A_BEAT, temperature, soft.spec.model_rate_hz
        self._engines = {"soft": NativeEngine(soft, "auto"), "other": NativeEngine(other, "auto")}

    def play(self, start: Start, seed: int) -> dict[str, tuple[dict[str, float], np.ndarray]]:
        """Scores and take, float32 [samples], of each system."""
        steps, results = self.bars * start.bar, {}
        found = [continued(self.composer, start, steps, self.manner, seed, expected) for expected in (False, True)]
        for system in SYSTEMS:
            what = found[system.endswith("expected")]
            audio = self._take("other" if system.endswith("paper") else "soft", system, what, seed)
            results[system] = scores(audio, self.rate_hz, what, start, self.step_s, self.compass), audio
        return results

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()

    def _take(self, engine: str, system: str, found: Continued, seed: int) -> np.ndarray:
        spec = self._engines[engine].spec
        roll = roll_of_system(system, found, self.step_s, self.compass, spec.roll_rate_hz)
        audio = np.zeros(len(roll) * spec.samples_per_column, np.float32)
        Voice(self._engines[engine], seed, self.temperature).render(roll, audio)
        return audio


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: a line for each of KEYS, a column for each system; of a score that a system has not, nothing."""
    means = {system: mean(found) for system, found in rows.items()}
    lines = ["| | " + " | ".join(means) + " |", "|---|" + "---|" * len(means)]
    for key in KEYS:
        cells = (f"{found[key]:.2f}" if key in found else "" for found in means.values())
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def loss_table(nats: dict[str, dict[str, float]]) -> str:
    """Markdown: a line for each net."""
    columns = list(next(iter(nats.values())))
    lines = ["| nats a sample | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    return "\n".join(lines + [f"| {name} | " + " | ".join(f"{found[key]:.3f}" for key in columns) + " |"
                              for name, found in nats.items()])


def run(args: argparse.Namespace) -> str:
    """Everything; the tables. Raises LivewaveError."""
    soft, other = read_model(Path(args.model)), read_model(Path(args.beside))
    check_soft(soft.name, soft.provenance)
    compass, manner = compass_of(soft, None, None), Manner(temperature=args.freedom, polyphony=args.polyphony)
    starts = [start for piece in open_pieces(args.notes).validation if (start := start_of(piece, args.phrase_bars))]
    places = np.linspace(0, len(starts) - 1, min(args.phrases, len(starts))).round().astype(int)
    chosen = [starts[place] for place in places]
    if not chosen:
        raise LivewaveError(f"{args.notes} holds out no piece that begins with {args.phrase_bars} whole bars; prepare "
                            "longer ones")
    rows: dict[str, list[dict[str, float]]] = {system: [] for system in SYSTEMS}
    composer = Composer(load_biaxial(args.composer))
    experiment = Experiment(soft, other, composer, manner, compass, args.bars, args.bpm, args.temperature)
    with progress(f"{soft.name} beside {other.name}") as advance:
        for start, seed in ((start, seed) for start in chosen for seed in range(1, args.seeds + 1)):
            for system, (row, audio) in experiment.play(start, seed).items():
                rows[system].append(row)
                write = partial(write_wav, audio=audio, rate_hz=experiment.rate_hz)
                _keep(args.out, f"{start.name}-{seed}-{system}", write)
            advance(f"{start.name}, seed {seed}", len(chosen) * args.seeds)
    experiment.close()
    text = table(rows)
    if args.data is not None:
        recordings = held_out_pieces(soft, args.data)
        text += "\n\n" + loss_table({args.model: losses(soft, recordings), args.beside: losses(other, recordings)})
    if args.out is not None:
        (args.out / "scores.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return text


def _keep(out: Path | None, name: str, write: Callable[[Path], None]) -> None:
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        write(out / f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in name)}.wav")
    except OSError as error:
        raise LivewaveError(f"cannot write to {out}: {error.strerror}; choose another --out, or make room") from None


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.coupled", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL.onnx|CHECKPOINT.pt", help="a net that was trained with soft rolls")
    parser.add_argument("--notes", type=Path, required=True, metavar="FOLDER",
                        help="made by python -m training.notes.prepare")
    parser.add_argument("--composer", default="chorale", metavar="NAME|PATH", help="the LSTM")
    parser.add_argument("--beside", default="paper", metavar="MODEL", help="the net of the chain that knows notes only")
    parser.add_argument("--data", type=Path, metavar="FOLDER",
                        help="made by python -m training.prepare: losses are told too")
    parser.add_argument("--phrases", type=_positive, default=6, metavar="N")
    parser.add_argument("--phrase-bars", type=_positive, default=2, metavar="N")
    parser.add_argument("--bars", type=_positive, default=4, metavar="N", help="that follow each phrase")
    parser.add_argument("--seeds", type=_positive, default=2, metavar="N")
    parser.add_argument("--bpm", type=float, default=90.0)
    parser.add_argument("--polyphony", type=int, default=Manner().polyphony, metavar="N",
                        help="notes that may be drawn at once")
    parser.add_argument("--freedom", type=float, default=1.0, metavar="T", help="the composer's temperature")
    parser.add_argument("--temperature", type=float, default=0.8, metavar="T", help="the nets'")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="takes, and every score as JSON")
    args = parser.parse_args(argv)
    if not 20.0 <= args.bpm <= 400.0:
        parser.error(f"--bpm is {args.bpm}; it must be in 20..400")
    return args


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 up")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 measured, 1 failed with one clear line (2, from argparse: wrong command line)."""
    args = parse(argv)
    try:
        print(run(args))
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
