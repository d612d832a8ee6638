"""Every set, in the layout of its makers, becomes prepared data whose rolls are aligned with the sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from livewave.music.score import Note, notes_of, read_score
from tests.training.data import layouts
from training.data.musicnet import read_labels, statistics
from training.data.pieces import Piece, Prepared, open_prepared
from training.prepare import main

ONSET_S = 0.004  # between a note's column and its sound


def prepare(kind: str, source: Path, out: Path, *flags: str) -> Prepared:
    assert main([kind, str(source), str(out), "--jobs", "1", *flags]) == 0
    return open_prepared(out)


def by_name(prepared: Prepared) -> dict[str, Piece]:
    return {piece.name: piece for piece in prepared.training + prepared.validation}


def onsets_of_sound(piece: Piece) -> np.ndarray:
    """Seconds at which sound sets in after silence."""
    loud = np.abs(piece.audio(0, piece.samples)) > 0.02
    size = piece.rate_hz // 100  # 10 ms without anything loud are silence
    lately = np.convolve(loud, np.ones(size + 1), "full")[: len(loud)] - loud > 0
    return np.flatnonzero(loud & ~lately) / piece.rate_hz


def onsets_of_roll(piece: Piece) -> np.ndarray:
    sounding = piece.roll(0, piece.columns).any(1)
    return (np.flatnonzero(np.diff(sounding.astype(int), prepend=0) > 0)) / piece.roll_rate_hz


def assert_aligned(piece: Piece, notes: list[Note]) -> None:
    """Roll and sound begin every note together, and both begin the ones that were written, with the pitch that was."""
    heard, shown = onsets_of_sound(piece), onsets_of_roll(piece)
    assert len(shown) == len(notes)
    np.testing.assert_allclose(shown, [note.start_s for note in notes], atol=1.1e-3)
    for start_s in shown:
        assert np.abs(heard - start_s).min() < ONSET_S, (start_s, heard)
    for note in notes:
        middle = round((note.start_s + note.end_s) / 2 * piece.roll_rate_hz)
        assert piece.roll(middle, middle + 1)[0].nonzero()[0].tolist() == [note.pitch]
    assert piece.samples == piece.columns * (piece.rate_hz // piece.roll_rate_hz)


def assert_hint_fits(piece: Piece, notes: list[Note]) -> None:
    """The hint's fundamental goes with the sound: one that is not locked to it would not correlate."""
    for note in notes[:6]:
        inside = slice(round((note.start_s + 0.02) * piece.rate_hz), round((note.end_s - 0.02) * piece.rate_hz))
        hint = piece.hint(inside.start, inside.stop)
        assert np.corrcoef(hint[:, 0], piece.audio(inside.start, inside.stop))[0, 1] > 0.9


def test_musicnet_is_aligned_and_keeps_its_official_split(tmp_path):
    tunes = layouts.musicnet(tmp_path / "musicnet")
    prepared = prepare("musicnet", tmp_path / "musicnet", tmp_path / "out")
    assert {piece.name for piece in prepared.training} == {"1727", "2194", "2217"}
    assert [piece.name for piece in prepared.validation] == ["2298"]
    for name, piece in by_name(prepared).items():
        assert_aligned(piece, tunes[name])
        assert_hint_fits(piece, tunes[name])
    assert prepared.seconds == pytest.approx(4 * layouts.SECONDS)


@pytest.mark.parametrize("wanted, names", [("solo cello", {"2194", "2217", "2298"}),
                                           ("Solo Cello", {"2194", "2217", "2298"}),
                                           ("piano", {"1727"}), ("43", {"1727", "2194", "2217", "2298"})])
