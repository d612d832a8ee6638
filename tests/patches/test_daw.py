"""The session for Reaper. No Reaper runs here: it is held against the format as its users describe it."""

from __future__ import annotations

from pathlib import Path

DAW = Path(__file__).parents[2] / "patches" / "daw"
# token -> how many values it has, of those that the file uses
TOKENS = {"TEMPO": 3, "SAMPLERATE": 3, "NAME": 1, "VOLPAN": 5, "MUTESOLO": 3, "NCHAN": 1, "MIDIOUT": 1, "MAINSEND": 2, "REC": 8}
STEREO_PAIR = 1024  # of inputs; added to the number of the first, from 0
ARMED, MONITORED = "1", "1"


def chunks(lines: list[str]) -> list:
    """[name and values, children ...]; a line is a list of words, a chunk a list whose first is its head."""
    found: list = []
    open_chunks = [found]
    for line in lines:
        words = line.split()
        if words[0].startswith("<"):
            chunk = [[words[0][1:], *words[1:]]]
            open_chunks[-1].append(chunk)
            open_chunks.append(chunk)
        elif words == [">"]:
            open_chunks.pop()
        else:
            open_chunks[-1].append(words)
    assert open_chunks == [found], "a chunk is not closed"
    return found


def test_the_session_for_reaper_has_its_tracks_and_every_token_its_values():
    ((head, *parts),) = chunks((DAW / "livewave.rpp").read_text(encoding="ascii").splitlines())
    assert head[:2] == ["REAPER_PROJECT", "0.1"]
    plain = [part for part in parts if isinstance(part[0], str)]
    tracks = [part[1:] for part in parts if not isinstance(part[0], str) and part[0][0] == "TRACK"]
    for words in [*plain, *(words for track in tracks for words in track)]:
        assert len(words) - 1 == TOKENS[words[0]], words
    named = {words[1]: {words[0]: words[1:] for words in track} for track in tracks for words in track if words[0] == "NAME"}
    assert list(named) == ["NOTES", "LIVEWAVE", "GENERATED"]
    armed, source, monitored, *_ = named["LIVEWAVE"]["REC"]
    assert (armed, int(source), monitored) == (ARMED, STEREO_PAIR, MONITORED)


def test_every_page_is_found_from_the_index_and_names_what_there_is():
    index = (DAW.parent / "README.md").read_text(encoding="utf-8")
    for page in DAW.glob("*.md"):
        assert f"daw/{page.name}" in index
        text = page.read_text(encoding="utf-8")
        assert all((DAW / name).exists() for name in ("livewave.rpp", "livewave.lua") if name in text)
