"""Notes out of audio: a melody tracker finds one pitch at a time, and its track becomes notes.

As in the paper this labels one line: right for a solo instrument, sparse where several notes sound at once.

salience  Salamon and Gomez 2012 with Viterbi tracking (libf0, MIT): the default
pyin      Mauch and Dixon 2014 (librosa, ISC): for a solo recording without accompaniment
melodia   Salamon and Gomez 2012 as published (essentia, AGPL-3.0: an extra of its own, loaded only when it is asked
          for)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from livewave import LivewaveError
from livewave.hearing.recordings import at_rate
from livewave.music.score import Note
from livewave.render.wavenet import A4_HZ

Track = tuple[np.ndarray, np.ndarray]  # times [frames] in s, evenly spaced; frequencies [frames] in Hz, 0 = no pitch

TRACK_RATE_HZ = 22_050
HOP = 256
LOWEST_HZ, HIGHEST_HZ = 55.0, 1_760.0
PART_S, MARGIN_S = 30.0, 1.0  # a part is tracked at a time: the salience of an hour would be gigabytes
MEDIAN_S = 0.05
SHORTEST_S = 0.06
GATE_DB = -35.0  # below the loud passages: no note is heard there
LOUD_PERCENTILE = 95
MELODIA_RATE_HZ, MELODIA_HOP = 44_100, 128
VOICING_TOLERANCE = 1.4  # essentia's default of 0.2 misses a fifth of the notes of a solo cello
VELOCITY = 92


def extract(audio: np.ndarray, rate_hz: int, tracker: str = "salience") -> list[Note]:
    """The melody of float32 [samples], as notes in order. Raises LivewaveError where the tracker is not installed."""
    times, hz = TRACKERS[tracker](audio, rate_hz)
    return notes_of_track(times, np.where(loud(audio, rate_hz, times), hz, 0.0))


def notes_of_track(times: np.ndarray, hz: np.ndarray) -> list[Note]:
    """Rounded to semitones, smoothed by a median of MEDIAN_S, without what is shorter than SHORTEST_S."""
    from scipy.signal import medfilt

    hop_s = float(times[1] - times[0])
    pitches = np.where(hz > 0.0, np.round(69.0 + 12.0 * np.log2(np.maximum(hz, 1.0) / A4_HZ)), 0.0)
    pitches = medfilt(pitches, round(MEDIAN_S / hop_s) | 1).astype(int)
    edges = np.flatnonzero(np.diff(pitches, prepend=-1, append=-1))
    return [Note(float(times[first]), float(times[first] + (last - first) * hop_s), int(pitches[first]), VELOCITY)
            for first, last in zip(edges[:-1], edges[1:]) if pitches[first] > 0
            and (last - first) * hop_s >= SHORTEST_S]


def loud(audio: np.ndarray, rate_hz: int, times: np.ndarray) -> np.ndarray:
    """bool [times]: whether the sound around each is within GATE_DB of the loud passages."""
    size = round(MEDIAN_S / 2.0 * rate_hz)
    power = np.convolve(np.square(audio, dtype=np.float64), np.ones(size) / size, "same")
    heard = power[np.minimum(np.round(times * rate_hz).astype(int), len(audio) - 1)]
    return heard > np.percentile(heard, LOUD_PERCENTILE) * 10.0 ** (GATE_DB / 10.0)


def _in_parts(track: Callable[[np.ndarray], np.ndarray], audio: np.ndarray) -> Track:
    """Tracks parts of PART_S, each with MARGIN_S before and after that is thrown away."""
    part, margin = (round(seconds * TRACK_RATE_HZ / HOP) for seconds in (PART_S, MARGIN_S))
    frames, found = len(audio) // HOP + 1, []
    for first in range(0, frames, part):
        begin = max(first - margin, 0)
        hz = track(audio[begin * HOP : (first + part + margin) * HOP])
        found.append(hz[first - begin :][: min(part, frames - first)])
    hz = np.concatenate(found)
    return np.arange(len(hz)) * HOP / TRACK_RATE_HZ, hz


def _salience(audio: np.ndarray, rate_hz: int) -> Track:
    libf0 = _library("libf0", "livewave[train]")

    def track(part: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):  # it takes logarithms of bins it then leaves out
            return libf0.salience(part, Fs=TRACK_RATE_HZ, N=2_048, H=HOP, F_min=LOWEST_HZ, F_max=HIGHEST_HZ)[0]

    return _in_parts(track, at_rate(audio, rate_hz, TRACK_RATE_HZ))


def _pyin(audio: np.ndarray, rate_hz: int) -> Track:
    librosa = _library("librosa", "compare")

    def track(part: np.ndarray) -> np.ndarray:
        hz, _, _ = librosa.pyin(part, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=TRACK_RATE_HZ, frame_length=2_048,
                                hop_length=HOP)
        return np.nan_to_num(hz)

    return _in_parts(track, at_rate(audio, rate_hz, TRACK_RATE_HZ))


def _melodia(audio: np.ndarray, rate_hz: int) -> Track:
    _library("essentia", "melodia")
    from essentia.standard import EqualLoudness, PredominantPitchMelodia

    heard = EqualLoudness()(at_rate(audio, rate_hz, MELODIA_RATE_HZ))
    hz, _ = PredominantPitchMelodia(frameSize=2_048, hopSize=MELODIA_HOP, voicingTolerance=VOICING_TOLERANCE)(heard)
    return np.arange(len(hz)) * MELODIA_HOP / MELODIA_RATE_HZ, hz


TRACKERS: dict[str, Callable[[np.ndarray, int], Track]] = {"salience": _salience, "pyin": _pyin, "melodia": _melodia}


def _library(name: str, extra: str):
    """The module, imported only here. Raises LivewaveError with the command that installs it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LivewaveError(f"this tracker needs {name} ({error}): `.venv/bin/pip install -e '.[{extra}]'` in livewave's folder, "
                            "or choose another --tracker") from None
