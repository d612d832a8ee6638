from __future__ import annotations

import math

import mido
import numpy as np
import pretty_midi
import pytest

from livewave import LivewaveError
from livewave.control.events import Control, NoteOff, NoteOn, PitchBend
from livewave.music.score import Note, PieceNote, bends_of, notes_of, positions_of, read_piece, read_score, roll_of

FLIPS = 400


def instrument(*notes: tuple[float, float, int], drums: bool = False, velocity: int = 90) -> pretty_midi.Instrument:
    played = pretty_midi.Instrument(73, is_drum=drums)
    played.notes = [pretty_midi.Note(velocity, pitch, start, end) for start, end, pitch in notes]
    return played


def written(path, *instruments: pretty_midi.Instrument, tempo: float = 120.0):
    midi = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=tempo)
    midi.instruments.extend(instruments)
    midi.write(str(path))
    return path


def test_notes_come_as_the_player_would_have_sent_them(tmp_path):
    events = read_score(written(tmp_path / "a.mid", instrument((0.5, 1.0, 60), (1.0, 1.5, 64))))
    assert [(type(e), round(e.at_s, 3), e.pitch) for e in events] == [
        (NoteOn, 0.5, 60), (NoteOff, 1.0, 60), (NoteOn, 1.0, 64), (NoteOff, 1.5, 64)]
    assert {event.velocity for event in events if isinstance(event, NoteOn)} == {90}
    assert {event.source for event in events} == {"score"}


def test_a_repeated_note_ends_before_it_begins_again(tmp_path):
    events = read_score(written(tmp_path / "a.mid", instrument((0.0, 0.5, 60), (0.5, 1.0, 60))))
    assert [type(event) for event in events] == [NoteOn, NoteOff, NoteOn, NoteOff]


def test_tempo_changes_nothing_but_the_grid(tmp_path):
    events = read_score(written(tmp_path / "a.mid", instrument((0.5, 2.0, 60)), tempo=77.0))
    assert [event.at_s for event in events] == pytest.approx([0.5, 2.0], abs=0.002)


def test_drums_are_left_out(tmp_path):
    events = read_score(written(tmp_path / "a.mid", instrument((0.0, 1.0, 36), drums=True), instrument((0.2, 0.4, 72))))
    assert {event.pitch for event in events} == {72}


def test_pedals_and_faders_come_along_in_order_of_time(tmp_path):
    pedalled = instrument((0.5, 1.0, 60))
    pedalled.control_changes = [pretty_midi.ControlChange(64, 127, 0.25), pretty_midi.ControlChange(64, 0, 1.75)]
    events = read_score(written(tmp_path / "a.mid", pedalled))
    controls = [event for event in events if isinstance(event, Control)]
    assert [(c.controller, c.value, round(c.at_s, 3)) for c in controls] == [(64, 127, 0.25), (64, 0, 1.75)]
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)


def test_instruments_keep_apart_so_that_a_note_doubled_is_let_go_twice(tmp_path):
    events = read_score(written(tmp_path / "a.mid", instrument((0.0, 1.0, 60)), instrument((0.0, 2.0, 60))))
    assert len({event.channel for event in events}) == 2


