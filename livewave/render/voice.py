"""One engine, played: its random numbers, its rests, its fades."""

from __future__ import annotations

import numpy as np

from livewave.render.engine import Engine
from livewave.render.strikes import Strikes

REST_HOLD_S = 0.15  # a roll empty for so long is a rest: tails have rung out
REST_FADE_S = 0.35  # half a second after the last note there is silence
ATTACK_S = 0.002


class Voice:
    """An engine that knows how to be silent. Thread: performer only.

    Left alone on an empty roll a sampled net may babble. So when the roll has been empty for REST_HOLD_S the sound is
    faded out over REST_FADE_S, and from then on the net is fed silence: its memory comes to rest, and the next note starts from there.
    At first it is fed silence too, so that the first sample ever heard is not a start-up burst; `reset` comes back to there.
    Every sample uses up one random number, whether it is drawn or fed: a take depends on seed and roll alone.
    """

    def __init__(self, engine: Engine, seed: int, temperature: float) -> None:
        self.engine, self.seed, self.temperature = engine, seed, temperature
        rate = engine.spec.model_rate_hz
        self._hold, self._fade = round(REST_HOLD_S * rate), round(REST_FADE_S * rate)
        self._rise_step, self._fall_step = 1.0 / (ATTACK_S * rate), -1.0 / self._fade
        self._strikes = Strikes(rate) if engine.spec.roll_encoding == "struck" else None
        warm = np.zeros(engine.spec.receptive_field, np.float32)
        engine.reset()
        engine.feed(np.zeros((1, 128), np.uint8), warm)
        engine.remember()
        self._begin()

    def reset(self) -> None:
        """As at start: memory at rest, silent, random numbers from the beginning."""
        self.engine.recall()
        self._begin()

    def _begin(self) -> None:
        if self._strikes:
            self._strikes.reset()
        self._random = np.random.Generator(np.random.PCG64(self.seed))
        self.rest()  # sets _rest, samples since the roll was last busy, and _gain

    def rest(self) -> None:
        """Be at rest at once: what still rings is not heard, and the net is fed silence until the next note."""
        self._rest, self._gain = self._hold + self._fade, 0.0

    def render(self, roll: np.ndarray, out: np.ndarray, steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples.

        roll   uint8   [columns, 128]  each column held for len(out) / columns samples
        out    float32 [samples]       written; -1..1 at the model's rate
        steps  uint32  [columns, 128]  of the hint's phases, as in `Engine.render`; None where nothing is bent
        """
        held = len(out) // len(roll)
        if self._strikes:
            roll = self._strikes.encode(roll, held)
        uniforms = self._random.random(len(out), dtype=np.float32)
        rests = self._count_rests(roll, held)
        asleep = rests >= self._hold + self._fade
        for first, last in _stretches(asleep):
            part = slice(first * held, last * held)
            turned = None if steps is None else steps[first:last]
            if asleep[first]:
                out[part] = 0.0
                self.engine.feed(roll[first:last], out[part], steps=turned)
            else:
                self.engine.render(roll[first:last], uniforms[part], out[part], self.temperature, turned)
        self._fade_out(rests, out, held)

    def _count_rests(self, roll: np.ndarray, held: int) -> np.ndarray:
        """int64 [columns]: for how many samples the roll has been empty when the column begins; 0 in a busy column."""
        busy = roll.any(1) if self.engine.spec.cond_channels else np.ones(len(roll), bool)
        rests = np.zeros(len(roll), np.int64)
        for column, sounding in enumerate(busy):
            rests[column] = 0 if sounding else self._rest
            self._rest = 0 if sounding else self._rest + held
        return rests

    def _fade_out(self, rests: np.ndarray, out: np.ndarray, held: int) -> None:
        """Scale `out` in place: down over REST_FADE_S once a rest is long enough, up over ATTACK_S when a note comes."""
        if self._gain == 1.0 and rests.max() < self._hold:
            return
        ramp = np.arange(1, held + 1)
        for column, rest in enumerate(rests):
            step = self._rise_step if rest < self._hold else self._fall_step
            gains = np.clip(self._gain + step * ramp, 0.0, 1.0)
            out[column * held : (column + 1) * held] *= gains**2  # nearer to how loud it is heard than a straight line
            self._gain = float(gains[-1])


def _stretches(asleep: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last of each run of equal columns; most blocks are one."""
    if asleep.all() or not asleep.any():
        return [(0, len(asleep))]
    edges = [0, *(np.flatnonzero(asleep[1:] != asleep[:-1]) + 1).tolist(), len(asleep)]
    return list(zip(edges, edges[1:]))
