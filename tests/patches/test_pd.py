"""The patches for Pure Data: what is in the files, and what a real Pd without a screen makes of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from livewave.control.osc_addresses import ADDRESSES
from livewave.control.osc_reports import REPORTS, STATUS
from patches.make import files
from patches.pdfile import Patch, escaped
from patches.wording import EXAMPLES, message
from tests.ports import free_port
from tests.scenario.daemon import HOST, Playing, daemon, until
from tests.scenario.hearing import await_silence
from tests.scenario.score import melody
from tests.scenario.test_live_by_osc import follows, heard

PD = Path(__file__).parents[2] / "patches" / "pd"
PATCHES = sorted(PD.glob("*.pd"))
VANILLA = set("""
    inlet outlet route list oscformat oscparse netsend loadbang del delay metro t f sel r s print + expr pack unpack makenote notein key
    bng tgl hsl hradio vu livewave
""".split())
TIMEOUT_S = 60.0
needs_pd = pytest.mark.skipif(shutil.which("pd") is None, reason="pd is not installed (apt-get install puredata-core)")


def records(path: Path) -> list[str]:
    return [" ".join(record.split()) for record in re.split(r"(?<!\\);\n", path.read_text()) if record.strip()]


def canvases(path: Path) -> list[list[str]]:
    """The boxes and cords of each canvas of a file, each canvas after those inside it."""
    open_, done = [], []
    for record in records(path):
        if record.startswith("#N canvas"):
            open_.append([])
            continue
        if record.startswith("#X restore"):
            done.append(open_.pop())
        open_[-1].append(record)
    return [*done, *open_]


def command(patch: Path, *arguments: str) -> list[str]:
    return ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", "-noprefs", "-path", str(PD), "-open", str(patch), *arguments]


def run_pd(patch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Until the patch says `; pd quit`."""
    return subprocess.run(command(patch, *arguments), capture_output=True, text=True, timeout=TIMEOUT_S)


# the files


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_only_boxes_of_vanilla_are_used_and_every_cord_has_two_ends(path):
    for canvas in canvases(path):
        boxes = [record for record in canvas if not record.startswith("#X connect")]
        for box in boxes:
            kind = box.split()
            assert kind[1] in ("obj", "msg", "text", "floatatom", "restore"), box
            assert kind[1] != "obj" or kind[4] in VANILLA, box
        for cord in (record.split() for record in canvas if record.startswith("#X connect")):
            source, target = int(cord[2]), int(cord[4])
            assert 0 <= source < len(boxes) and 0 <= target < len(boxes)
            assert not boxes[source].startswith("#X text") and not boxes[target].startswith("#X text")


def test_files_are_those_that_the_tables_make():
    made = {path: text for path, text in files().items() if path.parent == PD}
    assert {path: path.read_text(encoding="utf-8") for path in made} == made and sorted(made) == PATCHES


def test_the_help_patch_has_every_message_and_says_what_comes_back():
    text = (PD / "livewave-help.pd").read_text()
    for path, row in ADDRESSES.items():
        assert f"msg 20 {escaped(message(row))};" in re.sub(r"msg (\d+) \d+ ", r"msg \1 ", text), path
    assert "msg 200" in text and "voice/2/gain -6;" in text
    for path in set(REPORTS) - {"/livewave/note/played"}:
        assert f"{path.removeprefix('/livewave/')}:" in text
    assert "pd META" in text and all(word in text for word in ("KEYWORDS", "LICENSE", "DESCRIPTION", "INLET_0", "OUTLET_1", "AUTHOR"))


def test_examples_of_messages_are_legal():
    for path, text in EXAMPLES.items():
        values = [float(word) if re.fullmatch(r"-?[\d.]+", word) else word for word in text.split()]
        if path == "/livewave/roll":
            values = [bytes(int(value) for value in values)]
        ADDRESSES[path].fit(values)


# a real Pd


@needs_pd
@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.name)
def test_pd_opens_it_without_a_complaint(path):
    done = run_pd(path, "-send", "pd quit")
    assert done.returncode == 0 and done.stderr.strip() == "", done.stderr


