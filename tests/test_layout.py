"""The import rules of the design, read from the source: who may know whom, and what is never used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import livewave

ROOT = Path(livewave.__file__).resolve().parents[1]
STAGES = ("control", "music", "render", "sound")
ROOMS = {"hearing", "oscquery", "panel", "takes"}  # beside the signal path
BELOW = {"onnxfile"}  # what every room may stand on, and knows none of them
# stage: modules of other stages that it may import
ALLOWED = {"control": {"livewave.sound.hangs", "livewave.sound.realtime"}, "music": {"livewave.control.events"},
           "hearing": {"livewave.control.events", "livewave.music", "livewave.render.wavenet"},
           "oscquery": {"livewave.control", "livewave.web"}, "panel": {"livewave.control", "livewave.web"},
           "takes": {"livewave.control.events", "livewave.config", "livewave.link", "livewave.performer", "livewave.stage",
                     "livewave.ensemble", "livewave.voicing",
                     "livewave.music.generated", "livewave.music.clock", "livewave.render", "livewave.sound.wavfile"}}
# foreign library: the one file of livewave that imports it
HOMES = {
    "rtmidi": "control/midi.py", "jack": {"control/midi_jack.py", "sound/apart.py"},  # notes; a port for each voice
    "pythonosc": "control/osc.py",
    "websockets": "web.py", "zeroconf": "oscquery/announce.py",
    "aalink": "control/link_session.py",
    "mido": "music/midifile.py", "onnx": "onnxfile/guard.py", "onnxruntime": "onnxfile/session.py",
    "cuda": "render/cuda.py", "sounddevice": "sound/portaudio.py", "tomllib": "config.py", "tomli": "config.py",
    "typer": "__main__.py", "rich": {"__main__.py", "terminal.py"},  # bars of what is being done; the view of what plays
    "librosa": "hearing/spectra.py", "mir_eval": "hearing/agreement.py", "soundfile": "hearing/recordings.py", "soxr": "hearing/recordings.py",
    "pretty_midi": "takes/notes.py",
    "matplotlib": "hearing/figure.py", "fluidsynth": "hearing/soundfont.py",
}
NEVER_IN_LIVEWAVE = {"torch", "training", "exporters", "tests"}
NEVER = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CONTROL_SURFACE = ("livewave.sound", "livewave.daemon", "livewave.player", "livewave.performer",
                   "livewave.supervisor", "livewave.control.midi", "livewave.control.osc")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "stuff"}
PROCESSES_ONLY = {"training/parallel.py": {"joblib"}}  # it carries work to other processes, and reads no file
LIBRARIES_EVERYWHERE = {"numpy", "scipy", "livewave"}


def sources(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "__pycache__" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, as dotted names; `from a import b` gives a.b too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (name for alias in node.names for name in (node.module, f"{node.module}.{alias.name}"))


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def local(path: Path) -> str:
    return path.relative_to(ROOT / "livewave").as_posix()


def test_the_rules_have_something_to_read():
    assert len(sources("livewave")) > 25
    rooms = {local(path).split("/")[0] for path in sources("livewave") if "/" in local(path)}
    assert rooms == {*STAGES, *ROOMS, *BELOW}


@pytest.mark.parametrize("stage", [*STAGES, *ROOMS, *BELOW])
def test_a_stage_knows_nothing_beyond_itself(stage):
    """Of livewave it imports itself, what the root's __init__ defines, what is BELOW and what ALLOWED says."""
    modules = {path.stem for path in (ROOT / "livewave").glob("*.py")} | {*STAGES, *ROOMS, *BELOW}
    below = [f"livewave.{room}" for room in BELOW if stage not in BELOW]
    legal = (f"livewave.{stage}", *below, *ALLOWED.get(stage, ()))
    for path in sources(f"livewave/{stage}"):
        for name in imports(path):
            if name.startswith("livewave.") and name.split(".")[1] in modules:
                assert any(f"{name}.".startswith(f"{module}.") for module in legal), f"{local(path)} imports {name}"


def test_livewave_never_imports_what_only_training_needs():
    for path in sources("livewave"):
        for name in imports(path):
            assert name.split(".")[0] not in NEVER_IN_LIVEWAVE, f"{local(path)} imports {name}"


