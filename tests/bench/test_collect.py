"""What `collect` writes is what `table` reads, in small."""

from __future__ import annotations

from tests.bench import collect, learning, others
from tests.bench.table import table
from tests.bench.test_table import FOUND

SHAPE = "4,4,4,2"


def test_the_table_is_made_of_what_is_collected():
    engines, left_out = collect._bench(0.02, "--shape", SHAPE, "--engine", "native", "--engine", "onnx")
    assert {row["engine"] for row in engines} == {"native"} and len(left_out) == 1
    engines += collect._onnx_of_shape(0.02, SHAPE)
    assert engines[-1]["engine"] == "onnx" and engines[-1]["model"] == engines[0]["model"]
    text = table({**FOUND, "machine": collect.machine(), "engines": engines, "left_out": left_out,
                  "others": others.measure(0.02, (SHAPE,)), "learning": learning.measure(1)})
    rows = [line for line in text.splitlines() if "4/4/4, 2" in line]
    assert sum("onnx" in row for row in rows) == 1 and any("ONNX Runtime" in row for row in rows)
    assert any(row.startswith("| native") for row in rows)
    assert "| training, one core, 32/64/64, 20 |" in text
