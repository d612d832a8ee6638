"""Plays a tone on the default output until its standard input closes: a child process of test_device_on_jack.

    tone_player.py FREQUENCY_HZ c|python
"""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np

from livewave.sound.portaudio import PortAudioOutput, default_output
from livewave.sound.ring import Ring

ring = Ring(8192, target_frames=6144)
row = default_output()
output = PortAudioOutput(row, ring, None, 128, c_callback=sys.argv[2] == "c")
step = 2 * np.pi * float(sys.argv[1]) / output.rate_hz
position = 0
finished = threading.Event()


def top_up() -> None:
    global position
    wanted = ring.wanted_frames()
    if wanted:
        ring.write((0.5 * np.sin(step * np.arange(position, position + wanted))).astype(np.float32))
        position += wanted


def wait_for_the_end() -> None:
    sys.stdin.read()
    finished.set()


top_up()
output.start()
print(json.dumps({"rate_hz": output.rate_hz, "period_frames": output.period_frames, "latency_s": output.latency_s,
                  "description": output.description, "host_api": row.host_api}), flush=True)
threading.Thread(target=wait_for_the_end, daemon=True).start()
while not finished.is_set() and output.is_alive(time.monotonic()):
    top_up()
    time.sleep(0.002)
alive = output.is_alive(time.monotonic())
output.close()
print(json.dumps({"alive": alive, "underruns": ring.underrun_blocks, "frames": ring.frames_read,
                  "problem": output.problem}), flush=True)