def test_each_foreign_library_is_imported_in_one_file():
    found: dict[str, set[str]] = {}
    for path in sources("livewave"):
        for name in imports(path):
            top = name.split(".")[0]
            if top not in LIBRARIES_EVERYWHERE and (top not in sys.stdlib_module_names or top in HOMES):
                found.setdefault(top, set()).add(local(path))
    homes = {name: home if isinstance(home, set) else {home} for name, home in HOMES.items()}
    assert {name: files for name, files in found.items() if files != homes.get(name, {"a file named in HOMES"})} == {}


def test_training_and_exporters_know_the_daemon_only_from_below():
    """They share the roll and the net with the stage, and nothing that opens a device or a port."""
    for package in ("training", "exporters"):
        for path in sources(package):
            for name in imports(path):
                assert not name.startswith(CONTROL_SURFACE), f"{path}: {name}"
            if package == "training":
                assert not any(name.split(".")[0] == "exporters" for name in imports(path))


@pytest.mark.parametrize("package", ["livewave", "training", "exporters"])
def test_nothing_is_unpickled_evaluated_or_executed(package):
    for path in sources(package):
        allowed = PROCESSES_ONLY.get(path.relative_to(ROOT).as_posix(), set())
        assert not {name.split(".")[0] for name in imports(path)} & NEVER - allowed, path
        for call in calls(path):
            where = f"{path}:{call.lineno}"
            if isinstance(call.func, ast.Name):
                assert call.func.id not in ("eval", "exec", "compile", "__import__", "globals"), where
                continue
            called, keywords = ast.unparse(call.func), {k.arg: ast.unparse(k.value) for k in call.keywords}
            assert called not in ("os.system", "os.popen"), where
            assert called not in ("joblib.load", "joblib.dump"), where
            assert called != "torch.load" or keywords.get("weights_only") == "True", where
            assert called != "np.load" or keywords.get("allow_pickle", "False") == "False", where
            assert keywords.get("shell", "False") == "False", where


@pytest.mark.parametrize("package", ["livewave", "training", "exporters"])
def test_every_file_says_what_it_is(package):
    for path in sources(package):
        module = tree(path)
        assert ast.get_docstring(module), f"{path} has no docstring"
        assert path.stem.lower() not in EMPTY_NAMES, f"{path} is named after nothing"
        if path.name != "__init__.py":
            assert "from __future__ import annotations" in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("package", ["livewave", "training", "exporters"])
def test_no_error_is_swallowed_unseen(package):
    """No bare `except:`, no handler that only passes."""
    for path in sources(package):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{path}:{node.lineno} catches everything"
                assert not all(isinstance(line, ast.Pass) for line in node.body), f"{path}:{node.lineno} passes"


def in_a_fresh_interpreter(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_importing_livewave_loads_nothing_else():
    code = "import sys; before = set(sys.modules); import livewave; print(*sorted(set(sys.modules) - before))"
    loaded = in_a_fresh_interpreter(code).split()  # an editable install's finder loads some of the standard library
    assert [name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names] == ["livewave"]


def test_the_command_line_answers_before_it_loads_numpy_a_device_or_an_engine():
    loaded = in_a_fresh_interpreter("import sys, livewave.__main__; print(*sys.modules)").split()
    heavy = {"numpy", "onnx", "onnxruntime", "sounddevice", "rtmidi", "jack", "scipy"}
    assert not [name for name in loaded if name.split(".")[0] in heavy]
    assert not [name for name in loaded if name.startswith("livewave.") and name.rpartition(".")[2].startswith("_")
                and name != "livewave.__main__"]


def test_the_audio_process_loads_neither_network_nor_terminal():
    """A busy interpreter is a late one: the player has the signal path and nothing of the control surface."""
    loaded = in_a_fresh_interpreter("import sys, livewave.player; print(*sys.modules)").split()
    for name in ("pythonosc", "rtmidi", "jack", "typer", "rich", "pretty_midi", "onnx", "onnxruntime", "scipy",
                 "livewave.daemon", "livewave.control.osc", "livewave.control.midi"):
        assert name not in loaded


def test_the_packages_docstring_is_a_map_of_every_stage():
    for stage in [*STAGES, *ROOMS, *BELOW]:
        assert f"\n{stage}/" in livewave.__doc__, stage
    folders = {path.parent.name for path in (ROOT / "livewave").glob("*/__init__.py")}
    assert folders == {*STAGES, *ROOMS, *BELOW}
