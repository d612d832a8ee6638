"""What a model expects of recordings that it was not trained on, heard through the engine that plays it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.render.native import NativeEngine
from livewave.render.strikes import shown
from livewave.render.wavenet import Model, log_softmax, logistic_log_density, mulaw_encode
from training.data.pieces import Piece, open_prepared

HELD_OUT_S = 10.0  # of each held-out piece


def held_out_pieces(model: Model, folder: Path) -> list[Piece]:
    """What `training.prepare` held out, and this model can hear. Raises LivewaveError where there is nothing such."""
    spec = model.spec
    pieces = [piece for piece in open_prepared(folder).validation if piece.samples > 2 * spec.receptive_field]
    if not pieces:
        raise LivewaveError(f"{folder} holds no held-out piece longer than {2 * spec.receptive_field} samples, the memory of "
                            "the net twice; prepare more or longer recordings")
    for piece in pieces:
        if (piece.rate_hz, piece.roll_rate_hz) != (spec.model_rate_hz, spec.roll_rate_hz):
            raise LivewaveError(f"{folder} was prepared at {piece.rate_hz} Hz and {piece.roll_rate_hz} columns a second, "
                                f"and the model has {spec.model_rate_hz} and {spec.roll_rate_hz}: prepare it again at its rates")
    return pieces


def held_out_nats(model: Model, pieces: Sequence[Piece], precision: str, shuffled: bool = False) -> float:
    """Nats a sample by which the native engine is surprised at the first HELD_OUT_S of each piece, after its warm-up.

    shuffled  with the roll of half the stretch later: as many notes, as dense, but not those that sound

    What a model loses by a shuffled roll is how much it heeds the roll: next to nothing, and the notes are ignored.
    The hint is locked to the audio as in training. The pieces are those of `held_out_pieces`.
    """
    engine = NativeEngine(model, precision)
    try:
        return float(np.mean(np.concatenate([_surprise(engine, piece, shuffled) for piece in pieces])))
    finally:
        engine.close()


def surprise(engine: NativeEngine, audio: np.ndarray, roll: np.ndarray, steps: np.ndarray | None = None) -> np.ndarray:
    """float64 [samples]: nats, from the first sample whose history is complete.

    audio  float32 [samples];  roll  uint8 [columns, 128]  as the net is shown it;  steps  as in `Engine.feed`
    """
    spec = engine.spec
    logits = np.empty((len(audio), spec.outputs), np.float32)
    engine.reset()
    engine.feed(roll, audio, logits, steps)
    if spec.output == "logistic":
        return -logistic_log_density(logits, audio)[spec.receptive_field :]
    return -log_softmax(logits)[np.arange(len(audio)), mulaw_encode(audio)][spec.receptive_field :]


def _surprise(engine: NativeEngine, piece: Piece, shuffled: bool) -> np.ndarray:
    spec = engine.spec
    columns = min(piece.columns, round(HELD_OUT_S * spec.roll_rate_hz))
    audio, steps = piece.audio(0, columns * spec.samples_per_column), piece.locked_steps(columns)
    roll = shown(spec, piece.roll(0, columns))
    if shuffled:
        roll, steps = (np.roll(array, columns // 2, axis=0) for array in (roll, steps))
    return surprise(engine, audio, roll, steps if spec.hint == "f0" else None)
