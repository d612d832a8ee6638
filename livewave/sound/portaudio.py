"""Sound cards and JACK, through PortAudio (package sounddevice).

Nothing but reading the ring happens in the audio callback, and that is C: see callback/ring.h. PortAudio's calls can
block for good when a JACK server dies, so the ones that end a stream run on a thread that can be left behind.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from livewave import DeviceError
from livewave.sound.hangs import ends_in_time
from livewave.sound.output import Output
from livewave.sound.ring import Ring

# The MIDI client of the control process is `livewave`. PortAudio keeps the pointer: these bytes must outlive it.
JACK_CLIENT_NAME = b"livewave-audio"
FIRST_BLOCK_TIMEOUT_S = 2.0
END_TIMEOUT_S = 1.0
LARGEST_LATENCY_S = 0.5         # PipeWire reports 89478 s at times
MOST_CHANNELS = 2

log = logging.getLogger(__name__)
_open_outputs: set[PortAudioOutput] = set()  # PortAudio holds bare addresses into these: kept until they are closed


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One audio output of this machine."""

    index: int
    name: str
    host_api: str
    channels: int
    rate_hz: int
    is_default: bool

    @property
    def is_jack(self) -> bool:
        return self.host_api.startswith("JACK")

    @property
    def label(self) -> str:
        return f"{self.name} ({self.host_api})"

    def __str__(self) -> str:
        return f"{self.index} {self.label}"


def list_outputs() -> list[OutputRow]:
    """Every output PortAudio knows. JACK appears when its server ran at the first call in this process.
    Raises DeviceError without PortAudio."""
    sounddevice = _sounddevice()
    host_apis = sounddevice.query_hostapis()
    default = _default_index(sounddevice, host_apis)
    return [OutputRow(device["index"], device["name"], host_apis[device["hostapi"]]["name"],
                      device["max_output_channels"], round(device["default_samplerate"]), device["index"] == default)
            for device in sounddevice.query_devices() if device["max_output_channels"] > 0]


def look_again() -> None:
    """Let the lists be those of now: PortAudio looks once, when it starts. Only while no output of this process is open."""
    sounddevice = sys.modules.get("sounddevice")
    if sounddevice is not None and not _open_outputs:
        with _quiet_stderr():
            sounddevice._terminate()
            sounddevice._initialize()


def default_output() -> OutputRow | None:
    """JACK's output while a JACK server runs, else PortAudio's default, else None. Raises DeviceError without it."""
    return next((row for row in list_outputs() if row.is_default), None)


def find_output(name: str) -> OutputRow:
    """The output called `name`: its index, its name, or a part of either name; the default one is preferred.
    Raises DeviceError naming what exists."""
    rows, wanted = list_outputs(), name.casefold()
    matches = (
        [row for row in rows if name == str(row.index)]
        or [row for row in rows if wanted == row.name.casefold()]
        or [row for row in rows if wanted and wanted in row.label.casefold()]
    )
    if not matches:
        there = ", ".join(str(row) for row in rows) or "no sound card"
        raise DeviceError(f"no audio output {name!r}; there is: {there}; or null, or file:PATH.wav")
    return next((row for row in matches if row.is_default), matches[0])


