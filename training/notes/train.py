"""Train a biaxial LSTM on what `training.notes.prepare` made.

    python -m training.notes.train --config training/notes/chorale.toml --data training/cache/notes --out training/runs/chorale

Writes OUT/last.pt every run.save_every steps: the same command continues from it, exactly, after a kill at any moment.
Figures go to OUT/log.jsonl. `python -m exporters OUT/last.pt livewave/models/continuation/NAME.onnx` makes a model file.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from torch import nn

from livewave import LivewaveError
from livewave.music.biaxial import NOTES, BiaxialSpec, features
from training.biaxial import Biaxial, chosen_of, nats, velocity_error
from training.checkpoints import CheckpointError, differences, flat, load_state, write_checkpoint
from training.devices import make_fabric
from training.notes.baselines import marginal_nats, repeat_last_nats
from training.notes.config import Config, load_config
from training.notes.crops import Crops
from training.notes.pieces import Piece, Prepared, open_pieces

CHECKPOINT, LOG, KIND = "last.pt", "log.jsonl", "biaxial"
GLANCE_PIECES = 3  # of each group, looked at while training; all of them at the end
LENGTH_AND_RHYTHM = ("run.steps", "run.report_every", "run.save_every")
Say = Callable[[str], None]


class Session:
    """One run: the net, its optimiser, and what it has done."""

    def __init__(self, config: Config, data: Prepared, out: Path, device: torch.device, say: Say) -> None:
        self.config, self.data, self.out, self.device, self.say = config, data, out, device, say
        torch.manual_seed(config.run.seed)
        self.net = Biaxial(config.net, config.run.dropout).to(device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), config.run.rate)
        self.crops, self.step, self.figures = Crops(config, data.training), 0, {}
        if (out / CHECKPOINT).exists():
            self._resume()

    def train_step(self) -> float:
        """Learn one batch; its nats a step."""
        run = self.config.run
        for group in self.optimiser.param_groups:
            group["lr"] = run.rate * rate_factor(self.step, run.steps, run.warmup_steps)
        torch.manual_seed(hash((run.seed, self.step)) % 2**63)  # dropout, the same after a kill
        batch = self.crops.batch(self.step).to(self.device)
        chosen = chosen_of(batch.rows, self.config.net)
        self.net.train()
        logits, _ = self.net(batch.features, chosen)
        loss = mean_nats = nats(logits, chosen).mean()
        if self.config.net.velocity:
            loss = loss + run.velocity_weight * velocity_error(logits, chosen).mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), run.clip)
        self.optimiser.step()
        self.step += 1
        return mean_nats.item()

    def measure(self, pieces: Sequence[Piece]) -> dict[str, float]:
        """Nats a step of whole pieces, all notes, of all of them and of each group."""
        spent: dict[str, list[float]] = {}
        for piece in pieces:
            spent.setdefault(piece.group, []).extend(piece_nats(self.net, piece, self.device))
        everything = [value for values in spent.values() for value in values]
        return {"nats": float(np.mean(everything))} | {f"nats.{group}": float(np.mean(v)) for group, v in sorted(spent.items())}

    def glance(self) -> list[Piece]:
        groups = sorted({piece.group for piece in self.data.validation})
        return [piece for group in groups
                for piece in [one for one in self.data.validation if one.group == group][:GLANCE_PIECES]]

    def finish(self) -> None:
        """The last measure: every held-out piece, beside the baselines, into the checkpoint."""
        training, held_out = self.data.training, self.data.validation
        self.figures = {f"score.{name}": round(value, 4) for name, value in self.measure(held_out).items()}
        for name, baseline in (("marginal", marginal_nats), ("repeat_last", repeat_last_nats)):
            self.figures[f"score.baseline.{name}"] = round(baseline(training, held_out), 4)
            for group in sorted({piece.group for piece in held_out}):
                self.figures[f"score.baseline.{name}.{group}"] = round(baseline(
                    training, [piece for piece in held_out if piece.group == group]), 4)
        self.save()
        self.say("  ".join(f"{name.removeprefix('score.')} {value:.3f}" for name, value in self.figures.items()))

    def save(self) -> None:
        told = {"training.steps": self.step, "training.sixteenths": self.step * self.config.run.batch * self.config.run.length}
        state = {"kind": KIND, "spec": self.config.net.to_json(), "config": self.config.to_json(), "step": self.step,
                 "weights": {name: value.detach().float().cpu() for name, value in self.net.state_dict().items()},
                 "optimiser": self.optimiser.state_dict(),
                 "provenance": self.data.provenance | {key: str(value) for key, value in (told | self.figures).items()}}
        write_checkpoint(self.out / CHECKPOINT, state)

    def _resume(self) -> None:
        path = self.out / CHECKPOINT
        state = read_checkpoint(path)
        if other := differences(_data_of(state["provenance"]), _data_of(self.data.provenance)):
            raise CheckpointError(f"{path} was trained on other data ({'; '.join(other)}); give that --data, or another --out")
        if state["spec"] != self.config.net.to_json():
            raise CheckpointError(f"{path} holds a net of another shape ({state['spec']}); give another --out")
        self.net.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        changed = [text for text in differences(flat(state["config"]), flat(self.config.to_json()))
                   if not text.startswith(LENGTH_AND_RHYTHM)]
        self.say(f"continuing {path} from step {self.step}" + (f" with another configuration: {'; '.join(changed)}" if changed else ""))


def read_checkpoint(path: Path) -> dict:
    """Raises CheckpointError for what no run of this version wrote."""
    state = load_state(path)
    missing = {"kind", "spec", "config", "step", "weights", "optimiser", "provenance"} - set(state)
    if missing or state["kind"] != KIND:
        raise CheckpointError(f"{path} is not a checkpoint of a biaxial LSTM; give another --out")
    try:
        BiaxialSpec.from_json(state["spec"])
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} holds a net that this version does not know: {error}") from None
    return state


def rate_factor(step: int, steps: int, warmup_steps: int) -> float:
    """Up to 1 over the warm-up, then half a cosine down to 0 at the end."""
    warm = min(1.0, (step + 1) / warmup_steps)
    return warm * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps)))


@torch.inference_mode()
def piece_nats(net: Biaxial, piece: Piece, device: torch.device) -> list[float]:
    """Nats of each step of a piece from its beginning, with nothing dropped out."""
    net.eval()
    before = np.concatenate((np.zeros((1, NOTES, 3), np.uint8), piece.rows[:-1]))
    shown = torch.from_numpy(features(before, piece.positions, net.spec.velocity))[:, None].to(device)
    chosen = chosen_of(torch.from_numpy(piece.rows)[:, None].to(device), net.spec)
    logits, _ = net(shown, chosen)
    return nats(logits, chosen)[:, 0].tolist()


def train(args: argparse.Namespace, config: Config, device: torch.device) -> None:
    """The whole run, with a progress bar on a terminal and plain lines elsewhere."""
    with Progress(disable=not sys.stdout.isatty()) as bar:
        def say(text: str) -> None:
            bar.console.print(text, highlight=False, soft_wrap=True, markup=False)

        session, run = Session(config, open_pieces(args.data), args.out, device, say), config.run
        args.out.mkdir(parents=True, exist_ok=True)
        task, losses, began = bar.add_task("training", total=run.steps, completed=session.step), [], time.perf_counter()
        if session.step >= run.steps:
            say(f"{args.out / CHECKPOINT} is at step {session.step}, the end; for more, raise run.steps")
            return
        while session.step < run.steps:
            losses.append(session.train_step())
            if not math.isfinite(losses[-1]):
                raise LivewaveError(f"the loss is not a number at step {session.step}; lower run.rate, and start again "
                                    f"from {args.out / CHECKPOINT}")
            bar.update(task, completed=session.step)
            if session.step % run.report_every == 0 or session.step == run.steps:
                row = {"step": session.step, "train": float(np.mean(losses))} | session.measure(session.glance())
                speed = len(losses) * run.batch * run.length / (time.perf_counter() - began)
                row = {key: round(value, 4) for key, value in row.items()} | {"sixteenths_per_s": round(speed)}
                with open(args.out / LOG, "a", encoding="utf-8") as log:
                    log.write(json.dumps(row) + "\n")
                say("  ".join(f"{key} {value:g}" for key, value in row.items()))
                losses, began = [], time.perf_counter()
            if session.step % run.save_every == 0:
                session.save()
        session.finish()


def _data_of(provenance: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in provenance.items() if name == "licence" or name.startswith("data.")}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.notes.train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE.toml", help="such as training/notes/chorale.toml")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="made by python -m training.notes.prepare")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="checkpoint and figures; continues what is there")
    parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="SECTION.KEY=VALUE", dest="sets",
                        help="over the configuration, such as run.steps=20000 run.seed=1")
    parser.add_argument("--accelerator", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, metavar="N", help="on a CPU (default: PyTorch's own choice)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 trained, 1 failed or interrupted with one clear line (2, from argparse: wrong command line)."""
    args = parse(argv)
    try:
        if args.threads:
            torch.set_num_threads(args.threads)
        train(args, load_config(args.config, args.sets), make_fabric(args.accelerator, 1, 1).device)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
