"""Engine: what every executor of the net does, the table of them, and `open_engine`.

An engine computes what `livewave.render.wavenet.ReferenceEngine` defines. Adapters are imported when one is opened, so
that a process loads only the engine that it plays with.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from livewave import EngineUnavailable
from livewave.render.wavenet import Model, WaveNetSpec


class Engine(Protocol):
    """One net with one state: the samples so far. Made by `open_engine`.

    Thread: performer only, every method. The output depends on roll and steps at each sample, the uniforms and the
    samples so far, never on how calls divide them into blocks or columns.
    Source: van den Oord et al. 2016, eq. 2; Manzelli et al. 2018, eq. 3; queues after Le Paine et al. 2016.
    """

    name: str
    spec: WaveNetSpec

    def reset(self) -> None:
        """Return to the silence before the first sample, phases of the hint included."""

    def remember(self) -> None:
        """Keep a copy of the state as it is now, in place of an earlier copy. May allocate."""

    def recall(self) -> None:
        """Return to the state that `remember` kept, or as `reset` where it kept none: a copy of memory, so that coming
        back to a place costs far less than playing up to it. `native` allocates nothing."""

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples, drawn from the net, and advance.

        roll      uint8   [columns, 128]  velocity while the pitch sounds, 0 otherwise; each held samples / columns
        uniforms  float32 [samples]       in [0, 1), one per sample
        out       float32 [samples]       written; -1..1 at spec.model_rate_hz; columns must divide samples
        temperature                       divides the logits; 0 takes the most likely sample
        steps     uint32  [columns, 128]  what each pitch adds to its phase in the f0 hint per sample, as `bent_steps`
                                          makes it; None where nothing is bent. A net without the hint ignores it

        `native` allocates nothing and releases the GIL.
        Raises ValueError on a shape mismatch, before any state changes.
        """

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance on given audio instead of drawn audio: teacher forcing, or easing the history to silence.

        roll      uint8   [columns, 128]      as in `render`
        samples   float32 [samples]           -1..1 at spec.model_rate_hz
        logits    float32 [samples, outputs]  written when given: what the net expected before it heard each sample
        steps     uint32  [columns, 128]      as in `render`

        Allocation, GIL and errors as in `render`.
        """

    def layer_inputs(self) -> np.ndarray:
        """float32 [layers, residual_channels]: what entered each layer at the newest sample; zeros before the first.

        For tests: a copy, as exact as the engine keeps it. Allocates.
        """

    def close(self) -> None:
        """Release what the engine holds. Nothing else may be called after this."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A row of the table.

    needs     the module that the engine stands on
    remedy    what to do without it
    load      imports the engine's class
    obstacle  says what else is missing on this machine, and the remedy; None where nothing is
    """

    needs: str
    remedy: str
    load: Callable[[], Callable[..., Engine]]
    obstacle: Callable[[], str | None] = lambda: None


def _native() -> Callable[..., Engine]:
    from livewave.render.native import NativeEngine

    return NativeEngine


def _cuda() -> Callable[..., Engine]:
    from livewave.render.cuda import CudaEngine

    return CudaEngine


def _onnx() -> Callable[..., Engine]:
    from livewave.render.onnx import OnnxEngine

    return OnnxEngine


def _reference() -> Callable[..., Engine]:
    from livewave.render.wavenet import ReferenceEngine

    return ReferenceEngine


GPU_NODES = ("nvidia[0-9]*", "dxg", "nvhost-gpu")  # in /dev: of Linux, of its subsystem for Windows, of Jetson


def _no_gpu() -> str | None:
    """The driver's nodes are looked for, and no driver is loaded: that would take longer than all the rest."""
    if any(next(Path("/dev").glob(pattern), None) for pattern in GPU_NODES):
        return None
    return "no NVIDIA GPU is visible: install its driver, or start the container with its GPUs"


ENGINES = {
    "native": Adapter("livewave.render._kernels", "build it with `make setup`, which needs a C++17 compiler", _native),
    "cuda": Adapter("cuda.core", "install it with `.venv/bin/pip install -e '.[gpu]'` in livewave's folder", _cuda, _no_gpu),
    "onnx": Adapter("onnxruntime", "install it with `pip install onnxruntime`", _onnx),
    "reference": Adapter("numpy", "install it with `pip install numpy`", _reference),
}
LAST_RESORT = "onnx"
AUTO = ("native", "cuda", LAST_RESORT)  # what "auto" may take, in the order of measuring; the reference never plays


def available_engines() -> dict[str, str | None]:
    """Name -> None when it can run here, or why not and the remedy. Imports no engine."""
    return {name: _missing(adapter) for name, adapter in ENGINES.items()}


def open_engine(name: str, model: Model, **options: object) -> Engine:
    """An engine for `model`, in its initial state. "auto" takes the fastest here, as `livewave.render.choice` finds it.

    options   the adapter's own: native has `precision` and `isa`; none with "auto"
    Raises EngineUnavailable, saying what exists and the remedy, for a name that is unknown or cannot run here.
    """
    if name == "auto":
        if options:
            raise EngineUnavailable(f"auto takes no {', '.join(options)}, for it chooses; name an engine to set them")
        from livewave.render.choice import open_fastest  # it opens engines itself, by this function

        return open_fastest(model)
    if name not in ENGINES:
        raise EngineUnavailable(f"there is no engine {name!r}; choose auto or one of {', '.join(ENGINES)}")
    reason = _missing(ENGINES[name])
    if reason:
        raise EngineUnavailable(f"engine {name}: {reason}; {_alternatives()}")
    try:
        adapter = ENGINES[name].load()
    except ImportError as error:
        raise EngineUnavailable(f"engine {name} does not load ({error}): {ENGINES[name].remedy}") from error
    return adapter(model, **options)


def _missing(adapter: Adapter) -> str | None:
    try:
        found = importlib.util.find_spec(adapter.needs)
    except ModuleNotFoundError:  # not even the package that it would be in
        found = None
    return adapter.obstacle() if found else f"{adapter.needs} is missing: {adapter.remedy}"


def _alternatives() -> str:
    return "available here: " + ", ".join(name for name, reason in available_engines().items() if reason is None)
