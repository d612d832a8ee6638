"""The same performer without a clock: a MIDI file becomes a WAV file, as it would have been heard."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from livewave import DeviceError
from livewave.carry_on import CarriedOn
from livewave.config import Config
from livewave.control.events import Control, Event, PitchBend
from livewave.music.bars import STEPS_A_BEAT
from livewave.music.clock import ManualClock
from livewave.music.compass import Compass
from livewave.music.ledger import ALL_NOTES_OFF, SOSTENUTO, SUSTAIN
from livewave.music.score import SOURCE, read_score
from livewave.music.softroll import SoftRoll, check_soft, soft_columns
from livewave.orders import Orders, bend_remark
from livewave.performer import Performer
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.sound.wavfile import WavFile

log = logging.getLogger("livewave")

RATE_HZ = 48_000
BLOCK_SAMPLES = 512
TAIL_S = 1.0  # after the last note: its tail, and the fade into rest


def render_file(midi: str | Path, wav: str | Path, config: Config, progress: Callable[[float, float], None],
                until_s: float = math.inf, carried: CarriedOn | None = None, coupled: bool = False) -> float:
    """Render `midi` to `wav` and return its seconds. `progress(done_s, total_s)` is called after every block.

    What begins at `until_s` or later is left out; what still sounds there is let go, and rings out as at the end of a piece.
    `carried`, what was composed after `midi`, follows it: to the end of its last bar, whether that sounds or not.
    `coupled`, for nets that were trained with soft rolls: what is heard of it is not its notes, but their chances.
    Raises LivewaveError on a bad MIDI file, model or path, and when the disk is full.
    """
    events = read_score(midi)
    end_s = events[-1].at_s
    model = load_model(config.model.name)
    compass, roll = Compass.of(model.provenance), None
    if carried and coupled:
        check_soft(model.name, model.provenance)
        roll = _soft_roll(carried, compass, model.spec.roll_rate_hz)
        carried = dataclasses.replace(carried, notes=())
    if carried:
        events, end_s = carried.events(events), max(end_s, carried.end_s)
    orders = Orders(compass, config.audio.gain_db, config.model.temperature)
    remark = bend_remark(model)
    if remark and any(isinstance(event, PitchBend) and event.value for event in events):
        log.log(*remark)
    total_s = min(end_s, until_s) + TAIL_S
    rate = config.audio.rate_hz or RATE_HZ
    clock = ManualClock()
    performer = Performer(open_engine(config.model.engine, model), clock, rate, BLOCK_SAMPLES, config.model.seed,
                          config.model.temperature, config.audio.gain_db, lead_s=0.0, roll=roll)
    performer.sample_clock.observe(0.0, 0)
    out = WavFile(str(wav), rate)
    block_s = performer.block_samples / model.spec.model_rate_hz
    waiting = deque(_ended(events, until_s))
    while clock.now_s() < total_s and not out.problem:
        while waiting and waiting[0].at_s < clock.now_s() + block_s:
            for command in orders.translate(waiting.popleft()):
                performer.obey(command)
        out.write(performer.step())
        clock.advance(block_s)
        progress(min(clock.now_s(), total_s), total_s)
    out.close()
    if out.problem:
        raise DeviceError(out.problem)
    return clock.now_s()


def _soft_roll(carried: CarriedOn, compass: Compass, rate_hz: int) -> SoftRoll:
    """A roll on which what was composed is as likely as it was to be drawn."""
    beats = [carried.begin + step / STEPS_A_BEAT for step in range(len(carried.chances) + 1)]
    edges = [round(carried.phrase.seconds_at(beat) * rate_hz) for beat in beats]
    roll = SoftRoll(rate_hz)
    roll.expect(edges[0], soft_columns(carried.chances, edges, compass, rate_hz))
    return roll


def _ended(events: Sequence[Event], until_s: float) -> list[Event]:
    """The events before `until_s`; where there are others, pedals lifted and keys let go at that moment."""
    kept = [event for event in events if event.at_s < until_s]
    if len(kept) < len(events):
        kept += [Control(until_s, SOURCE, channel, controller, 0) for channel in sorted({event.channel for event in kept})
                 for controller in (SUSTAIN, SOSTENUTO, ALL_NOTES_OFF)]
    return kept
