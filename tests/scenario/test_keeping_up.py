"""What the daemon does about an engine that is slow, and about a net that goes astray."""

from __future__ import annotations

import os

import pytest

from tests.scenario.daemon import Osc, daemon, until
from tests.soak.trouble import signal_of, troubled


def notices(osc: Osc) -> list[str]:
    """What players were told so far, of what has arrived."""
    return [values[0] for address, values in osc.sync() if address == "/livewave/notice"]


def levels(osc: Osc) -> list[list]:
    """Of the voices, as told so far."""
    return [values for address, values in osc.sync() if address == "/livewave/voice/level"]


def test_an_engine_that_is_late_is_given_larger_blocks_and_the_players_are_told():
    with daemon("--audio", "null", **troubled()) as playing:
        listener, told = Osc(playing.port), []
        listener.ask("/livewave/notify", 1, answer="/livewave/done")
        playing.osc.send("/livewave/note", 72, 100)
        os.kill(playing.audio_pid, signal_of("slow"))
        until(lambda: told.extend(notices(listener)) or len(told) >= 3, "three steps down")
        assert [f"blocks of {samples} samples" in text for samples, text in zip((64, 128, 256), told)] == 3 * [True]
        status = playing.osc.status()
        assert status["block_samples"] == 256 and status["restarts"] == 0
        assert playing.osc.sync() == []
        listener.close()


def test_an_engine_that_is_too_slow_for_small_blocks_begins_with_large_ones_and_says_so():
    with daemon("--audio", "null", "--engine", "onnx", "--block", "16") as playing:
        status = playing.osc.status()
        assert status["block_samples"] == 256 and "in blocks of 256 samples: smaller ones take too long here" in playing.said
        assert status["ring_ms"] > 1e3 * 256 / 16_000  # a block is rendered meanwhile


def test_one_that_is_fast_keeps_the_blocks_and_the_latency_that_were_asked_for():
    with daemon("--audio", "null", "--block", "64", "--latency", "20") as playing:
        status = playing.osc.status()
        assert status["block_samples"] == 64 and "take too long" not in playing.said


def test_an_ensemble_that_is_too_much_goes_on_with_fewer_voices():
    with daemon("--audio", "null", "--engine", "onnx", "--voice", "flute", "--voice", "cello") as playing:
        listener, told = Osc(playing.port), []
        listener.ask("/livewave/notify", 1, answer="/livewave/done")
        playing.osc.send("/livewave/note", 60, 100)
        until(lambda: told.extend(notices(listener)) or "1 of 2 voices" in " ".join(told), "a voice to make room")
        until(lambda: dict(levels(listener)).get(2) == 0.0, "the second to be silent")
        assert playing.osc.status()["restarts"] == 0
        listener.close()


@pytest.mark.parametrize(("trouble", "word"), [("noise", "noise"), ("dc", "offset"), ("silence", "silence")])
def test_a_net_that_goes_astray_while_a_note_is_held_is_primed_anew_and_it_is_told_and_counted(trouble, word):
    with daemon("--audio", "null", **troubled()) as playing:
        playing.osc.send("/livewave/note", 72, 100)
        until(lambda: playing.osc.status()["adherence"] > 0.5, "the note to sound")
        os.kill(playing.audio_pid, signal_of(trouble))
        until(lambda: playing.osc.status()["primed"] >= 1, "it to be primed")
        until(lambda: playing.osc.status()["adherence"] > 0.5, "the note to sound again")
        status = playing.osc.status()
        assert (status["faults"], status["restarts"], status["notes"]) == (0, 0, 1)
        assert "the net made" in playing.said and word in playing.said
