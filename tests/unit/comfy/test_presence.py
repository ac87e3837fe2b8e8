"""When a prompt's absence from its server is believed."""

from orchestrator.comfy.presence import Presence

LATE = 30.0


def test_nothing_is_lost_that_was_not_sent() -> None:
    presence = Presence()
    assert not any(presence.miss(now, 0.0, LATE) for now in range(100))


def test_what_the_server_had_is_lost_at_the_second_look() -> None:
    presence = Presence()
    presence.confirm(0.5)
    assert [presence.miss(1.0, 0.0, LATE), presence.miss(2.0, 0.0, LATE)] == [False, True]


def test_seen_in_between_counts_anew() -> None:
    presence = Presence()
    presence.confirm(0.5)
    presence.miss(1.0, 0.0, LATE)
    presence.confirm(1.5)
    assert not presence.miss(2.0, 0.0, LATE)


def test_a_look_from_before_it_was_seen_says_nothing() -> None:
    presence = Presence()
    presence.suspect(0.0)
    presence.confirm(10.0)
    assert [presence.miss(looked, 0.0, LATE) for looked in (9.0, 11.0, 12.0)] == [
        False,
        False,
        True,
    ]


def test_an_unanswered_post_may_come_until_the_server_has_answered_for_long() -> None:
    presence = Presence()
    presence.suspect(100.0)
    assert not any(presence.miss(100.0 + second, 0.0, LATE) for second in range(31))
    assert presence.miss(131.0, 0.0, LATE)


def test_a_server_that_was_down_is_given_the_time_anew() -> None:
    presence = Presence()
    presence.suspect(100.0)
    presence.miss(140.0, 139.0, LATE)
    assert not presence.miss(160.0, 139.0, LATE)
    assert presence.miss(170.0, 139.0, LATE)
