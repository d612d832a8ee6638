"""A sound system from which a test can pull the cables: in place of the package sounddevice, by PYTHONPATH.

The file that LIVEWAVE_SIMULATED_SOUND names describes it: {"default": name, "devices": {name: rate in Hz}}. As with PortAudio,
lists are those of the last `_initialize`. A device that is taken out of the file asks for no more sound, and ending its stream
hangs. What a device plays is appended to a file beside that one: NAME.f32, channels interleaved.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

SYSTEM = Path(os.environ["LIVEWAVE_SIMULATED_SOUND"])
HOST_API = "Core Audio"
LATENCY_S = 0.005


class PortAudioError(Exception):
    pass


class RawOutputStream:
    def __init__(self, *, callback, device: int, samplerate: int, dtype: str, latency: str, blocksize: int, channels: int) -> None:
        name = _devices[device]["name"]
        if name not in _described()["devices"]:
            raise PortAudioError("Device unavailable")
        self.samplerate, self.latency = samplerate, LATENCY_S
        self._name, self._callback, self._frames, self._channels = name, callback, blocksize, channels
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end()

    def close(self) -> None:
        self._end()

    def _end(self) -> None:
        while self._name not in _described()["devices"]:
            time.sleep(0.1)
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        due_s, block = time.monotonic(), bytearray(4 * self._channels * self._frames)
        with SYSTEM.with_name(f"{self._name}.f32").open("ab", buffering=0) as heard:
            while not self._stopped.is_set():
                due_s += self._frames / self.samplerate
                time.sleep(max(0.0, due_s - time.monotonic()))
                if self._name not in _described()["devices"]:
                    continue
                now_s = time.monotonic()
                self._callback(block, self._frames, SimpleNamespace(outputBufferDacTime=now_s + LATENCY_S, currentTime=now_s),
                               SimpleNamespace(output_underflow=False))
                heard.write(block)


def query_hostapis() -> list[dict]:
    return [{"name": HOST_API, "default_output_device": _default}]


def query_devices(kind: str | None = None):
    if kind is None:
        return _devices
    if _default < 0:
        raise PortAudioError("Error querying device -1")
    return _devices[_default]


def _initialize() -> None:
    global _devices, _default
    system = _described()
    _devices = [{"index": index, "name": name, "hostapi": 0, "max_output_channels": 2, "default_samplerate": float(rate_hz)}
                for index, (name, rate_hz) in enumerate(system["devices"].items())]
    _default = next((device["index"] for device in _devices if device["name"] == system["default"]), -1)


def _terminate() -> None:
    _devices.clear()


def _described() -> dict:
    return json.loads(SYSTEM.read_text())


_devices: list[dict] = []
_default = -1
_initialize()
