"""The panel in a real browser before a real daemon: a key that is pressed becomes sound in a file."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from tests.browser import browser, needs_chromium  # noqa: F401
from tests.panel.browsing import TELEPHONE, Visitor
from tests.scenario.daemon import Playing, children, daemon, is_running, until
from tests.scenario.hearing import RATE_HZ, await_silence, await_sound, partials_share, so_far

GENERATED = (0x5C, 0xC8, 0xFF)
CONTROLS = [  # address, what it is turned to, argument, name in the status
    ("/livewave/gain", -7.5, "", "gain_db"), ("/livewave/temperature", 0.5, "", "temperature"), ("/livewave/tempo", 97, "", "tempo_bpm"),
    ("/livewave/continue/temperature", 1.5, "", "continue_temperature"), ("/livewave/continue/density", 2.0, "", "continue_density"),
    ("/livewave/continue/polyphony", 2, "", "continue_polyphony"), ("/livewave/continue/rest", 3.5, "", "continue_rest_beats"),
    ("/livewave/continue/range", 48, "low", "continue_low"), ("/livewave/continue/range", 84, "high", "continue_high"),
]

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    return tmp_path_factory.mktemp("panel") / "take.wav"


@pytest.fixture(scope="module")
def playing(take) -> Iterator[Playing]:
    """One daemon for all: what a test changes, the next one's reset undoes."""
    with daemon("--audio", f"file:{take}", "--panel") as running:
        yield running
        pid = panel_pid(running)
    assert pid and not is_running(pid)  # it ends with the daemon


@pytest.fixture(scope="module")
def tab(browser, playing) -> Iterator[Visitor]:
    visitor = Visitor(browser, url_of(playing))
    visitor.await_ready()
    yield visitor
    visitor.close()


@pytest.fixture
def visitor(tab, playing) -> Visitor:
    """One who holds nothing any more, before a daemon that is as at start."""
    tab.rest()
    playing.osc.send("/livewave/reset")
    playing.osc.sync()
    yield tab
    assert tab.troubles == []


def url_of(playing: Playing) -> str:
    return until(lambda: re.findall(r"^panel    (http://\S+)$", playing.said, re.MULTILINE), "the panel's address")[-1]


def status_has(playing: Playing, name: str, value: object) -> None:
    until(lambda: playing.osc.status()[name] == value, f"{name} to be {value}")


def panel_pid(playing: Playing) -> int:
    found = [pid for pid in children(playing.pid) if pid not in playing.players]
    return found[0] if found else 0


