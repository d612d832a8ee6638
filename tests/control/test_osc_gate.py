from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewave import ConfigError
from livewave.config import ControlConfig
from livewave.control import osc_gate
from livewave.control.osc_gate import MAX_SENDERS, MESSAGES_PER_S, SHUT_S, Gate, Verdict, check_exposure
from livewave.orders import Orders
from livewave.control.events import NoteOff, NoteOn, SourceLost
from livewave.music.compass import Compass

HEARD, STRANGER, LIMITED = Verdict.HEARD, Verdict.STRANGER, Verdict.LIMITED
HOST, OTHER = "192.168.1.7", "192.168.1.8"


def gate(*allow: str, bound: str = "0.0.0.0", messages_per_s: int = 10) -> tuple[Gate, list[str]]:
    lost: list[str] = []
    return Gate(bound, allow or ["192.168.1.0/24"], messages_per_s, lost.append), lost


# who is heard


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "192.168.1.0", "192.168.1.255",
                                  "::ffff:192.168.1.7", "10.0.0.5", "fe80::1%eth0", "2001:db8::9"])
def test_this_machine_and_whom_the_list_names_are_heard(host: str) -> None:
    heard, _ = gate("192.168.1.7/24", "10.0.0.5", "fe80::/10", "2001:db8::/64")
    assert heard.judge(host, 0.0) is HEARD


@pytest.mark.parametrize("host", ["192.168.2.7", "10.0.0.6", "8.8.8.8", "2001:db8:0:1::9", "::ffff:8.8.8.8", "0.0.0.0", "::"])
def test_everybody_else_is_a_stranger_and_is_not_remembered(host: str) -> None:
    heard, lost = gate("192.168.1.0/24", "10.0.0.5", "2001:db8::/64")
    for _ in range(20):
        assert heard.judge(host, 0.0) is STRANGER
    assert (heard.hosts, heard.limited, lost) == ([], 0, [])


def test_a_server_on_loopback_hears_its_own_machine_alone() -> None:
    heard = Gate("127.0.0.1", (), 10, lambda host: None)
    assert heard.judge("127.0.0.1", 0.0) is HEARD and heard.judge(HOST, 0.0) is STRANGER


def test_a_server_on_one_address_of_this_machine_hears_that_one() -> None:
    heard, _ = gate("10.0.0.0/8", bound=HOST)
    assert heard.judge(HOST, 0.0) is HEARD and heard.judge(OTHER, 0.0) is STRANGER


def test_bound_to_everything_is_no_address_that_is_heard() -> None:
    for bound in ("0.0.0.0", "::"):
        assert gate("10.0.0.0/8", bound=bound)[0].judge(bound, 0.0) is STRANGER


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "192.168.1.5", "::ffff:192.168.1.5", "fe80::1%eth0"])
def test_who_can_be_reached_must_say_by_whom(bound: str) -> None:
    with pytest.raises(ConfigError, match=r"studio:9000 can be reached by other machines.*--allow"):
        check_exposure("studio", bound, 9000, ())
    check_exposure("studio", bound, 9000, ["192.168.1.0/24"])


@pytest.mark.parametrize("bound", ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_needs_no_list(bound: str) -> None:
    check_exposure("localhost", bound, 9000, ())


# how much of each


def test_a_sender_has_a_second_of_its_rate_in_hand_and_earns_it_again() -> None:
    heard, lost = gate(messages_per_s=10)
    assert [heard.judge(HOST, 0.0) for _ in range(10)] == [HEARD] * 10
    assert heard.judge(HOST, 0.1) is HEARD
    assert heard.judge(HOST, 0.1) is LIMITED
    assert [heard.judge(HOST, 5.0) for _ in range(11)] == [HEARD] * 10 + [LIMITED]
    assert (heard.limited, lost) == (2, [HOST, HOST])


def test_a_rate_that_is_kept_to_is_never_limited() -> None:
    heard, _ = gate(messages_per_s=100)
    assert all(heard.judge(HOST, number / 100) is HEARD for number in range(5_000))


def test_one_that_is_over_it_is_lost_once_and_shut_out_for_a_moment() -> None:
    heard, lost = gate(messages_per_s=10)
    verdicts = [heard.judge(HOST, 0.0) for _ in range(50)]
    assert verdicts == [HEARD] * 10 + [LIMITED] * 40 and lost == [HOST]
    assert heard.judge(HOST, SHUT_S - 0.001) is LIMITED and lost == [HOST]
    assert heard.judge(HOST, SHUT_S) is HEARD


def test_a_bundle_is_heard_whole_and_owed_for() -> None:
    heard, lost = gate(messages_per_s=10)
    assert heard.judge(HOST, 0.0) is HEARD
    heard.charge(HOST, 39)
    assert heard.judge(HOST, 2.9) is LIMITED and lost == [HOST]
    assert heard.judge(HOST, 3.2) is HEARD


def test_an_empty_bundle_counts_as_a_message() -> None:
    heard, _ = gate(messages_per_s=10)
    for _ in range(10):
        assert heard.judge(HOST, 0.0) is HEARD
        heard.charge(HOST, -1)
    assert heard.judge(HOST, 0.0) is LIMITED


def test_one_senders_flood_costs_no_other_anything() -> None:
    heard, lost = gate(messages_per_s=10)
    for _ in range(100):
        heard.judge(HOST, 0.0)
    assert heard.judge(OTHER, 0.0) is HEARD and lost == [HOST]


def test_the_table_is_bounded_and_who_is_forgotten_holds_nothing() -> None:
    heard, lost = gate("10.0.0.0/8")
    hosts = [f"10.0.{number // 250}.{number % 250}" for number in range(MAX_SENDERS + 3)]
    for host in hosts[:MAX_SENDERS]:
        heard.judge(host, 0.0)
    heard.judge(hosts[0], 0.0)  # heard last: others go first
    for host in hosts[MAX_SENDERS:]:
        heard.judge(host, 0.0)
    assert lost == hosts[1:4] and len(heard.hosts) == MAX_SENDERS and hosts[0] in heard.hosts


# a flood that the loop cannot be late for: what is played, let go and lost in any order leaves nothing hanging


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(60, 63), st.floats(0.0, 0.2)), max_size=200))
def test_whatever_the_limit_takes_away_no_note_hangs(played: list[tuple[str, int, float]]) -> None:
    orders, now_s, rings = Orders(Compass(), 0.0, 0.8), 0.0, set()
    heard = Gate("127.0.0.1", (), 10, lambda host: orders.translate(SourceLost(now_s, host)))
    for sign, pitch, after_s in played:
        now_s += after_s
        rings = rings | {pitch} if sign == "+" else rings - {pitch}
        if heard.judge("127.0.0.1", now_s) is HEARD:
            kind = NoteOn(now_s, "127.0.0.1", 0, pitch, 90) if sign == "+" else NoteOff(now_s, "127.0.0.1", 0, pitch)
            for _ in range(1 if sign == "+" else len(played)):  # however often it was struck
                orders.translate(kind)
    assert set(orders._ledger.held()) <= rings


def test_the_rate_at_start_is_the_gates() -> None:
    assert ControlConfig().messages_per_s == MESSAGES_PER_S
    assert osc_gate.BURST_S * MESSAGES_PER_S >= 2 * 5_000  # the flood that an hour of playing must survive unlimited
