"""The composer computes what PyTorch does and what the LSTM's equations say, and hears whether it composes or not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from exporters.biaxialgraph import build_biaxial, composed, forced, from_pytorch
from livewave import EngineUnavailable, ModelFileError
from livewave.music.biaxial import NOTES, BiaxialSpec, features
from livewave.music.biaxialfile import BiaxialModel, load_biaxial
from livewave.music.composer import Composer
from tests.toys import tiny_biaxial_file
from training.biaxial import Biaxial

TASKS = Path("/proc/self/task")
TOLERANCE = 1e-4
STEPS = 24
SPECS = {
    "two and two": BiaxialSpec((24, 20), (16, 12)),
    "with velocity": BiaxialSpec((24, 20), (16, 12), velocity=True),
    "one and one": BiaxialSpec((9,), (7,)),
    "one and four, each wider": BiaxialSpec((3,), (4, 5, 6, 7), velocity=True),
    "four and one": BiaxialSpec((8, 3, 5, 2), (6,)),
}
State = dict[str, np.ndarray]


def trained(spec: BiaxialSpec) -> State:
    """Seeded weights as PyTorch names them, three times its own: a net that is sure of things."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return {name: 3.0 * value.numpy() for name, value in Biaxial(spec).state_dict().items()}


def written(spec: BiaxialSpec, folder: Path) -> BiaxialModel:
    path = folder / "net.onnx"
    path.write_bytes(build_biaxial(from_pytorch(spec, trained(spec), "net", {})).SerializeToString())
    return load_biaxial(path)


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def spec(request) -> BiaxialSpec:
    return request.param


@pytest.fixture
def model(tmp_path) -> BiaxialModel:
    return load_biaxial(tiny_biaxial_file(tmp_path, velocity=True))


def phrase(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows, uint8 [STEPS, 78, 3], and the places of their steps."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((STEPS, NOTES, 3), np.uint8)
    play = rng.random((STEPS, NOTES)) < 0.15
    rows[..., 0], rows[..., 1] = play, play & (rng.random(play.shape) < 0.5)
    rows[..., 2] = play * rng.integers(1, 128, play.shape)
    return rows, rng.integers(0, 16, STEPS)


def before(rows: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros_like(rows[:1]), rows[:-1]))


