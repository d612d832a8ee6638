"""What is wrong is said in one line that names what exists or what is legal; exit status 1, and 2 for usage."""

from __future__ import annotations

import socket
import wave
from pathlib import Path

import pytest

from livewave.render.modelfile import list_models
from tests.ports import free_port
from tests.scenario.daemon import HOST, livewave
from tests.scenario.score import write_midi
from livewave.music.score import Note

FLAGS = {  # flags of `run` -> what the line must name
    ("--audio", "nosuch"): ("nosuch", "null", "file:PATH.wav"),
    ("--audio", "file:"): ("file:", "path"),
    ("--audio", "file:/nosuch/take.wav"): ("/nosuch/take.wav", "folder"),
    ("--midi", "nosuch"): ("nosuch", "MIDI"),
    ("--model", "nosuch"): ("nosuch", "flute"),
    ("--model", "/nosuch/model.onnx"): ("/nosuch/model.onnx",),
    ("--engine", "nosuch"): ("nosuch", "auto", "native", "onnx"),
    ("--osc", "9000"): ("9000", "HOST:PORT", "1..65535"),
    ("--osc", "127.0.0.1:99999"): ("99999", "1..65535"),
    ("--osc", "no such host:9000"): ("no such host", "--osc"),
    ("--block", "8"): ("8", "16..512"),
    ("--period", "1"): ("1", "16..8192"),
    ("--temperature", "2.5"): ("2.5", "0.0..2.0"),
    ("--temperature", "nan"): ("nan", "0.0..2.0"),
    ("--gain", "13"): ("13", "-90.0..12.0"),
    ("--seed", "-1"): ("-1", "0.."),
    ("--latency", "soon"): ("soon", "auto", "1..1000"),
    ("--latency", "0"): ("0", "1.0..1000.0"),
    ("--config", "/nosuch.toml"): ("/nosuch.toml", "No such file"),
}
USAGE = [("run", "--nosuch"), ("run", "--block", "many"), ("nosuch",), ("render",), ("render", "in.mid"),
         ("bench", "--block", "0")]
CONFIGS = {
    "volume = 3\n": ("volume",),
    "[audio]\nvolume = 3\n": ("volume", "gain_db"),
    "[sound]\ngain_db = 3\n": ("sound", "[audio]"),
    "[audio]\ngain_db = 'loud'\n": ("loud", "-90.0..12.0"),
    "[control]\nmidi = [1]\n": ("midi", "virtual"),
    "[audio\n": ("not TOML",),
}
NOTES = [Note(0.0, 0.2, 72, 100)]
CORRUPT = {"empty": b"", "text": b"a piece of text", "zeros": bytes(4096), "header only": b"MThd\0\0\0\6\0\1\0\2\1\xe0"}


def assert_one_line(*arguments: str, naming: tuple[str, ...]) -> None:
    done = livewave(*arguments)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert len(lines) == 1 and lines[0].startswith("livewave: "), done.stderr
    for words in naming:
        assert words in lines[0]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_a_flag_out_of_range_is_named_with_what_is_legal(flags):
    harmless = {"--audio": "null", "--midi": "none", "--osc": f"{HOST}:{free_port()}"} | dict([flags])
    assert_one_line("run", *(part for flag in harmless.items() for part in flag), naming=FLAGS[flags])


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_usage_is_exit_status_2(arguments):
    done = livewave(*arguments)
    assert done.returncode == 2
    assert "Usage" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("text", CONFIGS, ids=repr)
def test_a_wrong_configuration_file_is_named_with_what_is_legal(tmp_path, text):
    path = tmp_path / "livewave.toml"
    path.write_text(text)
    assert_one_line("run", "--config", str(path), naming=CONFIGS[text])


def test_an_osc_port_that_is_taken_is_named_with_its_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 0))
        taken = f"{HOST}:{other.getsockname()[1]}"
        assert_one_line("run", "--audio", "null", "--midi", "none", "--osc", taken, naming=(taken, "taken", "--osc"))


@pytest.mark.parametrize("content", [*CORRUPT.values(), "half"], ids=[*CORRUPT, "half of a good one"])
def test_a_corrupt_model_is_one_line(tmp_path, content):
    path = tmp_path / "bad.onnx"
    good = Path(dict(list_models())["flute"]).read_bytes()
    path.write_bytes(good[: len(good) // 2] if content == "half" else content)
    assert_one_line("run", "--audio", "null", "--midi", "none", "--model", str(path), naming=(str(path),))


@pytest.mark.parametrize("content", [*CORRUPT.values(), "half"], ids=[*CORRUPT, "half of a good one"])
def test_a_corrupt_midi_file_is_one_line_and_leaves_no_output(tmp_path, content):
    good = write_midi(tmp_path / "good.mid", NOTES).read_bytes()
    path, out = tmp_path / "bad.mid", tmp_path / "out.wav"
    path.write_bytes(good[: len(good) // 2] if content == "half" else content)
    assert_one_line("render", str(path), str(out), naming=(str(path),))
    assert not out.exists()


def test_a_midi_file_that_is_not_there_is_one_line(tmp_path):
    assert_one_line("render", "/nosuch.mid", str(tmp_path / "out.wav"), naming=("/nosuch.mid",))


@pytest.mark.parametrize("out", ["nosuch/out.wav", "."])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path, out):
    path = write_midi(tmp_path / "in.mid", NOTES)
    assert_one_line("render", str(path), str(tmp_path / out), naming=("cannot write", "folder"))


def test_a_daemon_that_does_not_start_leaves_an_older_take_alone(tmp_path):
    path = tmp_path / "take.wav"
    path.write_bytes(b"kept")
    assert_one_line("run", "--midi", "none", "--audio", f"file:{path}", "--model", "nosuch", naming=("nosuch",))
    assert path.read_bytes() == b"kept"


def test_bench_names_the_engines_and_the_form_of_a_shape():
    assert_one_line("bench", "--engine", "nosuch", naming=("nosuch", "native", "onnx"))
    assert_one_line("bench", "--shape", "64,128", naming=("64,128", "R,S,A,L"))
    assert_one_line("bench", "--model", "nosuch", naming=("nosuch", "flute"))


def test_render_makes_a_file_of_the_rate_that_was_asked_for(tmp_path):
    path, out = write_midi(tmp_path / "in.mid", NOTES), tmp_path / "out.wav"
    done = livewave("render", str(path), str(out), "--rate", "44100")
    assert done.returncode == 0, done.stderr
    with wave.open(str(out)) as file:
        assert file.getframerate() == 44_100
    assert_one_line("render", str(path), str(out), "--rate", "1", naming=("1", "8000..192000"))
