from __future__ import annotations

import ctypes
import threading
import time
from itertools import count

import numpy as np
import pytest

from livewave.sound.ring import Ring

RAMP = 96


def ramp_of(frames: int, start: int = 0) -> np.ndarray:
    return np.arange(start + 1, start + frames + 1, dtype=np.float32)


def read(ring: Ring, frames: int) -> np.ndarray:
    out = np.full(frames * ring.channels_out, np.nan, np.float32)
    ring.read_into(out)
    return out


def test_what_goes_in_comes_out_in_order_across_the_wrap():
    ring = Ring(100)
    heard, given = [], 0
    for _ in range(50):
        given += ring.write(ramp_of(64, given))
        heard.append(read(ring, 64))
    assert np.array_equal(np.concatenate(heard), ramp_of(50 * 64))
    assert ring.frames_written == ring.frames_played == ring.frames_read == 50 * 64
    assert ring.underrun_blocks == 0


def test_a_full_ring_takes_what_fits_and_says_so():
    ring = Ring(100)
    assert ring.write(ramp_of(80)) == 80
    assert ring.write(ramp_of(80, 80)) == 20
    assert ring.fill_frames == 100
    assert np.array_equal(read(ring, 100), ramp_of(100))


def test_every_output_channel_carries_the_signal():
    ring = Ring(64, channels_out=3)
    ring.write(ramp_of(4))
    assert np.array_equal(read(ring, 4), np.repeat(ramp_of(4), 3))


def test_silence_before_the_first_full_block_is_no_underrun_and_takes_nothing():
    ring = Ring(1000)
    ring.write(ramp_of(50))
    assert not read(ring, 64).any()
    assert (ring.underrun_blocks, ring.fill_frames, ring.frames_read) == (0, 50, 64)
    ring.write(ramp_of(50, 50))
    assert np.array_equal(read(ring, 64), ramp_of(64))


def test_underrun_is_silence_and_counted():
    ring = Ring(1000)
    ring.write(np.full(128 + 40, 0.5, np.float32))
    read(ring, 128)
    short, silent = read(ring, 256), read(ring, 256)
    assert np.all(short[:40] == 0.5)
    assert not short[40 + RAMP:].any() and not silent.any()
    assert (ring.underrun_blocks, ring.underrun_frames) == (2, 256 - 40 + 256)
    assert ring.frames_read == 128 + 256 + 256


@pytest.mark.parametrize("block", [16, 32, 64, 100, 128, 256])
@pytest.mark.parametrize("kept", [0, 1, 37])
def test_underrun_and_resumption_do_not_click(block, kept):
    ring = Ring(5000, ramp_frames=RAMP)
    heard = []
    for pause in (0, 1, 2, 9):
        ring.write(np.full(4 * block + kept % block, 1.0, np.float32))
        heard += [read(ring, block) for _ in range(5 + pause)]
    ring.write(np.full(8 * block + 2 * RAMP, 1.0, np.float32))
    heard += [read(ring, block) for _ in range(8)]
    heard = np.concatenate(heard)
    assert ring.underrun_blocks >= 4
    assert np.max(np.abs(np.diff(heard))) <= 2.001 / RAMP  # one fade may begin while the other ends
    assert np.max(np.abs(heard)) <= 1.001
    assert heard.min() < 0.9


def test_a_ring_that_ran_dry_waits_for_a_full_block():
    ring = Ring(1000)
    ring.write(ramp_of(64))
    read(ring, 64)
    read(ring, 64 + RAMP)
    ring.write(np.ones(63, np.float32))
    assert not read(ring, 64).any() and ring.fill_frames == 63
    ring.write(np.ones(1, np.float32))
    assert read(ring, 64).any() and ring.fill_frames == 0


def test_a_device_block_larger_than_the_ring_still_sounds():
    ring = Ring(64)
    ring.write(np.ones(64, np.float32))
    assert read(ring, 256)[:64].all()


def test_wanted_frames_lead_to_the_target():
    ring = Ring(1000, target_frames=300)
    assert ring.wanted_frames() == 300
    ring.write(ramp_of(200))
    assert ring.wanted_frames() == 100
    ring.write(ramp_of(200))
    assert ring.wanted_frames() == 0


def test_a_target_below_the_device_block_does_not_starve_the_device():
    ring = Ring(1000, target_frames=64)
    for _ in range(4):
        read(ring, 256)
        ring.write(np.ones(ring.wanted_frames(), np.float32))
    assert ring.underrun_blocks == 0 and ring.frames_played > 0


def test_least_fill_is_what_a_block_found_and_can_be_taken():
    ring = Ring(1000)
    assert ring.min_fill_frames == 1000
    ring.write(ramp_of(500))
    read(ring, 128)
    read(ring, 128)
    assert ring.min_fill_frames == 500 - 128
    assert ring.take_min_fill() == 500 - 128
    assert ring.min_fill_frames == 1000
    read(ring, 128)
    assert ring.min_fill_frames == 500 - 256


def test_the_last_visit_ties_the_frame_count_to_the_clock():
    ring = Ring(100)
    assert ring.last_visit == (0, 0.0, 0.0, 0.0)
    before_s = time.monotonic()
    for block in range(20):
        ring.read_into(np.zeros(10, np.float32), dac_s=2.0 + block, now_s=1.0 + block)
    frames, monotonic_s, dac_s, now_s = ring.last_visit
    assert (frames, dac_s, now_s) == (190, 21.0, 20.0)
    assert before_s - 0.001 <= monotonic_s <= time.monotonic() + 0.001


