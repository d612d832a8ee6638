"""Voices that play together: the sum of what each makes alone."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from livewave.config import load_config
from livewave.ensemble import Crew, Ensemble, apart, mixed, performer_of
from livewave.link import Command, Order
from livewave.music.clock import ManualClock
from livewave.performer import Performer
from livewave.render.native import NativeEngine
from livewave.sound.pan import sides
from tests.toys import TINY, ToyEngine, tiny_model

RATE_HZ, BLOCK = 48_000, 32
BLOCK_S = BLOCK / TINY.model_rate_hz
FAST = replace(TINY, model_rate_hz=2 * TINY.model_rate_hz)


def a_performer(clock: ManualClock, engine=None, seed: int = 1, pan: float | None = None, rate_hz: int = RATE_HZ, block: int = BLOCK) -> Performer:
    return Performer(engine or NativeEngine(tiny_model()), clock, rate_hz, block, seed=seed, temperature=0.8, gain_db=0.0, lead_s=0.01, pan=pan)


def played(step, clock: ManualClock, blocks: int, orders: dict[int, list[Command]], obey) -> np.ndarray:
    parts = []
    for block in range(blocks):
        for command in orders.get(block, []):
            obey(command)
        parts.append(step().copy())
        clock.advance(BLOCK_S)
    return np.concatenate(parts)


ORDERS = {3: [Command(Order.STRIKE, 0.0, 60, 100), Command(Order.STRIKE, 0.0, 67, 80, voice=1), Command(Order.STRIKE, 0.0, 72, 80, voice=2)],
          60: [Command(Order.GAIN_DB, value=-12.0, voice=1), Command(Order.PAN, value=1.0, voice=2)], 90: [Command(Order.RELEASE, 0.0, 60)],
          110: [Command(Order.STRIKE, 0.0, 64, 90, voice=9)]}


def together(pans, crew: Crew | None = None, rate_hz: int = RATE_HZ) -> np.ndarray:
    clock = ManualClock()
    ensemble = Ensemble([a_performer(clock, seed=seed, pan=pan, rate_hz=rate_hz) for seed, pan in enumerate(pans)], crew)
    return played(ensemble.step, clock, 150, ORDERS, ensemble.obey)


def alone(pans, rate_hz: int = RATE_HZ) -> list[np.ndarray]:
    parts = []
    for voice, pan in enumerate(pans):
        clock = ManualClock()
        performer = a_performer(clock, seed=voice, pan=pan, rate_hz=rate_hz)
        own = {block: [c for c in commands if c.voice == voice] for block, commands in ORDERS.items()}
        parts.append(played(performer.step, clock, 150, own, performer.obey))
    return parts


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
@pytest.mark.parametrize("pans", [(None, None, None), (-1.0, 0.0, 0.4)])
def test_an_ensemble_is_the_sum_of_its_voices_sample_for_sample(pans, rate_hz):
    whole = together(pans, rate_hz=rate_hz)
    np.testing.assert_array_equal(whole, mixed(alone(pans, rate_hz))[: len(whole)])
    assert whole.shape[1:] == ((2,) if pans[0] is not None else ())
    assert np.abs(whole).max() > 0.05


def test_a_crew_makes_what_one_hand_makes():
    crew = Crew(2)
    try:
        for pans in ((None,) * 5, (-1.0, 0.0, 0.4)):
            np.testing.assert_array_equal(together(pans, crew), together(pans))
    finally:
        crew.close()


def test_voices_of_another_rate_keep_in_step():
    clock = ManualClock()
    performers = [a_performer(clock, ToyEngine(level=0.25)), a_performer(clock, ToyEngine(FAST, level=0.5), block=2 * BLOCK + FAST.samples_per_column)]
    ensemble = Ensemble(performers)
    out = played(ensemble.step, clock, 200, {20: [Command(Order.STRIKE, 0.0, 60, 100)], 40: [Command(Order.STRIKE, 0.0, 60, 100, voice=1)]},
                 ensemble.obey)
    frames = RATE_HZ * BLOCK // TINY.model_rate_hz
    assert len(out) == 200 * frames == ensemble.frames
    assert np.flatnonzero(np.abs(out) > 0.2)[0] / frames == pytest.approx(20, abs=2)
    assert np.flatnonzero(np.abs(out) > 0.6)[0] / frames == pytest.approx(40, abs=3)
    assert out[-1] == pytest.approx(0.75, rel=1e-2)


def test_stop_is_for_all_and_it_ends_when_the_last_one_is_silent():
    clock = ManualClock()
    ensemble = Ensemble([a_performer(clock, ToyEngine()) for _ in range(3)])
    for voice in range(3):
        ensemble.obey(Command(Order.STRIKE, 0.0, 60, 100, voice=voice))
    played(ensemble.step, clock, 50, {}, ensemble.obey)
    ensemble.obey(Command(Order.STOP))
    assert not ensemble.faded_out
    played(ensemble.step, clock, 50, {}, ensemble.obey)
    assert ensemble.faded_out


def test_a_voice_changes_while_the_others_play_and_who_is_gone_is_named_once():
    clock, engines = ManualClock(), [ToyEngine(level=0.25), ToyEngine(level=0.5)]
    ensemble = Ensemble([a_performer(clock, engine) for engine in engines])
    begun = []
    ensemble.tell(lambda voice, performer, frame: begun.append((voice, performer.voice.engine, frame)))
    for voice in range(2):
        ensemble.obey(Command(Order.STRIKE, 0.0, 60, 100, voice=voice))
    played(ensemble.step, clock, 50, {}, ensemble.obey)
    ensemble.parts[1].stage.change(a_performer(clock, ToyEngine(level=0.125)), together=True)
    out = played(ensemble.step, clock, 100, {}, ensemble.obey)
    assert out[-1] == pytest.approx(0.375, rel=1e-2) and out.min() > 0.2
    assert [performer.voice.engine for performer in ensemble.gone()] == [engines[1]]
    assert list(ensemble.gone()) == []
    assert [(voice, frame) for voice, _, frame in begun] == [(0, 0), (1, 0), (1, 50 * 96)]


def test_a_crew_shares_the_work_and_tells_what_failed_when_all_is_over():
    ran: list[str] = []

    def busy() -> np.ndarray:
        time.sleep(0.02)
        ran.append(threading.current_thread().name)
        return np.zeros(1)

    def fails() -> np.ndarray:
        raise ValueError("no such net")

    crew = Crew(2)
    hands = crew.each(lambda: threading.current_thread().name)
    assert len(set(hands)) == 2 and threading.current_thread().name not in hands
    crew.do([busy] * 9)
    assert len(ran) == 9 and len(set(ran)) > 1 and set(ran) <= {threading.current_thread().name, *hands}
    ran.clear()
    with pytest.raises(ValueError, match="no such net"):
        crew.do([busy, fails, busy, busy, busy])
    ended = len(ran)
    time.sleep(0.05)
    assert len(ran) == ended, "somebody still worked"
    assert len(crew.do([busy] * 3)) == 3
    crew.close()
    assert Crew(0).each(lambda: "nobody") == []


def test_each_voice_is_played_as_it_is_configured_and_draws_numbers_of_its_own():
    config = load_config(None, {"voice": ["a:gain=-6,pan=-0.5", "b:temperature=0.1"], "model": {"seed": 7, "temperature": 0.6}, "audio": {"gain_db": 2.0}})
    first, second = (performer_of(config, voice, ToyEngine(), ManualClock(), RATE_HZ, BLOCK_S) for voice in range(2))
    assert (first.voice.seed, second.voice.seed) == (7, 8)
    assert (first.voice.temperature, second.voice.temperature) == (0.6, 0.1)
    for performer, level in ((first, 0.5 * 10 ** (-4 / 20)), (second, 0.5 * 10 ** (2 / 20))):
        performer.obey(Command(Order.STRIKE, 0.0, 60, 100))
        for _ in range(100):
            frames = performer.step()
        assert (frames[-1, :2] ** 2).sum() ** 0.5 == pytest.approx(float(frames[-1, 2]), rel=1e-6) == pytest.approx(level, rel=1e-2)
    assert first.step()[-1, 0] > 2 * first.step()[-1, 1]


def test_what_each_voice_gave_is_had_apart_before_it_was_placed():
    clock = ManualClock()
    ensemble = Ensemble([a_performer(clock, ToyEngine(level=level), pan=pan) for level, pan in ((0.25, -1.0), (0.5, 0.5))])
    for voice in range(2):
        ensemble.obey(Command(Order.STRIKE, 0.0, 60, 100, voice=voice))
    out = played(ensemble.step, clock, 50, {}, ensemble.obey)
    assert apart(ensemble.newest)[-1] == pytest.approx([0.25, 0.5], rel=1e-3)
    assert out.shape[1] == 2 and out[-1, 1] == pytest.approx(0.5 * sides(0.5)[1], rel=1e-3)
    assert ensemble.step().flags.c_contiguous
