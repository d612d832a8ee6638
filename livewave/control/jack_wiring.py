"""What our sound is connected to on a JACK server, kept over the death of the process that makes it, and of the server.

PortAudio connects a new client to the sound card and knows nothing of a mixer or a DAW that somebody connected instead. So
the connections are looked at now and then, and a client that takes the place of another one gets those of its predecessor.
"""

from __future__ import annotations

import math
import re
from typing import Protocol

CLIENTS = ("livewave-audio", "livewave-voices")  # of the mix, and of each voice by itself
SOUND = {client: re.compile(f"({client}|{client}-[0-9]+):(.+)") for client in CLIENTS}  # JACK numbers one whose predecessor is not quite gone
SETTLES_S = 1.0  # so long PortAudio may still connect a new client; what is changed later, the player has changed


class Patchbay(Protocol):
    """As much of a JACK server as is needed here; every port by its whole name."""

    def outputs(self) -> dict[str, set[str]]:
        """Every audio output of ours, maybe others too, and the inputs it is connected to."""

    def inputs(self) -> set[str]:
        """Every audio input."""

    def identity(self, client: str) -> str:
        """Another one for each client that ever comes, whatever its name."""

    def connect(self, source: str, target: str) -> None: ...

    def disconnect(self, source: str, target: str) -> None: ...


class Wiring:
    """Remembers and restores, of one of CLIENTS. Thread: one, which calls `look` a few times a second while a server lives.

    Until something is there of what was connected, the sound stays where PortAudio has put it.
    """

    def __init__(self, client: str = CLIENTS[0]) -> None:
        self._sound = SOUND[client]
        self._wires: dict[str, set[str]] = {}  # a port of ours, without its client -> where it goes, there or not
        self._absent: set[str] = set()
        self._newest = ""
        self._known: set[str] = set()
        self._restoring, self._settled_s = False, 0.0

    def look(self, patchbay: Patchbay, now_s: float) -> None:
        """See what is connected; connect what has come back."""
        outputs, inputs = patchbay.outputs(), patchbay.inputs()
        clients = {patchbay.identity(ours[1]): ours[1] for name in outputs if (ours := self._sound.fullmatch(name))}
        if new := clients.keys() - self._known:
            self._newest, self._restoring, self._settled_s = max(new), bool(self._wires), math.inf
        self._known = set(clients)
        if self._newest not in clients:
            return
        prefix = clients[self._newest] + ":"
        ours = {name.removeprefix(prefix): peers for name, peers in outputs.items() if name.startswith(prefix)}
        there = set().union(*self._wires.values()) & inputs
        self._restoring = self._restoring and now_s < self._settled_s
        if self._restoring and there:
            self._settled_s = min(self._settled_s, now_s + SETTLES_S)
            for name, peers in ours.items():
                self._connect(patchbay, prefix + name, peers, self._wires.get(name, set()) & inputs)
        elif not self._restoring:
            for name, peers in ours.items():
                wanted = self._wires.get(name, set())
                peers = peers | (wanted & self._absent & inputs)
                self._connect(patchbay, prefix + name, ours[name], peers)
                self._wires[name] = peers | (wanted - inputs)
            self._absent = set().union(*self._wires.values()) - inputs

    def _connect(self, patchbay: Patchbay, name: str, peers: set[str], wanted: set[str]) -> None:
        for peer in wanted - peers:
            patchbay.connect(name, peer)
        for peer in peers - wanted:
            patchbay.disconnect(name, peer)
