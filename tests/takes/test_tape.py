from __future__ import annotations

import socket
import tracemalloc

import numpy as np
import pytest

from livewave.link import Command, Order
from livewave.takes.tape import BACKLOG_S, HEAD, Begun, Heard, Put, TapeReader, TapeWriter, model_hash
from tests.takes.playing import other_model
from tests.toys import tiny_model

LIFE = {"rate_hz": 48_000, "model": "tiny"}
BLOCK = np.arange(96, dtype=np.float32)


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    writer, reader = TapeWriter(theirs), TapeReader(ours)
    yield writer, reader
    writer.close()
    reader.close()


def recording(writer: TapeWriter, reader: TapeReader) -> None:
    reader.ask(True)
    writer.flush()
    assert writer.recording


def heard(records: list) -> np.ndarray:
    return np.concatenate([record.frames for record in records if isinstance(record, Heard)])


def test_what_is_told_arrives_in_order(ends):
    writer, reader = ends
    recording(writer, reader)
    placed = writer.begin(LIFE)
    placed(2**40, Command(Order.GAIN_DB, value=-3.1))
    writer.frames(0, BLOCK)
    placed(12, Command(Order.STRIKE, 5.0, 60, 100))
    writer.flush()
    begun, gain, frames, strike = reader.read()
    assert begun == Begun(0, LIFE)
    assert gain == Put(0, 2**40, Command(Order.GAIN_DB, value=-3.1))
    assert strike == Put(0, 12, Command(Order.STRIKE, 0.0, 60, 100))
    assert frames.first == 0 and frames.at_s > 0.0
    np.testing.assert_array_equal(frames.frames, BLOCK)


def test_orders_belong_to_the_life_whose_begin_they_came_from(ends):
    writer, reader = ends
    first, second = writer.begin(LIFE), writer.begin(LIFE)
    second(1, Command(Order.HUSH))
    first(2, Command(Order.FAULT, value=3))
    writer.flush()
    assert [record.number for record in reader.read()] == [0, 1, 1, 0]


def test_frames_are_sent_only_while_they_are_asked_for(ends):
    writer, reader = ends
    for first in (0, 96):
        writer.frames(first, BLOCK)
        writer.flush()
    assert reader.read() == []
    recording(writer, reader)
    writer.frames(192, BLOCK)
    reader.ask(False)
    writer.flush()
    writer.frames(288, BLOCK)
    writer.flush()
    assert [record.first for record in reader.read()] == [192]


def test_a_reader_that_stands_still_never_blocks_the_writer_and_costs_ten_seconds_of_frames_at_most(ends):
    """A minute of sound, and an order with each block: what does not fit is dropped, but no order is."""
    writer, reader = ends
    recording(writer, reader)
    placed = writer.begin(LIFE)
    tracemalloc.start()
    for block in range(30_000):
        placed(block, Command(Order.HUSH))
        writer.frames(96 * block, BLOCK)
        writer.flush()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < BACKLOG_S * 48_000 * 4 + 30_000 * 200
    assert 0 < writer.lost_frames < 50 * 48_000
    records = []
    while more := reader.read():
        records += more
        writer.flush()
    assert [record.column for record in records if isinstance(record, Put)] == list(range(30_000))
    assert len(heard(records)) + writer.lost_frames == 30_000 * 96
    writer.frames(96 * 30_000, BLOCK)
    writer.flush()
    assert reader.read()[0].first == 96 * 30_000  # and goes on


def test_a_record_that_arrives_in_pieces_is_one():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reader = TapeReader(ours)
    body = b'{"number": 0, "x": 1}'
    data = HEAD.pack(1, len(body)) + body
    with theirs:
        for byte in data[:-1]:
            theirs.send(bytes([byte]))
            assert reader.read() == []
        theirs.send(data[-1:])
        assert reader.read() == [Begun(0, {"x": 1})]


@pytest.mark.parametrize("data", [b"\0" * 64, HEAD.pack(1, 1 << 31), HEAD.pack(9, 0)])
def test_what_is_no_tape_ends_it(data):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reader = TapeReader(ours)
    with theirs:
        theirs.send(data)
        assert reader.read() == [] and reader.ended


def test_a_writer_whose_reader_is_gone_goes_on_and_keeps_nothing(ends):
    writer, reader = ends
    recording(writer, reader)
    placed = writer.begin(LIFE)
    reader.close()
    for block in range(1_000):
        placed(block, Command(Order.HUSH))
        writer.frames(96 * block, BLOCK)
        writer.flush()
    assert writer.gone and not writer.recording and not writer._waiting and not writer._block


def test_what_was_said_before_the_end_is_still_read(ends):
    writer, reader = ends
    writer.begin(LIFE)
    writer.flush()
    writer.close()
    assert reader.read() == [Begun(0, LIFE)]
    assert reader.ended


def test_the_hash_of_a_model_tells_nets_apart_and_not_cards():
    card = tiny_model()
    card.provenance["about"] = "another text"
    assert model_hash(card) == model_hash(tiny_model())
    assert len({model_hash(model) for model in (card, other_model(), tiny_model(hint="none"))}) == 3
