from __future__ import annotations

import numpy as np
import pytest

from livewave.sound.fader import FADE_S, Fader

RATE_HZ = 16_000
FADE = round(FADE_S * RATE_HZ)


def gains(splits, aims) -> np.ndarray:
    """The gain of each sample; `aims`: sample -> gain, at the edges of `splits`."""
    fader, parts, sample = Fader(RATE_HZ), [], 0
    for size in splits:
        if sample in aims:
            fader.aim(sample, aims[sample])
        parts.append(np.ones(size, np.float32))
        fader.apply(sample, parts[-1])
        sample += size
    return np.concatenate(parts)


def test_it_rises_in_a_straight_line_and_arrives_exactly():
    got = gains([2 * FADE], {0: 1.0})
    np.testing.assert_allclose(got[:FADE], np.arange(1, FADE + 1) / FADE, atol=1e-6)
    assert (got[FADE:] == 1.0).all()


def test_the_gain_of_a_sample_does_not_depend_on_how_they_are_divided():
    aims = {0: 0.7, 160: 0.2, 320: 1.3, 1_600: 0.0}
    expected = gains([160, 160, 1_280, 900], aims)
    np.testing.assert_array_equal(gains([16] * 156 + [4], aims), expected)
    np.testing.assert_array_equal(gains([160, 1, 159, 1_000, 280, 899, 1], aims), expected)
    assert np.abs(np.diff(expected)).max() <= 1.01 / FADE
    assert expected[-1] == 0.0


@pytest.mark.parametrize("gain", [0.001, 0.3, 1.0])
def test_arrives_says_from_when_on_it_is_there(gain):
    fader = Fader(RATE_HZ)
    fader.aim(0, gain)
    fader.aim(4_000, 0.0)
    out = np.ones(2_000, np.float32)
    fader.apply(4_000, out)
    silent = int(np.argmin(out))
    assert 0 <= fader.arrives - 4_000 - silent <= 1
    assert fader.is_silent(fader.arrives) and not fader.is_silent(fader.arrives - 1)