class PortAudioOutput(Output):
    """A stream on one device. On JACK, rate and period are the server's; elsewhere `rate_hz` falls back to the device's
    own rate when it is refused.

    c_callback    False reads the ring from a Python callback instead, as happens when sounddevice's stream class has
                  changed: worse by far under load

    Raises DeviceError when the device cannot be opened.
    """

    def __init__(self, row: OutputRow, ring: Ring, rate_hz: int | None, period_frames: int,
                 c_callback: bool = True) -> None:
        self._asked_frames = period_frames
        self._channels = min(MOST_CHANNELS, row.channels)
        ring.channels_out = self._channels
        rates_hz = [row.rate_hz] if row.is_jack or rate_hz is None else [rate_hz, row.rate_hz]
        self._stream = self._open(row, ring, list(dict.fromkeys(rates_hz)), c_callback)
        rate_hz = round(self._stream.samplerate)
        self.on_jack = row.is_jack
        super().__init__(ring, rate_hz, f"{row.label}, {rate_hz} Hz, {self._channels} channels")
        _open_outputs.add(self)

    def _open(self, row: OutputRow, ring: Ring, rates_hz: list[int], c_callback: bool):
        sounddevice = _sounddevice()
        refusals = []
        for rate_hz in rates_hz:
            # Another block size than JACK's period would pass through an adapter that adds unreported latency.
            options = {"device": row.index, "samplerate": rate_hz, "dtype": "float32", "latency": "low",
                       "blocksize": 0 if row.is_jack else self._asked_frames, "channels": self._channels}
            try:
                return _open_c(sounddevice, ring, options) if c_callback else _open_python(sounddevice, ring, options)
            except sounddevice.PortAudioError as error:
                refusals.append(f"at {rate_hz} Hz: {error.args[0]}")
        raise DeviceError(f"audio output {row} does not open: {'; '.join(refusals)}. Is another program using it?"
                          " Another one: livewave devices")

    @property
    def period_frames(self) -> int:
        return self.ring.block_frames or self._asked_frames

    @property
    def latency_s(self) -> float:
        latency_s = self._stream.latency
        return latency_s if 0.0 < latency_s <= LARGEST_LATENCY_S else 2 * self.period_frames / self.rate_hz

    def start(self) -> None:
        frames = self.ring.frames_read
        if not _ends_in_time(self._stream.start, FIRST_BLOCK_TIMEOUT_S):
            self._forget_exit_handler()
            raise DeviceError(f"{self.description}: does not start")
        deadline_s = time.monotonic() + FIRST_BLOCK_TIMEOUT_S
        while self.ring.frames_read == frames:
            if time.monotonic() > deadline_s:
                raise DeviceError(f"{self.description}: opens but never asks for sound")
            time.sleep(0.001)

    def stop(self) -> None:
        self._end(self._stream.stop)

    def close(self) -> None:
        if self._end(self._stream.close):
            _open_outputs.discard(self)

    def _end(self, call) -> bool:
        if _ends_in_time(call, END_TIMEOUT_S):
            return True
        self.problem = f"{self.description}: the audio system hangs; it is left behind"
        log.warning(self.problem)
        self._forget_exit_handler()
        return False

    def _forget_exit_handler(self) -> None:
        """Ending PortAudio at exit would hang where this stream hangs."""
        handler = getattr(_sounddevice(), "_exit_handler", None)
        if handler is not None:
            atexit.unregister(handler)


def _open_c(sounddevice, ring: Ring, options: dict):
    """A stream with our C callback. Its class is made for library authors (rtmixer builds on it) but is not public."""
    try:
        userdata = sounddevice._ffi.cast("void *", ring.userdata_address)
        return sounddevice._StreamBase(kind="output", callback=ring.callback_address, userdata=userdata, **options)
    except (AttributeError, TypeError) as error:
        log.warning("this sounddevice takes no C callback (%s): the audio callback runs in Python", error)
        return _open_python(sounddevice, ring, options)


def _open_python(sounddevice, ring: Ring, options: dict):
    def play(out, frames, times, status) -> None:
        ring.read_into(np.frombuffer(out, np.float32), bool(status.output_underflow),
                       times.outputBufferDacTime, times.currentTime)

    return sounddevice.RawOutputStream(callback=play, **options)


def _ends_in_time(call, timeout_s: float) -> bool:
    """See livewave.sound.hangs. Raises DeviceError when PortAudio does."""
    try:
        return ends_in_time(call, timeout_s)
    except _sounddevice().PortAudioError as error:
        raise DeviceError(f"PortAudio: {error.args[0]}") from None


def _default_index(sounddevice, host_apis) -> int:
    for host_api in host_apis:
        if host_api["name"].startswith("JACK") and host_api["default_output_device"] >= 0:
            return host_api["default_output_device"]
    try:
        return sounddevice.query_devices(kind="output")["index"]
    except sounddevice.PortAudioError:  # which is how it says that there is none
        return -1


def _sounddevice():
    """The module, loaded at the first call: it talks to every audio system on import."""
    if "sounddevice" in sys.modules:
        return sys.modules["sounddevice"]
    with _quiet_stderr():
        try:
            _name_jack_client()
            import sounddevice
        except ImportError as error:
            raise DeviceError("no sound: the package sounddevice is missing; pip install sounddevice") from error
        except OSError as error:
            raise DeviceError("no sound: PortAudio is missing; apt-get install libportaudio2") from error
        except Exception as error:  # its PortAudioError has no name before the import has succeeded
            raise DeviceError(f"no sound: PortAudio does not start: {error}") from error
    return sounddevice


def _name_jack_client() -> None:
    """Let our ports appear as livewave-audio:out_0. Only before PortAudio starts, and only where PortAudio knows JACK."""
    if sys.platform.startswith("linux"):
        library = ctypes.CDLL("libportaudio.so.2")
        if hasattr(library, "PaJack_SetClientName"):
            library.PaJack_SetClientName(JACK_CLIENT_NAME)


@contextmanager
def _quiet_stderr():
    """ALSA and JACK print a screenful about every device that they do not find."""
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
