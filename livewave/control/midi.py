"""MIDI ports -> events: which ports, how they are opened, and what happens when a cable is pulled.

Ports are found on a JACK server where one runs (midi_jack: stamps of JACK's own clock) and through python-rtmidi on the
system's MIDI. A message is stamped with the monotonic clock before anything else is done with it. rtmidi calls back
from its own thread, except on JACK, where that thread is the real-time one and must never wait for the GIL: there it
is polled.
This is the one file of livewave that imports rtmidi.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

from livewave import DeviceError
from livewave.control.complaints import Complaints
from livewave.control.events import EventQueue, MessagesLost, SourceLost
from livewave.control.midi_bytes import MidiBytes
from livewave.control.midi_jack import JackPorts, MidiUnavailable, NoServer, Receive
from livewave.sound.realtime import NOTE_PRIORITY, ask_for_priority

log = logging.getLogger(__name__)

VIRTUAL, NONE = "virtual", "none"
CLIENT_NAME = "livewave"
# A port, or a server, that comes back is heard again within this: a look at JACK takes 0.1 ms, one for a dead server 4 ms.
RESCAN_S = 0.25
WATCH_S = 0.1
# A MIDI server that hangs must not keep the daemon from ending.
JOIN_S = 2.0
POLL_S = 0.0005
QUEUE_MESSAGES = 8192
ALSA_SEQUENCER = "/dev/snd/seq"


class RtMidiPort:
    """One port through python-rtmidi. `wanted` is part of its name; None is a virtual port of ours."""

    def __init__(self, ports: RtMidiPorts, wanted: str | None, receive: Receive) -> None:
        self.name = ""
        self._ports = ports
        self._wanted = wanted
        self._receive = receive
        self._input = None
        self._thread: int | None = None  # rtmidi's, that calls
        if wanted is None:
            self._open(None)

    def follow(self, names: Sequence[str]) -> bool:
        """Open the wanted port when it is there; True when it has gone since the last call."""
        if self._wanted is None:
            return False
        if self._input is not None and self.name not in names:
            self.close()
            return True
        found = next((name for name in names if self._wanted.lower() in name.lower()), None)
        if self._input is None and found is not None:
            self._open(found)
        return False

    def poll(self) -> None:
        """Hand on what is waiting. Thread: the polling one."""
        source = self._input
        while source is not None and (waiting := source.get_message()) is not None:
            self._receive(waiting[0], time.monotonic())

    def close(self) -> None:
        source, self._input = self._input, None
        if source is not None:
            source.cancel_callback()
            source.close_port()

    def _open(self, name: str | None) -> None:
        source = self._ports.new_input()
        source.ignore_types(sysex=True, timing=False, active_sense=False)
        if not self._ports.polled:
            source.set_callback(self._called)
        try:
            if name is None:
                source.open_virtual_port(self._ports.client_name)
            else:
                source.open_port(source.get_ports().index(name), name="midi_in")
        except (self._ports.error, NotImplementedError, ValueError) as error:
            raise MidiUnavailable(f"{name or 'a virtual port'} cannot be opened: {error}") from error
        self.name = name or self._ports.client_name
        self._input = source

    def _called(self, message: tuple[list[int], float], _data: object) -> None:
        at_s = time.monotonic()
        if self._thread != threading.get_native_id():
            self._thread = threading.get_native_id()
            ask_for_priority(NOTE_PRIORITY, inherited=False)
        self._receive(message[0], at_s)


class RtMidiPorts:
    """The ports of one rtmidi API. Thread: one (set-up, then the watcher). Raises MidiUnavailable."""

    def __init__(self, client_name: str, on_jack: bool) -> None:
        self.client_name = client_name
        self.polled = on_jack
        self._open: list[RtMidiPort] = []
        self._closing = threading.Event()
        self._poller: threading.Thread | None = None
        self._rtmidi = load_rtmidi()
        self.error = self._rtmidi.RtMidiError
        self._api = api_of(self._rtmidi, on_jack)
        self._lister = self.new_input()

    def new_input(self):
        try:
            return self._rtmidi.MidiIn(self._api, name=self.client_name, queue_size_limit=QUEUE_MESSAGES)
        except self.error as error:
            raise MidiUnavailable(str(error)) from error

    @property
    def dropped(self) -> int:
        """rtmidi does not tell what its queue of 8192 messages lost."""
        return 0

    missed = dropped

    def names(self) -> list[str]:
        return self._lister.get_ports()

    def tend(self) -> None:
        """Nothing is connected but what `follow` connects."""

    def open(self, wanted: str | None, receive: Receive) -> RtMidiPort:
        port = RtMidiPort(self, wanted, receive)
        self._open.append(port)
        if self.polled and self._poller is None:
            self._poller = threading.Thread(target=self._poll, name="midi-in", daemon=True)
            self._poller.start()
        return port

    def close(self) -> None:
        self._closing.set()
        if self._poller is not None:
            self._poller.join()
        for port in self._open:
            port.close()
        self._lister.delete()

    def _poll(self) -> None:
        ask_for_priority(NOTE_PRIORITY, inherited=False)
        while not self._closing.is_set():
            for port in self._open:
                port.poll()
            time.sleep(POLL_S)


class MidiInput:
    """One entry of `--midi`: a port, its parser, and the source its events name."""

    def __init__(self, queue: EventQueue, wanted: str | None, complaints: Complaints) -> None:
        self.wanted = wanted
        self.parser = MidiBytes(f"midi:{wanted or CLIENT_NAME}", complaints)
        self._queue = queue

    def receive(self, packet: Sequence[int], at_s: float) -> None:
        """An empty packet: others before it may have been lost."""
        if not packet:
            self._queue.put(MessagesLost(at_s, self.parser.source))
        for event in self.parser.parse(packet, at_s):
            self._queue.put(event)

    def lose(self) -> None:
        self._queue.put(SourceLost(time.monotonic(), self.parser.source))


class MidiInputs:
    """All MIDI of one daemon.

    wanted    parts of port names, "virtual" (a port of ours, for others to connect), or "none"
    warnings  what could not be had and was not asked for by name
    opened    the names of the ports in use at start

    `start` raises DeviceError when a port asked for by name is not there. Afterwards nothing raises: a port that goes
    away puts a SourceLost and is opened again when it comes back.
    """

    def __init__(self, queue: EventQueue, wanted: Sequence[str] = (VIRTUAL,), client_name: str = CLIENT_NAME) -> None:
        self.warnings: list[str] = []
        self.opened: list[str] = []
        self._complaints = Complaints(log)
        self._queue = queue
        self._wanted = [name for name in wanted if name != NONE]
        self._client_name = client_name
        self._systems: list[JackPorts | RtMidiPorts] = []
        self._inputs: list[tuple[MidiInput, JackPorts | RtMidiPorts, object]] = []
        self._missed = 0  # messages for which notes were released
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def refused(self) -> int:
        """How many packets held something that is not MIDI."""
        return self._complaints.count

    @property
    def dropped(self) -> int:
        """How many messages came faster than they were read."""
        return sum(system.dropped for system in self._systems)

    def start(self) -> None:
        if not self._wanted:
            return
        self._systems, troubles = _open_systems(self._client_name)
        try:
            for wanted in self._wanted:
                if wanted == VIRTUAL:
                    self._open_virtual(troubles)
                else:
                    self._open_named(wanted)
        except DeviceError:
            self.close()
            raise
        self._watcher = threading.Thread(target=self._watch, name="midi-watch", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join(JOIN_S)
        for system in self._systems:
            system.close()
        self._systems = []

    def _open_virtual(self, troubles: list[str]) -> None:
        """A port of ours on every MIDI system there is; a warning where there is none."""
        opened = len(self.opened)
        for system in self._systems:
            try:
                self._open(system, None)
            except MidiUnavailable as error:
                troubles = [*troubles, str(error)]
        if len(self.opened) == opened:
            self.warnings.append("no MIDI: " + "; ".join(troubles))

    def _open_named(self, wanted: str) -> None:
        for system in self._systems:
            if any(wanted.lower() in name.lower() for name in system.names()):
                try:
                    return self._open(system, wanted)
                except MidiUnavailable as error:
                    raise DeviceError(f"MIDI port {wanted!r}: {error}") from error
        there = [name for system in self._systems for name in system.names()]
        raise DeviceError(
            f"MIDI port {wanted!r} is not there; "
            + (f"there are: {', '.join(there)}" if there else "no MIDI port is connected; use --midi virtual or none")
        )

    def _open(self, system: JackPorts | RtMidiPorts, wanted: str | None) -> None:
        entry = MidiInput(self._queue, wanted, self._complaints)
        port = system.open(wanted, entry.receive)
        self._inputs.append((entry, system, port))
        port.follow(system.names())
        self.opened.append(port.name)

    def _watch(self) -> None:
        rescan_s = 0.0
        while not self._stop.wait(WATCH_S):
            now_s = time.monotonic()
            for entry, _system, _port in self._inputs:
                if entry.parser.silent(now_s):
                    entry.lose()
            self._look_for_missed()
            if now_s >= rescan_s:
                self._rescan()
                rescan_s = now_s + RESCAN_S

    def _look_for_missed(self) -> None:
        """What was dropped may have been anybody's note-off. A server that comes back counts from 0 again."""
        missed, self._missed = self._missed, sum(system.missed for system in self._systems)
        if self._missed > missed:
            self._complaints.add(f"MIDI: {self._missed - missed} messages came faster than they were read; notes played by MIDI end")
            for entry, _system, _port in self._inputs:
                entry.lose()

    def _rescan(self) -> None:
        for entry, system, port in self._inputs:
            try:
                if port.follow(system.names()):
                    log.warning("MIDI port %s has gone", entry.parser.source)
                    entry.lose()
            except Exception as error:  # drivers and servers that go away raise anything; playing goes on
                self._complaints.add(f"{entry.parser.source}: {error}")
        for system in self._systems:
            try:
                system.tend()
            except Exception as error:  # as above; it is looked at again soon
                log.debug("connections of the sound: %s", error)


