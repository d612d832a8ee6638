"""The transport at explicit moments: a MIDI clock's jitter comes from seeds, and nothing here waits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewave import ConfigError
from livewave.control.events import ClockMessage, Event, LinkState, MetreSet, NoteOn, Reset, SourceLost, Tap, TempoSet
from livewave.music.transport import BPM, JUMP_BEATS, Course, Transport

DAW, OTHER, OSC, LINK = "midi:DAW", "midi:Drums", "osc:127.0.0.1", "link"
JITTER_S = 0.0015


class Sender:
    """A MIDI clock: `run` sends its clocks to the transport, each a little beside its time."""

    def __init__(self, transport: Transport, at_s: float, bpm: float = 120.0, jitter_s: float = 0.0, source: str = DAW,
                 seed: int = 1) -> None:
        self.transport, self.at_s, self.bpm, self.source = transport, at_s, bpm, source
        self.jitter_s, self.chance = jitter_s, np.random.default_rng(seed)
        self.heard_s = -math.inf

    def send(self, kind: str, sixteenths: int = 0) -> None:
        """Something other than a clock, a millisecond before the next one."""
        self.transport.feed(ClockMessage(self.at_s - 0.001, self.source, kind, sixteenths))

    def run(self, clocks: int) -> Sender:
        for _ in range(clocks):
            self.heard_s = max(self.heard_s, self.at_s + self.chance.normal(0.0, self.jitter_s))
            self.transport.feed(ClockMessage(self.heard_s, self.source, "clock"))
            self.at_s += 60.0 / self.bpm / 24
        return self


def link(at_s: float, beat: float, bpm: float = 100.0, playing: bool = True, peers: int = 1) -> LinkState:
    return LinkState(at_s, LINK, beat, bpm, playing, peers)


def tapped(transport: Transport, *times_s: float) -> None:
    for at_s in times_s:
        transport.feed(Tap(at_s, OSC))


# ---- the course of the beats


@pytest.mark.parametrize("off_beats", [0.0, 0.01, -0.01, 0.24, -0.24])
@pytest.mark.parametrize("bpm", BPM)
def test_a_beat_has_one_moment_and_no_error_is_made_good_backwards(bpm: float, off_beats: float) -> None:
    course = Course(50.0, 7.0, bpm, off_beats)
    times_s = 50.0 + np.linspace(-1.0, 3.0, 400)
    beats = np.array([course.beat_at(at_s) for at_s in times_s])
    assert (np.diff(beats) > 0.0).all()
    assert [course.moment(beat) for beat in beats] == pytest.approx(list(times_s))
    assert course.beat_at(50.0) == pytest.approx(7.0 + off_beats)
    assert course.beat_at(80.0) == pytest.approx(7.0 + 30.0 * bpm / 60.0)


# ---- our own tempo


def test_the_beat_runs_at_the_tempo_it_was_given() -> None:
    transport = Transport(90.0, (3, 4))
    assert transport.beat_at(10.0) - transport.beat_at(8.0) == pytest.approx(3.0)
    assert transport.moment(transport.beat_at(10.0)) == pytest.approx(10.0)
    assert (transport.bpm, transport.metre, transport.steps_a_bar) == (90.0, (3, 4), 12)
    assert (transport.source, transport.playing, transport.jumps, transport.peers) == ("internal", True, 0, 0)


def test_a_tempo_that_changes_while_playing_bends_the_beat_and_does_not_break_it() -> None:
    transport = Transport(120.0)
    for at_s, bpm in ((3.3, 60.0), (4.1, 400.0), (9.0, 20.0)):
        before = transport.beat_at(at_s)
        transport.feed(TempoSet(at_s, OSC, bpm))
        assert transport.beat_at(at_s) == pytest.approx(before)
        assert transport.beat_at(at_s + 1.0) == pytest.approx(before + bpm / 60.0)
    assert transport.jumps == 0 and transport.take_remarks() == []


@pytest.mark.parametrize("bpm", [0.0, -120.0, 19.9, 401.0, 1_000.0, math.nan, math.inf])
def test_a_tempo_that_is_none_is_ignored_and_said_once(bpm: float) -> None:
    transport = Transport(120.0)
    for number in range(5):
        transport.feed(TempoSet(1.0 + number / 10.0, OSC, bpm))
    assert transport.bpm == 120.0
    assert transport.take_remarks() == [f"a tempo of {bpm:g} bpm is outside 20..400; it stays at 120.0"]
    assert transport.take_remarks() == []
    with pytest.raises(ConfigError, match="outside 20..400"):
        Transport(bpm)


def test_a_moment_that_is_none_changes_nothing() -> None:
    transport = Transport()
    for at_s in (math.nan, math.inf, -math.inf):
        for event in (TempoSet(at_s, OSC, 60.0), Tap(at_s, OSC), ClockMessage(at_s, DAW, "start"), link(at_s, 3.0)):
            transport.feed(event)
        transport.check(at_s)
        assert not transport.begin_bar(at_s)
    assert (transport.bpm, transport.source, transport.jumps) == (120.0, "internal", 0)


def test_other_events_are_none_of_its_business() -> None:
    transport = Transport()
    transport.feed(NoteOn(1.0, DAW, 0, 60, 100))
    assert transport.beat_at(1.0) == 2.0 and transport.take_remarks() == []


# ---- taps


def test_two_taps_are_a_tempo_and_the_last_is_on_a_beat() -> None:
    transport = Transport(120.0)
    tapped(transport, 10.1)
    assert transport.bpm == 120.0
    tapped(transport, 10.85)
    assert transport.bpm == pytest.approx(80.0)
    tapped(transport, 11.6, 12.35)
    assert transport.beat_at(12.35) == pytest.approx(round(transport.beat_at(12.35)))
    assert transport.jumps <= 1


def test_a_tap_that_was_a_little_late_moves_the_beat_without_a_jump() -> None:
    transport = Transport(120.0)
    tapped(transport, 10.0, 10.5, 11.0)
    jumps, before = transport.jumps, transport.beat_at(11.52)
    tapped(transport, 11.52)
    assert transport.jumps == jumps and transport.bpm == pytest.approx(120.0)
    assert transport.beat_at(11.52) == pytest.approx(before)
    assert transport.beat_at(12.52) == pytest.approx(round(before) + 2.0)


def test_one_tap_out_of_eight_that_misses_does_not_spoil_the_tempo() -> None:
    transport = Transport(120.0)
    tapped(transport, 1.0, 1.6, 2.2, 2.95, 3.4, 4.0, 4.6)
    assert transport.bpm == pytest.approx(100.0)


def test_after_a_pause_taps_begin_anew() -> None:
    transport = Transport(120.0)
    tapped(transport, 1.0, 1.5, 2.0, 3.1)
    assert transport.bpm == pytest.approx(120.0)
    tapped(transport, 3.9)
    assert transport.bpm == pytest.approx(75.0)


def test_a_pad_that_bounces_is_one_tap_and_the_slowest_tempo_can_be_tapped() -> None:
    transport = Transport(120.0)
    tapped(transport, 1.0, 1.01, 1.5, 1.52)
    assert transport.bpm == pytest.approx(120.0)
    tapped(transport, 100.0, 103.0)
    assert transport.bpm == pytest.approx(20.0)


# ---- bars


def test_the_first_note_begins_a_bar_and_no_step_comes_twice() -> None:
    transport = Transport(120.0)
    before = transport.beat_at(10.1)
    assert transport.begin_bar(10.1)
    first = transport.beat_at(10.1)
    assert first == math.ceil(before) and transport.position(int(4 * first)) == 0
    assert transport.next_bar(first) == first and transport.next_bar(first + 0.1) == first + 4.0
    assert transport.jumps == 1


def test_a_bar_that_begins_after_taps_begins_on_the_tapped_beat() -> None:
    transport = Transport(120.0)
    tapped(transport, 10.0, 10.5, 11.0)
    before = transport.beat_at(12.56)
    assert transport.begin_bar(12.56)
    assert transport.beat_at(12.56) == before
    assert transport.position(4 * round(before)) == 0
    assert transport.begin_bar(400.1) and transport.beat_at(400.1) % 1.0 == 0.0  # nobody knows that beat any more


def test_a_metre_changes_at_the_bar_line_and_the_beat_goes_on() -> None:
    transport = Transport(120.0)
    before = transport.beat_at(3.0)
    transport.feed(MetreSet(3.0, OSC, 3, 4))
    assert transport.beat_at(3.0) == before == 6.0 and transport.steps_a_bar == 16
    assert [transport.position(step) for step in (31, 32, 44)] == [15, 0, 0]
    assert transport.next_bar(8.5) == 11.0
    transport.check(4.0)
    assert transport.metre == (3, 4) and transport.steps_a_bar == 12 and transport.jumps == 0


def test_a_metre_that_cannot_be_counted_is_ignored_and_said() -> None:
    transport = Transport()
    transport.feed(MetreSet(1.0, OSC, 5, 4))
    assert transport.metre == (4, 4)
    assert "the metre 5/4 cannot be counted" in transport.take_remarks()[0]
    with pytest.raises(ConfigError, match="the metre 12/8"):
        Transport(120.0, (12, 8))


# ---- MIDI clock


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bpm", [60.0, 120.0, 200.0])
def test_a_second_after_the_start_the_beat_is_the_daws_and_steadier_than_its_clock(bpm: float, seed: int) -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, bpm, JITTER_S, seed=seed)
    daw.send("start")
    errors_s, tempos = [], []
    for clock in range(600):
        at_s = daw.at_s
        daw.run(1)
        errors_s.append((transport.beat_at(at_s) - clock / 24) * 60.0 / bpm)
        tempos.append(transport.bpm)
    settled = int(24 * bpm / 60)
    assert np.sqrt(np.mean(np.square(errors_s[settled:]))) < JITTER_S / 3
    assert np.sqrt(np.mean((np.array(tempos[settled:]) - bpm) ** 2)) < 0.002 * bpm
    assert transport.jumps == 1 and transport.source == DAW and transport.playing


@pytest.mark.parametrize("bpm", [60.0, 90.0, 140.0, 200.0])
def test_a_daw_that_changes_its_tempo_is_followed_within_a_beat_and_nothing_jumps(bpm: float) -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0, JITTER_S)
    daw.send("start")
    daw.run(240)
    daw.bpm = bpm
    beats = []
    for _ in range(240):
        at_s = daw.at_s
        daw.run(1)
        beats.append(transport.beat_at(at_s))
    assert (np.diff(beats) > 0.0).all() and transport.jumps == 1
    errors_s = (np.array(beats) - np.arange(240, 480) / 24) * 60.0 / bpm
    assert np.abs(errors_s[24:]).max() < 2.5 * JITTER_S
    assert transport.bpm == pytest.approx(bpm, rel=0.003)


def test_a_ramp_of_tempo_is_followed() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0, JITTER_S)
    daw.send("start")
    for clock in range(900):
        daw.bpm = min(120.0 + clock / 12, 160.0)
        at_s = daw.at_s
        daw.run(1)
        if clock > 48:
            assert transport.beat_at(at_s) == pytest.approx(clock / 24, abs=0.01)
            assert transport.bpm == pytest.approx(daw.bpm, rel=0.03)
    assert transport.jumps == 1


def test_a_start_counts_from_its_next_clock_and_a_bar_begins_there() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0).run(100)
    assert transport.begin_bar(daw.at_s) is False
    daw.send("stop")
    daw.run(31)
    daw.send("start")
    start_s = daw.at_s
    daw.run(1)
    assert transport.beat_at(start_s) == pytest.approx(0.0, abs=1e-6)
    assert transport.position(0) == 0 and transport.playing
    daw.run(95)
    assert transport.beat_at(daw.at_s) == pytest.approx(4.0) and transport.jumps == 1


def test_a_start_whose_clocks_begin_elsewhere_than_those_before_is_on_its_own_clock() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0).run(100)
    daw.at_s += 0.009
    daw.send("start")
    start_s = daw.at_s
    daw.run(24)
    assert transport.beat_at(start_s) == pytest.approx(0.0, abs=0.002)
    assert transport.beat_at(daw.at_s) == pytest.approx(1.0, abs=0.002) and transport.jumps == 1


def test_stop_stands_where_it_was_and_continue_goes_on_from_there() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0)
    daw.send("start")
    daw.run(60)
    daw.send("stop")
    assert not transport.playing
    daw.bpm = 100.0
    daw.run(200)
    assert not transport.playing and transport.bpm == pytest.approx(100.0)
    daw.send("continue")
    again_s = daw.at_s
    daw.run(12)
    assert transport.playing
    assert transport.beat_at(again_s) == pytest.approx(60 / 24, abs=1e-3)
    assert transport.beat_at(daw.at_s) == pytest.approx(72 / 24, abs=1e-3)


def test_a_song_position_is_where_continue_begins_and_a_loop_jumps_while_playing() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 120.0)
    daw.send("start")
    daw.run(50)
    daw.send("stop")
    daw.send("position", 35)
    daw.send("continue")
    here_s = daw.at_s
    daw.run(6)
    assert transport.beat_at(here_s) == pytest.approx(35 / 4) and transport.position(35) == 3
    jumps = transport.jumps
    daw.send("position", 8)
    here_s = daw.at_s
    daw.run(1)
    assert transport.beat_at(here_s) == pytest.approx(2.0) and transport.jumps == jumps + 1


def test_a_silent_stop_is_no_loss_and_a_start_without_clocks_before_it_counts() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 100.0)
    daw.send("start")
    daw.run(100)
    transport.take_remarks()
    daw.send("stop")
    transport.check(daw.at_s + 60.0)
    assert not transport.playing and transport.take_remarks() == []
    daw.at_s += 100.0
    daw.send("start")
    start_s = daw.at_s
    daw.run(48)
    assert transport.playing and transport.beat_at(daw.at_s) == pytest.approx(2.0, abs=1e-3)
    assert transport.beat_at(start_s) == pytest.approx(0.0, abs=1e-3) and transport.take_remarks() == []


def test_a_start_from_a_port_that_sends_no_clock_starts_all_the_same() -> None:
    transport = Transport(120.0)
    transport.feed(ClockMessage(10.0, DAW, "stop"))
    assert not transport.playing
    transport.feed(ClockMessage(20.0, DAW, "start"))
    transport.check(20.2)
    assert not transport.playing
    transport.check(20.4)
    assert transport.playing and transport.beat_at(21.0) == pytest.approx(2.0)


def test_clocks_without_a_start_give_the_tempo_and_leave_the_beat_going() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.013, 126.0).run(200)
    assert transport.playing and transport.jumps == 0 and transport.source == DAW
    assert transport.bpm == pytest.approx(126.0, abs=0.1)
    assert transport.beat_at(daw.at_s) * 24 == pytest.approx(round(transport.beat_at(daw.at_s) * 24), abs=1e-3)
    assert transport.take_remarks() == ["following the MIDI clock of DAW at 126.0 bpm"]


def test_a_lost_clock_keeps_its_tempo_and_is_told_once_and_comes_back() -> None:
    transport = Transport(90.0)
    daw = Sender(transport, 10.0, 123.4)
    daw.send("start")
    daw.run(240)
    transport.take_remarks()
    for wait_s in (0.2, 0.4, 0.6, 5.0):
        transport.check(daw.at_s + wait_s)
    assert transport.take_remarks() == ["the MIDI clock of DAW is lost; going on at 123.4 bpm"]
    assert transport.source == "internal" and transport.playing and transport.bpm == pytest.approx(123.4, abs=0.01)
    assert transport.beat_at(daw.at_s + 5.0) == pytest.approx(10.0 + 5.0 * 123.4 / 60.0, abs=0.01)
    transport.feed(TempoSet(daw.at_s + 5.0, OSC, 100.0))
    assert transport.bpm == 100.0
    jumps = transport.jumps
    daw.at_s += 8.0
    daw.run(48)
    assert transport.source == DAW and transport.bpm == pytest.approx(123.4, abs=0.1)
    assert transport.take_remarks() == ["following the MIDI clock of DAW at 123.4 bpm"]
    assert transport.jumps == jumps


def test_a_cable_that_is_pulled_is_a_lost_clock_and_frees_a_song_it_had_stopped() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0).run(48)
    transport.take_remarks()
    transport.feed(SourceLost(daw.at_s, OTHER))
    assert transport.source == DAW
    daw.send("stop")
    transport.feed(SourceLost(daw.at_s, DAW))
    assert transport.source == "internal" and transport.playing
    assert transport.take_remarks() == ["the MIDI clock of DAW is lost; going on at 120.0 bpm"]


def test_of_two_clocks_the_first_is_followed_until_it_is_lost() -> None:
    transport = Transport(120.0)
    daw, drums = Sender(transport, 10.0, 120.0), Sender(transport, 10.001, 90.0, source=OTHER)
    for _ in range(60):
        daw.run(1)
        drums.run(1)
        drums.at_s = daw.at_s + 0.001
    drums.send("stop")
    assert transport.playing and transport.bpm == pytest.approx(120.0, abs=0.1)
    assert transport.take_remarks() == ["the MIDI clock of Drums is not followed: that of DAW is",
                                        "following the MIDI clock of DAW at 120.0 bpm"]
    drums.at_s += 1.0
    drums.run(48)
    assert transport.source == OTHER and transport.bpm == pytest.approx(90.0, abs=0.1)


def test_the_tempo_of_a_followed_clock_is_set_there_and_that_is_said_once() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0).run(48)
    transport.take_remarks()
    for _ in range(3):
        transport.feed(TempoSet(daw.at_s, OSC, 60.0))
        tapped(transport, daw.at_s, daw.at_s + 0.2)
    assert transport.bpm == pytest.approx(120.0, abs=0.1)
    assert transport.take_remarks() == ["the tempo is that of the MIDI clock of DAW; set it there"]


@pytest.mark.parametrize("bpm", [10.0, 700.0])
def test_a_clock_outside_the_range_is_not_followed_and_the_beat_goes_on(bpm: float) -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, bpm).run(60)
    assert transport.bpm == 120.0 and transport.source == "internal" and transport.jumps == 0
    assert transport.beat_at(daw.at_s) == pytest.approx(2.0 * daw.at_s)
    assert 1 <= len(transport.take_remarks()) <= 1 + 60.0 * 60.0 / bpm / 24


def test_a_clock_whose_time_jumps_back_and_forth_moves_neither_beat_nor_tempo() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0).run(100)
    jumps = transport.jumps
    for leap_s in (1_000.0, -1_000.0, -3.0, 0.0):
        daw.at_s += leap_s
        daw.heard_s = -math.inf
        daw.run(30)
        assert transport.bpm == pytest.approx(120.0, abs=0.1)
        assert transport.beat_at(daw.at_s) == pytest.approx(2.0 * daw.at_s, abs=0.05)
    assert transport.jumps == jumps


# ---- Ableton Link


def test_a_link_session_is_joined_with_a_jump_and_then_followed_without() -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, 3.3, peers=2))
    assert (transport.source, transport.peers, transport.jumps) == ("link", 2, 1)
    assert transport.beat_at(10.0) == pytest.approx(3.3) and transport.bpm == 100.0
    assert transport.position(16) == 0
    for number in range(1, 40):
        transport.feed(link(10.0 + number / 20, 3.3 + number / 20 * 100.0 / 60.0, peers=2))
    transport.feed(link(12.0, 3.3 + 2.0 * 100.0 / 60.0, bpm=110.0, peers=2))
    assert transport.jumps == 1 and transport.bpm == 110.0
    assert transport.take_remarks() == ["following the Link session with 2 others at 100.0 bpm"]
    transport.feed(link(12.05, 17.0, bpm=110.0, peers=2))
    assert transport.jumps == 2 and transport.beat_at(12.05) == pytest.approx(17.0)


def test_link_starts_and_stops_and_alone_we_go_on() -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, 0.0, playing=False))
    assert not transport.playing
    transport.feed(link(10.05, 0.05 * 100.0 / 60.0))
    assert transport.playing
    transport.take_remarks()
    transport.feed(link(10.1, 0.1 * 100.0 / 60.0, playing=False))
    transport.feed(link(10.15, 0.15 * 100.0 / 60.0, peers=0, bpm=77.0))
    assert (transport.source, transport.peers, transport.playing, transport.bpm) == ("internal", 0, True, 100.0)
    assert transport.take_remarks() == ["the Link session is over; going on at 100.0 bpm"]


@pytest.mark.parametrize("end", [lambda transport: transport.feed(SourceLost(10.1, LINK)),
                                 lambda transport: transport.check(13.0)])
def test_a_link_that_falls_silent_is_left(end) -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, 0.0))
    end(transport)
    assert transport.source == "internal" and transport.bpm == 100.0


def test_a_tempo_set_or_tapped_in_a_link_session_is_asked_of_the_session() -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, 0.0))
    transport.feed(TempoSet(10.1, OSC, 140.0))
    assert transport.bpm == 100.0
    assert transport.take_asked_bpm() == 140.0 and transport.take_asked_bpm() is None
    tapped(transport, 10.2, 10.7)
    assert transport.bpm == 100.0 and transport.take_asked_bpm() == pytest.approx(120.0)


def test_a_midi_clock_goes_before_link_and_link_takes_over_when_it_is_lost() -> None:
    transport = Transport(120.0)
    transport.feed(link(9.99, 0.0))
    daw = Sender(transport, 10.0, 126.0).run(48)
    assert transport.source == DAW
    transport.feed(link(daw.at_s, 2.0))
    assert transport.source == DAW and transport.bpm == pytest.approx(126.0, abs=0.1)
    transport.feed(link(daw.at_s + 1.0, 40.0))
    assert transport.source == "link" and transport.bpm == 100.0
    assert transport.beat_at(daw.at_s + 1.0) == pytest.approx(40.0)


def test_a_song_that_a_daw_starts_takes_over_from_link_with_one_jump() -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, 33.0))
    joined = transport.jumps
    daw = Sender(transport, 10.04, 100.0)
    daw.send("start")
    start_s = daw.at_s
    for _ in range(48):
        transport.feed(link(daw.at_s, 33.0 + (daw.at_s - 10.0) * 100.0 / 60.0))
        daw.run(1)
    assert transport.source == DAW and transport.jumps == joined + 1
    assert transport.beat_at(start_s) == pytest.approx(0.0, abs=1e-3)


def test_a_start_after_which_the_clock_is_lost_starts_all_the_same() -> None:
    transport = Transport(120.0)
    daw = Sender(transport, 10.0, 20.0).run(48)
    daw.send("stop")
    daw.send("start")
    transport.check(daw.at_s + 0.35)
    assert not transport.playing
    transport.check(daw.at_s + 0.6)
    assert transport.playing and transport.source == "internal" and transport.bpm == pytest.approx(20.0, abs=0.01)


@pytest.mark.parametrize("bpm, beat", [(math.nan, 1.0), (900.0, 1.0), (120.0, math.inf)])
def test_a_link_session_out_of_range_is_not_followed(bpm: float, beat: float) -> None:
    transport = Transport(120.0)
    transport.feed(link(10.0, beat, bpm))
    assert transport.source == "internal" and transport.bpm == 120.0 and transport.peers == 1
    assert len(transport.take_remarks()) == 1


def test_bars_of_a_link_session_begin_at_multiples_of_their_length_after_a_change_of_metre_too() -> None:
    transport = Transport(120.0)
    transport.begin_bar(5.1)
    transport.feed(link(10.0, 13.0))
    transport.feed(MetreSet(10.0, OSC, 3, 4))
    assert transport.position(60) == 12 and transport.position(72) == 0


# ---- anything at all


_sources = st.sampled_from([DAW, OTHER])
_steps = st.one_of(
    st.tuples(st.just("clocks"), _sources, st.floats(5.0, 800.0), st.integers(1, 40)),
    st.tuples(st.sampled_from(["start", "stop", "continue", "position", "lost"]), _sources, st.integers(0, 16_383)),
    st.tuples(st.just("tempo"), st.floats()),
    st.tuples(st.just("tap")),
    st.tuples(st.just("metre"), st.integers(-3, 20), st.sampled_from([0, 2, 3, 4, 8, 16])),
    st.tuples(st.just("link"), st.floats(), st.floats(10.0, 500.0), st.booleans(), st.integers(0, 3)),
    st.tuples(st.just("bar")),
    st.tuples(st.just("check")),
)


def _events(kind: str, rest: tuple, at_s: float) -> list[Event]:
    if kind == "clocks":
        source, bpm, count = rest
        return [ClockMessage(at_s + number * 60.0 / bpm / 24, source, "clock") for number in range(count)]
    if kind == "lost":
        return [SourceLost(at_s, rest[0])]
    if kind == "tempo":
        return [TempoSet(at_s, OSC, *rest)]
    if kind == "tap":
        return [Tap(at_s, OSC)]
    if kind == "metre":
        return [MetreSet(at_s, OSC, *rest)]
    if kind == "link":
        return [LinkState(at_s, LINK, *rest)]
    return [ClockMessage(at_s, rest[0], kind, rest[1])] if rest else []


def _play(transport: Transport, now_s: float, steps: list) -> Iterator[float]:
    """Let it all happen; yields each moment at which something did."""
    for wait_s, (kind, *rest) in steps:
        now_s += wait_s
        transport.check(now_s)
        if kind == "bar":
            transport.begin_bar(now_s)
        yield now_s
        for event in _events(kind, tuple(rest), now_s):
            transport.feed(event)
            now_s = event.at_s
            yield now_s


@given(st.lists(st.tuples(st.floats(0.0, 2.0), _steps), max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_the_beat_goes_forward_between_jumps(steps: list) -> None:
    transport, beat, jumps = Transport(), 0.0, 0
    for now_s in _play(transport, 1_000.0, steps):
        before, beat = beat, transport.beat_at(now_s)
        assert beat >= before - 1e-6 or transport.jumps != jumps
        jumps = transport.jumps


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), _steps), max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_and_whenever_every_question_has_an_answer(steps: list) -> None:
    transport = Transport()
    for now_s in _play(transport, 1e5, steps):
        beat = transport.beat_at(now_s)
        assert math.isfinite(beat) and BPM[0] <= transport.bpm <= BPM[1]
        assert transport.beat_at(transport.moment(beat + 1.0)) == pytest.approx(beat + 1.0, abs=1e-3)
        assert 0 <= transport.position(math.floor(beat * 4)) < 16
        assert beat - 1e-3 <= transport.next_bar(beat) <= beat + 8.0
        assert len(transport.take_remarks()) <= 3


def test_what_is_near_is_approached_and_what_is_far_is_a_jump() -> None:
    for off_beats, jumped in ((JUMP_BEATS * 0.9, 0), (JUMP_BEATS * 1.1, 1)):
        transport = Transport(100.0)
        transport.feed(link(9.0, 9.0 * 100.0 / 60.0))
        joined = transport.jumps
        transport.feed(link(10.0, 10.0 * 100.0 / 60.0 + off_beats))
        assert transport.jumps - joined == jumped
        assert transport.beat_at(20.0) == pytest.approx(20.0 * 100.0 / 60.0 + off_beats)


def test_reset_lets_the_song_go_on_that_a_port_without_a_clock_stopped():
    transport = Transport()
    transport.feed(ClockMessage(1.0, "midi:remote", "stop"))
    assert not transport.playing
    transport.feed(Reset(2.0, "osc:host"))
    assert transport.playing
