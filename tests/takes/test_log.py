from __future__ import annotations

import json
from pathlib import Path

import pytest

from livewave import LivewaveError
from livewave.control.events import NoteOn
from livewave.link import Command, Order
from livewave.takes.log import LONGEST_LINE_BYTES, NAME, LogFile, Stretch, is_being_written, read_log

TAKE = {"kind": "take", "format": 1, "rate_hz": 48_000, "at_s": 10.0, "livewave": "0.1.0", "wall_s": 1.0, "config": {}}
LIFE = {"kind": "life", "life": 1, "process": 1, "whole": True, "frame": 0, "model": "tiny", "model_hash": "ab", "engine": "native",
        "isa": "v3", "precision": "int8", "seed": 0, "temperature": 0.8, "gain_db": 0.0, "rate_hz": 48_000,
        "block_samples": 32, "at_s": 1.0, "wall_s": 1.0}
ORDER = {"kind": "order", "life": 1, "column": 5, "order": "strike", "pitch": 60, "velocity": 100, "value": 0.0}
AUDIO = {"kind": "audio", "frame": 0, "process": 1, "from": 960, "at_s": 11.0}
EVENT = {"kind": "event", "event": "NoteOn", "at_s": 11.0, "source": "midi:x", "channel": 0, "pitch": 60, "velocity": 100}
MARK = {"kind": "mark", "at_s": 11.0, "text": "here"}
UNTIL = {"kind": "until", "frame": 4800}
SILENCE = {"kind": "silence", "frame": 9600, "frames": 100, "why": "x"}
END = {"kind": "end", "frame": 9700, "why": "asked"}
ALL = [TAKE, LIFE, ORDER, AUDIO, EVENT, MARK, UNTIL, SILENCE, END]


def written(folder: Path, *rows: object, tail: bytes = b"") -> Path:
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    (folder / NAME).write_bytes(text.encode() + tail)
    return folder


def test_every_line_is_read_as_it_was_meant(tmp_path):
    log = read_log(written(tmp_path, *ALL))
    life, = log.lives.values()
    assert (life.process, life.frame, life.model, life.engine, life.isa, life.precision) == (1, 0, "tiny", "native", "v3", "int8")
    assert life.orders == [(5, Command(Order.STRIKE, 0.0, 60, 100))]
    assert log.stretches == [Stretch(0, 1, 960, 11.0), Stretch(9600)]
    assert log.events == [NoteOn(11.0, "midi:x", 0, 60, 100)]
    assert (log.marks, log.until, log.ended, log.began_s) == ([(11.0, "here")], 9700, True, 11.0)


@pytest.mark.parametrize("tail", [b'{"kind": "ord', b"\0" * 4096, b'{"kind": "end", "frame": 9700}'])
def test_a_last_line_that_was_torn_off_is_left_out(tmp_path, tail):
    log = read_log(written(tmp_path, *ALL[:-2], tail=tail))
    assert log.until == 4800 and not log.ended


@pytest.mark.parametrize("cut", range(0, 900, 7))
def test_a_log_that_was_cut_off_anywhere_is_read_or_is_empty(tmp_path, cut):
    written(tmp_path, *ALL)
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[:cut])
    if b"\n" in whole[:cut]:
        assert len(read_log(tmp_path).lives) == (cut > whole.index(b"\n", whole.index(b"\n") + 1))
    else:
        with pytest.raises(LivewaveError, match="nothing was recorded"):
            read_log(tmp_path)


