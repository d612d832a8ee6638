"""What every audio output promises."""

from __future__ import annotations

from abc import ABC, abstractmethod

from livewave.sound.ring import Ring

STUCK_AFTER_S = 0.5  # no device lets half a second pass between two blocks


class Output(ABC):
    """Something that takes frames from a ring at the pace of a clock.

    rate_hz        device rate, which may differ from the one asked for
    description    one line for the player
    problem        what went wrong since start, None when nothing did
    on_jack        whether it is a client of a JACK server

    Thread: one owner calls start, stop, close and is_alive. The ring is read elsewhere: by the device's own thread.
    """

    on_jack = False

    def __init__(self, ring: Ring, rate_hz: int, description: str) -> None:
        self.ring, self.rate_hz, self.description = ring, rate_hz, description
        self.problem: str | None = None
        self._frames_seen, self._seen_at_s = -1, 0.0

    @property
    @abstractmethod
    def period_frames(self) -> int:
        """Frames the device takes at a time; exact once it has started."""

    @property
    @abstractmethod
    def latency_s(self) -> float:
        """From a frame's leaving the ring to the air, as far as the device says."""

    @abstractmethod
    def start(self) -> None:
        """Let the device's clock run; the ring may be primed before. Raises DeviceError when it does not start."""

    @abstractmethod
    def stop(self) -> None:
        """Stop taking frames; whoever plays has faded out before. Returns within seconds, whatever the device does."""

    @abstractmethod
    def close(self) -> None:
        """Stop and give the device or file back. Returns within a few seconds whatever the device does."""

    def is_alive(self, now_s: float) -> bool:
        """Whether the device took frames within the last half second before `now_s` (time.monotonic())."""
        frames = self.ring.frames_read
        if frames != self._frames_seen:
            self._frames_seen, self._seen_at_s = frames, now_s
        return now_s - self._seen_at_s < STUCK_AFTER_S
