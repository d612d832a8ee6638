"""Checkpoint -> model file and card. Written aside, read back and compared with PyTorch before it takes its place."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from exporters.biaxialgraph import PARITY_STEPS, TrainedBiaxial, biaxial_parity_error, build_biaxial, from_pytorch
from exporters.card import write_card
from exporters.stepgraph import build_model
from livewave import LivewaveError, ModelFileError
from livewave.music.biaxial import BiaxialSpec
from livewave.music.biaxialfile import BiaxialModel, load_biaxial
from livewave.music.biaxialfile import check_weights as check_biaxial
from livewave.onnxfile.kinds import SUFFIX
from livewave.render.modelfile import load_model
from livewave.render.onnx import OnnxEngine
from livewave.render.wavenet import PITCHES, Model, WaveNetSpec, Weights, check_weights
from training.wavenet import WaveNet

PARITY_TOLERANCE = 1e-3  # nats; float32 sums in another order differ by about 1e-5, a wrong tap or gate by 0.1 and more
LARGE_LOGIT = 100.0  # nats; float32 keeps seven digits: logits beyond differ in proportion
OUTLIERS = 20.0  # by which one logit of a thousand may differ more than the others
PARITY_SAMPLES = 4_096  # at most; fewer where the net's memory is shorter


class ExportError(LivewaveError):
    """A checkpoint gives no model file: which, and why."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export made. `difference` is the largest one between a logit of the file and of PyTorch, in nats."""

    model: Model | BiaxialModel
    path: Path
    card: Path
    difference: float


def export(checkpoint: Path, out: Path, name: str | None = None, say: Callable[[str], None] = print,
           about: dict[str, str] | None = None) -> Exported:
    """Write `checkpoint` as the model file `out`, and its card beside it; `name` is `out`'s stem unless given. `about`
    (scores, compass ...) stands before what training recorded and wins over it; a licence must begin with the data's.

    Raises ExportError, leaving whatever `out` was before, when the checkpoint is unusable, a file cannot be written, or
    the written file does not compute what PyTorch does.
    """
    if out.suffix != SUFFIX or not out.parent.is_dir():
        raise ExportError(f"cannot write {str(out)!r}; expected a name ending in {SUFFIX} in a folder that exists")
    say(f"reading {checkpoint}")
    trained = read_checkpoint(checkpoint, name or out.stem)
    about = about or {}
    licence = trained.provenance.get("licence")
    if licence is not None and not about.get("licence", licence).startswith(licence):
        raise ExportError(f"the data's licence is {licence!r} and the one given {about['licence']!r}; a model cannot have another: "
                          "begin with the data's, or leave it out")
    trained = dataclasses.replace(trained, provenance=about | trained.provenance | about)  # said first, and it wins
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
            written = Path(folder) / out.name
            way = _way_of(trained)
            written.write_bytes(way.build(trained).SerializeToString())
            model = way.load(written)
            say(f"comparing {way.compared} with PyTorch")
            difference = way.parity_error(trained, model)
            _check_parity(trained.name, difference)
            card = write_card(model, written, difference, PARITY_TOLERANCE)
            os.replace(written, out)
            os.replace(card, out.with_name(card.name))
    except ModelFileError as error:
        raise ExportError(f"checkpoint {str(checkpoint)!r} gives no valid model file: {error}") from None
    except OSError as error:
        raise ExportError(f"cannot write {str(out)!r} ({error.strerror})") from None
    say(f"wrote {out} ({out.stat().st_size} bytes): differs from PyTorch by {difference:.1e} nats at most")
    return Exported(model, out, out.with_name(card.name), difference)