def c_callback(ring: Ring):
    """The address that PortAudio calls, as play(frames): float32 [frames * channels_out]. Called without the GIL."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p,
                            ctypes.c_ulong, ctypes.c_void_p)
    callback, times = kind(ring.callback_address), np.array([0.0, 5.0, 5.5])  # input ADC, now, output DAC

    def play(frames: int, flags: int = 0) -> np.ndarray:
        out = np.full(frames * ring.channels_out, np.nan, np.float32)
        assert callback(None, out.ctypes.data, frames, times.ctypes.data, flags, ring.userdata_address) == 0
        return out

    return play


def test_the_c_callback_does_what_read_into_does():
    ring = Ring(1000, channels_out=2)
    ring.write(ramp_of(200))
    out_underflowed = 4
    assert np.array_equal(c_callback(ring)(128, out_underflowed), np.repeat(ramp_of(128), 2))
    assert (ring.pa_underflows, ring.block_frames, ring.frames_read) == (1, 128, 128)
    assert ring.last_visit[2:] == (5.5, 5.0)


def produce(ring: Ring, total: int, largest: int) -> None:
    sizes, given = np.random.default_rng(1).integers(1, largest, 1000), 0
    for turn in count():
        if given == total:
            return
        given += ring.write(ramp_of(min(int(sizes[turn % 1000]), total - given), given))


def test_two_threads_lose_and_repeat_nothing():
    ring, total = Ring(1024), 100_000
    play, sizes = c_callback(ring), np.random.default_rng(2).integers(1, 400, 1000)
    producer = threading.Thread(target=produce, args=(ring, total, 400), daemon=True)
    producer.start()
    heard, taken = [], 0
    for turn in count():
        if taken == total:
            break
        size = min(int(sizes[turn % 1000]), total - taken)
        if ring.fill_frames >= size:  # this test is about order; short blocks have their own
            heard.append(play(size))
            taken += size
    producer.join()
    assert np.array_equal(np.concatenate(heard), ramp_of(total))
    assert ring.underrun_blocks == 0


@pytest.mark.parametrize("wrong", [np.zeros(8), np.zeros((2, 4), np.float32), np.zeros(16, np.float32)[::2]])
def test_other_arrays_are_refused_before_anything_changes(wrong):
    ring = Ring(100)
    with pytest.raises(TypeError):
        ring.write(wrong)
    with pytest.raises(TypeError):
        ring.read_into(wrong)
    assert ring.frames_written == ring.frames_read == 0


def test_half_a_frame_is_refused():
    with pytest.raises(ValueError, match="whole number of frames"):
        Ring(100, channels_out=2).read_into(np.zeros(7, np.float32))


def test_impossible_sizes_are_refused():
    for arguments in ((0,), (100, 0), (100, 65), (100, 1, 0)):
        with pytest.raises(ValueError):
            Ring(*arguments)


# two channels


def stereo(frames: int, start: int = 0) -> np.ndarray:
    left = ramp_of(frames, start)
    return np.stack([left, -left], axis=1)


def test_two_channels_come_out_in_order_across_the_wrap():
    ring = Ring(100, channels_out=2, channels_in=2)
    heard, given = [], 0
    for _ in range(50):
        given += ring.write(stereo(64, given))
        heard.append(read(ring, 64).reshape(-1, 2))
    np.testing.assert_array_equal(np.concatenate(heard), stereo(50 * 64))
    assert ring.frames_written == ring.frames_played == 50 * 64


def test_two_channels_go_to_the_first_two_outputs_or_to_one_as_their_mean():
    four, one = Ring(64, channels_out=4, channels_in=2), Ring(64, channels_out=1, channels_in=2)
    frames = np.stack([ramp_of(4), 3 * ramp_of(4)], axis=1)
    for ring in (four, one):
        ring.write(frames)
    np.testing.assert_array_equal(read(four, 4).reshape(-1, 4), np.hstack([frames, np.zeros((4, 2))]))
    np.testing.assert_array_equal(read(one, 4), 2 * ramp_of(4))


def test_an_underrun_of_two_channels_fades_both():
    ring = Ring(1_000, channels_out=2, ramp_frames=RAMP, channels_in=2)
    ring.write(np.tile(np.float32([0.5, -0.25]), (100, 1)))
    read(ring, 100)
    out = read(ring, 2 * RAMP).reshape(-1, 2)
    np.testing.assert_allclose(out[:RAMP], np.outer(np.arange(RAMP - 1, -1, -1) / RAMP, [0.5, -0.25]), atol=1e-6)
    assert not out[RAMP:].any() and ring.underrun_blocks == 1
    ring.write(np.tile(np.float32([0.5, -0.25]), (200, 1)))
    out = read(ring, 200).reshape(-1, 2)
    np.testing.assert_allclose(out[RAMP:], np.tile([0.5, -0.25], (200 - RAMP, 1)))
    assert np.abs(np.diff(out, axis=0)).max() < 0.6 / RAMP


@pytest.mark.parametrize("channels_in, frames", [(2, np.zeros(8, np.float32)), (2, np.zeros((4, 3), np.float32)), (1, np.zeros((4, 2), np.float32)),
                                                 (2, np.zeros((4, 2)))])
def test_frames_of_another_shape_are_refused(channels_in, frames):
    with pytest.raises(TypeError):
        Ring(64, channels_in=channels_in).write(frames)


@pytest.mark.parametrize("channels_in", [0, 17])
def test_a_ring_has_up_to_sixteen_channels(channels_in):
    with pytest.raises(ValueError, match="channels_in"):
        Ring(64, channels_in=channels_in)
