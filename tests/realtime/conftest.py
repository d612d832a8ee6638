from __future__ import annotations

import pytest

from tests.realtime.jackd import NoJack, jack_process, jack_server


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
