"""The script for Ardour, run by Ardour itself without its windows, on the JACK server that a daemon plays on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.realtime.jackd import NoJack, jack_server
from tests.scenario.daemon import daemon

SCRIPT = Path(__file__).parents[2] / "patches" / "daw" / "livewave.lua"
HARNESS = Path(__file__).with_name("ardour.lua")
ARDOUR = next((found for version in range(9, 5, -1) if (found := shutil.which(f"ardour{version}-lua"))), None)
TIMEOUT_S = 60.0
TRACKS = {"notes", "livewave", "generated"}

pytestmark = [pytest.mark.jack, pytest.mark.skipif(ARDOUR is None, reason="Ardour is not installed (apt-get install ardour)")]


def session(folder: Path) -> ElementTree.Element:
    """As Ardour saves it."""
    done = subprocess.run([ARDOUR, str(HARNESS), str(SCRIPT), str(folder / "song")], env={**os.environ, "HOME": str(folder)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    saved = folder / "song" / "song.ardour"
    assert done.returncode == 0 and saved.exists(), done.stdout + done.stderr
    return ElementTree.parse(saved).getroot()


def test_the_session_has_its_tracks_and_they_are_connected_to_livewave(tmp_path):
    try:
        with jack_server(1024), daemon("--audio", "default", "--midi-out", "virtual", midi="virtual"):
            root = session(tmp_path)
    except NoJack as reason:
        pytest.skip(str(reason))
    tracks = {route.get("name"): route for route in root.iter("Route")}
    assert TRACKS < tracks.keys()
    connected = {(port.get("name"), each.get("other")) for port in root.iter("Port") for each in port.iter("Connection")}
    wanted = {("notes/midi_out 1", "livewave:midi_in"), ("livewave/audio_in 1", "livewave-audio:out_0"), ("livewave/audio_in 2", "livewave-audio:out_1"),
              ("generated/midi_in 1", "livewave-out:midi_out")}
    assert wanted <= connected, connected
    armed = {name for name in TRACKS for control in tracks[name].iter("Controllable")
             if control.get("name") == "rec-enable" and float(control.get("value")) > 0}
    assert armed == {"livewave", "generated"}
