"""What a daemon is asked, how its answer is shown, and what is said when nobody answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from livewave import LivewaveError
from livewave.ask import ask_status, table
from livewave.control.events import EventQueue
from livewave.control.osc import OscMessage, OscServer, build_msg

HOST = "127.0.0.1"
STATUS = {"model": "flute", "notes": 3, "latency_ms": 18.04, "output": ""}


@contextmanager
def server(**status: object) -> Iterator[int]:
    """The daemon's own OSC server; its port."""
    osc = OscServer(EventQueue(), HOST, 0, status=lambda: status)
    osc.start()
    try:
        yield osc.address[1]
    finally:
        osc.close()


@contextmanager
def somebody(answers: Callable[[int], list[bytes]]) -> Iterator[int]:
    """Who answers the n-th question with these datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((HOST, 0))
        listening.settimeout(10.0)

        def answer() -> None:
            number = 0
            while True:
                datagram, sender = listening.recvfrom(65_536)
                if datagram == b"end":
                    return
                assert OscMessage(datagram).address == "/livewave/status"
                for reply in answers(number):
                    listening.sendto(reply, sender)
                number += 1

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.sendto(b"end", listening.getsockname())
            thread.join()


def reply(*values: object, address: str = "/livewave/status.reply") -> bytes:
    return build_msg(address, list(values)).dgram


def test_a_daemon_tells_names_and_values_in_its_order():
    with server(**STATUS) as port:
        found = ask_status(HOST, port, 10.0)
    assert found == {**STATUS, "latency_ms": pytest.approx(18.04)} and list(found) == list(STATUS)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost"])
def test_a_daemon_that_listens_everywhere_is_asked_here(host):
    with server(**STATUS) as port:
        assert ask_status(host, port, 10.0)["model"] == "flute"


def test_a_question_that_is_lost_is_asked_again():
    with somebody(lambda number: [reply("model", "flute")] if number else []) as port:
        assert ask_status(HOST, port, 10.0) == {"model": "flute"}


NOISE = [b"", b"noise", b"/livewave/status.reply", reply("model", "flute", address="/other"), reply("model"), reply(1, 2),
         reply("model", b"blob"), reply("model", None), b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xff", b"\xff" * 2_000]


@pytest.mark.parametrize("noise", NOISE, ids=lambda noise: repr(noise[:30]))
def test_what_is_no_answer_is_passed_over(noise):
    with somebody(lambda _: [noise, reply("model", "flute")]) as port:
        assert ask_status(HOST, port, 10.0) == {"model": "flute"}


def test_only_who_was_asked_is_heard():
    """An answer from another port does not count: the true one comes second, to the second question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind((HOST, 0))

        def answer() -> None:
            _, sender = asked.recvfrom(65_536)
            other.sendto(reply("model", "forged"), sender)
            _, sender = asked.recvfrom(65_536)
            asked.sendto(reply("model", "flute"), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        assert ask_status(*asked.getsockname(), 10.0) == {"model": "flute"}
        thread.join()


def refused(host: str, port: int, timeout_s: float = 0.05) -> str:
    with pytest.raises(LivewaveError) as caught:
        ask_status(host, port, timeout_s)
    assert "\n" not in str(caught.value) and "livewave run" in str(caught.value) and "--osc HOST:PORT" in str(caught.value)
    return str(caught.value)


def test_nobody_there_is_said_with_the_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    assert f"no livewave at {HOST}:{port}: " in refused(HOST, port, 10.0)


def test_somebody_who_does_not_answer_is_waited_for_no_longer_than_was_asked():
    with somebody(lambda _: []) as port:
        assert f"{HOST}:{port}: no answer within 0.05 s" in refused(HOST, port)


def test_somebody_who_answers_something_else_is_no_livewave():
    with somebody(lambda _: [b"noise"] * 50) as port:
        assert "no answer" in refused(HOST, port)


@pytest.mark.parametrize("host", ["no such host", "a\0b", "x" * 300])
def test_a_host_that_is_none_is_said(host):
    assert "no livewave at" in refused(host, 9000)


def test_the_table_is_aligned_with_units_and_leaves_out_what_is_empty():
    assert table({"model": "flute", "isa": "", "latency_ms": 18.04, "load": 0.443, "rate_hz": 48_000, "period_frames": 128,
                  "gain_db": -6.0, "tempo_bpm": 120.0, "refused_osc": 2, "temperature": 0.8, "up_s": 3_723.9}) == [
        "model        flute", "latency      18.0 ms", "load         44 % of real time", "rate         48000 Hz",
        "period       128 frames", "gain         -6.0 dB", "tempo        120.0 bpm", "refused osc  2", "temperature  0.80",
        "up           1:02:03"]


def test_the_table_takes_whatever_a_newer_daemon_may_tell():
    assert table({}) == []
    assert table({"odd_ms": "none", "text": "a\x1b[2J\nb", "p_s": 0}) == ["odd ms  none", "text    a\\u001b[2J\\u000ab", "p       0:00:00"]
