from __future__ import annotations

import dataclasses
import threading

import pytest

from livewave.control.events import EventQueue, NoteOff, NoteOn, Panic


def _note(number: int) -> NoteOn:
    return NoteOn(float(number), "midi:test", 0, number % 128, 100)


def test_events_are_values_that_nobody_changes() -> None:
    note = _note(1)
    assert note == _note(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        note.pitch = 2
    assert not hasattr(note, "__dict__")


def test_events_leave_in_the_order_they_came() -> None:
    queue = EventQueue()
    for number in range(10):
        queue.put(_note(number))
    assert queue.drain() == [_note(number) for number in range(10)]
    assert queue.drain() == []


def test_a_full_queue_drops_counts_and_ends_in_a_panic_so_that_no_note_hangs() -> None:
    queue = EventQueue(capacity=2)
    assert queue.put(_note(1)) and queue.put(_note(2))
    assert not queue.put(NoteOff(3.0, "midi:test", 0, 1))
    assert queue.dropped == 1
    assert queue.drain() == [_note(1), _note(2), Panic(3.0, "queue")]
    assert queue.put(_note(4))
    assert queue.drain() == [_note(4)]


def test_keys_go_before_a_flood_of_messages_of_which_each_source_keeps_its_order() -> None:
    queue = EventQueue()
    flood = [NoteOn(float(number), "osc:127.0.0.1", 0, 60, 90) for number in range(10)]
    for event in [*flood, _note(20), _note(21)]:
        queue.put(event)
    assert queue.drain(4) == [_note(20), _note(21), *flood[:4]]
    queue.put(_note(22))
    assert queue.wait(0.0) and queue.drain(4) == [_note(22), *flood[4:8]]
    assert queue.wait(0.0) and queue.drain(4) == flood[8:]
    assert not queue.wait(0.0)


def test_after_an_overflow_the_panic_comes_after_all_that_waited() -> None:
    queue = EventQueue(capacity=3)
    flood = [NoteOn(float(number), "osc:127.0.0.1", 0, 60, 90) for number in range(4)]
    for event in flood:
        queue.put(event)
    assert queue.drain(1) == [*flood[:3], Panic(3.0, "queue")]


def test_waiting_ends_when_something_arrives_and_says_whether_it_did() -> None:
    queue = EventQueue()
    assert queue.wait(0.0) is False
    threading.Timer(0.01, queue.put, [_note(1)]).start()
    assert queue.wait(10.0) is True
    assert queue.wait(0.0) is True


def test_no_event_is_lost_between_threads() -> None:
    queue, seen = EventQueue(), []
    writers = [threading.Thread(target=lambda: [queue.put(_note(n)) for n in range(500)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    while len(seen) < 2_000 and queue.wait(10.0):
        seen += queue.drain()
    assert sorted(event.at_s for event in seen) == sorted(4 * [float(n) for n in range(500)])
