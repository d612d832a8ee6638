"""Recordings as training hears them: mono float32 at the model's rate, with what is wrong with them said by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livewave import LivewaveError

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".aif", ".aiff")
BLOCK_FRAMES = 1 << 18
SHORTEST_S = 0.5
SILENT = 1e-4  # a recording whose loudest sample is below this (-80 dB) holds nothing to learn
CLIPPED_RUN = 4  # equal samples in a row at the extreme: a wave that was cut off, not one that happens to touch it
CLIPPED_SHARE = 1e-3  # of all samples; more than that and a net learns to distort
LOW_PASS_TAPS = 127


def read_sound(path: Path, rate_hz: int, gain: float = 1.0) -> tuple[np.ndarray, tuple[str, ...]]:
    """float32 [samples] at `rate_hz`, channels averaged and scaled by `gain`, and remarks about it.

    Raises LivewaveError, naming file, reason and remedy, for a file that is missing, unreadable, silent, clipped
    throughout, shorter than SHORTEST_S or not finite. Read block by block: an hour of 96 kHz stereo is never in memory
    at once.
    """
    import soundfile
    import soxr

    if not path.is_file():
        raise LivewaveError(f"no audio file at {path}")
    parts, clipped, frames = [], 0, 0
    try:
        with soundfile.SoundFile(path) as file:
            from_hz = file.samplerate
            stream = soxr.ResampleStream(from_hz, rate_hz, 1, "float32", "HQ")
            for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    at_s = (frames + np.flatnonzero(~np.isfinite(block).all(1))[0]) / from_hz
                    raise LivewaveError(f"{path} holds values that are not numbers, the first at {at_s:.3f} s: write "
                                        "it anew from its source")
                clipped += max(_clipped(channel) for channel in block.T)
                frames += len(block)
                parts.append(stream.resample_chunk(block.mean(1)))
            parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    except soundfile.LibsndfileError as error:
        raise LivewaveError(f"{path} is no audio that can be read ({error}); convert it to wav or flac") from None
    audio, expected = np.concatenate(parts) * np.float32(gain), round(frames * rate_hz / from_hz)
    audio = np.pad(audio, (0, max(0, expected - len(audio))))[:expected]  # the resampler may end a sample early
    return audio, _checked(path, audio, rate_hz, clipped / max(frames, 1), gain)


def low_passed(audio: np.ndarray, rate_hz: int, hz: float) -> np.ndarray:
    """Without what lies above `hz`, delayed by nothing: hiss that no net can foresee costs it a nat a sample."""
    from scipy.signal import fftconvolve, firwin

    return fftconvolve(audio, firwin(LOW_PASS_TAPS, hz, fs=rate_hz), "same").astype(np.float32)


def over_full_scale(name: str, audio: np.ndarray) -> tuple[str, ...]:
    """A remark, or LivewaveError, where samples lie beyond -1..1 and would be cut off."""
    over, peak = int(np.count_nonzero(np.abs(audio) > 1.0)), float(np.abs(audio).max(initial=0.0))
    most_db = 20.0 * np.log10(max(peak, 1.0))
    text = f"{name}: {over} of its {len(audio)} samples lie beyond full scale, by up to {most_db:.1f} dB"
    if over > CLIPPED_SHARE * len(audio):
        raise LivewaveError(f"{text}; prepare with a --gain {peak / 0.95:.3g} times smaller")
    return (f"{text}; they are cut off",) if over else ()


def _checked(path: Path, audio: np.ndarray, rate_hz: int, clipped: float, gain: float) -> tuple[str, ...]:
    if len(audio) < SHORTEST_S * rate_hz:
        raise LivewaveError(f"{path} lasts {len(audio) / rate_hz:.2f} s, less than {SHORTEST_S} s: leave it out")
    if np.abs(audio).max() < SILENT * gain:
        raise LivewaveError(f"{path} is silent (below {20 * np.log10(SILENT):.0f} dB throughout): leave it out")
    text = f"{path} is clipped: {100.0 * clipped:.2f} % of its samples stand at the extreme"
    if clipped > CLIPPED_SHARE:
        raise LivewaveError(f"{text}; take it from a quieter source, or leave it out")
    return (text,) if clipped else ()


def _clipped(samples: np.ndarray) -> int:
    """How many samples stand in a row of CLIPPED_RUN or more that are equal, at or beyond the extremes of the
    format."""
    flat = (samples[1:] == samples[:-1]) & (np.abs(samples[1:]) >= 0.999)
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=False)).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0] + 1
    return int(lengths[lengths >= CLIPPED_RUN].sum())
