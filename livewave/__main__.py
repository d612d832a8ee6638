"""The command line: `livewave --help`."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from livewave import ConfigError, LivewaveError, __version__
from livewave.config import ENGINES, LOG_LEVELS, limits, load_config
from livewave.logs import logging_as, say, terminal, to_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

    from livewave.config import Config
    from livewave.music.composer import Composer
    from livewave.music.manner import Manner
    from livewave.render.wavenet import Model as WaveNet

MOST_BARS = 1024  # that follow a phrase
PANEL = {None: None, True: "auto", False: "off"}  # what the flag sets

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="A neural instrument that is played live: notes in by MIDI or OSC, a WaveNet's sound out.")


def _option(flag: str, kind: type, section: str, name: str, text: str) -> Any:
    """The annotation of a flag that sets [section] name; its range and default are told from there."""
    return Annotated[Optional[kind], typer.Option(flag, help=f"{text} {limits(section, name)}")]


Model = _option("--model", str, "model", "name", "A model's name (see `livewave models`) or the path of its file.")
Engine = _option("--engine", str, "model", "engine", f"{' | '.join(ENGINES)}.")
Seed = _option("--seed", int, "model", "seed", "Same seed and notes: the same samples.")
Temperature = _option("--temperature", float, "model", "temperature", "How freely samples are drawn.")
ConfigFile = Annotated[Optional[str], typer.Option("--config", help="A TOML file; flags win over it.")]
Gain = _option("--gain", float, "audio", "gain_db", "Output level.")
Voice = Annotated[Optional[list[str]], typer.Option(
    "--voice", metavar="MODEL[:NAME=VALUE,...]",
    help="A voice of an ensemble, in the place of --model; repeatable. It may have a channel 1..16, low and high (keys it hears), transpose "
         "(semitones), gain (dB), pan -1..1, mute 0 | 1, temperature: --voice cello --voice piano:transpose=12,gain=-6,pan=0.3.")]

NET = "The net that composes: a name (see `livewave models`) or the path of its file."
FREELY = "How freely it draws notes, 0.1..2."


@app.command()
def run(
    model: Model = None, engine: Engine = None, seed: Seed = None, temperature: Temperature = None,
    config: ConfigFile = None, gain: Gain = None, voice: Voice = None,
    audio: _option("--audio", str, "audio", "output",
                   "Device (see `livewave devices`), default, null or file:PATH.wav.") = None,
    midi: _option("--midi", list[str], "control", "midi", "MIDI port by name, virtual or none; repeatable.") = None,
    osc: _option("--osc", str, "control", "osc", "HOST:PORT to listen on.") = None,
    oscquery: _option("--oscquery", str, "control", "oscquery", "Port of OSCQuery (HTTP), auto or off.") = None,
    panel: _option("--panel/--no-panel", bool, "control", "panel", "Serve the panel, a page to play and watch it in a browser.") = None,
    allow: _option("--allow", list[str], "control", "allow",
                   "Network (192.168.1.0/24) whose OSC is heard besides this machine's; repeatable.") = None,
    latency: _option("--latency", str, "audio", "latency_ms", "Sound waiting for the device: auto, or milliseconds.") = None,
    period: _option("--period", int, "audio", "period_frames",
                    "Frames the device takes at a time (JACK decides itself).") = None,
    block: _option("--block", int, "audio", "block_samples", "Samples rendered at a time; two voices' default is 64, more voices' 128.") = None,
    mode: _option("--continue", str, "continue", "mode", "Play on when you stop: off | answer | endless | duet.") = None,
    tempo: _option("--tempo", float, "tempo", "bpm", "Quarter notes a minute, until something else gives the tempo.") = None,
    metre: _option("--metre", str, "tempo", "metre", "BEATS/UNIT of a bar.") = None,
    link: _option("--link/--no-link", bool, "tempo", "link", "Take part in an Ableton Link session.") = None,
    midi_out: _option("--midi-out", str, "control", "midi_out",
                      "Where what it plays on its own goes: MIDI port by name, virtual or none.") = None,
    record: _option("--record", str, "record", "folder", "Record a take, in a folder of its own under this one.") = None,
    log_level: _option("--log-level", str, "log", "level", f"{' | '.join(LOG_LEVELS)}.") = None,
    log_file: _option("--log-file", str, "log", "file", "Log lines also go there, with time and level; rotated.") = None,
    check_config: Annotated[bool, typer.Option("--check-config", help="Check flags, file and models, and open nothing.")] = False,
) -> None:
    """The daemon: MIDI and OSC in, sound out. Ctrl-C ends it cleanly; SIGHUP reads --config again."""
    flags = {
        "model": {"name": model, "engine": engine, "seed": seed, "temperature": temperature},
        "audio": {"output": audio, "period_frames": period, "block_samples": block, "gain_db": gain,
                  "latency_ms": _milliseconds(latency)},
        "control": {"midi": midi or None, "osc": osc, "oscquery": oscquery, "panel": PANEL[panel], "allow": allow or None, "midi_out": midi_out},
        "continue": {"mode": mode}, "tempo": {"bpm": tempo, "metre": metre, "link": link},
        "log": {"level": log_level, "file": log_file}, "record": {"folder": record, "at_start": record and True},
        "voice": voice,
    }
    chosen = load_config(config, flags)
    if check_config:
        from livewave.reload import check_models

        check_models(chosen)
        print(f"configuration ok: model {chosen.title}, engine {chosen.model.engine}, audio {chosen.audio.output}, "
              f"midi {', '.join(chosen.control.midi)}, osc {chosen.control.osc}, continue {chosen.continuation.mode}")
        return
    from livewave.daemon import Daemon
    from livewave.terminal import View, is_for_eyes

    view = View(terminal()) if is_for_eyes() else None
    with logging_as(chosen.log):
        Daemon(chosen, say, (lambda: load_config(config, flags)) if config else None, view).run()


@app.command()
def render(
    midi: Annotated[str, typer.Argument(metavar="IN.mid")], wav: Annotated[str, typer.Argument(metavar="OUT.wav")],
    model: Model = None, engine: Engine = None, seed: Seed = None, temperature: Temperature = None,
    config: ConfigFile = None, gain: Gain = None, voice: Voice = None,
    stems: Annotated[Optional[str], typer.Option(metavar="DIR", help="Each voice also goes to a file of its own there.")] = None,
    rate: _option("--rate", int, "audio", "rate_hz", "Frames per second of OUT.wav; auto is 48000.") = None,
    continue_bars: Annotated[int, typer.Option(
        min=0, max=MOST_BARS, help="So many composed bars follow; the section continue of --config says how.")] = 0,
    continue_model: _option("--continue-model", str, "continue", "model", NET) = None,
    continue_temperature: _option("--continue-temperature", float, "continue", "temperature", FREELY) = None,
    coupled: Annotated[bool, typer.Option(
        "--coupled", help="An experiment: a net trained for it hears chances of what follows, not notes.")] = False,
) -> None:
    """The same performers offline."""
    from rich.progress import Progress

    from livewave.offline import render_file

    chosen = load_config(config, {"model": {"name": model, "engine": engine, "seed": seed, "temperature": temperature},
                                  "audio": {"rate_hz": rate, "gain_db": gain}, "voice": voice,
                                  "continue": {"model": continue_model, "temperature": continue_temperature, "seed": seed}})
    for flag, given in (("--coupled", coupled), ("--continue-model", continue_model), ("--continue-temperature", continue_temperature)):
        if given and not continue_bars:
            raise ConfigError(f"{flag} is about the bars that are composed; give --continue-bars too")
    with Progress(disable=not sys.stderr.isatty()) as bar:
        carried = None
        if continue_bars:
            from livewave.carry_on import carry_on
            from livewave.music.score import read_piece

            carried = carry_on(read_piece(midi), *_continuer(chosen), continue_bars, _progress(bar, "composing"))
        seconds = render_file(midi, wav, chosen, _progress(bar, wav), carried=carried, coupled=coupled, stems=stems)
    print(f"{wav}: {seconds:.1f} s" + (f", notes composed: {len(carried.notes)}" if carried else ""))


@app.command("continue")
def continue_(
    midi: Annotated[str, typer.Argument(metavar="IN.mid")], out: Annotated[str, typer.Argument(metavar="OUT.mid")],
    bars: Annotated[int, typer.Option(min=1, max=MOST_BARS, help="How many bars follow.")] = 8,
    seed: _option("--seed", int, "model", "seed", "Same seed and phrase: the same notes.") = None,
    model: _option("--model", str, "continue", "model", NET) = None,
    temperature: _option("--temperature", float, "continue", "temperature", FREELY) = None,
    density: _option("--density", float, "continue", "density", "How many notes: above 1 more than the net would, below 1 fewer, 0.25..4.") = None,
    key: _option("--key", str, "continue", "key", "off, auto (the phrase's) or a name: C, F# minor, Bbm.") = None,
    polyphony: _option("--polyphony", int, "continue", "polyphony", "Notes that may sound together, 1..16.") = None,
    low: _option("--low", int, "continue", "low", "The lowest pitch, 24..101.") = None,
    high: _option("--high", int, "continue", "high", "The highest pitch, 24..101, at least an octave up from it.") = None,
    config: ConfigFile = None,
) -> None:
    """The LSTM carries a phrase on: OUT.mid holds what IN.mid does and, on a track of its own, what follows on the bar."""
    from rich.progress import Progress

    from livewave.carry_on import continue_file

    chosen = load_config(config, {"continue": {
        "seed": seed, "model": model, "temperature": temperature, "density": density, "key": key,
        "polyphony": polyphony, "low": low, "high": high}})
    with Progress(disable=not sys.stderr.isatty()) as bar:
        carried = continue_file(midi, out, *_continuer(chosen), bars, _progress(bar, out))
    print(f"{out}: notes composed: {len(carried.notes)}, from beat {carried.begin + 1:g} on")


@app.command()
def replay(
    take: Annotated[str, typer.Argument(metavar="DIR", help="The folder of a take: audio.wav and log.jsonl.")],
    out: Annotated[Optional[str], typer.Option(metavar="FILE.wav", help="What is made again, as a file.")] = None,
    model: Annotated[Optional[list[str]], typer.Option(
        help="A model of the take, by name or file, where it is not in the model path; repeatable.")] = None,
    any_model: Annotated[bool, typer.Option("--any-model", help="Play it with another net than the one recorded.")] = False,
) -> None:
    """A recorded take is made again from its log, and compared with its audio sample by sample; exit code 1: they differ."""
    from rich.progress import Progress

    from livewave.takes.replay import replay as make_again

    with Progress(disable=not sys.stderr.isatty()) as bar:
        verdict = make_again(take, out, model or [], any_model, lambda line: print(line, file=sys.stderr), _progress(bar, take))
    print(f"{take}: {verdict}")
    if verdict.differing:
        raise typer.Exit(1)


@app.command()
def devices() -> None:
    """Audio outputs, MIDI ports, and which would be used."""
    from livewave import DeviceError
    from livewave.control.midi import list_ports
    from livewave.control.midi_out import list_targets
    from livewave.sound.device import list_outputs

    try:
        rows = list_outputs()
    except DeviceError as error:
        rows = []
        print(error)
    for row in rows:
        print(f"{'*' if row.is_default else ' '} audio {row}, {row.rate_hz} Hz, {row.channels} channels")
    if not rows:
        print("* audio null: no sound card here; file:PATH.wav writes a file")
    for port in list_ports():
        print(f"  midi  {port}")
    print("* midi  virtual: a port of ours for others to connect to")
    for port in list_targets():
        print(f"  out   {port}")
    print("* out   none: what it plays on its own goes to no MIDI port")


@app.command()
def models() -> None:
    """Shipped and found models: rate, size, what they are, their speed here; and those that continue a phrase."""
    from livewave.music.biaxialfile import list_biaxial, load_biaxial
    from livewave.music.compass import Compass
    from livewave.render.modelfile import list_models, load_model

    for name, path in list_models():
        try:
            model = load_model(name)
        except LivewaveError as error:
            print(error)
            continue
        spec, compass = model.spec, Compass.of(model.provenance)
        size_kb = sum(array.nbytes for array in model.weights.values()) >> 10
        print(f"{name}: {spec.model_rate_hz} Hz, {spec.residual_channels} channels x {spec.layers} layers, {size_kb} KiB, "
              f"pitches {compass.low}..{compass.high}, {_speed_here(model)}\n    {model.provenance.get('about', path)}")
    for name, path in list_biaxial():
        try:
            net = load_biaxial(name)
        except LivewaveError as error:
            print(error)
            continue
        size_kb = sum(array.nbytes for array in net.weights.values()) >> 10
        print(f"{name}: continues phrases, LSTM {net.spec.time_units} along time, {net.spec.note_units} along notes, "
              f"{size_kb} KiB\n    {net.provenance.get('about', path)}")


@app.command()
def bench(
    engine: Annotated[Optional[list[str]], typer.Option(help="Engines to measure; repeatable. All by default.")] = None,
    model: Annotated[Optional[list[str]], typer.Option(help="Models to measure; repeatable.")] = None,
    shape: Annotated[Optional[list[str]], typer.Option(metavar="R,S,A,L", help="A random net; repeatable.")] = None,
    block: Annotated[Optional[list[int]], typer.Option(min=1, max=4096, help="Samples; repeatable. 16, 64, 256.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=600,
        help="Wall time of each engine, instruction set and precision on each model; up to three times that for 20 "
             "blocks of each size.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list instead of a table.")] = False,
) -> None:
    """Engines x models: us a sample in blocks of 64 (without those: of the first --block), times real time (1 = just
    fast enough), p50/p99/max a block, KiB of weights that a sample reads, and the time in which one core reads as much,
    as a share of the sample's (limit). Without --model and --shape: one of each net that ships, four shapes, and a net of 48 kHz and
    16 bit. With LIVEWAVE_ISA set, native is measured on that instruction set only."""
    from rich.console import Console
    from rich.progress import Progress

    from livewave.bench import BLOCKS, load_models, model_of_shape, table, usual_models
    from livewave.bench import bench as rows_of
    from livewave.render.engine import available_engines

    nets = load_models(model or []) + [model_of_shape(text) for text in shape or []] or usual_models()
    known = available_engines()
    for name in engine or []:
        if name not in known:
            raise LivewaveError(f"no engine {name!r}; there are {', '.join(known)}")
    engines = engine or [name for name in known if name != "reference"]
    left_out: dict[str, str] = {}
    rows = []
    for net in nets:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task(net.name, total=1.0)
            found = list(rows_of([net], engines, block or BLOCKS, seconds,
                                 lambda reason: left_out.setdefault(reason.partition(":")[0], reason),
                                 lambda done: bar.update(task, completed=done)))
        rows += found
        if found and not as_json:
            print("\n".join(table(found)), flush=True)
    if not rows:
        raise LivewaveError(f"nothing could be measured; {'; '.join(left_out.values())}")
    for reason in left_out.values():
        print(f"left out: {reason}", file=sys.stderr)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))


@app.command()
def compare(
    midi: Annotated[str, typer.Argument(metavar="IN.mid")],
    model: Annotated[Optional[list[str]], typer.Option(
        help="A model that renders IN.mid; repeatable. Without it and --take: the default one.")] = None,
    take: Annotated[Optional[list[str]], typer.Option(
        metavar="OUT.wav", help="A recording of IN.mid; repeatable. It is moved to where the notes are.")] = None,
    played_by: Annotated[Optional[str], typer.Option(
        metavar="MODEL|FILE.sf2|FILE.wav", help="Who plays the conditioning. By default a plain tone.")] = None,
    program: Annotated[Optional[int], typer.Option(
        min=0, max=127, help="Of the SoundFont: General MIDI, counted from 0; by default 14, chimes.")] = None,
    figure: Annotated[Optional[str], typer.Option(metavar="FILE.png", help="IN-compare.png by default.")] = None,
    json_file: Annotated[Optional[str], typer.Option("--json", metavar="FILE", help="The scores as JSON.")] = None,
    engine: Engine = None, seed: Seed = None, temperature: Temperature = None, config: ConfigFile = None,
    gain: Gain = None,
) -> None:
    """Draws takes, their conditioning (the same notes on another instrument) and the notes as peak-frequency
    spectrograms, Figure 3 of the paper, and scores them. Needs the extra `compare`."""
    from rich.progress import Progress

    from livewave.compare import check_outputs, table
    from livewave.compare import compare as compare_takes

    chosen = load_config(config, {"model": {"engine": engine, "seed": seed, "temperature": temperature},
                                  "audio": {"gain_db": gain}})
    models = model or ([] if take else [chosen.model.name])
    picture = figure or f"{midi.removesuffix('.midi').removesuffix('.mid')}-compare.png"
    check_outputs(*filter(None, (picture, json_file)))
    with Progress(disable=not sys.stderr.isatty()) as bar:
        tasks = {}

        def show(what: str, done: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=done)

        found = compare_takes(midi, models, take or [], played_by, program, chosen, show)
    found.save_figure(picture)
    if json_file:
        found.save_scores(json_file)
    print("\n".join([*table(found), f"{picture}: {len(found.panels) + 1} spectrograms"]))


@app.command()
def doctor(
    config: ConfigFile = None, model: Model = None,
    osc: Annotated[Optional[str], typer.Option(help="HOST:PORT to look at.")] = None,
) -> None:
    """What would keep this machine from playing well, each with its remedy."""
    from livewave.doctor import examine, report

    chosen = load_config(config, {"model": {"name": model}, "control": {"osc": osc}})
    if not report(examine(chosen), print):
        raise typer.Exit(1)


@app.command()
def status(
    osc: Annotated[Optional[str], typer.Option(help=f"HOST:PORT of the daemon. {limits('control', 'osc')}")] = None,
    config: Annotated[Optional[str], typer.Option(help="The daemon's TOML file, for its address.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object instead of a table.")] = False,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds to wait for an answer.")] = 2.0,
) -> None:
    """How a running daemon is: model, output, notes, latency, what went wrong. It is asked by OSC."""
    from livewave.ask import ask_status, table

    found = ask_status(*load_config(config, {"control": {"osc": osc}}).control.osc_address, timeout)
    print(json.dumps(found, indent=1) if as_json else "\n".join(table(found)))


@app.command()
def panel(
    osc: Annotated[Optional[str], typer.Option(help=f"HOST:PORT of the daemon. {limits('control', 'osc')}")] = None,
    host: Annotated[str, typer.Option(help="Address to serve at. Wider than this machine (0.0.0.0), the URL holds a token, and whoever "
                                           "has it may play.")] = "127.0.0.1",
    port: Annotated[Optional[int], typer.Option(min=1, max=65_535, help="Port to serve at. (default: the first from 9090 to 9099 that is free)",
                                                show_default=False)] = None,
    config: Annotated[Optional[str], typer.Option(help="The daemon's TOML file, for its address.")] = None,
    show: Annotated[Optional[bool], typer.Option("--open/--no-open", help="Open it in a browser. (default: on a screen of this machine)",
                                                 show_default=False)] = None,
    beside: Annotated[Optional[int], typer.Option(hidden=True)] = None,
) -> None:
    """A page in the browser: keys, piano roll, spectrogram, meters, controls. It plays a daemon that runs, or will."""
    from livewave.panel.server import TOKEN_VARIABLE, Panel, has_screen
    from livewave.panel.server import show as show_in_browser

    daemon = load_config(config, {"control": {"osc": osc}}).control.osc_address
    served = Panel(daemon, host, port, os.environ.get(TOKEN_VARIABLE, ""))
    print(f"panel    {served.url}" + ("; whoever has this address can play" if served.is_open else ""), flush=True)
    if has_screen() and not served.is_open if show is None else show:
        show_in_browser(served.url)
    served.run(beside)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def service(
    context: typer.Context,
    install: Annotated[bool, typer.Option("--install", help="Write it to ~/.config/systemd/user.")] = False,
) -> None:
    """A systemd user unit that keeps `livewave run` running; the flags that `run` is to have follow, and are checked."""
    from livewave.unit import START, unit, unit_path
    from livewave.unit import install as write

    with redirect_stdout(io.StringIO()):
        typer.main.get_command(app).commands["run"].main([*context.args, "--check-config"], "livewave run", standalone_mode=False)
    text = unit(context.args, Path.cwd())
    if not install:
        print(text, end="")
        return
    print(f"{unit_path()}: {'another one was there and is replaced' if write(text, unit_path()) else 'written'}; now type\n    {START}")


def _continuer(config: Config) -> tuple[Composer, Manner, int]:
    """Who continues a phrase, how, and its seed."""
    from livewave.music.biaxialfile import load_biaxial
    from livewave.music.composer import Composer

    chosen = config.continuation
    seed = config.model.seed if chosen.seed is None else chosen.seed
    return Composer(load_biaxial(chosen.model)), chosen.manner, seed


def _progress(bar: Progress, name: str) -> Callable[[float, float], None]:
    task = bar.add_task(name)
    return lambda done, total: bar.update(task, completed=done, total=total)


def _speed_here(model: WaveNet) -> str:
    """Of the engine that plays it, or why there is none."""
    from livewave.bench import bench

    reasons: list[str] = []
    for row in bench([model], ["auto"], 64, 0.3, reasons.append):
        how = " ".join(filter(None, (row.engine, row.isa, row.precision)))
        return f"{row.real_time_factor:.1f} x real time ({how})"
    return f"no engine here plays it ({reasons[0].removeprefix('auto: ')})"


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"livewave {__version__}")
        raise typer.Exit


def _milliseconds(text: str | None) -> float | str | None:
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise LivewaveError(f"--latency is {text!r}; it must be auto or milliseconds in 1..1000") from None


def main() -> None:
    to_terminal()
    try:
        app(standalone_mode=True)
    except LivewaveError as error:
        print(f"livewave: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
