from __future__ import annotations

import numpy as np
import pytest

from livewave.sound.fader import FADE_S
from livewave.sound.pan import Panner, sides

RATE_HZ = 48_000
FADE = round(FADE_S * RATE_HZ)


@pytest.mark.parametrize("pan, left, right", [(-1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.0, 0.5**0.5, 0.5**0.5), (-7.0, 1.0, 0.0)])
def test_ends_and_middle(pan, left, right):
    assert sides(pan) == pytest.approx((left, right), abs=1e-12)


def test_power_is_the_same_everywhere():
    for pan in np.linspace(-1.0, 1.0, 21):
        assert sum(gain**2 for gain in sides(pan)) == pytest.approx(1.0)


def panned(blocks: list[int], turns: dict[int, float], pan: float = -1.0) -> np.ndarray:
    """A steady 1, in those blocks; moved at those frames."""
    panner, frame, parts = Panner(RATE_HZ, pan, max(blocks)), 0, []
    for block in blocks:
        for at in [at for at in turns if frame <= at < frame + block]:
            panner.turn(at, turns[at])
        out = panner.process(np.ones(block, np.float32)).copy()
        assert (out[:, 2] == 1.0).all(), "what was given is handed on beside its two sides"
        parts.append(out[:, :2])
        frame += block
    return np.concatenate(parts)


def test_it_stands_where_it_was_put_from_the_first_frame_on():
    np.testing.assert_allclose(panned([64], {}, pan=0.5), np.tile(np.float32(sides(0.5)), (64, 1)))


def test_it_moves_without_a_jump_and_arrives():
    out = panned([10_000], {1_000: 1.0})
    np.testing.assert_array_equal(out[:1_000], np.tile([1.0, 0.0], (1_000, 1)))
    np.testing.assert_allclose(out[1_000 + FADE :], np.tile([0.0, 1.0], (9_000 - FADE, 1)), atol=1e-6)
    assert np.abs(np.diff(out, axis=0)).max() < 1.1 / FADE


@pytest.mark.parametrize("seed", range(3))
def test_blocks_make_no_difference(seed):
    rng = np.random.default_rng(seed)
    turns = {int(frame): float(rng.uniform(-1, 1)) for frame in np.sort(rng.choice(9_000, 12, replace=False))}
    cuts = np.sort(rng.choice(np.arange(1, 10_000), 60, replace=False))
    blocks = np.diff(cuts, prepend=0, append=10_000).tolist()
    np.testing.assert_array_equal(panned(blocks, turns, 0.3), panned([10_000], turns, 0.3))
