"""What may go wrong inside livewave's processes, done to them for real: `arm` is called in them as they start.

    with daemon(..., **troubled()) as playing:
        os.kill(player_of(playing.pid), signal_of("nan"))

How it gets there: `troubled` puts tests/soak/shim first on Python's path, whose sitecustomize every process imports that
the daemon starts. The product knows nothing of it. Each trouble has a signal, and lasts until the net begins again; the engine's error
lasts for one block. One that is slow takes as long for a block as that is heard, and as long again as it needs by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

SHIM = Path(__file__).parent / "shim"
TONE = "LIVEWAVE_SOAK_TONE_HZ"  # in the environment: the audio process makes this tone, and works as if it did not
TROUBLES = ("error", "nan", "dc", "noise", "silence", "slow")
CLOCK_STEP_S = 3600.0
CLOCK_SIGNAL = signal.SIGRTMIN + 1 + len(TROUBLES)
AMPLITUDE = 0.4


def troubled(tone_hz: float | None = None) -> dict[str, str]:
    """Environment variables of a daemon that can be given trouble, and whose net is heard as a pure tone if one is given."""
    from tests.scenario.daemon import environment  # not in the daemon's own processes

    path = os.pathsep.join((str(SHIM), environment()["PYTHONPATH"]))
    return {"PYTHONPATH": path} | ({TONE: repr(tone_hz)} if tone_hz else {})


def signal_of(trouble: str) -> int:
    return signal.SIGRTMIN + 1 + TROUBLES.index(trouble)


class Troubled:
    """An engine that does what a signal says, and is the one it stands for otherwise. Thread: performer only."""

    wanted: str = ""  # by the last signal, for whichever engine plays

    def __init__(self, engine: object, tone_hz: float | None) -> None:
        self._engine, self._tone_hz, self._samples, self._trouble = engine, tone_hz, 0, ""
        self._random = np.random.default_rng(1)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def recall(self) -> None:
        self._trouble = ""
        self._engine.recall()

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, *settings: object) -> None:
        self._engine.render(roll, uniforms, out, *settings)
        if Troubled.wanted == "error":
            Troubled.wanted = ""
            raise RuntimeError("an engine's error, made by a test")
        self._trouble, Troubled.wanted = Troubled.wanted or self._trouble, ""
        if self._tone_hz:
            turns = self._tone_hz / self._engine.spec.model_rate_hz * (self._samples + np.arange(len(out)))
            out[:] = AMPLITUDE * np.sin(2.0 * np.pi * (turns % 1.0))
            self._samples += len(out)
        if self._trouble == "slow":
            time.sleep(len(out) / self._engine.spec.model_rate_hz)
        elif self._trouble:
            out[:] = self._sound(len(out))

    def _sound(self, samples: int) -> np.ndarray | float:
        return {"nan": np.nan, "dc": 0.8, "silence": 0.0}.get(self._trouble, 0.5 * self._random.uniform(-1.0, 1.0, samples))


def arm() -> None:
    """In the audio process its engines, in the control process its wall clock."""
    if "livewave.player" in sys.orig_argv:
        _arm_engines(float(os.environ.get(TONE, 0.0)) or None)
    elif "run" in sys.orig_argv:
        _arm_clock()


def _arm_engines(tone_hz: float | None) -> None:
    from livewave.render import engine

    opened = engine.open_engine

    def open_troubled(*how: object, **options: object) -> object:
        found = opened(*how, **options)
        return found if isinstance(found, Troubled) else Troubled(found, tone_hz)  # "auto" opens what it chose by name

    def give(number: int, _frame: object) -> None:
        Troubled.wanted = TROUBLES[number - signal_of(TROUBLES[0])]

    engine.open_engine = open_troubled
    for trouble in TROUBLES:
        signal.signal(signal_of(trouble), give)


def _arm_clock() -> None:
    """Each signal sets the wall clock on by CLOCK_STEP_S, as it is seen in Python; the monotonic one goes on."""
    true_s, steps = time.time, []
    time.time = lambda: true_s() + CLOCK_STEP_S * len(steps)
    signal.signal(CLOCK_SIGNAL, lambda *_: steps.append(1))
