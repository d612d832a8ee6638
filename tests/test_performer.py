"""The loop body of the audio process, played with a clock that stands still until told to advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from livewave.link import Command, Order
from livewave.music.bends import GLIDE_S
from livewave.music.clock import ManualClock
from livewave.performer import LATE_S, MOST_FAULTS, Performer
from livewave.sound.fader import FADE_S
from livewave.render.native import NativeEngine
from livewave.render.voice import ATTACK_S
from livewave.render.wavenet import phase_steps
from tests.toys import TINY, ToyEngine, tiny_model

RATE_HZ, HELD = TINY.model_rate_hz, TINY.samples_per_column
LEVEL = 0.5
LEAD_S = 0.05
DRONE = replace(TINY, cond_channels=0, hint="none")  # sounds without a roll
FADE, ATTACK = round(FADE_S * RATE_HZ), round(ATTACK_S * RATE_HZ)

Timeline = Sequence[tuple[float, Command]]  # moment of arrival, command


def a_performer(engine=None, block: int = 64, device_rate_hz: int = RATE_HZ, gain_db: float = 0.0) -> Performer:
    engine = engine or ToyEngine()
    return Performer(engine, ManualClock(), device_rate_hz, block, seed=1, temperature=0.8, gain_db=gain_db,
                     lead_s=LEAD_S)


def play(performer: Performer, seconds: float, timeline: Timeline = ()) -> np.ndarray:
    """float32 [frames]: steps at the pace of the device; a command is obeyed before the first step after it arrives."""
    parts, waiting = [], list(timeline)
    block_s = performer.block_samples / RATE_HZ
    for _ in range(round(seconds / block_s)):
        while waiting and waiting[0][0] <= performer.clock.now_s():
            performer.obey(waiting.pop(0)[1])
        parts.append(performer.step().copy())
        performer.clock.advance(block_s)
    return np.concatenate(parts)


def strike(at_s: float, pitch: int = 60) -> tuple[float, Command]:
    return at_s, Command(Order.STRIKE, at_s, pitch, 100)


def release(at_s: float, pitch: int = 60) -> tuple[float, Command]:
    return at_s, Command(Order.RELEASE, at_s, pitch)


def order(kind: Order, value: float = 0.0, at_s: float = 0.0) -> tuple[float, Command]:
    return at_s, Command(kind, at_s if kind is Order.RELEASE_ALL else 0.0, value=value)


# time


@pytest.mark.parametrize("block", [16, 32, 48, 64, 128, 512])
@pytest.mark.parametrize("at_s", [0.0302, 0.1, 0.12345, 0.2007])
def test_a_note_sounds_a_constant_lead_after_its_moment_whatever_the_block(at_s, block):
    out = play(a_performer(block=block), 0.5, [strike(at_s), release(at_s + 0.1)])
    heard = np.flatnonzero(out)
    assert heard[0] == round((at_s + LEAD_S) * RATE_HZ / HELD) * HELD
    assert heard[-1] + 1 == round((at_s + 0.1 + LEAD_S) * RATE_HZ / HELD) * HELD


def test_a_note_for_now_sounds_in_the_next_block():
    performer = a_performer()
    play(performer, 0.1)
    performer.obey(Command(Order.STRIKE, 0.0, 60, 100))
    assert performer.step()[0] > 0.0
    assert performer.late == 0


def test_a_note_of_the_future_waits_for_its_moment():
    out = play(a_performer(), 1.0, [(0.1, strike(0.7)[1])])
    assert np.flatnonzero(out)[0] == round((0.7 + LEAD_S) * RATE_HZ)


def test_a_late_command_takes_effect_at_once_and_is_counted():
    performer = a_performer()
    play(performer, 0.5)
    performer.obey(strike(0.2)[1])
    assert performer.late == 1
    assert performer.step()[0] > 0.0


def test_a_command_in_time_is_not_late():
    performer = a_performer()
    play(performer, 0.5)
    performer.obey(strike(performer.clock.now_s() - LEAD_S - LATE_S / 2)[1])
    performer.obey(strike(performer.clock.now_s())[1])
    assert performer.late == 0


def test_release_all_ends_every_note():
    out = play(a_performer(), 0.4, [strike(0.0, 60), strike(0.0, 64), order(Order.RELEASE_ALL, at_s=0.2)])
    assert np.flatnonzero(out)[-1] + 1 == round((0.2 + LEAD_S) * RATE_HZ)


def test_sound_is_the_same_bit_for_bit_for_every_block_size():
    """A real net, and notes that are known beforehand."""
    def take(block: int) -> np.ndarray:
        performer = a_performer(NativeEngine(tiny_model()), block, gain_db=-3.0)
        performer.sample_clock.observe(0.0, 0)
        for _, command in [strike(0.0213), release(0.1507), strike(0.1, 67), release(0.3, 67)]:
            performer.obey(command)
        return play(performer, 0.512)

    expected = take(16)
    assert len(np.unique(expected)) > 50
    for block in (32, 64, 512):
        np.testing.assert_array_equal(take(block), expected)


def test_a_block_is_rounded_up_to_whole_columns():
    assert a_performer(block=17).block_samples == 2 * HELD
    assert len(a_performer(block=1).step()) == HELD


def test_frames_come_at_the_devices_rate():
    assert len(play(a_performer(device_rate_hz=48_000), 0.4)) == round(0.4 * 48_000)
    performer = a_performer(device_rate_hz=44_100)
    assert abs(len(play(performer, 1.0)) - 44_100) <= 1
    assert performer.sample == RATE_HZ


# bends


def bend(at_s: float, semitones: float, pitch: int = 60) -> tuple[float, Command]:
    return at_s, Command(Order.BEND, at_s, pitch, value=semitones)


def semitones_of(engine: ToyEngine, pitch: int = 60) -> np.ndarray:
    """float64 [columns]: how far a pitch was bent, read from the steps that the engine was given."""
    plain = phase_steps(engine.spec)
    blocks = [np.full(engine.columns, plain[pitch]) if steps is None else steps[:, pitch] for steps in engine.steps]
    return 12.0 * np.log2(np.concatenate(blocks) / plain[pitch])


@pytest.mark.parametrize("block", [16, 64, 512])
def test_a_bend_begins_a_constant_lead_after_its_moment_whatever_the_block(block):
    engine = ToyEngine(babble=True)
    performer = a_performer(engine, block)
    engine.columns = performer.block_samples // HELD
    play(performer, 0.512, [strike(0.0), bend(0.2003, 1.0)])
    bent = semitones_of(engine)
    first = engine_column(engine, performer, 0.2003)
    np.testing.assert_allclose(bent[:first], 0.0, atol=1e-6)
    assert 0.0 < bent[first] < 1.0
    np.testing.assert_allclose(bent[first + round(GLIDE_S * 1_000) :], 1.0, atol=1e-6)


def engine_column(engine: ToyEngine, performer: Performer, at_s: float) -> int:
    """The column of a moment, among those that were rendered and not only fed during rests."""
    return round((at_s + LEAD_S) * RATE_HZ / HELD) - (performer.roll.next_column - len(engine.steps) * engine.columns)


def test_where_nothing_is_bent_the_engine_is_given_no_steps():
    engine = ToyEngine()
    play(a_performer(engine), 0.5, [strike(0.0), bend(0.05, 0.5, 61), bend(0.1, 0.0), release(0.2)])
    assert engine.steps and not [steps for steps in engine.steps if steps is not None]


def test_a_bent_note_that_has_ended_bends_nothing_and_begins_again_as_it_was_told():
    engine = ToyEngine(babble=True)
    engine.columns = 4
    performer = a_performer(engine)
    play(performer, 0.512, [strike(0.0), bend(0.05, 2.0), release(0.1), strike(0.2)])
    bent, end, again = (semitones_of(engine), *(engine_column(engine, performer, at_s) for at_s in (0.1, 0.2)))
    np.testing.assert_allclose(bent[end:again], 0.0, atol=1e-6)
    np.testing.assert_allclose(bent[again:], 2.0, atol=1e-6)


def test_reset_forgets_bends():
    engine = ToyEngine()
    performer = a_performer(engine)
    play(performer, 0.2, [strike(0.0), bend(0.05, 2.0)])
    performer.obey(Command(Order.RESET))
    play(performer, 0.1)
    engine.steps.clear()
    performer.obey(Command(Order.STRIKE, 0.0, 60, 90))
    play(performer, 0.1)
    assert engine.steps and not [steps for steps in engine.steps if steps is not None]


def test_a_net_without_a_hint_is_never_bent():
    engine = ToyEngine(replace(TINY, hint="none"))
    play(a_performer(engine), 0.3, [strike(0.0), bend(0.05, 2.0)])
    assert engine.steps and not [steps for steps in engine.steps if steps is not None]


def test_bent_sound_is_the_same_bit_for_bit_for_every_block_size():
    """A real net that babbles through a rest, a pitch that falls silent bent, and one that is struck again."""
    def take(block: int) -> np.ndarray:
        performer = a_performer(NativeEngine(tiny_model()), block)
        performer.sample_clock.observe(0.0, 0)
        wheel = [bend(0.03 + 0.001 * n, 0.01 * n)[1] for n in range(70)]
        others = [strike(0.0213), release(0.1507), strike(0.2, 67), bend(0.21, -1.0, 67), strike(0.25),
                  bend(0.3, 0.0, 67)]
        for command in [*wheel, *(command for _, command in others)]:
            performer.obey(command)
        return play(performer, 0.512)

    expected = take(16)
    assert len(np.unique(expected)) > 50
    for block in (32, 64, 512):
        np.testing.assert_array_equal(take(block), expected)


# gain


@pytest.mark.parametrize("gain_db", [-60.0, -20.0, -0.5, 6.0, 12.0])
def test_gain_moves_without_a_jump_and_arrives(gain_db):
    out = play(a_performer(ToyEngine(DRONE)), 1.0, [order(Order.GAIN_DB, gain_db, at_s=0.2)])
    assert np.abs(np.diff(out[ATTACK:])).max() < 1.01 * LEVEL / FADE
    assert out[-1] == pytest.approx(LEVEL * 10.0 ** (gain_db / 20.0), rel=1e-5)


@pytest.mark.parametrize("block", [16, 64, 512])
def test_a_gain_that_changes_its_mind_midway_does_not_jump_either(block):
    moves = [(0.1, -40.0), (0.11, 6.0), (0.13, -60.0), (0.14, 0.0)]
    gains = [order(Order.GAIN_DB, value, at_s) for at_s, value in moves]
    out = play(a_performer(ToyEngine(DRONE), block), 0.6, gains)
    assert np.abs(np.diff(out[ATTACK:])).max() < 1.01 * LEVEL / FADE
    assert out[-1] == pytest.approx(LEVEL, rel=1e-6)


def test_gain_at_the_start_is_the_one_asked_for_and_is_faded_in():
    out = play(a_performer(ToyEngine(DRONE), gain_db=-6.0), 0.2)
    assert abs(out[0]) < 0.01
    assert out[-1] == pytest.approx(LEVEL * 10.0 ** (-6.0 / 20.0), rel=1e-5)


def test_stop_fades_to_silence_and_only_then_is_it_over():
    performer = a_performer(ToyEngine(DRONE))
    play(performer, 0.2)
    assert not performer.faded_out
    performer.obey(Command(Order.STOP))
    assert not performer.faded_out
    out = play(performer, 0.2)
    assert performer.faded_out
    assert out[0] > 0.9 * LEVEL
    assert np.abs(np.diff(out)).max() < 1.01 * LEVEL / FADE
    assert not out[FADE + performer.block_samples :].any()


def test_the_peak_is_the_largest_sample_since_it_was_asked():
    performer = a_performer(ToyEngine(DRONE, level=-0.7))
    play(performer, 0.2)
    assert performer.peak == pytest.approx(0.7)
    performer.peak = 0.0
    performer.obey(Command(Order.GAIN_DB, value=-20.0))
    play(performer, 0.1)
    performer.peak = 0.0
    play(performer, 0.1)
    assert performer.peak == pytest.approx(0.07, rel=1e-3)


# faults, reset


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_sick_net_is_silence_counted_and_starts_again(poison):
    engine = ToyEngine()
    engine.sick, engine.poison = {50, 51}, poison
    performer = a_performer(engine)
    out = play(performer, 0.5, [order(Order.GAIN_DB, 0.0), (0.0, Command(Order.STRIKE, 0.0, 60, 100))])
    assert np.isfinite(out).all()
    assert performer.faults == 2
    silent = slice(50 * performer.block_samples, 52 * performer.block_samples)
    assert not out[silent].any()
    assert engine.resets == 3  # at the start, and after each fault
    again = silent.stop
    assert 0.0 < out[again] < 0.1 * LEVEL  # no burst
    assert out[again + ATTACK] == pytest.approx(LEVEL)


def test_a_net_that_stays_sick_is_silent_for_ever_and_never_raises():
    engine = ToyEngine(DRONE)
    engine.sick = set(range(1_000))
    performer = a_performer(engine)
    assert not play(performer, 0.4).any()
    assert performer.faults == 100


def test_no_fault_reaches_the_resampler():
    engine = ToyEngine(DRONE)
    engine.sick = {10}
    assert np.isfinite(play(a_performer(engine, device_rate_hz=48_000), 0.2)).all()


def test_reset_forgets_notes_and_the_nets_memory_and_plays_on():
    engine = ToyEngine()
    performer = a_performer(engine)
    out = play(performer, 0.6, [strike(0.0), (0.15, strike(0.5, 64)[1]), order(Order.RESET, at_s=0.2), strike(0.3, 67),
                                release(0.4, 67)])
    assert engine.resets == 2
    heard = np.flatnonzero(out) / RATE_HZ
    assert heard[heard > 0.201].min() == pytest.approx(0.3 + LEAD_S, abs=0.001)
    assert heard.max() == pytest.approx(0.4 + LEAD_S, abs=0.001)  # neither 60 nor 64 comes back
    assert performer.late == 0


def test_reset_makes_the_same_take_again():
    performer = a_performer(NativeEngine(tiny_model()), block=32)
    note = Command(Order.STRIKE, 0.0, 60, 100)
    performer.obey(note)
    first = play(performer, 0.2)
    performer.obey(Command(Order.RESET))
    fade = play(performer, FADE_S)  # the net starts again with the next column
    assert np.abs(np.diff(fade)).max() <= np.abs(np.diff(first)).max() and fade[-1] == 0.0
    performer.obey(note)
    np.testing.assert_array_equal(play(performer, 0.2), first)


def test_temperature_reaches_the_net():
    engine = ToyEngine(DRONE)
    play(a_performer(engine), 0.2, [order(Order.TEMPERATURE, 0.25, at_s=0.1)])
    assert (engine.temperatures[0], engine.temperatures[-1]) == (0.8, 0.25)


def test_hush_fades_within_fade_s_and_the_next_note_speaks():
    performer = a_performer(ToyEngine(babble=True))
    out = play(performer, 0.6, [strike(0.0), release(0.1), order(Order.HUSH, at_s=0.12), strike(0.4)])
    silent = slice(round(0.17 * RATE_HZ), round(0.39 * RATE_HZ))
    assert np.abs(out[: silent.start]).max() > 0.0 and not out[silent].any()
    assert out[round(0.5 * RATE_HZ) :].any()


# the same orders at the same columns


def orders_of_a_session(rng: np.random.Generator, columns: int) -> list[tuple[int, Command]]:
    """Everything that can be ordered, but for the end, at random columns."""
    session = []
    for column in sorted(rng.integers(0, columns, 120)):
        pitch, kind = int(rng.integers(58, 64)), rng.integers(0, 11)
        session.append((int(column), [
            Command(Order.STRIKE, pitch=pitch, velocity=int(rng.integers(1, 128))), Command(Order.RELEASE, pitch=pitch),
            Command(Order.GAIN_DB, value=float(rng.uniform(-30.0, 0.0))), Command(Order.BEND, pitch=pitch, value=float(rng.uniform(-2, 2))),
            Command(Order.TEMPERATURE, value=float(rng.uniform(0.0, 1.0))), Command(Order.HUSH), Command(Order.RESET),
            Command(Order.PRIME), Command(Order.RELEASE_ALL), Command(Order.FAULT, value=float(rng.integers(1, 9))),
            Command(Order.STRIKE, pitch=pitch + 12, velocity=80)][kind]))
    return session


@pytest.mark.parametrize("seed", range(8))
def test_orders_at_columns_make_the_same_sound_bit_for_bit_for_every_split_into_blocks(seed):
    """Gains, resets and faults in the middle of blocks, and blocks whose length changes while it plays."""
    columns, rng = 3_000, np.random.default_rng(seed)
    session = orders_of_a_session(rng, columns)

    def take(blocks) -> np.ndarray:
        performer, waiting, parts = a_performer(NativeEngine(tiny_model()), device_rate_hz=44_100), list(session), []
        while performer.roll.next_column < columns:
            left = columns - performer.roll.next_column
            performer.block_samples = min(next(blocks), left * HELD)
            ahead = performer.roll.next_column + performer.block_samples // HELD
            while waiting and waiting[0][0] < ahead:
                performer.obey_at(*waiting.pop(0))
            parts.append(performer.step().copy())
        return np.concatenate(parts)

    expected = take(iter([16] * columns))
    assert len(np.unique(expected)) > 500
    np.testing.assert_array_equal(take(iter(rng.integers(16, 513, columns))), expected)
    np.testing.assert_array_equal(take(iter([512] * columns)), expected)


def test_what_was_placed_replays_to_the_same_sound_faults_and_all():
    """Live, by moments, with a net that fails twice; then from what `placed` was told, in blocks of another size."""
    def take(engine, block, obey) -> np.ndarray:
        performer = a_performer(engine, block)
        obey(performer)
        return performer, play(performer, 0.512)

    class Failing(NativeEngine):
        blocks = 0

        def render(self, roll, uniforms, out, *others) -> None:
            super().render(roll, uniforms, out, *others)
            Failing.blocks += 1
            if Failing.blocks == 40:
                out[3] = np.nan
            if Failing.blocks == 60:
                raise RuntimeError("the driver has gone")

    told: list[tuple[int, Command]] = []

    def listen(performer: Performer) -> None:
        performer.placed = lambda column, command: told.append((column, command))
        performer.sample_clock.observe(0.0, 0)
        for _, command in [strike(0.02), strike(0.1, 67), release(0.3), strike(0.35), order(Order.GAIN_DB, -7.0)]:
            performer.obey(command)

    live, expected = take(Failing(tiny_model()), 64, listen)
    assert live.faults == 2 and Failing.blocks > 60
    replay, again = take(NativeEngine(tiny_model()), 48, lambda performer: [performer.obey_at(*each) for each in told])
    size = min(len(expected), len(again))
    np.testing.assert_array_equal(again[:size], expected[:size])


def test_priming_anew_keeps_the_notes():
    engine = ToyEngine()
    out = play(a_performer(engine), 0.6, [strike(0.0), order(Order.PRIME, at_s=0.3)])
    assert engine.resets == 2
    silent = np.flatnonzero(out[round(0.1 * RATE_HZ) :] == 0.0)
    assert 0 < len(silent) <= 2 * HELD and out[-1] == pytest.approx(LEVEL)


def test_an_engine_that_fails_for_good_is_given_up():
    class Broken(ToyEngine):
        def render(self, *_) -> None:
            raise RuntimeError("no device")

    performer = a_performer(Broken())
    performer.obey(Command(Order.STRIKE, 0.0, 60, 100))
    with pytest.raises(RuntimeError, match="no device"):
        for _ in range(MOST_FAULTS + 1):
            performer.step()
    assert performer.faults == MOST_FAULTS


# a place, and a pause


def panned(block: int, timeline: Timeline, device_rate_hz: int = 48_000) -> np.ndarray:
    performer = Performer(ToyEngine(), ManualClock(), device_rate_hz, block, seed=1, temperature=0.8, gain_db=0.0, lead_s=LEAD_S, pan=-1.0)
    return play(performer, 1.024, timeline)


@pytest.mark.parametrize("device_rate_hz", [48_000, 44_100])
def test_a_voice_moves_at_the_frame_of_its_column_whatever_the_block(device_rate_hz):
    timeline = [strike(0.0), (0.512, Command(Order.PAN, value=1.0))]
    out = panned(64, timeline, device_rate_hz)
    assert out.shape[1] == 3
    before, after = out[: round(0.5 * device_rate_hz)], out[round(0.6 * device_rate_hz) :]
    assert not before[:, 1].any() and before[-1, 0] == pytest.approx(LEVEL, rel=1e-3)
    assert np.abs(after[:, 0]).max() < 1e-6 and after[-1, 1] == pytest.approx(LEVEL, rel=1e-3)
    np.testing.assert_array_equal(panned(512, timeline, device_rate_hz), out)


def test_a_place_means_nothing_where_there_is_one_channel():
    assert play(a_performer(), 0.3, [strike(0.0), (0.1, Command(Order.PAN, value=1.0))]).ndim == 1


def test_a_voice_that_is_parked_fades_out_and_its_net_is_left_alone_until_it_plays_again():
    engine = ToyEngine()
    performer = a_performer(engine)
    play(performer, 0.2, [strike(0.0)])
    performer.obey(Command(Order.PARK, value=1.0))
    out = play(performer, 0.1)
    assert np.abs(np.diff(out)).max() < 1.1 * LEVEL / FADE and not out[-RATE_HZ // 100 :].any()
    blocks, resets = engine.blocks, engine.resets
    assert not play(performer, 0.5).any() and engine.blocks == blocks
    performer.obey(Command(Order.PARK, value=0.0))
    out = play(performer, 0.2)
    assert engine.resets == resets + 1 and out[-1] == pytest.approx(LEVEL)
    assert np.abs(np.diff(out)).max() < LEVEL / ATTACK + LEVEL / FADE


def test_a_voice_that_is_called_back_before_it_was_silent_plays_on():
    engine = ToyEngine()
    performer = a_performer(engine)
    play(performer, 0.2, [strike(0.0)])
    resets = engine.resets
    performer.obey(Command(Order.PARK, value=1.0))
    play(performer, FADE / RATE_HZ / 2)
    performer.obey(Command(Order.PARK, value=0.0))
    assert play(performer, 0.1).min() > 0.2 * LEVEL and engine.resets == resets


@pytest.mark.parametrize("block", [16, 48, 512])
def test_a_pause_is_the_same_whatever_the_block(block):
    def out(block: int) -> np.ndarray:
        performer = Performer(NativeEngine(tiny_model()), ManualClock(), RATE_HZ, block, seed=1, temperature=0.8, gain_db=0.0, lead_s=LEAD_S)
        for at, command in ((0, strike(0.0)[1]), (100, Command(Order.PARK, value=1.0)), (170, Command(Order.STRIKE, 0.0, 67, 90)),
                            *((at, Command(Order.BEND, 0.0, 60, value=0.1 * (at - 130))) for at in range(131, 156)),
                            (200, Command(Order.PARK, value=0.0)), (240, Command(Order.PARK, value=1.0)), (245, Command(Order.PARK, value=0.0))):
            performer.obey_at(at, command)
        return np.concatenate([performer.step().copy() for _ in range(512 * 24 // block)])

    np.testing.assert_array_equal(out(block), out(64))
