"""The page is played: by letters, mouse, fingers, and MIDI in the browser. As test_page."""

from __future__ import annotations

import pytest

from livewave.control.events import BendSet, Control, NoteOff, NoteOn, Panic, SourceLost
from livewave.control.osc_addresses import SUSTAIN_CONTROLLER
from tests.browser import needs_chromium
from tests.panel.browsing import TELEPHONE, Visitor
from tests.panel.serving import until

MIDI_KEYBOARD = """
    const port = {id: "one", name: "Keystation", state: "connected", onmidimessage: null};
    const access = {inputs: new Map([["one", port]]), onstatechange: null};
    navigator.requestMIDIAccess = async () => access;
    navigator.permissions.query = async () => ({state: "prompt"});
    globalThis.midi = (...data) => port.onmidimessage({data: new Uint8Array(data)});
    globalThis.unplug = () => { port.state = "disconnected"; access.onstatechange(); };
"""

pytestmark = needs_chromium


def place_of(visitor: Visitor, pitch: int, height: float = 0.9) -> tuple[float, float]:
    box = visitor.tab.locator(f"[data-pitch='{pitch}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + height * box["height"]


# letters


def test_letters_play_two_rows_and_are_let_go(visit, daemon):
    visitor = visit()
    assert visitor.reads("#octave") == "C4"
    for key, pitch in (("a", 60), ("w", 61), ("s", 62), ("k", 72), ("Semicolon", 76), ("Quote", 77)):
        visitor.tab.keyboard.down(key)
        daemon.hears(NoteOn, pitch=pitch, velocity=100)
        visitor.tab.keyboard.up(key)
        daemon.hears(NoteOff, pitch=pitch)


def test_a_key_that_repeats_strikes_once_and_one_with_ctrl_is_the_browsers(visitor, daemon):
    for _ in range(4):
        visitor.tab.keyboard.down("a")
    visitor.tab.keyboard.press("Control+d")
    visitor.tab.keyboard.up("a")
    daemon.hears(NoteOff, pitch=60)
    visitor.tab.keyboard.press("d")
    daemon.hears(NoteOff, pitch=64)
    assert not [event for event in daemon.heard if isinstance(event, NoteOn)]


def test_a_key_counts_by_its_place_whatever_letter_is_on_it(visitor, daemon):
    visitor.tab.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyA', key: 'q', bubbles: true}))")
    daemon.hears(NoteOn, pitch=60)


def test_octave_and_velocity_change_by_letters_and_what_is_held_is_let_go_where_it_was_struck(visit, daemon):
    visitor = visit()
    visitor.tab.keyboard.down("a")
    visitor.tab.keyboard.press("x")
    visitor.tab.keyboard.press("c")
    visitor.tab.keyboard.up("a")
    daemon.hears(NoteOff, pitch=60)
    assert visitor.reads("#octave") == "C5" and visitor.reads("#velocity .value") == "90"
    visitor.tab.keyboard.press("a")
    assert daemon.hears(NoteOn).velocity == 90
    daemon.hears(NoteOff, pitch=72)
    for _ in range(12):
        visitor.tab.keyboard.press("z")
    assert visitor.reads("#octave") == "C-1"


@pytest.mark.parametrize("leave", ["window.dispatchEvent(new Event('blur'))", "window.dispatchEvent(new Event('pagehide'))"])
def test_who_leaves_the_page_holds_nothing(visitor, daemon, leave):
    visitor.tab.keyboard.down("a")
    visitor.tab.keyboard.down("Space")
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=127)
    visitor.tab.evaluate(leave)
    daemon.hears(NoteOff, pitch=60)
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=0)


def test_a_page_that_is_closed_ends_its_notes(visit, daemon):
    visitor = visit()
    visitor.tab.keyboard.down("a")
    source = daemon.hears(NoteOn).source
    visitor.tab.close()
    assert daemon.hears(SourceLost).source == source


def test_space_is_the_pedal_escape_panic_and_the_button_shows_and_keeps_the_pedal(visitor, daemon):
    visitor.tab.keyboard.press("Space")
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=127)
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=0)
    visitor.tab.click("#sustain")
    daemon.hears(Control, value=127)
    assert visitor.tab.get_attribute("#sustain", "aria-pressed") == "true"
    visitor.tab.keyboard.down("a")
    visitor.tab.keyboard.press("Escape")
    daemon.hears(Panic)
    assert visitor.tab.get_attribute("#sustain", "aria-pressed") == "false"
    visitor.tab.click("#panic")
    daemon.hears(Panic)


