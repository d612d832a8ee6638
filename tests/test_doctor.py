from __future__ import annotations

import os
import resource
import socket
from dataclasses import replace

import pytest

import livewave.doctor
from livewave import DeviceError, EngineUnavailable
from livewave.bench import Timing
from livewave.config import Config, make_config
from livewave.doctor import Finding, examine, report
from livewave.render.native import isas
from livewave.sound.device import OutputRow
from tests.ports import free_port
from tests.toys import tiny_model_file

CARD = OutputRow(3, "Gadget", "ALSA", 2, 44_100, True)
BLOCK_MS = 2.0  # of the usual 32 samples at 16 kHz


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which all is well; what a test changes is what is wrong. Its config, whose OSC port is free."""
    governor = tmp_path / "governor"
    governor.write_text("performance\n")
    monkeypatch.setattr(livewave.doctor, "GOVERNOR", governor)
    monkeypatch.setattr(livewave.doctor, "default_output", lambda: CARD)
    monkeypatch.setattr(livewave.doctor, "list_ports", lambda: ["Keys", "Pads"])
    take(monkeypatch, 0.3)
    monkeypatch.setattr(livewave.doctor, "ask_for_priority", lambda priority: "yes")
    monkeypatch.setattr(livewave.doctor, "lock_memory", lambda: "yes")
    monkeypatch.setattr(livewave.doctor, "SWAPS", tmp_path / "swaps")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 9.0, 9.0))
    return make_config({"model": {"name": str(tiny_model_file(tmp_path))},
                        "control": {"osc": f"127.0.0.1:{free_port()}"}})


def take(monkeypatch: pytest.MonkeyPatch, block_ms: float) -> None:
    """Let every engine take so long for a block."""
    monkeypatch.setattr(livewave.doctor, "take_turns", lambda *_: [Timing({32: [block_ms] * 9}, [])])


def finding(config: Config, what: str) -> Finding:
    (found,) = [finding for finding in examine(config) if finding.what == what]
    return found


def test_a_machine_on_which_all_is_well_needs_no_remedy(machine):
    findings = list(examine(machine))
    assert len(findings) >= 11
    assert all(finding.ok is True and not finding.remedy for finding in findings)


def test_the_sound_card_is_named(machine):
    assert finding(machine, "audio output").found == "3 Gadget (ALSA), 44100 Hz"


def no_portaudio():
    raise DeviceError("no sound: PortAudio is missing; apt-get install libportaudio2")


@pytest.mark.parametrize("output, words", [(lambda: None, "no sound card"), (no_portaudio, "libportaudio2")])
def test_no_sound_is_a_problem_with_a_remedy(machine, monkeypatch, output, words):
    monkeypatch.setattr(livewave.doctor, "default_output", output)
    found = finding(machine, "audio output")
    assert found.ok is False and words in found.found and found.remedy


def test_no_midi_port_can_be_better(machine, monkeypatch):
    monkeypatch.setattr(livewave.doctor, "list_ports", list)
    found = finding(machine, "MIDI ports")
    assert found.ok is None and found.remedy


def test_an_osc_port_that_is_taken_is_a_problem(machine):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(machine.control.osc_address)
        found = finding(machine, "OSC port")
    assert found.ok is False and machine.control.osc in found.found and "--osc" in found.remedy
    assert finding(machine, "OSC port").ok is True


def test_an_osc_port_that_others_reach_and_nobody_may_send_to_is_a_problem(machine):
    wide = replace(machine.control, osc="0.0.0.0:9000")
    found = finding(replace(machine, control=wide), "OSC port")
    assert found.ok is False and "other machines" in found.found and "--allow" in found.remedy


@pytest.mark.parametrize("osc", ["ä..b:9000", "a\0b:9000", "::1:9000"])
def test_an_osc_host_that_is_none_is_a_problem(machine, osc):
    assert finding(replace(machine, control=replace(machine.control, osc=osc)), "OSC port").ok is False


@pytest.mark.parametrize("what, asks, remedy", [("real-time priority", "ask_for_priority", "rtprio"),
                                                ("memory locking", "lock_memory", "memlock")])
@pytest.mark.parametrize("answer, ok, text", [("yes", True, "allowed"), ("yes (by rtkit)", True, "allowed (by rtkit)"),
                                              ("no (not permitted; rtkit: no answer)", None, "refused (not permitted; rtkit: no answer)")])
def test_what_the_system_refuses_can_be_better(machine, monkeypatch, what, asks, remedy, answer, ok, text):
    monkeypatch.setattr(livewave.doctor, asks, lambda *_: answer)
    found = finding(machine, what)
    assert (found.ok, found.found) == (ok, text)
    assert remedy in found.remedy if ok is None else found.remedy == ""


def test_what_is_asked_of_the_system_is_asked_in_a_child(machine, monkeypatch):
    """This process keeps its priority and its memory as they are; what befalls the child is told."""
    monkeypatch.setattr(livewave.doctor, "ask_for_priority", lambda priority: f"yes ({os.getpid()}, {priority})")
    monkeypatch.setattr(livewave.doctor, "lock_memory", lambda: 1 / 0)
    found = finding(machine, "real-time priority").found
    assert found.endswith(", 60)") and str(os.getpid()) not in found
    assert finding(machine, "memory locking").found == "refused (ZeroDivisionError('division by zero'))"
    monkeypatch.setattr(livewave.doctor, "lock_memory", lambda: os._exit(3))
    assert finding(machine, "memory locking").found == "refused (it ended)"


def test_the_audio_process_is_asked_for_what_it_will_ask_for(machine, monkeypatch):
    """The real questions, whatever this machine answers: both have an answer, and nothing stays."""
    monkeypatch.undo()
    before = os.sched_getscheduler(0), resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for finding in (livewave.doctor._priority(machine), livewave.doctor._memory(machine)):
        assert finding.found.startswith(("allowed", "refused ("))
        assert bool(finding.remedy) is (finding.ok is None)
    assert before == (os.sched_getscheduler(0), resource.getrlimit(resource.RLIMIT_MEMLOCK))


def test_swap_that_is_in_use_can_be_better(machine):
    rows = ["/dev/sda2 partition 2097148 {} -2", "/swapfile file 1048576 0 -3"]
    for used_kb, ok, text in ((0, True, "0 of 3071 MiB in use"), (524_288, None, "512 of 3071 MiB in use")):
        livewave.doctor.SWAPS.write_text("\n".join(["Filename Type Size Used Priority", *rows]).format(used_kb) + "\n")
        found = finding(machine, "swap")
        assert (found.ok, found.found, bool(found.remedy)) == (ok, text, ok is None)
    livewave.doctor.SWAPS.write_text("Filename Type Size Used Priority\n")
    assert finding(machine, "swap").found == "none"


@pytest.mark.parametrize("cores, load, ok", [(1, 0.0, None), (2, 0.9, True), (2, 1.1, None), (8, 6.5, True), (8, 7.5, None)])
def test_cores_that_others_keep_busy_can_be_better(machine, monkeypatch, cores, load, ok):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    found = finding(machine, "cores")
    assert found.ok is ok and bool(found.remedy) is (ok is None)
    assert found.found.startswith(f"{cores} for livewave, {load:.1f} busy")


def test_what_is_done_about_the_garbage_collector_is_said(machine):
    assert finding(machine, "garbage collector").ok is True


def test_a_governor_that_saves_power_can_be_better(machine):
    livewave.doctor.GOVERNOR.write_text("powersave\n")
    found = finding(machine, "CPU governor")
    assert (found.ok, found.found) == (None, "powersave") and found.remedy
    livewave.doctor.GOVERNOR.unlink()
    assert finding(machine, "CPU governor").ok is True


@pytest.mark.parametrize("factor, ok", [(6.0, True), (1.5, None), (0.7, False)])
def test_an_engine_must_leave_room(machine, monkeypatch, factor, ok):
    take(monkeypatch, BLOCK_MS / factor)
    found = finding(machine, "engine")
    assert found.ok is ok and bool(found.remedy) == (ok is not True)
    assert f"{100 / factor:.0f} % of real time" in found.found


def test_the_engine_measured_is_the_one_that_would_play(machine):
    chosen = replace(machine, model=replace(machine.model, engine="native"))
    assert livewave.doctor._engine(chosen).found.startswith(f"native {isas()[-1]} ")
    chosen = replace(machine, model=replace(machine.model, engine="reference"))
    assert livewave.doctor._engine(chosen).found.startswith("reference: ")


def test_an_engine_is_measured_in_blocks_as_it_plays(machine, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(livewave.doctor, "BENCH_S", 0.01)
    found = livewave.doctor._engine(replace(machine, audio=replace(machine.audio, block_samples=48)))
    assert "ms a block of 48" in found.found


def test_an_engine_or_model_that_is_missing_is_a_problem(machine, monkeypatch):
    found = finding(replace(machine, model=replace(machine.model, name="nowhere")), "engine")
    assert found.ok is False and "nowhere" in found.found

    def unavailable(*_):
        raise EngineUnavailable("no engine can play here")

    monkeypatch.setattr(livewave.doctor, "open_engine", unavailable)
    found = finding(machine, "engine")
    assert found.ok is False and "no engine can play here" in found.found


def test_the_report_says_everything_and_whether_it_is_well():
    lines = []
    fine, better = Finding("a", True, "one"), Finding("b", None, "two", "do this")
    bad = Finding("c", False, "three", "do that")
    assert report(iter([fine, better]), lines.append) is True
    assert report(iter([bad, fine]), lines.append) is False
    text = "\n".join(lines)
    for words in ("ok              a: one", "could be better b: two", "-> do this", "problem         c: three",
                  "-> do that"):
        assert words in text