def test_a_key_becomes_sound_of_its_pitch_and_ends_when_it_is_let_go(visitor, playing, take):
    await_silence(take)
    visitor.tab.keyboard.down("j")  # B4
    await_sound(take, 0.6)
    sound = so_far(take)[-RATE_HZ // 2:]
    assert partials_share(sound, 71) > 2 * max(partials_share(sound, 70), partials_share(sound, 72))
    visitor.tab.wait_for_selector("[data-pitch='71'].played")
    visitor.tab.keyboard.up("j")
    await_silence(take)
    status_has(playing, "notes", 0)


def test_a_finger_on_a_telephone_plays_too(browser, playing, take):
    visitor = Visitor(browser, url_of(playing), viewport=TELEPHONE, has_touch=True, is_mobile=True)
    visitor.await_ready()
    key = visitor.tab.locator("[data-pitch='60']").bounding_box()
    finger = visitor.context.new_cdp_session(visitor.tab)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": key["x"] + 20, "y": key["y"] + 0.8 * key["height"]}]})
    await_sound(take)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await_silence(take)
    assert visitor.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    visitor.close()


@pytest.mark.parametrize("address, value, argument, name", CONTROLS)
def test_a_slider_changes_the_daemon(visitor, playing, address, value, argument, name):
    visitor.turn(address, value, argument)
    status_has(playing, name, value)


def test_the_choices_and_switches_change_the_daemon_and_a_refusal_is_told(visitor, playing):
    visitor.tab.select_option("[data-address='/livewave/metre']", "3/4")
    status_has(playing, "metre_beats", 3)
    visitor.tab.select_option("[data-address='/livewave/continue/key']", "Eb minor")
    status_has(playing, "continue_key", "Eb minor")
    visitor.tab.click("#record")
    visitor.await_text("#news", "record")
    assert playing.osc.status()["recording"] == 0  # there is no folder to record to
    visitor.tab.select_option("[data-address='/livewave/model']", "piano")
    status_has(playing, "model", "piano")
    visitor.tab.select_option("[data-address='/livewave/model']", "flute")
    status_has(playing, "model", "flute")
    visitor.turn("/livewave/gain", -9)
    status_has(playing, "gain_db", -9.0)
    for _ in range(2):
        visitor.tab.click("[data-address='/livewave/reset']")
    status_has(playing, "gain_db", 0.0)


def test_the_pedal_holds_and_panic_ends_everything(visitor, playing, take):
    visitor.tab.click("#sustain")
    visitor.tab.keyboard.press("a")
    visitor.tab.keyboard.press("d")
    await_sound(take)
    assert playing.osc.status()["notes"] == 2
    visitor.tab.keyboard.press("Escape")
    await_silence(take)
    assert playing.osc.status()["notes"] == 0


def test_a_tab_that_is_closed_leaves_no_note(browser, playing, take):
    visitor = Visitor(browser, url_of(playing))
    visitor.await_ready()
    visitor.tab.keyboard.down("g")
    await_sound(take)
    visitor.close()
    await_silence(take)
    status_has(playing, "notes", 0)


def test_what_it_plays_on_its_own_has_its_own_colour(visitor, playing):
    visitor.turn("/livewave/tempo", 240)
    visitor.tab.check("[data-address='/livewave/continue'][value='endless']", force=True)
    status_has(playing, "continue", "endless")
    visitor.await_colour("#roll", GENERATED)
    visitor.tab.keyboard.press("Escape")
    status_has(playing, "continue", "off")


def test_the_spectrogram_the_level_and_the_latency_are_of_what_sounds(visitor, playing, take):
    visitor.tab.keyboard.down("j")
    await_sound(take)
    visitor.tab.wait_for_function("() => document.querySelector('#level .figure').innerText.includes('dB')")
    visitor.tab.wait_for_function("() => document.querySelector('#adherence .figure').innerText.includes('%')")
    until(lambda: any(red > 100 for red, _, _ in visitor.colours("#spectrogram")), "something bright")  # silence is 12
    status = playing.osc.status()
    stages = [status[f"{stage}_ms"] for stage in ("queue", "column", "block", "resampler", "ring", "device")]
    assert np.isclose(sum(stages), status["latency_ms"], atol=0.1)
    assert visitor.reads("#latency .figure").endswith(" ms") and visitor.reads("#latency .legend").count("ring") == 1


def test_a_panel_that_dies_is_not_heard_and_another_one_takes_its_place(visitor, playing, take):
    visitor.tab.keyboard.down("j")
    await_sound(take)
    gone = panel_pid(playing)
    playing.osc.send("/livewave/note", 64, 100)
    os.kill(gone, signal.SIGKILL)
    visitor.await_state("no panel")
    visitor.await_state("playing")
    assert not is_running(gone) and panel_pid(playing) != gone and playing.osc.status()["restarts"] == 0
    await_sound(take)  # what others hold sounds on
    assert playing.osc.status()["notes"] == 1
    visitor.tab.keyboard.press("Escape")
    visitor.troubles.clear()  # the browser says that nobody was there


def test_a_panel_ends_with_a_daemon_that_is_killed():
    with daemon("--audio", "null", "--panel") as running:
        url_of(running)
        pid = until(lambda: panel_pid(running), "the panel")
        running.process.kill()
        until(lambda: not is_running(pid), "its end")
