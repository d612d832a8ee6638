"""Two sessions, one of them in another process, that find each other over this machine's own network."""

from __future__ import annotations

import builtins
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from livewave import LivewaveError
from livewave.control.events import EventQueue, LinkState, SourceLost
from livewave.control.link_session import LinkSession

PATIENCE_S = 30.0
ALONE_S = 2.0  # Link has found who is there by then
STATES_S = 1.0  # several states, one of which has seen what came before them

# A session of its own: it takes lines "tempo BPM", "play", "stop" and "look", and answers each.
OTHER = """
import asyncio, sys, time
import aalink

async def take_part():
    link = aalink.Link(float(sys.argv[1]))
    await asyncio.sleep(0.5)
    link.quantum, link.start_stop_sync_enabled, link.enabled = float(sys.argv[2]), True, True
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "tempo":
            link.tempo = float(rest[0])
        elif word in ("play", "stop"):
            link.playing = word == "play"
        print(time.monotonic(), link.beat, link.tempo, link.num_peers, flush=True)

asyncio.run(take_part())
"""


class Other:
    def __init__(self, bpm: float, quantum_beats: float) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", OTHER, str(bpm), str(quantum_beats)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line: str) -> tuple[float, ...]:
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return tuple(float(value) for value in self._process.stdout.readline().split())

    def look(self) -> tuple[float, float]:
        """A moment and the beat it was, of the look in which least time passed."""
        looks = []
        for _ in range(20):
            before_s = time.monotonic()
            at_s, beat, *_ = self.say("look")
            looks.append((time.monotonic() - before_s, at_s, beat))
        return min(looks)[1:]

    def leave(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)


def within(queue: EventQueue, patience_s: float, right: Callable[[LinkState], bool]) -> LinkState | None:
    """The first state that is as wanted, if one comes."""
    end_s = time.monotonic() + patience_s
    while (left_s := end_s - time.monotonic()) > 0.0:
        queue.wait(left_s)
        for event in queue.drain():
            if isinstance(event, LinkState) and right(event):
                return event
    return None


def first(queue: EventQueue, right: Callable[[LinkState], bool]) -> LinkState:
    state = within(queue, PATIENCE_S, right)
    assert state is not None, f"no such state in {PATIENCE_S} s"
    return state


def found(queue: EventQueue) -> LinkState:
    state = within(queue, PATIENCE_S, lambda state: state.peers > 0)
    if state is None:
        pytest.skip("Link finds nobody on this machine: its multicast does not come back here")
    return state


@pytest.fixture
def session() -> Iterator[tuple[LinkSession, EventQueue]]:
    pytest.importorskip("aalink", reason="Ableton Link is the optional extra 'link'")
    queue = EventQueue()
    session = LinkSession(queue, 120.0, 4.0)
    session.start()
    if state := within(queue, ALONE_S, lambda state: state.peers > 0):
        session.close()
        pytest.skip(f"a Link session of {state.peers} others is in this network: its tempo is not ours to change")
    yield session, queue
    session.close()


def test_two_programs_agree_on_tempo_beat_and_bar_and_on_starting_together(session) -> None:
    ours, queue = session
    other = Other(90.0, 4.0)
    state = found(queue)
    assert state.source == "link" and state.peers == 1
    assert state.playing  # nobody has shared a start yet

    other.say("tempo 133")
    state = first(queue, lambda state: abs(state.bpm - 133.0) < 0.01)
    at_s, beat = other.look()
    ahead_beats = beat - (state.beat + (at_s - state.at_s) * state.bpm / 60.0)
    assert abs((ahead_beats + 2.0) % 4.0 - 2.0) < 0.02

    ours.set_tempo(97.0)
    first(queue, lambda state: abs(state.bpm - 97.0) < 0.01)
    end_s = time.monotonic() + PATIENCE_S
    while abs(other.say("look")[2] - 97.0) > 0.01:
        assert time.monotonic() < end_s

    started_s = other.say("play")[0]
    first(queue, lambda state: state.at_s > started_s + STATES_S)
    other.say("stop")
    first(queue, lambda state: not state.playing)
    other.say("play")
    first(queue, lambda state: state.playing)

    other.leave()
    assert first(queue, lambda state: state.peers == 0).bpm == pytest.approx(97.0, abs=0.01)


def test_states_are_dated_by_the_monotonic_clock_and_in_order_and_the_end_is_told(session) -> None:
    ours, queue = session
    other = Other(120.0, 3.0)
    ours.set_quantum(3.0)
    began_s = time.monotonic()
    states = [found(queue) for _ in range(5)]
    ended_s = time.monotonic()
    times_s = [state.at_s for state in states]
    assert began_s < times_s[0] and times_s == sorted(times_s) and times_s[-1] < ended_s
    beats = [state.beat - (state.at_s - times_s[0]) * state.bpm / 60.0 for state in states]
    assert beats == pytest.approx([beats[0]] * 5, abs=0.01)
    other.leave()
    ours.close()
    assert isinstance(queue.drain()[-1], SourceLost)


def test_without_its_package_link_says_how_to_get_it(monkeypatch) -> None:
    real = builtins.__import__

    def without_aalink(name: str, *arguments, **keywords):
        if name == "aalink":
            raise ImportError("No module named 'aalink'")
        return real(name, *arguments, **keywords)

    monkeypatch.delitem(sys.modules, "aalink", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_aalink)
    with pytest.raises(LivewaveError, match=r"needs the package aalink.*pip install -e '\.\[link\]'"):
        LinkSession(EventQueue(), 120.0, 4.0)
