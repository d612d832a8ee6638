"""Pitch wheels: how far each channel of each source is bent, by its own wheel and by that of its MPE zone.

A wheel's range is 2 semitones until RPN 0 says otherwise. RPN 6 on channel 1 or 16 (the managers) makes an MPE zone: so
many channels beside it become its members, with a range of 48 semitones; what the manager does reaches all of them.
Two zones never overlap: the newer one takes what it needs. Channels are counted from 0 here, as in events.
Source: MIDI 1.0 Detailed Specification; RP-015 (reset all controllers); RP-053 (MIDI Polyphonic Expression).
"""

from __future__ import annotations

from livewave.control.events import BendSet, Control, PitchBend

RANGE, MEMBER_RANGE, LARGEST_RANGE = 2.0, 48.0, 96.0  # semitones
CENTRE, FULL_TURN = 0, 8192
LOWER, UPPER = 0, 15  # the managers
MEMBERS = 14  # of both zones together; one alone can have 15
DATA, DATA_FINE, NRPN_FINE, NRPN, RPN_FINE, RPN = 6, 38, 98, 99, 100, 101
NO_PARAMETER, BEND_RANGE, ZONE = (127, 127), (0, 0), (0, 6)


class _Source:
    """The 16 channels of one cable, or the one of an OSC peer."""

    def __init__(self) -> None:
        self.wheels: dict[int, int] = {}  # channel -> -8192..8191, the centre where there is none
        self.ranges: dict[int, float] = {}
        self.semitones = 0.0  # what an OSC peer asked for
        self._parameters: dict[int, tuple[int, int]] = {}  # channel -> the RPN that its data mean
        self._members = {LOWER: 0, UPPER: 0}

    def manager(self, channel: int) -> int | None:
        """The manager of a member; None for any other channel."""
        if 0 < channel <= self._members[LOWER]:
            return LOWER
        return UPPER if UPPER - self._members[UPPER] <= channel < UPPER else None

    def reached(self, channel: int) -> list[int]:
        """The channel, and where it is a manager its members."""
        return [channel, *(member for member in range(16) if self.manager(member) == channel)]

    def bend(self, channel: int) -> float:
        manager = self.manager(channel)
        return self.semitones + self._own(channel) + (0.0 if manager is None else self._own(manager))

    def control(self, channel: int, controller: int, value: int) -> None:
        coarse, fine = self._parameters.get(channel, NO_PARAMETER)
        if controller == RPN:
            self._parameters[channel] = (value, fine)
        elif controller == RPN_FINE:
            self._parameters[channel] = (coarse, value)
        elif controller in (NRPN, NRPN_FINE):
            self._parameters[channel] = NO_PARAMETER
        elif (coarse, fine) == BEND_RANGE and controller == DATA:
            self._set_range(channel, float(value))
        elif (coarse, fine) == BEND_RANGE and controller == DATA_FINE:
            self._set_range(channel, int(self._range(channel)) + min(value, 99) / 100.0)
        elif (coarse, fine) == ZONE and controller == DATA and channel in self._members:
            self._set_zone(channel, min(value, 15))

    def centre(self, channel: int) -> None:
        """As controllers are reset: the wheel in its middle, no parameter chosen. Its range stays."""
        self.wheels.pop(channel, None)
        self._parameters.pop(channel, None)

    def _own(self, channel: int) -> float:
        return self.wheels.get(channel, CENTRE) / FULL_TURN * self._range(channel)

    def _range(self, channel: int) -> float:
        return self.ranges.get(channel, RANGE if self.manager(channel) is None else MEMBER_RANGE)

    def _set_range(self, channel: int, semitones: float) -> None:
        """Members have one range in common, whichever of them is told."""
        manager = self.manager(channel)
        for one in [channel] if manager is None else self.reached(manager)[1:]:
            self.ranges[one] = min(semitones, LARGEST_RANGE)

    def _set_zone(self, manager: int, members: int) -> None:
        """Every channel that comes into a zone or leaves one begins afresh."""
        before = [self.manager(channel) for channel in range(16)]
        other = UPPER if manager == LOWER else LOWER
        self._members[manager] = members
        if members:
            self._members[other] = max(0, min(self._members[other], MEMBERS - members))
        for channel in range(16):
            if manager in (channel, before[channel], self.manager(channel)) or before[channel] != self.manager(channel):
                self.wheels.pop(channel, None)
                self.ranges.pop(channel, None)


class Wheels:
    """The wheels of every source. Thread: one. Never raises."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}

    def feed(self, event: PitchBend | BendSet | Control) -> None:
        source = self._sources.setdefault(event.source, _Source())
        if isinstance(event, PitchBend):
            source.wheels[event.channel] = event.value
        elif isinstance(event, BendSet):
            source.semitones = event.semitones
        else:
            source.control(event.channel, event.controller, event.value)

    def bend(self, source: str, channel: int) -> float:
        """Semitones by which the channel's notes are bent."""
        return self._sources[source].bend(channel) if source in self._sources else 0.0

    def reached(self, source: str, channel: int) -> list[int]:
        """The channels that a pedal or a mode message on `channel` is meant for: a whole zone where it is a manager."""
        return self._sources[source].reached(channel) if source in self._sources else [channel]

    def member(self, source: str, channel: int) -> bool:
        """Whether the channel is a member of an MPE zone."""
        return source in self._sources and self._sources[source].manager(channel) is not None

    def centre(self, source: str, channel: int) -> None:
        if source in self._sources:
            self._sources[source].centre(channel)

    def centre_all(self) -> None:
        """Every wheel in its middle; ranges and zones stay."""
        for source in self._sources.values():
            source.wheels.clear()
            source.semitones = 0.0

    def forget(self, source: str) -> None:
        self._sources.pop(source, None)
