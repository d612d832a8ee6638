from __future__ import annotations

import pytest

from tests.bench.endless import BEAT_S, broken, music

CLEAN = {"underruns_of_ours": 0, "restarts": 0, "faults": 0, "continue_faults": 0, "held_at_the_end": 0}
BEGAN_S = 100.0


def played(*notes: tuple[float, float, int]) -> list[tuple[float, int, int]]:
    """What is heard of notes (begin and end in beats, pitch)."""
    changes = [(begin, pitch, 90) for begin, _, pitch in notes] + [(end, pitch, 0) for _, end, pitch in notes]
    return [(BEGAN_S + beat * BEAT_S, pitch, velocity) for beat, pitch, velocity in sorted(changes, key=lambda c: (c[0], c[2]))]


def test_a_scale_worked_by_hand():
    """Twenty quarter notes with a rest of four beats in the middle."""
    scale = [(beat + 4 * (beat >= 10), beat + 4 * (beat >= 10) + 1, 60 + (0, 2, 4, 5, 7)[beat % 5]) for beat in range(20)]
    found = music(played(*scale), BEGAN_S, 24 * BEAT_S)
    assert found["notes"] == pytest.approx(20 / 24, abs=0.001)
    assert (found["longest_silence"], found["longest_note"], found["most_notes"], found["never_let_go"]) == (16, 4, 1, 0)
    assert found["in_own_key"] == 1.0
    assert broken(found | CLEAN) == []


def test_a_note_that_hangs_is_told():
    found = music(played((0, 1, 60), (1, 2, 62))[:-1], BEGAN_S, 8 * BEAT_S)
    assert found["never_let_go"] == 1
    assert broken(found | CLEAN) == ["never_let_go is 1, not 0"]


def test_silence_chords_and_underruns_beyond_the_limits_are_told():
    chord = [(0, 1, 60 + n) for n in range(5)] + [(20, 21, 60)]
    told = broken(music(played(*chord), BEGAN_S, 24 * BEAT_S) | CLEAN | {"underruns_of_ours": 3})
    assert [text.split()[0] for text in told] == ["longest_silence", "most_notes", "underruns_of_ours"]
