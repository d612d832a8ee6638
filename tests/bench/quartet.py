"""A quartet of the small model: does it play in real time on the processors of this machine, and what do several of them gain?

    python -m tests.bench.quartet [--seconds 20] [--voice flute] [--voices 4] [--block 128]

Prints JSON. Four voices hear one line of music through `performer` and `ensemble`, as fast as they can: by one thread, and by a crew
with a thread for each processor, in turns, so that both meet the same moments of the machine. Then the daemon plays a
song at a device's pace into `null`, and after a time to settle underruns are counted for so many seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence

import numpy as np

from livewave.config import Config, load_config
from livewave.ensemble import Crew, Ensemble, performer_of
from livewave.handover import Recipe
from livewave.link import Command, Order
from livewave.music.clock import ManualClock
from livewave.render.modelfile import load_model
from tests.scenario.daemon import daemon
from tests.scenario.score import melody

RATE_HZ, TURNS, TURN_S = 48_000, 12, 0.5
SETTLING_S = 12.0  # in which the daemon finds its blocks and its latency
TRANSPOSE = (0, -5, 3, 7)  # semitones: four lines, each inside the compass of the flute
CHORDS = (60, 64, 67, 72)


def measure(seconds: float, model: str = "flute", voices: int = 4, block: int = 128) -> dict[str, object]:
    flags = [f"{model}:transpose={TRANSPOSE[number % 4]},pan={2 * number / max(1, voices - 1) - 1:.2f},gain=-9" for number in range(voices)]
    config = load_config(None, {"voice": flags, "audio": {"block_samples": block}})
    crew = Crew.of(voices)
    alone, shared = _Measured(config, Crew(0)), _Measured(config, crew)
    for _ in range(TURNS):
        for measured in (alone, shared):
            measured.go_on(TURN_S)
    crew.close()
    return {"model": model, "voices": voices, "block": block, "cores": os.cpu_count(), "one_thread": alone.figures(),
            "crew": shared.figures(), "live": _live(seconds, flags, block)}


class _Measured:
    """An ensemble, and what each of its blocks took."""

    def __init__(self, config: Config, crew: Crew) -> None:
        models = [load_model(voicing.model) for voicing in config.ensemble]
        recipe = Recipe(config.model.engine)
        self._clock = ManualClock()
        self._block_s = config.audio.block_samples / models[0].spec.model_rate_hz
        performers = [performer_of(config, voice, recipe.open(model), self._clock, RATE_HZ, self._block_s) for voice, model in enumerate(models)]
        self._ensemble, self._took_s = Ensemble(performers, crew), []
        for voice in range(len(models)):
            self._ensemble.obey(Command(Order.STRIKE, 0.0, CHORDS[voice % len(CHORDS)], 90, voice=voice))

    def go_on(self, seconds: float) -> None:
        until_s = time.perf_counter() + seconds
        while (began_s := time.perf_counter()) < until_s:
            self._ensemble.step()
            self._took_s.append(time.perf_counter() - began_s)
            self._clock.advance(self._block_s)

    def figures(self) -> dict[str, float]:
        """Of real time: median; milliseconds of a block."""
        p50, p99 = np.percentile(self._took_s, (50, 99))
        return {"load": round(float(p50) / self._block_s, 3), "p50_ms": round(1e3 * p50, 3), "p99_ms": round(1e3 * p99, 3)}


def _live(seconds: float, flags: Sequence[str], block: int) -> dict[str, object]:
    arguments = [argument for flag in flags for argument in ("--voice", flag)]
    with daemon("--audio", "null", "--block", str(block), *arguments) as playing:
        playing.osc.play(melody(SETTLING_S))
        before, until_s, loads = playing.osc.status(), time.monotonic() + seconds, []
        while time.monotonic() < until_s:
            playing.osc.play(melody(4.0))
            loads.append(playing.osc.status()["load"])
        after = playing.osc.status()
    return {"seconds": seconds, "underruns_while_settling": before["underruns"], "underruns": after["underruns"] - before["underruns"],
            "late": after["late"] - before["late"],
            "load": round(float(np.median(loads)), 3), "latency_ms": round(after["latency_ms"], 1), "block": after["block_samples"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="that the daemon plays")
    parser.add_argument("--voice", default="flute", help="the model of all voices")
    parser.add_argument("--voices", type=int, default=4)
    parser.add_argument("--block", type=int, default=128, help="samples")
    args = parser.parse_args()
    print(json.dumps(measure(args.seconds, args.voice, args.voices, args.block), indent=1))


if __name__ == "__main__":
    main()
