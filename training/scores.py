"""Free-running scores of a model: does it follow the notes?"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from livewave.hearing.measures import chord_recall, in_tune, level_db
from livewave.music.compass import Compass
from livewave.music.score import Note, events_of, roll_of
from livewave.render.native import NativeEngine
from livewave.render.voice import Voice
from livewave.render.wavenet import Model, log_softmax, logistic_log_density, mulaw_encode
from training.data.pieces import Piece
from training.phrases import SONGS, chords, leaps, song

HELD_OUT_S = 10.0  # of each held-out piece


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
    line = leaps(compass, seed)
    takes["leaps"] = play(model, line, seed, temperature, precision=precision)
    result |= {f"leaps.{k}": v for k, v in in_tune(takes["leaps"], rate, line, compass).items()}
    stacked = chords(compass)
    takes["chords"] = play(model, stacked, seed, temperature, precision=precision)
    result["chords.recall"] = chord_recall(takes["chords"], rate, stacked)
    takes["restart"], restarts = restart(model, compass, seed, temperature, precision)
    return result | restarts, takes


def restart(model: Model, compass: Compass, seed: int, temperature: float,
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
