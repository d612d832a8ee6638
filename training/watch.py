"""Is this run going anywhere? What held-out loss does not show, and the rules that stop a run in time.

Adherence is what a false roll costs: nats with the rolls (and hints) of other crops minus nats with the true ones. A net that
ignores its conditioning, the known failure of its kind, has 0.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch

from livewave import LivewaveError
from livewave.music.compass import Compass
from livewave.render.wavenet import Model
from training.config import Watch
from training.crops import Batch

NatsOf = Callable[[Batch], float]


class GoingNowhere(LivewaveError):
    """A rule of [watch] stopped the run: the figure, its limit, and what to try."""


def adherence(nats_of: NatsOf, batch: Batch, true_nats: float) -> dict[str, float]:
    """What false notes cost, in nats a sample: `adherence` with nothing true left, `adherence_roll` and `adherence_hint` where
    only the one is false. Empty for an unconditioned net."""
    if batch.roll is None:
        return {}
    roll, found = _others(batch.roll), {}
    if batch.hint is not None:
        hint = _others(batch.hint)
        found["adherence_roll"] = nats_of(dataclasses.replace(batch, roll=roll)) - true_nats
        found["adherence_hint"] = nats_of(dataclasses.replace(batch, hint=hint)) - true_nats
        return {"adherence": nats_of(dataclasses.replace(batch, roll=roll, hint=hint)) - true_nats} | found
    return {"adherence": nats_of(dataclasses.replace(batch, roll=roll)) - true_nats}


def _others(rows: torch.Tensor) -> torch.Tensor:
    """Every crop gets what belongs to another one."""
    return rows.roll(max(1, len(rows) // 2), 0)


def free_scores(model: Model, compass: Compass, temperature: float) -> dict[str, float]:
    """Figures of playing without a teacher; the median onset and levels of `training.scores.quick_scores`, rounded."""
    from training.scores import quick_scores

    return {name: round(value, 4) for name, value in quick_scores(model, compass, temperature).items()}


class Rules:
    """Each method looks at one figure and raises GoingNowhere when it breaks a rule.

    state  counts and the best loss so far, by name: plain numbers that travel in the checkpoint
    """

    def __init__(self, watch: Watch, state: dict) -> None:
        self._watch, self._state = watch, state

    def step(self, step: int, loss: float, length: float) -> None:
        """Loss and length of gradient of one step: both must be numbers."""
        if not math.isfinite(loss + length):
            what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {length} long at a loss of {loss:.3f}"
            raise GoingNowhere(f"step {step}: {what}, and nothing can be learnt from that. Lower the rates, such as --set "
                               "run.muon_rate=0.003 --set run.adam_rate=0.001, or try --set run.precision=float32")

    def held_out(self, step: int, nats: float) -> None:
        watch, state = self._watch, self._state
        state["best"] = min(state.get("best", math.inf), nats)
        if not (watch.rise_reports and watch.rise_nats):
            return
        risen = not nats <= state["best"] + watch.rise_nats  # written so that nan has risen
        state["risen"] = state.get("risen", 0) + 1 if risen else 0
        if state["risen"] >= watch.rise_reports:
            raise GoingNowhere(
                f"step {step}: the held-out loss is {nats:.3f} nats, more than {watch.rise_nats} over its best of "
                f"{state['best']:.3f} for {state['risen']} reports in a row (watch.rise_nats, watch.rise_reports). It "
                "diverges or learns its recordings by heart: lower the rates, such as --set run.muon_rate=0.003, or "
                "prepare more data; --set watch.rise_nats=0 goes on regardless")

    def adherence(self, step: int, nats: float) -> None:
        watch = self._watch
        if watch.adherence_nats and step >= watch.adherence_after and not nats >= watch.adherence_nats:
            raise GoingNowhere(
                f"step {step}: false notes cost {nats:.4f} nats a sample; at least {watch.adherence_nats} were expected "
                f"from step {watch.adherence_after} on (watch.adherence_nats, watch.adherence_after). The net ignores its "
                "notes: see whether notes and audio of the data belong together, try --set net.hint=f0, or go on with "
                "--set watch.adherence_nats=0")

    def level(self, step: int, level_db: float) -> None:
        """Level of the notes of a free run, of full scale."""
        watch, state = self._watch, self._state
        if not watch.free_reports or step < watch.free_after:
            return
        outside = not watch.quiet_db <= level_db <= watch.loud_db
        state["outside"] = state.get("outside", 0) + 1 if outside else 0
        if state["outside"] >= watch.free_reports:
            what = "silent" if level_db < watch.quiet_db else "saturated"
            raise GoingNowhere(
                f"step {step}: left to itself the net is {what}: {level_db:.1f} dB of full scale, outside "
                f"{watch.quiet_db} .. {watch.loud_db} dB for {state['outside']} measures in a row (watch.quiet_db, loud_db, "
                "free_reports). Lower the rates, such as --set run.muon_rate=0.003, or raise --set data.noise_share=0.7 so "
                "that it learns to recover")
