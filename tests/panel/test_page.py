"""The page in a real browser, before a stand-in for the daemon: what is done on it becomes events there, what is said shows on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder, build_msg

from livewave.control.events import BendSet, Control, MetreSet, NoteOff, NoteOn, Panic, Reset, Setting, SourceLost, Tap, TempoSet, ToVoice
from livewave.control.osc_addresses import ADDRESSES, SUSTAIN_CONTROLLER
from livewave.control.osc_reports import IN_STATUS
from livewave.panel.server import Panel
from livewave.sounding import vector
from tests.browser import browser, needs_chromium  # noqa: F401
from tests.panel.browsing import DESK, TELEPHONE, Visitor
from tests.panel.serving import StandIn, serving, until

PLAYED, GENERATED = (0xFF, 0xB4, 0x54), (0x5C, 0xC8, 0xFF)
LEAST_TOUCH_PX = 44
SCREENS = [(360, 740), (740, 360), (820, 1180), (1280, 800), (1920, 1080)]  # of telephones, a tablet, and on desks
SILENCE = bytes(16)
MIDI_KEYBOARD = """
    const port = {id: "one", name: "Keystation", state: "connected", onmidimessage: null};
    const access = {inputs: new Map([["one", port]]), onstatechange: null};
    navigator.requestMIDIAccess = async () => access;
    navigator.permissions.query = async () => ({state: "prompt"});
    globalThis.midi = (...data) => port.onmidimessage({data: new Uint8Array(data)});
    globalThis.unplug = () => { port.state = "disconnected"; access.onstatechange(); };
