"""Train a WaveNet on what `training.prepare` made.

    python -m training.train --config training/configs/small.toml --data training/cache/flute --out training/runs/flute
    python -m training.train --config training/configs/small.toml --dry-run

Writes OUT/last.pt every run.save_every steps: the same command continues from it, exactly, after a kill at any moment.
Figures go to OUT/log.jsonl and TensorBoard (tensorboard --logdir OUT). `python -m exporters OUT/last.pt MODEL.onnx` makes a
model file.
Several processes: see `training.devices`; OUT and DATA are folders that all of them see.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import Progress

from livewave import ConfigError, EngineUnavailable, LivewaveError
from livewave.music.compass import Compass
from training.board import Board
from training.checkpoints import ORIGIN, CheckpointError, differences, flat, inherited, read_checkpoint, read_model
from training.config import Config, load_config
from training.crops import Batch, Crops, Loader
from training.data.pieces import Prepared, open_prepared
from training.devices import loaders, make_fabric, share
from training.dryrun import estimate
from training.trainer import Trainer
from training.watch import GoingNowhere, Rules, adherence, free_scores

CHECKPOINT = "last.pt"
# what may change on the way without a word
LENGTH_AND_RHYTHM = ("run.steps", "run.decay_steps", "run.report_every", "run.save_every", "watch.")
Say = Callable[[str], None]


class Session:
    """One process's part of a run: what it trains, checks and writes. Only process 0 writes."""

    def __init__(self, config: Config, fabric: Fabric, data: Prepared, out: Path, start: Path | None, say: Say) -> None:
        self.config, self.fabric, self.out, self.say = config, fabric, out, say
        check_data(config, data)
        self.rows = share(config.run.batch, fabric)
        self.crops = Crops(config, data.training)
        self.held_out = Crops(config, data.validation, "held-out").held_out(config.watch.crops).to(fabric.device)
        self.provenance, self.compass = data.provenance, Compass.of(data.provenance)
        self.trainer, self.checkpoint = Trainer(config, fabric), out / CHECKPOINT
        self._begin(data, start)
        self.rules = Rules(config.watch, self.trainer.watch)
        self.board: Board | None = None
        self._free = bool(config.watch.every)

    def _begin(self, data: Prepared, start: Path | None) -> None:
        trainer = self.trainer
        if self.checkpoint.exists():
            state = read_checkpoint(self.checkpoint)
            trainer.resume(state)
            self.provenance |= {name: text for name, text in state["provenance"].items() if name in ORIGIN}
            facts = ({name: text for name, text in table.items() if name == "licence" or name.startswith("data.")}
                     for table in (state["provenance"], data.provenance))
            if other := differences(*facts):
                raise CheckpointError(f"{self.checkpoint} was trained on other data ({'; '.join(other)}); give that --data, or "
                                      "another --out with --from to start from its weights")
            changed = [text for text in differences(flat(state["config"]), flat(self.config.to_json()))
                       if not text.startswith(LENGTH_AND_RHYTHM)]
            self.say(f"continuing {self.checkpoint} from step {trainer.step}" +
                     (f" with another configuration: {'; '.join(changed)}" if changed else ""))
        elif start is not None:
            model = read_model(start)
            trainer.start_from(model)
            self.provenance |= inherited(model)
            self.say(f"starting from the weights of {model.name}")
        else:
            trainer.prime_output(data.training)
        steps = self.fabric.all_reduce(torch.tensor(float(trainer.step)), reduce_op="mean").item()
        if steps != trainer.step:
            raise LivewaveError(f"process {self.fabric.global_rank} is at step {trainer.step} and others are not; "
                                f"{self.out} must be one folder that every node sees")

    def run(self, tick: Callable[[int], None]) -> Iterator[dict[str, float]]:
        """Train to the end, yielding a row of figures every `report_every` steps; `tick` hears of every step."""
        trainer, run = self.trainer, self.config.run
        loader = Loader(self.crops, self.rows, self.fabric.device, loaders(self.fabric))
        losses, began, heard_s = [], time.perf_counter(), trainer.heard_s
        try:
            for batch in loader.batches(trainer.step, run.steps):
                loss, length = (value.item() for value in trainer.train_step(batch))
                self.rules.step(trainer.step, loss, length)
                losses.append((loss, length))
                tick(trainer.step)
                last = trainer.step == run.steps
                if last or trainer.step % run.report_every == 0:
                    speed = (trainer.heard_s - heard_s) / (time.perf_counter() - began)
                    means = np.mean(losses, axis=0).tolist()
                    yield self.report({"train": means[0], "gradient": means[1], "audio_s_per_s": speed}, last)
                    losses, began, heard_s = [], time.perf_counter(), trainer.heard_s
                if last or trainer.step % run.save_every == 0:
                    self.save()
        except GoingNowhere as error:
            there = self.checkpoint.exists()
            kept = f"{self.checkpoint} keeps an earlier step" if there else "No checkpoint was written"
            raise GoingNowhere(f"{error}. {kept}") from None
        finally:
            loader.close()

    def report(self, figures: dict[str, float], last: bool) -> dict[str, float]:
        """Held-out loss, and now and then what takes longer; told on the board before a rule may stop the run."""
        trainer, watch, step = self.trainer, self.config.watch, self.trainer.step
        nats = self._nats(self.held_out)
        trainer.figures["held_out_nats"] = round(nats, 4)
        row = {"step": step, "heard_s": round(trainer.heard_s), "held_out": nats} | figures
        if watch.every and (last or step % watch.every == 0):
            followed = adherence(self._nats, self.held_out, nats)
            row |= followed | self._play_free()
            trainer.figures |= {f"{name}_nats": round(value, 4) for name, value in followed.items()}
        row = {name: round(value, 4) for name, value in row.items()}
        if self.board is not None:
            self.board.tell(row)
            if watch.listen_every and self._free and (last or step % watch.listen_every == 0):
                self.board.hear(step, trainer.model(), self.compass, watch.temperature)
        self.rules.held_out(step, nats)
        if "adherence" in row:
            self.rules.adherence(step, row["adherence"])
        if "level_db" in row:
            self.rules.level(step, row["level_db"])
        return row

    def _nats(self, batch: Batch) -> float:
        return self.trainer.nats(batch, len(self.rows))

    def _play_free(self) -> dict[str, float]:
        """Process 0 plays; the others learn how loud it was, so that a rule stops all of them or none."""
        scores: dict[str, float] = {}
        if self.fabric.is_global_zero and self._free:
            try:
                scores = free_scores(self.trainer.model(), self.compass, self.config.watch.temperature)
            except (ImportError, EngineUnavailable) as error:
                self._free = False
                self.say(f"no free-running scores: {error}; build the native engine with make setup")
        told = torch.tensor([float(bool(scores)), scores.get("level_db", 0.0)], dtype=torch.float64)
        there, level_db = self.fabric.all_reduce(told, reduce_op="sum").tolist()
        return scores or ({"level_db": level_db} if there else {})

    def save(self) -> None:
        trainer = self.trainer
        if self.fabric.is_global_zero:
            told = {"steps": trainer.step, "heard_s": round(trainer.heard_s)} | trainer.figures
            if self.config.data.soft_share:
                told["soft_share"] = self.config.data.soft_share
            texts = {f"training.{name}": str(value) for name, value in told.items()}
            trainer.save(self.checkpoint, self.provenance | texts)


