"""A MIDI out port, by which generated notes reach a DAW or another instrument.

As on the way in, ports are found on a JACK server where one runs and on the system's own MIDI. rtmidi hands a message to
JACK in C++: no Python runs in the real-time thread. A port that goes away is said once, and opened again when it is back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from livewave import DeviceError
from livewave.control.complaints import Complaints
from livewave.control.midi import CLIENT_NAME, NONE, VIRTUAL, api_of, load_rtmidi
from livewave.control.midi_jack import MidiUnavailable, NoServer, Server

log = logging.getLogger(__name__)

PORT_NAME = "midi_out"
CLIENT = CLIENT_NAME + "-out"
# rtmidi waits a second, and lets nobody have the interpreter meanwhile, before it closes a port on a server that is dead.
_left_open: list[object] = []


class OutPort:
    """One port on one MIDI system. `wanted` is part of the name of who is to hear it; None is a port of ours for others to
    connect. Thread: one. Raises MidiUnavailable where there is no such system.

    mine  names that are no targets: what is generated must not come back as played
    """

    def __init__(self, on_jack: bool, wanted: str | None, mine: Sequence[str] = ()) -> None:
        self.name = ""
        self._rtmidi, self._on_jack, self._wanted, self._mine = load_rtmidi(), on_jack, wanted, tuple(mine)
        self.error = self._rtmidi.RtMidiError
        self._api = api_of(self._rtmidi, on_jack)
        self._output = self._server = None
        self._connected = False
        self._join()

    @property
    def connected(self) -> bool:
        """Whether somebody can hear it."""
        return self._connected

    def targets(self) -> list[str]:
        """What could be wanted now."""
        names = self._output.get_ports() if self._output is not None else []
        return [name for name in names if name not in self._mine and not name.startswith((CLIENT_NAME + ":", CLIENT + ":"))]

    def follow(self) -> bool:
        """Open the port when it can be had; True when it went away since the last call. Raises what a driver raises."""
        if self._connected and not self._is_there():
            self._leave()
            return True
        if self._output is None or self._dead:
            self._leave()
            self._join()
        if not self._connected:
            self._open()
        return False

    def send(self, packet: Sequence[int]) -> bool:
        """Whether it went out."""
        if self._connected:
            self._output.send_message(packet)
        return self._connected

    def close(self) -> None:
        self._leave()

    @property
    def _dead(self) -> bool:
        return self._server is not None and self._server.dead

    def _join(self) -> None:
        """Become a client of the MIDI system."""
        self._server = _look_for_jack() if self._on_jack else None
        try:
            self._output = self._rtmidi.MidiOut(self._api, name=CLIENT if self._on_jack else CLIENT_NAME)
        except self.error as error:
            raise MidiUnavailable(str(error)) from error

    def _open(self) -> None:
        names = self.targets()
        found = next((name for name in names if self._wanted and self._wanted.lower() in name.lower()), None)
        if self._wanted is not None and found is None:
            return
        try:
            if found is None:
                self._output.open_virtual_port(PORT_NAME)
            else:
                self._output.open_port(self._output.get_ports().index(found), name=PORT_NAME)
        except (self.error, NotImplementedError, ValueError) as error:
            raise MidiUnavailable(f"{found or 'a virtual port'} cannot be opened: {error}") from error
        self.name = found or f"{CLIENT if self._on_jack else CLIENT_NAME}:{PORT_NAME}"
        self._connected = True

    def _is_there(self) -> bool:
        return not self._dead and (self._wanted is None or self.name in self.targets())

    def _leave(self) -> None:
        """Safe to call twice."""
        output, server, dead = self._output, self._server, self._dead
        self._output, self._server, self._connected = None, None, False
        if server is not None:
            server.close()
        if dead:
            _left_open.append(output)
        elif output is not None:
            output.close_port()
            output.delete()


class MidiOut:
    """The MIDI out of one daemon: what `--midi-out` names.

    wanted    part of a port's name, "virtual" (a port of ours on every MIDI system there is), or "none"
    opened    the names of the ports in use at start
    warnings  what could not be had and was not asked for by name

    `start` raises DeviceError when a port asked for by name is not there. Afterwards nothing raises. Thread: one at a time.
    """

    def __init__(self, wanted: str = NONE) -> None:
        self.opened: list[str] = []
        self.warnings: list[str] = []
        self._wanted = wanted
        self._complaints = Complaints(log)
        self._ports: list[OutPort] = []

    def start(self, mine: Sequence[str] = ()) -> None:
        """Open what is wanted. `mine` are our own MIDI in ports, which are no targets."""
        if self._wanted == NONE:
            return
        ports, troubles = _open_ports(None if self._wanted == VIRTUAL else self._wanted, mine)
        there = [name for port in ports for name in port.targets()]
        self._ports = [port for port in ports if port.connected]
        for port in ports:
            if not port.connected:
                port.close()
        self.opened = [port.name for port in self._ports]
        if self._wanted == VIRTUAL and not self.opened:
            self.warnings.append("no MIDI out: " + "; ".join(troubles))
        elif not self.opened:
            raise DeviceError(
                f"MIDI out port {self._wanted!r} is not there; "
                + (f"there are: {', '.join(there)}" if there else "no MIDI port takes notes; use --midi-out virtual or none"))

    def send(self, packet: Sequence[int]) -> bool:
        """To every port that is there; whether there was one, and all took it."""
        sent = [self._survive(port, port.send, packet) for port in self._ports]
        return bool(sent) and all(sent)

    def follow(self) -> bool:
        """Look after the ports; True when one came back. To be called about once a second."""
        back = False
        for port in self._ports:
            was = port.connected
            if self._survive(port, port.follow):
                log.warning("MIDI out port %s has gone", port.name)
            elif not was and port.connected:
                log.warning("MIDI out port %s is back", port.name)
                back = True
        return back

    def close(self) -> None:
        for port in self._ports:
            self._survive(port, port.close)
        self._ports = []

    def _survive(self, port: OutPort, action: Callable[..., bool | None], *arguments: object) -> bool:
        try:
            return bool(action(*arguments))
        except MidiUnavailable:  # not yet back
            return False
        except Exception as error:  # drivers and servers that go away raise anything; playing goes on
            self._complaints.add(f"MIDI out {port.name}: {error}")
            return False


def list_targets() -> list[str]:
    """The MIDI ports that `--midi-out NAME` can name now. Never raises."""
    ports, _troubles = _open_ports("", ())
    names = [name for port in ports for name in port.targets()]
    for port in ports:
        port.close()
    return names


def _open_ports(wanted: str | None, mine: Sequence[str]) -> tuple[list[OutPort], list[str]]:
    """A port on every MIDI system there is, in use where `wanted` is there; and why the others refused."""
    ports: list[OutPort] = []
    troubles: list[str] = []
    for on_jack in (True, False):
        try:
            port = OutPort(on_jack, wanted, mine)
            ports.append(port)
            if wanted != "":
                port.follow()
        except MidiUnavailable as error:
            troubles.append(str(error))
    return ports, troubles


def _look_for_jack() -> Server | None:
    """Raises NoServer. None where only JACK-Client is missing: rtmidi may find a server by itself."""
    try:
        return Server(CLIENT + "-watch")
    except NoServer:
        raise
    except MidiUnavailable:
        return None
