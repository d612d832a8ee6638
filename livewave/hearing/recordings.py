"""Audio files, read in one way: mono, at one rate, and with the share of samples that were cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livewave import LivewaveError
from livewave.hearing.extra import needed

BLOCK_FRAMES = 1 << 18
CLIPPED_RUN = 4  # equal samples in a row at the extreme: a wave that was cut off, not one that happens to touch it
CLIPPED_AT = 0.999


def read_mono(path: str | Path, rate_hz: int) -> tuple[np.ndarray, float]:
    """float32 [samples] at `rate_hz`, the mean of all channels, and the share of samples that are clipped, 0..1.

    Raises LivewaveError, naming the file, when it is missing, no audio, or holds values that are not numbers. Read block by
    block: an hour of 96 kHz stereo is never in memory at once.
    """
    with needed("soundfile"):
        import soundfile

    if not Path(path).is_file():
        raise LivewaveError(f"no recording at {path}")
    parts, clipped, frames = [np.zeros(0, np.float32)], 0, 0
    try:
        with soundfile.SoundFile(str(path)) as file:
            from_hz = file.samplerate
            resample = _resampler(from_hz, rate_hz)
            for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    at_s = (frames + np.flatnonzero(~np.isfinite(block).all(1))[0]) / from_hz
                    raise LivewaveError(f"{path} holds values that are not numbers, the first at {at_s:.3f} s: write it anew "
                                        "from its source")
                clipped += max(_clipped(channel) for channel in block.T)
                frames += len(block)
                parts.append(resample(block.mean(1)))
            parts.append(resample(np.zeros(0, np.float32), last=True))
    except soundfile.LibsndfileError as error:
        raise LivewaveError(f"{path} is no audio that can be read ({error}); convert it to WAV or FLAC") from None
    audio, expected = np.concatenate(parts), round(frames * rate_hz / from_hz)
    audio = np.pad(audio, (0, max(0, expected - len(audio))))[:expected]  # the resampler may end a sample early
    return audio, clipped / max(frames, 1)


def at_rate(audio: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """float32 [samples]"""
    import soxr

    return audio if from_hz == to_hz else soxr.resample(audio, from_hz, to_hz).astype(np.float32)


def _resampler(from_hz: int, to_hz: int):
    import soxr

    if from_hz == to_hz:
        return lambda block, last=False: block
    return soxr.ResampleStream(from_hz, to_hz, 1, "float32", "HQ").resample_chunk


def _clipped(samples: np.ndarray) -> int:
    """How many samples stand in a row of CLIPPED_RUN or more that are equal, at or beyond the extremes of the format."""
    flat = (samples[1:] == samples[:-1]) & (np.abs(samples[1:]) >= CLIPPED_AT)
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=False)).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0] + 1
    return int(lengths[lengths >= CLIPPED_RUN].sum())
