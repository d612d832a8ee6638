"""livewave with threads in its control process that keep the interpreter busy.

    python -m tests.soak.launch THREADS SECONDS run --audio null ...
"""

from __future__ import annotations

import sys
import threading

from tests.soak.load import hogs

STARTED_S = 3.0  # by then it is ready; what it is to suffer is a busy interpreter while it plays


def hogged(threads: int, seconds: float):
    """What makes such a command line, for tests.scenario.daemon."""
    return lambda *arguments: [sys.executable, "-m", "tests.soak.launch", str(threads), str(seconds), *arguments]


def main(arguments: list[str]) -> None:
    threads, seconds, *rest = arguments
    sys.argv[1:] = rest
    hogging = threading.Timer(STARTED_S, hogs, (int(threads), float(seconds)))
    hogging.daemon = True
    hogging.start()
    from livewave.__main__ import main as livewave

    sys.exit(livewave())


if __name__ == "__main__":
    main(sys.argv[1:])
