"""Malformed OSC packets and random MIDI bytes at a daemon that plays, and what becomes of it.

    python -m tests.soak.fuzz [--packets 100000] [--seed 0] [--per-s 2000] [--minutes 0]

Prints JSON. `osc`: the packets are sent at that pace while a melody is played; latency and the time that a block takes are
those that the daemon tells of itself, before, during and after. `midi`: packets through the parser, the queue and the
ledger, in this process. `jack`: packets to the daemon's port on a JACK server, where one can run. With --minutes all of it is
done again with the next seed until the time is over.

No stuck note means: when every key that may have been struck was let go as often, every pedal lifted and every roll
emptied, as a player would, nothing sounds, and nobody had to call panic.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from pythonosc.osc_message_builder import build_msg

from livewave.control.complaints import Complaints
from livewave.control.events import EventQueue
from livewave.control.midi_bytes import MidiBytes
from livewave.control.osc_schedule import LONGEST_S
from livewave.link import RECORD, Command, Order
from livewave.music.compass import Compass
from livewave.orders import Orders
from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import PATIENCE_S, Osc, Playing, daemon, until
from tests.scenario.score import melody
from tests.soak.asking import status_of
from tests.soak.mutants import midi_packets, osc_packets

PER_S = 2_000
TICK_S = 0.002
ASK_S = 0.25
CALM_S = 5.0  # before and after, of the same playing
LET_GO_EACH_S = 2_000
MOST_ROUNDS = 400  # of letting every key go once
PORT = r"^livewave[^:]*:midi_in$"
QUIET = logging.Logger("fuzz", logging.CRITICAL)
PROGRAMS = range(0xC0, 0xD0)
SUSTAIN, SOSTENUTO, ALL_NOTES_OFF = 64, 66, 123


@dataclass(frozen=True, slots=True)
class Told:
    """What the daemon told of itself over a while: medians, the highest of its p99, and underruns meanwhile.

    answered, longest_ms  how many questions for it, and how long the longest answer took
    """

    answered: int
    longest_ms: float
    latency_ms: float
    p99_ms: float
    highest_p99_ms: float
    underruns: int


class Asker(threading.Thread):
    """Asks for the status again and again, until it is asked what it heard."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port, self._enough = port, threading.Event()
        self._heard: list[dict] = []
        self._longest_s = 0.0
        self.start()

    def run(self) -> None:
        while not self._heard or not self._enough.wait(ASK_S):
            began_s = time.monotonic()
            try:
                self._heard.append(status_of(self._port))
            except TimeoutError:
                return
            self._longest_s = max(self._longest_s, time.monotonic() - began_s)

    def told(self) -> Told:
        self._enough.set()
        self.join()
        assert self._heard, f"the daemon gave no answer for {PATIENCE_S:g} s"
        latency, p99 = (sorted(status[name] for status in self._heard) for name in ("latency_ms", "p99_ms"))
        counts = [status["underruns"] for status in self._heard]
        middle = len(latency) // 2
        return Told(len(latency), round(1e3 * self._longest_s, 1), round(latency[middle], 2), round(p99[middle], 2), round(p99[-1], 2), counts[-1] - counts[0])


