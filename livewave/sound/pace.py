"""When the thread that fills the ring sleeps, and for how long."""

from __future__ import annotations

SPELL_S = 0.5
REST_S = 0.005


class Pace:
    """After a turn in which the ring was filled up nothing is to be waited for: the next one shows what the device took.

    A turn that leaves it lacking is answered by no more than a nap: a busy machine is half as fast for some tenths of a second,
    and what a rest costs then is not made up for. Where it lacks for SPELL_S without an end, rests of REST_S leave the processor
    to whoever can do something about it; a thread of real-time priority that never slept would shut them out.

    nap_s  a part of what the device takes at a time
    """

    def __init__(self, nap_s: float, now_s: float) -> None:
        self.nap_s = nap_s
        self._filled_s = now_s

    def pause_s(self, worked: bool, lacking: bool, now_s: float) -> float:
        """For how long to sleep now. `worked`: blocks were made in this turn; `lacking`: not as many as were wanted."""
        if not lacking:
            self._filled_s = now_s
            return 0.0 if worked else self.nap_s
        return self.nap_s if now_s - self._filled_s < SPELL_S else REST_S
