from __future__ import annotations

import pytest

from livewave import ConfigError
from livewave.config import load_config, make_config
from livewave.voicing import LIMITS, MOST_VOICES, Voicing, of_flag, voicings


def of(text: str) -> Voicing:
    (voicing,) = voicings([of_flag(text)])
    return voicing


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        of(text)
    return str(error.value)


@pytest.mark.parametrize("text, voicing", [
    ("cello", Voicing("cello")),
    ("piano:transpose=12,gain=-6,pan=0.3", Voicing("piano", transpose=12, gain_db=-6.0, pan=0.3)),
    ("flute: low=60 , high=72, channel=3", Voicing("flute", channel=3, low=60, high=72)),
    ("flute:mute=1,temperature=0", Voicing("flute", mute=True, temperature=0.0)),
    ("flute:mute=off", Voicing("flute")),
    ("/home/me/nets/alto.onnx:pan=-1", Voicing("/home/me/nets/alto.onnx", pan=-1.0)),
    (r"C:\nets\alto.onnx", Voicing(r"C:\nets\alto.onnx")),
    (r"C:\nets\alto.onnx:gain=3", Voicing(r"C:\nets\alto.onnx", gain_db=3.0)),
])
def test_a_flag_names_a_model_and_what_is_special_about_it(text, voicing):
    assert of(text) == voicing


@pytest.mark.parametrize("text, words", [
    ("cello:pitch=3", ("'pitch=3'", "transpose", "gain", "pan")), ("cello:model=flute", ("'model=flute'",)),
    ("cello:pan=left", ("pan", "'left'", "-1.0..1.0")), ("cello:channel=0", ("channel", "1..16")),
    ("cello:transpose=1.5", ("transpose", "whole number")), ("cello:low=70,high=60", ("70..60",)),
    ("cello:gain=nan", ("gain_db", "nan")), ("cello:mute=2", ("mute", "true or false")), ("", ("MODEL",)),
])
def test_what_is_wrong_with_a_flag_is_named_with_what_is_right(text, words):
    told = refused(text)
    assert all(word in told for word in ("--voice", *words)), told


@pytest.mark.parametrize("field", LIMITS)
def test_a_number_has_a_range(field):
    low, high, _ = LIMITS[field]
    for value in (low, high):
        table = {"model": "flute", field: value} | ({"high": 127} if field == "low" else {"low": 0} if field == "high" else {})
        assert getattr(voicings([table])[0], field) == value
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=field):
            voicings([{"model": "flute", field: value}])


@pytest.mark.parametrize("entries", [3, "flute", {"model": "flute"}, ["flute"], [{}], [{"model": ""}], [{"model": "flute", "colour": 3}],
                                     [{"model": "flute"}] * (MOST_VOICES + 1)])
def test_what_is_no_list_of_voices_is_refused(entries):
    with pytest.raises(ConfigError, match="voice"):
        make_config({"voice": entries})


def test_a_file_has_a_table_for_each_voice(tmp_path):
    (tmp_path / "quartet.toml").write_text('[[voice]]\nmodel = "cello"\ntranspose = -12\n[[voice]]\nmodel = "flute"\npan = 0.5\nmute = true\n')
    config = load_config(str(tmp_path / "quartet.toml"), {"audio": {"gain_db": -3.0}})
    assert config.voices == config.ensemble == (Voicing("cello", transpose=-12), Voicing("flute", pan=0.5, mute=True))
    assert config.title == "cello + flute"


def test_voices_of_flags_take_the_place_of_those_in_the_file_and_of_its_model(tmp_path):
    path = tmp_path / "stage.toml"
    path.write_text('[[voice]]\nmodel = "cello"\n')
    assert load_config(str(path), {"voice": ["flute:pan=1"]}).voices == (Voicing("flute", pan=1.0),)
    assert load_config(str(path), {"voice": None}).voices == (Voicing("cello"),)
    path.write_text('[model]\nname = "piano"\ntemperature = 0.5\n')
    config = load_config(str(path), {"voice": ["flute", "cello"]})
    assert config.title == "flute + cello" and config.model.temperature == 0.5


def test_a_model_and_voices_exclude_each_other():
    with pytest.raises(ConfigError, match="'piano'.*--model.*--voice"):
        load_config(None, {"model": {"name": "piano"}, "voice": ["flute"]})


def test_without_voices_the_model_is_the_only_one():
    config = make_config({"model": {"name": "piano"}})
    assert (config.voices, config.ensemble, config.title) == ((), (Voicing("piano"),), "piano")


def test_an_ensemble_comes_back_from_json_equal():
    import json

    config = load_config(None, {"voice": ["flute", "cello:transpose=-12,channel=2,mute=1,temperature=0.3"], "model": {"seed": 4}})
    assert make_config(json.loads(config.to_json())) == config


def test_what_is_special_about_a_voice_is_told():
    assert of("cello:channel=2,transpose=-12,gain=-6,pan=0.5,low=36,mute=1").told == "channel 2, transpose -12, gain_db -6, pan 0.5, keys 36..127, mute"
    assert of("cello").told == ""


@pytest.mark.parametrize("voices, block", [(1, 32), (2, 64), (3, 128), (16, 128)])
def test_more_voices_are_rendered_in_larger_blocks_unless_somebody_says_otherwise(voices, block):
    assert load_config(None, {"voice": ["flute"] * voices}).audio.block_samples == block
    assert load_config(None, {"voice": ["flute"] * voices, "audio": {"block_samples": 16}}).audio.block_samples == 16
