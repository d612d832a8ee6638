"""MIDI ports on a JACK server, with JACK's own time stamps.

JACK hands MIDI to a callback in its real-time thread. Python there would stop the whole audio graph whenever another
thread holds the GIL, so the callback is C (jack/tap.h): it stamps each event with the time of its frame and leaves it
in a ring that a Python thread reads. This is the one file of livewave that imports JACK-Client.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Sequence

from livewave.control.jack_wiring import CLIENTS, Wiring
from livewave.sound.hangs import ends_in_time
from livewave.sound.realtime import NOTE_PRIORITY, ask_for_priority

Receive = Callable[[Sequence[int], float], None]

FUNCTIONS = (
    "jack_port_get_buffer",
    "jack_midi_get_event_count",
    "jack_midi_event_get",
    "jack_last_frame_time",
    "jack_frames_to_time",
    "jack_get_time",
)
READ_TIMEOUT_S = 0.1
CLOSE_S = 2.0  # for a farewell; a server whose clients were stopped for seconds may never answer again
# A stamp further from now than this is a JACK timer that has just started or has lost its way.
TRUSTED_S = 1.0


class MidiUnavailable(Exception):
    """MIDI, or one port of it, cannot be had; the text says why."""


class NoServer(MidiUnavailable):
    """JACK is installed, but no server is running."""


class _Session:
    """One life of the connection to the server: client, tap, and the thread that reads it."""

    def __init__(self, client_name: str) -> None:
        jack, native = _libraries()
        self.error = jack.JackError
        self.client = _open_client(jack, native, client_name)
        self.dead = self._left_behind = False
        self.missed = 0  # of the tap's `dropped`, those before which all that arrived has been handed on
        self._receivers: list[Receive] = []
        ffi, library = jack._ffi, jack._lib
        self._cast = ffi.cast
        loaded = ctypes.CDLL(jack._libname)
        addresses = {name: ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value for name in FUNCTIONS}
        self.tap = native.Tap(int(ffi.cast("uintptr_t", self.client._ptr)), addresses)
        # the callback must not outlive the tap, even when nobody closes us
        self.client._keepalive.append(self.tap)
        library.jack_set_process_callback(
            self.client._ptr,
            ffi.cast("JackProcessCallback", native.process_address),
            ffi.cast("void*", self.tap.address),
        )
        self.client.set_shutdown_callback(self._shut_down)
        self.client.activate()
        self.calibrate()
        self._reader = threading.Thread(target=self._read, name="midi-in", daemon=True)
        self._reader.start()

    def register(self, name: str, receive: Receive):
        """A new in-port whose messages go to `receive`; an empty one where the server has skipped us, and some may be lost."""
        port = self.client.midi_inports.register(name)
        self._receivers.append(receive)
        self.tap.add_port(int(self._cast("uintptr_t", port._ptr)))
        return port

    def calibrate(self) -> None:
        """Measure what to add to JACK's clock to get time.monotonic: the tightest of a few readings."""
        tightest_s = float("inf")
        for _ in range(5):
            before_s, jack_us, after_s = time.monotonic(), self.tap.now_us(), time.monotonic()
            if after_s - before_s < tightest_s:
                tightest_s = after_s - before_s
                self._offset_s = (before_s + after_s) / 2 - jack_us * 1e-6

    def close(self) -> None:
        """Safe to call twice. A server that does not answer is not waited for longer than CLOSE_S."""
        self.dead = True
        self._reader.join()
        if not self._left_behind:
            self._left_behind = not ends_in_time(self.client.close, CLOSE_S)

    def _shut_down(self, _status: object, _reason: str) -> None:
        self.dead = True

    def _read(self) -> None:
        ask_for_priority(NOTE_PRIORITY, inherited=False)
        while not self.dead:
            dropped = self.tap.dropped
            for slot, time_us, _frame, packet in self.tap.read(READ_TIMEOUT_S):
                now_s, at_s = time.monotonic(), time_us * 1e-6 + self._offset_s
                self._receivers[slot](packet, at_s if abs(at_s - now_s) < TRUSTED_S else now_s)
            self.missed = dropped


class Patchbay:
    """See `livewave.control.jack_wiring.Patchbay`: the connections between others, through a client of ours."""

    def __init__(self, client) -> None:
        self._client = client

    def outputs(self) -> dict[str, set[str]]:
        return {port.name: {peer.name for peer in self._client.get_all_connections(port)}
                for port in self._client.get_ports(f"^({'|'.join(CLIENTS)})", is_audio=True, is_output=True)}

    def inputs(self) -> set[str]:
        return {port.name for port in self._client.get_ports(is_audio=True, is_input=True)}

    def identity(self, client: str) -> str:
        return identity(self._client, client)

    def connect(self, source: str, target: str) -> None:
        self._client.connect(source, target)

    def disconnect(self, source: str, target: str) -> None:
        self._client.disconnect(source, target)


