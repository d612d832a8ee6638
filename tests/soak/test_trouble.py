from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from livewave.link import Command, Order
from livewave.music.clock import ManualClock
from livewave.performer import Performer
from tests.scenario.daemon import environment
from tests.soak.trouble import CLOCK_SIGNAL, CLOCK_STEP_S, Troubled, troubled
from tests.toys import ToyEngine

ROLL, UNIFORMS = np.ones((4, 128), np.uint8), np.zeros(64, np.float32)


@pytest.fixture
def given(monkeypatch):
    """Gives a trouble as a signal would."""
    monkeypatch.setattr(Troubled, "wanted", "")
    return lambda name: monkeypatch.setattr(Troubled, "wanted", name)


def rendered(engine: Troubled) -> np.ndarray:
    out = np.zeros(64, np.float32)
    engine.render(ROLL, UNIFORMS, out)
    return out


def test_without_trouble_it_is_the_engine_it_stands_for(given):
    assert np.all(rendered(Troubled(ToyEngine(), None)) == 0.5)
    assert Troubled(ToyEngine(), None).name == "toy"


@pytest.mark.parametrize("name", ["nan", "dc", "noise", "silence"])
def test_trouble_lasts_until_the_net_begins_again(given, name):
    engine = Troubled(ToyEngine(), None)
    engine.remember()
    given(name)
    for _ in range(3):
        assert not np.array_equal(rendered(engine), np.full(64, 0.5, np.float32))
    engine.recall()
    assert np.all(rendered(engine) == 0.5)


def test_a_slow_one_sounds_as_ever_and_takes_as_long_as_it_is_heard(given):
    engine = Troubled(ToyEngine(), None)
    given("slow")
    for _ in range(3):
        began_s = time.monotonic()
        assert np.all(rendered(engine) == 0.5)
        assert time.monotonic() - began_s >= 64 / engine.spec.model_rate_hz


def test_an_error_lasts_for_one_block(given):
    engine = Troubled(ToyEngine(), None)
    given("error")
    with pytest.raises(RuntimeError, match="made by a test"):
        rendered(engine)
    assert np.all(rendered(engine) == 0.5)


def test_a_tone_goes_on_from_block_to_block(given):
    engine = Troubled(ToyEngine(), 880.0)
    heard = np.concatenate([rendered(engine) for _ in range(10)])
    turn = 2 * np.cos(2 * np.pi * 880.0 / engine.spec.model_rate_hz)
    assert np.abs(heard[2:] - turn * heard[1:-1] + heard[:-2]).max() < 1e-4


def test_a_performer_takes_it_for_an_engine(given):
    performer = Performer(Troubled(ToyEngine(), None), ManualClock(), 48_000, 64, 0, 1.0, 0.0, 0.01)
    performer.obey(Command(Order.STRIKE, 0.0, 60, 100))
    performer.step()
    given("nan")
    performer.step()
    assert performer.faults == 1 and not np.isnan(performer.step()).any()


WATCHED = """
import os, sys, time
before = time.time() - time.monotonic()
os.kill(os.getpid(), int(sys.argv[-1]))
print(round(time.time() - time.monotonic() - before))
"""


def test_the_shim_steps_the_wall_clock_of_the_control_process(tmp_path):
    """Any module that is run with `-m` and told to `run` is taken for it."""
    (tmp_path / "watched.py").write_text(WATCHED)
    variables = {**environment(), **troubled()}
    variables["PYTHONPATH"] += os.pathsep + str(tmp_path)
    done = subprocess.run([sys.executable, "-m", "watched", "run", str(int(CLOCK_SIGNAL))], env=variables, capture_output=True, text=True)
    assert done.stdout.strip() == str(round(CLOCK_STEP_S)), done.stderr
