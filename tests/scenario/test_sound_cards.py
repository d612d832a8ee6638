"""The whole daemon on a simulated sound system, whose devices come, go and change while it plays: no machine of CI has real ones.

What is simulated is PortAudio; all of livewave is real.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.scenario.daemon import ROOT, Playing, daemon, until

SIMULATED = Path(__file__).parents[1] / "sound" / "simulated"
RATE_HZ = 48_000


class SoundSystem:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "system.json"
        self.describe("Speakers", Speakers=RATE_HZ)

    def describe(self, default: str, **devices: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"default": default, "devices": devices}))
        os.replace(new, self.file)

    def sounds(self, name: str) -> bool:
        """Whether the newest tenth of a second is heard."""
        path = self.file.with_name(f"{name}.f32")
        audio = np.fromfile(path, np.float32)[-2 * RATE_HZ // 10 :] if path.exists() else np.zeros(0, np.float32)
        return audio.size > 0 and bool(np.abs(audio).max() > 0.01)

    def size(self, name: str) -> int:
        return self.file.with_name(f"{name}.f32").stat().st_size

    def asks(self, name: str) -> bool:
        """Whether the device asks for sound."""
        before = self.size(name)
        time.sleep(0.1)
        return self.size(name) > before


@pytest.fixture
def system(tmp_path: Path) -> SoundSystem:
    return SoundSystem(tmp_path)


@pytest.fixture
def playing(system: SoundSystem) -> Iterator[Playing]:
    """A note is held, and heard on the speakers."""
    path = os.pathsep.join(map(str, (SIMULATED, ROOT)))
    with daemon("--audio", "default", PYTHONPATH=path, LIVEWAVE_SIMULATED_SOUND=str(system.file)) as playing:
        assert any("Speakers (Core Audio), 48000 Hz" in line for line in playing.lines)
        playing.osc.send("/livewave/note", 67, 100)
        until(lambda: system.sounds("Speakers"), "the note")
        yield playing


def test_sound_follows_the_default_output_of_the_system(system, playing):
    system.describe("Headphones", Speakers=RATE_HZ, Headphones=44_100)
    until(lambda: system.sounds("Headphones"), "sound on the new default output")
    status = playing.osc.status()
    assert (status["notes"], status["restarts"], status["rate_hz"]) == (1, 0, 44_100) and "Headphones" in status["output"]
    until(lambda: not system.asks("Speakers"), "the old output to be let go of")


def test_a_card_that_is_unplugged_and_comes_back_sounds_again_with_what_is_held(system, playing):
    system.describe("")
    until(lambda: any("no sound" in line for line in playing.lines), "the daemon to notice")
    system.describe("Speakers", Speakers=RATE_HZ)
    until(lambda: playing.osc.status()["restarts"] == 1 and any("playing flute on Speakers" in line for line in playing.lines), "the card")
    size = system.size("Speakers")
    until(lambda: system.size("Speakers") > size + RATE_HZ and system.sounds("Speakers"), "sound on the card")
    assert playing.osc.status()["notes"] == 1


def test_a_card_that_is_unplugged_leaves_the_sound_to_the_next_default(system, playing):
    system.describe("Laptop", Laptop=44_100)
    until(lambda: system.sounds("Laptop"), "sound on what is left")
    status = playing.osc.status()
    assert (status["notes"], status["restarts"]) == (1, 1) and "Laptop" in status["output"]
