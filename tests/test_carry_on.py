"""A phrase of a file and what follows it. Where notes are worked out by hand, the toy composer plays what it heard a bar ago."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import mido
import numpy as np
import pytest

import livewave.carry_on
from livewave import LivewaveError
from livewave.carry_on import CarriedOn, carry_on, continue_file
from livewave.control.events import Control, NoteOff, NoteOn
from livewave.music.biaxial import HIGH, LOW
from livewave.music.biaxialfile import load_biaxial
from livewave.music.composer import Composer
from livewave.music.continuation import Continuation
from livewave.music.key import Key
from livewave.music.manner import Manner
from livewave.music.score import PieceNote, notes_of, read_notes, read_piece, read_score
from livewave.music.transport import Transport
from tests.music.toy_composer import ToyComposer
from tests.toys import tiny_biaxial_file

BEAT = 480
LEGATO = [(0, 480, 60), (480, 960, 64), (960, 1440, 67), (1440, 1920, 72)]  # begin, end, pitch: a bar of 4/4


@pytest.fixture(scope="module")
def composer(tmp_path_factory) -> Composer:
    return Composer(load_biaxial(tiny_biaxial_file(tmp_path_factory.mktemp("net"))))


def meta(ticks: int, kind: str, **data: int) -> tuple[int, mido.MetaMessage]:
    return ticks, mido.MetaMessage(kind, **data)


def metre(ticks: int, beats: int, unit: int) -> tuple[int, mido.MetaMessage]:
    return meta(ticks, "time_signature", numerator=beats, denominator=unit)


def phrase_file(path: Path, notes=LEGATO, *others: tuple[int, object], ticks_per_beat: int = BEAT) -> Path:
    """A MIDI file of one track: notes as (begin, end, pitch) in ticks, and other messages as (tick, message)."""
    timed = list(others)
    for begin, end, pitch in notes:
        timed += [(begin, mido.Message("note_on", note=pitch, velocity=90)), (end, mido.Message("note_off", note=pitch))]
    track, last = mido.MidiTrack(), 0
    for tick, message in sorted(timed, key=lambda entry: (entry[0], entry[1].type == "note_on")):
        track.append(message.copy(time=tick - last))
        last = tick
    mido.MidiFile(ticks_per_beat=ticks_per_beat, tracks=[track]).save(str(path))
    return path


def carried(path: Path, composer, bars: int = 2, seed: int = 0, **manner: object) -> CarriedOn:
    return carry_on(read_piece(path), composer, Manner(**manner), seed, bars, lambda done, total: None)


def continued(path: Path, out: Path, composer, bars: int = 2, seed: int = 0, **manner: object) -> bytes:
    continue_file(path, out, composer, Manner(**manner), seed, bars, lambda done, total: None)
    return out.read_bytes()


def noted(notes) -> list[tuple[float, float, int]]:
    return [(note.begin, note.end, note.pitch) for note in notes]


# where and what


def test_it_begins_on_the_bar_at_which_the_phrase_ends(tmp_path):
    found = carried(phrase_file(tmp_path / "a.mid"), ToyComposer(), bars=2)
    assert (found.begin, found.end) == (4.0, 12.0)
    assert noted(found.notes) == [(4.0, 5.0, 60), (5.0, 6.0, 64), (6.0, 7.0, 67), (7.0, 8.0, 72),
                                  (8.0, 9.0, 60), (9.0, 10.0, 64), (10.0, 11.0, 67), (11.0, 12.0, 72)]


@pytest.mark.parametrize("end, begin", [(1, 4.0), (1920 - 60, 4.0), (1920 + 59, 4.0), (1920 + 60, 8.0), (1920 + 480, 8.0)])
def test_a_phrase_ends_on_the_sixteenth_nearest_to_its_last_release(tmp_path, end, begin):
    assert carried(phrase_file(tmp_path / "a.mid", [(0, end, 60)]), ToyComposer(), bars=1).begin == begin


@pytest.mark.parametrize("changes, begin, bar", [
    ([metre(0, 3, 4)], 6.0, 3.0), ([metre(0, 6, 8)], 6.0, 3.0), ([metre(0, 7, 8)], 7.0, 3.5), ([metre(0, 2, 2)], 8.0, 4.0),
    ([metre(BEAT, 3, 4)], 7.0, 3.0), ([metre(0, 4, 4), metre(5 * BEAT, 1, 4)], 5.0, 1.0),
    ([metre(0, 3, 4), metre(6 * BEAT, 5, 4)], 6.0, 3.0), ([metre(0, 5, 4), metre(3 * BEAT, 3, 4)], 6.0, 3.0),
])
def test_bars_are_counted_in_the_metre_in_which_the_phrase_ends(tmp_path, changes, begin, bar):
    found = carried(phrase_file(tmp_path / "a.mid", [(0, 5 * BEAT, 60)], *changes), ToyComposer(62, bar=16), bars=2)
    assert (found.begin, found.end) == (begin, begin + 2 * bar)


@pytest.mark.parametrize("beats, unit", [(5, 4), (9, 8), (12, 8), (3, 32)])
def test_a_metre_that_cannot_be_counted_is_refused_by_name_where_the_phrase_ends_in_it(tmp_path, beats, unit):
    path = phrase_file(tmp_path / "a.mid", LEGATO, metre(BEAT, beats, unit))
    with pytest.raises(LivewaveError) as caught:
        continued(path, tmp_path / "b.mid", ToyComposer())
    assert f"{path}: " in str(caught.value) and f"{beats}/{unit}" in str(caught.value) and "1/4 to 4/4" in str(caught.value)
    assert not (tmp_path / "b.mid").exists()


def test_the_net_is_told_where_in_the_bar_it_is(tmp_path):
    composer = ToyComposer()
    notes = [(0, 960, 60), (960, 7 * BEAT, 64)]
    carried(phrase_file(tmp_path / "a.mid", notes, metre(0, 4, 4), metre(1920, 3, 4)), composer, bars=1)
    shown = [position for _, position in composer.heard]
    assert shown[-23:] == [*range(1, 12), 0, *range(1, 12)]


def test_a_short_phrase_is_heard_again_until_the_net_knows_its_key_and_style(tmp_path):
    composer = ToyComposer()
    carried(phrase_file(tmp_path / "a.mid"), composer, bars=1)
    struck = [int(row[:, 1].argmax()) + LOW for row, _ in composer.heard if row[:, 1].any()]
    assert struck[:16] == [60, 64, 67, 72] * 4


def test_what_follows_is_what_the_live_continuation_answers(tmp_path, composer):
    """The same notes at the same moments, when the player's rest is just long enough."""
    notes = [(0, 400, 60), (480, 700, 64), (500, 960, 67), (960, 1100, 70)]
    found = carried(phrase_file(tmp_path / "a.mid", notes), composer, bars=1, seed=3, density=2.0)
    transport = Transport(60.0)  # a beat is a second
    live = Continuation(composer, transport, Manner(mode="answer", rest_beats=0.5, density=2.0), 3)
    played = sorted([NoteOn(begin / BEAT, "keys", 0, pitch, 90) for begin, _, pitch in notes]
                    + [NoteOff(end / BEAT, "keys", 0, pitch) for _, end, pitch in notes], key=lambda event: event.at_s)
    answer = []
    for event in played:
        live.feed(event)
    for tick in range(1100):
        answer += live.advance(tick / 100)
    assert len(found.notes) > 4
    told = notes_of(answer)
    assert [(note.start_s, note.end_s, note.pitch, note.velocity) for note in told] == [
        (note.begin, note.end, note.pitch, note.velocity) for note in found.notes]


