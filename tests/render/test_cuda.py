"""The cuda engine without a GPU: its kernel compiles for GPUs, and is held against the reference in an emulator.

Tests marked `gpu` do the same on a real one; tests/parity has the rest.
"""

from __future__ import annotations

import ctypes
import io
import itertools
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livewave import EngineUnavailable
from livewave.render import choirplan, cuda
from livewave.render.cuda import CudaChoir, CudaEngine
from livewave.render.wavenet import (
    Model, ReferenceEngine, WaveNetSpec, bent_steps, draw, mulaw_encode, phase_steps, random_weights,
)
from tests.parity.engines import (
    ENGINES, MULAW_SPECS, SAMPLES, SPECS, a_model, a_roll, a_waveform, error, expected, heard, in_f16,
)
from tests.parity.near_ties import drawn_between, near_tie
from tests.render.cuda_emulator.machine import (
    FORWARD, HOPPER_BYTES, KERNELS, REVERSE, SHUFFLED, Emulator, build,
)

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # the reference's sigmoid

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")
TOLERANCE = ENGINES["cuda"].tolerance
FORM = "f0 hint"
SMALL = 30_000  # bytes of shared memory that spread FORM over several thread blocks, with room for their mail
PLACES = {  # how the choir is dealt out
    "one block": {},
    "a cluster": {"shared_bytes": SMALL},
    "blocks without a cluster": {"shared_bytes": SMALL, "cluster_blocks": 1},
}
BARE = "cuda-core and nvidia-cuda-nvrtc are not installed"
TARGET = WaveNetSpec(residual_channels=64, skip_channels=128, out_channels=256, hint="f0")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if not shutil.which("g++"):
        pytest.skip("the emulator needs g++")
    return build(tmp_path_factory.mktemp("emulator") / "cuda.so")


@pytest.fixture
def emulated(library):
    """Opens one voice of a form of the net; keywords are the emulator's."""
    return lambda form=FORM, **machine: CudaEngine(a_model(form), machine=Emulator(library, **machine))


