"""An ensemble on a real JACK server: the mix, and a port for each voice."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import daemon, until
from tests.scenario.hearing import level, partials_share

pytestmark = pytest.mark.jack

RATE_HZ, SECONDS = 48_000, 0.5
PAIR = ("--audio", "default", "--block", "128", "--voice", "flute:pan=-1", "--voice", "cello:transpose=-12,pan=1")
NAMES = ("livewave-audio:out_0", "livewave-audio:out_1", "livewave-voices:voice_1", "livewave-voices:voice_2")
MOST_APART_FRAMES = 256  # two periods between a voice in the mix and at its port


class Listener:
    """A client that hears all ports of NAMES at once."""

    def __init__(self) -> None:
        import jack

        self._client = jack.Client("listener", no_start_server=True)
        self._ports = [self._client.inports.register(f"in_{number}") for number in range(len(NAMES))]
        self._heard = np.zeros((round(SECONDS * RATE_HZ), len(NAMES)), np.float32)
        self._taken = len(self._heard)
        self._client.set_process_callback(self._process)
        self._client.activate()

    def connect(self) -> None:
        for name, port in zip(NAMES, self._ports):
            until(lambda: [each.name for each in self._client.get_ports(f"^{name}$")], name)
            self._client.connect(name, port)

    @property
    def connected(self) -> bool:
        return all(port.number_of_connections for port in self._ports)

    def take(self) -> np.ndarray:
        """float32 [frames, 4]: the next half second."""
        self._taken = 0
        until(lambda: self._taken == len(self._heard), "half a second")
        return self._heard.copy()

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _process(self, frames: int) -> None:
        part = min(frames, len(self._heard) - self._taken)
        for number, port in enumerate(self._ports):
            self._heard[self._taken : self._taken + part, number] = port.get_array()[:part]
        self._taken += part


@pytest.fixture
def server():
    try:
        with jack_server(128, RATE_HZ):
            yield
    except NoJack as reason:
        pytest.skip(str(reason))


def lag(mix: np.ndarray, voice: np.ndarray) -> int:
    """By how many frames the voice is behind the mix."""
    size = 2 * len(mix)
    product = np.fft.irfft(np.fft.rfft(mix, size).conj() * np.fft.rfft(voice, size))
    place = int(np.argmax(product))
    return place if place < size // 2 else place - size


def test_each_voice_has_a_port_and_keeps_its_connections_when_the_audio_process_is_replaced(server):
    with daemon(*PAIR, midi="virtual") as playing:
        listener = Listener()
        listener.connect()
        playing.osc.send("/livewave/note", 72, 100)

        def heard() -> list[np.ndarray]:
            take = listener.take()
            left, right, flute, cello = take.T
            fits = [level(side) > 0.005 and partials_share(side, pitch) > 0.8 for side, pitch in ((left, 72), (flute, 72), (right, 60), (cello, 60))]
            return [take] if all(fits) else []

        (take,) = until(heard, "both voices")
        assert abs(lag(take[:, 0], take[:, 2])) <= MOST_APART_FRAMES and abs(lag(take[:, 1], take[:, 3])) <= MOST_APART_FRAMES
        assert level(take[:, 2]) == pytest.approx(level(take[:, 0]), rel=0.05), "hard left is the whole voice"
        os.kill(playing.audio_pid, signal.SIGKILL)
        until(lambda: listener.connected and heard(), "both voices from the process that took over")
        listener.close()


def test_a_model_alone_has_no_ports_of_voices(server):
    import jack

    with daemon("--audio", "default", midi="virtual"):
        client = jack.Client("looker", no_start_server=True)
        assert client.get_ports("^livewave-audio:out_0$") and not client.get_ports("^livewave-voices:")
        client.close()
