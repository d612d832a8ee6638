"""Train a WaveNet on the pieces that `training.data` made.

    python -m training.train training/cache/flute training/runs/flute --steps 12000

Writes RUN/last.pt (everything; the same command continues from it, exactly) every --save-every steps, and a line of figures to
RUN/log.jsonl. `python -m exporters RUN/last.pt OUT.onnx` makes a model file of its averaged weights.

Matrices inside the net are trained with Muon, everything else with Adam; the rate is constant, then falls to 0 over the last
--decay-steps, so a run can be made longer by raising --steps before the fall. Measured choices: see training/README.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import Progress
from torch import Tensor

from livewave import LivewaveError
from livewave.render.wavenet import Model, WaveNetSpec
from training.data.pieces import FULL_SCALE, Piece
from training.wavenet import WaveNet

NOISE_SHARE, NOISE_LOW, NOISE_HIGH, NOISE_FLOOR = 0.5, 0.005, 0.12, 0.003
SILENT_START_SHARE = 0.15
WARMUP_STEPS = 100
VALIDATION_CROPS = 24


@dataclass(frozen=True, slots=True)
class Batch:
    """heard [batch, samples] what the net is given; target [batch, samples] audio; roll uint8 [batch, columns, 128]; hint."""

    heard: Tensor
    target: Tensor
    roll: Tensor
    hint: Tensor | None


class Crops:
    """Random crops of pieces, made harder for training: noise relative to the signal, and histories that begin in silence."""

    def __init__(self, net: WaveNet, pieces: Sequence[Piece], samples: int, warm: int) -> None:
        self._net, self._pieces, self._samples, self._warm = net, pieces, samples, warm
        self._held = net.spec.samples_per_column

    def draw(self, rng: np.random.Generator, count: int, augment: bool) -> Batch:
        rows = [self._crop(rng, augment) for _ in range(count)]
        heard, target, roll, hint = (np.stack(parts) for parts in zip(*rows))
        hints = torch.from_numpy(hint.astype(np.float32)) if self._net.spec.hint != "none" else None
        return Batch(self._net.heard(heard), torch.from_numpy(target), torch.from_numpy(roll), hints)

    def _crop(self, rng: np.random.Generator, augment: bool) -> tuple[np.ndarray, ...]:
        piece, columns = self._pieces[rng.integers(len(self._pieces))], self._samples // self._held
        first = int(rng.integers(1, len(piece.roll) - columns))
        start, stop = first * self._held, first * self._held + self._samples
        roll, heard = piece.roll[first : first + columns], piece.audio[start - 1 : stop - 1]
        if augment:
            heard = self._silent_start(rng, _noisy(rng, heard), roll)
        return heard, piece.audio[start:stop], roll, piece.hint[start:stop]

    def _silent_start(self, rng: np.random.Generator, heard: np.ndarray, roll: np.ndarray) -> np.ndarray:
        """Silence up to a random sample or up to a note's onset: the net must learn to speak after a rest."""
        if rng.random() >= SILENT_START_SHARE:
            return heard
        onsets = np.flatnonzero(((roll[1:] > 0) & (roll[:-1] == 0)).any(1)) * self._held
        onsets = onsets[(onsets > self._warm) & (onsets < self._samples * 3 // 4)]
        at_onset = len(onsets) and rng.random() < 0.6
        end = int(rng.choice(onsets)) if at_onset else int(rng.integers(self._warm, self._samples // 2))
        return np.concatenate((np.zeros(end, np.float32), heard[end:]))


def _noisy(rng: np.random.Generator, heard: np.ndarray) -> np.ndarray:
    """Noise in proportion to the signal: absolute noise would drown quiet passages."""
    if rng.random() >= NOISE_SHARE:
        return heard
    sigma = math.exp(rng.uniform(math.log(NOISE_LOW), math.log(NOISE_HIGH)))
    noise = sigma * (np.abs(heard) + NOISE_FLOOR) * rng.standard_normal(len(heard))
    return np.clip(heard + noise, -1.0, 1.0).astype(np.float32)


def loss_of(net: WaveNet, batch: Batch, warm: int, dtype: torch.dtype) -> Tensor:
    """Nats per sample over the crop's samples from `warm` on, whose history is complete."""
    logits = net(batch.heard, batch.roll, batch.hint, first=warm, dtype=dtype).float()
    target = batch.target[:, warm:]
    if net.spec.output == "mulaw":
        return F.cross_entropy(logits.flatten(0, 1), net.heard(target.cpu().numpy()).to(logits.device).flatten())
    return logistic_loss(logits, target, net.spec.mixtures)


def logistic_loss(logits: Tensor, target: Tensor, mixtures: int) -> Tensor:
    """Negative log-likelihood of 16-bit samples under a discretised mixture of logistics. Source: Salimans et al. 2017."""
    weight, mean, log_scale = logits.split(mixtures, -1)
    half, target = 0.5 / FULL_SCALE, target[..., None]
    inverse = torch.exp(-log_scale.clamp(-12.0, 12.0))
    below, above = F.logsigmoid((target + half - mean) * inverse), F.logsigmoid((mean + half - target) * inverse)
    inside = below + above + torch.log(-torch.expm1(-2.0 * half * inverse))  # exact, and it pulls from any distance
    log_p = torch.where(target > 1.0 - half, above, torch.where(target < half - 1.0, below, inside))
    return -torch.logsumexp(log_p + F.log_softmax(weight, -1), -1).mean()


class Trainer:
    """One run: net, its running average, optimisers and step count; saved whole, resumed exactly."""

    def __init__(self, spec: WaveNetSpec, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args, self.step, self.seen_s = args, 0, 0.0
        self.net, self.average = WaveNet(spec), WaveNet(spec).requires_grad_(False)
        self.average.load_state_dict(self.net.state_dict())
        inner = [*self.net.gate, *self.net.residual, self.net.skip, self.net.hidden]
        chosen = {id(p) for p in inner}
        outer = [p for p in self.net.parameters() if id(p) not in chosen]
        self.optimisers = [
            (torch.optim.Muon(inner, lr=args.muon_rate, momentum=0.95, weight_decay=0.0, ns_steps=4, adjust_lr_fn="original"),
             args.muon_rate),
            (torch.optim.Adam(outer, lr=args.adam_rate, betas=(0.9, 0.99)), args.adam_rate),
        ]

    def prime_output(self, pieces: Sequence[Piece]) -> None:
        """The output stage starts at the data's class frequencies: the first hundred steps need not learn them."""
        if self.net.spec.output != "mulaw":
            return
        heard = self.net.heard(np.concatenate([p.audio[::7] for p in pieces[:4]]))
        odds = torch.bincount(heard, minlength=256) + 20.0
        for net in (self.net, self.average):
            net.logits_bias.data.copy_(torch.log(odds / odds.sum()))

    def train_step(self, crops: Crops) -> float:
        args = self.args
        rate = min(1.0, (self.step + 1) / WARMUP_STEPS, max(0.0, args.steps - self.step) / args.decay_steps)
        for optimiser, peak in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = peak * rate
        batch = crops.draw(np.random.default_rng([args.seed, self.step]), args.batch, augment=True)
        loss = loss_of(self.net, batch, args.warm, args.dtype)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        for optimiser, _ in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        self.seen_s += args.batch * args.samples / self.net.spec.model_rate_hz
        decay = min(args.average, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(self.average.parameters()), [p.data for p in self.net.parameters()], 1.0 - decay)
        return loss.item()

    @torch.no_grad()
    def validate(self, crops: Crops) -> float:
        """Nats per sample of the averaged net on fixed clean crops of held-out pieces."""
        rng = np.random.default_rng(5)
        losses = [loss_of(self.average, crops.draw(rng, 2, augment=False), self.args.warm, self.args.dtype).item()
                  for _ in range(VALIDATION_CROPS // 2)]
        return float(np.mean(losses))

    def model(self, name: str = "checkpoint") -> Model:
        return Model(self.net.spec, self.average.weights(), name)

    def save(self, path: Path, provenance: dict[str, str]) -> None:
        state = {
            "spec": self.net.spec.to_json(),
            "weights": {k: torch.from_numpy(v) for k, v in self.average.weights().items()},
            "provenance": provenance,
            "net": self.net.state_dict(), "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser, _ in self.optimisers],
            "step": self.step, "seen_s": self.seen_s,
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)  # a kill leaves the old checkpoint or the new one, never half of one

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for (optimiser, _), saved in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        self.step, self.seen_s = state["step"], state["seen_s"]


def load_pieces(folder: Path) -> tuple[list[Piece], list[Piece], dict]:
    """Training pieces, held-out pieces (every 20th, at least one), and what about.json says."""
    paths = sorted(folder.glob("*.npz"))
    if len(paths) < 2:
        raise LivewaveError(f"{folder} holds {len(paths)} pieces; training needs at least 2: run python -m training.data first")
    pieces = [Piece.load(path) for path in paths]
    about = folder / "about.json"
    held_out = pieces[::20]
    return [p for i, p in enumerate(pieces) if i % 20], held_out, json.loads(about.read_text()) if about.exists() else {}


def run(args: argparse.Namespace, tick: Callable[[int], None] = lambda step: None) -> Iterator[dict]:
    """Train to the end, yielding a row of figures every --report-every steps; `tick` hears of every step."""
    if args.threads:
        torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    pieces, held_out, about = load_pieces(args.data)
    if min(len(piece.audio) for piece in pieces + held_out) <= args.samples + WaveNetSpec().samples_per_column:
        raise LivewaveError(f"{args.data} holds pieces shorter than a crop of --samples {args.samples}; choose fewer samples")
    trainer, checkpoint = Trainer(spec_of(args), args), args.out / "last.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    else:
        trainer.prime_output(pieces)
    crops = Crops(trainer.net, pieces, args.samples, args.warm)
    checks = Crops(trainer.net, held_out, args.samples, args.warm)
    losses, began, seen = [], time.perf_counter(), trainer.seen_s
    while trainer.step < args.steps:
        losses.append(trainer.train_step(crops))
        tick(trainer.step)
        last = trainer.step == args.steps
        if last or trainer.step % args.report_every == 0:
            row = {"step": trainer.step, "seen_s": round(trainer.seen_s), "train": round(float(np.mean(losses)), 4),
                   "held_out": round(trainer.validate(checks), 4),
                   "audio_s_per_s": round((trainer.seen_s - seen) / (time.perf_counter() - began), 2)}
            if args.evaluate_every and (last or trainer.step % args.evaluate_every == 0):
                from training.scores import adherence

                row["adherence"] = adherence(trainer.model(), int(about.get("low", 60)), int(about.get("high", 84)))
            losses.clear()
            yield row
        if last or trainer.step % args.save_every == 0:
            provenance = {f"data.{k}": str(v) for k, v in about.items()}
            provenance |= {"training.steps": str(trainer.step), "training.heard_s": str(round(trainer.seen_s))}
            if last:
                provenance["training.held_out_nats"] = str(row["held_out"])
            trainer.save(checkpoint, provenance)


def spec_of(args: argparse.Namespace) -> WaveNetSpec:
    return WaveNetSpec(
        residual_channels=args.residual, skip_channels=args.skip, out_channels=args.out_channels, hint=args.hint,
        dilations=tuple(2**i for i in range(10)) * args.stacks, cond_channels=args.cond, roll_encoding=args.roll,
    )


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    for flag, default, text in (
        ("steps", 12_000, "length of the run"), ("decay-steps", 4_000, "of which the rate falls to 0"),
        ("batch", 2, "crops a step"), ("samples", 8_192, "samples a crop"), ("warm", 1_024, "samples without loss"),
        ("residual", 48, "R"), ("skip", 64, "S"), ("out-channels", 64, "A"), ("cond", 16, "C; 0 = unconditioned"),
        ("stacks", 2, "times dilations 1..512"), ("seed", 0, ""), ("threads", 0, "0 = PyTorch's own choice"),
        ("report-every", 100, "steps"), ("save-every", 200, "steps"), ("evaluate-every", 0, "steps; 0 = never"),
    ):
        parser.add_argument(f"--{flag}", type=int, default=default, help=text or "seed")
    parser.add_argument("--muon-rate", type=float, default=0.006, help="0.02 diverges")
    parser.add_argument("--adam-rate", type=float, default=0.002, help="for embeddings, conditioning and the last layer")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the running average of the weights")
    parser.add_argument("--hint", choices=("none", "f0"), default="f0", help="none = the paper's net")
    parser.add_argument("--roll", choices=("binary", "velocity"), default="binary", help="roll encoding")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16", help="of activations")
    args = parser.parse_args(argv)
    args.dtype = getattr(torch, args.precision)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    with Progress(*Progress.get_default_columns(), disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("training", total=args.steps)
        try:
            for row in run(args, lambda step: bar.update(task, completed=step)):
                bar.console.print(_line(row, args.steps, time.perf_counter() - began), highlight=False, soft_wrap=True)
                with open(args.out / "log.jsonl", "a", encoding="utf-8") as log:
                    log.write(json.dumps(row) + "\n")
        except LivewaveError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


def _line(row: dict, steps: int, took_s: float) -> str:
    adherence = f"adherence {row['adherence']:.3f}  " if "adherence" in row else ""
    return (f"step {row['step']}/{steps}  train {row['train']:.3f}  held out {row['held_out']:.3f}  {adherence}"
            f"{row['seen_s']} s heard at {row['audio_s_per_s']} s/s  {took_s:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
