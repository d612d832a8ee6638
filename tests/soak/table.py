"""The README's table of reliability, from what `tests.soak.collect` found.

    python -m tests.soak.table tests/soak/soak.json [--readme README.md] [--check]

Writes it between the two markers; with --check its exit status says whether what stands there is up to date. What misses its
limit is bold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.generated import insert, place_table
from tests.soak import dense, faults, isolation, latency

Rows = Sequence[Mapping]


def table(found: Mapping) -> str:
    """Markdown."""
    machine, parts = found["machine"], found["parts"]
    head = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {found['date']}, by `make soak`; software only: the dummy " \
           "driver of JACK is the sound card, at 48000 Hz."
    return "\n\n".join([head, *(_part(name, parts[name], show) for name, show in SHOWN.items() if name in parts)])


def placed(readme: str, text: str) -> str:
    """The README with `text` between its markers. Raises ValueError without them."""
    return insert(readme, "soak", f"\n{text}\n\n")


def _part(name: str, part: Mapping, show: Callable[[Mapping], str]) -> str:
    if "error" in part:
        return f"{name[0].upper()}{name[1:]}: not measured ({part['error']})."
    short = " Cut short." if part["short"] else ""
    return f"{show(part['found'])}\n\n`{part['command']}`, load average before {part['load_average_before']:g}.{short}"


def _bold(text: str, missed: bool) -> str:
    return f"**{text}**" if missed else text


def _latency(found: Mapping) -> str:
    lines = [f"| note-on by JACK MIDI to first sound, period | median, {latency.MEDIAN_MS:g} ms | p99 | jitter (p99 - p1), "
             f"{latency.JITTER_MS[128]:g} ms at 128 | largest stage | notes |", "|---|---|---|---|---|---|"]
    for row in found["rows"]:
        if "error" in row:
            lines.append(f"| {row['period_frames']} | not measured: {row['error']} | | | | |")
            continue
        jitter_missed = row["jitter_ms"] > latency.JITTER_MS.get(row["period_frames"], float("inf"))
        lines.append(f"| {row['period_frames']} | {_bold(_ms(row['median_ms']), row['median_ms'] > latency.MEDIAN_MS)} | {_ms(row['p99_ms'])} "
                     f"| {_bold(_ms(row['jitter_ms']), jitter_missed)} | {row['largest']} {_ms(row['stages_ms'].get(row['largest'], 0.0))} "
                     f"| {row['measured']} of {row['notes']} |")
    return "\n".join(lines)


def _isolation(found: Mapping) -> str:
    periods = sorted({row["period_frames"] for row in found["rows"]})
    lines = ["| gaps heard / underruns (gaps of the server, of the meter), while in the control process | " + " | ".join(f"period {p}" for p in periods) + " |",
             "|---" * (len(periods) + 1) + "|"]
    for load, about in isolation.LOADS.items():
        rows = {row["period_frames"]: row for row in found["rows"] if row["load"] == load}
        if rows:
            lines.append(f"| {about} | " + " | ".join(_gaps(rows[p]) if p in rows else "" for p in periods) + " |")
    seconds = found["rows"][0]["seconds"]
    return ("\n".join(lines) + f"\n\nA held note of {seconds:g} s each. Gaps beside a cycle that the JACK server "
            "itself lost are its own; the meter, a JACK client, makes one when it reads a cycle's frames after the next one's have come.")


def _gaps(row: Mapping) -> str:
    if "error" in row:
        return f"not measured: {row['error']}"
    return _bold(f"{row['gaps']} / {row['underruns']}", bool(isolation.broken([row]))) + f" ({row['gaps_of_server']}, {row['gaps_of_meter']})"


def _faults(found: Mapping) -> str:
    lines = [f"| fault | sound back, worst of its rounds, {faults.BACK_WITHIN_S:g} s | lost of what was played, {faults.LOST_AT_MOST_S:g} s | notes stuck |",
             "|---|---|---|---|"]
    for name, fault in faults.FAULTS.items():
        rows = [row for row in found["rows"] if row["fault"] == name]
        if rows:
            lines.append(f"| {fault.about} | {_back(rows)} | {_lost(rows)} | {_worst(rows, 'notes_stuck', '{:.0f}')} |")
    wrong = sorted(set(faults.broken(found["rows"])))
    return "\n".join(lines) + ("\n\nMissed: " + "; ".join(wrong) + "." if wrong else "")


def _back(rows: Rows) -> str:
    if any("error" in row for row in rows):
        return f"not measured: {next(row['error'] for row in rows if 'error' in row)}"
    values = [row["back_s"] for row in rows if "back_s" in row]
    if not values:
        return ""
    if None in values:
        return "**never**"
    return "not interrupted" if max(values) == 0.0 else _bold(f"{max(values):.2f} s", max(values) > faults.BACK_WITHIN_S)


def _lost(rows: Rows) -> str:
    lost_s = max((row["lost_s"] for row in rows if "lost_s" in row), default=None)
    if lost_s is None:
        return ""
    notes = sum(row["lost_notes"] for row in rows)
    return _bold(f"{lost_s:.2f} s of audio, {notes} notes", lost_s > faults.LOST_AT_MOST_S or notes > 0)


def _worst(rows: Rows, name: str, form: str) -> str:
    values = [row[name] for row in rows if name in row]
    return _bold(form.format(max(values)), max(values) > 0) if values else ""


def _dense(found: Mapping) -> str:
    wrong = dense.broken(found)
    where = f", in {len(found['takes_that_lost'])} of {found['takes']} takes" if found["takes_that_lost"] else ""
    return (f"{found['minutes']:g} minutes of dense playing ({found['notes']} notes with pedal, bends and controls), another core busy, "
            f"{found['flood_s']:g} s of 5,000 OSC messages a second within: {_bold(str(found['underruns']) + ' underruns', found['underruns'] > 0)} and "
            f"{found['gaps']} gaps{where} ({found['gaps_of_server']} more of the server, which lost {found['lost_cycles']} cycles), {found['stuck_notes']} notes stuck, "
            f"{found['late']} late, {found['restarts']} restarts; memory grew by {found['control_growth_mb']:.1f} and {found['audio_growth_mb']:.1f} MB "
            f"(control, audio process); latency {found['latency_ms']['first']:.1f} ms at first, {found['latency_ms']['last']:.1f} at the end."
            + (f" Missed: {'; '.join(wrong)}." if wrong else ""))


def _fuzz(found: Mapping) -> str:
    osc, midi = found["osc"], found["midi"]
    stuck = osc["notes"] + midi["notes"]
    return (f"{osc['packets']} malformed OSC packets and {midi['packets']} of random MIDI bytes (seed {osc['seed']}): {_bold(f'{stuck} notes stuck', stuck > 0)}, "
            f"{osc['restarts']} restarts; latency {osc['before']['latency_ms']:.1f} ms before, {osc['during']['latency_ms']:.1f} during, "
            f"p99 of a block {osc['before']['p99_ms']:.1f} and {osc['during']['p99_ms']:.1f} ms.")


def _splits(found: Mapping) -> str:
    different = found["samples_differing"]
    return (f"{found['minutes']:g} minutes at block splits chosen at random, against the offline render of the same log: "
            f"{found['samples_compared']} samples, {_bold(f'{different} differ', different > 0)}.")


SHOWN = {"latency": _latency, "isolation": _isolation, "faults": _faults, "dense": _dense, "fuzz": _fuzz, "splits": _splits}


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


def main() -> None:
    place_table(__doc__, "soak", table, placed)


if __name__ == "__main__":
    main()
