from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from livewave import ConfigError
from livewave.render.wavenet import WaveNetSpec
from tests.training.tiny_data import CONFIGS
from training.config import Config, Data, Run, Watch, _RANGES, load_config, make_config

NAMES = sorted(path.stem for path in CONFIGS.glob("*.toml"))


def config_file(folder: Path, text: str) -> Path:
    path = folder / "c.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_configurations_of_the_readme_are_all_there():
    assert set(NAMES) == {"paper", "coupled", "unconditioned", "small", "expressive", "hifi48"}


def test_paper_is_the_papers_net():
    net = load_config(CONFIGS / "paper.toml").net
    assert (net.model_rate_hz, net.output, net.roll_encoding, net.cond_channels, net.hint) == (16_000, "mulaw", "binary", 16, "none")
    assert net.dilations == tuple(2**k for k in range(10)) * 2


def test_small_is_what_the_shipped_instruments_use():
    config = load_config(CONFIGS / "small.toml")
    assert config.net == WaveNetSpec(hint="f0", roll_encoding="struck")
    assert (config.run.batch, config.run.samples, config.run.warm) == (2, 8_192, 1_024)
    assert (config.run.muon_rate, config.run.adam_rate, config.run.average) == (0.006, 0.002, 0.999)


def test_the_others_are_what_their_names_say():
    assert load_config(CONFIGS / "unconditioned.toml").net.cond_channels == 0
    expressive, hifi = load_config(CONFIGS / "expressive.toml").net, load_config(CONFIGS / "hifi48.toml").net
    assert (expressive.roll_encoding, expressive.hint) == ("velocity", "f0")
    assert (hifi.model_rate_hz, hifi.output, hifi.class_kernel, hifi.layers) == (48_000, "logistic", 0, 30)
    assert (hifi.residual_channels, hifi.skip_channels, hifi.out_channels) == (32, 64, 128)


def test_every_key_has_a_range_and_a_default_inside_it():
    for kind in (Run, Data, Watch):
        assert {f.name for f in fields(kind)} - {"precision"} <= set(_RANGES)
    make_config({name: {f.name: f.default for f in fields(kind)} for name, kind in (("run", Run), ("data", Data), ("watch", Watch))})


def test_nothing_chosen_is_the_default():
    assert make_config({}) == Config()


def test_set_goes_over_the_file_and_speaks_toml(tmp_path):
    path = config_file(tmp_path, "[run]\nsteps = 10\ndecay_steps = 2\n[net]\nstacks = 1\nlongest = 8\n")
    config = load_config(path, ["run.steps=30", "run.muon_rate=1e-2", "net.hint=f0", 'run.precision="float32"', "net.longest=4",
                                "data.noise_share=.25"])
    assert (config.run.steps, config.run.decay_steps, config.run.muon_rate, config.run.precision) == (30, 2, 0.01, "float32")
    assert config.net.dilations == (1, 2, 4) and config.net.hint == "f0" and config.data.noise_share == 0.25
    assert load_config(path).net.dilations == (1, 2, 4, 8)


@pytest.mark.parametrize("tree, named", [
    ({"nets": {}}, r"no section \[nets\].*\[net\], \[run\]"),
    ({"run": 3}, "outside a section"),
    ({"run": {"step": 3}}, r"\[run\] has no step; it has steps"),
    ({"net": {"channels": 3}}, r"\[net\] has no channels; it has stacks"),
    ({"run": {"steps": 0}}, r"\[run\] steps is 0; it must be a whole number in 1\.\."),
    ({"run": {"steps": 1.5}}, "whole number"),
    ({"run": {"steps": True}}, "whole number"),
    ({"run": {"muon_rate": "fast"}}, r"muon_rate is 'fast'; it must be a number in 1e-06\.\.1\.0"),
    ({"run": {"muon_rate": float("nan")}}, "must be a number"),
    ({"run": {"precision": "float16"}}, "one of bfloat16, float32"),
    ({"data": {"noise_share": 1.2}}, r"noise_share is 1\.2; it must be a number in 0\.0\.\.1\.0"),
    ({"data": {"noise_low": 0.5, "noise_high": 0.1}}, "noise_low"),
    ({"watch": {"crops": 1}}, r"crops is 1; it must be a whole number in 2\.\."),
    ({"watch": {"quiet_db": -1.0}}, "below loud_db"),
    ({"net": {"residual_channels": 0}}, r"\[net\] residual_channels is 0; it must be a whole number in 1\.\.512"),
    ({"net": {"hint": "f1"}}, "one of none, f0"),
    ({"net": {"stacks": 0}}, r"stacks is 0; it must be a whole number in 1\.\.128"),
    ({"net": {"stacks": 1, "longest": 500}}, "power of two"),
    ({"net": {"stacks": 1, "dilations": [1, 2]}}, "both stacks and dilations"),
    ({"net": {"stacks": 20}}, r"dilations must list 1\.\.128"),
    ({"run": {"samples": 1_000}}, "multiple of the 16 samples of a column"),
    ({"run": {"warm": 5_000}}, r"0\.\.4096"),
    ({"run": {"steps": 10}}, r"decay_steps is 4000; it must be in 1\.\.10"),
])
def test_a_bad_value_is_named_with_its_range(tree, named):
    with pytest.raises(ConfigError, match=named):
        make_config(tree)


def test_a_longest_dilation_needs_to_know_how_often(tmp_path):
    with pytest.raises(ConfigError, match="longest needs stacks"):
        make_config({"net": {"longest": 64}})
    path = config_file(tmp_path, "run = 3\n")
    with pytest.raises(ConfigError, match="run stands outside a section"):
        load_config(path, ["run.steps=5"])


@pytest.mark.parametrize("text", ["run.steps", "steps=3", "=3", "run.=3"])
def test_a_set_without_section_key_and_value_is_refused(tmp_path, text):
    with pytest.raises(ConfigError, match="section.key=value"):
        load_config(config_file(tmp_path, ""), [text])


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere.toml: No such file.*training/configs"):
        load_config(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="c.toml is not TOML"):
        load_config(config_file(tmp_path, "run = = 3"))
