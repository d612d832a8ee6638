"""What the whole daemon does about notes that nobody would end: a flood, a key that is held for ever, a path in a message."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.control.osc_cases import NOTE, bundle
from tests.scenario.daemon import Osc, daemon, until

NEIGHBOUR = "127.0.0.2"  # another host, as far as a server on loopback can tell


class Neighbour(Osc):
    """A client on another address of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NEIGHBOUR, 0))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is this machine")
def test_a_flood_ends_the_notes_of_who_sends_it_and_nobody_elses(tmp_path):
    path = tmp_path / "live.toml"
    path.write_text("[control]\nmessages_per_s = 100\n")
    with daemon("--audio", "null", "--config", str(path)) as playing:
        neighbour = Neighbour(playing.port)
        neighbour.send("/livewave/note", 67, 100)
        for _ in range(20):
            playing.osc.send_raw(bundle(*[NOTE] * 250))
        status = until(lambda: (now := neighbour.status())["limited"] and now["notes"] == 1 and now, "the flood to be cut off")
        assert status["missed"] == 0 and status["restarts"] == 0
        neighbour.send("/livewave/note", 67, 0)
        until(lambda: neighbour.status()["notes"] == 0, "the neighbour's note to end")
        neighbour.close()
    assert "more messages a second than [control] messages_per_s" in playing.said


def test_a_key_that_is_held_for_ever_is_let_go_and_told(tmp_path):
    path = tmp_path / "live.toml"
    path.write_text("[control]\nlongest_note_s = 1\n")
    with daemon("--audio", "null", "--config", str(path)) as playing:
        playing.osc.send("/livewave/sustain", 1.0)
        for velocity in (100, 0):
            playing.osc.send("/livewave/note", 67, velocity)
        assert playing.osc.sync() == []
        until(lambda: playing.osc.status()["stuck"] == 1, "the key to be let go")
        assert playing.osc.status()["notes"] == 0
    assert "pitch 67 of osc:127.0.0.1, channel 1, was held for 1 s and is let go" in playing.said


def test_a_path_in_a_message_opens_nothing():
    with daemon("--audio", "null") as playing:
        (address, reason) = playing.osc.ask("/livewave/model", "/etc/passwd", answer="/livewave/fail")
        assert address == "/livewave/model" and "chosen by name" in reason
        assert playing.osc.status()["model"] == "flute"
