"""The README's measured table, from what `tests.bench.collect` found.

    python -m tests.bench.table tests/bench/bench.json [--readme README.md] [--check]

Writes it between the two markers; with --check its exit status says whether what stands there is up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.generated import insert, place_table

BLOCK = 64  # samples; of whose rows the tables are made
LEARNING_GOAL = 3.5  # s of audio per second of one core


@dataclass(frozen=True)
class Target:
    """What the project set out to reach with a shape: the quickest of the rows that `fits` must be `met`."""

    goal: str
    shape: str
    fits: Callable[[Mapping], bool]
    met: Callable[[Mapping], bool]


def _on_cpu(*isas: str) -> Callable[[Mapping], bool]:
    return lambda row: row["engine"] == "native" and (not isas or row["isa"] in isas)


def _on_gpu(voices: int) -> Callable[[Mapping], bool]:
    return lambda row: row["engine"] == "cuda" and row["voices"] == voices


def _within(us: float) -> Callable[[Mapping], bool]:
    return lambda row: row["us_per_sample"] <= us


def _times_real_time(factor: float) -> Callable[[Mapping], bool]:
    return lambda row: row["real_time_factor"] >= factor


TARGETS = (
    Target("12 µs, one core, AVX-512", "64/128/256, 20", _on_cpu("v4", "v4vnni"), _within(12.0)),
    Target("30 µs, one core, AVX2", "64/128/256, 20", _on_cpu("v3"), _within(30.0)),
    Target("real time, one core", "64/256/256, 30", _on_cpu(), _times_real_time(1.0)),
    Target("real time at 48 kHz, one core", "32/64/128, 30", _on_cpu(), _times_real_time(1.0)),
    Target("3 x real time, GPU", "64/128/256, 20", _on_gpu(1), _times_real_time(3.0)),
    Target("64 voices in real time, GPU", "64/128/256, 20", _on_gpu(64), _times_real_time(1.0)),
    Target("p99 within half a block, GPU", "64/128/256, 20", _on_gpu(1),
           lambda row: row["p99_ms"] is not None and row["p99_ms"] <= 500.0 * row["block"] / 16_000),
)


def table(found: Mapping) -> str:
    """Markdown."""
    machine = found["machine"]
    head = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {found['date']}, by `make bench`."
    rows = [row for row in found["engines"] if row["block"] == BLOCK]
    return "\n\n".join([head, _targets(rows, found["left_out"]), _engines(rows), _others(found["others"]),
                        _quartet(found["quartet"]), _latency(found["latency"]), _follow(found["follow"]), _composing(found["composing"]),
                        _endless(found["endless"]), _learning(found["learning"])])


def placed(readme: str, text: str) -> str:
    """The README with `text` between its markers. Raises ValueError without them."""
    return insert(readme, "bench", f"\n{text}\n\n")


def _targets(rows: Sequence[Mapping], left_out: Sequence[str]) -> str:
    lines = ["| goal | model (R/S/A, layers) | reached | by |", "|---|---|---|---|"]
    for target in TARGETS:
        able = [row for row in rows if target.shape == row["shape"] and target.fits(row)]
        if not able:
            continue
        best = min(able, key=lambda row: row["us_per_sample"])
        reached = (f"{best['us_per_sample']:.1f} µs, {best['real_time_factor']:.2f} x real time, "
                   f"p99 {_ms(best['p99_ms'])} ms{'' if target.met(best) else ': **missed**'}")
        lines.append(f"| {target.goal} | {_model(best)} | {reached} | {_name(best)} |")
    return "\n".join(lines + [f"\n{line[0].upper()}{line[1:]}." for line in left_out if "cuda" in line])


def _engines(rows: Sequence[Mapping]) -> str:
    lines = ["| engine | model (R/S/A, layers) | µs a sample | × real time "
             f"| p50 / p99 / max ms of {BLOCK} samples | weights | of the memory's limit |",
             "|---|---|---|---|---|---|---|"]
    for row in _worth_showing(rows):
        weights = f"{row['weight_bytes'] / 1024:.0f} KiB" if row["weight_bytes"] else ""
        limit = f"{100 * row['bandwidth_fraction']:.0f} %" if row["bandwidth_fraction"] else ""
        lines.append(f"| {_name(row)} | {_model(row)} | {row['us_per_sample']:.1f} | {row['real_time_factor']:.2f} "
                     f"| {_ms(row['p50_ms'])} / {_ms(row['p99_ms'])} / {_ms(row['max_ms'])} | {weights} | {limit} |")
    lines.append("\nThe limit: the time in which one core reads the weights of a sample, over and over, from wherever "
                 "they stay, measured in the same run, as a share of the sample's own. All precisions, and blocks of 16 and "
                 "256: `livewave bench`.")
    return "\n".join(lines)


def _worth_showing(rows: Sequence[Mapping]) -> list[Mapping]:
    """The quickest precision of each instruction set; of a net of random weights only AVX2's and the quickest of all.
    What plays one model stands together."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    shown = []
    for row in sorted(rows, key=lambda row: models.index(row["model"])):
        rivals = [other for other in rows if all(other[key] == row[key] for key in ("engine", "model", "voices"))]
        if row["isa"] == "v3" or not row["model"].startswith("random"):
            rivals = [other for other in rivals if other["isa"] == row["isa"]]
        if row is min(rivals, key=lambda other: other["us_per_sample"]):
            shown.append(row)
    return shown


