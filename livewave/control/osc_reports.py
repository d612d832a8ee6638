"""What livewave says by OSC: the messages that go out, and the names in its status. Tables, from which documentation, the patches'
address tables and OSCQuery follow, as `osc_addresses` is the table of what it understands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from livewave.control.osc_addresses import MODES, Argument, described

ANSWER, LIST, PACE = "the sender", "the notify list", "the notify list, 20 times a second"
BLOBS = "who sent `/livewave/notify 2`"
# The spectrum's: as livewave.render has them, which this stage does not know. A test holds them equal.
SPECTRUM_BANDS, SPECTRUM_HZ, SPECTRUM_DB = 96, (55.0, 7_600.0), (-90.0, 0.0)


@dataclass(frozen=True, slots=True)
class Report:
    """One row: what is sent to whom."""

    path: str
    arguments: tuple[Argument, ...]
    to: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One value of /livewave/status.reply."""

    name: str
    tag: str  # i, f or s
    meaning: str
    unit: str = ""


_TEXT = (0, 1024)
_ANY, _COUNT = (-math.inf, math.inf), (0, math.inf)
_REPORTS = (
    Report("/livewave/done", (Argument("address", "s", 1, 255), Argument("value", "s", *_TEXT, optional=True)), ANSWER,
           "what was asked for by that address has been done; the value that it has now"),
    Report("/livewave/fail", (Argument("address", "s", 0, 255), Argument("reason", "s", *_TEXT)), ANSWER,
           "a message was refused, or could not be followed"),
    Report("/livewave/synced", (Argument("id", "i", *_ANY),), ANSWER, "all that came before /livewave/sync has been taken"),
    Report("/livewave/status.reply", (), ANSWER, "names and values in turn, of all that livewave status shows"),
    Report("/livewave/voice.reply", (
        Argument("voice", "i", 1, 16), Argument("model", "s", *_TEXT), Argument("channel", "i", 0, 16), Argument("low", "i", 0, 127),
        Argument("high", "i", 0, 127), Argument("transpose", "i", -48, 48, "semitones"), Argument("gain", "f", *_ANY, "dB"),
        Argument("pan", "f", -1, 1), Argument("mute", "i", 0, 1), Argument("temperature", "f", 0, 2), Argument("notes", "i", *_COUNT)),
           ANSWER, "a voice: what it plays, what it hears (channel 0: all of them), how it is set, how many notes it holds"),
    Report("/livewave/models.reply", (), ANSWER, "the names of all models that can be chosen, one argument each"),
    Report("/livewave/version.reply", (Argument("program", "s", *_TEXT), Argument("version", "s", *_TEXT)), ANSWER, "who this is"),
    Report("/livewave/level", (Argument("peak", "f", *_COUNT),), PACE, "the loudest sample since the last one; what is above 1 is cut off"),
    Report("/livewave/voice/level", (Argument("voice", "i", 1, 16), Argument("peak", "f", *_COUNT)), PACE + ", of an ensemble",
           "the same of each voice"),
    Report("/livewave/latency", (Argument("latency", "f", *_COUNT, "ms"),), PACE, "from a note's arrival to its sound, the mean of it"),
    Report("/livewave/load", (Argument("load", "f", *_COUNT),), PACE, "share of real time that making a block takes"),
    Report("/livewave/underruns", (Argument("underruns", "i", *_COUNT),), PACE, "blocks that the device wanted and that were not there"),
    Report("/livewave/adherence", (Argument("adherence", "f", 0, 1),), PACE + ", while notes are held",
           "1 where all that sounds is partials of the held notes, 0 for noise"),
    Report("/livewave/note/played", (Argument("pitch", "i", 0, 127), Argument("velocity", "i", 0, 127)), LIST + ", at its moment",
           "a note that it plays on its own; velocity 0: it ends"),
    Report("/livewave/sounding", (Argument("pitches", "b", 16, 16, "bytes"), Argument("generated", "b", 16, 16, "bytes")),
           BLOBS + ", when it changes (20 times a second at most), and once a second",
           "the pitches that a player holds, as in /livewave/roll, and those that it plays on its own"),
    Report("/livewave/spectrum", (Argument("levels", "b", SPECTRUM_BANDS, SPECTRUM_BANDS, "bytes"),), BLOBS + ", 20 times a second",
           "what sounds, {} bands of equal musical width from {:g} to {:g} Hz, a byte each: 0 is {:g} dB or less, 255 is {:g} dB, a sine "
           "as loud as can be".format(SPECTRUM_BANDS, *SPECTRUM_HZ, *SPECTRUM_DB)),
    Report("/livewave/record", (Argument("state", "s", *_TEXT),), LIST + ", when it changes", "as `record` in the status"),
    Report("/livewave/notice", (Argument("text", "s", *_TEXT),), LIST + ", when it happens", "what a player should know at once"),
)
REPORTS = {row.path: row for row in _REPORTS}
IN_STATUS = {  # address -> where its values stand in the status
    "/livewave/gain": ("gain_db",),
    "/livewave/temperature": ("temperature",),
    "/livewave/model": ("model",),
    "/livewave/record": ("recording",),
    "/livewave/continue": ("continue",),
    "/livewave/continue/temperature": ("continue_temperature",),
    "/livewave/continue/density": ("continue_density",),
    "/livewave/continue/range": ("continue_low", "continue_high"),
    "/livewave/continue/key": ("continue_key",),
    "/livewave/continue/polyphony": ("continue_polyphony",),
    "/livewave/continue/rest": ("continue_rest_beats",),
    "/livewave/tempo": ("tempo_bpm",),
    "/livewave/metre": ("metre_beats", "metre_unit"),
    "/livewave/latency": ("latency_ms",),
    "/livewave/load": ("load",),
    "/livewave/underruns": ("underruns",),
    "/livewave/adherence": ("adherence",),
}

