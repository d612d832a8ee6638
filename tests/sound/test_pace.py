from livewave.sound.pace import REST_S, SPELL_S, Pace

NAP_S = 0.0003


def pauses(*turns: tuple[float, bool, bool]) -> list[float]:
    """(seconds, worked, lacking) of each"""
    pace = Pace(NAP_S, 0.0)
    return [pace.pause_s(worked, lacking, now_s) for now_s, worked, lacking in turns]


def test_who_has_nothing_to_do_naps_and_who_has_filled_the_ring_looks_again():
    assert pauses((0.1, False, False), (0.2, True, False)) == [NAP_S, 0.0]


def test_a_spell_in_which_the_ring_cannot_be_filled_costs_naps_only():
    turns = [(0.02 * number, True, True) for number in range(1, 24)]
    assert pauses(*turns) == [NAP_S] * len(turns)


def test_where_it_is_never_filled_rests_are_made():
    assert pauses((SPELL_S - 0.01, True, True), (SPELL_S, True, True), (9.0, True, True)) == [NAP_S, REST_S, REST_S]


def test_a_ring_that_was_filled_once_more_begins_anew():
    assert pauses((9.0, True, True), (9.1, True, False), (9.2, True, True)) == [REST_S, 0.0, NAP_S]


def test_a_spell_leaves_the_pauses_that_rtkit_and_the_kernel_ask_for():
    """rtkit: 0.15 s of processor time at most without one; the kernel: 5 % of a second for ordinary threads."""
    from livewave.player import FILL_S
    from livewave.sound.realtime import PAUSE_WITHIN_US

    assert FILL_S < 1e-6 * PAUSE_WITHIN_US
    slept_s = (1.0 - SPELL_S) * REST_S / (FILL_S + REST_S)
    assert slept_s > 0.05