def read_about(path: Path) -> dict[str, str]:
    """Texts and numbers of a JSON object, as the texts that a model file carries. Raises ExportError."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(f"{str(path)!r} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ExportError(f"{str(path)!r} is not JSON: {error}") from None
    if not isinstance(table, dict) or not all(isinstance(value, (str, int, float)) for value in table.values()):
        raise ExportError(f"{str(path)!r} must be one JSON object of texts and numbers")
    return {key: str(value) for key, value in table.items()}


def read_checkpoint(path: Path, name: str) -> Model | TrainedBiaxial:
    """The net in a training checkpoint: a dict of `spec` (JSON), `weights` (float32 tensors), `provenance` (texts) and,
    where it is no WaveNet, its `kind`."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExportError(f"checkpoint {str(path)!r} cannot be read ({error.strerror})") from None
    except Exception:  # a broken archive raises whatever its innermost reader does
        raise ExportError(f"{str(path)!r} is not a checkpoint, or it was cut short") from None
    missing = {"spec", "weights", "provenance"} - set(state if isinstance(state, dict) else ())
    if missing:
        raise ExportError(f"checkpoint {str(path)!r} has no {', '.join(sorted(missing))}; "
                          "expected one written by training")
    try:
        kind, text = state.get("kind", "wavenet"), _text(state["spec"], "spec")
        weights, provenance = _arrays(state["weights"]), _texts(state["provenance"])
        if kind == "biaxial":
            biaxial = from_pytorch(BiaxialSpec.from_json(text), weights, name, provenance)
            check_biaxial(biaxial.spec, biaxial.weights)
            return biaxial
        if kind != "wavenet":
            raise ValueError(f"its kind is {kind!r}; expected a WaveNet, which names none, or 'biaxial'")
        spec = WaveNetSpec.from_json(text)
        check_weights(spec, weights)
        return Model(spec, weights, name, provenance)
    except (ValueError, RecursionError) as error:
        raise ExportError(f"checkpoint {str(path)!r}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Way:
    """How one kind of net becomes a file, and what of it is compared with PyTorch."""

    build: Callable[[Any], onnx.ModelProto]
    load: Callable[[Path], Model | BiaxialModel]
    parity_error: Callable[[Any, Any], float]
    compared: str


def _way_of(trained: Model | TrainedBiaxial) -> _Way:
    if isinstance(trained, TrainedBiaxial):
        return _Way(build_biaxial, load_biaxial, biaxial_parity_error, f"{PARITY_STEPS} steps")
    return _Way(build_model, load_model, parity_error, f"{parity_samples(trained.spec)} samples")


def _check_parity(name: str, difference: float) -> None:
    if not difference <= PARITY_TOLERANCE:  # written so that nan fails
        raise ExportError(f"the graph of {name!r} differs from PyTorch by {difference:.3g} nats; "
                          f"at most {PARITY_TOLERANCE:g} is allowed. Nothing was written")


def parity_error(trained: Model, written: Model) -> float:
    """By how much logits of PyTorch on `trained` and ONNX Runtime on `written` differ, hearing the same audio, in nats.

    What 999 of 1,000 keep to, and the others OUTLIERS times: a sure net magnifies rounding at a few samples of noise after
    silence, while a wrong graph is wrong everywhere. Where the largest logit is beyond LARGE_LOGIT, the difference per
    LARGE_LOGIT: a sure net's reach 500 on noise.
    """
    samples, roll = _phrase(trained.spec)
    net = WaveNet(trained.spec)
    try:
        net.load_weights(trained.weights)
    except ValueError as error:
        raise ExportError(f"PyTorch cannot hold the weights of {trained.name!r}: {error}") from None
    logits = np.empty((len(samples), trained.spec.outputs), np.float32)
    engine = OnnxEngine(written)
    engine.feed(roll, samples, logits)
    engine.close()
    expected = net.teacher_force(samples, roll)
    away = np.abs(logits - expected)
    most = max(np.quantile(away, 0.999), away.max() / OUTLIERS)
    return float(most / max(1.0, np.abs(expected).max() / LARGE_LOGIT))


def parity_samples(spec: WaveNetSpec) -> int:
    return min(spec.receptive_field + 256, PARITY_SAMPLES)


def _phrase(spec: WaveNetSpec) -> tuple[np.ndarray, np.ndarray]:
    """Seeded noise, float32 [samples], and a roll of chords and rests, uint8 [samples, 128], that keeps to no grid."""
    rng = np.random.default_rng(0)
    samples = np.clip(0.3 * rng.standard_normal(parity_samples(spec)), -1.0, 1.0).astype(np.float32)
    roll, start = np.zeros((len(samples), PITCHES), np.uint8), 0
    while start < len(samples):
        end = start + int(rng.integers(1, 98))
        chord = rng.choice(PITCHES, size=rng.integers(0, 4), replace=False)
        roll[start:end, chord] = rng.integers(1, 128, len(chord))
        start = end
    return samples, roll


def _text(value: object, label: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{label} is {type(value).__name__}; expected text")
    return value


def _texts(table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise ValueError(f"provenance is {type(table).__name__}; expected a dict of texts")
    return {_text(key, "a provenance key"): _text(value, f"provenance {key}") for key, value in table.items()}


def _arrays(table: object) -> Weights:
    if not isinstance(table, dict):
        raise ValueError(f"weights is {type(table).__name__}; expected a dict of tensors")
    return {_text(name, "a weight's name"): _array(value, name) for name, value in table.items()}


def _array(value: object, name: str) -> np.ndarray:
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float32 or value.layout != torch.strided:
        raise ValueError(f"weight {name} is not a dense float32 tensor")
    return np.ascontiguousarray(value.detach().numpy())
