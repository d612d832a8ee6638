"""Faults, each done for real to a daemon that plays: how soon is the sound back, and what was lost?

    python -m tests.soak.faults [--fault NAME ...] [--rounds 1] [--daemon "FLAGS"]

Prints JSON, a row for each fault and round, each measured in a process of its own. Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.realtime.jackd import NoJack
from tests.soak import held, ports, recordings
from tests.soak.children import NO_JACK, NotMeasured, found_by, load_average

BACK_WITHIN_S = 1.0
LOST_AT_MOST_S = 1.0
TAKES_S = 30.0  # about, of one fault
Row = dict[str, object]


@dataclass(frozen=True)
class Fault:
    """about: what the table says; measure: given flags for the daemon, the row; notes: how many must be held afterwards."""

    about: str
    measure: Callable[[Sequence[str]], Row]
    notes: int = len(held.NOTES)


def _held(about: str, act: held.Act, after_s: float = held.AFTER_S) -> Fault:
    return Fault(about, lambda flags: held.measure(act, after_s, flags))


LONG_S = held.STOPPED_S + held.AFTER_S
FAULTS = {
    "audio-killed": _held("audio process killed (SIGKILL)", held.killed),
    "audio-stopped": _held("audio process stopped for 5 s (SIGSTOP, SIGCONT)", held.stopped, LONG_S),
    "control-stopped": _held("control process stopped for 5 s", held.control_stopped, LONG_S),
    "asleep": Fault("all of it and the sound system stopped for 5 s, as on a laptop that sleeps", held.measure_asleep),
    "engine-error": _held("an exception in the engine", held.trouble("error")),
    "nan": _held("NaN from the net until it is reset", held.trouble("nan")),
    "dc": _held("the net stuck at a level", held.trouble("dc")),
    "noise": _held("the net drifted into noise", held.trouble("noise")),
    "silence": _held("the net silent though a note was struck", held.silent_though_struck),
    "clock-step": _held("wall clock an hour on", held.clock_stepped),
    "jack-killed": Fault("JACK server killed, another one started", lambda flags: ports.server_killed(flags)),
    "midi-unplugged": Fault("MIDI port gone and back", lambda flags: ports.keyboard_unplugged(flags), notes=0),
    "record-killed": Fault("daemon killed while recording", partial(recordings.measure, recordings.daemon_killed), notes=0),
    "record-all-killed": Fault("all its processes killed while recording", partial(recordings.measure, recordings.all_killed), notes=0),
    "disk-full": Fault("disk full while recording", lambda flags: recordings.disk_full(flags), notes=1),
}


def broken(rows: Sequence[Mapping], in_time: bool = True) -> list[str]:
    """The limits that were broken, in words; `in_time`: also those of how soon all was well again."""
    return [f"{row['fault']}: {what}" for row in rows for what in _wrong(row) + (_too_late(row) if in_time else [])]


def _too_late(row: Mapping) -> list[str]:
    names = {"back_s": "sound back", "released_s": "notes released"}
    return [f"{what} after {row[name]:g} s, not {BACK_WITHIN_S:g}" for name, what in names.items() if (row.get(name) or 0.0) > BACK_WITHIN_S]


def _wrong(row: Mapping) -> list[str]:
    if "error" in row:
        return [str(row["error"])]
    wrong = ["the sound never came back"] if row.get("back_s", 0.0) is None else []
    if row.get("lost_s", 0.0) > LOST_AT_MOST_S:
        wrong.append(f"{row['lost_s']:g} s of audio lost, not {LOST_AT_MOST_S:g}")
    if row.get("notes_held", FAULTS[row["fault"]].notes) != FAULTS[row["fault"]].notes:
        wrong.append(f"{row['notes_held']} notes held afterwards, not {FAULTS[row['fault']].notes}")
    wrong += [f"{name} is {row[name]}" for name in ("notes_stuck", "lost_notes", "left_behind") if row.get(name)]
    wrong += [f"not {what}" for name, what in (("settings_kept", "with its settings"), ("replays", "made again from its log"))
              if not row.get(name, True)]
    return wrong


def collected(names: Sequence[str], rounds: int = 1, flags: Sequence[str] = ()) -> list[Row]:
    rows = []
    for name in names:
        for _ in range(rounds):
            try:
                rows.append(found_by("tests.soak.faults", "--one", name, f"--daemon={' '.join(flags)}", seconds=TAKES_S))
            except NotMeasured as reason:
                rows.append({"fault": name, "error": str(reason)})
    return rows


def measure(name: str, flags: Sequence[str] = ()) -> Row:
    """One row, in this process. Raises NoJack or NotMeasured."""
    return {"fault": name, **FAULTS[name].measure(flags), "load_average": load_average()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fault", nargs="+", default=tuple(FAULTS), choices=FAULTS, metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--daemon", default="", metavar="FLAGS", help="more flags for `livewave run`")
    parser.add_argument("--one", choices=FAULTS, help="measure one in this process")
    args = parser.parse_args()
    if args.one:
        try:
            print(json.dumps(measure(args.one, args.daemon.split())))
        except (NoJack, NotMeasured) as reason:
            raise SystemExit(f"{NO_JACK}{reason}") from None
        return
    rows = collected(args.fault, args.rounds, args.daemon.split())
    print(json.dumps({"rows": rows, "broken": broken(rows)}, indent=1))
    sys.exit(bool(broken(rows)))


if __name__ == "__main__":
    main()
