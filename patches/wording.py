"""The words of the patches: how a message of each address looks in a message box, and what is said of its arguments."""

from __future__ import annotations

from livewave.control.osc_addresses import Address, Argument

PREFIX = "/livewave/"
PLAYED = "/livewave/note/played"
EXAMPLES = {  # address -> what a message of it looks like, where the first legal values would be odd
    "/livewave/note": "67 100", "/livewave/note/on": "67 100", "/livewave/note/off": "67", "/livewave/gain": "-6", "/livewave/temperature": "0.8",
    "/livewave/model": "cello", "/livewave/tempo": "120", "/livewave/metre": "4 4", "/livewave/bend": "0.5", "/livewave/sustain": "1",
    "/livewave/continue": "answer", "/livewave/continue/temperature": "1", "/livewave/continue/density": "1",
    "/livewave/continue/range": "48 84", "/livewave/continue/key": "F#m", "/livewave/continue/polyphony": "4",
    "/livewave/continue/rest": "2", "/livewave/notify": "1", "/livewave/sync": "1", "/livewave/record": "1", "/livewave/dumpOSC": "1",
    "/livewave/roll": " ".join(["0"] * 8 + ["16"] + ["0"] * 7),
}
# the parts of a message for one voice of an ensemble, and what is said of it
TO_A_VOICE = ("voice", "2", "gain -6", "for one voice of an ensemble, by its number: what is above from note to panic, gain, temperature, model; "
              "and pan, mute, transpose")


def message(row: Address) -> str:
    """The message box that sends it: a list for a note, else its name and values."""
    values = EXAMPLES.get(row.path, "")
    name = row.path.removeprefix(PREFIX)
    return values if row.path == "/livewave/note" else f"{name} {values}".rstrip()


def arguments(of: tuple[Argument, ...]) -> str:
    """Names and ranges, for a comment."""
    told = []
    for argument in of:
        span = f" {argument.low:g}..{argument.high:g}" if argument.tag in "if" and abs(argument.high) < 2**31 - 1 else ""
        choices = f" {' | '.join(argument.choices)}" if argument.choices else ""
        told.append(f"{argument.name}{span}{' ' * bool(argument.unit)}{argument.unit}{choices}")
    return f"({'; '.join(told)}) " if told else ""
