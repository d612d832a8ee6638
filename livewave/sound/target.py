"""How many frames wait in the ring: the latency knob, turned up by what was heard and down by calm."""

from __future__ import annotations

CALM_S = 60.0  # without an underrun for so long, the target falls again by one period
LONGEST_CALM_S = 3_600.0
LATE_S = 0.0045  # for so long the thread that renders may be late, but for a period at least, and for two at most
GROWTH = 4  # the target never exceeds this multiple of the first one
MOST_AT_ONCE = 4  # periods by which one moment raises it; who lacked more than these stood still, and no ring would have helped


class Target:
    """The target fill. Thread: producer.

    At first it is a period, which the device is about to take, and LATE_S. An underrun raises it by as many periods as were lacking.
    Calm lowers it by one; each time an underrun shows that this was wrong, however much later, the next time takes twice as long: a
    machine that is late every few minutes clicks a few times in a concert, and not every few minutes.

    frames  as it stands
    """

    def __init__(self, period_frames: int, rate_hz: int, asked_frames: int | None, most_frames: int) -> None:
        """asked_frames  what the player asked for, instead; most_frames  what the ring can hold"""
        self.period_frames, self._asked, self._most = period_frames, asked_frames, most_frames
        self._late_frames = min(max(period_frames, round(LATE_S * rate_hz)), 2 * period_frames)
        self._least = self.frames = self._at_least(0)
        self._underruns, self._quiet_since_s, self._calm_s = 0, 0.0, CALM_S
        self._lowered = False

    def expect(self, block_frames: int) -> None:
        """A block takes as long to render as the device takes to play so many frames: these must be there then, besides a period.

        Where the player asked for a fill, that is the least all the same.
        """
        self._least = self._at_least(self.period_frames + block_frames)
        self.frames = max(self._least, min(self.frames, GROWTH * self._least))

    def _at_least(self, needed_frames: int) -> int:
        if self._asked is None:
            least = max(self.period_frames + self._late_frames, needed_frames)
        else:
            least = max(self.period_frames, self._asked)
        return min(least, self._most // GROWTH)

    def hear(self, underruns: int, now_s: float) -> None:
        """So many underruns there were, in blocks, since the device began."""
        if underruns > self._underruns:
            self._raise(underruns - self._underruns, now_s)
        elif self.frames > self._least and now_s - self._quiet_since_s > self._calm_s:
            self.frames = max(self._least, self.frames - self.period_frames)
            self._quiet_since_s, self._lowered = now_s, True
        self._underruns = underruns

    def _raise(self, lost: int, now_s: float) -> None:
        if self._lowered:
            self._calm_s = min(2.0 * self._calm_s, LONGEST_CALM_S)
        periods = lost if lost <= MOST_AT_ONCE else 1
        self.frames = min(self.frames + periods * self.period_frames, GROWTH * self._least)
        self._quiet_since_s, self._lowered = now_s, False