"""
NO_MIDI = "delete Navigator.prototype.requestMIDIAccess;"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


@pytest.fixture
def daemon(running) -> StandIn:
    """As it was, with nothing heard."""
    running.begin()
    return running


@pytest.fixture(scope="module")
def panel(running) -> Iterator[Panel]:
    with serving(Panel(running.osc.address, port=0)) as served:
        yield served


@pytest.fixture
def visit(browser, panel, daemon):
    """Opens the page; in the end the browser must have had nothing to complain of."""
    visitors: list[Visitor] = []

    def visit(before: str = NO_MIDI, **options: object) -> Visitor:
        visitor = Visitor(browser, panel.url, before, **options)
        visitors.append(visitor)
        visitor.await_ready()
        return visitor

    yield visit
    for visitor in visitors:
        visitor.close()
        assert visitor.troubles == []


@pytest.fixture(scope="module")
def tab(browser, panel) -> Iterator[Visitor]:
    visitor = Visitor(browser, panel.url, NO_MIDI)
    visitor.await_ready()
    yield visitor
    visitor.close()


@pytest.fixture
def visitor(tab, daemon) -> Iterator[Visitor]:
    """One at a desk, who holds nothing any more."""
    tab.rest()
    daemon.hears(Panic)
    daemon.begin()
    daemon.say("/livewave/sounding", SILENCE, SILENCE)
    yield tab
    assert tab.troubles == []


def place_of(visitor: Visitor, pitch: int, height: float = 0.9) -> tuple[float, float]:
    box = visitor.tab.locator(f"[data-pitch='{pitch}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + height * box["height"]


# the codec


MESSAGES = [("/livewave/note", [67, 100]), ("/livewave/gain", [-6.5]), ("/livewave/model", ["flöte"]), ("/livewave/panic", []),
            ("/livewave/roll", [bytes(range(13))]), ("/a", ["", "abc", "abcd"]), ("/b", [-(2**31), 2**31 - 1]), ("/c", [0.1, 3e9])]


def test_what_it_says_and_hears_is_osc_as_python_osc_has_it(visitor):
    both = """async packets => {
        const {decode, encode} = await import("./osc.js");
        const text = value => value instanceof Uint8Array ? {blob: [...value]} : value;
        return packets.map(packet => {
            const {address, values} = decode(new Uint8Array(packet));
            return [address, values.map(text), [...encode(address, ...values)]];
        });
    }"""
    packets = [build_msg(address, values).dgram for address, values in MESSAGES]
    for (address, values), packet, (heard, told, said) in zip(MESSAGES, packets, visitor.tab.evaluate(both, [list(packet) for packet in packets])):
        told = [bytes(value["blob"]) if isinstance(value, dict) else value for value in told]
        assert (heard, told) == (address, pytest.approx(values) if isinstance((*values, 0)[0], float) else values)
        assert list(OscMessage(bytes(said)).params) == list(OscMessage(packet).params)
    everything = OscMessageBuilder("/all")
    for value, tag in ((0.25, "d"), (2**40, "h"), (True, "T"), (False, "F"), (None, "N")):
        everything.add_arg(value, tag)
    assert visitor.tab.evaluate("async packet => (await import('./osc.js')).decode(new Uint8Array(packet)).values",
                                list(everything.build().dgram)) == [0.25, 2**40, True, False, None]


@pytest.mark.parametrize("packet", [b"", b"/abc", b"#bundle\0\0\0\0\0\0\0\0\1", b"/a\0\0,i\0\0", b"/a\0\0,b\0\0\0\0\0\x09", b"/a\0\0,x\0\0", b"/a\0\0i\0\0\0",
                                    b"/a\0\0,b\0\0\xff\xff\xff\xff"])
def test_what_is_no_message_is_a_range_error_and_nothing_worse(visitor, packet):
    assert visitor.tab.evaluate("""async packet => {
        const {decode} = await import("./osc.js");
        try { return decode(new Uint8Array(packet)); } catch (error) { return error.name; }
    }""", list(packet)) == "RangeError"


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


# controls


SLIDERS = [("/livewave/gain", -12.5, ""), ("/livewave/temperature", 0.35, ""), ("/livewave/continue/temperature", 1.25, ""),
           ("/livewave/continue/density", 2.0, ""), ("/livewave/continue/polyphony", 3, ""), ("/livewave/continue/rest", 4.5, "")]


@pytest.mark.parametrize("address, value, argument", SLIDERS)
def test_a_slider_sends_what_it_shows(visitor, daemon, address, value, argument):
    visitor.turn(address, value, argument)
    setting = daemon.hears(Setting)
    assert ADDRESSES[address].event.name == setting.name and setting.value == pytest.approx(value)


def test_tempo_tap_metre_range_key_mode_and_model_are_sent(visitor, daemon):
    visitor.turn("/livewave/tempo", 96)
    assert daemon.hears(TempoSet).bpm == 96.0
    visitor.tab.click("[data-address='/livewave/tap']")
    daemon.hears(Tap)
    visitor.turn("/livewave/continue/range", 48, "low")
    assert daemon.hears(Setting, name="continue_range").value == (48, 101)
    for address, choice, name in (("/livewave/model", "cello", "model"), ("/livewave/continue/key", "F# minor", "continue_key")):
        visitor.tab.select_option(f"[data-address='{address}']", choice)
        assert daemon.hears(Setting, name=name).value == choice
        daemon.say("/livewave/done", address, choice)
    visitor.tab.select_option("[data-address='/livewave/metre']", "3/4")
    daemon.hears(MetreSet, beats=3, unit=4)
    visitor.tab.check("[data-address='/livewave/continue'][value='duet']", force=True)
    assert daemon.hears(Setting, name="continue_mode").value == "duet"
    daemon.say("/livewave/done", "/livewave/continue", "duet")


def test_a_slider_is_turned_by_the_keyboard_alone(visitor, daemon):
    visitor.tab.wait_for_function("() => document.querySelector('[data-address=\"/livewave/gain\"]').value === '0'")
    visitor.tab.focus("[data-address='/livewave/gain']")
    visitor.tab.keyboard.press("ArrowLeft")
    assert daemon.hears(Setting, name="gain_db").value == -0.5


def test_every_control_shows_what_the_daemon_says_whoever_turned_it(visitor, daemon):
    told = {"gain_db": -6.5, "temperature": 1.2, "tempo_bpm": 90.0, "continue_density": 0.5, "continue_low": 36, "continue_key": "Bb minor",
            "metre_beats": 7, "metre_unit": 16, "model": "bagpipe", "continue": "answer", "continue_state": "listening", "bar_beat": 2.5}
    daemon.status = {**daemon.status, **told}
    visitor.await_text("#controls", "−6.5 dB")
    visitor.await_text("#controls", "90 bpm")
    visitor.await_text("#controls", "C2")
    visitor.await_text(".state", "listening, beat 2.5")
    values = visitor.tab.evaluate("""() => Object.fromEntries([...document.querySelectorAll("#controls select")].map(select =>
        [select.dataset.address, select.value]))""")
    assert values == {"/livewave/model": "bagpipe", "/livewave/metre": "7/16", "/livewave/continue/key": "Bb minor"}
    assert visitor.tab.is_checked("[data-address='/livewave/continue'][value='answer']")


def test_a_slider_that_is_being_turned_is_not_turned_back(visitor, daemon):
    visitor.turn("/livewave/gain", -20)
    daemon.hears(Setting, name="gain_db")
    asked = daemon.osc.received
    until(lambda: daemon.osc.received > asked, "another look at the status")
    assert visitor.tab.evaluate("document.querySelector('[data-address=\"/livewave/gain\"]').value") == "-20"


def test_record_is_a_switch_and_reset_wants_to_be_pressed_twice(visitor, daemon):
    visitor.tab.click("#record")
    assert daemon.hears(Setting, name="record").value == 1
    daemon.status = {**daemon.status, "recording": 1}
    visitor.tab.wait_for_selector("#record[aria-pressed='true']")
    visitor.tab.click("#record")
    assert daemon.hears(Setting, name="record").value == 0
    visitor.tab.click("[data-address='/livewave/reset']")
    assert "again" in visitor.reads("[data-address='/livewave/reset']")
    visitor.tab.click("[data-address='/livewave/reset']")
    daemon.hears(Reset)


def test_the_models_are_those_of_the_daemon_and_every_value_of_the_status_has_its_control(visitor):
    names = visitor.tab.evaluate("[...document.querySelector('[data-address=\"/livewave/model\"]').options].map(option => option.value)")
    assert names[:3] == ["cello", "flute", "piano"]
    shown = set(visitor.tab.evaluate("[...document.querySelectorAll('[data-address]')].map(control => control.dataset.address)"))
    assert IN_STATUS.keys() & ADDRESSES.keys() - {"/livewave/record"} <= shown


# what is heard


def test_the_roll_shows_what_is_played_and_what_is_generated_in_two_colours_and_so_do_the_keys(visitor, daemon):
    daemon.say("/livewave/sounding", vector([67]), SILENCE)
    visitor.await_colour("#roll", PLAYED)
    assert GENERATED not in visitor.colours("#roll")
    daemon.say("/livewave/sounding", vector([67]), vector([72]))
    visitor.await_colour("#roll", GENERATED)
    lit = "[...document.querySelectorAll('#keys .played, #keys .generated')].map(key => [key.dataset.pitch, key.classList.contains('generated')])"
    assert visitor.tab.evaluate(lit) == [["67", False], ["72", True]]
    daemon.say("/livewave/sounding", SILENCE, SILENCE)
    until(lambda: visitor.tab.evaluate(lit) == [], "the keys to go dark")
    assert {PLAYED, GENERATED} <= visitor.colours("#roll").keys()  # it has sounded


def test_the_spectrogram_shows_where_the_sound_is(visitor, daemon):
    levels = bytearray(96)
    levels[47:50] = bytes([255] * 3)
    rows = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), rows = [];
        for (let y = 0; y < canvas.height; y++) {
            let red = 0;
            for (let x = canvas.width >> 2; x < canvas.width; x++) red = Math.max(red, data[4 * (y * canvas.width + x)]);
            rows.push(red);
        }
        return rows;
    }"""
    def bright() -> list[float]:
        daemon.say("/livewave/spectrum", bytes(levels))
        found = visitor.tab.locator("#spectrogram").evaluate(rows)
        return [1 - number / len(found) for number, red in enumerate(found) if red > 200 and number / len(found) < 0.9]

    places = until(bright, "a bright line")
    assert all(0.45 < place < 0.56 for place in places)


