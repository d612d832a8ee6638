"""Free-running scores: does it follow the notes? Held-out loss does not show that, only playing does.

Each part of PARTS plays phrases that were in no training data and measures them; KEYS tells what every score means, and
TARGETS what an instrument must reach to be shipped. Notes of the phrases last a second or little more, so that a struck
string still rings at their end: every instrument is judged on all of its notes, and silence while one sounds is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from livewave.hearing import measures
from livewave.hearing.measures import level_db
from livewave.hearing.spectra import hz_of
from livewave.music.compass import Compass
from livewave.music.score import Note
from livewave.render.wavenet import Model
from training.phrases import SONGS, START_S, VERSE_S, VERSES, chords, held, leaps, minute, repeats, rests, song
from training.players import NetPlayer, Player

Row, Takes = dict[str, float], dict[str, np.ndarray]  # scores by their keys; float32 [samples] by phrase

RING_OUT_S = 0.25  # after a note's end its release may still be heard: a rest is judged from there on
EARLY_S = 0.02  # before the next note, likewise not judged
BEFORE_S = 0.2  # of the start, in which nothing is played yet
BURST_DB = 3.0
ALIKE_DB = 10.0  # a note further away from its neighbours' level has not spoken
RISE_DB = 3.0  # by which the level must rise for a second onset to be heard,
BEYOND_DB = 1.0  # and by so much more than it does in the same note held
FREE_S = 30.0  # of an unconditioned net

KEYS = {
    "lines.frames_in_tune": "share of frames within 50 cents, from 60 ms after an onset on: mean of songs and leaps",
    "happy_birthday.frames_in_tune": "the same of this song",
    "ode_to_joy.frames_in_tune": "the same of this song",
    "leaps.frames_in_tune": "the same of random leaps across the compass",
    "onset.median_ms": "from a note's beginning in the roll to its sound, after a rest: median",
    "onset.p95_ms": "the same, which 95 % of the notes keep",
    "leaps.onset_ms": "the same out of another note: until half of its amplitude is there, median",
    "level.notes_db": "level of the leaps, of full scale",
    "rests.heard_db": "level of rests, from 250 ms after a note on, relative to notes: as played, silenced by the voice",
    "rests.net_db": "the same of the net alone, before anything silences it",
    "start.heard_db": "level of the first 200 ms, before the first note, relative to notes: as played",
    "start.net_db": "the same of the net alone, from where `reset` leaves it",
    "start.bursts": "share of notes after rests whose first 10 ms peak 3 dB above what follows: a click before the note",
    "restart.spoken": "share of notes after 5 s of rest in tune and within 10 dB of the note before the rest",
    "chords.on_top": "share of chords of three whose pitch classes are the three strongest of the chroma",
    "chords.recall": "share of chord notes, from 110 Hz up, and frames whose fundamental stands out",
    "restruck.heard_as_two": "share of notes struck again without a rest whose level rises by 3 dB there, and does not if held",
    "restruck.by_chance": "share of notes held on whose level does the same",
    "minute.frames_in_tune": "as lines, over a minute without a rest",
    "minute.in_tune_change": "of its last 10 s, less that of its first 10 s, which have the same notes",
    "minute.level_change_db": "by how much the level of any of its 10 s differs from that of the first",
    "minute.noise_db": "energy beside the partials of the notes, relative to all, mean of its 10 s",
    "minute.noise_change_db": "by how much that rises at most over the first 10 s",
    "free.level_db": "level of what an unconditioned net makes, of full scale",
    "free.level_change_db": "by how much the level of any 10 s differs from that of the first",
    "free.flatness": "spectral flatness, median: 0 a tone, 1 white noise",
    "free.centroid_hz": "spectral centroid, median",
}


@dataclass(frozen=True, slots=True)
class Target:
    key: str
    comparison: str  # ">=" or "<="
    limit: float

    def missed_by(self, value: float) -> float:
        """How far `value` is on the wrong side of the limit; 0 when it is reached."""
        return max(0.0, self.limit - value if self.comparison == ">=" else value - self.limit)

    def worst(self, values: Iterable[float]) -> float:
        return min(values) if self.comparison == ">=" else max(values)


TARGETS = (
    Target("lines.frames_in_tune", ">=", 0.95), Target("chords.on_top", ">=", 0.8), Target("onset.median_ms", "<=", 40.0),
    Target("onset.p95_ms", "<=", 40.0), Target("rests.heard_db", "<=", -30.0), Target("rests.net_db", "<=", -30.0),
    Target("start.heard_db", "<=", -40.0), Target("start.bursts", "<=", 0.0), Target("restart.spoken", ">=", 0.95),
    Target("restruck.heard_as_two", ">=", 0.75), Target("minute.frames_in_tune", ">=", 0.95),
    Target("minute.in_tune_change", ">=", -0.05), Target("minute.level_change_db", "<=", 6.0),
    Target("minute.noise_change_db", "<=", 6.0), Target("free.level_change_db", "<=", 6.0),
)


def misses(scores: Row, reference: Row | None = None) -> list[str]:
    """A line for every target that `scores` does not reach: by how much, and what the reference reaches."""
    found = []
    for target in TARGETS:
        conditioned = not target.key.startswith("free.")
        if target.key in scores and (by := target.missed_by(scores[target.key])):
            itself = f" (the reference itself: {reference[target.key]:.3g})" if reference else ""
            aim = f"{target.comparison} {target.limit:g}"
            found.append(f"{target.key} is {scores[target.key]:.3g}, {by:.2g} off {aim}{itself}")
        elif target.key not in scores and conditioned == ("free.level_db" not in scores):
            found.append(f"{target.key} was not measured")
    return found


def play(model: Model, notes: Sequence[Note], seed: int, temperature: float, tail_s: float = 1.0,
         precision: str = "auto") -> np.ndarray:
    """float32 [samples] at the model's rate: the notes as a fresh `Voice` plays them on the native engine."""
    player = NetPlayer(model, seed, temperature, precision)
    try:
        return player.play(notes, tail_s)
    finally:
        player.close()


