from __future__ import annotations

import threading

import pytest

from livewave.sound.hangs import ends_in_time


def test_what_ends_has_ended_and_what_hangs_is_left_behind():
    never = threading.Event()
    assert ends_in_time(lambda: None, 20.0)
    assert not ends_in_time(never.wait, 0.01)
    never.set()


def test_what_the_call_raises_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        ends_in_time(lambda: 1 / 0, 20.0)