def _others(found: Mapping) -> str:
    lines = ["| beside others, one thread, in one run | model (R/S/A, layers) | µs a sample | × slower than livewave |",
             "|---|---|---|---|"]
    for row in found["rows"]:
        residual, skip, out, layers = row["shape"].split(",")
        name = f"{row['name']} ({row['about']})" if row["about"] else row["name"]
        lines.append(f"| {name} | {residual}/{skip}/{out}, {layers} | {row['us_per_sample']:.1f} "
                     f"| {row['times_slower']:.1f} |")
    return "\n".join(lines + [f"\nLeft out: {line}." for line in found["left_out"]])


def _quartet(found: Mapping) -> str:
    live, count = found["live"], found["voices"]
    rows = {"one thread": found["one_thread"], f"a thread on each of {found['cores']} cores": found["crew"]}
    lines = [f"| {count} voices of {found['model']}, blocks of {found['block']} | of real time | p50 / p99 ms, {1e3 * found['block'] / 16_000:.0f} are there |",
             "|---|---|---|"]
    lines += [f"| {what} | {100 * row['load']:.0f} % | {_ms(row['p50_ms'])} / {_ms(row['p99_ms'])} |" for what, row in rows.items()]
    moved = "" if live["block"] == found["block"] else f" (in blocks of {live['block']}, to which it went)"
    lines.append(f"\nPlayed live for {live['seconds']:.0f} s: {100 * live['load']:.0f} % of real time{moved}, {live['underruns']} underruns "
                 f"({live['underruns_while_settling']} in the 12 s before, while it settled), latency {live['latency_ms']:.1f} ms. `python -m tests.bench.quartet --voices {count} --block {found['block']}`."
                 + (f" {found['remark']}." if "remark" in found else ""))
    return "\n".join(lines)


def _ms(took: float | None) -> str:
    """Too few blocks have no p99."""
    return "-" if took is None else f"{took:.2f}"


def _name(row: Mapping) -> str:
    voices = f"{row['voices']} voices" if row["voices"] > 1 else ""
    return " ".join(filter(None, (row["engine"], row["isa"], row["precision"], voices)))


def _model(row: Mapping) -> str:
    """A random net is named by its shape, and by what else tells it from others of that shape."""
    name, shape = row["model"], row["shape"]
    if not name.startswith("random"):
        return f"{name} ({shape})"
    rest = name.removeprefix("random ")
    return shape if rest.replace(",", "/", 2).replace(",", ", ") == shape else f"{rest} ({shape})"


def _latency(found: Mapping | str) -> str:
    if isinstance(found, str):
        return f"Latency: {found}."
    rows = [("first sound", found["onset_ms"]), ("within 20 dB of the note's level", found["to_level_ms"])]
    how = f"{found['rate_hz']} Hz, period {found['period_frames']}, {found['measured']} notes"
    lines = [f"| note-on by JACK MIDI to ({how}) | median | p99 | sd |", "|---|---|---|---|"]
    lines += [f"| {what} | {row['median']:.1f} ms | {row['p99']:.1f} ms | {row['sd']:.2f} ms |" for what, row in rows]
    soak = found["soak"]
    if soak:
        lines.append(f"\nA melody of {soak['seconds']:.0f} s there: {soak['underruns']} underruns, "
                     f"{100 * soak['frames_in_tune']:.1f} % of frames within 50 cents (take {soak['takes']}: one in which the "
                     f"server itself loses cycles is repeated, twice at most; it lost {soak['lost_cycles']} in this one). "
                     f"`python -m tests.bench.latency --notes {found['notes']} --soak {soak['seconds']:.0f}`.")
    if "remark" in found:
        lines.append(f"\n{found['remark']}.")
    return "\n".join(lines)


