"""An hour of dense playing at block splits chosen at random, against the offline render of the same event log.

    python -m tests.soak.splits --minutes 60 --seed 0

Somebody plays an instrument through a performer: chords, pedal, bends, gain, temperature, panic and reset, in blocks whose length
changes from one to the next, 16 to 512 samples, and with orders for now and for moments to come. A second performer is told
what the first one logged, as `livewave replay` does, in blocks of its own. Every sample is compared. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from livewave.music.clock import ManualClock
from livewave.performer import Performer
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.render.wavenet import Model
from livewave.takes.log import LoggedLife
from livewave.takes.replay import Casting, LifeAgain
from livewave.takes.tape import life_of, model_hash
from tests.takes.sessions import Playing

RATE_HZ = 48_000
GAIN_DB, TEMPERATURE = -3.0, 0.8
LEAD_S = 0.01
SHORTEST, LONGEST = 16, 512  # samples
TURN_CHANCE = 0.3  # of somebody doing something between two blocks
AHEAD_S = 0.2  # of an order for a moment to come


class Live:
    """Played, and its log: `orders` grows as it goes."""

    def __init__(self, model: Model, seed: int) -> None:
        self.clock, self._rng = ManualClock(), np.random.default_rng(seed)
        self.performer = Performer(open_engine("native", model, precision="int8"), self.clock, RATE_HZ, LONGEST, seed, TEMPERATURE,
                                   GAIN_DB, LEAD_S)
        facts = life_of(self.performer, 0, model.name, model_hash(model), GAIN_DB)
        self.life = LoggedLife(1, 0, True, *(facts[name] for name in (
            "model", "model_hash", "engine", "isa", "precision", "seed", "temperature", "gain_db", "rate_hz", "block_samples")))
        self.blocks = 0
        self._playing = Playing(seed, GAIN_DB, TEMPERATURE)
        self.performer.placed = lambda column, command: self.life.orders.append((column, command))

    def frames(self) -> Iterator[np.ndarray]:
        """Block by block, without end."""
        performer, rng = self.performer, self._rng
        while True:
            if rng.random() < TURN_CHANCE:
                at_s = self.clock.now_s() + float(rng.choice([0.0, rng.uniform(0.0, AHEAD_S)]))
                for command in self._playing.turn(at_s):
                    performer.obey(command)
            performer.block_samples = int(rng.integers(SHORTEST, LONGEST + 1))
            samples = performer.block_samples
            yield performer.step().copy()
            self.blocks += 1
            self.clock.advance(samples / performer.voice.engine.spec.model_rate_hz)


def compare(model: Model, minutes: float, seed: int) -> dict[str, object]:
    """Play into a file without a name, then make it again from the log and compare, sample for sample as float32."""
    live, frames, began_s = Live(model, seed), round(60 * minutes * RATE_HZ), time.monotonic()
    with tempfile.TemporaryFile() as played:
        made = 0
        for block in live.frames():
            played.write(block.data)
            made += len(block)
            if made >= frames:
                break
        played.seek(0)
        compared, differing, first = _compare(played, LifeAgain(live.life, Casting([model], False, print)))
    assert compared == made
    return {"samples_compared": compared, "samples_differing": differing, "first_differing": first, "blocks": live.blocks,
            "orders": len(live.life.orders), "minutes": minutes, "seed": seed, "model": model.name,
            "took_s": round(time.monotonic() - began_s, 1)}


def _compare(played: BinaryIO, again: LifeAgain) -> tuple[int, int, int | None]:
    """How many samples were compared, how many differ, and the number of the first of those."""
    compared, differing, first = 0, 0, None
    while data := played.read(4 * LONGEST):
        expected, place = np.frombuffer(data, np.float32), 0
        while place < len(expected):
            frames = again.take(len(expected) - place)
            differs = np.flatnonzero(frames != expected[place : place + len(frames)])
            if len(differs) and first is None:
                first = compared + place + int(differs[0])
            differing, place = differing + len(differs), place + len(frames)
        compared += len(expected)
    return compared, differing, first


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="flute")
    asked = parser.parse_args(argv)
    found = compare(load_model(asked.model), asked.minutes, asked.seed)
    print(json.dumps(found, indent=1))
    return int(found["samples_differing"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
