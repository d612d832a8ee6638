"""A port for each voice of an ensemble on JACK, besides the two of the mix: a DAW records and mixes the voices by itself.

    player -> ring of one channel a voice -> C callback -> livewave-voices:voice_1, voice_2 ...

A second client, which nothing is connected to by itself. What goes wrong with it costs the ports, and neither the mix nor its time.
"""

from __future__ import annotations

import logging

import numpy as np

from livewave.sound import _ring
from livewave.sound.hangs import ends_in_time
from livewave.sound.ring import Ring

CLIENT_NAME = "livewave-voices"
END_TIMEOUT_S = 1.0
RING_S = 0.5

log = logging.getLogger(__name__)


class VoicePorts:
    """Threads: one owner; JACK's plays, in C. Raises OSError where there is no JACK, or it refuses."""

    def __init__(self, voices: int) -> None:
        try:
            import jack
        except (ImportError, OSError) as error:
            raise OSError(f"JACK-Client: {error}") from error
        jack.set_error_function(lambda message: None)
        jack.set_info_function(lambda message: None)
        try:
            self._client = jack.Client(CLIENT_NAME, no_start_server=True)
            ports = [self._client.outports.register(f"voice_{number}") for number in range(1, voices + 1)]
            ffi, library = jack._ffi, jack._lib
            self._ring = Ring(round(RING_S * self._client.samplerate), channels_in=voices)
            buffer_of = int(ffi.cast("uintptr_t", ffi.addressof(library, "jack_port_get_buffer")))
            self._apart = _ring.Apart(self._ring, buffer_of, [int(ffi.cast("uintptr_t", port._ptr)) for port in ports])
            refused = library.jack_set_process_callback(self._client._ptr, ffi.cast("JackProcessCallback", self._apart.callback_address),
                                                        ffi.cast("void*", self._apart.userdata_address))
        except (jack.JackError, AttributeError, TypeError) as error:
            raise OSError(str(error)) from error
        if refused:
            raise OSError("JACK takes no callback")

    def begin(self, waiting_frames: int) -> None:
        """Let it play, in step with a mix of which so many frames wait for the device."""
        self._ring.write(np.zeros((waiting_frames, self._ring.channels_in), np.float32))
        self._client.activate()

    def write(self, frames: np.ndarray) -> None:
        """frames float32 [n, voices]. What does not fit is left out."""
        self._ring.write(frames)

    def close(self) -> None:
        """Never raises; a client of a server that has died may hang, and is left behind."""
        ends_in_time(self._end, END_TIMEOUT_S)

    def _end(self) -> None:
        self._client.deactivate(ignore_errors=True)
        self._client.close(ignore_errors=True)


def voice_ports(voices: int) -> VoicePorts | None:
    """None, and a line in the log, where they cannot be had."""
    try:
        return VoicePorts(voices)
    except OSError as error:
        log.warning("no ports for the voices: %s", error)
        return None
