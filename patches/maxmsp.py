"""The package for Max: plain Max objects only."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

from livewave import __version__
from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import REPORTS
from patches.maxfile import Patcher
from patches.wording import PLAYED, PREFIX, TO_A_VOICE, arguments, message

UNSENDABLE = {"/livewave/roll"}  # by Max, which has no blobs
SAID = [path for path, report in REPORTS.items() if path != PLAYED and not any(argument.tag == "b" for argument in report.arguments)]
OWN_EAR = 9002  # of the device, beside an object in a patcher
TYPES = {"i": "int", "f": "float", "s": "symbol", "b": "list"}


def abstraction() -> Patcher:
    """[livewave HOST PORT EAR]: messages in, without /livewave; reports out, and the notes that it plays on its own."""
    patcher = Patcher(1500.0, 700.0)
    patcher.comment(20, 10, f"livewave {__version__}: a client of the daemon (livewave run). Arguments: host, its OSC port, and a port to hear at")
    inlet = patcher.inlet(20, 40, "notes (pitch velocity), and messages named like the OSC addresses")
    rows = [row for row in ADDRESSES.values() if row.path not in UNSENDABLE]
    names = patcher.obj(20, 90, "route " + " ".join([*(row.path.removeprefix(PREFIX) for row in rows), TO_A_VOICE[0]]))
    send = patcher.obj(20, 330, "udpsend 127.0.0.1 9000")
    patcher.connect(inlet, 0, names)
    for number, row in enumerate(rows):
        x, y = 20 + 180 * (number % 8), 130 + 36 * (number // 8)
        if row.path == "/livewave/notify":
            asked = number
            continue
        box = patcher.obj(x, y, f"prepend {row.path}") if row.arguments else patcher.msg(x, y, row.path)
        patcher.connect(names, number, box)
        patcher.connect(box, 0, send)
    note = patcher.obj(1260, 290, "prepend /livewave/note")
    patcher.connect(names, len(rows) + 1, note)
    patcher.connect(note, 0, send)
    _to_a_voice(patcher, names, len(rows), send)

    given = patcher.obj(400, 330, "patcherargs 127.0.0.1 9000 9001")
    parts = patcher.obj(400, 365, "unpack s 9000 9001")
    host, port, ear = patcher.msg(400, 400, "host $1"), patcher.msg(480, 400, "port $1"), patcher.msg(560, 400, "port $1")
    hear = patcher.obj(20, 470, "udpreceive 9001")
    patcher.chain(given, parts, host, send)
    patcher.connect(parts, 1, port)
    patcher.connect(port, 0, send)
    patcher.connect(parts, 2, ear)
    patcher.connect(ear, 0, hear)
    wanted = patcher.obj(700, 400, "pack 1 9001")
    patcher.chain(patcher.obj(700, 330, "loadmess 1"), patcher.obj(700, 365, "metro 2000"), wanted, patcher.msg(700, 435, "/livewave/notify $1 $2"), send)
    patcher.connect(names, asked, wanted)
    patcher.connect(parts, 2, wanted, 1)
    patcher.comment(860, 365, "asks again and again to be told: a daemon that was started anew has forgotten", 460)

    kinds = patcher.obj(20, 505, "route " + " ".join([PLAYED, *SAID]))
    out = patcher.outlet(20, 650, 1, "what livewave says")  # the left one is the first
    played = patcher.outlet(120, 650, 2, "pitch and velocity of notes that it plays on its own")
    patcher.connect(hear, 0, kinds)
    patcher.connect(kinds, 0, played)
    for number, path in enumerate(SAID):
        x, y = 120 + 170 * (number % 8), 545 + 36 * (number // 8)
        box = patcher.obj(x, y, f"prepend {path.removeprefix(PREFIX)}")
        if path == "/livewave/done":
            own = patcher.obj(1320, 460, "route /livewave/notify")
            patcher.connect(kinds, number + 1, own)
            patcher.connect(own, 1, box)
        else:
            patcher.connect(kinds, number + 1, box)
        patcher.connect(box, 0, out)
    return patcher


def _to_a_voice(patcher: Patcher, names: int, outlet: int, send: int) -> None:
    """`2 gain -6` becomes /livewave/voice/2/gain -6: the values wait until the address is set. Where there are none, as of `2 panic`, 1 is sent."""
    x, y = 1260, 40
    parts, whole, none = patcher.obj(x, y, "zl slice 2"), patcher.obj(x, y - 35, "t l b"), patcher.msg(x + 120, y, "1")
    values, order = patcher.obj(x + 120, y + 70, "zl reg"), patcher.obj(x, y + 35, "t b l")
    address, packet = patcher.obj(x, y + 105, "sprintf set /livewave/voice/%ld/%s"), patcher.obj(x, y + 140, "prepend /livewave/voice/1/note")
    patcher.connect(names, outlet, whole)
    patcher.connect(whole, 1, none)
    patcher.connect(none, 0, values, 1)
    patcher.connect(whole, 0, parts)
    patcher.connect(parts, 0, order)
    patcher.connect(parts, 1, values, 1)
    patcher.connect(order, 1, address)
    patcher.connect(order, 0, values)
    for source in (address, values):
        patcher.connect(source, 0, packet)
    patcher.connect(packet, 0, send)


def help_patcher() -> Patcher:
    """What each message does, each to be clicked, and all that comes back."""
    rows = [row for row in ADDRESSES.values() if row.path not in UNSENDABLE]
    patcher = Patcher(1040.0, 160.0 + 28.0 * len(rows))
    patcher.comment(20, 12, "livewave: plays a neural instrument by OSC. Start it first: livewave run. Arguments, if any: host, its OSC port (9000), and a "
                    "port to hear at (9001; another one for each livewave object)", 960)
    box = patcher.obj(20, 90.0 + 28.0 * len(rows), "livewave")
    for number, row in enumerate(rows):
        y = 70.0 + 28.0 * number
        patcher.connect(patcher.msg(20, y, message(row)), 0, box)
        patcher.comment(330, y, f"{arguments(row.arguments)}{row.meaning}", 680)
    patcher.connect(patcher.msg(200, 90.0 + 28.0 * len(rows), " ".join(TO_A_VOICE[:3])), 0, box)
    patcher.comment(330, 120.0 + 28.0 * len(rows), TO_A_VOICE[3], 680)
    patcher.connect(box, 0, patcher.obj(20, 125.0 + 28.0 * len(rows), "print livewave"))
    patcher.connect(box, 1, patcher.obj(150, 125.0 + 28.0 * len(rows), "print played"))
    patcher.comment(330, 90.0 + 28.0 * len(rows), "left outlet: " + ", ".join(path.removeprefix(PREFIX) for path in SAID)
                    + "; right outlet: pitch and velocity of the notes that it plays on its own", 680)
    return patcher


def example() -> Patcher:
    """Something to play with: keys, knobs, figures."""
    patcher = Patcher(760.0, 420.0)
    patcher.comment(20, 12, "Start livewave run, then play with the mouse; or put livewave.midi into a Max MIDI effect")
    keys = patcher.ui("kslider", 20, 45, 420, 60, mode=1, offset=48, range=48)
    pair, box = patcher.obj(20, 120, "pack 0 0"), patcher.obj(20, 300, "livewave")
    patcher.chain(keys, pair, box)
    patcher.connect(keys, 1, pair, 1)
    for number, (name, text) in enumerate((("gain", "gain, dB"), ("temperature", "temperature"), ("tempo", "tempo, bpm"))):
        patcher.comment(20 + 110 * number, 160, text, 100)
        patcher.chain(patcher.ui("flonum", 20 + 110 * number, 185, 60), patcher.msg(20 + 110 * number, 220, f"{name} $1"), box)
    for number, text in enumerate(("model flute", "model cello", "model piano", "continue off", "continue answer", "continue endless", "panic")):
        patcher.connect(patcher.msg(480, 45 + 30 * number, text), 0, box)
    kinds = patcher.obj(20, 335, "route level latency load underruns fail")
    patcher.connect(kinds, 4, patcher.obj(480, 370, "print livewave"))
    patcher.connect(box, 0, kinds)
    for number, (kind, text) in enumerate((("flonum", "level"), ("flonum", "latency, ms"), ("flonum", "load"), ("number", "underruns"))):
        patcher.connect(kinds, number, patcher.ui(kind, 20 + 110 * number, 370, 70))
        patcher.comment(20 + 110 * number, 394, text, 100)
    return patcher


def midi_effect() -> Patcher:
    """For a MIDI effect of Max for Live: what the track plays goes to livewave, and on."""
    patcher = Patcher(420.0, 220.0)
    patcher.comment(20, 10, "Paste this into a Max MIDI effect: notes of the track go to livewave (and on, to what follows). The last number is the port to "
                    "hear at: another one for each track", 380)
    midi, parsed, on = patcher.obj(20, 60, "midiin"), patcher.obj(20, 95, "midiparse"), patcher.obj(320, 140, "midiout")
    box = patcher.obj(20, 140, f"livewave 127.0.0.1 9000 {OWN_EAR}")
    patcher.chain(midi, parsed, box)
    patcher.connect(midi, 0, on)
    return patcher


def package_info() -> str:
    return json.dumps({
        "name": "livewave", "displayname": "livewave", "version": __version__, "author": "the livewave developers",
        "description": "A client of livewave, a neural instrument that is played live", "tags": ["osc", "instrument", "neural"],
        "website": "", "extensible": 0, "max_version_min": "8.0", "max_version_max": "none",
        "os": {"macintosh": {"platform": ["x64", "aarch64"], "min_version": "none"}, "windows": {"platform": ["x64"], "min_version": "none"}},
        "homepatcher": "livewave-example.maxpat", "package_extra": {"reverse_domain": "", "copyright": "MIT licence"},
    }, indent=1) + "\n"


def reference_page() -> str:
    """The page that Max shows of the object."""
    lines = ['<?xml version="1.0" encoding="utf-8" standalone="yes"?>', '<?xml-stylesheet href="./_c74_ref.xsl" type="text/xsl"?>', "",
             '<c74object name="livewave" module="max" category="OSC">',
             "<digest>Play livewave, a neural instrument</digest>",
             "<description>A client of the daemon: start it first, by livewave run. Its sound comes from its own audio output.</description>",
             '<metadatalist><metadata name="author">the livewave developers</metadata><metadata name="type">Max</metadata>'
             '<metadata name="tag">osc</metadata></metadatalist>',
             '<inletlist><inlet id="0" type="INLET_TYPE"><digest>notes (pitch velocity) and messages</digest></inlet></inletlist>',
             '<outletlist><outlet id="0" type="OUTLET_TYPE"><digest>what livewave says</digest></outlet>'
             '<outlet id="1" type="OUTLET_TYPE"><digest>pitch and velocity of notes that it plays on its own</digest></outlet></outletlist>', "<objarglist>"]
    for name, kind, text in (("host", "symbol", "where the daemon is (127.0.0.1)"), ("port", "int", "its OSC port (9000)"),
                             ("ear", "int", "a port to hear at (9001), another one for each object")):
        lines.append(f'<objarg name="{name}" optional="1" type="{kind}"><digest>{text}</digest><description>{text}</description></objarg>')
    lines += ["</objarglist>", "<methodlist>", '<method name="list"><arglist><arg name="pitch" optional="0" type="int" />'
              '<arg name="velocity" optional="0" type="int" /></arglist><digest>a note begins; velocity 0 ends it</digest>'
              "<description>a note begins; velocity 0 ends it</description></method>"]
    lines.append(f'<method name="{TO_A_VOICE[0]}"><arglist><arg name="voice" optional="0" type="int" /><arg name="message" optional="0" type="list" />'
                 f"</arglist><digest>a message for one voice of an ensemble</digest><description>{escape(TO_A_VOICE[3])}</description></method>")
    for row in ADDRESSES.values():
        if row.path not in UNSENDABLE:
            of = "".join(f'<arg name={quoteattr(argument.name)} optional="{int(argument.optional)}" type="{TYPES[argument.tag]}" />'
                         for argument in row.arguments)
            told = escape(f"{arguments(row.arguments)}{row.meaning}")
            lines.append(f"<method name={quoteattr(row.path.removeprefix(PREFIX))}><arglist>{of}</arglist><digest>{escape(row.meaning)}</digest>"
                         f"<description>{told}</description></method>")
    return "\n".join([*lines, "</methodlist>", '<seealsolist><seealso name="udpsend" /><seealso name="udpreceive" /></seealsolist>',
                      "</c74object>", ""])
