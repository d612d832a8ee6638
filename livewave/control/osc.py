"""The OSC server: datagrams -> events, replies, and the list of clients that are told what goes out to all.

The same packets come by UDP and, from who is connected, by TCP (osc_stream). One thread receives, in order, and never
waits for a time tag: what is dated in the future lies in a schedule and becomes an event shortly before its moment, with
that moment as `at_s`. A packet is checked (osc_guard) before python-osc, our codec, parses it; who sends it, and how much,
is asked before that (osc_gate). A bad message is counted and answered with /livewave/fail; nothing that arrives can stop
the thread. Where something was lost that may have ended a note, its sender's notes end, and so do those of who is
disconnected. This is the one file of livewave that imports python-osc.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Full, Queue
from typing import NamedTuple

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg
from pythonosc.parsing.osc_types import IMMEDIATELY

from livewave import __version__
from livewave.control import osc_guard
from livewave.control.complaints import Complaints
from livewave.control.events import EventQueue, SourceLost
from livewave.control.osc_addresses import ADDRESSES, ALL_AND_BLOBS, Address, Value
from livewave.control.osc_gate import MESSAGES_PER_S, Gate, Verdict
from livewave.control.osc_pattern import WILDCARDS, named
from livewave.control.osc_schedule import LONGEST_S, Schedule
from livewave.control.osc_socket import HOST, PORT, bind, missed_by
from livewave.control.osc_stream import STREAM, Connection, Listener
from livewave.control.osc_voices import addresses_of

log = logging.getLogger(__name__)

MAX_CLIENTS = 32
OUTBOX_MESSAGES = 256
IDLE_S = 1.0
PORTS_TRIED = 16  # where the system chooses one
# Datagrams taken in a row before the schedule is looked at again.
BURST_DATAGRAMS = 64
FAILS_PER_S = 100
DUMPS_PER_S = 100
# Two programs that each complain about the other's complaints would never stop.
UNANSWERED = ("fail", "done", "error", "synced", "reply", "late")

Sender = tuple
Status = Callable[[], Mapping[str, Value] | Sequence[Value]]
VoiceStates = Callable[[], Sequence[Sequence[Value]]]


class Call(NamedTuple):
    """A message that was understood."""

    row: Address
    values: list[Value]
    sender: Sender


class Allowance:
    """At most so many a second. Thread: one."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second = -1
        self._used = 0

    def take(self, now_s: float) -> bool:
        if int(now_s) != self._second:
            self._second, self._used = int(now_s), 0
        self._used += 1
        return self._used <= self._per_s


def _bind(host: str, port: int, allow: Sequence[str]) -> tuple[socket.socket, Listener]:
    """The sockets of UDP and TCP. A port that the system chooses is one that both can have."""
    refused: list[socket.socket | Listener] = []  # which stay open meanwhile, so that the system chooses another
    while True:
        datagrams = bind(host, port, allow)
        streams = Listener(datagrams)
        if port or not streams.problem or len(refused) >= 2 * PORTS_TRIED:
            break
        refused += [datagrams, streams]
    for opened in refused:
        opened.close()
    return datagrams, streams


