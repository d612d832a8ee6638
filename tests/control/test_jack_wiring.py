from __future__ import annotations

from livewave.control.jack_wiring import SETTLES_S, Wiring

CARD, MIXER = "system:playback_1", "ardour:flute/audio_in 1"
OURS = "livewave-audio:out_0"


class Patchbay:
    """A server in memory; a client that comes is connected to the card, as PortAudio does."""

    def __init__(self) -> None:
        self.wires: dict[str, set[str]] = {"system:capture_1": {"ardour:other/audio_in 1"}}
        self.targets = {CARD, MIXER}
        self.identities: dict[str, str] = {}
        self._count = 0

    def come(self, client: str = "livewave-audio") -> None:
        self._count += 1
        self.identities[client] = f"{self._count:06}"
        self.wires[f"{client}:out_0"] = {CARD} & self.targets

    def go(self, client: str = "livewave-audio") -> None:
        del self.wires[f"{client}:out_0"], self.identities[client]

    def outputs(self) -> dict[str, set[str]]:
        return {name: peers & self.targets for name, peers in self.wires.items()}

    def inputs(self) -> set[str]:
        return set(self.targets)

    def identity(self, client: str) -> str:
        return self.identities[client]

    def connect(self, source: str, target: str) -> None:
        assert target not in self.wires[source]
        self.wires[source].add(target)

    def disconnect(self, source: str, target: str) -> None:
        self.wires[source].remove(target)


def rewired() -> tuple[Wiring, Patchbay]:
    """Somebody has taken the sound off the card and into a mixer."""
    wiring, bay = Wiring(), Patchbay()
    bay.come()
    wiring.look(bay, 0.0)
    bay.wires[OURS] = {MIXER}
    wiring.look(bay, 0.3)
    return wiring, bay


def test_a_client_that_takes_over_is_connected_as_its_predecessor_was_and_to_nothing_else():
    wiring, bay = rewired()
    bay.go()
    bay.come()  # under the same name, between two looks
    wiring.look(bay, 100.0)
    assert bay.wires[OURS] == {MIXER}


def test_it_is_known_by_a_number_where_the_old_one_is_not_quite_gone():
    wiring, bay = rewired()
    bay.come("livewave-audio-01")
    wiring.look(bay, 100.0)
    assert bay.wires["livewave-audio-01:out_0"] == {MIXER}
    bay.go()
    wiring.look(bay, 100.2)
    assert bay.wires["livewave-audio-01:out_0"] == {MIXER}


def test_what_portaudio_connects_late_is_taken_off_again_and_what_the_player_does_later_stays():
    wiring, bay = rewired()
    bay.go()
    bay.come()
    wiring.look(bay, 100.0)
    bay.wires[OURS].add(CARD)
    wiring.look(bay, 100.0 + 0.5 * SETTLES_S)
    assert bay.wires[OURS] == {MIXER}
    bay.wires[OURS].add(CARD)
    for at_s in (102.0, 103.0):
        wiring.look(bay, at_s)
    assert bay.wires[OURS] == {MIXER, CARD}
    bay.wires[OURS] = set()
    for at_s in (104.0, 105.0):
        wiring.look(bay, at_s)
    assert bay.wires[OURS] == set()


def test_until_a_mixer_comes_back_the_card_takes_the_sound():
    wiring, bay = rewired()
    bay.go()
    bay.targets = {CARD}  # the server was started anew, and nobody else is there yet
    bay.come()
    for at_s in (100.0, 100.5, 102.0, 110.0):
        wiring.look(bay, at_s)
    assert bay.outputs()[OURS] == {CARD}
    bay.targets = {CARD, MIXER}
    wiring.look(bay, 111.0)
    assert bay.wires[OURS] == {MIXER}
    wiring.look(bay, 112.0)
    assert bay.wires[OURS] == {MIXER}


def test_a_mixer_that_ends_and_comes_back_is_connected_again():
    wiring, bay = rewired()
    bay.targets = {CARD}
    bay.wires[OURS] = set()
    wiring.look(bay, 100.0)
    assert bay.wires[OURS] == set()
    bay.targets = {CARD, MIXER}
    wiring.look(bay, 101.0)
    assert bay.wires[OURS] == {MIXER}
    bay.wires[OURS] = set()
    wiring.look(bay, 102.0)
    assert bay.wires[OURS] == set()  # now it was the player


def test_the_first_client_keeps_what_portaudio_connected_and_other_programs_are_left_alone():
    wiring, bay = Wiring(), Patchbay()
    wiring.look(bay, 0.0)
    bay.come()
    for at_s in (0.2, 0.4, 3.0):
        wiring.look(bay, at_s)
    assert bay.wires == {"system:capture_1": {"ardour:other/audio_in 1"}, OURS: {CARD}}
