"""Does what is heard follow the notes? A line and chords, live by OSC into a file and by `livewave render`.

    python -m tests.bench.follow

Prints JSON: frames_in_tune (share of sounding frames within 50 cents) and chord_recall for both ways.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.scenario.daemon import daemon, livewave
from tests.scenario.hearing import await_more, await_silence, following, read_wav, recall
from tests.scenario.score import chords, melody, write_midi
from livewave.music.score import Note

Play = Callable[[Path, Sequence[Note]], np.ndarray]


def measure() -> dict[str, dict[str, float]]:
    return {"osc": _scores(play_by_osc), "render": _scores(play_offline)}


def play_by_osc(folder: Path, notes: Sequence[Note]) -> np.ndarray:
    """float32 [frames]: the file of a daemon that was sent the notes in real time."""
    path = folder / "live.wav"
    with daemon("--audio", f"file:{path}") as playing:
        await_silence(path)
        playing.osc.play(notes)
        playing.osc.sync()
        await_more(path, 0.2)
        await_silence(path)
    return read_wav(path)


def play_offline(folder: Path, notes: Sequence[Note]) -> np.ndarray:
    wav = folder / "offline.wav"
    done = livewave("render", str(write_midi(folder / "notes.mid", notes)), str(wav))
    assert done.returncode == 0, done.stderr
    return read_wav(wav)


def _scores(play: Play) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        line = following(play(Path(folder), melody()), melody())
        chord = recall(play(Path(folder), chords()), chords())
    return {"frames_in_tune": round(line["frames_in_tune"], 4), "notes_in_tune": round(float(line["notes_in_tune"]), 4),
            "chord_recall": round(chord, 4)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
