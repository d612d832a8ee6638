"""Where what can be made again is kept, and that a file is there whole or not at all. More in test_choice.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from livewave.render.cache import cache_folder, write_whole


def test_the_cache_is_the_users_and_a_relative_path_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/path")
    assert cache_folder() == tmp_path / ".cache" / "livewave"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "livewave"


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder() is None


def test_a_file_is_replaced_whole_and_one_that_cannot_be_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "file"
    for data in (b"first", b"second"):
        write_whole(path, data)
        assert path.read_bytes() == data and list(path.parent.iterdir()) == [path]
    folder = tmp_path / "new" / "folder"
    folder.mkdir()
    with pytest.raises(OSError):
        write_whole(folder, b"third")
    assert sorted(path.parent.iterdir()) == [path, folder]