def check_data(config: Config, data: Prepared) -> None:
    """Raises ConfigError when the data was prepared for another net."""
    for name, there in (("model_rate_hz", data.rate_hz), ("roll_rate_hz", data.roll_rate_hz)):
        wanted = getattr(config.net, name)
        if there != wanted:
            raise ConfigError(f"{data.folder} was prepared at {there} Hz, and [net] {name} is {wanted}; prepare it at "
                              f"{wanted} Hz, or give --set net.{name}={there}")
    if config.net.output == "logistic" and data.about.get("encoding") == "mulaw":
        raise ConfigError(f"{data.folder} keeps 256 mu-law classes, and [net] output is logistic; prepare it with --encoding pcm16")


def train(args: argparse.Namespace, config: Config, fabric: Fabric) -> None:
    """The whole run, with a progress bar on a terminal and plain lines elsewhere."""
    first, data = fabric.is_global_zero, open_prepared(args.data)
    with Progress(*Progress.get_default_columns(), disable=not (first and sys.stdout.isatty())) as bar:
        def say(text: str) -> None:
            if first:
                bar.console.print(text, highlight=False, soft_wrap=True, markup=False)

        session, began = Session(config, fabric, data, args.out, args.start, say), time.perf_counter()
        if session.trainer.step >= config.run.steps:
            say(f"{session.checkpoint} is at step {session.trainer.step}, the end; for more, raise run.steps")
            return
        if first:
            args.out.mkdir(parents=True, exist_ok=True)
            session.board = Board(args.out, session.trainer.step)
        task = bar.add_task("training", total=config.run.steps)
        try:
            for row in session.run(lambda step: bar.update(task, completed=step)):
                say(line(row, config.run.steps, time.perf_counter() - began))
        finally:
            if session.board is not None:
                session.board.close()


