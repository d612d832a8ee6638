"""A take made again from its log: the same performers, told the same orders at the same columns.

Sample for sample what was recorded, where the same net is played by the same engine, instruction set and precision.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livewave import DeviceError, EngineUnavailable, LivewaveError
from livewave.ensemble import mixed
from livewave.link import Order
from livewave.music.clock import ManualClock
from livewave.onnxfile.kinds import SUFFIX
from livewave.performer import LARGEST_BLOCK_SAMPLES, Performer
from livewave.render.engine import Engine, open_engine
from livewave.render.modelfile import list_models, load_model
from livewave.render.wavenet import Model
from livewave.sound.wavfile import Pcm, WavFile
from livewave.stage import Leaving
from livewave.takes.log import Log, LoggedLife, Stretch, read_log
from livewave.takes.notes import write_notes
from livewave.takes.take import AUDIO, NOTES
from livewave.takes.tape import model_hash

LEAVING_S = 1.0  # far longer than a performer that makes room is heard
PART_FRAMES = 1 << 14

Progress = Callable[[float, float], None]  # seconds done and in all
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How what was made again compares with audio.wav.

    frames    of the take
    compared  of them; not what was lost in recording, nor what came after the last line of a log that was cut off
    differing of those compared
    first     number of the first that differs; None where none does
    """

    frames: int
    compared: int
    differing: int
    first: int | None

    def __str__(self) -> str:
        if not self.differing:
            return f"the same, sample for sample: {self.compared} of {self.frames} samples compared, 0 differ"
        return f"not the same: {self.differing} of {self.compared} samples compared differ, the first is number {self.first}"


def replay(folder: str | Path, out: str | None, models: Sequence[str], any_model: bool, say: Say,
           progress: Progress) -> Verdict:
    """Make the take in `folder` again, into the WAV file `out` if one is named, and compare it with its audio.wav.

    models     names or files, besides those of the model path, among which those of the take are looked for
    any_model  play with what is found under the name of a model, or named, even if it is another one
    say        is told what makes a difference likely
    Writes notes.mid too where it is missing. Raises LivewaveError.
    """
    folder = Path(folder)
    log = read_log(folder)
    recorded = _read_wav(folder / AUDIO, log.rate_hz, log.channels)
    _check_out(out, folder)
    if not (folder / NOTES).exists():
        write_notes(folder)
    casting = Casting([load_model(name) for name in models], any_model, say)
    wav = WavFile(out, log.rate_hz, channels=log.channels) if out else None
    comparison, done, total = _Comparison(log, recorded), 0, _work(log, len(recorded))
    with casting:
        for frame, frames, known in _rendered(log, len(recorded), casting):
            if frame >= 0:
                comparison.hear(frame, frames, known)
            if frame >= 0 and wav:
                wav.write(frames)
            done += len(frames)
            progress(done / log.rate_hz, total / log.rate_hz)
    if wav:
        wav.close()
        if wav.problem:
            raise DeviceError(wav.problem)
    return comparison.verdict()


