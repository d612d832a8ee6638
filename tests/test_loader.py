from __future__ import annotations

import time

import pytest

from livewave import ModelFileError, loader
from livewave.loader import Loader


@pytest.mark.parametrize(("error", "told"), [(ModelFileError("it is no model"), "it is no model"), (MemoryError("full"), "MemoryError: full")])
def test_whatever_stops_the_reading_is_answered_and_the_next_model_is_read(monkeypatch, error, told):
    def read(name: str) -> str:
        if name == "bad":
            raise error
        return name.upper()

    monkeypatch.setattr(loader, "load_model", read)
    reads, answers, until_s = Loader(), [], time.monotonic() + 30.0
    for name in ("bad", "good"):
        reads.load(0, name, answers.append, answers.append)
        before = len(answers)
        while len(answers) == before:
            assert time.monotonic() < until_s
            reads.turn()
    assert answers == [told, "GOOD"]