def list_ports() -> list[str]:
    """The MIDI ports that `--midi NAME` can name now. Never raises."""
    systems, _troubles = _open_systems(CLIENT_NAME + "-list")
    names = [name for system in systems for name in system.names()]
    for system in systems:
        system.close()
    return names


def _open_systems(client_name: str) -> tuple[list[JackPorts | RtMidiPorts], list[str]]:
    """JACK by our tap (by rtmidi where the tap cannot be had), then the system's own MIDI; and why others refused."""
    systems: list[JackPorts | RtMidiPorts] = []
    troubles: list[str] = []
    for opener in (_open_jack, lambda name: RtMidiPorts(name, on_jack=False)):
        try:
            systems.append(opener(client_name))
        except MidiUnavailable as error:
            troubles.append(str(error))
    return systems, troubles


def _open_jack(client_name: str) -> JackPorts | RtMidiPorts:
    try:
        return JackPorts(client_name)
    except NoServer:
        raise
    except MidiUnavailable:
        return RtMidiPorts(client_name, on_jack=True)


def load_rtmidi():
    """The library, with which midi_out.py opens ports too. Raises MidiUnavailable."""
    try:
        import rtmidi
    except ImportError as error:
        raise MidiUnavailable("the Python package python-rtmidi is not installed") from error
    return rtmidi


def api_of(rtmidi, on_jack: bool) -> int:
    """The compiled API to use: JACK, or the system's own (ALSA, CoreMIDI, WinMM). Raises MidiUnavailable."""
    own = (rtmidi.API_LINUX_ALSA, rtmidi.API_MACOSX_CORE, rtmidi.API_WINDOWS_MM)
    usable = (rtmidi.API_UNIX_JACK,) if on_jack else own
    api = next((api for api in rtmidi.get_compiled_api() if api in usable), None)
    if api is None:
        raise MidiUnavailable("python-rtmidi was built without " + ("JACK" if on_jack else "the system's MIDI"))
    if api == rtmidi.API_LINUX_ALSA and sys.platform == "linux" and not os.path.exists(ALSA_SEQUENCER):
        raise MidiUnavailable(f"no ALSA sequencer ({ALSA_SEQUENCER}; modprobe snd-seq)")
    return api
