from __future__ import annotations

import logging
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from livewave import ConfigError, ModelFileError, __version__
from livewave.control.events import (
    BendSet, Control, EventQueue, MetreSet, NoteOff, NoteOn, Panic, Reset, RollSet, Setting, SourceLost, Tap, TempoSet,
)
from livewave.control.osc import MAX_CLIENTS, OUTBOX_MESSAGES, Allowance, OscServer
from livewave.control import osc_addresses, osc_reports
from livewave.control.osc_addresses import ADDRESSES, address_of, address_table
from livewave.control.osc_schedule import LEAD_S, LONGEST_S
from livewave.music import bars, manner, transport
from livewave.render import bands
from livewave.render.modelfile import find_model, list_models
from tests.control.osc_cases import MALFORMED, NOTE, REFUSED, ahead, bundle, nested

PATIENCE_S = 20.0
SOURCE = "osc:127.0.0.1"
LOST = (SourceLost, SOURCE)


class Peer:
    """A server under test and one client of it."""

    def __init__(self, start: bool = True, **settings: int) -> None:
        self.queue = EventQueue()
        self.server = OscServer(self.queue, port=0, status=lambda: {"model": "sine", "underruns": 0},
                                models=lambda: ["cello", "flute"], **settings)
        self.socket = self.another()
        self.address = self.socket.getsockname()
        self._syncs = 0
        if start:
            self.server.start()

    def another(self) -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind(("127.0.0.1", 0))
        client.settimeout(PATIENCE_S)
        return client

    def raw(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.server.address)

    def send(self, address: str, *values: object) -> None:
        self.raw(build_msg(address, list(values)).dgram)

    def receive(self, client: socket.socket | None = None) -> tuple[str, list]:
        message = OscMessage((client or self.socket).recv(65_536))
        return message.address, message.params

    def replies(self) -> list[tuple[str, list]]:
        """What came back for everything sent so far: the server answers in order."""
        self._syncs += 1
        self.send("/livewave/sync", self._syncs)
        replies = []
        while (reply := self.receive()) != ("/livewave/synced", [self._syncs]):
            replies.append(reply)
        return replies

    def events(self) -> list:
        assert self.replies() == []
        return self.queue.drain()

    def close(self) -> None:
        self.server.close()
        self.socket.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def until(happened: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def _without_time(event: object) -> tuple:
    return type(event), *(getattr(event, name) for name in type(event).__dataclass_fields__ if name != "at_s")


def _vector(*pitches: int) -> bytes:
    return sum(1 << pitch for pitch in pitches).to_bytes(16, "little")


@pytest.mark.parametrize(
    ("address", "values", "event"),
    [
        ("/livewave/note", [60, 100], NoteOn(0, SOURCE, 0, 60, 100)),
        ("/livewave/note", [60, 0], NoteOff(0, SOURCE, 0, 60)),
        ("/livewave/note", [60.0, True], NoteOn(0, SOURCE, 0, 60, 1)),
        ("/livewave/note/on", [0, 127], NoteOn(0, SOURCE, 0, 0, 127)),
        ("/livewave/note/on", [60, False], NoteOff(0, SOURCE, 0, 60)),
        ("/livewave/note/off", [127], NoteOff(0, SOURCE, 0, 127)),
        ("/livewave/roll", [_vector(0, 60)], RollSet(0, SOURCE, _vector(0, 60))),
        ("/livewave/sustain", [1], Control(0, SOURCE, 0, 64, 127)),
        ("/livewave/sustain", [0.0], Control(0, SOURCE, 0, 64, 0)),
        ("/livewave/bend", [-0.5], BendSet(0, SOURCE, -0.5)),
        ("/livewave/bend", [48], BendSet(0, SOURCE, 48.0)),
        ("/livewave/panic", [], Panic(0, SOURCE)),
        ("/livewave/panic", [1.0], Panic(0, SOURCE)),  # the button of a panel
        ("/livewave/panic", [True], Panic(0, SOURCE)),
        ("/livewave/panic", [None], Panic(0, SOURCE)),
        ("/livewave/reset", [], Reset(0, SOURCE)),
        ("/livewave/tempo", [20], TempoSet(0, SOURCE, 20.0)),
        ("/livewave/tempo", [133.5], TempoSet(0, SOURCE, 133.5)),
        ("/livewave/tap", [], Tap(0, SOURCE)),
        ("/livewave/metre", [6, 8], MetreSet(0, SOURCE, 6, 8)),
    ],
)
def test_every_playing_address_becomes_its_event_without_a_reply(peer, address, values, event) -> None:
    before_s = time.monotonic()
    peer.send(address, *values)
    (arrived,) = peer.events()
    assert _without_time(arrived) == _without_time(event)
    assert before_s <= arrived.at_s <= time.monotonic()


@pytest.mark.parametrize(
    ("address", "value", "name"),
    [
        ("gain", -6.0, "gain_db"),
        ("gain", 3, "gain_db"),
        ("temperature", 0.75, "temperature"),
        ("model", "sine", "model"),
        ("continue", "endless", "continue_mode"),
        ("continue/temperature", 1.5, "continue_temperature"),
        ("continue/density", 2, "continue_density"),
        ("continue/range", (40, 80), "continue_range"),
        ("continue/key", "F# minor", "continue_key"),
        ("continue/polyphony", 6, "continue_polyphony"),
        ("continue/rest", 0.5, "continue_rest_beats"),
    ],
)
def test_a_setting_carries_who_waits_for_its_answer(peer, address, value, name) -> None:
    peer.send(f"/livewave/{address}", *(value if isinstance(value, tuple) else [value]))
    (event,) = peer.events()
    assert _without_time(event) == (Setting, SOURCE, name, value, peer.address)
    assert address_of(name) == f"/livewave/{address}"
    peer.server.reply(event.sender, "/livewave/done", "/livewave/model")
    assert peer.receive() == ("/livewave/done", ["/livewave/model"])


@pytest.mark.parametrize(
    ("address", "values", "reason"),
    [
        ("/livewave/note", [128, 1], "pitch: 128 is outside 0..127"),
        ("/livewave/note", [60, -1], "velocity: -1 is outside 0..127"),
        ("/livewave/note", [60.5, 1], "pitch: 60.5 is not a whole number"),
        ("/livewave/note", [60], "1 arguments; it takes 2 (pitch, velocity)"),
        ("/livewave/note", [60, 1, 1], "3 arguments"),
        ("/livewave/note", ["sixty", 1], "is not a whole number"),
        ("/livewave/note", [[60], 1], "is not a whole number"),
        ("/livewave/note/off", [2**40], "is outside 0..127"),
        ("/livewave/gain", [float("nan")], "gain: nan is not a finite number"),
        ("/livewave/gain", [float("-inf")], "is not a finite number"),
        ("/livewave/gain", [50.0], "gain: 50.0 is outside -90..12"),
        ("/livewave/temperature", [2.5], "is outside 0..2"),
        ("/livewave/roll", [b"short"], "length 5 is outside 16..16"),
        ("/livewave/roll", [60], "60 is not a blob"),
        ("/livewave/model", [""], "length 0 is outside 1..1024"),
        ("/livewave/model", [7], "7 is not a text"),
        ("/livewave/panic", ["now"], "1 arguments; it takes 0 (none)"),
        ("/livewave/panic", [1, 1], "2 arguments; it takes 0 (none)"),
        ("/livewave/continue", ["foo"], "mode: 'foo' is not one of off, answer, endless, duet"),
        ("/livewave/continue", [1], "mode: 1 is not a text"),
        ("/livewave/continue/temperature", [0.0], "is outside 0.1..2"),
        ("/livewave/continue/range", [23, 80], "low: 23 is outside 24..101"),
        ("/livewave/continue/range", [60, 70], "range: 60..70 is less than an octave, 12 pitches"),
        ("/livewave/continue/range", [80, 40], "less than an octave"),
        ("/livewave/tempo", [0.0], "tempo: 0.0 is outside 20..400"),
        ("/livewave/tempo", [1000], "tempo: 1000 is outside 20..400"),
        ("/livewave/metre", [5, 4], "metre: 5/4 cannot be counted"),
        ("/livewave/metre", [3, 5], "metre: 3/5 cannot be counted"),
        ("/livewave/notify", [1, 70_000], "port: 70000 is outside 1..65535"),
        ("/livewave/nothing", [], "there is no such address"),
    ],
)
def test_what_does_not_fit_is_answered_with_its_reason_and_plays_nothing(peer, address, values, reason) -> None:
    peer.send(address, *values)
    ((fail, (named, why)),) = peer.replies()
    assert (fail, named) == ("/livewave/fail", address)
    assert reason in why
    assert peer.queue.drain() == []
    assert peer.server.refused == 1


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_a_button_that_is_let_go_does_nothing_and_is_no_mistake(peer, value) -> None:
    peer.send("/livewave/panic", value)
    peer.send("/livewave/tap", value)
    assert peer.replies() == [] and peer.queue.drain() == [] and peer.server.refused == 0


@pytest.mark.parametrize("name", [*MALFORMED, *REFUSED])
def test_a_bad_datagram_is_counted_answered_and_stops_nothing(peer, name) -> None:
    peer.raw({**MALFORMED, **REFUSED}[name])
    ((fail, _),) = peer.replies()
    assert fail == "/livewave/fail"
    assert peer.server.refused == 1
    peer.raw(NOTE)
    assert len(peer.events()) == 1


def test_ten_thousand_mutated_datagrams_stop_nothing(peer) -> None:
    chance = random.Random(2)
    seeds = [NOTE, nested(4), bundle(NOTE, NOTE, tag=ahead(0.5)), build_msg("/livewave/notify", [1, 9]).dgram]
    for number in range(10_000):
        datagram = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            datagram[chance.randrange(len(datagram))] = chance.choice((0, 1, 4, 42, 255, chance.randrange(256)))
        peer.raw(bytes(datagram))
        if number % 200 == 0:
            peer.replies()
    peer.replies()
    peer.queue.drain()
    peer.send("/livewave/clearSched")
    peer.raw(NOTE)
    assert any(isinstance(event, NoteOn) for event in peer.events())


def test_the_first_bad_message_is_logged_and_a_flood_is_not(peer, caplog) -> None:
    with caplog.at_level(logging.WARNING, "livewave.control.osc"):
        for _ in range(50):
            peer.send("/livewave/note", 200, 1)
        peer.replies()
    assert peer.server.refused == 50
    assert 1 <= len(caplog.records) < 10
    assert "/livewave/note pitch: 200 is outside 0..127" in caplog.records[0].getMessage()


def test_complaints_to_senders_are_bounded(peer) -> None:
    peer.server._fails = Allowance(3)
    for _ in range(50):
        peer.send("/nothing")
    assert 3 <= len(peer.replies()) < 50
    assert peer.server.refused == 50


def test_an_allowance_is_so_many_a_second() -> None:
    allowance = Allowance(2)
    assert [allowance.take(now_s) for now_s in (0.0, 0.1, 0.9, 1.0, 1.1, 1.2)] == [True, True, False, True, True, False]


@pytest.mark.parametrize("address", ["/fail", "/livewave/fail", "/done", "/status.reply", "/synced", "/late"])
def test_a_peers_complaint_is_never_answered_so_that_two_programs_cannot_argue_for_ever(peer, address) -> None:
    peer.send(address, "/livewave/fail", "there is no such address")
    assert peer.replies() == []
    assert peer.server.refused == 1


def test_order_is_kept_inside_and_between_datagrams(peer) -> None:
    notes = [build_msg("/livewave/note", [pitch, 1]).dgram for pitch in range(128)]
    peer.raw(bundle(*notes[:40], bundle(*notes[40:50]), *notes[50:60]))
    for note in notes[60:]:
        peer.raw(note)
    assert [event.pitch for event in peer.events()] == list(range(128))


def test_a_pattern_reaches_every_address_it_names(peer) -> None:
    peer.send("/livewave/note/o*", 60)
    assert [reply[1][0] for reply in peer.replies()] == ["/livewave/note/on"]
    assert [type(event) for event in peer.queue.drain()] == [NoteOff]


def test_a_bundle_dated_ahead_becomes_an_event_of_its_moment_shortly_before_it(peer) -> None:
    peer.send("/livewave/sync", 0)
    peer.receive()
    before_s = time.monotonic()
    peer.raw(bundle(NOTE, tag=ahead(1.0)))
    after_s = time.monotonic()
    peer.raw(build_msg("/livewave/note", [70, 1]).dgram)
    assert [event.pitch for event in peer.events()] == [70]
    assert peer.server.scheduled == 1
    assert peer.queue.wait(PATIENCE_S)
    (event,) = peer.queue.drain()
    assert event.pitch == 60
    assert before_s - 0.02 <= event.at_s - 1.0 <= after_s + 0.02


def test_events_of_one_dated_bundle_share_their_moment_to_the_microsecond(peer) -> None:
    tag = ahead(LEAD_S + 0.1)
    peer.raw(bundle(NOTE, NOTE, tag=tag))
    events = []
    while len(events) < 2:
        assert peer.queue.wait(PATIENCE_S)
        events += peer.queue.drain()
    assert events[0].at_s == events[1].at_s


def test_a_bundle_dated_in_the_past_plays_at_once_and_is_counted(peer) -> None:
    before_s = time.monotonic()
    peer.raw(bundle(NOTE, tag=ahead(-3_600.0)))
    (event,) = peer.events()
    assert event.at_s >= before_s
    assert peer.server.late == 1


def test_a_bundle_for_immediately_is_not_late(peer) -> None:
    peer.raw(bundle(NOTE))
    assert len(peer.events()) == 1
    assert peer.server.late == 0


def test_a_far_future_is_brought_near_and_clear_sched_forgets_it(peer) -> None:
    for _ in range(200):
        peer.raw(bundle(NOTE, tag=ahead(3_600.0)))
    assert peer.events() == []
    assert peer.server.scheduled == 200
    assert peer.server._schedule.wait_s(time.monotonic(), 3_600.0) <= LONGEST_S
    peer.send("/livewave/clearSched")
    assert [_without_time(event) for event in peer.events()] == [LOST]
    assert peer.server.scheduled == 0


def test_a_full_schedule_refuses_and_forgets_the_sender_whose_note_off_may_be_what_found_no_room(peer) -> None:
    many = bundle(*[NOTE] * 500, tag=ahead(8.0))
    for _ in range(8):
        peer.raw(many)
        assert peer.replies() == []
    peer.raw(bundle(*[NOTE] * 97, tag=ahead(8.0)))
    assert peer.replies() == [
        ("/livewave/fail", ["/livewave/note", "the schedule is full; what you had in it is forgotten"])]
    assert peer.server.scheduled == 0
    peer.raw(NOTE)
    assert [type(event) for event in peer.events()] == [SourceLost, NoteOn]


# who is heard, and how much


def limited(messages_per_s: int) -> Peer:
    return Peer(messages_per_s=messages_per_s)


def test_a_sender_over_its_limit_is_not_heard_and_what_it_holds_ends() -> None:
    peer = limited(100)
    for _ in range(400):
        peer.raw(NOTE)
    assert peer.queue.wait(PATIENCE_S)
    until(lambda: peer.server.limited)
    events = peer.queue.drain()
    assert 100 <= sum(isinstance(event, NoteOn) for event in events) < 400
    assert LOST in [_without_time(event) for event in events]
    peer.close()


def test_what_it_wanted_to_hold_later_does_not_begin() -> None:
    peer = limited(100)
    peer.raw(bundle(NOTE, tag=ahead(9.0)))
    for _ in range(400):
        peer.raw(NOTE)
    until(lambda: peer.server.limited)
    assert peer.server.scheduled == 0
    peer.close()


def test_a_dense_controller_never_meets_the_limit(peer) -> None:
    for number in range(4_000):
        peer.send("/livewave/bend", number % 40 * 1.0)
        if number % 400 == 0:
            peer.replies()
    peer.replies()
    assert peer.server.limited == 0
    assert sum(isinstance(event, BendSet) for event in peer.queue.drain()) == 4_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what found no room in a socket")
def test_datagrams_that_nobody_could_read_in_time_end_what_their_senders_hold() -> None:
    peer = Peer(start=False)
    peer.queue._capacity = 30_000  # whoever drains it is not what is tested
    for _ in range(30_000):
        peer.raw(NOTE)
    peer.server.start()
    until(lambda: peer.server.missed)
    until(lambda: LOST in [_without_time(event) for event in peer.queue.drain()])
    peer.close()


def test_a_server_that_others_can_reach_does_not_start_before_it_is_said_who_may_send() -> None:
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0:9999 can be reached by other machines.*--allow 192.*--osc 127\.0\.0\.1:9999"):
        OscServer(EventQueue(), "0.0.0.0", 9999)


def test_a_stranger_is_counted_logged_and_gets_no_answer(peer, caplog) -> None:
    peer.server._gate.allows = lambda _host: False  # as if 127.0.0.1 were somebody else
    with caplog.at_level(logging.WARNING, "livewave.control.osc"):
        for _ in range(20):
            peer.send("/livewave/version")
        until(lambda: peer.server.refused == 20)
    assert "OSC from 127.0.0.1: it is not in [control] allow" in caplog.records[0].getMessage()
    assert len(caplog.records) < 10
    peer.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.socket.recv(1)


@pytest.mark.parametrize("name", ["/etc/passwd", "../flute", "a/b", "flute.onnx", "..", ".", "a\\b", "C:flute", "\x1b[2J", "flu\nte"])
def test_no_peer_names_a_file(peer, name) -> None:
    peer.send("/livewave/model", name)
    ((fail, (named, why)),) = peer.replies()
    assert (fail, named) == ("/livewave/fail", "/livewave/model") and "chosen by name" in why
    assert peer.queue.drain() == []


@given(st.text(min_size=1, max_size=40))
@example("flute")
def test_whatever_a_peer_may_say_is_a_name_of_the_model_path_or_of_nothing(text) -> None:
    try:
        (name,) = ADDRESSES["/livewave/model"].fit([text])
    except ValueError:
        return
    try:
        assert (name, find_model(name)) in list_models()
    except ModelFileError as error:
        assert "is named" in str(error)


def test_only_the_model_takes_a_text_that_is_not_one_of_a_few(peer) -> None:
    """Where an address is added that takes a text: it must not open what the text names."""
    free = [(path, argument.name) for path, row in ADDRESSES.items() for argument in row.arguments
            if argument.tag == "s" and not argument.choices]
    assert free == [("/livewave/model", "name"), ("/livewave/continue/key", "key")]


def test_what_drives_a_terminal_is_logged_and_answered_without_it(peer, caplog) -> None:
    with caplog.at_level(logging.WARNING, "livewave.control.osc"):
        peer.send("/\x1b[2J\nlivewave: all is well")
        assert peer.replies() == [("/livewave/fail", ["/?[2J?livewave: all is well", "there is no such address"])]
    assert caplog.records[0].getMessage().isprintable()


def test_status_version_and_sync_are_answered(peer) -> None:
    peer.send("/livewave/status")
    peer.send("/livewave/version")
    assert peer.replies() == [
        ("/livewave/status.reply", ["model", "sine", "underruns", 0]),
        ("/livewave/version.reply", ["livewave", __version__]),
    ]


def test_a_status_that_raises_is_a_fail_and_stops_nothing(peer) -> None:
    def broken() -> dict:
        raise RuntimeError("no audio process")

    peer.server._status = broken
    peer.send("/livewave/status")
    assert peer.replies() == [("/livewave/fail", ["", "no audio process"])]


def test_what_goes_out_to_all_reaches_clients_that_asked_until_they_stop(peer) -> None:
    peer.server.broadcast("/livewave/level", 0.5)
    peer.send("/livewave/notify", 1)
    assert peer.replies() == [("/livewave/done", ["/livewave/notify", 1])]
    peer.server.broadcast("/livewave/level", 0.5)
    assert peer.receive() == ("/livewave/level", [0.5])
    peer.send("/livewave/notify", 0)
    assert peer.replies() == [("/livewave/done", ["/livewave/notify", 0])]
    peer.server.broadcast("/livewave/level", 0.5)
    assert peer.replies() == []


def test_blobs_go_to_those_only_who_asked_for_them(peer) -> None:
    peer.send("/livewave/notify", 1)
    peer.server.broadcast("/livewave/spectrum", bytes(96))
    assert peer.replies() == [("/livewave/done", ["/livewave/notify", 1])]
    peer.send("/livewave/notify", 2)
    assert peer.replies() == [("/livewave/done", ["/livewave/notify", 2])]
    peer.server.broadcast("/livewave/spectrum", bytes(range(96)))
    peer.server.broadcast("/livewave/level", 0.5)
    assert peer.receive() == ("/livewave/spectrum", [bytes(range(96))])
    assert peer.receive() == ("/livewave/level", [0.5])


def test_the_models_that_there_are_are_answered(peer) -> None:
    peer.send("/livewave/models")
    assert peer.replies() == [("/livewave/models.reply", ["cello", "flute"])]


def test_a_client_may_name_another_port_to_be_told_at(peer) -> None:
    with peer.another() as listener:
        peer.send("/livewave/notify", 1, listener.getsockname()[1])
        assert peer.receive(listener) == ("/livewave/done", ["/livewave/notify", 1])
        peer.server.broadcast("/livewave/underruns", 3)
        assert peer.receive(listener) == ("/livewave/underruns", [3])
        peer.send("/livewave/version")  # answers go there too: some programs cannot hear where they send from
        assert peer.receive(listener)[0] == "/livewave/version.reply"
        assert [address for address, _ in peer.replies()] == ["/livewave/done", "/livewave/version.reply"]
        assert peer.receive(listener)[0] == "/livewave/synced"
        peer.send("/livewave/notify", 0, listener.getsockname()[1])
        assert peer.replies() == [("/livewave/done", ["/livewave/notify", 0])]
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.receive(listener)


def test_who_tells_all_clients_waits_for_none_of_them() -> None:
    peer = Peer(start=False)  # nothing goes out
    peer.server._clients[("127.0.0.1", 9)] = 1
    for _ in range(OUTBOX_MESSAGES + 5):
        peer.server.broadcast("/livewave/level", 0.5)
    assert peer.server.unsent == 5
    peer.server.start()
    until(peer.server._outbox.empty)
    peer.close()


def test_the_notify_list_is_bounded(peer) -> None:
    clients = [peer.another() for _ in range(MAX_CLIENTS)]
    for client in [*clients, clients[0]]:
        client.sendto(build_msg("/livewave/notify", [1]).dgram, peer.server.address)
        assert peer.receive(client)[0] == "/livewave/done"
    peer.send("/livewave/notify", 1)
    assert [reply[0] for reply in peer.replies()] == ["/livewave/fail"]
    assert len(peer.server.clients) == MAX_CLIENTS
    for client in clients:
        client.close()


def test_a_client_that_has_gone_stops_nothing(peer) -> None:
    with peer.another() as gone:
        gone.sendto(build_msg("/livewave/notify", [1]).dgram, peer.server.address)
    for _ in range(3):
        peer.server.broadcast("/livewave/level", 0.5)
    peer.replies()
    peer.raw(NOTE)
    assert len(peer.events()) == 1


def test_dumping_logs_what_arrives_until_it_is_stopped(peer, caplog) -> None:
    with caplog.at_level(logging.INFO, "livewave.control.osc"):
        peer.send("/livewave/dumpOSC", 1)
        peer.send("/livewave/note", 60, 100)
        peer.send("/livewave/dumpOSC", 0)
        peer.send("/livewave/note", 61, 100)
        peer.events()
    dumped = [record.getMessage() for record in caplog.records]
    assert any("/livewave/note [60, 100]" in line for line in dumped)
    assert not any("[61, 100]" in line for line in dumped)


def test_a_port_that_is_taken_is_a_config_error_that_names_it(peer) -> None:
    host, port = peer.server.address
    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} is taken.*--osc"):
        OscServer(EventQueue(), host, port)


