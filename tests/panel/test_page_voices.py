"""The page of an ensemble: a strip for each voice. As test_page."""

from __future__ import annotations

import pytest

from livewave.control.events import ToVoice
from tests.browser import needs_chromium
from tests.panel.browsing import LEAST_TOUCH_PX, SCREENS

VOICES = [[1, "flute", 0, 0, 127, 0, 0.0, -0.4, 0, 0.8, 0], [2, "cello", 2, 36, 127, -12, -6.0, 0.4, 0, 0.5, 0]]

pytestmark = needs_chromium


def test_each_voice_of_an_ensemble_has_a_strip_of_its_own(visit, daemon):
    visitor = visit()
    assert visitor.tab.is_hidden("#voices") and visitor.tab.is_visible("select[data-address='/livewave/model']")
    daemon.voices, daemon.status = VOICES, {**daemon.status, "voices": 2, "model": "flute + cello"}
    visitor.await_text("#voices", "Voice 2, channel 2, keys 36..127")
    assert visitor.tab.locator(".strip:visible").count() == 2 and visitor.tab.is_hidden("select[data-address='/livewave/model']")
    reads = visitor.tab.locator("[aria-label='Voice 2']").inner_text()
    assert all(text in reads for text in ("−6.0 dB", "0.40", "−12 st", "0.50"))
    assert visitor.tab.input_value("select[data-address='/livewave/voice/2/model']") == "cello"
    for verb, value in (("gain", -20.5), ("pan", -0.75), ("transpose", 7), ("temperature", 0.25)):
        visitor.turn(f"/livewave/voice/2/{verb}", value)
        told = daemon.hears(ToVoice, voice=1).event
        assert told.value == pytest.approx(value)
    visitor.tab.click("button[data-address='/livewave/voice/1/mute']")
    assert daemon.hears(ToVoice, voice=0).event.value == 1
    visitor.tab.select_option("select[data-address='/livewave/voice/1/model']", "piano")
    assert daemon.hears(ToVoice, voice=0).event.value == "piano"
    daemon.say("/livewave/voice/level", 2, 0.5)
    visitor.tab.wait_for_function("() => document.querySelector('[aria-label=\"Voice 2\"] .bar > div').style.transform.startsWith('scaleX(0.8')")
    daemon.voices = [VOICES[0][:8] + [1] + VOICES[0][9:], VOICES[1]]
    visitor.tab.wait_for_function("() => document.querySelector(\"button[data-address='/livewave/voice/1/mute']\").getAttribute('aria-pressed') === 'true'")
    daemon.status = {**daemon.status, "voices": 1}
    visitor.tab.wait_for_selector("#voices", state="hidden")


@pytest.mark.parametrize("width, height", SCREENS)
def test_strips_fit_every_screen(visit, daemon, width, height):
    visitor = visit(viewport={"width": width, "height": height})
    daemon.voices, daemon.status = VOICES, {**daemon.status, "voices": 2}
    visitor.await_text("#voices", "Voice 2")
    assert visitor.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    small = visitor.tab.evaluate("""least => [...document.querySelectorAll("#voices button, #voices select, #voices input")]
        .filter(each => each.getBoundingClientRect().height < least).length""", LEAST_TOUCH_PX)
    assert small == 0 and visitor.tab.locator("#roll").bounding_box()["height"] > 60
