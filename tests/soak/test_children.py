from __future__ import annotations

import pytest

from tests.soak.children import NotMeasured, found_by


@pytest.fixture
def speaks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def speaks(text: str) -> str:
        (tmp_path / "speaker.py").write_text(f"print({text!r})")
        return "speaker"

    return speaks


@pytest.mark.parametrize("said", ['{"level": 0.1}', 'server gone\n{"level": 0.1}', '{"level": 0.1}\nfreed\n', '{\n "level": 0.1}'])
def test_figures_are_found_among_what_a_library_prints(speaks, said):
    assert found_by(speaks(said), seconds=1.0) == {"level": 0.1}


@pytest.mark.parametrize("said, reason", [("", "exit status 0"), ("first\nno server", "no server"), ('{"level"', '{"level"')])
def test_without_figures_the_last_words_are_the_reason(speaks, said, reason):
    with pytest.raises(NotMeasured, match=reason):
        found_by(speaks(said), seconds=1.0)
