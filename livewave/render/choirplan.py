"""What the cuda engine lays into the chip: a net dealt out to thread blocks, and its weights as the kernel reads them.

    Plan, Tables, Part, Block    structures of kernels/cuda/wavenet.cu, field for field
    Chip                         what a machine can hold
    deal, lay_out                which stages of the net each thread block holds, and where
    pack                         the image: weights, tables and parts in one piece
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from livewave import EngineUnavailable
from livewave.render.wavenet import (
    CLASSES, HINT_CHANNELS, MULAW, PITCHES, SILENCE_CLASS, Model, WaveNetSpec, Weights, mulaw_thresholds, phase_steps,
)

VOICES = 8  # of a choir: the columns of a tensor-core tile
TILE_BYTES = 512  # 16 x 16 weights in f16, or 16 x 8 sums in float
RECENT_CLASSES = 16
HALF_MOST = 65504.0


def _structure(name: str, integers: str, floats: str = "", longs: str = "") -> type[ctypes.Structure]:
    """A structure of 64-bit numbers, then 32-bit ones, as wavenet.cu declares it."""
    fields = [(field, ctypes.c_uint64) for field in longs.split()]
    fields += [(field, ctypes.c_float if field in floats.split() else ctypes.c_int32) for field in integers.split()]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


Plan = _structure("Plan", """parts mail_shared layers residual skip hidden outputs cond legal_outputs legal_cond
    roll_kernel class_kernel input_kernel input_steps mixtures velocity hint silence_class silence
    parts_at tables_at""", floats="silence")
Tables = _structure("Tables", """dilations queues heard_rows class_rows
    condition_kernel condition_bias condition gate_bias mulaw thresholds phase_steps
    state_units mail_units mail_stride_units waveform_units classes_units""")
Part = _structure("Part", """input first_layer layers hidden logits image_at image_bytes layer_bytes
    current skip_weights residual_bias residual skip_bias input_waveform newest_tap input_bias hint_rows
    hidden_weights hidden_bias logits_weights logits_bias base ahead stream entry inputs pasts gated condition
    rectified activated logit_rows waveform classes masks hints starts
    mail mail_bytes mail_stream mail_skip mail_hidden mail_heard shared_bytes""")
Block = _structure("Block", """samples columns given want_logits recent_at rolls_at temperatures_at numbers_at
    bent phases_at steps_at logits_at""", longs="sample sequence")


class Chip(Protocol):
    """What thread blocks find."""

    shared_bytes: int  # that one thread block can have
    blocks: int  # thread blocks that run at the same time
    cluster_blocks: int  # most thread blocks that can share memory; 1: none

    def holds_cluster(self, blocks: int) -> bool: ...  # not every number up to cluster_blocks need be possible


# ---- dealing the net out to thread blocks


@dataclass
class Score:
    """Who plays what: the parts of a choir, in the order in which a sample passes them."""

    parts: list[Any]
    shared_bytes: int  # of the largest part
    mail_shared: bool


def deal(spec: WaveNetSpec, chip: Chip, choirs: int) -> Score:
    """As few parts as shared memory allows. Raises EngineUnavailable, with figures, when the chip is too small.

    Parts that can form one cluster hear from each other through shared memory; otherwise through global memory, and
    then all parts of all choirs must run at the same time.
    """
    parts = _fill(spec, chip.shared_bytes, mail_shared=True)
    mail_shared = len(parts) == 1 or 1 < len(parts) <= chip.cluster_blocks and chip.holds_cluster(len(parts))
    if not mail_shared:
        parts = _fill(spec, chip.shared_bytes, mail_shared=False)
        if len(parts) * choirs > chip.blocks:
            voices = chip.blocks // len(parts) * VOICES
            fewer = f"Play at most {voices} voices" if voices else "Play a smaller net"
            raise EngineUnavailable(
                f"the cuda engine needs {len(parts)} thread blocks at once for each {VOICES} voices of this net, "
                f"{len(parts) * choirs} in all; this GPU runs {chip.blocks}. {fewer}, or choose another engine")
    return Score(parts, max(part.shared_bytes for part in parts), mail_shared)


def _fill(spec: WaveNetSpec, shared_bytes: int, mail_shared: bool) -> list[Any]:
    """Parts, each with as many stages as fit. Empty when mail makes the difference between fitting and not."""
    stages = ["input", *range(spec.layers), "hidden", "logits"]
    parts, held = [], []
    for stage in stages:
        if lay_out(spec, [*held, stage], mail_shared).shared_bytes > shared_bytes and held:
            parts.append(lay_out(spec, held, mail_shared))
            held = []
        held.append(stage)
        needed = lay_out(spec, held, mail_shared).shared_bytes
        if needed > shared_bytes:
            if mail_shared:
                return []
            what = f"layer {stage}" if isinstance(stage, int) else f"the {stage} stage"
            raise EngineUnavailable(f"the cuda engine keeps {what} of this net in {needed} bytes of shared memory; "
                                    f"a thread block of this GPU has {shared_bytes}. Play a narrower net, or choose "
                                    "another engine")
    return [*parts, lay_out(spec, held, mail_shared)]


def lay_out(spec: WaveNetSpec, stages: list[Any], mail_shared: bool) -> Any:
    """A Part: sizes of what it holds, and where each thing lies in its shared memory (image_at is not known yet)."""
    R, S, A, O, C = _widths(spec)
    layers = [stage for stage in stages if isinstance(stage, int)]
    count = len(layers)
    part = Part(input="input" in stages, first_layer=layers[0] if layers else 0, layers=count,
                hidden="hidden" in stages, logits="logits" in stages)
    heap = _Heap(part)
    gate, square = 2 * R * R * 2, R * R * 2
    if count:
        inner = _Heap(part, gate)
        inner.take(current=gate, skip_weights=R * S * 2, residual_bias=4 * R, residual=square)
        part.layer_bytes = inner.used
        last = layers[-1] == spec.layers - 1
        heap.used = count * inner.used - last * (4 * R + square)
        heap.take(skip_bias=4 * S * (layers[0] == 0))
    if part.input:
        heap.take(input_waveform=2 * R * padded(spec.input_kernel), newest_tap=4 * R, input_bias=4 * R,
                  hint_rows=4 * R * HINT_CHANNELS * (spec.hint != "none"))
    if part.hidden:
        heap.take(hidden_weights=2 * S * A, hidden_bias=4 * A)
    if part.logits:
        heap.take(logits_weights=2 * A * O, logits_bias=4 * O)
    part.image_bytes = heap.used
    rows = 2 * VOICES * (R + 8)
    heap.take(base=count * R // 8 * TILE_BYTES, ahead=count * R // 8 * TILE_BYTES,
              stream=(count > 0) * R // 16 * TILE_BYTES, inputs=count * rows, pasts=count * rows,
              gated=count * rows, starts=4 * count)
    if C and (count or part.input):
        heap.take(condition=2 * VOICES * (C + 8), masks=spec.roll_kernel * VOICES * PITCHES // 8)
    if part.input:
        heap.take(entry=R // 16 * TILE_BYTES, waveform=4 * VOICES * spec.input_kernel,
                  classes=4 * VOICES * RECENT_CLASSES, hints=4 * VOICES * HINT_CHANNELS)
    heap.take(rectified=part.hidden * 2 * VOICES * (S + 8), activated=part.logits * 2 * VOICES * (A + 8),
              logit_rows=part.logits * 4 * VOICES * (O + 4))
    mail = _Heap(part)
    mail.take(mail_heard=8 * VOICES * part.input, mail_stream=8 * VOICES * R * (count > 0 and not part.input),
              mail_skip=8 * VOICES * S * ((count > 0 and layers[0] > 0) or (part.hidden and not count)),
              mail_hidden=8 * VOICES * A * (part.logits and not part.hidden))
    part.mail, part.mail_bytes = heap.used, mail.used
    part.shared_bytes = heap.used + mail.used * mail_shared
    return part


class _Heap:
    """Gives out consecutive places, 16 bytes apart, and writes them into a part."""

    def __init__(self, part: Any, used: int = 0) -> None:
        self._part, self.used = part, used

    def take(self, **sizes: int) -> None:
        for name, size in sizes.items():
            setattr(self._part, name, self.used)
            self.used += 16 * -(-int(size) // 16)


def _widths(spec: WaveNetSpec) -> tuple[int, ...]:
    """R, S, A, outputs and C, padded to whole tiles."""
    widths = (spec.residual_channels, spec.skip_channels, spec.out_channels, spec.outputs, spec.cond_channels)
    return tuple(padded(width) for width in widths)


def padded(width: int) -> int:
    """To whole tiles."""
    return 16 * -(-width // 16)


# ---- the weights as the kernel reads them


def in_f16(weights: np.ndarray) -> np.ndarray:
    """To the nearest f16, ties to even; beyond its range, to its largest."""
    return np.clip(weights, -HALF_MOST, HALF_MOST).astype(np.float16)


def fragments(matrix: np.ndarray) -> np.ndarray:
    """float [outputs, inputs], both in sixteens -> f16 [outputs / 16, inputs / 16, lane, 8]: what a lane gives to
    mma.m16n8k16 lies in one piece. Source: PTX ISA, "Matrix fragments for mma.m16n8k16"."""
    outputs, inputs = matrix.shape
    tiles = in_f16(matrix).reshape(outputs // 16, 2, 8, inputs // 16, 2, 4, 2)  # half, group, .., half, in group, pair
    return np.ascontiguousarray(tiles.transpose(0, 3, 2, 5, 4, 1, 6)).reshape(outputs // 16, inputs // 16, 32, 8)


def _matrix(weights: np.ndarray) -> np.ndarray:
    """[inputs, outputs] -> fragments, padded with zeros."""
    inputs, outputs = weights.shape
    return fragments(_widened(weights.T, padded(outputs), padded(inputs)))


def _gate_rows(rows: np.ndarray) -> np.ndarray:
    """[2 R, ...], filter then gate -> [2 padded R, ...]: 8 channels of the filter, the same 8 of the gate, and on."""
    R = len(rows) // 2
    halves = rows.reshape(2, R, -1)
    room = np.zeros((2, padded(R), halves.shape[2]), np.float32)
    room[:, :R] = halves
    return room.reshape(2, padded(R) // 8, 8, -1).transpose(1, 0, 2, 3).reshape(2 * padded(R), -1)


def _gate_matrix(weights: np.ndarray) -> np.ndarray:
    """[inputs, 2 R] -> fragments whose tiles hold filter and gate of the same channels."""
    rows = _gate_rows(weights.T)
    return fragments(_widened(rows, len(rows), padded(len(weights))))


def _widened(array: np.ndarray, *shape: int) -> np.ndarray:
    room = np.zeros(shape, np.float32)
    room[tuple(slice(size) for size in array.shape)] = array
    return room


class _Image:
    """Arrays one after another, each on a multiple of 16 bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.used = 0

    def put(self, array: np.ndarray) -> int:
        """Where it lies."""
        offset, data = self.used, np.ascontiguousarray(array).tobytes()
        self._pieces.append(data + bytes(-len(data) % 16))
        self.used += len(self._pieces[-1])
        return offset

    def array(self) -> np.ndarray:
        return np.frombuffer(b"".join(self._pieces), np.uint8)


