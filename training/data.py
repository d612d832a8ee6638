"""Notes -> audio and roll, sample-exact: a SoundFont plays the events, `livewave.music` makes the columns.

    python -m training.data --soundfont FluidR3_GM.sf2 --program 73 --low 55 --high 88 --minutes 60 training/cache/flute
    python -m training.data --soundfont FluidR3_GM.sf2 --program 42 --midi chorales/ training/cache/cello

Every piece becomes OUT/NNNN.npz: audio int16 [samples] at 16 kHz, roll uint8 [columns, 128] at 1 kHz, hint float16 [samples, 4].
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from livewave import LivewaveError
from livewave.control.events import Event, NoteOff, NoteOn, Release, Strike
from livewave.music.ledger import Ledger
from livewave.music.roll import columns_of
from livewave.music.score import read_score
from livewave.render.wavenet import HINT_CHANNELS, WaveNetSpec, phase_steps

SYNTH_RATE_HZ = 48_000
FULL_SCALE = 32_767
HINT_PERIODS = 6  # length of the window that measures a note's phase, in periods of its fundamental
TAIL_S = 1.0
RING_OUT_S = 2.0  # of a note that was held at the end of a piece, before the next one begins


@dataclass(frozen=True, slots=True)
class Note:
    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Piece:
    """audio float32 [samples]; roll uint8 [columns, 128]; hint float32 [samples, 4] locked to the audio's phase."""

    audio: np.ndarray
    roll: np.ndarray
    hint: np.ndarray

    def save(self, path: Path) -> None:
        audio = np.round(np.clip(self.audio, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
        np.savez_compressed(path, audio=audio, roll=self.roll, hint=self.hint.astype(np.float16))

    @classmethod
    def load(cls, path: Path) -> Piece:
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["audio"].astype(np.float32) / FULL_SCALE, arrays["roll"], arrays["hint"])


def compose(rng: random.Random, low: int, high: int, seconds: float, chords: float = 0.25) -> list[Note]:
    """A piece that teaches an instrument to follow: leaps, steps, scales, repeated notes, chords, rests, long and short.

    Velocities stay within 85..100: a binary roll cannot explain a level that wanders.
    """
    notes: list[Note] = []
    t, pitch = rng.uniform(0.05, 0.5), rng.randint(low, high)
    while t < seconds - 2.0:
        if rng.random() < 0.10:
            t += rng.choice([rng.uniform(0.2, 1.0), rng.uniform(1.0, 5.0)])
            continue
        line = _line(rng, low, high, pitch)
        beat = rng.choice([0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.8, 1.4, 2.5])
        gate = rng.choice([0.5, 0.8, 0.95, 1.0, 1.0, 1.0])
        chordal = rng.random() < chords
        for pitch in line[: 3 if beat > 0.45 else None]:
            length = beat * rng.uniform(0.9, 1.1)
            for voice in _chord(rng, pitch, high) if chordal else [pitch]:
                notes.append(Note(t, t + length * gate, voice, rng.randint(85, 100)))
            t += length
            if t > seconds - 2.0:
                break
    return _without_overlaps(notes)


def _line(rng: random.Random, low: int, high: int, pitch: int) -> list[int]:
    count, kind = rng.randint(3, 12), rng.random()
    if kind < 0.45:
        return [rng.randint(low, high) for _ in range(count)]
    if kind < 0.75:
        line = []
        for _ in range(count):
            pitch = min(max(pitch + rng.choice([-7, -5, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 5, 7]), low), high)
            line.append(pitch)
        return line
    scale = rng.choice([[0, 2, 4, 5, 7, 9, 11, 12], [0, 2, 3, 5, 7, 8, 11, 12], [0, 4, 7, 12], [0, 3, 7, 12], list(range(13))])
    root = rng.randint(low, high - 12)
    line = [root + step for step in scale]
    return line[::-1] if rng.random() < 0.5 else line


def _chord(rng: random.Random, pitch: int, high: int) -> list[int]:
    upper = rng.sample([3, 4, 5, 7, 8, 9, 12], rng.randint(1, 2))
    return [pitch] + [pitch + interval for interval in upper if pitch + interval <= high]


def _without_overlaps(notes: list[Note]) -> list[Note]:
    """A pitch that is struck again first ends: the synthesiser would otherwise sound it twice at once."""
    starts: dict[int, list[float]] = {}
    for note in notes:
        starts.setdefault(note.pitch, []).append(note.start_s)
    kept = []
    for note in sorted(notes, key=lambda n: (n.start_s, n.pitch)):
        later = [s for s in starts[note.pitch] if s > note.start_s]
        end_s = min([note.end_s, *(s - 0.001 for s in later)])
        if end_s - note.start_s > 0.02:
            kept.append(Note(note.start_s, end_s, note.pitch, note.velocity))
    return kept


def events_of(notes: Iterable[Note]) -> list[Event]:
    """Note-ons and note-offs in order of time; an off comes before an on of the same instant."""
    events: list[Event] = []
    for note in notes:
        events.append(NoteOn(note.start_s, "score", 0, note.pitch, note.velocity))
        events.append(NoteOff(note.end_s, "score", 0, note.pitch))
    return sorted(events, key=lambda e: (e.at_s, isinstance(e, NoteOn)))


def roll_of(events: Iterable[Event], seconds: float, rate_hz: int) -> np.ndarray:
    """uint8 [columns, 128]: what the stage would hold if it received `events`: pedal, doubled notes and re-strikes included."""
    return columns_of(changes_of(events), round(seconds * rate_hz), rate_hz)


def changes_of(events: Iterable[Event]) -> list[Strike | Release]:
    ledger = Ledger()
    return [change for event in events for change in ledger.feed(event)]


class SoundFont:
    """A synthesiser without reverb or chorus that plays one program of a SoundFont.

    FluidSynth: the same calls in the same order give the same bits. Raises LivewaveError without the file or the program.
    """

    def __init__(self, path: str, program: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            import fluidsynth

        if not Path(path).is_file():
            raise LivewaveError(f"no SoundFont at {path}; on Debian: apt-get install fluid-soundfont-gm")
        self._synth = fluidsynth.Synth(gain=0.3, samplerate=float(SYNTH_RATE_HZ))
        self._synth.setting("synth.reverb.active", 0)
        self._synth.setting("synth.chorus.active", 0)
        self._font, self._program = self._synth.sfload(path), program
        if self._font < 0 or self._synth.program_select(0, self._font, 0, program) < 0:
            raise LivewaveError(f"{path} is no SoundFont that holds program {program} in bank 0")

    def play(self, events: Sequence[Event], seconds: float, rate_hz: int) -> np.ndarray:
        """float32 [samples] at `rate_hz`, mono. An event takes effect within 64 synthesiser frames (1.3 ms).

        What is played are the strikes and releases that the roll shows: a note doubled by another channel sounds on.
        """
        import soxr

        self._synth.system_reset()  # what the last piece still held is let go; it also forgets the program
        self._synth.program_select(0, self._font, 0, self._program)
        self._synth.get_samples(round(RING_OUT_S * SYNTH_RATE_HZ))
        parts, frame = [], 0
        for change in changes_of(events):
            at = min(round(change.at_s * SYNTH_RATE_HZ), round(seconds * SYNTH_RATE_HZ))
            if at > frame:
                parts.append(self._synth.get_samples(at - frame))
                frame = at
            self._send(change)
        parts.append(self._synth.get_samples(round(seconds * SYNTH_RATE_HZ) - frame))
        mono = np.concatenate(parts).reshape(-1, 2).mean(1, dtype=np.float32) / 32_768.0
        return soxr.resample(mono, SYNTH_RATE_HZ, rate_hz)[: round(seconds * rate_hz)]

    def close(self) -> None:
        self._synth.delete()

    def _send(self, change: Strike | Release) -> None:
        if isinstance(change, Strike):
            self._synth.noteon(0, change.pitch, change.velocity)
        else:
            self._synth.noteoff(0, change.pitch)


def locked_hint(spec: WaveNetSpec, audio: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """float32 [samples, 4]: the f0 hint with the phase each note really has in `audio`.

    Each sounding stretch of a pitch is demodulated at its fundamental under a Hann window of HINT_PERIODS periods. A net that
    learns from this follows a plain oscillator when played; one that learns from a free-running oscillator ignores it.
    """
    from scipy.signal import fftconvolve

    held, steps = len(audio) // len(roll), phase_steps(spec)
    hint = np.zeros((len(audio), HINT_CHANNELS), np.float32)
    for pitch in np.flatnonzero(roll.any(0)):
        turns_per_sample = float(steps[pitch]) / 2.0**32
        window = np.hanning(int(HINT_PERIODS / turns_per_sample) | 1)
        edges = np.flatnonzero(np.diff(roll[:, pitch] > 0, prepend=False, append=False)) * held
        for start, stop in edges.reshape(-1, 2):
            angle = 2.0 * np.pi * turns_per_sample * np.arange(start, stop)
            drift = fftconvolve(audio[start:stop] * np.exp(-1j * angle), window, "same")
            angle += np.where(np.abs(drift) > 1e-6, np.angle(drift), 0.0)
            for harmonic in (1, 2):
                if harmonic * turns_per_sample < 0.5:
                    hint[start:stop, 2 * harmonic - 2] += np.cos(harmonic * angle)
                    hint[start:stop, 2 * harmonic - 1] += np.sin(harmonic * angle)
    return hint


def make_piece(spec: WaveNetSpec, font: SoundFont, events: Sequence[Event], seconds: float, gain: float = 1.0) -> Piece:
    seconds = round(seconds * spec.roll_rate_hz) / spec.roll_rate_hz  # whole columns, or audio and roll drift apart
    audio = np.clip(font.play(events, seconds, spec.model_rate_hz) * gain, -1.0, 1.0)
    roll = roll_of(events, seconds, spec.roll_rate_hz)
    return Piece(audio, roll, locked_hint(spec, audio, roll))


def level_gain(font: SoundFont, low: int, high: int, rate_hz: int) -> float:
    """The gain that brings a three-note chord at velocity 95 to a peak of 0.8, the loudest register deciding."""
    peaks = []
    for root in range(low, high - 7, 4):
        chord = [Note(0.1, 1.2, root + step, 95) for step in (0, 4, 7)]
        peaks.append(np.abs(font.play(events_of(chord), 1.5, rate_hz)).max())
    return 0.8 / max(peaks)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", required=True)
    parser.add_argument("--program", type=int, required=True, help="General MIDI program, counted from 0")
    parser.add_argument("--low", type=int, default=55, help="lowest pitch of the instrument")
    parser.add_argument("--high", type=int, default=88, help="highest pitch")
    parser.add_argument("--midi", type=Path, help="play this folder's MIDI files instead of composed pieces")
    parser.add_argument("--minutes", type=int, default=60, help="composed pieces of one minute each")
    parser.add_argument("--chords", type=float, default=0.25, help="share of composed lines that are chords, 0..1")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    try:
        _prepare(args)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(args: argparse.Namespace) -> None:
    if not 0 <= args.low <= args.high - 12 <= 115:
        raise LivewaveError(f"pitches {args.low}..{args.high}: both must lie in 0..127, at least an octave apart")
    spec, scores = WaveNetSpec(), _scores(args)
    font = SoundFont(args.soundfont, args.program)
    gain = level_gain(font, args.low, args.high, spec.model_rate_hz)
    args.out.mkdir(parents=True, exist_ok=True)
    for index, (events, seconds) in enumerate(track(scores, "rendering")):
        make_piece(spec, font, events, seconds, gain).save(args.out / f"{index:04d}.npz")
    font.close()
    about = {"soundfont": Path(args.soundfont).name, "program": args.program, "low": args.low, "high": args.high,
             "gain": round(float(gain), 4), "seed": args.seed, "pieces": len(scores)}
    (args.out / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def _scores(args: argparse.Namespace) -> list[tuple[list[Event], float]]:
    if args.midi:
        scores = [read_score(path) for path in sorted(args.midi.rglob("*.mid*"))]
        if not scores:
            raise LivewaveError(f"no .mid or .midi file below {args.midi}")
        return [(events, events[-1].at_s + TAIL_S) for events in scores]
    rng = random.Random(args.seed)
    return [(events_of(compose(rng, args.low, args.high, 60.0, args.chords)), 60.0) for _ in range(args.minutes)]


if __name__ == "__main__":
    sys.exit(main())
