"""livewave: a neural instrument that is played live.

    MIDI / OSC -> events -> ledger -> roll (128) -> WaveNet engine -> resampler -> ring -> sound card
       control/              music/               render/                       sound/

control/   what arrives, as values: MIDI ports, OSC messages
music/     what should sound next: which notes are held, and the piano roll they make
render/    the roll as audio at the model's rate: the net, its model file, its engines
sound/     audio at the device's rate: resampler, ring, output device
hearing/   beside the path: takes measured against the notes that asked for them, and drawn
takes/     beside it: what was played, recorded, and made again sample by sample
oscquery/  beside it: the OSC addresses, described to programs that build a panel of them
panel/     beside it: a page in the browser that plays it and shows how it is, served by a process of its own
onnxfile/  below all: model files, read with distrust and opened by ONNX Runtime

`performer` walks this path once per block, for one voice; `ensemble` adds voices up, `player` gives them a process and a device, and
`daemon` a control surface, whose `voices` ask who hears what.
`continuer` lets it play on by itself there, and `played` tells others what it then plays.
Importing this package opens no device and loads no compiled code.
"""

__version__ = "0.1.0"


class LivewaveError(Exception):
    """Base of every error that a user can mend: its text names the thing, the legal range and the remedy."""


class ConfigError(LivewaveError):
    """A flag or a configuration value is out of its range."""


class ModelFileError(LivewaveError):
    """A model file cannot be used: path, what is wrong, what was expected."""


class EngineUnavailable(LivewaveError):
    """The engine asked for cannot run here."""


class DeviceError(LivewaveError):
    """An audio device, MIDI port or network port is missing or refuses to open."""
