"""Does it follow the notes? Free-running scores of a model file, the gate for everything that ships.

    python -m training.evaluate livewave/models/flute.onnx [--temperature 0.8] [--seeds 3] [--wav FOLDER]
                                [--precision auto|int8|bf16|f32] [--held-out DATA]

Held-out loss does not show whether a net follows its roll: only playing does. Every phrase is played by a `Voice`, as on stage.
With --held-out the native engine's loss on the held-out pieces of DATA is told too, in each of its precisions: what
rounding the weights costs.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave.music.compass import Compass
from livewave.render.modelfile import load_model
from livewave.render.native import PRECISIONS, NativeEngine
from livewave.render.voice import Voice
from livewave.render.wavenet import A4_HZ, Model, log_softmax, logistic_log_density, mulaw_encode
from training.data import Note, Piece, events_of, roll_of

SETTLED_S, RELEASING_S = 0.06, 0.01  # of a note, what is left out of its pitch score: the attack, the last instant
IN_TUNE_SEMITONES = 0.5
HOP = 256
HELD_OUT_S = 10.0  # of each held-out piece
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 9), (0, 7, 12), (0, 3, 8))
SONGS = {
    "happy_birthday": ("G4 G4 A4 G4 C5 B4 G4 G4 A4 G4 D5 C5 G4 G4 G5 E5 C5 B4 A4 F5 F5 E5 C5 D5 C5",
                       [.75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 2, .75, .25, 1, 1, 1, 1, 1, .75, .25, 1, 1, 1, 2]),
    "ode_to_joy": ("E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 E5 D5 D5 E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 D5 C5 C5",
                   [1] * 12 + [1.5, .5, 2] + [1] * 12 + [1.5, .5, 2]),
}
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def song(name: str, compass: Compass, beat_s: float = 0.4, gate: float = 0.95, start_s: float = 0.3) -> list[Note]:
    """One of SONGS, in the octave that fits the instrument."""
    names, beats = SONGS[name]
    notes, t = [], start_s
    for step, length in zip(names.split(), beats):
        pitch = compass.fold(12 * (int(step[1]) + 1) + _STEPS[step[0]])
        notes.append(Note(t, t + length * beat_s * gate, pitch, 95))
        t += length * beat_s
    return notes


def play(model: Model, notes: Sequence[Note], seed: int, temperature: float, tail_s: float = 1.0,
         precision: str = "auto") -> np.ndarray:
    """float32 [samples] at the model's rate: the notes as a fresh `Voice` plays them on the native engine."""
    spec = model.spec
    seconds = max(note.end_s for note in notes) + tail_s
    roll = roll_of(events_of(notes), seconds, spec.roll_rate_hz)
    audio = np.zeros(len(roll) * spec.samples_per_column, np.float32)
    engine = NativeEngine(model, precision)
    Voice(engine, seed, temperature).render(roll, audio)
    engine.close()
    return audio


def held_out_nats(model: Model, pieces: Sequence[Piece], precision: str) -> float:
    """Nats a sample that the native engine is surprised by at the first HELD_OUT_S of each piece, after its warm-up.

    The hint is the plain oscillator of the stage, not locked to the audio as in training, so it is more than the
    training's held-out loss: a figure to compare precisions by.
    """
    engine, spec, found = NativeEngine(model, precision), model.spec, []
    for piece in pieces:
        columns = min(len(piece.roll), round(HELD_OUT_S * spec.roll_rate_hz))
        audio = np.ascontiguousarray(piece.audio[: columns * spec.samples_per_column], np.float32)
        logits = np.empty((len(audio), spec.outputs), np.float32)
        engine.reset()
        engine.feed(np.ascontiguousarray(piece.roll[:columns]), audio, logits)
        warm = spec.receptive_field
        if spec.output == "logistic":
            found.append(-logistic_log_density(logits, audio)[warm:])
        else:
            found.append(-log_softmax(logits)[np.arange(len(audio)), mulaw_encode(audio)][warm:])
    engine.close()
    return float(np.mean(np.concatenate(found)))


