"""Is there sound on the JACK server of now? Prints JSON: the level of what a daemon plays.

    python -m tests.soak.listen SECONDS

For a process whose own libjack has seen a server die, and can no longer be trusted to hear.
"""

from __future__ import annotations

import json
import sys

from tests.bench.jack_meter import Meter
from tests.scenario.hearing import level


def main(seconds: float) -> None:
    meter = Meter(midi=False)
    print(json.dumps({"level": round(level(meter.take([], seconds).audio), 4)}))
    meter.close()


if __name__ == "__main__":
    main(float(sys.argv[1]))
