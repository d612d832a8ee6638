"""Audio outputs by name: a sound card or JACK through PortAudio, `null`, `file:PATH.wav`."""

from __future__ import annotations

from livewave import ConfigError, DeviceError
from livewave.sound.output import Output
from livewave.sound.paced import PacedOutput
from livewave.sound.portaudio import OutputRow, PortAudioOutput, default_output, find_output, list_outputs, look_again
from livewave.sound.ring import Ring
from livewave.sound.wavfile import WavFile

__all__ = ["Output", "OutputRow", "default_output", "list_outputs", "look_again", "open_output"]

PACED_RATE_HZ = 48000
PERIOD_FRAMES = 128
RATES_HZ = (4000, 384000)
PERIODS_FRAMES = (16, 8192)


def open_output(name: str, ring: Ring, rate_hz: int | None = None, period_frames: int = PERIOD_FRAMES) -> Output:
    """Open the output called `name` on `ring`; it takes nothing before start().

    name            "null", "file:PATH.wav", "default", or the index or a part of the name of a device
    rate_hz         asked for; None is the device's own, or 48000 without a device. output.rate_hz is what came of it
    period_frames   asked for; JACK keeps its own

    Sets ring.channels_out. Raises ConfigError on a number out of range, DeviceError when there is no such output or it
    does not open.
    """
    _check("rate", rate_hz or PACED_RATE_HZ, RATES_HZ, "Hz")
    _check("period", period_frames, PERIODS_FRAMES, "frames")
    if name == "null":
        return PacedOutput(ring, rate_hz or PACED_RATE_HZ, period_frames)
    if name.startswith("file:"):
        return PacedOutput(ring, rate_hz or PACED_RATE_HZ, period_frames, _wav(name, rate_hz or PACED_RATE_HZ, ring.channels_in))
    return PortAudioOutput(_default() if name == "default" else find_output(name), ring, rate_hz, period_frames)


def _wav(name: str, rate_hz: int, channels: int) -> WavFile:
    path = name.removeprefix("file:")
    if not path:
        raise DeviceError("file: needs a path, such as file:take.wav")
    return WavFile(path, rate_hz, channels=channels)


def _default() -> OutputRow:
    row = default_output()
    if row is None:
        raise DeviceError("this machine has no audio output; null plays without one, file:PATH.wav into a file")
    return row


def _check(what: str, value: int, legal: tuple[int, int], unit: str) -> None:
    low, high = legal
    if not low <= value <= high:
        raise ConfigError(f"audio {what} {value} {unit} is out of range: {low}..{high}")
