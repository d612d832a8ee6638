"""Faults of what is outside: a JACK server that dies and comes back, a keyboard whose port goes away and returns."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from tests.realtime.jackd import end, jack_process, jack_server, start
from tests.scenario.daemon import daemon, until
from tests.soak.asking import Levels, status_of
from tests.soak.children import found_by
from tests.soak.held import hold, what_is_left

RATE_HZ, PERIOD_FRAMES = 48_000, 128
OUTAGE_S, LISTEN_S = 1.0, 1.0
KEYBOARD = "keyboard"
PITCH, STRIKE_EVERY_S = 72, 0.05


def server_killed(flags: Sequence[str] = ()) -> dict[str, object]:
    """back_s: from when the new server takes clients until the daemon says that it sounds; a JACK client listens, too."""
    with jack_process(PERIOD_FRAMES, RATE_HZ) as (name, server), daemon("--audio", "default", *flags, midi="virtual") as playing:
        levels = Levels(playing.port)
        hold(playing)
        until(lambda: levels.first_sound_s(0.0), "sound")
        server.kill()
        server.wait()
        time.sleep(OUTAGE_S)
        again = start(name, PERIOD_FRAMES, RATE_HZ)
        up_s = time.monotonic()
        back_s = until(lambda: levels.first_sound_s(up_s), "sound on the new server") - up_s
        heard = found_by("tests.soak.listen", LISTEN_S, seconds=LISTEN_S)
        row = {"back_s": round(back_s, 3), "heard_level": heard["level"], **what_is_left(playing, levels)}
        levels.close()
        playing.end()
        end(again)
    return row


def keyboard_unplugged(flags: Sequence[str] = ()) -> dict[str, object]:
    """released_s: until nothing of the keyboard's is held; back_s: from its return until a key sounds."""
    with jack_server(PERIOD_FRAMES, RATE_HZ):
        keys = Keyboard()
        with daemon("--audio", "default", *flags, midi=KEYBOARD) as playing:
            levels = Levels(playing.port)
            keys.send(bytes((0x90, PITCH, 100)))
            until(lambda: status_of(playing.port)["notes"] == 1, "a note")
            keys.close()
            gone_s = time.monotonic()
            until(lambda: status_of(playing.port)["notes"] == 0, "the note's release")
            released_s = time.monotonic() - gone_s
            until(lambda: levels.is_silent(0.2), "silence")
            keys = Keyboard()
            back_s = time.monotonic()
            while (sounds_s := levels.first_sound_s(back_s)) is None and time.monotonic() < back_s + 10.0:
                keys.send(bytes((0x90, PITCH, 100)))
                time.sleep(STRIKE_EVERY_S)
                keys.send(bytes((0x80, PITCH, 0)))
            keys.send(bytes((0x80, PITCH, 0)))
            time.sleep(0.5)
            stuck = status_of(playing.port)["notes"]
            levels.close()
        keys.close()
    return {"released_s": round(released_s, 3), "back_s": sounds_s and round(sounds_s - back_s, 3), "notes_held": 0, "notes_stuck": stuck}


class Keyboard:
    """A JACK client with a MIDI output. Thread: one, and JACK's."""

    def __init__(self) -> None:
        import jack

        self._client = jack.Client(KEYBOARD, no_start_server=True)
        self._port = self._client.midi_outports.register("out")
        self._waiting: deque[bytes] = deque()
        self._client.set_process_callback(self._process)
        self._client.activate()

    def send(self, packet: bytes) -> None:
        self._waiting.append(packet)

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _process(self, _frames: int) -> None:
        self._port.clear_buffer()
        if self._waiting:
            self._port.write_midi_event(0, self._waiting.popleft())