class Melody(threading.Thread):
    """Plays on and on, so that there is something to be late with."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._osc, self._enough = Osc(port), threading.Event()
        self.start()

    def run(self) -> None:
        while True:
            for note in melody():
                for velocity in (note.velocity, 0):
                    self._osc.send("/livewave/note", note.pitch, velocity)
                    if self._enough.wait((note.end_s - note.start_s) / 2 if velocity else 0.02):
                        return

    def close(self) -> None:
        self._enough.set()
        self.join()
        self._osc.close()


def fuzz_osc(seed: int, packets: int, per_s: float = PER_S, calm_s: float = CALM_S) -> dict[str, object]:
    """The report of a daemon that was sent `packets` of that seed. Raises AssertionError where it ended badly."""
    with daemon("--audio", "null") as playing:
        tune = Melody(playing.port)
        before = _calm(playing, calm_s)
        asker = Asker(playing.port)
        send(playing.osc, osc_packets(seed, packets, time.time()), per_s)
        time.sleep(2 * ASK_S)
        during = asker.told()
        _calm_down(playing)
        after = _calm(playing, max(calm_s, LONGEST_S))  # what bundles still have to do is done, and not cleared
        tune.close()
        _calm_down(playing)  # once more: a bundle may have been about it
        rounds = let_go_by_osc(playing)
        last = status_of(playing.port)
    failed = [line for line in playing.lines if line.startswith("the continuation failed")]
    return {"packets": packets, "seed": seed, "per_s": per_s, "continuation_failed": failed, "before": asdict(before), "during": asdict(during),
            "after": asdict(after), "let_go_rounds": rounds,
            **{name: last[name] for name in ("notes", "restarts", "faults", "continue_faults", "late", "refused_osc", "limited", "missed", "dropped", "stuck")}}


def _calm(playing: Playing, seconds: float) -> Told:
    asker = Asker(playing.port)
    time.sleep(seconds)
    return asker.told()


def _calm_down(playing: Playing) -> None:
    """Nothing of its own, and no word of every message."""
    playing.osc.send("/livewave/continue", "off")
    playing.osc.send("/livewave/dumpOSC", 0)


def send(osc: Osc, packets: Iterator[bytes], per_s: float) -> None:
    """At an even pace."""
    began_s = time.monotonic()
    for number, packet in enumerate(packets):
        while number > (time.monotonic() - began_s) * per_s:
            time.sleep(TICK_S)
        osc.send_raw(packet)


def let_go_by_osc(playing: Playing) -> int:
    """Let every key go, once a round, until nothing sounds; how many rounds that took."""
    playing.osc.send("/livewave/roll", bytes(16))
    playing.osc.send("/livewave/sustain", 0.0)
    offs = [build_msg("/livewave/note/off", [pitch]).dgram for pitch in range(128)]
    for rounds in range(MOST_ROUNDS):
        if not status_of(playing.port)["notes"]:
            return rounds
        send(playing.osc, iter(offs), LET_GO_EACH_S)
    raise AssertionError(f"notes sound that were let go {MOST_ROUNDS} times: {status_of(playing.port)}")


def fuzz_midi(seed: int, packets: int) -> dict[str, object]:
    """The whole way of a MIDI packet in the control process. Raises whatever escapes, and AssertionError for a stuck note."""
    complaints, queue, orders = Complaints(QUIET), EventQueue(), Orders(Compass(48, 72), 0.0, 0.8)
    parser, events = MidiBytes("midi:fuzz", complaints), 0
    sounding: set[int] = set()
    for number, packet in enumerate([*midi_packets(seed, packets), *_everything_up()]):
        for event in parser.parse(packet, number * 1e-3):
            queue.put(event)
        for event in queue.drain():
            orders.compass = Compass(48 + number % 5, 72 + number % 7)  # as if another model had been chosen
            events += 1
            _check(orders.translate(event), sounding)
    assert not orders.held and not sounding, f"stuck with seed {seed}: {sounding}"
    return {"packets": packets, "seed": seed, "events": events, "refused": complaints.count, "notes": orders.held}


def _check(commands: Sequence[Command], sounding: set[int]) -> None:
    """What a performer is told must be legal, and make sense."""
    for command in commands:
        RECORD.pack(command.order, command.pitch, command.velocity, command.voice, command.value, command.at_s)
        if command.order is Order.STRIKE:
            assert 0 <= command.pitch <= 127 and 1 <= command.velocity <= 127, command
            sounding.add(command.pitch)
        elif command.order is Order.RELEASE:
            sounding.remove(command.pitch)
        elif command.order is Order.RESET:
            sounding.clear()


def _everything_up() -> list[bytes]:
    """All pedals up and all keys off, on every channel."""
    return [bytes((0xB0 | channel, controller, 0)) for controller in (SUSTAIN, SOSTENUTO, ALL_NOTES_OFF) for channel in range(16)]


def fuzz_jack(seed: int, packets: int) -> dict[str, object]:
    """Packets to the daemon's port on a JACK server of its own, but for program changes, which choose models."""
    chosen = [packet for packet in midi_packets(seed, packets) if not any(byte in PROGRAMS for byte in packet)]
    with jack_server() as _name, daemon("--audio", "null", midi="virtual") as playing:
        player = _JackPlayer(playing)
        player.play(chosen)
        heard = status_of(playing.port)
        player.play(_everything_up())
        until(lambda: not status_of(playing.port)["notes"], "the notes to end")
        player.close()
        last = status_of(playing.port)
    return {"packets": len(chosen), "seed": seed, "notes_before_all_up": heard["notes"],
            **{name: last[name] for name in ("notes", "refused_midi", "underruns", "restarts", "faults")}}


class _JackPlayer:
    """Plays packets as fast as the port takes them."""

    def __init__(self, playing: Playing) -> None:
        import jack

        self._client = jack.Client("fuzz", no_start_server=True)
        self._port = self._client.midi_outports.register("out")
        self._waiting: list[bytes] = []
        self._client.set_process_callback(self._process)
        self._client.activate()
        self._client.connect(self._port, until(lambda: self._client.get_ports(PORT, is_midi=True, is_input=True), PORT)[0])

    def play(self, packets: Sequence[bytes]) -> None:
        self._waiting = list(reversed(packets))
        deadline_s = time.monotonic() + PATIENCE_S + len(packets) * 1e-3
        while self._waiting:
            assert time.monotonic() < deadline_s, "JACK stands still"
            time.sleep(0.05)
        time.sleep(1.0)  # until the daemon has read what the port was given last

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()

    def _process(self, _frames: int) -> None:
        self._port.clear_buffer()
        for _ in range(min(16, len(self._waiting))):
            self._port.write_midi_event(0, self._waiting.pop())


def run(seed: int, packets: int, per_s: float) -> dict[str, object]:
    """All three."""
    report: dict[str, object] = {"osc": fuzz_osc(seed, packets, per_s), "midi": fuzz_midi(seed, packets)}
    try:
        report["jack"] = fuzz_jack(seed, packets)
    except NoJack as reason:
        report["jack"] = str(reason)
    return report


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-s", type=float, default=PER_S)
    parser.add_argument("--minutes", type=float, default=0.0)
    chosen = parser.parse_args(arguments)
    deadline_s, reports = time.monotonic() + 60.0 * chosen.minutes, []
    while not reports or time.monotonic() < deadline_s:
        reports.append(run(chosen.seed + len(reports), chosen.packets, chosen.per_s))
    print(json.dumps(reports[0] if len(reports) == 1 else reports, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