class JackPort:
    """One in-port of ours. `wanted` finds the source to connect; None leaves connecting to others.

    Whoever was connected when a server died is connected again on the next one.
    """

    def __init__(self, ports: JackPorts, name: str, wanted: str | None, receive: Receive) -> None:
        self._ports = ports
        self._name = name
        self._wanted = wanted
        self._receive = receive
        self._peers: set[str] = set()
        self._missing: set[str] = set()  # peers that went with a server
        self._seen: tuple[str, str] | None = None  # the source that was there at the last look, and its client
        self._port = None
        self.register()

    @property
    def name(self) -> str:
        return self._port.name

    def register(self) -> None:
        self._missing |= self._peers
        self._port = self._ports.session.register(self._name, self._receive)
        self._seen = None

    def follow(self, names: Sequence[str]) -> bool:
        """Connect the wanted source when it appears; True when a peer has left since the last call."""
        if self._ports.session.dead:
            left, self._peers, self._missing = bool(self._peers), set(), self._missing | self._peers
            return left
        client = self._ports.session.client
        found = next((name for name in names if self._wanted and self._wanted.lower() in name.lower()), None)
        seen = (found, self._identity(found)) if found else None
        if seen and seen != self._seen:
            client.connect(found, self._port)
        self._seen = seen
        connected = {port.name for port in client.get_all_connections(self._port)}
        for name in self._missing.intersection(names):
            if name != found and name not in connected:
                client.connect(name, self._port)  # one that a server has only just got may refuse, and is asked again
            self._missing.discard(name)
        peers = {port.name for port in client.get_all_connections(self._port)}
        left, self._peers = bool(self._peers - peers), peers
        return left

    def _identity(self, source: str) -> str:
        """Of its client; empty where the server knows none: then the name alone tells."""
        session = self._ports.session
        try:
            return identity(session.client, source.partition(":")[0])
        except session.error:
            return ""


class JackPorts:
    """The MIDI side of one JACK client. Thread: one (set-up, then the watcher). Raises MidiUnavailable without JACK."""

    def __init__(self, client_name: str) -> None:
        self._client_name = client_name
        self.session = _Session(client_name)
        self._ports: list[JackPort] = []
        self._wirings = [Wiring(client) for client in CLIENTS]

    @property
    def dropped(self) -> int:
        """Messages lost because the reading thread was late by a whole ring."""
        return self.session.tap.dropped

    @property
    def missed(self) -> int:
        """Those of them after which nothing comes any more that arrived before."""
        return self.session.missed

    def names(self) -> list[str]:
        """The sources that can be connected now. A server that went away is looked for again."""
        if self.session.dead and not self._revive():
            return []
        self.session.calibrate()
        own = self.session.client.name + ":"
        sources = self.session.client.get_ports(is_midi=True, is_output=True)
        return [port.name for port in sources if not port.name.startswith(own)]

    def tend(self) -> None:
        """Let the sound of livewave be connected as it was, whichever process makes it. Raises `error` of JACK-Client when a
        client goes at this moment."""
        if not self.session.dead:
            for wiring in self._wirings:
                wiring.look(Patchbay(self.session.client), time.monotonic())

    def open(self, wanted: str | None, receive: Receive) -> JackPort:
        number = len(self._ports) + 1
        try:
            port = JackPort(self, "midi_in" if number == 1 else f"midi_in_{number}", wanted, receive)
        except (self.session.error, ValueError) as error:
            raise MidiUnavailable(str(error)) from error
        self._ports.append(port)
        return port

    def close(self) -> None:
        self.session.close()

    def _revive(self) -> bool:
        # the old client first: libjack keeps state in common to all clients of a process
        self.session.close()
        try:
            self.session = _Session(self._client_name)
        except MidiUnavailable:
            return False
        for port in self._ports:
            port.register()
        return True


class Server:
    """An eye on the server that runs: a client without ports. From now on libjack is silent.

    dead  whether that server has gone

    Thread: one. Raises NoServer where none runs, MidiUnavailable where JACK cannot be had at all.
    """

    def __init__(self, client_name: str) -> None:
        jack, native = _libraries()
        self.dead = False
        self._client = _open_client(jack, native, client_name)
        self._client.set_shutdown_callback(self._shut_down)

    def close(self) -> None:
        self._client.close()

    def _shut_down(self, _status: object, _reason: str) -> None:
        self.dead = True


def identity(client, name: str) -> str:
    """Which of all that ever had this name: a client that left and one that came since are two. Raises JackError without any."""
    return client.get_uuid_for_client_name(name)


def _libraries():
    try:
        import jack
    except OSError as error:
        raise MidiUnavailable("the JACK library is not installed") from error
    except ImportError as error:
        raise MidiUnavailable("the Python package JACK-Client is not installed") from error
    try:
        from livewave.control import _jack
    except ImportError as error:
        raise MidiUnavailable("livewave was built without its JACK tap") from error
    return jack, _jack


def _open_client(jack, native, client_name: str):
    """A client of the exact name; with `-midi` appended where the audio process is already called so."""
    # libjack writes to stderr at every server that is not there
    silent = jack._ffi.cast("void (*)(const char*)", native.silent_address)
    jack._lib.jack_set_error_function(silent)
    jack._lib.jack_set_info_function(silent)
    try:
        return jack.Client(client_name, use_exact_name=True, no_start_server=True)
    except jack.JackOpenError as error:
        if error.status.server_failed:
            raise NoServer("no JACK server is running") from error
    try:
        return jack.Client(client_name + "-midi", no_start_server=True)
    except jack.JackOpenError as error:
        raise MidiUnavailable(f"the JACK server refuses a client: {error}") from error