def test_it_lasts_no_longer_than_its_bars(tmp_path, composer):
    for seed in range(4):
        found = carried(phrase_file(tmp_path / "a.mid"), composer, bars=3, seed=seed, density=4.0)
        assert found.notes and max(note.end for note in found.notes) <= found.end == 16.0
        assert min(note.begin for note in found.notes) >= found.begin == 4.0


def sounding_together(notes) -> int:
    steps = np.arange(0, 400) / 8
    return max(sum(note.begin <= step < note.end for note in notes) for step in steps)


def test_pitches_polyphony_and_key_are_within_their_limits(tmp_path, composer):
    path = phrase_file(tmp_path / "a.mid")
    wide = carried(path, composer, bars=4, density=4.0, key="off", polyphony=16)
    assert {note.pitch for note in wide.notes} - set(range(60, 73)) and sounding_together(wide.notes) > 3
    found = carried(path, composer, bars=4, density=4.0, key="F# minor", polyphony=3, low=60, high=72)
    assert found.notes and {note.pitch for note in found.notes} <= set(range(60, 73))
    assert {note.pitch % 12 for note in found.notes} <= Key.named("F# minor").classes
    assert sounding_together(found.notes) <= 3


def test_without_a_word_it_keeps_to_the_key_of_the_phrase(tmp_path, composer):
    scale = [(240 * n, 240 * n + 240, pitch) for n, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74))]
    found = carried(phrase_file(tmp_path / "a.mid", scale), composer, bars=4, density=4.0)
    assert {note.pitch % 12 for note in found.notes} <= Key.named("D").classes


def test_same_seed_same_bytes_other_seed_other_notes(tmp_path, composer):
    path = phrase_file(tmp_path / "a.mid")
    takes = [continued(path, tmp_path / f"{n}.mid", composer, seed=seed) for n, seed in enumerate((5, 5, 6))]
    assert takes[0] == takes[1] != takes[2]
    piece = [read_piece(tmp_path / f"{n}.mid").notes for n in (0, 2)]
    assert piece[0] != piece[1]


