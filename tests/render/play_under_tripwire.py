"""Run by test_native.py with tests/render/tripwire.cpp preloaded: plays, and prints how often each call allocated."""

from __future__ import annotations

import ctypes
import sys

import numpy as np

from livewave.render.native import NativeEngine
from livewave.render.wavenet import Model, WaveNetSpec, random_weights

SPEC = WaveNetSpec(residual_channels=16, skip_channels=16, out_channels=16, dilations=(1, 2, 4), hint="f0")
SAMPLES = 640


def main(wire: str) -> None:
    arm, disarm = ctypes.CDLL(wire).tripwire_arm, ctypes.CDLL(wire).tripwire_disarm
    engine = NativeEngine(Model(SPEC, random_weights(SPEC)))
    roll = (np.random.default_rng(0).random((40, 128)) < 0.05).astype(np.uint8)
    chance, out = np.random.default_rng(0).random(SAMPLES, dtype=np.float32), np.empty(SAMPLES, np.float32)
    calls = {
        "render": lambda: engine.render(roll, chance, out, 0.8),
        "feed": lambda: engine.feed(roll, out),
        "reset": engine.reset,
    }
    arm()
    np.empty(1_000_000)
    if disarm():
        print("trips")
    for name, call in calls.items():
        call()  # the interpreter's own free lists fill up
        arm()
        call()
        print(name, disarm())


main(sys.argv[1])