def test_the_meters_say_how_loud_how_late_how_busy_and_what_was_lost(visitor, daemon):
    assert "18.0 ms" in visitor.reads("#latency .figure") and "ring 7.6" in visitor.reads("#latency .legend")
    widths = visitor.tab.evaluate("[...document.querySelectorAll('#latency .bar div')].map(part => part.getBoundingClientRect().width)")
    assert len(widths) == 6 and widths[4] == max(widths) and all(widths)
    daemon.status = {**daemon.status, "late": 3}
    shown = {"#level .figure": "−6.0 dB", "#load .figure": "42 %", "#adherence .figure": "91 %", "#lost .figure": "7", "#lost .more": "3 late"}

    def all_shown() -> bool:
        for name, value in (("level", 0.5), ("load", 0.42), ("adherence", 0.91)):
            daemon.say(f"/livewave/{name}", value)
        daemon.say("/livewave/underruns", 7)
        daemon.status = {**daemon.status, "underruns": 7}
        return all(visitor.reads(selector) == text for selector, text in shown.items())

    until(all_shown, "the figures")


def test_news_are_told_and_a_refusal_with_its_reason(visitor, daemon):
    daemon.say("/livewave/notice", "the net made noise; it starts again")
    visitor.await_text("#news", "the net made noise")
    visitor.tab.evaluate("""async () => {
        const {Link} = await import("./link.js"), link = new Link(new URL("socket", location.href.replace("http", "ws")));
        link.begin();
        await new Promise(done => link.onState(state => state === "playing" && done()));
        link.on("/livewave/fail", (...values) => document.title = values.join(" "));
        link.send("/livewave/temperature", 9);
    }""")
    visitor.tab.wait_for_function("() => document.title.includes('/livewave/temperature') && document.title.includes('0..2')")


