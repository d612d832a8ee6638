"""Looks at what the audio process reports of a voice, and sees a net that has gone astray while notes are held: noise, an offset,
silence.

Then it is primed anew: a short fade, and it starts again from rest. Where that does not help, it is tried less and less often.
"""

from __future__ import annotations

import math

from livewave.link import VoiceStats

SICK_S = 0.5  # of trouble without a break
LEAST_ADHERENCE = 0.1  # noise has less in 998 of 1000 looks; what ships has 0.3 or more in 99 of 100, at notes and chords of its range
WELL_AGAIN = 0.2  # the adherence that ends a suspicion of noise: one lucky look among ten must not
WILD = 1.2  # a temperature above it asks for noise
MOST_OFFSET = 0.1  # of full scale
SILENCE = 1e-3  # -60 dB below the level that is set
SPEAKS_WITHIN_S = 0.3  # a note that has been struck is heard by then
DECAYS_AFTER_S = 3.0  # what was struck so long ago may have died away
LOUD = 1e-2  # -40 dB
FALLS_WITHIN_S = 0.3  # from loud to silent: what dies away takes longer, on every instrument
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0  # before it is primed again


class Watch:
    """Judges reports of one voice, in order. Thread: control only.

    primed  how often the net was to be primed anew
    """

    def __init__(self) -> None:
        self.primed = 0
        self._sick_since_s: float | None = None
        self._not_before_s, self._pause_s = -math.inf, FIRST_PAUSE_S
        self._loud_s, self._fallen = -math.inf, False

    def forget(self) -> None:
        """It is not to be heard: what was wrong is no longer."""
        self._sick_since_s = None
        self._loud_s, self._fallen = -math.inf, False

    def judge(self, stats: VoiceStats, gain_db: float, temperature: float, now_s: float) -> str:
        """What is wrong, when it is time to prime the net anew for it; else nothing."""
        gain = 10.0 ** (gain_db / 20.0)
        least = LEAST_ADHERENCE if self._sick_since_s is None else WELL_AGAIN
        trouble = _trouble(stats, gain, temperature, self._has_fallen(stats, gain, now_s), least)
        if not trouble:
            self._sick_since_s = None
            if now_s - self._not_before_s > self._pause_s:
                self._pause_s = FIRST_PAUSE_S
            return ""
        if self._sick_since_s is None:
            self._sick_since_s = now_s
        if now_s - self._sick_since_s < SICK_S or now_s < self._not_before_s:
            return ""
        self.primed += 1
        self._sick_since_s, self._not_before_s = None, now_s + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)
        return trouble

    def _has_fallen(self, stats: VoiceStats, gain: float, now_s: float) -> bool:
        """Whether these notes stopped sounding from one moment to the next."""
        if stats.level >= LOUD * gain:
            self._loud_s = now_s
        silent = stats.level < SILENCE * gain
        self._fallen = silent and stats.sounding_s > FALLS_WITHIN_S and (self._fallen or now_s - self._loud_s < FALLS_WITHIN_S)
        return self._fallen


def _trouble(stats: VoiceStats, gain: float, temperature: float, fallen: bool, least_adherence: float) -> str:
    if stats.sounding_s < SPEAKS_WITHIN_S:
        return ""
    if abs(stats.offset) > MOST_OFFSET * gain:
        return f"an offset of {stats.offset:.2f}"
    if fallen or stats.level < SILENCE * gain and stats.struck_s < DECAYS_AFTER_S:
        return "silence while notes are held"
    if stats.adherence < least_adherence and temperature <= WILD:  # never true of nan
        return f"noise while notes are held (adherence {stats.adherence:.2f})"
    return ""
