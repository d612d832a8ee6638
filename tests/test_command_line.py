"""`livewave ...`: what each command prints, what its flags become, how it fails. tests/scenario plays `run` itself."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace

import pretty_midi
import pytest
from typer.testing import CliRunner

import livewave.daemon
import livewave.sound.device
import livewave.takes.replay
from livewave import ConfigError, DeviceError, LivewaveError, __version__
from livewave.__main__ import app, main
from livewave.carry_on import CarriedOn
from livewave.config import Config
from livewave.music.manner import RANGES, Manner
from livewave.music.score import read_piece
from livewave.sound.device import OutputRow
from livewave.takes.replay import Verdict
from tests.toys import tiny_biaxial_file, tiny_model_file


COMMANDS = ("run", "render", "continue", "devices", "models", "bench", "doctor", "compare", "status", "service", "replay", "panel")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with tiny.onnx and song.mid."""
    folder = tmp_path_factory.mktemp("cli")
    tiny_model_file(folder)
    song = pretty_midi.PrettyMIDI()
    song.instruments.append(pretty_midi.Instrument(73))
    song.instruments[0].notes = [pretty_midi.Note(90, 60, 0.0, 0.1)]
    song.write(str(folder / "song.mid"))
    return folder


def said(*arguments: str) -> str:
    """What a command that succeeds prints."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def failed(monkeypatch, capsys, *arguments: str) -> str:
    """The one line of a command that fails."""
    monkeypatch.setattr(sys, "argv", ["livewave", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    out, line = capsys.readouterr()
    assert line.startswith("livewave: ") and line.count("\n") == 1
    return line


# help, usage, version


def test_help_names_every_command():
    text = said("--help")
    for command in COMMANDS:
        assert f" {command} " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert "Usage" in said(command, "--help")


def test_version_is_the_packages():
    assert said("--version").strip() == f"livewave {__version__}"


def test_help_tells_ranges_and_defaults_as_the_configuration_has_them():
    text = " ".join(said("run", "--help").replace("│", " ").split())
    for part in ("(default flute)", "(0 or more, default 0)", "(0..2, default 0.8)", "(-90..12 dB, default 0.0)",
                 "(1..1000 ms, default auto)", "(default 127.0.0.1:9000)", "(20..400 bpm, default 120.0)", "(default 4/4)"):
        assert part in text


def test_no_command_at_all_shows_the_help():
    result = CliRunner().invoke(app, [])
    assert "render" in result.output and result.exit_code in (0, 2)  # which of them depends on click


@pytest.mark.parametrize("arguments", [
    ["sing"], ["run", "--volume", "3"], ["render"], ["render", "a.mid"], ["run", "--seed", "x"],
    ["bench", "--block", "0"],
    ["bench", "--block", "5000"], ["bench", "--seconds", "0"], ["doctor", "extra"], ["run", "--period", "1.5"],
])
def test_a_wrong_command_line_is_exit_code_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_module_runs_as_a_program():
    ended = subprocess.run([sys.executable, "-m", "livewave", "--version"], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == (f"livewave {__version__}\n", "")


def test_a_failure_is_one_line_on_stderr_and_exit_code_1(tmp_path):
    ended = subprocess.run([sys.executable, "-m", "livewave", "render", str(tmp_path / "no.mid"),
                            str(tmp_path / "out.wav")],
                           capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"livewave: no MIDI file at {tmp_path / 'no.mid'}\n"


# run


@pytest.fixture
def rereads():
    """How the daemons that `run` would have started read their configuration again."""
    return []


@pytest.fixture
def daemons(monkeypatch, rereads):
    """The configs of the daemons that `run` would have started."""
    started: list[Config] = []

    class Recorder:
        def __init__(self, config: Config, say, reread, view) -> None:
            started.append(config)
            rereads.append(reread)

        def run(self) -> None:
            """Would play."""

    monkeypatch.setattr(livewave.daemon, "Daemon", Recorder)
    return started


def test_run_without_flags_is_the_default(daemons):
    said("run")
    assert daemons == [Config()]


def test_every_flag_of_run_reaches_its_field(daemons, tmp_path):
    log = str(tmp_path / "live.log")
    said("run", "--model", "cello", "--engine", "onnx", "--seed", "5", "--temperature", "0.5", "--gain", "-3",
         "--audio", "Card", "--midi", "A", "--midi", "B", "--osc", "0.0.0.0:1234", "--latency", "12.5",
         "--allow", "10.0.0.0/8", "--allow", "192.168.1.7",
         "--period", "256", "--block", "64", "--continue", "answer", "--tempo", "90", "--metre", "3/4", "--link",
         "--panel", "--midi-out", "DAW", "--log-level", "debug", "--log-file", log, "--record", "takes")
    (config,) = daemons
    assert (config.model.name, config.model.engine) == ("cello", "onnx")
    assert (config.model.seed, config.model.temperature) == (5, 0.5)
    assert (config.audio.output, config.audio.period_frames, config.audio.block_samples) == ("Card", 256, 64)
    assert (config.audio.gain_db, config.audio.latency_ms) == (-3.0, 12.5)
    assert (config.control.midi, config.control.osc) == (("A", "B"), "0.0.0.0:1234")
    assert (config.control.allow, config.control.panel) == (("10.0.0.0/8", "192.168.1.7"), "auto")
    assert (config.continuation.mode, config.control.midi_out) == ("answer", "DAW")
    assert (config.tempo.bpm, config.tempo.metre, config.tempo.link) == (90.0, "3/4", True)
    assert (config.log.level, config.log.file) == ("debug", log)
    assert (config.record.folder, config.record.at_start) == ("takes", True)


def test_a_folder_in_the_file_is_recorded_to_when_asked_and_the_flag_means_at_once(daemons, tmp_path):
    (tmp_path / "stage.toml").write_text('[record]\nfolder = "there"\n')
    said("run", "--config", str(tmp_path / "stage.toml"))
    said("run", "--config", str(tmp_path / "stage.toml"), "--record", "here")
    assert [(config.record.folder, config.record.at_start) for config in daemons] == [("there", False), ("here", True)]


def test_flags_win_over_the_file(daemons, tmp_path):
    path = tmp_path / "live.toml"
    path.write_text('[model]\nseed = 3\ntemperature = 0.5\n[audio]\nlatency_ms = 30\n[control]\nmidi = ["Keys"]\n')
    said("run", "--config", str(path), "--seed", "4")
    (config,) = daemons
    assert (config.model.seed, config.model.temperature, config.audio.latency_ms) == (4, 0.5, 30.0)
    assert config.control.midi == ("Keys",)


def test_the_file_is_read_again_with_the_same_flags_over_it(daemons, rereads, tmp_path):
    path = tmp_path / "live.toml"
    path.write_text("[model]\nseed = 3\ntemperature = 0.5\n")
    said("run", "--config", str(path), "--seed", "4")
    path.write_text("[model]\nseed = 5\ntemperature = 0.6\n")
    again = rereads[0]()
    assert (again.model.seed, again.model.temperature) == (4, 0.6)
    path.write_text("[model\n")
    with pytest.raises(ConfigError, match="not TOML"):
        rereads[0]()


def test_without_a_file_nothing_is_read_again(daemons, rereads):
    said("run", "--seed", "4")
    assert rereads == [None]


def test_the_log_file_begins_before_the_daemon_and_keeps_why_it_ended(daemons, monkeypatch, capsys, tmp_path):
    def refuse(*_):
        raise DeviceError("no such device")

    monkeypatch.setattr(livewave.daemon, "Daemon", refuse)
    path = tmp_path / "live.log"
    assert failed(monkeypatch, capsys, "run", "--log-file", str(path)) == "livewave: no such device\n"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["level"] for line in lines] == ["info", "error", "info"]
    assert lines[1]["message"] == "no such device"


def test_a_log_file_that_cannot_be_had_is_one_line(daemons, monkeypatch, capsys, tmp_path):
    assert str(tmp_path) in failed(monkeypatch, capsys, "run", "--log-file", str(tmp_path))
    assert daemons == []


# run --check-config


def test_a_configuration_that_is_right_is_said_to_be_and_nothing_is_opened(daemons, folder, net, tmp_path):
    path, log = tmp_path / "live.toml", tmp_path / "live.log"
    path.write_text(f'[continue]\nmodel = "{net}"\nmode = "duet"\n')
    text = said("run", "--check-config", "--config", str(path), "--model", str(folder / "tiny.onnx"), "--audio", "nosuch",
                "--osc", "127.0.0.1:9123", "--log-file", str(log))
    assert text.startswith("configuration ok: ") and text.count("\n") == 1
    assert "tiny.onnx" in text and "nosuch" in text and "127.0.0.1:9123" in text and "duet" in text
    assert daemons == [] and not log.exists()


@pytest.mark.parametrize("text, words", [("[model]\ntemperature = 9\n", "0.0..2.0"), ('[model]\nname = "nowhere"\n', "nowhere"),
                                         ('[continue]\nmodel = "nowhere"\n', "nowhere"), ("[models]\n", "[models]")])
def test_a_configuration_that_is_wrong_is_one_line(daemons, monkeypatch, capsys, tmp_path, text, words):
    path = tmp_path / "live.toml"
    path.write_text(text)
    assert words in failed(monkeypatch, capsys, "run", "--check-config", "--config", str(path))


def test_a_model_that_does_not_load_is_found_by_the_check(monkeypatch, capsys, tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"broken")
    assert "broken.onnx" in failed(monkeypatch, capsys, "run", "--check-config", "--model", str(path))


def test_latency_auto_is_the_default(daemons):
    said("run", "--latency", "auto")
    assert daemons[0].audio.latency_ms is None


def test_latency_auto_wins_over_the_file(daemons, tmp_path):
    path = tmp_path / "live.toml"
    path.write_text("[audio]\nlatency_ms = 30\n")
    said("run", "--config", str(path), "--latency", "auto")
    assert daemons[0].audio.latency_ms is None


@pytest.mark.parametrize("flag, value, words", [
    ("--temperature", "3", "0.0..2.0"), ("--gain", "13", "-90.0..12.0"), ("--block", "8", "16..512"),
    ("--period", "9000", "16..8192"), ("--latency", "soon", "auto or milliseconds"),
    ("--latency", "0.5", "1.0..1000.0"), ("--latency", "nan", "1.0..1000.0"), ("--osc", "here", "HOST:PORT"),
    ("--engine", "warp", "auto, native"), ("--seed", "-1", "seed is -1"), ("--midi", "", "midi"),
    ("--config", "nowhere.toml", "nowhere.toml"), ("--model", "", "name"), ("--audio", "", "output"),
    ("--continue", "on", "off, answer, endless, duet"), ("--tempo", "0", "20.0..400.0"), ("--tempo", "1000", "20.0..400.0"),
    ("--metre", "5/4", "1/4 to 4/4"), ("--midi-out", "", "midi_out"),
    ("--log-level", "loud", "debug, info, warning, error"), ("--log-file", "", "file"),
])
def test_an_illegal_value_is_one_line_with_the_legal_range(daemons, monkeypatch, capsys, flag, value, words):
    assert words in failed(monkeypatch, capsys, "run", flag, value)
    assert daemons == []


# render


def test_render_writes_the_file_and_says_how_long_it_is(folder, tmp_path):
    wav = tmp_path / "out.wav"
    text = said("render", str(folder / "song.mid"), str(wav), "--model", str(folder / "tiny.onnx"), "--rate", "16000")
    assert text == f"{wav}: 1.1 s\n"
    assert wav.stat().st_size == 44 + 2 * 16_000 * 1.12


@pytest.mark.parametrize("flags", [["--rate", "5"], ["--model", "nowhere"], ["--engine", "warp"],
                                   ["--config", "nowhere.toml"]])
def test_render_fails_in_one_line(folder, tmp_path, monkeypatch, capsys, flags):
    failed(monkeypatch, capsys, "render", str(folder / "song.mid"), str(tmp_path / "out.wav"), *flags)


# continue


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> str:
    return str(tiny_biaxial_file(tmp_path_factory.mktemp("net")))


def test_continue_writes_the_file_and_says_what_is_in_it(folder, tmp_path, net):
    out = tmp_path / "out.mid"
    text = said("continue", str(folder / "song.mid"), str(out), "--bars", "2", "--seed", "3", "--model", net)
    piece = read_piece(out)
    assert text == f"{out}: notes composed: {len(piece.notes) - 1}, from beat 5 on\n" and len(piece.notes) > 1


def test_every_flag_of_continue_reaches_its_field(folder, tmp_path, net, monkeypatch):
    told = []

    def recorded(midi, out, composer, manner, seed, bars, progress):
        told.append((composer.name, manner, seed, bars))
        return CarriedOn(None, (), 4.0, 8.0, None)

    monkeypatch.setattr("livewave.carry_on.continue_file", recorded)
    song, out = str(folder / "song.mid"), str(tmp_path / "out.mid")
    said("continue", song, out, "--model", net)
    said("continue", song, out, "--model", net, "--bars", "5", "--seed", "7", "--temperature", "0.5", "--density", "2",
         "--key", "Bbm", "--polyphony", "3", "--low", "36", "--high", "84")
    (tmp_path / "live.toml").write_text('[model]\nseed = 9\n[continue]\ndensity = 3\nkey = "off"\n')
    said("continue", song, out, "--model", net, "--config", str(tmp_path / "live.toml"), "--key", "C")
    assert told == [("tiny", Manner(), 0, 8),
                    ("tiny", Manner(temperature=0.5, density=2.0, key="Bbm", polyphony=3, low=36, high=84), 7, 5),
                    ("tiny", Manner(density=3.0, key="C"), 9, 8)]


def test_help_of_continue_tells_the_ranges_that_hold():
    text = " ".join(said("continue", "--help").replace("│", " ").split())
    for name, (low, high, _) in RANGES.items():
        assert name == "rest_beats" or f"{low:g}..{high:g}" in text
    assert "0..2," not in text


@pytest.mark.parametrize("flags, words", [
    (["--temperature", "0"], "temperature is 0.0; it must be a number in 0.1..2.0"), (["--density", "9"], "0.25..4.0"),
    (["--polyphony", "17"], "1..16"), (["--low", "91"], "octave"), (["--high", "102"], "24..101"), (["--key", "H"], "key is 'H'"),
    (["--seed", "-1"], "seed is -1"), (["--model", "nowhere"], "nowhere"), (["--config", "nowhere.toml"], "nowhere.toml"),
])
def test_continue_fails_in_one_line(folder, tmp_path, net, monkeypatch, capsys, flags, words):
    arguments = ["continue", str(folder / "song.mid"), str(tmp_path / "out.mid"), "--model", net, *flags]
    assert words in failed(monkeypatch, capsys, *arguments)
    assert not (tmp_path / "out.mid").exists()


@pytest.mark.parametrize("arguments", [
    ["continue", "a.mid"], ["continue", "a.mid", "b.mid", "--bars", "0"], ["continue", "a.mid", "b.mid", "--bars", "1025"],
    ["render", "a.mid", "b.wav", "--continue-bars", "-1"], ["render", "a.mid", "b.wav", "--continue-bars", "1025"],
])
def test_bars_that_cannot_follow_are_exit_code_2(arguments):
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_render_carries_on_with_the_notes_that_continue_writes(folder, tmp_path, net):
    """One command, or two: the same sound. Its 5 s are the bar of the note, a composed bar and the tail."""
    song, wav = str(folder / "song.mid"), tmp_path / "out.wav"
    chosen = ["--model", str(folder / "tiny.onnx"), "--rate", "16000"]
    text = said("render", song, str(wav), *chosen, "--seed", "5", "--continue-bars", "1", "--continue-model", net)
    said("continue", song, str(tmp_path / "out.mid"), "--bars", "1", "--seed", "5", "--model", net)
    assert text == f"{wav}: 5.0 s, notes composed: {len(read_piece(tmp_path / 'out.mid').notes) - 1}\n"
    said("render", str(tmp_path / "out.mid"), str(tmp_path / "two.wav"), *chosen, "--seed", "5")
    one, two = wav.read_bytes()[44:], (tmp_path / "two.wav").read_bytes()[44:]
    common = min(len(one), len(two))
    assert common > 2 * 16_000 * 3 and one[:common] == two[:common]


def test_coupling_is_for_a_net_that_was_trained_for_it_and_for_bars_that_follow(folder, tmp_path, net):
    song, wav = str(folder / "song.mid"), str(tmp_path / "out.wav")
    chosen = ["render", song, wav, "--model", str(folder / "tiny.onnx"), "--coupled"]
    with pytest.raises(ConfigError, match="--coupled is about the bars that are composed; give --continue-bars too"):
        CliRunner().invoke(app, chosen, catch_exceptions=False)
    with pytest.raises(ConfigError, match="was not trained with soft rolls"):
        CliRunner().invoke(app, [*chosen, "--continue-bars", "1", "--continue-model", net], catch_exceptions=False)


# devices, models


def test_devices_mark_what_would_be_used(monkeypatch):
    rows = [OutputRow(0, "Card", "ALSA", 2, 48_000, False), OutputRow(1, "system", "JACK", 8, 44_100, True)]
    monkeypatch.setattr(livewave.sound.device, "list_outputs", lambda: rows)
    monkeypatch.setattr("livewave.control.midi.list_ports", lambda: ["Keys"])
    monkeypatch.setattr("livewave.control.midi_out.list_targets", lambda: ["DAW"])
    lines = said("devices").splitlines()
    assert lines[:3] == ["  audio 0 Card (ALSA), 48000 Hz, 2 channels", "* audio 1 system (JACK), 44100 Hz, 8 channels",
                         "  midi  Keys"]
    assert "virtual" in lines[3] and lines[4] == "  out   DAW"


def no_portaudio():
    raise DeviceError("no sound: PortAudio is missing")


@pytest.mark.parametrize("outputs", [list, no_portaudio])
def test_devices_without_a_sound_card_offer_null(monkeypatch, outputs):
    monkeypatch.setattr(livewave.sound.device, "list_outputs", outputs)
    monkeypatch.setattr("livewave.control.midi.list_ports", list)
    assert "* audio null" in said("devices")


def test_models_names_what_is_found_and_what_is_wrong_with_the_rest(folder, tmp_path, monkeypatch):
    (tmp_path / "tiny.onnx").write_bytes((folder / "tiny.onnx").read_bytes())
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(tmp_path))
    monkeypatch.setattr("livewave.render.modelfile.SHIPPED", tmp_path / "none")
    text = said("models")
    assert "tiny: 16000 Hz, 8 channels x 4 layers" in text and "pitches 48..83" in text and "a toy" in text
    assert "broken.onnx" in text and "not an ONNX file" in text


def test_models_names_those_that_continue_a_phrase_too(tmp_path, monkeypatch):
    (tmp_path / "continuation").mkdir()
    tiny_biaxial_file(tmp_path / "continuation")
    (tmp_path / "continuation" / "broken.onnx").write_bytes(b"broken")
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(tmp_path))
    monkeypatch.setattr("livewave.render.modelfile.list_models", list)
    text = said("models")
    assert "tiny: continues phrases, LSTM (7, 6) along time, (5, 4) along notes, " in text
    assert "broken.onnx" in text and "not an ONNX file" in text


def test_models_shows_the_pitches_that_the_instrument_plays(folder, tmp_path, monkeypatch):
    """Which need not be all that it heard."""
    from livewave.render.modelfile import load_model

    model = load_model(str(folder / "tiny.onnx"))
    provenance = {**model.provenance, "compass.low": "50", "compass.high": "80"}
    monkeypatch.setattr("livewave.render.modelfile.list_models", lambda: [("tiny", folder / "tiny.onnx")])
    monkeypatch.setattr("livewave.render.modelfile.load_model", lambda _: replace(model, provenance=provenance))
    assert "pitches 50..80" in said("models")


def test_models_says_why_nothing_plays_one(folder, tmp_path, monkeypatch):
    (tmp_path / "tiny.onnx").write_bytes((folder / "tiny.onnx").read_bytes())
    monkeypatch.setenv("LIVEWAVE_MODEL_PATH", str(tmp_path))
    monkeypatch.setenv("LIVEWAVE_ISA", "warp")
    assert "no engine here plays it (LIVEWAVE_ISA is 'warp'" in said("models")


# bench, doctor


def test_bench_prints_a_row_for_each_engine_and_model(folder):
    text = said("bench", "--model", str(folder / "tiny.onnx"), "--engine", "reference", "--engine", "onnx",
                "--seconds", "0.01", "--block", "8")
    title, head, *lines = text.splitlines()
    assert title.startswith("tiny (8/12/10, 4): us/sample of blocks of 8;") and "p50 p99 max ms of 8 " in head
    assert [line.split()[0] for line in lines if line] == ["reference", "onnx"]


def test_bench_as_json_is_a_list_of_rows():
    rows = json.loads(said("bench", "--shape", "4,4,4,2", "--shape", "5,4,4,2", "--engine", "reference",
                           "--seconds", "0.01", "--json"))
    assert [(row["engine"], row["model"], row["block"]) for row in rows] == [
        ("reference", model, block) for model in ("random 4,4,4,2", "random 5,4,4,2") for block in (16, 64, 256)]
    assert rows[0]["us_per_sample"] > 0.0


def test_bench_says_in_one_line_which_engine_it_left_out_and_why():
    ended = CliRunner().invoke(app, ["bench", "--shape", "4,4,4,2", "--shape", "5,4,4,2", "--engine", "onnx",
                                     "--engine", "reference", "--seconds", "0.01", "--json"])
    assert ended.exit_code == 0 and {row["engine"] for row in json.loads(ended.stdout)} == {"reference"}
    assert ended.stderr.startswith("left out: onnx: ") and ended.stderr.count("\n") == 1


def test_bench_that_could_measure_nothing_fails_and_says_why(monkeypatch, capsys):
    line = failed(monkeypatch, capsys, "bench", "--shape", "4,4,4,2", "--engine", "onnx", "--seconds", "0.01")
    assert "nothing could be measured" in line and "onnx: " in line


def test_bench_refuses_an_instruction_set_that_is_not_here(monkeypatch, capsys):
    monkeypatch.setenv("LIVEWAVE_ISA", "warp")
    assert "LIVEWAVE_ISA is 'warp'" in failed(monkeypatch, capsys, "bench", "--shape", "4,4,4,2")


@pytest.mark.parametrize("flags, words", [(["--engine", "warp"], "native"), (["--shape", "1,2"], "64,128,256,20"),
                                          (["--model", "nowhere"], "nowhere")])
def test_bench_fails_in_one_line(monkeypatch, capsys, flags, words):
    assert words in failed(monkeypatch, capsys, "bench", *flags)


@pytest.mark.parametrize("well, code", [(True, 0), (False, 1)])
def test_doctor_fails_when_something_stands_in_the_way(monkeypatch, well, code):
    from livewave.doctor import Finding

    monkeypatch.setattr("livewave.doctor.examine", lambda config: iter([Finding("audio output", well, "as it is")]))
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == code
    assert "audio output: as it is" in result.output


def test_an_error_that_is_no_users_fault_is_not_hidden(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("livewave.doctor.examine", broken)
    monkeypatch.setattr(sys, "argv", ["livewave", "doctor"])
    with pytest.raises(ZeroDivisionError):
        main()
    assert not issubclass(ZeroDivisionError, LivewaveError)


# panel


class Served:
    """Stands for livewave.panel.server.Panel."""

    made: list[tuple] = []

    def __init__(self, *where: object) -> None:
        self.made.append(where)
        self.url, self.is_open = "http://127.0.0.1:9090/", where[1] != "127.0.0.1"

    def run(self, beside: int | None) -> None:
        self.made.append(("run", beside))


@pytest.fixture
def served(monkeypatch) -> list[tuple]:
    monkeypatch.setattr(Served, "made", [])
    monkeypatch.setattr("livewave.panel.server.Panel", Served)
    monkeypatch.delenv("LIVEWAVE_PANEL_TOKEN", raising=False)
    return Served.made


def test_panel_says_where_it_is_and_who_can_play_there(served, tmp_path, monkeypatch):
    (tmp_path / "stage.toml").write_text('[control]\nosc = "127.0.0.1:9123"\n')
    assert said("panel", "--config", str(tmp_path / "stage.toml")) == "panel    http://127.0.0.1:9090/\n"
    monkeypatch.setenv("LIVEWAVE_PANEL_TOKEN", "sixteen_letters_or_more")
    wide = said("panel", "--osc", "127.0.0.1:9001", "--host", "0.0.0.0", "--port", "8000", "--beside", "7")
    assert "whoever has this address can play" in wide
    assert served == [(("127.0.0.1", 9123), "127.0.0.1", None, ""), ("run", None),
                      (("127.0.0.1", 9001), "0.0.0.0", 8000, "sixteen_letters_or_more"), ("run", 7)]


def test_panel_opens_a_browser_when_told_to_and_where_there_is_a_screen_unless_others_reach_it(served, monkeypatch):
    shown = []
    monkeypatch.setattr("livewave.panel.server.show", shown.append)
    monkeypatch.setattr("livewave.panel.server.has_screen", lambda: True)
    for flags, count in (([], 1), (["--no-open"], 1), (["--host", "0.0.0.0"], 1), (["--host", "0.0.0.0", "--open"], 2)):
        said("panel", *flags)
        assert len(shown) == count
    monkeypatch.setattr("livewave.panel.server.has_screen", lambda: False)
    said("panel")
    assert len(shown) == 2


def test_a_panel_that_cannot_be_had_is_one_line_with_the_remedy(monkeypatch, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = failed(monkeypatch, capsys, "panel", "--port", str(taken.getsockname()[1]))
    assert "--port" in line and "taken" in line


# status, service


def test_status_of_nobody_is_one_line_with_the_address_and_the_remedy(monkeypatch, capsys):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(probe.getsockname()[1])
    line = failed(monkeypatch, capsys, "status", "--osc", address)
    assert address in line and "livewave run" in line and "--osc" in line


def test_status_is_a_table_or_json_of_what_the_daemon_said(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("livewave.ask.ask_status", lambda *where: asked.append(where) or {"model": "flute", "notes": 3})
    path = tmp_path / "live.toml"
    path.write_text('[control]\nosc = "127.0.0.1:9123"\n')
    assert said("status", "--config", str(path)) == "model  flute\nnotes  3\n"
    assert json.loads(said("status", "--json", "--osc", "127.0.0.1:9124", "--timeout", "0.5")) == {"model": "flute", "notes": 3}
    assert asked == [("127.0.0.1", 9123, 2.0), ("127.0.0.1", 9124, 0.5)]


def test_service_prints_a_unit_with_the_flags_of_run(folder):
    text = said("service", "--model", str(folder / "tiny.onnx"), "--audio", "My Card")
    assert f'run --model {folder / "tiny.onnx"} --audio "My Card"\n' in text


@pytest.mark.parametrize("flags, words", [(["--model", "nowhere"], "nowhere"), (["--osc", "here"], "HOST:PORT")])
def test_service_refuses_flags_with_which_run_would_fail(monkeypatch, capsys, flags, words):
    assert words in failed(monkeypatch, capsys, "service", *flags)


def test_service_refuses_flags_that_run_has_not():
    assert CliRunner().invoke(app, ["service", "--volume", "3"]).exit_code == 2


def test_service_writes_the_unit_where_systemd_looks_and_says_what_to_type(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    text = said("service", "--install", "--model", str(folder / "tiny.onnx"))
    path = tmp_path / "settings" / "systemd" / "user" / "livewave.service"
    assert path.read_text() == said("service", "--model", str(folder / "tiny.onnx"))
    assert text.startswith(f"{path}: written") and "systemctl --user daemon-reload" in text and "enable --now livewave" in text
    assert "replaced" in said("service", "--install", "--model", "flute")


# replay


@pytest.mark.parametrize("verdict, status, words", [
    (Verdict(48_000, 48_000, 0, None), 0, "the same, sample for sample: 48000 of 48000 samples compared, 0 differ"),
    (Verdict(48_000, 47_000, 3, 12), 1, "not the same: 3 of 47000 samples compared differ, the first is number 12")])
def test_replay_says_whether_it_is_the_same_and_so_does_its_exit_code(monkeypatch, verdict, status, words):
    told = []

    def replay(*arguments) -> Verdict:
        told.append(arguments[:4])
        return verdict

    monkeypatch.setattr(livewave.takes.replay, "replay", replay)
    result = CliRunner().invoke(app, ["replay", "a/take", "--out", "again.wav", "--model", "x", "--model", "y.onnx", "--any-model"])
    assert (result.exit_code, result.stdout) == (status, f"a/take: {words}\n")
    assert told == [("a/take", "again.wav", ["x", "y.onnx"], True)]


def test_replay_of_what_is_no_take_is_one_clear_line(monkeypatch, capsys, tmp_path):
    assert f"there is no take in '{tmp_path}'" in failed(monkeypatch, capsys, "replay", str(tmp_path))
