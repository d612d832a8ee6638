"""SIGHUP: the configuration is read again, and what can be changed while playing is changed.

    SIGHUP -> Reload.ask -> thread "reload": read, check, compare -> events -> the daemon's queue

What a file changes counts, not what it says: a gain that was turned by OSC stays, unless the file has another one than before.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

from livewave import LivewaveError
from livewave.config import Config
from livewave.control.events import CONFIGURATION, Event, MetreSet, Setting, TempoSet
from livewave.logs import set_level
from livewave.music.biaxialfile import load_biaxial
from livewave.music.continuation import SETTINGS
from livewave.render.modelfile import load_model
from livewave.service import Service

log = logging.getLogger("livewave")

SECTIONS = {"continuation": "continue"}  # fields of Config whose name in a file is another one
NAME = ("model", "name")
VOICES = "voices"  # the field that is no section, but many
LIVE = {  # field of Config -> what of it can be changed while playing, in the order in which it is applied
    "log": ("level",),
    "audio": ("gain_db",),
    "model": ("temperature", "name"),
    "control": ("longest_note_s",),
    "tempo": ("bpm", "metre"),
    "continuation": ("temperature", "density", "low", "high", "key", "polyphony", "rest_beats", "mode"),
}


def check_models(config: Config) -> None:
    """Raises LivewaveError when a model that `config` names cannot be had."""
    for voice in config.ensemble:
        load_model(voice.model)
    load_biaxial(config.continuation.model)


def changes(old: Config, new: Config, at_s: float) -> tuple[list[Event], list[str]]:
    """The events that take a daemon from `old` to `new`, and the names of what only a restart can change."""
    differ = [place for place in _differences(old, new) if place != NAME or _is_one_model(old, new)]
    events = [event for section, names in LIVE.items() for name in names if (section, name) in differ
              for event in _events(section, name, new, at_s)]
    return list(dict.fromkeys(events)), [_name(*place) for place in differ if not _live(*place)]


def applied(old: Config, new: Config) -> Config:
    """`old`, with what can be changed while playing as in `new`."""
    return dataclasses.replace(old, **{
        section: dataclasses.replace(getattr(old, section), **{name: getattr(getattr(new, section), name) for name in names
                                                               if (section, name) != NAME or _is_one_model(old, new)})
        for section, names in LIVE.items()})


def _is_one_model(old: Config, new: Config) -> bool:
    """Whether a model's name says who plays: with voices it does not, and who has become them waits for a restart."""
    return not (old.voices or new.voices)


def _differences(old: Config, new: Config) -> Iterator[tuple[str, str]]:
    for section in dataclasses.fields(Config):
        before, after = getattr(old, section.name), getattr(new, section.name)
        if section.name == VOICES:
            yield from [(VOICES, "")] if before != after else []
            continue
        yield from ((section.name, field.name) for field in dataclasses.fields(before)
                    if getattr(before, field.name) != getattr(after, field.name))


def _live(section: str, name: str) -> bool:
    return name in LIVE.get(section, ())


def _name(section: str, name: str) -> str:
    if section == VOICES:
        return "[[voice]]"
    return f"[{SECTIONS.get(section, section)}] {name}"


def _events(section: str, name: str, new: Config, at_s: float) -> list[Event]:
    value = getattr(getattr(new, section), name)
    match section, name:
        case "log", _:
            return []  # no event: the log is not the instrument's
        case "model", "name":
            return [Setting(at_s, CONFIGURATION, "model", value)]
        case "tempo", "bpm":
            return [TempoSet(at_s, CONFIGURATION, value)]
        case "tempo", "metre":
            return [MetreSet(at_s, CONFIGURATION, *new.tempo.beats_unit)]
        case "continuation", ("low" | "high"):
            return [Setting(at_s, CONFIGURATION, SETTINGS + "range", (new.continuation.low, new.continuation.high))]
        case "continuation", _:
            return [Setting(at_s, CONFIGURATION, SETTINGS + name, value)]
    return [Setting(at_s, CONFIGURATION, name, value)]


class Reload:
    """Reads the configuration again, whenever that is asked for, and while others play.

    reread  the configuration as it is now; raises LivewaveError. None: there is no file
    put     takes the events

    Threads: `ask` any, a signal's handler too; `watch` the daemon's; the reading has one of its own. Never raises.
    """

    def __init__(self, config: Config, reread: Callable[[], Config] | None, put: Callable[[Event], object], service: Service) -> None:
        self._config, self._reread, self._put, self._service = config, reread, put, service
        self._asked = False
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        self._asked = True

    def watch(self) -> None:
        """Begin to read, if that was asked for and the last time is over."""
        if self._asked and (self._thread is None or not self._thread.is_alive()):
            self._asked = False
            self._thread = threading.Thread(target=self._run, name="reload", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        self._service.reloading()
        try:
            self._read()
        except LivewaveError as error:
            log.warning("the configuration is not taken: %s; everything goes on as it was", error)
        except Exception:  # ours; playing goes on
            log.exception("the configuration could not be read again; everything goes on as it was")
        finally:
            self._service.reloaded()

    def _read(self) -> None:
        if self._reread is None:
            log.warning("there is no configuration to read again: livewave was started without --config")
            return
        old, new = self._config, self._reread()
        if (old.model.name, old.continuation.model) != (new.model.name, new.continuation.model):
            check_models(new)
        events, restart = changes(old, new, time.monotonic())
        for event in events:
            self._put(event)
        set_level(new.log.level)
        self._config = applied(old, new)
        told = ", ".join(_name(*place) for place in _differences(old, self._config)) or "nothing"
        if restart:
            log.warning("configuration read again: %s changed; only a restart changes %s", told, ", ".join(restart))
        else:
            log.info("configuration read again: %s changed", told)


def on_hangup(reload: Callable[[], None], stop: Callable[[], None]) -> None:
    """From now on SIGHUP calls `reload`; but `stop` where it came because the terminal was closed that livewave was started in.

    Where SIGHUP was ignored (nohup), no terminal counts. Thread: main.
    """
    if not hasattr(signal, "SIGHUP"):  # Windows
        return
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    terminals = [] if ignored else [stream for stream in (0, 1, 2) if os.isatty(stream)]

    def hang_up(*_: object) -> None:
        closed = any(not os.isatty(stream) for stream in terminals)
        (stop if closed else reload)()

    signal.signal(signal.SIGHUP, hang_up)
