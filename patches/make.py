"""Write the patches: their tables of addresses are those of livewave.control.

    python -m patches.make            write them
    python -m patches.make --check    fail when one is stale
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from patches import maxmsp, puredata

HERE = Path(__file__).parent


def files() -> Mapping[Path, str]:
    """Every file that is written here, and what is in it."""
    pd, package = HERE / "pd", HERE / "max" / "livewave"
    return {
        pd / "livewave.pd": str(puredata.abstraction()), pd / "livewave-help.pd": str(puredata.help_patch()), pd / "livewave-example.pd": str(puredata.example()),
        package / "package-info.json": maxmsp.package_info(), package / "patchers" / "livewave.maxpat": str(maxmsp.abstraction()),
        package / "patchers" / "livewave.midi.maxpat": str(maxmsp.midi_effect()), package / "help" / "livewave.maxhelp": str(maxmsp.help_patcher()),
        package / "examples" / "livewave-example.maxpat": str(maxmsp.example()),
        package / "docs" / "refpages" / "livewave.maxref.xml": maxmsp.reference_page(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = {path: text for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    for path, text in stale.items():
        if check:
            print(f"{path.relative_to(HERE.parent)} is stale: run python -m patches.make", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
