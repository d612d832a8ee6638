"""What the net is shown, worked out by hand; and specs that describe no net are refused by name."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from livewave.music.biaxial import HIGH, LOW, NOTES, BiaxialSpec, features, fold

# The row before, worked out by hand. It sounds C1 (pitch 24, the lowest; struck, as hard as can be), C2 (36; held, 64),
# E2 (40; struck, 10) and F7 (101, the highest; held, 1). The step to come is number 6 of its bar: 6 is 0110.
STRUCK, HELD = 1, 0
ROW = {24: (1, STRUCK, 127), 36: (1, HELD, 64), 40: (1, STRUCK, 10), 101: (1, HELD, 1)}
POSITION = 6
BEAT = {75: -1.0, 76: 1.0, 77: 1.0, 78: -1.0}  # lowest bit first

# pitch: number of the input -> its value; every input that is not named is 0
BY_HAND = {
    # The lowest note. Place 0 of 77; class C is the first of twelve (1). The notes around are 12..36, at 13, 15 ... 61:
    # those below 24 do not exist and are silent; 24 itself is the 13th (37, 38), an octave above is the 25th (61, 62); E2
    # is too far. From C upwards: C sounds twice (63), E once (67), F once (68).
    24: {0: 0.0, 1: 1.0, 37: 1.0, 38: 1.0, 61: 1.0, 62: 0.0, 63: 2.0, 67: 1.0, 68: 1.0, **BEAT, 80: 1.0},
    # A silent note between, D2. Place 14 of 77; D is the third class (3). The notes around are 26..50: C2 is the 11th
    # (33, 34), E2 the 15th (41, 42); C1, fourteen below, is too far. From D upwards: E (65), F (66), C ten above (73).
    38: {0: 14 / 77, 3: 1.0, 33: 1.0, 34: 0.0, 41: 1.0, 42: 1.0, 65: 1.0, 66: 1.0, 73: 2.0, **BEAT, 80: 0.0},
    # C2, an octave above the lowest. Place 12. The notes around are 24..48: C1 is the first (13, 14), C2 the 13th, E2 the
    # 17th (45, 46).
    36: {0: 12 / 77, 1: 1.0, 13: 1.0, 14: 1.0, 37: 1.0, 38: 0.0, 45: 1.0, 46: 1.0, 63: 2.0, 67: 1.0, 68: 1.0, **BEAT,
         80: 64 / 127},
    # F6, an octave below the highest. Place 65; F is the sixth class (6). Around are 77..101: F7 is the 25th (61, 62).
    # From F upwards: F itself (63), C seven above (70), E eleven above (74).
    89: {0: 65 / 77, 6: 1.0, 61: 1.0, 62: 0.0, 63: 1.0, 70: 2.0, 74: 1.0, **BEAT, 80: 0.0},
    # The highest note. Place 77 of 77. Around are 89..113: those above 101 do not exist; 101 itself is the 13th.
    101: {0: 1.0, 6: 1.0, 37: 1.0, 38: 0.0, 63: 1.0, 70: 2.0, 74: 1.0, **BEAT, 80: 1 / 127},
}


def worked_row() -> np.ndarray:
    row = np.zeros((NOTES, 3), np.uint8)
    for pitch, sounding in ROW.items():
        row[pitch - LOW] = sounding
    return row


@pytest.mark.parametrize("velocity", [False, True])
@pytest.mark.parametrize("pitch", BY_HAND)
def test_every_input_of_a_note_is_the_one_worked_out_by_hand(pitch, velocity):
    found = features(worked_row()[None], np.array([POSITION]), velocity)
    assert found.shape == (1, 78, 81 if velocity else 80) and found.dtype == np.float32
    expected = np.zeros(81)
    for number, value in BY_HAND[pitch].items():
        expected[number] = value
    np.testing.assert_allclose(found[0, pitch - LOW], expected[: found.shape[2]], rtol=1e-6, atol=0)


def test_of_silence_only_places_and_the_beat_are_shown():
    found = features(np.zeros((1, NOTES, 3), np.uint8), np.array([0]))[0]
    assert not found[:, 13:75].any() and not found[:, 79].any()
    np.testing.assert_array_equal(found[:, 75:79], -1.0)
    np.testing.assert_array_equal(found[:, 1:13].argmax(1), (np.arange(NOTES) + LOW) % 12)


def test_every_place_of_a_bar_is_told_apart():
    bits = features(np.zeros((16, NOTES, 3), np.uint8), np.arange(16))[:, :, 75:79]
    numbers = ((bits + 1.0) / 2.0 * [1, 2, 4, 8]).sum(2)
    np.testing.assert_array_equal(numbers, np.repeat(np.arange(16.0)[:, None], NOTES, 1))


def test_each_step_of_many_is_shown_what_it_is_alone():
    rng = np.random.default_rng(0)
    rows, positions = rng.integers(0, 2, (5, NOTES, 3)).astype(np.uint8), rng.integers(0, 16, 5)
    together = features(rows, positions, velocity=True)
    for step in range(5):
        alone = features(rows[step : step + 1], positions[step : step + 1], velocity=True)
        np.testing.assert_array_equal(together[step], alone[0])


def test_what_is_outside_sounds_in_the_nearest_octave_inside():
    assert [fold(pitch) for pitch in (0, 11, 23, 24, 101, 102, 112, 127)] == [24, 35, 35, 24, 101, 90, 100, 91]
    for pitch in range(128):
        assert LOW <= fold(pitch) <= HIGH and fold(pitch) % 12 == pitch % 12


def test_spec_survives_json():
    spec = BiaxialSpec((128, 64, 3), (50,), velocity=True)
    assert BiaxialSpec.from_json(spec.to_json()) == spec
    assert (spec.features, spec.choices) == (81, 3)
    assert (BiaxialSpec().features, BiaxialSpec().choices) == (80, 2)


@pytest.mark.parametrize("field, value", [
    ("time_units", ()), ("time_units", (0,)), ("time_units", (1_025,)), ("time_units", (1,) * 5), ("time_units", 300),
    ("time_units", "300"), ("time_units", (300.0,)), ("time_units", (True,)), ("time_units", None),
    ("note_units", {"a": 1}), ("note_units", (-1,)), ("velocity", 1), ("velocity", "yes"), ("velocity", None),
])
def test_spec_out_of_range_is_refused_naming_the_field(field, value):
    with pytest.raises(ValueError, match=f"{field} is .*must be"):
        BiaxialSpec(**{field: value})
    with pytest.raises(ValueError, match=f"{field} is .*must be"):
        BiaxialSpec.from_json(json.dumps(dataclasses.asdict(BiaxialSpec()) | {field: value}))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", '{"time_units": [3]}',
                                  BiaxialSpec().to_json()[:-1] + ', "x": 1}'])
def test_json_that_is_no_spec_is_refused(text):
    with pytest.raises(ValueError):
        BiaxialSpec.from_json(text)
