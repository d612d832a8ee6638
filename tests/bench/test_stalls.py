from __future__ import annotations

from tests.bench.stalls import CREEPS, LEAST_S, NEAR_S, Pace, beside, watch, watched


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


def test_work_that_takes_far_longer_than_usual_is_noticed_and_one_that_grows_slowly_is_not():
    pace = Pace()
    assert not any(pace.creeps(1e-4 * (1.0 + 0.3 * (number % 3))) for number in range(200))
    assert pace.creeps(1.05 * CREEPS * 1.3e-4) and not pace.creeps(1.5e-4)
    assert not any(pace.creeps(1e-4 * 1.001**number) for number in range(300))
