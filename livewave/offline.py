"""The same performers without a clock: a MIDI file becomes a WAV file, as it would have been heard."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livewave import ConfigError, DeviceError
from livewave.carry_on import CarriedOn
from livewave.config import Config
from livewave.control.events import Control, Event, PitchBend
from livewave.ensemble import Crew, Ensemble, mixed, performer_of
from livewave.music.bars import STEPS_A_BEAT
from livewave.music.clock import ManualClock
from livewave.music.compass import Compass
from livewave.music.ledger import ALL_NOTES_OFF, SOSTENUTO, SUSTAIN
from livewave.music.score import SOURCE, read_score
from livewave.music.softroll import SoftRoll, check_soft, soft_columns
from livewave.orders import bend_remark
from livewave.render.engine import open_engine
from livewave.render.modelfile import load_model
from livewave.sound.wavfile import WavFile
from livewave.voices import Voices

if TYPE_CHECKING:
    from livewave.render.wavenet import Model

log = logging.getLogger("livewave")

RATE_HZ = 48_000
BLOCK_SAMPLES = 512
TAIL_S = 1.0  # after the last note: its tail, and the fade into rest


def render_file(midi: str | Path, wav: str | Path, config: Config, progress: Callable[[float, float], None],
                until_s: float = math.inf, carried: CarriedOn | None = None, coupled: bool = False,
                stems: str | Path | None = None) -> float:
    """Render `midi` to `wav` and return its seconds. `progress(done_s, total_s)` is called after every block.

    What begins at `until_s` or later is left out; what still sounds there is let go, and rings out as at the end of a piece.
    `carried`, what was composed after `midi`, follows it: to the end of its last bar, whether that sounds or not.
    `coupled`, for nets that were trained with soft rolls: what is heard of it is not its notes, but their chances.
    `stems`, a folder: each voice goes there too, as NUMBER-MODEL.wav; together they are `wav`.
    Raises LivewaveError on a bad MIDI file, model or path, and when the disk is full.
    """
    events = read_score(midi)
    end_s = events[-1].at_s
    models = [load_model(voicing.model) for voicing in config.ensemble]
    roll = None
    if carried and coupled:
        roll = _soft_roll(carried, config, models)
        carried = dataclasses.replace(carried, notes=())
    if carried:
        events, end_s = carried.events(events), max(end_s, carried.end_s)
    voices = Voices(config, models)
    remarks = dict.fromkeys(filter(None, map(bend_remark, models)))
    if any(isinstance(event, PitchBend) and event.value for event in events):
        for remark in remarks:
            log.log(*remark)
    total_s = min(end_s, until_s) + TAIL_S
    clock, files = ManualClock(), _Files(wav, stems, config)
    block_s = BLOCK_SAMPLES / models[0].spec.model_rate_hz
    performers = [performer_of(config, voice, open_engine(config.model.engine, model), clock, files.rate_hz, block_s, roll)
                  for voice, model in enumerate(models)]
    for performer in performers:
        performer.sample_clock.observe(0.0, 0)
    block_s = performers[0].block_samples / models[0].spec.model_rate_hz  # whole columns
    crew = Crew.of(len(performers))
    ensemble = Ensemble(performers, crew)
    for command in voices.placed():
        ensemble.obey(command)
    waiting = deque(_ended(events, until_s))
    while clock.now_s() < total_s and not files.problem:
        while waiting and waiting[0].at_s < clock.now_s() + block_s:
            for command in voices.translate(waiting.popleft()):
                ensemble.obey(command)
        files.write(ensemble.step(), ensemble.newest)
        clock.advance(block_s)
        progress(min(clock.now_s(), total_s), total_s)
    crew.close()
    files.close()
    if files.problem:
        raise DeviceError(files.problem)
    return clock.now_s()


class _Files:
    """What is written: the sum, and each voice where stems are wanted. Raises DeviceError where a file cannot be made."""

    def __init__(self, wav: str | Path, stems: str | Path | None, config: Config) -> None:
        self.rate_hz = config.audio.rate_hz or RATE_HZ
        channels = 2 if config.voices else 1
        self._all = [WavFile(str(wav), self.rate_hz, channels=channels)]
        if stems is not None:
            try:
                Path(stems).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DeviceError(f"cannot write stems to {str(stems)!r}: {error.strerror}; name a folder that can be made") from None
            names = [f"{number}-{Path(voicing.model).stem}.wav" for number, voicing in enumerate(config.ensemble, 1)]
            self._all += [WavFile(str(Path(stems) / name), self.rate_hz, channels=channels) for name in names]

    @property
    def problem(self) -> str | None:
        return next((file.problem for file in self._all if file.problem), None)

    def write(self, frames: np.ndarray, voices: Sequence[np.ndarray]) -> None:
        for file, part in zip(self._all, (frames, *(mixed([voice]) for voice in voices))):
            file.write(part)

    def close(self) -> None:
        for file in self._all:
            file.close()


def _soft_roll(carried: CarriedOn, config: Config, models: Sequence[Model]) -> SoftRoll:
    """A roll on which what was composed is as likely as it was to be drawn. Raises LivewaveError where it cannot be heard."""
    if len(models) > 1:
        raise ConfigError("--coupled is for one model alone: leave out --voice")
    model = models[0]
    check_soft(model.name, model.provenance)
    compass, rate_hz = Compass.of(model.provenance), model.spec.roll_rate_hz
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