# the third opinion: Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000; gates as PyTorch stacks them


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def lstm(weights: State, layer: str, x: np.ndarray, hidden: np.ndarray,
         cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One step of one layer, for one note; the next hidden and cell state."""
    gates = (weights[f"{layer}.weight_ih_l0"] @ x + weights[f"{layer}.bias_ih_l0"]
             + weights[f"{layer}.weight_hh_l0"] @ hidden + weights[f"{layer}.bias_hh_l0"])
    i, f, g, o = np.split(gates, 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def by_equations(spec: BiaxialSpec, rows: np.ndarray, positions: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """float [steps, 78, 2 or 3]: logits, note by note, in double precision; `chosen` float [steps, 78, 2 or 3]."""
    weights = {name: array.astype(np.float64) for name, array in trained(spec).items()}
    shown = features(before(rows), positions, spec.velocity).astype(np.float64)
    along_time = [[[np.zeros(units), np.zeros(units)] for units in spec.time_units] for _ in range(NOTES)]
    logits = np.zeros((len(rows), NOTES, spec.choices))
    for step in range(len(rows)):
        along_notes = [[np.zeros(units), np.zeros(units)] for units in spec.note_units]
        below = np.zeros(spec.choices)
        for note in range(NOTES):
            x = shown[step, note]
            for k, state in enumerate(along_time[note]):
                x, _ = state[:] = lstm(weights, f"time.{k}", x, *state)
            x = np.concatenate((x, below))
            for k, state in enumerate(along_notes):
                x, _ = state[:] = lstm(weights, f"note.{k}", x, *state)
            logits[step, note] = weights["out.weight"] @ x + weights["out.bias"]
            below = chosen[step, note]
    return logits


def shown_choices(spec: BiaxialSpec, rows: np.ndarray) -> np.ndarray:
    return rows[..., : spec.choices] / np.array([1.0, 1.0, 127.0])[: spec.choices]


def test_logits_are_those_of_pytorch(spec, tmp_path):
    rows, positions = phrase()
    found = composed(written(spec, tmp_path), rows, positions)
    expected = forced(from_pytorch(spec, trained(spec), "net", {}).net, rows, positions)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    assert np.ptp(expected) > 1.0


def test_logits_are_those_of_the_equations(spec, tmp_path):
    rows, positions = (part[:6] for part in phrase())
    expected = by_equations(spec, rows, positions, shown_choices(spec, rows))
    np.testing.assert_allclose(composed(written(spec, tmp_path), rows, positions), expected, rtol=0, atol=TOLERANCE)


def test_the_next_note_is_shown_what_was_decided_even_where_that_is_in_between(spec, tmp_path):
    rows, positions = (part[:2] for part in phrase())
    decided = np.random.default_rng(2).random((2, NOTES, 3)) * [1.0, 1.0, 127.0]
    composer, found = Composer(written(spec, tmp_path)), []
    for step in range(2):
        composer.advance(before(rows)[step], positions[step])
        composer.compose(lambda note, logits: (found.append(logits.copy()), tuple(decided[step, note]))[1])
    expected = by_equations(spec, rows, positions, shown_choices(spec, decided))
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=0, atol=TOLERANCE)


def silent(note: int, logits: np.ndarray) -> tuple[int, int, int]:
    return 0, 0, 0


def walk(composer: Composer) -> np.ndarray:
    """float32 [78, choices]: logits of the step to come, when nothing is chosen."""
    found = np.zeros((NOTES, composer.spec.choices), np.float32)
    composer.compose(lambda note, logits: (found.__setitem__(note, logits), silent(note, logits))[1])
    return found


def test_notes_are_asked_for_once_each_from_the_lowest_up(model):
    composer, asked = Composer(model), []
    composer.advance(np.zeros((NOTES, 3), np.uint8), 0)
    composer.compose(lambda note, logits: (asked.append((note, logits.shape, logits.dtype)), (0, 0, 0))[1])
    assert asked == [(note, (3,), np.float32) for note in range(NOTES)]


def test_listening_without_composing_leaves_the_same_memory(model):
    rows, positions = phrase()
    quiet, busy = Composer(model), Composer(model)
    for row, position in zip(rows, positions):
        quiet.advance(row, position)
        busy.advance(row, position)
        busy.compose(lambda note, logits: (1, 1, 90))
    np.testing.assert_array_equal(walk(quiet), walk(busy))


def test_what_was_heard_and_the_place_in_the_bar_both_count(model):
    def after(row: np.ndarray, position: int) -> np.ndarray:
        composer = Composer(model)
        composer.advance(row, position)
        return walk(composer)

    row = phrase()[0][0]
    softer = row.copy()
    softer[..., 2] //= 2
    heard = [after(row, 3), after(row, 4), after(softer, 3), after(np.zeros_like(row), 3)]
    assert all(not np.array_equal(one, other) for k, one in enumerate(heard) for other in heard[:k])


def test_reset_forgets_everything(model):
    composer, fresh = Composer(model), Composer(model)
    rows, positions = phrase()
    for row, position in zip(rows, positions):
        composer.advance(row, position)
        composer.compose(lambda note, logits: (1, 0, 50))
    composer.reset()
    np.testing.assert_array_equal(walk(composer), walk(fresh))
    for one in (composer, fresh):
        one.advance(rows[0], 5)
    np.testing.assert_array_equal(walk(composer), walk(fresh))


def test_two_composers_on_one_model_share_no_memory(model):
    rows, positions = phrase()
    one, two, alone = Composer(model), Composer(model), Composer(model)
    for row, position in zip(rows, positions):
        one.advance(row, position)
        two.advance(rows[0], 0)
        alone.advance(row, position)
    np.testing.assert_array_equal(walk(one), walk(alone))
    assert not np.array_equal(walk(two), walk(alone))


def test_it_says_which_net_it_is(model):
    composer = Composer(model)
    assert (composer.name, composer.spec, composer.provenance) == ("tiny", model.spec, model.provenance)


def test_model_that_came_from_no_file_is_refused_with_the_remedy():
    with pytest.raises(ModelFileError, match="'in memory' did not come from one.*python -m exporters"):
        Composer(from_pytorch(SPECS["one and one"], trained(SPECS["one and one"]), "in memory", {}))


def test_missing_onnxruntime_is_said_with_the_remedy(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match="the composer needs .*pip install onnxruntime"):
        Composer(model)


def test_graph_that_the_runtime_refuses_or_cannot_run_is_a_model_file_error(model):
    with pytest.raises(ModelFileError, match="'tiny': the composer refuses"):
        Composer(dataclasses.replace(model, graph=b"not a graph"))
    with pytest.raises(ModelFileError, match="'tiny': its graph fails to run"):
        Composer(dataclasses.replace(model, spec=dataclasses.replace(model.spec, velocity=False)))


@pytest.mark.skipif(not TASKS.exists(), reason="only Linux lists a process's threads")
def test_it_runs_on_the_thread_that_calls_it(model):
    first = Composer(model)  # the library itself is loaded once
    running = {task.name for task in TASKS.iterdir()}
    second = Composer(model)
    for composer in (first, second):
        composer.advance(phrase()[0][0], 0)
        walk(composer)
    assert {task.name for task in TASKS.iterdir()} <= running


def test_importing_the_composer_loads_no_runtime():
    code = "import sys, livewave.music.composer; sys.exit(bool({'onnx', 'onnxruntime', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
