"""The whole daemon on a JACK server with the dummy driver: MIDI in by JACK, sound out by JACK."""

from __future__ import annotations

import os
import signal
import time

import pytest

from livewave.sound.realtime import NOTE_PRIORITY
from tests.bench.jack_meter import Meter, as_midi
from tests.realtime.jackd import ATTEMPTS, NoJack, end, jack_process, launch
from tests.scenario.daemon import daemon, until
from tests.scenario.hearing import RATE_HZ, following, longest_gap_s, onset, sounding_part
from tests.scenario.score import melody

pytestmark = pytest.mark.jack

IN_TUNE = 0.9
TAKES = 3  # a busy machine loses whole cycles of the graph, which allows another take
TAKE_S = 10.0
A_GAP_S = 0.003  # the melody's rests are shorter than the tails of its notes


def test_a_melody_by_jack_midi_is_followed_without_an_underrun(jack_name):
    notes = melody(TAKE_S - 1.0)
    with daemon("--audio", "default", midi="virtual") as playing:
        assert "system" in playing.lines[2] and "midi_in" in playing.lines[4]
        meter = Meter()
        for _ in range(TAKES):
            before = playing.osc.status()
            take = meter.take(as_midi(notes, RATE_HZ), TAKE_S)
            after = playing.osc.status()
            assert (after["notes"], after["refused_midi"], after["restarts"]) == (0, 0, 0)
            assert (after["rate_hz"], after["period_frames"]) == (RATE_HZ, 128)
            assert following(take.audio, notes)["frames_in_tune"] >= IN_TUNE
            assert onset(take.audio) > notes[0].start_s * RATE_HZ
            if after["underruns"] == before["underruns"] and longest_gap_s(sounding_part(take.audio)) < A_GAP_S:
                break
            assert take.lost or take.xruns, "blocks were lost, and not by the server"
        else:
            pytest.skip(f"the server lost cycles in each of {TAKES} takes: the machine is too busy to judge")
        meter.close()


def test_two_threads_of_the_control_process_go_before_ordinary_ones_and_no_others(jack_name):
    """The main one and the one that reads MIDI; JACK's own thread has the server's priority."""
    with daemon("--audio", "default", midi="virtual") as playing:
        if "real-time priority: yes" not in playing.lines[2]:
            pytest.skip("this user may have no real-time priority")
        threads = map(int, os.listdir(f"/proc/{playing.pid}/task"))
        first = [thread for thread in threads if os.sched_getparam(thread).sched_priority == NOTE_PRIORITY]
        assert len(first) == 2 and playing.pid in first
        assert {os.sched_getscheduler(thread) & 3 for thread in first} == {os.SCHED_FIFO}


def test_sound_and_held_notes_return_with_the_jack_server():
    try:
        with jack_process() as (name, server), daemon("--audio", "default", midi="virtual") as playing:
            playing.osc.send("/livewave/note", 67, 100)
            end(server)
            until(lambda: any("no sound" in line for line in playing.lines), "the daemon to notice")
            again = launch(name, ATTEMPTS[-1], 128, RATE_HZ)
            until(lambda: any("playing flute on system" in line for line in playing.lines), "sound on the new server")
            status = playing.osc.status()
            assert (status["notes"], status["restarts"]) == (1, 1) and "JACK" in status["output"]
            end(again)
    except NoJack as reason:
        pytest.skip(str(reason))


def test_a_daemon_that_plays_into_null_goes_over_to_a_jack_server_that_comes():
    try:
        with jack_process() as (name, server):
            end(server)
            with daemon("--audio", "default", midi="virtual") as playing:
                assert any("audio    null" in line for line in playing.lines)
                playing.osc.send("/livewave/note", 67, 100)
                again = launch(name, ATTEMPTS[-1], 128, RATE_HZ)
                until(lambda: any("playing flute on system" in line for line in playing.lines), "sound on the new server")
                status = playing.osc.status()
                assert (status["notes"], status["restarts"]) == (1, 0) and "JACK" in status["output"]
                end(again)
    except NoJack as reason:
        pytest.skip(str(reason))


def test_what_was_connected_by_hand_hears_the_process_that_takes_over_and_the_sound_card_does_not(jack_name):
    import jack

    mixer = jack.Client("mixer", no_start_server=True)
    mixer.inports.register("in")
    mixer.activate()

    def heard_by() -> dict[str, set[str]]:
        return {port.name: {peer.name for peer in mixer.get_all_connections(port)}
                for port in mixer.get_ports("^livewave-audio", is_audio=True)}

    def connected_again() -> bool:
        try:
            clients = {mixer.get_uuid_for_client_name(name.split(":")[0]) for name in heard_by()}
        except jack.JackError:  # one is just leaving
            return False
        return first not in clients and sorted(heard_by().values(), key=len) == [set(), {"mixer:in"}]

    with daemon("--audio", "default", midi="virtual") as playing:
        for name, peers in heard_by().items():
            for peer in peers:
                mixer.disconnect(name, peer)
        mixer.connect("livewave-audio:out_0", "mixer:in")
        first = mixer.get_uuid_for_client_name("livewave-audio")
        time.sleep(1.0)  # the connections are looked at four times a second
        os.kill(playing.audio_pid, signal.SIGKILL)
        until(connected_again, "the new process to be connected as the old one was")
        assert playing.osc.status()["restarts"] == 1
    mixer.close()