def a_patch(folder: Path, port: int, then_s: float, events: list[tuple[float, str]]) -> Path:
    """Plays `events` (seconds, message), prints what comes back, and quits."""
    patch = Patch(400, 400)
    box = patch.obj(20, 300, f"livewave {HOST} {port}")
    patch.connect(box, 0, patch.obj(20, 330, "print says"))
    patch.connect(box, 1, patch.obj(120, 330, "print played"))
    began = patch.obj(20, 20, "loadbang")
    for at_s, says in events:
        wait, text = patch.obj(20, 60, f"del {1e3 * at_s:g}"), patch.msg(120, 60, says)
        patch.chain(began, wait, text, box)
    quits = patch.obj(20, 200, f"del {1e3 * then_s:g}"), patch.msg(20, 230, "; pd quit")
    patch.chain(began, *quits)
    path = folder / "plays.pd"
    patch.write(path)
    return path


@needs_pd
def test_a_melody_played_by_pd_is_followed(tmp_path):
    notes = melody(4.0)

    def play(running: Playing, path: Path) -> None:
        events = sorted([(0.5 + note.start_s, f"{note.pitch} {note.velocity}") for note in notes]
                        + [(0.5 + note.end_s - 0.002, f"{note.pitch} 0") for note in notes])
        done = run_pd(a_patch(tmp_path, running.port, 5.5, events))
        assert "error" not in done.stderr, done.stderr
        await_silence(path)

    heard(tmp_path, play, follows(notes))


@needs_pd
def test_pd_sets_knobs_asks_for_the_status_and_is_told_levels_and_what_goes_wrong(tmp_path):
    roll = bytes(8) + bytes([16]) + bytes(7)  # pitch 68
    with daemon("--audio", "null") as playing:
        events = [(0.4, "gain -12"), (0.4, "continue/density 2"), (0.5, "note/on 67 100"), (0.6, "roll " + " ".join(map(str, roll))),
                  (0.9, "status"), (1.0, "gain 99"), (1.1, "panic"), (1.2, "status")]
        said = run_pd(a_patch(tmp_path, playing.port, 1.8, events)).stderr
        status = playing.osc.status()
    assert status["gain_db"] == -12.0 and status["continue_density"] == 2.0 and status["notes"] == 0
    answers = [line.split() for line in said.splitlines() if line.startswith("says: status.reply")]
    assert [values[values.index("notes") + 1] for values in answers] == ["2", "0"]
    assert {row.name for row in STATUS} <= set(answers[0])
    assert "says: fail /livewave/gain gain:" in said
    levels = [float(line.split()[2]) for line in said.splitlines() if line.startswith("says: level")]
    assert len(levels) > 10 and max(levels) > 0.005
    assert "done /livewave/notify" not in said


@needs_pd
def test_notes_that_it_plays_on_its_own_come_out_of_the_second_outlet(tmp_path):
    with daemon("--audio", "null", "--tempo", "240") as playing:
        events = [(0.5 + 0.25 * n, f"{pitch} {velocity}") for n, (pitch, velocity) in
                  enumerate([(67, 90), (67, 0), (71, 90), (71, 0), (74, 90), (74, 0)])]
        said = run_pd(a_patch(tmp_path, playing.port, 9.0, [(0.4, "continue endless"), *events])).stderr
    played = [line.split()[1:] for line in said.splitlines() if line.startswith("played:")]
    assert len(played) > 4 and all(0 <= int(pitch) <= 127 and 0 <= int(velocity) <= 127 for pitch, velocity in played)


@needs_pd
def test_who_asked_for_blobs_is_told_them_until_the_patch_ends(tmp_path):
    with daemon("--audio", "null") as playing:
        said = run_pd(a_patch(tmp_path, playing.port, 8.0, [(1.0, "notify 2")])).stderr
    spectra = [line for line in said.splitlines() if line.startswith("says: spectrum")]
    assert len(spectra) > 80  # 20 a second; it asks again every 2 s


@needs_pd
def test_a_daemon_that_comes_later_is_found(tmp_path):
    port, said = free_port(), tmp_path / "said"
    with said.open("w") as stderr:
        waiting = subprocess.Popen(command(a_patch(tmp_path, port, 60.0, [])), stderr=stderr)
    try:
        time.sleep(3.0)  # in which it looks for somebody, and finds nobody
        with daemon("--audio", "null", "--osc", f"{HOST}:{port}"):  # the last one counts
            until(lambda: "says: level" in said.read_text(), "Pd to be told the level")
    finally:
        waiting.kill()
        waiting.wait()
