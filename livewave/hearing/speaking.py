"""When each note begins to be heard: in silence, out of another note, or out of itself.

Every function takes mono float32 [samples].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import fftconvolve

from livewave.hearing.spectra import hz_of
from livewave.music.score import Note

SPOKEN_DB = -20.0     # of a note's own level: it is there
OVERTAKING_DB = -10.0  # the same where something else still sounds, heard through a long window:
REACHES_AHEAD = 0.095  # the part of that (Hann) window's length by which it tells of a step this early, at that level
STRUCK_AGAIN_DB = 3.0  # a rise this large makes a second note of one pitch
OWN_DB = -30.0        # of all that sounds: less of a note's two lowest partials is not that note,
MOSTLY = 75           # by this percentile of both over the note: every attack has a little of every pitch
SILENT_DB = -60.0     # below full scale
BEFORE_S = 0.08       # looked at before a note's start: what it begins in
HEARD_EARLY_S = 0.005  # a window reaches ahead: a sound that begins this little before its note is its note's


def onset_delay_s(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> np.ndarray:
    """float64 [notes] s: from each note's start until it is heard, 0 at least, inf for one that is not before its end.

    - After silence: until the sound is within 20 dB of the note's own level (the loudest that it gets).
    - Out of another pitch that still sounds: until its two lowest partials are within 10 dB of their own loudest.
    - Out of the same pitch, struck again: until the sound is half way up (in dB) from its dip to what it becomes; a rise
      of less than 3 dB is no second note.
    A note whose two lowest partials are not within 30 dB of all that sounds, or that stays below -60 dB of full
    scale, is not heard. Frames are as long as two periods (levels) or as tells semitones apart (partials), so the
    figure is good to about 5 ms after silence and 15 ms elsewhere.
    """
    return np.asarray([_delay_s(audio, rate_hz, note, notes) for note in notes], np.float64)


def _delay_s(audio: np.ndarray, rate_hz: int, note: Note, notes: Sequence[Note]) -> float:
    first, last = round((note.start_s - BEFORE_S) * rate_hz), round(note.end_s * rate_hz)
    piece = np.asarray(audio[max(0, first) : max(0, last)], np.float64)
    start = round(note.start_s * rate_hz) - max(0, first)
    if len(piece) <= start + 2:
        return np.inf
    level, own = _level_db(piece, rate_hz, hz_of(note.pitch)), _partials_db(piece, rate_hz, hz_of(note.pitch))
    share_db = np.percentile(own[start:], MOSTLY) - np.percentile(level[start:], MOSTLY)
    if level[start:].max() < SILENT_DB or share_db < OWN_DB:
        return np.inf
    begin = max(0, start - round(HEARD_EARLY_S * rate_hz))
    if level[begin] < level[start:].max() + SPOKEN_DB:
        heard = _rises_above(level, begin, level[start:].max() + SPOKEN_DB)
    elif any(_follows(note, other) for other in notes):
        heard = _struck_again(level, start, round(BEFORE_S / 2 * rate_hz))
    else:
        ahead = REACHES_AHEAD * len(_telling_apart(hz_of(note.pitch), rate_hz))
        heard = _rises_above(own, max(0, start - round(ahead)), own[start:].max() + OVERTAKING_DB)
        heard = heard if heard is None else heard + round(ahead)
    return np.inf if heard is None else max(0.0, (heard - start) / rate_hz)


def _follows(note: Note, other: Note) -> bool:
    """The same pitch sounded when this note began, or so little before that it may ring on."""
    return other.pitch == note.pitch and other.start_s < note.start_s < other.end_s + BEFORE_S


def _rises_above(curve: np.ndarray, begin: int, threshold: float) -> int | None:
    found = np.flatnonzero(curve[begin:] >= threshold)
    return begin + int(found[0]) if len(found) else None


def _struck_again(level: np.ndarray, start: int, around: int) -> int | None:
    """Where `level` is half way up from its lowest near the start to its highest after that, if it rises enough."""
    begin = max(0, start - around)
    dip = begin + int(level[begin : start + 3 * around].argmin())
    top = level[dip : dip + 6 * around].max()
    if top - level[dip] < STRUCK_AGAIN_DB:
        return None
    return _rises_above(level, dip, 0.5 * (level[dip] + top))


def _level_db(audio: np.ndarray, rate_hz: int, f0_hz: float) -> np.ndarray:
    """float64 [samples]: power in a Hann window of two periods, 5..40 ms, about each sample."""
    window = _hann(np.clip(2.0 / f0_hz, 0.005, 0.04) * rate_hz)
    return 10.0 * np.log10(np.maximum(fftconvolve(np.square(audio), window, "same"), 1e-12))


def _partials_db(audio: np.ndarray, rate_hz: int, f0_hz: float) -> np.ndarray:
    """float64 [samples]: power of the two lowest partials, heard through a window that tells f0 from its neighbours."""
    window = _telling_apart(f0_hz, rate_hz)
    time = np.arange(len(audio)) / rate_hz
    power = np.zeros(len(audio))
    for partial in (1, 2):
        wave = np.exp(-2j * np.pi * partial * f0_hz * time)
        power += 2.0 * np.abs(fftconvolve(audio * wave, window, "same")) ** 2
    return 10.0 * np.log10(np.maximum(power, 1e-12))


def _telling_apart(f0_hz: float, rate_hz: int) -> np.ndarray:
    return _hann(np.clip(2.0 / (0.0595 * f0_hz), 0.03, 0.2) * rate_hz)


def _hann(samples: float) -> np.ndarray:
    """Its sum is 1; its length is odd: centred on a sample."""
    window = np.hanning(2 * (int(samples) // 2) + 3)
    return window / window.sum()
