"""The experiment: the chain and the coupled nets on the same phrases, by the same scores."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from exporters.stepgraph import build_model
from livewave.carry_on import carry_on
from livewave.music.biaxial import ARTICULATE, LOW, NOTES, PLAY, BiaxialSpec
from livewave.music.chooser import Choose
from livewave.music.compass import Compass
from livewave.music.manner import Manner
from livewave.music.score import Note, Piece as Song, PieceNote, events_of, roll_of
from livewave.music.softroll import CERTAIN
from tests.music.toy_composer import ToyComposer
from tests.toys import tiny_biaxial_file, tiny_model
from tests.training.singers import RATE_HZ, Singer
from tests.training.tiny_data import tiny_data
from training.coupled import KEYS, loss_table, losses, main, scores, table
from training.data.pieces import open_prepared
from training.notes.pieces import Piece, save_pieces
from training.phrases import START_S
from training.ways import SYSTEMS, Continued, continued, doubts, notes_of_rows, roll_of_system, start_of

COMPASS, STEP_S, ROLL_RATE_HZ = Compass(55, 84), 0.15, 1_000
TUNE = (60, 64, 67, 72)


def a_piece(*pitches: int, name: str = "tune", bar: int = 16) -> Piece:
    """Each pitch for a beat, from the bar line on."""
    rows = np.zeros((4 * len(pitches), NOTES, 3), np.uint8)
    for step, row in enumerate(rows):
        row[pitches[step // 4] - LOW] = 1, step % 4 == 0, 80
    return Piece(name, "tunes", rows, np.arange(len(rows), dtype=np.uint8) % bar)


def sure(rows: np.ndarray) -> Continued:
    """What was drawn, and never in doubt."""
    return Continued(rows, rows[:, :, :2].astype(np.float32))


def steps_of(notes: list[Note]) -> list[tuple[int, int, int]]:
    return [(round((note.start_s - START_S) / STEP_S), round((note.end_s - START_S) / STEP_S), note.pitch)
            for note in notes]


def scored(found: Continued, audio: np.ndarray, piece: Piece) -> dict[str, float]:
    return scores(audio, RATE_HZ, found, start_of(piece, 1), STEP_S, COMPASS)


# phrases and notes


def test_a_phrase_is_the_first_whole_bars_of_a_piece():
    start = start_of(a_piece(*TUNE, *TUNE, *TUNE), 2)
    assert (start.name, start.bar, len(start.memory), start.phrase.steps) == ("tune", 16, 32, 32)
    assert [position for _, position in start.memory][:17] == [*range(1, 16), 0, 1]
    jig = start_of(a_piece(*TUNE, *TUNE, *TUNE, bar=12), 2)
    assert (jig.bar, len(jig.memory)) == (12, 24)


def test_an_upbeat_is_left_out_and_short_or_silent_pieces_are_no_phrase():
    piece = a_piece(*TUNE, *TUNE, *TUNE)
    upbeat = dataclasses.replace(piece, rows=piece.rows[12:], positions=piece.positions[12:])
    assert next(iter(start_of(upbeat, 1).memory))[0][60 - LOW, ARTICULATE] == 1
    assert start_of(a_piece(*TUNE), 2) is None
    assert start_of(dataclasses.replace(piece, rows=np.zeros_like(piece.rows)), 2) is None


def test_what_is_drawn_begins_and_ends_where_the_rows_say():
    rows = a_piece(60, 62).rows.copy()
    rows[6, 62 - LOW, ARTICULATE] = 1
    notes = notes_of_rows(rows, STEP_S, COMPASS)
    assert steps_of(notes) == [(0, 4, 60), (4, 6, 62), (6, 8, 62)]
    assert {note.velocity for note in notes} == {CERTAIN}
    assert notes_of_rows(a_piece(40).rows, STEP_S, COMPASS)[0].pitch == 64


def test_what_is_certain_is_one_roll_by_both_ways():
    rows = a_piece(60, 62, 62, 67).rows
    chain, coupled = (roll_of_system(system, sure(rows), STEP_S, COMPASS, ROLL_RATE_HZ)
                      for system in ("chain", "coupled, drawn"))
    np.testing.assert_array_equal(chain, coupled)
    notes = notes_of_rows(rows, STEP_S, COMPASS)
    np.testing.assert_array_equal(chain, roll_of(events_of(notes), len(chain) / ROLL_RATE_HZ, ROLL_RATE_HZ))


def test_the_composer_goes_on_after_the_phrase():
    composer, start = ToyComposer(), start_of(a_piece(*TUNE, *TUNE), 2)
    found = continued(composer, start, 16, Manner(), 1)
    np.testing.assert_array_equal(found.rows[:, :, PLAY], a_piece(*TUNE).rows[:, :, PLAY])
    assert len(composer.heard) >= 4 * 16  # a short phrase is shown again


class Doubting:
    """In place of Composer: the same chances in every step, {note: (plays, begins)}; of other notes none.

    shown  what was chosen for each note of each step;  heard  the rows of `advance`
    """

    spec = BiaxialSpec()

    def __init__(self, likely: dict[int, tuple[float, float]]) -> None:
        self.likely, self.heard, self.shown = likely, [], []

    def reset(self) -> None:
        self.heard = []

    def advance(self, row: np.ndarray, position: int) -> None:
        self.heard.append((row.copy(), position))

    def compose(self, choose: Choose) -> None:
        never = np.array([-1_000.0, 0.0], np.float32)
        says = {note: np.array([logit(p) for p in pair], np.float32) for note, pair in self.likely.items()}
        self.shown.append([choose(note, says.get(note, never)) for note in range(NOTES)])


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def test_what_is_drawn_is_what_continue_draws_and_its_chances_are_kept(tmp_path):
    piece, likely = a_piece(*TUNE), {60 - LOW: (0.6, 0.3), 64 - LOW: (0.3, 0.5), 66 - LOW: (0.5, 0.5)}
    manner, composer = Manner(temperature=1.3, density=1.5, polyphony=2), Doubting(likely)
    found = continued(composer, start_of(piece, 1), 32, manner, 5)
    tune = tuple(PieceNote(beat, beat + 1.0, pitch, 80) for beat, pitch in enumerate(TUNE))
    song = Song("tune.mid", tune, ((0.0, 100.0),), ((0.0, 4, 4),))
    carried = carry_on(song, Doubting(likely), manner, 5, 2, lambda done, bars: None)
    np.testing.assert_array_equal(found.chances, carried.chances)
    assert set(steps_of(notes_of_rows(found.rows, STEP_S, Compass(0, 127)))) == {
        (round(4 * (note.begin - 4.0)), round(4 * (note.end - 4.0)), note.pitch) for note in carried.notes}
    cool = [1.0 / (1.0 + math.exp(-logit(p) / 1.3)) for p in likely[60 - LOW]]
    np.testing.assert_allclose(found.chances[0, 60 - LOW], [cool[0] ** (1.0 / 1.5), cool[1]], rtol=1e-5)
    assert not found.chances[:, 66 - LOW, PLAY].any()  # F sharp is not in C, the phrase's key


def test_who_is_told_expectations_hears_of_no_note_that_was_drawn():
    start, composer = start_of(a_piece(*TUNE), 1), Doubting({60 - LOW: (0.5, 0.25), 62 - LOW: (0.25, 0.5)})
    found = continued(composer, start, 8, Manner(), 1, expected=True)
    assert found.rows is None
    np.testing.assert_allclose(composer.shown[0][60 - LOW], (0.5, 0.125, 40.0), rtol=1e-5)
    for row, (heard, _) in zip(found.chances[:-1], composer.heard[-7:]):
        np.testing.assert_allclose(heard[:, PLAY], row[:, 0], rtol=1e-5)
        np.testing.assert_allclose(heard[:, ARTICULATE], row[:, 0] * row[:, 1], rtol=1e-5)


# scores


def test_who_sings_what_was_drawn_heeds_the_composer():
    piece = a_piece(*TUNE)
    row = scored(sure(piece.rows), Singer().play(notes_of_rows(piece.rows, STEP_S, COMPASS), 0.5), piece)
    assert row["heeded"] > 0.95 and row["drawn"] > 0.95 and row["unlikely"] < 0.05
    assert row["voiced"] > 0.9 and row["in_key"] > 0.95 and row["onsets"] > 0.8 and row["silent"] < 0.1
    assert row["pitches_a_bar"] == 4.0 and row["notes"] == pytest.approx(1.0) and row["doubt"] < 1e-6
    assert row["onsets_a_beat"] == pytest.approx(1.0, abs=0.3)


def test_who_sings_something_else_does_not():
    piece = a_piece(*TUNE)
    other = [dataclasses.replace(note, pitch=note.pitch + 1) for note in notes_of_rows(piece.rows, STEP_S, COMPASS)]
    row = scored(sure(piece.rows), Singer().play(other, 0.5), piece)
    assert row["heeded"] < 0.1 and row["drawn"] < 0.1 and row["unlikely"] > 0.9 and row["in_key"] < 0.6


def test_of_two_notes_as_likely_either_is_heeded_and_the_likelier_more():
    piece = a_piece(60, 60, 60, 60)
    chances = np.zeros((16, NOTES, 2), np.float32)
    chances[:, 60 - LOW], chances[:, 64 - LOW] = (0.8, 0.0), (0.4, 0.0)
    held = {pitch: [Note(START_S, START_S + 16 * STEP_S, pitch, 90)] for pitch in (60, 64)}
    sung = {pitch: scored(Continued(None, chances), Singer().play(notes, 0.5), piece) for pitch, notes in held.items()}
    assert sung[60]["heeded"] == pytest.approx(1.0, abs=0.02) and sung[64]["heeded"] == pytest.approx(0.5, abs=0.02)
    assert sung[60]["unlikely"] < 0.02 and sung[64]["unlikely"] < 0.02
    assert "drawn" not in sung[60] and "onsets" not in sung[60]


def test_silence_is_told_as_such():
    piece = a_piece(*TUNE)
    row = scored(sure(piece.rows), np.zeros(round((START_S + 16 * STEP_S + 0.5) * RATE_HZ), np.float32), piece)
    assert (row["silent"], row["voiced"], row["heeded"], row["drawn"], row["onsets"]) == (1.0, 0.0, 0.0, 0.0, 0.0)
    nothing = Continued(np.zeros_like(piece.rows), np.zeros((16, NOTES, 2), np.float32))
    assert scored(nothing, np.zeros(50_000, np.float32), piece)["silent"] == 0.0  # nothing was expected


def test_doubt_is_counted_in_bits():
    chances = np.zeros((32, NOTES, 2))
    chances[:16, 0, PLAY], chances[16:, :2, PLAY] = 1.0, 0.5
    found = doubts(chances, 16)
    assert (found["notes"], found["notes_last_bar"]) == pytest.approx((1.0, 1.0))
    assert (found["doubt"], found["doubt_last_bar"]) == pytest.approx((1.0, 2.0), abs=1e-6)


# the command


@pytest.fixture
def soft(tmp_path):
    model = tiny_model(hint="none", roll_encoding="velocity")
    return dataclasses.replace(model, name="soft", provenance={
        "compass.low": "55", "compass.high": "84", "training.soft_share": "0.6", "about": "a toy"})


@pytest.fixture
def folder(tmp_path, soft):
    """Nets, a composer, notes and recordings."""
    (tmp_path / "soft.onnx").write_bytes(build_model(soft).SerializeToString())
    hard = dataclasses.replace(soft, provenance={"compass.low": "55", "compass.high": "84", "about": "a toy"})
    (tmp_path / "hard.onnx").write_bytes(build_model(hard).SerializeToString())
    tiny_biaxial_file(tmp_path)
    save_pieces(tmp_path / "notes", [a_piece(*TUNE, *TUNE, name=name) for name in "abc"], {"data.kind": "notes"}, {})
    return tmp_path


def asked(folder, *flags: str, model: str = "soft.onnx") -> int:
    files = [str(folder / name) for name in (model, "notes", "tiny.onnx", "hard.onnx")]
    return main([files[0], "--notes", files[1], "--composer", files[2], "--beside", files[3], "--bars", "1",
                 "--phrase-bars", "1", "--seeds", "1", "--bpm", "240", *flags])


def test_one_command_tells_every_score_of_every_system(folder, capsys):
    assert asked(folder, "--out", str(folder / "takes"), "--data", str(tiny_data(folder / "data"))) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "| | " + " | ".join(SYSTEMS) + " |"
    assert all(f"| {key} | " in out for key in KEYS) and "soft.onnx | " in out and "hard.onnx | " in out
    rows = json.loads((folder / "takes" / "scores.json").read_text())
    assert list(rows) == list(SYSTEMS) and len(list((folder / "takes").glob("*.wav"))) == len(SYSTEMS)
    assert set(rows["chain"][0]) == set(KEYS) and set(KEYS) - set(rows["coupled, expected"][0]) == {"drawn", "onsets"}


def test_the_same_command_tells_the_same(folder, capsys):
    told = []
    for _ in range(2):
        assert asked(folder) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


def test_a_net_that_knows_no_soft_rolls_is_refused(folder, capsys):
    assert asked(folder, model="hard.onnx") == 1
    assert "was not trained with soft rolls" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--phrases", "0"], ["--bars", "-1"], ["--seeds", "x"], ["--bpm", "1000"]])
def test_a_bad_argument_is_one_clear_line(folder, capsys, flags):
    with pytest.raises(SystemExit) as left:
        asked(folder, *flags)
    assert left.value.code == 2 and flags[0] in capsys.readouterr().err


def test_notes_without_whole_bars_are_refused(folder, capsys):
    assert asked(folder, "--phrase-bars", "9") == 1
    assert "holds out no piece that begins with 9 whole bars" in capsys.readouterr().err


def test_losses_are_those_of_the_rolls_they_are_named_after(soft, tmp_path):
    recordings = open_prepared(tiny_data(tmp_path / "data")).validation
    found = losses(soft, recordings)
    assert list(found) == ["certain", "soft", "certain, false", "soft, false"] and len(set(found.values())) == 4
    blind = losses(tiny_model(hint="none", roll_encoding="velocity", cond_channels=0), recordings)
    assert len(set(blind.values())) == 1


def test_a_table_leaves_out_what_a_system_has_not():
    text = table({"one": [{"voiced": 0.5}, {"voiced": 1.0}], "other": [{"level_db": -20.0}]})
    assert "| voiced | 0.75 |  |" in text and "| level_db |  | -20.00 |" in text
    assert loss_table({"soft": {"certain": 1.5}}).splitlines()[-1] == "| soft | 1.500 |"