def refused(path) -> str:
    """The one line that says why."""
    with pytest.raises(LivewaveError) as caught:
        read_score(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [
    b"", b"la la la\n" * 100, b"MThd", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\x10\0\x90", bytes(range(256)),
    b"RIFF\x24\0\0\0WAVEfmt ", b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0",
])
def test_what_is_not_a_midi_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    refused(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "no MIDI file" in refused(tmp_path / "missing.mid")
    assert "no MIDI file" in refused(tmp_path)


@pytest.mark.parametrize("instruments", [[], [instrument((0.0, 1.0, 36), drums=True)]])
def test_a_file_without_notes_is_refused(tmp_path, instruments):
    assert "no notes" in refused(written(tmp_path / "a.mid", *instruments))


def a_score(path) -> bytes:
    pedalled = instrument(*[(0.25 * i, 0.25 * i + 0.2, 55 + i % 30) for i in range(12)])
    pedalled.control_changes = [pretty_midi.ControlChange(64, 127, 0.5)]
    return written(path, pedalled, instrument((0.0, 1.0, 36), drums=True), instrument((0.0, 1.0, 36))).read_bytes()


@pytest.mark.parametrize("length", range(0, 200, 13))
def test_a_file_cut_short_is_read_or_refused(tmp_path, length):
    path = tmp_path / "song.mid"
    path.write_bytes(a_score(path)[:length])
    check_or_refuse(path)


def test_a_file_with_any_bytes_flipped_is_read_or_refused(tmp_path):
    path, rng = tmp_path / "song.mid", np.random.default_rng(0)
    whole, read = a_score(path), 0
    for _ in range(FLIPS):
        broken = bytearray(whole)
        for position in rng.integers(0, len(whole), rng.integers(1, 4)):
            broken[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(broken)
        read += check_or_refuse(path)
    assert 0 < read < FLIPS


def check_or_refuse(path) -> bool:
    try:
        events = read_score(path)
    except LivewaveError as error:
        assert "\n" not in str(error)
        return False
    for event in events:
        assert math.isfinite(event.at_s) and event.at_s >= 0.0
        assert not isinstance(event, NoteOn) or (0 <= event.pitch <= 127 and 1 <= event.velocity <= 127)
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)
    return True


# channels, bends, MPE


def messages_written(path, *tracks: list[mido.Message]):
    midi = mido.MidiFile(ticks_per_beat=480)  # 960 ticks a second
    midi.tracks.extend(mido.MidiTrack(track) for track in tracks)
    midi.save(str(path))
    return path


def message(kind: str, ticks: int = 0, channel: int = 0, **data: int) -> mido.Message:
    return mido.Message(kind, time=ticks, channel=channel, **data)


def zone(members: int) -> list[mido.Message]:
    parameters = ((101, 0), (100, 6), (6, members))
    return [message("control_change", control=control, value=value) for control, value in parameters]


def test_pitch_bends_come_along_on_their_channels(tmp_path):
    track = [message("pitchwheel", channel=3, pitch=-8192), message("note_on", 480, 3, note=60, velocity=9),
             message("pitchwheel", 480, 3, pitch=4096), message("note_off", 480, 3, note=60)]
    assert read_score(messages_written(tmp_path / "a.mid", track)) == [
        PitchBend(0.0, "score", 3, -8192), NoteOn(0.5, "score", 3, 60, 9), PitchBend(1.0, "score", 3, 4096),
        NoteOff(1.5, "score", 3, 60)]


def test_an_mpe_file_is_heard_as_it_would_be_live(tmp_path):
    """Its manager has no notes, and channel 10 is a member and no drum."""
    track = [*zone(15),
             message("note_on", 96, 9, note=60, velocity=80), message("note_on", channel=1, note=64, velocity=80),
             message("pitchwheel", 96, 9, pitch=512), message("pitchwheel", 96, 0, pitch=4096),
             message("note_off", 96, 9, note=60), message("note_off", channel=1, note=64)]
    events = read_score(messages_written(tmp_path / "a.mid", track))
    roll = roll_of(events, 0.5, 1_000)
    semitones = bends_of(events, roll, 1_000)
    assert roll[150, [60, 64]].tolist() == [80, 80] and not roll[450].any()
    assert semitones[[150, 250, 350]][:, [60, 64]].tolist() == [[0.0, 0.0], [3.0, 0.0], [4.0, 1.0]]


def test_channel_10_is_drums_where_no_zone_takes_it(tmp_path):
    track = [*zone(8), message("note_on", channel=9, note=36, velocity=80), message("pitchwheel", channel=9, pitch=99),
             message("note_on", channel=2, note=60, velocity=80), message("note_off", 480, 2, note=60)]
    events = read_score(messages_written(tmp_path / "a.mid", track))
    assert {event.channel for event in events if not isinstance(event, Control)} == {2}


def test_a_key_struck_twice_and_let_go_once_does_not_hang(tmp_path):
    track = [message("note_on", note=60, velocity=80), message("note_on", 96, note=60, velocity=80),
             message("note_off", 96, note=60),
             message("note_on", 960, note=72, velocity=80), message("note_off", 96, note=72)]
    assert [note.pitch for note in notes_of(read_score(messages_written(tmp_path / "a.mid", track)))] == [60, 60, 72]
    assert not roll_of(read_score(tmp_path / "a.mid"), 1.0, 1_000)[500:, 60].any()


def test_a_note_that_nobody_lets_go_lasts_until_the_last_event(tmp_path):
    held = [message("note_on", note=60, velocity=80), message("control_change", 960, control=7, value=90)]
    pedalled = [message("control_change", control=64, value=127), message("note_on", note=60, velocity=80),
                message("note_off", 96, note=60), message("note_on", 864, note=64, velocity=80)]
    for track in (held, pedalled):
        events = read_score(messages_written(tmp_path / "a.mid", track))
        assert notes_of(event for event in events) == [Note(0.0, events[-1].at_s, 60, 80)]
    assert notes_of(read_score(messages_written(tmp_path / "a.mid", held[:1]))) == []


def test_a_note_that_begins_where_another_of_its_pitch_ends_goes_on_whichever_is_written_first(tmp_path):
    rolls = []
    for between in ([message("note_off", 480, note=60), message("note_on", note=60, velocity=81)],
                    [message("note_on", 480, note=60, velocity=81), message("note_off", note=60)]):
        track = [message("note_on", note=60, velocity=80), *between, message("note_off", 480, note=60)]
        rolls.append(roll_of(read_score(messages_written(tmp_path / "a.mid", track)), 1.2, 1_000))
    np.testing.assert_array_equal(*rolls)
    assert rolls[0][700, 60] == 81 and not rolls[0][1_020:].any()


def test_a_tempo_on_any_track_counts_for_all(tmp_path):
    tempo = [mido.MetaMessage("set_tempo", tempo=1_000_000, time=480)]  # after half a second, half as fast
    notes = [message("note_on", 480, note=60, velocity=80), message("note_off", 480, note=60)]
    events = read_score(messages_written(tmp_path / "a.mid", notes, tempo))
    assert [event.at_s for event in events] == [0.5, 1.5]


def test_time_in_frames_of_film_is_refused_with_its_remedy(tmp_path):
    path = messages_written(tmp_path / "a.mid", [message("note_on", note=60, velocity=80)])
    whole = path.read_bytes()
    path.write_bytes(whole[:12] + b"\xe7\x28" + whole[14:])
    assert "ticks per quarter note" in refused(path)


def test_a_file_of_more_than_a_day_is_refused(tmp_path):
    track = [message("note_on", note=60, velocity=80), message("note_off", 2**27, note=60)]
    assert "24 hours" in refused(messages_written(tmp_path / "a.mid", track))


# pieces: beats, tempo, metre


def meta(kind: str, ticks: int = 0, **data: int) -> mido.MetaMessage:
    return mido.MetaMessage(kind, time=ticks, **data)


def metre(beats: int, unit: int, ticks: int = 0) -> mido.MetaMessage:
    return meta("time_signature", ticks, numerator=beats, denominator=unit)


def sung(ticks: int, pitch: int = 60) -> list[mido.Message]:
    return [message("note_on", note=pitch, velocity=80), message("note_off", ticks, note=pitch)]


def test_a_piece_without_tempo_and_metre_has_120_beats_a_minute_and_four_a_bar(tmp_path):
    piece = read_piece(messages_written(tmp_path / "a.mid", sung(480 * 5)))
    assert (piece.tempos, piece.metres) == (((0.0, 120.0),), ((0.0, 4, 4),))
    assert piece.notes == (PieceNote(0.0, 5.0, 60, 80),) and piece.end == 5.0
    assert positions_of(piece).tolist() == [*range(16), 0, 1, 2, 3]


def test_notes_of_a_piece_are_in_beats_whatever_the_tempo(tmp_path):
    tempo = [meta("set_tempo", tempo=750_000), meta("set_tempo", 480 * 2, tempo=400_000)]
    notes = [*sung(480), *sung(720, 62), *sung(60, 64)]
    piece = read_piece(messages_written(tmp_path / "a.mid", tempo, notes))
    assert [(note.begin, note.end, note.pitch) for note in piece.notes] == [(0.0, 1.0, 60), (1.0, 2.5, 62), (2.5, 2.625, 64)]
    assert piece.tempos == ((0.0, 80.0), (2.0, 150.0))


def test_seconds_of_a_piece_follow_its_tempo(tmp_path):
    tempo = [meta("set_tempo", tempo=750_000), meta("set_tempo", 480 * 2, tempo=400_000)]
    piece = read_piece(messages_written(tmp_path / "a.mid", tempo, sung(480)))
    assert [piece.seconds_at(beat) for beat in (0.0, 1.0, 2.0, 4.5)] == pytest.approx([0.0, 0.75, 1.5, 2.5])


def test_a_piece_too_long_for_a_grid_is_refused(tmp_path):
    fast = [meta("set_tempo", tempo=1), *sung(480), *sung(2**27)]
    with pytest.raises(LivewaveError, match="a.mid is longer than 100000 beats"):
        read_piece(messages_written(tmp_path / "a.mid", fast))


def test_a_tempo_of_nothing_is_read_as_very_fast_and_not_divided_by(tmp_path):
    piece = read_piece(messages_written(tmp_path / "a.mid", [meta("set_tempo", tempo=0), *sung(480)]))
    assert math.isfinite(piece.tempos[0][1]) and piece.end == 1.0


def test_drums_are_no_part_of_a_piece(tmp_path):
    drums = [message("note_on", channel=9, note=36, velocity=80), message("note_off", 960, 9, note=36)]
    assert {note.pitch for note in read_piece(messages_written(tmp_path / "a.mid", drums, sung(480))).notes} == {60}
    with pytest.raises(LivewaveError, match="a.mid holds no notes"):
        read_piece(messages_written(tmp_path / "a.mid", drums))


def test_a_pedal_lengthens_the_notes_of_a_piece_as_it_does_on_stage(tmp_path):
    pedalled = [message("control_change", control=64, value=127), *sung(240), message("control_change", 240, control=64, value=0)]
    assert read_piece(messages_written(tmp_path / "a.mid", pedalled)).notes == (PieceNote(0.0, 1.0, 60, 80),)


def test_bars_begin_anew_where_the_metre_changes(tmp_path):
    metres = [metre(3, 4), metre(6, 8, 480 * 6), metre(4, 4, 480 * 3), metre(2, 4)]  # of two at once the last one counts
    piece = read_piece(messages_written(tmp_path / "a.mid", metres, sung(480 * 12)))
    assert piece.metres == ((0.0, 3, 4), (6.0, 6, 8), (9.0, 2, 4))
    places = positions_of(piece)
    assert places.dtype == np.uint8
    assert places.tolist() == [*range(12), *range(12), *range(12), *range(8), *range(4)]


def test_a_metre_that_cuts_a_bar_short_begins_a_new_one(tmp_path):
    piece = read_piece(messages_written(tmp_path / "a.mid", [metre(4, 4), metre(3, 4, 480)], sung(480 * 3)))
    assert positions_of(piece).tolist() == [0, 1, 2, 3, *range(8)]


@pytest.mark.parametrize("beats, unit, name", [(5, 4, "5/4"), (9, 8, "9/8"), (12, 8, "12/8"), (3, 32, "3/32"), (0, 4, "0/4"),
                                               (4, 2**40, f"4/{2**40}")])
def test_a_metre_that_is_no_whole_number_of_sixteenths_or_too_long_is_refused_by_name(tmp_path, beats, unit, name):
    piece = read_piece(messages_written(tmp_path / "a.mid", [metre(beats, unit)], sung(480)))
    with pytest.raises(LivewaveError) as caught:
        positions_of(piece)
    assert f"{tmp_path / 'a.mid'}: " in str(caught.value) and name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_metre_in_which_nothing_sounds_refuses_nothing(tmp_path):
    unused = [metre(5, 4), metre(3, 4), metre(9, 8, 480 * 3)]
    assert positions_of(read_piece(messages_written(tmp_path / "a.mid", unused, sung(480 * 3)))).tolist() == [*range(12)]


def test_a_note_too_short_for_the_grid_has_a_step(tmp_path):
    assert positions_of(read_piece(messages_written(tmp_path / "a.mid", sung(1)))).tolist() == [0]


def test_a_piece_of_notes_that_do_not_last_is_refused(tmp_path):
    with pytest.raises(LivewaveError, match="a.mid holds no note that lasts"):
        read_piece(messages_written(tmp_path / "a.mid", sung(0)))
