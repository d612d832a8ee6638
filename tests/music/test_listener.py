from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livewave.music.listener import HEARING_S, PIECE_ROWS, Listener
from livewave.music.phrase import SILENCE, Rows
from tests.music.toy_composer import ToyComposer

BAR = 16


def sound(velocity: int) -> np.ndarray:
    row = np.zeros((78, 3), np.uint8)
    row[30] = 1, 1, velocity
    return row


def heard(composer: ToyComposer) -> list[int]:
    """The velocity of each row; 0 is silence."""
    return [int(row[30, 2]) for row, _ in composer.heard]


def test_it_hears_in_order_and_in_pieces_and_a_rest_only_once_something_follows():
    composer = ToyComposer()
    listener = Listener(composer)
    for step in range(6):
        listener.tell(sound(step + 1), step + 1, BAR)
    listener.tell(SILENCE, 7, BAR)
    listener.hear_a_piece()
    assert heard(composer) == [*range(1, PIECE_ROWS + 1)] and listener.busy
    for _ in range(3):
        listener.hear_a_piece()
    assert heard(composer) == [1, 2, 3, 4, 5, 6] and not listener.busy
    listener.tell(sound(9), 8, BAR)
    listener.hear_a_piece()
    assert heard(composer) == [1, 2, 3, 4, 5, 6, 0, 9]


def test_primed_it_has_heard_that_and_nothing_else():
    composer, memory = ToyComposer(), Rows()
    listener = Listener(composer)
    listener.tell(sound(1), 1, BAR)
    listener.hear_all()
    memory.add(sound(2), 5, BAR)
    memory.add(SILENCE, 6, BAR)
    assert listener.prime(memory) == 2 * HEARING_S
    listener.hear_all()
    assert heard(composer) == [2, 0] and composer.resets == 2 and composer.heard[0][1] == 5
    assert len(memory) == 2


def test_what_it_is_told_before_the_rest_is_heard_before_the_rest():
    composer = ToyComposer()
    listener = Listener(composer)
    for row, after in ((sound(1), 1), (SILENCE, 2), (SILENCE, 3)):
        listener.tell(row, after, BAR)
    assert listener.tell_before_the_rest([(sound(2), 1)], BAR) == HEARING_S
    listener.hear_all()
    assert [(int(row[30, 2]), after) for row, after in composer.heard] == [(1, 1), (2, 1), (0, 2), (0, 3)]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_what_it_has_heard_when_it_composes_does_not_depend_on_when_it_had_time(steps):
    """One hears whenever there is time, the other only when it must."""
    composers = ToyComposer(), ToyComposer()
    listeners = [Listener(composer) for composer in composers]
    for step, (sounds, time) in enumerate(steps):
        for listener in listeners:
            listener.tell(sound(step + 1) if sounds else SILENCE, (step + 1) % BAR, BAR)
        if time:
            listeners[0].hear_a_piece()
    for listener in listeners:
        listener.compose(lambda note, logits: (0.0, 0.0, 0.0))
    assert heard(composers[0]) == heard(composers[1])


def test_whole_bars_of_a_rest_are_not_told_to_a_net_that_comes_in_after_it():
    for silent, kept in ((5, 5), (16, 0), (20, 4)):
        composer = ToyComposer()
        listener = Listener(composer)
        for step in range(16):
            listener.tell(sound(step + 1), (step + 1) % BAR, 100)
        for step in range(silent):
            listener.tell(SILENCE, (step + 1) % BAR, 100)
        listener.come_in(BAR)
        listener.compose(lambda note, logits: (0.0, 0.0, 0.0))
        assert heard(composer) == [*range(1, 17), *[0] * kept]
        assert composer.heard[-1][1] == silent % BAR  # in the same place of the bar


def test_a_net_that_was_told_of_silence_alone_comes_in_all_the_same():
    composer = ToyComposer()
    listener = Listener(composer)
    for step in range(16):
        listener.tell(SILENCE, (step + 1) % BAR, BAR)
    listener.come_in(BAR)
    listener.compose(lambda note, logits: (0.0, 0.0, 0.0))
    assert composer.composed == 1 and composer.heard[-1][1] == 0


def test_a_rest_is_heard_beforehand_unless_whole_bars_of_it_will_be_left_out():
    for silent, early in ((3, 4), (13, 1)):
        composer = ToyComposer()
        listener = Listener(composer)
        listener.tell(sound(1), 1, BAR)
        for step in range(silent):
            listener.tell(SILENCE, (step + 2) % BAR, BAR)
        listener.hear_a_piece()
        listener.hear_before(3, BAR)
        assert len(composer.heard) == early