def quick_scores(model: Model, compass: Compass, temperature: float = 0.8, seed: int = 1) -> Row:
    """What to watch while training, from 18 s of playing.

    frames_in_tune   share of the frames of a line of leaps within 50 cents
    onset_delay_ms   median time until notes after rests sound; the whole note where one never does
    rest_db          level of the net's own rests, before anything silences them, relative to the notes
    restart_spoken   share of notes after rests that are in tune and as loud as the first
    level_db         level of the notes, of full scale
    Of an unconditioned model: level_db alone.
    """
    player = NetPlayer(model, seed, temperature)
    try:
        if not model.spec.cond_channels:
            return {"level_db": level_db(player.play_free(5.0))}
        line, calls, pauses = leaps(compass, seed, 12), rests(compass, seed, 4, 1.2), rests(compass, 50 + seed, 3, 1.2)
        rate, followed, called = player.rate_hz, player.play(line), player.play(calls, 0.2)
        return {"frames_in_tune": measures.in_tune(followed, rate, line, compass)["frames_in_tune"],
                "onset_delay_ms": float(np.median(delays_ms(called, rate, calls))),
                "rest_db": rest_db(player.play_bare(pauses, 1.2), rate, pauses),
                "restart_spoken": spoken(called, rate, calls, compass),
                "level_db": level_db(sounding(followed, rate, line))}
    finally:
        player.close()


# parts: what is played for one seed, and its scores