HOSTILE = [
    "", "[]", "3", "null", "{", '{"kind": NaN}', "[" * 100_000, '{"kind": "order", "life": ' + "9" * 5_000 + "}",
    {"kind": "other"}, {"kind": None}, {"kind": ["life"]}, {}, TAKE, {**LIFE, "life": 1},
    {**LIFE, "life": 2, "frame": -1}, {**LIFE, "life": 2, "frame": 10**30}, {**LIFE, "life": 2, "frame": 1.5},
    {**LIFE, "life": 2, "process": True}, {**LIFE, "life": 2, "engine": "auto"}, {**LIFE, "life": 2, "engine": "../x"},
    {**LIFE, "life": 2, "seed": -1}, {**LIFE, "life": 2, "temperature": 1e308}, {**LIFE, "life": 2, "gain_db": 1e9},
    {**LIFE, "life": 2, "rate_hz": 44_100}, {**LIFE, "life": 2, "model": "x" * 5_000}, {**LIFE, "life": 2, "model": 3},
    {**LIFE, "life": 10**9}, {**ORDER, "life": 7}, {**ORDER, "life": "1"}, {**ORDER, "column": 2**63}, {**ORDER, "column": -1},
    {**ORDER, "pitch": 128}, {**ORDER, "velocity": 0}, {**ORDER, "velocity": 10**30}, {**ORDER, "order": "exec"},
    {**ORDER, "order": 1}, {**ORDER, "value": "x"}, {**ORDER, "value": 1e999}, {**ORDER, "order": "bend", "value": 1e6},
    {**ORDER, "order": "fault", "value": 1e12}, {**AUDIO, "process": 9}, {**AUDIO, "from": 2**70}, {**SILENCE, "frames": 10**18},
    {**EVENT, "pitch": 200}, {**EVENT, "event": "__class__"}, {**MARK, "text": {}},
    {**UNTIL, "frame": -5}, json.dumps(MARK).replace("here", "x" * LONGEST_LINE_BYTES),
]


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: str(row)[:60])
def test_a_line_that_livewave_would_not_write_is_refused_with_its_number(tmp_path, row):
    with pytest.raises(LivewaveError, match=f"{NAME}, line 8: "):
        read_log(written(tmp_path, *ALL[:7], row, END))


def test_nothing_follows_the_end(tmp_path):
    with pytest.raises(LivewaveError, match="line 10: a mark cannot be here"):
        read_log(written(tmp_path, *ALL, MARK))


def test_frames_never_go_back(tmp_path):
    with pytest.raises(LivewaveError, match="line 8: frame must be a whole number in 4800"):
        read_log(written(tmp_path, *ALL[:7], {**AUDIO, "frame": 4799}))


@pytest.mark.parametrize("rows", [[LIFE], [{**TAKE, "format": 2}], [{**TAKE, "rate_hz": 10**9}], [{**TAKE, "at_s": -1}]])
def test_what_does_not_begin_as_a_log_is_none(tmp_path, rows):
    with pytest.raises(LivewaveError, match="line 1: "):
        read_log(written(tmp_path, *rows))


def test_a_folder_without_a_log_is_no_take(tmp_path):
    with pytest.raises(LivewaveError, match="there is no take in"):
        read_log(tmp_path)
    (tmp_path / NAME).mkdir()
    with pytest.raises(LivewaveError, match="there is no take in"):
        read_log(tmp_path)


def test_a_line_is_there_as_soon_as_it_was_flushed(tmp_path):
    log = LogFile(tmp_path / NAME)
    log.add("mark", at_s=1.0, text="here")
    log.flush()
    assert (tmp_path / NAME).read_text() == '{"kind": "mark", "at_s": 1.0, "text": "here"}\n'
    log.close()


def test_a_log_is_known_to_be_written_until_its_writer_closes_it(tmp_path):
    log = LogFile(tmp_path / NAME)
    assert is_being_written(tmp_path / NAME)
    log.close()
    assert not is_being_written(tmp_path / NAME)


def test_a_line_that_found_no_room_is_not_there_in_part(tmp_path, monkeypatch):
    log = LogFile(tmp_path / NAME)
    log.add("mark", at_s=1.0, text="here")
    log.flush()
    import livewave.takes.log as module

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[:20])

    real = module.os.write
    monkeypatch.setattr(module.os, "write", half)
    log.add("mark", at_s=2.0, text="there")
    with pytest.raises(OSError, match="No space"):
        log.flush()
    monkeypatch.undo()
    log.close()
    assert (tmp_path / NAME).read_text() == '{"kind": "mark", "at_s": 1.0, "text": "here"}\n'
