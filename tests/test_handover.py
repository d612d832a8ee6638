from __future__ import annotations

import os

import numpy as np

from livewave.handover import Recipe, pack, unpack
from livewave.render.modelfile import load_model
from livewave.render.native import NativeEngine
from tests.toys import tiny_model_file


def test_a_model_arrives_as_it_was_read_and_the_file_may_be_closed(tmp_path):
    model = load_model(tiny_model_file(tmp_path))
    descriptor = pack(model)
    again, twice = unpack(descriptor), unpack(descriptor)
    os.close(descriptor)
    for arrived in (again, twice):
        assert (arrived.spec, arrived.name, arrived.provenance, arrived.graph) == (model.spec, model.name, model.provenance, model.graph)
        assert arrived.weights.keys() == model.weights.keys()
        for name, weights in model.weights.items():
            np.testing.assert_array_equal(arrived.weights[name], weights)
            assert arrived.weights[name].shape == weights.shape


def test_a_recipe_opens_the_same_engine_again(tmp_path):
    model = load_model(tiny_model_file(tmp_path))
    first = NativeEngine(model, "bf16")
    again = Recipe.of({"engine": "native", "precision": first.precision, "isa": first.isa}).open(model)
    assert (again.name, again.precision, again.isa) == ("native", "bf16", first.isa)


def test_other_engines_need_no_options():
    assert Recipe.of({"engine": "cuda", "precision": "f16", "isa": ""}) == Recipe("cuda")
