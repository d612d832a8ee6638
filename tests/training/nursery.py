"""Runs of the training command in processes of their own, forked from one that has already loaded PyTorch.

    python -m tests.training.nursery    a JSON list [arguments, file for what it tells, kill_after_s, limit_bytes] a line;
                                        answers with the exit status
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The end that tests hold."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "tests.training.nursery"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._process.stdout.readline()  # everything is loaded

    def run(self, arguments: Sequence[str], told: Path, kill_after_s: float | None = None, limit_bytes: int | None = None) -> int:
        """Exit status of a run that writes into `told`; minus the signal that ended it.

        kill_after_s  SIGKILL after so long;  limit_bytes  no file may grow larger: what a full disk does
        """
        print(json.dumps([list(arguments), str(told), kill_after_s, limit_bytes]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve() -> None:
    import torch.utils.tensorboard  # noqa: F401  once, for all of them

    from training.train import main

    print("ready", flush=True)
    for line in sys.stdin:
        arguments, told, kill_after_s, limit_bytes = json.loads(line)
        child = os.fork()
        if not child:
            _become(main, arguments, told, limit_bytes)
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(child, signal.SIGKILL)  # nobody has waited for it: the number is its own, whether it lives or not
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(main: Callable[[list[str]], int], arguments: list[str], told: str, limit_bytes: int | None) -> None:
    with open(told, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if limit_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that the write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
