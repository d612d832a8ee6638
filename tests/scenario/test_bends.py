"""Pitch bend and MPE, from the key to what is heard of the shipped flute."""

from __future__ import annotations

import time
from pathlib import Path

import mido
import numpy as np
import pytest

from livewave.config import make_config
from livewave.hearing.measures import chord_recall, pitch_track
from livewave.music.score import Note
from livewave.offline import render_file
from tests.scenario.daemon import daemon, until
from tests.scenario.hearing import (
    SCORING_RATE_HZ, at_scoring_rate, await_end, await_more, await_sound, partials_share, read_wav,
)
from tests.toys import tiny_model_file

TICKS_PER_S = 960
IN_TUNE = 0.8


def rendered(folder: Path, track: list[mido.Message]) -> np.ndarray:
    """float32 [samples] at SCORING_RATE_HZ: what `livewave render` makes of a track with the flute."""
    midi = mido.MidiFile(ticks_per_beat=480)
    midi.tracks.append(mido.MidiTrack(track))
    midi.save(str(folder / "song.mid"))
    config = make_config({"model": {"name": "flute", "seed": 3}})
    render_file(folder / "song.mid", folder / "song.wav", config, lambda *_: None)
    return at_scoring_rate(read_wav(folder / "song.wav"))


def test_a_bend_by_osc_is_heard_where_it_bends_to_and_back(tmp_path):
    take = tmp_path / "take.wav"
    with daemon("--audio", f"file:{take}", "--model", "flute") as playing:
        playing.osc.send("/livewave/note", 72, 100)
        await_sound(take, 0.5)
        for semitones in (1.0, 0.0):
            for step in np.linspace(1.0 - semitones, semitones, 50):
                playing.osc.send("/livewave/bend", float(step))
                time.sleep(0.004)  # a hand moves; all at once would be a jump
            await_more(take, 0.3)
            pitch = 72 + round(semitones)
            await_end(take, 0.3, lambda audio: partials_share(audio, pitch) > IN_TUNE, f"a tone of pitch {pitch}")


def test_a_model_without_the_hint_refuses_bends_in_one_line(tmp_path):
    with daemon("--audio", "null", "--model", str(tiny_model_file(tmp_path, hint="none"))) as playing:
        for step in range(20):
            playing.osc.send("/livewave/bend", step / 20)
        playing.osc.sync()
        until(lambda: "no f0 hint" in playing.said, "the line that refuses")
        playing.osc.send("/livewave/bend", 0.0)
        playing.osc.sync()
    assert playing.said.count("pitch bend is ignored") == 1


def test_a_slow_bend_of_a_file_is_followed_by_the_flute(tmp_path):
    """Though no bent note was in its training."""
    wheel = [mido.Message("pitchwheel", pitch=round(4096 * n / 50), time=TICKS_PER_S // 100) for n in range(1, 51)]
    audio = rendered(tmp_path, [mido.Message("note_on", note=72, velocity=90, time=96),
                                mido.Message("pitchwheel", pitch=0, time=TICKS_PER_S), *wheel,
                                mido.Message("note_off", note=72, time=TICKS_PER_S)])
    times, pitches = pitch_track(audio, SCORING_RATE_HZ, 55, 84)
    wanted = 72 + np.interp(times, [1.1, 1.6], [0.0, 1.0])
    held = (times > 0.3) & (times < 2.5)
    assert np.mean(np.abs(pitches - wanted)[held] < 0.5) > IN_TUNE
    assert np.nanmedian(pitches[(times > 1.9) & (times < 2.5)]) == pytest.approx(73, abs=0.2)


def test_fingers_of_an_mpe_controller_bend_their_own_notes(tmp_path):
    parameters = ((101, 0), (100, 6), (6, 15))
    zone = [mido.Message("control_change", control=control, value=value) for control, value in parameters]
    up, down = (mido.Message("pitchwheel", channel=channel, pitch=pitch) for channel, pitch in ((1, 341), (2, -341)))
    audio = rendered(tmp_path, [
        *zone, up, down, mido.Message("note_on", channel=1, note=66, velocity=90, time=96),
        mido.Message("note_on", channel=2, note=77, velocity=90),
        mido.Message("note_off", channel=1, note=66, time=TICKS_PER_S), mido.Message("note_off", channel=2, note=77)])
    bent, plain = ([Note(0.1, 1.1, pitch, 90) for pitch in pitches] for pitches in ((68, 75), (66, 77)))
    assert chord_recall(audio, SCORING_RATE_HZ, bent) > IN_TUNE > 0.3 > chord_recall(audio, SCORING_RATE_HZ, plain)
