"""Run by test_native.py with tests/render/tripwire.cpp preloaded: plays every instruction set and precision, and prints
how often each call allocated, all of them together."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from livewave.render.native import PRECISIONS, NativeEngine, isas
from livewave.render.wavenet import Model, WaveNetSpec, bent_steps, random_weights

SPEC = WaveNetSpec(residual_channels=16, skip_channels=16, out_channels=16, dilations=(1, 2, 4, 64), hint="f0")
SPECS = (SPEC, replace(SPEC, output="logistic", class_kernel=0))
SAMPLES = 640


def main(wire: str) -> None:
    arm, disarm = ctypes.CDLL(wire).tripwire_arm, ctypes.CDLL(wire).tripwire_disarm
    roll = (np.random.default_rng(0).random((40, 128)) < 0.05).astype(np.uint8)
    chance, out = np.random.default_rng(0).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    engines = [NativeEngine(Model(spec, random_weights(spec)), precision, isa)
               for spec in SPECS for isa in isas() for precision in PRECISIONS]
    logits = [np.empty((SAMPLES, engine.spec.outputs), np.float32) for engine in engines]
    steps = bent_steps(SPEC, np.random.default_rng(1).normal(size=roll.shape).astype(np.float32))
    calls: dict[str, Callable[[NativeEngine, np.ndarray], None]] = {
        "render": lambda engine, _: (engine.render(roll, chance, out, 0.8),
                                     engine.render(roll, chance, out, 0.8, steps)),
        "feed": lambda engine, wanted: (engine.feed(roll, out), engine.feed(roll, out, wanted, steps)),
        "reset": lambda engine, _: engine.reset(),
        "recall": lambda engine, _: engine.recall(),
    }
    for engine in engines:
        engine.remember()
    arm()
    np.empty(1_000_000)
    if disarm():
        print("trips")
    for name, call in calls.items():
        count = 0
        for engine, wanted in zip(engines, logits):
            call(engine, wanted)  # the interpreter's own free lists fill up
            arm()
            call(engine, wanted)
            count += disarm()
        print(name, count)


main(sys.argv[1])