def pack(model: Model, score: Score) -> tuple[np.ndarray, list[int], int]:
    """What the kernel calls `net`; where each layer's queue lies in a choir's state, in units of 16 bytes; and the
    bytes of that state. 32 bits count both: a layer that fits a thread block has at most 128 channels or so."""
    spec, w = model.spec, model.weights
    R, S, A, O, C = _widths(spec)
    mail_units = max(part.mail_bytes for part in score.parts) // 16
    waveform_units = len(score.parts) * mail_units * (not score.mail_shared)
    classes_units = waveform_units + -(-4 * VOICES * spec.input_kernel // 16)
    queues = list(np.cumsum([classes_units + 4 * VOICES * RECENT_CLASSES // 16, *(d * (R + 8) for d in spec.dilations)],
                            dtype=np.int64))
    state_units = int(queues.pop())
    image = _Image()
    image.put(np.zeros(ctypes.sizeof(Plan), np.uint8))
    for part in score.parts:
        part.image_at = image.used
        for array in _part_weights(spec, w, part):
            image.put(array)
        assert image.used - part.image_at == part.image_bytes, "lay_out and _part_weights disagree"
    tables = Tables(state_units=state_units, mail_units=0, mail_stride_units=mail_units,
                    waveform_units=waveform_units, classes_units=classes_units)
    for name, array in _tables(spec, w, queues):
        setattr(tables, name, image.put(array))
    plan = Plan(
        len(score.parts), score.mail_shared, spec.layers, R, S, A, O, C, spec.outputs, spec.cond_channels,
        spec.roll_kernel, spec.class_kernel, spec.input_kernel, padded(spec.input_kernel) // 16,
        spec.mixtures if spec.output == "logistic" else 0, spec.roll_encoding != "binary", spec.hint == "f0",
        SILENCE_CLASS, 0.0 if spec.output == "logistic" else MULAW[SILENCE_CLASS])
    plan.parts_at = image.put(np.frombuffer(b"".join(bytes(part) for part in score.parts), np.uint8))
    plan.tables_at = image.put(np.frombuffer(tables, np.uint8))
    net = image.array().copy()
    net[: ctypes.sizeof(Plan)] = np.frombuffer(plan, np.uint8)
    return net, [int(unit) for unit in queues], 16 * state_units


def _part_weights(spec: WaveNetSpec, w: Weights, part: Any) -> Iterator[np.ndarray]:
    """In the order of `lay_out`."""
    R = padded(spec.residual_channels)
    for k in range(part.first_layer, part.first_layer + part.layers):
        yield _gate_matrix(w["past"][k])
        yield _gate_matrix(w["current"][k])
        yield _matrix(w["skip"][k])
        if k < spec.layers - 1:
            yield _widened(w["residual_bias"][k], R)
            yield _matrix(w["residual"][k])
    if part.layers and part.first_layer == 0:
        yield _widened(w["skip_bias"], padded(spec.skip_channels))
    if part.input:
        yield _matrix(w["input_waveform"]) if spec.input_kernel else np.zeros(0, np.uint8)
        yield _newest_tap(spec, w)
        yield _widened(w["input_bias"], R)
        if spec.hint != "none":
            yield _widened(w["hint"], HINT_CHANNELS, R)
    if part.hidden:
        yield _matrix(w["hidden"])
        yield _widened(w["hidden_bias"], padded(spec.out_channels))
    if part.logits:
        yield _matrix(w["logits"])
        yield _widened(w["logits_bias"], padded(spec.outputs))


def _newest_tap(spec: WaveNetSpec, w: Weights) -> np.ndarray:
    """float32 [R]: what the newest sample is multiplied with, rounded as the older ones."""
    R = padded(spec.residual_channels)
    return _widened(in_f16(w["input_waveform"][0]), R) if spec.input_kernel else np.zeros(R, np.float32)


def _tables(spec: WaveNetSpec, w: Weights, queues: list[int]) -> Iterator[tuple[str, np.ndarray]]:
    R, C = padded(spec.residual_channels), spec.cond_channels
    yield "dilations", np.array(spec.dilations, np.int32)
    yield "queues", np.array(queues, np.uint32)
    yield "mulaw", MULAW
    yield "thresholds", mulaw_thresholds()
    yield "phase_steps", phase_steps(spec)
    yield "gate_bias", np.stack([_gate_rows(rows) for rows in w["gate_bias"]])
    if spec.output == "mulaw":
        heard = MULAW[:, None] * _newest_tap(spec, w)
        if spec.class_kernel:
            heard += _widened(w["input_classes"][0], CLASSES, R)
        yield "heard_rows", heard
    if spec.class_kernel > 1:
        yield "class_rows", _widened(w["input_classes"][1:], spec.class_kernel - 1, CLASSES, R)
    if C:
        yield "condition_kernel", w["condition_kernel"]
        yield "condition_bias", w["condition_bias"]
        yield "condition", np.stack([_gate_matrix(matrix) for matrix in w["condition"]])