def _follow(found: Mapping) -> str:
    ways = {"osc": "live, by OSC into `--audio file:`", "render": "`livewave render`"}
    lines = ["| the notes are followed | line: frames within 50 cents | chords: notes that stand out |",
             "|---|---|---|"]
    lines += [f"| {text} | {100 * found[way]['frames_in_tune']:.1f} % | {100 * found[way]['chord_recall']:.1f} % |"
              for way, text in ways.items()]
    return "\n".join(lines)


def _composing(found: Mapping) -> str:
    goal, goal_p99 = found["goal_ms"], found["goal_p99_ms"]
    lines = ["| a sixteenth composed, one thread, in one run | LSTMs along time / notes | median | p99 | × slower |",
             "|---|---|---|---|---|"]
    first, missed = found["rows"][0]["median_ms"], []
    for row in found["rows"]:
        lines.append(f"| {row['name']} | {row['shape']} | {row['median_ms']:.1f} ms | {row['p99_ms']:.1f} ms "
                     f"| {row['median_ms'] / first:.1f} |")
        if "ONNX Runtime" in row["name"] and (row["median_ms"] > goal or row["p99_ms"] > goal_p99):
            missed.append(row["name"])
    what = f": **missed** by {' and '.join(missed)}" if missed else ""
    return "\n".join([*lines, f"\nThe goal is {goal:g} ms, and {goal_p99:g} ms in 99 of 100{what}. At 120 bpm a sixteenth lasts 125 ms."])


def _endless(found: Mapping) -> str:
    first, last = (found["fifths"]["in_own_key"][place] for place in (0, -1))
    return (f"{found['minutes']:g} minutes of endless play at real pace, {found['bpm']:g} bpm: {found['notes_played']} notes, "
            f"blocks lost by underruns: {found['underruns']}{_stalls(found)}; {found['never_let_go'] + found['held_at_the_end']} notes stuck, at most {found['most_notes']} "
            f"at once ({found['notes']:.2f} on average), the longest silence {found['longest_silence']} sixteenths; "
            f"{100 * first:.0f} % of the first fifth in one key, {100 * last:.0f} % of the last. While the sound went on, "
            f"a sixteenth took {found['step_p50_ms']:.1f} ms, p99 {found['step_p99_ms']:.1f}. "
            f"`python -m tests.bench.endless --minutes {found['minutes']:g}{' --stalls' * ('machine_stalls' in found)}{_as_typed(found.get('flags'))}`."
            + (f"\n\n{found['remark']}." if "remark" in found else ""))


def _stalls(found: Mapping) -> str:
    return (f"; moments of that in which the machine itself had not stood still: {found['underruns_of_ours']} "
            f"(it did {found['machine_stalls']} times, for {found['longest_stall_ms']:g} ms at most)") if "machine_stalls" in found else ""


def _as_typed(flags: Sequence[str] | None) -> str:
    return f' --daemon "{" ".join(flags)}"' if flags else ""


def _learning(found: Mapping) -> str:
    lines = [f"| training, one core, {found['shape']} | s of audio a second | × slower than livewave |", "|---|---|---|"]
    lines += [f"| {row['name']} | {row['audio_s_per_s']:.2f} | {row['times_slower']:.1f} |" for row in found["rows"]]
    ours = found["rows"][0]["audio_s_per_s"]
    missed = "" if ours >= LEARNING_GOAL else f": **missed**, {ours:.2f}"
    lines.append(f"\nWhole steps in one run, median. The goal is {LEARNING_GOAL:g} s of audio a second{missed}.")
    return "\n".join(lines + [f"\nLeft out: {line}." for line in found["left_out"]])


def main() -> None:
    place_table(__doc__, "bench", table, placed)


if __name__ == "__main__":
    main()
