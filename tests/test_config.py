from __future__ import annotations

import json
import math

import pytest

from livewave import ConfigError
from livewave.config import ENGINES, LOG_FORMATS, LOG_LEVELS, Config, load_config, make_config
from livewave.music.manner import Manner
from livewave.music.transport import BPM

RANGES = [
    ("model", "seed", 0, 2**63 - 1), ("model", "temperature", 0.0, 2.0), ("audio", "rate_hz", 8_000, 192_000),
    ("audio", "period_frames", 16, 8_192), ("audio", "block_samples", 16, 512), ("audio", "latency_ms", 1.0, 1_000.0),
    ("audio", "gain_db", -90.0, 12.0), ("continue", "temperature", 0.1, 2.0), ("continue", "density", 0.25, 4.0),
    ("continue", "polyphony", 1, 16), ("continue", "rest_beats", 0.5, 32.0), ("continue", "seed", 0, 2**63 - 1),
    ("tempo", "bpm", 20.0, 400.0), ("control", "messages_per_s", 100, 1_000_000), ("control", "longest_note_s", 1.0, 86_400.0),
    ("log", "size_mb", 0.01, 1_000.0), ("log", "keep", 1, 99),
]
FIELDS = {"continue": "continuation"}


def value(config: Config, section: str, field: str) -> object:
    return getattr(getattr(config, FIELDS.get(section, section)), field)


