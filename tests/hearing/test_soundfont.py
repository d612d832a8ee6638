"""A SoundFont plays notes in time; what is no SoundFont, and a machine without FluidSynth, are told from each other."""

from __future__ import annotations

import builtins
from contextlib import closing

import numpy as np
import pytest

from livewave import LivewaveError
from livewave.hearing.measures import onset_delay_s
from livewave.hearing.soundfont import SoundFont
from livewave.music.score import events_of
from tests.hearing.sung import CHORDS, RATE_HZ
from tests.training.data.layouts import FONT


def test_a_soundfont_plays_the_notes_in_time():
    with closing(SoundFont(FONT, 0)) as piano:  # it speaks at once
        audio = piano.play(events_of(CHORDS), 4.0, RATE_HZ)
        assert audio.dtype == np.float32 and abs(len(audio) - 4 * RATE_HZ) <= 1
        assert onset_delay_s(audio, RATE_HZ, CHORDS).max() < 0.02
    with pytest.raises(LivewaveError, match="program"):
        SoundFont(FONT, 128)


def test_what_is_no_soundfont_is_refused(tmp_path):
    (tmp_path / "text.sf2").write_text("no samples")
    for name in ("text.sf2", "none.sf2"):
        with pytest.raises(LivewaveError, match=name):
            SoundFont(str(tmp_path / name), 0)


def test_without_fluidsynth_the_extra_is_named(monkeypatch):
    def without(name: str, *rest, **more):
        if name == "fluidsynth":
            raise ImportError("No module named 'fluidsynth'")
        return imported(name, *rest, **more)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LivewaveError, match=r"pip install -e '\.\[compare\]'"):
        SoundFont(FONT, 0)
