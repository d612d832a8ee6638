"""The tap by itself: libjack's functions are ours, so that a cycle can be run again, as a server in trouble does."""

from __future__ import annotations

import ctypes

import pytest

_jack = pytest.importorskip("livewave.control._jack")

FRAMES = 128
ON, OFF = bytes((0x90, 67, 100)), bytes((0x80, 67, 0))


class Event(ctypes.Structure):
    _fields_ = [("time", ctypes.c_uint32), ("size", ctypes.c_size_t), ("buffer", ctypes.POINTER(ctypes.c_uint8))]


class Jack:
    """A server whose cycles are run one by one; `run` runs one that begins at that frame, with these events (time, bytes)."""

    def __init__(self) -> None:
        self._start, self._events = 0, []

        def event_get(event, _buffer: int, index: int) -> int:
            time, packet = self._events[index]
            event.contents.time, event.contents.size, event.contents.buffer = time, len(packet), packet
            return 0

        pointer, count = ctypes.c_void_p, ctypes.c_uint32
        self._functions = {
            "jack_port_get_buffer": ctypes.CFUNCTYPE(pointer, pointer, count)(lambda port, _: port),
            "jack_midi_get_event_count": ctypes.CFUNCTYPE(count, pointer)(lambda _: len(self._events)),
            "jack_midi_event_get": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Event), pointer, count)(event_get),
            "jack_last_frame_time": ctypes.CFUNCTYPE(count, pointer)(lambda _: self._start),
            "jack_frames_to_time": ctypes.CFUNCTYPE(ctypes.c_uint64, pointer, count)(lambda _, frame: frame),
            "jack_get_time": ctypes.CFUNCTYPE(ctypes.c_uint64)(lambda: 0),
        }
        self.tap = _jack.Tap(1, {name: ctypes.cast(function, pointer).value for name, function in self._functions.items()})
        self.tap.add_port(2)
        self._process = ctypes.CFUNCTYPE(ctypes.c_int, count, pointer)(_jack.process_address)

    def run(self, start: int, *events: tuple[int, bytes]) -> list[tuple[int, bytes]]:
        """What the tap takes: (frame, bytes)."""
        self._start = start
        self._events = [(time, (ctypes.c_uint8 * len(packet)).from_buffer_copy(packet)) for time, packet in events]
        assert self._process(FRAMES, self.tap.address) == 0
        return [(frame, packet) for _slot, _us, frame, packet in self.tap.read(0.0)]


@pytest.fixture
def jack() -> Jack:
    return Jack()


def test_events_are_taken_with_their_frames(jack):
    assert jack.run(0, (5, ON), (9, OFF)) == [(5, ON), (9, OFF)]
    assert jack.run(128) == []
    assert jack.run(256, (0, ON)) == [(256, ON)]


def test_a_cycle_that_is_run_again_is_not_taken_again(jack):
    assert jack.run(128, (5, ON)) == [(133, ON)]
    assert jack.run(128, (5, ON)) == []
    assert jack.run(256, (5, ON)) == [(261, ON)]  # the next one may hold the same


def test_what_is_new_in_a_cycle_that_is_run_again_is_taken(jack):
    assert jack.run(128, (5, ON)) == [(133, ON)]
    assert jack.run(128, (5, OFF)) == [(133, OFF)]
    assert jack.run(128, (6, OFF)) == [(134, OFF)]


def test_where_cycles_were_skipped_an_empty_event_stands_before_what_comes_next(jack):
    assert jack.run(128, (5, ON)) == [(133, ON)]
    assert jack.run(512, (5, OFF)) == [(512, b""), (517, OFF)]
    assert jack.run(640) == []
    assert jack.run(1024) == [(1024, b"")]
    assert jack.run(1024) == [] == jack.run(1152)  # run again: nothing was skipped


def test_every_port_is_told_of_skipped_cycles(jack):
    jack.tap.add_port(3)
    jack.run(128)
    assert jack.run(512) == [(512, b"")] * 2


def test_frames_that_begin_again_at_zero_are_no_skipped_cycle(jack):
    jack.run(2**32 - 128)
    assert jack.run(0, (5, ON)) == [(5, ON)]
    assert jack.run(256) == [(256, b"")]


def test_ports_are_told_apart(jack):
    jack.tap.add_port(3)
    assert len(jack.run(128, (5, ON))) == 2 and jack.run(128, (5, ON)) == []