def lines(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    phrases = {name: song(name, compass) for name in SONGS}
    phrases |= {"leaps": leaps(compass, seed), "rests": rests(compass, seed)}
    takes = {name: player.play(notes) for name, notes in phrases.items()}
    rate, pauses = player.rate_hz, phrases.pop("rests")
    row = {f"{name}.frames_in_tune": measures.in_tune(takes[name], rate, notes, compass)["frames_in_tune"]
           for name, notes in phrases.items()}
    row["lines.frames_in_tune"] = float(np.mean(list(row.values())))
    late = delays_ms(takes["rests"], rate, pauses)
    row |= {"onset.median_ms": float(np.median(late)), "onset.p95_ms": float(np.percentile(late, 95)),
            "leaps.onset_ms": float(np.median(delays_ms(takes["leaps"], rate, phrases["leaps"]))),
            "start.bursts": float(np.mean([burst_db(takes["rests"], rate, note) > BURST_DB for note in pauses])),
            "level.notes_db": level_db(sounding(takes["leaps"], rate, phrases["leaps"])),
            "rests.heard_db": rest_db(takes["rests"], rate, pauses),
            "start.heard_db": start_db(takes["rests"], rate, pauses)}
    return row, takes


def pauses(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    notes, rate, answers, takes = rests(compass, seed), player.rate_hz, [], {}
    takes["bare"] = player.play_bare(notes)
    row = {"rests.net_db": rest_db(takes["bare"], rate, notes), "start.net_db": start_db(takes["bare"], rate, notes)}
    calls = rests(compass, 90 + seed, 5, rest_s=5.0)
    takes["restart"] = player.play(calls, 0.2)
    return row | {"restart.spoken": spoken(takes["restart"], rate, calls, compass)}, takes


def chordal(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    notes, rate = chords(compass, seed), player.rate_hz
    audio = player.play(notes)
    return {"chords.on_top": measures.pitch_classes_on_top(audio, rate, notes),
            "chords.recall": measures.chord_recall(audio, rate, notes)}, {"chords": audio}


def restruck(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    """Each pair is played struck twice, and held: what rises where it is struck must not do so anyway.

    A pair that rises more when it is struck counts for the player, one that rises more when it is held against it: a
    level that wavers by itself has as many of both.
    """
    pairs, rate = repeats(compass, seed), player.rate_hz
    takes = {"repeats": player.play(pairs), "held": player.play(held(pairs))}
    twice, once = (np.array([rise_db(audio, rate, note) for note in pairs[1::2]]) for audio in takes.values())
    heard, imagined = ((rise >= RISE_DB) & (rise > other + BEYOND_DB) for rise, other in ((twice, once), (once, twice)))
    return {"restruck.heard_as_two": max(0.0, float(np.mean(heard) - np.mean(imagined))),
            "restruck.by_chance": float(np.mean(once >= RISE_DB))}, takes


def endurance(player: Player, compass: Compass, seed: int) -> tuple[Row, Takes]:
    notes, rate = minute(compass, seed), player.rate_hz
    audio = player.play(notes)
    verse = notes[: len(notes) // VERSES]
    tuned, levels, noises = [], [], []
    for first in range(VERSES):
        part = audio[round(first * VERSE_S * rate) : round(((first + 1) * VERSE_S + START_S) * rate)]
        tuned.append(measures.in_tune(part, rate, verse, compass)["frames_in_tune"])
        levels.append(level_db(sounding(part, rate, verse)))
        noises.append(measures.noise_db(part, rate, verse))
    row = {"minute.frames_in_tune": float(np.mean(tuned)), "minute.in_tune_change": tuned[-1] - tuned[0],
           "minute.level_change_db": float(np.abs(np.subtract(levels, levels[0])).max()),
           "minute.noise_db": float(np.mean(noises)), "minute.noise_change_db": max(noises) - noises[0]}
    return row, {"minute": audio}


def free(player: NetPlayer, compass: Compass, seed: int) -> tuple[Row, Takes]:
    audio = player.play_free(FREE_S)
    levels = [level_db(part) for part in np.split(audio, 3)]
    row = {f"free.{key}": value for key, value in timbre(audio, player.rate_hz).items()}
    return row | {"free.level_change_db": float(np.abs(np.subtract(levels, levels[0])).max())}, {"free": audio}


PARTS: dict[str, Callable[[Player, Compass, int], tuple[Row, Takes]]] = {
    "lines": lines, "pauses": pauses, "chords": chordal, "restruck": restruck, "minute": endurance, "free": free}


def parts_of(model: Model) -> list[str]:
    """The parts that this model can be judged by."""
    return [name for name in PARTS if name != "free"] if model.spec.cond_channels else ["free"]


# measures of one take


def sounding(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> np.ndarray:
    """float32 [samples]: the audio of every note, from its start to its end, one after the other."""
    return np.concatenate([audio[round(note.start_s * rate_hz) : round(note.end_s * rate_hz)] for note in notes])


def delays_ms(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> list[float]:
    """Per note the time until it sounds; its whole length when it never does."""
    late_s = measures.onset_delay_s(audio, rate_hz, notes)
    return [1e3 * min(float(delay), note.end_s - note.start_s) for delay, note in zip(late_s, notes)]


def rest_db(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Level of all rests of at least a second, relative to the notes: 0 when nothing distinguishes them.

    A rest counts from RING_OUT_S after a note's end to EARLY_S before the next note or to the end of the audio.
    """
    starts = [note.start_s - EARLY_S for note in notes[1:]] + [len(audio) / rate_hz]
    spans = [(note.end_s + RING_OUT_S, until_s) for note, until_s in zip(notes, starts) if until_s - note.end_s > 0.95]
    quiet = np.concatenate([audio[round(since_s * rate_hz) : round(until_s * rate_hz)] for since_s, until_s in spans])
    return level_db(quiet) - level_db(sounding(audio, rate_hz, notes))


def start_db(audio: np.ndarray, rate_hz: int, notes: Sequence[Note]) -> float:
    """Level of the first BEFORE_S, before the first note, relative to the notes."""
    return level_db(audio[: round(BEFORE_S * rate_hz)]) - level_db(sounding(audio, rate_hz, notes))


def burst_db(audio: np.ndarray, rate_hz: int, note: Note) -> float:
    """By how much the peak of a note's first 10 ms tops that of the next 20 ms, or of two periods if they are longer."""
    start, end = round(note.start_s * rate_hz), round((note.start_s + 0.01) * rate_hz)
    after = round(rate_hz * max(0.02, 2.0 / hz_of(note.pitch)))
    first, then = (np.abs(part).max() + 1e-6 for part in (audio[start:end], audio[end : end + after]))
    return 20.0 * float(np.log10(first / then))


def spoken(audio: np.ndarray, rate_hz: int, notes: Sequence[Note], compass: Compass) -> float:
    """Share of the notes after the first that are in tune and within ALIKE_DB of the note before."""
    levels, good = [level_db(sounding(audio, rate_hz, [note])) for note in notes], []
    for note, level, before in zip(notes[1:], levels[1:], levels):
        since_s = note.start_s - START_S
        alone = audio[round(since_s * rate_hz) : round((note.end_s + RING_OUT_S) * rate_hz)]
        moved = replace(note, start_s=START_S, end_s=note.end_s - since_s)
        tuned = measures.in_tune(alone, rate_hz, [moved], compass)["notes_in_tune"] == 1.0
        good.append(tuned and abs(level - before) < ALIKE_DB)
    return float(np.mean(good))


def rise_db(audio: np.ndarray, rate_hz: int, note: Note) -> float:
    """By how much the level rises within 200 ms from its lowest point around the strike (20 ms before to 130 ms after).

    The level is that of a window of two periods, 15 ms at least. A dip before the strike is not asked for: what was
    struck before may ring on.
    """
    size = round(rate_hz * max(0.015, 2.0 / hz_of(note.pitch)))
    window = np.hanning(size) / np.hanning(size).sum()
    first, last = round((note.start_s - 0.02) * rate_hz), round((note.start_s + 0.13) * rate_hz)
    power = np.square(audio[first - size : last + round(0.2 * rate_hz) + size], dtype=np.float64)
    level = 10.0 * np.log10(np.convolve(power, window, "same")[size:-size] + 1e-12)
    lowest = int(np.argmin(level[: last - first]))
    return float(level[lowest : lowest + round(0.2 * rate_hz)].max() - level[lowest])


def timbre(audio: np.ndarray, rate_hz: int) -> dict[str, float]:
    """Level, spectral flatness and centroid: how alike two sounds are that follow no notes."""
    import librosa

    return {"level_db": level_db(audio), "flatness": float(np.median(librosa.feature.spectral_flatness(y=audio))),
            "centroid_hz": float(np.median(librosa.feature.spectral_centroid(y=audio, sr=rate_hz)))}
