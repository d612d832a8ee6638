"""The patches for Pure Data: vanilla objects only."""

from __future__ import annotations

from textwrap import wrap

from livewave import __version__
from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import REPORTS
from patches.pdfile import Patch
from patches.wording import PLAYED, PREFIX, TO_A_VOICE, arguments, message

KEYBOARD = "zsxdcvgbhnjm,"  # of a computer: an octave and the next C, from the lowest row up
LOWEST = 60
ROW_PX, LINE_PX, TEXT_CHARS = 26, 15, 118  # of the help


def abstraction() -> Patch:
    """[livewave HOST PORT]: messages in, without /livewave; reports out, and the notes that it plays on its own."""
    patch = Patch(900, 600)
    patch.text(20, 12, f"livewave {__version__}: a client of the daemon (livewave run). See livewave-help.pd", 80)
    inlet = patch.obj(20, 50, "inlet")
    kinds = patch.obj(20, 80, "route list float bang")
    note = patch.obj(20, 140, "oscformat livewave note")
    roll = patch.obj(240, 110, "route roll")
    size = patch.obj(380, 110, "list prepend 16")  # a blob is its size and its bytes
    blob = patch.obj(240, 140, "oscformat -f b livewave roll")
    split = patch.obj(330, 170, "list split 1")
    order = patch.obj(330, 200, "t b l")
    name = patch.obj(400, 230, "list prepend set livewave")
    trimmed = patch.obj(400, 260, "list trim")
    values = patch.obj(330, 290, "list store")
    packet = patch.obj(330, 320, "oscformat livewave")
    send = patch.obj(20, 360, "list prepend send")
    bytes_out = patch.obj(20, 390, "list trim")
    net = patch.obj(20, 440, "netsend -u -b")
    for box in (note, blob, packet):
        patch.connect(box, 0, send)
    patch.connect(inlet, 0, kinds)
    patch.connect(kinds, 0, note)
    patch.connect(kinds, 3, roll)
    patch.chain(roll, size, blob)
    patch.connect(roll, 1, split)
    patch.connect(split, 1, values, 1)
    patch.connect(split, 0, order)
    patch.connect(order, 1, name)
    patch.chain(name, trimmed, packet)
    patch.connect(order, 0, values)
    patch.connect(values, 0, packet)
    patch.chain(send, bytes_out, net)

    patch.text(560, 12, "connects by itself, and again when livewave comes back", 27)
    began = patch.obj(560, 60, "loadbang")
    again = patch.obj(700, 60, "del 1000")
    place = patch.obj(560, 90, "list append $1 $2")
    given = patch.obj(560, 120, "route 0")
    default = patch.msg(560, 150, "connect 127.0.0.1 9000")
    other = patch.obj(720, 150, "list prepend connect")
    other_trimmed = patch.obj(720, 180, "list trim")
    on = patch.obj(760, 60, "t b")
    often = patch.obj(760, 90, "metro 2000")
    started = patch.msg(760, 30, "1")
    told = patch.obj(520, 290, "route notify")
    first = patch.obj(520, 320, "unpack f")
    wanted = patch.obj(620, 200, "f 1")
    notify = patch.msg(620, 230, "notify $1")
    connected = patch.obj(180, 440, "sel 0 1")
    for source in (began, again):
        patch.connect(source, 0, place)
    patch.chain(place, given, default, net)
    patch.connect(given, 1, other)
    patch.chain(other, other_trimmed, net)
    patch.connect(began, 0, on)
    patch.chain(on, started, often, wanted, notify, kinds)
    patch.connect(kinds, 3, told)
    patch.chain(told, first)
    patch.connect(first, 0, wanted, 1)
    patch.connect(net, 0, connected)
    patch.connect(connected, 0, again)
    patch.connect(connected, 1, wanted)

    parsed = patch.obj(180, 480, "oscparse")
    plain = patch.obj(260, 480, "list trim")
    ours = patch.obj(340, 480, "route livewave")
    played = patch.obj(460, 480, "route note")
    notes = patch.obj(460, 510, "route played")
    done = patch.obj(560, 480, "route done")
    own = patch.obj(650, 480, "route /livewave/notify")
    rest = patch.obj(650, 510, "list prepend done")
    rest_trimmed = patch.obj(770, 510, "list trim")
    reports = patch.obj(460, 535, "outlet")  # the left one is the first
    notes_out = patch.obj(560, 535, "outlet")
    patch.connect(net, 1, parsed)
    patch.chain(parsed, plain, ours, played, notes, notes_out)
    patch.connect(played, 1, done)
    patch.chain(done, own)
    patch.connect(own, 1, rest)
    patch.chain(rest, rest_trimmed, reports)
    patch.connect(done, 1, reports)
    return patch


