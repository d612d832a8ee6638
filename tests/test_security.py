"""SECURITY.md says what the code holds."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from livewave import config
from livewave.control import osc_gate

TEXT = (Path(__file__).parents[1] / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|]+?) \| ([\d.]+) \| `([\w.]+)` \|$", TEXT, re.MULTILINE)
OF_CONFIG = {"livewave.config.ControlConfig.longest_note_s": config.ControlConfig().longest_note_s}


@pytest.mark.parametrize("what, number, constant", ROWS, ids=[constant for _, _, constant in ROWS])
def test_every_limit_that_is_written_down_is_the_one_that_is_held(what: str, number: str, constant: str):
    module, _, name = constant.rpartition(".")
    held = OF_CONFIG[constant] if constant in OF_CONFIG else getattr(importlib.import_module(module), name)
    assert float(number) == held, what


def test_no_row_of_the_tables_of_limits_is_overlooked():
    assert len(ROWS) == len(re.findall(r"^\| .* \| `livewave\.[\w.]+` \|$", TEXT, re.MULTILINE)) > 25


@pytest.mark.parametrize("module", ["livewave.control.osc_guard", "livewave.control.osc_gate", "livewave.control.osc_stream", "livewave.onnxfile.guard"])
def test_no_limit_of_the_guards_is_left_out(module: str):
    limits = {name for name in vars(importlib.import_module(module)) if re.match(r"MAX_|MESSAGES_|BURST_|SHUT_", name)}
    assert limits - {"MAX_NAME_CHARS"} <= {constant.rpartition(".")[2] for _, _, constant in ROWS}


def test_what_is_said_of_the_address_is_so():
    assert f"UDP {config.ControlConfig().osc}" in TEXT
    assert config.ControlConfig().messages_per_s == osc_gate.MESSAGES_PER_S and config.ControlConfig().allow == ()