def test_who_wants_little_motion_gets_a_roll_that_stands_still(visit, daemon):
    visitor = visit(reduced_motion="reduce")
    daemon.say("/livewave/sounding", vector([67]), SILENCE)
    visitor.await_colour("#roll", PLAYED)
    daemon.say("/livewave/sounding", SILENCE, SILENCE)
    left = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let x = 0; x < canvas.width; x++)
            for (let y = 0; y < canvas.height; y++) {
                const place = 4 * (y * canvas.width + x);
                if (data[place] === 255 && data[place + 1] === 180 && data[place + 2] === 84) return x;
            }
    }"""
    first = visitor.tab.locator("#roll").evaluate(left)
    visitor.tab.wait_for_timeout(600)
    assert visitor.tab.locator("#roll").evaluate(left) == first


# the daemon goes and comes


def test_a_daemon_that_goes_is_looked_for_and_played_again_when_it_is_back(browser):
    daemon = StandIn()
    port = daemon.osc.address[1]
    with serving(Panel(daemon.osc.address, port=0)) as panel:
        visitor = Visitor(browser, panel.url, NO_MIDI)
        visitor.await_ready()
        visitor.tab.keyboard.down("a")
        daemon.hears(NoteOn)
        daemon.close()
        visitor.await_state("no daemon")
        visitor.await_text("#link", f"no livewave at 127.0.0.1:{port}")
        assert visitor.tab.locator("#keys .down").count() == 0
        daemon = StandIn(port)
        visitor.await_ready()
        visitor.tab.keyboard.up("a")
        visitor.tab.keyboard.press("s")
        assert daemon.hears(NoteOn).pitch == 62
        visitor.close()
        daemon.close()


def test_a_panel_that_goes_is_looked_for_and_found_again(browser, daemon):
    with serving(Panel(daemon.osc.address, port=0)) as panel:
        visitor = Visitor(browser, panel.url, NO_MIDI)
        visitor.await_ready()
    visitor.await_state("no panel")
    with serving(Panel(daemon.osc.address, port=panel.port)):
        visitor.await_ready()
        visitor.tab.keyboard.press("a")
        daemon.hears(NoteOn)
        visitor.close()


def test_a_page_with_a_token_plays_too(browser, daemon):
    with serving(Panel(daemon.osc.address, "0.0.0.0", 0)) as panel:
        url = f"http://127.0.0.1:{panel.port}/{panel.url.split('/')[3]}/"
        visitor = Visitor(browser, url, NO_MIDI)
        visitor.await_ready()
        visitor.tab.keyboard.press("a")
        daemon.hears(NoteOn)
        visitor.close()
        assert visitor.troubles == []


# for everybody


def test_nothing_is_wider_than_the_screen_and_everything_is_large_enough_for_a_finger(visitor):
    for width, height in SCREENS:
        visitor.tab.set_viewport_size({"width": width, "height": height})
        assert visitor.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        small = visitor.tab.evaluate("""least => [...document.querySelectorAll("button:not(.black), select, input")].filter(control => {
            const {width, height} = control.getBoundingClientRect();
            return width < least || height < least;
        }).map(control => control.outerHTML)""", LEAST_TOUCH_PX)
        assert small == [], width
    visitor.tab.set_viewport_size(DESK)


def test_a_screen_shows_all_of_it_at_once(visitor):
    assert visitor.tab.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_every_control_has_a_name_and_is_reached_by_tab(visitor):
    controls = "button, select, input"
    nameless = visitor.tab.evaluate("""selector => [...document.querySelectorAll(selector)].filter(control =>
        !(control.ariaLabel || control.innerText || [...control.labels || []].map(label => label.innerText).join(""))
    ).map(control => control.outerHTML)""", controls)
    assert nameless == []
    stops = visitor.tab.evaluate("""selector => [...document.querySelectorAll(selector)].filter(control => control.tabIndex >= 0 && !control.disabled
        && (control.type !== "radio" || control.checked)).length""", controls)
    visitor.tab.evaluate("globalThis.reached = new Set(); addEventListener('focusin', event => reached.add(event.target))")
    for _ in range(stops + 2):  # one of them may leave the page
        visitor.tab.keyboard.press("Tab")
    assert visitor.tab.evaluate("reached.size") == stops


def test_text_stands_out_from_what_is_behind_it(visitor):
    """By WCAG 2: 4.5 to 1."""
    faint = visitor.tab.evaluate("""() => {
        const parts = colour => colour.match(/[\\d.]+/g).map(Number);
        const luminance = colour => parts(colour).slice(0, 3).map(value => value / 255)
            .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
            .reduce((sum, value, number) => sum + value * [0.2126, 0.7152, 0.0722][number], 0);
        const behind = element => {
            for (; element; element = element.parentElement) {
                const colour = getComputedStyle(element).backgroundColor;
                if ((parts(colour)[3] ?? 1) > 0) return colour;
            }
        };
        return [...document.querySelectorAll("h1, h2, p, span, output, li, button, select")].filter(element => element.innerText?.trim()).filter(element => {
            const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
            return (a + 0.05) / (b + 0.05) < 4.5;
        }).map(element => element.outerHTML.slice(0, 120));
    }""")
    assert faint == []


# an ensemble


VOICES = [[1, "flute", 0, 0, 127, 0, 0.0, -0.4, 0, 0.8, 0], [2, "cello", 2, 36, 127, -12, -6.0, 0.4, 0, 0.5, 0]]


def test_each_voice_of_an_ensemble_has_a_strip_of_its_own(visit, daemon):
    visitor = visit()
    assert visitor.tab.is_hidden("#voices") and visitor.tab.is_visible("select[data-address='/livewave/model']")
    daemon.voices, daemon.status = VOICES, {**daemon.status, "voices": 2, "model": "flute + cello"}
    visitor.await_text("#voices", "Voice 2, channel 2, keys 36..127")
    assert visitor.tab.locator(".strip:visible").count() == 2 and visitor.tab.is_hidden("select[data-address='/livewave/model']")
    reads = visitor.tab.locator("[aria-label='Voice 2']").inner_text()
    assert all(text in reads for text in ("−6.0 dB", "0.40", "−12 semitones", "0.50"))
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
