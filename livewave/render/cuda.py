"""The GPU engine: one launch for each block of samples.

    CudaChoir    many voices of one net; CudaEngine is one voice
    Gpu          the machine: memory, copies, the compiled kernel. Tests put a CPU emulator in its place

choirplan.py deals the net out to thread blocks and packs its weights. The kernel is kernels/cuda/wavenet.cu: compiled
at first use for the GPU that is there, and kept in the user's cache.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from livewave import EngineUnavailable
from livewave.render.cache import cache_folder, write_whole
from livewave.render.choirplan import VOICES, Block, Chip, deal, pack, padded
from livewave.render.wavenet import (
    PITCHES, Model, advanced, check_block, check_floats, check_steps, check_weights, check_writeable, phase_steps,
)

THREADS = 256  # of a part
SOURCES = ("wavenet.cu", "device.cuh")
ENTRY = "livewave_render"
MOST_CLUSTER_BLOCKS = 16  # on any GPU so far
OLDEST = (8, 0)  # compute capability: what the tensor-core product and the messages need
DRIVER = "580 (CUDA 13)"  # loads what this NVRTC compiles
REMEDY = "install the packages with `.venv/bin/pip install -e '.[gpu]'` in livewave's folder, or choose another engine"


class Machine(Chip, Protocol):
    """What plays the kernel: `Gpu`, or an emulator in the tests. Memory and Stage are its own."""

    def upload(self, data: np.ndarray) -> Any: ...
    def zeros(self, size_bytes: int) -> Any: ...
    def clear(self, memory: Any) -> None: ...
    def copy(self, memory: Any, to: Any) -> None: ...
    def read(self, memory: Any, offset: int, size_bytes: int) -> np.ndarray: ...
    def stage(self, in_bytes: int, out_bytes: int) -> Any: ...
    def run(self, launch: Launch, in_bytes: int, out_bytes: int) -> None: ...
    def close(self) -> None: ...


@dataclass
class Launch:
    """All that launches of one choir have in common. `stage` has `inputs` and `outputs`, uint8 arrays."""

    choirs: int
    parts: int
    shared_bytes: int
    clustered: bool
    net: Any
    state: Any
    stage: Any


class CudaChoir:
    """One net for many voices that advance together, each with its own roll, uniforms and temperature.

    voices  rounded up to a multiple of 8 on the GPU: one costs what eight cost
    Thread: performer only. Staging memory is made once, and again when a longer block comes; a block is one copy in,
    one launch and one copy out. Raises EngineUnavailable without a GPU, without its packages, and for a net that does
    not fit; ValueError on a shape mismatch, before any state changes.
    """

    name = "cuda"
    precision = "f16"

    def __init__(self, model: Model, voices: int, device: int = 0, machine: Machine | None = None) -> None:
        check_weights(model.spec, model.weights)
        if voices < 1:
            raise ValueError(f"voices is {voices}; a choir has at least 1")
        self.spec, self.voices = model.spec, voices
        choirs = -(-voices // VOICES)
        self._machine = machine or Gpu(device)
        score = deal(model.spec, self._machine, choirs)
        image, self._queue_units, state_bytes = pack(model, score)
        self.weight_bytes = sum(part.image_bytes for part in score.parts)
        self._state_bytes = state_bytes
        self._padded = choirs * VOICES
        self._launch: Launch | None = Launch(
            choirs, len(score.parts), score.shared_bytes, score.mail_shared and len(score.parts) > 1,
            self._machine.upload(image), self._machine.zeros(choirs * state_bytes), None)
        self._recent = np.zeros((self._padded, model.spec.roll_kernel, PITCHES), np.uint8)  # newest first
        self._unbent = phase_steps(model.spec)
        self._phases = np.zeros((voices, PITCHES), np.uint32)  # of the hint, at the next sample
        self._sample = self._sequence = 0
        self._room = (0, 0)
        self._remembered: tuple[Any, np.ndarray, np.ndarray, int, int] | None = None

    def reset(self) -> None:
        """Back to the silence before the first sample."""
        self._machine.clear(self._open().state)
        self._recent[:] = 0
        self._phases[:] = 0
        self._sample = self._sequence = 0

    def remember(self) -> None:
        """Keep a copy of every voice's state. Allocates on the GPU the first time."""
        state = self._open().state
        memory = self._remembered[0] if self._remembered else self._machine.zeros(self._state_bytes * self._padded // VOICES)
        self._machine.copy(state, memory)
        self._remembered = memory, self._recent.copy(), self._phases.copy(), self._sample, self._sequence

    def recall(self) -> None:
        """Back to that copy."""
        if self._remembered is None:
            self.reset()
            return
        memory, self._recent[:], phases, self._sample, self._sequence = self._remembered
        self._phases = phases.copy()
        self._machine.copy(memory, self._open().state)

    def render(self, rolls: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperatures: np.ndarray,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples of every voice.

        rolls         uint8   [voices, columns, 128]  velocity while the pitch sounds, 0 otherwise
        uniforms      float32 [voices, samples]       in [0, 1)
        out           float32 [voices, samples]       written; columns must divide samples
        temperatures  float32 [voices]                divides the logits; 0 takes the most likely sample
        steps         uint32  [voices, columns, 128]  of the hint's phases, as in `Engine.render`; None: nothing is bent
        """
        self._check(rolls, out, steps)
        check_floats("uniforms", uniforms, out.shape)
        check_floats("temperatures", temperatures, (self.voices,))
        check_writeable("out", out)
        audio, _ = self._play(rolls, uniforms, temperatures, steps, given=False, want_logits=False)
        out[:] = audio

    def feed(self, rolls: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance every voice on given audio. A NaN is heard as silence.

        rolls    uint8   [voices, columns, 128]      as in `render`
        samples  float32 [voices, samples]           -1..1 at spec.model_rate_hz
        logits   float32 [voices, samples, outputs]  written when given: what the net expected before each sample
        steps    uint32  [voices, columns, 128]      as in `render`
        """
        self._check(rolls, samples, steps)
        if logits is not None:
            check_floats("logits", logits, (*samples.shape, self.spec.outputs))
            check_writeable("logits", logits)
        silent = np.zeros(self.voices, np.float32)
        _, rows = self._play(rolls, samples, silent, steps, given=True, want_logits=logits is not None)
        if logits is not None:
            logits[:] = rows

    def layer_inputs(self) -> np.ndarray:
        """float32 [voices, layers, residual_channels]: what entered each layer at the newest sample, kept in f16."""
        spec, state = self.spec, self._open().state
        pitch = padded(spec.residual_channels) + 8
        found = np.zeros((self._padded, spec.layers, spec.residual_channels), np.float32)
        for choir in range(self._padded // VOICES):
            for k, (unit, dilation) in enumerate(zip(self._queue_units, spec.dilations)):
                slot = (self._sample - 1) % dilation
                offset = choir * self._state_bytes + 16 * (unit + slot * pitch)
                row = self._machine.read(state, offset, 16 * pitch).view(np.float16).reshape(VOICES, pitch)
                found[choir * VOICES : (choir + 1) * VOICES, k] = row[:, : spec.residual_channels]
        return found[: self.voices]

    def close(self) -> None:
        """Release weights and state. Any other call after this raises ValueError."""
        if self._launch is not None:
            self._launch = self._remembered = None
            self._machine.close()

    def _open(self) -> Launch:
        if self._launch is None:
            raise ValueError("this engine is closed")
        return self._launch

    def _check(self, rolls: np.ndarray, samples: np.ndarray, steps: np.ndarray | None) -> None:
        self._open()
        if rolls.ndim != 3 or samples.ndim != 2 or len(rolls) != self.voices or len(samples) != self.voices:
            raise ValueError(f"rolls are {list(rolls.shape)} and audio is {list(samples.shape)} for {self.voices} "
                             "voices; expected [voices, columns, 128] and [voices, samples]")
        check_block(self.spec, rolls[0], samples[0])
        check_steps(rolls, steps)
        if not samples.shape[1]:
            raise ValueError("the block has no samples")

    def _play(self, rolls: np.ndarray, numbers: np.ndarray, temperatures: np.ndarray, steps: np.ndarray | None,
              given: bool, want_logits: bool) -> tuple[np.ndarray, np.ndarray]:
        """One launch. Views of the stage: float32 [voices, samples], and [voices, samples, outputs] or nothing."""
        launch, samples, columns = self._open(), numbers.shape[1], rolls.shape[1]
        hints = self._turn(steps, samples, columns) if self.spec.hint == "f0" else []
        block, in_bytes, out_bytes = self._lay_block(samples, columns, hints, given, want_logits)
        self._make_room(launch, in_bytes, out_bytes)
        inputs, outputs = launch.stage.inputs, launch.stage.outputs
        inputs[: ctypes.sizeof(block)] = np.frombuffer(block, np.uint8)
        _view(inputs, block.recent_at, np.uint8, self._recent.shape)[:] = self._recent
        for offset, values in ((block.rolls_at, rolls), (block.temperatures_at, temperatures),
                               (block.numbers_at, numbers), *zip((block.phases_at, block.steps_at), hints)):
            room = _view(inputs, offset, values.dtype, (self._padded, *values.shape[1:]))
            room[: self.voices] = values
            room[self.voices :] = 0
        self._machine.run(launch, in_bytes, out_bytes)
        self._remember(rolls, samples // columns, samples)
        self._sample += samples
        self._sequence = (self._sequence + samples) % 2**32
        audio = _view(outputs, 0, np.float32, (self._padded, samples))
        rows = (self._padded, samples, self.spec.outputs) if want_logits else (0,)
        return audio[: self.voices], _view(outputs, block.logits_at, np.float32, rows)[: self.voices]

    def _turn(self, steps: np.ndarray | None, samples: int, columns: int) -> list[np.ndarray]:
        """What a launch needs of the hint, all uint32: phases [voices, 128] where the block begins; or, where something
        is bent, phases [voices, columns, 128] where each column begins, and steps. Moves on behind the block."""
        before = self._phases
        if steps is None:
            self._phases = advanced(before, self._unbent, samples)
            return [before]
        travelled = np.cumsum(steps, axis=1, dtype=np.uint32) * np.uint32(samples // columns)
        self._phases = before + travelled[:, -1]
        return [before[:, None] + travelled - steps * np.uint32(samples // columns), steps]

    def _lay_block(self, samples: int, columns: int, hints: list[np.ndarray], given: bool,
                   want_logits: bool) -> tuple[Any, int, int]:
        """The head of what a launch reads, and the bytes of what it reads and writes."""
        recent = 16 * -(-ctypes.sizeof(Block) // 16)
        rolls = recent + self._recent.nbytes
        temperatures = rolls + self._padded * columns * PITCHES
        numbers = temperatures + 4 * self._padded
        audio_bytes = 4 * self._padded * samples
        phases = numbers + audio_bytes
        hint_bytes = [4 * self._padded * rows[0].size for rows in hints]
        logit_bytes = audio_bytes * self.spec.outputs if want_logits else 0
        block = Block(self._sample, self._sequence, samples, columns, given, want_logits, recent, rolls, temperatures,
                      numbers, len(hints) > 1, phases, phases + sum(hint_bytes[:1]), audio_bytes)
        return block, phases + sum(hint_bytes), audio_bytes + logit_bytes

    def _make_room(self, launch: Launch, in_bytes: int, out_bytes: int) -> None:
        if in_bytes > self._room[0] or out_bytes > self._room[1]:
            self._room = (max(in_bytes, self._room[0]), max(out_bytes, self._room[1]))
            launch.stage = self._machine.stage(*self._room)

    def _remember(self, rolls: np.ndarray, held: int, samples: int) -> None:
        kept = min(self.spec.roll_kernel, samples)
        self._recent[:, kept:] = self._recent[:, : self.spec.roll_kernel - kept].copy()
        for age in range(kept):
            self._recent[: self.voices, age] = rolls[:, (samples - 1 - age) // held]


class CudaEngine:
    """One voice on the GPU. See `livewave.render.engine.Engine`, and `CudaChoir` for threads, allocation and errors."""

    name = "cuda"
    precision = "f16"

    def __init__(self, model: Model, device: int = 0, machine: Machine | None = None) -> None:
        self._choir = CudaChoir(model, 1, device, machine)
        self.spec, self.weight_bytes = model.spec, self._choir.weight_bytes
        self._temperature = np.zeros(1, np.float32)

    def reset(self) -> None:
        """Back to the silence before the first sample."""
        self._choir.reset()

    def remember(self) -> None:
        """Keep a copy of the state. See `Engine.remember`."""
        self._choir.remember()

    def recall(self) -> None:
        """Back to that copy. See `Engine.recall`."""
        self._choir.recall()

    def render(self, roll: np.ndarray, uniforms: np.ndarray, out: np.ndarray, temperature: float = 1.0,
               steps: np.ndarray | None = None) -> None:
        """Fill `out` with the next samples. See `Engine.render`."""
        check_block(self.spec, roll, out)
        self._temperature[0] = temperature
        self._choir.render(roll[None], uniforms[None], out[None], self._temperature, _alone(steps))

    def feed(self, roll: np.ndarray, samples: np.ndarray, logits: np.ndarray | None = None,
             steps: np.ndarray | None = None) -> None:
        """Advance on given audio. See `Engine.feed`. A NaN is heard as silence."""
        check_block(self.spec, roll, samples)
        self._choir.feed(roll[None], samples[None], _alone(logits), _alone(steps))

    def layer_inputs(self) -> np.ndarray:
        """float32 [layers, residual_channels]. See `Engine.layer_inputs`."""
        return self._choir.layer_inputs()[0]

    def close(self) -> None:
        """Release weights and state. Any other call after this raises ValueError."""
        self._choir.close()


def _alone(array: np.ndarray | None) -> np.ndarray | None:
    """With an axis of one voice."""
    return None if array is None else array[None]


# ---- the machine


def compile_kernel(arch: str) -> bytes:
    """The kernel as a cubin for `arch` ("sm_90"), from the cache or by NVRTC. Needs no GPU.

    Raises EngineUnavailable without the packages, or when NVRTC refuses.
    """
    with _gpu_packages():
        from cuda.bindings import nvrtc
        from cuda.core import Program, ProgramOptions

        version = ".".join(map(str, nvrtc.nvrtcVersion()[1:]))
    folder = Path(__file__).parent / "kernels" / "cuda"
    source = {name: (folder / name).read_text(encoding="utf-8") for name in SOURCES}
    key = hashlib.sha256(repr((sorted(source.items()), arch, version)).encode()).hexdigest()
    cache = cache_folder()
    cached = cache / "cuda" / f"{key[:32]}.cubin" if cache else None
    code = _read_checked(cached) if cached else None
    if code is None:
        options = ProgramOptions(name=SOURCES[0], arch=arch, std="c++17", include_path=str(folder))
        try:
            code = bytes(Program(source[SOURCES[0]], "c++", options).compile("cubin").code)
        except Exception as error:  # errors of cuda.core have no common base
            raise EngineUnavailable(f"NVRTC {version} does not compile the cuda engine for {arch}: {error}") from error
        if cached:
            _write_checked(cached, code)
    return code


@contextlib.contextmanager
def _gpu_packages() -> Iterator[None]:
    try:
        yield
    except (ImportError, OSError, RuntimeError) as error:
        raise EngineUnavailable(f"the cuda engine lacks one of its packages ({error}): {REMEDY}") from error


def _read_checked(path: Path) -> bytes | None:
    """What `_write_checked` wrote there, or None if that is not all there."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    code, digest = data[:-32], data[-32:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write_checked(path: Path, code: bytes) -> None:
    """The loader ignores the digest at the end. A cache that cannot be written costs only time."""
    with contextlib.suppress(OSError):
        write_whole(path, code + hashlib.sha256(code).digest())


@dataclass
class Stage:
    """Memory of the host that copies go through (`inputs`, `outputs`: uint8), and of the device that they go to."""

    pinned: list[Any]
    device: list[Any]
    inputs: np.ndarray = field(init=False)
    outputs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.inputs, self.outputs = (
            np.ctypeslib.as_array((ctypes.c_uint8 * buffer.size).from_address(int(buffer.handle)))
            for buffer in self.pinned)


class Gpu:
    """A GPU through cuda.core: a stream, the compiled kernel, and what it can hold. See `Machine`."""

    def __init__(self, device: int = 0) -> None:
        with _gpu_packages():
            from cuda.core import Device, LegacyPinnedMemoryResource, ObjectCode
        try:
            self._device = Device(device)
            self._device.set_current()
        except Exception as error:  # errors of cuda.core have no common base
            raise EngineUnavailable(f"no GPU {device} can be used ({error}); choose another engine") from error
        properties, capability = self._device.properties, tuple(self._device.compute_capability)
        if capability < OLDEST:
            needed, found = (".".join(map(str, version)) for version in (OLDEST, capability))
            raise EngineUnavailable(f"the cuda engine needs a GPU of compute capability {needed} or newer; "
                                    f"{self._device.name} has {found}. Choose another engine")
        self.shared_bytes = properties.max_shared_memory_per_block_optin
        self.blocks = properties.multiprocessor_count  # the kernel takes most registers of each
        self._stream = self._device.create_stream()
        self._pinned = LegacyPinnedMemoryResource()
        code = compile_kernel(f"sm_{self._device.arch}")
        try:
            self._kernel = ObjectCode.from_cubin(code).get_kernel(ENTRY)
        except Exception as error:  # errors of cuda.core have no common base
            raise EngineUnavailable(f"the driver of {self._device.name} does not load the kernel ({error}); update the "
                                    f"driver to {DRIVER} or newer, or choose another engine") from error
        self._allow_all_shared_memory()
        self.cluster_blocks = self._largest_cluster() if properties.cluster_launch else 1

    def holds_cluster(self, blocks: int) -> bool:
        from cuda.core import LaunchConfig

        self._device.set_current()
        config = LaunchConfig(grid=1, cluster=blocks, block=THREADS, shmem_size=self.shared_bytes)
        try:
            return self._kernel.occupancy.max_active_clusters(config, stream=self._stream) > 0
        except Exception:  # how a driver says of a number that it is impossible; their errors have no common base
            return False

    def upload(self, data: np.ndarray) -> Any:
        stage, memory = self.stage(data.nbytes, 1), self._allocate(data.nbytes)
        stage.inputs[:] = data
        self._part(stage.pinned[0], data.nbytes).copy_to(memory, stream=self._stream)
        self._stream.sync()
        return memory

    def zeros(self, size_bytes: int) -> Any:
        memory = self._allocate(size_bytes)
        self.clear(memory)
        return memory

    def clear(self, memory: Any) -> None:
        self._device.set_current()
        memory.fill(0, stream=self._stream)
        self._stream.sync()

    def copy(self, memory: Any, to: Any) -> None:
        self._device.set_current()
        memory.copy_to(to, stream=self._stream)
        self._stream.sync()

    def read(self, memory: Any, offset: int, size_bytes: int) -> np.ndarray:
        self._device.set_current()
        stage = self.stage(1, size_bytes)
        self._part(memory, size_bytes, offset).copy_to(stage.pinned[1], stream=self._stream)
        self._stream.sync()
        return stage.outputs.copy()

    def stage(self, in_bytes: int, out_bytes: int) -> Stage:
        self._device.set_current()
        sizes = (in_bytes, out_bytes)
        return Stage([self._pinned.allocate(size) for size in sizes], [self._allocate(size) for size in sizes])

    def run(self, launch: Launch, in_bytes: int, out_bytes: int) -> None:
        """One copy in, one launch, one copy out; returns when they are done. After a fault of the kernel the driver
        refuses this process every further call."""
        try:
            self._run(launch, in_bytes, out_bytes)
        except Exception as error:  # errors of cuda.core have no common base
            raise EngineUnavailable(f"{self._device.name} failed at a block ({error}); start livewave anew, or choose "
                                    "another engine") from error

    def _run(self, launch: Launch, in_bytes: int, out_bytes: int) -> None:
        from cuda.core import LaunchConfig
        from cuda.core import launch as start

        self._device.set_current()
        (pinned_in, pinned_out), (device_in, device_out) = launch.stage.pinned, launch.stage.device
        self._part(pinned_in, in_bytes).copy_to(self._part(device_in, in_bytes), stream=self._stream)
        if launch.clustered:
            many = {"grid": launch.choirs, "cluster": launch.parts}  # a grid of clusters
        else:
            many = {"grid": launch.choirs * launch.parts, "is_cooperative": launch.parts > 1}
        config = LaunchConfig(**many, block=THREADS, shmem_size=launch.shared_bytes)
        start(self._stream, config, self._kernel, launch.net, launch.state, device_in, device_out)
        self._part(device_out, out_bytes).copy_to(self._part(pinned_out, out_bytes), stream=self._stream)
        self._stream.sync()

    def close(self) -> None:
        self._stream.close()

    def _allocate(self, size_bytes: int) -> Any:
        try:
            return self._device.memory_resource.allocate(size_bytes, stream=self._stream)
        except Exception as error:  # errors of cuda.core have no common base
            raise EngineUnavailable(f"{self._device.name} has no {size_bytes} bytes of memory free ({error}); play "
                                    "fewer voices, or choose another engine") from error

    def _part(self, buffer: Any, size_bytes: int, offset: int = 0) -> Any:
        return type(buffer).from_handle(int(buffer.handle) + offset, size_bytes, owner=buffer)

    def _allow_all_shared_memory(self) -> None:
        from cuda.bindings import driver

        attributes = {driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: self.shared_bytes}
        if self._device.properties.cluster_launch:
            attributes[driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED] = 1
        for attribute, value in attributes.items():
            (error,) = driver.cuKernelSetAttribute(attribute, value, self._kernel.handle, self._device.device_id)
            if error != driver.CUresult.CUDA_SUCCESS:
                raise EngineUnavailable(f"{self._device.name} refuses {attribute.name} = {value}: {error.name}")

    def _largest_cluster(self) -> int:
        from cuda.core import LaunchConfig

        config = LaunchConfig(grid=MOST_CLUSTER_BLOCKS, block=THREADS, shmem_size=self.shared_bytes)
        return self._kernel.occupancy.max_potential_cluster_size(config, stream=self._stream)


def _view(memory: np.ndarray, offset: int, kind: type, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return memory[offset : offset + size].view(kind).reshape(shape)
