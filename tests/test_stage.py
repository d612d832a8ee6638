"""One performer after another, while the sound goes on."""

from __future__ import annotations

import numpy as np
import pytest

from livewave.link import Command, Order
from livewave.music.clock import ManualClock
from livewave.performer import Performer
from livewave.sound.fader import FADE_S
from livewave.render.native import NativeEngine
from livewave.stage import Leaving, Stage
from tests.toys import TINY, ToyEngine, tiny_model

RATE_HZ, LEAD_S, BLOCK = 48_000, 0.05, 32
BLOCK_S = BLOCK / TINY.model_rate_hz


def a_performer(clock: ManualClock, engine=None, block: int = BLOCK, rate_hz: int = RATE_HZ) -> Performer:
    return Performer(engine or ToyEngine(), clock, rate_hz, block, seed=1, temperature=0.8, gain_db=0.0, lead_s=LEAD_S)


def play(stage: Stage, clock: ManualClock, seconds: float) -> np.ndarray:
    parts = []
    for _ in range(round(seconds / BLOCK_S)):
        parts.append(stage.step().copy())
        clock.advance(BLOCK_S)
    return np.concatenate(parts)


def strike(at_s: float = 0.0, pitch: int = 60) -> Command:
    return Command(Order.STRIKE, at_s, pitch, 100)


@pytest.mark.parametrize("together", [True, False])
def test_the_next_performer_plays_what_is_held_and_the_old_one_goes_without_a_jump(together):
    clock = ManualClock()
    first, second = ToyEngine(level=0.5), ToyEngine(level=0.25)
    stage = Stage(a_performer(clock, first))
    stage.obey(strike())
    before = play(stage, clock, 0.2)
    stage.change(a_performer(clock, second), together)
    assert stage.changing
    after = play(stage, clock, 0.4)
    assert not stage.changing and [performer.voice.engine for performer in stage.changed] == [first]
    assert before[-1] == pytest.approx(0.5, rel=1e-3) and after[-1] == pytest.approx(0.25, rel=1e-3)
    steepest = 1.1 * 0.5 / (FADE_S * RATE_HZ) + 0.25 / (0.001 * RATE_HZ)
    assert np.abs(np.diff(np.concatenate((before[-10:], after)))).max() < steepest
    quiet = np.abs(after[: round(0.1 * RATE_HZ)]).min()
    assert quiet > 0.2 if together else quiet < 1e-3
    assert stage.frames == len(before) + len(after)


def test_what_was_let_go_is_not_held_by_the_next_one_and_settings_stay():
    clock = ManualClock()
    stage = Stage(a_performer(clock))
    for command in (strike(pitch=60), strike(pitch=64), Command(Order.TEMPERATURE, value=0.25), Command(Order.GAIN_DB, value=-20.0)):
        stage.obey(command)
    play(stage, clock, 0.1)
    stage.obey(Command(Order.RELEASE, clock.now_s(), 60))
    play(stage, clock, 0.2)
    stage.change(a_performer(clock), True)
    play(stage, clock, 0.2)
    _, columns = stage.performer.newest
    assert np.flatnonzero(columns[-1]).tolist() == [64]
    assert stage.performer.voice.temperature == 0.25
    assert stage.step()[-1] == pytest.approx(0.05, rel=1e-2)


@pytest.mark.parametrize("together", [True, False])
def test_an_order_whose_moment_is_to_come_is_obeyed_at_its_moment_by_the_next_one(together):
    clock = ManualClock()
    stage = Stage(a_performer(clock))
    play(stage, clock, 0.5)
    stage.obey(strike(clock.now_s() + 0.2))
    stage.change(a_performer(clock), together)
    due_s = 0.2 + LEAD_S
    heard = np.flatnonzero(np.abs(play(stage, clock, 0.5)) > 1e-3) / RATE_HZ
    assert heard[0] == pytest.approx(due_s, abs=0.003)
    assert stage.late == 0


