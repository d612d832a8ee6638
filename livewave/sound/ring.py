"""The FIFO between the thread that renders and the clock of the device.

Lock-free, one producer, one consumer, float32. Its target fill is the latency knob: the producer renders while
`wanted_frames()` is above 0, so a frame waits about `target_frames` before the device takes it.

Threads
    producer only   write, wanted_frames, target_frames
    consumer only   read_into, or the C callback (`callback_address`, `userdata_address`); never both
    any thread      the counters; take_min_fill by one thread
    before start    channels_out
"""

from __future__ import annotations

from livewave.sound import _ring


class Ring(_ring.Ring):
    """A ring of `capacity_frames` that never stops a device.

    capacity_frames   how many frames fit
    channels_in       1; or 2, left and right; or up to 16 that are played apart (livewave.sound.apart)
    channels_out      how many interleaved outputs the consumer wants. What is mono goes to each; of two channels the first two
                      outputs get one each, or a single output gets their mean
    ramp_frames       length of the fades around an underrun (96 = 2 ms at 48 kHz)

    Counters, all since the ring was made:
    frames_written    accepted from the producer              frames_played   of those, taken by the device
    frames_read       played and silent frames: the device's clock            fill_frames   waiting now
    block_frames      frames the device asked for last time   pa_underflows   blocks the driver itself lost
    underrun_blocks   blocks that found too few frames        underrun_frames silent frames in them
    min_fill_frames   least fill a block found since take_min_fill() (the capacity when there was none)
    last_visit        (frames_read before the last block, time.monotonic() then, DAC time, the device's own now)

    Until the first full block is there the device plays silence, which is not an underrun. After an underrun the last
    sample dies away over `ramp_frames`, and the ring waits for a full block, which fades in.
    """

    def __init__(self, capacity_frames: int, channels_out: int = 1, ramp_frames: int = 96,
                 target_frames: int = 256, channels_in: int = 1) -> None:
        super().__init__(capacity_frames, channels_out, ramp_frames, channels_in)
        self.target_frames = target_frames

    def wanted_frames(self) -> int:
        """Frames missing to the target fill, 0 when it is reached. A target is never less than one block of the device:
        a device that asks for more than the producer will ever provide would stay silent."""
        target = min(max(self.target_frames, self.block_frames), self.capacity_frames)
        return max(0, target - self.fill_frames)

    def write(self, frames) -> int:
        """Append frames and return how many fitted.

        frames  float32 [n], or [n, channels_in] where that is more than 1; contiguous

        Thread: producer only. Allocates nothing. Raises TypeError on another dtype or shape.
        """
        return super().write(frames)

    def read_into(self, out, device_underflow: bool = False, dac_s: float = 0.0, now_s: float = 0.0) -> None:
        """Do what the C callback does, for consumers without one: fill the whole of `out`, fading into silence where
        the ring runs short, and count.

        out  float32 [frames * channels_out]  interleaved, written

        Thread: consumer only. Allocates nothing. Raises TypeError or ValueError on a wrong dtype or length.
        """
        super().read_into(out, device_underflow, dac_s, now_s)
