"""The model card: what a file holds and where it came from, as Markdown. The file itself carries the same facts."""

from __future__ import annotations

from pathlib import Path

from livewave.music.biaxial import HIGH, LOW
from livewave.music.biaxialfile import BiaxialModel
from livewave.render.wavenet import Model

# first part of a provenance key: chapter of the card
CHAPTERS = {"data": "Data", "from": "Training", "training": "Training", "score": "Scores", "held_out": "Scores"}
LISTS = ("misses", "training.from")  # texts with "; " between their parts


def write_card(model: Model | BiaxialModel, path: Path, difference: float, tolerance: float) -> Path:
    """Write the card of the model file at `path` beside it; the card's path.

    difference, tolerance  of the file's logits from PyTorch's, in nats
    """
    card = path.with_suffix(".md")
    net = _biaxial(model) if isinstance(model, BiaxialModel) else _wavenet(model)
    facts = {**net, "size": f"{path.stat().st_size} bytes",
             "parity": f"logits within {difference:.1e} of PyTorch's ({tolerance:g} allowed)"}
    lines = [f"# {model.name}"]
    for title, table in {**_chapters(model.provenance), "The net": facts}.items():
        lines += ["", f"## {title}", "", *_rows(table)]
    card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return card


def _chapters(provenance: dict[str, str]) -> dict[str, dict[str, str]]:
    """Provenance by the chapter that its key's first part belongs to; lists of scores and misses as lists."""
    chapters: dict[str, dict[str, str]] = {title: {} for title in dict.fromkeys(["Where it came from", *CHAPTERS.values()])}
    for key, text in provenance.items():
        title = CHAPTERS.get(key.split(".")[0], "Where it came from")
        short = key.partition(".")[2] if title == "Scores" and key.startswith("score.") else key
        chapters[title][short] = "".join(f"\n  - {part}" for part in text.split("; ")) if short in LISTS else text
    return {title: table for title, table in chapters.items() if table or title == "Where it came from"}


def _rows(table: dict[str, str]) -> list[str]:
    return [f"- **{key}**: {text}" for key, text in table.items()] or ["- nothing is recorded"]


def _wavenet(model: Model) -> dict[str, str]:
    spec = model.spec
    roll = f"{spec.roll_encoding} roll of {spec.roll_rate_hz} columns a second"
    return {
        "rate": f"{spec.model_rate_hz} Hz",
        "output": "256 mu-law classes" if spec.output == "mulaw" else f"mixture of {spec.mixtures} logistics",
        "conditioning": f"{roll}, {spec.cond_channels} channels, hint {spec.hint}" if spec.cond_channels else "none",
        "shape": f"{spec.residual_channels} residual, {spec.skip_channels} skip, {spec.out_channels} hidden channels, "
                 f"{spec.layers} layers, {sum(array.size for array in model.weights.values())} weights",
        "memory": f"{spec.receptive_field} samples ({1e3 * spec.receptive_field / spec.model_rate_hz:.0f} ms)",
    }


def _biaxial(model: BiaxialModel) -> dict[str, str]:
    spec = model.spec
    time, note = (", ".join(map(str, units)) for units in (spec.time_units, spec.note_units))
    return {
        "writes": f"notes {LOW}..{HIGH} in sixteenths, {'with' if spec.velocity else 'without'} velocities",
        "shape": f"LSTMs of {time} units along time and {note} along the notes, "
                 f"{sum(array.size for array in model.weights.values())} weights",
    }