class OscServer:
    """One port, of UDP and TCP. Binding happens here, so that a port that is taken is known before anything else starts.

    queue    where events go
    status   what /livewave/status answers: name -> value, or values. Called on the receiving thread
    voices   how many there are, each with addresses of its own; answer_voices, like `status`, says how each is
    models   the names that /livewave/models answers; likewise
    address  host and port in use (port 0 asks the system for one)
    allow    networks that are heard besides this machine, and
    messages_per_s  how much each sender may send: see osc_gate
    counts   received messages, refused messages, late (dated in the past), unsent replies, limited datagrams (their
             senders were over the limit), missed ones (they came faster than they were read; known on Linux only)

    Threads: `broadcast` and `reply` any; the rest its own. Raises ConfigError when the address cannot be had.
    """

    def __init__(self, queue: EventQueue, host: str = HOST, port: int = PORT, status: Status = dict,
                 allow: Sequence[str] = (), messages_per_s: int = MESSAGES_PER_S, models: Callable[[], Sequence[str]] = tuple,
                 voices: int = 1, answer_voices: VoiceStates = list) -> None:
        self._addresses = {**ADDRESSES, **addresses_of(voices)}
        self._answer_voices = answer_voices
        self.received = self.late = self.unsent = self.missed = 0
        self._queue = queue
        self._status, self._models = status, models
        self._complaints, self._losses = Complaints(log), Complaints(log)
        self._fails, self._dumps = Allowance(FAILS_PER_S), Allowance(DUMPS_PER_S)
        self._dumping = False
        self._clients: dict[Sender, int] = {}  # and how much each of them wants to be told
        self._ears: dict[Sender, Sender] = {}  # who sends from one port and hears at another one, which is among the clients
        self._clients_lock = threading.Lock()
        self._schedule: Schedule[Call] = Schedule()
        self._answers = {
            "/livewave/notify": self._answer_notify,
            "/livewave/status": self._answer_status,
            "/livewave/voices": self._answer_for_voices,
            "/livewave/models": self._answer_models,
            "/livewave/version": self._answer_version,
            "/livewave/sync": self._answer_sync,
            "/livewave/clearSched": self._answer_clear,
            "/livewave/dumpOSC": self._answer_dump,
        }
        self._socket, self._streams = _bind(host, port, allow)
        self.address = self._socket.getsockname()[:2]
        self._gate = Gate(self.address[0], allow, messages_per_s, self._lose)
        if self._streams.problem:
            log.warning("OSC by TCP cannot be had at %s:%s (%s); by UDP it is there", *self.address, self._streams.problem)
        self._stop = threading.Event()
        self._woken, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="osc-in", daemon=True)
        self._outbox: Queue[tuple[bytes, list[Sender]] | None] = Queue(OUTBOX_MESSAGES)
        self._sender = threading.Thread(target=self._send_out, name="osc-out", daemon=True)

    @property
    def refused(self) -> int:
        return self._complaints.count

    @property
    def limited(self) -> int:
        return self._gate.limited

    @property
    def scheduled(self) -> int:
        return len(self._schedule)

    @property
    def clients(self) -> list[Sender]:
        with self._clients_lock:
            return list(self._clients)

    def start(self) -> None:
        self._thread.start()
        self._sender.start()

    def close(self) -> None:
        self._stop.set()
        self._waker.close()
        if self._thread.is_alive():
            self._thread.join()
            self._outbox.put(None)
            self._sender.join()
        self._streams.close()
        self._woken.close()
        self._socket.close()

    def reply(self, to: Sender, address: str, *values: Value) -> None:
        """Send one message, also to where that sender hears if that is another port. What cannot be sent is counted."""
        datagram, ear = build_msg(address, list(values)).dgram, self._ears.get(to)
        self._send(datagram, to)
        if ear:
            self._send(datagram, ear)

    def broadcast(self, address: str, *values: Value) -> None:
        """Let one message go to every client on the notify list, by a thread that nobody waits for; a blob to those only who asked
        for blobs.

        Every datagram that is sent lets other threads run first: who has notes to hand on must not send to 32 clients.
        """
        least = ALL_AND_BLOBS if any(isinstance(value, bytes) for value in values) else 1
        with self._clients_lock:
            clients = [client for client, wanted in self._clients.items() if wanted >= least]
        if not clients:
            return
        try:
            self._outbox.put_nowait((build_msg(address, list(values)).dgram, clients))
        except Full:
            self.unsent += len(clients)

    def _send_out(self) -> None:
        while (message := self._outbox.get()) is not None:
            datagram, clients = message
            for client in clients:
                self._send(datagram, client)

    def _send(self, datagram: bytes, to: Sender) -> None:
        if to[-1] == STREAM:
            self.unsent += not self._streams.send(datagram, to)
            return
        try:
            self._socket.sendto(datagram, to)
        except OSError:
            self.unsent += 1

    def _run(self) -> None:
        while not self._stop.is_set():
            idle_s, connections = self._schedule.wait_s(time.monotonic(), IDLE_S), self._streams.connections
            ready, _, _ = select.select([self._socket, self._woken, *self._streams.listening, *connections],
                                        [connection for connection in connections if connection.waiting], [], idle_s)
            for connection in connections:
                self._attend(connection, connection in ready)
            if any(listening in ready for listening in self._streams.listening):
                self._accept()
            missed = missed_by(self._socket)  # before all that arrived before it is taken: none of that may come after the end
            if self._receive():
                self._end_for_missed(missed)
            for at_s, call in self._schedule.due(time.monotonic()):
                self._survive(call.sender, self._perform, call, at_s)

    def _receive(self) -> bool:
        """Take what is there; False when there may be more."""
        for _ in range(BURST_DATAGRAMS):
            try:
                datagram, sender = self._socket.recvfrom(osc_guard.MAX_DATAGRAM_BYTES + 1)
            except OSError:  # nothing more is there, or (Windows) an earlier reply found nobody
                return True
            self._hear(datagram, sender)
        return False

    def _hear(self, packet: bytes, sender: Sender) -> None:
        now_s, date_s = time.monotonic(), time.time()
        verdict = self._gate.judge(sender[0], now_s)
        if verdict is Verdict.HEARD:
            self._survive(sender, self._take, packet, sender, now_s, date_s)
        else:  # gets no answer: whoever is written on a datagram may not have sent it
            self._complain(sender[0], verdict)

    def _accept(self) -> None:
        if why := self._streams.accept(self._gate.allows):
            self._complaints.add(f"OSC by TCP: {why}")

    def _attend(self, connection: Connection, ready: bool) -> None:
        """Hear what has come, send what could not be sent before; let go of who has gone, and of what they hold."""
        try:
            if connection.waiting:
                connection.flush()
            if ready:
                for packet in connection.receive():
                    self._hear(packet, connection.sender)
        except (OSError, ValueError) as error:
            connection.dead = True
            if isinstance(error, ValueError):
                self._complaints.add(f"OSC by TCP from {connection.sender[0]}: {error}; it is disconnected")
        if connection.dead:
            self._streams.drop(connection)
            with self._clients_lock:
                self._clients.pop(connection.sender, None)
                self._ears.pop(connection.sender, None)
            self._let_go(connection.sender)

    def _complain(self, host: str, verdict: Verdict) -> None:
        if verdict is Verdict.STRANGER:
            self._complaints.add(f"OSC from {host}: it is not in [control] allow")
        else:
            self._losses.add(f"OSC from {host}: more messages a second than [control] messages_per_s; its notes end")

    def _end_for_missed(self, missed: int) -> None:
        """What found no room may have been anybody's note-off."""
        if missed > self.missed:
            self._losses.add(f"OSC: {missed - self.missed} datagrams came faster than they could be read; notes played by OSC end")
            self.missed = missed
            for host in self._gate.hosts:
                self._let_go((host,))

    def _lose(self, host: str) -> None:
        """Something of that sender was lost: what it holds ends, and what it wanted to hold later will not begin."""
        self._let_go((host,))
        for connection in self._streams.connections:
            if connection.sender[0] == host:
                self._let_go(connection.sender)

    def _let_go(self, sender: Sender) -> None:
        """What that sender holds ends, and what it wanted later is forgotten."""
        name = source(sender)
        self._schedule.forget(lambda call: source(call.sender) == name)
        self._queue.put(SourceLost(time.monotonic(), name))

    def _survive(self, sender: Sender, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except Exception as error:  # the guard's ValueError, or what others' code (parser, status) raises: go on
            self._refuse(sender, "", str(error) or type(error).__name__)

    def _take(self, datagram: bytes, sender: Sender, now_s: float, date_s: float) -> None:
        self._gate.charge(sender[0], osc_guard.check(datagram) - 1)
        for date, message in _dated_messages(datagram):
            self.received += 1
            if self._dumping and self._dumps.take(now_s):
                log.info("OSC from %s:%s: %s %s", *sender[:2], _printable(message.address), message.params)
            ahead_s = 0.0 if date == IMMEDIATELY else min(date - date_s, LONGEST_S)
            self.late += ahead_s < 0.0
            for call in self._understood(message, sender):
                self._place(call, now_s, ahead_s)

    def _understood(self, message: OscMessage, sender: Sender) -> Iterator[Call]:
        """The calls that a message makes; more than one when its address is a pattern."""
        rows = self._rows(message.address)
        if not rows:
            self._refuse(sender, message.address, "there is no such address")
        for row in rows:
            if row.is_let_go(message.params):
                continue
            try:
                yield Call(row, row.fit(message.params), sender)
            except ValueError as error:
                self._refuse(sender, row.path, str(error))

    def _rows(self, address: str) -> list[Address]:
        row = self._addresses.get(address)
        if row is not None:
            return [row]
        if WILDCARDS.isdisjoint(address):
            return []
        return [self._addresses[path] for path in named(address, self._addresses)]

    def _place(self, call: Call, now_s: float, ahead_s: float) -> None:
        if ahead_s <= 0.0:
            self._perform(call, now_s)
        elif not self._schedule.put(now_s + ahead_s, call):
            self._refuse(call.sender, call.row.path, "the schedule is full; what you had in it is forgotten")
            self._lose(call.sender[0])

    def _perform(self, call: Call, at_s: float) -> None:
        if call.row.event is None:
            self._answers[call.row.path](call.sender, *call.values)
        else:
            self._queue.put(call.row.event(at_s, source(call.sender), call.sender, *call.values))

    def _refuse(self, sender: Sender, address: str, reason: str) -> None:
        address, reason = _printable(address), _printable(reason[:160])
        self._complaints.add(f"OSC from {sender[0]}:{sender[1]}: {address[:80]} {reason}")
        if self._fails.take(time.monotonic()) and not address.endswith(UNANSWERED):
            self.reply(sender, "/livewave/fail", address, reason)

    def _answer_notify(self, sender: Sender, on: int, port: int | None = None) -> None:
        client = sender if port is None else (sender[0], port, *(part for part in sender[2:] if part != STREAM))
        with self._clients_lock:
            full = on and client not in self._clients and len(self._clients) >= MAX_CLIENTS
            if not full:
                self._ears = {mouth: ear for mouth, ear in self._ears.items() if ear != client and mouth != sender}
            if on and not full:
                self._clients[client] = on
                self._ears |= {sender: client} if client != sender else {}
            elif not on:
                self._clients.pop(client, None)
        if full:
            self._refuse(sender, "/livewave/notify", f"the list is full ({MAX_CLIENTS} clients)")
        else:
            self.reply(sender, "/livewave/done", "/livewave/notify", on)

    def _answer_status(self, sender: Sender) -> None:
        status = self._status()
        values = [part for pair in status.items() for part in pair] if isinstance(status, Mapping) else status
        self.reply(sender, "/livewave/status.reply", *values)

    def _answer_for_voices(self, sender: Sender) -> None:
        for state in self._answer_voices():
            self.reply(sender, "/livewave/voice.reply", *state)

    def _answer_models(self, sender: Sender) -> None:
        self.reply(sender, "/livewave/models.reply", *self._models())

    def _answer_version(self, sender: Sender) -> None:
        self.reply(sender, "/livewave/version.reply", "livewave", __version__)

    def _answer_sync(self, sender: Sender, number: int) -> None:
        self.reply(sender, "/livewave/synced", number)

    def _answer_clear(self, _sender: Sender) -> None:
        for host in {call.sender[0] for call in self._schedule.clear()}:
            self._lose(host)

    def _answer_dump(self, _sender: Sender, on: int) -> None:
        self._dumping = bool(on)


def source(sender: Sender) -> str:
    """What events of this sender name. Of a sender of datagrams the port is left out: `oscsend` has another one for every
    message it sends. Who is connected holds notes of its own."""
    return f"osc:{sender[0]}:{sender[1]}" if sender[-1] == STREAM else f"osc:{sender[0]}"


def _printable(text: str) -> str:
    """What may stand on a terminal, and in a message: a peer's text may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _dated_messages(datagram: bytes) -> Iterator[tuple[float, OscMessage]]:
    """The messages of a datagram in order, each with the date of its bundle (seconds of time.time)."""
    if datagram.startswith(osc_guard.BUNDLE):
        yield from _inside(OscBundle(datagram))
    else:
        yield IMMEDIATELY, OscMessage(datagram)


def _inside(bundle: OscBundle) -> Iterator[tuple[float, OscMessage]]:
    for content in bundle:
        if isinstance(content, OscBundle):
            yield from _inside(content)
        else:
            yield bundle.timestamp, content