def help_patch() -> Patch:
    """What each message does, each to be clicked, and all that comes back."""
    patch = Patch(1180, 760)
    patch.text(20, 10, "[livewave HOST PORT]: plays livewave, a neural instrument. Start it first: livewave run. Without arguments: 127.0.0.1 9000", 150)
    patch.text(20, 34, "Notes are lists (pitch velocity, velocity 0 ends one). All else is a message named like its OSC address, without /livewave/. Click:", 150)
    y = 70
    clicked = []
    for row in ADDRESSES.values():
        clicked.append(patch.msg(20, y, message(row)))
        y += _told(patch, y, f"{arguments(row.arguments)}{row.meaning}")
    clicked.append(patch.msg(200, y, f"{TO_A_VOICE[0]}/{TO_A_VOICE[1]}/{TO_A_VOICE[2]}"))
    entry = patch.obj(20, y, "s $0-in")
    for each in clicked:
        patch.connect(each, 0, entry)
    y += _told(patch, y, TO_A_VOICE[3]) + ROW_PX
    box = patch.obj(20, y, "livewave")
    patch.connect(patch.obj(20, y - 26, "r $0-in"), 0, box)
    patch.connect(box, 0, patch.obj(20, y + 30, "print livewave"))
    patch.connect(box, 1, patch.obj(150, y + 30, "print played"))
    y += _told(patch, y, "left outlet: these messages. right outlet: pitch and velocity of the notes that it plays on its own")
    for path, report in REPORTS.items():
        if path != PLAYED:
            y += _told(patch, y, f"{path.removeprefix(PREFIX)}: {arguments(report.arguments)}{report.meaning}")
    meta = Patch(420, 300, "META")
    for number, line in enumerate((
            "KEYWORDS control network MIDI", "LICENSE MIT",
            "DESCRIPTION client of livewave, a neural instrument that is played live",
            "INLET_0 list anything", "OUTLET_0 messages: what livewave says", "OUTLET_1 list: pitch and velocity of notes that it plays on its own",
            "ARGUMENT_0 symbol: host (127.0.0.1)", "ARGUMENT_1 float: port (9000)", "AUTHOR the livewave developers",
            f"RELEASE_VERSION {__version__}")):
        meta.text(12, 12 + 22 * number, line)
    patch.subpatch(1080, 34, meta)
    return patch


def _told(patch: Patch, y: int, text: str) -> int:
    """A comment beside a box, and how high its row is. Pd begins a new line at each semicolon of a comment."""
    text = text.replace("; ", ", ")
    patch.text(330, y, text, TEXT_CHARS)
    return ROW_PX + LINE_PX * (len(wrap(text, TEXT_CHARS)) - 1)


def example() -> Patch:
    """Something to play with: keys, knobs, meters."""
    patch = Patch(900, 490)
    patch.text(20, 12, "Start livewave run, then play: click keys, type on the lowest row of letters, or use a MIDI keyboard", 110)
    box = patch.obj(20, 400, "livewave")
    keys = patch.radio(20, 50, 25)
    pitch = patch.obj(20, 80, f"+ {LOWEST}")
    typed = patch.obj(200, 110, "key")
    letters = patch.obj(200, 140, "sel " + " ".join(str(ord(letter)) for letter in KEYBOARD))
    struck = patch.obj(20, 230, "makenote 100 600")
    pair = patch.obj(20, 260, "pack f f")
    patch.chain(keys, pitch, struck)
    patch.connect(typed, 0, letters)
    for number in range(len(KEYBOARD)):
        value = patch.msg(200 + 34 * number, 190, str(LOWEST + number))
        patch.connect(letters, number, value)
        patch.connect(value, 0, struck)
    patch.connect(struck, 0, pair)
    patch.connect(struck, 1, pair, 1)
    patch.connect(pair, 0, box)
    midi = patch.obj(160, 230, "notein")
    midi_pair = patch.obj(160, 260, "pack f f")
    patch.connect(midi, 0, midi_pair)
    patch.connect(midi, 1, midi_pair, 1)
    patch.connect(midi_pair, 0, box)
    patch.text(20, 296, "gain, dB")
    patch.text(180, 296, "temperature")
    for x, low, high, name in ((20, -60, 6, "gain"), (180, 0, 1.5, "temperature")):
        patch.chain(patch.slider(x, 320, low, high), patch.msg(x, 346, f"{name} $1"), box)
    for number, text in enumerate(("model flute", "model cello", "model piano")):
        patch.connect(patch.msg(340, 296 + 26 * number, text), 0, box)
    for number, text in enumerate(("continue off", "continue answer", "continue endless", "continue duet")):
        patch.connect(patch.msg(440, 270 + 26 * number, text), 0, box)
    patch.chain(patch.bang(340, 400), patch.msg(370, 400, "panic"), box)
    reports = patch.obj(20, 434, "route level latency load underruns notice fail")
    patch.connect(box, 0, reports)
    decibels = patch.obj(600, 230, "expr 20 * log10(max($f1, 0.00001))")
    meter = patch.meter(600, 270)
    patch.chain(reports, decibels, meter)
    for number, name in enumerate(("latency, ms", "load", "underruns")):
        patch.text(640, 270 + 44 * number, name)
        patch.connect(reports, number + 1, patch.floatatom(640, 290 + 44 * number, 8))
    patch.connect(reports, 4, patch.obj(640, 410, "print livewave"))
    patch.connect(reports, 5, patch.obj(640, 434, "print refused"))
    return patch
