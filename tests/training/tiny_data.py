"""A prepared folder of sines, and the smallest runs on it: seconds of audio, nets of eight channels, one thread."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from training.data.pieces import FORMAT, write_piece

PITCHES = (57, 64, 69, 76)
COLUMNS = 800
CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"
SMALL = ("net.residual_channels=8", "net.skip_channels=8", "net.out_channels=8", "net.cond_channels=4", "net.dilations=[1,2,4,8]",
         "run.steps=8", "run.decay_steps=4", "run.warmup_steps=4", "run.samples=512", "run.warm=32", "run.report_every=2",
         "run.save_every=4", "run.precision=float32", "watch.crops=4", "watch.every=0")

TINY_TOML = """
[net]
input_kernel = 4
hint = "f0"
"""


def tiny_config(folder: Path) -> Path:
    path = folder / "tiny.toml"
    path.write_text(TINY_TOML, encoding="utf-8")
    return path


def sines(seed: int, rate_hz: int = 16_000, columns: int = COLUMNS, notes: tuple[int, ...] = PITCHES) -> tuple[np.ndarray, np.ndarray]:
    """Audio float32 and roll uint8 [columns, 128] at 1 kHz: a note of 90 ms in every 100 ms, each a sine of its pitch."""
    rng, held = np.random.default_rng(seed), rate_hz // 1_000
    roll, audio = np.zeros((columns, 128), np.uint8), np.zeros(columns * held, np.float32)
    time = np.arange(len(audio)) / rate_hz
    for first in range(10, columns - 10, 100):
        pitch, last = int(rng.choice(notes)), min(first + 90, columns)
        part = slice(held * first, held * last)
        roll[first:last, pitch] = 90
        audio[part] = 0.5 * np.sin(2 * np.pi * 440.0 * 2.0 ** ((pitch - 69) / 12) * time + rng.uniform(0, 6))[part]
    return audio, roll


def prepare(folder: Path, pieces: list[tuple[np.ndarray, np.ndarray]], rate_hz: int = 16_000) -> Path:
    """What `training.prepare` writes: the last piece is held out."""
    splits = ["training"] * (len(pieces) - 1) + ["validation"]
    entries = [write_piece(folder, f"{number:04d}", audio, rate_hz, roll, 1_000, split)
               for number, ((audio, roll), split) in enumerate(zip(pieces, splits))]
    provenance = {"compass.low": str(min(PITCHES)), "compass.high": str(max(PITCHES)), "data.kind": "sines", "data.origin": "seeds",
                  "data.pieces": str(len(pieces)), "data.minutes": "0.04", "licence": "MIT"}
    about = {"format": FORMAT, "kind": "sines", "rate_hz": rate_hz, "roll_rate_hz": 1_000, "options": {},
             "provenance": provenance, "pieces": entries}
    (folder / "prepared.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def tiny_data(folder: Path, rate_hz: int = 16_000, columns: int = COLUMNS) -> Path:
    return prepare(folder, [sines(seed, rate_hz, columns) for seed in range(3)], rate_hz)


def command(data: Path, out: Path, *sets: str, config: Path | None = None, flags: tuple[str, ...] = ()) -> list[str]:
    """Arguments of the smallest run, with `sets` over it."""
    chosen = [text for pair in (*SMALL, *sets) for text in ("--set", pair)]
    return ["--config", str(config or tiny_config(data.parent)), "--data", str(data), "--out", str(out), "--threads", "1",
            "--accelerator", "cpu", *chosen, *flags]
