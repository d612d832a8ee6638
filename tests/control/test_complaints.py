from __future__ import annotations

import logging

from livewave.control.complaints import Complaints


def test_the_first_is_logged_then_at_most_one_a_second_and_all_are_counted(caplog) -> None:
    moments = iter([0.0, 0.1, 0.9, 1.0, 1.5, 2.5])
    complaints = Complaints(logging.getLogger("test"), lambda: next(moments))
    with caplog.at_level(logging.WARNING, "test"):
        for name in "abcdef":
            complaints.add(name)
    assert complaints.count == 6
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["a", "d (and 2 more before it)", "f (and 1 more before it)"]
