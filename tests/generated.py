"""Generated parts of README.md, between `<!-- name -->` and `<!-- /name -->`.

    python -m tests.generated           write them
    python -m tests.generated --check   fail when one is stale
"""

from __future__ import annotations

import sys
from pathlib import Path

from livewave.control.osc_addresses import address_table

README = Path(__file__).parent.parent / "README.md"


def insert(text: str, name: str, body: str) -> str:
    """`text` with `body` between the markers of `name`. Raises ValueError when it has no such markers."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"README.md has no {begin.strip()} ... {end}")
    return f"{head}{begin}{body}{end}{tail}"


def main(arguments: list[str]) -> int:
    text = README.read_text(encoding="utf-8")
    fresh = insert(text, "osc", address_table())
    if "--check" in arguments:
        if fresh != text:
            print("README.md is stale: run python -m tests.generated", file=sys.stderr)
        return int(fresh != text)
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