def line(row: dict[str, float], steps: int, took_s: float) -> str:
    """A row of figures in words."""
    told = [f"step {row['step']}/{steps}", f"train {row['train']:.3f}", f"held out {row['held_out']:.3f}",
            *(f"{label} {row[name]:{form}}" for name, label, form in (
                ("adherence", "adherence", ".3f"), ("frames_in_tune", "in tune", ".2f"),
                ("onset_delay_ms", "onset ms", ".0f"), ("rest_db", "rests dB", ".0f"),
                ("restart_spoken", "restarts", ".2f"), ("level_db", "level dB", ".0f"),
            ) if name in row),
            f"{row['heard_s']} s heard at {row['audio_s_per_s']:.2f} s/s", f"{took_s:.0f} s"]
    return "  ".join(told)


def dry_run(args: argparse.Namespace, config: Config, fabric: Fabric) -> None:
    """Print what the run would take. Writes nothing."""
    crops = None
    if args.start is not None:
        Trainer(config, fabric).start_from(read_model(args.start))
    if args.data is not None:
        data = open_prepared(args.data)
        check_data(config, data)
        crops = Crops(config, data.training)
        Crops(config, data.validation, "held-out")
    found = estimate(config, fabric, crops)
    if fabric.is_global_zero:
        print("\n".join(found.lines(config)))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE.toml", help="see training/configs")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="made by python -m training.prepare")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="checkpoint and figures; continues what is there")
    parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="SECTION.KEY=VALUE", dest="sets",
                        help="over the configuration, such as run.steps=20000 run.seed=1")
    parser.add_argument("--from", type=Path, metavar="MODEL.onnx|CHECKPOINT.pt", dest="start",
                        help="start at these weights instead of random ones")
    parser.add_argument("--dry-run", action="store_true",
                        help="measure a few steps, tell memory and time, write nothing")
    parser.add_argument("--accelerator", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--devices", type=int, metavar="N",
                        help="processes on this machine (default: every GPU, one CPU process)")
    parser.add_argument("--nodes", type=int, metavar="N", help="machines (default: as torchrun says, else 1)")
    parser.add_argument("--threads", type=int, metavar="N",
                        help="of each process on a CPU (default: PyTorch's own choice)")
    args = parser.parse_args(argv)
    if not args.dry_run and (args.data is None or args.out is None):
        parser.error("a run needs --data and --out")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 trained, 1 failed or interrupted with one clear line (2, from argparse: wrong command line)."""
    args = parse(argv)
    try:
        config = load_config(args.config, args.sets)
        if args.threads is not None and args.threads < 1:
            raise ConfigError(f"--threads is {args.threads}; it must be 1 or more")
        fabric = make_fabric(args.accelerator, args.devices, args.nodes)
        fabric.launch()
        if args.threads:
            torch.set_num_threads(args.threads)
        (dry_run if args.dry_run else train)(args, config, fabric)
    except LivewaveError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or args.out}: {error.strerror or error}; once that is mended, the same command goes on "
              "from the last checkpoint", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 1
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