def test_space_presses_a_button_that_the_keyboard_reached_and_is_the_pedal_after_a_click(visitor, daemon):
    visitor.tab.focus("#panic")
    visitor.tab.keyboard.press("Space")
    daemon.hears(Panic)
    visitor.tab.click("#panic")
    daemon.hears(Panic)
    until(lambda: visitor.tab.evaluate("document.activeElement === document.body"), "the focus to be given back")
    visitor.tab.keyboard.press("Space")
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=127)
    assert not [event for event in daemon.heard if isinstance(event, Panic)]


# the piano on the screen


def test_the_mouse_plays_louder_further_down_and_what_it_slides_over(visitor, daemon):
    visitor.tab.mouse.move(*place_of(visitor, 60, 0.95))
    visitor.tab.mouse.down()
    loud = daemon.hears(NoteOn, pitch=60).velocity
    visitor.tab.mouse.move(*place_of(visitor, 62, 0.7))
    daemon.hears(NoteOff, pitch=60)
    soft = daemon.hears(NoteOn, pitch=62).velocity
    visitor.tab.mouse.up()
    daemon.hears(NoteOff, pitch=62)
    assert soft < loud == 100


def test_fingers_play_chords(visit, daemon):
    visitor = visit(viewport=TELEPHONE, has_touch=True)
    touch = visitor.context.new_cdp_session(visitor.tab)
    points = [dict(zip("xy", place_of(visitor, pitch)), id=number) for number, pitch in enumerate((60, 64, 67))]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    for pitch in (60, 64, 67):
        daemon.hears(NoteOn, pitch=pitch)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": points[:1]})
    daemon.hears(NoteOff, pitch=60)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    daemon.hears(NoteOff, pitch=64)
    daemon.hears(NoteOff, pitch=67)


def test_the_piano_is_played_by_tab_arrows_and_enter_alone(visitor, daemon):
    visitor.tab.focus("#keys [tabindex='0']")
    first = int(visitor.tab.evaluate("document.activeElement.dataset.pitch"))
    visitor.tab.keyboard.press("ArrowRight")
    visitor.tab.keyboard.press("ArrowUp")
    assert visitor.tab.locator("#keys [tabindex='0']").count() == 1
    visitor.tab.keyboard.down("Enter")
    daemon.hears(NoteOn, pitch=first + 13)
    visitor.tab.keyboard.up("Enter")
    daemon.hears(NoteOff, pitch=first + 13)


def test_a_screen_readers_click_is_a_short_note(visitor, daemon):
    visitor.tab.evaluate("document.querySelector('[data-pitch=\"64\"]').click()")
    daemon.hears(NoteOn, pitch=64)
    daemon.hears(NoteOff, pitch=64)


def test_the_octave_that_fits_the_model_lies_under_the_hands_until_the_player_moves(visit, daemon):
    visitor = visit()
    assert visitor.reads("#octave") == "C4"
    daemon.status = {**daemon.status, "model": "cello", "pitch_low": 41, "pitch_high": 70}
    visitor.await_text("#octave", "C3")
    assert "outside" in visitor.tab.get_attribute("[data-pitch='77']", "class")
    visitor.tab.click("#up")
    visitor.await_text("#octave", "C4")


# MIDI in the browser


def test_a_midi_keyboard_plays_bends_holds_the_pedal_and_holds_nothing_once_unplugged(visit, daemon):
    visitor = visit(MIDI_KEYBOARD)
    visitor.tab.click("#midi")
    visitor.await_text("#midi", "Keystation")
    say = visitor.tab.evaluate
    say("midi(0x90, 65, 77)")
    daemon.hears(NoteOn, pitch=65, velocity=77)
    say("midi(0x90, 65, 0)")
    daemon.hears(NoteOff, pitch=65)
    say("midi(0xB0, 64, 127)")
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=127)
    say("midi(0xE0, 0, 96)")
    assert daemon.hears(BendSet).semitones == pytest.approx(1.0)
    say("midi(0x90, 60, 90)")
    say("midi(0x81, 60, 0)")  # of another channel
    say("unplug()")
    daemon.hears(NoteOff, pitch=60)
    daemon.hears(Control, controller=SUSTAIN_CONTROLLER, value=0)
    visitor.await_text("#midi", "no keyboard")


def test_a_browser_without_midi_says_so(visitor):
    assert visitor.reads("#midi") == "MIDI: not here" and visitor.tab.is_disabled("#midi")
