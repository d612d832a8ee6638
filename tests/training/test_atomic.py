"""A file is there whole or as it was; and whoever may read the folder may read it."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from training.atomic import replace_file, write_whole


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "new" / "a.bin"
    for data in (b"first", b"second"):
        write_whole(path, data)
        assert path.read_bytes() == data and os.listdir(path.parent) == ["a.bin"]


def test_a_disk_that_is_full_leaves_the_old_file_and_its_errno(tmp_path, monkeypatch):
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_whole(tmp_path / "a.bin", b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError) as caught:
        replace_file(tmp_path / "a.bin", lambda file: file.write(b"new"))
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "a.bin").read_bytes() == b"old" and os.listdir(tmp_path) == ["a.bin"]


def test_what_is_written_may_be_read_as_the_user_lets_files_be_read(tmp_path):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "report.md", b"for all")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.md").stat().st_mode) == 0o644
