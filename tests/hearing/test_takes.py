"""Recordings: what is read, what is refused, where they are laid."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from livewave import LivewaveError
from livewave.hearing.takes import lag_s, read_take, shifted
from tests.hearing.sung import LINE, OTHER_LINE, RATE_HZ, sung


def written(path, audio: np.ndarray, rate_hz: int = RATE_HZ, **options: str) -> str:
    soundfile.write(str(path), audio, rate_hz, **options)
    return str(path)


@pytest.mark.parametrize("name", ["take.wav", "take.flac", "take.ogg"])
def test_a_recording_of_any_rate_and_channels_is_read_as_mono_at_one_rate(tmp_path, name):
    audio = sung(LINE, rate_hz=44_100)
    path = written(tmp_path / name, np.stack([audio, 0.5 * audio], axis=1), 44_100)
    read = read_take(path, RATE_HZ)
    assert read.dtype == np.float32 and read.shape == (round(len(audio) * RATE_HZ / 44_100),)
    wanted = 0.75 * sung(LINE)[: len(read)]
    assert np.corrcoef(read[: len(wanted)], wanted)[0, 1] > 0.99
    assert np.sqrt(np.mean(read**2)) == pytest.approx(np.sqrt(np.mean(wanted**2)), rel=0.05)


def test_what_is_no_take_is_refused_with_its_name(tmp_path):
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "empty.wav").write_bytes(b"")
    written(tmp_path / "silent.wav", np.zeros(RATE_HZ))
    written(tmp_path / "nan.wav", np.full(100, np.nan, np.float32), subtype="FLOAT")
    written(tmp_path / "nothing.wav", np.zeros(0))
    for name, reason in {"text": "no audio", "empty": "no audio", "silent": "is silent", "nothing": "is silent",
                         "nan": "not numbers", "none": "no recording"}.items():
        with pytest.raises(LivewaveError, match=rf"{name}\.wav") as refused:
            read_take(tmp_path / f"{name}.wav", RATE_HZ)
        assert reason in str(refused.value)


@pytest.mark.parametrize("rise_s", [0.005, 0.04])
@pytest.mark.parametrize("late_s", [0.3, 0.0, -0.25])
def test_the_lag_of_a_take_is_found_whatever_its_attack(late_s, rise_s):
    moved = shifted(sung(LINE, rise_s=rise_s), -late_s, RATE_HZ, 4 * RATE_HZ)
    assert lag_s(moved, sung(LINE), RATE_HZ, LINE) == pytest.approx(late_s, abs=0.03)


def test_another_melody_has_no_lag():
    assert lag_s(sung(OTHER_LINE), sung(LINE), RATE_HZ, LINE) is None
    assert lag_s(np.zeros(RATE_HZ, np.float32), sung(LINE), RATE_HZ, LINE) is None


@pytest.mark.parametrize(("seconds", "wanted"), [
    (0.0, [1, 2, 3, 4, 0, 0]), (0.5, [3, 4, 0, 0, 0, 0]), (-0.75, [0, 0, 0, 1, 2, 3]), (9.0, [0] * 6), (-9.0, [0] * 6)])
def test_a_moved_take_keeps_its_length(seconds, wanted):
    moved = shifted(np.asarray([1, 2, 3, 4], np.float32), seconds, 4, 6)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(moved, wanted)
