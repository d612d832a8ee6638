"""A panel that pages are served by, and who opens them, for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from livewave.control.events import Panic
from livewave.panel.server import Panel
from tests.browser import browser  # noqa: F401
from tests.panel.browsing import NO_MIDI, Visitor
from tests.panel.serving import SILENCE, StandIn, serving


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


@pytest.fixture
def daemon(running) -> StandIn:
    """As it was, with nothing heard."""
    running.begin()
    return running


@pytest.fixture(scope="module")
def panel(running) -> Iterator[Panel]:
    with serving(Panel(running.osc.address, port=0)) as served:
        yield served


@pytest.fixture
def visit(browser, panel, daemon):
    """Opens the page; in the end the browser must have had nothing to complain of."""
    visitors: list[Visitor] = []

    def visit(before: str = NO_MIDI, **options: object) -> Visitor:
        visitor = Visitor(browser, panel.url, before, **options)
        visitors.append(visitor)
        visitor.await_ready()
        return visitor

    yield visit
    for visitor in visitors:
        visitor.close()
        assert visitor.troubles == []


@pytest.fixture(scope="module")
def tab(browser, panel) -> Iterator[Visitor]:
    visitor = Visitor(browser, panel.url, NO_MIDI)
    visitor.await_ready()
    yield visitor
    visitor.close()


@pytest.fixture
def visitor(tab, daemon) -> Iterator[Visitor]:
    """One at a desk, who holds nothing any more."""
    tab.rest()
    daemon.hears(Panic)
    daemon.begin()
    daemon.say("/livewave/sounding", SILENCE, SILENCE)
    yield tab
    assert tab.troubles == []
