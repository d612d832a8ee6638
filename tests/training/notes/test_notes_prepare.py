from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest

from livewave import LivewaveError
from livewave.music.biaxial import LOW
from training.notes import corpus
from training.notes.pieces import open_pieces
from training.notes.prepare import main


def write_midi(path: Path, pitches: list[int], metre: tuple[int, int] = (4, 4), ticks: int = 120) -> None:
    """Quarter notes, one after the other."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])])
    for pitch in pitches:
        track += [mido.Message("note_on", note=pitch, velocity=70), mido.Message("note_off", note=pitch, time=ticks)]
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(tracks=[track], ticks_per_beat=ticks).save(path)


def test_a_folder_of_midi_files_becomes_rows_and_places_in_their_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    write_midi(tmp_path / "midi" / "a.mid", scale)
    write_midi(tmp_path / "midi" / "deep" / "b.midi", scale[::-1] + [60], (3, 4))
    assert main([str(tmp_path / "out"), "--midi", str(tmp_path / "midi"), "--licence", "ours"]) == 0
    found = open_pieces(tmp_path / "out")
    [held_out], [learnt] = found.validation, found.training
    assert (held_out.name, learnt.name, learnt.group) == ("a.mid", "deep/b.midi", "midi")
    assert held_out.positions.tolist() == list(range(16)) * 2
    assert learnt.positions.tolist() == list(range(12)) * 3
    onsets = [(step, note + LOW) for step, note in zip(*np.nonzero(held_out.rows[..., 1]))]
    assert onsets == list(zip(range(0, 32, 4), scale))
    assert held_out.rows[..., 0].sum() == 32  # legato: no step is silent
    assert set(held_out.rows[..., 2].max(1)) == {70}
    assert found.provenance["licence"] == "ours"
    assert "2 pieces, 68 sixteenths" in capsys.readouterr().out


def test_a_metre_that_does_not_fit_is_refused_by_name_and_the_others_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(3):
        write_midi(tmp_path / "midi" / f"{number}.mid", [60] * 10)
    write_midi(tmp_path / "midi" / "five.mid", [60] * 10, (5, 4))
    (tmp_path / "midi" / "broken.mid").write_bytes(b"MThd")
    write_midi(tmp_path / "midi" / "short.mid", [60])
    assert main([str(tmp_path / "out"), "--midi", str(tmp_path / "midi")]) == 0
    told = capsys.readouterr().out
    assert "five.mid" in told and "5/4" in told and "broken.mid" in told and "short.mid" in told and "3 refused" in told
    refused = json.loads((tmp_path / "out" / "prepared.json").read_text())["refused"]
    assert {Path(name).name for name in refused} == {"five.mid", "broken.mid", "short.mid"}


def test_a_folder_without_midi_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "out"), "--midi", str(tmp_path)]) == 1
    assert "no MIDI files" in capsys.readouterr().err


def test_a_chorale_has_four_voices_and_begins_with_its_upbeat():
    """BWV 269, the first of Riemenschneider's edition: 3/4, G major, an upbeat of one quarter."""
    path = next(path for path in corpus.paths("chorales") if path.stem == "bwv269")
    piece = corpus.read(path, "chorales")
    assert piece.positions[:8].tolist() == [8, 9, 10, 11, 0, 1, 2, 3]
    assert (np.flatnonzero(piece.rows[0, :, 0]) + LOW).tolist() == [43, 59, 62, 67]
    voices = piece.rows[..., 0].sum(1)
    assert 3 <= np.median(voices) <= 4
    assert (piece.rows[..., 1] <= piece.rows[..., 0]).all()


def test_a_reel_is_one_voice_in_two_four():
    path = next(path for path in corpus.paths("tunes") if path.stem == "7thRegimentReel")
    piece = corpus.read(path, "tunes")
    assert piece.positions.max() == 7
    assert np.median(piece.rows[..., 0].sum(1)) == 1


def test_a_slip_jig_is_refused_by_name():
    path = next(path for path in corpus.paths("tunes") if path.stem == "HuntTheFoxJig")
    with pytest.raises(LivewaveError, match=r"HuntTheFoxJig.*9/8"):
        corpus.read(path, "tunes")
