from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from jackd import NoJack, jack_process, jack_server  # noqa: E402


@pytest.fixture
def jack_name():
    """The name of a running JACK server at 48 kHz, 128 frames a period."""
    try:
        with jack_server() as name:
            yield name
    except NoJack as reason:
        pytest.skip(str(reason))


@pytest.fixture
def jack_server_process():
    """The process of a running JACK server, for tests that kill it."""
    try:
        with jack_process() as (_, server):
            yield server
    except NoJack as reason:
        pytest.skip(str(reason))
