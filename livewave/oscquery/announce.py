"""Zeroconf: where OSC and OSCQuery are, told to whoever looks for them. This is the one file of livewave that imports zeroconf."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

log = logging.getLogger(__name__)

OSC, OSCQUERY = "_osc._udp", "_oscjson._tcp"


class Announcement:
    """Tells of services as `name`, on the network that `host`, an address of ours, is bound to. Thread: the loop's.

    ports  of each kind of service

    Where it cannot be had, the log says why, and everything else works, by typing the address.
    """

    def __init__(self, name: str, host: str, ports: Mapping[str, int]) -> None:
        self._name, self._host, self._ports = name, host, ports
        self._announcer: AsyncZeroconf | None = None

    async def begin(self) -> None:
        """Takes about two seconds, in which it asks whether the name is free; else it takes another one like it."""
        try:
            import zeroconf
            from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
        except ImportError as error:
            log.info("not announced: %s", error)
            return
        address = ipaddress.ip_address(self._host)
        everywhere = address.is_unspecified
        version = zeroconf.IPVersion.V4Only if address.version == 4 else zeroconf.IPVersion.V6Only
        found = zeroconf.get_all_addresses() if everywhere and address.version == 4 else [self._host]
        machine = f"{socket.gethostname().partition('.')[0]}.local."
        infos = [AsyncServiceInfo(f"{kind}.local.", f"{self._name}.{kind}.local.", port=port, parsed_addresses=found, server=machine)
                 for kind, port in self._ports.items()]
        try:
            self._announcer = AsyncZeroconf(zeroconf.InterfaceChoice.All if everywhere else [self._host], ip_version=version)
            await asyncio.gather(*(self._announcer.async_register_service(info, allow_name_change=True) for info in infos))
        except (OSError, zeroconf.Error) as error:
            log.info("not announced on the network of %s: %s", self._host, error)

    async def end(self) -> None:
        """Say goodbye."""
        if self._announcer is not None:
            await self._announcer.async_unregister_all_services()
            await self._announcer.async_close()