STATUS = (
    StatusRow("model", "s", "its name; of an ensemble, all names"),
    StatusRow("voices", "i", "how many there are"),
    StatusRow("pitch_low", "i", "its lowest pitch; others sound in the nearest octave inside"),
    StatusRow("pitch_high", "i", "its highest"),
    StatusRow("engine", "s", "what executes it"),
    StatusRow("isa", "s", "its instruction set"),
    StatusRow("output", "s", "the audio output"),
    StatusRow("rate_hz", "i", "of the output", "Hz"),
    StatusRow("period_frames", "i", "of the output", "frames"),
    StatusRow("notes", "i", "how many sound"),
    StatusRow("latency_ms", "f", "from a note's arrival to its sound", "ms"),
    StatusRow("queue_ms", "f", "of that: a note waits so long, that none is early or late", "ms"),
    StatusRow("column_ms", "f", "of that: half a column of the roll", "ms"),
    StatusRow("block_ms", "f", "of that: a block is made at once", "ms"),
    StatusRow("resampler_ms", "f", "of that: the resampler's delay", "ms"),
    StatusRow("ring_ms", "f", "of that: sound that waits for the device", "ms"),
    StatusRow("device_ms", "f", "of that: the device's own", "ms"),
    StatusRow("load", "f", "share of real time that making a block takes, resampler and all"),
    StatusRow("p99_ms", "f", "what 99 of 100 blocks take at most", "ms"),
    StatusRow("block_samples", "i", "made at a time", "samples"),
    StatusRow("adherence", "f", "how well the held notes are followed; 0 where there is nothing to judge"),
    StatusRow("primed", "i", "how often the net was started again for what it made"),
    StatusRow("underruns", "i", "blocks that the device wanted and that were not there"),
    StatusRow("late", "i", "notes that came after their moment"),
    StatusRow("faults", "i", "blocks that were not finite, or whose engine failed"),
    StatusRow("restarts", "i", "audio processes that had died or hung and were replaced"),
    StatusRow("dropped", "i", "events that found no room"),
    StatusRow("refused_midi", "i", "packets that are no MIDI"),
    StatusRow("refused_osc", "i", "messages that were not understood, or not allowed"),
    StatusRow("limited", "i", "OSC packets of senders over their limit"),
    StatusRow("missed", "i", "OSC datagrams that came faster than they could be read"),
    StatusRow("stuck", "i", "keys held for longer than `longest_note_s` and let go"),
    StatusRow("gain_db", "f", "as set", "dB"),
    StatusRow("temperature", "f", "as set"),
    StatusRow("continue", "s", "mode: " + ", ".join(MODES)),
    StatusRow("continue_state", "s", "off, stopped, listening, about to answer, answering or composing"),
    StatusRow("continue_temperature", "f", "how freely its notes are drawn"),
    StatusRow("continue_density", "f", "how many notes it plays"),
    StatusRow("continue_low", "i", "the lowest pitch it may play"),
    StatusRow("continue_high", "i", "the highest"),
    StatusRow("continue_key", "s", "off, auto, or a key"),
    StatusRow("continue_polyphony", "i", "how many notes of its own may sound together"),
    StatusRow("continue_rest_beats", "f", "so long without a held key ends a phrase", "beats"),
    StatusRow("continue_faults", "i", "how often the continuation had to begin again"),
    StatusRow("step_p50_ms", "f", "what composing a sixteenth takes, median", "ms"),
    StatusRow("step_p99_ms", "f", "the same in 99 of 100", "ms"),
    StatusRow("played", "i", "notes that it played on its own"),
    StatusRow("tempo_bpm", "f", "of now", "bpm"),
    StatusRow("tempo_source", "s", "internal, midi:PORT or link"),
    StatusRow("metre_beats", "i", "in a bar"),
    StatusRow("metre_unit", "i", "of a beat: 2, 4, 8 or 16"),
    StatusRow("bar_beat", "f", "quarter notes from 1, in sixteenths"),
    StatusRow("recording", "i", "1 while a take is made"),
    StatusRow("record", "s", "off, the folder of the take, or why it stopped"),
    StatusRow("up_s", "f", "since the start", "s"),
)


def report_table() -> str:
    """What goes out as Markdown, for the manual."""
    lines = ["| address | arguments | to | meaning |", "|---|---|---|---|"]
    for row in _REPORTS:
        lines.append(f"| `{row.path}` | {' '.join(map(described, row.arguments))} | {row.to} | {row.meaning} |")
    return "\n".join(lines) + "\n"


def status_table() -> str:
    """The status as Markdown, for the manual."""
    lines = ["| in the status | kind | meaning |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {' '.join(filter(None, (f'`{row.tag}`', row.unit)))} | {row.meaning} |" for row in STATUS]
    return "\n".join(lines) + "\n"
