"""What systemd hears. A datagram socket plays systemd."""

from __future__ import annotations

import os

import pytest

from livewave.service import Service
from tests.systemd import Systemd


@pytest.fixture
def systemd(tmp_path):
    listening = Systemd(str(tmp_path / "notify"))
    yield listening
    listening.close()


@pytest.fixture
def environment(tmp_path):
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "3000000"}


@pytest.fixture
def service(systemd, environment):
    service = Service(environment)
    yield service
    service.close()


def test_ready_says_what_plays(service, systemd):
    service.ready("flute on null")
    assert systemd.heard() == [["READY=1", "STATUS=flute on null"]]


def test_a_status_is_told_when_it_is_another_one(service, systemd):
    service.ready("flute")
    for status in ("flute", "cello", "cello", "two\nlines \udc80"):
        service.status(status)
    assert systemd.heard()[1:] == [["STATUS=cello"], ["STATUS=two lines ?"]]


def test_a_reload_begins_and_ends(service, systemd):
    service.reloading()
    service.reloaded()
    (first, moment), last = systemd.heard()
    assert (first, last) == ("RELOADING=1", ["READY=1"])
    assert moment.startswith("MONOTONIC_USEC=") and moment.partition("=")[2].isdecimal()


def test_the_end_is_told(service, systemd):
    service.stopping()
    assert systemd.heard() == [["STOPPING=1"]]


def test_signs_of_life_come_twice_within_the_time_that_systemd_waits(service, systemd):
    beats = [moment for moment in range(0, 100) if service.watch(moment / 10, well=True)]
    assert beats == [0, 15, 30, 45, 60, 75, 90]
    assert systemd.heard() == [["WATCHDOG=1"]] * len(beats)


def test_there_is_no_sign_of_life_while_all_is_not_well_and_one_at_once_when_it_is_again(service, systemd):
    assert service.watch(0.0, well=True)
    assert not any(service.watch(moment / 10, well=False) for moment in range(1, 100))
    assert service.watch(10.0, well=True) and not service.watch(10.1, well=True)
    assert systemd.heard() == [["WATCHDOG=1"]] * 2


@pytest.mark.parametrize("limit_us", ["", "0", "-1", "soon", "1.5"])
def test_without_a_limit_nobody_waits_for_signs_of_life(environment, systemd, limit_us):
    service = Service({**environment, "WATCHDOG_USEC": limit_us})
    assert service.beat_s is None and not service.watch(0.0, well=True)
    assert systemd.heard() == []
    service.close()


@pytest.mark.parametrize("pid, meant", [(str(os.getpid()), True), (str(os.getppid()), False), ("x", False)])
def test_a_limit_is_for_the_process_that_it_names(environment, systemd, pid, meant):
    service = Service({**environment, "WATCHDOG_PID": pid})
    assert (service.beat_s == 1.5) is meant
    service.close()


def test_no_child_finds_the_socket_in_its_environment(environment, systemd):
    environment |= {"WATCHDOG_PID": str(os.getpid()), "PATH": "/bin"}
    Service(environment).close()
    assert environment == {"PATH": "/bin"}


def test_an_abstract_socket_will_do():
    name = f"livewave-test-{os.getpid()}"
    systemd, service = Systemd("@" + name), Service({"NOTIFY_SOCKET": "@" + name})
    service.ready("here")
    assert systemd.heard() == [["READY=1", "STATUS=here"]]
    service.close()
    systemd.close()


def tell_all(service: Service) -> None:
    service.ready("a")
    service.status("b")
    service.reloading()
    service.reloaded()
    service.watch(0.0, well=True)
    service.stopping()
    service.close()


def test_without_systemd_nothing_is_told_and_nothing_fails(caplog):
    tell_all(Service({}))
    assert caplog.text == ""


@pytest.mark.parametrize("path", ["/nosuch/notify", "/" + "x" * 200, "@nobody-listens-here"])
def test_a_socket_that_cannot_be_reached_costs_one_line_and_no_more(caplog, path):
    tell_all(Service({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}))
    assert caplog.text.count("systemd was not told") == 1 and "READY=1" in caplog.text


def test_a_socket_of_another_kind_costs_one_line(caplog):
    tell_all(Service({"NOTIFY_SOCKET": "vsock:2:1234"}))
    assert caplog.text.count("\n") == 1 and "vsock:2:1234" in caplog.text


def test_a_systemd_that_does_not_read_is_not_waited_for(service, systemd):
    """Its queue holds a few datagrams; a sender that waited would stand here for ever."""
    for number in range(10_000):
        service.status(str(number))
    heard = systemd.heard()
    assert 0 < len(heard) < 10_000
    service.stopping()
    assert systemd.heard() == [["STOPPING=1"]]
