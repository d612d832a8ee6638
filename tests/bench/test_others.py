from __future__ import annotations

import pytest

from tests.bench import others
from tests.bench.others import LIVEWAVE, VOCODER, measure


def test_everyone_plays_every_shape_and_is_compared_with_livewave_in_the_same_run():
    found = measure(0.02, ("4,4,4,2", "5,4,4,2"))
    names = {row["name"] for row in found["rows"]}
    assert {LIVEWAVE, "ONNX Runtime", "NumPy"} <= names
    assert (VOCODER in names) != bool(found["left_out"])
    for shape in ("4,4,4,2", "5,4,4,2"):
        rows = {row["name"]: row for row in found["rows"] if row["shape"] == shape}
        assert set(rows) == names and rows[LIVEWAVE]["times_slower"] == 1.0
        for row in rows.values():
            ratio = row["us_per_sample"] / rows[LIVEWAVE]["us_per_sample"]
            assert row["times_slower"] == pytest.approx(ratio, rel=0.1, abs=0.1)


def test_who_is_not_installed_is_left_out_and_named_with_a_remedy(monkeypatch):
    def missing(*_):
        raise ImportError("No module named 'wavenet_vocoder'")

    monkeypatch.setattr(others, "wavenet_vocoder", missing)
    found = measure(0.01, ("4,4,4,2",))
    assert [row["name"] for row in found["rows"]] == [LIVEWAVE, "ONNX Runtime", "NumPy"]
    assert len(found["left_out"]) == 1 and VOCODER in found["left_out"][0] and ".[bench]" in found["left_out"][0]


def test_the_other_net_has_the_shape_that_it_is_said_to_have(monkeypatch):
    package = pytest.importorskip("wavenet_vocoder")
    made = []

    class Spy(package.WaveNet):
        def __init__(self, **shape):
            super().__init__(**shape)
            made.append(self)

    monkeypatch.setattr(package, "WaveNet", Spy)
    others.wavenet_vocoder(8, 12, 99, 20).play(3)
    (net,) = made
    assert [layer.conv.dilation[0] for layer in net.conv_layers] == [2**i for i in range(10)] * 2
    weights = {(*layer.conv.weight.shape, *layer.conv1x1_skip.weight.shape) for layer in net.conv_layers}
    assert weights == {(16, 8, 2, 12, 8, 1)}
    assert not any(name.endswith("weight_g") for name, _ in net.named_parameters())  # folded in
