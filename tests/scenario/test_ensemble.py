"""Several voices of one daemon: one key, two instruments, each on its side."""

from __future__ import annotations

import os
import signal
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.scenario.daemon import Playing, daemon, livewave, until
from tests.scenario.hearing import HEADER_BYTES, RATE_HZ, level, partials_share
from tests.scenario.test_recording import replayed

PAIR = ("--block", "128", "--voice", "flute:pan=-1", "--voice", "cello:transpose=-12,pan=1,channel=2")
WINDOW_S = 0.5
CLEAR = 0.8  # of a side's power, at the partials of its pitch


def sides(path: Path, seconds: float = WINDOW_S) -> tuple[np.ndarray, np.ndarray]:
    """Left and right: the newest part of a file that grows; empty until there is enough."""
    data = path.read_bytes()[HEADER_BYTES:] if path.exists() else b""
    frames = np.frombuffer(data[: len(data) // 4 * 4], "<i2").reshape(-1, 2)[-round(seconds * RATE_HZ) :] / 32_767.0
    return (frames[:, 0], frames[:, 1]) if len(frames) == round(seconds * RATE_HZ) else (np.zeros(0), np.zeros(0))


def await_pitches(path: Path, left: int | None, right: int | None) -> None:
    """Until each side sounds its pitch and hardly anything else; None: until it is silent."""
    def there() -> bool:
        heard = sides(path)
        return all(len(side) and (level(side) < 1e-4 if pitch is None else level(side) > 0.005 and partials_share(side, pitch) > CLEAR)
                   for side, pitch in zip(heard, (left, right)))

    until(there, f"{left} on the left and {right} on the right")


def voices(playing: Playing) -> list[list]:
    playing.osc.send("/livewave/voices")
    return [values for address, values in playing.osc.sync() if address == "/livewave/voice.reply"]


def test_one_key_is_heard_in_two_instruments_each_in_its_place(tmp_path):
    path = tmp_path / "pair.wav"
    with daemon("--audio", f"file:{path}", *PAIR) as playing:
        osc = playing.osc
        assert "voice 1  flute" in playing.said and "voice 2  cello" in playing.said and "transpose -12" in playing.said
        status = osc.status()
        assert (status["model"], status["voices"]) == ("flute + cello", 2)
        osc.send("/livewave/voice/1/note", 72, 100)
        await_pitches(path, 72, None)
        osc.send("/livewave/note", 72, 100)
        await_pitches(path, 72, 60)
        osc.send("/livewave/voice/1/mute", 1)
        await_pitches(path, None, 60)
        osc.send("/livewave/voice/1/mute", 0)
        osc.send("/livewave/voice/1/pan", 1.0)
        osc.send("/livewave/voice/2/pan", -1.0)
        await_pitches(path, 60, 72)
        assert [values[:2] for values in voices(playing)] == [[1, "flute"], [2, "cello"]]
        assert voices(playing)[1] == [2, "cello", 2, 0, 127, -12, 0.0, -1.0, 0, pytest.approx(0.8), 1]
        os.kill(playing.audio_pid, signal.SIGKILL)
        path = tmp_path / "pair-2.wav"
        await_pitches(path, 60, 72)
        osc.send("/livewave/reset")
        await_pitches(path, None, None)
        assert voices(playing)[1][7] == 1.0


def test_a_voice_gets_another_model_and_what_is_not_said_to_one_is_refused(tmp_path):
    with daemon("--audio", "null", "--record", str(tmp_path), *PAIR) as playing:
        osc = playing.osc
        address, reason = osc.ask("/livewave/model", "piano", answer="/livewave/fail")
        assert address == "/livewave/model" and "/livewave/voice/1/model" in reason
        osc.send("/livewave/voice/1/note", 72, 100)
        osc.send("/livewave/voice/2/note", 67, 100)
        assert osc.ask("/livewave/voice/2/model", "piano", answer="/livewave/done") == ["/livewave/voice/2/model", "piano"]
        assert [values[1] for values in voices(playing)] == ["flute", "piano"]
        assert osc.status()["notes"] == 2
        osc.send("/livewave/voice/*/gain", -12.0)
        osc.sync()
        assert [values[6] for values in voices(playing)] == [-12.0, -12.0]
        osc.send("/livewave/notify", 1)
        levels = {}
        until(lambda: len(levels) == 2 or levels.update([tuple(m[1]) for m in [osc.receive()] if m[0] == "/livewave/voice/level"]), "levels of both")
        take = Path(osc.status()["record"])
    with wave.open(str(take / "audio.wav")) as file:
        assert file.getnchannels() == 2
    replayed(take)


def test_a_model_alone_has_no_place(tmp_path):
    with daemon("--audio", "null") as playing:
        address, reason = playing.osc.ask("/livewave/voice/1/pan", 0.5, answer="/livewave/fail")
        assert address == "/livewave/voice/1/pan" and "--voice" in reason
        playing.osc.send("/livewave/voice/1/note", 72, 100)
        playing.osc.sync()
        assert playing.osc.status()["notes"] == 1 and playing.osc.status()["voices"] == 1


@pytest.mark.parametrize("voice, words", [("cello:pan=7", ("pan", "-1.0..1.0")), ("cello:colour=red", ("colour=red", "transpose")), ("tuba", ("tuba",))])
def test_a_voice_that_cannot_be_is_one_clear_line(voice, words):
    done = livewave("run", "--check-config", "--voice", voice)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words)
