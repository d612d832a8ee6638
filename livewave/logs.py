"""Log lines: short ones on the terminal, and structured ones in a file that is rotated.

    anybody's log.info(...) -> queue -> thread "log" -> terminal, LogFile

Whoever logs never waits: a terminal that is held (Ctrl-S) or a disk that is slow would hold the notes too. What cannot be
written is left out and counted.
"""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from logging.handlers import QueueHandler, RotatingFileHandler
from pathlib import Path

from livewave import ConfigError, LivewaveError, __version__
from livewave.config import LogConfig

log = logging.getLogger("livewave")

WAITING_LINES = 10_000
LAST_LINES_S = 1.0  # what waits at the end is written for so long at most
ON_TERMINAL = "on_terminal"  # attribute of a record: False keeps it out of there
# What a line may not hold as it is: others could move the cursor of the player's terminal, or forge lines.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029)}


def one_line(text: str) -> str:
    return text.translate(_CONTROLS)


class TerminalFormatter(logging.Formatter):
    """The message, and nothing else; below it a traceback, where there is one."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return one_line(record.message)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO 8601), level, logger, message, and the traceback as `error`, where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return one_line(json.dumps(line, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """The same, for eyes and grep: time level logger: message, each record one line."""

    def format(self, record: logging.LogRecord) -> str:
        error = f" | {self.formatException(record.exc_info)}" if record.exc_info else ""
        return one_line(f"{_time(record)} {record.levelname.lower():7} {record.name}: {record.getMessage()}{error}")


FORMATTERS = {"json": JsonFormatter, "text": TextFormatter}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


class _WholeLines(io.FileIO):
    """Appends; what a full disk takes only a part of is taken back, so that no line is torn."""

    def write(self, data: bytes) -> int:
        end_bytes, done_bytes = self.seek(0, os.SEEK_END), 0
        try:
            while done_bytes < len(data):
                done_bytes += super().write(memoryview(data)[done_bytes:])
        except OSError:
            self.truncate(end_bytes)
            raise
        return done_bytes


class LogFile(RotatingFileHandler):
    """The file at `path`; beyond size_mb it becomes PATH.1, that PATH.2, and so on up to `keep`.

    lost      lines that could not be written so far
    complain  is told once in which file and why; the file itself tells how many lines it lacks, when it takes some again

    Threads: one; `lost` may be read by any. Raises ConfigError when it cannot be begun, afterwards nothing.
    """

    def __init__(self, config: LogConfig, complain: Callable[[str], None]) -> None:
        self.lost = self._lost_before = 0
        self._complain: Callable[[str], None] | None = complain
        path = Path(config.file).expanduser()
        try:
            if path.exists() and not path.is_file():
                raise OSError(errno.EINVAL, "it is there, and no file")
            super().__init__(path, maxBytes=round(config.size_mb * 1e6), backupCount=config.keep, encoding="utf-8",
                             errors="backslashreplace")
            self.setFormatter(FORMATTERS[config.format]())
            self._write(f"livewave {__version__} begins, level {config.level}")
        except (OSError, ValueError) as error:  # the latter for what cannot be a path
            raise ConfigError(f"log file {one_line(config.file)}: {getattr(error, 'strerror', None) or error}; name a file in a folder "
                              "that is there and may be written, on a disk with room") from None

    def emit(self, record: logging.LogRecord) -> None:
        if self.lost > self._lost_before:
            self._mend()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        self.lost += 1
        if self._complain is not None:
            complain, self._complain = self._complain, None
            complain(f"log file {self.baseFilename}: {sys.exc_info()[1]}; its lines are lost until that is mended")

    def _mend(self) -> None:
        """Tell in the file what it lacks, if it can be written again."""
        with suppress(OSError):
            if self.stream is None or self.stream.closed:
                self.stream = self._open()
            self._write(f"{self.lost - self._lost_before} lines before this one are lost")
            self._lost_before = self.lost

    def _write(self, message: str) -> None:
        record = logging.LogRecord(__name__, logging.INFO, __file__, 0, message, (), None)
        self.stream.write(self.format(record) + self.terminator)

    def _open(self) -> io.TextIOWrapper:
        """Nothing is kept back: a line that was refused would be refused again when the file is closed."""
        return io.TextIOWrapper(_WholeLines(self.baseFilename, "a"), self.encoding, self.errors, write_through=True)


class _Hand(QueueHandler):
    """Hands records to a thread that gives them to `handlers`, with the message made of what its arguments are now."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__(queue.Queue(WAITING_LINES))
        self._handlers = handlers
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg, record.args = record.getMessage(), None
        return record

    def finish(self) -> None:
        """Write what waits, unless that takes longer than LAST_LINES_S."""
        with suppress(queue.Full):
            self.queue.put(None, timeout=LAST_LINES_S)
            self._thread.join(LAST_LINES_S)

    def _write(self) -> None:
        while (record := self.queue.get()) is not None:
            for handler in self._handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


def to_terminal() -> logging.Handler:
    """Let log lines go to standard error: what every command does. Once, in main."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter())
    handler.addFilter(lambda record: getattr(record, ON_TERMINAL, True))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return handler


def terminal() -> logging.StreamHandler | None:
    """What `to_terminal` made, while nothing else logs."""
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)), None)


def set_level(name: str) -> None:
    """From now on, lines of that level and above; of other people's libraries nothing below info."""
    level = logging.getLevelName(name.upper())
    log.setLevel(level)
    logging.getLogger().setLevel(max(level, logging.INFO))


@contextmanager
def logging_as(config: LogConfig) -> Iterator[None]:
    """Log as `config` says while inside: in a file too, if it names one; what ends it by an exception is in the file.

    Raises ConfigError when the file cannot be had.
    """
    root = logging.getLogger()
    before, levels, loud = list(root.handlers), (log.level, root.level), logging.raiseExceptions
    file = [] if config.file == "none" else [LogFile(config, lambda line: log.error("%s", line))]
    hand = _Hand([*before, *file])
    root.handlers[:] = [hand]
    set_level(config.level)
    logging.raiseExceptions = False  # a line that cannot be written is no reason for a traceback
    try:
        yield
    except Exception as error:
        ours = isinstance(error, LivewaveError)
        log.error("%s", error if ours else "livewave fails", exc_info=None if ours else error, extra={ON_TERMINAL: False})
        raise
    finally:
        log.info("livewave ends", extra={ON_TERMINAL: False})
        root.handlers[:] = before
        hand.finish()
        log.setLevel(levels[0])
        root.setLevel(levels[1])
        logging.raiseExceptions = loud
        for handler in file:
            handler.close()


def say(line: str) -> None:
    """Print `line`, which the log file has too."""
    print(line, flush=True)
    log.info("%s", line, extra={ON_TERMINAL: False})