def test_musicnet_is_filtered_by_ensemble_or_instrument(tmp_path, capsys, wanted, names):
    tunes = layouts.musicnet(tmp_path / "musicnet", train=(1727, 2194, 2217), test=(2298,))
    if wanted == "piano":  # one recording alone cannot be split
        assert main(["musicnet", str(tmp_path / "musicnet"), str(tmp_path / "out"), "--instrument", wanted, "--jobs",
                     "1"]) == 1
        assert "musicnet gives one recording" in capsys.readouterr().err
        return
    prepared = prepare("musicnet", tmp_path / "musicnet", tmp_path / "out", "--instrument", wanted)
    pieces = by_name(prepared)
    assert set(pieces) == names
    if wanted == "43":  # the piano of the duo is heard, but not in the roll
        roll = pieces["1727"].roll(0, pieces["1727"].columns)
        struck = [note for i, note in enumerate(tunes["1727"]) if i % 3]
        assert (np.diff((roll > 0).any(1).astype(int)) > 0).sum() == len(struck)


def test_musicnet_is_counted_as_table_1_of_the_paper_counts(tmp_path, capsys):
    """Minutes of the recordings in which an instrument plays and its own labels; for an ensemble, all labels of its
    own."""
    tunes = layouts.musicnet(tmp_path / "musicnet")
    rows = {name: (minutes, labels) for name, minutes, labels in statistics(tmp_path / "musicnet")}
    counts = {name: len(notes) for name, notes in tunes.items()}
    piano = -(-counts["1727"] // 3)
    assert rows["Cello"] == (pytest.approx(4 * layouts.SECONDS / 60), sum(counts.values()) - piano)
    assert rows["Piano"] == (pytest.approx(layouts.SECONDS / 60), piano)
    assert rows["Solo Cello"] == (pytest.approx(3 * layouts.SECONDS / 60), sum(counts.values()) - counts["1727"])
    assert main(["musicnet", str(tmp_path / "musicnet"), "--list"]) == 0
    assert f"Cello                              0 {rows['Cello'][1]:7d}" in capsys.readouterr().out


def test_a_musicnet_label_is_read_as_samples_at_44100_hz(tmp_path):
    layouts.musicnet(tmp_path)
    first = read_labels(tmp_path / "train_labels" / "1727.csv")[0]
    assert first.start == round(layouts.a_tune(1727)[0].start_s * 44_100) and first.instrument == layouts.PIANO


def test_saarland_music_data_is_matched_by_stem_and_its_pedal_holds_notes(tmp_path):
    tunes = layouts.smd(tmp_path / "smd")
    prepared = prepare("smd", tmp_path / "smd", tmp_path / "out")
    pieces = by_name(prepared)
    assert set(pieces) == set(tunes)
    assert "not for commercial use" in prepared.provenance["licence"]
    for name in list(tunes)[:2]:
        assert_aligned(pieces[name], tunes[name])
    pedalled = list(tunes)[2]
    held = [note for note in tunes[pedalled] if 1.0 < note.end_s < 1.9]
    assert held
    again = {note.pitch: note.start_s for note in reversed(tunes[pedalled]) if note.start_s > 1.0}
    for note in held:
        until = again[note.pitch] if note.start_s < again.get(note.pitch, 0.0) < 2.0 else 2.0
        column = round(1_000 * until) - 6
        assert pieces[pedalled].roll(column, column + 1)[0, note.pitch]
    playing = {note.pitch for note in tunes[pedalled] if note.start_s < 2.0 < note.end_s}
    assert not pieces[pedalled].roll(2_001, 2_002)[0, [note.pitch for note in held if note.pitch not in playing]].any()


def test_maestro_keeps_its_splits_and_leaves_the_test_split_alone(tmp_path):
    tunes = layouts.maestro(tmp_path / "maestro")
    prepared = prepare("maestro", tmp_path / "maestro", tmp_path / "out")
    names = list(tunes)
    assert {piece.name for piece in prepared.training} == set(names[:2])
    assert [piece.name for piece in prepared.validation] == names[2:3]
    for name, piece in by_name(prepared).items():
        assert_aligned(piece, tunes[name])
    assert "not for commercial use" in prepared.provenance["licence"]
    more = prepare("maestro", tmp_path / "maestro", tmp_path / "more", "--with-test")
    assert {piece.name for piece in more.validation} == set(names[2:])


def test_a_folder_of_ones_own_may_hold_any_format_and_any_name(tmp_path):
    tunes = layouts.own_folder(tmp_path / "mine")
    prepared = prepare("folder", tmp_path / "mine", tmp_path / "out", "--licence", "my own", "--origin", "my cello")
    assert set(by_name(prepared)) == set(tunes)
    for name, piece in by_name(prepared).items():
        assert_aligned(piece, tunes[name])
        assert_hint_fits(piece, tunes[name])
    pitches = [note.pitch for notes in tunes.values() for note in notes]
    assert prepared.provenance == {
        "compass.low": str(min(pitches)), "compass.high": str(max(pitches)), "data.kind": "folder",
        "data.origin": "my cello",
        "data.pieces": "4", "data.minutes": f"{4 * layouts.SECONDS / 60:.1f}", "licence": "my own"}


def test_audio_without_notes_has_an_empty_roll(tmp_path):
    layouts.audio_folder(tmp_path / "nocturnes")
    prepared = prepare("audio", tmp_path / "nocturnes", tmp_path / "out", "--encoding", "mulaw")
    assert len(prepared.training) == len(prepared.validation) == 1
    for piece in by_name(prepared).values():
        assert not piece.roll(0, piece.columns).any() and not piece.hint(0, piece.samples).any()
        original = layouts.sung(layouts.a_tune(int(piece.name[-2:])), 16_000)
        assert np.corrcoef(piece.audio(0, piece.samples), original)[0, 1] > 0.98
    assert "compass.low" not in prepared.provenance


def test_rendered_midi_is_aligned_with_its_audio(tmp_path):
    tunes = layouts.midi_folder(tmp_path / "midi")
    prepared = prepare("render", Path(layouts.FONT), tmp_path / "out", "--program", "12", "--midi",
                       str(tmp_path / "midi"), "--low", "52",
                       "--high", "72")
    for name, piece in by_name(prepared).items():
        np.testing.assert_allclose(onsets_of_roll(piece), [note.start_s for note in tunes[name]], atol=1.1e-3)
        audio = np.abs(piece.audio(0, piece.samples))
        assert 0.1 < audio.max() <= 1.0
        for start_s in onsets_of_roll(piece):
            around = audio[round((start_s - 0.02) * 16_000) : round((start_s + 0.02) * 16_000)]
            rise = np.flatnonzero(around > 1.5 * around[:300].max())  # above what still rings
            assert len(rise) and -0.002 <= rise[0] / 16_000 - 0.02 < 0.010


def test_the_same_seed_composes_and_renders_the_same_pieces_and_another_seed_others(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.rendered.PIECE_S", 8.0)
    flags = ("--program", "12", "--compose", "2", "--low", "48", "--high", "84", "--hands", "0.5", "--bends", "0.3",
             "--restrikes", "0.2",
             "--velocities", "20", "120", "--low-pass", "5000")
    first, again, other = (by_name(prepare("render", Path(layouts.FONT), tmp_path / out, *flags, "--seed", seed))
                           for out, seed in (("a", "1"), ("b", "1"), ("c", "2")))
    assert set(first) == {"0000", "0001"}
    for name, piece in first.items():
        np.testing.assert_array_equal(piece.roll(0, piece.columns), again[name].roll(0, piece.columns))
        np.testing.assert_array_equal(piece.audio(0, piece.samples), again[name].audio(0, piece.samples))
        assert (piece.roll(0, piece.columns) != other[name].roll(0, piece.columns)).any()
    roll = np.concatenate([piece.roll(0, piece.columns) for piece in first.values()])
    assert roll.max() > 100 and roll[roll > 0].min() < 40
    bends = np.concatenate([piece.bends(0, piece.columns) for piece in first.values()])
    assert 0.2 < np.abs(bends).max() <= 2.0
    assert open_prepared(tmp_path / "a").provenance["data.bends"] == "in 2 of 2 pieces"


@pytest.mark.parametrize("rate, roll_rate", [(8_000, 500), (48_000, 1_000), (22_050, 1_050)])
def test_rolls_are_aligned_at_any_rate(tmp_path, rate, roll_rate):
    tunes = layouts.own_folder(tmp_path / "mine")
    prepared = prepare("folder", tmp_path / "mine", tmp_path / "out", "--rate", str(rate), "--roll-rate",
                       str(roll_rate))
    assert prepared.rate_hz == rate and prepared.roll_rate_hz == roll_rate
    for name, piece in by_name(prepared).items():
        heard = onsets_of_sound(piece)
        for shown, note in zip(onsets_of_roll(piece), tunes[name]):
            assert abs(shown - note.start_s) <= 0.51 / roll_rate + 1e-3
            assert np.abs(heard - note.start_s).min() < ONSET_S


def test_a_gain_makes_every_recording_louder(tmp_path):
    layouts.own_folder(tmp_path / "mine")
    plain, loud = (by_name(prepare("folder", tmp_path / "mine", tmp_path / gain, "--gain", gain))
                   for gain in ("1", "2.5"))
    for name, piece in plain.items():
        np.testing.assert_allclose(2.5 * piece.audio(0, piece.samples), loud[name].audio(0, piece.samples), atol=1e-4)


def test_a_low_pass_takes_what_lies_above_and_delays_nothing(tmp_path):
    time = np.arange(32_000) / 16_000
    for seed in (1, 2):
        audio = 0.3 * np.cos(2 * np.pi * 440 * seed * time) + 0.3 * np.cos(2 * np.pi * 7_000 * time)
        layouts.write_sound(tmp_path / "in" / f"{seed}.wav", audio, 16_000)
    prepared = prepare("audio", tmp_path / "in", tmp_path / "out", "--low-pass", "5000")
    piece = by_name(prepared)["1"]
    np.testing.assert_allclose(piece.audio(1_000, 30_000), 0.3 * np.cos(2 * np.pi * 440 * time)[1_000:30_000],
                               atol=0.01)


def test_tracked_notes_are_written_as_midi_beside_the_pieces(tmp_path, monkeypatch):
    import training.data.tracker as tracker

    tunes = layouts.audio_folder(tmp_path / "in")
    monkeypatch.setitem(tracker.TRACKERS, "salience", oracle(tunes))
    prepared = prepare("audio", tmp_path / "in", tmp_path / "out", "--notes", "track")
    for name, piece in by_name(prepared).items():
        written = notes_of(read_score(tmp_path / "out" / "tracked" / f"{name}.mid"))
        assert [note.pitch for note in written] == [note.pitch for note in tunes[name]]
        np.testing.assert_allclose([note.start_s for note in written], onsets_of_roll(piece), atol=2e-3)


def oracle(tunes: dict[str, list[Note]]) -> Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    """A tracker that knows the tunes: what follows it is what is tested."""
    def track(audio: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
        notes = max(tunes.values(), key=lambda notes: np.corrcoef(layouts.sung(notes, rate_hz), audio)[0, 1])
        times = np.arange(0.0, layouts.SECONDS, 0.005)
        hz = np.zeros(len(times))
        for note in notes:
            hz[(times >= note.start_s) & (times < note.end_s)] = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
        return times, hz
    return track


def test_a_set_says_what_it_is(tmp_path, capsys):
    layouts.own_folder(tmp_path / "mine")
    prepare("folder", tmp_path / "mine", tmp_path / "out")
    about = json.loads((tmp_path / "out" / "prepared.json").read_text())
    assert about["kind"] == "folder" and about["options"]["rate"] == 16_000
    assert "4 pieces, 0.3 min at 16000 Hz" in capsys.readouterr().out
    assert str(tmp_path) not in json.dumps(about["provenance"])
    assert soundfile.info(tmp_path / "mine" / "day 0" / "take one.wav").samplerate == 44_100


@pytest.mark.parametrize("kind", ["musicnet", "smd", "maestro", "render", "folder", "audio"])
def test_every_kind_explains_itself_with_an_example(kind, capsys):
    with pytest.raises(SystemExit) as end:
        main([kind, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and f"python -m training.prepare {kind} " in text and "--skip-bad" in text
