"""Was the sound whole? Pure functions of recorded frames: what no listener would call a gap is none, and nothing else is.

Three checks. A held note is never exactly zero for long, so a run of zeros is a hole. A pure tone obeys
x[n] = 2 cos(w) x[n-1] - x[n-2], so one lost, repeated or altered frame shows. And a note is *there* where the power lies
on its partials at something like its level: noise, DC and silence are not it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livewave.render.wavenet import A4_HZ

ZEROS = 8  # frames: a chance run of zeros in a held note is shorter
TONE_ERROR = 1e-3  # of full scale; what the resampler leaves of its images is far below, a step is above
ONE_EVENT_S = 0.02  # what breaks within so short a time is one break
BESIDE_S = 0.02  # what breaks so near to a cycle that the server lost is the server's
THERE = 0.1  # of the level before: -20 dB
IN_TUNE = 0.5  # of the power, on the partials
PARTIALS = 8
WINDOW_S, HOP_S = 0.2, 0.02
WHOLE_S = 1.0  # a note that is there for so long is back


def zero_runs(audio: np.ndarray, least: int = ZEROS) -> list[tuple[int, int]]:
    """(first frame, frames) of every run of exact zeros that is at least so long."""
    edges = np.flatnonzero(np.diff(np.concatenate(([1], audio != 0.0, [1]))))
    return [(int(first), int(last - first)) for first, last in zip(edges[::2], edges[1::2]) if last - first >= least]


def within(runs: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of `runs` that begin inside one of `spans` (first frame, last frame)."""
    return [run for run in runs if any(first <= run[0] < last for first, last in spans)]


def breaks(audio: np.ndarray, tone_hz: float, rate_hz: int) -> list[tuple[int, int]]:
    """(first frame, frames) of where a tone breaks; breaks that are near to one another are one."""
    turn = 2.0 * np.cos(2.0 * np.pi * tone_hz / rate_hz)
    error = audio[2:] - turn * audio[1:-1] + audio[:-2]
    silent = (audio[2:] == 0.0) & (audio[1:-1] == 0.0)
    return apart(np.flatnonzero((np.abs(error) > TONE_ERROR) | silent) + 2, round(ONE_EVENT_S * rate_hz))


def apart(frames: np.ndarray, least: int) -> list[tuple[int, int]]:
    """(first frame, frames) of each group of frames, from its first to its last; groups lie more than `least` apart."""
    groups = np.split(frames, np.flatnonzero(np.diff(frames) > least) + 1)
    return [(int(group[0]), int(group[-1] - group[0] + 1)) for group in groups if len(group)]


def unexplained(runs: Sequence[tuple[int, int]], missing: Sequence[tuple[int, int]], rate_hz: int) -> list[tuple[int, int]]:
    """Those of `runs` (first frame, frames) that do not lie from end to end beside a cycle that the JACK server lost: what goes on
    after that is not the server's.

    missing  as in Take
    """
    near = round(BESIDE_S * rate_hz)
    return [(first, frames) for first, frames in runs
            if not any(lost - near <= first and first + frames <= back + near for lost, back in missing)]


def read_late(runs: Sequence[tuple[int, int]], audio: np.ndarray, period_frames: int) -> list[tuple[int, int]]:
    """Those of `runs` (first frame, frames) of a tone that are the listener's: frames of one cycle that it read when those of the next
    one lay in their place already, so that they are there twice, and the tone goes on behind them as if nothing had been.

    A player that repeats a period has its break behind it, and what follows is another piece of the tone.
    """
    return [(first, frames) for first, frames in runs
            if ZEROS <= frames - 2 <= period_frames
            and np.array_equal(audio[first : first + frames - 2], audio[first + period_frames : first + period_frames + frames - 2])]


def holes(audio: np.ndarray, missing: Sequence[tuple[int, int]], rate_hz: int, least: int = ZEROS) -> list[tuple[int, int]]:
    """(first frame, frames) of the runs of zeros that no cycle which the JACK server lost explains."""
    return unexplained(zero_runs(audio, least), missing, rate_hz)


def back_after_s(audio: np.ndarray, at: int, pitch: int, rate_hz: int, missing: Sequence[tuple[int, int]] = ()) -> float | None:
    """For how long the held note `pitch` was away, at most, after the fault at frame `at`: 0.0 when it never broke, None when it
    stayed away. What is away for the first time some seconds later is away from then on.

    missing  as in Take
    Resolution HOP_S. Raises ValueError when the note was not there before `at`.
    """
    window, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    usual = _level(audio[max(0, at - rate_hz) : at])
    if not _is_there(audio[at - window : at], pitch, rate_hz, usual):
        raise ValueError(f"the note was not there before frame {at}")
    torn = holes(audio, missing, rate_hz)

    def is_away(start: int) -> bool:
        cut = any(first < start + window and start < first + frames for first, frames in torn)
        return cut or not _is_there(audio[start : start + window], pitch, rate_hz, usual)

    starts = range(at, len(audio) - window + 1, hop)
    away = [start for start in starts if is_away(start)]
    if away and away[-1] == starts[-1]:
        return None
    return max((_away_frames(outage, at, window, hop) / rate_hz for outage in _outages(away, rate_hz)), default=0.0)


def _outages(away: Sequence[int], rate_hz: int) -> list[list[int]]:
    """The starts of windows in which the note was away, in groups: what lies less than WHOLE_S apart belongs together."""
    groups: list[list[int]] = []
    for start in away:
        if groups and start - groups[-1][-1] <= WHOLE_S * rate_hz:
            groups[-1].append(start)
        else:
            groups.append([start])
    return groups


def _away_frames(outage: Sequence[int], at: int, window: int, hop: int) -> int:
    """A window that begins before a break is cut by it at its end."""
    first = at if outage[0] - at < window else outage[0] + window - hop
    return max(hop, outage[-1] + hop - first)


def _is_there(audio: np.ndarray, pitch: int, rate_hz: int, usual: float) -> bool:
    level = _level(audio)
    return usual > 0.0 and level >= THERE * usual and _share_on_partials(audio, pitch, rate_hz) >= IN_TUNE


def _share_on_partials(audio: np.ndarray, pitch: int, rate_hz: int) -> float:
    """Of the power, within a third of a semitone of the first PARTIALS: further up that is everywhere, and noise would pass."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    f0 = len(audio) / rate_hz * A4_HZ * 2.0 ** ((pitch - 69) / 12)  # in bins
    number = np.arange(1, PARTIALS + 1)
    first, last = (np.round(f0 * number * 2.0 ** (side / 36)).astype(int) for side in (-1, 1))
    near = sum(power[low : high + 1].sum() for low, high in zip(first, last))
    return float(near / power.sum()) if power.any() else 0.0


def _level(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0
