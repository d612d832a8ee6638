"""Model rate -> device rate: a streaming polyphase FIR, linear phase, 1.48 ms from 16 kHz.

Every device frame is one dot product of 48 model samples with the row of a table that fits its place between two
samples: no block waits for a later one, unlike FFT resamplers (20-37 ms at these ratios).
Source: windowed-sinc design after Kaiser 1974; polyphase form after Crochiere and Rabiner 1983.
"""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

from livewave import ConfigError
from livewave.sound import _ring

TAPS = 48           # per phase, counted at the lower of the two rates
KAISER_BETA = 8.0   # images below -80 dB
PASSBAND = 0.94     # -6 dB point, as a part of the lower rate's Nyquist frequency


class Resampler:
    """Streams audio from `model_rate_hz` to `device_rate_hz`.

    Output is bit-identical for every split of the input into blocks, and n samples make ceil(n * ratio) frames in
    total: a block makes a constant number of frames when the ratio is whole, otherwise one more or fewer. At equal
    rates blocks pass through untouched.

    Thread: performer only. Nothing is allocated for audio after construction. Raises ConfigError on an impossible rate.
    """

    def __init__(self, model_rate_hz: int, device_rate_hz: int, max_block_samples: int) -> None:
        if min(model_rate_hz, device_rate_hz, max_block_samples) < 1:
            raise ConfigError(f"cannot resample {model_rate_hz} Hz to {device_rate_hz} Hz in blocks of"
                              f" {max_block_samples} samples: each must be at least 1")
        divisor = gcd(model_rate_hz, device_rate_hz)
        up, down = device_rate_hz // divisor, model_rate_hz // divisor
        self.model_rate_hz, self.device_rate_hz = model_rate_hz, device_rate_hz
        self.max_block_samples = max_block_samples
        self.latency_s = 0.0
        self._polyphase = None
        if up != down:
            prototype = lowpass(up, down)
            self.latency_s = (len(prototype) // 2) / (up * model_rate_hz)
            self._polyphase = _ring.Polyphase(phase_table(prototype, up), down, max_block_samples)
            self._frames = np.zeros(max_block_samples * up // down + 1, np.float32)

    def process(self, block: np.ndarray) -> np.ndarray:
        """Return the device frames that `block` completes.

        block    float32 [samples]  at model_rate_hz, at most max_block_samples
        returns  float32 [frames]   at device_rate_hz; a view, valid until the next call

        Raises ValueError when the block is too long, before any state changes.
        """
        if self._polyphase is None:
            return block
        return self._frames[:self._polyphase.process(block, self._frames)]

    def frames_for(self, samples: int) -> int:
        """How many frames the next process() of that many samples makes."""
        return samples if self._polyphase is None else self._polyphase.frames_for(samples)

    def reset(self) -> None:
        """Forget the past: the next block follows silence."""
        if self._polyphase is not None:
            self._polyphase.reset()


def lowpass(up: int, down: int) -> np.ndarray:
    """Linear-phase prototype at `up` times the input rate. float64 [odd], its delay is a whole number of up-sampled
    steps, its gain `up` (zero-stuffing divides the level by that)."""
    taps = 8 * ceil(TAPS * max(1.0, down / up) / 8)
    half = taps * up // 2 - 1
    steps = np.arange(-half, half + 1)
    cutoff = PASSBAND / max(up, down)
    return up * cutoff * np.sinc(cutoff * steps) * np.kaiser(len(steps), KAISER_BETA)


def phase_table(prototype: np.ndarray, up: int) -> np.ndarray:
    """float32 [up, taps], a row per output phase, oldest input first. Each row sums to 1: a constant stays constant."""
    padded = np.append(prototype, 0.0)
    rows = padded.reshape(-1, up).T[:, ::-1]
    return np.ascontiguousarray(rows / rows.sum(axis=1, keepdims=True), np.float32)
