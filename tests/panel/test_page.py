"""The page in a real browser, before a stand-in for the daemon: what is turned on it becomes events there, what is said shows on it."""

from __future__ import annotations

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder, build_msg

from livewave.control.events import MetreSet, NoteOn, Reset, Setting, Tap, TempoSet
from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import IN_STATUS
from livewave.panel.server import Panel
from livewave.sounding import vector
from tests.browser import needs_chromium
from tests.panel.browsing import DESK, LEAST_TOUCH_PX, NO_MIDI, SCREENS, Visitor
from tests.panel.serving import SILENCE, StandIn, serving, until

PLAYED, GENERATED = (0xFF, 0xB4, 0x54), (0x5C, 0xC8, 0xFF)

pytestmark = needs_chromium


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
