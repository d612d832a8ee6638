"""A model on its way from the control process, which reads and checks its file, to an audio process, which plays it.

It travels as an open file without a name: length and text of a JSON header, then the weights as they lie in memory. So no
model file is ever read, parsed or checked where sound is made.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livewave.render.engine import Engine, open_engine
from livewave.render.wavenet import Model, WaveNetSpec

_LENGTH = struct.Struct("<Q")
_ALIGNMENT_BYTES = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which engine is to play: as the player asked (`auto`), or as an audio process found and told."""

    engine: str = "auto"
    options: dict[str, str] = field(default_factory=dict)

    def open(self, model: Model) -> Engine:
        return open_engine(self.engine, model, **self.options)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Recipe:
        """What opens an engine again that told `engine`, `precision` and `isa` of itself; quickly: nothing is left to measure."""
        native = facts["engine"] == "native"
        return cls(str(facts["engine"]), {name: str(facts[name]) for name in ("precision", "isa")} if native else {})


def pack(model: Model) -> int:
    """A descriptor of a nameless file that holds `model`; the caller closes it."""
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in sorted(model.weights.items())}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    header = json.dumps({"spec": model.spec.to_json(), "name": model.name, "provenance": model.provenance, "shapes": shapes,
                         "graph_bytes": len(model.graph)}).encode()
    descriptor = _nameless()
    with open(descriptor, "wb", closefd=False) as file:
        file.write(_LENGTH.pack(len(header)) + header)
        file.write(b"\0" * (-file.tell() % _ALIGNMENT_BYTES))
        for array in arrays.values():
            file.write(array.data)
        file.write(model.graph)
    return descriptor


def unpack(descriptor: int) -> Model:
    """The model in the file, whose weights are views of it; the descriptor may be closed afterwards."""
    data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    (length,) = _LENGTH.unpack_from(data)
    header = json.loads(data[_LENGTH.size : _LENGTH.size + length])
    place = _LENGTH.size + length
    place += -place % _ALIGNMENT_BYTES
    weights = {}
    for name, shape in header["shapes"].items():
        count = int(np.prod(shape, dtype=np.int64))
        weights[name] = np.frombuffer(data, np.float32, count, place).reshape(shape)
        place += 4 * count
    graph = data[place : place + header["graph_bytes"]]
    return Model(WaveNetSpec.from_json(header["spec"]), weights, header["name"], header["provenance"], graph)


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("livewave-model")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
