"""Model files of two kinds lie beside each other, and neither is taken for the other."""

from __future__ import annotations

import os

import pytest

from livewave import ModelFileError
from livewave.music.biaxialfile import list_biaxial, load_biaxial
from livewave.render.modelfile import list_models, load_model
from tests.toys import tiny_biaxial_file, tiny_model_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of models: a WaveNet `tiny`, and continuation models `tiny` and `verse`."""
    (tmp_path / "continuation").mkdir()
    tiny_model_file(tmp_path)
    (tmp_path / "continuation" / "verse.onnx").write_bytes(tiny_biaxial_file(tmp_path / "continuation").read_bytes())
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", os.pathsep.join(["/nonexistent", str(tmp_path)]))
    return tmp_path


def test_each_kind_is_listed_where_it_lies(folder):
    assert ("tiny", folder / "tiny.onnx") in list_models()
    assert "verse" not in dict(list_models()) and all(path.parent.name != "continuation" for _, path in list_models())
    assert [entry for entry in list_biaxial() if folder in entry[1].parents] == [
        ("tiny", folder / "continuation" / "tiny.onnx"), ("verse", folder / "continuation" / "verse.onnx")]


def test_one_name_may_stand_for_one_of_each(folder):
    assert load_model("tiny").spec.layers == 4
    assert load_biaxial("tiny").spec.time_units == (7, 6)


def test_first_folder_that_has_a_continuation_model_wins(folder, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    (mine / "continuation").mkdir(parents=True)
    tiny_biaxial_file(mine / "continuation")
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", os.pathsep.join([str(mine), str(folder)]))
    assert dict(list_biaxial())["tiny"] == mine / "continuation" / "tiny.onnx"


def test_the_other_kinds_name_is_refused_saying_what_it_is(folder):
    with pytest.raises(ModelFileError, match="no model is named 'verse' .verse is a biaxial LSTM, which writes.*tiny"):
        load_model("verse")
    (folder / "flute.onnx").write_bytes((folder / "tiny.onnx").read_bytes())
    with pytest.raises(ModelFileError, match="no continuation model is named 'flute' .flute is a WaveNet.*: .*verse"):
        load_biaxial("flute")


def test_the_other_kinds_file_is_refused_saying_what_it_is_and_what_that_is_for(folder):
    with pytest.raises(ModelFileError, match="tiny.onnx.*a WaveNet, which turns notes into sound; expected a biaxial LSTM"):
        load_biaxial(folder / "tiny.onnx")
    with pytest.raises(ModelFileError, match="verse.onnx.*a biaxial LSTM, which writes the notes of a con.*; expected a WaveNet"):
        load_model(folder / "continuation" / "verse.onnx")


def test_unknown_name_is_refused_naming_the_models_that_exist(folder):
    with pytest.raises(ModelFileError, match="'oboe'; there are: .*tiny.*verse.*that holds continuation/ in .LIVEWAVE"):
        load_biaxial("oboe")
    with pytest.raises(ModelFileError, match="no such file; models by name: .*verse"):
        load_biaxial(folder / "oboe.onnx")