def test_progress_is_told_after_each_bar(tmp_path):
    told = []
    carry_on(read_piece(phrase_file(tmp_path / "a.mid")), ToyComposer(), Manner(), 0, 3, lambda *done: told.append(done))
    assert told == [(1.0, 3), (2.0, 3), (3.0, 3)]


# the file


def ticking(track) -> list[tuple[int, str, int]]:
    ticks, told = 0, []
    for message in track:
        ticks += message.time
        if message.type in ("note_on", "note_off"):
            told.append((ticks, message.type, message.note))
    return told


def test_the_file_holds_the_phrase_to_the_tick_and_what_follows_on_a_track_of_its_own(tmp_path):
    uneven = [(3, 471, 60), (499, 951, 64), (961, 1439, 61), (1441, 1907, 61)]
    path = phrase_file(tmp_path / "a.mid", uneven, meta(0, "set_tempo", tempo=400_000), metre(0, 2, 4), ticks_per_beat=BEAT)
    continued(path, tmp_path / "b.mid", ToyComposer(bar=8))
    before, after = mido.MidiFile(path), mido.MidiFile(tmp_path / "b.mid")
    assert after.ticks_per_beat == BEAT and [track.name for track in after.tracks] == ["played", "continued"]
    assert ticking(after.tracks[0]) == ticking(before.tracks[0])
    assert [message for message in after.tracks[0] if message.type in ("set_tempo", "time_signature")] == [
        message for message in before.tracks[0] if message.type in ("set_tempo", "time_signature")]
    assert {tick % (BEAT // 4) for tick, _, _ in ticking(after.tracks[1])} == {0}
    assert min(ticking(after.tracks[1]))[0] == 4 * BEAT
    piece = read_piece(tmp_path / "b.mid")
    assert piece.notes[: len(uneven)] == read_piece(path).notes


@pytest.mark.parametrize("ticks", [4, 6, 96, 1001])
def test_sixteenths_fit_any_ticks_a_beat_from_four_on(tmp_path, composer, ticks):
    path = phrase_file(tmp_path / "a.mid", [(0, 4 * ticks, 60)], ticks_per_beat=ticks)
    continued(path, tmp_path / "b.mid", composer, density=4.0)
    found = [note for note in read_piece(tmp_path / "b.mid").notes if note.begin >= 4.0]
    assert len(found) == len(carried(path, composer, density=4.0).notes) > 0


def test_fewer_ticks_a_beat_are_refused(tmp_path):
    path = phrase_file(tmp_path / "a.mid", [(0, 12, 60)], ticks_per_beat=3)
    with pytest.raises(LivewaveError, match="a.mid counts 3 ticks a quarter note"):
        continued(path, tmp_path / "b.mid", ToyComposer())


def test_a_last_note_that_ends_just_after_the_bar_is_not_cut(tmp_path):
    path = phrase_file(tmp_path / "a.mid", [(0, 1950, 60)])
    continued(path, tmp_path / "b.mid", ToyComposer(60), bars=1)
    track = mido.MidiFile(tmp_path / "b.mid").tracks[0]
    assert ticking(track) == [(0, "note_on", 60), (1950, "note_off", 60)]
    found = carried(path, ToyComposer(60), bars=1)
    events = found.events(read_score(path))
    assert min(event.at_s for event in events if isinstance(event, (NoteOff, Control))) == pytest.approx(1950 / 960)


def test_seconds_go_on_in_the_tempo_of_the_phrases_end(tmp_path):
    tempos = [meta(tick, "set_tempo", tempo=tempo) for tick, tempo in ((0, 1_000_000), (960, 500_000), (1921, 9_000))]
    path = phrase_file(tmp_path / "a.mid", LEGATO, *tempos, meta(3000, "lyrics", text="la"))
    found = carried(path, ToyComposer(), bars=1)
    assert found.end_s == pytest.approx(2.0 + 1.0 + 2.0)
    strikes = [event.at_s for event in found.events(read_score(path)) if isinstance(event, NoteOn)]
    assert strikes == pytest.approx([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5])
    continued(path, tmp_path / "b.mid", ToyComposer(), bars=1)
    assert [event.at_s for event in read_score(tmp_path / "b.mid") if isinstance(event, NoteOn)] == pytest.approx(strikes)


def test_pedals_and_keys_that_hang_are_let_go_where_it_begins(tmp_path):
    hung = [(0, mido.Message("control_change", control=64, value=127)),
            (700, mido.Message("note_on", note=50, velocity=80)),
            (960, mido.Message("control_change", control=7, value=90))]
    path = phrase_file(tmp_path / "a.mid", [(0, 480, 60)], *hung)
    assert read_piece(path).end == 2.0
    continued(path, tmp_path / "b.mid", ToyComposer(67), bars=2)
    notes = {(note.begin, note.pitch): note for note in read_piece(tmp_path / "b.mid").notes}
    assert notes[0.0, 60].end == notes[700 / 480, 50].end == 4.0
    events = carried(path, ToyComposer(67), bars=2).events(read_score(path))
    assert all(note.end_s == 2.0 for note in notes_of(events) if note.start_s < 2.0)


# bad input


@pytest.mark.parametrize("notes", [
    [(0, 1, 60)], [(0, 480, pitch) for pitch in range(40, 60)], [(0, 480, 0), (0, 480, 127)], [(96_000, 96_001, 60)],
], ids=["one note", "twenty at once", "outside", "after a long rest"])
def test_any_phrase_is_carried_on(tmp_path, composer, notes):
    found = carried(phrase_file(tmp_path / "a.mid", notes), composer, bars=8)
    assert found.notes and sounding_together(found.notes) <= Manner().polyphony
    assert {note.pitch for note in found.notes} <= set(range(LOW, HIGH + 1))


def test_notes_outside_are_folded_which_is_said_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    found = carried(phrase_file(tmp_path / "a.mid", [(0, 960, 12), (960, 1920, 120)]), ToyComposer(), bars=1, key="off")
    assert noted(found.notes) == [(4.0, 6.0, 24), (6.0, 8.0, 96)]
    assert len([record for record in caplog.records if "24..101" in record.message]) == 1
    caplog.clear()
    carried(phrase_file(tmp_path / "a.mid"), ToyComposer())
    assert not caplog.records


def test_a_file_without_notes_is_refused_by_name(tmp_path):
    path = phrase_file(tmp_path / "a.mid", [])
    with pytest.raises(LivewaveError, match="a.mid holds no notes"):
        continued(path, tmp_path / "b.mid", ToyComposer())
    assert not (tmp_path / "b.mid").exists()


def refused(path: Path, out: Path) -> str:
    with pytest.raises(LivewaveError) as caught:
        continued(path, out, ToyComposer())
    assert str(out) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_the_file_that_is_read_is_never_written(tmp_path):
    path = phrase_file(tmp_path / "a.mid")
    before = path.read_bytes()
    os.link(path, tmp_path / "b.mid")
    (tmp_path / "c.mid").symlink_to(path)
    for out in (path, tmp_path / "b.mid", tmp_path / "c.mid", tmp_path / "." / "a.mid"):
        assert "is read" in refused(path, out)
    assert path.read_bytes() == before


@pytest.mark.parametrize("out", ["nowhere/b.mid", "a.mid/b.mid", ".", "x" * 300 + ".mid", "pipe"])
def test_what_cannot_be_a_file_is_refused_and_left_as_it_is(tmp_path, out):
    path = phrase_file(tmp_path / "a.mid")
    os.mkfifo(tmp_path / "pipe")
    refused(path, tmp_path / out)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.mid", "pipe"]


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path, out = phrase_file(tmp_path / "a.mid"), tmp_path / "b.mid"
    out.write_bytes(b"before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(livewave.carry_on.os, "fsync", full)
    assert "No space left" in refused(path, out)
    assert out.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 2


def test_a_link_stays_one_and_what_it_points_to_is_replaced(tmp_path):
    path = phrase_file(tmp_path / "a.mid")
    (tmp_path / "real.mid").write_bytes(b"before")
    (tmp_path / "link.mid").symlink_to(tmp_path / "real.mid")
    continued(path, tmp_path / "link.mid", ToyComposer())
    assert (tmp_path / "link.mid").is_symlink() and len(read_notes(tmp_path / "real.mid")[1]) == 12


def test_the_shipped_net_comes_in_on_the_bar_and_near_what_was_played(tmp_path):
    net = Composer(load_biaxial("chorale"))
    for pitches in ((67, 69, 71, 72), (67,), (69, 72, 76, 74, 72)):
        notes = [(beat * BEAT, (beat + 1) * BEAT, pitch) for beat, pitch in enumerate(pitches)]
        for seed in range(3):
            found = carried(phrase_file(tmp_path / "a.mid", notes), net, bars=2, seed=seed)
            assert found.notes[0].begin == found.begin
            assert all(min(pitches) - 12 <= note.pitch <= max(pitches) + 12 for note in found.notes)


def test_a_name_that_is_not_of_a_midi_file_is_refused(tmp_path, composer):
    with pytest.raises(LivewaveError, match=r"ends in \.mid"):
        continued(phrase_file(tmp_path / "a.mid"), tmp_path / "out.wav", composer)
    assert not (tmp_path / "out.wav").exists()
