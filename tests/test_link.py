from __future__ import annotations

import dataclasses
import errno
import os
import socket

import pytest

from livewave.link import DATAGRAM_RECORDS, Command, Handover, Link, Order, Start, Stats, VoiceStats


@pytest.fixture
def ends():
    """The control end and the audio end of a real socket."""
    pair = [Link(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)]
    yield pair
    for end in pair:
        end.close()


COMMANDS = [
    Command(Order.STRIKE, 12_345.678901234, 0, 1), Command(Order.STRIKE, 0.0, 127, 127),
    Command(Order.RELEASE, 1e9, 60),
    Command(Order.RELEASE_ALL, 1.5), Command(Order.GAIN_DB, value=-60.0), Command(Order.TEMPERATURE, value=0.75),
    Command(Order.RESET), Command(Order.STOP), Command(Order.BEND, 3.25, 61, value=-0.375),
]


def numbered(count: int, first: int = 0) -> list[Command]:
    return [Command(Order.STRIKE, float(n), n % 128, 100) for n in range(first, first + count)]


def test_commands_arrive_as_they_were_sent(ends):
    control, audio = ends
    control.send(COMMANDS)
    assert audio.messages() == COMMANDS
    assert audio.messages() == []


def test_moments_keep_their_full_precision_and_values_that_of_a_float32(ends):
    control, audio = ends
    control.send([Command(Order.GAIN_DB, 1 / 3, value=-6.3)])
    (given,) = audio.messages()
    assert given.at_s == 1 / 3
    assert given.value == pytest.approx(-6.3, rel=1e-6)


def test_order_is_kept_over_many_sends(ends):
    control, audio = ends
    for n in range(5):
        control.send(numbered(3, 3 * n))
    assert audio.messages() == numbered(15)


def test_nothing_to_send_is_nothing_received(ends):
    control, audio = ends
    control.send([])
    assert audio.messages() == []


def test_what_does_not_fit_waits_and_arrives_in_order(ends):
    control, audio = ends
    first, second = numbered(100 * DATAGRAM_RECORDS + 17), numbered(50, 10**6)
    control.send(first)  # far more than the socket takes
    control.send(second)  # must not overtake
    received = audio.messages()
    assert 0 < len(received) < len(first)
    for _ in range(200):
        control.flush()
        received += audio.messages()
    assert received == first + second


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
def test_a_full_socket_loses_nothing_however_the_system_says_so(number):
    class Full:
        def __init__(self) -> None:
            self.taken: list[bytes] = []
            self.full = True

        def setblocking(self, flag: bool) -> None:
            assert not flag

        def send(self, datagram: bytes) -> None:
            if self.full:
                raise OSError(number, "full")
            self.taken.append(datagram)

    end = Full()
    link = Link(end)
    link.send([Command(Order.STOP)])
    end.full = False
    link.flush()
    assert len(end.taken) == 1


def test_sending_to_a_process_that_is_gone_is_no_error(ends):
    control, audio = ends
    audio.close()
    control.send(numbered(3))
    control.flush()
    control.send_stats(Stats())
    assert control.reports() == []


def test_a_process_whose_partner_is_gone_hears_nothing(ends):
    control, audio = ends
    control.send(COMMANDS)
    control.close()
    assert audio.messages() == COMMANDS
    assert audio.messages() == []


def a_report(number: float = 1.0) -> Stats:
    values = [number + 0.1 * i for i in range(len(dataclasses.fields(Stats)) - 1)]
    voices = [VoiceStats(*(number + voice + 0.1 * i for i in range(len(dataclasses.fields(VoiceStats))))) for voice in range(3)]
    return Stats(*values, tuple(voices))


def test_reports_arrive_as_they_were_sent(ends):
    control, audio = ends
    hello = {"engine": "native", "output": "Gerät \"a\"", "rate_hz": 48_000, "lead": 0.25}
    audio.send_report(hello)
    audio.send_stats(a_report(1.0))
    audio.send_stats(a_report(2.0))
    assert control.reports() == [hello, a_report(1.0), a_report(2.0)]
    assert control.reports() == []


def test_a_spectrum_arrives_between_other_reports(ends):
    control, audio = ends
    audio.send_spectrum(bytes(range(96)))
    audio.send_stats(a_report())
    assert control.reports() == [bytes(range(96)), a_report()]


def test_reports_that_do_not_fit_are_dropped_and_delay_nobody(ends):
    control, audio = ends
    for n in range(2_000):
        audio.send_stats(a_report(n))
    received = control.reports()
    assert 0 < len(received) < 2_000
    assert received == [a_report(n) for n in range(len(received))]
    audio.send_stats(a_report(-1.0))
    assert control.reports() == [a_report(-1.0)]


def test_reports_and_commands_do_not_meet(ends):
    control, audio = ends
    for n in range(2_000):
        audio.send_stats(a_report(n))
    control.send(COMMANDS)
    assert audio.messages() == COMMANDS


def test_latency_is_the_sum_of_its_stages():
    stages = {"queue_s": 1.0, "column_s": 2.0, "made_s": 4.0, "resampler_s": 8.0, "ring_s": 16.0, "device_s": 32.0}
    assert Stats(**stages, p50_ms=1e9, load=1e9).latency_s == 63.0
    assert {name for name in Stats.__dataclass_fields__ if name.endswith("_s")} - {"block_s"} == set(stages)


def test_a_model_arrives_as_an_open_file_between_the_commands_around_it(ends, tmp_path):
    control, audio = ends
    path = tmp_path / "model"
    path.write_bytes(b"weights")
    control.send(COMMANDS[:1])
    with path.open("rb") as file:
        control.send_model(Handover(file.fileno(), 7, "native", {"isa": "v3"}))
    control.send(COMMANDS[1:2])
    before, model, after = audio.messages()
    assert (before, after) == tuple(COMMANDS[:2])
    assert (model.number, model.engine, model.options) == (7, "native", {"isa": "v3"})
    assert os.pread(model.descriptor, 100, 0) == b"weights"
    os.close(model.descriptor)


def test_a_model_that_waits_for_room_is_neither_lost_nor_left_open(ends, tmp_path):
    control, audio = ends
    path = tmp_path / "model"
    path.write_bytes(b"weights")
    filler = numbered(100 * DATAGRAM_RECORDS)
    control.send(filler)
    with path.open("rb") as file:
        control.send_model(Handover(file.fileno(), 1))
    received = audio.messages()
    for _ in range(200):
        control.flush()
        received += audio.messages()
    assert received[:-1] == filler and os.pread(received[-1].descriptor, 100, 0) == b"weights"
    os.close(received[-1].descriptor)
    opened = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    control.send(filler)
    with path.open("rb") as file:
        control.send_model(Handover(file.fileno(), 2))
    control.close()
    assert not opened or len(os.listdir("/proc/self/fd")) == len(opened) - 1  # the control end


def test_the_word_to_start_arrives(ends):
    control, audio = ends
    control.send_start(Start('{"audio": {"output": "null"}}', True))
    assert audio.messages() == [Start('{"audio": {"output": "null"}}', True)]
