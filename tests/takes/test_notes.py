from __future__ import annotations

import pretty_midi
import pytest

from livewave import LivewaveError
from livewave.control.events import BendSet, Control, NoteOff, NoteOn, Panic, PitchBend, ProgramChange, RollSet
from livewave.music.generated import SOURCE
from livewave.takes.log import NAME, LogFile
from livewave.takes.notes import main, song_of, write_notes
from livewave.takes.take import NOTES
from tests.takes.test_log import ALL, AUDIO, EVENT, LIFE, TAKE, UNTIL, written

KEYS, OSC = "midi:keys", "osc:127.0.0.1"
BEGAN_S = 100.0


def on(at_s: float, source: str = KEYS, pitch: int = 60, channel: int = 0, velocity: int = 90) -> NoteOn:
    return NoteOn(BEGAN_S + at_s, source, channel, pitch, velocity)


def off(at_s: float, source: str = KEYS, pitch: int = 60, channel: int = 0) -> NoteOff:
    return NoteOff(BEGAN_S + at_s, source, channel, pitch)


def notes(events: list, ended_s: float = 10.0) -> dict[str, list[tuple[int, int, float, float]]]:
    """Track -> pitch, velocity, begin and end."""
    song = song_of(events, BEGAN_S, BEGAN_S + ended_s)
    return {track.name: [(note.pitch, note.velocity, round(note.start, 6), round(note.end, 6)) for note in track.notes]
            for track in song.instruments}


def test_what_was_played_and_what_was_composed_are_on_tracks_of_their_own():
    assert notes([on(1.0), off(2.0), on(2.5, SOURCE, 64), off(3.0, SOURCE, 64)]) == {
        "played": [(60, 90, 1.0, 2.0)], "generated": [(64, 90, 2.5, 3.0)]}


def test_several_players_have_a_track_each():
    assert list(notes([on(1.0), off(2.0), on(1.0, channel=4), off(2.0, channel=4), on(1.0, OSC), off(2.0, OSC)])) == [
        f"played: {KEYS} 1", f"played: {KEYS} 5", f"played: {OSC} 1"]


def test_what_is_held_at_the_beginning_or_at_the_end_is_as_long_as_the_take():
    assert notes([on(-5.0), off(1.0), on(2.0, pitch=64)]) == {"played": [(60, 90, 0.0, 1.0), (64, 90, 2.0, 10.0)]}


def test_a_key_struck_again_ends_its_first_note_and_panic_ends_all():
    assert notes([on(1.0), on(2.0, velocity=50), Panic(BEGAN_S + 3.0, OSC)]) == {"played": [(60, 90, 1.0, 2.0), (60, 50, 2.0, 3.0)]}


def test_a_roll_is_notes_too():
    events = [RollSet(BEGAN_S + 1.0, OSC, (1 << 60).to_bytes(16, "little")), RollSet(BEGAN_S + 2.0, OSC, bytes(16))]
    assert notes(events) == {"played": [(60, 100, 1.0, 2.0)]}


def test_pedals_and_wheels_are_kept_on_the_track_that_they_turn(tmp_path):
    song = song_of([Control(BEGAN_S + 0.5, KEYS, 0, 64, 127), on(1.0), PitchBend(BEGAN_S + 1.5, KEYS, 0, 4096), off(2.0),
                    ProgramChange(BEGAN_S + 2.0, KEYS, 0, 1), on(3.0, OSC), BendSet(BEGAN_S + 3.5, OSC, -48.0), off(4.0, OSC)],
                   BEGAN_S, BEGAN_S + 5.0)
    song.write(str(tmp_path / "song.mid"))
    keys, osc = pretty_midi.PrettyMIDI(str(tmp_path / "song.mid")).instruments
    assert [(c.number, c.value, round(c.time, 3)) for c in keys.control_changes] == [(64, 127, 0.5)]
    assert [(b.pitch, round(b.time, 3)) for b in keys.pitch_bends] == [(4096, 1.5)]
    assert [(b.pitch, round(b.time, 3)) for b in osc.pitch_bends] == [(-8192, 3.5)]
    assert [(c.number, c.value) for c in osc.control_changes] == [(101, 0), (100, 0), (6, 48), (38, 0)]


def test_a_take_without_notes_is_a_song_without_tracks():
    assert notes([]) == {}


def test_the_file_counts_from_the_first_frame_of_the_audio(tmp_path):
    path = write_notes(written(tmp_path, TAKE, LIFE, AUDIO, {**EVENT, "at_s": 11.25}, {**UNTIL, "frame": 48_000}))
    note, = pretty_midi.PrettyMIDI(str(path)).instruments[0].notes
    assert (note.start, note.end) == (pytest.approx(0.25, abs=1e-3), pytest.approx(1.0, abs=1e-3))


def test_takes_that_ended_with_a_crash_get_their_notes_and_one_that_is_being_made_waits(tmp_path):
    for name in ("crashed", "torn", "done", "bad"):
        (tmp_path / name).mkdir()
    written(tmp_path / "crashed", *ALL[:-1])
    written(tmp_path / "torn", *ALL[:-2], tail=b'{"kind"')
    written(tmp_path / "done", *ALL)
    (tmp_path / "done" / NOTES).write_bytes(b"as it was")
    written(tmp_path / "bad", "nothing")
    (tmp_path / "now").mkdir()
    log = LogFile(tmp_path / "now" / NAME)
    assert main(["--missing", str(tmp_path)]) == 1  # for the bad one
    log.close()
    there = {path.parent.name for path in tmp_path.glob(f"*/{NOTES}")}
    assert there == {"crashed", "torn", "done"}
    assert (tmp_path / "done" / NOTES).read_bytes() == b"as it was"


def test_a_folder_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    written(tmp_path, *ALL)
    (tmp_path / NOTES).mkdir()
    with pytest.raises(LivewaveError, match="cannot write"):
        write_notes(tmp_path)
    assert not list(tmp_path.glob("*.part"))
