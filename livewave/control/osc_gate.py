"""Who may be heard by OSC, and how much of each: asked about every datagram before anything of it is read.

A server on loopback hears its own machine and nobody else. One that is bound wider hears whom its allow-list names, and
does not start without one. Each sender may send so many messages a second, with a second's worth in hand; one that has
spent all of it is shut out for SHUT_S. Whatever is lost may have been a note-off: whoever is shut out, or forgotten for
want of room, is given to `lose`, which releases what that sender holds. A gap is heard, a note that hangs is not.

UDP lets a sender write any address on a datagram. An allow-list keeps out strangers and accidents, and is no password.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum, auto

from livewave import ConfigError

MESSAGES_PER_S = 10_000
BURST_S = 1.0  # of that rate, that a sender who was silent may send at once
SHUT_S = 0.25
MAX_SENDERS = 256
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Verdict(Enum):
    HEARD = auto()
    STRANGER = auto()
    LIMITED = auto()


class _Sender:
    """What one sender may still send. It may owe: a bundle is heard whole."""

    __slots__ = ("messages", "counted_s", "shut_until_s")

    def __init__(self, messages: float, now_s: float) -> None:
        self.messages, self.counted_s = messages, now_s
        self.shut_until_s = now_s


class Gate:
    """Thread: the one that receives. Nothing here waits, logs or looks into a datagram.

    allow    networks besides loopback and `bound`, the address of ours that is listened on
    lose     told of a sender (its host) of whom something was or may be lost
    limited  datagrams that were not heard because their senders were over the limit
    """

    def __init__(self, bound: str, allow: Sequence[str], messages_per_s: int, lose: Callable[[str], None]) -> None:
        own = () if _address(bound).is_unspecified else (str(_address(bound)),)
        self.limited = 0
        self._networks = [ipaddress.ip_network(network, strict=False) for network in (*LOOPBACK, *own, *allow)]
        self._per_s, self._most = messages_per_s, messages_per_s * BURST_S
        self._lose = lose
        self._senders: OrderedDict[str, _Sender] = OrderedDict()  # the one heard last at the end

    @property
    def hosts(self) -> list[str]:
        """Every sender that may hold something."""
        return list(self._senders)

    def judge(self, host: str, now_s: float) -> Verdict:
        """What is to be done with a datagram of that host. One that is heard counts as a message."""
        sender = self._senders.get(host)
        if sender is None:
            if not self.allows(host):
                return Verdict.STRANGER
            sender = self._meet(host, now_s)
        self._senders.move_to_end(host)
        if now_s >= sender.shut_until_s and self._count(sender, now_s) > 0.0:
            sender.messages -= 1
            return Verdict.HEARD
        self.limited += 1
        if now_s >= sender.shut_until_s:
            sender.shut_until_s = now_s + SHUT_S
            self._lose(host)
        return Verdict.LIMITED

    def charge(self, host: str, messages: int) -> None:
        """So many more were in the datagram of that host that was heard last; none where it is negative."""
        self._senders[host].messages -= max(0, messages)

    def allows(self, host: str) -> bool:
        """Whether that host may be heard at all."""
        address = _address(host)
        return any(address in network for network in self._networks)

    def _meet(self, host: str, now_s: float) -> _Sender:
        if len(self._senders) >= MAX_SENDERS:
            forgotten, _ = self._senders.popitem(last=False)
            self._lose(forgotten)
        self._senders[host] = sender = _Sender(self._most, now_s)
        return sender

    def _count(self, sender: _Sender, now_s: float) -> float:
        earned = (now_s - sender.counted_s) * self._per_s
        sender.messages, sender.counted_s = min(self._most, sender.messages + earned), now_s
        return sender.messages


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach that address of ours."""
    return _address(host).is_loopback


def check_exposure(host: str, bound: str, port: int, allow: Sequence[str]) -> None:
    """Raises ConfigError where others than this machine could send, and nobody said who may.

    host   as the player wrote it
    bound  the address it stands for
    """
    if not allow and not is_loopback(bound):
        raise ConfigError(
            f"OSC on {host}:{port} can be reached by other machines, and nobody is allowed to send: name who may with "
            "--allow 192.168.1.0/24 (or [control] allow), or listen to this machine alone with "
            f"--osc 127.0.0.1:{port}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Of a socket's peer: an IPv4 one that came by an IPv6 socket is an IPv4 one; the name of an interface is left out."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
