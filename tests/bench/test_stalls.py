from __future__ import annotations

from tests.bench.stalls import LEAST_S, NEAR_S, beside, watch, watched


def test_what_lies_beside_a_stall_is_told_apart_from_what_does_not():
    stalls = [(10.0, 0.12), (20.0, 0.005)]
    assert beside([], stalls) == 0 and beside([5.0, 10.1], []) == 2
    assert beside([10.05, 10.12 + NEAR_S, 20.1], stalls) == 0
    assert beside([9.0, 10.2 + NEAR_S, 15.0, 21.0], stalls) == 4


def test_a_watch_ends_when_it_is_told_to_and_gives_what_it_saw():
    with watched(60.0) as stalls:
        pass
    assert all(late_s > LEAST_S for _, late_s in stalls)
    assert isinstance(watch(0.01), list)
