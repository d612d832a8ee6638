"""MIDI files with lengths that lie, pieces that come again and events cut in two: read, or refused in a line."""

from __future__ import annotations

import random

import mido
import pytest

from livewave import LivewaveError
from livewave.music.score import read_piece, read_score
from tests.soak.mutants import damaged

FILES = 400
BEAT = 480


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    """Two tracks with what a sequencer writes: tempo, metre, texts, system exclusive, pedals, bends, running status."""
    path, midi = tmp_path_factory.mktemp("midi") / "good.mid", mido.MidiFile(ticks_per_beat=BEAT)
    midi.tracks.append(mido.MidiTrack([
        mido.MetaMessage("track_name", name="Song"), mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("time_signature", numerator=3, denominator=4), mido.MetaMessage("key_signature", key="Eb"),
        mido.MetaMessage("sequencer_specific", data=(1, 2, 3)), mido.Message("sysex", data=tuple(range(40)))]))
    notes = mido.MidiTrack([mido.Message("control_change", control=64, value=127), mido.Message("pitchwheel", pitch=-2_000)])
    for pitch in range(55, 67):
        notes += [mido.Message("note_on", note=pitch, velocity=90, time=BEAT // 4),
                  mido.Message("note_off", note=pitch, time=BEAT // 2)]
    midi.tracks.append(notes)
    midi.save(str(path))
    return path.read_bytes()


@pytest.mark.parametrize("read", [read_score, read_piece])
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_read_or_refused_in_a_line_that_names_it(tmp_path, good, read, seed):
    path, chance, refused = tmp_path / "song.mid", random.Random(seed), 0
    for _ in range(FILES):
        path.write_bytes(damaged(chance, good))
        try:
            read(path)
        except LivewaveError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < len(str(path)) + 1_500
    assert 0 < refused < FILES