def test_the_next_one_goes_on_in_the_same_time():
    clock = ManualClock()
    stage = Stage(a_performer(clock))
    play(stage, clock, 3.0)
    stage.change(a_performer(clock), True)
    play(stage, clock, 0.1)
    stage.obey(strike(clock.now_s()))
    heard = np.flatnonzero(np.abs(play(stage, clock, 0.3)) > 1e-3) / RATE_HZ
    assert heard[0] == pytest.approx(LEAD_S, abs=0.003)


def test_lives_begin_with_their_first_frame_before_their_first_order():
    clock, told = ManualClock(), []

    def begin(performer: Performer, frame: int):
        told.append(("begin", frame))
        return lambda column, command: told.append((column, command.order))

    stage = Stage(a_performer(clock))
    stage.tell(begin)
    stage.obey(strike())
    play(stage, clock, 0.1)
    stage.change(a_performer(clock), True)
    assert [each for each in told if each[1] is not Order.GAIN_DB] == [
        ("begin", 0), (0, Order.STRIKE), (100, Order.STOP), ("begin", 4_800), (0, Order.STRIKE)]


def test_counts_are_those_of_all_lives():
    clock = ManualClock()
    sick = ToyEngine()
    sick.sick = {2}
    stage = Stage(a_performer(clock, sick))
    stage.obey(strike())
    play(stage, clock, 0.5)
    stage.obey(strike(0.01))
    assert (stage.late, stage.faults) == (1, 1)
    stage.change(a_performer(clock), True)
    play(stage, clock, 0.2)
    stage.obey(strike(0.02))
    assert (stage.late, stage.faults) == (2, 1)


def test_the_end_is_the_end_even_in_the_middle_of_a_change():
    clock = ManualClock()
    stage = Stage(a_performer(clock))
    stage.obey(strike())
    play(stage, clock, 0.1)
    stage.change(a_performer(clock), False)
    stage.obey(Command(Order.STOP))
    play(stage, clock, 0.2)
    assert stage.faded_out


@pytest.mark.parametrize("sizes", [(1,), (7, 480, 3), (4_800,)])
def test_a_leaving_performer_adds_the_same_frames_however_they_are_asked_for(sizes):
    def last_frames(sizes) -> np.ndarray:
        performer = a_performer(ManualClock(), NativeEngine(tiny_model()), rate_hz=44_100)
        performer.obey_at(0, strike())
        for _ in range(50):
            performer.step()
        performer.obey(Command(Order.STOP))
        leaving, parts, size = Leaving(performer), [], 0
        while size < 4_800:
            count = min(sizes[len(parts) % len(sizes)], 4_800 - size)
            parts.append(leaving.add_to(np.zeros(count, np.float32)))
            size += count
        assert leaving.gone
        return np.concatenate(parts)

    expected = last_frames((100,))
    assert expected.any() and not expected[-1_000:].any()
    np.testing.assert_array_equal(last_frames(sizes), expected)


@pytest.mark.parametrize("together", [True, False])
def test_a_voice_stays_in_its_place_and_muted_when_another_model_takes_over(together):
    clock = ManualClock()

    def panned() -> Performer:
        return Performer(ToyEngine(), clock, RATE_HZ, BLOCK, seed=1, temperature=0.8, gain_db=0.0, lead_s=LEAD_S, pan=-1.0)

    stage = Stage(panned())
    for command in (strike(), Command(Order.PAN, value=1.0), Command(Order.PARK, value=1.0)):
        stage.obey(command)
    play(stage, clock, 0.1)
    stage.change(panned(), together)
    assert not play(stage, clock, 0.3).any()
    stage.obey(Command(Order.PARK, value=0.0))
    out = play(stage, clock, 0.3)
    assert out[-1, 1] == pytest.approx(0.5, rel=1e-2) and abs(out[-1, 0]) < 1e-6