def refused(tree: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        make_config(tree)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_file_is_the_default():
    assert make_config({}) == make_config({"audio": {}}) == Config()


@pytest.mark.parametrize("section, field, low, high", RANGES)
def test_a_number_has_a_range_and_the_error_names_value_and_range(section, field, low, high):
    for legal in (low, high):
        assert value(make_config({section: {field: legal}}), section, field) == legal
    tiny = 1 if isinstance(low, int) else 1e-6
    for illegal in (low - tiny, high + tiny):
        message = refused({section: {field: illegal}})
        assert f"[{section}] {field} is {illegal!r}" in message and f"{low}..{high}" in message


@pytest.mark.parametrize("section, field, low, high", RANGES)
@pytest.mark.parametrize("wrong", [True, "1", [1], {}, math.nan, math.inf, -math.inf])
def test_a_number_must_be_a_number(section, field, low, high, wrong):
    assert field in refused({section: {field: wrong}})


@pytest.mark.parametrize("section, field", [(s, f) for s, f, low, _ in RANGES if isinstance(low, int)])
def test_a_whole_number_must_be_whole(section, field):
    assert "whole number" in refused({section: {field: 32.5}})
    if section != "continue" or field == "seed":  # a manner takes a whole number that is written as a fraction
        assert "whole number" in refused({section: {field: 32.0}})


def test_a_whole_number_will_do_where_a_fraction_may_stand():
    config = make_config({"model": {"temperature": 1}, "audio": {"latency_ms": 20, "gain_db": -6}})
    assert (config.model.temperature, config.audio.latency_ms, config.audio.gain_db) == (1.0, 20.0, -6.0)
    assert all(isinstance(n, float) for n in (config.model.temperature, config.audio.latency_ms, config.audio.gain_db))


@pytest.mark.parametrize("field", ["rate_hz", "latency_ms"])
def test_what_the_device_may_decide_may_be_left_open(field):
    for left_open in (None, "auto"):
        assert value(make_config({"audio": {field: left_open}}), "audio", field) is None


@pytest.mark.parametrize("section, field", [("model", "seed"), ("model", "name"), ("audio", "gain_db"),
                                            ("control", "midi")])
def test_everything_else_must_have_a_value(section, field):
    assert field in refused({section: {field: None}})


@pytest.mark.parametrize("section, field", [("model", "name"), ("model", "engine"), ("audio", "output"),
                                            ("control", "osc"), ("control", "midi_out"), ("continue", "model"),
                                            ("tempo", "metre"), ("log", "level"), ("log", "file"), ("log", "format")])
@pytest.mark.parametrize("wrong", ["", 3, ["a"], True])
def test_a_text_must_be_a_text(section, field, wrong):
    assert f"[{section}] {field}" in refused({section: {field: wrong}})


def test_unknown_sections_and_fields_are_refused_and_the_known_ones_named():
    message = refused({"sound": {}})
    assert "[sound]" in message and "[audio]" in message
    message = refused({"audio": {"volume": 3}})
    assert "volume" in message and "gain_db" in message


@pytest.mark.parametrize("field, choices", [("level", LOG_LEVELS), ("format", LOG_FORMATS)])
def test_a_log_has_the_levels_and_formats_that_exist(field, choices):
    for choice in choices:
        assert value(make_config({"log": {field: choice}}), "log", field) == choice
    assert ", ".join(choices) in refused({"log": {field: choices[0] + "x"}})


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_are_those_that_exist(engine):
    assert make_config({"model": {"engine": engine}}).model.engine == engine
    assert ", ".join(ENGINES) in refused({"model": {"engine": engine + "x"}})


def test_one_midi_port_may_stand_without_brackets():
    assert make_config({"control": {"midi": "Keys"}}).control.midi == ("Keys",)
    assert make_config({"control": {"midi": ["Keys", "virtual"]}}).control.midi == ("Keys", "virtual")


@pytest.mark.parametrize("wrong", [3, "", [""], [3], {"a": 1}, None])
def test_midi_ports_must_be_names(wrong):
    assert "midi" in refused({"control": {"midi": wrong}})


@pytest.mark.parametrize("text, host, port", [("127.0.0.1:9000", "127.0.0.1", 9_000),
                                              ("studio.local:1", "studio.local", 1),
                                              ("0.0.0.0:65535", "0.0.0.0", 65_535)])
def test_an_osc_address_is_host_and_port(text, host, port):
    assert make_config({"control": {"osc": text}}).control.osc_address == (host, port)


@pytest.mark.parametrize("wrong", ["9000", ":9000", "host:", "host:0", "host:65536", "host:-1", "host:nine", "host: 9",
                                   "host:9.5"])
def test_any_other_osc_address_is_refused_with_an_example(wrong):
    message = refused({"control": {"osc": wrong}})
    assert repr(wrong) in message and "127.0.0.1:9000" in message


@pytest.mark.parametrize("where", ["auto", "off", "127.0.0.1:9090", "0.0.0.0:80"])
def test_a_panel_is_off_or_somewhere(where):
    assert make_config({"control": {"panel": where}}).control.panel == where and Config().control.panel == "off"


@pytest.mark.parametrize("wrong", ["9090", "on", "host:0", "host:", "127.0.0.1:65536"])
def test_any_other_place_of_a_panel_is_refused_with_an_example(wrong):
    message = refused({"control": {"panel": wrong}})
    assert f"[control] panel is {wrong!r}" in message and "auto, off, or HOST:PORT, such as 127.0.0.1:9090" in message


@pytest.mark.parametrize("given, networks", [("10.0.0.0/8", ("10.0.0.0/8",)), (["192.168.1.7/24", "::1"], ("192.168.1.7/24", "::1")),
                                             ([], ())])
def test_who_may_send_is_a_list_of_networks(given, networks):
    assert make_config({"control": {"allow": given}}).control.allow == networks


@pytest.mark.parametrize("wrong", ["studio.local", "192.168.1", "192.168.1.0/33", "", "10.0.0.0-10.0.0.9", "::/129", 3, None, {}, ["*"],
                                   [3], [None], [["::1"]]])
def test_anything_else_is_refused_with_an_example(wrong):
    assert "[control] allow holds" in refused({"control": {"allow": wrong}})
    assert "192.168.1.0/24" in refused({"control": {"allow": wrong}})


def test_keys_may_be_held_for_ever_where_the_player_says_so():
    assert make_config({"control": {"longest_note_s": "off"}}).control.longest_note_s is None
    assert make_config({}).control.longest_note_s == 600.0


# the continuation and the tempo


@pytest.mark.parametrize("field", ["low", "high"])
def test_the_continuations_pitches_are_those_of_its_net(field):
    for wrong in (23, 102, "C4", None):
        assert f"[continue] {field} is {wrong!r}" in refused({"continue": {field: wrong}})


def test_the_continuations_pitches_are_at_least_an_octave():
    assert make_config({"continue": {"low": 60, "high": 71}}).continuation.manner.low == 60
    assert "60..70" in refused({"continue": {"low": 60, "high": 70}})


@pytest.mark.parametrize("field, wrong, words", [("mode", "on", ("off", "answer", "endless", "duet")), ("mode", ["off"], ("off",)),
                                                 ("key", "H", ("auto", "Bbm")), ("key", 3, ("auto",)), ("model", "", ("text",))])
def test_modes_and_keys_are_those_that_exist(field, wrong, words):
    message = refused({"continue": {field: wrong}})
    assert f"[continue] {field} is {wrong!r}" in message
    assert all(word in message for word in words)


def test_the_continuation_at_start_is_a_manner_as_it_is_by_default():
    assert Config().continuation.manner == Manner()
    manner = make_config({"continue": {"mode": "duet", "key": "Bbm", "density": 2, "high": 80}}).continuation.manner
    assert manner == Manner(mode="duet", key="Bbm", density=2.0, high=80)


def test_the_tempos_range_is_the_transports():
    assert BPM == next((low, high) for section, field, low, high in RANGES if field == "bpm")


@pytest.mark.parametrize("text, metre", [("4/4", (4, 4)), ("3/4", (3, 4)), ("6/8", (6, 8)), ("7/16", (7, 16)), ("2/2", (2, 2))])
def test_a_metre_is_beats_and_unit(text, metre):
    assert make_config({"tempo": {"metre": text}}).tempo.beats_unit == metre


@pytest.mark.parametrize("wrong", ["5/4", "12/8", "0/4", "4/5", "4", "4/", "/4", "-3/4", "3/4/4", "three four", "4/0", "3.5/4"])
def test_any_other_metre_is_refused_and_the_legal_ones_named(wrong):
    message = refused({"tempo": {"metre": wrong}})
    assert wrong in message and "1/4 to 4/4" in message


def test_where_takes_are_kept_is_a_text_and_whether_one_begins_at_once_true_or_false():
    assert make_config({"record": {"folder": "takes"}}).record.at_start is False
    for wrong in ({"at_start": 1}, {"at_start": "yes"}, {"folder": 3}, {"folder": ""}):
        assert next(iter(wrong)) in refused({"record": wrong})


def test_link_is_true_or_false():
    assert make_config({"tempo": {"link": True}}).tempo.link is True
    for wrong in (1, "yes", None):
        assert "link" in refused({"tempo": {"link": wrong}})


# files and flags


def saved(folder, text: str) -> str:
    path = folder / "live.toml"
    path.write_text(text)
    return str(path)


def test_a_toml_file_is_read(tmp_path):
    path = saved(tmp_path, '[model]\nname = "cello"\ntemperature = 1\n'
                           '[audio]\nlatency_ms = 12.5\n[control]\nmidi = ["A", "B"]\n')
    config = load_config(path, {})
    assert (config.model.name, config.model.temperature) == ("cello", 1.0)
    assert (config.audio.latency_ms, config.control.midi) == (12.5, ("A", "B"))
    assert config.audio.period_frames == Config().audio.period_frames


def test_flags_win_over_the_file_and_absent_flags_do_not_count(tmp_path):
    path = saved(tmp_path, '[model]\nname = "cello"\nseed = 7\n')
    config = load_config(path, {"model": {"name": "flute", "seed": None}, "audio": {"gain_db": -3.0}})
    assert (config.model.name, config.model.seed, config.audio.gain_db) == ("flute", 7, -3.0)


def test_a_flag_of_zero_counts(tmp_path):
    path = saved(tmp_path, "[model]\nseed = 7\ntemperature = 1.0\n")
    config = load_config(path, {"model": {"seed": 0, "temperature": 0.0}})
    assert (config.model.seed, config.model.temperature) == (0, 0.0)


def test_a_flag_can_take_back_what_the_file_decided(tmp_path):
    path = saved(tmp_path, "[audio]\nlatency_ms = 30\nrate_hz = 44100\n")
    assert load_config(path, {"audio": {"latency_ms": "auto", "rate_hz": "auto"}}) == Config()


def test_flags_are_checked_like_the_file():
    with pytest.raises(ConfigError, match=r"temperature is 3.0; it must be a number in 0.0..2.0"):
        load_config(None, {"model": {"temperature": 3.0}})


@pytest.mark.parametrize("text", ["[model", "name == 3", '[model]\nname = "a"\nname = "b"\n', "\0", 'name = "flute"\n',
                                  "[[audio]]\ngain_db = 1\n", "model = 3\n"])
def test_a_file_that_is_no_configuration_is_named(tmp_path, text):
    path = saved(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert path in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "live.toml"
    path.write_bytes(b"[model]\nname = \"\xff\xfe\"\n")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(str(path), {})


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            load_config(str(path), {})


def test_a_config_comes_back_from_json_equal():
    for config in (Config(), make_config({"model": {"name": "cello", "engine": "onnx", "seed": 2**63 - 1,
                                                    "temperature": 1.25},
                                          "audio": {"output": "file:a \"b\".wav", "rate_hz": 44_100, "latency_ms": 3},
                                          "control": {"midi": ["Käys", "none"], "osc": "0.0.0.0:1", "midi_out": "DAW",
                                                      "allow": ["10.0.0.0/8", "::1"], "longest_note_s": "off"},
                                          "continue": {"mode": "answer", "low": 30, "key": "Eb minor", "seed": 9},
                                          "tempo": {"bpm": 90, "metre": "6/8", "link": True},
                                          "log": {"level": "debug", "file": "a.log", "format": "text", "keep": 9},
                                          "record": {"folder": "takes", "at_start": True}})):
        assert make_config(json.loads(config.to_json())) == config


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError):
        Config().model.name = "other"
