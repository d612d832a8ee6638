from __future__ import annotations

import io

import mido
import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.midifile import PartNote, read_midi, timed, with_part
from livewave.music.score import notes_of, read_piece, read_score

BEAT = 480
SUNG = [PartNote(4 * BEAT, 5 * BEAT, 67, 90), PartNote(5 * BEAT, 6 * BEAT, 67, 91)]


def on(ticks: int, pitch: int, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", time=ticks, channel=channel, note=pitch, velocity=80)


def off(ticks: int, pitch: int, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", time=ticks, channel=channel, note=pitch)


def control(ticks: int, number: int, value: int) -> mido.Message:
    return mido.Message("control_change", time=ticks, control=number, value=value)


def name(text: str) -> mido.MetaMessage:
    return mido.MetaMessage("track_name", name=text)


def written(path, *tracks: list, kind: int = 1):
    midi = mido.MidiFile(type=kind, ticks_per_beat=BEAT)
    midi.tracks.extend(mido.MidiTrack(track) for track in tracks)
    midi.save(str(path))
    return path


def extended(path, ended: int = 4 * BEAT, begin: int = 4 * BEAT) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(with_part(read_midi(path), "continued", SUNG, ended, begin)))


def ticking(track) -> list[tuple[int, str]]:
    """Moment and kind of every message but the end of the track, whose notes and velocities are told too."""
    ticks, told = 0, []
    for message in track:
        ticks += message.time
        if message.type in ("note_on", "note_off"):
            told.append((ticks, message.type, message.note))
        elif message.type != "end_of_track":
            told.append((ticks, message.type))
    return told


def test_the_part_is_a_track_of_its_own_after_the_others(tmp_path):
    midi = extended(written(tmp_path / "a.mid", [on(0, 60), off(4 * BEAT, 60)]))
    assert (midi.type, midi.ticks_per_beat) == (1, BEAT)
    assert [track.name for track in midi.tracks] == ["played", "continued"]
    assert ticking(midi.tracks[0])[1:] == [(0, "note_on", 60), (4 * BEAT, "note_off", 60)]
    assert ticking(midi.tracks[1])[1:] == [  # it lets a key go before it strikes it again
        (4 * BEAT, "note_on", 67), (5 * BEAT, "note_off", 67), (5 * BEAT, "note_on", 67), (6 * BEAT, "note_off", 67)]
    assert [message.velocity for message in midi.tracks[1] if message.type == "note_on"] == [90, 91]


def test_of_several_tracks_each_keeps_its_name_and_those_without_notes_are_left_alone(tmp_path):
    tracks = ([name("The Song"), mido.MetaMessage("set_tempo", tempo=400_000)], [name("Oboe"), on(0, 60), off(BEAT, 60)],
              [on(0, 50, 1), off(BEAT, 50, 1)], [name("Drums"), on(0, 36, 9), off(BEAT, 36, 9)])
    midi = extended(written(tmp_path / "a.mid", *tracks))
    assert [track.name for track in midi.tracks] == ["The Song", "played: Oboe", "played: 2", "Drums", "continued"]


def test_a_name_that_was_there_is_replaced_without_moving_what_follows(tmp_path):
    late = [name("Oboe").copy(time=10), on(20, 60), off(BEAT, 60)]
    midi = extended(written(tmp_path / "a.mid", late))
    assert ticking(midi.tracks[0]) == [(0, "track_name"), (30, "note_on", 60), (30 + BEAT, "note_off", 60)]


def test_tempo_and_metre_change_no_more_after_the_phrase(tmp_path):
    conductor = [mido.MetaMessage("set_tempo", tempo=400_000),
                 mido.MetaMessage("time_signature", numerator=3, denominator=4),
                 mido.MetaMessage("set_tempo", tempo=900_000, time=BEAT),
                 mido.MetaMessage("set_tempo", tempo=100_000, time=4 * BEAT),
                 mido.MetaMessage("time_signature", numerator=5, denominator=4),
                 mido.MetaMessage("lyrics", text="la", time=BEAT)]
    path = written(tmp_path / "a.mid", conductor, [on(0, 60), off(3 * BEAT, 60)])
    midi = extended(path, 3 * BEAT, 3 * BEAT)
    assert ticking(midi.tracks[0]) == [(0, "set_tempo"), (0, "time_signature"), (BEAT, "set_tempo"), (6 * BEAT, "lyrics")]


def test_keys_and_pedals_that_nobody_lets_go_are_let_go_where_the_part_begins(tmp_path):
    hung = [on(0, 60), on(0, 64), off(BEAT, 64), control(0, 64, 127), control(0, 66, 127), control(BEAT, 66, 0)]
    midi = extended(written(tmp_path / "a.mid", hung))
    assert ticking(midi.tracks[0])[-2:] == [(4 * BEAT, "note_off", 60), (4 * BEAT, "control_change")]
    assert midi.tracks[0][-2].control == 64 and midi.tracks[0][-2].value == 0


def test_what_comes_after_the_part_begins_stays(tmp_path):
    drums = [on(0, 36, 9), off(BEAT, 36, 9), on(8 * BEAT, 38, 9)]
    midi = extended(written(tmp_path / "a.mid", [on(0, 60), off(BEAT, 60)], drums))
    assert ticking(midi.tracks[1]) == [(0, "note_on", 36), (BEAT, "note_off", 36), (9 * BEAT, "note_on", 38)]


def program(number: int, channel: int) -> mido.Message:
    return mido.Message("program_change", channel=channel, program=number)


def test_the_part_has_a_channel_of_its_own_that_sounds_like_the_one_that_was_struck_last(tmp_path):
    tracks = ([program(40, 0), on(0, 60, 0), off(3 * BEAT, 60, 0)],
              [program(20, 2), program(21, 2), control(0, 7, 99).copy(channel=2), control(0, 32, 5).copy(channel=2),
               control(0, 1, 5).copy(channel=2), on(2 * BEAT, 62, 2), off(BEAT, 62, 2), program(22, 2).copy(time=9 * BEAT)])
    part = extended(written(tmp_path / "a.mid", *tracks)).tracks[2]
    assert {message.channel for message in part if not message.is_meta} == {1}
    assert [(message.type, message.time) for message in part][:5] == [
        ("track_name", 0), ("control_change", 4 * BEAT), ("program_change", 0), ("control_change", 0), ("note_on", 0)]
    assert [message.control for message in part if message.type == "control_change"] == [32, 7]
    assert [message.program for message in part if message.type == "program_change"] == [21]


def test_where_no_channel_is_free_the_part_goes_on_the_one_that_was_struck_last(tmp_path):
    tracks = [[program(3, channel), on(channel, 60, channel), off(BEAT, 60, channel)] for channel in range(16)]
    part = extended(written(tmp_path / "a.mid", *tracks[:5], *tracks[6:], tracks[5])).tracks[-1]
    assert {message.channel for message in part if not message.is_meta} == {15}
    assert "program_change" not in {message.type for message in part}


def test_a_file_of_one_track_becomes_one_of_several(tmp_path):
    tempo = mido.MetaMessage("set_tempo", tempo=400_000)
    midi = extended(written(tmp_path / "a.mid", [tempo, on(0, 60), off(BEAT, 60)], kind=0))
    assert midi.type == 1 and [message.type for message in midi.tracks[0]][:2] == ["track_name", "set_tempo"]


def test_every_readable_file_can_be_extended_and_its_notes_stay(tmp_path):
    path, rng = tmp_path / "a.mid", np.random.default_rng(0)
    tracks = ([mido.MetaMessage("set_tempo", tempo=400_000), mido.MetaMessage("key_signature", key="Eb"),
               mido.MetaMessage("sequencer_specific", data=(1, 2, 3)), mido.Message("sysex", data=(1, 2, 3))],
              [on(0, 60), off(BEAT, 60), on(BEAT, 64, 3), control(9, 64, 80), off(BEAT, 64, 3), control(BEAT, 64, 0)])
    whole, tried = written(path, *tracks).read_bytes(), 0
    for _ in range(300):
        broken = bytearray(whole)
        for position in rng.integers(0, len(whole), rng.integers(0, 4)):
            broken[position] ^= 1 << rng.integers(0, 8)
        path.write_bytes(broken)
        try:
            before = read_piece(path)
        except LivewaveError:
            continue
        midi, tried = read_midi(path), tried + 1
        ended = round(before.end * midi.ticks_per_beat)
        path.write_bytes(with_part(midi, "continued", [PartNote(ended, ended + 1, 0, 1)], ended, ended))
        assert [note for note in read_piece(path).notes if note.begin < before.end] == list(before.notes)
    assert tried > 30


def test_messages_come_in_order_of_time_with_beat_and_second(tmp_path):
    tempo = [mido.MetaMessage("set_tempo", tempo=1_000_000, time=BEAT)]
    path = written(tmp_path / "a.mid", [on(0, 60), off(2 * BEAT, 60)], tempo)
    assert [(entry.beat, entry.at_s, entry.track, entry.message.type) for entry in timed(path, read_midi(path))
            if entry.message.type != "end_of_track"] == [
        (0.0, 0.0, 0, "note_on"), (1.0, 0.5, 1, "set_tempo"), (2.0, 1.5, 0, "note_off")]
    assert len(notes_of(read_score(path))) == 1


@pytest.mark.parametrize("content", [b"", b"no song"])
def test_what_is_no_midi_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(LivewaveError, match="a.mid is not a readable"):
        read_midi(tmp_path / "a.mid")
