from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livewave.music.biaxial import LOW
from livewave.music.grid import rows_of
from livewave.music.key import Key
from livewave.music.phrase import LONGEST_ANSWER_BARS, VELOCITY_UNHEARD, Phrase, Rows

BAR = 16


def rows(text: str, pitch: int = 60, velocity: int = 90) -> list[np.ndarray]:
    """One row a letter: o begins, - sounds on, . is silent."""
    out = []
    for letter in text:
        row = np.zeros((78, 3), np.uint8)
        if letter != ".":
            row[pitch - LOW] = 1, letter == "o", velocity
        out.append(row)
    return out


def text(entries) -> str:
    return "".join("." if not row.any() else "o" if row[:, 1].any() else "-" for row, _ in entries)


def kept(letters: str, begin: int = 0) -> Rows:
    memory = Rows()
    for step, row in enumerate(rows(letters), begin):
        memory.add(row, (step + 1) % BAR, BAR)
    return memory


def phrase_of(letters: str, begin: int = 0, before: Phrase | None = None, **how) -> Phrase:
    phrase = Phrase(before)
    for step, row in enumerate(rows(letters, **how), begin):
        phrase.add(row, (step + 1) % BAR)
    return phrase


def test_a_rest_of_a_bar_is_kept_and_of_a_longer_one_what_fills_the_bar():
    assert text(kept("o" + 16 * "." + "o")) == "o" + 16 * "." + "o"
    assert text(kept("o" + 17 * "." + "o")) == "o.o"
    assert text(kept("o" + 48 * "." + "o")) == "o" + 16 * "." + "o"
    assert text(kept("o" + 60 * "." + "o")) == "o" + 12 * "." + "o"


@given(st.text("o.", max_size=80), st.integers(0, 15))
def test_leaving_out_whole_bars_never_moves_a_note_in_its_bar(letters, begin):
    memory = list(kept(letters, begin))
    assert all((before[1] + 1) % BAR == after[1] for before, after in zip(memory, memory[1:]))
    assert text(memory).count("o") == letters.count("o")
    assert 17 * "." not in text(memory)


def test_the_oldest_is_forgotten_first_and_taken_first():
    memory = kept("o-" + 3 * ".")
    memory.keep(4)
    assert text(memory) == "-..." and memory.rest == 3
    assert text([memory.take()]) == "-" and memory.rest == 3
    memory.take()
    assert memory.rest == len(memory) == 2


def test_the_rest_can_be_cut_off():
    memory = kept("o..")
    copy = memory.copy()
    assert text(memory.cut_rest()) == ".." and text(memory) == "o" and memory.rest == 0
    assert text(copy) == "o.." and copy.rest == 2


def test_a_phrase_is_as_long_as_from_its_first_onset_to_its_last_release():
    phrase = phrase_of("...o--.o-.....")
    assert phrase.steps == 6 and phrase.bars(BAR) == 1 and phrase.bars(4) == 2


def test_an_answer_has_at_least_one_bar_and_at_most_sixteen():
    assert phrase_of("").bars(BAR) == 1
    assert phrase_of("o" + 600 * "-").bars(BAR) == LONGEST_ANSWER_BARS


def test_a_short_phrase_is_shown_until_it_fills_four_bars_each_time_on_the_same_place():
    phrase = phrase_of("o--.o-", begin=4)
    entries = phrase.echoes(BAR)
    assert text(entries) == 3 * (10 * "." + "o--.o-")
    assert [after for _, after in entries[:12]] == [11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6]
    assert phrase.steps + len(entries) == 4 * BAR - 10


def test_a_phrase_of_more_than_a_bar_is_shown_on_the_bar_and_one_of_four_bars_is_not_shown_again():
    assert text(phrase_of("o" + 19 * "-").echoes(BAR)) == 12 * "." + "o" + 19 * "-"
    assert text(phrase_of("o" + 15 * "-").echoes(BAR)) == 3 * ("o" + 15 * "-")
    assert phrase_of("o" + 50 * "-").echoes(BAR) == [] == phrase_of("").echoes(BAR) == phrase_of("o" + 200 * "-").echoes(BAR)


def test_velocity_is_the_median_of_the_onsets_and_until_there_is_one_that_of_the_phrase_before():
    first = Phrase()
    assert first.velocity == VELOCITY_UNHEARD
    for row in rows("o-", velocity=127) + rows("o-", velocity=40) + rows("o---", velocity=50):
        first.add(row, 0)
    assert first.velocity == 50
    assert Phrase(first).velocity == 50
    assert phrase_of("o", before=first, velocity=12).velocity == 12


def test_the_key_is_that_of_the_phrase_and_of_the_one_before_only_while_little_is_known():
    scale = [60, 62, 64, 65, 67, 69, 71, 72]

    def melody(by: int, before: Phrase | None = None) -> Phrase:
        phrase = Phrase(before)
        for row in rows_of([(0.5 * n, 0.5 * n + 0.5, pitch + by, 80) for n, pitch in enumerate(scale)], 16):
            phrase.add(row, 0)
        return phrase

    assert Phrase().key is None
    in_d = melody(2)
    assert in_d.key == Key.named("D") == Phrase(in_d).key
    assert melody(5, before=in_d).key == Key.named("F")


def test_few_is_half_of_what_sounded_but_never_less_than_one():
    assert Phrase().few == phrase_of("o-.o").few == 1.0
    chord = Phrase()
    for row in rows_of([(0.0, 2.0, pitch, 80) for pitch in (48, 52, 55, 60, 64, 67)], 8):
        chord.add(row, 0)
    assert chord.few == 3.0


def test_a_phrase_reaches_an_octave_beyond_its_notes():
    phrase = Phrase()
    assert phrase.reach == (24, 101)
    for row in [*rows("a", pitch=60), *rows("a", pitch=67)]:
        phrase.add(row, 0)
    assert phrase.reach == (48, 79)
