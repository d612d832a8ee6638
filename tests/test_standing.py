from __future__ import annotations

from livewave.link import Command, Order
from livewave.standing import Standing


def test_it_tells_settings_then_bends_then_held_notes_then_what_is_to_come():
    standing, now_s = Standing(), 1.0
    past = lambda at_s: at_s <= now_s  # noqa: E731
    late, soon = Command(Order.STRIKE, 1.4, 62, 9), Command(Order.RELEASE, 1.2, 60)
    for command in (Command(Order.STRIKE, 0.5, 60, 80), Command(Order.STRIKE, 0.6, 61, 70), Command(Order.RELEASE, 0.7, 61),
                    Command(Order.BEND, 0.7, 60, value=0.5), Command(Order.GAIN_DB, value=-6.0), late, soon, Command(Order.HUSH)):
        standing.hear(command, past)
    assert standing.orders(past) == [Command(Order.GAIN_DB, value=-6.0), Command(Order.BEND, 0.0, 60, value=0.5),
                                     Command(Order.STRIKE, 0.0, 60, 80), soon, late]
    now_s = 1.3
    assert standing.orders(past)[2:] == [late]
    assert standing.bent


def test_reset_and_release_all_leave_nothing_held():
    standing = Standing()
    for end in (Command(Order.RESET), Command(Order.RELEASE_ALL)):
        standing.hear(Command(Order.STRIKE, 0.0, 60, 80), lambda at_s: True)
        standing.hear(end, lambda at_s: True)
        assert standing.orders(lambda at_s: True) == []
    assert not standing.bent
