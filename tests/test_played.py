"""Generated notes leave at their moment, by MIDI out and by OSC, and every one that began ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from livewave import played
from livewave.control.events import NoteOff, NoteOn
from livewave.played import ADDRESS, Played

PATIENCE_S = 20.0


class Out:
    """A MIDI out that can be pulled."""

    def __init__(self) -> None:
        self.there, self.back, self.closed = True, False, False
        self.sent: list[tuple[int, ...]] = []

    def send(self, packet: Sequence[int]) -> bool:
        if self.there:
            self.sent.append(tuple(packet))
        return self.there

    def follow(self) -> bool:
        back, self.back = self.back, False
        return back

    def close(self) -> None:
        self.closed = True


class Listener:
    """What the notify list is told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.at_s: list[float] = []
        self._more = threading.Condition()

    def __call__(self, address: str, pitch: int, velocity: int) -> None:
        assert address == ADDRESS
        with self._more:
            self.at_s.append(time.monotonic())
            self.told.append((pitch, velocity))
            self._more.notify()

    def after(self, count: int) -> list[tuple[int, int]]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.told) >= count, PATIENCE_S), self.told
            return list(self.told)


@pytest.fixture
def stage() -> Iterator[tuple[Played, Out, Listener]]:
    out, listener = Out(), Listener()
    player = Played(out, listener)
    player.start()
    yield player, out, listener
    player.close()


def on(pitch: int, at_s: float, velocity: int = 90) -> NoteOn:
    return NoteOn(at_s, "continuation", 0, pitch, velocity)


def off(pitch: int, at_s: float) -> NoteOff:
    return NoteOff(at_s, "continuation", 0, pitch)


def test_notes_go_out_in_the_order_of_their_moments_and_never_before_them(stage):
    player, out, listener = stage
    now_s = time.monotonic()
    moments = {(64, 80): now_s + 0.06, (60, 90): now_s + 0.03, (60, 0): now_s + 0.09, (64, 0): now_s + 0.09}
    player.put(on(64, now_s + 0.06, 80))
    player.put(on(60, now_s + 0.03))
    player.put(off(60, now_s + 0.09))
    player.put(off(64, now_s + 0.09))
    assert listener.after(4) == [(60, 90), (64, 80), (60, 0), (64, 0)]
    assert all(at_s >= moments[note] for note, at_s in zip(listener.told, listener.at_s))
    assert out.sent == [(0x90, 60, 90), (0x90, 64, 80), (0x80, 60, 0), (0x80, 64, 0)]
    assert player.count == 2


def test_a_note_struck_again_at_the_moment_of_its_end_ends_first(stage):
    player, out, listener = stage
    at_s = time.monotonic() + 0.02
    for note in (on(60, at_s - 0.01), off(60, at_s), on(60, at_s, 50)):
        player.put(note)
    assert listener.after(3) == [(60, 90), (60, 0), (60, 50)]


def test_silence_ends_what_sounds_and_forgets_what_is_to_come(stage):
    player, out, listener = stage
    now_s = time.monotonic()
    for note in (on(67, now_s), on(60, now_s), on(72, now_s + 600.0)):
        player.put(note)
    listener.after(2)
    player.silence()
    assert listener.after(4)[2:] == [(60, 0), (67, 0)]
    player.put(off(60, now_s))  # the end that comes anyhow is no second one
    player.put(on(48, now_s))
    assert listener.after(5)[4:] == [(48, 90)]
    assert out.sent[-3:] == [(0x80, 60, 0), (0x80, 67, 0), (0x90, 48, 90)]


def test_close_ends_what_sounds_and_closes_the_port():
    out, listener = Out(), Listener()
    player = Played(out, listener)
    player.start()
    player.put(on(60, time.monotonic()))
    listener.after(1)
    player.close()
    assert listener.told[-1] == (60, 0) and out.sent[-1] == (0x80, 60, 0) and out.closed


def test_close_without_a_start_closes_the_port():
    out = Out()
    Played(out, Listener()).close()
    assert out.closed


def test_what_sounded_when_the_port_went_is_ended_there_when_it_is_back(monkeypatch):
    monkeypatch.setattr(played, "LOOK_S", 0.01)
    out, listener = Out(), Listener()
    player = Played(out, listener)
    player.start()
    player.put(on(60, time.monotonic()))
    player.put(on(64, time.monotonic()))
    player.put(off(64, time.monotonic()))
    listener.after(3)
    out.there = False
    player.put(off(60, time.monotonic()))
    listener.after(4)
    out.there = out.back = True
    end_s = time.monotonic() + PATIENCE_S
    while out.sent[-1] != (0x80, 60, 0) and time.monotonic() < end_s:
        time.sleep(0.01)
    player.close()
    assert out.sent == [(0x90, 60, 90), (0x90, 64, 90), (0x80, 64, 0), (0x80, 60, 0)]