def pitch_track(audio: np.ndarray, rate_hz: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Times [frames] in s and fractional MIDI pitches [frames], NaN where unvoiced. Source: pYIN, Mauch and Dixon 2014."""
    import librosa

    size = 1024 if low >= 50 else 2048
    fmin, fmax = max(_hz(low - 2), 2.1 * rate_hz / size), min(_hz(high + 2), rate_hz / 4)
    leap = int(12 * np.log2(fmax / fmin)) / 12 * rate_hz / HOP  # octaves a second: any note may follow any other
    hz, _, _ = librosa.pyin(audio, fmin=fmin, fmax=fmax, sr=rate_hz, frame_length=size, hop_length=HOP,
                            max_transition_rate=leap)
    return np.arange(len(hz)) * HOP / rate_hz, 69.0 + 12.0 * np.log2(hz / A4_HZ)


def in_tune(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], compass: Compass) -> dict[str, float]:
    """For one line: shares of frames and of notes within 50 cents, and the median time until a note is in tune."""
    times, pitches = pitch_track(audio, rate_hz, compass.low, compass.high)
    frames, right, notes_right, speaks = 0, 0, 0, []
    for note in notes:
        near = np.abs(pitches - note.pitch) < IN_TUNE_SEMITONES
        inside = (times > note.start_s + SETTLED_S) & (times < note.end_s - RELEASING_S)
        frames += int(inside.sum())
        right += int((near & inside).sum())
        notes_right += bool(inside.any()) and np.mean(near[inside]) > 0.5
        first = np.flatnonzero(near & (times >= note.start_s) & (times < note.end_s))
        speaks.append(times[first[0]] - note.start_s if len(first) else np.inf)
    return {"frames_in_tune": right / max(1, frames), "notes_in_tune": notes_right / len(notes),
            "speaks_ms": 1e3 * float(np.median(speaks))}


def chord_recall(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Share of (frame, chord note) pairs whose fundamental stands out: a peak within 40 cents, 6 dB above what lies half a
    semitone beyond it, and within 30 dB of the strongest."""
    size, found = 4096, []
    window = np.hanning(size)
    bins = 69.0 + 12.0 * np.log2(np.fft.rfftfreq(4 * size, 1.0 / rate_hz)[1:] / A4_HZ)
    for start_s, end_s in sorted({(note.start_s, note.end_s) for note in notes}):
        chord = [note.pitch for note in notes if note.start_s == start_s]
        for first in range(round((start_s + 0.1) * rate_hz), round(end_s * rate_hz) - size, size // 4):
            spectrum = np.abs(np.fft.rfft(audio[first : first + size] * window, 4 * size))[1:]
            for pitch in chord:
                away = np.abs(bins - pitch)
                peak = spectrum[away < 0.4].max()
                found.append(peak > 2.0 * spectrum[(away > 0.6) & (away < 0.9)].max() and peak > 0.0316 * spectrum.max() > 0.0)
    return float(np.mean(found))


def level_db(audio: np.ndarray) -> float:
    return 10.0 * float(np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def adherence(model: Model, low: int, high: int, temperature: float = 0.8, seed: int = 1) -> float:
    """Share of frames in tune over the songs' first eight seconds: 1 follows every note, under 0.1 ignores them."""
    compass, scores = Compass(low, high), []
    for name in SONGS:
        notes = [note for note in song(name, compass) if note.end_s < 8.0]
        audio = play(model, notes, seed, temperature)
        scores.append(in_tune(audio, model.spec.model_rate_hz, notes, compass)["frames_in_tune"])
    return round(float(np.mean(scores)), 4)


def scores(model: Model, compass: Compass, temperature: float, seed: int,
           precision: str = "auto") -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Every score of one seed, and the audio that they were taken from."""
    rate, takes, result = model.spec.model_rate_hz, {}, {}
    for name in SONGS:
        notes = song(name, compass)
        takes[name] = play(model, notes, seed, temperature, precision=precision)
        result |= {f"{name}.{k}": v for k, v in in_tune(takes[name], rate, notes, compass).items()}
    leaps = _leaps(compass, seed)
    takes["leaps"] = play(model, leaps, seed, temperature, precision=precision)
    result |= {f"leaps.{k}": v for k, v in in_tune(takes["leaps"], rate, leaps, compass).items()}
    chords = _chords(compass)
    takes["chords"] = play(model, chords, seed, temperature, precision=precision)
    result["chords.recall"] = chord_recall(takes["chords"], rate, chords)
    takes["restart"], restarts = _restart(model, compass, seed, temperature, precision)
    return result | restarts, takes


def _leaps(compass: Compass, seed: int) -> list[Note]:
    rng = random.Random(11 + seed)
    return [Note(0.3 + 0.4 * i, 0.3 + 0.4 * i + 0.37, rng.randint(compass.low, compass.high), 92) for i in range(24)]


def _chords(compass: Compass) -> list[Note]:
    rng = random.Random(3)
    roots = [rng.randint(compass.low, compass.high - 12) for _ in CHORDS]
    return [Note(0.3 + i, 1.2 + i, root + step, 92) for i, (root, shape) in enumerate(zip(roots, CHORDS)) for step in shape]


def _restart(model: Model, compass: Compass, seed: int, temperature: float,
             precision: str) -> tuple[np.ndarray, dict[str, float]]:
    """Eight pairs of notes five seconds apart: do both speak, how quiet is the rest between them?"""
    rng, rate, good, rests, takes = random.Random(5 + seed), model.spec.model_rate_hz, 0, [], []
    for pair in range(8):
        notes = [Note(start, start + 0.6, rng.randint(compass.low, compass.high), 92) for start in (0.2, 5.8)]
        audio = play(model, notes, 100 * seed + pair, temperature, 0.2, precision)
        first, rest, second = audio[: rate], audio[2 * rate : round(5.7 * rate)], audio[round(5.8 * rate) : round(6.4 * rate)]
        heard = in_tune(audio, rate, notes, compass)["notes_in_tune"] == 1.0
        good += heard and abs(level_db(second) - level_db(first[round(0.2 * rate) : round(0.8 * rate)])) < 10.0
        rests.append(level_db(rest) - level_db(second))
        takes.append(audio)
    return np.concatenate(takes), {"restart.spoken": good / 8, "restart.rest_db": max(rests)}


def _hz(pitch: float) -> float:
    return A4_HZ * 2.0 ** ((pitch - 69) / 12.0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seeds", type=int, default=3, help="scores are means over this many seeds")
    parser.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS), help="of the engine that plays")
    parser.add_argument("--held-out", type=Path, metavar="DATA", help="what training.data made: also tell each precision's loss")
    parser.add_argument("--wav", type=Path, help="write what was played into this folder")
    args = parser.parse_args(argv)
    model = load_model(args.model)
    compass, rows = Compass.of(model.provenance), []
    for seed in range(1, args.seeds + 1):
        row, takes = scores(model, compass, args.temperature, seed, args.precision)
        rows.append(row)
        if args.wav:
            import soundfile

            args.wav.mkdir(parents=True, exist_ok=True)
            for name, audio in takes.items():
                soundfile.write(args.wav / f"{name}_{seed}.wav", audio, model.spec.model_rate_hz)
    means = {f"score.{key}": round(float(np.mean([row[key] for row in rows])), 3) for key in rows[0]}
    means |= {"score.temperature": args.temperature, "score.seeds": args.seeds}
    if args.held_out:
        from training.train import load_pieces

        _, pieces, _ = load_pieces(args.held_out)
        means |= {f"held_out.{precision}": round(held_out_nats(model, pieces, precision), 4) for precision in PRECISIONS}
    print(json.dumps(means, indent=1))


if __name__ == "__main__":
    main()