def voices_of(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rolls uint8 [count, SAMPLES, 128], each in another key; uniforms float32 [count, SAMPLES]; temperatures."""
    rolls = np.stack([np.roll(a_roll(), 5 * voice, axis=1) for voice in range(count)])
    uniforms = np.random.default_rng(4).random((count, SAMPLES), dtype=np.float32)
    return rolls, uniforms, np.resize(np.array([1.0, 0.8, 0.0, 0.5], np.float32), count)


def played(engine, block: int = SAMPLES, temperature: float = 0.9) -> np.ndarray:
    """float32 [SAMPLES]: one voice of `voices_of`, in blocks of `block` samples."""
    rolls, uniforms, _ = voices_of(1)
    out = np.empty(SAMPLES, np.float32)
    for first in range(0, SAMPLES, block):
        part = slice(first, first + block)
        engine.render(rolls[0, part], uniforms[0, part], out[part], temperature)
    return out


# ---- the code


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_kernel_compiles_with_every_value_in_registers(arch):
    core = pytest.importorskip("cuda.core", reason=BARE)
    log = io.StringIO()
    options = core.ProgramOptions(name="wavenet.cu", arch=arch, std="c++17", include_path=str(KERNELS),
                                  ptxas_options=["-v"])
    program = core.Program((KERNELS / "wavenet.cu").read_text(), "c++", options)
    assert cuda.ENTRY.encode() in program.compile("cubin", logs=log).code
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in log.getvalue()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    pytest.importorskip("cuda.core", reason=BARE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "livewave" / "cuda"


def test_a_kernel_is_compiled_once_and_then_read_from_the_cache(cache, monkeypatch):
    first = cuda.compile_kernel("sm_90")
    assert cuda.ENTRY.encode() in first
    assert [path.suffix for path in cache.iterdir()] == [".cubin"]
    monkeypatch.setattr("cuda.core.Program", None)  # nothing can be compiled any more
    assert cuda.compile_kernel("sm_90") == first
    with pytest.raises(EngineUnavailable, match="sm_80"):
        cuda.compile_kernel("sm_80")


def test_a_cached_kernel_that_is_damaged_is_compiled_again(cache):
    first = cuda.compile_kernel("sm_90")
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], b"x" + whole[1:]):
        path.write_bytes(damaged)
        assert cuda._read_checked(path) is None
    assert cuda.compile_kernel("sm_90") == first
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(cache):
    cache.parent.write_text("a file where the folder should be")
    assert cuda.ENTRY.encode() in cuda.compile_kernel("sm_90")


def test_a_kernel_that_does_not_compile_is_said_with_the_compilers_words(cache):
    with pytest.raises(EngineUnavailable, match="sm_10000"):
        cuda.compile_kernel("sm_10000")


@pytest.mark.parametrize("structure", ["Plan", "Tables", "Part", "Block"])
def test_structures_are_those_of_the_kernel(structure, library):
    source = (KERNELS / "wavenet.cu").read_text()
    declared = re.search(rf"^struct {structure} {{(.*?)^}};", source, re.S | re.M).group(1)
    declared = re.sub(r"//.*", "", declared)
    names = re.sub(r"\b(int|float|u64)\b|[;,]", " ", declared).split()
    assert names == [name for name, _ in getattr(choirplan, structure)._fields_]
    assert Emulator(library).size_of(structure) == ctypes.sizeof(getattr(choirplan, structure))


def test_what_a_lane_gives_to_a_product_lies_in_one_piece():
    matrix = np.arange(32 * 48, dtype=np.float32).reshape(32, 48)
    packed = choirplan.fragments(matrix)
    for tile, step, lane, i in itertools.product(range(2), range(3), range(32), range(8)):
        row = tile * 16 + lane // 4 + (8 if i // 2 % 2 else 0)
        column = step * 16 + lane % 4 * 2 + i % 2 + (8 if i >= 4 else 0)
        assert packed[tile, step, lane, i] == matrix[row, column]


def test_weights_beyond_the_range_of_f16_stay_finite():
    np.testing.assert_array_equal(choirplan.in_f16(np.float32([1e9, -1e9, 1.0])), np.float16([65504.0, -65504.0, 1.0]))


# ---- what it computes


@pytest.mark.parametrize("form", SPECS)
def test_logits_and_layer_inputs_are_those_of_the_reference(form, emulated):
    wanted, given = expected(form, in_f16, a_waveform()), heard(emulated(form), a_waveform())
    assert error(given.logits, wanted.logits) < TOLERANCE
    assert error(given.layer_inputs, wanted.layer_inputs) < TOLERANCE


@pytest.mark.parametrize("temperature", [1.0, 0.0])
@pytest.mark.parametrize("form", MULAW_SPECS)
def test_drawn_classes_are_those_of_the_reference_but_for_near_ties(form, temperature, emulated):
    spec, out = SPECS[form], np.empty(SAMPLES, np.float32)
    uniforms = np.random.default_rng(3).random(SAMPLES, dtype=np.float32)
    emulated(form).render(a_roll(), uniforms, out, temperature)
    logits = expected(form, in_f16, out).logits
    for t in range(SAMPLES):
        if draw(spec, logits[t], float(uniforms[t]), temperature) != out[t]:
            assert near_tie(logits[t], int(mulaw_encode(out[t])), uniforms[t], temperature, TOLERANCE), f"sample {t}"


@pytest.mark.parametrize("temperature", [1.0, 0.0])
def test_drawn_values_of_logistics_are_those_of_the_reference(temperature, emulated):
    uniforms = np.random.default_rng(4).uniform(0.05, 0.95, SAMPLES).astype(np.float32)
    out = np.empty(SAMPLES, np.float32)
    emulated("logistic").render(a_roll(), uniforms, out, temperature)
    for row, uniform, value in zip(expected("logistic", in_f16, out).logits, uniforms, out, strict=True):
        low, high = drawn_between(SPECS["logistic"], row, float(uniform), temperature, TOLERANCE)
        assert low <= value <= high


@pytest.mark.parametrize("uniforms", [[0.0, 0.25, 0.5, 0.999999], [0.1, 0.3, 0.6, 0.9]])
def test_equal_logits_are_drawn_by_inversion_exactly(uniforms, library):
    spec = SPECS["one layer"]
    weights = {name: np.zeros_like(array) for name, array in random_weights(spec).items()}
    out = np.empty(len(uniforms), np.float32)
    engine = CudaEngine(Model(spec, weights), machine=Emulator(library))
    engine.render(np.zeros((1, 128), np.uint8), np.float32(uniforms), out)
    np.testing.assert_array_equal(mulaw_encode(out), np.floor(np.float32(uniforms) * 256))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["f0 hint", "velocity roll", "logistic", "long dilations", "waveform only"])
def test_blocks_of_any_size_give_the_same_bits(form, place, emulated):
    whole = played(emulated(form, **PLACES[place]))
    assert len(np.unique(whole)) > 20
    for block in (1, 7, 64):
        np.testing.assert_array_equal(played(emulated(form, **PLACES[place]), block), whole)


def bent(voices: int) -> np.ndarray:
    """uint32 [voices, SAMPLES, 128]: every voice bends in its own way, and not at all for a while."""
    bends = np.random.default_rng(14).uniform(-9.0, 9.0, (voices * SAMPLES // 6, 128)).astype(np.float32)
    steps = np.repeat(bent_steps(SPECS[FORM], bends), 6, axis=0).reshape(voices, SAMPLES, 128)
    steps[:, 84:90] = phase_steps(SPECS[FORM])
    return steps


@pytest.mark.parametrize("place", PLACES)
def test_bent_notes_are_those_of_the_reference_for_every_block_size(place, emulated):
    model, steps, audio = a_model(FORM), bent(1)[0], a_waveform()
    right, given = (np.empty((SAMPLES, SPECS[FORM].outputs), np.float32) for _ in range(2))
    ReferenceEngine(replace(model, weights=in_f16(model.weights))).feed(a_roll(), audio, right, steps)
    engine, wholes = emulated(**PLACES[place]), []
    for block in (SAMPLES, 1, 6, 35):
        engine.reset()
        for first in range(0, SAMPLES, block):
            part = slice(first, first + block)
            turned = None if first == 84 and block == 6 else steps[part]
            engine.feed(a_roll()[part], audio[part], given[part], turned)
        wholes.append(given.copy())
        np.testing.assert_array_equal(given, wholes[0], err_msg=f"blocks of {block}")
    assert error(wholes[0], right) < TOLERANCE


def test_voices_are_bent_apart(library):
    rolls, uniforms, temperatures = voices_of(3)
    together, steps = np.empty((3, SAMPLES), np.float32), bent(3)
    CudaChoir(a_model(FORM), 3, machine=Emulator(library)).render(rolls, uniforms, together, temperatures, steps)
    for voice in range(3):
        alone = np.empty(SAMPLES, np.float32)
        engine = CudaEngine(a_model(FORM), machine=Emulator(library))
        engine.render(rolls[voice], uniforms[voice], alone, float(temperatures[voice]), steps[voice])
        np.testing.assert_array_equal(alone, together[voice])


def test_columns_may_be_held_or_repeated(emulated):
    roll, uniforms, outs = a_roll()[::8], voices_of(1)[1][0], np.empty((2, SAMPLES), np.float32)
    steps = bent(1)[0, ::8]
    emulated().render(roll, uniforms, outs[0], steps=steps)
    emulated().render(np.repeat(roll, 8, axis=0), uniforms, outs[1], steps=np.repeat(steps, 8, axis=0))
    np.testing.assert_array_equal(outs[0], outs[1])


def test_a_reset_engine_begins_anew(emulated):
    for place in PLACES.values():
        engine = emulated(**place)
        first = played(engine)
        assert not np.array_equal(played(engine), first)
        engine.reset()
        assert not engine.layer_inputs().any()
        np.testing.assert_array_equal(played(engine), first)


@pytest.mark.parametrize("place", PLACES)
def test_an_engine_comes_back_to_what_it_remembered(place, emulated):
    engine = emulated(**PLACES[place])
    played(engine, 33)
    engine.remember()
    expected = played(engine)
    played(engine, 21)
    for _ in range(2):
        engine.recall()
        np.testing.assert_array_equal(played(engine), expected)


def test_nan_is_heard_as_silence(emulated):
    for form in (FORM, "logistic"):
        silence, broken = a_waveform(), a_waveform()
        silence[50:60], broken[50:60] = 0.0, np.nan
        np.testing.assert_array_equal(heard(emulated(form), broken).logits, heard(emulated(form), silence).logits)


@pytest.mark.parametrize("form", [FORM, "logistic"])
def test_no_uniform_and_no_temperature_leads_out_of_range(form, emulated):
    temperatures = (np.nan, -1.0, 1e-30, 1.0, 1e30, np.inf)
    for uniform, temperature in itertools.product((np.nan, -1.0, 0.0, 1.0, 2.0), temperatures):
        out = np.empty(4, np.float32)
        emulated(form).render(a_roll()[:4], np.full(4, uniform, np.float32), out, temperature)
        assert (np.abs(out) <= 1.0).all(), (uniform, temperature)


def test_huge_weights_give_finite_logits(library):
    model = a_model(FORM)
    engine = CudaEngine(replace(model, weights={name: array * 1e6 for name, array in model.weights.items()}),
                        machine=Emulator(library))
    assert np.isfinite(heard(engine, a_waveform()[:20]).logits).all()


# ---- how it is dealt out


@pytest.mark.parametrize("place", PLACES)
def test_every_voice_is_that_voice_alone_bit_for_bit(place, library):
    rolls, uniforms, temperatures = voices_of(11)
    machine, together = Emulator(library, **PLACES[place]), np.empty((11, SAMPLES), np.float32)
    choir = CudaChoir(a_model(FORM), 11, machine=machine)
    choir.render(rolls, uniforms, together, temperatures)
    entered = choir.layer_inputs()
    assert len(np.unique(together, axis=0)) == 11
    assert machine.launches == [(2, 1 if place == "one block" else 3, place == "a cluster")]
    for voice in range(11):
        engine, alone = CudaEngine(a_model(FORM), machine=Emulator(library)), np.empty(SAMPLES, np.float32)
        engine.render(rolls[voice], uniforms[voice], alone, float(temperatures[voice]))
        np.testing.assert_array_equal(alone, together[voice])
        np.testing.assert_array_equal(engine.layer_inputs(), entered[voice])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", [FORM, "unconditioned", "logistic", "the paper's input"])
def test_threads_may_run_in_any_order(form, place, emulated):
    outs = [played(emulated(form, order=order, seed=seed, **PLACES[place]), 33)
            for order, seed in ((FORWARD, 0), (REVERSE, 0), (SHUFFLED, 1), (SHUFFLED, 2))]
    for out in outs[1:]:
        np.testing.assert_array_equal(out, outs[0])


@pytest.mark.parametrize("barrier", ["x is there", "z is there", "the skip sums are there",
                                     "the hidden units are there", "the logits are there"])
def test_a_missing_barrier_would_be_noticed(barrier, library, tmp_path):
    source = (KERNELS / "wavenet.cu").read_text()
    line = f"        barrier();  // {barrier}\n"
    assert line in source
    broken = build(tmp_path / "broken.so", source.replace(line, ""), ("-O1",))
    outs = [played(CudaEngine(a_model(FORM), machine=Emulator(path, order=order)), temperature=0.0) for path, order in
            ((library, FORWARD), (broken, FORWARD), (broken, REVERSE))]
    assert not all(np.array_equal(out, outs[0]) for out in outs[1:])


def test_numbers_of_messages_may_wrap(emulated):
    for place in PLACES.values():
        engine = emulated(**place)
        expected = played(engine)
        engine.reset()
        engine._choir._sequence = 2**32 - 50
        np.testing.assert_array_equal(played(engine, 33), expected)


def test_the_net_of_the_target_is_one_portable_cluster_on_hopper(library):
    score = choirplan.deal(TARGET, Emulator(library, cluster_blocks=8), choirs=8)
    assert len(score.parts) == 8 and score.mail_shared and score.shared_bytes <= HOPPER_BYTES
    assert [part.layers for part in score.parts] == [3, 3, 3, 3, 3, 3, 2, 0]


def test_nets_of_the_target_compute_what_the_reference_does(library):
    spec = replace(TARGET, dilations=(1, 2, 4, 8, 16, 32, 1))
    model = Model(spec, random_weights(spec, seed=5))
    logits = np.empty((2, 40, 256), np.float32)
    machine = Emulator(library)
    CudaEngine(model, machine=machine).feed(a_roll()[:40], a_waveform()[:40], logits[0])
    ReferenceEngine(replace(model, weights=in_f16(model.weights))).feed(a_roll()[:40], a_waveform()[:40], logits[1])
    assert error(logits[0], logits[1]) < TOLERANCE
    assert machine.launches == [(1, 4, True)]


@pytest.mark.parametrize("form", ["f0 hint", "velocity roll", "logistic", "odd widths", "one layer", "one channel"])
def test_every_part_can_stand_alone(form, library):
    """The least shared memory that holds the largest stage puts nearly each stage into a block of its own."""
    whole = heard(CudaEngine(a_model(form), machine=Emulator(library)), a_waveform()[:20])
    for cluster_blocks, order in itertools.product((1, 16), (FORWARD, REVERSE, SHUFFLED)):
        least = next(size for size in range(8_000, 60_000, 250) if _holds(SPECS[form], library, size, cluster_blocks))
        machine = Emulator(library, shared_bytes=least, cluster_blocks=cluster_blocks, order=order)
        parts = heard(CudaEngine(a_model(form), machine=machine), a_waveform()[:20])
        _, count, clustered = machine.launches[0]
        assert count > 1 and clustered == (cluster_blocks > 1)
        np.testing.assert_array_equal(parts.logits, whole.logits)
        np.testing.assert_array_equal(parts.layer_inputs, whole.layer_inputs)


def _holds(spec: WaveNetSpec, library: Path, shared_bytes: int, cluster_blocks: int) -> bool:
    """Whether the net fits, and its mail beside it where there are clusters."""
    try:
        chip = Emulator(library, shared_bytes=shared_bytes, cluster_blocks=cluster_blocks)
        score = choirplan.deal(spec, chip, choirs=1)
    except EngineUnavailable:
        return False
    return score.mail_shared or cluster_blocks == 1


def test_a_number_of_blocks_that_no_cluster_can_have_is_played_without_one(library, monkeypatch):
    machine = Emulator(library, shared_bytes=SMALL)
    monkeypatch.setattr(machine, "holds_cluster", lambda blocks: False)
    CudaEngine(a_model(FORM), machine=machine).feed(a_roll()[:8], a_waveform()[:8])
    assert machine.launches == [(1, 3, False)]


def test_a_net_too_wide_for_the_chip_is_refused_with_figures(library):
    wide = WaveNetSpec(residual_channels=512, dilations=(1,), cond_channels=0)
    with pytest.raises(EngineUnavailable, match=r"layer 0 .* \d{7} bytes .* 232448"):
        CudaEngine(Model(wide, random_weights(wide)), machine=Emulator(library))


def test_more_voices_than_run_at_once_are_refused_with_figures(library):
    machine = Emulator(library, shared_bytes=SMALL, cluster_blocks=1, blocks=8)
    CudaChoir(a_model(FORM), 16, machine=machine)
    with pytest.raises(EngineUnavailable, match=r"at most 16 voices"):
        CudaChoir(a_model(FORM), 17, machine=machine)
    with pytest.raises(EngineUnavailable, match=r"a smaller net"):
        CudaChoir(a_model(FORM), 1, machine=Emulator(library, shared_bytes=SMALL, cluster_blocks=1, blocks=2))


# ---- how it is called


def test_what_does_not_fit_is_refused_before_any_state_changes(library):
    choir, fresh = (CudaChoir(a_model(FORM), 2, machine=Emulator(library)) for _ in range(2))
    rolls, uniforms, temperatures = voices_of(2)
    out = np.empty_like(uniforms)
    read_only = out.copy()
    read_only.flags.writeable = False
    for arguments in ((rolls[:1], uniforms, out, temperatures), (rolls[:, :7], uniforms, out, temperatures),
                      (rolls, uniforms[:, :3], out, temperatures), (rolls, uniforms, out, temperatures[:1]),
                      (rolls.astype(np.int16), uniforms, out, temperatures), (rolls, uniforms, read_only, temperatures),
                      (rolls, uniforms.astype(np.float64), out, temperatures),
                      (rolls[:, :0], uniforms[:, :0], out[:, :0], temperatures)):
        with pytest.raises(ValueError):
            choir.render(*arguments)
    with pytest.raises(ValueError, match="logits"):
        choir.feed(rolls, uniforms, np.empty((2, SAMPLES, 255), np.float32))
    expected = np.empty_like(out)
    choir.render(rolls, uniforms, out, temperatures)
    fresh.render(rolls, uniforms, expected, temperatures)
    np.testing.assert_array_equal(out, expected)


def test_staging_memory_is_made_only_when_a_larger_block_comes(library, monkeypatch):
    made, stage = [], Emulator.stage
    monkeypatch.setattr(Emulator, "stage", lambda self, *sizes: made.append(sizes) or stage(self, *sizes))
    engine = CudaEngine(a_model(FORM), machine=Emulator(library))
    for samples in (64, 64, 16, 1, 64):
        engine.render(a_roll()[:samples], np.zeros(samples, np.float32), np.empty(samples, np.float32))
    assert len(made) == 1


def test_a_closed_engine_says_so(emulated):
    engine = emulated()
    engine.close()
    engine.close()
    for call in (engine.reset, engine.layer_inputs, lambda: played(engine)):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_an_engine_says_what_it_keeps_on_the_chip(emulated):
    engine, spec = emulated(), SPECS[FORM]
    assert (engine.name, engine.precision) == ("cuda", "f16")
    assert engine.weight_bytes > 2 * sum(a_model(FORM).weights[name].size for name in ("past", "current", "skip"))
    assert spec.layers == len(engine.layer_inputs())


def test_a_choir_needs_a_voice(library):
    with pytest.raises(ValueError, match="voices is 0"):
        CudaChoir(a_model(FORM), 0, machine=Emulator(library))


def test_without_a_gpu_the_reason_and_a_remedy_are_given():
    try:
        CudaEngine(a_model(FORM)).close()
    except EngineUnavailable as reason:
        assert "choose another engine" in str(reason)
    else:
        pytest.skip("there is a GPU here")


# ---- on a GPU


@pytest.fixture
def gpu():
    try:
        cuda.Gpu().close()
    except EngineUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.gpu
def test_sixty_four_voices_of_the_target_are_each_that_voice_alone(gpu):
    model = Model(TARGET, random_weights(TARGET, seed=5))
    rolls, uniforms, temperatures = voices_of(64)
    together = np.empty((64, SAMPLES), np.float32)
    CudaChoir(model, 64).render(rolls, uniforms, together, temperatures)
    for voice in (0, 7, 8, 63):
        alone = np.empty(SAMPLES, np.float32)
        CudaEngine(model).render(rolls[voice], uniforms[voice], alone, float(temperatures[voice]))
        np.testing.assert_array_equal(alone, together[voice])


@pytest.mark.gpu
@pytest.mark.parametrize("place", PLACES)
def test_parts_on_a_gpu_agree_with_the_emulator(place, gpu, library, monkeypatch):
    machine, wanted, logits = cuda.Gpu(), *(np.empty((SAMPLES, 256), np.float32) for _ in range(2))
    for name, value in PLACES[place].items():
        monkeypatch.setattr(machine, name, min(value, getattr(machine, name)))
    engine = CudaEngine(a_model(FORM), machine=machine)
    assert engine._choir._launch.clustered == (place == "a cluster" and machine.cluster_blocks > 1)
    engine.feed(a_roll(), a_waveform(), logits)
    CudaEngine(a_model(FORM), machine=Emulator(library)).feed(a_roll(), a_waveform(), wanted)
    assert error(logits, wanted) < TOLERANCE


@pytest.mark.gpu
def test_the_target_on_a_gpu_computes_what_the_reference_does_in_any_blocks(gpu):
    model = Model(TARGET, random_weights(TARGET, seed=5))
    engine, logits = CudaEngine(model), np.empty((2, SAMPLES, 256), np.float32)
    engine.feed(a_roll(), a_waveform(), logits[0])
    ReferenceEngine(replace(model, weights=in_f16(model.weights))).feed(a_roll(), a_waveform(), logits[1])
    assert error(logits[0], logits[1]) < TOLERANCE
    engine.reset()
    whole = played(engine)
    for block in (1, 7, 64):
        engine.reset()
        np.testing.assert_array_equal(played(engine, block), whole)
