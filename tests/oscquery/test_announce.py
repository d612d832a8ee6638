"""Found by zeroconf on this machine's own network, as a client would look."""

from __future__ import annotations

import threading

import pytest
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

from livewave.oscquery.announce import OSC, OSCQUERY
from tests.oscquery.test_server import Daemon

PATIENCE_S = 20.0


@pytest.mark.parametrize("kind", [OSC, OSCQUERY])
def test_a_client_that_looks_around_finds_the_ports_and_hears_when_they_go(kind):
    daemon, found, gone, browser = Daemon(), threading.Event(), threading.Event(), Zeroconf(interfaces=["127.0.0.1"])
    ports = {OSC: daemon.osc.address[1], OSCQUERY: int(daemon.query.url.rpartition(":")[2])}

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        info = zeroconf.get_service_info(service_type, name) if state_change is ServiceStateChange.Added else None
        if info and info.port == ports[kind] and info.parsed_addresses() == ["127.0.0.1"] and name.startswith("livewave"):
            ours.append(name)
            found.set()
        elif state_change is ServiceStateChange.Removed and name in ours:
            gone.set()

    ours: list[str] = []
    ServiceBrowser(browser, f"{kind}.local.", handlers=[changed])
    assert found.wait(PATIENCE_S)
    daemon.close()
    assert gone.wait(PATIENCE_S)
    browser.close()
