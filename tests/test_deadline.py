from __future__ import annotations

import pytest

from livewave.deadline import CALM_S, HASTE_S, LARGEST_BLOCK_SAMPLES, LONGEST_CALM_S, Deadline, Rung, coarser, rungs
from livewave.handover import Recipe
from livewave.link import Stats

INT8 = Recipe("native", {"precision": "int8", "isa": "v3"})
BF16 = Recipe("native", {"precision": "bf16", "isa": "v3"})
REPORT_S = 0.05


def report(share: float, block_s: float = 0.002) -> Stats:
    return Stats(p99_ms=share * block_s * 1e3, block_s=block_s)


def hear(deadline: Deadline, share: float, from_s: float, seconds: float) -> list[tuple[float, Rung]]:
    """When it stepped, and where to."""
    times = [from_s + REPORT_S * n for n in range(round(seconds / REPORT_S))]
    return [(now_s, deadline.rung) for now_s in times if deadline.hear(report(share), now_s)]


def test_the_ladder_goes_by_larger_blocks_to_coarser_weights():
    assert [rung.block_samples for rung in rungs(32, [INT8])] == [32, 64, 128, 256]
    assert [(rung.block_samples, rung.coarse) for rung in rungs(128, [BF16])] == [(128, False), (256, False), (256, True)]
    assert rungs(512, [Recipe("cuda")]) == [Rung(512)]
    assert max(rung.block_samples for rung in rungs(16, [INT8])) == LARGEST_BLOCK_SAMPLES


def test_coarser_weights_are_those_of_8_bits_where_an_engine_has_them():
    assert coarser(BF16) == INT8 == coarser(INT8) and coarser(Recipe("cuda")) == Recipe("cuda")


def test_it_steps_down_when_blocks_are_near_their_deadline_and_not_for_one_report():
    deadline = Deadline(rungs(32, [INT8]))
    assert hear(deadline, 0.95, 0.0, HASTE_S / 2) == [] and hear(deadline, 0.5, 1.0, 1.0) == []
    ((at_s, rung),) = hear(deadline, 0.95, 2.0, HASTE_S + 2 * REPORT_S)
    assert rung.block_samples == 64 and at_s - 2.0 == pytest.approx(HASTE_S, abs=2 * REPORT_S)


def test_it_begins_where_blocks_were_doubled_to_and_goes_up_and_down_from_there():
    deadline = Deadline(rungs(32, [INT8]), 2)
    assert deadline.rung.block_samples == 128
    assert [rung.block_samples for _, rung in hear(deadline, 2.0, 0.0, 60.0)] == [256]
    assert [rung.block_samples for _, rung in hear(deadline, 0.1, 100.0, 3.5 * CALM_S)] == [128, 64, 32]


def test_it_goes_down_to_the_lowest_and_stays_there():
    deadline = Deadline(rungs(32, [BF16]))
    assert [rung.block_samples for _, rung in hear(deadline, 2.0, 0.0, 60.0)] == [64, 128, 256, 256]
    assert deadline.lowest and deadline.rung == Rung(256, coarse=True)


def test_it_steps_up_after_a_time_of_calm_and_not_where_it_is_only_just_enough():
    deadline = Deadline(rungs(32, [INT8]))
    hear(deadline, 0.95, 0.0, HASTE_S + 2 * REPORT_S)
    assert hear(deadline, 0.7, 1.0, 10 * CALM_S) == []
    ((at_s, rung),) = hear(deadline, 0.3, 1_000.0, 10 * CALM_S)
    assert rung.block_samples == 32 and at_s - 1_000.0 == pytest.approx(CALM_S, abs=0.2)


def test_one_that_stepped_up_too_early_waits_twice_as_long_the_next_time():
    deadline, now_s, waited = Deadline(rungs(32, [INT8])), 0.0, []
    for _ in range(8):
        now_s = hear(deadline, 0.95, now_s, HASTE_S + 2 * REPORT_S)[0][0]
        ((up_s, _),) = hear(deadline, 0.3, now_s, 1.1 * LONGEST_CALM_S + 1.0)[:1]
        waited.append(up_s - now_s)
        now_s = up_s + REPORT_S
    assert waited == pytest.approx([min(CALM_S * 2.0**n, LONGEST_CALM_S) for n in range(8)], abs=0.3)


def test_a_report_of_nothing_is_no_reason_for_anything():
    assert not Deadline(rungs(32, [INT8])).hear(Stats(), 0.0)


def test_an_ensemble_makes_room_by_voices_after_all_else_the_last_one_first():
    ladder = rungs(32, [INT8, BF16, Recipe("onnx")])  # one of them can be coarser
    assert [rung.voices for rung in ladder] == [3] * (len(ladder) - 2) + [2, 1]
    assert ladder[-3].coarse and ladder[-3].block_samples == LARGEST_BLOCK_SAMPLES
    assert str(ladder[-1]) == "blocks of 256 samples, weights of 8 bits, 1 of 3 voices"
    assert not any(rung.coarse for rung in rungs(32, [INT8, INT8]))
