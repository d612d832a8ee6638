"""What the page must know of the OSC addresses, as a JavaScript module that the server makes: no range is written twice."""

from __future__ import annotations

import json

from livewave import __version__
from livewave.control.osc_addresses import ADDRESSES, Address
from livewave.control.osc_reports import IN_STATUS, REPORTS, SPECTRUM_BANDS, SPECTRUM_DB, SPECTRUM_HZ
from livewave.control.osc_voices import ROWS, VOICE

VOICE_STATE = [argument.name for argument in REPORTS["/livewave/voice.reply"].arguments[1:]]  # after its number


def tables() -> str:
    spectrum = {"bands": SPECTRUM_BANDS, "low_hz": SPECTRUM_HZ[0], "high_hz": SPECTRUM_HZ[1], "low_db": SPECTRUM_DB[0], "high_db": SPECTRUM_DB[1]}
    rows = {**ADDRESSES, **{row.path: row for row in ROWS}}
    constants = {"VERSION": __version__, "ADDRESSES": {path: _row(row) for path, row in rows.items()}, "SPECTRUM": spectrum,
                 "VOICE": VOICE, "VOICE_STATE": VOICE_STATE}
    lines = [f"export const {name} = {json.dumps(value, allow_nan=False)};" for name, value in constants.items()]
    return "\n".join(["// Made by livewave/panel/tables.py.", *lines, ""])


def _row(row: Address) -> dict[str, object]:
    """`status` names where the values stand in the status (of a voice: in its own), one for each argument; empty where they do not."""
    own = row.path.removeprefix(f"{VOICE}/N/")
    status = (own,) if own in VOICE_STATE else IN_STATUS.get(row.path, ())
    arguments = [{"name": argument.name, "tag": argument.tag, "low": argument.low, "high": argument.high, "unit": argument.unit,
                  "choices": argument.choices} for argument in row.arguments if not argument.optional]
    return {"meaning": row.meaning, "arguments": arguments, "status": status}