@pytest.mark.parametrize(("host", "port"), [("a" * 70, 9000), ("127.0.0.1", 70_000), ("127.0.0.1", -1)])
def test_an_address_that_cannot_be_is_a_config_error(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="--osc"):
        OscServer(EventQueue(), host, port)


def test_closing_ends_the_thread_and_frees_the_port() -> None:
    first = OscServer(EventQueue(), port=0)
    first.start()
    first.close()
    second = OscServer(EventQueue(), *first.address)
    second.close()


def test_the_table_names_every_address_once_and_every_one_is_handled(peer) -> None:
    table = address_table()
    for path, row in ADDRESSES.items():
        assert table.count(f"| `{path}` |") == 1
        assert (row.event is None) == (path in peer.server._answers)


def test_what_the_continuation_takes_is_what_it_takes_by_osc() -> None:
    """Two tables, since neither stage may know the other."""
    assert {name: (low, high) for name, (low, high, _) in manner.RANGES.items()} == osc_addresses.CONTINUE
    assert (manner.MODES, manner.OCTAVE) == (osc_addresses.MODES, osc_addresses.OCTAVE)
    assert (transport.BPM, bars.UNITS) == (osc_addresses.TEMPO_BPM, osc_addresses.METRE_UNITS)


def test_the_spectrum_that_is_told_of_is_the_one_that_is_made() -> None:
    assert bands.BANDS == osc_reports.SPECTRUM_BANDS
    assert (bands.LOWEST_HZ, bands.HIGHEST_HZ) == osc_reports.SPECTRUM_HZ and (bands.QUIETEST_DB, 0.0) == osc_reports.SPECTRUM_DB


@pytest.mark.parametrize("unit", range(2, 17))
def test_a_metre_is_taken_by_osc_if_the_transport_can_count_it(unit) -> None:
    for beats in range(1, 17):
        legal = []
        for check, error in ((bars.check_metre, ConfigError), (osc_addresses._check_metre, ValueError)):
            try:
                check(beats, unit)
                legal.append(True)
            except error:
                legal.append(False)
        assert legal[0] == legal[1], (beats, unit)
