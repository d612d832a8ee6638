"""An ONNX graph as plain values: what its operators are, and what is known of a value before it runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value before the graph runs.

    kind      "float32" or "int64"
    shape     every extent, all known
    constant  int64 array where the value is a small integer constant, else None
    """

    kind: str
    shape: tuple[int, ...]
    constant: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of a graph: names of its inputs and outputs, and its attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int]


def describe(value: Value) -> str:
    return f"{value.kind}{list(value.shape)}"
