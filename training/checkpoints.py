"""Checkpoints on disk, and what a run may take over from another model."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
from pathlib import Path

import numpy as np
import torch

from livewave import LivewaveError
from livewave.render.modelfile import SUFFIX, load_model
from livewave.render.wavenet import Model, WaveNetSpec, Weights, check_weights, shapes
from training.atomic import write_whole

KEYS = ("spec", "weights", "provenance", "config", "net", "average", "optimisers", "step", "heard_s", "figures",
        "watch")
FREE = {"roll_rate_hz", "roll_encoding"}  # no weight depends on them
GROWING = {"class_kernel", "input_kernel", "roll_kernel"}  # more taps: the new ones start at 0
JOINING = {"hint": ("hint",), "cond_channels": ("condition",)}  # field: the weights that start at 0 where it was absent
ORIGIN = ("training.from", "training.heard_before_s", "from.licence")  # provenance of a run that did not start from nothing
MOST_ANCESTORS = 20


class CheckpointError(LivewaveError):
    """A checkpoint cannot be read, does not fit the run, or cannot be written."""


def write_checkpoint(path: Path, state: dict) -> None:
    """Atomically: a kill or a full disk leaves the old checkpoint or the new one. Raises CheckpointError."""
    packed = io.BytesIO()
    torch.save(state, packed)
    try:
        write_whole(path, packed.getbuffer())
    except OSError as error:
        raise CheckpointError(f"cannot write the {packed.tell() / 1e6:.1f} MB of {path} at step {state['step']} "
                              f"({error.strerror}); {_what_is_left(path)}") from None


def _what_is_left(path: Path) -> str:
    if not path.exists():
        return "make room and give the same command again"
    step = load_state(path)["step"]
    return f"the checkpoint of step {step} is whole: make room, and the same command goes on from it"


def read_checkpoint(path: Path) -> dict:
    """What `write_checkpoint` wrote, on the CPU. Raises CheckpointError for anything else."""
    state = load_state(path)
    missing = [key for key in KEYS if key not in state]
    if missing:
        raise CheckpointError(f"{path} has no {', '.join(missing)}; it was written by another version. "
                              "Give another --out, and --from with this file to start from its weights")
    try:
        WaveNetSpec.from_json(state["spec"])
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} holds a net that this version does not know: {error}") from None
    return state


def read_model(path: Path) -> Model:
    """The averaged net of a checkpoint, or of a model file. Raises LivewaveError."""
    if path.suffix == SUFFIX:
        return load_model(path)
    if path.name == str(path) and not path.exists():
        return load_model(path.name)  # one of `livewave models`
    state = load_state(path)
    try:
        spec = WaveNetSpec.from_json(state["spec"])
        weights = {name: tensor.float().numpy() for name, tensor in state["weights"].items()}
        check_weights(spec, weights)
        return Model(spec, weights, path.parent.name, dict(state["provenance"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is no checkpoint of training: {error}") from None


def load_state(path: Path) -> dict:
    """The table that a run wrote, with nothing in it unpickled but tensors and plain values. Raises CheckpointError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of what it then refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror})") from None
    except Exception:  # a broken archive raises whatever its innermost reader does
        raise CheckpointError(f"{path} is not a checkpoint, or it was cut short") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a checkpoint of training")
    return state


def fitted(model: Model, spec: WaveNetSpec, fresh: Weights) -> Weights:
    """`model`'s weights for a net of `spec`, which may hear more: new taps and conditioning start without effect.

    fresh  weights of an untrained net of `spec`
    Raises CheckpointError, naming every field that differs and cannot be mapped.
    """
    differing = [name for name in (f.name for f in dataclasses.fields(WaveNetSpec))
                 if not _mappable(name, getattr(model.spec, name), getattr(spec, name))]
    if differing:
        listed = ", ".join(f"{name} {getattr(model.spec, name)} there, {getattr(spec, name)} here" for name in differing)
        raise CheckpointError(f"{model.name} cannot be started from: {listed}. Give the net of the new run the same "
                              f"{', '.join(differing)} (see [net] and --set)")
    if np.any(model.weights.get("residual_bias", 0.0)):
        raise CheckpointError(f"{model.name} has residual biases, which nets made by training never have")
    silent = {"input_classes", "input_waveform"} | {weight for names in JOINING.values() for weight in names}
    weights = {}
    for name, shape in shapes(spec).items():
        weights[name] = np.zeros(shape, np.float32) if name in silent else np.array(fresh[name])
        if name in model.weights:
            given = model.weights[name]
            if given.shape != shape:
                weights[name][:] = 0.0
            weights[name][: len(given)] = given
    return weights


def _mappable(name: str, there: object, here: object) -> bool:
    if there == here or name in FREE:
        return True
    if name in GROWING:
        return here > there
    return name in JOINING and not (there if name == "cond_channels" else there != "none")


def inherited(model: Model) -> dict[str, str]:
    """What a model that starts from `model` says of it, under the keys of ORIGIN: it has heard that data too.

    training.from            it and what it started from itself, the youngest first: name, seconds heard, and of what
    training.heard_before_s  all of these seconds
    from.licence             every licence of what was heard
    """
    known = model.provenance
    heard_s, before_s = (int(text) if text.isdecimal() else 0 for text in
                         (known.get(key, "") for key in ("training.heard_s", "training.heard_before_s")))
    itself = f"{model.name}, {heard_s} s of {known.get('data.origin', 'recordings that it does not name')}".replace(";", ",")
    ancestors = [itself, *filter(None, known.get("training.from", "").split("; "))]
    licences = [part for key in ("licence", "from.licence") for part in known.get(key, "").split("; ") if part]
    texts = ("; ".join(ancestors[:MOST_ANCESTORS]), str(heard_s + before_s),
             "; ".join(dict.fromkeys(licences)))
    return {key: text for key, text in zip(ORIGIN, texts) if text}


def differences(one: dict, other: dict) -> list[str]:
    """"key: one's value, now other's" for each key of two flat tables that do not agree."""
    changed = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return [f"{key} {one.get(key)}, now {other.get(key)}" for key in changed]


def flat(config_json: str) -> dict[str, object]:
    """"section.key" -> value of a configuration in JSON."""
    tree = json.loads(config_json)
    return {f"{section}.{key}": value for section, table in tree.items() for key, value in table.items()}
