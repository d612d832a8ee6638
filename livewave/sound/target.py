"""How many frames wait in the ring: the latency knob, turned up by what was heard and down by calm."""

from __future__ import annotations

CALM_S = 30.0  # without an underrun for so long, the target falls again by one period
LONGEST_CALM_S = 480.0
LEAST_PERIODS = 3  # one that the device is about to take, the others to be late in; 2 were heard about once a minute
GROWTH = 4  # the target never exceeds this multiple of the first one


class Target:
    """The target fill. Thread: producer.

    An underrun raises it by a period. Calm lowers it by one; where that proved to be too early, the next time it takes
    twice as long, so that a machine that needs more does not click every half minute.

    frames  as it stands
    """

    def __init__(self, period_frames: int, asked_frames: int | None, most_frames: int) -> None:
        """asked_frames  what the player asked for, instead of LEAST_PERIODS; most_frames  what the ring can hold"""
        self.period_frames = period_frames
        least = LEAST_PERIODS * period_frames if asked_frames is None else max(period_frames, asked_frames)
        self._least = min(least, most_frames // GROWTH)
        self.frames = self._least
        self._underruns, self._quiet_since_s, self._calm_s = 0, 0.0, CALM_S
        self._lowered_s: float | None = None

    def hear(self, underruns: int, now_s: float) -> None:
        """So many underruns there were, since the device began."""
        if underruns > self._underruns:
            self._raise(now_s)
        elif self.frames > self._least and now_s - self._quiet_since_s > self._calm_s:
            self.frames = max(self._least, self.frames - self.period_frames)
            self._quiet_since_s = self._lowered_s = now_s
        self._underruns = underruns

    def _raise(self, now_s: float) -> None:
        too_early = self._lowered_s is not None and now_s - self._lowered_s < self._calm_s
        self._calm_s = min(2.0 * self._calm_s, LONGEST_CALM_S) if too_early else self._calm_s
        self.frames = min(self.frames + self.period_frames, GROWTH * self._least)
        self._quiet_since_s, self._lowered_s = now_s, None