def _rendered(log: Log, frames: int, casting: Casting) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Number of the first, frames of the take, and whether audio.wav ought to hold the same; with a number below 0, frames
    from before the take."""
    source: Process | None = None
    for stretch, end, known in _stretches(log, frames):
        if stretch.process and (source is None or source.number != stretch.process):
            source = Process(stretch.process, log, stretch.first, casting)
            for line in source.lines:
                while line.frame < stretch.first:
                    yield -1, line.make(stretch.first - line.frame), False
        frame, first = stretch.frame, stretch.first
        while frame < end:
            count = min(PART_FRAMES, end - frame)
            silence = np.zeros(count if log.channels == 1 else (count, log.channels), np.float32)
            yield frame, source.take(first, count) if stretch.process else silence, known
            frame, first = frame + count, first + count


def _work(log: Log, frames: int) -> int:
    """How many frames are made: of the take, and before it, of lives that had begun already."""
    before, process = 0, 0
    for stretch in log.stretches:
        if stretch.process not in (0, process):
            process = stretch.process
            before += sum(stretch.first - _coming(log, process, voice, stretch.first)[0].frame for voice in _voices(log, process))
    return frames + before


def _voices(log: Log, process: int) -> list[int]:
    return sorted({life.voice for life in log.lives.values() if life.process == process})


def _coming(log: Log, process: int, voice: int, first: int) -> list[LoggedLife]:
    """The lives of a voice that are needed for frames from number `first` on. Raises LivewaveError where they are not in the log."""
    lives = [life for life in log.lives.values() if (life.process, life.voice) == (process, voice)]
    settled = [place for place, life in enumerate(lives) if life.frame + LEAVING_S * log.rate_hz <= first]
    coming = lives[settled[-1] :] if settled else lives
    if coming[0].frame > first:
        raise LivewaveError(f"the log of this take does not say how frame {first} of process {process} was made")
    return coming


def _stretches(log: Log, frames: int) -> Iterator[tuple[Stretch, int, bool]]:
    """Each with its end, and whether it was recorded. Frames that a slow disk lost are there again."""
    ends = [stretch.frame for stretch in log.stretches[1:]] + [frames]
    process = first = 0
    for number, (stretch, end) in enumerate(zip(log.stretches, ends)):
        end = min(end, frames)
        if end <= stretch.frame:
            continue
        following = log.stretches[number + 1] if number + 1 < len(log.stretches) else None
        lost = not stretch.process and following and following.process == process and following.first == first + end - stretch.frame
        if lost:
            stretch = Stretch(stretch.frame, process, first)
        yield stretch, end, not lost
        process, first = stretch.process, stretch.first + end - stretch.frame


class Process:
    """The frames of an audio process, made again: those of its voices, added as they were added then."""

    def __init__(self, number: int, log: Log, first: int, casting: Casting) -> None:
        """`first`: no frame before that one will be asked for."""
        self.number = number
        self.lines = [Line(number, _coming(log, number, voice, first), casting) for voice in _voices(log, number)]

    def take(self, first: int, count: int) -> np.ndarray:
        """float32 [count], or [count, 2]: its frames from number `first` on, which must not be before the last ones made."""
        return mixed([line.take(first, count) for line in self.lines])


class Line:
    """The frames of a voice: its lives, each beside the one that it takes over from."""

    def __init__(self, process: int, coming: list[LoggedLife], casting: Casting) -> None:
        self._process, self._coming, self._casting = process, coming, casting
        self.frame = self._coming[0].frame
        self._now: LifeAgain | None = None
        self._leaving: Leaving | None = None

    def take(self, first: int, count: int) -> np.ndarray:
        """As `Process.take`."""
        if first < self.frame:
            raise LivewaveError(f"the log of this take goes back in time at frame {first} of process {self._process}")
        while self.frame < first:
            self.make(first - self.frame)
        parts = []
        while (missing := first + count - self.frame) > 0:
            parts.append(self.make(missing))
        return np.concatenate(parts)

    def make(self, most: int) -> np.ndarray:
        """float32: its next frames, at least one, at most `most`, not across the beginning of a life."""
        while self._coming and self._coming[0].frame <= self.frame:
            self._take_over()
        if self._coming:
            most = min(most, self._coming[0].frame - self.frame)
        frames = self._now.take(most)
        if self._leaving:
            frames = self._leaving.add_to(frames)
            if self._leaving.gone:
                self._let_go()
        self.frame += len(frames)
        return frames

    def _take_over(self) -> None:
        self._let_go()
        if self._now and self._now.makes_room:
            self._leaving = Leaving(self._now)
        elif self._now:
            self._now.close()
        self._now = LifeAgain(self._coming.pop(0), self._casting)

    def _let_go(self) -> None:
        if self._leaving:
            self._leaving.performer.close()
            self._leaving = None


class LifeAgain:
    """A performer that is told what it was told then. Made in blocks of its own size: that is never heard."""

    def __init__(self, life: LoggedLife, casting: Casting) -> None:
        if not life.whole:
            raise LivewaveError("this take cannot be made again: it was begun when the orders before it were too many to be kept; "
                                "audio.wav holds it all the same")
        self._casting, self._engine = casting, casting.engine(life)
        self._performer = Performer(self._engine, ManualClock(), life.rate_hz, LARGEST_BLOCK_SAMPLES, life.seed,
                                    life.temperature, life.gain_db, lead_s=0.0, pan=life.pan)
        columns = np.array([column for column, _ in life.orders], np.int64)
        # Orders are given in the order of then, each before the first column that it or any later one is for.
        self._due = np.minimum.accumulate(columns[::-1])[::-1]
        self._orders, self._given = life.orders, 0
        self._rest = np.zeros(0, np.float32)

    @property
    def faded_out(self) -> bool:
        return self._performer.faded_out and not len(self._rest)

    @property
    def makes_room(self) -> bool:
        """Whether it was told to stop, and is still heard."""
        return not self.faded_out and any(command.order is Order.STOP for _, command in self._orders)

    def take(self, most: int) -> np.ndarray:
        """float32: at least one frame, at most `most`."""
        while not len(self._rest):
            self._rest = self._step().copy()
        frames, self._rest = self._rest[:most], self._rest[most:]
        return frames

    def step(self) -> np.ndarray:
        """What is left of a block, or the next one."""
        return self.take(1 << 30)

    def close(self) -> None:
        self._casting.close(self._engine)

    def _step(self) -> np.ndarray:
        performer = self._performer
        end = performer.sample // performer.held + performer.block_samples // performer.held
        while self._given < len(self._orders) and self._due[self._given] < end:
            performer.obey_at(*self._orders[self._given])
            self._given += 1
        return performer.step()


class Casting:
    """Who plays each life: its net, found by name and known by its hash, and the engine of then."""

    def __init__(self, models: Sequence[Model], any_model: bool, say: Say) -> None:
        self._named = list(models)
        self._any_model, self._say = any_model, say
        self._found: dict[tuple[str, str], Model] = {}
        self._open: list[Engine] = []
        self._said: set[str] = set()

    def __enter__(self) -> Casting:
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self._open:
            engine.close()

    def engine(self, life: LoggedLife) -> Engine:
        model = self._model(life)
        engine = self._engine(model, life)
        self._open.append(engine)
        return engine

    def close(self, engine: Engine) -> None:
        self._open.remove(engine)
        engine.close()

    def _model(self, life: LoggedLife) -> Model:
        key = life.model, life.model_hash
        if key not in self._found:
            self._found[key] = self._look_for(life)
        return self._found[key]

    def _look_for(self, life: LoggedLife) -> Model:
        candidates = self._named + ([load_model(life.model)] if life.model in dict(list_models()) else [])
        right = [model for model in candidates if model_hash(model) == life.model_hash]
        if right:
            return right[0]
        if candidates and self._any_model:
            self._tell(f"{candidates[0].name} plays instead of {life.model}, and is another net: samples will differ")
            return candidates[0]
        name = life.model if life.model.endswith(SUFFIX) else f"{life.model}{SUFFIX}"
        raise LivewaveError(
            f"the take was made with the model {life.model!r} (hash {life.model_hash[:12]}), and what is here "
            f"{'has another hash' if candidates else 'does not include it'}: give --model PATH of that {Path(name).name}, or --any-model "
            "to hear it with another one")

    def _engine(self, model: Model, life: LoggedLife) -> Engine:
        options = {"precision": life.precision, "isa": life.isa} if life.engine == "native" else {}
        then = " ".join(filter(None, (life.engine, life.isa, life.precision)))
        try:
            return open_engine(life.engine, model, **options)
        except (EngineUnavailable, TypeError) as error:
            engine = open_engine("auto", model)
            now = " ".join(filter(None, (engine.name, getattr(engine, "isa", ""), getattr(engine, "precision", ""))))
            self._tell(f"the take was made by {then}, which does not run here ({error}); {now} plays, and samples may differ")
            return engine

    def _tell(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


class _Comparison:
    """Counts what differs."""

    def __init__(self, log: Log, recorded: np.ndarray) -> None:
        self._recorded, self._pcm = recorded, Pcm()
        self._until = len(recorded) if log.ended else min(log.until, len(recorded))
        self._compared = self._differing = 0
        self._first: int | None = None

    def hear(self, frame: int, frames: np.ndarray, known: bool) -> None:
        count = min(len(frames), self._until - frame) if known else 0
        if count <= 0:
            return
        pcm = self._pcm.of(frames).reshape(len(frames), *self._recorded.shape[1:])
        differs = np.flatnonzero((pcm[:count] != self._recorded[frame : frame + count]).reshape(count, -1).any(1))
        self._compared += count
        self._differing += len(differs)
        if len(differs) and self._first is None:
            self._first = frame + int(differs[0])

    def verdict(self) -> Verdict:
        return Verdict(len(self._recorded), self._compared, self._differing, self._first)


def _read_wav(path: Path, rate_hz: int, channels: int) -> np.ndarray:
    """int16 [frames], or [frames, 2]: what its header promises and the file holds."""
    if not path.is_file():
        raise LivewaveError(f"there is no {path}")
    try:
        with wave.open(str(path), "rb") as file:
            kind = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if kind != (channels, 2, rate_hz):
                raise LivewaveError(f"{path} has {kind[0]} channels of {8 * kind[1]} bits at {kind[2]} Hz; the log says "
                                    f"{channels} of 16 at {rate_hz}")
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return samples if channels == 1 else samples[: len(samples) // channels * channels].reshape(-1, channels)
    except (wave.Error, EOFError, ValueError) as error:
        raise LivewaveError(f"{path} is not a WAV file of livewave: {error}") from None
    except OSError as error:
        raise LivewaveError(f"{path} cannot be read: {error.strerror}") from None


def _check_out(out: str | None, folder: Path) -> None:
    if out and Path(out).resolve() == (folder / AUDIO).resolve():
        raise LivewaveError(f"{out} is the recording itself; give another name by --out")
